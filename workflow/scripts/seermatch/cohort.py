"""Who is in the study: typed fields, ordered criteria, and what each takes away.

One list of criteria both filters and counts, so that the flow chart cannot drift from the cohort.
"""

from dataclasses import dataclass

import polars as pl

from seermatch.errors import StudyError
from seermatch.standardize import NUMBERS, standardize


@dataclass(frozen=True)
class Exposure:
    """The field that tells the two groups apart, and the labels of each.

    Attributes
    ----------
    field : str
        Canonical name of the field, such as ``"m_stage"``.
    reference, exposed : tuple of str
        Labels of the field that make up each group.
    """

    field: str
    reference: tuple[str, ...]
    exposed: tuple[str, ...]

    def arm(self) -> pl.Expr:
        """Give ``"reference"``, ``"exposed"`` or null for each record."""
        field = pl.col(self.field)
        return (
            pl.when(field.is_in(self.reference))
            .then(pl.lit("reference"))
            .when(field.is_in(self.exposed))
            .then(pl.lit("exposed"))
        )


@dataclass(frozen=True)
class FilteredCohort:
    """Records that meet every criterion, and the counts on the way.

    Attributes
    ----------
    records : polars.DataFrame
        The records that stay, with typed fields and the column `group` (0 reference, 1 exposed).
    attrition : polars.DataFrame
        Columns `year`, `step`, `criterion`, `remaining`, `remaining_reference` and
        `remaining_exposed`, one row per year of diagnosis and step; step 0 are all records.
    """

    records: pl.DataFrame
    attrition: pl.DataFrame


def rule_expression(field: str, rule: dict, numeric: bool) -> pl.Expr:
    """Translate a rule of the configuration into a condition on a field.

    Parameters
    ----------
    field : str
        Canonical name of the field.
    rule : dict
        ``labels`` (a list), ``pattern`` (a regular expression for the whole label), or
        ``minimum`` and ``maximum``.
    numeric : bool
        Whether the field is a number.

    Returns
    -------
    polars.Expr
        True where the field meets the rule; missing values never do.

    Raises
    ------
    StudyError
        If a range is asked of a text field or a pattern of a number.

    Examples
    --------
    >>> rows = pl.DataFrame({"grade": ["1", "9", None]})
    >>> rows.select(rule_expression("grade", {"labels": [1, 2]}, numeric=False))["grade"].to_list()
    [True, False, False]
    """
    column = pl.col(field)
    conditions = []
    if "labels" in rule:
        labels = rule["labels"]
        try:
            wanted = [int(label) if numeric else str(label) for label in labels]
        except ValueError:
            raise StudyError(
                f"{field} is a number; a criterion or recode names the label {labels!r}."
            ) from None
        conditions.append(column.is_in(wanted))
    if "pattern" in rule:
        if numeric:
            raise StudyError(f"{field} is a number; give minimum and maximum, not a pattern.")
        conditions.append(column.str.contains(f"^(?:{rule['pattern']})$"))
    for bound in ("minimum", "maximum"):
        if bound in rule:
            if not numeric:
                raise StudyError(f"{field} is text; give labels or a pattern, not a {bound}.")
            limit = rule[bound]
            conditions.append(column >= limit if bound == "minimum" else column <= limit)
    return pl.all_horizontal(conditions).fill_null(False).alias(field)


def filter_cohort(
    records: pl.LazyFrame, criteria: list[dict], exposure: Exposure, years: list[int]
) -> FilteredCohort:
    """Apply ordered criteria to the records of an export, and count what each takes away.

    Parameters
    ----------
    records : polars.LazyFrame
        Records with canonical field names, as exported; they are standardized here.
    criteria : list of dict
        Each with ``criterion``, its words, and ``keep``, a mapping of fields to rules
        (`rule_expression`), all of which must hold. The field ``exposure`` takes the labels
        ``reference`` and ``exposed``.
    exposure : Exposure
        The two groups.
    years : list of int
        Years of diagnosis; records of other years are not counted.

    Returns
    -------
    FilteredCohort
        Records that stay, and counts per year and step.

    Raises
    ------
    StudyError
        If a criterion or the exposure names a field that the export lacks, or none of its records
        belongs to either group.

    Examples
    --------
    >>> rows = pl.LazyFrame(
    ...     {"year": ["2018"] * 3, "m_stage": ["M0", "M0(i+)", "M1"], "sex": ["Female"] * 3}
    ... )
    >>> kept = filter_cohort(
    ...     rows,
    ...     [{"criterion": "staged", "keep": {"exposure": {"labels": ["reference", "exposed"]}}}],
    ...     Exposure("m_stage", ("M0",), ("M0(i+)",)),
    ...     [2018],
    ... )
    >>> kept.attrition["remaining"].to_list()
    [3, 2]
    """
    records = standardize(records)
    fields = records.collect_schema().names()
    _require(fields, [exposure.field, "year"], "the exposure")
    records = records.filter(pl.col("year").is_in(years)).with_columns(
        exposure.arm().alias("exposure")
    )
    # The number of the first criterion that a record fails; one past the last if it fails none.
    failed = pl.lit(len(criteria) + 1, dtype=pl.Int16)
    for step, criterion in reversed(list(enumerate(criteria, start=1))):
        keep = criterion["keep"]
        _require([*fields, "exposure"], keep, f"the criterion '{criterion['criterion']}'")
        holds = pl.all_horizontal(
            [rule_expression(field, rule, field in NUMBERS) for field, rule in keep.items()]
        )
        failed = pl.when(~holds).then(pl.lit(step, dtype=pl.Int16)).otherwise(failed)
    records = records.with_columns(failed.alias("failed"))
    counts, kept = pl.collect_all(
        [
            records.group_by("year", "exposure", "failed").len(),
            records.filter(pl.col("failed") > len(criteria)),
        ]
    )
    if len(counts) and counts["exposure"].null_count() == len(counts):
        _refuse_labels(records.select(exposure.field).collect()[exposure.field], exposure)
    if (ungrouped := kept["exposure"].null_count()) > 0:
        raise StudyError(
            f"{ungrouped:,} records meet every criterion but belong to neither group; add the "
            f"field exposure to a criterion in cohort.criteria."
        )
    group = (pl.col("exposure") == "exposed").cast(pl.Int8).alias("group")
    return FilteredCohort(
        kept.with_columns(group).drop("failed", "exposure"),
        _attrition(counts, ["records", *(item["criterion"] for item in criteria)]),
    )


def _require(fields, wanted, who: str) -> None:
    missing = [name for name in wanted if name not in fields]
    if missing:
        raise StudyError(
            f"{who} needs {', '.join(missing)}, which the export does not hold; select the "
            f"variable in SEER*Stat and export again, or change cohort.criteria."
        )


def _refuse_labels(found: pl.Series, exposure: Exposure) -> None:
    labels = found.value_counts().sort(["count", exposure.field], descending=[True, False]).head(5)
    told = ", ".join(f"{label!r} ({count:,})" for label, count in labels.rows())
    wanted = ", ".join(repr(label) for label in (*exposure.reference, *exposure.exposed))
    raise StudyError(
        f"{exposure.field} holds none of the labels of the two groups ({wanted}) but {told}; "
        f"check the export and cohort.exposure."
    )


def _attrition(counts: pl.DataFrame, words: list[str]) -> pl.DataFrame:
    years = sorted(counts["year"].unique())
    rows = []
    for year in years:
        of_year = counts.filter(pl.col("year") == year)
        for step, criterion in enumerate(words):
            left = of_year.filter(pl.col("failed") > step)
            arms = [
                left.filter(pl.col("exposure") == arm)["len"].sum()
                for arm in ("reference", "exposed")
            ]
            rows.append((year, step, criterion, left["len"].sum(), *arms))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "year": pl.Int32,
            "step": pl.Int32,
            "criterion": pl.String,
            "remaining": pl.Int64,
            "remaining_reference": pl.Int64,
            "remaining_exposed": pl.Int64,
        },
    )


def one_submission(submissions: dict[str, str]) -> None:
    """Refuse exports of different submissions, whose patient numbers do not match.

    Parameters
    ----------
    submissions : dict
        Name of the export to its submission, such as ``"Nov 2024"``; empty where unknown.

    Raises
    ------
    StudyError
        If two exports come from different submissions.

    Examples
    --------
    >>> one_submission({"a.csv": "Nov 2024", "b.csv": "Nov 2024", "c.csv": ""})
    """
    known = {name: submission for name, submission in submissions.items() if submission}
    if len(set(known.values())) > 1:
        told = ", ".join(f"{name} ({submission})" for name, submission in known.items())
        raise StudyError(
            f"the exports come from different submissions: {told}. SEER numbers patients anew in "
            f"each, so one tumor per patient cannot be told; export all from one submission, or "
            f"set cohort.one_tumor_per_patient to false."
        )


def refuse_overlap(records: pl.DataFrame) -> None:
    """Refuse records that are there twice, as when two exports overlap.

    Parameters
    ----------
    records : polars.DataFrame
        Eligible records of all exports, with `patient_id`, `record_number` and `export`.

    Raises
    ------
    StudyError
        If two records share patient and record number; tells how many in which exports.

    Examples
    --------
    >>> rows = {"patient_id": ["1", "1"], "record_number": [1, 2], "export": ["a", "b"]}
    >>> refuse_overlap(pl.DataFrame(rows))
    """
    repeated = records.filter(pl.struct("patient_id", "record_number").is_duplicated())
    if len(repeated):
        counts = repeated["export"].value_counts().sort("export").rows()
        told = ", ".join(f"{count:,} in {export}" for export, count in counts)
        raise StudyError(
            f"{len(repeated):,} eligible records share patient and record number with another "
            f"({told}): exports overlap, or one is listed twice in the sheet of exports."
        )


def one_tumor_per_patient(records: pl.DataFrame) -> pl.DataFrame:
    """Keep, of each patient's records, the one with the lowest record number.

    Parameters
    ----------
    records : polars.DataFrame
        Eligible records of all exports, with `patient_id` and `record_number`.

    Returns
    -------
    polars.DataFrame
        One row per patient, sorted by `patient_id`.

    Raises
    ------
    StudyError
        If a record has no patient number.

    Examples
    --------
    >>> rows = pl.DataFrame({"patient_id": ["2", "1", "2"], "record_number": [2, 1, 1]})
    >>> one_tumor_per_patient(rows).rows()
    [('1', 1), ('2', 1)]
    """
    if nameless := records["patient_id"].null_count():
        raise StudyError(
            f"{nameless:,} eligible records have no Patient ID; export again, or set "
            f"cohort.one_tumor_per_patient to false."
        )
    records = records.sort("patient_id", "record_number")
    return records.unique("patient_id", keep="first", maintain_order=True)


def every_tumor(records: pl.DataFrame) -> pl.DataFrame:
    """Keep all records; number them anew where patient numbers are missing or repeated.

    Parameters
    ----------
    records : polars.DataFrame
        Eligible records of all exports, with `patient_id`.

    Returns
    -------
    polars.DataFrame
        The same rows, sorted by `patient_id`, of which each has one of its own. New numbers
        follow the content of the records, not their order.

    Examples
    --------
    >>> every_tumor(pl.DataFrame({"patient_id": [None, None], "age": [63, 41]})).rows()
    [('00000001', 41), ('00000002', 63)]
    """
    records = records.sort(records.columns)
    if records["patient_id"].null_count() or records["patient_id"].is_duplicated().any():
        number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(8)
        records = records.with_columns(number.alias("patient_id"))
    return records


def combine_attrition(
    counts: pl.DataFrame, merged: pl.DataFrame | None, years: list[int], labels: tuple[str, str]
) -> pl.DataFrame:
    """Add up the counts of all exports into the flow of the study.

    Parameters
    ----------
    counts : polars.DataFrame
        Attrition of all exports, one below the other (`FilteredCohort.attrition`).
    merged : polars.DataFrame or None
        Cohort after one tumor per patient, with `group`; None where that step is off.
    years : list of int
        Years of diagnosis that the study asks for.
    labels : tuple of str
        Names of the reference and the exposed group, for the messages.

    Returns
    -------
    polars.DataFrame
        Columns `step`, `criterion`, `remaining`, `excluded`, then `remaining_` and `excluded_`
        of the `reference` and the `exposed` group.

    Raises
    ------
    StudyError
        If a year has no record, or a criterion leaves a group empty.

    Examples
    --------
    >>> counts = pl.DataFrame(
    ...     {"year": [2018, 2018], "step": [0, 1], "criterion": ["records", "female"],
    ...      "remaining": [9, 7], "remaining_reference": [6, 5], "remaining_exposed": [3, 2]}
    ... )
    >>> combine_attrition(counts, None, [2018], ("M0", "M0(i+)"))["excluded"].to_list()
    [0, 2]
    """
    found = sorted(counts["year"].unique())
    if absent := sorted(set(years) - set(found)):
        raise StudyError(
            f"cohort.years: no record was diagnosed in {', '.join(map(str, absent))}; the exports "
            f"hold {', '.join(map(str, found)) or 'none of the years'}."
        )
    columns = ["remaining", "remaining_reference", "remaining_exposed"]
    flow = counts.group_by("step", "criterion").agg(pl.col(columns).sum()).sort("step")
    if merged is not None:
        exposed = int(merged["group"].sum())
        last = pl.DataFrame(
            [[flow.height, "one tumor per patient", len(merged), len(merged) - exposed, exposed]],
            orient="row",
            schema=flow.schema,
        )
        flow = flow.vstack(last)
    for arm, label in zip(("reference", "exposed"), labels, strict=True):
        empty = flow.filter(pl.col(f"remaining_{arm}") == 0)
        if len(empty):
            raise StudyError(
                f"no patient of the group {label} is left after step {empty['step'][0]}, "
                f"'{empty['criterion'][0]}'; check the labels in cohort.exposure and "
                f"cohort.criteria against the export."
            )
    for name in columns:
        excluded = (pl.col(name).shift(1) - pl.col(name)).fill_null(0)
        flow = flow.with_columns(excluded.alias(name.replace("remaining", "excluded")))
    arms = ["remaining_reference", "remaining_exposed", "excluded_reference", "excluded_exposed"]
    return flow.select("step", "criterion", "remaining", "excluded", *arms)
