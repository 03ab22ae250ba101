"""Scaled Schoenfeld residuals of a Cox model, and a spline through them.

Under tied deaths each of them sees its own risk set (Efron), so its residual is taken from the mean
over all tied ones, as in R's survival; lifelines takes it from the whole risk set.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_labels,
    check_number,
    check_numbers,
    check_weights,
)
from seermatch.statistics.design_matrix import design_matrix
from seermatch.survival.cox import CoxFit, fit_cox, fitted_coef, proportional_hazards_test
from seermatch.survival.efron import DeathTimes, EfronLikelihood
from seermatch.survival.event_times import category_codes

GROUP = "group"
MODELS = ("univariable", "recommended")
TESTS = ("model", "term", "level", "statistic", "df", "p_value", "status")
RESIDUALS = ("model", "term", "level", "time", "residual")
KINDS = ("smooth", "residual", "constant")
LEAST_BEYOND_SPLINE = 5  # deaths more than coefficients of the spline


@dataclass(frozen=True)
class Proportionality:
    """Whether the hazard ratios of Cox models change over time.

    Attributes
    ----------
    tests : DataFrame
        Columns `TESTS`, one row per column of the models and ``GLOBAL``.
    residuals : DataFrame
        Columns `RESIDUALS`, one row per death and column; records of patients.
    """

    tests: pd.DataFrame
    residuals: pd.DataFrame


def schoenfeld_residuals(
    fit: CoxFit,
    time: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    *,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute scaled Schoenfeld residuals, whose mean at a time estimates beta(t).

    Parameters
    ----------
    fit : CoxFit
        Model of the same `time`, `event`, `X` and `weights`.
    time, event, X, weights
        As in `seermatch.survival.cox.fit_cox`.

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
    >>> time, event = np.array([1, 2, 2, 4, 5, 6]), np.array([1, 1, 1, 0, 1, 0])
    >>> X = np.array([[1.0], [0], [1], [1], [0], [0]])
    >>> months, residual = schoenfeld_residuals(fit_cox(time, event, X), time, event, X)
    >>> months.tolist(), residual[:, 0].round(3).tolist()
    ([1, 2, 2, 5], [2.629, -2.835, 3.227, 1.007])
    """
    data = DeathTimes(time, event, X, weights)
    coef = fitted_coef(fit, data.X.shape[1])
    mean = data.per_time(EfronLikelihood(data, coef).mean) / data.size[:, None]
    residual = data.X[data.deaths] - mean[data.tie]
    return data.times[data.tie], fit.coef + len(residual) * residual @ fit.covariance


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
        time, smooth, conf_low, conf_high. Empty where the deaths are too few.

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
    >>> smooth_residuals(months, 2 - months, points=3)[["time", "smooth"]].round(6)
       time  smooth
    0   0.0     2.0
    1   4.5    -2.5
    2   9.0    -7.0
    """
    time = check_numbers("time", time).astype(float)
    residual = check_numbers("residual", residual, len(time)).astype(float)
    check_number("points", points, 1, closed=True, whole=True)
    check_number("confidence", confidence, 0, 1)
    knots = np.unique(np.quantile(time, [0, 1 / 3, 2 / 3, 1])) if len(time) else time
    freedom = len(time) - len(knots)
    if len(knots) < 2 or freedom < LEAST_BEYOND_SPLINE:
        return pd.DataFrame(columns=["time", "smooth", "conf_low", "conf_high"], dtype=float)
    at = np.linspace(knots[0], knots[-1], points)
    orthogonal, triangle = np.linalg.qr(_natural_spline(time, knots))
    basis = np.linalg.solve(triangle.T, _natural_spline(at, knots).T).T
    coef = orthogonal.T @ residual
    rest = residual - orthogonal @ coef
    width = stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(
        rest @ rest / freedom * (basis**2).sum(axis=1)
    )
    smooth = basis @ coef
    band = {"conf_low": smooth - width, "conf_high": smooth + width}
    return pd.DataFrame({"time": at, "smooth": smooth} | band)


def trace_residuals(residuals: pd.DataFrame) -> pd.DataFrame:
    """Put the residuals of each column beside what is drawn through them.

    Parameters
    ----------
    residuals : DataFrame
        Columns `RESIDUALS`, from `assess_proportionality`.

    Returns
    -------
    DataFrame
        model, term, level, kind, time, value, low, high. Of the kind ``residual`` there is a row
        per death; of the kind ``smooth`` there are those of `smooth_residuals`; one row of the kind
        ``constant`` is the estimate under proportional hazards, the mean of the residuals.

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> one = {"model": "recommended", "term": "age", "level": "", "time": range(12)}
    >>> trace = trace_residuals(pd.DataFrame(one | {"residual": 0.1}))
    >>> trace["kind"].value_counts(sort=False).to_dict()
    {'smooth': 60, 'residual': 12, 'constant': 1}
    """
    names = {"smooth": "value", "residual": "value", "conf_low": "low", "conf_high": "high"}
    keys = ["model", "term", "level"]
    check_columns("residuals", residuals, [*keys, "time", "residual"], empty=True)
    for name in keys:
        check_labels(name, residuals[name])
    numbers = {name: check_numbers(name, residuals[name]) for name in ("time", "residual")}
    residuals = residuals.assign(**numbers)
    columns, parts = [*keys, "kind", "time", "value", "low", "high"], []
    for of, column in residuals.groupby(keys, sort=False):
        smooth = smooth_residuals(column["time"], column["residual"])
        constant = pd.DataFrame({"value": [column["residual"].mean()]})
        frames = (smooth, column[["time", "residual"]], constant)
        for kind, frame in zip(KINDS, frames, strict=True):
            parts.append(
                frame.rename(columns=names).assign(kind=kind, **dict(zip(keys, of, strict=True)))
            )
    filled = [part for part in parts if len(part)]
    trace = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return trace.reindex(columns=columns)


def _natural_spline(time: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Basis of the natural cubic splines (Hastie, Tibshirani and Friedman 2009, 5.4 and 5.5)."""
    scale = knots[-1] - knots[0]
    u, k = (time - knots[0]) / scale, (knots - knots[0]) / scale
    cubes = np.maximum(u[:, None] - k, 0) ** 3
    steps = (cubes[:, :-1] - cubes[:, -1:]) / (k[-1] - k[:-1])
    return np.column_stack([np.ones_like(u), u, steps[:, :-1] - steps[:, -1:]])


def assess_proportionality(matched: pd.DataFrame, models: pd.DataFrame) -> Proportionality:
    """Test proportional hazards in the Cox models of the group alone and of the recommended list.

    Parameters
    ----------
    matched : DataFrame
        One row per patient: the covariates, `group` (0 reference, 1 exposed), `time` (months),
        `event` (category, the first one censored) and `weight`.
    models : DataFrame
        Table of `seermatch.analysis.models.regression_models` for Cox: model, term, level, status.
        Columns that are aliased or separated there have no residuals, and stay out of the model
        here.

    Returns
    -------
    Proportionality
        Each column is tested with the others in the model (transform ``km``); the statistic is
        missing where the deaths are too few, or the column is aliased, separated or without event.

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> matched = pd.DataFrame({"group": np.repeat([0, 1], 60), "weight": 1.0,
    ...     "age": rng.integers(40, 80, 120), "time": rng.integers(1, 60, 120),
    ...     "event": pd.Categorical.from_codes(rng.integers(0, 2, 120), ["censored", "died"])})
    >>> models = pd.DataFrame({"model": ["univariable", "recommended", "recommended"],
    ...     "term": ["group", "age", "group"], "level": ["1", "", "1"], "status": "ok"})
    >>> found = assess_proportionality(matched, models)
    >>> found.tests[["model", "term", "df"]].to_dict("split")["data"]
    [['univariable', 'group', 1], ['recommended', 'age', 1], ['recommended', 'group', 1], \
['recommended', 'GLOBAL', 2]]
    """
    check_columns("matched", matched, ["group", "time", "event", "weight"])
    check_columns("models", models, ["model", "term", "level", "status"])
    for column in ("model", "term", "status"):
        check_labels(column, models[column])
    tests, residuals = [], []
    for model in MODELS:
        rows = models[models["model"] == model].fillna({"level": ""})
        if model == "univariable":
            rows = rows[rows["term"] == GROUP]
        more_tests, more_residuals = _assess_model(matched, rows)
        tests += [(model, *test) for test in more_tests]
        residuals += [frame.assign(model=model) for frame in more_residuals]
    empty = pd.DataFrame(columns=list(RESIDUALS))
    return Proportionality(
        tests=pd.DataFrame(tests, columns=list(TESTS)),
        residuals=pd.concat(residuals, ignore_index=True)[list(RESIDUALS)] if residuals else empty,
    )


def _assess_model(matched: pd.DataFrame, rows: pd.DataFrame) -> tuple[list[tuple], list]:
    """Test the columns of one model, and compute the residuals of each."""
    kept = rows[rows["status"].isin(["ok", "few events"])]
    if kept.empty:
        return [
            (row.term, row.level, np.nan, 1, np.nan, row.status) for row in rows.itertuples()
        ], []
    weights = check_weights(matched["weight"], len(matched), "weight")
    data = {
        "time": matched["time"].to_numpy(),
        "event": category_codes(matched["event"]) > 0,
        "X": _columns(matched, kept),
        "weights": None if np.all(weights == 1) else weights,
    }
    fit = fit_cox(**data, names=[f"{row.term}: {row.level}" for row in kept.itertuples()])
    test = proportional_hazards_test(fit, **data)
    found = dict(zip([*kept.index, "GLOBAL"], test.itertuples(index=False), strict=True))
    nothing = (None, np.nan, 1, np.nan)
    tests = [
        (row.term, row.level, *found.get(row.Index, nothing)[1:], row.status)
        for row in rows.itertuples()
    ]
    if len(rows) > 1:
        tests.append(("GLOBAL", "", *found["GLOBAL"][1:], "ok"))
    time, scaled = schoenfeld_residuals(fit, **data)
    return tests, [
        pd.DataFrame({"term": row.term, "level": row.level, "time": time, "residual": column})
        for row, column in zip(kept.itertuples(), scaled.T, strict=True)
    ]


def _columns(matched: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Columns of a model by term and level, the group as 0 and 1."""
    terms = [term for term in rows["term"].unique() if term != GROUP]
    columns = {}
    if terms:
        design = design_matrix(matched, terms, setting="regression.recommended")
        columns = dict(zip(zip(design.terms, design.levels, strict=True), design.X.T, strict=True))
    group = check_binary(GROUP, matched[GROUP]).astype(float)
    return np.column_stack(
        [group if row.term == GROUP else columns[row.term, row.level] for row in rows.itertuples()]
    )
