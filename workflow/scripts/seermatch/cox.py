"""Cox regression on tied months: lifelines' estimate, with the variances that it gets wrong.

The coefficients are lifelines' (Efron's handling of ties), polished by Newton steps. Efron's
score residuals, and with them the robust and the matched-set variance, and the test of
proportional hazards are computed here. All sums are over distinct death times, so the cost is
linear in the number of patients.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from seermatch.errors import StudyError

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


class _DeathTimes:
    """Data sorted into blocks between death times; patients who leave before the first go.

    Block j holds those who leave at or after death time j and before the next, so the risk set
    at death time j is the blocks j, j+1, ...
    """

    def __init__(self, time, event, X, weights):
        time, event = np.asarray(time), np.asarray(event).astype(bool)
        self.times = np.unique(time[event])
        block = np.searchsorted(self.times, time, side="right") - 1
        order = np.argsort(block, kind="stable")
        self.rows = order[np.searchsorted(block[order], 0) :]
        self.block = block[self.rows]
        self.start = np.searchsorted(self.block, np.arange(len(self.times)))
        self.event = event[self.rows]
        self.X = X[self.rows]
        # centred columns keep exp() in range; the partial likelihood does not change
        self.X = self.X - self.X.mean(axis=0)
        self.weight = np.ones(len(self.rows)) if weights is None else weights[self.rows]
        self.deaths = np.flatnonzero(self.event)
        self.tie = self.block[self.deaths]
        first, size = np.unique(self.tie, return_index=True, return_counts=True)[1:]
        self.first, self.size = first, size
        self.fraction = (np.arange(len(self.tie)) - first[self.tie]) / size[self.tie]
        died = self.weight[self.deaths]
        self.mean_weight = (np.add.reduceat(died, first) / size)[self.tie]
        self.death_sum = died @ self.X[self.deaths]

    def per_time(self, values):
        """Sum one value per death within each death time."""
        return np.add.reduceat(values, self.first, axis=0)

    def at_risk(self, values):
        """Sum one value per patient over the risk set of each death time."""
        return np.add.reduceat(values, self.start, axis=0)[::-1].cumsum(axis=0)[::-1]


class _Efron:
    """Efron's partial likelihood and its derivatives at `coef`.

    Of d deaths tied at one time, death k = 0..d-1 sees the risk set less the share k/d of the
    dying (Efron 1977). Weighted deaths count with their mean weight, as in R's survival.
    """

    def __init__(self, data: _DeathTimes, coef: np.ndarray):
        self.data, X, deaths, tie = data, data.X, data.deaths, data.tie
        eta = X @ coef
        self.shift = eta.max()
        self.hazard = np.exp(eta - self.shift)
        self.weighted = data.weight * self.hazard
        dying = self.weighted[deaths]
        total = data.at_risk(self.weighted)
        total_x = data.at_risk(self.weighted[:, None] * X)
        tied, tied_x = data.per_time(dying), data.per_time(dying[:, None] * X[deaths])
        f = data.fraction
        self.s0 = total[tie] - f * tied[tie]
        # a step far too long may leave nothing of a risk set; it is then halved
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            self.mean = (total_x[tie] - f[:, None] * tied_x[tie]) / self.s0[:, None]
            self.jump = data.mean_weight / self.s0
            self.loglik = float(
                data.weight[deaths] @ (eta[deaths] - self.shift)
                - data.mean_weight @ np.log(self.s0)
            )
            if not self.jump.sum() < 1e250:
                self.loglik = -np.inf
        self.score = data.death_sum - data.mean_weight @ self.mean

    def information(self, g: np.ndarray | None = None) -> np.ndarray:
        """Sum of the covariate's covariance over deaths, each time multiplied by `g`."""
        data, deaths, tie = self.data, self.data.deaths, self.data.tie
        factor = np.ones(len(tie)) if g is None else g[tie]
        jump = self.jump * factor
        cumulative = data.per_time(jump).cumsum()[data.block]
        left_out = data.per_time(jump * data.fraction)[tie]
        dead = data.X[deaths]
        square = data.X.T @ ((self.weighted * cumulative)[:, None] * data.X)
        square -= dead.T @ ((self.weighted[deaths] * left_out)[:, None] * dead)
        return square - self.mean.T @ ((data.mean_weight * factor)[:, None] * self.mean)

    def residuals(self) -> np.ndarray:
        """Score residuals of the sorted patients, each multiplied by its weight."""
        data, deaths, tie = self.data, self.data.deaths, self.data.tie
        jump_mean = self.jump[:, None] * self.mean
        a, b = data.per_time(self.jump).cumsum(), data.per_time(jump_mean).cumsum(axis=0)
        a_less = data.per_time(self.jump * data.fraction)
        b_less = data.per_time(jump_mean * data.fraction[:, None])
        residual = b[data.block] - data.X * a[data.block, None]
        # those who die are only partly at risk while the tied deaths take their turns
        residual[deaths] -= b_less[tie] - data.X[deaths] * a_less[tie, None]
        residual *= self.hazard[:, None]
        residual[deaths] += data.X[deaths] - (data.per_time(self.mean) / data.size[:, None])[tie]
        return residual * data.weight[:, None]


def fit_cox(
    time: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    clusters: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> CoxFit:
    """Fit a Cox model with Efron's handling of ties.

    Parameters
    ----------
    time : ndarray (n,)
        Follow-up, 0 allowed.
    event : ndarray (n,)
        True or non-zero for a death.
    X : ndarray (n, p)
        Covariates without intercept, no column dependent on others.
    names : sequence of str, optional
        Column names for the result and messages.
    clusters : ndarray (n,), optional
        Matched set of each patient, for `covariance_clustered`.
    weights : ndarray (n,), optional
        Positive weights. Use the robust or clustered covariance with them.
    start : ndarray (p,), optional
        Where Newton's method begins. Default: lifelines' estimate, which takes most of the time.

    Returns
    -------
    CoxFit
        Separation does not raise: ``converged`` is False. Which columns are separated is the
        question of `seermatch.separation`.

    Raises
    ------
    StudyError
        If nobody died, or a column is constant or depends on others among those at risk.

    Notes
    -----
    Coefficients: lifelines' ``CoxPHFitter``, then Newton steps until they move by less than 1e-9
    over the range of the covariate. Sandwich (Lin and Wei 1989) of Efron score residuals, without
    small-sample factor, as in R's survival.

    Examples
    --------
    >>> time, event = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 1, 0, 1, 1, 0])
    >>> fit = fit_cox(time, event, np.array([[1.0], [0], [1], [1], [0], [0]]))
    >>> fit.coef.round(4), fit.se.round(4), fit.converged
    (array([1.0731]), array([1.2354]), True)
    """
    X = np.asarray(X, dtype=float)
    names = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(X.shape[1]))
    if not np.asarray(event).any():
        raise StudyError("Nobody in this cohort has the event, so no Cox model can be fitted.")
    if weights is not None:
        weights = np.asarray(weights, dtype=float)
        weights = None if np.all(weights == 1) else weights
    data = _DeathTimes(time, event, X, weights)
    null = _Efron(data, np.zeros(X.shape[1]))
    span = np.ptp(data.X, axis=0)
    if not _is_regular(null.information(), span):
        raise StudyError(
            f"Cox model of {', '.join(names)}: a column is constant or depends on the others "
            "among the patients at risk. Leave it out."
        )
    if start is None:
        start = _lifelines_coef(time, event, X, weights)
    best, coef, converged = _maximise(data, null, start, span)
    inverse = _inverse(best.information(), span, converged)
    residual = best.residuals()
    clustered = None
    if clusters is not None:
        code = np.unique(np.asarray(clusters)[data.rows], return_inverse=True)[1]
        clustered = _sandwich(inverse, _sum_by(residual, code))
    return CoxFit(
        coef=coef,
        covariance=inverse,
        covariance_robust=_sandwich(inverse, residual),
        covariance_clustered=clustered,
        loglik=best.loglik,
        loglik_null=null.loglik,
        n=len(X),
        n_events=int(np.count_nonzero(event)),
        converged=converged,
        names=names,
    )


def _lifelines_coef(time, event, X, weights) -> np.ndarray:
    """Coefficients by lifelines; zeros where it gives up (separation)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter
        from lifelines.exceptions import ConvergenceError

        frame = pd.DataFrame(X).add_prefix("x")
        frame["time"], frame["event"] = np.asarray(time), np.asarray(event).astype(bool)
        if weights is not None:
            frame["weight"] = weights
        try:
            # one pass per distinct time; lifelines' own choice may go patient by patient
            fit = CoxPHFitter().fit(
                frame,
                "time",
                "event",
                weights_col=None if weights is None else "weight",
                batch_mode=True,
            )
        except (ConvergenceError, ValueError, np.linalg.LinAlgError):
            return np.zeros(X.shape[1])
    coef = fit.params_.to_numpy()
    return coef if np.all(np.isfinite(coef)) else np.zeros(X.shape[1])


def _is_regular(information, span) -> bool:
    if not np.all(span > 0):
        return False
    scale = 1 / np.sqrt(np.diag(information))
    return bool(np.linalg.eigvalsh(information * np.outer(scale, scale))[0] > 1e-12)


def _inverse(information, span, converged) -> np.ndarray:
    """Invert; without a finite maximum, only where the likelihood is not flat."""
    scale = np.outer(1 / span, 1 / span)
    flat = 1e-15 if converged else 1e-9
    return np.linalg.pinv(information * scale, rcond=flat, hermitian=True) * scale


def _maximise(data: _DeathTimes, null: _Efron, start, span) -> tuple[_Efron, np.ndarray, bool]:
    """Newton's method with step halving, from the better of `start` and 0."""
    coef, best = start, _Efron(data, start)
    if not best.loglik >= null.loglik:
        coef, best = np.zeros_like(start), null
    for _ in range(MAX_STEPS):
        step = _inverse(best.information(), span, True) @ best.score
        size = np.abs(step * span).max()
        if size < 1e-9:
            return best, coef, True
        trial = _Efron(data, coef + step)
        rounding = 1e-11 * abs(best.loglik)  # of a sum over all patients
        while not trial.loglik >= best.loglik - rounding and size > 1e-9:
            step, size = step / 2, size / 2
            trial = _Efron(data, coef + step)
        if not np.isfinite(trial.loglik):
            break
        if size > 0.1 and abs(trial.loglik - best.loglik) < 1e-10 * abs(null.loglik):
            break  # far to go and nothing to gain: the maximum is at infinity
        coef, best = coef + step, trial
    return best, coef, False


def _sandwich(inverse, residual) -> np.ndarray:
    return inverse @ (residual.T @ residual) @ inverse


def _sum_by(values, code) -> np.ndarray:
    return np.column_stack([np.bincount(code, weights=column) for column in values.T])


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
    ValueError
        If `transform` is not one of the three.

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
    if transform not in TRANSFORMS:
        raise ValueError(f"transform: {transform!r} is none of {', '.join(TRANSFORMS)}.")
    X = np.asarray(X, dtype=float)
    weights = None if weights is None else np.asarray(weights, dtype=float)
    data = _DeathTimes(time, event, X, weights)
    efron = _Efron(data, fit.coef)
    g = _transformed(transform, np.asarray(time), np.asarray(event).astype(bool), data.times)
    g = g - g[data.tie].mean()
    died = data.weight[data.deaths, None] * data.X[data.deaths]
    score = g[data.tie] @ (died - data.mean_weight[:, None] * efron.mean)
    mixed = efron.information(g)
    information = np.block([[efron.information(), mixed], [mixed.T, efron.information(g**2)]])
    terms = list(terms) if terms is not None else list(fit.names)
    p = len(terms)
    rows = []
    for term in [*dict.fromkeys(terms), "GLOBAL"]:
        tested = [j for j in range(p) if term in (terms[j], "GLOBAL")]
        kept = [*range(p), *(p + j for j in tested)]
        u = np.r_[np.zeros(p), score[tested]]
        statistic = _score_statistic(u, information[np.ix_(kept, kept)])
        rows.append((term, statistic, len(tested), float(chdtrc(len(tested), statistic))))
    return pd.DataFrame(rows, columns=["term", "statistic", "df", "p_value"])


def _score_statistic(score, information) -> float:
    """Chi-square of a score test; NaN where too few deaths leave the information singular."""
    scale = np.sqrt(np.maximum(np.diag(information), 0))
    if not scale.all():
        return float("nan")
    correlation = information / np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation)[0] < 1e-13:
        return float("nan")
    return float(score / scale @ np.linalg.solve(correlation, score / scale))


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
