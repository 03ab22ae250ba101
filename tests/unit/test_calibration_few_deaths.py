"""The calibration with few deaths: its cohorts, its tests, and whether it would notice."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from seermatch.survival.event_times import EventTimes
from seermatch.survival.firth import fit_firth

from validation.calibration.few_deaths import (
    COX_FIRTH,
    DEATHS,
    FINE_GRAY_FIRTH,
    FOLLOW_UPS,
    GRAY,
    KINDS,
    LOG_RANK,
    N_SETS,
    OTHER_DEATHS,
    SETS,
    draw_matched_sets,
    null_tests,
    poisson_binomial_p,
    repeat_few_deaths,
    summarize_few_deaths,
)


@pytest.mark.parametrize("deaths", DEATHS)
@pytest.mark.parametrize("follow_up", FOLLOW_UPS)
@pytest.mark.parametrize("sets", SETS)
def test_cohorts_have_the_deaths_and_sets_that_they_should(deaths, follow_up, sets):
    matched = draw_matched_sets(deaths, follow_up, sets, np.random.default_rng(deaths))
    assert (matched["event"] == 1).sum() == deaths
    assert 0.4 * OTHER_DEATHS < (matched["event"] == 2).sum() <= OTHER_DEATHS
    lacking = (matched.groupby("matched_set").size() == 2).mean()
    assert lacking == (0.2 if sets == SETS[1] else 0)
    assert (matched["weight"] == 1).all() == (sets == SETS[0])
    exposed = matched["group"] == 1
    assert matched.loc[~exposed, "weight"].sum() == pytest.approx((~exposed).sum())
    assert exposed.sum() == N_SETS
    longest = matched.loc[exposed, "time"].max()
    assert longest < (30 if follow_up == "unequal" else 60)


def test_the_hazard_is_the_same_in_both_groups():
    """In the first ten months, over many cohorts with unequal follow-up."""
    rng = np.random.default_rng(5)
    pooled = pd.concat([draw_matched_sets(40, "unequal", SETS[0], rng) for _ in range(300)])
    time = pooled["time"] + 0.5
    pooled["died"] = (pooled["event"] == 1) & (time < 10)
    sums = pooled.assign(time=time.clip(upper=10)).groupby("group")[["died", "time"]].sum()
    rate = sums["died"] / sums["time"]
    # about 1,000 exposed and 3,000 other deaths, so the log ratio has a standard error of 0.04
    assert abs(np.log(rate[1] / rate[0])) < 0.12


@pytest.mark.parametrize("sets", SETS)
def test_firths_tests_are_those_of_the_penalized_fits(sets):
    matched = draw_matched_sets(8, "unequal", sets, np.random.default_rng(3))
    found = null_tests(matched)
    X, died = matched[["group"]].to_numpy(float), (matched["event"] == 1).astype(int)
    for test, event in ((COX_FIRTH, died), (FINE_GRAY_FIRTH, matched["event"])):
        data = EventTimes(matched["time"], event, matched["weight"])
        firth = fit_firth(data, X, "fine_gray").estimate(0)
        assert found[test] == pytest.approx(firth.p_value, rel=1e-6)
    assert ({LOG_RANK, GRAY} <= found.keys()) == (sets == SETS[0])


def test_the_poisson_binomial_test_is_exact():
    """With all of each 1:2 set at risk at its death, exposed deaths are binomial (1/3)."""
    n = 9
    sets = np.repeat(np.arange(n), 3)
    exposed = np.tile([True, False, False], n)
    died = np.zeros(3 * n, dtype=bool)
    died[3 * np.arange(n) + np.r_[np.zeros(6, int), np.ones(3, int)]] = True  # 6 of 9 exposed
    time = np.where(died, 5, 10)
    mass = [comb(n, k) * 2 ** (n - k) / 3**n for k in range(n + 1)]
    expected = sum(m for m in mass if m <= mass[6] * (1 + 1e-9))
    assert poisson_binomial_p(time, died, exposed, sets) == pytest.approx(expected)


def test_repetitions_do_not_depend_on_their_company():
    alone = next(repeat_few_deaths([2], seed=7))[1]
    together = [records for _, records in repeat_few_deaths([1, 2], seed=7)][1]
    pd.testing.assert_frame_equal(alone, together)


def test_a_test_that_rejects_too_often_is_noticed():
    records = next(repeat_few_deaths([1], seed=1))[1]
    table = summarize_few_deaths(records.assign(p_value=0.01))
    assert (table["rejected"] == 1).all()
    assert (table["rejected_low"] > 0.05).all()
    assert len(table.groupby(list(KINDS))) == len(DEATHS) * len(FOLLOW_UPS) * len(SETS)
    missing = summarize_few_deaths(records.assign(p_value=np.nan))
    assert (missing["rejected"] == 0).all()
