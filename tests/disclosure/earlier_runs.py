"""Sixth attack: two runs into the same folder, the later one with more records.

Records were only added, so that no count of the cohort, of the excluded or of the flow is smaller
in the later run. Matches are made anew and say nothing of each other. Two bins of one count and
what lies between them narrow each other by their nature, so that what is promised of two runs is
less than of one: no small count becomes known exactly.
"""

from collections.abc import Callable, Hashable

import numpy as np
import pandas as pd
from intruder import Leak, gather
from knowledge import Knowledge, Solver
from private_counts import private_counts
from small_studies import Study

GROWING = ("year", "excluded", "excluded size", "lacking", "left", "gone")
OF_COHORT = ("size", "cell", "atom", "deaths", "alive")
LATER = "earlier run"


def without_last_year(records: pd.DataFrame) -> pd.DataFrame:
    """The records of a run before the last year came."""
    return records[records["year"] < records["year"].max()].reset_index(drop=True)


def without_one_record(records: pd.DataFrame) -> pd.DataFrame:
    """The records of a run before one was added: an exposed one of the cohort."""
    chosen = records.index[(records["group"] == 1) & (records["failed"] == 0)]
    return records.drop(chosen[len(chosen) // 2]).reset_index(drop=True)


def attack_runs(runs: list[Study], publish: Callable, limit: int, most: float = np.inf):
    """Tie the rounded tables of two runs together; `most` is how many records were added.

    Returns
    -------
    list of Leak
        Small counts of either run that come out.
    """
    known, truth = Knowledge(), {}
    for number, study in enumerate(runs):
        own = gather(study, publish(study), limit, rounds=True)
        known.parts |= {(number, name) for name in own.parts}
        for fact in own.facts:
            factors = {(number, name): factor for name, factor in fact.factors.items()}
            known.know(factors, fact.low, fact.high, fact.source)
        counts = private_counts(study)
        truth |= {(number, name): count for name, count in counts.items()}
    for _, name in [key for key in truth if key[0] == 1]:
        if (0, name) in truth and _grows(name):
            known.know({(0, name): 1.0, (1, name): -1.0}, 0.0, most, LATER)
    small = {name: count for name, count in truth.items() if 0 < count < limit}
    solver = Solver(known)
    solver.explore(small)
    leaks = []
    for name, count in small.items():
        low, high = solver.interval(name, wanted=1)
        assert low <= count <= high, f"{name} = {count} is not within {low} to {high}"
        if high == low:
            leaks.append(Leak(name, count, low, high, LATER))
    return leaks


def _grows(name: Hashable) -> bool:
    return name[0] in GROWING or (name[0] in OF_COHORT and name[1] == "cohort")
