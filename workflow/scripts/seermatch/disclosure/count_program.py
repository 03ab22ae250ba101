"""Tables that fit all that is published, sought by linear and integer programming."""

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from seermatch.disclosure.count_system import CountSystem

PUBLIC = "public"
ZERO_COST = 8.0  # a published zero is worth more to a reader than a large count
HALF, WHOLE = 0.5, 1e-6
SECONDS, TIMED_OUT = 20.0, 1  # of one integer program; a count it could not move is masked more


class CountProgram:
    """Tables that fit the equations, as changes of the true one."""

    def __init__(self, system: "CountSystem"):
        from scipy.sparse import csr_array  # only studies that mask need it

        self.system = system
        self.index = {name: at for at, name in enumerate(system.cells)}
        cells = list(system.cells.values())
        self.counts = np.array([cell.count for cell in cells], dtype=float)
        self.stuck = np.array([cell.fixed and cell.state == PUBLIC for cell in cells])
        price = np.where(self.counts > 0, 1 + np.log1p(self.counts), ZERO_COST)
        self.price = price * np.array([cell.cost for cell in cells])
        rows, columns, factors = [], [], []
        for row, equation in enumerate(system.equations):
            rows += [row] * len(equation)
            columns += [self.index[name] for name in equation]
            factors += equation.values()
        shape = (len(system.equations), len(cells))
        self.equations = csr_array((factors, (rows, columns)), shape=shape).tocsc()
        self.low, self.high = self.counts.copy(), self.counts.copy()  # of the tables found to fit

    def is_public(self) -> np.ndarray:
        """Say of each cell whether it is published."""
        return np.array([cell.state == PUBLIC for cell in self.system.cells.values()])

    def interval(self, name: Hashable) -> tuple[int, int | None]:
        """Give the least and the greatest value of a count that fit (None: no end)."""
        at, free = self.index[name], ~self.is_public()
        down, up = (self._room(at, sign, free) for sign in (-1, 1))
        count = int(self.counts[at])
        return count - int(down), None if np.isinf(up) else count + int(up)

    def survey(self, names: Iterable[Hashable], minimum: int) -> None:
        """Find tables that fit and in which many of the counts differ at once."""
        at = [self.index[name] for name in names]
        free = ~self.is_public()
        if not at:
            return
        aim = np.zeros(len(self.counts))
        aim[at] = -1.0
        for sign in (-1, 1):
            most = np.full(len(self.counts), np.inf)
            most[at] = minimum
            limits = np.zeros((2, len(most))), (most, self.counts)
            change = self._solve(np.flatnonzero(free), aim * sign, -aim * sign, *limits)
            if change is not None:
                self._remember(change)

    def is_wide(self, name: Hashable, minimum: int) -> bool:
        """Whether a count may differ by `minimum` for all that is published."""
        at, free = self.index[name], ~self.is_public()
        for sign in (-1, 1):
            if self._found(at) >= minimum:
                return True
            most = self.counts[at] if sign < 0 else minimum - (self.counts[at] - self.low[at])
            self._room(at, sign, free, most, remember=True)
        return self._found(at) >= minimum

    def _found(self, at: int) -> float:
        return self.high[at] - self.low[at]

    def widen(self, name: Hashable, minimum: int) -> None:
        """Mask the cheapest cells that leave a count uncertain."""
        at, free = self.index[name], ~self.stuck
        self._mask_for(at, -self.counts[at], free)
        if self._found(at) < minimum:
            self._mask_for(at, minimum - (self.counts[at] - self.low[at]), free)
        if self._found(at) < minimum:  # only a part of the way is possible
            for sign in (-1, 1):
                self._mask_for(at, sign * self._room(at, sign, free, minimum), free)

    def _mask_for(self, at: int, step: float, free: np.ndarray) -> None:
        """Mask the cheapest cells with which a count can differ by `step`, if any do."""
        price = np.where(self.is_public(), self.price, 0.0)
        change = self._move(at, np.sign(step), (abs(step), abs(step)), price, price, free)
        if change is not None:
            names = list(self.index)
            self.system.mask(names[cell] for cell in np.flatnonzero(np.abs(change) > HALF))
            self._remember(change)

    def _remember(self, change: np.ndarray) -> None:
        """Keep how far a table that fits all that is published lies from the true one."""
        np.minimum(self.low, self.counts + change, out=self.low)
        np.maximum(self.high, self.counts + change, out=self.high)

    def _room(self, at, sign: int, free, most: float = np.inf, *, remember=False) -> float:
        """Say how far a cell can move, up to `most`, if the free cells may move with it."""
        if not free[at] or most <= 0:
            return 0.0
        aim = np.zeros(len(self.counts))
        aim[at] = -1.0
        change = self._move(at, sign, (0.0, most), aim, aim, free)
        if change is None:
            return np.inf
        if remember:
            self._remember(change)
        return float(abs(change[at]))

    def _move(self, at, sign, room, up_cost, down_cost, free) -> np.ndarray | None:
        """Move a cell one way, and others with it."""
        where = self._neighbors(at, free)
        least_up, most_up, least_down, most_down = np.zeros((4, len(self.counts)))
        most_up[:], most_down[:] = np.inf, self.counts
        if sign > 0:
            least_up[at], most_up[at], most_down[at] = room[0], room[1], 0.0
        else:
            most_up[at], least_down[at] = 0.0, room[0]
            most_down[at] = min(room[1], self.counts[at])
            if room[0] > most_down[at]:
                return None
        limits = (least_up, least_down), (most_up, most_down)
        return self._solve(where, up_cost, down_cost, *limits)

    def _neighbors(self, at: int, free: np.ndarray) -> np.ndarray:
        """Find the free cells that equations tie to a cell, directly or by others."""
        from scipy.sparse.csgraph import connected_components

        where = np.flatnonzero(free)
        part = abs(self.equations[:, where])
        _, component = connected_components(part.T @ part, directed=False)
        return where[component == component[np.searchsorted(where, at)]]

    def _solve(self, where, up_cost, down_cost, least, most) -> np.ndarray | None:
        """Move cells at least cost, the equations kept; `least` and `most` up and down."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import hstack

        part = self.equations[:, where].tocsr()
        part = part[np.diff(part.indptr) > 0]
        ends = (np.concatenate([up[where], down[where]]) for up, down in (least, most))
        problem = {
            "c": np.concatenate([up_cost[where], down_cost[where]]),
            "constraints": LinearConstraint(hstack([part, -part], format="csr"), 0, 0),
            "bounds": Bounds(*ends),
            "options": {"time_limit": SECONDS},
        }
        result = milp(**problem)  # its solution is whole in most systems of counts
        if result.x is not None and np.abs(result.x - result.x.round()).max() > WHOLE:
            result = milp(**problem, integrality=np.ones(2 * len(where)))
        change = np.zeros(len(self.counts))
        if result.x is None:
            return change if result.status == TIMED_OUT else None
        moved = result.x.round()
        change[where] = moved[: len(where)] - moved[len(where) :]
        return change
