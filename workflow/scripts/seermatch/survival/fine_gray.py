"""Fine–Gray regression of the subdistribution hazard, grouped by distinct time."""

import numpy as np

from seermatch.statistics.checks import check_number, column_names
from seermatch.statistics.newton import (
    Rule,
    invert,
    maximize,
    require_information,
    sandwich,
    sum_by_cluster,
)
from seermatch.statistics.tests import Test, chi_square
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fit import Fit
from seermatch.survival.subdistribution import SubdistributionLikelihood

# A separated coefficient grows by about 1 per step; after 15 it has done all the harm to the
# likelihood that it can, and the information can still be inverted.
MAX_STEPS = 15


def fit_fine_gray(data: EventTimes, X: np.ndarray, *, max_steps: int = MAX_STEPS) -> Fit:
    """Fit a Fine–Gray model; cost grows linearly with the number of patients.

    Parameters
    ----------
    data : EventTimes
        Codes 0, 1 and 2. Ties are Breslow's. The likelihood and the censoring distribution are both
        weighted; an offset of ``-inf`` takes nobody out of the latter.
    X : array_like or pandas.DataFrame, shape (n, p)
        Covariates without an intercept; without any, the log-likelihoods are of interest.
    max_steps : int
        Largest number of Newton steps; a fit that needs more is returned with ``converged`` False.

    Returns
    -------
    Fit
        Its sandwiches allow for the estimated censoring distribution.

    Raises
    ------
    StudyError
        If an argument is unusable, there is no event, or a column of X carries no information
        besides the earlier ones.

    Notes
    -----
    A patient with a competing event at T stays at risk with weight ``G(t-) / G(T-)``, where G is
    the Kaplan–Meier estimate of remaining uncensored and ``-`` the value just before. R's
    ``cmprsk::crr`` differs at month 0 only: there it takes ``G(0)`` instead of ``G(0-) = 1``.

    References
    ----------
    J. P. Fine and R. J. Gray. A proportional hazards model for the subdistribution of a competing
    risk. Journal of the American Statistical Association 94 (1999) 496–509.
    B. Zhou, J. Fine, A. Latouche and M. Labopin. Competing risks regression for clustered data.
    Biostatistics 13 (2012) 371–383.

    Examples
    --------
    >>> data = EventTimes([1, 2, 2, 3, 4, 5, 6, 7], [1, 2, 1, 0, 1, 2, 1, 0])
    >>> fit = fit_fine_gray(data, np.array([[0, 1, 1, 0, 0, 1, 0, 1.0]]).T)
    >>> fit.converged, fit.coef.round(4), fit.se().round(4)
    (True, array([-1.5466]), array([1.1251]))
    """
    check_number("max_steps", max_steps, 0, closed=True, whole=True)
    likelihood = SubdistributionLikelihood(data, X)
    names = column_names(X, likelihood.p)
    zero = np.zeros(likelihood.p)
    start = likelihood.evaluate(zero)
    require_information(start.information, likelihood.largest_information(), names)
    found = maximize(likelihood.evaluate, zero, Rule(), max_steps, start=start)
    inverse = invert(found.at.information)
    covariance = {"model": inverse}
    # on the way to infinity the sum over a risk set may have become 0
    tell = "warn" if found.converged else "ignore"
    with np.errstate(over=tell, invalid=tell):
        residuals = likelihood.residuals(found.at).T
        covariance["robust"] = sandwich(inverse, residuals)
        if data.clusters is not None:
            sums = sum_by_cluster(residuals, data.cluster_index(likelihood.rows))
            covariance["clustered"] = sandwich(inverse, sums)
    return Fit(
        model="Fine–Gray",
        names=names,
        coef=found.coef,
        covariance=covariance,
        loglik=found.at.loglik,
        loglik_null=start.loglik,
        n=likelihood.n,
        events=likelihood.n_events,
        converged=found.converged,
        unclustered="robust",
        baseline=likelihood.baseline(found.at),
        curve="incidence",
    )


def score_test(data: EventTimes, X: np.ndarray) -> Test:
    """Test robustly that all Fine–Gray coefficients are zero, without fitting the model.

    With indicator columns for the groups this takes the place of Gray's test where patients are
    weighted or come in matched sets.

    Parameters
    ----------
    data, X
        As in `fit_fine_gray`; without competing events it is the score test of Cox's model.

    Returns
    -------
    Test
        Chi-square ``U' M^-1 U`` with the score U at zero and M the sum of squares of its
        independent contributions (patients, or clusters). It is missing where there are fewer
        matched sets than columns, or where no set tells the groups apart.

    Examples
    --------
    >>> data = EventTimes([1, 2, 2, 3, 4, 5, 6, 7], [1, 2, 1, 0, 1, 2, 1, 0])
    >>> test = score_test(data, np.array([[0, 1, 1, 0, 0, 1, 0, 1.0]]).T)
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (2.6933, 1, 0.1008)
    """
    likelihood = SubdistributionLikelihood(data, X)
    null = likelihood.evaluate(np.zeros(likelihood.p))
    require_information(null.information, likelihood.largest_information())
    residuals = likelihood.residuals(null)
    if data.clusters is not None:
        residuals = sum_by_cluster(residuals.T, data.cluster_index(likelihood.rows)).T
    p, n_contributions = residuals.shape
    length = np.linalg.norm(residuals, axis=1)
    statistic = np.nan
    # contributions that cancel within every set leave rounding behind
    if n_contributions >= p and (length**2 >= 1e-20 * np.diag(null.information)).all():
        # U' M^-1 U is the squared length of the ones projected on the contributions; forming M
        # would cost half the digits
        _, singular, basis = np.linalg.svd(residuals / length[:, None], full_matrices=False)
        if singular[-1] ** 2 > 1e-13:
            statistic = float((basis.sum(axis=1) ** 2).sum())
    return chi_square("score test", statistic, p)
