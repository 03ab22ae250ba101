"""Tables that fit all that is published, sought by linear and integer programming."""

from collections.abc import Hashable, Iterable

import numpy as np

PUBLIC = "public"
ZERO_COST = 8.0  # a published zero is worth more to a reader than a large count
HALF, WHOLE = 0.5, 1e-6
SECONDS, TIMED_OUT = 20.0, 1  # of one integer program; a count it could not move is masked more


class CountProgram:
    """Tables that fit the equations of a `CountSystem`, as changes of the true one."""

    def __init__(self, system):
        from scipy.sparse import csr_array  # only studies that mask need it

        self.system = system
        self.index = {name: at for at, name in enumerate(system.cells)}
        cells = list(system.cells.values())
        self.counts = np.array([cell.count for cell in cells], dtype=float)
        self.stuck = np.array([cell.fixed and cell.state == PUBLIC for cell in cells])
        down = np.where(self.counts > 0, (self.counts - 1) % max(system.width, 1), 0)
        up = np.where((self.counts > 0) & (system.width > 0), system.width - 1 - down, 0)
        self.room_down, self.room_up = down, up  # within the bin that is published
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

    def survey(self, names: Iterable[Hashable], need: int) -> None:
        """Find tables that fit and in which many of the counts differ at once."""
        at = [self.index[name] for name in names]
        aim = np.zeros(len(self.counts))
        aim[at] = 1.0
        most = np.full(len(self.counts), np.inf)
        most[at] = need
        free = ~self.is_public()
        for sign in (-1, 1):
            found = self._solve(np.flatnonzero(free | self._has_room()), free, -sign * aim, most)
            if found is not None:
                self._remember(found[0])

    def is_wide(self, name: Hashable, need: int) -> bool:
        """Whether a count may differ by `need` for all that is published."""
        at, free = self.index[name], ~self.is_public()
        for sign in (-1, 1):
            if self._found(at) >= need:
                return True
            most = self.counts[at] if sign < 0 else need - (self.counts[at] - self.low[at])
            self._room(at, sign, free, most, remember=True)
        return self._found(at) >= need

    def _found(self, at: int) -> float:
        return self.high[at] - self.low[at]

    def widen(self, name: Hashable, need: int) -> None:
        """Mask the cheapest cells that leave a count uncertain."""
        at, free = self.index[name], ~self.stuck
        self._mask_for(at, -self.counts[at], free)
        if self._found(at) < need:
            self._mask_for(at, need - (self.counts[at] - self.low[at]), free)
        if self._found(at) < need:  # only a part of the way is possible
            for sign in (-1, 1):
                self._mask_for(at, sign * self._room(at, sign, free, need), free)

    def _mask_for(self, at: int, step: float, free: np.ndarray) -> None:
        """Mask the cheapest cells with which a count can differ by `step`, if any do."""
        price = np.where(self.is_public(), self.price, 0.0)
        where = self._neighbors(at, free)
        found = self._solve(where, free, None, None, price=price, target=(at, step, step))
        if found is not None:
            change, beyond = found
            names = list(self.index)
            self.system.mask(names[cell] for cell in np.flatnonzero(beyond > HALF))
            self._remember(change)

    def _remember(self, change: np.ndarray) -> None:
        """Keep how far a table that fits all that is published lies from the true one."""
        np.minimum(self.low, self.counts + change, out=self.low)
        np.maximum(self.high, self.counts + change, out=self.high)

    def _room(self, at, sign: int, free, most: float = np.inf, *, remember=False) -> float:
        """Say how far a cell can move, up to `most`, if the free cells may move beyond bins."""
        if most <= 0 or not (free[at] or self._has_room()[at]):
            return 0.0
        aim = np.zeros(len(self.counts))
        aim[at] = -sign
        target = (at, 0.0, most) if sign > 0 else (at, -most, 0.0)
        found = self._solve(self._neighbors(at, free), free, aim, None, target=target)
        if found is None:
            return np.inf
        if remember:
            self._remember(found[0])
        return float(abs(found[0][at]))

    def _has_room(self) -> np.ndarray:
        return (self.room_up > 0) | (self.room_down > 0)

    def _neighbors(self, at: int, free: np.ndarray) -> np.ndarray:
        """Find the free cells that equations tie to a cell, directly or by others."""
        from scipy.sparse.csgraph import connected_components

        where = np.flatnonzero(free | self._has_room())
        part = abs(self.equations[:, where])
        _, component = connected_components(part.T @ part, directed=False)
        return where[component == component[np.searchsorted(where, at)]]

    def _solve(
        self, where, free, aim, most, *, price=None, target=None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Move cells within their bins, and free ones beyond, the equations kept.

        Minimizes `aim` times the change, or the `price` of what is beyond. Gives the change and
        how much of it is beyond bins; None if there is no end to it, or no table.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array, hstack, vstack

        n, none = len(where), np.zeros(len(where))
        part = self.equations[:, where].tocsr()
        part = part[np.diff(part.indptr) > 0]
        low = high = np.zeros(part.shape[0])
        if target is not None:
            row = np.zeros((1, n))
            row[0, np.searchsorted(where, target[0])] = 1.0
            part = vstack([part, csr_array(row)], format="csr")
            low, high = np.append(low, target[1]), np.append(high, target[2])
        beyond = np.where(free[where], np.inf if most is None else most[where], 0.0)
        within_up, within_down = self.room_up[where], self.room_down[where]
        counts = self.counts[where] - within_down
        ends = [within_up, within_down, beyond, np.where(free[where], counts, 0.0)]
        aims = none if aim is None else aim[where]
        prices = none if price is None else price[where]
        moves = hstack([part, -part, part, -part], format="csr")
        problem = {
            "c": np.concatenate([aims, -aims, aims + prices, prices - aims]),
            "constraints": LinearConstraint(moves, low, high),
            "bounds": Bounds(0, np.concatenate(ends)),
            "options": {"time_limit": SECONDS},
        }
        result = milp(**problem)  # its solution is whole in most systems of counts
        if result.x is not None and np.abs(result.x - result.x.round()).max() > WHOLE:
            result = milp(**problem, integrality=np.ones(4 * n))
        change, outside = np.zeros((2, len(self.counts)))
        if result.x is None:
            return (change, outside) if result.status == TIMED_OUT else None
        moved = result.x.round().reshape(4, n)
        change[where] = moved[0] - moved[1] + moved[2] - moved[3]
        outside[where] = np.abs(moved[2] - moved[3])
        return change, outside
