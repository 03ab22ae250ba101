"""Kaplan-Meier, log-rank and follow-up: definitions by brute force, and the edges as in R."""

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.follow_up import follow_up
from seermatch.errors import StudyError
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import (
    expected_deaths,
    kaplan_meier,
    logrank_test,
    median_survival,
)
from seermatch.variables.printed import EVENTS


def tied_sample(seed, n=60, months=9):
    rng = np.random.default_rng(seed)
    return rng.integers(0, months, n), rng.random(n) < 0.4


@pytest.mark.parametrize("seed", range(4))
def test_curve_by_definition(seed):
    time, event = tied_sample(seed)
    curve = kaplan_meier(EventTimes(time, event))
    assert curve["time"].tolist() == sorted(set(time.tolist()))
    survival = greenwood = 0.0
    survival = 1.0
    for row in curve.itertuples():
        n, d = np.sum(time >= row.time), np.sum(event & (time == row.time))
        assert (row.at_risk, row.events) == (n, d)
        survival *= 1 - d / n
        assert row.estimate == pytest.approx(survival, abs=1e-14)
        if survival > 0:
            greenwood += d / (n * (n - d))
            assert row.se == pytest.approx(survival * np.sqrt(greenwood), rel=1e-12)


# R 4.2.2, survival 3.5-3: summary(survfit(Surv(c(0,1,2,2,3), c(1,0,1,1,1)) ~ 1, conf.type = ...))
R_LIMITS = {
    "log": ([0.51612576, 0.51612576, 0.05074277], [1, 1, 1]),
    "log-log": ([0.203809263, 0.203809263, 0.009677001], [0.9691798, 0.9691798, 0.6861363]),
    "plain": ([0.449391, 0.449391, 0], [1, 1, 0.7091281]),
}


@pytest.mark.parametrize("interval", R_LIMITS)
def test_limits_as_r_and_none_once_nobody_is_left(interval):
    curve = kaplan_meier(
        EventTimes(np.array([0, 1, 2, 2, 3]), np.array([1, 0, 1, 1, 1])), interval=interval
    )
    low, high = R_LIMITS[interval]
    assert curve["se"][:3].tolist() == pytest.approx([0.1788854, 0.1788854, 0.2257498], rel=1e-6)
    assert curve["low"][:3].tolist() == pytest.approx(low, rel=1e-6)
    assert curve["high"][:3].tolist() == pytest.approx(high, rel=1e-6)
    assert curve["estimate"].iloc[3] == 0
    assert curve[["se", "low", "high"]].iloc[3].isna().all()


def test_no_death_as_r():
    time, event = np.array([1, 2, 2, 3]), np.zeros(4)
    curve = kaplan_meier(EventTimes(time, event))
    assert curve["estimate"].tolist() == [1, 1, 1] and curve["se"].tolist() == [0, 0, 0]
    assert curve["low"].tolist() == curve["high"].tolist() == [1, 1, 1]
    log_log = kaplan_meier(EventTimes(time, event), interval="log-log")
    assert log_log[["low", "high"]].isna().all(axis=None)


# R 4.2.2, survival 3.5-3: summary(survfit(Surv(time, event) ~ 1, weights = w), censored = TRUE)
R_WEIGHTS = np.array([0.898, 1.058, 1.359, 1.862, 0.803, 1.848, 1.917, 1.491])
R_TIME, R_EVENT = np.array([0, 1, 2, 2, 3, 3, 4, 5]), np.array([1, 0, 1, 1, 0, 1, 1, 0])
R_SURVIVAL = [0.920078319687, 0.920078319687, 0.600727859804]
R_SURVIVAL += [0.417505366832, 0.182658597989, 0.182658597989]
R_ROBUST_SE = [0.0789720657569, 0.0789720657569, 0.1915896923349]
R_ROBUST_SE += [0.1946643361116, 0.1617674997763, 0.1617674997763]


def test_weighted_curve_and_robust_error_as_r():
    curve = kaplan_meier(EventTimes(R_TIME, R_EVENT, weights=R_WEIGHTS))
    assert curve["at_risk"].tolist() == pytest.approx([11.236, 10.338, 9.28, 6.059, 3.408, 1.491])
    assert curve["events"].tolist() == pytest.approx([0.898, 0, 3.221, 1.848, 1.917, 0])
    assert curve["estimate"].tolist() == pytest.approx(R_SURVIVAL, rel=1e-11)
    assert curve["se"].tolist() == pytest.approx(R_ROBUST_SE, rel=1e-11)
    assert curve["low"].iloc[4] == pytest.approx(0.0321953033386, rel=1e-11)


def test_weighted_error_is_the_jackknife_by_numeric_derivative():
    rng = np.random.default_rng(4)
    time, event = tied_sample(4, n=30)
    weight, step = rng.uniform(0.5, 2, 30), 1e-6
    curve = kaplan_meier(EventTimes(time, event, weights=weight))
    influence = []
    for i in range(30):
        up, down = weight.copy(), weight.copy()
        up[i] += step
        down[i] -= step
        slope = (
            kaplan_meier(EventTimes(time, event, weights=up))["estimate"]
            - kaplan_meier(EventTimes(time, event, weights=down))["estimate"]
        )
        influence.append(weight[i] * slope / (2 * step))
    expected = np.sqrt((np.array(influence) ** 2).sum(axis=0))
    followed = curve["estimate"] > 0
    np.testing.assert_allclose(curve["se"][followed], expected[followed], rtol=1e-7)


def test_weighted_curve_ends_at_zero():
    weight = np.array([0.1, 0.2, 0.3, 0.7])
    curve = kaplan_meier(EventTimes(np.array([1, 2, 2, 3]), np.ones(4), weights=weight))
    assert curve["estimate"].iloc[-1] == 0 and np.isnan(curve["se"].iloc[-1])


def test_order_of_patients_does_not_matter():
    time, event = tied_sample(9)
    order = np.random.default_rng(0).permutation(len(time))
    pd.testing.assert_frame_equal(
        kaplan_meier(EventTimes(time, event)), kaplan_meier(EventTimes(time[order], event[order]))
    )


@pytest.mark.parametrize(
    ("event", "median"),
    [([1, 1, 1, 1], 2.5), ([1, 1, 0, 0], 3), ([0, 0, 1, 1], 3.5), ([0] * 4, None)],
)
def test_median_as_r(event, median):
    # quantile(survfit(Surv(1:4, event) ~ 1), .5)
    found = median_survival(kaplan_meier(EventTimes(np.array([1, 2, 3, 4]), np.array(event))))
    assert np.isnan(found) if median is None else found == median


# R 4.2.2, survival 3.5-3: quantile(survfit(Surv(time, event) ~ 1, conf.type = ...), .5)
R_MEDIANS = {"log": (8, 4, np.nan), "log-log": (8, 3, np.nan), "plain": (8, 4, np.nan)}


@pytest.mark.parametrize("interval", R_MEDIANS)
def test_limits_of_the_median_as_r(interval):
    time = np.array([1, 1, 2, 3, 4, 5, 5, 6, 8, 8, 9, 11])
    event = np.array([1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0])
    curve = kaplan_meier(EventTimes(time, event), interval=interval)
    found = [median_survival(curve, column) for column in ("estimate", "low", "high")]
    assert found == pytest.approx(R_MEDIANS[interval], nan_ok=True)


@pytest.mark.parametrize("off", [-1e-12, 0, 1e-12])
def test_a_flat_half_is_one_up_to_rounding(off):
    curve = pd.DataFrame({"time": [2, 5, 9], "estimate": [0.5 + off, 0.4, 0.1]})
    assert median_survival(curve) == 3.5
    assert median_survival(curve.assign(estimate=[0.8, 0.5 + off, 0.5 + off])) == 7


def test_reverse_median_of_a_last_flat_part():
    events = pd.Categorical.from_codes([1, 0, 0, 1, 1], EVENTS)
    frame = pd.DataFrame({"group": 0, "time": [1, 2, 3, 6, 8], "event": events})
    assert follow_up(frame, "matched")["reverse_km_median"].tolist() == [5.5, 5.5]


def test_logrank_by_definition():
    time, event = tied_sample(3, n=90)
    group = np.array(["a", "b", "c"])[np.random.default_rng(5).integers(0, 3, 90)]
    observed, expected, variance = np.zeros(3), np.zeros(3), np.zeros((3, 3))
    for t in np.unique(time[event]):
        n = np.array([np.sum((time >= t) & (group == g)) for g in "abc"], dtype=float)
        d = np.array([np.sum(event & (time == t) & (group == g)) for g in "abc"], dtype=float)
        observed, expected = observed + d, expected + n * d.sum() / n.sum()
        if n.sum() > 1:
            factor = d.sum() * (n.sum() - d.sum()) / (n.sum() - 1) / n.sum()
            variance += factor * (np.diag(n) - np.outer(n, n) / n.sum())
    score = (observed - expected)[:2]
    test = logrank_test(EventTimes(time, event), group)
    deaths = expected_deaths(EventTimes(time, event), group)
    assert deaths.index.tolist() == ["a", "b", "c"] and test.df == 2
    np.testing.assert_allclose(deaths["observed"], observed)
    np.testing.assert_allclose(deaths["expected"], expected, rtol=1e-12)
    assert test.statistic == pytest.approx(score @ np.linalg.solve(variance[:2, :2], score))
    assert test.p_value == pytest.approx(np.exp(-test.statistic / 2))  # chi-square, 2 df


def matched_frame():
    code = np.array([0, 1, 2, 0, 0, 1, 0])
    return pd.DataFrame(
        {
            "group": pd.Categorical.from_codes([0, 0, 0, 0, 1, 1, 1], ["M0", "M0(i+)"]),
            "time": np.array([10, 12, 30, 40, 5, 20, 59], dtype="int16"),
            "event": pd.Categorical.from_codes(code, list(EVENTS)),
        }
    )


def test_follow_up_rows():
    table = follow_up(matched_frame(), "matched")
    assert table["group"].tolist() == ["M0", "M0(i+)", "all"]
    assert set(table["population"]) == {"matched"}
    assert table["n"].tolist() == [4, 3, 7]
    assert table["median"].tolist() == [21, 20, 20] and table["maximum"].tolist() == [40, 59, 59]
    assert table["deaths_cancer"].tolist() == [1, 1, 2]
    assert table["deaths_other"].tolist() == [1, 0, 1]
    # censoring as the event: M0 leaves 3/4 after month 10 and 0 at 40
    assert table["reverse_km_median"].tolist() == [40, 59, 40]


def test_messages():
    with pytest.raises(StudyError, match="time: there are no patients"):
        kaplan_meier(EventTimes(np.array([]), np.array([])))
    with pytest.raises(ValueError, match="interval: 'exact' is none of log, log-log, plain"):
        kaplan_meier(EventTimes(np.array([1]), np.array([1])), interval="exact")
    with pytest.raises(StudyError, match="group: the log-rank test needs two groups"):
        logrank_test(EventTimes(np.array([1, 2]), np.ones(2)), np.zeros(2))
    with pytest.raises(StudyError, match="event: the log-rank test needs deaths"):
        logrank_test(EventTimes(np.array([1, 2]), np.zeros(2)), np.array([0, 1]))
    with pytest.raises(StudyError, match="frame: no patient is left"):
        follow_up(matched_frame().iloc[:0], "cohort")
