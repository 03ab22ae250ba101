"""Propensity score, matching and balance against R 4.2.2 and MatchIt 4.7.2 on 20,000 patients."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seermatch.matching.balance import assess_balance
from seermatch.matching.nearest import match
from seermatch.matching.propensity import estimate_propensity, r_glm_linear_predictor
from seermatch.statistics.design_matrix import design_matrix

DATA = Path(__file__).parent.parent / "data"
COVARIATES = ["age", "size", "hist", "g3", "er", "pr", "her2", "subtype", "T", "N"]
LINKS = {"linear_logit": "logit", "logit": "probability"}  # MatchIt's names and ours

# R: glm(z ~ age + ... + N, binomial, epsilon = 1e-14), coefficient and standard error
R_COEFFICIENTS = {
    ("(intercept)", ""): (-2.5545214970072410, 0.77036202510481488),
    ("age", ""): (-0.0167277322234634, 0.00386271306073592),
    ("size", ""): (0.0038489456525467, 0.00277142739351098),
    ("hist", ""): (0.1770256042103582, 0.12907996624994059),
    ("g3", ""): (-0.0282877609423737, 0.11006621440894336),
    ("er", ""): (-0.1643450500050453, 0.71844002768776394),
    ("pr", ""): (-0.3072368075027558, 0.14338567373206978),
    ("her2", ""): (-0.6636015177062123, 0.79140434616304856),
    ("subtype", "2"): (0.6483346026046567, 0.80642152026577396),
    ("subtype", "3"): (np.nan, np.nan),
    ("subtype", "4"): (-0.3386125832554491, 0.74530051025756849),
    ("T", ""): (0.2243259624783916, 0.17674186527602476),
    ("N", ""): (0.1468849683051456, 0.10904070043003651),
}

# R: cov.wt of each arm with MatchIt's weights, the exposed standard deviation before matching
R_BALANCE = {
    ("distance", ""): (0.24985674795148, 2.86415313936e-05, 1.24754242712, 1.00141378429),
    ("age", ""): (-0.21038244386347, 3.69244751065e-02, 1.03640359974, 1.07834724631),
    ("size", ""): (0.05868967109013, 3.02106179005e-02, 1.37012253239, 1.18563651214),
    ("hist", ""): (0.06366365141626, 2.48308342098e-02, np.nan, np.nan),
    ("g3", ""): (-0.01172133443415, 6.09772897852e-02, np.nan, np.nan),
    ("subtype", "1"): (-0.00153021351057, 5.66138517072e-03, np.nan, np.nan),
    ("subtype", "2"): (-0.00548515933518, 2.48673822067e-02, np.nan, np.nan),
    ("subtype", "3"): (-0.04560569313332, 0.0, np.nan, np.nan),
    ("subtype", "4"): (0.03013031748590, -3.01699966019e-02, np.nan, np.nan),
    ("T", ""): (0.05647663460354, 2.54823595719e-02, np.nan, np.nan),
    ("N", ""): (0.06570891534164, 1.83702358379e-02, np.nan, np.nan),
}


@pytest.fixture(scope="module")
def patients():
    frame = pd.read_csv(DATA / "psm.csv").rename(columns={"z": "group"})
    return frame.assign(subtype=frame["subtype"].astype("category"))


def r_distance(link):
    return pd.read_csv(DATA / f"distance_{link}.csv")["distance"].to_numpy()


def matchit(link):
    """Controls of each exposed row (from 0) in MatchIt's order, -1 where it found none."""
    table = pd.read_csv(DATA / f"matchit_4.7.2_{link}.csv").set_index("t")
    table = table.fillna(0).astype(int) - 1
    return table.set_axis(table.index - 1).sort_index()


def our_match(match):
    sets = np.unique(match.exposed_index)
    table = pd.DataFrame(-1, index=sets, columns=["X1", "X2"])
    for t, number, control in zip(
        match.exposed_index, match.round, match.control_index, strict=True
    ):
        table.loc[t, f"X{number}"] = control
    return table


def test_coefficients_are_rs(patients):
    fit = estimate_propensity(patients, COVARIATES)
    table = fit.coefficients.set_index(["term", "level"])
    assert list(table.index) == list(R_COEFFICIENTS)
    expected = np.array(list(R_COEFFICIENTS.values()))
    np.testing.assert_allclose(table[["coef", "se"]], expected, rtol=1e-6, atol=1e-9)


def test_the_score_is_rs(patients):
    X, y = design_matrix(patients, COVARIATES).X, patients["group"].to_numpy()
    score = r_glm_linear_predictor(X, y)
    np.testing.assert_allclose(score, r_distance("linear_logit"), rtol=0, atol=1e-12)
    np.testing.assert_allclose(1 / (1 + np.exp(-score)), r_distance("logit"), rtol=0, atol=1e-14)
    # statsmodels goes on where R's glm stops
    fit = estimate_propensity(patients, COVARIATES)
    np.testing.assert_allclose(fit.linear_predictor, score, rtol=0, atol=1e-6)


@pytest.mark.parametrize("link", LINKS)
def test_every_set_is_matchits_given_its_distances(patients, link):
    m = match(r_distance(link), patients["group"], ties="file_order")
    expected = matchit(link)
    assert len(expected) == 421
    np.testing.assert_array_equal(our_match(m).index, expected.index)
    np.testing.assert_array_equal(our_match(m), expected)


@pytest.mark.parametrize("link", LINKS)
def test_with_our_own_score_only_ties_may_differ(patients, link):
    score = r_glm_linear_predictor(
        design_matrix(patients, COVARIATES).X, patients["group"].to_numpy()
    )
    score = score if link == "linear_logit" else 1 / (1 + np.exp(-score))
    ours = our_match(match(score, patients["group"], ties="file_order"))
    theirs = matchit(link)
    np.testing.assert_array_equal(ours.index, theirs.index)
    different = (ours.to_numpy() != theirs.to_numpy()).any(axis=1)
    distance = r_distance(link)
    for t in ours.index[different]:
        away = [np.abs(distance[t] - distance[table.loc[t]]) for table in (ours, theirs)]
        np.testing.assert_allclose(*away, rtol=0, atol=1e-9, err_msg=f"row {t + 1}")
    assert different.mean() < 0.02


@pytest.mark.parametrize("link", LINKS)
def test_the_hash_rule_matches_as_closely_as_matchit(patients, link):
    """Other patients among ties, but the same distances as long as no tie leads elsewhere."""
    distance = r_distance(link)
    ids = [f"{i:08d}" for i in range(len(distance))]
    fit = estimate_propensity(patients, COVARIATES).distance(LINKS[link])
    m = match(fit, patients["group"], patient_id=ids)
    theirs = matchit(link)
    away = np.abs(distance[m.exposed_index] - distance[m.control_index])
    expected = np.abs(distance[theirs.index.to_numpy()][:, None] - distance[theirs.to_numpy()])
    expected = expected[theirs.to_numpy() >= 0]
    assert m.n_matched_exposed == 421
    assert abs(m.n_controls - len(expected)) <= 1
    np.testing.assert_allclose(np.median(away), np.median(expected), rtol=0, atol=1e-5)
    np.testing.assert_allclose(away.sum(), expected.sum(), rtol=0.02)


def test_balance_is_rs_with_matchits_weights(patients):
    cohort = patients.assign(propensity=r_distance("logit"))
    m = match(cohort["propensity"], cohort["group"], ties="file_order")
    assert m.n_controls == 841  # one set is incomplete, so the weights are not all 1
    np.testing.assert_allclose(np.unique(m.weight), [0, 841 / 842, 1, 841 / 421], rtol=1e-12)
    matched = cohort.assign(weight=m.weight)[m.matched_set > 0]
    terms = ["age", "size", "hist", "g3", "subtype", "T", "N"]
    balance = assess_balance(cohort, matched, terms).set_index(["term", "level"])
    assert list(balance.index) == list(R_BALANCE)
    np.testing.assert_allclose(balance, np.array(list(R_BALANCE.values())), rtol=1e-9, atol=1e-13)
