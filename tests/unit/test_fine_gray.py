import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.errors import StudyError
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray, score_test
from seermatch.survival.subdistribution import SubdistributionLikelihood


def random_data(seed, n=120, months=10, p=3):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(60, 10, n).round(), *rng.integers(0, 2, (p - 1, n))])
    t1 = rng.exponential(2 * months * np.exp(-0.03 * (X[:, 0] - 60) - 0.5 * X[:, 1]))
    t2 = rng.exponential(3 * months, n)
    censoring = rng.integers(0, months, n)
    time = np.minimum(np.minimum(np.floor(t1), np.floor(t2)), censoring)
    event = np.where(censoring < np.minimum(np.floor(t1), np.floor(t2)), 0, 1 + (t2 < t1))
    return time, event, X, rng.uniform(0.3, 2, n)


class Definition:
    """Fine and Gray's formulas as they are written, O(n²) and slow."""

    def __init__(self, time, event, X, w):
        self.time, self.event, self.X, self.w = time, event, X, w
        self.g = np.array([self.uncensored_before(t) for t in time])
        self.event_rows = np.flatnonzero(event == 1)

    def uncensored_before(self, t):
        g = 1.0
        for u in np.unique(self.time[(self.event == 0) & (self.time < t)]):
            leaving = self.w[(self.time == u) & (self.event == 0)].sum()
            g *= 1 - leaving / self.w[self.time >= u].sum()
        return g

    def risk_weights(self, t):
        kept = (self.time < t) & (self.event == 2)
        return self.w * np.where(
            self.time >= t, 1.0, np.where(kept, self.uncensored_before(t) / self.g, 0.0)
        )

    def at(self, t, beta):
        risk = self.risk_weights(t) * np.exp(self.X @ beta)
        return risk, risk.sum(), risk @ self.X / risk.sum()

    def loglik(self, beta):
        return sum(
            self.w[i] * (self.X[i] @ beta - np.log(self.at(self.time[i], beta)[1]))
            for i in self.event_rows
        )

    def score(self, beta):
        return sum(
            self.w[i] * (self.X[i] - self.at(self.time[i], beta)[2]) for i in self.event_rows
        )

    def residuals(self, beta):
        """Weighted eta + psi of every patient."""
        X, time, event, w = self.X, self.time, self.event, self.w
        n, p = X.shape
        eta = np.zeros((n, p))
        martingale = {}  # event time -> increments of every patient's weighted compensator
        for i in self.event_rows:
            risk, total, mean = self.at(time[i], beta)
            eta[i] += w[i] * (X[i] - mean)
            part = w[i] * (X - mean) * (risk / total)[:, None]
            eta -= part
            martingale[time[i]] = martingale.get(time[i], 0) + part
        psi = np.zeros((n, p))
        for u in np.unique(time[event == 0]):
            gone = (time < u) & (event == 2)
            # those who had a competing event before u, at events from u on
            q = sum((m[gone].sum(axis=0) for t, m in martingale.items() if t >= u), np.zeros(p))
            at_risk = w[time >= u].sum()
            leaving = (time == u) & (event == 0)
            psi[leaving] += w[leaving, None] * q / at_risk
            psi -= np.where(time >= u, w, 0)[:, None] * q * w[leaving].sum() / at_risk**2
        return eta, psi


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_likelihood_score_and_information_by_definition(seed, weighted):
    time, event, X, w = random_data(seed, n=50)
    w = w if weighted else np.ones(len(time))
    naive = Definition(time, event, X, w)
    likelihood = SubdistributionLikelihood(
        EventTimes(time, event, weights=w if weighted else None), X
    )
    for beta in (np.zeros(3), np.array([0.02, -0.5, 1.0])):
        result = likelihood.evaluate(beta)
        assert result.loglik == pytest.approx(naive.loglik(beta), rel=1e-12)
        np.testing.assert_allclose(result.score, naive.score(beta), atol=1e-9)
        steps = 1e-5 * np.eye(3)
        slope = [(naive.loglik(beta + h) - naive.loglik(beta - h)) / 2e-5 for h in steps]
        np.testing.assert_allclose(result.score, slope, rtol=1e-5, atol=1e-5)
        curvature = [(naive.score(beta - h) - naive.score(beta + h)) / 2e-5 for h in steps]
        np.testing.assert_allclose(result.information, curvature, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sandwich_by_definition(seed, weighted):
    time, event, X, w = random_data(seed, n=50)
    w = w if weighted else np.ones(len(time))
    clusters = np.random.default_rng(seed).integers(0, 15, len(time))
    fit = fit_fine_gray(EventTimes(time, event, weights=w, clusters=clusters), X)
    eta, psi = Definition(time, event, X, w).residuals(fit.coef)
    np.testing.assert_allclose(psi.sum(axis=0), 0, atol=1e-10)
    total = eta + psi
    inverse = fit.covariance["model"]
    expected = inverse @ total.T @ total @ inverse
    np.testing.assert_allclose(fit.covariance["robust"], expected, rtol=1e-7)
    summed = np.array([total[clusters == c].sum(axis=0) for c in np.unique(clusters)])
    expected = inverse @ summed.T @ summed @ inverse
    np.testing.assert_allclose(fit.covariance["clustered"], expected, rtol=1e-7)
    null = score_test(EventTimes(time, event, weights=w), X)
    eta, psi = Definition(time, event, X, w).residuals(np.zeros(3))
    u, total = eta.sum(axis=0), eta + psi
    assert null.statistic == pytest.approx(u @ np.linalg.solve(total.T @ total, u), rel=1e-8)


def test_baseline_by_definition():
    time, event, X, _ = random_data(4, n=50)
    fit = fit_fine_gray(EventTimes(time, event), X)
    naive = Definition(time, event, X, np.ones(50))
    times, hazard = fit.baseline
    np.testing.assert_array_equal(times, np.unique(time[event == 1]))
    for t, jump in zip(times, np.diff(hazard, prepend=0), strict=True):
        events = np.sum((time == t) & (event == 1))
        assert jump == pytest.approx(events / naive.at(t, fit.coef)[1], rel=1e-9)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_whole_weights_are_copies_of_patients(seed):
    time, event, X, _ = random_data(seed, p=2)
    w = np.random.default_rng(seed).integers(0, 4, len(time))
    weighted = fit_fine_gray(EventTimes(time, event, weights=w), X)
    rows = np.repeat(np.arange(len(time)), w)
    copies = fit_fine_gray(EventTimes(time[rows], event[rows], clusters=rows), X[rows])
    np.testing.assert_allclose(weighted.coef, copies.coef, atol=1e-9)
    np.testing.assert_allclose(weighted.covariance["model"], copies.covariance["model"], rtol=1e-7)
    np.testing.assert_allclose(
        weighted.covariance["robust"], copies.covariance["clustered"], rtol=1e-7
    )
    assert weighted.loglik == pytest.approx(copies.loglik, rel=1e-12)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_patients_and_origins_of_scales_do_not_matter(seed):
    time, event, X, w = random_data(seed)
    clusters = np.arange(len(time)) // 3
    order = np.random.default_rng(seed).permutation(len(time))
    first = fit_fine_gray(EventTimes(time, event, weights=w, clusters=clusters), X)
    second = fit_fine_gray(
        EventTimes(time[order] + 1, event[order], weights=w[order], clusters=clusters[order]),
        X[order] + [2000, 0, 0],
    )
    np.testing.assert_allclose(first.coef, second.coef, atol=1e-9)
    np.testing.assert_allclose(
        first.covariance["robust"], second.covariance["robust"], rtol=1e-7, atol=1e-14
    )
    np.testing.assert_allclose(
        first.covariance["clustered"], second.covariance["clustered"], rtol=1e-7, atol=1e-14
    )


def test_scaled_weights_change_neither_coefficients_nor_sandwich():
    time, event, X, w = random_data(5)
    first = fit_fine_gray(EventTimes(time, event, weights=w), X)
    second = fit_fine_gray(EventTimes(time, event, weights=10 * w), X)
    np.testing.assert_allclose(first.coef, second.coef, atol=1e-10)
    np.testing.assert_allclose(first.covariance["robust"], second.covariance["robust"], rtol=1e-8)


def test_single_patients_as_clusters_reproduce_the_sandwich():
    time, event, X, _ = random_data(6)
    fit = fit_fine_gray(EventTimes(time, event, clusters=np.arange(len(time))[::-1]), X)
    np.testing.assert_allclose(fit.covariance["clustered"], fit.covariance["robust"], rtol=1e-12)
    assert fit_fine_gray(EventTimes(time, event), X).covariance.keys() == {"model", "robust"}
    np.testing.assert_allclose(fit.se("clustered"), fit.se("robust"), rtol=1e-12)


def test_without_competing_events_censoring_is_irrelevant():
    """It is Cox's model, whose likelihood needs the risk sets at events only."""
    time, event, X, _ = random_data(7)
    event = np.where(event == 2, 0, event)
    fit = fit_fine_gray(EventTimes(time, event), X)
    naive = sum(
        X[i] @ fit.coef - np.log(np.exp(X[time >= time[i]] @ fit.coef).sum())
        for i in np.flatnonzero(event == 1)
    )
    assert fit.loglik == pytest.approx(naive, rel=1e-12)
    last = time[event == 1].max()
    shortened = fit_fine_gray(EventTimes(np.minimum(time, last), event), X)
    np.testing.assert_allclose(fit.coef, shortened.coef, atol=1e-12)


def test_without_censoring_competing_patients_stay_for_ever():
    time, event, X, _ = random_data(8)
    event = np.where(event == 0, 2, event)
    fit = fit_fine_gray(EventTimes(time, event), X)
    kept = fit_fine_gray(
        EventTimes(np.where(event == 2, 99, time), np.where(event == 2, 0, event)), X
    )
    np.testing.assert_allclose(fit.coef, kept.coef, atol=1e-10)
    np.testing.assert_allclose(fit.covariance["robust"], kept.covariance["robust"], rtol=1e-8)


def test_continuous_times():
    time, event, X, _ = random_data(9)
    time = time + np.linspace(0, 0.9, len(time))
    fit = fit_fine_gray(EventTimes(time, event), X)
    np.testing.assert_allclose(
        Definition(time, event, X, np.ones(len(time))).score(fit.coef), 0, atol=1e-8
    )


def test_level_without_events_is_reported_as_not_converged():
    time, event, X, _ = random_data(10)
    level = (event != 1) & (X[:, 1] == 1)
    fit = fit_fine_gray(EventTimes(time, event), np.column_stack([X[:, 0], level]))
    assert not fit.converged
    assert fit.coef[1] < -5
    assert np.isfinite(fit.coef[0])


def test_two_events_in_one_month_and_one_patient_per_group():
    fit = fit_fine_gray(EventTimes([0, 0, 1, 2], [1, 2, 1, 0]), [[0.0], [1], [1], [0]])
    assert fit.n == 4 and fit.events == 2
    assert fit.baseline[0].tolist() == [0, 1]
    assert np.isfinite(fit.se("robust")).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": np.zeros(6)}, "no event"),
        ({"event": np.full(6, 3)}, "coded 0"),
        ({"X": np.ones((6, 1))}, "X: column 1 of 1"),
        ({"X": np.column_stack([np.arange(6), 2 * np.arange(6)])}, "X: column 2 of 2"),
        ({"X": np.arange(6.0)}, "X must be a matrix"),
        ({"X": np.full((6, 1), np.nan)}, "missing or infinite"),
        ({"clusters": np.arange(3)}, "clusters has 3 values"),
        ({"clusters": np.zeros(6)}, "two matched sets"),
        ({"weights": np.ones(3)}, "weight"),
    ],
)
def test_unusable_input_is_named(changes, message):
    arguments = {
        "time": np.arange(6),
        "event": np.array([1, 2, 0, 1, 2, 0]),
        "X": np.array([[0, 1, 0, 1, 1, 0.0]]).T,
    }
    with pytest.raises(StudyError, match=message):
        arguments |= changes
        X = arguments.pop("X")
        fit_fine_gray(EventTimes(**arguments), X)


def test_wald_test_of_one_coefficient_is_z_squared():
    time, event, X, _ = random_data(11)
    fit = fit_fine_gray(EventTimes(time, event), X)
    test, joint = fit.test([1]), fit.test()
    assert test.statistic == pytest.approx((fit.coef[1] / fit.se()[1]) ** 2, rel=1e-12)
    assert test.p_value == pytest.approx(fit.estimate(1).p_value, rel=1e-9)
    assert test.df == 1 and 0 < test.p_value < 1
    assert joint.df == 3 and joint.statistic >= test.statistic


def test_too_few_matched_sets_leave_the_tests_without_p():
    time, event, X, _ = random_data(11)
    few = np.arange(len(time)) % 2
    fit = fit_fine_gray(EventTimes(time, event, clusters=few), X)
    test = fit.test()
    assert np.isnan(test.statistic) and test.df == 3 and np.isnan(test.p_value)
    assert np.isfinite(fit.test([1]).p_value)
    test = score_test(EventTimes(time, event, clusters=few), X)
    assert np.isnan(test.statistic) and test.df == 3 and np.isnan(test.p_value)


def test_sets_that_are_alike_leave_the_score_test_without_p():
    """Both of a pair die together, so that no set tells the groups apart."""
    time, event = np.repeat([1, 2, 3, 5], 2), np.ones(8, dtype=int)
    group = np.tile([[0.0], [1.0]], (4, 1))
    test = score_test(EventTimes(time, event, clusters=np.repeat(np.arange(4), 2)), group)
    assert np.isnan(test.statistic) and test.df == 1 and np.isnan(test.p_value)


def test_score_test_of_two_equal_groups_is_zero():
    time, event, *_ = random_data(12)
    group = np.repeat([[0.0], [1.0]], len(time), axis=0)
    test = score_test(EventTimes(np.tile(time, 2), np.tile(event, 2)), group)
    assert test.statistic == pytest.approx(0, abs=1e-18)
    assert test.df == 1 and test.p_value == pytest.approx(1)


def test_score_test_agrees_with_the_wald_test_in_large_samples():
    time, event, X, _ = random_data(13, n=4000)
    clusters = np.arange(4000) // 2
    x = X[:, 1:2]
    fit = fit_fine_gray(EventTimes(time, event, clusters=clusters), x)
    statistic = score_test(EventTimes(time, event, clusters=clusters), x).statistic
    assert statistic == pytest.approx((fit.coef[0] / fit.se("clustered")[0]) ** 2, rel=0.05)
