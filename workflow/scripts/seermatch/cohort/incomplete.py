"""Patients who meet every criterion but for covariates that are not known.

The cohort leaves out whoever lacks a covariate. To say who they are, and to impute what they lack,
the same criteria are applied again: one on a covariate that fails only because its label stands
for an unknown value (`seermatch.seer.labels.missing_labels`) does not exclude, and the covariate
is missing in the result. A known value that fails (Tis, no tumor, 989 mm or more) still excludes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from seermatch.cohort.criteria import (
    Exposure,
    exported_rules,
    rule_expression,
    without_impossible_months,
)
from seermatch.cohort.merge import every_tumor, join_records, one_tumor_per_patient, refuse_overlap
from seermatch.cohort.recode import RECEPTORS, recode
from seermatch.seer.fields import seer_fields, sources_of
from seermatch.seer.labels import canonical_labels, missing_labels
from seermatch.seer.spelling import NUMBERS, standardize
from seermatch.variables.printed import EVENTS

# Age and year say who is asked about, so an unknown one excludes.
ALWAYS_KNOWN = frozenset({"age", "year"})
FIRST_PRIMARY = r"^(One primary only|1st of \d+ or more primaries)$"
RAW = "raw:"  # before the name of a column as exported
# Further columns, and the field behind each; an export need not hold it.
FURTHER = {"event_by_cause_of_death": "cod_site", "first_primary": "sequence_number"}


@dataclass(frozen=True)
class IncompleteRecords:
    """Recoded records of an export.

    Attributes
    ----------
    records : polars.DataFrame
        The columns of `seermatch.cohort.recode.recode`, covariates missing where not known;
        `complete`, whether the record meets every criterion as it is; and, where the export holds
        what they come from, the columns `FURTHER`.
    notes : tuple of str
        A sentence for each column that the export does not allow.
    """

    records: pl.DataFrame
    notes: tuple[str, ...]


def keep_incomplete(
    records: pl.LazyFrame,
    criteria: list[dict],
    exposure: Exposure,
    years: list[int],
    covariates: Sequence[str],
    recodes: dict[str, list[dict]],
    last_year: int | None = None,
) -> IncompleteRecords:
    """Apply the criteria to an export, and keep those who lack a covariate.

    Parameters
    ----------
    records : polars.LazyFrame
        Text columns under canonical names, labels as exported.
    criteria, exposure, years
        As in `seermatch.cohort.criteria.filter_cohort`, which must accept them.
    covariates : sequence of str
        Variables that may be unknown. Age and year may not; ER, PR and HER2 may where the subtype
        may, which is made of them, and the subtype where one of them may.
    recodes : dict
        As in `seermatch.cohort.recode.recode`.
    last_year : int, optional
        As in `seermatch.cohort.criteria.filter_cohort`.

    Returns
    -------
    IncompleteRecords

    Raises
    ------
    StudyError
        As `seermatch.cohort.recode.recode`.

    Examples
    --------
    >>> alive = ("Alive", "Alive or dead of other cause", "Alive or dead due to cancer")
    >>> outcome = dict(zip(("vital_status", "cause_specific", "other_cause"), alive))
    >>> rest = {"er": "Positive", "pr": "Positive", "her2": "Negative", "subtype": "HR+/HER2-"}
    >>> rows = pl.LazyFrame(
    ...     {"year": "2018", "m_stage": "M0", "age": "63 years", "tumor_size": "016",
    ...      "t_stage": label, "survival_months": "0012"} | outcome | rest
    ...     for label in ("T1c", "TX", "T0")
    ... )
    >>> staged = {"criterion": "T1-T4 known", "keep": {"t_stage": {"pattern": "T[1-4].*"}}}
    >>> kept = keep_incomplete(rows, [staged], Exposure("m_stage", ("M0",), ("M0(i+)",)), [2018],
    ...     ["t_stage"], {"t_stage": [{"level": "T1-T2", "pattern": "T[12].*"}]})
    >>> kept.records.select("t_stage", "complete").rows()
    [('T1-T2', True), (None, False)]
    >>> kept.notes[1]
    'first_primary: left out, because the export does not hold Sequence number'
    """
    names = records.collect_schema().names()
    typed = standardize(records.with_columns(pl.all().name.prefix(RAW)))
    typed = without_impossible_months(typed, last_year)
    fields = [*typed.collect_schema().names(), "exposure"]
    applied = [(c.get("any"), *exported_rules(c, fields)) for c in criteria]
    applied = [(any_is_enough, rules) for any_is_enough, rules, missing in applied if not missing]
    asked = {field for _, rules in applied for field in rules}
    unknown = sorted(_may_be_unknown(covariates) & asked)
    absent = _absent(records, {name: sources_of(name, names) for name in unknown})
    lacks = {name: pl.lit(False) for name in unknown}
    keeps = [pl.col("year").is_in(years)]
    for any_is_enough, rules in applied:
        together = pl.any_horizontal if any_is_enough else pl.all_horizontal
        holds = {name: rule_expression(name, rules[name], name in NUMBERS) for name in rules}
        fails = ~together(list(holds.values()))
        for name in holds.keys() & lacks.keys():
            lacks[name] |= fails & ~holds[name] & absent[name]
            holds[name] |= absent[name]
        keeps.append(together(list(holds.values())))
    kept = (
        typed.with_columns(exposure.arm().alias("exposure"))
        .filter(pl.all_horizontal(keeps))
        .with_columns((pl.col("exposure") == "exposed").cast(pl.Int8).alias("group"))
        .with_columns(
            *(pl.when(~missing).then(pl.col(name)).alias(name) for name, missing in lacks.items()),
            complete=~pl.any_horizontal(pl.lit(False), *lacks.values()),
        )
        .select(pl.exclude(f"^{RAW}.*$"))
        .collect()
    )
    recoded = recode(kept, recodes, unknown).with_columns(kept["complete"])
    found = [name for name, field in FURTHER.items() if field in names]
    recoded = recoded.with_columns(kept[FURTHER[name]] for name in found)
    recoded = recoded.with_columns(_further()[name].alias(name) for name in found)
    notes = [
        f"{name}: left out, because the export does not hold {seer_fields()[field].variable}"
        for name, field in FURTHER.items()
        if name not in found
    ]
    return IncompleteRecords(recoded.drop(FURTHER[name] for name in found), tuple(notes))


def _may_be_unknown(covariates: Sequence[str]) -> set[str]:
    """Name the fields that may be unknown; the subtype is made of the receptors."""
    names = set(covariates) - ALWAYS_KNOWN
    if "subtype" in names:
        return names.union(RECEPTORS)
    return names | {"subtype"} if names & set(RECEPTORS) else names


def _absent(records: pl.LazyFrame, sources: dict[str, list[str]]) -> dict[str, pl.Expr]:
    """Give for each field the condition that none of its columns holds a known value."""
    columns = sorted({column for found in sources.values() for column in found})
    stripped = [pl.col(column).str.strip_chars().unique().implode() for column in columns]
    labels = records.select(stripped).collect().row(0, named=True) if columns else {}
    unknown = {}
    for column in columns:
        spelled = canonical_labels(seer_fields()[column], labels[column])
        standing_for_it = [x for x in spelled if spelled[x] in missing_labels(column)]
        raw = pl.col(f"{RAW}{column}")
        unknown[column] = raw.is_null() | raw.is_in(standing_for_it)
    return {
        name: pl.all_horizontal([unknown[column] for column in found])
        for name, found in sources.items()
    }


def _further() -> dict[str, pl.Expr]:
    """Give the columns `FURTHER`, from their fields and the recoded event."""
    censored, breast, other = EVENTS
    cause, sequence = pl.col("cod_site"), pl.col("sequence_number")
    alive, untold = pl.col("event") == censored, ["Alive", *missing_labels("cod_site")]
    return {
        "event_by_cause_of_death": pl.when(alive)
        .then(pl.lit(censored))
        .when(cause == "Breast")
        .then(pl.lit(breast))
        .when(~cause.is_in(untold))
        .then(pl.lit(other)),
        "first_primary": pl.when(~sequence.is_in(list(missing_labels("sequence_number")))).then(
            sequence.str.contains(FIRST_PRIMARY)
        ),
    }


def merge_eligible(exports: dict[str, pl.DataFrame], one_tumor: bool) -> IncompleteRecords:
    """Join the exports, one tumor per patient; the complete rows are those of the cohort.

    Parameters
    ----------
    exports : dict
        Name of the export to its records (`keep_incomplete`).
    one_tumor : bool
        Keep, of each patient, the complete record with the lowest record number; of a patient
        without one, the incomplete record with the lowest. Otherwise every record stays, and the
        incomplete ones get numbers of their own.

    Returns
    -------
    IncompleteRecords
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
    return IncompleteRecords(pl.concat([cohort, others]).sort("patient_id"), tuple(notes))
