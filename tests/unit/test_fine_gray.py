import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.errors import StudyError
from seermatch.survival.fine_gray import fit_fine_gray, score_test, wald_test
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
    likelihood = SubdistributionLikelihood(time, event, X, w if weighted else None)
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
    fit = fit_fine_gray(time, event, X, weights=w, clusters=clusters)
    eta, psi = Definition(time, event, X, w).residuals(fit.coef)
    np.testing.assert_allclose(psi.sum(axis=0), 0, atol=1e-10)
    total = eta + psi
    inverse = fit.naive_covariance
    expected = inverse @ total.T @ total @ inverse
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-7)
    summed = np.array([total[clusters == c].sum(axis=0) for c in np.unique(clusters)])
    expected = inverse @ summed.T @ summed @ inverse
    np.testing.assert_allclose(fit.covariance_clustered, expected, rtol=1e-7)
    null = score_test(time, event, X, weights=w)
    eta, psi = Definition(time, event, X, w).residuals(np.zeros(3))
    u, total = eta.sum(axis=0), eta + psi
    assert null[0] == pytest.approx(u @ np.linalg.solve(total.T @ total, u), rel=1e-8)


def test_baseline_by_definition():
    time, event, X, _ = random_data(4, n=50)
    fit = fit_fine_gray(time, event, X)
    naive = Definition(time, event, X, np.ones(50))
    np.testing.assert_array_equal(fit.baseline_times, np.unique(time[event == 1]))
    for t, jump in zip(fit.baseline_times, fit.baseline_jumps, strict=True):
        events = np.sum((time == t) & (event == 1))
        assert jump == pytest.approx(events / naive.at(t, fit.coef)[1], rel=1e-10)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_whole_weights_are_copies_of_patients(seed):
    time, event, X, _ = random_data(seed, p=2)
    w = np.random.default_rng(seed).integers(0, 4, len(time))
    weighted = fit_fine_gray(time, event, X, weights=w)
    rows = np.repeat(np.arange(len(time)), w)
    copies = fit_fine_gray(time[rows], event[rows], X[rows], clusters=rows)
    np.testing.assert_allclose(weighted.coef, copies.coef, atol=1e-9)
    np.testing.assert_allclose(weighted.naive_covariance, copies.naive_covariance, rtol=1e-7)
    np.testing.assert_allclose(weighted.covariance, copies.covariance_clustered, rtol=1e-7)
    assert weighted.loglik == pytest.approx(copies.loglik, rel=1e-12)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_patients_and_origins_of_scales_do_not_matter(seed):
    time, event, X, w = random_data(seed)
    clusters = np.arange(len(time)) // 3
    order = np.random.default_rng(seed).permutation(len(time))
    first = fit_fine_gray(time, event, X, weights=w, clusters=clusters)
    second = fit_fine_gray(
        time[order] + 1,
        event[order],
        X[order] + [2000, 0, 0],
        weights=w[order],
        clusters=clusters[order],
    )
    np.testing.assert_allclose(first.coef, second.coef, atol=1e-9)
    np.testing.assert_allclose(first.covariance, second.covariance, rtol=1e-7, atol=1e-14)
    np.testing.assert_allclose(
        first.covariance_clustered, second.covariance_clustered, rtol=1e-7, atol=1e-14
    )


def test_scaled_weights_change_neither_coefficients_nor_sandwich():
    time, event, X, w = random_data(5)
    first = fit_fine_gray(time, event, X, weights=w)
    second = fit_fine_gray(time, event, X, weights=10 * w)
    np.testing.assert_allclose(first.coef, second.coef, atol=1e-10)
    np.testing.assert_allclose(first.covariance, second.covariance, rtol=1e-8)


def test_single_patients_as_clusters_reproduce_the_sandwich():
    time, event, X, _ = random_data(6)
    fit = fit_fine_gray(time, event, X, clusters=np.arange(len(time))[::-1])
    np.testing.assert_allclose(fit.covariance_clustered, fit.covariance, rtol=1e-12)
    assert fit_fine_gray(time, event, X).covariance_clustered is None
    np.testing.assert_allclose(fit.se_clustered, fit.se, rtol=1e-12)


def test_without_competing_events_censoring_is_irrelevant():
    """It is Cox's model, whose likelihood needs the risk sets at events only."""
    time, event, X, _ = random_data(7)
    event = np.where(event == 2, 0, event)
    fit = fit_fine_gray(time, event, X)
    naive = sum(
        X[i] @ fit.coef - np.log(np.exp(X[time >= time[i]] @ fit.coef).sum())
        for i in np.flatnonzero(event == 1)
    )
    assert fit.loglik == pytest.approx(naive, rel=1e-12)
    last = time[event == 1].max()
    shortened = fit_fine_gray(np.minimum(time, last), event, X)
    np.testing.assert_allclose(fit.coef, shortened.coef, atol=1e-12)


def test_without_censoring_competing_patients_stay_for_ever():
    time, event, X, _ = random_data(8)
    event = np.where(event == 0, 2, event)
    fit = fit_fine_gray(time, event, X)
    kept = fit_fine_gray(np.where(event == 2, 99, time), np.where(event == 2, 0, event), X)
    np.testing.assert_allclose(fit.coef, kept.coef, atol=1e-10)
    np.testing.assert_allclose(fit.covariance, kept.covariance, rtol=1e-8)


def test_continuous_times():
    time, event, X, _ = random_data(9)
    time = time + np.linspace(0, 0.9, len(time))
    fit = fit_fine_gray(time, event, X)
    np.testing.assert_allclose(
        Definition(time, event, X, np.ones(len(time))).score(fit.coef), 0, atol=1e-8
    )


def test_level_without_events_is_reported_as_not_converged():
    time, event, X, _ = random_data(10)
    level = (event != 1) & (X[:, 1] == 1)
    fit = fit_fine_gray(time, event, np.column_stack([X[:, 0], level]))
    assert not fit.converged
    assert fit.coef[1] < -5
    assert np.isfinite(fit.coef[0])


def test_two_events_in_one_month_and_one_patient_per_group():
    fit = fit_fine_gray([0, 0, 1, 2], [1, 2, 1, 0], [[0.0], [1], [1], [0]])
    assert fit.n == 4 and fit.n_events == 2
    assert fit.baseline_times.tolist() == [0, 1]
    assert np.isfinite(fit.se).all()


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
        fit_fine_gray(**(arguments | changes))


def test_wald_test_of_one_coefficient_is_z_squared():
    time, event, X, _ = random_data(11)
    fit = fit_fine_gray(time, event, X)
    statistic, df, p = wald_test(fit.coef, fit.covariance, [1])
    assert statistic == pytest.approx((fit.coef[1] / fit.se[1]) ** 2, rel=1e-12)
    assert df == 1 and 0 < p < 1
    joint, df, _ = wald_test(fit.coef, fit.covariance)
    assert df == 3 and joint >= statistic


def test_too_few_matched_sets_leave_the_tests_without_p():
    time, event, X, _ = random_data(11)
    few = np.arange(len(time)) % 2
    fit = fit_fine_gray(time, event, X, clusters=few)
    statistic, df, p = wald_test(fit.coef, fit.covariance_clustered)
    assert np.isnan(statistic) and df == 3 and np.isnan(p)
    assert np.isfinite(wald_test(fit.coef, fit.covariance_clustered, [1])).all()
    statistic, df, p = score_test(time, event, X, clusters=few)
    assert np.isnan(statistic) and df == 3 and np.isnan(p)


def test_sets_that_are_alike_leave_the_score_test_without_p():
    """Both of a pair die together, so that no set tells the groups apart."""
    time, event = np.repeat([1, 2, 3, 5], 2), np.ones(8, dtype=int)
    group = np.tile([[0.0], [1.0]], (4, 1))
    statistic, df, p = score_test(time, event, group, clusters=np.repeat(np.arange(4), 2))
    assert np.isnan(statistic) and df == 1 and np.isnan(p)


def test_score_test_of_two_equal_groups_is_zero():
    time, event, *_ = random_data(12)
    group = np.repeat([[0.0], [1.0]], len(time), axis=0)
    statistic, df, p = score_test(np.tile(time, 2), np.tile(event, 2), group)
    assert statistic == pytest.approx(0, abs=1e-18)
    assert df == 1 and p == pytest.approx(1)


def test_score_test_agrees_with_the_wald_test_in_large_samples():
    time, event, X, _ = random_data(13, n=4000)
    clusters = np.arange(4000) // 2
    x = X[:, 1:2]
    fit = fit_fine_gray(time, event, x, clusters=clusters)
    statistic, _, _ = score_test(time, event, x, clusters=clusters)
    assert statistic == pytest.approx((fit.coef[0] / fit.se_clustered[0]) ** 2, rel=0.05)
