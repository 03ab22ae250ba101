"""Cumulative incidence of competing events, with cmprsk's variance and log-log intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_labels, check_names, check_number, check_numbers
from seermatch.survival.event_times import EventTimes, require_event_times
from seermatch.survival.risk_table import RiskTable, just_before
from seermatch.survival.without_events import limits_without_events


def cumulative_incidence(
    data: EventTimes, causes: Sequence[int] = (1, 2), *, confidence: float = 0.95
) -> pd.DataFrame:
    """Estimate the cumulative incidence of each cause (Aalen–Johansen).

    Parameters
    ----------
    data : EventTimes
        With weights, patients at risk and events are sums of weights.
    causes : sequence of int
        Codes to estimate; every other code above zero is a competing event.
    confidence : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        One row per cause and distinct time, those with censorings only included: cause, time,
        at_risk (with time >= t), events, estimate, se, low, high. The interval is
        ``F ** exp(±z se / (F log F))``; as in tidycmprsk it is missing where F is 0 (no event yet)
        or 1.

    Raises
    ------
    StudyError
        If an argument is unusable.

    Notes
    -----
    Without weights the variance is that of R's ``cmprsk::cuminc``, which allows for tied times;
    it changes at times of the cause only. With weights it is the infinitesimal jackknife
    ``sum((w_i dF/dw_i) ** 2)`` with weights taken as fixed, as in R's ``survival::survfit``.

    References
    ----------
    R. J. Gray. A class of K-sample tests for comparing the cumulative incidence of a competing
    risk. Annals of Statistics 16 (1988) 1141–1154.

    Examples
    --------
    >>> frame = cumulative_incidence(EventTimes([0, 1, 1, 2, 3], [2, 1, 0, 1, 0]), causes=[1])
    >>> frame[["time", "at_risk", "events", "estimate"]].round(3)
       time  at_risk  events  estimate
    0   0.0        5       0       0.0
    1   1.0        4       1       0.2
    2   2.0        2       1       0.5
    3   3.0        1       0       0.5
    """
    check_number("confidence", confidence, 0, 1)
    for cause in check_numbers("causes", causes):
        check_number("causes", cause, 1, closed=True, whole=True)
    if require_event_times(data).weights is not None:
        data = data.take(data.weights > 0)
    squares = None
    if data.weights is not None:
        squares = RiskTable.count(data.time, data.event, data.weights**2)
    frames = [_of_cause(data.risk_table, squares, int(cause), confidence) for cause in causes]
    return pd.concat(frames, ignore_index=True)


def _of_cause(table: RiskTable, squares: RiskTable | None, cause: int, confidence) -> pd.DataFrame:
    """Estimate one cause; `squares` are sums of squared weights."""
    at_risk = table.at_risk
    events = _deaths_of(table, cause)
    survival_before = just_before(table.survival, 1.0)
    incidence = np.cumsum(survival_before * events / at_risk)
    if squares is None:
        variance = _cmprsk_variance(table, events)
    else:
        own = _deaths_of(squares, cause)
        states = np.array([squares.censored, own, squares.failures - own])
        variance = _jackknife_variance(table, events, states)
    se = np.sqrt(variance)
    low, high = _log_log_interval(incidence, se, confidence)
    return pd.DataFrame(
        {
            "cause": cause,
            "time": table.times.astype(np.float64),
            "at_risk": at_risk,
            "events": events,
            "estimate": incidence,
            "se": se,
            "low": low,
            "high": high,
        }
    )


def _deaths_of(table: RiskTable, cause: int) -> np.ndarray:
    """Events of one code, which nobody may have."""
    if cause > len(table.deaths):
        return np.zeros_like(table.at_risk)
    return table.deaths[cause - 1]


def incidence_by_group(
    data: EventTimes,
    group: Sequence[int],
    group_labels: Mapping[int, str],
    cause_labels: Sequence[str],
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Estimate the cumulative incidence of each cause in each group.

    Parameters
    ----------
    data, confidence
        As in `cumulative_incidence`.
    group : array_like, shape (n,)
        Group of each patient.
    group_labels : mapping
        From the values in `group` to the names of the groups, in the order of the rows.
    cause_labels : sequence of str
        Names of the causes 1, 2, ...

    Returns
    -------
    pandas.DataFrame
        ``cause`` and ``group`` (ordered as given, categorical), then the columns of
        `cumulative_incidence` at the distinct times of the group. A group without an event of the
        cause has Wilson's limits (`seermatch.survival.without_events`).

    Raises
    ------
    StudyError
        If a group has no patients or a patient no named group, or an argument is unusable.

    Examples
    --------
    >>> data, labels = EventTimes([1, 2, 2, 3], [1, 2, 1, 0]), {0: "M0", 1: "M0(i+)"}
    >>> frame = incidence_by_group(data, [0, 0, 1, 1], labels, ["cancer", "other"])
    >>> frame.loc[:3, ["cause", "group", "time", "estimate"]]
        cause   group  time  estimate
    0  cancer      M0   1.0       0.5
    1  cancer      M0   2.0       0.5
    2  cancer  M0(i+)   2.0       0.5
    3  cancer  M0(i+)   3.0       0.5
    """
    group = check_labels("group", group, require_event_times(data).n)
    names = check_names("cause_labels", cause_labels)
    unknown = np.setdiff1d(pd.unique(group), list(group_labels))
    if unknown.size:
        raise StudyError(f"group: {unknown[0]} has no label; name it or exclude its patients.")
    frames = []
    for value, label in group_labels.items():
        if not (rows := group == value).any():
            raise StudyError(f"group: there are no patients in {label}.")
        own = data.take(rows)
        frame = cumulative_incidence(own, range(1, len(names) + 1), confidence=confidence)
        frame = pd.concat(
            limits_without_events(part, own, survival=False, confidence=confidence)
            for _, part in frame.groupby("cause", sort=False)
        )
        frame.insert(1, "group", label)
        frames.append(frame)
    result = pd.concat(frames, ignore_index=True)
    result["cause"] = pd.Categorical.from_codes(result["cause"].to_numpy() - 1, names)
    result["group"] = pd.Categorical(result["group"], list(group_labels.values()))
    return result.sort_values("cause", kind="stable", ignore_index=True)


def _tie_factor(events: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Correction of a binomial variance for several events at one time."""
    several = events > 1
    return 1 - np.where(several, (events - 1) / np.where(several, at_risk - 1, 1), 0)


def _cmprsk_variance(table: RiskTable, events: np.ndarray) -> np.ndarray:
    """Variance of the cumulative incidence as in cmprsk, at every distinct time.

    It is ``v1 + F² v3 − 2 F v2`` with three running sums over the times up to t. A time with
    competing events enters them with ``c = F/S``, one with events of the cause with ``1 + F/S``.
    """
    at_risk, after, competing = table.at_risk, table.survival, table.failures - events
    before = just_before(after, 1.0)
    incidence = np.cumsum(before * events / at_risk)
    inverse = np.divide(1, after, out=np.zeros_like(after), where=after > 0)
    sums = [np.zeros_like(before) for _ in range(3)]
    for count, c in (
        (np.where(after > 0, competing, 0), incidence * inverse),
        (events, 1 + incidence * inverse),
    ):
        tau = (before / at_risk) ** 2 * count * _tie_factor(count, at_risk)
        for running, factor in zip(sums, (c * c, c * inverse, inverse * inverse), strict=True):
            running += factor * tau
    v1, v2, v3 = (np.cumsum(s) for s in sums)
    variance = v1 + incidence**2 * v3 - 2 * incidence * v2
    # cmprsk evaluates it at times of the cause and keeps it until the next one
    latest = np.maximum.accumulate(np.where(events > 0, np.arange(len(events)), -1))
    return np.where(latest < 0, 0.0, np.maximum(variance[latest], 0.0))


def _jackknife_variance(table: RiskTable, events: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Infinitesimal jackknife variance of a weighted cumulative incidence, linear in the times.

    The derivative of F(t) by a patient's weight depends on time and kind of the end of follow-up
    only: censored, the cause, a competing event (rows of `squares`, sums of squared weights). Of
    those still followed at t it is one common term; of those gone at u it is ``p + q F(t)``, where
    p and q depend on u. F is counted from its end, F(end) - F(t), which is as small as the
    survival that q is divided by.
    """
    at_risk, failures = table.at_risk, table.failures
    hazard, all_hazard = events / at_risk, failures / at_risk
    before = just_before(table.survival, 1.0)
    jump = before * hazard
    survivors = at_risk - failures
    # 0 where all patients at risk fail: nobody's weight changes that
    left = np.divide(1, survivors, out=np.zeros_like(before), where=survivors > 1e-12 * at_risk)
    path = np.cumsum(all_hazard * left)
    followed = np.cumsum(jump * (path - all_hazard * left) - jump / at_risk)
    incidence = np.cumsum(jump)
    rest = incidence[-1] - incidence
    failed, caused = np.array([0, 1, 1])[:, None], np.array([0, 1, 0])[:, None]
    q = path - failed * left
    p = followed + caused * before / at_risk + q * rest
    constant, mixed, square = (
        np.cumsum((squares * factor).sum(axis=0)) for factor in (p * p, p * q, q * q)
    )
    still = np.append(np.cumsum(squares.sum(axis=0)[:0:-1])[::-1], 0.0)
    variance = constant - 2 * rest * mixed + rest**2 * square + followed**2 * still
    return np.where(incidence > 0, np.maximum(variance, 0.0), 0.0)


def _log_log_interval(
    incidence: np.ndarray, se: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval on the scale of log(-log F); missing where F is 0 or 1."""
    z = ndtri((1 + confidence) / 2)
    inside = (incidence > 0) & (incidence < 1 - 1e-12)  # 1 is reached up to rounding only
    f = np.where(inside, incidence, 0.5)
    width = z * se / (f * np.log(f))
    with np.errstate(over="ignore"):  # near 1 with a large error the limits are 0 and 1
        low, high = f ** np.exp(-width), f ** np.exp(width)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
