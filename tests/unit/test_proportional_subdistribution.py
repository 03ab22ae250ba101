"""The test of proportional subdistribution hazards, against cmprsk and by simulation."""

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seermatch import proportional_subdistribution as module
from seermatch.cox import fit_cox, proportional_hazards_test
from seermatch.proportional_subdistribution import proportional_subdistribution_test

MATCHED = Path(__file__).parent.parent / "data" / "matched.csv"


def test_examples():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(("codes", "wald"), [((0, 1, 2), 0.4771425394), ((0, 2, 1), 0.8720932503)])
def test_near_the_wald_test_of_crr(codes, wald):
    # R 4.2.2, cmprsk 2.2-11: crr(time + 1, status, cov1 = group, cov2 = group,
    # tf = function(t) t); a score and a Wald test agree to first order only
    data = pd.read_csv(MATCHED)
    event = np.array(codes)[data["status"]]
    statistic, _ = proportional_subdistribution_test(data["time"] + 1, event, data["group"])
    assert statistic == pytest.approx(wald, rel=0.06)


def test_is_the_cox_test_but_for_the_variance_without_competing_deaths():
    rng = np.random.default_rng(2)
    n = 4000
    group = np.arange(n) % 2
    time = np.ceil(rng.exponential(np.where(group == 1, 300, 400)))
    event = (time < 200).astype(int)  # no long tail, in which few patients have all the leverage
    time = np.minimum(time, 200)
    statistic, _ = proportional_subdistribution_test(time, event, group)
    X = group[:, None].astype(float)
    fit = fit_cox(time, event, X)
    test = proportional_hazards_test(fit, time, event, X, transform="identity")
    assert statistic == pytest.approx(test["statistic"].iloc[0], rel=0.1)


def test_clusters_of_one_and_the_unit_of_time_change_nothing():
    data = pd.read_csv(MATCHED)
    arguments = (data["time"], data["status"], data["group"])
    expected = proportional_subdistribution_test(*arguments)
    ones = proportional_subdistribution_test(*arguments, clusters=np.arange(len(data)))
    years = proportional_subdistribution_test(data["time"] / 12, data["status"], data["group"])
    doubled = proportional_subdistribution_test(*arguments, weights=np.full(len(data), 2.0))
    for other in (ones, years, doubled):
        assert other == pytest.approx(expected, rel=1e-8)


def simulate(rng, n, power):
    """Draw from a Fine-Gray model; `power` other than 1 bends the exposed arm's curve."""
    group = np.arange(n) % 3 == 0
    ratio = np.where(group, 1.6, 1.0)
    cause = np.where(rng.random(n) < 1 - 0.5**ratio, 1, 2)
    v = rng.random(n) * (1 - 0.5**ratio)
    own = -np.log(1 - (1 - (1 - v) ** (1 / ratio)) / 0.5)
    own = np.where(group, own**power, own)
    time = np.where(cause == 1, own, rng.exponential(1, n))
    censoring = rng.uniform(0, 4, n)
    event = np.where(censoring < time, 0, cause)
    return np.ceil(10 * np.minimum(time, censoring)), event, group


def test_size_and_power():
    rng = np.random.default_rng(1)
    p = [proportional_subdistribution_test(*simulate(rng, 300, 1))[1] for _ in range(400)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.033)  # three standard errors
    assert np.mean(np.array(p) < 0.5) == pytest.approx(0.5, abs=0.075)
    p = [proportional_subdistribution_test(*simulate(rng, 300, 0.4))[1] for _ in range(40)]
    assert np.mean(np.array(p) < 0.05) > 0.6
