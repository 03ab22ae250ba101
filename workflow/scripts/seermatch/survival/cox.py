"""Cox regression on tied months: Efron's partial likelihood and the variances that follow from it.

The cost is linear in the number of patients. The tests set lifelines and R beside it.
"""

import numpy as np

from seermatch.statistics.checks import column_names
from seermatch.statistics.newton import (
    Rule,
    invert,
    maximize,
    require_information,
    sandwich,
    sum_by_cluster,
)
from seermatch.survival.efron import DeathTimes, EfronLikelihood
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fit import Fit

MAX_STEPS = 40


class _Steps(Rule):
    """Steps on the scale of the covariates, down to 1e-9 of their ranges."""

    slack = 1e-11

    def __init__(self, span: np.ndarray, null: EfronLikelihood):
        self.span, self.null = span, null
        self.rounding = 1e-12 * abs(null.loglik)

    def step(self, curvature, score):
        return invert(curvature, self.span) @ score

    def is_short(self, step, decrement):
        return np.abs(step * self.span).max(initial=0.0) < 1e-9

    def is_hopeless(self, step, now, then):
        """Far to go and nothing to gain.

        Under separation, unlike among nearly dependent columns, information vanishes on the way.
        """
        vanished = step @ now.information @ step < 0.1 * (step @ self.null.information @ step)
        gain = abs(then.loglik - now.loglik)
        far = np.abs(step * self.span).max(initial=0.0) > 0.1
        return far and vanished and gain < 1e-10 * abs(self.null.loglik)


def fit_cox(data: EventTimes, X: np.ndarray) -> Fit:
    """Fit a Cox model with Efron's handling of ties.

    Parameters
    ----------
    data : EventTimes
        Every code above 0 is an event. Patients of weight 0 are left out.
    X : array_like or pandas.DataFrame, shape (n, p)
        Covariates without intercept, no column dependent on others; without any and with an
        offset, the log-likelihoods are of interest.

    Returns
    -------
    Fit
        Separation does not raise: ``converged`` is then False.

    Raises
    ------
    StudyError
        If an argument is unusable, nobody died, or a column is constant or depends on others among
        those at risk (where R's survival says so).

    Notes
    -----
    The sandwich (Lin and Wei 1989) is of Efron score residuals, without small-sample factor, as in
    R's survival.

    Examples
    --------
    >>> data = EventTimes([1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 1, 0])
    >>> fit = fit_cox(data, np.array([[1.0], [0], [1], [1], [0], [0]]))
    >>> fit.coef.round(4), fit.se().round(4), fit.converged
    (array([1.0731]), array([1.2354]), True)
    """
    deaths = DeathTimes(data, X)
    names, p = column_names(X, deaths.X.shape[1]), deaths.X.shape[1]
    null = EfronLikelihood(deaths, np.zeros(p))
    span = np.ptp(deaths.X, axis=0)
    require_information(null.information, deaths.mean_weight.sum() * span**2, names)
    found = maximize(
        lambda coef: EfronLikelihood(deaths, coef),
        np.zeros(p),
        _Steps(span, null),
        MAX_STEPS,
        start=null,
    )
    inverse = invert(found.at.information, span, 1e-15 if found.converged else 1e-9)
    residual = found.at.residuals()
    covariance = {"model": inverse, "robust": sandwich(inverse, residual)}
    if data.clusters is not None:
        sums = sum_by_cluster(residual, data.cluster_index(deaths.rows))
        covariance["clustered"] = sandwich(inverse, sums)
    return Fit(
        model="Cox",
        names=names,
        coef=found.coef,
        covariance=covariance,
        loglik=found.at.loglik,
        loglik_null=null.loglik,
        n=len(deaths.followed),
        events=int(np.count_nonzero(deaths.died)),
        converged=found.converged,
        unclustered="model" if data.weights is None else "robust",
        baseline=found.at.baseline(),
    )
