"""The sensitivity table: each analysis against the same analysis made by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from paper_words import SUBTYPE
from scipy.interpolate import CubicSpline
from seermatch.analysis.group_effect import OUTCOMES, estimate_group_effect
from seermatch.analysis.imputation import imputed_cohorts
from seermatch.analysis.names import PENALIZED
from seermatch.analysis.sensitivity import COLUMNS, sensitivity_analyses
from seermatch.errors import StudyError
from seermatch.matching.nearest import exact_codes, match
from seermatch.matching.propensity import estimate_propensity
from seermatch.matching.rule import MatchingRule
from seermatch.statistics.estimates import pool
from seermatch.statistics.splines import natural_spline
from seermatch.survival.event_times import EventTimes
from seermatch.variables.printed import EVENTS

MATCHED = Path(__file__).parent.parent / "data" / "matched.csv"
TERMS = ["age", "tumor_size", "grade", "subtype"]
MAIN = MatchingRule(covariates=TERMS)


def test_models_as_in_r():
    # R 4.2.2, survival 3.5-3: coxph(..., robust = TRUE) with age, size and grade3, and
    # coxph(Surv(time, status == 1) ~ group + cluster(pair)); cmprsk through the stored data
    data = pd.read_csv(MATCHED)
    time, event = data["time"].to_numpy(), data["status"].to_numpy()
    X = data[["group", "age", "size", "grade3"]].to_numpy(float)
    adjusted = estimate_group_effect(EventTimes(time, event), X, "overall survival (Cox)")
    assert (adjusted.estimate.coef, adjusted.estimate.se) == pytest.approx(
        (0.141920056928, 0.224146131323), rel=1e-8
    )
    clustered = estimate_group_effect(
        EventTimes(time, event, clusters=data["pair"].to_numpy()),
        X[:, :1],
        "cancer death (cause-specific Cox)",
    )
    found = (
        *(getattr(clustered.estimate, name) for name in ("coef", "se")),
        clustered.n,
        clustered.events,
    )
    assert found == pytest.approx((0.646404520945, 0.275478434067, 1755, 55), rel=1e-8)


def test_causes_change_places():
    data = pd.read_csv(MATCHED)
    time, event = data["time"].to_numpy(), data["status"].to_numpy()
    X = data[["group"]].to_numpy(float)
    swapped = np.array([0, 2, 1])[event]
    for kind in ("Fine-Gray", "cause-specific Cox"):
        other = estimate_group_effect(EventTimes(time, event), X, f"other death ({kind})")
        assert other == estimate_group_effect(
            EventTimes(time, swapped), X, f"cancer death ({kind})"
        )


def cohort(n=3000, n_exposed=120, seed=4):
    """A registry-like cohort; three sizes are coding errors, and every year has exposed."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"patient_id": [f"{i:08d}" for i in range(n)]})
    frame["year"] = rng.choice([2018, 2019, 2020], n).astype("int16")
    frame["group"] = (np.arange(n) < n_exposed).astype("int8")
    frame["age"] = rng.integers(30, 90, n).astype("int16")
    size = rng.integers(1, 90, n).astype("int16")
    size[[0, n // 2, n - 1]] = [260, 988, 700]
    frame["tumor_size"] = size
    frame["grade"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"])
    subtypes = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
    frame["subtype"] = pd.Categorical.from_codes(rng.choice(4, n, p=[0.7, 0.1, 0.1, 0.1]), subtypes)
    frame["time"] = rng.integers(0, 60, n).astype("int16")
    frame["event"] = pd.Categorical.from_codes(rng.choice(3, n, p=[0.7, 0.2, 0.1]), EVENTS)
    return frame


CHOICES = {"without": ["subtype"], "caps": {"tumor_size": 200}, "identities": [SUBTYPE]}


def run(frame, **options):
    score = estimate_propensity(frame, TERMS).linear_predictor
    options = CHOICES | {"matching": MAIN} | options
    return sensitivity_analyses(frame, score, **options)


@pytest.fixture(scope="module")
def result():
    return run(cohort(), estimands=["ATT", "ATE", "ATO"])


def test_every_analysis_has_every_outcome(result):
    assert result.notes == ()
    assert tuple(result.table.columns) == COLUMNS
    names = result.table["analysis"].unique().tolist()
    assert names == [
        "main",
        "caliper 0.1",
        "caliper 0.25",
        "no caliper",
        "ratio 1",
        "ratio 3",
        "ratio 4",
        "order random",
        "exact on year",
        "score without subtype",
        "score with year",
        "score with splines",
        "tumor_size at most 200",
        "month 0 excluded",
        "weighted, ATT",
        "weighted, ATE",
        "weighted, overlap",
        "full cohort, adjusted",
    ]
    for _, part in result.table.groupby("analysis"):
        assert part["outcome"].tolist() == list(OUTCOMES)
    assert result.table.drop(columns=["estimand", "variance"]).notna().all(axis=None)
    assert (result.table["hr_low"] < result.table["hr"]).all()


def by_hand(frame, score, exact=None, **changes):
    """Match and estimate overall survival."""
    ids = frame["patient_id"].to_numpy()
    found = match(score, frame["group"] == 1, patient_id=ids, exact=exact, **changes)
    rows = np.flatnonzero(found.matched_set)
    part = frame.iloc[rows]
    effect = estimate_group_effect(
        EventTimes(
            part["time"].to_numpy(),
            part["event"].cat.codes.to_numpy(),
            weights=found.weight[rows],
            clusters=found.matched_set[rows],
        ),
        part[["group"]].to_numpy(float),
        "overall survival (Cox)",
    )
    return effect.estimate.ratio()


def test_matches_made_by_hand(result):
    frame = cohort()
    score = estimate_propensity(frame, TERMS).linear_predictor

    def scored(data, terms):
        return data, estimate_propensity(data, terms).linear_predictor

    followed = frame[frame["time"] > 0].reset_index(drop=True)
    capped = frame.assign(tumor_size=np.minimum(frame["tumor_size"], 200))
    dated = frame.assign(year=frame["year"].astype("category"))
    expected = {
        "main": by_hand(frame, score),
        "no caliper": by_hand(frame, score, caliper=None),
        "ratio 3": by_hand(frame, score, ratio=3),
        "order random": by_hand(frame, score, order="random"),
        "exact on year": by_hand(frame, score, exact=frame["year"].to_numpy()),
        "score without subtype": by_hand(*scored(frame, TERMS[:-1])),
        "score with year": by_hand(*scored(dated, [*TERMS, "year"])),
        "tumor_size at most 200": by_hand(*scored(capped, TERMS)),
        "month 0 excluded": by_hand(*scored(followed, TERMS)),
    }
    overall = result.table[result.table["outcome"] == "overall survival (Cox)"]
    overall = overall.set_index("analysis")[["hr", "hr_low", "hr_high"]]
    for name, values in expected.items():
        np.testing.assert_allclose(overall.loc[name], values, rtol=1e-9, err_msg=name)
    assert len({values[0] for values in expected.values()}) > 5


def test_labels_counts_and_weights(result):
    table = result.table[result.table["outcome"] == "overall survival (Cox)"].set_index("analysis")
    n, events = 3000, np.count_nonzero(cohort()["event"] != "censored")
    assert table.loc["main", ["n", "effective_sample_size", "largest_weight"]].tolist() == [
        *(360, 360, 1)
    ]
    assert table.loc["ratio 4", "n"] == 600
    for name, estimand in (("weighted, ATT", "ATT"), ("weighted, overlap", "ATO")):
        assert table.loc[name, ["n", "events"]].tolist() == [n, events]
        assert table.loc[name, "estimand"] == estimand
        assert 120 < table.loc[name, "effective_sample_size"] < n
    assert table.loc["full cohort, adjusted", "estimand"] == "conditional"
    robust = table["variance"] == "robust by patient"
    assert table.index[robust].tolist() == [
        "weighted, ATT",
        "weighted, ATE",
        "weighted, overlap",
        "full cohort, adjusted",
    ]


def test_registry_is_an_exact_block_where_it_is_known():
    frame = cohort().assign(registry=np.resize(["A", "B"], 3000))
    table = run(frame, calipers=[], ratios=[], orders=[], estimands=[]).table
    assert "exact on year and registry" in set(table["analysis"])


def test_what_the_data_do_not_allow_is_noted():
    frame = cohort(n=400).drop(columns="year")
    frame["tumor_size"] = frame["tumor_size"].clip(upper=90)
    frame["time"] += 1
    frame["age"] = frame["age"] + frame.index / 1000  # no two scores are the same
    result = run(frame, calipers=[1e-12], ratios=[1, 4], orders=[], estimands=[])
    assert result.table["analysis"].unique().tolist() == [
        "main",
        "ratio 1",
        "ratio 4",  # with 280 reference patients for 120 exposed ones
        "score without subtype",
        "score with splines",
        "full cohort, adjusted",
    ]
    assert len(result.notes) == 1
    assert result.notes[0].startswith("caliper 1e-12: left out, because None of the 120 exposed")


def test_a_main_match_that_fails_is_an_error():
    frame = cohort(n=200)
    score = np.arange(200.0)
    with pytest.raises(StudyError, match="None of the 120 exposed patients"):
        sensitivity_analyses(frame, score, matching=replace(MAIN, caliper=1e-12))


def test_patients_outside_the_pool_are_in_the_full_cohort_only():
    """A grade of 20 reference patients: all else is as if they were not there."""
    frame = cohort(n=1500).drop(columns="year")
    frame["grade"] = frame["grade"].cat.add_categories("IV")
    outside = frame.index >= 1480
    frame.loc[outside, "grade"] = "IV"
    choices = {"calipers": [None], "ratios": [1], "orders": [], "estimands": ["ATT", "ATE", "ATO"]}
    tables = [run(one, **choices).table for one in (frame, frame[~outside])]
    # the knots of the splines are those of the cohort
    others = ("full cohort, adjusted", "score with splines")
    whole, part = (one[~one["analysis"].isin(others)] for one in tables)
    pd.testing.assert_frame_equal(whole, part)
    assert (tables[0].iloc[-5:]["n"] == 1500).all()
    score = estimate_propensity(frame, TERMS).linear_predictor
    for exposed_outside, estimand in ((0, "ATT"), (1, "ATT in the matched")):
        score[:exposed_outside] = np.nan
        result = sensitivity_analyses(frame, score, matching=MAIN, **choices)
        assert result.table.loc[0, "estimand"] == estimand


def test_an_arm_without_events_has_firths_estimate():
    frame = cohort()
    frame.loc[frame["group"] == 1, "event"] = "cancer death"
    table = run(frame, calipers=[], ratios=[], orders=[], estimands=["ATT"]).table
    other = table["outcome"].str.startswith("other death")
    assert (table["variance"].eq(PENALIZED) == other).all()
    assert table[["hr", "hr_low", "hr_high", "p_value"]].notna().all(axis=None)
    assert (table.loc[other, "hr"] < 1).all()
    assert (table.loc[other, "events"] > 0).all()


def eligible(frame):
    """The cohort, after every tenth patient of it without and with gaps, and further columns."""
    gaps = frame.iloc[::10].copy()
    gaps["patient_id"] = "1" + gaps["patient_id"].str[1:]
    gaps["tumor_size"] = gaps["tumor_size"].astype(float)
    gaps.iloc[::2, gaps.columns.get_loc("tumor_size")] = np.nan
    gaps.iloc[1::2, gaps.columns.get_loc("grade")] = None
    both = pd.concat([frame.assign(complete=True), gaps.assign(complete=False)], ignore_index=True)
    receptors = pd.Categorical.from_codes(np.zeros(len(both), dtype=int), ["Negative", "Positive"])
    both = both.assign(er=receptors, pr=receptors, her2=receptors)
    swapped = both["event"].cat.codes.where(both.index % 4 > 0, both["event"].cat.codes * 2 % 3)
    both["event_by_cause_of_death"] = pd.Categorical.from_codes(swapped, EVENTS)
    return both.assign(first_primary=both.index % 5 > 0)


OTHERS_OFF = {"calipers": [], "ratios": [], "orders": [], "estimands": []}


@pytest.fixture(scope="module")
def with_eligible():
    frame = cohort()
    both = eligible(frame)
    return run(frame, eligible=both, imputations=3, **OTHERS_OFF), frame, both


def overall(table):
    return table[table["outcome"] == "overall survival (Cox)"].set_index("analysis")


def test_analyses_of_all_eligible_patients(with_eligible):
    result, _, _ = with_eligible
    assert result.notes == ()
    assert result.table["analysis"].unique().tolist() == [
        "main",
        "cause of death = cancer",
        "exact on year",
        "score without subtype",
        "score with year",
        "score with splines",
        "tumor_size at most 200",
        "month 0 excluded",
        "first primary only",
        "full cohort, adjusted",
        "multiple imputation",
    ]
    assert tuple(result.table.columns) == COLUMNS
    assert result.table.notna().all(axis=None)


def test_deaths_by_cause_of_death_change_causes_only(with_eligible):
    result, frame, both = with_eligible
    by_cause = result.table.set_index(["analysis", "outcome"])
    main, other = by_cause.loc["main"], by_cause.loc["cause of death = cancer"]
    values = ["n", "events", "hr", "hr_low", "hr_high", "p_value"]
    survival, *specific = main.index
    assert main.loc[survival, values].tolist() == other.loc[survival, values].tolist()
    assert (main.loc[specific, "hr"] != other.loc[specific, "hr"]).all()
    assert other.loc[specific, "events"].sum() == main.loc[specific, "events"].sum()
    score = estimate_propensity(frame, TERMS).linear_predictor
    found = match(score, frame["group"] == 1, patient_id=frame["patient_id"].to_numpy())
    rows = np.flatnonzero(found.matched_set)
    event = both["event_by_cause_of_death"].cat.codes.to_numpy()[rows]
    expected = estimate_group_effect(
        EventTimes(frame["time"].to_numpy()[rows], event, clusters=found.matched_set[rows]),
        frame[["group"]].to_numpy(float)[rows],
        specific[0],
    )
    assert tuple(other.loc[specific[0], ["hr", "hr_low", "hr_high"]]) == pytest.approx(
        expected.estimate.ratio(), rel=1e-9
    )
    assert other.loc[specific[0], "events"] == (event == 1).sum()


def test_first_primaries_by_hand(with_eligible):
    result, frame, _ = with_eligible
    first = frame[frame.index % 5 > 0].reset_index(drop=True)
    expected = by_hand(first, estimate_propensity(first, TERMS).linear_predictor)
    row = overall(result.table).loc["first primary only"]
    assert tuple(row[["hr", "hr_low", "hr_high"]]) == pytest.approx(expected, rel=1e-9)


def test_multiple_imputation_by_hand(with_eligible):
    result, _, both = with_eligible
    coefs, errors = [], []
    for one in imputed_cohorts(both, TERMS, imputations=3, seed=MAIN.seed, identities=[SUBTYPE]):
        score = estimate_propensity(one, TERMS).linear_predictor
        hr, low, _ = by_hand(one, score)
        coefs.append(np.log(hr))
        errors.append((np.log(hr) - np.log(low)) / 1.959963984540054)
    assert np.std(coefs) > 0
    pooled = pool(coefs, errors)
    row = overall(result.table).loc["multiple imputation"]
    assert tuple(row[["hr", "hr_low", "hr_high"]]) == pytest.approx(pooled.ratio(), rel=1e-9)
    assert row["p_value"] == pytest.approx(pooled.p_value, rel=1e-7)
    assert row["n"] == 3 * 132
    assert row["estimand"] == "ATT, incomplete included"
    assert row["variance"] == "clustered by matched set and pooled over 3 imputations (Rubin, t)"


@pytest.fixture(scope="module")
def without_gaps():
    """Nobody lacks a covariate, no cause of death is known, and primaries are not told apart."""
    frame = cohort(n=1500, n_exposed=80)
    unknown = pd.Categorical([None] * len(frame), EVENTS)
    both = eligible(frame).iloc[: len(frame)].assign(event_by_cause_of_death=unknown)
    both = both.drop(columns="first_primary")
    return run(frame, eligible=both, imputations=3, **OTHERS_OFF)


@pytest.mark.parametrize("analysis", ["multiple imputation", "cause of death = cancer"])
def test_without_gaps_it_is_the_main_analysis(without_gaps, analysis):
    table = without_gaps.table
    values = ["n", "events", "effective_sample_size", "largest_weight", "hr", "hr_low", "hr_high"]
    parts = [
        table.loc[table["analysis"] == name, [*values, "p_value"]].to_numpy(dtype=float)
        for name in ("main", analysis)
    ]
    np.testing.assert_allclose(parts[1], parts[0], rtol=1e-9)


def test_what_the_exports_do_not_hold_is_noted(without_gaps):
    assert [note.split(":")[0] for note in without_gaps.notes] == ["first primary only"]
    assert "first primary only" not in set(without_gaps.table["analysis"])


def test_eligible_patients_must_hold_the_cohort():
    frame = cohort()
    with pytest.raises(ValueError, match="not those of the cohort"):
        run(frame, eligible=eligible(frame).iloc[1:], **OTHERS_OFF)


def test_spline_spans_the_natural_cubic_splines():
    rng = np.random.default_rng(1)
    knots = np.array([3.0, 6, 12, 18])
    x = np.linspace(-5, 30, 200)
    basis = np.column_stack([np.ones(len(x)), natural_spline(x, knots)])
    heights = rng.normal(size=4)
    spline = CubicSpline(knots, heights, bc_type="natural")
    inside = (x >= 3) & (x <= 18)
    coef = np.linalg.lstsq(basis[inside], spline(x[inside]), rcond=None)[0]
    np.testing.assert_allclose(basis[inside] @ coef, spline(x[inside]), atol=1e-10)
    curvature = np.diff(basis, 2, axis=0)
    np.testing.assert_allclose(curvature[(x[1:-1] < 2.5) | (x[1:-1] > 18.5)], 0, atol=1e-11)


def test_spline_regression_as_in_r():
    # R 4.2.2: fitted(lm(y ~ splines::ns(x, knots = c(6, 12), Boundary.knots = c(3, 18))))
    x, y = np.array([1, 3, 4, 6, 7, 9, 12, 15, 18, 20]), np.array([2, 1, 4, 3, 6, 5, 9, 2, 1, 7])
    basis = np.column_stack([np.ones(10), natural_spline(x, [3, 6, 12, 18])])
    fitted = basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
    expected = [1.09473562019, 2.56955555493, 3.29759138155, 4.52868365683, 4.93254079776]
    expected += [5.32804125136, 5.2432190068, 4.82372179803, 4.27935015081, 3.90256078173]
    np.testing.assert_allclose(fitted, expected, rtol=1e-10)


def test_an_exact_main_match_is_compared_with_one_that_is_not():
    frame = cohort().assign(registry=np.resize(["A", "B"], 3000))
    score = estimate_propensity(frame, TERMS).linear_predictor
    exact = replace(MAIN, exact=["registry", "year"])
    options = {"calipers": [], "ratios": [1], "orders": [], "estimands": []}
    table = run(frame, matching=exact, **options).table
    overall = table[table["outcome"] == "overall survival (Cox)"].set_index("analysis")
    assert overall.index[:4].tolist() == ["main", "ratio 1", "not exact", "exact on year"]
    blocks = exact_codes(frame, ["year", "registry"])
    expected = {
        "main": by_hand(frame, score, exact=blocks),
        "ratio 1": by_hand(frame, score, exact=blocks, ratio=1),
        "not exact": by_hand(frame, score),
        "exact on year": by_hand(frame, score, exact=frame["year"].to_numpy()),
    }
    for name, values in expected.items():
        found = overall.loc[name, ["hr", "hr_low", "hr_high"]].astype(float)
        np.testing.assert_allclose(found, values, rtol=1e-9, err_msg=name)
