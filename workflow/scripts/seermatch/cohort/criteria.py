"""Who is in the study: typed fields, ordered criteria, and what each takes away.

One list of criteria both filters and counts, so that the flow chart cannot drift from the cohort.
"""

import re
from dataclasses import dataclass

import polars as pl

from seermatch.errors import StudyError
from seermatch.seer.fields import seer_fields
from seermatch.seer.spelling import NUMBERS, standardize
from seermatch.variables.printed import NOT_APPLIED


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
        As `CohortFilter.records`.
    attrition : polars.DataFrame
        As `CohortFilter.attrition` returns it.
    not_applied : tuple of str
        As `CohortFilter.not_applied`.
    """

    records: pl.DataFrame
    attrition: pl.DataFrame
    not_applied: tuple[str, ...]


@dataclass(frozen=True)
class CohortFilter:
    """Ordered criteria set up for an export, whose records need not fit into memory.

    `collect` keeps the result in memory. Else sink `records` into a file and collect `counts` in
    one `polars.collect_all`, which passes over the records once.

    Attributes
    ----------
    records : polars.LazyFrame
        The records that stay, with typed fields and the column `group` (0 reference, 1 exposed).
    counts : polars.LazyFrame
        What `attrition` needs.
    not_applied : tuple of str
        A sentence for each criterion that was left out because its field is not exported.
    """

    records: pl.LazyFrame
    counts: pl.LazyFrame
    not_applied: tuple[str, ...]
    _words: list[str]
    _exposure: Exposure
    _labels: pl.LazyFrame

    def attrition(self, counts: pl.DataFrame) -> pl.DataFrame:
        """Count what each criterion takes away.

        Parameters
        ----------
        counts : polars.DataFrame
            `counts`, collected.

        Returns
        -------
        polars.DataFrame
            Columns `year`, `registry`, `step`, `criterion`, `remaining`, `remaining_reference`
            and `remaining_exposed`, one row per year of diagnosis, registry (missing where not
            exported) and step; step 0 are all records. A criterion that was not applied says so.

        Raises
        ------
        StudyError
            If no record belongs to either group, or one that stays does not.
        """
        if len(counts) and counts["exposure"].null_count() == len(counts):
            _refuse_labels(self._labels.collect().to_series(), self._exposure)
        stays = counts.filter(pl.col("exposure").is_null(), pl.col("failed") >= len(self._words))
        if len(stays):
            raise StudyError(
                f"{stays['len'].sum():,} records meet every criterion but belong to neither group; "
                f"add the field exposure to a criterion in cohort.criteria."
            )
        return _attrition(counts, self._words)

    def collect(self) -> FilteredCohort:
        """Filter and count in memory; the errors are those of `attrition`."""
        counts, records = pl.collect_all([self.counts, self.records])
        return FilteredCohort(records, self.attrition(counts), self.not_applied)


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
        If a range is asked of a text field or a pattern of a number, or a pattern is none.

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
        conditions.append(column.str.contains(whole_label(rule["pattern"])))
    for bound in ("minimum", "maximum"):
        if bound in rule:
            if not numeric:
                raise StudyError(f"{field} is text; give labels or a pattern, not a {bound}.")
            limit = rule[bound]
            conditions.append(column >= limit if bound == "minimum" else column <= limit)
    return pl.all_horizontal(conditions).fill_null(False).alias(field)


def whole_label(pattern: str) -> str:
    """Give the regular expression that matches a whole label where a pattern does.

    Parameters
    ----------
    pattern : str
        Regular expression, as polars reads them (no look-around, no back-references).

    Returns
    -------
    str

    Raises
    ------
    StudyError
        If it is none.

    Examples
    --------
    >>> whole_label("T[12].*")
    '^(?:T[12].*)$'
    """
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        reason = re.search("^error: (.*)$", str(error), re.MULTILINE)[1]
        raise StudyError(f"the pattern {pattern!r} is no regular expression: {reason}.") from None
    return f"^(?:{pattern})$"


def of_registries(records: pl.LazyFrame, registries: list[str] | None) -> pl.LazyFrame:
    """Take the records of some registries.

    Parameters
    ----------
    records : polars.LazyFrame
        Records with canonical field names, as exported.
    registries : list of str or None
        Labels of `registry`; None takes all records.

    Returns
    -------
    polars.LazyFrame

    Raises
    ------
    StudyError
        If registries are asked for and the export does not tell them.

    Examples
    --------
    >>> rows = pl.LazyFrame({"registry": ["Utah", "Iowa"], "age": ["63", "41"]})
    >>> of_registries(rows, ["Iowa"]).collect().rows()
    [('Iowa', '41')]
    """
    if registries is None:
        return records
    if "registry" not in records.collect_schema().names():
        raise StudyError(
            "cohort.registries names registries, but the export has no column SEER registry. "
            "SEER Research exports cannot hold it, SEER Research Plus exports can; export it "
            "there, or set cohort.registries to null."
        )
    return records.filter(pl.col("registry").str.strip_chars().is_in(registries))


def without_impossible_months(records: pl.LazyFrame, last_year: int | None) -> pl.LazyFrame:
    """Take survival months that end after the database does as unknown.

    Parameters
    ----------
    records : polars.LazyFrame
        Standardized records (`seermatch.seer.spelling.standardize`).
    last_year : int or None
        Last year of the database; None changes nothing.

    Returns
    -------
    polars.LazyFrame

    Examples
    --------
    >>> rows = pl.LazyFrame({"year": [2021, 2021], "survival_months": [23, 24]})
    >>> without_impossible_months(rows, 2022).collect()["survival_months"].to_list()
    [23, None]
    """
    if last_year is None or "survival_months" not in records.collect_schema().names():
        return records
    months = pl.col("survival_months")
    possible = months <= (last_year - pl.col("year")) * 12 + 11
    return records.with_columns(pl.when(possible).then(months).alias("survival_months"))


def filter_cohort(
    records: pl.LazyFrame,
    criteria: list[dict],
    exposure: Exposure,
    years: list[int],
    last_year: int | None = None,
) -> CohortFilter:
    """Set up ordered criteria that filter the records of an export and count what each takes away.

    Parameters
    ----------
    records : polars.LazyFrame
        Records with canonical field names, as exported; they are standardized here.
    criteria : list of dict
        Each with ``criterion``, its words, and ``keep``, a mapping of fields to rules
        (`rule_expression`), all of which must hold. The field ``exposure`` takes the labels
        ``reference`` and ``exposed``. With ``any`` true one field that holds is enough, of those
        that are exported. With ``if_exported`` true the criterion is left out where the export
        lacks one of its fields, or, with ``any``, all of them.
    exposure : Exposure
        The two groups.
    years : list of int
        Years of diagnosis; records of other years are not counted.
    last_year : int, optional
        Last year of the database; survival months that end later count as unknown.

    Returns
    -------
    CohortFilter
        Records that stay, and counts per year, registry and step, not yet computed.

    Raises
    ------
    StudyError
        If the exposure or a criterion without ``if_exported`` names a field that the export
        lacks.

    Examples
    --------
    >>> rows = pl.LazyFrame(
    ...     {"year": ["2018"] * 3, "m_stage": ["M0", "M0(i+)", "M1"], "sex": ["Female"] * 3}
    ... )
    >>> found = filter_cohort(
    ...     rows,
    ...     [{"criterion": "staged", "keep": {"exposure": {"labels": ["reference", "exposed"]}}}],
    ...     Exposure("m_stage", ("M0",), ("M0(i+)",)),
    ...     [2018],
    ... ).collect()
    >>> found.attrition["remaining"].to_list(), len(found.records)
    ([3, 2], 2)
    """
    records = without_impossible_months(standardize(records), last_year)
    fields = records.collect_schema().names()
    _require(fields, [exposure.field, "year"], "the exposure")
    records = records.filter(pl.col("year").is_in(years)).with_columns(
        exposure.arm().alias("exposure")
    )
    words, not_applied = ["records"], []
    # The number of the first criterion that a record fails; one past the last if it fails none.
    failed = pl.lit(len(criteria) + 1, dtype=pl.Int16)
    for step, criterion in reversed(list(enumerate(criteria, start=1))):
        name = criterion["criterion"]
        keep, missing = exported_rules(criterion, [*fields, "exposure"])
        if missing:
            words.insert(1, name + NOT_APPLIED)
            not_applied.insert(0, _tell_not_applied(name, missing))
            continue
        words.insert(1, name)
        together = pl.any_horizontal if criterion.get("any") else pl.all_horizontal
        holds = together(
            [rule_expression(field, rule, field in NUMBERS) for field, rule in keep.items()]
        )
        failed = pl.when(~holds).then(pl.lit(step, dtype=pl.Int16)).otherwise(failed)
    records = records.with_columns(failed.alias("failed"))
    registry = "registry" if "registry" in fields else pl.lit(None, pl.String).alias("registry")
    group = (pl.col("exposure") == "exposed").cast(pl.Int8).alias("group")
    stay = records.filter(pl.col("failed") > len(criteria)).with_columns(group)
    return CohortFilter(
        records=stay.drop("failed", "exposure"),
        counts=records.group_by("year", registry, "exposure", "failed").len(),
        not_applied=tuple(not_applied),
        _words=words,
        _exposure=exposure,
        _labels=records.select(exposure.field),
    )


def exported_rules(criterion: dict, fields: list[str]) -> tuple[dict, list[str]]:
    """Give the rules of a criterion that an export can be asked.

    Parameters
    ----------
    criterion : dict
        As in `filter_cohort`.
    fields : list of str
        Fields that the export holds, and ``exposure``.

    Returns
    -------
    rules : dict
        Field to rule.
    missing : list of str
        The fields for want of which the criterion is left out; empty where it applies.

    Raises
    ------
    StudyError
        If a field is missing and the criterion has to be applied.

    Examples
    --------
    >>> nodes = {"criterion": "nodes examined", "if_exported": True, "any": True,
    ...          "keep": {"eod_regional_nodes": {"labels": ["070"]}, "n_nodes": {"minimum": 1}}}
    >>> exported_rules(nodes, ["eod_regional_nodes"])
    ({'eod_regional_nodes': {'labels': ['070']}}, [])
    """
    keep = criterion["keep"]
    missing = [field for field in keep if field not in fields]
    if criterion.get("any") and len(missing) < len(keep):
        return {field: rule for field, rule in keep.items() if field in fields}, []
    if not criterion.get("if_exported"):
        _require(fields, keep, f"the criterion '{criterion['criterion']}'")
    return keep, missing


def _tell_not_applied(name: str, missing: list[str]) -> str:
    known = seer_fields()
    variables = [known[field].variable if field in known else field for field in missing]
    lacks = f"{', '.join(variables)} {'is' if len(missing) == 1 else 'are'} not exported"
    return f"warning: '{name}' is not applied: {lacks}"


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
    steps = pl.DataFrame(
        {"step": range(len(words)), "criterion": words},
        schema={"step": pl.Int32, "criterion": pl.String},
    )
    stays = pl.col("failed") > pl.col("step")
    n = pl.col("len").cast(pl.Int64)
    sums = {"remaining": n.filter(stays).sum()}
    for arm in ("reference", "exposed"):
        sums[f"remaining_{arm}"] = n.filter(stays & (pl.col("exposure") == arm)).sum()
    by = ["year", "registry", "step", "criterion"]
    table = counts.join(steps, how="cross").group_by(by)
    return table.agg(**sums).sort("year", "registry", "step")
