"""The outcome of the matched patients: their event times, and curves as the files hold them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_labels,
    check_names,
    check_weights,
)
from seermatch.statistics.tests import Test
from seermatch.survival.event_times import EventTimes, category_codes
from seermatch.survival.incidence import incidence_by_group
from seermatch.survival.kaplan_meier import kaplan_meier
from seermatch.survival.without_events import limits_without_events
from seermatch.variables.printed import EVENTS

COUNTS = {"at_risk": "n_at_risk", "events": "n_events", "low": "conf_low", "high": "conf_high"}


def event_times_of(frame: pd.DataFrame, levels: Sequence[str] | None = None) -> EventTimes:
    """Take the event times of a frame, with weights and matched sets where it has them.

    Parameters
    ----------
    frame : pandas.DataFrame
        time (months), event (category, the first level censored); of a matched sample weight and
        matched_set. A single set has no variance between sets, and is no cluster.
    levels : sequence of str, optional
        Levels of the event in the order of their codes; default its own.

    Returns
    -------
    EventTimes

    Examples
    --------
    >>> frame = pd.DataFrame({"time": [3, 5], "matched_set": 1, "weight": 1.0,
    ...     "event": pd.Categorical.from_codes([0, 1], ["censored", "died"])})
    >>> data = event_times_of(frame)
    >>> data.events, data.weights, data.clusters
    (1, None, None)
    """
    check_columns("frame", frame, ["time", "event"])
    event = category_codes(frame["event"], levels)
    sets = several(frame["matched_set"]) if "matched_set" in frame else None
    weights = frame.get("weight")
    weights = None if weights is None else check_weights(weights, len(frame), "weight")
    return EventTimes(frame["time"], event, weights, sets)


def several(matched_set: np.ndarray) -> np.ndarray | None:
    """Give matched sets numbers from 0; None if there is one, which has no variance between sets.

    Parameters
    ----------
    matched_set : array_like, shape (n,)

    Returns
    -------
    numpy.ndarray, shape (n,), or None

    Examples
    --------
    >>> several([1, 1]), several([1, 2])
    (None, array([0, 1]))
    """
    sets = np.unique(check_labels("matched_set", matched_set), return_inverse=True)[1]
    return None if sets.max(initial=0) == 0 else sets


def survival_curves(
    matched: pd.DataFrame, labels: Sequence[str], interval: str = "log"
) -> pd.DataFrame:
    """Estimate overall survival of both groups.

    Parameters
    ----------
    matched : pandas.DataFrame
        time, event, group (0, 1), weight.
    labels : sequence of str
        Of the reference and the exposed group.
    interval : str
        As in `seermatch.survival.kaplan_meier.kaplan_meier`.

    Returns
    -------
    pandas.DataFrame
        group, time, n_at_risk, n_events, survival, se, conf_low, conf_high. A group without deaths
        has Wilson's limits.

    Examples
    --------
    >>> matched = pd.DataFrame({"time": [1, 2, 3], "group": [0, 0, 1], "weight": 1.0,
    ...     "event": pd.Categorical.from_codes([1, 0, 0], EVENTS)})
    >>> survival_curves(matched, ("M0", "M0(i+)"))[["group", "time", "survival"]].values.tolist()
    [['M0', 1, 0.5], ['M0', 2, 0.5], ['M0(i+)', 3, 1.0]]
    """
    check_columns("matched", matched, ["time", "event", "group", "weight"])
    exposed = check_binary("group", matched["group"])
    labels = check_names("labels", labels, 2)
    event, curves = category_codes(matched["event"]), []
    for code, label in enumerate(labels):
        rows = exposed == code
        if rows.any():
            part = matched[rows]
            weight = check_weights(part["weight"], len(part), "weight")
            data = EventTimes(part["time"], event[rows], weight).of()
            curve = limits_without_events(kaplan_meier(data, interval=interval), data)
            curve.insert(0, "group", label)
            curves.append(curve)
    return pd.concat(curves, ignore_index=True).rename(columns=COUNTS | {"estimate": "survival"})


def incidence_curves(matched: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Estimate the cumulative incidence of both causes of death in both groups.

    Parameters
    ----------
    matched, labels
        As in `survival_curves`.

    Returns
    -------
    pandas.DataFrame
        cause, group, time, n_at_risk, n_events, incidence, se, conf_low, conf_high.

    Examples
    --------
    >>> matched = pd.DataFrame({"time": [1, 2, 3, 4], "group": [0, 0, 1, 1], "weight": 1.0,
    ...     "event": pd.Categorical.from_codes([1, 0, 2, 1], EVENTS)})
    >>> curves = incidence_curves(matched, ("M0", "M0(i+)"))
    >>> curves.groupby(["cause", "group"], observed=True)["incidence"].last().tolist()
    [0.5, 0.5, 0.0, 0.5]
    """
    check_columns("matched", matched, ["time", "event", "group", "weight"])
    weight = check_weights(matched["weight"], len(matched), "weight")
    data = EventTimes(matched["time"], category_codes(matched["event"]), weight)
    group = check_binary("group", matched["group"]).astype(np.int64)
    labels = dict(enumerate(check_names("labels", labels, 2)))
    curves = incidence_by_group(data, group, labels, EVENTS[1:])
    return curves.rename(columns=COUNTS | {"estimate": "incidence"})


def tests_table(tests: Sequence[Test]) -> pd.DataFrame:
    """Tabulate tests as the files hold them.

    Parameters
    ----------
    tests : sequence of Test

    Returns
    -------
    pandas.DataFrame
        statistic, df, p_value, test.

    Examples
    --------
    >>> tests_table([Test("log-rank", 2.5, 1, 0.11)]).values.tolist()
    [[2.5, 1, 0.11, 'log-rank']]
    """
    rows = [(test.statistic, test.df, test.p_value, test.name) for test in tests]
    return pd.DataFrame(rows, columns=["statistic", "df", "p_value", "test"])
