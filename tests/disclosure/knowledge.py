"""What an intruder knows: whole numbers that nobody printed, and linear facts about them.

A fact says that a sum of counts lies between two numbers. `Knowledge.interval` finds the least and
the greatest value of a count that agree with all facts at once, by integer programming.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

SLACK = 1e-6


@dataclass(frozen=True)
class Fact:
    """A sum of counts times factors between two numbers, and where it was read."""

    factors: Mapping[Hashable, float]
    low: float
    high: float
    source: str


@dataclass
class Knowledge:
    """Facts, and the whole numbers from 0 that they are about."""

    facts: list[Fact] = field(default_factory=list)
    parts: set[Hashable] = field(default_factory=set)  # may be fractions

    def know(self, factors: Mapping[Hashable, float], low: float, high: float, source: str) -> None:
        """Add what was read; NaN at an end is no bound."""
        low = -np.inf if np.isnan(low) else low
        high = np.inf if np.isnan(high) else high
        if low > -np.inf or high < np.inf:
            self.facts.append(Fact(dict(factors), low, high, source))

    def equal(self, name: Hashable, value: float, source: str) -> None:
        """A count is printed; NaN says nothing."""
        self.know({name: 1.0}, value, value, source)

    def total(self, whole: Hashable, parts, source: str = "identity") -> None:
        """Parts add up to a whole."""
        factors = {whole: -1.0}
        for part in parts:
            factors[part] = factors.get(part, 0.0) + 1.0
        self.know(factors, 0.0, 0.0, source)


class Solver:
    """The integer programs of one body of knowledge, one per group of counts that hang together."""

    def __init__(self, knowledge: Knowledge, sources=None):
        facts = [f for f in knowledge.facts if sources is None or f.source in sources]
        names = list(dict.fromkeys(name for fact in facts for name in fact.factors))
        self.index = {name: at for at, name in enumerate(names)}
        self.whole = np.array([name not in knowledge.parts for name in names], dtype=int)
        self.low, self.high = np.zeros(len(names)), np.full(len(names), np.inf)
        rows = self._tighten(facts)
        self._group(rows)
        self.seen: dict[Hashable, set[int]] = {}
        self.known: dict[int, tuple[float, float]] = {}

    def _tighten(self, facts) -> list[Fact]:
        """Turn facts about one count into bounds, until no sum has one unknown count left."""
        left = facts
        while True:
            after, moved = [], False
            for fact in left:
                free = [n for n in fact.factors if self.low[self.index[n]] < self._top(n)]
                shift = sum(
                    factor * self.low[self.index[n]]
                    for n, factor in fact.factors.items()
                    if n not in free
                )
                if len(free) == 1:
                    self._bound(free[0], fact.factors[free[0]], fact.low - shift, fact.high - shift)
                    moved = True
                elif free:
                    after.append(fact)
            left = after
            if not moved:
                return left

    def _top(self, name) -> float:
        return self.high[self.index[name]]

    def _bound(self, name, factor, low, high) -> None:
        at = self.index[name]
        ends = sorted((low / factor, high / factor))
        if self.whole[at]:
            ends = [np.ceil(ends[0] - SLACK), np.floor(ends[1] + SLACK)]
        self.low[at] = max(self.low[at], ends[0])
        self.high[at] = max(min(self.high[at], ends[1]), self.low[at])

    def _group(self, facts) -> None:
        row, column, value = [], [], []
        for at, fact in enumerate(facts):
            for name, factor in fact.factors.items():
                row.append(at)
                column.append(self.index[name])
                value.append(factor)
        shape = (len(facts), len(self.index))
        self.matrix = csr_matrix((value, (row, column)), shape=shape)
        self.ends = np.array([(f.low, f.high) for f in facts]).reshape(-1, 2)
        free = self.low < self.high
        links = abs(self.matrix[:, np.flatnonzero(free)])
        _, labels = connected_components(links.T @ links)
        self.group = np.full(len(self.index), -1)
        self.group[free] = labels
        self.programs: dict[int, tuple] = {}

    def _program(self, group: int):
        if group not in self.programs:
            columns = np.flatnonzero(self.group == group)
            part = self.matrix[:, columns]
            rows = np.flatnonzero(np.diff(part.indptr))
            outside = np.flatnonzero(self.group == -1)
            shift = self.matrix[rows][:, outside] @ self.low[outside]
            ends = self.ends[rows] - shift[:, None]
            ends[:, 0] -= SLACK
            ends[:, 1] += SLACK
            scale = np.maximum(abs(part[rows]).max(axis=1).toarray().ravel(), 1e-12)
            matrix = csr_matrix(part[rows].multiply(1 / scale[:, None]))
            constraint = LinearConstraint(matrix, ends[:, 0] / scale, ends[:, 1] / scale)
            bounds = Bounds(self.low[columns], self.high[columns])
            self.programs[group] = columns, constraint, bounds, self.whole[columns]
        return self.programs[group]

    def interval(self, name: Hashable, wanted: float = np.inf) -> tuple[float, float]:
        """Bound a count; where two values `wanted` apart are possible, only say so: no bounds."""
        if name not in self.index:
            return 0.0, np.inf
        at = self.index[name]
        if self.group[at] < 0 or self.high[at] - self.low[at] == 0:
            return self.low[at], self.high[at]
        if at in self.known:
            return self.known[at]
        ends = self.seen.get(at, ())
        if ends and max(ends) - min(ends) >= wanted:
            return 0.0, np.inf
        found = []
        for sign in (1, -1):
            best = self._solve(self.group[at], {at: sign})
            found.append(sign * best)
        self.known[at] = (round(found[0], 6), round(found[1], 6))
        return self.known[at]

    def explore(self, names, tries: int = 4) -> None:
        """Look for solutions far from each other, so that most counts need no program."""
        rng = np.random.default_rng(0)
        wanted: dict[int, list[int]] = {}
        for at in (self.index[name] for name in names if name in self.index):
            if self.group[at] >= 0:
                wanted.setdefault(self.group[at], []).append(at)
        for group, columns in wanted.items():
            if len(columns) < 3:
                continue
            signs = [np.ones(len(columns)), *rng.choice([-1.0, 1.0], (tries, len(columns)))]
            for sign in signs:
                for side in (1, -1):
                    self._solve(group, dict(zip(columns, side * sign, strict=True)))

    def _solve(self, group: int, cost: Mapping[int, float]) -> float:
        """Minimize a sum of counts; minus infinity where it has no bound."""
        columns, constraint, bounds, whole = self._program(group)
        objective = np.zeros(len(columns))
        objective[np.searchsorted(columns, list(cost))] = list(cost.values())
        result = milp(
            objective,
            constraints=constraint,
            bounds=bounds,
            integrality=whole,
            options={"time_limit": 10.0},
        )
        if result.status == 2:
            raise AssertionError("the facts contradict each other: an attack is wrong")
        if result.x is None:
            return -np.inf
        for column, value in zip(columns, np.round(result.x), strict=True):
            self.seen.setdefault(column, set()).add(value)
        return result.fun if result.status == 0 else result.mip_dual_bound
