"""Fine–Gray regression of the subdistribution hazard, grouped by distinct time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_number, check_numbers
from seermatch.survival.subdistribution import (
    SubdistributionLikelihood,
    invert,
    newton_raphson,
    require_information,
)


@dataclass(frozen=True)
class FineGrayFit:
    """Fitted Fine–Gray model of p coefficients.

    Attributes
    ----------
    coef : numpy.ndarray, shape (p,)
        Log subdistribution hazard ratios.
    covariance : numpy.ndarray, shape (p, p)
        Sandwich that allows for the estimated censoring distribution (Fine and Gray 1999).
    covariance_clustered : numpy.ndarray, shape (p, p), or None
        The same with contributions summed within clusters first; None without clusters.
    naive_covariance : numpy.ndarray, shape (p, p)
        Inverse information, which takes the weights of competing events as known.
    loglik, loglik_null : float
        Weighted log partial likelihood at `coef` and at zero.
    iterations : int
        Newton steps taken.
    converged : bool
        False if the steps did not come to rest, as under separation.
    n, n_events : int
        Patients and events of the cause.
    baseline_times, baseline_jumps : numpy.ndarray
        Times of events and jumps of the cumulative baseline subdistribution hazard (all
        covariates zero).
    """

    coef: np.ndarray
    covariance: np.ndarray
    covariance_clustered: np.ndarray | None
    naive_covariance: np.ndarray
    loglik: float
    loglik_null: float
    iterations: int
    converged: bool
    n: int
    n_events: int
    baseline_times: np.ndarray
    baseline_jumps: np.ndarray

    @property
    def se(self) -> np.ndarray:
        """Standard errors from `covariance`."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def se_clustered(self) -> np.ndarray | None:
        """Standard errors from `covariance_clustered`; None without clusters."""
        if self.covariance_clustered is None:
            return None
        return np.sqrt(np.diag(self.covariance_clustered))


def fit_fine_gray(
    time: Sequence[float],
    event: Sequence[int],
    X: np.ndarray,
    *,
    weights: Sequence[float] | None = None,
    clusters: Sequence[int] | None = None,
    offset: np.ndarray | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 25,
) -> FineGrayFit:
    """Fit a Fine–Gray model; cost grows linearly with the number of patients.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up in months, zero or more; ties are many (Breslow).
    event : array_like, shape (n,)
        0 censored, 1 the event of interest, 2 a competing event.
    X : array_like, shape (n, p)
        Covariates without an intercept; without any, the log-likelihoods are of interest.
    weights : array_like, shape (n,), optional
        Case weights, taken as fixed. The likelihood and the censoring distribution are both
        weighted, and contributions to the sandwich carry the weight.
    clusters : array_like, shape (n,), optional
        Matched sets; contributions to the sandwich are summed within them.
    offset : numpy.ndarray, shape (n,), optional
        Known part of the log subdistribution hazard; ``-inf`` takes a patient without event out of
        all risk sets, but not out of the censoring distribution.
    tolerance : float
        Newton's method ends when its step is shorter than this many (naive) standard errors.
    max_iterations : int
        Largest number of steps; a fit that needs more is returned with ``converged=False``.

    Returns
    -------
    FineGrayFit

    Raises
    ------
    StudyError
        If arrays do not fit together, there is no event, or a column of X carries no information
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
    >>> time = [1, 2, 2, 3, 4, 5, 6, 7]
    >>> event = [1, 2, 1, 0, 1, 2, 1, 0]
    >>> fit = fit_fine_gray(time, event, np.array([[0, 1, 1, 0, 0, 1, 0, 1.0]]).T)
    >>> fit.converged, fit.coef.round(4), fit.se.round(4)
    (True, array([-1.5466]), array([1.1251]))
    """
    check_number("tolerance", tolerance, 0, 1)
    check_number("max_iterations", max_iterations, 0, closed=True, whole=True)
    likelihood = SubdistributionLikelihood(time, event, X, weights, offset)
    start = likelihood.evaluate(np.zeros(likelihood.p))
    require_information(start.information, likelihood.largest_information())
    end, iterations, converged = newton_raphson(
        likelihood.evaluate, start, tolerance=tolerance, max_iterations=max_iterations
    )
    inverse = invert(end.information)
    clustered = None
    # on the way to infinity the sum over a risk set may have become 0
    tell = "warn" if converged else "ignore"
    with np.errstate(over=tell, invalid=tell):
        residuals = likelihood.residuals(end)
        covariance = inverse @ (residuals @ residuals.T) @ inverse
        if clusters is not None:
            sums = likelihood.sum_by_cluster(residuals, clusters)
            clustered = inverse @ (sums @ sums.T) @ inverse
    times, jumps = likelihood.baseline(end)
    return FineGrayFit(
        coef=end.beta,
        covariance=covariance,
        covariance_clustered=clustered,
        naive_covariance=inverse,
        loglik=end.loglik,
        loglik_null=start.loglik,
        iterations=iterations,
        converged=converged,
        n=likelihood.n,
        n_events=likelihood.n_events,
        baseline_times=times,
        baseline_jumps=jumps,
    )


def wald_test(
    coef: np.ndarray, covariance: np.ndarray, index: Sequence[int] | None = None
) -> tuple[float, int, float]:
    """Test jointly that coefficients are zero.

    Parameters
    ----------
    coef : array_like, shape (p,)
    covariance : array_like, shape (p, p)
        Any of a fit's covariance matrices.
    index : sequence of int, optional
        The coefficients in question, such as those of one factor; default all.

    Returns
    -------
    statistic : float
        ``b' V^-1 b``.
    df : int
        Number of coefficients.
    p_value : float
        Upper tail of the chi-square distribution. It and the statistic are missing where the
        covariance is singular, as with fewer matched sets than coefficients, or a value missing.

    Raises
    ------
    StudyError
        If shapes do not fit together, or `index` names a coefficient that is not there.

    Examples
    --------
    >>> statistic, df, p = wald_test([1.0, 2.0], [[1.0, 0.0], [0.0, 4.0]], [0, 1])
    >>> statistic, df, round(p, 4)
    (2.0, 2, 0.3679)
    """
    coef = check_numbers("coef", coef, finite=False).astype(float)
    covariance = np.asarray(covariance)
    if covariance.shape != (len(coef), len(coef)):
        raise StudyError(f"covariance must be {len(coef)} by {len(coef)}, as many as coef has.")
    covariance = check_numbers("covariance", covariance.ravel(), finite=False)
    covariance = covariance.astype(float).reshape(len(coef), len(coef))
    index = coefficient_index("index", index, len(coef))
    b, covariance = coef[index], covariance[np.ix_(index, index)]
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    statistic = np.nan
    if scale.all() and np.isfinite(covariance).all() and np.isfinite(b).all():
        correlation = covariance / np.outer(scale, scale)
        if np.linalg.eigvalsh(correlation)[0] > 1e-13:
            statistic = float(b / scale @ np.linalg.solve(correlation, b / scale))
    return statistic, len(b), float(chdtrc(len(b), statistic))


def coefficient_index(name: str, index: Sequence[int] | None, p: int) -> np.ndarray:
    """Return the numbers of some coefficients, or say what is wrong with them.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    index : sequence of int or None
        Numbers from 0, each once; None for all.
    p : int
        Number of coefficients.

    Returns
    -------
    numpy.ndarray of int

    Raises
    ------
    StudyError
        If a number is not that of a coefficient, or is given twice.

    Examples
    --------
    >>> coefficient_index("index", None, 2)
    array([0, 1])
    """
    if index is None:
        return np.arange(p)
    index = check_numbers(name, np.atleast_1d(index))
    for j in index:
        check_number(name, j, 0, p - 1, closed=True, whole=True)
    if len(set(index)) < len(index):
        raise StudyError(f"{name}: a coefficient is named twice.")
    return index.astype(np.int64)


def score_test(
    time: Sequence[float],
    event: Sequence[int],
    X: np.ndarray,
    *,
    weights: Sequence[float] | None = None,
    clusters: Sequence[int] | None = None,
) -> tuple[float, int, float]:
    """Test robustly that all Fine–Gray coefficients are zero, without fitting the model.

    With indicator columns for the groups this takes the place of Gray's test where patients are
    weighted or come in matched sets.

    Parameters
    ----------
    time, event, X, weights, clusters
        As in `fit_fine_gray`.

    Returns
    -------
    statistic : float
        ``U' M^-1 U`` with the score U at zero and M the sum of squares of its independent
        contributions (patients, or clusters).
    df : int
        Number of columns of X.
    p_value : float
        Upper tail of the chi-square distribution. It and the statistic are missing where there are
        fewer matched sets than columns, or where no set tells the groups apart.

    Examples
    --------
    >>> x = np.array([[0, 1, 1, 0, 0, 1, 0, 1.0]]).T
    >>> statistic, df, p = score_test([1, 2, 2, 3, 4, 5, 6, 7], [1, 2, 1, 0, 1, 2, 1, 0], x)
    >>> round(statistic, 4), df, round(p, 4)
    (2.6933, 1, 0.1008)
    """
    likelihood = SubdistributionLikelihood(time, event, X, weights)
    null = likelihood.evaluate(np.zeros(likelihood.p))
    require_information(null.information, likelihood.largest_information())
    residuals = likelihood.residuals(null)
    if clusters is not None:
        residuals = likelihood.sum_by_cluster(residuals, clusters)
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
    return statistic, p, float(chdtrc(p, statistic))
