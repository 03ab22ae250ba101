"""Disclosure control of survival and incidence curves: they are published in steps.

A step of a curve at its time tells how many died then. Published are therefore only times between
which each kind of death, and those whose follow-up ended, are none or not a few; and numbers at
risk at chosen months, between which those who left are none or not a few.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.disclosure.count_system import CountSystem

STARTS = {"survival": 1.0, "incidence": 0.0}
BANDS = ("se", "conf_low", "conf_high")


@dataclass(frozen=True)
class Steps:
    """What of the curves of one group may be published.

    Attributes
    ----------
    time : ndarray (t,)
        Distinct times, months.
    at_risk : ndarray (t,)
        Patients followed up to each time at least.
    cuts : tuple of int
        Rows whose estimate is published.
    marks : dict of float to bool
        Month to whether its number at risk is published.
    """

    time: np.ndarray
    at_risk: np.ndarray
    cuts: tuple[int, ...]
    marks: dict[float, bool]

    def row_at(self, month: float) -> int:
        """Last row not after a month; -1 before the first."""
        return int(np.searchsorted(self.time, month, side="right")) - 1

    def released(self) -> list[list[float]]:
        """Give the months at which estimates are known: from each cut to before the next time."""
        ends = np.append(self.time[1:], np.nextafter(self.time[-1], np.inf))
        known = [[float(self.time[row]), float(ends[row])] for row in self.cuts]
        return [[0.0, float(self.time[0])], *known] if self.cuts and self.time[0] > 0 else known


@dataclass(frozen=True)
class Follow:
    """Who of a group died or left when.

    Attributes
    ----------
    time : ndarray (t,)
        Every distinct time, months.
    at_risk : ndarray (t,)
        Patients followed up to each time at least.
    events : ndarray (kinds, t)
        Deaths of each kind at each time.
    """

    time: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray

    def fits(self, minimum: int):
        """Give a function that tells whether between two rows nobody is one of a few."""
        left = self.at_risk - np.append(self.at_risk[1:], 0)
        counts = np.vstack([self.events, left - self.events.sum(axis=0)])
        sums = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)

        def fits(first: int, last: int) -> bool:
            inside = sums[:, last + 1] - sums[:, first + 1]
            return not np.any((inside > 0) & (inside < minimum))

        return fits

    def row_at(self, month: float) -> int:
        """Last row not after a month; -1 before the first."""
        return int(np.searchsorted(self.time, month, side="right")) - 1


def plan_steps(
    groups: Mapping[str, Follow],
    marks: Iterable[float],
    minimum: int,
    *,
    estimates: bool = True,
) -> dict[str, Steps]:
    """Choose what of the curves of both groups may be published.

    Parameters
    ----------
    groups : mapping of str to Follow
        By group.
    marks : iterable of float
        Months that are to be released first, if they can be: in both groups, so that these can
        be compared, then in either. Where not all of them can be, the first ones go first.
    minimum : int
        Smallest count above 0 that may be known.
    estimates : bool
        Whether any estimate may be published.

    Returns
    -------
    dict of str to Steps
        What does not make a step of its own at the end belongs to the last step.

    Examples
    --------
    >>> follow = Follow(np.arange(1, 5), np.array([40, 30, 20, 10]), np.array([[3, 2, 5, 1]]))
    >>> steps = plan_steps({"reference": follow}, [2], 5)["reference"]
    >>> steps.time[list(steps.cuts)].tolist()
    [2, 4]
    """
    fits = {name: follow.fits(minimum) for name, follow in groups.items()}
    last = {name: len(follow.time) - 1 for name, follow in groups.items()}
    wanted = [float(mark) for mark in marks]
    marks = sorted({0.0, *wanted})
    shared = _shared_marks(groups, [*wanted, 0.0], fits, last)
    planned = {}
    for name, follow in groups.items():
        mine = [mark for mark in marks if mark <= follow.time[-1]]
        cuts: list[int] = []
        if estimates and fits[name](-1, last[name]):
            for months in (shared, mine, follow.time):
                rows = sorted({*cuts, *(follow.row_at(month) for month in months)} - {-1})
                cuts = _refine(rows, cuts or [last[name]], fits[name])
        shown = _marks_shown(follow, mine, minimum)
        planned[name] = Steps(
            follow.time, follow.at_risk, tuple(cuts), dict(zip(mine, shown, strict=True))
        )
    return planned


def _shared_marks(groups: Mapping[str, Follow], marks: Iterable[float], fits, last) -> list[float]:
    """Choose months, those named first, that divide the follow-up of all groups as may be."""
    shared: list[float] = []
    shortest = min(follow.time[-1] for follow in groups.values())
    for mark in marks:
        before = max((month for month in shared if month < mark), default=None)
        after = min((month for month in shared if month > mark), default=None)

        def divides(name, follow, mark=mark, before=before, after=after) -> bool:
            row = follow.row_at(mark)
            start = -1 if before is None else follow.row_at(before)
            end = last[name] if after is None else follow.row_at(after)
            return fits[name](start, row) and fits[name](row, end)

        free = mark <= shortest and mark not in shared
        if free and all(divides(name, follow) for name, follow in groups.items()):
            shared.append(mark)
    return sorted(shared)


def _refine(rows: Sequence[int], cuts: Sequence[int], fits) -> list[int]:
    """Divide each part between cuts at as many of the rows as fit."""
    found = []
    for first, last in zip([-1, *cuts[:-1]], cuts, strict=True):
        found += _divide([row for row in rows if first < row <= last], first, last, fits)
    return found


def _divide(rows: Iterable[int], first: int, last: int, fits) -> list[int]:
    """Take the rows that divide an interval into parts that fit; the last row is one of them."""
    kept = []
    for row in rows:
        if fits(kept[-1] if kept else first, row):
            kept.append(row)
    while kept and kept[-1] != last and not fits(kept[-1], last):
        kept.pop()
    return kept if kept and kept[-1] == last else [*kept, last]


def _marks_shown(follow: Follow, marks: list[float], minimum: int) -> list[bool]:
    """Find the months whose number at risk may be published; at the first it always is."""
    counts = np.append(follow.at_risk, 0)[np.searchsorted(follow.time, marks, side="left")]
    system = CountSystem()
    for mark, count in enumerate([*counts, 0]):
        system.add(mark, count, fixed=mark in (0, len(counts)))
        if mark:
            system.add(("left", mark), counts[mark - 1] - count, hidden=True)
            system.total(mark - 1, [mark, ("left", mark)])
    system.protect(minimum)
    return [system.is_public(mark) for mark in range(len(counts))]


def release_curve(curve: pd.DataFrame, steps: Steps, *, estimates: bool = True) -> pd.DataFrame:
    """Give what may be published of one curve.

    Parameters
    ----------
    curve : pandas.DataFrame
        One row per distinct time of `steps`: time, n_at_risk, n_events, survival or incidence, se
        and limits.
    steps : Steps
        Of its group.
    estimates : bool
        Whether its estimates may be published, besides the numbers at risk.

    Returns
    -------
    pandas.DataFrame
        Rows at month 0, at the released times and at the marks. An estimate is missing at a mark
        that is no released time; `n_events` counts from one released time to the next; numbers at
        risk stand at the marks only.

    Examples
    --------
    >>> curve = pd.DataFrame({"time": [1, 2, 3, 4], "n_at_risk": [40, 30, 20, 10],
    ...     "n_events": [3, 2, 5, 1], "survival": [0.93, 0.86, 0.65, 0.58], "se": 0.1,
    ...     "conf_low": 0.5, "conf_high": 1.0})
    >>> follow = Follow(np.arange(1, 5), np.array([40, 30, 20, 10]), np.array([[3, 2, 5, 1]]))
    >>> steps = plan_steps({"reference": follow}, [2, 3], 5)["reference"]
    >>> release_curve(curve, steps)[["time", "n_at_risk", "n_events", "survival"]]
       time  n_at_risk  n_events  survival
    0   0.0       40.0       NaN      1.00
    1   2.0       30.0       5.0      0.86
    2   3.0       20.0       NaN       NaN
    3   4.0        NaN       6.0      0.58
    """
    estimate = next(name for name in STARTS if name in curve)
    curve = curve.reset_index(drop=True)
    cuts = steps.cuts if estimates else ()
    times = sorted({*steps.marks, *(float(steps.time[row]) for row in cuts)})
    events = curve["n_events"].to_numpy(dtype=float).cumsum()
    at_risk = np.append(curve["n_at_risk"].to_numpy(dtype=float), 0)
    rows = []
    for month in times:
        at = steps.row_at(month)
        row = dict.fromkeys(curve.columns, np.nan) | {"time": month}
        row |= {name: curve[name].iloc[0] for name in ("cause", "group") if name in curve}
        if steps.marks.get(month):
            row["n_at_risk"] = at_risk[np.searchsorted(steps.time, month, side="left")]
        if at in cuts:
            before = [cut for cut in cuts if cut < at]
            row |= {name: curve[name].iloc[at] for name in (estimate, *BANDS) if name in curve}
            if month == steps.time[at]:
                row["n_events"] = events[at] - (events[before[-1]] if before else 0.0)
        elif cuts and month < steps.time[0]:  # nobody has left yet
            row[estimate] = STARTS[estimate]
        rows.append(row)
    return pd.DataFrame(rows, columns=list(curve.columns))
