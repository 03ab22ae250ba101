"""Integrity checks of the exports: what a registry file says that it should not, and what it lacks.

Counts are made per export and add up over exports; the verdicts are given on the sums. Labels are
counted once per column, so a check costs the number of distinct labels, not of records.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

import polars as pl

from seermatch.cohort import Exposure, standardize
from seermatch.errors import StudyError
from seermatch.quality_labels import (
    MISSING,
    PARTLY_LISTED,
    SELECTED,
    as_number,
    canonical_labels,
    missing_labels,
    shown_label,
)
from seermatch.recode import OUTCOMES
from seermatch.seer_fields import REQUIREMENTS, seer_fields

COUNTS = {
    "check": pl.String,
    "field": pl.String,
    "detail": pl.String,
    "group": pl.String,
    "count": pl.Int64,
    "records": pl.Int64,
}
GROUPS = ("reference", "exposed", "other")
OUTCOME = ("vital_status", "cause_specific", "other_cause")
SUBTYPE = ("er", "pr", "her2", "subtype")
METS = ("m_stage", "eod_mets")
FOLLOW_UP = ("year", "survival_months")

# Checks that compare fields with each other; any failing record contradicts itself.
CONSISTENCY = {
    "outcome": "vital status and the two death classifications contradict each other",
    "subtype": "the subtype is not the one that ER, PR and HER2 make",
    "mets": "M0(i+) and EOD Mets 05, which are the same finding, do not go together",
    "follow_up": "the follow-up is longer than the database allows for the year of diagnosis",
}
MISSING_CAUSE = "Dead (missing/unknown COD)"
MOST_LABELS = 20
OTHER_LABELS = "(further labels)"


# ----- counts of one export ----------------------------------------------------------------------


def count_quality(
    records: pl.LazyFrame, exposure: Exposure, years: Sequence[int] | None = None
) -> pl.DataFrame:
    """Count, in one export, what the checks of `assess_quality` need.

    Parameters
    ----------
    records : polars.LazyFrame
        Text columns under canonical names, labels as exported.
    exposure : Exposure
        The two groups; records of neither are the group ``other``.
    years : sequence of int, optional
        Years of diagnosis of the study; records of other years are left out of every check but
        the one of the years themselves. None takes all.

    Returns
    -------
    polars.DataFrame
        Tidy counts `check`, `field`, `detail`, `group`, `count`, `records`. The row with an empty
        `detail` holds all records that were checked. Frames of several exports go one below the
        other. No row is a record, and numbers that could be a patient's are not shown.

    Examples
    --------
    >>> rows = pl.LazyFrame({"year": ["2018", "2018"], "m_stage": ["M0", "M7"]})
    >>> counts = count_quality(rows, Exposure("m_stage", ("M0",), ("M0(i+)",)))
    >>> counts.filter(pl.col("check") == "unknown_label", pl.col("detail") != "").rows()
    [('unknown_label', 'm_stage', 'M7', 'all', 1, 2)]
    """
    typed = _typed(records, exposure)
    names = records.collect_schema().names()
    known_years = typed.select("raw:year" if "year" in names else pl.lit(None).alias("raw:year"))
    if years is not None and "year" in names:
        typed = typed.filter(pl.col("year").is_in(list(years)))
    fields = [name for name in names if name in seer_fields() and name not in ("patient_id", "year")]
    queries = {
        "year": known_years.group_by(pl.col("raw:year").alias("label")).len(),
        "arm": typed.group_by("arm").len(),
        **{
            f"raw:{name}": typed.group_by("arm", pl.col(f"raw:{name}").alias("label")).len()
            for name in fields
        },
        **{
            check: typed.group_by(combination).len()
            for check, combination in _combinations(typed.collect_schema().names()).items()
        },
    }
    if "patient_id" in names:
        strange = ~pl.col("raw:patient_id").str.contains(r"^\d{1,8}(\.0*)?$")
        queries["patient_id"] = typed.select(strange.fill_null(True).sum().alias("len"))
    tables = dict(zip(queries, pl.collect_all(queries.values(), engine="streaming"), strict=True))
    sizes = {arm: n for arm, n in tables["arm"].rows() if arm}
    rows = [*_year_rows(tables["year"]), *_label_rows(tables, fields, sizes)]
    if "patient_id" in names and (strange := tables["patient_id"].item()):
        detail = "(not a number of up to 8 digits)"
        rows.append(("unknown_label", "patient_id", detail, "all", strange, sum(sizes.values())))
    for check in CONSISTENCY:
        if check in tables:
            rows += _combination_rows(check, tables[check])
    if "outcome" in tables:
        rows += _cause_of_death_rows(tables["outcome"])
    return pl.DataFrame(rows, schema=COUNTS, orient="row")


def _typed(records: pl.LazyFrame, exposure: Exposure) -> pl.LazyFrame:
    """Standardized fields, the labels as they were under ``raw:``, and the arm."""
    typed = standardize(records.with_columns(pl.all().name.prefix("raw:")))
    arm = pl.lit("other")
    if exposure.field in typed.collect_schema().names():
        arm = exposure.arm().fill_null("other")
    return typed.with_columns(arm.alias("arm"))


def _combinations(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    checks = {"outcome": OUTCOME, "subtype": SUBTYPE, "mets": METS, "follow_up": FOLLOW_UP}
    names = set(names)
    return {check: fields for check, fields in checks.items() if names.issuperset(fields)}


def _year_rows(table: pl.DataFrame) -> Iterator[tuple]:
    total = table["len"].sum()
    yield "year", "year", "", "all", 0, total
    unknown = {}
    for label, n in table.rows():
        year = as_number(label)
        if year is not None and 1900 <= year <= 2100:
            yield "year", "year", str(year), "all", n, total
        elif label:
            unknown[label] = n
    yield from _unknown_rows("year", unknown, total)


def _label_rows(tables: Mapping, fields: Sequence[str], sizes: Mapping) -> Iterator[tuple]:
    """Unknown labels, missing values and the number of values, of every field."""
    total = sum(sizes.values())
    for name in fields:
        table = tables[f"raw:{name}"]
        spelled = canonical_labels(seer_fields()[name], table["label"].unique().to_list())
        unknown: dict[str, int] = {}
        missing: dict[str, dict[str, int]] = {arm: {} for arm in sizes}
        absent = missing_labels(name)
        for arm, label, n in table.rows():
            spelling = spelled[label]
            if spelling in absent:
                shown = spelling or "(empty)"
                missing[arm][shown] = missing[arm].get(shown, 0) + n
            elif spelling is None and name not in PARTLY_LISTED:
                unknown[label] = unknown.get(label, 0) + n
        yield from _unknown_rows(name, unknown, total)
        for arm, labels in missing.items():
            yield "missing", name, "", arm, sum(labels.values()), sizes[arm]
            for label, n in sorted(labels.items()):
                yield "missing", name, label, arm, n, sizes[arm]
        values = sorted({spelled[label] or shown_label(label) for label in spelled})
        yield "one_value", name, "", "all", 0, total
        # the first and the last are enough to tell, over all exports, one value from several
        for value in {*values[:1], *values[-1:]}:
            yield "one_value", name, value, "all", 0, total


def _unknown_rows(name: str, unknown: Mapping[str, int], total: int) -> Iterator[tuple]:
    ranked = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    shown: dict[str, int] = {}
    for position, (label, n) in enumerate(ranked):
        text = shown_label(label) if position < MOST_LABELS else OTHER_LABELS
        shown[text] = shown.get(text, 0) + n
    yield "unknown_label", name, "", "all", 0, total
    for text, n in shown.items():
        yield "unknown_label", name, text, "all", n, total


def _combination_rows(check: str, table: pl.DataFrame) -> Iterator[tuple]:
    fails = {"outcome": _bad_outcome, "subtype": _bad_subtype, "mets": _bad_mets}.get(check)
    fields = dict(zip(CONSISTENCY, (OUTCOME, SUBTYPE, METS, FOLLOW_UP), strict=True))[check]
    compared, failing = 0, {}
    for *values, n in table.rows():
        if any(value is None or value in MISSING for value in values):
            continue
        verdict = fails(*values) if fails else True
        if verdict is None:
            continue
        compared += n
        if verdict:
            detail = " / ".join(shown_label(str(value)) for value in values)
            failing[detail] = failing.get(detail, 0) + n
    name = ", ".join(fields)
    yield check, name, "", "all", 0, compared
    for detail, n in sorted(failing.items()):
        yield check, name, detail, "all", n, compared


def _bad_outcome(vital: str, cause: str, other: str) -> bool | None:
    possible = {*OUTCOMES, ("Dead", MISSING_CAUSE, MISSING_CAUSE)}
    outside = [label.startswith("N/A") for label in (cause, other)]
    if all(outside):  # not classified, because the tumor is not among the counted ones
        return None
    return (vital, cause, other) not in possible


def _bad_subtype(er: str, pr: str, her2: str, subtype: str) -> bool | None:
    """Compare with SEER's own rule: HR+ if either receptor is positive, HR- if both are negative."""
    known = {"Positive", "Negative"}
    hormone = "+" if "Positive" in (er, pr) else "-" if {er, pr} == {"Negative"} else None
    if hormone is None or her2 not in known or not subtype.startswith("HR"):
        return None
    return subtype != f"HR{hormone}/HER2{'+' if her2 == 'Positive' else '-'}"


def _bad_mets(stage: str, mets: str) -> bool | None:
    if stage in missing_labels("m_stage") or mets in missing_labels("eod_mets"):
        return None
    return (stage == "M0(i+)") != (as_number(mets) == 5)


def _cause_of_death_rows(table: pl.DataFrame) -> Iterator[tuple]:
    dead = table.filter(pl.col("vital_status") == "Dead")
    missing = dead.filter(
        (pl.col("cause_specific") == MISSING_CAUSE) | (pl.col("other_cause") == MISSING_CAUSE)
    )
    yield (
        *("missing_cause_of_death", "cause_specific, other_cause", "", "all"),
        *(missing["len"].sum(), dead["len"].sum()),
    )
