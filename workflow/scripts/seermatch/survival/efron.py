"""Efron's partial likelihood of the Cox model, summed over distinct death times."""

from functools import cached_property

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_hazards, check_matrix
from seermatch.survival.event_times import EventTimes, require_event_times


class DeathTimes:
    """Data sorted into blocks between death times; patients who leave before the first go.

    So do patients whose offset is ``-inf`` or whose weight is 0. Block j holds those who leave at
    or after death time j and before the next, so the risk set at death time j is the blocks j,
    j+1, ... Every code above 0 is a death.
    """

    def __init__(self, data: EventTimes, X: np.ndarray):
        time, weights, offset = require_event_times(data).time, data.weights, data.offset
        X = check_matrix("X", X, len(time))
        event = data.event > 0
        if weights is not None:
            event = event & (weights > 0)
        check_hazards(offset, event)
        if not event.any():
            raise StudyError("Nobody in this cohort has the event, so no Cox model can be fitted.")
        self.times = np.unique(time[event])
        self.followed, self.died = time, event  # of everybody with a weight
        if weights is not None and not weights.all():
            self.followed, self.died = time[weights > 0], event[weights > 0]
        block = np.searchsorted(self.times, time, side="right") - 1
        if offset is not None:
            block[offset == -np.inf] = -1  # no hazard, so nothing to any risk set
        if weights is not None:
            block[weights == 0] = -1
        order = np.argsort(block, kind="stable")
        self.rows = order[np.searchsorted(block[order], 0) :]
        self.block = block[self.rows]
        self.start = np.searchsorted(self.block, np.arange(len(self.times)))
        self.event = event[self.rows]
        X = X[self.rows]
        # centred columns keep exp() in range; the partial likelihood does not change
        self.center = X.mean(axis=0)
        self.X = X - self.center
        self.offset = 0.0 if offset is None else offset[self.rows]
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


class EfronLikelihood:
    """Efron's partial likelihood and its derivatives at `coef`.

    Of d deaths tied at one time, death k = 0..d-1 sees the risk set less the share k/d of the
    dying (Efron 1977). Weighted deaths count with their mean weight, as in R's survival.
    """

    def __init__(self, data: DeathTimes, coef: np.ndarray):
        self.coef = coef
        self.data, X, deaths, tie = data, data.X, data.deaths, data.tie
        eta = X @ coef + data.offset
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

    @cached_property
    def information(self) -> np.ndarray:
        """Sum of the covariate's covariance over deaths."""
        return self.information_over(np.ones(len(self.data.times)))

    def information_over(self, g: np.ndarray) -> np.ndarray:
        """Sum of the covariate's covariance over deaths, that of each time multiplied by `g`."""
        data, deaths, tie = self.data, self.data.deaths, self.data.tie
        factor = g[tie]
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

    def baseline(self) -> tuple[np.ndarray, np.ndarray]:
        """Find death times and the cumulative hazard there with all covariates 0."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # under separation
            scale = np.exp(-self.shift - self.data.center @ self.coef)
            return self.data.times, self.data.per_time(self.jump).cumsum() * scale
