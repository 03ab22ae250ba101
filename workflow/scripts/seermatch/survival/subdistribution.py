"""Weighted partial likelihood of the Fine–Gray model, grouped by distinct time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_matrix, check_weights
from seermatch.survival.event_times import check_event_times, check_offset, cluster_index

DEPENDENT = np.finfo(float).eps ** 0.75  # toler.chol of R's coxph.control


@dataclass(frozen=True)
class Evaluation:
    """Log-likelihood, its derivatives and the sums behind them at one coefficient vector."""

    beta: np.ndarray
    loglik: float
    score: np.ndarray
    information: np.ndarray
    shift: float = 0.0
    risk: np.ndarray | None = None  # weight * exp(x'beta - shift), rows in the order of cells
    mean: np.ndarray | None = None  # (p, times) weighted mean of x in the risk set
    jump: np.ndarray | None = None  # (times,) baseline jump on the shifted scale
    competing: tuple[np.ndarray, np.ndarray] | None = None  # sums over earlier competing events


class SubdistributionLikelihood:
    """Weighted partial likelihood of the Fine–Gray model, and of Cox's without competing events.

    Patients with equal time and event form a cell. Everything that is summed over risk sets
    depends on a patient's own covariates and cell only, so one pass over the patients and running
    sums over the cells give score, information and sandwich.

    Parameters
    ----------
    time, event, X, weights, offset
        As in `fit_fine_gray`. Patients of weight zero are left out.
    """

    def __init__(
        self,
        time: Sequence[float],
        event: Sequence[int],
        X: np.ndarray,
        weights: Sequence[float] | None = None,
        offset: np.ndarray | None = None,
    ):
        time, event = check_event_times(time, event, largest=2)
        X = check_matrix("X", X, len(time))
        self._n_given = len(time)
        self._rows = np.arange(len(time))
        w = np.ones(len(time)) if weights is None else check_weights(weights, len(time))
        if offset is not None:
            offset = check_offset(offset, event == 1)
        if not w.all():
            self._rows = np.flatnonzero(w)
            time, event, X, w = time[self._rows], event[self._rows], X[self._rows], w[self._rows]
        self.n, self.p = X.shape
        self.n_events = int(np.count_nonzero(event == 1))
        if self.n_events == 0:
            raise StudyError("event: there is no event of the cause, so no model can be fitted.")
        self.times, index = np.unique(time, return_inverse=True)
        n_cells = 3 * len(self.times)
        cell = 3 * index + event
        order = np.argsort(cell.astype(np.uint16) if n_cells < 2**16 else cell, kind="stable")
        self._rows = self._rows[order]
        self.weights = w[order]
        sizes = np.bincount(cell, minlength=n_cells)
        self._cells = np.flatnonzero(sizes)
        self._sizes = sizes[self._cells]
        self._starts = np.cumsum(self._sizes) - self._sizes
        # Covariates as rows, about their means: fast sums, and no cancellation for years like 2020
        self.center = X.mean(axis=0)
        self.X = np.ascontiguousarray(X[order].T)
        self.X -= self.center[:, None]
        self._work = np.empty_like(self.X)
        self._offset = np.zeros(self.n) if offset is None else offset[self._rows]
        has_event = event[order] == 1
        self._event_offset = float(self.weights[has_event] @ self._offset[has_event])

        counts = self._grid(self.weights)
        self.at_risk = _reverse_cumsum(counts.sum(axis=1))
        self.events = counts[:, 1]
        self.censored = counts[:, 0]
        uncensored = np.cumprod(1 - self.censored / self.at_risk)
        self.uncensored_before = np.concatenate([[1.0], uncensored[:-1]])
        self._event_sum = self._grid(np.multiply(self.X, self.weights, out=self._work))[
            :, :, 1
        ].sum(axis=1)

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """Log-likelihood, score and information at `beta`."""
        linear = beta @ self.X
        linear += self._offset
        shift = float(linear.max())
        linear -= shift
        risk = np.exp(linear, out=linear)
        risk *= self.weights
        work = np.multiply(self.X, risk, out=self._work)
        s0, competing0 = self.risk_set_sums(risk)
        s1, competing1 = self.risk_set_sums(work)
        failing = self.events > 0
        # A wild step can underflow s0; the result is then not finite and the step is halved.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # an offset may leave nobody after the last event
            mean = np.where(failing, s1 / s0, 0.0)
            jump = np.where(failing, self.events / s0, 0.0)
            loglik = float(
                beta @ self._event_sum
                + self._event_offset
                - shift * self.events.sum()
                - self.events[failing] @ np.log(s0[failing])
            )
            score = self._event_sum - mean[:, failing] @ self.events[failing]
            work *= self.spread(self.sum_over_risk_sets(jump))
            information = work @ self.X.T
            information -= (mean[:, failing] * self.events[failing]) @ mean[:, failing].T
        information = (information + information.T) / 2
        return Evaluation(
            beta, loglik, score, information, shift, risk, mean, jump, (competing0, competing1)
        )

    def largest_information(self) -> np.ndarray:
        """Information that each column would have if it split every risk set in its extremes."""
        return self.events.sum() * np.ptp(self.X, axis=1) ** 2

    def residuals(self, evaluation: Evaluation) -> np.ndarray:
        """Weighted contributions to the score, (p, n), in the order of cells.

        Each is ``w (eta + psi)`` of Fine and Gray: the patient's part of the score with the
        censoring distribution known, and what estimating that distribution adds to it.
        """
        mean, jump, risk = evaluation.mean, evaluation.jump, evaluation.risk
        later_jump = _reverse_cumsum(jump * self.uncensored_before)
        later_mean = _reverse_cumsum(jump * self.uncensored_before * mean)
        zero, first = evaluation.competing
        q = first * later_jump - zero * later_mean
        constant = np.empty((self.p, len(self.times), 3))
        constant[:] = -np.cumsum(q * self.censored / self.at_risk**2, axis=1)[:, :, None]
        constant[:, :, 0] += q / self.at_risk
        constant[:, :, 1] -= mean
        slope = np.zeros((len(self.times), 3))
        slope[:, 1] = 1.0
        own = self.spread(slope) * self.weights
        own -= risk * self.spread(self.sum_over_risk_sets(jump))
        result = self.X * own
        result += self.spread(self.sum_over_risk_sets(jump * mean)) * risk
        result += self.spread(constant) * self.weights
        return result

    def sum_by_cluster(self, residuals: np.ndarray, clusters: Sequence[int]) -> np.ndarray:
        """Sum rows of `residuals` within clusters, missing if one is left; (p, clusters)."""
        index = cluster_index(clusters, self._n_given, self._rows)
        if index.max() < 1:
            return np.full((len(residuals), 1), np.nan)
        sums = np.empty((len(residuals), index.max() + 1))
        for row, residual in zip(sums, residuals, strict=True):
            row[:] = np.bincount(index, weights=residual)
        return sums

    def baseline(self, evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
        """Return times of events and jumps of the cumulative baseline subdistribution hazard."""
        failing = self.events > 0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # under separation
            scale = np.exp(-evaluation.shift - self.center @ evaluation.beta)
            return self.times[failing], evaluation.jump[failing] * scale

    def risk_set_sums(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum `values` (..., n) over the weighted risk set of each time.

        Returns the sums (..., times), and the part of earlier competing events in them before
        it is multiplied by ``G(t-)``.
        """
        grid = self._grid(values)
        competing = _before(grid[..., 2] / self.uncensored_before)
        sums = _reverse_cumsum(grid.sum(axis=-1)) + self.uncensored_before * competing
        return sums, competing

    def sum_over_risk_sets(self, values: np.ndarray) -> np.ndarray:
        """Sum `values` (..., times) over the risk sets a patient is in, weighted; per cell.

        Those are the times up to T, and after a competing event all later ones, with weight
        ``G(t-) / G(T-)``. Returns (..., times, 3).
        """
        g = self.uncensored_before
        until = np.cumsum(values, axis=-1)
        later = _reverse_cumsum(values * g)
        later -= values * g
        return np.stack([until, until, until + later / g], axis=-1)

    def spread(self, cells: np.ndarray) -> np.ndarray:
        """Give every patient the value of his cell: (..., times, 3) to (..., n)."""
        flat = cells.reshape(*cells.shape[:-2], 3 * len(self.times))[..., self._cells]
        return np.repeat(flat, self._sizes, axis=-1)

    def _grid(self, values: np.ndarray) -> np.ndarray:
        """Sum values (..., n) by cell: (..., times, 3)."""
        grid = np.zeros((*values.shape[:-1], 3 * len(self.times)))
        grid[..., self._cells] = np.add.reduceat(values, self._starts, axis=-1)
        return grid.reshape(*values.shape[:-1], len(self.times), 3)


def newton_raphson(
    evaluate: Callable[[np.ndarray], Evaluation],
    start: Evaluation,
    *,
    tolerance: float,
    max_iterations: int,
    free: np.ndarray | None = None,
    secant: bool = False,
    longest: np.ndarray | None = None,
) -> tuple[Evaluation, int, bool]:
    """Maximise a log-likelihood by Newton steps that are halved until they ascend.

    Parameters
    ----------
    evaluate : callable
        From coefficients to an `Evaluation`.
    start : Evaluation
        Where to begin.
    tolerance : float
        End when the step is shorter than this many standard errors.
    max_iterations : int
        Largest number of steps.
    free : numpy.ndarray of bool, shape (p,), optional
        Coefficients to vary; the others keep their value.
    longest : numpy.ndarray, shape (p,), optional
        Largest change of each coefficient in one step; a longer step is shortened.
    secant : bool
        Correct the curvature by what the last step has shown (BFGS), for a score that is not the
        integral of the information.

    Returns
    -------
    evaluation : Evaluation
        At the last coefficients.
    iterations : int
    converged : bool
    """
    free = np.ones(len(start.beta), dtype=bool) if free is None else free
    block = np.ix_(free, free)
    current, shortest = start, np.inf
    curvature = start.information[block]
    for iteration in range(max_iterations + 1):
        try:
            step = np.linalg.solve(curvature, current.score[free])
        except np.linalg.LinAlgError:
            return current, iteration, False
        decrement = float(step @ current.score[free])  # squared length in standard errors
        if 0 <= decrement < tolerance**2:
            return current, iteration, True
        # among nearly dependent columns steps end in rounding; under separation they go on falling
        if not secant and shortest <= decrement < 1e-12:
            return current, iteration, True
        shortest = min(shortest, decrement)
        if iteration == max_iterations or not decrement > 0:
            break
        if longest is not None:
            excess = np.abs(step / longest[free]).max(initial=1.0)
            step, decrement = step / excess, decrement / excess
        slack = 1e-12 * max(abs(current.loglik), 1.0)
        for halving in range(25):
            beta = current.beta.copy()
            beta[free] += step * 0.5**halving
            trial = evaluate(beta)
            gain = 1e-4 * decrement * 0.5**halving
            if np.isfinite(trial.loglik) and trial.loglik >= current.loglik + gain - slack:
                break
        else:
            break
        moved = (trial.beta - current.beta)[free]
        bent = (current.score - trial.score)[free]
        current = trial
        if secant and decrement < 1 and moved @ bent > 0:  # near the maximum
            expected = curvature @ moved
            curvature = curvature - np.outer(expected, expected) / (moved @ expected)
            curvature += np.outer(bent, bent) / (moved @ bent)
        else:
            curvature = current.information[block]
    return current, iteration, False


def invert(information: np.ndarray) -> np.ndarray:
    """Invert an information matrix; all missing (nan) if it is singular, as under separation."""
    try:
        return np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return np.full(information.shape, np.nan)


def require_information(
    information: np.ndarray,
    largest: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    tolerance: float = DEPENDENT,
) -> None:
    """Raise StudyError for the first column without information beside the earlier ones.

    Parameters
    ----------
    information : numpy.ndarray, shape (p, p)
        At coefficients of zero.
    largest : numpy.ndarray, shape (p,), optional
        Largest information that each column could have, so that the rounding of a constant one is
        not taken for information.
    names : sequence of str, optional
        Of the columns, for the message.
    tolerance : float
        Share of a column's information that the earlier ones must leave; R's ``coxph`` asks for
        the same.
    """
    diagonal = np.diag(information)
    varies = diagonal > 0
    if largest is not None:
        varies &= (largest > 0) & (diagonal > 1e-14 * largest)
    scale = np.sqrt(np.where(varies, diagonal, 1.0))
    correlation = information / np.outer(scale, scale)
    rests = np.where(varies, 1.0, 0.0)
    for j, rest in enumerate(rests):
        if j and rest:
            earlier = correlation[:j, j]
            rest -= earlier @ np.linalg.solve(correlation[:j, :j], earlier)
        if not rest > tolerance:
            name = "" if names is None else f" ({names[j]})"
            raise StudyError(
                f"X: column {j + 1} of {len(rests)}{name} is constant among the patients at risk "
                "or depends on the columns before it; leave it out."
            )


def _reverse_cumsum(values: np.ndarray) -> np.ndarray:
    """Sum from each time to the last, along the last axis."""
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def _before(values: np.ndarray) -> np.ndarray:
    """Sum over all earlier times, along the last axis."""
    result = np.zeros_like(values)
    np.cumsum(values[..., :-1], axis=-1, out=result[..., 1:])
    return result
