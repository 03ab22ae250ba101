"""The end of the recession: the supremum of the likelihood, and what is finite there."""

import numpy as np
import pytest
from seermatch.errors import StudyError
from seermatch.statistics.cones import interior_direction
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.separation import find_separation
from seermatch.survival.subdistribution import SubdistributionLikelihood

KINDS = ("cox", "fine_gray")


def random_data(seed, kind):
    """Small, so that most draws are separated, some of them in several ways."""
    rng = np.random.default_rng(seed)
    n = 12 + seed % 30
    time = rng.integers(0, 9, n)
    event = rng.choice(3 if kind == "fine_gray" else 2, n)
    event[0] = 1
    X = rng.integers(0, 2, (n, 4)).astype(float)
    if seed % 4 == 0:
        X[:, 3] = rng.normal(size=n)
    if seed % 5 == 0:
        event[(X[:, 0] == 1) & (event == 1)] = 0
        event[np.flatnonzero(X[:, 0] == 0)[0]] = 1
    if seed % 6 == 1:  # the reference level of a factor has no event
        level = rng.integers(0, 3, n)
        X[:, :2] = np.column_stack([level == 1, level == 2])
        event[(level == 0) & (event == 1)] = 0
        event[np.flatnonzero(level == 1)[0]] = 1
    if seed % 7 == 1:  # one level is gone before the other has its first event
        early = X[:, 2] == 1
        time = time % 4 + np.where(early, 0, 4)
        event[early & (event == 2)] = 0
    return time, event, X


def estimable_data(kind):
    """Draws whose model can be fitted at all, untied for Cox (there the ties are Efron's)."""
    for seed in range(80):
        time, event, X = random_data(seed, kind)
        if kind == "cox":
            time = np.argsort(np.argsort(time + np.arange(len(time)) / 1000))
        start = SubdistributionLikelihood(EventTimes(time, event), X).evaluate(np.zeros(4))
        if np.linalg.cond(start.information) < 1e6:
            yield time, event, X


@pytest.mark.parametrize("kind", KINDS)
def test_the_limit_is_the_supremum_of_the_likelihood(kind):
    dimensions, strata, compared = set(), set(), 0
    for time, event, X in estimable_data(kind):
        found = find_separation(EventTimes(time, event), X, model=kind)
        k = found.directions.shape[1]
        assert k == np.count_nonzero(~found.estimable)
        dimensions.add(k)
        if found.estimable.any():
            strata.add(len(np.unique(found.offset[np.isfinite(found.offset)])))
        fit = fit_cox if kind == "cox" else fit_fine_gray
        happened = (event == 1).astype(int) if kind == "cox" else event
        limit = fit(EventTimes(time, happened, offset=found.offset), X[:, found.estimable])
        way = fit_fine_gray(EventTimes(time, event), X, max_steps=20)
        assert limit.converged and way.converged == (k == 0)
        assert way.loglik <= limit.loglik + 1e-9
        further = fit_fine_gray(EventTimes(time, event), X, max_steps=21)
        if way.converged or not np.array_equal(further.coef, way.coef):  # it came as far as it may
            assert way.loglik == pytest.approx(limit.loglik, abs=1e-5)
            compared += 1
    assert compared > 40
    assert dimensions >= {0, 1, 2} and strata >= {1, 2}


def test_the_limit_of_efrons_likelihood_with_ties():
    compared = 0
    for seed in range(80):
        time, event, X = random_data(seed, "cox")
        found = find_separation(EventTimes(time, event), X[:, :3])
        try:
            way = fit_cox(EventTimes(time, event), X[:, :3])
        except StudyError:
            continue  # a column is constant among those at risk
        limit = fit_cox(EventTimes(time, event, offset=found.offset), X[:, :3][:, found.estimable])
        assert limit.converged and way.converged == (not found.infinite.any())
        assert way.loglik == pytest.approx(limit.loglik, abs=1e-5)
        compared += not way.converged
    assert compared > 10


@pytest.mark.parametrize("kind", KINDS)
def test_contrasts_at_right_angles_to_the_recession_come_to_rest(kind):
    rested = moved = 0
    for time, event, X in estimable_data(kind):
        found = find_separation(EventTimes(time, event), X, model=kind)
        if not found.infinite.any() or not found.estimable.any():
            continue
        fit = fit_cox if kind == "cox" else fit_fine_gray
        happened = (event == 1).astype(int) if kind == "cox" else event
        limit = fit(EventTimes(time, happened, offset=found.offset), X[:, found.estimable])
        early, late = (
            fit_fine_gray(EventTimes(time, event), X, max_steps=s).coef for s in (14, 18)
        )
        for j in range(4):
            for other in (-1, 0, 1):
                contrast = np.zeros(4)
                contrast[(j + 1) % 4] = other
                contrast[j] = 1
                if found.is_infinite(contrast):
                    if found.directions.shape[1] == 1:  # of two, Newton may keep a difference
                        assert abs(contrast @ (late - early)) > 0.5
                        moved += 1
                else:
                    assert contrast @ late == pytest.approx(
                        contrast[found.estimable] @ limit.coef, abs=2e-4
                    )
                    rested += found.infinite @ np.abs(contrast) > 0
    assert moved > 20 and rested > 10


def test_interior_direction_of_a_cone():
    rows = np.array([[1.0, -2, 0], [-3, 1, 0], [0, 0, 1], [0, 0, -1]])
    direction = interior_direction(rows)
    assert (rows[:2] @ direction < 0).all() and direction[2] == pytest.approx(0)
    assert not interior_direction(np.vstack([rows, [[1.0, 1, 0], [-1, -1, 0]]])[:, :2]).any()


# ----- the offset of the estimators --------------------------------------------------------------


def data_with_offset(seed):
    rng = np.random.default_rng(seed)
    time, event = rng.integers(0, 20, 150), rng.integers(0, 3, 150)
    X = np.column_stack([rng.normal(size=150), rng.integers(0, 2, (150, 2))])
    return time, event, X, rng.uniform(0.5, 2, 150), rng.integers(0, 40, 150)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_known_part_of_the_hazard_leaves_the_other_coefficients(kind, weighted):
    time, event, X, weights, clusters = data_with_offset(1)
    options = {"clusters": clusters} | ({"weights": weights} if weighted else {})
    fit = fit_cox if kind == "cox" else fit_fine_gray
    happened = (event == 1).astype(int) if kind == "cox" else event
    whole = fit(EventTimes(time, happened, **options), X)
    known = fit(EventTimes(time, happened, offset=X[:, 2] * whole.coef[2] + 3, **options), X[:, :2])
    np.testing.assert_allclose(known.coef, whole.coef[:2], rtol=1e-8)
    assert known.loglik == pytest.approx(whole.loglik, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_minus_infinity_is_where_a_large_negative_offset_leads(kind):
    time, event, X, weights, clusters = data_with_offset(2)
    out = (event != 1) & (X[:, 2] == 1)
    time[out] += 5  # some of them stay longest
    fit = fit_cox if kind == "cox" else fit_fine_gray
    happened = (event == 1).astype(int) if kind == "cox" else event
    options = {"weights": weights, "clusters": clusters}
    never = fit(EventTimes(time, happened, offset=np.where(out, -np.inf, 0), **options), X[:, :2])
    hardly = fit(EventTimes(time, happened, offset=np.where(out, -60.0, 0), **options), X[:, :2])
    for name in ("coef", "loglik"):
        np.testing.assert_allclose(getattr(never, name), getattr(hardly, name), rtol=1e-9)
    for name in ("model", "robust", "clustered"):
        np.testing.assert_allclose(never.covariance[name], hardly.covariance[name], rtol=1e-9)
    if kind == "cox":
        kept = ~out
        data = EventTimes(time[kept], event[kept] == 1, weights[kept], clusters[kept])
        without = fit_cox(data, X[kept, :2])
        np.testing.assert_allclose(never.covariance["clustered"], without.covariance["clustered"])
