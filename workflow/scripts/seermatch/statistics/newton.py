"""Maximum likelihood: Newton's method, the inverse information, and sums within clusters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seermatch.errors import StudyError

DEPENDENT = np.finfo(float).eps ** 0.75  # toler.chol of R's coxph.control
HALVINGS = 25


class Evaluation(Protocol):
    """A log-likelihood and its derivatives at one coefficient vector (p,)."""

    loglik: float
    score: np.ndarray
    information: np.ndarray


@dataclass(frozen=True)
class Maximum:
    """Where Newton's method ended.

    Attributes
    ----------
    coef : numpy.ndarray, shape (p,)
    at : Evaluation
        The likelihood at `coef`.
    steps : int
        Steps taken.
    converged : bool
        False if the steps did not come to rest, as under separation.
    """

    coef: np.ndarray
    at: Evaluation
    steps: int
    converged: bool


class Rule:
    """How a step is found and when to end: a step shorter than `tolerance` standard errors.

    Among nearly dependent columns steps end in rounding, while under separation they go on falling;
    so the maximum is also reached where steps below 1e-6 standard errors no longer get shorter.
    """

    rounding = 1e-12  # squared length, in standard errors, of steps that may be rounding
    slack = 1e-12  # share of the log-likelihood, a sum over patients, that may be rounding

    def __init__(self, tolerance: float = 1e-9):
        self.tolerance = tolerance

    def step(self, curvature: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Newton's step; raises LinAlgError where the curvature is singular."""
        return np.linalg.solve(curvature, score)

    def is_short(self, step: np.ndarray, decrement: float) -> bool:
        """Tell whether the maximum is reached, from a step and its squared length."""
        return 0 <= decrement < self.tolerance**2

    def is_hopeless(self, step: np.ndarray, now: Evaluation, then: Evaluation) -> bool:
        """Tell whether the maximum is at infinity."""
        return False


def maximize(
    evaluate: Callable[[np.ndarray], Evaluation],
    coef: np.ndarray,
    rule: Rule,
    max_steps: int,
    *,
    start: Evaluation | None = None,
    free: np.ndarray | None = None,
    longest: np.ndarray | None = None,
    secant: bool = False,
) -> Maximum:
    """Maximize a log-likelihood by Newton steps, halved until they ascend.

    Parameters
    ----------
    evaluate : callable
        From coefficients to an `Evaluation`.
    coef : numpy.ndarray, shape (p,)
        Where to begin.
    rule : Rule
    max_steps : int
        Largest number of steps.
    start : Evaluation, optional
        At `coef`, if it is known.
    free : numpy.ndarray of bool, shape (p,), optional
        Coefficients to vary; the others keep their value.
    longest : numpy.ndarray, shape (p,), optional
        Largest change of each coefficient in one step; a longer step is shortened.
    secant : bool
        Correct the curvature by what the last step has shown (BFGS), for a score that is not the
        integral of the information.

    Returns
    -------
    Maximum
    """
    free = np.ones(len(coef), dtype=bool) if free is None else free
    block = np.ix_(free, free)
    now, shortest = evaluate(coef) if start is None else start, np.inf
    curvature = now.information[block]
    for taken in range(max_steps + 1):
        try:
            step = rule.step(curvature, now.score[free])
        except np.linalg.LinAlgError:
            break
        decrement = float(step @ now.score[free])
        rests = not secant and shortest <= decrement < rule.rounding
        if rule.is_short(step, decrement) or rests:
            return Maximum(coef, now, taken, True)
        shortest = min(shortest, decrement)
        if taken == max_steps or not decrement > 0:
            break
        if longest is not None:
            excess = np.abs(step / longest[free]).max(initial=1.0)
            step, decrement = step / excess, decrement / excess
        there = _ascend(evaluate, coef, now, step, decrement, free, rule.slack)
        if there is None or rule.is_hopeless(there[0][free] - coef[free], now, there[1]):
            break
        moved, bent = (there[0] - coef)[free], (now.score - there[1].score)[free]
        coef, now = there
        if secant and decrement < 1 and moved @ bent > 0:  # near the maximum
            expected = curvature @ moved
            curvature = curvature - np.outer(expected, expected) / (moved @ expected)
            curvature += np.outer(bent, bent) / (moved @ bent)
        else:
            curvature = now.information[block]
    return Maximum(coef, now, taken, False)


def _ascend(evaluate, coef, now, step, decrement, free, slack):
    """Halve a step until the likelihood rises, as far as rounding tells; None if it does not."""
    slack = slack * max(abs(now.loglik), 1.0)
    for halving in range(HALVINGS):
        there = coef.copy()
        there[free] += step * 0.5**halving
        trial = evaluate(there)
        least = now.loglik + 1e-4 * decrement * 0.5**halving - slack
        if np.isfinite(trial.loglik) and trial.loglik >= least:
            return there, trial
    return None


def invert(
    information: np.ndarray, span: np.ndarray | None = None, flat: float = 1e-15
) -> np.ndarray:
    """Invert an information matrix.

    Parameters
    ----------
    information : numpy.ndarray, shape (p, p)
    span : numpy.ndarray, shape (p,), optional
        Ranges of the covariates. With them the inverse is taken on their scale, and only where the
        likelihood is not flat; without, a singular matrix gives missing values (nan).
    flat : float
        Share of the largest curvature below which the likelihood counts as flat.

    Returns
    -------
    numpy.ndarray, shape (p, p)
    """
    if span is not None:
        scale = np.outer(1 / span, 1 / span)
        return np.linalg.pinv(information * scale, rcond=flat, hermitian=True) * scale
    try:
        return np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return np.full(information.shape, np.nan)


def sandwich(inverse: np.ndarray, contributions: np.ndarray) -> np.ndarray:
    """Covariance from the inverse information and independent contributions (m, p) to the score."""
    return inverse @ (contributions.T @ contributions) @ inverse


def sum_by_cluster(contributions: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Sum contributions (n, p) within clusters, numbered from 0.

    Returns (clusters, p), missing where one cluster is left, which has no variance.
    """
    p = contributions.shape[1]
    if index.max(initial=0) < 1:
        return np.full((1, p), np.nan)
    order = "C" if contributions.flags.c_contiguous else "F"
    sums = np.empty((index.max() + 1, p), order=order)
    for j, column in enumerate(contributions.T):
        sums[:, j] = np.bincount(index, weights=column)
    return sums


def require_information(
    information: np.ndarray, largest: np.ndarray, names: Sequence[str] | None = None
) -> None:
    """Raise StudyError for the first column without information beside the earlier ones.

    Parameters
    ----------
    information : numpy.ndarray, shape (p, p)
        At coefficients of zero. The earlier columns must leave `DEPENDENT` of a column's, as R's
        ``coxph`` asks.
    largest : numpy.ndarray, shape (p,)
        Largest information that each column could have, so that the rounding of a constant one is
        not taken for information.
    names : sequence of str, optional
        Of the columns, for the message.
    """
    diagonal = np.diag(information)
    varies = (largest > 0) & (diagonal > 1e-14 * largest)
    scale = np.sqrt(np.where(varies, diagonal, 1.0))
    correlation = information / np.outer(scale, scale)
    rests = np.where(varies, 1.0, 0.0)
    for j, rest in enumerate(rests):
        if j and rest:
            earlier = correlation[:j, j]
            rest -= earlier @ np.linalg.solve(correlation[:j, :j], earlier)
        if not rest > DEPENDENT:
            name = "" if names is None else f" ({names[j]})"
            raise StudyError(
                f"X: column {j + 1} of {len(rests)}{name} is constant among the patients at risk "
                "or depends on the columns before it; leave it out."
            )
