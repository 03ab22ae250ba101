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

from seermatch.disclosure.count_program import PUBLIC, CountProgram
from seermatch.errors import StudyError

MASKED, HIDDEN, SLACK = "masked", "hidden", "slack"


@dataclass
class Cell:
    """A count.

    Attributes
    ----------
    count : int
        Its true value.
    state : {"public", "masked", "hidden", "slack"}
        Hidden cells are printed nowhere but follow from those that are. Slack is by how much one
        sum is at most another, and needs no protection.
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

    Attributes
    ----------
    cells : dict of hashable to Cell
        Counts by name.
    equations : list of dict
        Factors by name; each sum is 0.
    width : int
        Width of the bins as which counts are published; 0: as they are.

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
    width: int = 0

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

    def add_slack(self, name: Hashable, count: float) -> None:
        """Add a count that nobody knows and that needs no protection."""
        self.cells[name] = Cell(int(count), SLACK)

    def total(self, name: Hashable, parts: Iterable[Hashable]) -> None:
        """State that a count is the sum of others."""
        equation = {name: -1.0}
        for part in parts:
            equation[part] = equation.get(part, 0.0) + 1.0
        self.equations.append(equation)

    def at_most(self, parts: Iterable[Hashable], whole: Iterable[Hashable]) -> None:
        """State that a sum is at most another, if it is so."""
        parts, whole = list(parts), list(whole)
        slack = sum(self.cells[name].count for name in whole)
        slack -= sum(self.cells[name].count for name in parts)
        if slack >= 0:
            name = ("slack", str(len(self.equations)))
            self.add_slack(name, slack)
            equation = {name: 1.0}
            for factor, names in ((1.0, parts), (-1.0, whole)):
                for part in names:
                    equation[part] = equation.get(part, 0.0) + factor
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
            if 0 < cell.count < minimum
            and cell.state != SLACK
            and (self.width or not (cell.fixed and cell.state == PUBLIC))
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
        if not self.width:
            self.mask(small)
        program, need = CountProgram(self), self._need(minimum)
        program.survey(small, need)
        for name in small:
            if not program.is_wide(name, need):
                program.widen(name, need)

    def _need(self, minimum: int) -> int:
        """Say by how much a small count must be able to differ: its bin holds `minimum` values."""
        return minimum - 1 if self.width else minimum

    def interval(self, name: Hashable) -> tuple[int, int | None]:
        """Give the least and the greatest value that fit all that is published (None: no end)."""
        return CountProgram(self).interval(name)

    def narrow(self, minimum: int) -> list[Hashable]:
        """Name the small counts that are known more closely than by `minimum`."""
        program, small, need = CountProgram(self), self.small(minimum), self._need(minimum)
        program.survey(small, need)
        return [name for name in small if not program.is_wide(name, need)]

    def record(self) -> dict[str, Any]:
        """Give the system in values that JSON can hold."""
        return {
            "width": self.width,
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
        return cls(cells, equations, record["width"])


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
