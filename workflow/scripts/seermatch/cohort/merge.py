"""One cohort from several exports: what may be joined, one tumor per patient, and the flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seermatch.cohort.recode import FURTHER
from seermatch.errors import StudyError
from seermatch.variables.printed import WHERE_EXPORTED

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class EligibleRecords:
    """Patients of the cohort and those who only lack a covariate.

    Attributes
    ----------
    records : polars.DataFrame
        One row per patient; `complete` tells those of the cohort.
    notes : tuple of str
        A sentence for each variable that the exports do not allow.
    """

    records: pl.DataFrame
    notes: tuple[str, ...]


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


def join_records(exports: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Put the eligible records of the exports one below the other.

    Parameters
    ----------
    exports : dict
        Name of the export to its recoded records (`seermatch.cohort.recode.recode`).

    Returns
    -------
    polars.DataFrame
        All records, with the column `export`; with `registry` only if every export that has
        eligible records tells it of each.

    Examples
    --------
    >>> rows = pl.DataFrame({"age": [63], "registry": ["Utah"]})
    >>> join_records({"a": rows, "b": rows.drop("registry")}).columns
    ['age', 'export']
    """
    records = pl.concat(
        (rows.with_columns(pl.lit(name).alias("export")) for name, rows in exports.items()),
        how="diagonal",
    )
    if "registry" in records.columns and records["registry"].null_count():
        records = records.drop("registry")
    return records


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


def merge_eligible(exports: dict[str, pl.DataFrame], one_tumor: bool) -> EligibleRecords:
    """Join the exports, one tumor per patient; the complete rows are those of the cohort.

    Parameters
    ----------
    exports : dict
        Name of the export to its records (`seermatch.cohort.recode.recode`).
    one_tumor : bool
        Keep, of each patient, the complete record with the lowest record number; of a patient
        without one, the incomplete record with the lowest. Otherwise every record stays, and the
        incomplete ones get numbers of their own.

    Returns
    -------
    EligibleRecords
        Sorted by `patient_id`. A column of `FURTHER` is there only if every export with eligible
        records has it.

    Raises
    ------
    StudyError
        If a record has no patient number or is there twice, and `one_tumor` is asked for.

    Examples
    --------
    >>> rows = pl.DataFrame({"patient_id": ["2", "1", "2"], "record_number": [1, 1, 2],
    ...                      "complete": [False, False, True]})
    >>> merge_eligible({"a": rows}, one_tumor=True).records.rows()
    [('1', 1, False), ('2', 2, True)]
    """
    records = join_records(exports)
    told = [rows for rows in exports.values() if len(rows)]
    lost = [
        name
        for name in FURTHER
        if name in records.columns and not all(name in rows.columns for rows in told)
    ]
    notes = [f"{name}: left out, because not every export holds it" for name in lost]
    if one_tumor:
        refuse_overlap(records.drop_nulls("patient_id"))
    records = records.drop("export", *lost)
    cohort, others = records.filter("complete"), records.filter(~pl.col("complete"))
    if one_tumor:
        cohort = one_tumor_per_patient(cohort)
        others = one_tumor_per_patient(others.join(cohort, on="patient_id", how="anti"))
    else:
        cohort, others = every_tumor(cohort), every_tumor(others)
        number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(8)
        others = others.with_columns(pl.format("incomplete {}", number).alias("patient_id"))
    return EligibleRecords(pl.concat([cohort, others]).sort("patient_id"), tuple(notes))


def with_levels(records: pl.DataFrame, levels: Mapping[str, Sequence[str]]) -> "pa.Table":
    """Make a table in which pandas finds categories, with all their levels in order.

    Parameters
    ----------
    records : polars.DataFrame
        Merged records.
    levels : mapping
        Column to its levels (`seermatch.cohort.recode.levels_of`). Those of `registry`, where it is
        a column, are the registries that are there.

    Returns
    -------
    pyarrow.Table
        The same rows; missing values stay missing.

    Examples
    --------
    >>> rows = pl.DataFrame({"grade": ["III", None], "age": [63, 41]})
    >>> list(with_levels(rows, {"grade": ("I-II", "III")}).to_pandas()["grade"].cat.categories)
    ['I-II', 'III']
    """
    import pyarrow as pa

    levels = dict(levels)
    if "registry" in records.columns:
        levels["registry"] = sorted(records["registry"].unique())
    table = records.to_arrow(compat_level=pl.CompatLevel.oldest())
    for name, names in levels.items():
        codes = records[name].cast(pl.Enum(names)).to_physical().cast(pl.Int8).to_arrow()
        # by way of polars: given a list, Arrow would import pandas to look for its arrays
        column = pa.DictionaryArray.from_arrays(codes, pl.Series(names).to_arrow())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def combine_attrition(
    counts: pl.DataFrame,
    merged: pl.DataFrame | None,
    years: list[int],
    labels: tuple[str, str],
    registries: list[str] | None = None,
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
    registries : list of str, optional
        Registries that the study asks for; None for all.

    Returns
    -------
    polars.DataFrame
        Columns `step`, `criterion`, `remaining`, `excluded`, then `remaining_` and `excluded_`
        of the `reference` and the `exposed` group.

    Raises
    ------
    StudyError
        If a year or a registry has no record, or a criterion leaves a group empty.

    Examples
    --------
    >>> counts = pl.DataFrame(
    ...     {"year": [2018, 2018], "registry": ["Utah", "Utah"], "step": [0, 1],
    ...      "criterion": ["records", "female"], "remaining": [9, 7],
    ...      "remaining_reference": [6, 5], "remaining_exposed": [3, 2]}
    ... )
    >>> combine_attrition(counts, None, [2018], ("M0", "M0(i+)"))["excluded"].to_list()
    [0, 2]
    """
    known = set(counts["registry"].drop_nulls())
    if absent := sorted(set(registries or ()) - known):
        raise StudyError(
            f"cohort.registries: no record is of {', '.join(absent)}; write the registries as "
            f"the exports do. Found were {', '.join(sorted(known)) or 'none of them'}."
        )
    found = sorted(counts["year"].unique())
    if absent := sorted(set(years) - set(found)):
        raise StudyError(
            f"cohort.years: no record was diagnosed in {', '.join(map(str, absent))}; the exports "
            f"hold {', '.join(map(str, found)) or 'none of the years'}."
        )
    columns = ["remaining", "remaining_reference", "remaining_exposed"]
    flow = counts.group_by("step").agg(pl.col(columns).sum(), pl.col("criterion").unique())
    words = pl.col("criterion").map_elements(_words, return_dtype=pl.String)
    flow = flow.sort("step").select("step", words, *columns)
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


def _words(criteria: pl.Series) -> str:
    """Name a criterion; exports that lack its field and others call it differently."""
    if len(criteria) == 1:
        return criteria[0]
    return min(criteria, key=len) + WHERE_EXPORTED
