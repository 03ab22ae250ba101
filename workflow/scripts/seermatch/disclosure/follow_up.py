"""Disclosure control of outcomes: deaths, numbers of events, numbers at risk.

See `seermatch.disclosure` for what a masked count is. Curves and models are estimates, not counts,
and are not masked.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seermatch.disclosure.characteristics import QUARTERS
from seermatch.disclosure.count_system import CountSystem, refuse_small_group
from seermatch.tables import numbers_at_risk

CAUSES = ("deaths_breast_cancer", "deaths_other")
FOLLOW_UP_TIMES = ("median", "q1", "q3", "maximum", "reverse_km_median")


def mask_follow_up(followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Mask the deaths of the follow-up table.

    Parameters
    ----------
    followup : pandas.DataFrame
        Rows of ``results/followup.tsv``: the two groups and ``all``, of one or both populations.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        Deaths as nullable integers. Protected are also the survivors of a group, and the deaths
        and survivors among the patients who were not matched. Times of follow-up are missing
        where a quarter of the group is small.

    Raises
    ------
    StudyError
        If a group itself is small.

    Examples
    --------
    >>> frame = pd.DataFrame({"population": "matched", "group": ["0", "1", "all"],
    ...     "n": [80, 40, 120], "median": 30.0, "deaths_breast_cancer": [10, 2, 12],
    ...     "deaths_other": [9, 6, 15]})
    >>> mask_follow_up(frame, 5)["deaths_breast_cancer"].tolist()
    [<NA>, <NA>, 12]
    """
    if not minimum:
        return followup
    table = followup.reset_index(drop=True)
    for row in table.itertuples():
        refuse_small_group(row.group, row.n, minimum)
    table = table.astype(dict.fromkeys(CAUSES, "Int64"))
    system = CountSystem()
    names = {(row.population, str(row.group)): row for row in table.itertuples()}
    for (population, group), row in names.items():
        _add_deaths(system, (population, group), row.n, [getattr(row, c) for c in CAUSES])
    _link_populations(system, names)
    populations = dict.fromkeys(name[0] for name in system.index)
    for population in populations:
        groups = [n[1] for n in system.index if n[0] == population and n[2] == "n"]
        if "all" in groups:
            for count in ("alive", *CAUSES):
                parts = [(population, group, count) for group in groups if group != "all"]
                system.total((population, "all", count), parts)
    masked = system.masked(minimum)
    for row in table.itertuples():
        for cause in CAUSES:
            if (row.population, str(row.group), cause) in masked:
                table.loc[row.Index, cause] = pd.NA
    few = table["n"] < QUARTERS * minimum
    times = [column for column in FOLLOW_UP_TIMES if column in table]
    table = table.astype(dict.fromkeys(times, float))
    table.loc[few, times] = np.nan
    return table


def _add_deaths(system: CountSystem, name, n: float, deaths, hidden: bool = False) -> None:
    """Patients of a group are dead of either cause or alive."""
    system.add((*name, "n"), n, fixed=True)
    for cause, count in zip(CAUSES, deaths, strict=True):
        system.add((*name, cause), count, hidden=hidden)
    system.add((*name, "alive"), n - sum(deaths), hidden=True)
    system.total((*name, "n"), [(*name, count) for count in (*CAUSES, "alive")])


def _link_populations(system: CountSystem, rows: dict) -> None:
    """Who was not matched is the difference between the cohort and the matched cohort."""
    for (population, group), cohort in rows.items():
        matched = rows.get(("matched", group))
        if population != "cohort" or matched is None or cohort.n == matched.n:
            if population == "cohort" and matched is not None:
                for count in ("alive", *CAUSES):
                    system.total(("cohort", group, count), [("matched", group, count)])
            continue
        left = [getattr(cohort, cause) - getattr(matched, cause) for cause in CAUSES]
        _add_deaths(system, ("unmatched", group), cohort.n - matched.n, left, hidden=True)
        for count in ("alive", *CAUSES):
            parts = [("matched", group, count), ("unmatched", group, count)]
            system.total(("cohort", group, count), parts)


def mask_events(models: pd.DataFrame, followup: pd.DataFrame) -> pd.DataFrame:
    """Leave out the numbers of events where the follow-up table masks deaths of matched patients.

    Parameters
    ----------
    models : pandas.DataFrame
        Rows of ``cox.parquet`` or ``fine_gray.parquet`` with `events`.
    followup : pandas.DataFrame
        From `mask_follow_up`.

    Returns
    -------
    pandas.DataFrame
        `events` is missing if any number of deaths is.

    Examples
    --------
    >>> followup = pd.DataFrame({"population": ["matched"], "deaths_breast_cancer": [np.nan],
    ...     "deaths_other": [9]})
    >>> mask_events(pd.DataFrame({"term": ["age"], "events": [12]}), followup)["events"].tolist()
    [nan]
    """
    deaths = followup.loc[followup["population"] == "matched", list(CAUSES)]
    return models.assign(events=np.nan) if deaths.isna().any(axis=None) else models


def mask_curves(curves: pd.DataFrame, marks: Sequence[float], minimum: int) -> pd.DataFrame:
    """Mask the numbers at risk below the curves and in the tables of estimates.

    Parameters
    ----------
    curves : pandas.DataFrame
        Rows of ``kaplan_meier.parquet`` or ``incidence.parquet``: group, time, n_at_risk,
        n_events and, for incidences, cause.
    marks : sequence of float
        Months at which numbers at risk are printed.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        `n_at_risk` stays in the rows that the published marks read and is missing elsewhere;
        `n_events` is missing. The difference between two marks, the patients who died or were
        censored between them, is protected too. The curves themselves are estimates and stay.

    Examples
    --------
    >>> curve = pd.DataFrame({"group": "0", "time": [3, 14, 30], "n_at_risk": [20, 9, 3],
    ...                       "n_events": [1, 1, 1]})
    >>> mask_curves(curve, [0, 12, 24], 5)["n_at_risk"].tolist()
    [20.0, 9.0, nan]
    """
    if not minimum:
        return curves
    curves = curves.reset_index(drop=True)
    keys = [key for key in ("cause", "group") if key in curves]
    marks = sorted({0, *(mark for mark in marks if mark <= curves["time"].max())})
    shown = pd.Series(np.nan, index=curves.index)
    for _, curve in curves.groupby(keys, sort=False, observed=True):
        curve = curve.sort_values("time")
        counts = numbers_at_risk(curve, marks)
        refuse_small_group(curve["group"].iloc[0], counts[0], minimum)
        read = np.searchsorted(curve["time"], marks, side="left")
        masked = _masked_marks(counts, read == len(curve), minimum)
        rows = set(read[~masked & (read < len(curve))]) - set(read[masked])
        kept = curve.index[sorted(rows)]
        shown[kept] = curve.loc[kept, "n_at_risk"].astype(float)
    curves["n_at_risk"] = shown
    if "n_events" in curves:
        curves["n_events"] = np.nan
    return curves


def _masked_marks(counts: np.ndarray, ended: np.ndarray, minimum: int) -> np.ndarray:
    """Find the marks whose number at risk is masked; the first, the group's size, never is."""
    system = CountSystem()
    for mark, count in enumerate(counts):
        system.add(mark, count, fixed=mark == 0 or bool(ended[mark]))
        if mark:
            system.add(("left", mark), counts[mark - 1] - count, hidden=True)
            system.total(mark - 1, [mark, ("left", mark)])
    masked = system.masked(minimum)
    return np.array([mark in masked for mark in range(len(counts))])
