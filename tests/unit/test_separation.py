from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import chdtrc
from seermatch.errors import StudyError
from seermatch.survival import firth as separation
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.firth import fit_firth
from seermatch.survival.separation import find_separation


def random_data(seed, n, competing=True):
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 8, n)
    event = rng.integers(0, 3 if competing else 2, n)
    event[0] = 1
    second = rng.integers(0, 2, n) if seed % 3 else rng.normal(size=n)
    return time, event, np.column_stack([rng.integers(0, 2, n), second]).astype(float)


def infinite_by_definition(time, event, X):
    """Exact for two covariates: the edges of the cone are at right angles to a row."""
    at_risk = [
        X[j] - X[i]
        for i in np.flatnonzero(event == 1)
        for j in range(len(time))
        if time[j] >= time[i] or event[j] == 2
    ]
    rows = np.array([row for row in at_risk if row.any()]).reshape(-1, 2)
    if len(rows) == 0 or np.linalg.matrix_rank(rows) < 2:
        return None  # the likelihood is flat in some direction
    found = np.zeros(2, dtype=bool)
    for a, b in rows:
        for direction in (np.array([-b, a]), np.array([b, -a])):
            if (rows @ direction <= 1e-9).all():
                found |= np.abs(direction) > 1e-12
    return found


@pytest.mark.parametrize("kind", ["cox", "fine_gray"])
def test_infinite_estimates_by_definition(kind):
    seen = set()
    for seed in range(60):
        time, event, X = random_data(seed, 6 + seed % 15, kind == "fine_gray")
        expected = infinite_by_definition(time, event, X)
        if expected is not None:
            seen.add(tuple(expected))
            np.testing.assert_array_equal(
                find_separation(EventTimes(time, event), X, model=kind).infinite, expected
            )
    assert len(seen) == 4  # none, either and both have come up


def test_an_earlier_competing_event_can_make_the_estimate_finite():
    """The largest covariate among those at risk always has the event, but for who left before."""
    time, event = [1, 2, 3, 4], [2, 1, 1, 0]
    X = np.array([[4.0], [3], [2], [1]])
    assert not find_separation(EventTimes(time, event), X, model="fine_gray").infinite[0]
    assert find_separation(EventTimes(time, [0, 1, 1, 0]), X, model="cox").infinite[0]


def test_level_without_events_among_continuous_covariates():
    rng = np.random.default_rng(1)
    n = 1755
    X = np.column_stack([rng.normal(60, 12, n).round(), *(rng.random((8, n)) < 0.3)]).astype(float)
    level = (rng.random(n) < 0.02).astype(float)
    time = rng.integers(0, 60, n)
    event = np.where((rng.random(n) < 0.05) & (level == 0), 1, 2 * (rng.random(n) < 0.02))
    X = np.column_stack([X, level])
    expected = np.arange(10) == 9
    np.testing.assert_array_equal(
        find_separation(EventTimes(time, event), X, model="fine_gray").infinite, expected
    )
    fit = fit_fine_gray(EventTimes(time, event), X)
    assert not fit.converged and fit.coef[9] < -10
    np.testing.assert_array_equal(
        find_separation(
            EventTimes(time, event), X * np.logspace(-3, 4, 10), model="fine_gray"
        ).infinite,
        expected,
    )
    assert not find_separation(EventTimes(time, event), X[:, :9], model="fine_gray").infinite.any()


def test_differences_of_infinite_estimates_are_all_marked():
    """Both levels have events, the reference level has none: both estimates run to infinity."""
    rng = np.random.default_rng(2)
    level = rng.integers(0, 3, 200)
    event = ((rng.random(200) < 0.3) & (level > 0)).astype(int)
    X = np.column_stack([level == 1, level == 2, rng.normal(size=200)]).astype(float)
    marked = find_separation(EventTimes(rng.integers(0, 12, 200), event), X).infinite
    assert marked.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ([0, 0], "cox", "no event"),
        ([1, 2], "cox", r"coded 0 \(censored\) or 1"),
        ([1, 0], "gray", "model"),
    ],
)
def test_unusable_input_is_named(event, kind, message):
    with pytest.raises(StudyError, match=message):
        find_separation(EventTimes([1, 2], event), np.array([[0.0], [1.0]]), model=kind)


def penalized_loglik(beta, time, event, X, w):
    """Heinze and Schemper's penalised likelihood by its definition, Fine–Gray's weights in it."""
    g = {}
    for t in np.unique(time):
        g[t] = 1.0
        for u in np.unique(time[(event == 0) & (time < t)]):
            g[t] *= 1 - w[(time == u) & (event == 0)].sum() / w[time >= u].sum()
    loglik, information = 0.0, np.zeros((X.shape[1],) * 2)
    for i in np.flatnonzero(event == 1):
        t = time[i]
        kept = (time < t) & (event == 2)
        in_risk_set = np.where(kept, [g[t] / g[u] for u in time], time >= t)
        share = w * in_risk_set * np.exp(X @ beta)
        loglik += w[i] * (X[i] @ beta - np.log(share.sum()))
        share /= share.sum()
        mean = share @ X
        information += w[i] * ((X - mean).T * share) @ (X - mean)
    return loglik + 0.5 * np.linalg.slogdet(information)[1]


@pytest.mark.parametrize("kind", ["cox", "fine_gray"])
@pytest.mark.parametrize("seed", [1, 3, 6])
def test_firth_by_numeric_maximisation(kind, seed):
    time, event, X = random_data(seed, 25, kind == "fine_gray")
    event[X[:, 0] == 1] = 0  # no event in this level
    event[np.flatnonzero(X[:, 0] == 0)[0]] = 1
    w = np.random.default_rng(seed).uniform(0.5, 2, 25)
    fit = fit_firth(EventTimes(time, event, w), X, kind)
    assert fit.converged
    assert find_separation(EventTimes(time, event), X, model=kind).infinite[0]

    def minus(beta):
        return -penalized_loglik(np.asarray(beta), time, event, X, w)

    best = minimize(minus, [0, 0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    np.testing.assert_allclose(fit.coef, best.x, atol=1e-5)
    assert fit.loglik == pytest.approx(-best.fun, rel=1e-9)

    def profile(value, k):
        inner = minimize(
            lambda other: minus(np.insert(other, k, value)), [fit.coef[1 - k]], method="Nelder-Mead"
        )
        return inner.fun

    for k in (0, 1):
        low, high = fit.estimate(k).limits()
        assert low < fit.coef[k] < high
        for limit in (low, high):
            assert profile(limit, k) - best.fun == pytest.approx(3.841458821 / 2, abs=1e-4)
        excess = 2 * (profile(0.0, k) - best.fun)
        assert (excess < 3.841458821) == (fit.estimate(k).p_value > 0.05)


def test_firth_converges_in_small_separated_samples():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(20, 60))
        X = np.column_stack([rng.random((n, 3)) < [0.1, 0.4, 0.2], rng.normal(60, 12, n).round()])
        X[:, 1] = np.maximum(X[:, 0], X[:, 1])
        time, event = rng.integers(0, 12, n), rng.choice(3, n, p=[0.7, 0.2, 0.1])
        try:
            fit = fit_firth(EventTimes(time, event), X, "fine_gray")
        except StudyError as error:
            assert "constant among the patients" in str(error)
            continue
        assert fit.converged
        low, high = np.array([fit.estimate(k).limits() for k in range(4)]).T
        assert (low < fit.coef).all() and (fit.coef < high).all()
        assert np.isfinite([low, high]).all()


@pytest.mark.parametrize("longest", [separation.LONGEST_STEP, np.inf])
def test_firth_finds_limits_where_covariates_outnumber_events(longest, monkeypatch):
    """Each maximum must be found again when it is looked for from a limit's other side."""
    monkeypatch.setattr(separation, "LONGEST_STEP", longest)
    time = [28, 28, 27, 35, 6, 5, 30, 6, 19, 0, 8, 27, 10, 32, 7, 17, 1, 16, 0, 20, 11, 25]
    event = np.zeros(len(time), int)
    event[[9, 11, 21]], event[[8]] = 1, 2
    X = np.zeros((len(time), 8))
    X[:, 0] = [
        65,
        52,
        70,
        64,
        59,
        61,
        45,
        66,
        75,
        74,
        44,
        48,
        59,
        67,
        72,
        45,
        42,
        84,
        53,
        53,
        42,
        34,
    ]
    X[:, 1] = [15, 25, 13, 13, 31, 38, 16, 16, 42, 8, 39, 8, 25, 7, 110, 11, 9, 5, 41, 14, 22, 15]
    for column, rows in enumerate(
        [
            [0, 1, 4, 6, 7, 8, 11, 13, 14, 15, 16, 17, 20],
            [2, 4, 9],
            [2, 6, 10, 15, 16, 19, 20],
            [8, 13, 18],
            [18],
            [3, 6, 8],
        ],
        2,
    ):
        X[rows, column] = 1
    profile = fit_firth(EventTimes(time, event), X, "fine_gray").estimate(1)
    low, high = profile.limits()
    assert low < profile.coef < high
    drops = [chdtrc(1, profile.statistic(limit)) for limit in (low, high)]
    assert drops == pytest.approx([0.05, 0.05], abs=1e-6)


def test_rounding_of_a_column_constant_at_risk_is_no_information():
    time = [0, 25, 33, 6, 25, 21, 7, 11, 28, 1, 28, 27, 0, 27, 6, 5, 12, 3, 13, 32, 0, 20, 11, 25]
    time += [13, 28, 15, 22, 27, 16, 16]
    x = [15, 33, 11, 38, 19, 16, 15, 10, 15, 29, 25, 13, 10, 14, 31, 38, 19, 34, 15, 7, 41, 14, 22]
    x += [15, 15, 12, 12, 22, 11, 7, 10]
    event = np.zeros(len(time), int)
    event[23], event[5] = 1, 2
    left_early = np.isin(np.arange(len(time)), [3, 20])
    X = np.column_stack([x, left_early, np.isin(np.arange(len(time)), [4, 7, 9, 19])]).astype(float)
    for fit in (fit_fine_gray, partial(fit_firth, model="fine_gray")):
        with pytest.raises(StudyError, match=r"column 2 of 3 .* is constant among the patients"):
            fit(EventTimes(time, event), X)


def test_a_firth_fit_gives_profiles_and_covariances():
    time, event, X = random_data(3, 40)
    fit = fit_firth(EventTimes(time, event), X, "fine_gray")
    assert fit.estimate(1).limits()[0] < fit.estimate(1).limits(0.9)[0]
    wald = fit.estimate(1, "model")
    assert (wald.coef, wald.se) == (fit.coef[1], fit.se()[1])
    with pytest.raises(StudyError, match="confidence"):
        fit.estimate(1).limits(90)


def test_firth_comes_close_to_maximum_likelihood_with_many_events():
    time, event, X = random_data(4, 3000)
    fit, firth = (
        fit_fine_gray(EventTimes(time, event), X),
        fit_firth(EventTimes(time, event), X, "fine_gray"),
    )
    np.testing.assert_allclose(firth.coef, fit.coef, atol=0.01 * fit.se("model").min())
    np.testing.assert_allclose(firth.se() ** 2, np.diag(fit.covariance["model"]), rtol=0.01)


def test_firth_does_not_depend_on_scale_or_origin():
    time, event, X = random_data(5, 40)
    fit, moved = (
        fit_firth(EventTimes(time, event), X, "fine_gray"),
        fit_firth(EventTimes(time, event), 10 * X + 2000, "fine_gray"),
    )
    for name in ("coef", "se", "low", "high"):
        values, scaled = (
            np.log(one.summary()[name]) if name in ("low", "high") else one.summary()[name]
            for one in (fit, moved)
        )
        np.testing.assert_allclose(values, 10 * scaled, rtol=1e-5)


def test_firth_refuses_competing_events_in_a_cox_model():
    with pytest.raises(StudyError, match=r"coded 0 \(censored\) or 1"):
        fit_firth(EventTimes([1, 2, 3], [1, 2, 0]), np.array([[0.0], [1], [0]]))
