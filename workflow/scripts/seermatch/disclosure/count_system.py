"""Which counts to leave out so that none of the small ones can be computed from the rest.

Complementary cell suppression: counts are tied by linear equations (levels add up to their group,
what remains and what is excluded to what was there before). For every small count an integer
program finds the cheapest other counts whose absence leaves it uncertain (Fischetti and Salazar
2000, in the sequential form of Kelly, Golden and Assad 1992): each of its two solutions is a table
that fits everything published, one with the small count lower and one with it higher. An audit
then bounds every small count by all equations; what is bounded too closely loses more cells.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seermatch.errors import StudyError

PUBLIC, MASKED, HIDDEN = "public", "masked", "hidden"
ZERO_COST = 8.0  # a published zero is worth more to a reader than a large count
HALF = 0.5
SECONDS, TIMED_OUT = 20.0, 1  # of one integer program; a count it could not move is masked more


@dataclass
class Cell:
    """A count.

    Attributes
    ----------
    count : int
        Its true value.
    state : {"public", "masked", "hidden"}
        Hidden cells are printed nowhere but follow from those that are.
    fixed : bool
        Whether the state is settled: what was published before cannot be taken back.
    cost : float
        What masking it costs, as a factor.
    """

    count: int
    state: str = PUBLIC
    fixed: bool = False
    cost: float = 1.0


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
    >>> system.protect(5)
    >>> sorted(system.masked()), system.interval("I-II")
    (['I-II', 'III'], (0, 43))
    """

    cells: dict[Hashable, Cell] = field(default_factory=dict)
    equations: list[dict[Hashable, float]] = field(default_factory=list)

    def add(
        self,
        name: Hashable,
        count: float,
        *,
        fixed: bool = False,
        hidden: bool = False,
        cost: float = 1.0,
    ) -> None:
        """Add a count, unless there is one of this name.

        Parameters
        ----------
        name : hashable
            A tuple of texts where the system is to be recorded.
        count : int
            Its true value.
        fixed : bool
            Published whatever it holds.
        hidden : bool
            Printed nowhere; protected all the same.
        cost : float
            What masking it costs, as a factor.

        Raises
        ------
        ValueError
            If a count of this name has another value.
        """
        known = self.cells.get(name)
        if known is None:
            state = HIDDEN if hidden else PUBLIC
            self.cells[name] = Cell(int(count), state, bool(fixed), cost)
        elif known.count != int(count):
            raise ValueError(f"{name}: {known.count} in one table and {int(count)} in another")

    def total(self, name: Hashable, parts: Iterable[Hashable]) -> None:
        """State that a count is the sum of others."""
        equation = {name: -1.0}
        for part in parts:
            equation[part] = equation.get(part, 0.0) + 1.0
        self.equations.append(equation)

    def masked(self) -> set[Hashable]:
        """Name the counts that are printed somewhere and must not be."""
        return {name for name, cell in self.cells.items() if cell.state == MASKED}

    def is_public(self, name: Hashable) -> bool:
        """Whether a count is published."""
        return self.cells[name].state == PUBLIC

    def mask(self, names: Iterable[Hashable]) -> None:
        """Mask counts whatever they hold."""
        for name in names:
            if self.cells[name].state == PUBLIC:
                self.cells[name].state = MASKED

    def small(self, minimum: int) -> list[Hashable]:
        """Name the counts above 0 and below `minimum` that must not be known."""
        return [
            name
            for name, cell in self.cells.items()
            if 0 < cell.count < minimum and not (cell.fixed and cell.state == PUBLIC)
        ]

    def protect(self, minimum: int) -> None:
        """Mask small counts, and others until nobody can bound a small one closely.

        Parameters
        ----------
        minimum : int
            Smallest count above 0 that may be known. For every smaller one there are then tables
            that fit all that is published in which it differs by `minimum`, as far as the fixed
            counts allow.
        """
        small = self.small(minimum)
        if not small:
            return
        self.mask(small)
        program = _Program(self)
        for name in small:
            if not program.is_wide(name, minimum):
                program.widen(name, minimum)

    def interval(self, name: Hashable) -> tuple[int, int | None]:
        """Give the least and the greatest value that fit all that is published (None: no end)."""
        return _Program(self).interval(name)

    def narrow(self, minimum: int) -> list[Hashable]:
        """Name the small counts that are known more closely than by `minimum`."""
        program = _Program(self)
        return [name for name in self.small(minimum) if not program.is_wide(name, minimum)]

    def record(self) -> dict[str, Any]:
        """Give the system in values that JSON can hold."""
        return {
            "cells": [
                [list(name), cell.count, cell.state, cell.fixed, cell.cost]
                for name, cell in self.cells.items()
            ],
            "equations": [
                [[list(name), factor] for name, factor in equation.items()]
                for equation in self.equations
            ],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "CountSystem":
        """Read a recorded system; what it holds as published stays so.

        Parameters
        ----------
        record : mapping
            From `record`.

        Returns
        -------
        CountSystem
        """
        cells = {
            tuple(name): Cell(count, state, fixed or state == PUBLIC, cost)
            for name, count, state, fixed, cost in record["cells"]
        }
        equations = [
            {tuple(name): factor for name, factor in equation} for equation in record["equations"]
        ]
        return cls(cells, equations)


class _Program:
    """Tables that fit the equations, as changes of the true one."""

    def __init__(self, system: CountSystem):
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
        self.equations = csr_array((factors, (rows, columns)), shape=shape)

    def is_public(self) -> np.ndarray:
        return np.array([cell.state == PUBLIC for cell in self.system.cells.values()])

    def interval(self, name: Hashable) -> tuple[int, int | None]:
        at, free = self.index[name], ~self.is_public()
        down, up = (self._room(at, sign, free) for sign in (-1, 1))
        count = int(self.counts[at])
        return count - int(down), None if np.isinf(up) else count + int(up)

    def is_wide(self, name: Hashable, minimum: int) -> bool:
        """Whether a count may differ by `minimum` for all that is published."""
        at, free = self.index[name], ~self.is_public()
        down = self._room(at, -1, free, self.counts[at])
        return self._room(at, 1, free, minimum - down) + down >= minimum

    def widen(self, name: Hashable, minimum: int) -> None:
        """Mask the cheapest cells that leave a count uncertain."""
        at, free = self.index[name], ~self.stuck
        down = self._room(at, -1, free, self.counts[at])
        up = self._room(at, 1, free, minimum - down)
        names = list(self.index)
        for step in (-down, up):
            if step:
                price = np.where(self.is_public(), self.price, 0.0)
                change = self._change(at, step, price, free)
                self.system.mask(names[cell] for cell in np.flatnonzero(np.abs(change) > HALF))

    def _room(self, at: int, sign: int, free: np.ndarray, most: float = np.inf) -> float:
        """Say how far a cell can move, up to `most`."""
        if not free[at]:
            return 0.0
        aim = np.zeros(len(self.counts))
        aim[at] = -1.0
        change = self._solve(aim, free, at, (0.0, most), sign)
        return np.inf if change is None else float(round(abs(change[at])))

    def _change(self, at: int, step: float, price: np.ndarray, free: np.ndarray) -> np.ndarray:
        change = self._solve(price, free, at, (abs(step), abs(step)), np.sign(step))
        if change is None:  # cannot be: `step` is within the room
            raise StudyError("small counts cannot be masked: the solver found no table that fits.")
        return change

    def _solve(self, cost, free, at, room, sign) -> np.ndarray | None:
        """Move free cells at least cost, the equations kept and no cell below 0."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import hstack

        where = np.flatnonzero(free)
        least, most = np.zeros(2 * len(where)), np.full(2 * len(where), np.inf)
        most[len(where) :] = self.counts[where]
        this = int(np.searchsorted(where, at))
        other = this
        if sign > 0:
            other += len(where)
        else:
            this += len(where)
        least[this], most[this] = room[0], min(room[1], most[this])
        most[other] = 0.0
        part = self.equations[:, where]
        result = milp(
            np.concatenate([cost[where], cost[where]]),
            constraints=LinearConstraint(hstack([part, -part], format="csr"), 0, 0),
            bounds=Bounds(least, most),
            integrality=np.ones(2 * len(where)),
            options={"time_limit": SECONDS},
        )
        if result.x is None:
            return np.zeros(len(self.counts)) if result.status == TIMED_OUT else None
        change = np.zeros(len(self.counts))
        change[where] = result.x[: len(where)] - result.x[len(where) :]
        return change


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
            f"The group {group} has fewer than {minimum} patients, so that nothing about it may be "
            "published. Use wider criteria or more years, or a smaller minimum count."
        )
