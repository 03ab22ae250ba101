"""Differences between the groups on the scale of risks and months, clustered by matched set.

Cumulative incidence by cause, and the area under it: the months lost to that cause up to a
horizon. All standard errors come from each patient's influence on the Aalen-Johansen estimate,
summed within matched sets.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_binary,
    check_names,
    check_number,
    check_numbers,
)
from seermatch.statistics.proportions import wilson_interval
from seermatch.survival.event_times import EventTimes, require_event_times
from seermatch.survival.risk_table import just_before
from seermatch.survival.without_events import effective_number_followed
from seermatch.variables.printed import ALL_CAUSES

COLUMNS = ("measure", "outcome", "month", "reference", "exposed", "difference", "low", "high")


def absolute_effects(
    data: EventTimes,
    group: np.ndarray,
    months: Sequence[float],
    *,
    causes: tuple[str, str] = ("cancer death", "other death"),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare risks and months lost between the groups at fixed horizons.

    Parameters
    ----------
    data : EventTimes
        Codes 1 and 2 are the two causes of death. Without clusters each patient is on its own.
    group : array_like, shape (n,)
        0 reference, 1 exposed.
    months : sequence of float
        Horizons.
    causes : tuple of str
        Names of the causes.
    confidence : float
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        measure, outcome, month, reference, exposed (estimates of each arm), difference (exposed
        minus reference), low, high. Measures: ``cumulative incidence`` (a share) and ``months
        lost`` (area under the incidence) for both causes; ``survival`` and ``restricted mean
        survival`` (months) for ``death of any cause``. Beyond an arm's last follow-up the values
        are missing. Intervals are Wald's; where an arm has no event yet, its part is Wilson's,
        added as Newcombe does (every month of that share may be lost), and where it has nobody
        left, or all died at once, there is none.

    Raises
    ------
    StudyError
        If an argument is unusable, or an arm is empty.

    References
    ----------
    P. K. Andersen. Decomposition of number of life years lost according to causes of death.
    Statistics in Medicine 32 (2013) 5278-5285.
    R. G. Newcombe. Interval estimation for the difference between independent proportions:
    comparison of eleven methods. Statistics in Medicine 17 (1998) 873-890.

    Examples
    --------
    >>> data = EventTimes([1, 2, 3, 4, 1, 2, 3, 4], [1, 0, 2, 0, 0, 1, 1, 0])
    >>> table = absolute_effects(data, [0, 0, 0, 0, 1, 1, 1, 1], [3])
    >>> table.loc[5, ["measure", "outcome"]].tolist(), round(float(table.loc[5, "difference"]), 3)
    (['restricted mean survival', 'death of any cause'], 0.167)
    """
    n = require_event_times(data, largest=2).n
    group = check_binary("group", group, n)
    months = check_numbers("months", months, low=0).tolist()
    causes = check_names("causes", causes, 2)
    check_number("confidence", confidence, 0, 1)
    sets = np.arange(n) if data.clusters is None else data.cluster_index(np.arange(n))
    for code, name in ((0, "reference"), (1, "exposed")):
        if not (group == code).any():
            raise StudyError(f"group: there is no {name} patient.")
    names = [
        *(("cumulative incidence", cause) for cause in causes),
        *(("months lost", cause) for cause in causes),
        ("survival", ALL_CAUSES),
        ("restricted mean survival", ALL_CAUSES),
    ]
    z = ndtri(0.5 + confidence / 2)
    tables = []
    for month in months:
        estimates, reach, influence = [], [], np.zeros((6, n))
        for code in (0, 1):
            rows = group == code
            arm = data.take(rows)
            estimate, own = _arm(arm, float(month))
            estimates.append(estimate)
            reach.append(_reach_without_variance(estimate, own, arm, float(month), confidence))
            influence[:, rows] = own if code else -own
        by_set = np.array([np.bincount(sets, weights=row) for row in influence])
        width = z * np.sqrt((by_set**2).sum(axis=1))
        difference = estimates[1] - estimates[0]
        (down0, up0), (down1, up1) = reach
        below, above = _together(width, down1, up0), _together(width, up1, down0)
        table = pd.DataFrame(names, columns=["measure", "outcome"])
        tables.append(
            table.assign(
                month=month,
                reference=estimates[0],
                exposed=estimates[1],
                difference=difference,
                low=difference - below,
                high=difference + above,
            )
        )
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def _together(width: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Combine half an interval by Wald with those of arms without variance."""
    added = one**2 + other**2
    return np.where(added == 0, width, np.sqrt(width**2 + added))


def _reach_without_variance(
    estimate, influence, arm: EventTimes, month: float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far Wilson's interval of an arm reaches below and above estimates without variance.

    0 where the variance speaks for itself; missing where there were events and still is none, as
    where nobody is left.
    """
    without_events = np.array([0, 0, 0, 0, 1, month])
    largest = np.array([1, 1, month, month, 1, month])
    down, up = np.zeros(6), np.zeros(6)
    for j in np.flatnonzero(~(np.abs(influence) > 1e-12).any(axis=1)):
        down[j] = up[j] = np.nan
        if np.isclose(estimate[j], without_events[j], atol=1e-9):
            followed = effective_number_followed(arm, np.array([month]))[0]
            most = largest[j] * wilson_interval(0.0, followed, confidence)[1]
            down[j], up[j] = (0.0, most) if j < 4 else (most, 0.0)
    return down, up


def _arm(data: EventTimes, month: float) -> tuple[np.ndarray, np.ndarray]:
    """Estimate one arm: six values, and each patient's weighted influence on them (6, n).

    The estimate of a cause is the sum over times u of c(u) S(u-) d(u) / Y(u), with c = 1 up to
    the horizon for the incidence and c = horizon - u for its area. A patient acts on it through
    the hazard of the cause at u, and through S(u-), which carries all that came before.
    """
    n, event = data.n, data.event
    weight = np.ones(n) if data.weights is None else data.weights
    if month > data.time.max():
        return np.full(6, np.nan), np.full((6, n), np.nan)
    table = data.risk_table
    times, at, deaths, at_risk = table.times, table.index, table.deaths, table.at_risk
    hazard = table.failures / at_risk
    before = just_before(table.survival, 1.0)  # S(u-)
    # 0 where all patients at risk die: nobody's weight changes that
    survivors = at_risk * (1 - hazard)
    h = np.divide(1.0, survivors, out=np.zeros(len(at_risk)), where=hazard < 1 - 1e-12)
    path = np.cumsum(hazard * h)
    died = (event > 0) * h[at]
    values, influences = [], []
    for c in ((times <= month).astype(float), np.maximum(month - times, 0.0)):
        for k in (1, 2):
            jump = c * before / at_risk  # what one death at u adds
            g = jump * deaths[k - 1]
            until = np.cumsum(g)
            later = until[-1] - until
            values.append(until[-1])
            through_survival = np.cumsum(g * (path - hazard * h)) + path * later
            own = through_survival[at] - died * later[at]
            own += (event == k) * jump[at] - np.cumsum(g / at_risk)[at]
            influences.append(weight * own)
    values += [1 - values[0] - values[1], month - values[2] - values[3]]
    influences += [-influences[0] - influences[1], -influences[2] - influences[3]]
    return np.array(values), np.array(influences)
