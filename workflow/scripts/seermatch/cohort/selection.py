"""The cohort of a study: criteria in order, what each takes away, and why."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from seermatch.cohort.asked import Asked
from seermatch.cohort.design_checks import (
    check_causes,
    check_variables,
    grouped_by,
    refuse_lacking_exports,
)
from seermatch.cohort.merge import one_tumor_per_patient
from seermatch.errors import StudyError
from seermatch.variables.conditions import All, Holds, IsKnown, NotExported, judge, names_in
from seermatch.variables.derivation import Derivation, refuse_unplaced
from seermatch.variables.design import Criterion, Study
from seermatch.variables.printed import NOT_APPLIED, WHERE_EXPORTED
from seermatch.variables.values import NOT_IN_STUDY, TRUE, UNDETERMINED, UNKNOWN, from_labels, truth

REASONS = ("unknown", "not_in_study", "not_first_tumor")


@dataclass(frozen=True)
class Selection:
    """The records of a cohort, and the flow of patients into it.

    Attributes
    ----------
    rows : numpy.ndarray of int64, shape (n,)
        Positions of the records; with one tumor per patient in the order of patient numbers.
    exposed : numpy.ndarray of int8, shape (n,)
        0 in the reference group, 1 in the exposed.
    flow : polars.DataFrame
        Columns `step`, `criterion`, `remaining`, `excluded`, `remaining_` and `excluded_` of the
        `reference` and the `exposed` group, and how many of the excluded are so because something
        is unknown (`excluded_unknown`), because the study does not take a value
        (`excluded_not_in_study`), and because SEER classifies the deaths of first tumors only
        (`excluded_not_first_tumor`). Step 0 are all records of the years and registries.
    warnings : tuple of str
        Sentences for the person who runs the study.
    """

    rows: np.ndarray
    exposed: np.ndarray
    flow: pl.DataFrame
    warnings: tuple[str, ...]


def select_cohort(derivation: Derivation, study: Study, last_year: int | None = None) -> Selection:
    """Apply the criteria of a study in order, and then those that no criterion names.

    Parameters
    ----------
    derivation : Derivation
        Of the study's variables, on the records of all exports.
    study : Study
    last_year : int, optional
        Last year of the database; survival months that end later count as unknown.

    Returns
    -------
    Selection

    Raises
    ------
    StudyError
        If a year has no record, an export lacks a variable, a criterion leaves a group empty, a
        record that meets all criteria has a value that no level takes, a covariate determines the
        group, or the causes of death do not fit the cohort.
    """
    asked = Asked(derivation, study, last_year)
    within = alive = _of_years(derivation, study)
    refuse_lacking_exports(derivation, study, within)
    criteria = [*study.cohort.criteria, *_implicit(asked, alive)]
    rows, warnings = [_flow_row("records", alive, alive, asked, {})], []
    for criterion in criteria:
        judged, where = _judge(criterion, asked)
        if where == NOT_APPLIED:
            missing = ", ".join(_not_exported(criterion.condition, asked))
            told = f"'{criterion.words}' is not applied: {missing} not exported"
            warnings.append(f"warning: {told}")
        stay = alive & (judged == TRUE)
        reasons = _reasons(criterion.condition, alive & ~stay, asked)
        rows.append(_flow_row(criterion.words + where, alive, stay, asked, reasons))
        alive = stay
    _refuse_empty(rows, study)
    for name in grouped_by(study):
        refuse_unplaced(name, derivation.values_of(name), alive)
    positions = np.flatnonzero(alive)
    if study.cohort.one_tumor_per_patient:
        positions = _first_records(derivation.records, positions)
        stay = np.zeros_like(alive)
        stay[positions] = True
        rows.append(_flow_row("one tumor per patient", alive, stay, asked, {}))
    flow = pl.DataFrame(rows).with_row_index("step").cast({"step": pl.Int32})
    exposed = asked.exposure.codes[positions].astype(np.int8)
    warnings += check_variables(derivation, study, within, positions, exposed)
    warnings += check_causes(derivation, study, positions)
    return Selection(positions, exposed, flow, tuple(warnings))


def _of_years(derivation: Derivation, study: Study) -> np.ndarray:
    """Tell which records are of the years and registries of the study."""
    year = derivation.values_of(derivation.year).numbers
    found = np.unique(year[~np.isnan(year)]).astype(int)
    if absent := sorted(study.cohort.years - set(found.tolist())):
        raise StudyError(
            f"cohort, years: no record was diagnosed in {', '.join(map(str, absent))}; the exports "
            f"hold {', '.join(map(str, found)) or 'none of the years'}."
        )
    within = np.isin(year, sorted(study.cohort.years))
    if study.cohort.registries:
        where = "cohort, registries"
        within &= truth(derivation.values_of("registry"), study.cohort.registries, where) == TRUE
    return within


def _judge(criterion: Criterion, asked: Asked) -> tuple[np.ndarray, str]:
    """Judge a criterion, and say what the flow adds to its words where it is left out."""
    try:
        if criterion.condition.if_exported:
            return _judge_where_exported(criterion.condition, asked)
        return judge(criterion.condition, asked.values_of), ""
    except NotExported:
        raise
    except StudyError as error:
        raise StudyError(f"cohort, criteria, '{criterion.words}': {error}") from None


def _judge_where_exported(condition: All, asked: Asked) -> tuple[np.ndarray, str]:
    """Judge a condition export by export: where one lacks a column, its cells are null."""
    derivation = asked.derivation
    records = derivation.records
    exports = np.zeros(len(records), dtype=np.int32)
    if "export" in records.columns:
        exports = from_labels(records["export"])[1]
    judged, applied = np.full(len(records), TRUE), []
    for export in np.unique(exports):
        rows = np.flatnonzero(exports == export)
        own = records[rows]
        there = [name for name in own.columns if own[name].null_count() < len(own)]
        part = Asked(replace(derivation, records=own[there]), asked.study, asked.last_year)
        found = judge(condition, part.values_of)
        applied.append(found is not None)
        if found is not None:
            judged[rows] = found
    return judged, "" if all(applied) else WHERE_EXPORTED if any(applied) else NOT_APPLIED


def _not_exported(condition: All, asked: Asked) -> list[str]:
    missing = []
    for name in names_in(condition):
        try:
            asked.values_of(name)
        except NotExported:
            missing.append(name)
    return missing


def _implicit(asked: Asked, within: np.ndarray) -> list[Criterion]:
    """List what every study asks for and no criterion names."""
    study = asked.study
    named: set[str] = set()
    for criterion in study.cohort.criteria:
        if not criterion.condition.if_exported:
            named |= _surely_known(criterion.condition)
    criteria = []
    if "exposure" not in named:
        criteria.append(Criterion("exposure known", All((IsKnown(("exposure",)),))))
    left = []
    covariates = () if "covariates" in named else study.matching.covariates
    for name in dict.fromkeys((*covariates, *study.matching.exact)):
        codes = asked.values_of(name).codes[within]
        if name not in named and np.isin(codes, (UNKNOWN, NOT_IN_STUDY)).any():
            left.append(name)
    if left:
        criteria.append(Criterion("covariates known", All((IsKnown(tuple(left)),))))
    if "outcome" not in named:
        words = "cause of death and survival months known"
        criteria.append(Criterion(words, All((IsKnown(("outcome",)),))))
    if (months := study.cohort.landmark) is not None:
        followed = asked.values_of("survival_months").numbers
        if not (followed >= months).any():
            longest = np.nanmax(followed, initial=0)
            told = f"nobody is followed for {months} months; the longest are {longest:g}"
            raise StudyError(f"cohort, landmark: {told}.")
        condition = All((Holds("survival_months", (f"{months}+",)),))
        criteria.append(Criterion(f"followed for {months} months", condition))
    return criteria


def _surely_known(condition: All) -> set[str]:
    """List the names of which a record that meets the condition has a value."""
    names: set[str] = set()
    for part in condition.parts:
        names |= {part.name} if isinstance(part, Holds) else set()
        names |= set(part.names) if isinstance(part, IsKnown) else set()
    return names


def _reasons(condition: All, failed: np.ndarray, asked: Asked) -> dict[str, int]:
    """Count why records fail a condition: unknown, not in the study, not the first tumor."""
    if not failed.any():
        return {}
    unknown = failed & (judge(condition, asked.values_of, frozenset({UNKNOWN})) == UNDETERMINED)
    both = frozenset({UNKNOWN, NOT_IN_STUDY})
    outside = failed & ~unknown & (judge(condition, asked.values_of, both) == UNDETERMINED)
    later = np.zeros_like(failed)
    if "outcome" in names_in(condition):
        later = unknown & asked.not_first()
    counts = (unknown & ~later, outside, later)
    return {name: int(count.sum()) for name, count in zip(REASONS, counts, strict=True)}


def _flow_row(words: str, before, after, asked: Asked, reasons: dict[str, int]) -> dict:
    groups = {"": np.ones_like(before)}
    groups |= {
        f"_{arm}": asked.exposure.codes == code for code, arm in enumerate(("reference", "exposed"))
    }
    row = {"criterion": words}
    for arm, mine in groups.items():
        row[f"remaining{arm}"] = int((after & mine).sum())
        row[f"excluded{arm}"] = int((before & ~after & mine).sum())
    return row | {f"excluded_{name}": reasons.get(name, 0) for name in REASONS}


def _refuse_empty(rows: list[dict], study: Study) -> None:
    exposure = study.cohort.exposure
    for arm, group in (("reference", exposure.reference), ("exposed", exposure.exposed)):
        for step, row in enumerate(rows):
            if not row[f"remaining_{arm}"]:
                raise StudyError(
                    f"no patient of the group {group.name} is left after step {step}, "
                    f"'{row['criterion']}'; check the labels in cohort.exposure and "
                    "cohort.criteria against the exports."
                )


def _first_records(records: pl.DataFrame, positions: np.ndarray) -> np.ndarray:
    for name in ("patient_id", "record_number"):
        if name not in records.columns:
            raise StudyError(
                f"no export has the column {name}, so one tumor per patient cannot be told; export "
                "it, or set cohort.one_tumor_per_patient to no."
            )
    number = pl.col("record_number").cast(pl.String).str.extract(r"(\d+)").cast(pl.Int32)
    found = records.select(pl.col("patient_id").cast(pl.String), number)[positions]
    kept = one_tumor_per_patient(found.with_columns(row=pl.Series(positions)))
    return kept["row"].to_numpy()
