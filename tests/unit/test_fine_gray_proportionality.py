"""Time interactions in Fine-Gray models against their definition, invariants, and cmprsk."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from seermatch.errors import StudyError
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.proportionality_fine_gray import fit_time_interaction, proportionality_test

DATA = Path(__file__).parents[1] / "data"


def random_data(seed, n=150, months=10):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(60, 10, n).round(), *rng.integers(0, 2, (2, n))])
    t1 = rng.exponential(2 * months * np.exp(-0.03 * (X[:, 0] - 60) - 0.5 * X[:, 1]))
    t2 = rng.exponential(3 * months, n)
    censoring = rng.integers(0, months, n)
    first = np.floor(np.minimum(t1, t2))
    event = np.where(censoring < first, 0, 1 + (t2 < t1))
    return np.minimum(first, censoring), event, X.astype(float), rng.uniform(0.3, 2, n)


def uncensored_before(t, time, event, w):
    g = 1.0
    for u in np.unique(time[(event == 0) & (time < t)]):
        g *= 1 - w[(time == u) & (event == 0)].sum() / w[time >= u].sum()
    return g


class Definition:
    """Score and contributions of patients, one event time after the other."""

    def __init__(self, time, event, X, columns, g, w):
        self.time, self.event, self.w = time, event, w
        self.z = lambda t: np.column_stack([X, X[:, columns] * g(t)])
        self.before = np.array([uncensored_before(t, time, event, w) for t in time])

    def parts(self, beta):
        """Weighted compensator of every patient at each event time, and the events' own terms."""
        time, event, w = self.time, self.event, self.w
        own, compensator = 0, {}
        for t in np.unique(time[event == 1]):
            gone = (time < t) & (event == 2)
            ratio = uncensored_before(t, time, event, w) / self.before
            z = self.z(t)
            risk = w * np.where(time >= t, 1, np.where(gone, ratio, 0)) * np.exp(z @ beta)
            mean = risk @ z / risk.sum()
            here = (time == t) & (event == 1)
            own = own + np.where(here[:, None], w[:, None] * (z - mean), 0)
            compensator[t] = (z - mean) * risk[:, None] / risk.sum() * w[here].sum()
        return own, compensator

    def contributions(self, beta):
        time, event, w = self.time, self.event, self.w
        own, compensator = self.parts(beta)
        total = own - sum(compensator.values())
        for u in np.unique(time[event == 0]):
            gone = (time < u) & (event == 2)
            q = sum((c[gone].sum(axis=0) for t, c in compensator.items() if t >= u), 0)
            at_risk, leaving = w[time >= u].sum(), (time == u) & (event == 0)
            share = leaving / at_risk - (time >= u) * w[leaving].sum() / at_risk**2
            total = total + (w * share)[:, None] * q
        return total


@pytest.mark.parametrize("transform", ["identity", "log"])
@pytest.mark.parametrize("columns", [[1], [0, 2]])
def test_estimate_and_sandwich_by_definition(columns, transform):
    time, event, X, w = random_data(1, n=70)
    X[:, 0] -= 60  # only so that the naive exponentials stay small
    clusters = np.arange(len(time)) // 3
    g = np.log1p if transform == "log" else float
    naive = Definition(time, event, X, columns, g, w)
    data = EventTimes(time, event, w, clusters)
    fit = fit_time_interaction(data, X, columns, transform=transform)
    assert fit.converged

    def score(beta):
        return naive.parts(beta)[0].sum(axis=0)

    np.testing.assert_allclose(score(fit.coef), 0, atol=1e-6)
    steps = 1e-6 * np.eye(len(fit.coef))
    information = np.array([(score(fit.coef - h) - score(fit.coef + h)) / 2e-6 for h in steps])
    inverse, total = np.linalg.inv(information), naive.contributions(fit.coef)
    expected = inverse @ total.T @ total @ inverse
    np.testing.assert_allclose(fit.covariance["robust"], expected, rtol=1e-4, atol=1e-8)
    sums = np.array([total[clusters == c].sum(axis=0) for c in np.unique(clusters)])
    expected = inverse @ sums.T @ sums @ inverse
    np.testing.assert_allclose(fit.covariance["clustered"], expected, rtol=1e-4, atol=1e-8)


# R 4.2.2, cmprsk 2.2-11 on matched.csv: crr(time + 1, status, X, X[, "group"], tf, gtol = 1e-12)
# with tf(t) = t - 1 and log(t), X = age, size, grade3, n13, group: coefficient, SE of group x g(t)
R_INTERACTION = {
    "identity": (0.015389001171961, 0.020502347889035),
    "log": (0.3275146048607, 0.28228654665531),
}


@pytest.mark.parametrize("transform", R_INTERACTION)
def test_interaction_of_cmprsk(transform):
    matched = pd.read_csv(DATA / "matched.csv")
    X = matched[["age", "size", "grade3", "n13", "group"]].to_numpy(float)
    fit = fit_time_interaction(
        EventTimes(matched["time"], matched["status"]), X, [4], transform=transform
    )
    coef, se = R_INTERACTION[transform]
    assert fit.coef[-1] == pytest.approx(coef, rel=1e-6)
    assert np.sqrt(fit.covariance["robust"][-1, -1]) == pytest.approx(se, rel=1e-6)
    terms = ["age", "size", "grade", "n_stage", "group"]
    test = proportionality_test(
        EventTimes(matched["time"], matched["status"]), X, terms, transform=transform
    ).set_index("term")
    assert test.loc["group", "statistic"] == pytest.approx((coef / se) ** 2, rel=1e-6)


def test_terms_are_tested_jointly():
    time, event, X, _ = random_data(2)
    test = proportionality_test(EventTimes(time, event), X, ["age", "stage", "stage"])
    assert test["term"].tolist() == ["age", "stage", "GLOBAL"]
    assert test["df"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(test["p_value"], chi2.sf(test["statistic"], test["df"]), rtol=1e-10)
    one = proportionality_test(EventTimes(time, event), X, ["all"] * 3)
    assert one["statistic"].tolist() == pytest.approx([test["statistic"].iloc[2]] * 2)


def test_whole_weights_are_copies_of_patients():
    time, event, X, _ = random_data(3)
    w = np.random.default_rng(3).integers(0, 3, len(time))
    rows = np.repeat(np.arange(len(time)), w)
    weighted = fit_time_interaction(EventTimes(time, event, weights=w), X, [0, 1])
    copies = fit_time_interaction(
        EventTimes(time[rows], event[rows], clusters=rows), X[rows], [0, 1]
    )
    np.testing.assert_allclose(weighted.coef, copies.coef, rtol=1e-7)
    np.testing.assert_allclose(
        weighted.covariance["robust"], copies.covariance["clustered"], rtol=1e-6
    )


def test_origin_and_unit_of_covariates_change_nothing():
    time, event, X, _ = random_data(4)
    order = np.random.default_rng(4).permutation(len(time))
    first = proportionality_test(EventTimes(time, event), X, list("abc"))
    second = proportionality_test(
        EventTimes(time[order], event[order]), (X[order] + 2000) * 12, list("abc")
    )
    np.testing.assert_allclose(first["statistic"], second["statistic"], rtol=1e-6)


def test_at_the_start_it_is_the_proportional_model():
    time, event, X, _ = random_data(5)
    fit = fit_time_interaction(EventTimes(time, event), X, [1])
    null = fit_fine_gray(EventTimes(time, event), X)
    assert fit.loglik > null.loglik
    statistic = fit.coef[-1] ** 2 / fit.covariance["robust"][-1, -1]
    assert 2 * (fit.loglik - null.loglik) == pytest.approx(statistic, rel=0.2, abs=0.2)


def test_the_test_keeps_its_size_and_finds_a_change():
    rng = np.random.default_rng(6)
    rejected = {0: 0, 1: 0}
    for _ in range(30):
        x = np.repeat([0.0, 1.0], 150)
        # late events have another hazard ratio than early ones
        for change in (0, 1):
            early = rng.exponential(40 * np.exp(-0.5 * x))
            late = 12 + rng.exponential(40 * np.exp((1.5 if change else -0.5) * x))
            failure = np.floor(np.where(early < 12, early, late))
            other, censoring = np.floor(rng.exponential(90, 300)), rng.integers(0, 60, 300)
            time = np.minimum(np.minimum(failure, other), censoring)
            event = np.where(
                censoring < np.minimum(failure, other), 0, np.where(failure <= other, 1, 2)
            )
            p = proportionality_test(EventTimes(time, event), x[:, None], ["x"])["p_value"].iloc[0]
            rejected[change] += p < 0.05
    assert rejected[0] <= 5
    assert rejected[1] >= 18


def test_an_infinite_interaction_has_no_statistic():
    time, event, X, _ = random_data(7)
    event[(X[:, 1] == 1) & (time > 2) & (event == 1)] = 2
    event[(X[:, 1] == 0) & (time <= 2) & (event == 1)] = 2
    test = proportionality_test(EventTimes(time, event), X[:, 1:], ["x", "y"])
    assert test["statistic"].isna().tolist() == [True, False, True]


def test_messages():
    time, event, X, _ = random_data(8)
    with pytest.raises(ValueError, match="transform: 'km' is none of identity, log"):
        proportionality_test(EventTimes(time, event), X, list("abc"), transform="km")
    with pytest.raises(StudyError, match="no event"):
        proportionality_test(EventTimes(time, 0 * event), X, list("abc"))
