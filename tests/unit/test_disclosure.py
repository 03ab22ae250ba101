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
)
from seermatch.disclosure_outcomes import mask_curves, mask_events, mask_follow_up
from seermatch.errors import StudyError
from seermatch.masking import complementary_mask
from seermatch.tables import characteristics_table, numbers_at_risk

MINIMUM = 5
EPSILON = 1e-6
EXAMPLES = 25
thorough = settings(
    derandomize=True,
    max_examples=EXAMPLES,
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
        self.printed, self.target = [], []

    def cell(self, name, value, published, *, fixed=False, printed=True, target=True):
        """Add a cell; one that is not printed but can be computed has `printed` False.

        One that is no `target` only narrows the others.
        """
        self.names[name] = len(self.values)
        self.values.append(value)
        self.shown.append(bool(published))
        self.fixed.append(fixed)
        self.printed.append(printed)
        self.target.append(target)

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
        bounds = [(v, v) if known else (0, None) for v, known in zip(values, shown, strict=True)]
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
            if not self.target[at]:
                continue
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
    mask = complementary_mask(values, constraints, MINIMUM, fixed=fixed)
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


def test_a_reader_who_knows_the_method_cannot_tell_two_levels():
    """Groups of 5 to 12 patients in two levels: whatever is masked has several origins."""
    adds_up, fixed = np.array([[1, 1, -1]]), [False, False, True]
    seen = {}
    for n in range(MINIMUM, 13):
        for first in range(n + 1):
            mask = complementary_mask([first, n - first, n], adds_up, MINIMUM, fixed=fixed)
            if mask.any():
                assert mask.tolist() == [True, True, False]
                seen.setdefault(n, []).append(first)
    assert all(len(origins) > 1 for origins in seen.values())


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
        # all four variables are counted from the combinations of the three receptors; those of ER
        # and PR follow from the margins, the finer ones only narrow the others
        cells = [(er, pr, her2) for er in (0, 1) for pr in (0, 1) for her2 in (0, 1)]
        for cell in cells:
            attacker.cell(cell, sum(p[:3] == cell for p in patients), False, target=False)
        for er, pr in ((1, 1), (1, 0), (0, 1)):
            count = sum(p[:2] == (er, pr) for p in patients)
            attacker.cell((er, pr), count, False, printed=False)
            attacker.sums((er, pr), (er, pr, 0), (er, pr, 1))
        for name, at in (("er", 0), ("pr", 1), ("her2", 2)):
            for value, level in ((0, "Negative"), (1, "Positive")):
                attacker.sums((name, level), *(cell for cell in cells if cell[at] == value))
        for level in ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"):
            attacker.sums(("subtype", level), *(c for c in cells if subtype(*c) == level))
        attacker.fails_to_recover()
    hidden = set(body.loc[body["n"].isna(), "variable"])
    assert set(body.loc[body["p_value"].isna(), "variable"]) == hidden


def test_characteristics_print_as_before_and_masked():
    frame = comparison_of(
        {"M0": [(1, 1, 0, 1, at % 4) for at in range(90)], "M0(i+)": [(1, 0, 0, 1, 0)] * 30}
    )
    masked = mask_characteristics(frame.assign(population="cohort"), MINIMUM)
    table = characteristics_table(masked, ("M0", "M0(i+)"))
    assert table.loc[0, ["M0", "M0(i+)"]].tolist() == ["90", "30"]
    assert mask_characteristics(frame, 0) is frame


def test_a_small_group_is_refused():
    frame = comparison_of({"M0": [(1, 1, 0, 1, 1)] * 50, "M0(i+)": [(1, 1, 0, 1, 1)] * 4})
    with pytest.raises(StudyError, match="fewer patients"):
        mask_characteristics(frame, MINIMUM)


def test_quartiles_of_few_patients_are_masked():
    frame = comparison_of({"M0": [(1, 1, 0, 1, 1)] * 50, "M0(i+)": [(1, 1, 0, 1, 1)] * 19})
    masked = mask_characteristics(frame, MINIMUM)
    age = masked[masked["variable"] == "age"].set_index("group")[["median", "q1", "q3"]]
    assert age.loc["M0"].tolist() == [60, 50, 70]
    assert age.loc["M0(i+)"].isna().all()


def test_differences_of_masked_levels_are_masked():
    few = [(1, 1, 0, 1, 0)] * 40
    groups = {"M0": few * 4, "M0(i+)": [*few, (1, 1, 1, 1, 0)]}
    both = [comparison_of(groups).assign(population=p) for p in ("cohort", "matched")]
    both[1] = comparison_of({"M0": few, "M0(i+)": few}).assign(population="matched")
    masked = mask_characteristics(pd.concat(both), MINIMUM)
    balance = pd.DataFrame(
        {
            "term": ["distance", "age", "her2", "grade"],
            "level": ["", "", "Positive", "III"],
            "smd_before": 0.1,
            "smd_after": 0.01,
        }
    )
    hidden = mask_balance(balance, masked).isna()
    assert hidden["smd_before"].tolist() == [False, False, True, False]
    assert not hidden["smd_after"].any()


# ----- flow of the study -------------------------------------------------------------------------


@thorough
@given(
    st.lists(st.tuples(st.integers(0, 60), counts, counts), min_size=1, max_size=9),
    st.integers(MINIMUM, 300),
    st.integers(MINIMUM, 40),
)
def test_attrition_cannot_be_recovered(steps, reference, exposed):
    arms = ("reference", "exposed", "other")
    left = {"reference": reference, "exposed": exposed, "other": 0}
    rows = []
    for other, *excluded in reversed(steps):
        # once there are records of neither group, going back, they only become more
        out = dict(zip(arms, (*excluded, other), strict=True))
        rows.append((dict(left), out))
        left = {arm: left[arm] + out[arm] for arm in arms}
    rows.append((left, dict.fromkeys(arms, 0)))
    rows.reverse()
    flow = pd.DataFrame({"step": range(len(rows)), "criterion": "x"})
    for kind, at in (("remaining", 0), ("excluded", 1)):
        flow[kind] = [sum(row[at].values()) for row in rows]
        for arm in arms[:2]:
            flow[f"{kind}_{arm}"] = [row[at][arm] for row in rows]
    masked = mask_attrition(flow, MINIMUM)
    assert masked.iloc[-1][[f"remaining_{arm}" for arm in arms[:2]]].tolist() == [
        reference,
        exposed,
    ]
    attacker, last = Attacker(), len(rows) - 1
    for step, row in enumerate(rows):
        for kind, at in (("remaining", 0), ("excluded", 1)):
            sure = (kind, step) in (("remaining", last), ("excluded", 0))
            columns = {"": sum(row[at].values()), **{f"_{arm}": row[at][arm] for arm in arms[:2]}}
            for suffix, value in columns.items():
                shown = pd.notna(masked.loc[step, f"{kind}{suffix}"])
                assert shown or not sure
                attacker.cell((kind + suffix, step), value, shown, fixed=sure)
            gone = row[at]["other"] == 0
            attacker.cell(
                (f"{kind}_other", step), row[at]["other"], gone, fixed=gone, printed=False
            )
            attacker.sums((kind, step), *((f"{kind}_{arm}", step) for arm in arms))
        if step:
            for suffix in ("", "_reference", "_exposed", "_other"):
                now = [(f"remaining{suffix}", step), (f"excluded{suffix}", step)]
                attacker.sums((f"remaining{suffix}", step - 1), *now)
    attacker.fails_to_recover()


def test_attrition_of_the_default_study_loses_little():
    exposed = [680, 680, 675, 666, 652, 644, 615, 607, 598, 594, 585]
    reference = [325838, 323891, 321081, 316071, 310771, 307871, 295971, 292871, 288971, 287203]
    reference.append(283503)
    flow = pd.DataFrame({"step": range(11), "criterion": "x"})
    flow["remaining"] = np.add(exposed, reference) + ([19685] + [0] * 10)
    for name, counts_ in (("reference", reference), ("exposed", exposed)):
        flow[f"remaining_{name}"] = counts_
    for name in ("", "_reference", "_exposed"):
        flow[f"excluded{name}"] = -flow[f"remaining{name}"].diff().fillna(0).astype(int)
    masked = mask_attrition(flow, MINIMUM)
    assert masked.loc[9, "excluded_exposed"] is pd.NA
    assert masked.isna().sum().sum() <= 6
    assert mask_attrition(flow, 0) is flow
    assert mask_attrition(flow, 4).isna().sum().sum() == 0


# ----- outcomes ----------------------------------------------------------------------------------

outcome = st.tuples(counts, counts, st.integers(0, 60))


@thorough
@given(outcome, outcome, outcome, outcome)
def test_deaths_cannot_be_recovered(matched0, matched1, left0, left1):
    groups = {
        ("matched", "0"): matched0,
        ("matched", "1"): matched1,
        ("unmatched", "0"): left0,
        ("unmatched", "1"): left1,
    }
    assume(min(sum(matched0), sum(matched1)) >= MINIMUM)
    for group in "01":
        pair = zip(groups["matched", group], groups["unmatched", group], strict=True)
        groups["cohort", group] = tuple(map(sum, pair))
    for population in ("cohort", "matched"):
        pair = zip(groups[population, "0"], groups[population, "1"], strict=True)
        groups[population, "all"] = tuple(map(sum, pair))
    names = [(p, g) for p in ("cohort", "matched") for g in ("0", "1", "all")]
    frame = pd.DataFrame(
        [(*name, sum(groups[name]), 30.0, *groups[name][:2]) for name in names],
        columns=["population", "group", "n", "median", *disclosure_outcomes.CAUSES],
    )
    attacker = Attacker()
    masked = mask_follow_up(frame, MINIMUM).set_index(["population", "group"])
    for name, (*deaths, alive) in groups.items():
        printed = name[0] != "unmatched"
        for cause, count in zip(disclosure_outcomes.CAUSES, deaths, strict=True):
            shown = printed and pd.notna(masked.loc[name, cause])
            attacker.cell((*name, cause), count, shown, printed=printed)
        attacker.cell((*name, "alive"), alive, False, printed=False)
        attacker.cell((*name, "n"), sum(groups[name]), True, fixed=True)
        outcomes = [(*name, what) for what in (*disclosure_outcomes.CAUSES, "alive")]
        attacker.sums((*name, "n"), *outcomes)
    for what in (*disclosure_outcomes.CAUSES, "alive"):
        for population in ("cohort", "matched"):
            attacker.sums(
                (population, "all", what), (population, "0", what), (population, "1", what)
            )
        for group in "01":
            attacker.sums(
                ("cohort", group, what), ("matched", group, what), ("unmatched", group, what)
            )
    attacker.fails_to_recover()


@thorough
@given(st.lists(st.integers(0, 61), min_size=MINIMUM, max_size=120))
def test_numbers_at_risk_cannot_be_recovered(times):
    times = np.sort(times)
    distinct = np.unique(times)
    curve = pd.DataFrame(
        {
            "group": "0",
            "time": distinct,
            "n_at_risk": [int((times >= t).sum()) for t in distinct],
            "n_events": 1,
            "survival": 0.9,
        }
    )
    marks = [mark for mark in (0, 12, 24, 36, 48, 59) if mark <= times.max()]
    masked = mask_curves(curve, [0, 12, 24, 36, 48, 59], MINIMUM)
    shown = numbers_at_risk(masked, marks)
    true = numbers_at_risk(curve, marks)
    known = ~np.isnan(shown)
    assert (shown[known] == true[known]).all()
    assert known[0]
    assert masked["n_at_risk"].notna().sum() <= known.sum()
    attacker = Attacker()
    for at, count in enumerate(true):
        attacker.cell(at, count, known[at], fixed=at == 0)
        if at:
            attacker.cell(("left", at), true[at - 1] - count, False, printed=False)
            attacker.sums(at - 1, at, ("left", at))
    attacker.fails_to_recover()


def test_curves_mask_every_cause_and_group_alike():
    one = pd.DataFrame({"time": [3, 14, 30], "n_at_risk": [20, 9, 3], "n_events": 1})
    frames = [one.assign(cause=cause, group=group) for cause in "ab" for group in "01"]
    masked = mask_curves(pd.concat(frames), [0, 12, 24], MINIMUM)
    assert np.array_equal(masked["n_at_risk"], np.tile([20.0, 9.0, np.nan], 4), equal_nan=True)
    assert masked["n_events"].isna().all()


def test_events_follow_the_deaths():
    frame = pd.DataFrame(
        {
            "population": "matched",
            "group": ["0", "1", "all"],
            "n": [80, 40, 120],
            "deaths_breast_cancer": [10, 2, 12],
            "deaths_other": [9, 6, 15],
        }
    )
    models = pd.DataFrame({"term": ["age"], "events": [12]})
    assert mask_events(models, mask_follow_up(frame, MINIMUM))["events"].isna().all()
    assert mask_events(models, mask_follow_up(frame, 2))["events"].tolist() == [12]


def test_small_parts_take_their_sum_along():
    total, reference, exposed = mask_small((100, 4), MINIMUM)
    assert np.isnan([total, exposed]).all()
    assert reference == 100
    assert mask_small((100, 4), 0) == (104, 100, 4)
    assert disclosure_note(0) == ""
