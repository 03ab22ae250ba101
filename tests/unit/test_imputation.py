"""Multiple imputation: against R, theory, the full data behind simulated gaps, and itself."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from lifelines import NelsonAalenFitter
from paper_words import SUBTYPE
from seermatch.analysis.group_effect import estimate_group_effect
from seermatch.analysis.imputation import (
    _fit_logistic,
    cumulative_hazards,
    impute,
    imputed_cohorts,
)
from seermatch.errors import StudyError
from seermatch.statistics.estimates import pool
from seermatch.survival.event_times import EventTimes
from seermatch.variables.printed import EVENTS

YES_NO, RECEPTOR = ["no", "yes"], ["Negative", "Positive"]
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]


def categories(codes, levels):
    return pd.Series(pd.Categorical.from_codes(np.asarray(codes, dtype=int), levels))


# ----- parts -------------------------------------------------------------------------------------


def test_cumulative_hazards_as_lifelines():
    rng = np.random.default_rng(5)
    time, event = rng.integers(0, 20, 300), rng.integers(0, 3, 300)
    found = cumulative_hazards(EventTimes(time, event))
    for cause in (1, 2):
        fitter = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(time, event == cause)
        expected = fitter.cumulative_hazard_.iloc[:, 0].loc[time]
        np.testing.assert_allclose(found[:, cause - 1], expected, rtol=1e-12, atol=1e-12)


def test_cumulative_hazards_as_in_r():
    # R 4.2.2, survival 3.5-3: summary(survfit(Surv(t, e == k) ~ 1), times = t)$cumhaz
    time, event = [0, 1, 1, 2, 2, 2, 3, 5, 5, 8], [0, 1, 2, 1, 0, 1, 2, 0, 1, 0]
    first = [0, *[0.111111111111] * 2, *[0.396825396825] * 4, *[0.730158730159] * 3]
    second = [0, *[0.111111111111] * 5, *[0.361111111111] * 4]
    np.testing.assert_allclose(
        cumulative_hazards(EventTimes(time, event)), np.column_stack([first, second]), atol=1e-11
    )


def test_logistic_regression_as_in_statsmodels():
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(400), rng.normal(size=400), rng.random(400) < 0.3])
    y = rng.random(400) < 1 / (1 + np.exp(0.3 - X[:, 1] + 0.5 * X[:, 2]))
    coef, precision = _fit_logistic(X, y, np.zeros(3), np.zeros((3, 3)))
    fit = GLM(y, X, family=Binomial()).fit(tol=1e-12)
    np.testing.assert_allclose(coef, fit.params, atol=1e-6)
    np.testing.assert_allclose(np.linalg.inv(precision), fit.cov_params(), rtol=1e-5)
    # the first half summed up, the second half row by row
    learned = _fit_logistic(X[:200], y[:200], np.zeros(3), np.zeros((3, 3)))
    together, sharper = _fit_logistic(X[200:], y[200:], *learned)
    errors = np.sqrt(np.diag(fit.cov_params()))
    assert (np.abs(together - fit.params) < 0.2 * errors).all()
    np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(sharper))), errors, rtol=0.05)


def test_a_level_that_is_predicted_without_error_has_finite_coefficients():
    X = np.column_stack([np.ones(200), np.linspace(-1, 1, 200)])
    coef, precision = _fit_logistic(X, X[:, 1] > 0, np.zeros(2), 0.01 * np.eye(2))
    assert np.isfinite(coef).all()
    assert 10 < coef[1] < 100
    assert np.linalg.eigvalsh(precision).min() >= 0.01


# ----- draws -------------------------------------------------------------------------------------


def test_draws_are_proper():
    """Without predictors the total variance of a share is that of the observed one (Rubin 1987).

    Draws of the values alone, at the estimated share, would lack the 60 % that are missing.
    """
    n, n_missing, m = 1000, 600, 400
    yes = categories(np.arange(n) % 10 < 3, YES_NO)
    yes[:n_missing] = None
    observed = (yes == "yes").sum() / (n - n_missing)
    frame = pd.DataFrame({"yes": yes})
    nothing = np.empty((n, 0))
    shares = [
        (drawn["yes"] == "yes").mean()
        for drawn in impute(frame, ["yes"], nothing, imputations=m, cycles=1)
    ]
    variance = observed * (1 - observed)
    total = variance / n + (1 + 1 / m) * np.var(shares, ddof=1)
    assert np.mean(shares) == pytest.approx(observed, abs=0.005)
    assert total == pytest.approx(variance / (n - n_missing), rel=0.12)
    values_only = n_missing * variance / n**2
    assert np.var(shares, ddof=1) > 1.8 * values_only


def gaps(seed, n=1500):
    """A cohort in which a confounder is unknown more often in those who die, and the exposed."""
    rng = np.random.default_rng(seed)
    z = rng.random(n) < 0.4
    x = rng.random(n) < np.where(z, 0.45, 0.2)
    time = rng.exponential(1 / (0.02 * np.exp(1.0 * z + 0.3 * x)))
    event = (time < 40).astype(int)
    time = np.ceil(np.minimum(time, 40)).astype(int)
    unknown = rng.random(n) < np.select([(event == 1) & x, event == 1, x], [0.75, 0.2, 0.1], 0.45)
    return pd.DataFrame(
        {
            "x": x.astype(float),
            "z": categories(z, YES_NO).mask(unknown),
            "true_z": z,
            "time": time,
            "event": event,
        }
    )


def adjusted(frame, z):
    X = np.column_stack([frame["x"], z]).astype(float)
    outcome = "overall survival (Cox)"
    return estimate_group_effect(
        EventTimes(frame["time"].to_numpy(), frame["event"].to_numpy()), X, outcome
    )


def test_imputation_undoes_the_bias_of_complete_cases():
    """Against the estimates that the same patients give without gaps."""
    complete, imputed, without_outcome = [], [], []
    for seed in range(6):
        frame = gaps(seed)
        full = adjusted(frame, frame["true_z"]).estimate.coef
        known = frame[frame["z"].notna()]
        complete.append(adjusted(known, known["z"] == "yes").estimate.coef - full)
        x, events = frame[["x"]].to_numpy(), frame[["event"]].to_numpy()
        hazards = cumulative_hazards(EventTimes(frame["time"], frame["event"]))[:, :1]
        for found, predictors in (
            (imputed, np.hstack([x, events, hazards])),
            (without_outcome, x),
        ):
            effects = [
                adjusted(drawn, drawn["z"] == "yes")
                for drawn in impute(frame, ["z"], predictors, imputations=3, cycles=1, seed=seed)
            ]
            found.append(
                pool([e.estimate.coef for e in effects], [e.estimate.se for e in effects]).coef
                - full
            )
    error = np.std(imputed, ddof=1) / np.sqrt(len(imputed))
    assert abs(np.mean(imputed)) < 3 * error
    assert abs(np.mean(imputed)) < 0.05
    assert np.mean(complete) < -0.3
    assert abs(np.mean(without_outcome)) > 3 * abs(np.mean(imputed))


def test_intervals_cover():
    """The share of a level of which large numbers of one kind are missing."""
    covered, biased = 0, 0
    runs, n, truth = 150, 400, 0.2 * 0.5 + 0.6 * 0.5
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        a = rng.random(n) < 0.5
        yes = rng.random(n) < np.where(a, 0.6, 0.2)
        known = rng.random(n) < np.where(a, 0.3, 0.9)
        level = categories(yes, YES_NO).where(known)
        shares = [
            (drawn["level"] == "yes").mean()
            for drawn in impute(
                pd.DataFrame({"level": level}), ["level"], a[:, None] * 1.0, cycles=1, seed=seed
            )
        ]
        errors = [np.sqrt(share * (1 - share) / n) for share in shares]
        _, low, high = np.log(pool(shares, errors).ratio())
        covered += low < truth < high
        share = yes[known].mean()
        biased += abs(share - truth) < 1.96 * np.sqrt(share * (1 - share) / known.sum())
    assert 0.91 <= covered / runs <= 0.99
    assert biased / runs < 0.5


def test_numbers_come_from_donors_and_follow_the_predictors():
    rng = np.random.default_rng(8)
    n = 4000
    grade = categories(rng.random(n) < 0.4, YES_NO)
    size = np.round(np.exp(rng.normal(np.where(grade == "yes", 3.4, 2.6), 0.5))).clip(1)
    unknown = rng.random(n) < np.where(grade == "yes", 0.6, 0.1)
    frame = pd.DataFrame({"size": pd.Series(size).mask(unknown), "grade": grade})
    drawn = next(impute(frame, ["size", "grade"], np.empty((n, 0))))
    assert drawn["size"].isin(size[~unknown]).all()
    assert (drawn["size"] == size)[~unknown].all()
    for level in ("no", "yes"):
        rows = unknown & (grade == level)
        found = np.log(drawn["size"][rows])
        assert found.mean() == pytest.approx(np.log(size[rows]).mean(), abs=0.06)
        assert found.std() == pytest.approx(np.log(size[rows]).std(), rel=0.1)
    assert np.log(size).mean() - np.log(size[~unknown]).mean() > 0.1


def test_more_than_two_levels():
    rng = np.random.default_rng(2)
    n = 6000
    x = rng.normal(size=n)
    later = rng.random((n, 2)) < 1 / (1 + np.exp(np.array([-0.5, 0.3]) - x[:, None] * [1.2, 0.8]))
    level = categories(np.where(later[:, 0], 1 + later[:, 1], 0), ["a", "b", "c"])
    unknown = rng.random(n) < np.where(x > 0, 0.5, 0.1)
    frame = pd.DataFrame({"level": level.mask(unknown)})
    drawn = next(impute(frame, ["level"], x[:, None]))["level"]
    assert (drawn == level)[~unknown].all()
    for name in "abc":
        assert (drawn == name)[unknown].mean() == pytest.approx(
            (level == name)[unknown].mean(), abs=0.03
        )
        found, true = (x[unknown & (levels == name)] for levels in (drawn, level))
        assert found.mean() == pytest.approx(true.mean(), abs=0.12)


def test_nobody_with_all_covariates_is_an_error():
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [np.nan, 2.0]})
    with pytest.raises(StudyError, match="No patient has all covariates"):
        next(impute(frame, ["a", "b"], np.empty((2, 0))))


# ----- the cohort --------------------------------------------------------------------------------


def eligible(n=1200, seed=6):
    """Patients whose subtype follows from their receptors, with gaps as a registry has them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"patient_id": [f"{i:08d}" for i in range(n)]})
    frame["year"] = rng.choice([2018, 2019], n)
    frame["group"] = (np.arange(n) < n // 10).astype("int8")
    frame["age"] = rng.integers(30, 90, n)
    size = rng.integers(1, 90, n).astype(float)
    positive = rng.random((n, 3)) < (0.8, 0.7, 0.15)
    hormone = np.where(positive[:, :2].any(axis=1), "HR+", "HR-")
    subtype = np.char.add(hormone, np.where(positive[:, 2], "/HER2+", "/HER2-"))
    frame["tumor_size"] = size
    for j, name in enumerate(("er", "pr", "her2")):
        frame[name] = categories(positive[:, j], RECEPTOR)
    frame["subtype"] = pd.Categorical(subtype, SUBTYPES)
    frame["time"] = rng.integers(0, 60, n)
    frame["event"] = categories(rng.choice(3, n, p=[0.7, 0.2, 0.1]), EVENTS)
    frame.loc[::17, "tumor_size"] = np.nan
    frame.loc[::23, ["her2", "subtype"]] = None
    frame.loc[::29, ["er", "pr", "her2", "subtype"]] = None
    frame.loc[(frame.index % 31 == 0) & (frame["er"] == "Positive"), "pr"] = None
    frame.loc[5, "subtype"] = None
    return frame


COVARIATES = ["age", "tumor_size", "er", "pr", "her2", "subtype"]


@pytest.mark.parametrize("covariates", [COVARIATES, ["age", "tumor_size", "subtype"]])
def test_what_is_known_stays_and_the_subtype_fits_the_receptors(covariates):
    frame = eligible()
    drawn = list(imputed_cohorts(frame, covariates, imputations=3, seed=1, identities=[SUBTYPE]))
    for one in drawn:
        assert one.notna().all(axis=None)
        pd.testing.assert_frame_equal(one.where(frame.notna()), frame.where(frame.notna()))
        hormone = (one["er"] == "Positive") | (one["pr"] == "Positive")
        expected = np.where(hormone, "HR+/HER2", "HR-/HER2")
        sign = np.where(one["her2"] == "Positive", "+", "-")
        assert (one["subtype"].astype(str) == np.char.add(expected, sign)).all()
    for one, another in pairwise(drawn):
        assert (one["tumor_size"] != another["tumor_size"]).any()
        assert (one["her2"] != another["her2"]).any()


def test_same_seed_same_draws():
    frame = eligible()
    one, again, other = (
        list(imputed_cohorts(frame, COVARIATES, imputations=2, seed=seed, identities=[SUBTYPE]))
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one[1], again[1])
    assert (one[1]["tumor_size"] != other[1]["tumor_size"]).any()


def test_without_gaps_every_data_set_is_the_cohort():
    frame = eligible().dropna().reset_index(drop=True)
    for one in imputed_cohorts(frame, COVARIATES, imputations=3, identities=[SUBTYPE]):
        pd.testing.assert_frame_equal(one, frame)


def test_the_exposure_and_the_outcome_are_among_the_predictors():
    """HER2 is made to follow from each in turn; what is imputed must follow too."""
    rng = np.random.default_rng(9)
    for cause in ("group", "cancer death", "other death"):
        frame = eligible(3000)
        frame["group"] = rng.integers(0, 2, len(frame))
        source = frame["group"] == 1 if cause == "group" else frame["event"] == cause
        positive = rng.random(len(frame)) < np.where(source, 0.9, 0.1)
        frame["her2"] = categories(positive, RECEPTOR)
        unknown = rng.random(len(frame)) < 0.3
        frame.loc[unknown, ["her2", "subtype"]] = None
        one = next(imputed_cohorts(frame, COVARIATES, imputations=1, identities=[SUBTYPE]))
        share = (one["her2"] == "Positive")[unknown].groupby(source[unknown]).mean()
        assert share.loc[True] > 0.8
        assert share.loc[False] < 0.2
