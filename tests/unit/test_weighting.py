"""Weights from the score: definitions, balance, and R's weighted Cox model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from seermatch.analysis.group_effect import estimate_group_effect
from seermatch.errors import StudyError
from seermatch.matching.propensity import estimate_propensity
from seermatch.matching.weighting import balancing_weights, effective_sample_size
from seermatch.survival.event_times import EventTimes

MATCHED = Path(__file__).parent.parent / "data" / "matched.csv"

# R 4.2.2, survival 3.5-3: glm(group ~ age + size + grade3, binomial), then
# coxph(Surv(time, status > 0) ~ group, weights = w, robust = TRUE), the same of status == 2,
# effective sample size and largest weight
R = {
    "ATT": (0.22272987649, 0.227041555962, -1.02048133755, 0.539287167075, 1735.40760888, 1),
    "ATE": (
        *(0.165482569413, 0.22634420762, -1.07273469856, 0.541222166801),
        *(1747.92811266, 1.26316679714),
    ),
    "ATO": (
        *(0.196555901899, 0.226497247277, -1.04701233898, 0.539626605849),
        *(1745.32145199, 0.73049725354),
    ),
}


@pytest.mark.parametrize("estimand", R)
def test_weighted_models_as_in_r(estimand):
    data = pd.read_csv(MATCHED)
    score = estimate_propensity(data, ["age", "size", "grade3"]).linear_predictor
    weights = balancing_weights(score, data["group"], estimand)
    found = []
    for outcome in ("overall survival (Cox)", "other death (cause-specific Cox)"):
        effect = estimate_group_effect(
            EventTimes(data["time"].to_numpy(), data["status"].to_numpy(), weights=weights),
            data[["group"]].to_numpy(float),
            outcome,
        )
        found += [effect.estimate.coef, effect.estimate.se]
    found += [effective_sample_size(weights, data["group"]), weights.max()]
    np.testing.assert_allclose(found, R[estimand], rtol=2e-7)


@pytest.mark.parametrize("estimand", ["ATT", "ATE", "ATO"])
def test_definitions_and_balance(estimand):
    rng = np.random.default_rng(3)
    n = 4000
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n)})
    data["group"] = (rng.random(n) < expit(-1 + 0.8 * data["x"] - 0.5 * data["z"])).astype(int)
    score = estimate_propensity(data, ["x", "z"]).linear_predictor
    weights = balancing_weights(score, data["group"], estimand)
    e, exposed = expit(score), data["group"] == 1
    by_definition = {
        "ATT": np.where(exposed, 1, e / (1 - e)),
        "ATE": np.where(exposed, exposed.mean() / e, (1 - exposed.mean()) / (1 - e)),
        "ATO": np.where(exposed, 1 - e, e),
    }[estimand]
    np.testing.assert_allclose(weights, by_definition, rtol=1e-12)
    for name in ("x", "z"):
        means = [np.average(data[name][arm], weights=weights[arm]) for arm in (exposed, ~exposed)]
        # overlap weights of a logistic score balance the means exactly (Li et al. 2018);
        # unweighted, x differs by 0.8
        assert abs(means[0] - means[1]) < (1e-8 if estimand == "ATO" else 0.1)


def test_extreme_scores_do_not_overflow():
    weights = balancing_weights([-800.0, 800.0], [0, 1], "ATO")
    assert (weights == 0).all()


def test_effective_sample_size_ignores_the_scale_of_a_group():
    rng = np.random.default_rng(1)
    weights, exposed = rng.random(50), rng.integers(0, 2, 50)
    scaled = np.where(exposed == 1, 7 * weights, weights / 3)
    assert effective_sample_size(scaled, exposed) == pytest.approx(
        effective_sample_size(weights, exposed)
    )


def test_refusals():
    with pytest.raises(StudyError, match="estimand: 'ATM' is none of ATT, ATE, ATO"):
        balancing_weights([0.0], [1], "ATM")
    with pytest.raises(StudyError, match="missing or infinite"):
        balancing_weights([np.nan], [1])
