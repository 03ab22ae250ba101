"""Counts for the integrity checks of an export: its labels, and how they go together.

Only labels as they are get counted record by record; every check works on the distinct labels and
combinations of labels. Counts of several exports add up; `seermatch.cohort.quality` judges the
sums.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from seermatch.cohort.criteria import Exposure
from seermatch.cohort.recode import OUTCOMES
from seermatch.seer.fields import REQUIREMENTS, seer_fields, sources_of
from seermatch.seer.labels import (
    MISSING,
    PARTLY_LISTED,
    as_number,
    canonical_labels,
    missing_labels,
    shown_label,
)
from seermatch.seer.spelling import NUMBERS, standardize

COUNTS = {
    "check": pl.String,
    "field": pl.String,
    "detail": pl.String,
    "group": pl.String,
    "count": pl.Int64,
    "records": pl.Int64,
}
GROUPS = ("reference", "exposed", "other")

# Checks that compare fields with each other; any failing record contradicts itself.
COMBINATIONS = {
    "outcome": ("vital_status", "cause_specific", "other_cause"),
    "subtype": ("er", "pr", "her2", "subtype"),
    "mets": ("m_stage", "eod_mets"),
    "follow_up": ("year", "survival_months"),
}
MISSING_CAUSE = "Dead (missing/unknown COD)"
MOST_LABELS = 1000  # unknown ones of a field; a page shows fewer, of all exports together
SEEN, MOST_SEEN = "seen", 10_000  # labels of a field
OTHER_LABELS = "(further labels)"


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
    names = records.collect_schema().names()
    fields = [
        name for name in names if name in seer_fields() and name not in ("patient_id", "year")
    ]
    keys = [*(["year"] if "year" in names else []), *sources_of(exposure.field, names)]
    table = _Tables(records, keys, exposure, None if years is None else list(years))
    sizes = dict(table.of().group_by("arm").agg(pl.col("len").sum()).rows())
    rows = [*_year_rows(table.of(every_year=True))] if "year" in names else []
    for name in fields:
        counted = table.of(name, every_year=True)
        rows += _seen_rows(name, counted)
        rows += _label_rows(name, table.studied(counted), sizes)
    for name in REQUIREMENTS.keys() - set(names):
        if sources := sources_of(name, names):
            rows += _seen_rows(name, table.of(*sources, every_year=True))
    if "patient_id" in names:
        rows += _patient_id_rows(records, sum(sizes.values()))
    for check, combination in COMBINATIONS.items():
        sources = [sources_of(name, names) for name in combination]
        if all(sources):
            counted = table.of(*(name for group in sources for name in group))
            counted = counted.group_by(combination).agg(pl.col("len").sum())
            rows += _combination_rows(check, counted)
            rows += _cause_of_death_rows(counted) if check == "outcome" else ()
    counts = pl.DataFrame(rows, schema=COUNTS, orient="row")
    # Groups come in any order; equal exports must give equal files.
    return counts.sort("check", "field", "detail", "group", maintain_order=True)


@dataclass(frozen=True)
class _Tables:
    """Cross tables of an export: distinct labels and their counts, by arm."""

    records: pl.LazyFrame
    keys: list[str]
    exposure: Exposure
    years: list[int] | None

    def of(self, *names: str, every_year: bool = False) -> pl.DataFrame:
        """Count the labels of fields: standardized, as they were under ``raw:``, arm and `len`.

        Only labels as they are get counted record by record, one table after the other, which
        takes no memory; everything else happens to the few rows of the table.
        """
        by = list(dict.fromkeys((*self.keys, *names)))
        if by:
            counted = self.records.group_by(by).len().collect(engine="streaming")
        else:
            counted = self.records.select(pl.len()).collect(engine="streaming")
        labels = counted.lazy().select(by)
        typed = standardize(labels.with_columns(pl.all().name.prefix("raw:")))
        arm = pl.lit("other")
        if self.exposure.field in typed.collect_schema().names():
            arm = self.exposure.arm().fill_null("other")
        typed = typed.with_columns(arm.alias("arm")).collect()
        typed = typed.with_columns(counted["len"].cast(pl.Int64))
        return typed if every_year else self.studied(typed)

    def studied(self, table: pl.DataFrame) -> pl.DataFrame:
        """Take the rows of the years of the study."""
        if self.years is None or "year" not in table.columns:
            return table
        return table.filter(pl.col("year").is_in(self.years))


def _patient_id_rows(records: pl.LazyFrame, total: int) -> Iterator[tuple]:
    known = pl.col("patient_id").str.strip_chars().str.contains(r"^\d{1,8}(\.0*)?$")
    strange = records.select((~known.fill_null(False)).sum()).collect(engine="streaming").item()
    yield "unknown_label", "patient_id", "", "all", 0, total
    if strange:
        detail = "(not a number of up to 8 digits)"
        yield "unknown_label", "patient_id", detail, "all", strange, total


def _year_rows(table: pl.DataFrame) -> Iterator[tuple]:
    total = table["len"].sum()
    known, unknown = {}, {}
    for label, n in table.group_by("raw:year").agg(pl.col("len").sum()).sort("raw:year").rows():
        year = as_number(label)
        if year is not None and 1900 <= year <= 2100:
            known[year] = known.get(year, 0) + n
        else:
            unknown[label] = n
    yield "year", "year", "", "all", 0, total
    for year, n in sorted(known.items()):
        yield "year", "year", str(year), "all", n, total
    yield from _unknown_rows("year", unknown, total)


def _label_rows(name: str, table: pl.DataFrame, sizes: Mapping[str, int]) -> Iterator[tuple]:
    """Unknown labels, missing values and the number of values of a field."""
    total = sum(sizes.values())
    counted = table.group_by("arm", f"raw:{name}").agg(pl.col("len").sum()).rows()
    spelled = canonical_labels(seer_fields()[name], dict.fromkeys(label for _, label, _ in counted))
    absent = missing_labels(name)
    unknown: dict[str, int] = {}
    missing: dict[str, dict[str, int]] = {arm: {} for arm in sizes}
    for arm, label, n in counted:
        spelling = spelled[label]
        if spelling in absent:
            shown = shown_label(spelling)
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
    for value in sorted({*values[:1], *values[-1:]}):
        yield "one_value", name, value, "all", 0, total


def _seen_rows(name: str, table: pl.DataFrame) -> Iterator[tuple]:
    """List the labels of a field as the criteria see them."""
    if name in NUMBERS:
        return
    labels = table[name].drop_nulls().unique().sort()
    yield SEEN, name, "", "all", 0, 0
    # so many are no labels; a long number may be a patient's
    known = labels.filter(~labels.str.contains(r"\d{6}")) if len(labels) < MOST_SEEN else []
    yield from ((SEEN, name, label, "all", 0, 0) for label in known if label)


def labels_seen(counts: pl.DataFrame) -> dict[str, set[str]]:
    """Collect the labels that the records have, whatever the year.

    Parameters
    ----------
    counts : polars.DataFrame
        `count_quality` of every export, one below the other.

    Returns
    -------
    dict of str to set of str
        Field to its labels, standardized; without the fields that no export holds.

    Examples
    --------
    >>> rows = pl.LazyFrame({"m_stage": ["cM0 (I+)"]})
    >>> labels_seen(count_quality(rows, Exposure("m_stage", ("M0",), ("M0(i+)",))))
    {'m_stage': {'M0(i+)'}}
    """
    seen = counts.filter(pl.col("check") == SEEN).select("field", "detail")
    return {
        name: {label for label in labels if label}
        for name, labels in seen.group_by("field").agg("detail").iter_rows()
    }


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
    fields = COMBINATIONS[check]
    compared, failing = 0, {}
    for *values, n in table.select(*fields, "len").rows():
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
    """Compare with SEER's rule: HR+ if either receptor is positive, HR- if both are negative."""
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
