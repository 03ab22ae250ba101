"""Kaplan-Meier survival, its median, and the log-rank test.

Survival and the log-rank test are lifelines'. Standard errors and limits are computed here,
because lifelines gives no standard error of S(t) and only log-log limits.
"""

import warnings

import numpy as np
import pandas as pd
from scipy.special import ndtri

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_choice,
    check_columns,
    check_labels,
    check_number,
    check_numbers,
)
from seermatch.statistics.tests import Test
from seermatch.survival.event_times import EventTimes, require_event_times
from seermatch.survival.risk_table import RiskTable, distinct

INTERVALS = ("log", "log-log", "plain")
CURVES = ("estimate", "low", "high")
LOG_RANK = "log-rank"
_HALF = np.sqrt(np.finfo(float).eps)  # of 0.5; R's tolerance


def kaplan_meier(
    data: EventTimes, *, interval: str = "log", confidence: float = 0.95
) -> pd.DataFrame:
    """Estimate survival at every distinct time.

    Parameters
    ----------
    data : EventTimes
        Every code above 0 is a death. With weights the standard error is the infinitesimal
        jackknife (robust) one of R's survfit instead of Greenwood's.
    interval : {"log", "log-log", "plain"}
        Scale of the confidence limits; "log" is the default of R's survfit.
    confidence : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        time, at_risk (number, or weight, with time >= t), events, estimate, se (of S(t)), low,
        high. As in R, se and limits are NaN once S(t) is 0, and log-log limits are NaN while S(t)
        is 1.

    Raises
    ------
    StudyError
        If an argument is unusable.

    Examples
    --------
    >>> kaplan_meier(EventTimes([1, 2, 2, 3], [1, 1, 0, 0])).round(3).to_dict("list")
    {'time': [1, 2, 3], 'at_risk': [4, 3, 1], 'events': [1, 1, 0], \
'estimate': [0.75, 0.5, 0.5], 'se': [0.217, 0.25, 0.25], 'low': [0.426, 0.188, 0.188], \
'high': [1.0, 1.0, 1.0]}
    """
    check_choice("interval", interval, INTERVALS)
    check_number("confidence", confidence, 0, 1)
    table = require_event_times(data).risk_table
    at_risk, deaths = table.at_risk, table.failures
    survival = _lifelines_survival(table.times, deaths, table.censored)
    # weighted sums may leave a rest of 1e-16 where the last patient died
    ended = np.maximum.accumulate(deaths > at_risk * (1 - 1e-12))
    survival[ended] = 0.0
    if data.weights is not None:
        relative_se = _robust_relative_se(
            table.index, data.event > 0, data.weights, deaths, at_risk, ended
        )
    else:
        relative_se = np.sqrt(np.cumsum(_greenwood_terms(deaths, at_risk)))
    relative_se[ended] = np.nan
    low, high = _limits(survival, relative_se, interval, confidence)
    return pd.DataFrame(
        {
            "time": table.times,
            "at_risk": at_risk,
            "events": deaths,
            "estimate": survival,
            "se": survival * relative_se,
            "low": low,
            "high": high,
        }
    )


def _lifelines_survival(times, died, censored) -> np.ndarray:
    """Survival at each time from the sums over the patients who die and are censored there."""
    from lifelines import KaplanMeierFitter

    weights = np.r_[died, censored].astype(float)
    is_death = np.repeat([True, False], len(times))
    some = weights > 0
    with warnings.catch_warnings():
        # fractional weights and the logarithm of S(t) = 0 in limits that are not used here
        warnings.simplefilter("ignore")
        fit = KaplanMeierFitter().fit(
            np.r_[times, times][some], is_death[some], weights=weights[some]
        )
    return fit.survival_function_.iloc[:, 0].reindex(times).to_numpy(copy=True)


def _greenwood_terms(n_events, n_at_risk) -> np.ndarray:
    survivors = n_at_risk - n_events
    return np.divide(
        n_events, n_at_risk * survivors, out=np.zeros(len(n_events)), where=survivors > 0
    )


def _robust_relative_se(index, event, weight, n_events, n_at_risk, ended) -> np.ndarray:
    """Infinitesimal-jackknife standard error of log S(t), linear in n.

    The influence of a patient on log S(t) is B(min(T, t)) - [died by t] a(T), where a is
    1 / (survivors) at a time and B sums hazard times a; so only the squares of those already gone
    and one common term for those still followed are needed at each time.
    """
    survivors = np.where(ended, 1.0, n_at_risk - n_events)
    a = np.where(ended, 0.0, 1 / survivors)
    b = np.cumsum(a * n_events / n_at_risk)
    gone = np.bincount(index, weights=(weight * (b[index] - event * a[index])) ** 2).cumsum()
    squares = np.bincount(index, weights=weight**2)
    followed = squares.sum() - squares.cumsum()
    return np.sqrt(gone + b**2 * followed)


def _limits(survival, relative_se, interval, confidence) -> tuple[np.ndarray, np.ndarray]:
    z = ndtri(0.5 + confidence / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        if interval == "plain":
            low, high = survival * (1 - z * relative_se), survival * (1 + z * relative_se)
        elif interval == "log":
            low, high = survival * np.exp(-z * relative_se), survival * np.exp(z * relative_se)
        else:
            log_survival = np.log(np.where(survival < 1, survival, np.nan))
            width = z * relative_se / log_survival
            low, high = np.exp(log_survival * np.exp(-width)), np.exp(log_survival * np.exp(width))
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def median_survival(curve: pd.DataFrame, column: str = "estimate") -> float:
    """Median of a Kaplan-Meier curve, as R's ``quantile`` of a survfit object.

    Parameters
    ----------
    curve : DataFrame
        As returned by `kaplan_meier`.
    column : {"estimate", "low", "high"}
        The curve that is read; the two others give the confidence limits of the median.

    Returns
    -------
    float
        The first time with S(t) below 0.5; if the curve runs at exactly 0.5 (as far as rounding
        tells), midway from there to the next death or, without one, to the end of follow-up; NaN
        if 0.5 is never reached. R's ``print`` gives the start of a last flat part instead of its
        middle.

    Raises
    ------
    StudyError
        If the curve lacks a column or has a missing time or survival.

    Examples
    --------
    >>> median_survival(kaplan_meier(EventTimes([1, 2, 3, 4], [1, 1, 1, 1])))
    2.5
    >>> curve = kaplan_meier(EventTimes([1, 2, 3, 4], [1, 1, 0, 0]))
    >>> [median_survival(curve, column) for column in ("estimate", "low", "high")]
    [3.0, 1.0, nan]
    """
    check_choice("column", column, CURVES)
    check_columns("curve", curve, ["time", column])
    times = np.r_[0.0, check_numbers("curve: time", curve["time"], low=0)]
    values = check_numbers(f"curve: {column}", curve[column], finite=column == "estimate")
    # as R does: by distinct values, since limits may rise again; missing ones come last
    fallen, first = np.unique(np.r_[0.0, 1 - values], return_index=True)
    last = fallen[np.argmax(first)]
    fallen = fallen[~np.isnan(fallen)]
    at, beyond = np.searchsorted(fallen, [0.5 - _HALF, 0.5 + _HALF])
    if at < len(fallen) and abs(last - 0.5) < _HALF:
        return float((times[first[at]] + times[-1]) / 2)
    if beyond == len(fallen):
        return float("nan")
    return float((times[first[at]] + times[first[beyond]]) / 2)


def logrank_test(data: EventTimes, group: np.ndarray) -> Test:
    """Compare survival between groups by the log-rank test.

    Parameters
    ----------
    data : EventTimes
        Every code above 0 is a death. Weights and clusters are not allowed for.
    group : array_like, shape (n,)
        Two or more distinct values.

    Returns
    -------
    Test
        Chi-square with (groups - 1) degrees of freedom.

    Raises
    ------
    StudyError
        If an argument is unusable, or there are fewer than two groups or no death.

    Examples
    --------
    >>> test = logrank_test(EventTimes([1, 2, 3, 4], [1, 1, 1, 1]), [0, 0, 1, 1])
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (2.8824, 1, 0.0896)
    """
    table = _by_group(data, group)
    if table.deaths.shape[2] < 2:
        raise StudyError("group: the log-rank test needs two groups, but there is one only.")
    if not table.deaths.any():
        raise StudyError("event: the log-rank test needs deaths, but nobody died.")
    from lifelines.statistics import multivariate_logrank_test

    # patients who leave at each time, per group, alive and dead: all that the test depends on
    leaving = np.stack([table.censored, table.failures], axis=-1)
    cells = np.argwhere(leaving)
    result = multivariate_logrank_test(
        table.times[cells[:, 0]], cells[:, 1], cells[:, 2], weights=leaving[leaving > 0]
    )
    df = table.deaths.shape[2] - 1
    return Test(LOG_RANK, float(result.test_statistic), df, float(result.p_value))


def expected_deaths(data: EventTimes, group: np.ndarray) -> pd.DataFrame:
    """Count the deaths of each group, and those expected if all shared one hazard.

    Parameters
    ----------
    data, group
        As in `logrank_test`.

    Returns
    -------
    DataFrame
        Index the groups in ascending order; observed, expected.

    Examples
    --------
    >>> expected_deaths(EventTimes([1, 2, 3, 4], [1, 1, 1, 1]), [0, 0, 1, 1]).round(3).values
    array([[2.   , 0.833],
           [2.   , 3.167]])
    """
    table = _by_group(data, group)
    hazard = table.failures.sum(axis=1) / table.at_risk.sum(axis=1)
    columns = {"observed": table.failures.sum(axis=0), "expected": hazard @ table.at_risk}
    return pd.DataFrame(columns, index=distinct(np.asarray(group))[0])


def _by_group(data: EventTimes, group: np.ndarray) -> RiskTable:
    """Count patients of each group, without weights."""
    code = distinct(check_labels("group", group, require_event_times(data).n))[1]
    return RiskTable.count(data.time, data.event, group=code)
