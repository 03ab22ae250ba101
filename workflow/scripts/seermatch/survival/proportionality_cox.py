"""Proportional hazards of a Cox model: a score test, Schoenfeld residuals, a spline through them.

Under tied deaths each of them sees its own risk set (Efron), so its residual is taken from the mean
over all tied ones, as in R's survival; lifelines takes it from the whole risk set.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_choice, check_names, check_number, check_numbers
from seermatch.statistics.tests import chi_square, wald_test
from seermatch.survival.efron import DeathTimes, EfronLikelihood
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fit import Fit
from seermatch.survival.risk_table import just_before, product_limit

TRANSFORMS = ("km", "identity", "rank")
LEAST_BEYOND_SPLINE = 5  # deaths more than coefficients of the spline


def proportional_hazards_test(
    fit: Fit,
    data: EventTimes,
    X: np.ndarray,
    *,
    transform: str = "km",
    terms: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Test proportional hazards by a score test of covariate x g(time), as R's ``cox.zph``.

    Parameters
    ----------
    fit : Fit
        Cox model of the same data and `X`.
    data, X
        As in `seermatch.survival.cox.fit_cox`; an offset is not allowed for.
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
    >>> from seermatch.survival.cox import fit_cox
    >>> data = EventTimes([1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 1, 0])
    >>> X = np.array([[1.0], [0], [1], [1], [0], [0]])
    >>> test = proportional_hazards_test(fit_cox(data, X), data, X)
    >>> test.round(4).to_dict("list")
    {'term': ['x1', 'GLOBAL'], 'statistic': [0.0536, 0.0536], 'df': [1, 1], \
'p_value': [0.8169, 0.8169]}
    """
    check_choice("transform", transform, TRANSFORMS)
    data, coef = _deaths(fit, data, X)
    p = len(coef)
    terms = check_names("terms", fit.names if terms is None else terms, p)
    efron = EfronLikelihood(data, coef)
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
        statistic = wald_test(u, information[np.ix_(kept, kept)]).statistic
        found = chi_square("proportional hazards", statistic, len(tested))
        rows.append((term, statistic, found.df, found.p_value))
    return pd.DataFrame(rows, columns=["term", "statistic", "df", "p_value"])


def _deaths(fit: Fit, data: EventTimes, X: np.ndarray) -> tuple[DeathTimes, np.ndarray]:
    """Sort the data of a fit, and give its coefficients."""
    deaths = DeathTimes(data, X)
    if not isinstance(fit, Fit) or fit.coef.shape != (deaths.X.shape[1],):
        raise StudyError(f"fit must be a Cox model of the {deaths.X.shape[1]} columns of X.")
    return deaths, fit.coef


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
    return 1 - just_before(product_limit(deaths / at_risk), 1.0)


def schoenfeld_residuals(
    fit: Fit, data: EventTimes, X: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute scaled Schoenfeld residuals, whose mean at a time estimates beta(t).

    Parameters
    ----------
    fit, data, X
        As in `proportional_hazards_test`.

    Returns
    -------
    time : ndarray (deaths,)
        Of each death, in order.
    residual : ndarray (deaths, p)
        Coefficient, plus the number of deaths times the covariance times the Schoenfeld residual.
        They average to the coefficients.

    Raises
    ------
    StudyError
        If an argument is unusable, or `fit` is no model of the columns of `X`.

    References
    ----------
    P. M. Grambsch, T. M. Therneau. Proportional hazards tests and diagnostics based on weighted
    residuals. Biometrika 81 (1994) 515-526.

    Examples
    --------
    >>> from seermatch.survival.cox import fit_cox
    >>> data = EventTimes([1, 2, 2, 4, 5, 6], [1, 1, 1, 0, 1, 0])
    >>> X = np.array([[1.0], [0], [1], [1], [0], [0]])
    >>> months, residual = schoenfeld_residuals(fit_cox(data, X), data, X)
    >>> months.tolist(), residual[:, 0].round(3).tolist()
    ([1, 2, 2, 5], [2.629, -2.835, 3.227, 1.007])
    """
    data, coef = _deaths(fit, data, X)
    mean = data.per_time(EfronLikelihood(data, coef).mean) / data.size[:, None]
    residual = data.X[data.deaths] - mean[data.tie]
    return data.times[data.tie], coef + len(residual) * residual @ fit.covariance["model"]


def smooth_residuals(
    time: np.ndarray, residual: np.ndarray, points: int = 60, confidence: float = 0.95
) -> pd.DataFrame:
    """Fit a natural cubic spline to residuals by least squares.

    Parameters
    ----------
    time, residual : ndarray (deaths,)
        Of one column, from `schoenfeld_residuals`.
    points : int, default 60
        Number of times, from the first death to the last, at which the spline is read.
    confidence : float, default 0.95
        Coverage of the pointwise band.

    Returns
    -------
    DataFrame
        time, estimate, low, high. Empty where the deaths are too few.

    Raises
    ------
    StudyError
        If an argument is unusable.

    Notes
    -----
    Four degrees of freedom, the constant among them: knots at the first and the last death and at
    the thirds between; those that tied months make equal count once.

    Examples
    --------
    >>> months = np.arange(10.0)
    >>> smooth_residuals(months, 2 - months, points=3)[["time", "estimate"]].round(6)
       time  estimate
    0   0.0       2.0
    1   4.5      -2.5
    2   9.0      -7.0
    """
    time = check_numbers("time", time).astype(float)
    residual = check_numbers("residual", residual, len(time)).astype(float)
    check_number("points", points, 1, closed=True, whole=True)
    check_number("confidence", confidence, 0, 1)
    knots = np.unique(np.quantile(time, [0, 1 / 3, 2 / 3, 1])) if len(time) else time
    freedom = len(time) - len(knots)
    if len(knots) < 2 or freedom < LEAST_BEYOND_SPLINE:
        return pd.DataFrame(columns=["time", "estimate", "low", "high"], dtype=float)
    at = np.linspace(knots[0], knots[-1], points)
    orthogonal, triangle = np.linalg.qr(_natural_spline(time, knots))
    basis = np.linalg.solve(triangle.T, _natural_spline(at, knots).T).T
    coef = orthogonal.T @ residual
    rest = residual - orthogonal @ coef
    width = stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(
        rest @ rest / freedom * (basis**2).sum(axis=1)
    )
    smooth = basis @ coef
    band = {"low": smooth - width, "high": smooth + width}
    return pd.DataFrame({"time": at, "estimate": smooth} | band)


def _natural_spline(time: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Basis of the natural cubic splines (Hastie, Tibshirani and Friedman 2009, 5.4 and 5.5)."""
    scale = knots[-1] - knots[0]
    u, k = (time - knots[0]) / scale, (knots - knots[0]) / scale
    cubes = np.maximum(u[:, None] - k, 0) ** 3
    steps = (cubes[:, :-1] - cubes[:, -1:]) / (k[-1] - k[:-1])
    return np.column_stack([np.ones_like(u), u, steps[:, :-1] - steps[:, -1:]])
