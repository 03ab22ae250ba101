"""Weighted partial likelihood of the Fine–Gray model, grouped by distinct time."""

from dataclasses import dataclass

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_hazards, check_matrix
from seermatch.survival.event_times import EventTimes, require_event_times
from seermatch.survival.risk_table import RiskTable, just_before


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
    """

    def __init__(self, data: EventTimes, X: np.ndarray):
        time, event = require_event_times(data, largest=2).time.astype(np.float64), data.event
        X = check_matrix("X", X, len(time))
        check_hazards(data.offset, event == 1)
        self.rows = np.arange(len(time))
        w = np.ones(len(time)) if data.weights is None else data.weights
        if not w.all():
            self.rows = np.flatnonzero(w)
            time, event, X, w = time[self.rows], event[self.rows], X[self.rows], w[self.rows]
        self.n, self.p = X.shape
        self.n_events = int(np.count_nonzero(event == 1))
        if self.n_events == 0:
            raise StudyError("event: there is no event of the cause, so no model can be fitted.")
        self.times, index = np.unique(time, return_inverse=True)
        n_cells = 3 * len(self.times)
        cell = 3 * index + event
        order = np.argsort(cell.astype(np.uint16) if n_cells < 2**16 else cell, kind="stable")
        self.rows = self.rows[order]
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
        self._offset = np.zeros(self.n) if data.offset is None else data.offset[self.rows]
        has_event = event[order] == 1
        self._event_offset = float(self.weights[has_event] @ self._offset[has_event])

        counts = self._grid(self.weights)
        table = RiskTable.of_counts(self.times, counts)
        self.at_risk, self.events, self.censored = table.at_risk, table.deaths[0], table.censored
        self.uncensored_before = just_before(table.uncensored, 1.0)
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

    def baseline(self, evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
        """Find event times and the cumulative hazard there with all covariates 0."""
        failing = self.events > 0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # under separation
            scale = np.exp(-evaluation.shift - self.center @ evaluation.beta)
            return self.times[failing], evaluation.jump[failing].cumsum() * scale

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
        """Give every patient the value of their cell: (..., times, 3) to (..., n)."""
        flat = cells.reshape(*cells.shape[:-2], 3 * len(self.times))[..., self._cells]
        return np.repeat(flat, self._sizes, axis=-1)

    def _grid(self, values: np.ndarray) -> np.ndarray:
        """Sum values (..., n) by cell: (..., times, 3)."""
        grid = np.zeros((*values.shape[:-1], 3 * len(self.times)))
        grid[..., self._cells] = np.add.reduceat(values, self._starts, axis=-1)
        return grid.reshape(*values.shape[:-1], len(self.times), 3)


def _reverse_cumsum(values: np.ndarray) -> np.ndarray:
    """Sum from each time to the last, along the last axis."""
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def _before(values: np.ndarray) -> np.ndarray:
    """Sum over all earlier times, along the last axis."""
    result = np.zeros_like(values)
    np.cumsum(values[..., :-1], axis=-1, out=result[..., 1:])
    return result
