"""Which counts to leave out so that none of the small ones can be computed from the rest.

Complementary cell suppression: counts are tied by linear equations (levels add up to their group,
what remains and what is excluded to what was there before). For every small count a linear program
finds the cheapest other counts whose absence leaves it uncertain (Fischetti and Salazar 2000, in
the sequential form of Kelly, Golden and Assad 1992).
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np

from seermatch.errors import StudyError

ZERO_COST = 8.0  # a published zero is worth more to a reader than a large count
SMALL_STEP = 1e-7


def complementary_mask(
    values: np.ndarray,
    constraints: np.ndarray,
    minimum: float,
    *,
    fixed: np.ndarray | None = None,
    hidden: np.ndarray | None = None,
    cost: np.ndarray | None = None,
) -> np.ndarray:
    """Choose the cells of a table that are not published.

    A cell is small if it lies above 0 and below `minimum`. A reader who knows every published
    cell and all equations, and that no count is negative, can then bound each small cell no
    closer than from 0 to `minimum`, as far as the fixed cells allow; no masked cell is known
    exactly. The masked cells must look alike: a mark that tells small from complementary cells
    would give more away.

    Parameters
    ----------
    values : ndarray (n,)
        Counts, or sums of weights.
    constraints : ndarray (k, n)
        Equations that every reader knows: ``constraints @ values == 0``.
    minimum : float
        Smallest count above 0 that may be published; 0 masks nothing.
    fixed : ndarray (n,) of bool, optional
        Cells that are published whatever they hold, such as the sizes of the groups.
    hidden : ndarray (n,) of bool, optional
        Cells that no table prints but that follow from the printed ones; small ones are protected.
    cost : ndarray (n,), optional
        What masking a cell costs, as a factor; 1 by default.

    Returns
    -------
    ndarray (n,) of bool
        True for the cells to mask; hidden cells are True as well.

    Raises
    ------
    StudyError
        If the fixed cells alone determine a small count.

    Examples
    --------
    >>> levels_and_total = np.array([3, 40, 157, 200])
    >>> adds_up = np.array([[1, 1, 1, -1]])
    >>> complementary_mask(levels_and_total, adds_up, 5).tolist()
    [True, True, False, False]
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    fixed = np.zeros(n, bool) if fixed is None else np.asarray(fixed, bool)
    hidden = np.zeros(n, bool) if hidden is None else np.asarray(hidden, bool)
    small = (values > 0) & (values < minimum) & ~fixed
    masked = small | hidden
    if not small.any():
        return masked
    price = np.where(values > 0, 1 + np.log1p(values), ZERO_COST)
    price = price * (1 if cost is None else np.asarray(cost, dtype=float))
    system = _System(values, np.atleast_2d(constraints), fixed, price)
    for cell in np.flatnonzero(small):
        masked |= system.protect(cell, values[cell], minimum - values[cell], masked)
    # in a network every step is a whole number; elsewhere a complement may have moved by less
    for cell in np.flatnonzero(masked & ~small & ~hidden & ~fixed):
        low, high = system.bounds(cell, masked)
        if np.floor(high + SMALL_STEP) - np.ceil(low - SMALL_STEP) < 1:
            masked |= system.protect(cell, 1.0, 1.0, masked)
    return masked


@dataclass(frozen=True)
class _System:
    """Cells, their equations and the price of masking each."""

    values: np.ndarray
    constraints: np.ndarray
    fixed: np.ndarray
    price: np.ndarray

    def protect(self, cell: int, down: float, up: float, masked: np.ndarray) -> np.ndarray:
        """Find cells to mask so that a cell can be lower by `down` or higher by `up`."""
        moved = np.zeros(len(self.values), bool)
        for step in (-down, up):
            free = ~self.fixed
            change = self._change(cell, step, np.where(masked | moved, 0.0, self.price), free)
            if change is None:
                room = np.floor(self._room(cell, np.sign(step), abs(step), free) + SMALL_STEP)
                if room < 1:
                    continue
                prices = np.where(masked | moved, 0.0, self.price)
                change = self._change(cell, np.sign(step) * room, prices, free)
            moved |= np.abs(change) > SMALL_STEP
        if not moved.any():
            raise StudyError(
                "disclosure.minimum_count: a count below it follows from the sizes of the groups "
                "alone and cannot be masked; use larger groups, or fewer levels or criteria."
            )
        return moved

    def bounds(self, cell: int, masked: np.ndarray) -> tuple[float, float]:
        """Give the least and the greatest value of a cell that a reader must think possible."""
        least = self._room(cell, -1.0, np.inf, masked & ~self.fixed)
        most = self._room(cell, 1.0, np.inf, masked & ~self.fixed)
        return self.values[cell] - least, self.values[cell] + most

    def _room(self, cell: int, sign: float, most: float, free: np.ndarray) -> float:
        objective = np.zeros(len(self.values))
        objective[cell] = -sign
        found = self._solve(objective, objective * -1, free, cell, (0.0, most), sign)
        return np.inf if found is None else abs(found[cell])

    def _change(self, cell: int, step: float, price: np.ndarray, free: np.ndarray):
        return self._solve(price, price, free, cell, (abs(step), abs(step)), np.sign(step))

    def _solve(self, up_cost, down_cost, free, cell, room, sign) -> np.ndarray | None:
        """Move free cells up and down at least cost, the equations kept and no cell below 0."""
        from scipy.optimize import linprog  # only studies that mask need it

        where = np.flatnonzero(free)
        ups = [(0, None)] * len(where)
        downs = [(0, value) for value in self.values[where]]
        at = int(np.searchsorted(where, cell))
        limit = min(room[1], self.values[cell]) if sign < 0 else room[1]
        if room[0] > limit:
            return None
        inside = (room[0], None if np.isinf(limit) else limit)
        ups[at], downs[at] = (inside, (0, 0)) if sign > 0 else ((0, 0), inside)
        part = self.constraints[:, where]
        result = linprog(
            np.concatenate([up_cost[where], down_cost[where]]),
            A_eq=np.hstack([part, -part]),
            b_eq=np.zeros(len(part)),
            bounds=ups + downs,
            method="highs-ds",
        )
        if result.status != 0:
            return None
        change = np.zeros(len(self.values))
        change[where] = result.x[: len(where)] - result.x[len(where) :]
        return change


@dataclass
class CountSystem:
    """Counts by name, and what adds up to what.

    Examples
    --------
    >>> system = CountSystem()
    >>> for name, count in (("I-II", 3), ("III", 40)):
    ...     system.add(name, count)
    >>> system.add("n", 43, fixed=True)
    >>> system.total("n", ["I-II", "III"])
    >>> sorted(system.masked(5))
    ['I-II', 'III']
    """

    index: dict[Hashable, int] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)
    flags: list[tuple[bool, bool, float]] = field(default_factory=list)
    equations: list[dict[int, float]] = field(default_factory=list)

    def add(
        self,
        name: Hashable,
        count: float,
        *,
        fixed: bool = False,
        hidden: bool = False,
        cost: float = 1.0,
    ) -> None:
        """Add a count; for `fixed` and `hidden` see `complementary_mask`."""
        self.index[name] = len(self.values)
        self.values.append(float(count))
        self.flags.append((fixed, hidden, cost))

    def total(self, name: Hashable, parts: Iterable[Hashable]) -> None:
        """State that a count is the sum of others."""
        equation = {self.index[name]: -1.0}
        for part in parts:
            equation[self.index[part]] = equation.get(self.index[part], 0.0) + 1.0
        self.equations.append(equation)

    def masked(self, minimum: float) -> set[Hashable]:
        """Name the printed counts that are to be masked."""
        matrix = np.zeros((len(self.equations), len(self.values)))
        for row, equation in enumerate(self.equations):
            matrix[row, list(equation)] = list(equation.values())
        fixed, hidden, cost = (np.array(column) for column in zip(*self.flags, strict=True))
        fixed, hidden = fixed.astype(bool), hidden.astype(bool)
        mask = complementary_mask(
            np.array(self.values), matrix, minimum, fixed=fixed, hidden=hidden, cost=cost
        )
        return {name for name, at in self.index.items() if mask[at] and not hidden[at]}


def refuse_small_group(group, size: float, minimum: int) -> None:
    """End the run where a group is so small that nothing about it may be published.

    Parameters
    ----------
    group : object
        Name of the group, for the message.
    size : float
        Its patients.
    minimum : int
        Smallest size that may be published.

    Raises
    ------
    StudyError
        If the group is smaller.

    Examples
    --------
    >>> refuse_small_group("M0(i+)", 585, 5)
    """
    if size < minimum:
        raise StudyError(
            f"disclosure.minimum_count is {minimum}, but the group {group} has fewer patients; "
            f"nothing about it may be published. Widen cohort.criteria or cohort.years."
        )
