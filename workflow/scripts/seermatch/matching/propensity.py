"""Propensity score: the log odds of belonging to the exposed group given the covariates.

Patients with the same covariates form a pattern, and each pattern's score is computed once, so
that such patients have the same score to the last bit and matching sees the tie.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.matching.score_separation import Cell, describe_cells, find_cells
from seermatch.statistics.checks import (
    check_binary,
    check_choice,
    check_columns,
    check_matrix,
    check_names,
)
from seermatch.statistics.design_matrix import aliased_columns, describe_aliasing, design_matrix


@dataclass(frozen=True)
class PropensityFit:
    """A fitted propensity model.

    Attributes
    ----------
    linear_predictor : numpy.ndarray, shape (n,)
        Log odds of being exposed, in the order of the rows; missing for patients of `cells`, who
        are not in the pool.
    coefficients : pandas.DataFrame
        Columns term, level, coef, se; the first row is the intercept. An aliased term has NaN.
    aliased : dict of str to str
        For each aliased column the equation that makes it redundant.
    n_patterns : int
        Number of distinct covariate patterns.
    cells : pandas.DataFrame
        Cells of one group only: columns cell, term, level, n_reference, n_exposed, one row for
        each term of each cell; the level is empty where a number is among the cell's terms.
    """

    linear_predictor: np.ndarray
    coefficients: pd.DataFrame
    aliased: dict[str, str]
    n_patterns: int
    cells: pd.DataFrame

    @property
    def probability(self) -> np.ndarray:
        """Probability of being exposed, shape (n,)."""
        from scipy.special import expit

        return expit(self.linear_predictor)

    def distance(self, link: str = "logit") -> np.ndarray:
        """Return what patients are matched on.

        Parameters
        ----------
        link : {"logit", "probability"}
            The linear predictor (MatchIt's ``link="linear.logit"``) or the fitted probability
            (MatchIt's default).

        Returns
        -------
        numpy.ndarray, shape (n,)
        """
        check_choice("link", link, ("logit", "probability"))
        return self.linear_predictor if link == "logit" else self.probability


def estimate_propensity(
    frame: pd.DataFrame, covariates: Sequence[str], group: str = "group"
) -> PropensityFit:
    """Fit the logistic regression of the group on the covariates by maximum likelihood.

    statsmodels' binomial GLM is fitted to the counts of exposed and reference patients of each
    distinct pattern. Columns that depend on earlier ones are left out, as R does. Patients of a
    level, or of a combination found by linear programmes, that holds one group only are taken out
    of the pool (`seermatch.matching.score_separation`); the model is that of the others.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per patient.
    covariates : sequence of str
        Columns of `frame`, in model order.
    group : str
        Column with 0 for reference and 1 for exposed patients.

    Returns
    -------
    PropensityFit
        Does not depend on the order of the rows.

    Raises
    ------
    StudyError
        If a group is empty, a covariate cannot be used or the covariates separate the groups, so
        that nobody is left in the pool.

    Examples
    --------
    >>> grade = pd.Categorical(["I-II"] * 40 + ["III"] * 20, categories=["I-II", "III"])
    >>> exposed = [1] * 10 + [0] * 30 + [1] * 10 + [0] * 10
    >>> frame = pd.DataFrame({"group": exposed, "grade": grade})
    >>> fit = estimate_propensity(frame, ["grade"])
    >>> fit.coefficients.round(4)
              term level    coef      se
    0  (intercept)       -1.0986  0.3651
    1        grade   III  1.0986  0.5774
    >>> fit.n_patterns
    2
    """
    covariates = check_names("covariates", covariates)
    check_columns("frame", frame, [group])
    exposed = _exposed(frame, group)
    design = design_matrix(frame, covariates)
    patterns, pattern = distinct_patterns(design.X)
    n_exposed = np.bincount(pattern, weights=exposed, minlength=len(patterns))
    n_reference = np.bincount(pattern, minlength=len(patterns)) - n_exposed
    inside = np.ones(len(patterns), dtype=bool)
    cells: list[Cell] = []
    model = _fit_patterns(patterns, n_exposed, n_reference)
    if not model.overlap:
        first = np.unique(pattern, return_index=True)[1]
        values = frame[list(covariates)].iloc[first]
        cells = find_cells(patterns, design.terms, values, n_exposed, n_reference)
        for cell in cells:
            inside &= ~cell.patterns
        _require_both_groups(n_exposed[inside], n_reference[inside], cells)
    if cells:
        model = _fit_patterns(patterns[inside], n_exposed[inside], n_reference[inside])
    if not model.converged:
        raise StudyError(
            "The propensity model did not converge in 100 iterations; check "
            "matching.covariates for values far from all others."
        )
    score = np.full(len(patterns), np.nan)
    score[inside] = model.linear_predictor
    coefficients = pd.DataFrame(
        {
            "term": ["(intercept)", *design.terms],
            "level": ["", *design.levels],
            "coef": model.coef,
            "se": model.se,
        }
    )
    return PropensityFit(
        linear_predictor=score[pattern],
        coefficients=coefficients,
        aliased=describe_aliasing(patterns[inside], design.names),
        n_patterns=len(patterns),
        cells=describe_cells(cells, n_exposed, n_reference),
    )


def distinct_patterns(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows of a matrix and which of them each row is.

    Parameters
    ----------
    X : numpy.ndarray, shape (n, p)
        No missing values.

    Returns
    -------
    patterns : numpy.ndarray, shape (m, p)
        The distinct rows in lexicographic order.
    pattern : numpy.ndarray, shape (n,), int
        ``patterns[pattern]`` equals `X`.

    Examples
    --------
    >>> patterns, pattern = distinct_patterns(np.array([[2.0, 0], [1, 1], [2, 0]]))
    >>> patterns
    array([[1., 1.],
           [2., 0.]])
    >>> pattern
    array([1, 0, 1])
    """
    X = check_matrix("X", X)
    # Each row becomes one integer, a number with one digit per column; far faster than
    # sorting rows (numpy.unique with axis=0).
    code = np.zeros(len(X), dtype=np.int64)
    n_codes = 1
    for column in X.T:
        digit, values = pd.factorize(column, sort=True)
        if n_codes * len(values) > 2**62:
            code, distinct = pd.factorize(code, sort=True)
            n_codes = len(distinct)
        code = code * len(values) + digit
        n_codes *= len(values)
    _, first, pattern = np.unique(code, return_index=True, return_inverse=True)
    return X[first], pattern


def r_glm_linear_predictor(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the linear predictor by the steps of R's ``glm(family = binomial)``.

    Iteratively reweighted least squares row by row from R's start,
    ``mustart = (weights * y + 0.5) / (weights + 1)``, until
    ``|deviance change| / (|deviance| + 0.1) < 1e-8``. It stops earlier than `estimate_propensity`
    and is meant for comparison with R only (``ties: file_order``). Like R it ends after 25
    iterations whether the deviance still changes or not, and keeps patients whom the covariates
    tell apart without error: their linear predictors are then large, of no certain size.

    Parameters
    ----------
    X : numpy.ndarray, shape (n, p)
        Covariates without the intercept; aliased columns are left out.
    y : numpy.ndarray, shape (n,)
        1 for exposed and 0 for reference patients.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Examples
    --------
    >>> x = np.array([0.0] * 40 + [1.0] * 20)
    >>> y = np.array([1] * 10 + [0] * 30 + [1] * 10 + [0] * 10)
    >>> r_glm_linear_predictor(x[:, None], y)[[0, -1]].round(6) + 0.0
    array([-1.098612,  0.      ])
    """
    X = check_matrix("X", X)
    y = check_binary("y", y, len(X), like="X").astype(np.float64)
    kept = ~aliased_columns(X, tolerance=1e-11)
    X = np.column_stack([np.ones(len(X)), X[:, kept]])
    epsilon = np.finfo(np.float64).eps
    mu = (y + 0.5) / 2
    eta = np.log(mu / (1 - mu))
    deviance = _deviance(y, mu)
    for _ in range(25):
        slope = mu * (1 - mu)  # of the mean; also the variance
        root = np.sqrt(slope)
        q, r = np.linalg.qr(root[:, None] * X)
        coef = np.linalg.solve(r, q.T @ (root * (eta + (y - mu) / slope)))
        # column by column, as reference BLAS does: equal rows keep equal scores
        eta = np.zeros(len(X))
        for b, column in zip(coef, X.T, strict=True):
            eta += b * column
        # R, too, stops short of probabilities 0 and 1
        odds = np.where(np.abs(eta) > 30, epsilon ** -np.sign(eta), np.exp(np.clip(eta, -30, 30)))
        mu = odds / (1 + odds)
        previous, deviance = deviance, _deviance(y, mu)
        if abs(deviance - previous) / (abs(deviance) + 0.1) < 1e-8:
            break
    return eta


def _deviance(y: np.ndarray, mu: np.ndarray) -> float:
    """Binomial deviance of 0/1 outcomes."""
    return float(-2 * np.log(np.where(y == 1, mu, 1 - mu)).sum())


def _exposed(frame: pd.DataFrame, group: str) -> np.ndarray:
    """Return the group as 0.0/1.0 after checking that both groups have patients."""
    exposed = check_binary(group, frame[group]).astype(np.float64)
    for value, name in ((1, "exposed"), (0, "reference")):
        if not (exposed == value).any():
            raise StudyError(
                f"{group}: no {name} patient among {len(exposed):,}; "
                "check the definition of the groups."
            )
    return exposed


def _require_both_groups(
    n_exposed: np.ndarray, n_reference: np.ndarray, cells: Sequence[Cell]
) -> None:
    """Raise StudyError if nobody of a group is left outside the cells."""
    if not (n_exposed.any() and n_reference.any()):
        raise StudyError(
            f"The groups do not overlap in {', '.join(cells[-1].terms)}: no patient could have "
            "been in either group. Remove a covariate from matching.covariates, merge levels, or "
            "restrict the cohort."
        )


@dataclass(frozen=True)
class _Model:
    """A model of the counts of patterns, with NaN for aliased columns.

    `overlap` is False if a combination of covariates predicts the group without error.
    """

    linear_predictor: np.ndarray
    coef: np.ndarray
    se: np.ndarray
    converged: bool
    overlap: bool


def _fit_patterns(patterns: np.ndarray, n_exposed: np.ndarray, n_reference: np.ndarray) -> _Model:
    """Fit the grouped logistic regression to columns of about the same size."""
    kept = ~aliased_columns(patterns)
    X = patterns[:, kept]
    mean = np.average(X, axis=0, weights=n_exposed + n_reference)
    scale = np.abs(X - mean).max(axis=0)
    # columns of about the same size: a year of 2015 beside 0 and 1 would cost digits
    Z = np.column_stack([np.ones(len(X)), (X - mean) / scale])
    coef_z, covariance_z, probability, converged = _fit_counts(Z, n_exposed, n_reference)
    back = np.diag(np.r_[1.0, 1 / scale])
    back[0, 1:] = -mean / scale
    coef, se = np.full((2, 1 + len(kept)), np.nan)
    coef[np.r_[True, kept]] = back @ coef_z
    with np.errstate(invalid="ignore"):  # without overlap there are no standard errors
        se[np.r_[True, kept]] = np.sqrt(np.diag(back @ covariance_z @ back.T))
    return _Model(
        linear_predictor=Z @ coef_z,
        coef=coef,
        se=se,
        converged=converged,
        overlap=_groups_overlap(Z, probability, n_exposed, n_exposed + n_reference),
    )


def _fit_counts(
    X: np.ndarray, n_exposed: np.ndarray, n_reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Fit statsmodels' binomial GLM: coefficients, covariance, probabilities, convergence."""
    # statsmodels.api would import every model of the package
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

    model = GLM(np.column_stack([n_exposed, n_reference]), X, family=Binomial())
    start = np.zeros(X.shape[1])  # the model without covariates: few steps for a rare exposure
    start[0] = np.log(n_exposed.sum() / n_reference.sum())
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        # on the coefficients: an absolute tolerance on the deviance would end in rounding noise
        fit = model.fit(start_params=start, maxiter=100, tol=1e-10, tol_criterion="params")
        found = fit.params, fit.cov_params(), fit.mu
    return *map(np.asarray, found), bool(fit.converged)


def _groups_overlap(
    X: np.ndarray, probability: np.ndarray, n_exposed: np.ndarray, n: np.ndarray
) -> bool:
    """Tell whether no combination of covariates predicts the group without error.

    The likelihood then rises for ever along that combination and its information vanishes:
    relative to that of the model without covariates it falls below 1e-8, or the fit has ended in
    values that are no numbers. A single exposed patient in a level of a million leaves 1e-6.
    """
    from scipy.linalg import eigh

    overall = n_exposed.sum() / n.sum()
    information = (X.T * (n * probability * (1 - probability))) @ X
    without_covariates = (X.T * (n * overall * (1 - overall))) @ X
    if not np.isfinite(information).all():
        return False
    return bool(eigh(information, without_covariates, eigvals_only=True)[0] > 1e-8)
