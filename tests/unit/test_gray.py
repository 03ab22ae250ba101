import numpy as np
import pytest
from seermatch.errors import StudyError
from seermatch.survival.event_times import EventTimes
from seermatch.survival.gray import _score_and_variance, gray_test


def random_data(seed, n=200, months=12, groups=3):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, months, n),
        rng.choice(3, n, p=[0.5, 0.3, 0.2]),
        rng.integers(0, groups, n),
    )


def log_rank_score(time, event, group):
    """Observed minus expected events per group, by definition."""
    result = np.zeros(group.max() + 1)
    for t in np.unique(time[event == 1]):
        risk, dying = time >= t, (time == t) & (event == 1)
        for k in range(len(result)):
            result[k] += np.sum(dying & (group == k))
            result[k] -= dying.sum() * np.sum(risk & (group == k)) / risk.sum()
    return result


@pytest.mark.parametrize("rho", [0, 1, -0.5])
@pytest.mark.parametrize("cause", [1, 2])
def test_neither_order_of_patients_nor_names_of_groups_matter(rho, cause):
    time, event, group = random_data(1)
    order = np.random.default_rng(2).permutation(len(time))
    names = np.array(["c", "a", "b"])[group]
    first = gray_test(EventTimes(time, event), group, rho=rho, cause=cause)
    second = gray_test(EventTimes(time[order], event[order]), names[order], rho=rho, cause=cause)
    assert second.statistic == pytest.approx(first.statistic, rel=1e-10)
    assert first.df == second.df == 2
    assert 0 < first.p_value < 1


def test_without_competing_events_the_score_is_the_log_ranks():
    time, event, group = random_data(3)
    event = np.where(event == 2, 0, event)
    score, variance = _score_and_variance(EventTimes(time, event), group, 3, rho=0.0)
    np.testing.assert_allclose(score, log_rank_score(time, event, group), atol=1e-12)
    np.testing.assert_allclose(variance.sum(axis=0), 0, atol=1e-10)


def test_one_stratum_changes_nothing_and_two_copies_double_the_statistic():
    time, event, group = random_data(4)
    alone = gray_test(EventTimes(time, event), group)
    assert gray_test(EventTimes(time, event), group, strata=np.zeros(200)) == alone
    twice = gray_test(
        EventTimes(np.tile(time, 2), np.tile(event, 2)),
        np.tile(group, 2),
        strata=np.repeat([1, 2], 200),
    )
    assert twice.statistic == pytest.approx(2 * alone.statistic, rel=1e-12)


def test_equal_groups_do_not_differ():
    time, event, _ = random_data(5, n=60)
    test = gray_test(EventTimes(np.tile(time, 2), np.tile(event, 2)), np.repeat([0, 1], 60))
    assert test.statistic == pytest.approx(0, abs=1e-20)
    assert test.p_value == pytest.approx(1)


def test_group_without_the_event_and_no_censoring():
    time, event, group = random_data(6, groups=2)
    event = np.where((group == 0) & (event == 1), 2, event)
    test = gray_test(EventTimes(time, event), group)
    assert test.df == 1 and test.p_value < 1e-6
    everyone = gray_test(EventTimes(time, np.where(event == 0, 2, event)), group)
    assert everyone.df == 1 and np.isfinite(everyone.statistic)


def test_month_zero_is_a_month_like_others():
    time, event, group = random_data(7)
    assert gray_test(EventTimes(time, event), group) == gray_test(
        EventTimes(time + 1, event), group
    )


def test_group_never_at_risk_costs_a_degree_of_freedom():
    time = np.array([1, 1, 2, 3, 4, 5, 6, 7])
    event = np.array([0, 0, 1, 1, 2, 1, 0, 1])
    group = np.array([9, 9, 0, 1, 0, 1, 0, 1])
    test = gray_test(EventTimes(time, event), group)
    pair = gray_test(EventTimes(time[2:], event[2:]), group[2:])
    assert test.df == 1
    assert test.statistic == pytest.approx(pair.statistic, rel=1e-12)


def test_without_events_of_the_cause_there_is_no_statistic():
    test = gray_test(EventTimes([1, 2, 3, 4], [2, 0, 2, 0]), [0, 0, 1, 1])
    assert np.isnan(test.statistic) and np.isnan(test.p_value)
    assert test.df == 1


def test_strata_of_one_group_each_are_refused():
    time, event, group = [1, 2, 3, 4], [1, 1, 0, 1], [0, 1, 0, 1]
    with pytest.raises(StudyError, match="strata: each of them holds one group only"):
        gray_test(EventTimes(time, event), group, strata=group)
    with pytest.raises(StudyError, match="strata: each"):
        gray_test(EventTimes(time, event), group, strata=["a", "b", "c", "d"])
    assert gray_test(EventTimes(time, event), group, strata=[0, 0, 1, 2]).df == 1


def test_single_group_is_refused():
    with pytest.raises(StudyError, match="two groups"):
        gray_test(EventTimes([1, 2], [1, 0]), [1, 1])
    with pytest.raises(StudyError, match="group has 3 values, but time has 2"):
        gray_test(EventTimes([1, 2], [1, 0]), [0, 1, 1])
