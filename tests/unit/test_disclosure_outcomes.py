"""Releases of outcomes and of other analyses: what they must not tell, and what they still do."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_words import SUBTYPE, VARIABLES
from report_content import REFERENCE_LEVELS
from seermatch.analysis.outcomes import COUNTS
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.curves import Follow, plan_steps, release_curve
from seermatch.disclosure.estimates import masked_outcomes, masked_variables
from seermatch.disclosure.follow_up import add_deaths, deaths_of, mask_follow_up
from seermatch.disclosure.rule import MASKED
from seermatch.report.outcomes import marks_table
from seermatch.survival.curves import numbers_at_risk
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import kaplan_meier
from seermatch.wording.study_tables import regression_table

LABELS = ("M0", "M0(i+)")
ARMS = {"M0": "reference", "M0(i+)": "exposed"}
thorough = settings(derandomize=True, max_examples=60, deadline=None)


# ----- deaths ------------------------------------------------------------------------------------


def deaths_table(cohort, matched):
    """Make a follow-up table from (n, cancer, other) of both groups of both populations."""
    rows = []
    for population, groups in (("cohort", cohort), ("matched", matched)):
        for group, counts in zip((*LABELS, "all"), (*groups, np.sum(groups, axis=0)), strict=True):
            rows.append((population, group, *map(int, counts)))
    columns = ["population", "group", "n", "deaths_cancer", "deaths_other"]
    return pd.DataFrame(rows, columns=columns).assign(median=12.0)


def release_deaths(cohort, matched, minimum=5):
    system = CountSystem()
    counts = {
        (population, arm): dict(zip(("n", "cancer", "other"), map(int, numbers), strict=True))
        for population, groups in (("cohort", cohort), ("matched", matched))
        for arm, numbers in zip(ARMS.values(), groups, strict=True)
    }
    published = {"any", "cause"} - masked_outcomes(
        [numbers for (population, _), numbers in counts.items() if population == "matched"], minimum
    )
    add_deaths(system, counts, published)
    system.protect(minimum)
    return mask_follow_up(deaths_table(cohort, matched), system, ARMS, minimum), system


def test_deaths_of_few_unmatched_are_masked_in_the_cohort():
    table, system = release_deaths([(400, 60, 40), (80, 12, 9)], [(150, 20, 15), (77, 11, 9)])
    assert pd.isna(table["n"][1]), "80 less 77 are three patients"
    assert table["n"].isna().sum() == 2, "and another, or 80 were all less the rest"
    matched = table[table["population"] == "matched"]
    assert matched.notna().all(axis=None)
    assert pd.isna(table["deaths_cancer"][1]), "12 less 11 is one patient's death"
    assert system.narrow(5) == []


def test_few_deaths_of_a_kind_mask_the_other_kind():
    """Survival curves tell the deaths of any cause."""
    table, system = release_deaths([(400, 60, 40), (80, 3, 19)], [(160, 20, 15), (80, 3, 19)])
    exposed = table[table["group"] == LABELS[1]]
    assert exposed[["deaths_cancer", "deaths_other"]].isna().all(axis=None)
    low, high = system.interval(deaths_of("matched", "exposed", "cancer"))
    assert high - low >= 5


@given(
    matched=st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=2, max_size=2),
    left=st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=2, max_size=2),
)
@thorough
def test_no_small_number_of_deaths_is_known(matched, left):
    matched = [(alive + a + b, a, b) for alive, a, b in matched]
    cohort = [
        (n + alive + a + b, first + a, second + b)
        for (n, first, second), (alive, a, b) in zip(matched, left, strict=True)
    ]
    if min(n for n, _, _ in matched) < 5:
        return
    table, system = release_deaths(cohort, matched)
    assert system.narrow(5) == []
    shown = table[["n", "deaths_cancer", "deaths_other"]]
    assert not shown.apply(lambda counts: counts.between(1, 4).fillna(False)).any(axis=None)


# ----- models ------------------------------------------------------------------------------------


def test_outcomes_of_few_deaths_have_no_results():
    enough = {"n": 100, "cancer": 10, "other": 20}
    assert masked_outcomes([enough, enough], 5) == set()
    assert masked_outcomes([enough, enough | {"cancer": 4}], 5) == {"cause"}
    assert masked_outcomes([enough | {"cancer": 0}], 5) == set()
    assert masked_outcomes([{"n": 100, "cancer": 0, "other": 4}], 5) == {"any", "cause"}
    assert masked_outcomes([{"n": 33, "cancer": 10, "other": 20}], 5) == {"any", "cause"}


def level_counts(**deaths):
    rows = [
        (variable, f"level {at}", 100, number, 5)
        for variable, numbers in deaths.items()
        for at, number in enumerate(numbers)
    ]
    columns = ["variable", "level", "n", "cancer_deaths", "other_deaths"]
    return pd.DataFrame(rows, columns=columns)


def test_variables_with_a_level_of_few_deaths_have_no_ratios():
    counts = level_counts(grade=(8, 12), histology=(17, 3), t_stage=(20, 0))
    assert masked_variables(counts, "cancer", 5) == {"histology"}
    assert masked_variables(counts, "any", 5) == set()
    few = counts.assign(n=counts["n"].where(counts["variable"] != "grade", 4))
    assert "grade" in masked_variables(few, "cancer", 5)


def test_receptors_do_not_tell_the_deaths_of_a_subtype():
    """HER2-positive deaths less those of HR+/HER2+ are those of HR-/HER2+."""
    names = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
    rows = [("subtype", name, deaths) for name, deaths in zip(names, (30, 1, 3, 10), strict=True)]
    rows += [("her2", "Negative", 40), ("her2", "Positive", 4)]
    rows += [("grade", "I-II", 20), ("grade", "III", 24)]
    counts = pd.DataFrame(rows, columns=["variable", "level", "cancer_deaths"])
    counts = counts.assign(n=200, other_deaths=9)
    assert masked_variables(counts, "cancer", 5, [SUBTYPE]) == {"subtype", "her2"}


def test_masked_ratios_print_as_such():
    row = {"model": "univariable", "term": "er", "level": "Positive", "status": MASKED,
           "hr": np.nan, "hr_low": np.nan, "hr_high": np.nan, "p_value": np.nan}  # fmt: skip
    table = regression_table(pd.DataFrame([row]), ["er"], LABELS, REFERENCE_LEVELS, VARIABLES)
    assert table.loc[0, ["univariable_hr", "univariable_p"]].tolist() == ["masked", ""]


# ----- curves ------------------------------------------------------------------------------------


def follow(time, event):
    """Count the patients and the deaths of both kinds at every time."""
    times = np.unique(time)
    at_risk = np.array([(time >= t).sum() for t in times])
    events = [[((time == t) & (event == kind)).sum() for t in times] for kind in (1, 2)]
    return Follow(times, at_risk, np.array(events))


@given(seed=st.integers(0, 10_000), n=st.integers(10, 300), minimum=st.integers(2, 9))
@thorough
def test_no_step_tells_of_a_few(seed, n, minimum):
    rng = np.random.default_rng(seed)
    data = [(rng.integers(0, 60, n), rng.choice(3, n, p=[0.6, 0.25, 0.15])) for _ in LABELS]
    groups = {label: follow(*group) for label, group in zip(LABELS, data, strict=True)}
    marks = [0, 12, 24, 36, 48, 60]
    planned = plan_steps(groups, marks, minimum)
    for (time, event), steps in zip(data, planned.values(), strict=True):
        cuts = [-1.0, *steps.time[list(steps.cuts)]]
        for first, last in pairwise(cuts):
            inside = (time > first) & (time <= last)
            for kind in (0, 1, 2):
                count = (inside & (event == kind)).sum()
                assert count == 0 or count >= minimum
        if len(cuts) > 1:
            assert cuts[-1] == time.max(), "the last step ends with the follow-up"
        shown = [mark for mark, known in steps.marks.items() if known]
        ends = [*shown, np.inf]
        for first, last in pairwise(ends):
            left = ((time >= first) & (time < last)).sum()
            assert left == 0 or left >= minimum
        assert shown[0] == 0


def test_released_curves_hold_the_values_of_the_true_one():
    rng = np.random.default_rng(3)
    time, event = rng.integers(1, 60, 400), rng.choice(3, 400, p=[0.6, 0.25, 0.15])
    curve = (
        kaplan_meier(EventTimes(time, event > 0))
        .rename(columns=COUNTS | {"estimate": "survival"})
        .assign(group="M0")
    )
    steps = plan_steps({"M0": follow(time, event)}, [0, 12, 24, 36, 48], 5)["M0"]
    released = release_curve(curve, steps)
    true = curve.set_index("time")
    known = released[released["survival"].notna() & (released["time"] > 0)]
    assert len(known) >= 5
    for row in known.itertuples():
        assert row.survival == true["survival"].asof(row.time)
        assert row.conf_low == true["conf_low"].asof(row.time)
    assert released["n_events"].sum() == (event > 0).sum()
    marks = released.dropna(subset="n_at_risk")
    assert set(marks["time"]) <= set(steps.marks)
    expected = numbers_at_risk(curve, marks["time"].to_numpy())
    assert marks["n_at_risk"].tolist() == expected.tolist()
    for low, high in steps.released():
        ends = [true["survival"].asof(month) for month in (low, np.nextafter(high, 0))]
        assert ends[0] == ends[1] or np.isnan(ends).all()


def test_marks_that_are_no_released_time_are_masked():
    curve = pd.DataFrame({"time": [12.0, 13, 30], "n_at_risk": [40, 30, 9], "n_events": [2, 8, 6],
                          "survival": [0.9, 0.8, 0.7], "se": 0.1, "conf_low": 0.5,
                          "conf_high": 1.0})  # fmt: skip
    counted = Follow(np.array([12.0, 13, 30]), np.array([40, 30, 9]), np.array([[2, 8, 6]]))
    steps = plan_steps({"M0": counted}, [12], 5)["M0"]
    released = release_curve(curve, steps).assign(group="M0")
    text = marks_table(released, ("M0", "M0(i+)"), [12], "survival", 1.0, "").rows[0].cells[1]
    assert text == "masked"


def test_both_groups_are_released_at_common_months():
    """Else no difference between them could be published."""
    one = follow(np.repeat([6, 12, 18], 20), np.tile([1, 2, 0, 1], 15))
    other = follow(np.repeat([11, 12, 40], 20), np.tile([1, 2, 0, 1], 15))
    planned = plan_steps({"a": one, "b": other}, [12], 5)
    for steps in planned.values():
        assert any(low <= 12 < high for low, high in steps.released())


def test_curves_without_estimates_keep_numbers_at_risk():
    counted = follow(np.repeat([6, 12, 30], 20), np.tile([0, 0, 0, 1], 15))
    steps = plan_steps({"M0": counted}, [0, 12], 5, estimates=False)["M0"]
    curve = kaplan_meier(EventTimes(np.repeat([6, 12, 30], 20), np.tile([0, 0, 0, 1], 15)))
    curve = curve.rename(columns=COUNTS | {"estimate": "survival"})
    released = release_curve(curve, steps)
    assert released["survival"].isna().all()
    assert released["n_at_risk"].tolist() == [60, 40]
    assert steps.released() == []


@pytest.mark.parametrize("first", [12, 18])
def test_of_months_that_cannot_both_be_released_the_first_one_goes_first(first):
    """Three deaths lie between both months, fewer than may be known."""
    months, deaths = [6, 15, 30, 60], [6, 3, 6, 40]
    counted = follow(np.repeat(months, deaths), np.repeat([1, 1, 1, 0], deaths))
    steps = plan_steps({"a": counted}, [first, 30 - first], 5)["a"]
    released = {
        mark: any(low <= mark < high for low, high in steps.released()) for mark in (12, 18)
    }
    assert released == {first: True, 30 - first: False}
