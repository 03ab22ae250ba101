"""Fifth attack: other matches, repeated matches, quantiles, and the distribution of the scores.

Where all weights of a match are 1, its number of patients tells how many exposed it holds, and so
how many an analysis left out: those who died or were lost in month 0, whose tumor was not the
first, or who found no match. The share of reference patients that two matches have in common
tells how many were exchanged. A median between two whole numbers is one of an even number of
patients, and so are quartiles a quarter of the way from one to the other.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from hazard_ratios import ERROR, RATIO
from knowledge import Knowledge, Solver
from private_counts import ARMS, kind_of_outcome
from scipy.special import ndtri
from small_studies import LABELS

SIZES, EXCHANGED, SCORES = "sizes of analyses", "exchanged patients", "distribution of scores"
QUANTILES = "quantiles"
Z = ndtri(0.975)


def read_other_tables(known: Knowledge, tables, ratio: int, complete: bool) -> None:
    """Add what sizes of analyses, common patients and bins of the scores say."""
    sizes = Solver(known)
    _sizes(known, tables["sensitivity"], sizes, ratio)
    if complete:
        _exchanged(known, tables["stability"], sizes)
    _scores(known, tables["score_overlap"], complete)
    _quantiles(known, tables, complete)


def _sizes(known: Knowledge, sensitivity: pd.DataFrame, sizes: Solver, ratio: int) -> None:
    most = sizes.interval(("size", "cohort", 1))[1]
    for row in sensitivity.drop_duplicates("analysis").itertuples():
        exposed = ("analysis exposed", row.analysis)
        known.total(("size", "cohort", 1), [exposed, ("dropped", row.analysis)])
        if pd.isna(row.n) or not str(row.variance).startswith("clustered by matched set"):
            continue
        own = ratio_of(row.analysis, ratio)
        low, high = row.n / (own + 1), row.n / 2
        if pd.notna(row.largest_weight) and np.isclose(row.largest_weight, 1.0):
            found = [row.n / (k + 1) for k in range(1, own + 1) if row.n % (k + 1) == 0]
            found = [n for n in found if n <= most]
            low, high = min(found), max(found)
        known.know({exposed: 1.0}, low, high, SIZES)


def ratio_of(analysis: str, ratio: int) -> int:
    return int(analysis.removeprefix("ratio ")) if analysis.startswith("ratio ") else ratio


def _exchanged(known: Knowledge, stability: pd.DataFrame, sizes: Solver) -> None:
    low, high = sizes.interval(("size", "matched", 0))
    if low != high:
        return
    for row in stability.itertuples():
        value = (1 - row.common_controls) * low
        if not pd.isna(value):
            known.equal(("exchanged", row.seed), float(round(value)), EXCHANGED)


def _quantiles(known: Knowledge, tables: Mapping[str, pd.DataFrame], complete: bool) -> None:
    arms = {label: [arm] for arm, label in enumerate(LABELS)} | {"all": ARMS}
    for row in tables["comparison"].dropna(subset="median").itertuples():
        if row.population == "cohort" or complete:  # the reference patients have weights
            sizes = {("size", row.population, arm): 1.0 for arm in arms[str(row.group)]}
            _is_even(known, sizes, row)
    for row in tables["followup"].itertuples():
        sizes = {("size", row.population, arm): 1.0 for arm in arms[str(row.group)]}
        _is_even(known, sizes, row)
    for row in tables["included"].dropna(subset="median").itertuples():
        if row.patients == "excluded":
            sizes = {("excluded size", arm): 1.0 for arm in ARMS}
            lacking = {("lacking", row.variable, arm): -1.0 for arm in ARMS}
            _is_even(known, sizes | lacking, row)


def _is_even(known: Knowledge, sizes: Mapping, row) -> None:
    if row.median % 1 == 0.5 or not {row.q1 % 1, row.q3 % 1}.isdisjoint({0.25, 0.75}):
        half = ("half", *sizes)
        known.know({**sizes, half: -2.0}, 0.0, 0.0, QUANTILES)


def _scores(known: Knowledge, overlap: pd.DataFrame, complete: bool) -> None:
    for arm in ARMS:
        rows = overlap[overlap["group"] == arm]
        before, after = (rows[rows["population"] == name] for name in ("before", "after"))
        if rows.empty:
            continue
        whole = bool(before["complete"].all())
        known.equal(("size", "matched", arm), _n(after["n"].iloc[0]), SCORES)
        if whole:
            n = _n(before["n"].iloc[0])
            known.know({("size", "cohort", arm): 1.0, ("outside", arm): -1.0}, n, n, SCORES)
        for kind, part, shares in (
            ("matched", after, arm == 1 or complete),
            ("cohort", before, True),
        ):
            if kind == "cohort" and not whole:
                continue
            bins = [("bin", kind, arm, r.low, r.high) for r in part.itertuples()]
            whole_of = {("size", kind, arm): -1.0}
            whole_of |= {("outside", arm): 1.0} if kind == "cohort" else {}
            known.know(whole_of | dict.fromkeys(bins, 1.0), 0.0, 0.0, SCORES)
            for name, row in zip(bins, part.itertuples(), strict=True):
                if "patients" in part:
                    known.equal(name, _n(row.patients), SCORES)
                elif shares:
                    known.equal(name, float(round(row.share * row.n)), SCORES)
                if kind == "cohort":
                    kinds = [("bin", k, *name[2:]) for k in ("matched", "unmatched")]
                    known.total(name, kinds)


def _n(value) -> float:
    return np.nan if pd.isna(value) else float(value)


def estimated_analyses(known: Knowledge, sensitivity: pd.DataFrame) -> dict[tuple, float]:
    """Reckon the deaths of each group in each analysis from its interval, its n and its events."""
    counts = Solver(known)
    claims = {}
    for row in sensitivity.itertuples():
        low, high = counts.interval(("analysis exposed", row.analysis))
        if pd.isna(row.n) or pd.isna(row.hr) or low != high:
            continue
        odds = row.hr * low / (row.n - low)
        se = np.log(row.hr_high / row.hr_low) / (2 * Z)
        parts = [
            tuple(
                ("arm deaths", row.analysis, arm, cause) for cause in kind_of_outcome(row.outcome)
            )
            for arm in ARMS
        ]
        claims[parts[1], ERROR] = (1 + odds) / se**2
        claims[parts[0], ERROR] = (1 + odds) / odds / se**2
        if not pd.isna(row.events):
            claims[parts[1], RATIO] = row.events * odds / (1 + odds)
            claims[parts[0], RATIO] = row.events / (1 + odds)
    return claims


def bins_of(tables: Mapping[str, pd.DataFrame]) -> list[tuple]:
    """The bins of the scores that are published: arm, low, high."""
    overlap = tables["score_overlap"]
    rows = overlap.drop_duplicates(["group", "low", "high"])
    return [(int(row.group), row.low, row.high) for row in rows.itertuples()]
