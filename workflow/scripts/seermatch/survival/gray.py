"""Gray's test for equal cumulative incidence in several groups."""

from collections.abc import Sequence

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_labels, check_number
from seermatch.statistics.tests import Test, chi_square
from seermatch.survival.event_times import EventTimes, require_event_times
from seermatch.survival.risk_table import RiskTable, distinct, just_before, product_limit

GRAY = "Gray's test"


def gray_test(
    data: EventTimes,
    group: Sequence[int],
    *,
    strata: Sequence[int] | None = None,
    rho: float = 0.0,
    cause: int = 1,
) -> Test:
    """Test whether the cumulative incidence of a cause is equal in all groups.

    Parameters
    ----------
    data : EventTimes
        Weights and clusters are not allowed for.
    group : array_like, shape (n,)
        Two groups or more.
    strata : array_like, shape (n,), optional
        Groups are compared within strata and the differences summed.
    rho : float
        Weight of early against late differences: ``(1 - F0(t-)) ** rho``; 0 weighs all alike.
    cause : int
        Code of the event of interest; every other code above zero competes.

    Returns
    -------
    Test
        The same numbers as R's ``cmprsk::cuminc``; missing without an event of the cause. A group
        that nobody was in at any event of the cause costs a degree of freedom (there R gives up).

    Raises
    ------
    StudyError
        If there are fewer than two groups, no stratum holds two of them, or an argument is
        unusable.

    References
    ----------
    R. J. Gray. A class of K-sample tests for comparing the cumulative incidence of a competing
    risk. Annals of Statistics 16 (1988) 1141–1154.

    Examples
    --------
    >>> data = EventTimes([1, 2, 3, 4, 5, 5, 6, 7, 8, 9], [1, 1, 2, 1, 0, 2, 1, 0, 1, 0])
    >>> test = gray_test(data, group=[0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (3.7139, 1, 0.054)
    """
    n = require_event_times(data).n
    groups, group = distinct(check_labels("group", group, n))
    check_number("rho", rho)
    check_number("cause", cause, 1, closed=True, whole=True)
    if len(groups) < 2:
        raise StudyError("group: Gray's test compares two groups or more, but there is one only.")
    stratum = np.zeros(n, dtype=np.int64)
    if strata is not None:
        _, stratum = distinct(check_labels("strata", strata, n))
        cells = np.unique(stratum * len(groups) + group)  # a stratum of one group has one cell
        if np.bincount(cells // len(groups)).max() < 2:
            raise StudyError(
                "strata: each of them holds one group only, so that no groups are compared; leave "
                "out strata that the groups are made of."
            )
    data = data.of(cause)
    score = np.zeros(len(groups))
    variance = np.zeros((len(groups), len(groups)))
    for s in range(stratum.max() + 1):
        rows = stratum == s
        z, v = _score_and_variance(data.take(rows), group[rows], len(groups), rho)
        score += z
        variance += v
    # Rows of the variance sum to zero, so the generalised inverse gives the same statistic
    # whichever group is left out.
    values, vectors = np.linalg.eigh(variance)
    kept = values > 1e-10 * max(values[-1], 1e-300)
    if not kept.any():
        return Test(GRAY, np.nan, len(groups) - 1, np.nan)
    statistic = float(np.sum((vectors[:, kept].T @ score) ** 2 / values[kept]))
    return chi_square(GRAY, statistic, int(kept.sum()))


def _score_and_variance(
    data: EventTimes, group: np.ndarray, n_groups: int, rho: float
) -> tuple[np.ndarray, np.ndarray]:
    """Score and variance of one stratum; arrays run over (time, group) and (time, group, group)."""
    table = RiskTable.count(data.time, data.event, group=group, groups=n_groups)
    failing = table.failures.any(axis=1)
    d1, d2, n = table.deaths[0][failing], table.deaths[1][failing], table.at_risk[failing]
    if not d1.any():
        return np.zeros(n_groups), np.zeros((n_groups, n_groups))

    share = np.divide(1, n, out=np.zeros(n.shape), where=n > 0)
    after = product_limit((d1 + d2) * share)  # Kaplan–Meier of any failure, per group
    before = just_before(after, 1.0)
    incidence_before = just_before(np.cumsum(before * d1 * share, axis=0), 0.0)
    h = np.divide(n, before, out=np.zeros(n.shape), where=n > 0)
    total_h, events = h.sum(axis=1), d1.sum(axis=1)
    pooled = np.cumsum(events / total_h)
    pooled_before = just_before(pooled, 0.0)
    weight = (1 - pooled_before) ** rho

    risk = h * (1 - incidence_before)
    expected = events[:, None] * risk / risk.sum(axis=1, keepdims=True)
    score = np.sum(weight[:, None] * (d1 - expected), axis=0)

    a = np.eye(n_groups) * h[:, :, None] - h[:, :, None] * h[:, None, :] / total_h[:, None, None]
    a *= weight[:, None, None]
    left = 1 - pooled_before
    rate = np.divide(events, total_h * left, out=np.zeros(len(left)), where=left > 0)
    c = np.cumsum(a * rate[:, None, None], axis=0)

    ratio = np.divide((1 - pooled)[:, None], after, out=np.zeros(after.shape), where=after > 0)
    # events of the cause, then competing ones: tau the variance, u the coefficients
    expected_n = total_h[:, None] * before - 1
    tau1 = _tie_factor(events[:, None], expected_n) * before * share * (events / total_h)[:, None]
    theta1 = 1 - ratio
    u1 = a - theta1[:, None, :] * c
    tau2 = _tie_factor(d2, n - 1) * (before * share) ** 2 * d2 * (after > 0)
    u2 = ratio[:, None, :] * c

    variance = np.einsum("tik,tk,tjk->ij", u1, tau1, u1) + np.einsum("tik,tk,tjk->ij", u2, tau2, u2)
    v2 = np.einsum("tik,tk->ik", u1, tau1 * theta1) - np.einsum("tik,tk->ik", u2, tau2 * ratio)
    v3 = np.sum(tau1 * theta1**2 + tau2 * ratio**2, axis=0)
    last = c[-1]
    cross = last @ v2.T
    variance += (last * v3) @ last.T + cross + cross.T
    return score, variance


def _tie_factor(events: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correction for several events at one time: ``1 - (events - 1) / others``."""
    events, others = np.broadcast_arrays(events, others)
    several = (events > 1) & (others != 0)
    return 1 - np.where(several, (events - 1) / np.where(several, others, 1), 0)
