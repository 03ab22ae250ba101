"""Cox regression against its definition, invariants, and separated data."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from scipy.stats import chi2
from seermatch.errors import StudyError
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.proportionality_cox import proportional_hazards_test
from seermatch.survival.separation import find_separation


def tied_sample(seed, n=80, months=8):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(60, 12, n), rng.random(n) < 0.3, rng.random(n) < 0.5])
    failure = rng.exponential(8 * np.exp(-0.03 * (X[:, 0] - 60) - 0.6 * X[:, 1]))
    time = np.minimum(failure, rng.uniform(0, months, n)).astype(int)
    return time, failure <= time + 1, X.astype(float)


def efron_terms(time, event, X, beta, weights):
    """Yield (deaths, fraction, mean weight, S0, mean of x, covariance of x) of every tied death."""
    risk = weights * np.exp(X @ beta)
    for t in np.unique(time[event]):
        at_risk, dying = time >= t, event & (time == t)
        d = dying.sum()
        for k in range(d):
            share = risk * (at_risk - k / d * dying)
            mean = share @ X / share.sum()
            spread = (X - mean).T @ (share[:, None] * (X - mean)) / share.sum()
            yield dying, k / d, weights[dying].mean(), share.sum(), mean, spread


def efron_loglik(time, event, X, beta, weights):
    terms = efron_terms(time, event, X, beta, weights)
    return weights[event] @ (X[event] @ beta) - sum(w * np.log(s0) for _, _, w, s0, _, _ in terms)


def numeric_gradient(f, beta, step=1e-5):
    shifts = np.eye(len(beta)) * step
    return np.array([(f(beta + h) - f(beta - h)) / (2 * step) for h in shifts])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_maximum_and_information_by_definition(seed, weighted):
    time, event, X = tied_sample(seed)
    weights = np.random.default_rng(seed).uniform(0.3, 2, len(X)) if weighted else np.ones(len(X))
    X = X - X.mean(axis=0)  # only so that the naive exponentials stay small
    fit = fit_cox(EventTimes(time, event, weights=weights), X)

    def loglik(beta):
        return efron_loglik(time, event, X, beta, weights)

    assert fit.converged
    assert fit.loglik == pytest.approx(loglik(fit.coef), rel=1e-12)
    assert fit.loglik_null == pytest.approx(loglik(np.zeros(3)), rel=1e-12)
    scale = np.array([12, 0.5, 0.5])
    assert np.abs(numeric_gradient(loglik, fit.coef) * scale).max() < 1e-5
    terms = efron_terms(time, event, X, fit.coef, weights)
    information = sum(w * spread for _, _, w, _, _, spread in terms)
    np.testing.assert_allclose(
        np.linalg.inv(fit.covariance["model"]), information, rtol=1e-10, atol=1e-10
    )


def naive_residuals(time, event, X, beta, weights):
    """Efron score residuals, one patient and one tied death at a time."""
    residual = np.zeros_like(X)
    risk = np.exp(X @ beta)
    for dying, f, w, s0, mean, _ in efron_terms(time, event, X, beta, weights):
        t = time[dying][0]
        for i in np.flatnonzero(time >= t):
            present = 1 - f if dying[i] else 1
            residual[i] -= present * risk[i] * w * (X[i] - mean) / s0
            if dying[i]:
                residual[i] += (X[i] - mean) / dying.sum()
    return residual * weights[:, None]


@pytest.mark.parametrize("weighted", [False, True])
def test_sandwich_by_definition(weighted):
    time, event, X = tied_sample(7)
    X = X - X.mean(axis=0)
    weights = np.random.default_rng(1).uniform(0.3, 2, len(X)) if weighted else np.ones(len(X))
    clusters = np.arange(len(X)) // 3 * 10
    fit = fit_cox(EventTimes(time, event, weights=weights, clusters=clusters), X)
    influence = naive_residuals(time, event, X, fit.coef, weights) @ fit.covariance["model"]
    np.testing.assert_allclose(fit.covariance["robust"], influence.T @ influence, rtol=1e-9)
    summed = np.array([influence[clusters == c].sum(axis=0) for c in np.unique(clusters)])
    np.testing.assert_allclose(fit.covariance["clustered"], summed.T @ summed, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_as_lifelines(seed):
    time, event, X = tied_sample(seed)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(time=time, event=event)
    known = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
    fit = fit_cox(EventTimes(time, event), X)
    np.testing.assert_allclose(fit.coef, known.params_, rtol=1e-6)
    np.testing.assert_allclose(fit.se("model"), known.standard_errors_, rtol=1e-6)
    np.testing.assert_allclose(fit.loglik, known.log_likelihood_, rtol=1e-9)


def test_own_clusters_are_the_robust_variance():
    time, event, X = tied_sample(2)
    fit = fit_cox(EventTimes(time, event, clusters=np.arange(len(X))[::-1]), X)
    np.testing.assert_allclose(fit.covariance["clustered"], fit.covariance["robust"], rtol=1e-10)


def test_order_of_patients_and_origin_of_covariates_do_not_matter():
    time, event, X = tied_sample(4)
    order = np.random.default_rng(0).permutation(len(X))
    fit = fit_cox(EventTimes(time, event), X)
    for other in (
        fit_cox(EventTimes(time[order], event[order]), X[order]),
        fit_cox(EventTimes(time, event), X + 1000),
        fit_cox(EventTimes(time + 17, event), X),
        fit_cox(EventTimes(time * 0.1, event), X),
    ):
        np.testing.assert_allclose(other.coef, fit.coef, rtol=1e-9)
        np.testing.assert_allclose(other.covariance["robust"], fit.covariance["robust"], rtol=1e-8)


def test_units_of_covariates_scale_the_result():
    time, event, X = tied_sample(4)
    scale = np.array([1e-4, 1e5, 1])
    fit, other = fit_cox(EventTimes(time, event), X), fit_cox(EventTimes(time, event), X * scale)
    np.testing.assert_allclose(other.coef * scale, fit.coef, rtol=1e-8)
    np.testing.assert_allclose(other.se("model") * scale, fit.se("model"), rtol=1e-8)


def test_equal_weights_divide_the_model_variance_and_keep_the_robust_one():
    time, event, X = tied_sample(5)
    fit, doubled = (
        fit_cox(EventTimes(time, event), X),
        fit_cox(EventTimes(time, event, weights=np.full(len(X), 2.0)), X),
    )
    np.testing.assert_allclose(doubled.coef, fit.coef, rtol=1e-9)
    np.testing.assert_allclose(doubled.covariance["model"] * 2, fit.covariance["model"], rtol=1e-9)
    np.testing.assert_allclose(doubled.covariance["robust"], fit.covariance["robust"], rtol=1e-9)


# R 4.2.2, survival 3.5-3: coxph(Surv(time, event) ~ a + b, weights = w, robust = TRUE), cox.zph();
# coxph stops at a relative gain of 1e-9, hence the tolerances
R_WEIGHTS = np.array([0.898, 1.058, 1.359, 1.862, 0.803, 1.848, 1.917, 1.491])
R_TIME, R_EVENT = np.array([0, 1, 2, 2, 3, 3, 4, 5]), np.array([1, 0, 1, 1, 0, 1, 1, 0])
R_X = np.column_stack([[1, 0, 1, 1, 0, 0, 1, 0], [0.1, 0.5, -1, 2, 0.3, 0.2, -0.7, 1.1]])
R_ZPH = {
    "km": [0.6126794557930, 0.0117787023609, 3.0132597368423],
    "identity": [0.23997438207878, 0.00753106954831, 0.28768592058224],
    "rank": [0.37185434567412, 0.00100414446089, 0.62623736020196],
}


def test_weighted_fit_as_r():
    fit = fit_cox(EventTimes(R_TIME, R_EVENT, weights=R_WEIGHTS), R_X)
    assert fit.coef.tolist() == pytest.approx([1.56394257995082, 0.27219831375065], rel=1e-8)
    assert (fit.loglik_null, fit.loglik) == pytest.approx((-14.721074339583, -13.048493455886))
    model = [0.83636136752221, 0.11327568513282, 0.13331280671548]
    robust = [0.611566193411802, -0.078845389944463, 0.064678994513751]
    upper = np.triu_indices(2)
    assert fit.covariance["model"][upper].tolist() == pytest.approx(model, rel=1e-8)
    assert fit.covariance["robust"][upper].tolist() == pytest.approx(robust, rel=1e-8)


@pytest.mark.parametrize("transform", R_ZPH)
def test_weighted_proportional_hazards_as_r(transform):
    data, X = EventTimes(R_TIME, R_EVENT, R_WEIGHTS), pd.DataFrame(R_X, columns=["a", "b"])
    fit = fit_cox(data, X)
    test = proportional_hazards_test(fit, data, X, transform=transform)
    assert test["term"].tolist() == ["a", "b", "GLOBAL"]
    assert test["statistic"].tolist() == pytest.approx(R_ZPH[transform], rel=1e-8)
    assert test["p_value"].iloc[2] == pytest.approx(chi2.sf(R_ZPH[transform][2], 2), rel=1e-8)
    joint = proportional_hazards_test(fit, data, X, transform=transform, terms=["x", "x"])
    assert joint["statistic"].tolist() == pytest.approx([R_ZPH[transform][2]] * 2, rel=1e-8)
    assert joint["df"].tolist() == [2, 2]


def test_proportional_hazards_score_by_definition():
    """The tested score is the derivative of the likelihood with x g(t) added."""
    time, event, X = tied_sample(6)
    X = X - X.mean(axis=0)
    fit = fit_cox(EventTimes(time, event), X)
    g = (time[event] - time[event].mean()).astype(float)
    by_time = dict(zip(time[event], g, strict=True))
    score, blocks = np.zeros(3), np.zeros((6, 6))
    for dying, _, _, _, mean, spread in efron_terms(time, event, X, fit.coef, np.ones(len(X))):
        h = by_time[time[dying][0]]
        score += h * (X[dying].mean(axis=0) - mean)
        blocks += np.kron([[1, h], [h, h * h]], spread)
    u = np.r_[np.zeros(3), score]
    test = proportional_hazards_test(fit, EventTimes(time, event), X, transform="identity")
    assert test["statistic"].iloc[-1] == pytest.approx(u @ np.linalg.solve(blocks, u), rel=1e-8)


def test_too_few_deaths_for_the_test_of_proportional_hazards():
    """Four deaths cannot tell three coefficients from their change; R's cox.zph stops here."""
    time, event = np.array([5, 1, 0, 2, 0, 2, 2, 7, 5, 0]), np.array([0, 0, 1, 0, 1, 0, 0, 1, 0, 1])
    age, size = [64, 60, 43, 45, 79, 39, 49, 52, 51, 57], [10, 26, 31, 35, 13, 15, 5, 7, 9, 14]
    X = np.column_stack([age, size, [1, 0, 0, 1, 1, 0, 1, 0, 0, 1]]).astype(float)
    test = proportional_hazards_test(
        fit_cox(EventTimes(time, event), X), EventTimes(time, event), X
    )
    assert np.isnan(test["statistic"].iloc[-1]) and np.isnan(test["p_value"].iloc[-1])


def separated_sample():
    rng = np.random.default_rng(3)
    time, event = rng.integers(1, 30, 120), rng.random(120) < 0.4
    rare = np.r_[np.ones(20), np.zeros(100)]
    event[:20] = False
    return time, event, rare, rng.normal(size=120)


def test_separation_is_reported_and_the_rest_is_at_its_limit():
    time, event, rare, x = separated_sample()
    fit = fit_cox(EventTimes(time, event), np.column_stack([rare, x]))
    assert not fit.converged
    # a hazard ratio of 0 takes those patients out of every risk set
    others = rare == 0
    limit = fit_cox(EventTimes(time[others], event[others]), x[others, None])
    assert limit.converged
    assert fit.coef[1] == pytest.approx(limit.coef[0], abs=1e-7)
    assert fit.se("model")[1] == pytest.approx(limit.se("model")[0], rel=1e-6)
    assert fit.loglik == pytest.approx(limit.loglik, abs=1e-6)
    assert fit.covariance["robust"][1, 1] == pytest.approx(
        limit.covariance["robust"][0, 0], rel=1e-6
    )


@pytest.mark.parametrize("seed", [3, 7, 42, 55, 126, 150])
def test_it_converges_where_linear_programming_finds_a_maximum(seed):
    """Few deaths: many estimates are infinite, and steps get long enough to overflow."""
    rng = np.random.default_rng(seed)
    for _ in range(8):
        n = rng.integers(8, 20)
        X = np.column_stack([rng.normal(50, 10, (n, 2)).round(), rng.integers(0, 2, n)])
        time, event = rng.integers(0, 8, n), (rng.random(n) < 0.4).astype(int)
        event[0] = 1
        try:
            fit = fit_cox(EventTimes(time, event), X)
        except StudyError:
            continue
        assert fit.converged == (not find_separation(EventTimes(time, event), X).infinite.any())


@pytest.mark.parametrize("scale", [1, 1e-3])
def test_separation_of_all_deaths_is_reported(scale):
    """Those who die are always the first in x, so the log-likelihood rises to 0."""
    time, event = np.array([0, 1, 2, 3, 4, 5, 6, 7]), np.array([1, 1, 0, 1, 0, 1, 0, 1])
    x = np.array([9, 8, 1, 7, 0, 5, 1, 3]) * scale
    fit = fit_cox(EventTimes(time, event), x[:, None])
    assert not fit.converged
    assert fit.loglik == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("column", [np.ones(120), None])
def test_dependent_columns_are_refused(column):
    time, event, _, x = separated_sample()
    event = event | (time == 29)
    X = np.column_stack([x, 2 * x + 1 if column is None else column])
    with pytest.raises(StudyError, match=r"X: column 2 of 2 \(size\) is constant"):
        fit_cox(EventTimes(time, event), pd.DataFrame(X, columns=["age", "size"]))


# R 4.2.2, survival 3.5-3, cmprsk 2.2-11, on the arrays of `nearly_collinear`, by the share of z:
# coef and sqrt(diag(vcov)) of coxph(Surv(time, event > 0) ~ a + b), and of crr(time, event, X)
R_COLLINEAR = {
    "cox": {
        2e-5: ([-980.46489, 980.75033], [4272.7396, 4272.7335]),
        1.5e-6: ([-13076.389, 13076.675], [56969.725, 56969.718]),
    },
    "fine_gray": {
        2e-5: ([-806.3206, 806.396], [4889.498, 4889.482]),
        1.5e-6: ([-10751.86, 10751.93], [65142.45, 65142.44]),
    },
}


def nearly_collinear(share):
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, 200))
    time = np.ceil(rng.exponential(10, 200) * np.exp(-0.3 * x))
    event = rng.choice(3, 200, p=[0.3, 0.5, 0.2])
    return EventTimes(time, event), np.column_stack([x, x + share * z])


@pytest.mark.parametrize("share", [2e-5, 1.5e-6])
@pytest.mark.parametrize("fit", [fit_cox, fit_fine_gray])
def test_nearly_dependent_columns_as_r(fit, share):
    """A large standard error is an answer; separation, whose steps never end, is another case."""
    coef, se = R_COLLINEAR[fit.__name__.removeprefix("fit_")][share]
    found = fit(*nearly_collinear(share))
    assert found.converged
    rounding = 1e-10 / share**2  # of numbers of which the last digits cancel, here and in R
    np.testing.assert_allclose(found.coef, coef, rtol=rounding)
    np.testing.assert_allclose(found.se(), se, rtol=10 * rounding)


@pytest.mark.parametrize("fit", [fit_cox, fit_fine_gray])
def test_columns_are_dependent_where_coxph_says_so(fit):
    # for a share of 1.2e-6 coxph's second coefficient is NA
    with pytest.raises(StudyError, match="X: column 2 of 2"):
        fit(*nearly_collinear(1.2e-6))
    data, X = nearly_collinear(1)
    X[:, 0] = 0.1  # its mean differs from it in the last bit
    with pytest.raises(StudyError, match="X: column 1 of 2"):
        fit(data, X)


def test_patients_of_weight_zero_are_left_out():
    time, event, X = tied_sample(3)
    weights = np.arange(len(X)) % 3 / 2
    some = weights > 0
    found = fit_cox(EventTimes(time, event, weights=weights, clusters=np.arange(len(X)) // 2), X)
    fit = fit_cox(
        EventTimes(
            time[some], event[some], weights=weights[some], clusters=np.flatnonzero(some) // 2
        ),
        X[some],
    )
    assert (found.n, found.events) == (fit.n, fit.events)
    np.testing.assert_allclose(found.coef, fit.coef, rtol=1e-9)
    np.testing.assert_allclose(
        found.covariance["clustered"], fit.covariance["clustered"], rtol=1e-9
    )
    test = proportional_hazards_test(found, EventTimes(time, event, weights=weights), X)
    other = proportional_hazards_test(
        fit, EventTimes(time[some], event[some], weights=weights[some]), X[some]
    )
    np.testing.assert_allclose(test["statistic"], other["statistic"], rtol=1e-9)


def test_messages():
    with pytest.raises(StudyError, match="Nobody in this cohort has the event"):
        fit_cox(EventTimes(np.array([1, 2]), np.zeros(2)), np.array([[0.0], [1.0]]))
    time, event, X = tied_sample(1)
    with pytest.raises(ValueError, match="transform: 'log' is none of km, identity, rank"):
        proportional_hazards_test(
            fit_cox(EventTimes(time, event), X), EventTimes(time, event), X, transform="log"
        )


def test_one_matched_set_left_at_risk_has_no_variance_between_sets():
    """Under separation the others may have no hazard; that is no reason to end the study."""
    time, event, X = [1, 5, 6, 7, 8], [0, 1, 1, 1, 0], np.array([[1.0], [0], [1], [0], [1]])
    fit = fit_cox(EventTimes(time, event, clusters=[1, 2, 2, 2, 2]), X)
    assert np.isnan(fit.covariance["clustered"]).all()
    np.testing.assert_allclose(fit.coef, fit_cox(EventTimes(time, event), X).coef)
    with pytest.raises(StudyError, match="two matched sets"):
        fit_cox(EventTimes(time, event, clusters=[2, 2, 2, 2, 2]), X)
