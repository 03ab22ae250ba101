"""The test between the groups fits the cohort: usual where sets are complete, clustered if not."""

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.group_tests import (
    FIRTH_TEST,
    SCORE_TEST,
    compare_incidence,
    compare_survival,
)
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.firth import fit_firth
from seermatch.survival.gray import GRAY, gray_test
from seermatch.survival.kaplan_meier import LOG_RANK, logrank_test


@pytest.fixture
def matched():
    rng = np.random.default_rng(3)
    n = 200
    event = rng.choice([0, 1, 2], size=3 * n, p=[0.6, 0.25, 0.15])
    levels = ["censored", "cancer death", "other death"]
    return pd.DataFrame(
        {
            "time": rng.integers(0, 60, 3 * n),
            "event": pd.Categorical.from_codes(event, levels),
            "group": np.tile([1, 0, 0], n),
            "matched_set": np.repeat(np.arange(1, n + 1), 3),
            "weight": 1.0,
        }
    )


def test_complete_sets_take_the_log_rank_and_gray_tests(matched):
    usual = logrank_test(
        EventTimes(matched["time"].to_numpy(), (matched["event"] != "censored").to_numpy()),
        matched["group"].to_numpy(),
    )
    assert compare_survival(matched).statistic == usual.statistic
    event = matched["event"].cat.codes
    for cause in (1, 2):
        gray = gray_test(EventTimes(matched["time"], event), matched["group"], cause=cause)
        assert compare_incidence(matched, cause).p_value == gray.p_value
    assert (compare_survival(matched).name, compare_incidence(matched).name) == (LOG_RANK, GRAY)


@pytest.mark.parametrize("cause", [None, 1, 2])
def test_incomplete_sets_take_the_clustered_score_test(matched, cause):
    """It agrees with the clustered Wald test of the same weighted model, which differs little."""
    some = matched.drop(matched.index[1::9])
    size = some.groupby("matched_set")["group"].transform(lambda g: (g == 0).sum())
    some = some[size > 0].assign(weight=np.where(some["group"] == 1, 1, 2 / size))
    codes = some["event"].cat.codes.to_numpy(int)
    if cause is None:
        test, event = compare_survival(some), (codes > 0).astype(int)
    else:
        test = compare_incidence(some, cause)
        event = np.select([codes == cause, codes > 0], [1, 2], 0)
    fit = fit_fine_gray(
        EventTimes(
            some["time"],
            event,
            weights=some["weight"].to_numpy(),
            clusters=some["matched_set"].to_numpy(),
        ),
        some[["group"]].to_numpy(float),
    )
    wald = (fit.coef[0] / fit.se("clustered")[0]) ** 2
    assert (test.df, test.name) == (1, SCORE_TEST)
    assert test.statistic == pytest.approx(wald, rel=0.05, abs=0.01)


def test_rows_may_come_in_any_order(matched):
    mixed = matched.sample(frac=1, random_state=1).assign(weight=lambda m: 1 + m["group"] / 2)
    straight = matched.assign(weight=lambda m: 1 + m["group"] / 2)
    assert compare_survival(mixed).p_value == pytest.approx(compare_survival(straight).p_value)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 1.5)])
@pytest.mark.parametrize(("events", "exposed_too"), [(19, True), (60, False)])
def test_few_events_or_none_in_one_group_take_firths_test(matched, weights, events, exposed_too):
    """The p-value is that of the penalized fit whose interval the tables print."""
    eligible = matched.index[(matched["group"] == 0) | exposed_too]
    codes = np.zeros(len(matched), dtype=int)
    codes[eligible[: 2 * events]] = np.tile([1, 2], events)
    few = matched.assign(event=pd.Categorical.from_codes(codes, matched["event"].cat.categories))
    few["weight"] = np.where(few["group"] == 1, 1.0, np.resize(weights, len(few)))
    X = few[["group"]]
    for cause in (1, 2):
        test = compare_incidence(few, cause)
        event = np.select([codes == cause, codes > 0], [1, 2], 0)
        data = EventTimes(few["time"], event, few["weight"])
        expected = fit_firth(data, X, "fine_gray").estimate(0)
        low, high = expected.limits()
        assert test.name == FIRTH_TEST
        assert test.p_value == pytest.approx(expected.p_value, rel=1e-6)
        assert (test.p_value < 0.05) == (low > 0 or high < 0)
    survival = compare_survival(few)
    if exposed_too:
        assert survival.name == (LOG_RANK if weights == (1, 1) else SCORE_TEST)
    else:
        expected = fit_firth(EventTimes(few["time"], codes > 0, few["weight"]), X).estimate(0)
        assert survival.p_value == pytest.approx(expected.p_value, rel=1e-6)


def test_twenty_events_take_the_usual_test(matched):
    codes = np.zeros(len(matched), dtype=int)
    codes[:20] = 1
    many = matched.assign(event=pd.Categorical.from_codes(codes, matched["event"].cat.categories))
    assert compare_incidence(many).name == GRAY
    codes[0] = 0
    few = matched.assign(event=pd.Categorical.from_codes(codes, matched["event"].cat.categories))
    assert compare_incidence(few).name == compare_survival(few).name == FIRTH_TEST


def test_without_events_nothing_is_estimable(matched):
    nothing = matched.assign(event=matched["event"].cat.set_categories(["censored", "a", "b"]))
    nothing["event"] = nothing["event"].fillna("censored")
    for test in (compare_survival(nothing), compare_incidence(nothing, 2)):
        assert np.isnan(test.p_value)
        assert np.isnan(test.statistic)
