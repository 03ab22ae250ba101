"""Disclosure: an attacker with linear programming cannot recover what is masked.

Every test states the published equations anew, bounds each masked cell by linear programming and
compares with what the rule promises: a small count may be anything from 0 to `minimum_count`, as
far as the sizes of the groups allow, and no masked cell is known exactly.
"""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from seermatch import disclosure, disclosure_outcomes, masking
from seermatch.disclosure import (
    disclosure_note,
    mask_attrition,
    mask_balance,
    mask_characteristics,
    mask_small,
    safe_cell,
)
from seermatch.disclosure_outcomes import mask_curves, mask_events, mask_follow_up
from seermatch.errors import StudyError
from seermatch.masking import complementary_mask
from seermatch.tables import characteristics_table, numbers_at_risk

MINIMUM = 5
EPSILON = 1e-6
thorough = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@pytest.mark.parametrize("module", [disclosure, disclosure_outcomes, masking])
def test_doctests(module):
    assert doctest.testmod(module).failed == 0


class Attacker:
    """All that is published: cells with their true values, equations, and which cells are shown."""

    def __init__(self):
        self.names, self.values, self.shown, self.fixed, self.rows = {}, [], [], [], []
        self.printed = []

    def cell(self, name, value, published, *, fixed=False, printed=True):
        """Add a cell; one that is not printed but can be computed has `printed` False."""
        self.names[name] = len(self.values)
        self.values.append(value)
        self.shown.append(bool(published))
        self.fixed.append(fixed)
        self.printed.append(printed)

    def sums(self, whole, *parts):
        self.rows.append({whole: -1, **dict.fromkeys(parts, 1)})

    def interval(self, name, shown):
        """Bound a cell by the equations, the shown cells, and that no count is negative."""
        values = np.array(self.values, dtype=float)
        matrix = np.zeros((len(self.rows), len(values)))
        for row, equation in enumerate(self.rows):
            for cell, factor in equation.items():
                matrix[row, self.names[cell]] = factor
        assert np.allclose(matrix @ values, 0), "the test's own equations do not hold"
        bounds = [
            (v, v) if known else (0, None) for v, known in zip(values, shown, strict=True)
        ]
        ends = []
        for sign in (1, -1):
            objective = np.zeros(len(values))
            objective[self.names[name]] = sign
            found = linprog(objective, A_eq=matrix, b_eq=np.zeros(len(matrix)), bounds=bounds)
            assert found.status in (0, 3), found.message
            ends.append(sign * np.inf * -1 if found.status == 3 else sign * found.fun)
        return ends

    def fails_to_recover(self, minimum=MINIMUM):
        for name, at in self.names.items():
            value = self.values[at]
            small = 0 < value < minimum and not self.fixed[at]
            if small and self.printed[at]:
                assert not self.shown[at], f"{name} = {value} is published"
            if not small and (self.shown[at] or not self.printed[at]):
                continue
            low, high = self.interval(name, self.shown)
            whole = np.floor(high + EPSILON) - np.ceil(low - EPSILON)
            assert whole >= 1, f"{name} = {value} is known: {low} to {high}"
            if small:
                least, most = self.interval(name, self.fixed)
                assert low <= max(0, least) + EPSILON, f"{name} = {value}: from {low}"
                assert high >= min(minimum, most) - EPSILON, f"{name} = {value}: to {high}"


def attack(values, constraints, mask, *, fixed, hidden):
    attacker = Attacker()
    for at, value in enumerate(values):
        shown = not mask[at] and not hidden[at]
        attacker.cell(at, value, shown, fixed=bool(fixed[at]), printed=not hidden[at])
    for row in constraints:
        (whole,) = np.flatnonzero(row < 0)
        attacker.sums(whole, *np.flatnonzero(row > 0))
    attacker.fails_to_recover()


# ----- the kernel --------------------------------------------------------------------------------

counts = st.one_of(st.integers(0, 9), st.integers(0, 9), st.integers(0, 400))


@thorough
@given(st.integers(2, 5), st.integers(2, 4), st.data())
def test_cross_table_with_margins(rows, columns, data):
    inner = np.array(data.draw(st.lists(counts, min_size=rows * columns, max_size=rows * columns)))
    inner = inner.reshape(rows, columns)
    table = np.zeros((rows + 1, columns + 1), int)
    table[:-1, :-1] = inner
    table[-1, :-1], table[:-1, -1], table[-1, -1] = inner.sum(0), inner.sum(1), inner.sum()
    index = np.arange(table.size).reshape(table.shape)
    lines = [*index, *index.T]
    constraints = np.zeros((len(lines), table.size))
    for at, line in enumerate(lines):
        constraints[at, line[:-1]], constraints[at, line[-1]] = 1, -1
    none = np.zeros(table.size, bool)
    fixed = none.copy()
    if table[-1, -1] >= MINIMUM:
        fixed[index[-1, -1]] = True
    values = table.ravel()
    try:
        mask = complementary_mask(values, constraints, MINIMUM, fixed=fixed)
    except StudyError:
        pytest.fail("a free margin can always be masked")
    attack(values, constraints, mask, fixed=fixed, hidden=none)
    if not ((values > 0) & (values < MINIMUM)).any():
        assert not mask.any()


def test_nothing_small_nothing_masked():
    assert not complementary_mask([5, 0, 5], [[1, 1, -1]], MINIMUM).any()


def test_a_count_that_the_fixed_ones_determine_is_refused():
    with pytest.raises(StudyError, match="cannot be masked"):
        complementary_mask([3, 40, 43], [[1, 1, -1]], 5, fixed=[False, True, True])


def test_large_counts_are_not_masked_where_a_smaller_one_does():
    mask = complementary_mask([2, 60, 4000, 90000, 94062], [[1, 1, 1, 1, -1]], 5)
    assert mask.tolist() == [True, True, False, False, False]


def test_a_reader_who_knows_the_method_cannot_tell_the_counts_of_one_variable():
    """Every group of 5 to 14 patients in two or three levels: the masked table has two origins."""
    for levels in (2, 3):
        seen = {}
        for counts_ in np.ndindex(*(15,) * levels):
            n = sum(counts_)
            if not MINIMUM <= n <= 14:
                continue
            adds_up = np.array([[1] * levels + [-1]])
            fixed = np.array([False] * levels + [True])
            mask = complementary_mask([*counts_, n], adds_up, MINIMUM, fixed=fixed)
            shown = (n, *(None if m else c for c, m in zip(counts_, mask, strict=False)))
            seen.setdefault(shown, []).append(counts_)
        for shown, origins in seen.items():
            for at in (i for i, cell in enumerate(shown[1:]) if cell is None):
                assert len({origin[at] for origin in origins}) > 1, (shown, origins)


# ----- characteristics ---------------------------------------------------------------------------

PATIENTS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 9), st.integers(0, 3)),
    min_size=MINIMUM,
    max_size=90,
)


def subtype(er, pr, her2):
    return f"HR{'+' if er or pr else '-'}/HER2{'+' if her2 else '-'}"


def comparison_of(groups):
    """Count receptors, subtype and grade of patients, as `compare_groups` does."""
    sign = {True: "Positive", False: "Negative"}
    rows = []
    for group, patients in groups.items():
        n = len(patients)
        columns = {
            "er": ([sign[p[0]] for p in patients], ["Negative", "Positive"]),
            "pr": ([sign[p[1]] for p in patients], ["Negative", "Positive"]),
            "her2": ([sign[p[2]] for p in patients], ["Negative", "Positive"]),
            "subtype": (
                [subtype(*p[:3]) for p in patients],
                ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"],
            ),
            "grade": (["III" if p[3] == 0 else "I-II" for p in patients], ["I-II", "III"]),
            "stage": ([str(p[4]) for p in patients], list("0123")),
        }
        rows.append(("age", "", group, n, np.nan, 60.0, 50.0, 70.0))
        for variable, (values, levels) in columns.items():
            for level in levels:
                count = values.count(level)
                row = (variable, level, group, count, 100 * count / n, np.nan, np.nan, np.nan)
                rows.append(row)
    names = ["variable", "level", "group", "n", "percent", "median", "q1", "q3"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(test="Pearson chi-square", statistic=1.0, df=1.0, p_value=0.3)


@thorough
@given(PATIENTS, PATIENTS)
def test_characteristics_cannot_be_recovered(reference, exposed):
    groups = {"M0": reference, "M0(i+)": exposed}
    frame = comparison_of(groups)
    masked = mask_characteristics(frame, MINIMUM)
    body = masked[masked["variable"] != "n"].reset_index(drop=True)
    assert (body["n"].isna() == (body["percent"].isna() & (body["level"] != ""))).all()
    for group, patients in groups.items():
        attacker = Attacker()
        truth = frame[(frame["group"] == group) & (frame["level"] != "")]
        for row, shown in zip(truth.itertuples(), body.loc[truth.index, "n"], strict=True):
            attacker.cell((row.variable, row.level), row.n, pd.notna(shown))
        attacker.cell("n", len(patients), True, fixed=True)
        for variable, block in truth.groupby("variable"):
            attacker.sums("n", *((variable, level) for level in block["level"]))
        # every combination of the receptors, from which all four variables are counted
        cells = [(er, pr, her2) for er in (0, 1) for pr in (0, 1) for her2 in (0, 1)]
        pairs = {}
        for er, pr in ((1, 1), (1, 0), (0, 1), (0, 0)):
            count = sum(p[:2] == (er, pr) for p in patients)
            attacker.cell(("er, pr", er, pr), count, False, printed=False)
        for cell in cells:
            pairs[cell] = ("combination", *cell)
            attacker.cell(pairs[cell], sum(p[:3] == cell for p in patients), False, printed=False)
        for er, pr in ((1, 1), (1, 0), (0, 1), (0, 0)):
            attacker.sums(("er, pr", er, pr), pairs[er, pr, 0], pairs[er, pr, 1])
        for name, at in (("er", 0), ("pr", 1), ("her2", 2)):
            for value, level in ((0, "Negative"), (1, "Positive")):
                attacker.sums((name, level), *(pairs[c] for c in cells if c[at] == value))
        for level in ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"):
            attacker.sums(("subtype", level), *(pairs[c] for c in cells if subtype(*c) == level))
        # single combinations follow from the margins only by chance; the cells of ER by PR do not
        for cell in pairs.values():
            attacker.printed[attacker.names[cell]] = True
            attacker.shown[attacker.names[cell]] = True
        known = [attacker.names[cell] for cell in pairs.values()]
        keep = [at for at in range(len(attacker.values)) if at not in known]
        assert keep
        _without(attacker, pairs.values(), patients)
        attacker.fails_to_recover()
    hidden = set(body.loc[body["n"].isna(), "variable"])
    assert set(body.loc[body["p_value"].isna(), "variable"]) == hidden
