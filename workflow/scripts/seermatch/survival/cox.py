"""Cox regression on tied months: Efron's partial likelihood and the variances that follow from it.

Coefficients, the robust and the matched-set variance, and the test of proportional hazards all
come from one likelihood, whose cost is linear in the number of patients. The tests set lifelines
and R beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_choice, check_names
from seermatch.survival.efron import DeathTimes, EfronLikelihood
from seermatch.survival.event_times import cluster_index
from seermatch.survival.fine_gray import wald_test
from seermatch.survival.subdistribution import require_information

MAX_STEPS = 40
TRANSFORMS = ("km", "identity", "rank")


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model with p coefficients.

    Attributes
    ----------
    coef : ndarray (p,)
        Log hazard ratios. Of a model without finite maximum (``converged`` False) the values
        where the likelihood stopped to grow: those of separated columns, and their covariances,
        mean nothing; the others are at their limit.
    covariance : ndarray (p, p)
        Inverse of Efron's information.
    covariance_robust : ndarray (p, p)
        Sandwich, each patient on its own.
    covariance_clustered : ndarray (p, p) or None
        Sandwich with the score residuals summed within clusters.
    loglik, loglik_null : float
        Efron partial log-likelihood at `coef` and at 0.
    n, n_events : int
        Patients and deaths.
    converged : bool
        Whether a finite maximum was found.
    names : tuple of str
        Name of each column.
    """

    coef: np.ndarray
    covariance: np.ndarray
    covariance_robust: np.ndarray
    covariance_clustered: np.ndarray | None
    loglik: float
    loglik_null: float
    n: int
    n_events: int
    converged: bool
    names: tuple[str, ...]

    @property
    def se(self) -> np.ndarray:
        """Model-based standard errors (p,)."""
        return np.sqrt(np.diag(self.covariance))


def fit_cox(
    time: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    clusters: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> CoxFit:
    """Fit a Cox model with Efron's handling of ties.

    Parameters
    ----------
    time : ndarray (n,)
        Follow-up, 0 allowed.
    event : ndarray (n,)
        Whole numbers or bool; every code above 0 is a death.
    X : ndarray (n, p)
        Covariates without intercept, no column dependent on others; without any and with an
        offset, the log-likelihoods are of interest.
    names : sequence of str, optional
        Column names for the result and messages.
    clusters : ndarray (n,), optional
        Matched set of each patient, for `covariance_clustered`.
    weights : ndarray (n,), optional
        Case weights; patients of weight 0 are left out. Use the robust or clustered covariance
        with them.
    offset : ndarray (n,), optional
        Known part of the log hazard; ``-inf`` takes a patient without event out of all risk sets.

    Returns
    -------
    CoxFit
        Separation does not raise: ``converged`` is False. Which columns are separated is the
        question of `seermatch.survival.firth`.

    Raises
    ------
    StudyError
        If an argument is unusable, nobody died, or a column is constant or depends on others among
        those at risk.

    Notes
    -----
    Newton's method, until the coefficients move by less than 1e-9 over the range of the
    covariate; those of nearly dependent columns, which are as large as their standard errors,
    until they move by rounding only. Columns count as dependent where R's survival says so.
    Sandwich (Lin and Wei 1989) of Efron score residuals, without small-sample factor, as in R's
    survival.

    Examples
    --------
    >>> time, event = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 1, 0, 1, 1, 0])
    >>> fit = fit_cox(time, event, np.array([[1.0], [0], [1], [1], [0], [0]]))
    >>> fit.coef.round(4), fit.se.round(4), fit.converged
    (array([1.0731]), array([1.2354]), True)
    """
    data = DeathTimes(time, event, X, weights, offset)
    p = data.X.shape[1]
    names = check_names("names", names, p) if names is not None else [f"x{j + 1}" for j in range(p)]
    null = EfronLikelihood(data, np.zeros(p))
    span = np.ptp(data.X, axis=0)
    require_information(null.information, data.mean_weight.sum() * span**2, names)
    best, coef, converged = _maximise(data, null, span)
    inverse = _inverse(best.information, span, converged)
    residual = best.residuals()
    clustered = None
    if clusters is not None:
        index = cluster_index(clusters, data.n_given, data.rows)
        clustered = _sandwich(inverse, _sum_by(residual, index))
    return CoxFit(
        coef=coef,
        covariance=inverse,
        covariance_robust=_sandwich(inverse, residual),
        covariance_clustered=clustered,
        loglik=best.loglik,
        loglik_null=null.loglik,
        n=len(data.followed),
        n_events=int(np.count_nonzero(data.died)),
        converged=converged,
        names=tuple(names),
    )


def _inverse(information, span, converged) -> np.ndarray:
    """Invert; without a finite maximum, only where the likelihood is not flat."""
    scale = np.outer(1 / span, 1 / span)
    flat = 1e-15 if converged else 1e-9
    return np.linalg.pinv(information * scale, rcond=flat, hermitian=True) * scale


def _maximise(
    data: DeathTimes, null: EfronLikelihood, span
) -> tuple[EfronLikelihood, np.ndarray, bool]:
    """Newton's method with step halving, from 0."""
    coef, best, shortest = np.zeros(len(span)), null, np.inf
    for _ in range(MAX_STEPS):
        step = _inverse(best.information, span, True) @ best.score
        size = np.abs(step * span).max(initial=0.0)
        length = step @ best.score  # squared, in standard errors
        if size < 1e-9 or shortest <= length < 1e-12 * abs(null.loglik):
            return best, coef, True
        shortest = min(shortest, length)
        # under separation, unlike among nearly dependent columns, information vanishes on the way
        vanished = step @ best.information @ step < 0.1 * (step @ null.information @ step)
        trial = EfronLikelihood(data, coef + step)
        rounding = 1e-11 * abs(best.loglik)  # of a sum over all patients
        while not trial.loglik >= best.loglik - rounding and size > 1e-9:
            step, size = step / 2, size / 2
            trial = EfronLikelihood(data, coef + step)
        if not np.isfinite(trial.loglik):
            break
        gain = abs(trial.loglik - best.loglik)
        if size > 0.1 and vanished and gain < 1e-10 * abs(null.loglik):
            break  # far to go and nothing to gain: the maximum is at infinity
        coef, best = coef + step, trial
    return best, coef, False


def _sandwich(inverse, residual) -> np.ndarray:
    return inverse @ (residual.T @ residual) @ inverse


def _sum_by(values, code) -> np.ndarray:
    """Sum within clusters; missing where one cluster is left, which has no variance."""
    if code.max(initial=0) < 1:
        return np.full((1, values.shape[1]), np.nan)
    sums = np.empty((code.max() + 1, values.shape[1]))
    for j, column in enumerate(values.T):
        sums[:, j] = np.bincount(code, weights=column)
    return sums


def proportional_hazards_test(
    fit: CoxFit,
    time: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    *,
    transform: str = "km",
    terms: Sequence[str] | None = None,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Test proportional hazards by a score test of covariate x g(time), as R's ``cox.zph``.

    Parameters
    ----------
    fit : CoxFit
        Model of the same `time`, `event`, `X` and `weights`.
    time, event, X, weights
        As in `fit_cox`.
    transform : {"km", "identity", "rank"}
        g(time): 1 - S(t-) by Kaplan-Meier, time itself, or its rank among all follow-up times.
        A logarithm is not offered: it fails at month 0.
    terms : sequence of str (p,), optional
        Term of each column; columns of one term are tested jointly. Default: the column names.

    Returns
    -------
    DataFrame
        term, statistic, df, p_value; one row per term, the last ``GLOBAL``. Statistic and p-value
        are NaN where the deaths are too few for the test (R's ``cox.zph`` stops there).

    Raises
    ------
    StudyError
        If an argument is unusable, or `fit` and `terms` are not those of the columns of `X`.

    Notes
    -----
    The score test of survival 3.0 and later, not the approximation of Grambsch and Therneau
    (1994). Other columns stay in the model while one term is tested.

    Examples
    --------
    >>> time, event = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 1, 0, 1, 1, 0])
    >>> X = np.array([[1.0], [0], [1], [1], [0], [0]])
    >>> test = proportional_hazards_test(fit_cox(time, event, X), time, event, X)
    >>> test.round(4).to_dict("list")
    {'term': ['x1', 'GLOBAL'], 'statistic': [0.0536, 0.0536], 'df': [1, 1], \
'p_value': [0.8169, 0.8169]}
    """
    check_choice("transform", transform, TRANSFORMS)
    data = DeathTimes(time, event, X, weights)
    p = data.X.shape[1]
    terms = check_names("terms", fit.names if terms is None else terms, p)
    efron = EfronLikelihood(data, fitted_coef(fit, p))
    g = _transformed(transform, data.followed, data.died, data.times)
    g = g - g[data.tie].mean()
    died = data.weight[data.deaths, None] * data.X[data.deaths]
    score = g[data.tie] @ (died - data.mean_weight[:, None] * efron.mean)
    mixed = efron.information_over(g)
    information = np.block([[efron.information, mixed], [mixed.T, efron.information_over(g**2)]])
    rows = []
    for term in [*dict.fromkeys(terms), "GLOBAL"]:
        tested = [j for j in range(p) if term in (terms[j], "GLOBAL")]
        kept = [*range(p), *(p + j for j in tested)]
        u = np.r_[np.zeros(p), score[tested]]
        statistic, _, _ = wald_test(u, information[np.ix_(kept, kept)])
        rows.append((term, statistic, len(tested), float(chdtrc(len(tested), statistic))))
    return pd.DataFrame(rows, columns=["term", "statistic", "df", "p_value"])


def fitted_coef(fit: CoxFit, p: int) -> np.ndarray:
    """Return the coefficients of a fit that has p of them.

    Parameters
    ----------
    fit : CoxFit
        The model.
    p : int
        Columns of the data it is used with.

    Returns
    -------
    numpy.ndarray, shape (p,)

    Raises
    ------
    StudyError
        If the model has another number of columns.
    """
    if not isinstance(fit, CoxFit) or fit.coef.shape != (p,):
        raise StudyError(f"fit must be a Cox model of the {p} columns of X.")
    return fit.coef


def _transformed(transform, time, event, death_times) -> np.ndarray:
    """g(t) at each death time."""
    if transform == "identity":
        return death_times.astype(float)
    if transform == "rank":
        ordered = np.sort(time)
        below = np.searchsorted(ordered, death_times, side="left")
        return (below + np.searchsorted(ordered, death_times, side="right") + 1) / 2
    at_risk = len(time) - np.searchsorted(np.sort(time), death_times, side="left")
    deaths = np.unique(time[event], return_counts=True)[1]
    return 1 - np.r_[1.0, np.cumprod(1 - deaths / at_risk)[:-1]]
