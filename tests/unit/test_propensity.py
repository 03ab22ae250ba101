"""Propensity score: invariants, another route, and data without a score."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from seermatch.errors import StudyError
from seermatch.matching.propensity import (
    distinct_patterns,
    estimate_propensity,
    r_glm_linear_predictor,
)
from seermatch.statistics.design_matrix import design_matrix

COVARIATES = ["age", "grade", "her2", "subtype"]


def cohort(n=3000, seed=1):
    rng = np.random.default_rng(seed)
    subtype = rng.integers(0, 4, n)
    age = rng.integers(40, 70, n)
    grade = rng.integers(0, 2, n)
    exposed = rng.random(n) < 1 / (1 + np.exp(3 + 0.02 * (age - 55) - 0.5 * grade))
    return pd.DataFrame(
        {
            "group": exposed.astype(np.int8),
            "age": age.astype(np.int16),
            "grade": pd.Categorical.from_codes(grade, ["I-II", "III"]),
            "her2": pd.Categorical.from_codes(
                np.isin(subtype, (1, 2)).astype(int), ["Negative", "Positive"]
            ),
            "subtype": pd.Categorical.from_codes(
                subtype, ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
            ),
        }
    )


def test_the_likelihood_is_maximal():
    frame = cohort()
    fit = estimate_propensity(frame, ["age", "grade", "her2"])
    X = np.column_stack([np.ones(len(frame)), design_matrix(frame, ["age", "grade", "her2"]).X])
    X[:, 1] -= 55
    y = frame["group"].to_numpy()

    def deviance(beta):
        eta = X @ beta
        return np.logaddexp(0, eta).sum() - y @ eta, X.T @ (1 / (1 + np.exp(-eta)) - y)

    best = minimize(deviance, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(fit.linear_predictor, X @ best.x, atol=1e-6)
    p = 1 / (1 + np.exp(-fit.linear_predictor))
    np.testing.assert_allclose(X.T @ (y - p), 0, atol=1e-9)  # the score equations, exactly
    np.testing.assert_allclose(fit.probability, p, rtol=1e-12)
    information = (X.T * (p * (1 - p))) @ X
    se = np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(fit.coefficients["se"][1:], se[1:], rtol=1e-8)


def test_same_covariates_same_score_to_the_last_bit():
    frame = cohort()
    fit = estimate_propensity(frame, COVARIATES)
    scores = frame.assign(score=fit.linear_predictor).groupby(COVARIATES, observed=True)["score"]
    assert (scores.min() == scores.max()).all()
    assert fit.n_patterns == len(scores)


def test_the_order_of_the_rows_is_irrelevant_to_the_last_bit():
    frame = cohort()
    shuffled = frame.sample(frac=1, random_state=3)
    fit, other = (estimate_propensity(f, COVARIATES) for f in (frame, shuffled))
    back = pd.Series(other.linear_predictor, index=shuffled.index).sort_index()
    np.testing.assert_array_equal(fit.linear_predictor, back)


def test_aliased_columns_are_dropped_and_named():
    frame = cohort()
    fit = estimate_propensity(frame, COVARIATES)
    assert list(fit.aliased) == ["subtype: HR-/HER2+"]
    missing = fit.coefficients["coef"].isna()
    assert fit.coefficients["level"][missing].tolist() == ["HR-/HER2+"]
    assert fit.coefficients["se"].isna().equals(missing)
    without = estimate_propensity(frame, ["age", "grade", "subtype"])  # the same model
    np.testing.assert_allclose(fit.linear_predictor, without.linear_predictor, atol=1e-10)
    assert without.aliased == {}


def test_rs_iterations_end_at_the_same_score():
    frame = cohort()
    fit = estimate_propensity(frame, COVARIATES)
    X, y = design_matrix(frame, COVARIATES).X, frame["group"].to_numpy()
    np.testing.assert_allclose(r_glm_linear_predictor(X, y), fit.linear_predictor, atol=1e-5)


def test_distance_is_the_linear_predictor_or_the_probability():
    fit = estimate_propensity(cohort(), ["age"])
    np.testing.assert_array_equal(fit.distance(), fit.linear_predictor)
    np.testing.assert_array_equal(fit.distance("probability"), fit.probability)
    with pytest.raises(StudyError, match="link: 'probit' is none of logit, probability"):
        fit.distance("probit")


@pytest.mark.parametrize("columns", [3, 40])  # 40 columns of 30 values exceed 64 bits
def test_patterns_rebuild_the_matrix(columns):
    rng = np.random.default_rng(5)
    X = rng.integers(0, 30, (500, columns)).astype(float)
    X = np.vstack([X, X[:100]])
    patterns, pattern = distinct_patterns(X)
    np.testing.assert_array_equal(patterns[pattern], X)
    np.testing.assert_array_equal(patterns, np.unique(X, axis=0))


def test_one_exposed_patient_in_a_large_level_is_no_separation():
    n = 200_000
    grade = pd.Categorical.from_codes(np.arange(n) % 2, ["I-II", "III"])
    group = ((np.arange(n) % 4 == 0) | (np.arange(n) == 1)).astype(np.int8)
    fit = estimate_propensity(pd.DataFrame({"group": group, "grade": grade}), ["grade"])
    # half of one level is exposed, and one of 100,000 in the other
    np.testing.assert_allclose(fit.coefficients["coef"].iloc[1], np.log(1 / 99_999), rtol=1e-8)


@pytest.mark.parametrize(("value", "message"), [(0, "no exposed"), (1, "no reference"), (2, "0 ")])
def test_groups_are_checked(value, message):
    with pytest.raises(StudyError, match=message):
        estimate_propensity(cohort().assign(group=value), COVARIATES)
