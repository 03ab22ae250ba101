"""Test of proportional subdistribution hazards between two groups."""

from dataclasses import replace

import numpy as np
from scipy.special import chdtrc

from seermatch.subdistribution_likelihood import (
    SubdistributionLikelihood,
    newton_raphson,
    require_information,
)


def proportional_subdistribution_test(
    time: np.ndarray,
    event: np.ndarray,
    group: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
) -> tuple[float, float]:
    """Test whether the group's subdistribution hazard ratio changes linearly with time.

    Parameters
    ----------
    time : array_like, shape (n,)
        Months of follow-up.
    event : array_like, shape (n,)
        0 censored, 1 the event of interest, 2 a competing event.
    group : array_like, shape (n,)
        0 and 1.
    weights : array_like, shape (n,), optional
        Case weights, taken as fixed.
    clusters : array_like, shape (n,), optional
        Matched sets; default each patient on its own.

    Returns
    -------
    statistic, p_value : float
        Chi-square with one degree of freedom.

    Notes
    -----
    Score test for adding group x time to the Fine-Gray model, as ``cox.zph`` does for Cox models,
    but with the sandwich of Fine and Gray (1999), which allows for the estimated censoring
    distribution. R's ``crr`` with ``cov2`` and ``tf`` is the Wald test of the same term.

    Examples
    --------
    >>> time, event = [1, 2, 2, 3, 4, 5, 6, 7], [1, 2, 1, 0, 1, 2, 1, 0]
    >>> statistic, p = proportional_subdistribution_test(time, event, [0, 1, 1, 0, 0, 1, 0, 1])
    >>> round(statistic, 3), round(p, 3)
    (1.973, 0.16)
    """
    group = np.asarray(group, dtype=np.float64)
    likelihood = SubdistributionLikelihood(time, event, group[:, None], weights)
    start = likelihood.evaluate(np.zeros(1))
    require_information(start.information)
    fit = newton_raphson(likelihood.evaluate, start, tolerance=1e-9, max_iterations=25)[0]
    deaths = likelihood.events
    g = likelihood.times - deaths @ likelihood.times / deaths.sum()
    # The residuals are linear in the jumps, but for an event's own part, which gets its g here.
    weighted = likelihood.residuals(replace(fit, jump=fit.jump * g))[0]
    own, mean = np.zeros((2, len(g), 3))
    own[:, 1] = g - 1
    mean[:, 1] = (g - 1) * np.where(deaths > 0, fit.mean[0], 0.0)
    weighted += likelihood.weights * (
        likelihood.spread(own) * likelihood.X[0] - likelihood.spread(mean)
    )
    share = np.where(deaths > 0, fit.mean[0], 0.0) + likelihood.center[0]  # of group 1 at risk
    variance = deaths * share * (1 - share)
    projection = (variance @ g) / variance.sum()
    influence = weighted - projection * likelihood.residuals(fit)[0]
    clusters = np.arange(len(group)) if clusters is None else clusters
    sums = likelihood.sum_by_cluster(influence[None], clusters)[0]
    statistic = float(influence.sum() ** 2 / (sums @ sums))
    return statistic, float(chdtrc(1, statistic))
