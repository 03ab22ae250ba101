"""Masking of counts: against every table that a reader could think possible.

The least and the greatest value of a small count are found by going through all tables that fit
what is published, and by linear programming with the equations stated anew.
"""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from seermatch.disclosure.count_system import CountSystem, refuse_small_group
from seermatch.errors import StudyError

MINIMUM = 3
thorough = settings(derandomize=True, max_examples=40, deadline=None)


def cross_table(counts, *, totals_fixed=False):
    """Rows and columns of a table add up to their totals."""
    counts = np.asarray(counts)
    system = CountSystem()
    rows, columns = counts.shape
    for i, j in itertools.product(range(rows), range(columns)):
        system.add(("cell", i, j), counts[i, j])
    for i in range(rows):
        system.add(("row", i), counts[i].sum(), fixed=totals_fixed)
        system.total(("row", i), [("cell", i, j) for j in range(columns)])
    for j in range(columns):
        system.add(("column", j), counts[:, j].sum(), fixed=totals_fixed)
        system.total(("column", j), [("cell", i, j) for i in range(rows)])
    return system


def all_tables(system, shape, most):
    """Go through every table of cells that fits all that is published."""
    names = [("cell", i, j) for i, j in itertools.product(*map(range, shape))]
    for values in itertools.product(range(most + 1), repeat=len(names)):
        table = dict(zip(names, values, strict=True))
        for i in range(shape[0]):
            table["row", i] = sum(table["cell", i, j] for j in range(shape[1]))
        for j in range(shape[1]):
            table["column", j] = sum(table["cell", i, j] for i in range(shape[0]))
        if all(table[name] == system.cells[name].count for name in table if system.is_public(name)):
            yield table


@given(counts=st.lists(st.integers(0, 5), min_size=4, max_size=4))
@thorough
def test_intervals_are_those_of_all_tables(counts):
    """With the totals public, every reader's table is among those gone through."""
    counts = np.reshape(counts, (2, 2))
    system = cross_table(counts, totals_fixed=True)
    system.mask([("cell", 0, 0), ("cell", 0, 1), ("cell", 1, 0), ("cell", 1, 1)])
    tables = list(all_tables(system, (2, 2), 10))
    for name in (("cell", 0, 0), ("cell", 1, 1)):
        values = [table[name] for table in tables]
        assert system.interval(name) == (min(values), max(values))


@given(counts=st.lists(st.integers(0, 5), min_size=4, max_size=4))
@thorough
def test_no_small_count_is_known_closely(counts):
    counts = np.reshape(counts, (2, 2))
    system = cross_table(counts)
    system.protect(MINIMUM)
    tables = list(all_tables(system, (2, 2), 11))
    for name, cell in system.cells.items():
        if 0 < cell.count < MINIMUM:
            values = [table[name] for table in tables]
            assert max(values) - min(values) >= MINIMUM
    if not any(0 < cell.count < MINIMUM for cell in system.cells.values()):
        assert not system.masked()


@st.composite
def linked_systems(draw):
    """Two populations and their difference, as Tables 1 and 2: levels within groups."""
    system = CountSystem()
    for variable in range(draw(st.integers(1, 3))):
        levels = range(draw(st.integers(2, 4)))
        for level in levels:
            matched, left = draw(st.integers(0, 40)), draw(st.integers(0, 9))
            for name, count in (("m", matched), ("u", left), ("c", matched + left)):
                system.add((name, variable, level), count, hidden=name == "u")
            system.total(("c", variable, level), [("m", variable, level), ("u", variable, level)])
        for name in "muc":
            parts = [(name, variable, level) for level in levels]
            total = sum(system.cells[part].count for part in parts)
            system.add((name, variable), total, hidden=name == "u")
            system.total((name, variable), parts)
    return system


def linear_bounds(system, name):
    """Bound a count by the equations, stated anew, and all that is published."""
    names = list(system.cells)
    matrix = np.zeros((len(system.equations), len(names)))
    for row, equation in enumerate(system.equations):
        for part, factor in equation.items():
            matrix[row, names.index(part)] = factor
    counts = [system.cells[part].count for part in names]
    assert np.allclose(matrix @ counts, 0)
    bounds = [
        (n, n) if system.is_public(part) else (0, None)
        for part, n in zip(names, counts, strict=True)
    ]
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(names))
        aim[names.index(name)] = sign
        found = linprog(aim, A_eq=matrix, b_eq=np.zeros(len(matrix)), bounds=bounds)
        ends.append(sign * found.fun if found.status == 0 else np.inf)
    return ends


@given(system=linked_systems(), minimum=st.integers(2, 8))
@thorough
def test_an_attack_by_linear_programming(system, minimum):
    system.protect(minimum)
    for name, cell in system.cells.items():
        if 0 < cell.count < minimum:
            assert not system.is_public(name)
            low, high = linear_bounds(system, name)
            assert high - low > minimum - 1e-6
    assert system.narrow(minimum) == []


@given(system=linked_systems())
@thorough
def test_later_tables_do_not_undo_a_release(system):
    """What was published stays so, and sums printed later do not narrow what was masked."""
    system.protect(5)
    later = CountSystem.from_record(json.loads(json.dumps(system.record())))
    assert later.masked() == system.masked()
    published = {name for name in later.cells if later.is_public(name)}
    for variable in {name[1] for name in later.cells}:
        levels = [name for name in later.cells if name[:2] == ("c", variable) and len(name) == 3][
            :2
        ]
        later.add(("both", variable), sum(later.cells[name].count for name in levels))
        later.total(("both", variable), levels)
    later.protect(5)
    assert all(later.is_public(name) for name in published)
    for name, cell in later.cells.items():
        if 0 < cell.count < 5 and not (cell.fixed and later.is_public(name)):
            low, high = linear_bounds(later, name)
            assert high - low > 5 - 1e-6


def test_the_cheapest_complement_is_masked():
    system = CountSystem()
    for name, count in (("a", 2), ("b", 60), ("c", 4000), ("d", 90000)):
        system.add(name, count)
    system.add("n", 94062)
    system.total("n", "abcd")
    system.protect(5)
    assert system.masked() == {"a", "b"}
    assert system.interval("a") == (0, 62)


def test_what_cost_says_is_kept():
    system = CountSystem()
    system.add("matched", 40, cost=50.0)
    system.add("unmatched", 2, hidden=True)
    system.add("cohort", 42)
    system.total("cohort", ["matched", "unmatched"])
    system.protect(5)
    assert system.masked() == {"cohort"}
    assert system.interval("unmatched") == (0, None)


def test_zeros_and_large_counts_are_published():
    system = cross_table([[0, 12], [30, 9]])
    system.protect(5)
    assert not system.masked()


def test_one_name_has_one_count():
    system = CountSystem()
    system.add("n", 3)
    system.add("n", 3)
    with pytest.raises(ValueError, match="3 in one table and 4 in another"):
        system.add("n", 4)


def test_a_small_group_is_refused():
    refuse_small_group("M0", 5, 5)
    with pytest.raises(StudyError, match="M0 has fewer than 5"):
        refuse_small_group("M0", 4, 5)
