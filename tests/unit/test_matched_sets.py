"""The test between the groups fits the cohort: usual where sets are complete, clustered if not."""

import doctest

import numpy as np
import pandas as pd
import pytest
from seermatch import matched_sets as module
from seermatch.fine_gray import fit_fine_gray
from seermatch.gray import compare_incidence, gray_test
from seermatch.kaplan_meier import compare_survival, logrank_test
from seermatch.matched_sets import SCORE_TEST, test_names

test_names.__test__ = False  # a function of ours, not a test


@pytest.fixture
def matched():
    rng = np.random.default_rng(3)
    n = 200
    event = rng.choice([0, 1, 2], size=3 * n, p=[0.6, 0.25, 0.15])
    levels = ["censored", "breast cancer death", "other death"]
    return pd.DataFrame(
        {
            "time": rng.integers(0, 60, 3 * n),
            "event": pd.Categorical.from_codes(event, levels),
            "group": np.tile([1, 0, 0], n),
            "matched_set": np.repeat(np.arange(1, n + 1), 3),
            "weight": 1.0,
        }
    )


def test_doctests():
    assert doctest.testmod(module).failed == 0


def test_complete_sets_take_the_log_rank_and_gray_tests(matched):
    usual = logrank_test(
        matched["time"].to_numpy(),
        (matched["event"] != "censored").to_numpy(),
        matched["group"].to_numpy(),
    )
    assert compare_survival(matched).statistic == usual.statistic
    event = matched["event"].cat.codes
    for cause in (1, 2):
        gray = gray_test(matched["time"], event, matched["group"], cause=cause)
        assert compare_incidence(matched, cause).p_value == gray.p_value
    assert test_names(matched) == ("log-rank", "Gray’s test")


@pytest.mark.parametrize("cause", [None, 1, 2])
def test_incomplete_sets_take_the_clustered_score_test(matched, cause):
    """It agrees with the clustered Wald test of the same weighted model, which differs little."""
    some = matched.drop(matched.index[1::9])
    size = some.groupby("matched_set")["group"].transform(lambda g: (g == 0).sum())
    some = some[size > 0].assign(weight=np.where(some["group"] == 1, 1, 2 / size))
    assert test_names(some) == (SCORE_TEST, SCORE_TEST)
    codes = some["event"].cat.codes.to_numpy(int)
    if cause is None:
        test, event = compare_survival(some), (codes > 0).astype(int)
    else:
        test = compare_incidence(some, cause)
        event = np.select([codes == cause, codes > 0], [1, 2], 0)
    fit = fit_fine_gray(
        some["time"],
        event,
        some[["group"]].to_numpy(float),
        weights=some["weight"].to_numpy(),
        clusters=some["matched_set"].to_numpy(),
    )
    wald = (fit.coef[0] / fit.se_clustered[0]) ** 2
    assert test.df == 1
    assert test.statistic == pytest.approx(wald, rel=0.05, abs=0.01)


def test_rows_may_come_in_any_order(matched):
    mixed = matched.sample(frac=1, random_state=1).assign(weight=lambda m: 1 + m["group"] / 2)
    straight = matched.assign(weight=lambda m: 1 + m["group"] / 2)
    assert compare_survival(mixed).p_value == pytest.approx(compare_survival(straight).p_value)
