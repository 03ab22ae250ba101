"""Sixth attack: two runs into the same folder, the later one with more records.

Records were only added, so that no count of the cohort, of the excluded or of the flow is smaller
in the later run. Matches are made anew and say nothing of each other. Two bins of one count and
what lies between them narrow each other by their nature, so that what is promised of two runs is
less than of one: no small count becomes known exactly.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from intruder import Leak, gather
from knowledge import Knowledge, Solver
from private_counts import private_counts
from published import released
from seermatch.disclosure.rule import DisclosureRule
from small_studies import Study

GROWING = ("year", "excluded", "excluded size", "lacking", "left", "gone")
OF_COHORT = ("size", "cell", "atom", "deaths", "alive")
LATER = "earlier run"


def without_last_year(records: pd.DataFrame) -> pd.DataFrame:
    """The records of a run before the last year came."""
    return records[records["year"] < records["year"].max()].reset_index(drop=True)


def without_one_record(records: pd.DataFrame) -> pd.DataFrame:
    """The records of a run before one was added: an exposed one of the cohort."""
    once = (records["failed"] == 0) & ~records["second_record"]
    chosen = records.index[(records["group"] == 1) & once]
    return records.drop(chosen[len(chosen) // 2]).reset_index(drop=True)


def attack_runs(
    later: Study,
    earlier: Sequence[Study],
    rule: DisclosureRule,
    *,
    most: float = np.inf,
    wanted: int = 1,
) -> list[Leak]:
    """Tie the tables of two runs together, of a study and of each of its earlier runs.

    Parameters
    ----------
    later : Study
    earlier : sequence of Study
    rule : DisclosureRule
        By which all were published.
    most : float
        How many records were added, at most.
    wanted : int
        Width of an interval that is no leak; 1: only what becomes known exactly is one.

    Returns
    -------
    list of Leak
        Small counts of either run that come out.
    """
    own = _Run(later, rule)
    return [
        leak
        for study in earlier
        for leak in _tied(own, _Run(study, rule), rule.minimum_count, most, wanted)
    ]


class _Run:
    """What is published of a study, and the truth."""

    def __init__(self, study: Study, rule: DisclosureRule):
        tables = released(study, rule)
        self.known = gather(study, tables, rule.minimum_count, rounds=rule.rounds)
        self.truth = private_counts(study)


def _tied(later: _Run, earlier: _Run, limit: int, most: float, wanted: int) -> list[Leak]:
    known, truth = Knowledge(), {}
    for number, run in enumerate((later, earlier)):
        known.parts |= {(number, name) for name in run.known.parts}
        for fact in run.known.facts:
            factors = {(number, name): factor for name, factor in fact.factors.items()}
            known.know(factors, fact.low, fact.high, fact.source)
        truth |= {(number, name): count for name, count in run.truth.items()}
    for name in earlier.truth:
        if name in later.truth and _grows(name):
            known.know({(0, name): 1.0, (1, name): -1.0}, 0.0, most, LATER)
    small = {name: count for name, count in truth.items() if 0 < count < limit}
    solver = Solver(known)
    solver.explore(small)
    leaks = []
    for name, count in small.items():
        low, high = solver.interval(name, wanted)
        assert low <= count <= high, f"{name} = {count} is not within {low} to {high}"
        if high - low < wanted:
            leaks.append(Leak(name, count, low, high, LATER))
    return leaks


def _grows(name: Hashable) -> bool:
    return name[0] in GROWING or (name[0] in OF_COHORT and name[1] == "cohort")
