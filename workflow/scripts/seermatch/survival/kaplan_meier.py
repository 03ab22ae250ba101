"""Kaplan-Meier survival, log-rank test and follow-up.

Survival and the log-rank test are lifelines'. Standard errors and limits are computed here,
because lifelines gives no standard error of S(t) and only log-log limits.
"""

import warnings
from dataclasses import dataclass

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
    check_weights,
)
from seermatch.survival.event_times import category_codes, check_events, check_times, distinct

INTERVALS = ("log", "log-log", "plain")
CURVES = ("survival", "conf_low", "conf_high")
_HALF = np.sqrt(np.finfo(float).eps)  # of 0.5; R's tolerance


@dataclass(frozen=True)
class LogRankTest:
    """Log-rank test of equal survival.

    Attributes
    ----------
    statistic, df, p_value : float, int, float
        Chi-square with (groups - 1) degrees of freedom.
    groups : tuple
        The distinct groups in ascending order.
    observed, expected : ndarray (groups,)
        Deaths, and those expected if all groups shared one hazard.
    """

    statistic: float
    df: int
    p_value: float
    groups: tuple
    observed: np.ndarray
    expected: np.ndarray


def kaplan_meier(
    time: np.ndarray,
    event: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    interval: str = "log",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Estimate survival at every distinct time.

    Parameters
    ----------
    time : ndarray (n,)
        Follow-up, 0 allowed.
    event : ndarray (n,)
        Whole numbers or bool; every code above 0 is a death.
    weights : ndarray (n,), optional
        Weights of zero or more. Unless all are 1, the standard error is the infinitesimal jackknife
        (robust) one of R's survfit instead of Greenwood's.
    interval : {"log", "log-log", "plain"}
        Scale of the confidence limits; "log" is the default of R's survfit.
    confidence : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        time, n_at_risk (number, or weight, with time >= t), n_events, survival, se (of S(t)),
        conf_low, conf_high. As in R, se and limits are NaN once S(t) is 0, and log-log limits
        are NaN while S(t) is 1.

    Raises
    ------
    StudyError
        If there is no patient or an argument is unusable.

    Examples
    --------
    >>> kaplan_meier(np.array([1, 2, 2, 3]), np.array([1, 1, 0, 0])).round(3).to_dict("list")
    {'time': [1, 2, 3], 'n_at_risk': [4, 3, 1], 'n_events': [1, 1, 0], \
'survival': [0.75, 0.5, 0.5], 'se': [0.217, 0.25, 0.25], 'conf_low': [0.426, 0.188, 0.188], \
'conf_high': [1.0, 1.0, 1.0]}
    """
    check_choice("interval", interval, INTERVALS)
    check_number("confidence", confidence, 0, 1)
    time, event = _checked(time, event)
    weight = np.ones(len(time)) if weights is None else check_weights(weights, len(time))
    weighted = not np.all(weight == 1)
    times, index = distinct(time)
    n_events = np.bincount(index, weights=weight * event)
    n_censored = np.bincount(index, weights=weight * ~event)
    n_at_risk = (n_events + n_censored)[::-1].cumsum()[::-1]
    survival = _lifelines_survival(times, n_events, n_censored)
    # weighted sums may leave a rest of 1e-16 where the last patient died
    ended = np.maximum.accumulate(n_events > n_at_risk * (1 - 1e-12))
    survival[ended] = 0.0
    if weighted:
        relative_se = _robust_relative_se(index, event, weight, n_events, n_at_risk, ended)
    else:
        relative_se = np.sqrt(np.cumsum(_greenwood_terms(n_events, n_at_risk)))
    relative_se[ended] = np.nan
    low, high = _limits(survival, relative_se, interval, confidence)
    frame = pd.DataFrame(
        {
            "time": times,
            "n_at_risk": n_at_risk,
            "n_events": n_events,
            "survival": survival,
            "se": survival * relative_se,
            "conf_low": low,
            "conf_high": high,
        }
    )
    return frame if weighted else frame.astype({"n_at_risk": "int64", "n_events": "int64"})


def _checked(time, event) -> tuple[np.ndarray, np.ndarray]:
    """Return times of the type given, and who died."""
    time = check_times(time)
    return time, check_events(event, len(time)) > 0


def _lifelines_survival(times, died, censored) -> np.ndarray:
    """Survival at each time from the sums over the patients who die and are censored there."""
    from lifelines import KaplanMeierFitter

    weights = np.r_[died, censored]
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


def median_survival(curve: pd.DataFrame, column: str = "survival") -> float:
    """Median of a Kaplan-Meier curve, as R's ``quantile`` of a survfit object.

    Parameters
    ----------
    curve : DataFrame
        As returned by `kaplan_meier`.
    column : {"survival", "conf_low", "conf_high"}
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
    >>> median_survival(kaplan_meier(np.array([1, 2, 3, 4]), np.ones(4)))
    2.5
    >>> curve = kaplan_meier(np.array([1, 2, 3, 4]), np.array([1, 1, 0, 0]))
    >>> [median_survival(curve, column) for column in ("survival", "conf_low", "conf_high")]
    [3.0, 1.0, nan]
    """
    check_choice("column", column, CURVES)
    check_columns("curve", curve, ["time", column])
    times = np.r_[0.0, check_numbers("curve: time", curve["time"], low=0)]
    values = check_numbers(f"curve: {column}", curve[column], finite=column == "survival")
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


def logrank_test(time: np.ndarray, event: np.ndarray, group: np.ndarray) -> LogRankTest:
    """Compare survival between groups by the log-rank test.

    Parameters
    ----------
    time, event : ndarray (n,)
        As in `kaplan_meier`.
    group : ndarray (n,)
        Two or more distinct values.

    Returns
    -------
    LogRankTest

    Raises
    ------
    StudyError
        If an argument is unusable, or there are fewer than two groups or no death.

    Examples
    --------
    >>> test = logrank_test(np.array([1, 2, 3, 4]), np.ones(4), np.array([0, 0, 1, 1]))
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4), test.expected.round(3).tolist()
    (2.8824, 1, 0.0896, [0.833, 3.167])
    """
    time, event = _checked(time, event)
    groups, code = distinct(check_labels("group", group, len(time)))
    if len(groups) < 2:
        raise StudyError("group: the log-rank test needs two groups, but there is one only.")
    if not event.any():
        raise StudyError("event: the log-rank test needs deaths, but nobody died.")
    from lifelines.statistics import multivariate_logrank_test

    times, index = distinct(time)
    # patients who leave at each time, per group, alive and dead: all that the test depends on
    shape = (len(times), len(groups), 2)
    leaving = np.bincount((index * len(groups) + code) * 2 + event, minlength=np.prod(shape))
    leaving = leaving.reshape(shape)
    cells = np.argwhere(leaving)
    result = multivariate_logrank_test(
        times[cells[:, 0]], cells[:, 1], cells[:, 2], weights=leaving[leaving > 0]
    )
    at_risk = leaving.sum(axis=2)[::-1].cumsum(axis=0)[::-1]
    hazard = leaving[:, :, 1].sum(axis=1) / at_risk.sum(axis=1)
    return LogRankTest(
        statistic=float(result.test_statistic),
        df=len(groups) - 1,
        p_value=float(result.p_value),
        groups=tuple(groups.tolist()),
        observed=leaving[:, :, 1].sum(axis=0).astype(float),
        expected=hazard @ at_risk,
    )


def follow_up(frame: pd.DataFrame, population: str, *, group: str = "group") -> pd.DataFrame:
    """Summarise follow-up and deaths per arm.

    Parameters
    ----------
    frame : DataFrame
        Columns `time` (months) and `event` (category: censored, breast cancer death, other death),
        and the arms.
    population : str
        Name written to the first column, such as ``"cohort"`` or ``"matched"``.
    group : str
        Column with the arms; its values are written as text.

    Returns
    -------
    DataFrame
        population, group, n, median, q1, q3, maximum (of the observed times, type 7),
        reverse_km_median (Schemper and Smith 1996: censoring as the event; NaN if not reached),
        deaths_breast_cancer, deaths_other. One row per arm with patients, then ``all``.

    Raises
    ------
    StudyError
        If there is no patient.

    Examples
    --------
    >>> events = ["censored", "breast cancer death", "other death"]
    >>> frame = pd.DataFrame({"group": [0, 0, 1, 1], "time": [10, 20, 30, 40],
    ...     "event": pd.Categorical.from_codes([0, 1, 0, 2], events)})
    >>> table = follow_up(frame, "matched")
    >>> table[["group", "n", "median", "maximum", "deaths_other"]].to_dict("list")
    {'group': ['0', '1', 'all'], 'n': [2, 2, 4], 'median': [15.0, 35.0, 25.0], \
'maximum': [20, 40, 40], 'deaths_other': [0, 1, 1]}
    """
    check_columns("frame", frame, ["time", "event", group])
    check_labels(group, frame[group])
    parts = [(str(label), part) for label, part in frame.groupby(group, observed=True)]
    rows = []
    for label, part in [*parts, ("all", frame)]:
        time, code = check_times(part["time"]), category_codes(part["event"])
        q1, median, q3 = np.quantile(time, (0.25, 0.5, 0.75))
        rows.append(
            {
                "population": population,
                "group": label,
                "n": len(part),
                "median": median,
                "q1": q1,
                "q3": q3,
                "maximum": time.max(),
                "reverse_km_median": median_survival(kaplan_meier(time, code == 0)),
                "deaths_breast_cancer": np.count_nonzero(code == 1),
                "deaths_other": np.count_nonzero(code == 2),
            }
        )
    return pd.DataFrame(rows)
