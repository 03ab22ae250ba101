"""The calibration: its cohorts, its truth, what it runs on them, and whether it would notice."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import binom, norm
from seermatch.analysis.group_tests import compare_incidence
from seermatch.analysis.models import regression_models
from seermatch.errors import StudyError
from seermatch.matching.nearest import match
from seermatch.matching.propensity import estimate_propensity
from seermatch.statistics.design_matrix import design_matrix
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray, score_test
from seermatch.survival.firth import fit_firth
from seermatch.survival.kaplan_meier import logrank_test

from validation.calibration import repetitions as calibration
from validation.calibration.cohorts import (
    COVARIATES,
    SCENARIOS,
    Scenario,
    draw_cohort,
    receptors_negative,
)
from validation.calibration.figure import draw_coverage
from validation.calibration.repetitions import (
    CLUSTERED,
    PROFILE,
    UNCLUSTERED,
    analyze_cohort,
    repeat_study,
)
from validation.calibration.summary import summarize_repetitions
from validation.calibration.targets import (
    calibration_targets,
    cell_probabilities,
    targets_of_hazards,
)

BREAST, DEATH = "cancer death", "death of any cause"
SMALL = Scenario("small", (1.0, 1.0), n=2500)


# Cohorts


def test_hazards_of_a_cohort_are_those_it_was_drawn_with():
    """Adjusted cause-specific Cox models find the conditional effects, crude ones do not."""
    cohort = draw_cohort(
        Scenario("large", (2.0, 0.5), n=200_000, hazard_scale=(4.0, 4.0)), np.random.default_rng(1)
    )
    design = design_matrix(cohort, COVARIATES)
    X = np.column_stack([cohort["group"], design.X])
    time, event = cohort["time"].to_numpy(), cohort["event"].cat.codes.to_numpy()
    for cause, truth in ((1, np.log(2.0)), (2, -np.log(2.0))):
        fit = fit_cox(EventTimes(time, event == cause), X)
        assert abs(fit.coef[0] - truth) < 4 * fit.se("model")[0]
    crude = fit_cox(EventTimes(time, event == 1), X[:, :1])
    assert crude.coef[0] - np.log(2.0) > 4 * crude.se("model")[0]


def test_months_are_completed_ones_of_five_years():
    cohort = draw_cohort(SCENARIOS[0], np.random.default_rng(2))
    assert (cohort["time"].min(), cohort["time"].max()) == (0, 59)
    assert cohort["patient_id"].is_unique
    censored = cohort.loc[cohort["event"] == "censored", "time"]
    counts = np.bincount(censored, minlength=60) / len(censored)
    assert abs(counts[:30].sum() - 0.5) < 0.03
    died = cohort[cohort["event"] != "censored"]
    assert died["time"].duplicated().mean() > 0.8  # ties


def test_the_covariates_are_coarse():
    """Most exposed patients have reference patients with exactly their covariates."""
    cohort = draw_cohort(SCENARIOS[0], np.random.default_rng(3))
    same = cohort.groupby(list(COVARIATES), observed=True)["group"]
    assert (same.transform("size") - same.transform("sum"))[cohort["group"] == 1].gt(1).mean() > 0.8


# Targets


def test_probabilities_of_months_and_events():
    rates = np.array([[0.02], [0.005]])
    cells = cell_probabilities(rates)[..., 0]
    assert cells.sum() == pytest.approx(1, abs=1e-12)
    for month in (0, 17, 59):
        limits = (month, month + 1)
        for row, density in enumerate(
            (
                lambda t: np.exp(-0.025 * t) / 60,
                lambda t: 0.02 * np.exp(-0.025 * t) * (1 - t / 60),
                lambda t: 0.005 * np.exp(-0.025 * t) * (1 - t / 60),
            )
        ):
            assert cells[row, month] == pytest.approx(quad(density, *limits)[0], rel=1e-10)


def test_without_covariates_the_marginal_effect_is_the_conditional_one():
    rates = np.array([[[2e-4], [3e-4]], [[3e-4], [4.5e-4]]])
    truth = targets_of_hazards(rates, np.ones(1), np.zeros(1, bool), [36])["target"]
    # Within a month the larger hazard leaves fewer at risk, hence not exactly.
    assert truth[:2].to_numpy() == pytest.approx([np.log(1.5)] * 2, abs=2e-4)


def test_without_a_competing_risk_both_hazard_ratios_are_the_same():
    rates = np.array([[[4e-4, 1e-3], [1e-12, 1e-12]], [[8e-4, 2e-3], [1e-12, 1e-12]]])
    truth = targets_of_hazards(rates, np.ones(2), np.zeros(2, bool), [36])["target"]
    assert truth[2] == pytest.approx(truth[1], abs=5e-4)  # ties: Breslow and Efron


def test_differences_in_closed_form():
    rates = np.array([[[0.001], [0.002]], [[0.003], [0.001]]])
    table = targets_of_hazards(rates, np.ones(1), np.zeros(1, bool), [36, 48])
    truth = table.dropna().set_index(["outcome", "quantity", "month"])["target"]
    for month in (36, 48):
        by_arm = []
        for first, second in rates[:, :, 0]:
            total = first + second
            incidence = first / total * (1 - np.exp(-total * (month + 1)))
            completed = np.arange(1, month + 1)
            by_arm.append((incidence, np.exp(-total * completed).sum()))  # E min(months, horizon)
        assert truth[BREAST, "cumulative incidence", month] == pytest.approx(
            by_arm[1][0] - by_arm[0][0]
        )
        assert truth[DEATH, "restricted mean survival", month] == pytest.approx(
            by_arm[1][1] - by_arm[0][1]
        )
        lost = truth[BREAST, "months lost", month] + truth["other death", "months lost", month]
        assert -lost == pytest.approx(truth[DEATH, "restricted mean survival", month])


def test_no_effect_is_no_effect_on_any_scale():
    truth = calibration_targets(SMALL, [36], np.random.default_rng(1), n=2000, batches=2)
    of_group = ~truth["quantity"].str.endswith("receptors")
    assert truth.loc[of_group, "target"].abs().max() < 1e-9
    assert truth.loc[~of_group, "target"].min() > 0.5


def test_targets_against_simulated_potential_outcomes():
    """Kinds of patients so different that the marginal hazard ratio is far from that given them."""
    rng = np.random.default_rng(5)
    unexposed = np.array([[0.002, 0.1], [0.01, 0.02]])
    rates = np.array([unexposed, unexposed * [[3.0], [1.5]]])
    weight = np.array([3.0, 1.0])
    table = targets_of_hazards(rates, weight, np.array([False, True]), [36, 48])
    kind = (rng.random(150_000) < 0.25).astype(int)
    parts = []
    for arm in (0, 0, 1):  # two reference patients per exposed one
        deaths = rng.exponential(size=(2, len(kind))) / rates[arm][:, kind]
        end = np.vstack([rng.uniform(0, 60, len(kind)), deaths])
        parts.append((end.min(axis=0).astype(int), end.argmin(axis=0), np.full(len(kind), arm)))
    time, event, group = (np.concatenate(values) for values in zip(*parts, strict=True))
    X = np.column_stack([group, np.tile(kind, 3)]).astype(float)
    found = []
    for columns, k in ((X[:, :1], 0), (X, 1)):
        fits = [fit_cox(EventTimes(time, event > 0), columns)] if k == 0 else []
        fits.append(fit_cox(EventTimes(time, event == 1), columns))
        fits.append(fit_fine_gray(EventTimes(time, event), columns))
        found += [(fit.coef[k], fit.se("model")[k]) for fit in fits]
    estimate, se = np.array(found).T
    z = (estimate - table["target"][: len(found)]) / se
    assert np.abs(z).max() < 4
    assert np.abs(np.log(3.0) - estimate[1]) > 20 * se[1]
    absolute = absolute_effects(EventTimes(time, event), group, [36, 48])
    merged = absolute.merge(
        table.rename(columns={"quantity": "measure"}), on=["outcome", "measure", "month"]
    )
    assert len(merged) == 12
    se = (merged["high"] - merged["low"]) / (2 * norm.ppf(0.975))
    assert ((merged["difference"] - merged["target"]) / se).abs().max() < 4


def test_the_reference_arm_weighs_twice():
    """Where hazards cross, the least-false ratio depends on the ratio of the arms."""
    rates = np.array([[[0.01, 0.01], [1e-9, 1e-9]], [[0.06, 0.001], [1e-9, 1e-9]]])
    once = targets_of_hazards(rates, np.ones(2), np.zeros(2, bool), [36])["target"][0]
    cells = cell_probabilities(rates).mean(axis=-1)
    arm, event, month = (np.repeat(axis.ravel(), 10) for axis in np.indices(cells.shape))

    def fit(reference):
        mass = np.repeat(cells * np.array([reference, 1.0])[:, None, None], 10)
        return fit_cox(EventTimes(month, event > 0, weights=mass), arm[:, None]).coef[0]

    assert once == pytest.approx(fit(2.0), abs=1e-6)
    assert abs(fit(2.0) - fit(1.0)) > 0.005


# What is run on each cohort


def matched_frame(cohort):
    score = estimate_propensity(cohort, COVARIATES).linear_predictor
    found = match(score, cohort["group"], patient_id=cohort["patient_id"])
    rows = np.flatnonzero(found.matched_set)
    return cohort.iloc[rows].assign(matched_set=found.matched_set[rows], weight=found.weight[rows])


@pytest.mark.parametrize("complete", [True, False])
def test_the_analysis_is_that_of_the_tables(complete):
    scenario = Scenario("many events", (2.0, 1.0), n=4000, hazard_scale=(10.0, 1.0))
    for seed in range(50):
        cohort = draw_cohort(scenario, np.random.default_rng(seed))
        matched = matched_frame(cohort)
        if (matched["weight"] == 1).all() == complete:
            break
    found = {row[:5]: row[5:] for row in analyze_cohort(cohort, [36], rare=True)}
    nan = next(key[2] for key in found if np.isnan(key[2]))

    for outcome, quantity, name in (
        (DEATH, "log hazard ratio", "Cox"),
        (BREAST, "log subdistribution hazard ratio", "Fine-Gray"),
    ):
        estimator = {"Cox": "cox", "Fine-Gray": "fine_gray"}[name]
        table = regression_models(matched, ["age"], ["age"], estimator=estimator).table
        row = table[(table["model"] == "univariable") & (table["term"] == "group")].iloc[0]
        low, high = np.log([row["hr_low"], row["hr_high"]])
        expected = [row["coef"], row["se"], low, high, row["p_value"]]
        key = (outcome, quantity, nan, name)
        np.testing.assert_allclose(found[(*key, UNCLUSTERED)], expected, rtol=1e-7)
        low, high = np.log([row["hr_low_clustered"], row["hr_high_clustered"]])
        expected = [row["coef"], row["se_clustered"], low, high, row["p_value_clustered"]]
        np.testing.assert_allclose(found[(*key, CLUSTERED)], expected, rtol=1e-7)

    time, event = matched["time"].to_numpy(), matched["event"].cat.codes.to_numpy()
    group, weight = matched["group"].to_numpy(float), matched["weight"].to_numpy()
    columns = np.column_stack([group, receptors_negative(matched["subtype"])])
    for X, k, of in ((group[:, None], 0, ""), (columns, 1, " of negative receptors")):
        for fit, quantity, name in (
            (fit_firth(EventTimes(time, event == 1, weight), X), "cause-specific", "Cox"),
            (
                fit_firth(EventTimes(time, event, weight), X, "fine_gray"),
                "subdistribution",
                "Fine-Gray",
            ),
        ):
            key = (BREAST, f"log {quantity} hazard ratio{of}", nan, f"{name}, Firth", PROFILE)
            firth = fit.estimate(k)
            expected = [firth.coef, firth.se, *firth.limits(), firth.p_value]
            np.testing.assert_allclose(found[key], expected, rtol=1e-6)
            if k == 0:
                finite = found[(*key[:3], name, CLUSTERED)]
                assert found[(*key[:3], f"{name}, Firth if infinite", CLUSTERED)] == finite
                alone = found[(*key[:3], f"{name}, Firth where infinite", PROFILE)]
                assert np.isnan(alone).all()

    for variance, clusters in ((UNCLUSTERED, None), (CLUSTERED, matched["matched_set"])):
        table = absolute_effects(
            EventTimes(time, event, weights=weight, clusters=clusters), group, [36]
        )
        for row in table.itertuples():
            values = found[(row.outcome, row.measure, 36.0, "Aalen-Johansen", variance)]
            np.testing.assert_allclose(
                [values[0], values[2], values[3]], [row.difference, row.low, row.high], rtol=1e-9
            )

    for outcome, codes, name, plain in (
        (
            DEATH,
            np.minimum(event, 1),
            "log-rank test",
            logrank_test(EventTimes(time, event > 0), group),
        ),
        (BREAST, event, "Gray's test", compare_incidence(matched)),
    ):
        key = (outcome, "equality of the groups", nan)
        data = EventTimes(time, codes, weight, matched["matched_set"])
        score = score_test(data, group[:, None]).p_value
        assert found[(*key, "score test", CLUSTERED)][-1] == pytest.approx(score, rel=1e-9)
        if complete:
            assert found[(*key, name, UNCLUSTERED)][-1] == pytest.approx(plain.p_value, rel=1e-9)
        else:
            assert np.isnan(found[(*key, name, UNCLUSTERED)][-1])


def indexed(rows):
    """Rows of an analysis by outcome, quantity, estimator and variance."""
    return pd.DataFrame(rows).set_index([0, 1, 3, 4]).sort_index()


def test_an_arm_without_the_event_has_firths_estimate_only():
    cohort = draw_cohort(SMALL, np.random.default_rng(1))
    died = (cohort["event"] == BREAST) & (cohort["group"] == 1)
    cohort.loc[died, "event"] = "censored"
    frame = indexed(analyze_cohort(cohort, [36], rare=True))
    of_group = frame.loc[(BREAST, "log subdistribution hazard ratio")]
    assert of_group.loc["Fine-Gray"][5].isna().all()
    firth = of_group.loc[("Fine-Gray, Firth", PROFILE)]
    assert np.isfinite(firth[[5, 6, 7, 8, 9]].astype(float)).all() and firth[5] < 0
    shown = of_group.loc[("Fine-Gray, Firth if infinite", CLUSTERED)]
    assert shown[5:].tolist() == firth[5:].tolist()
    alone = of_group.loc[("Fine-Gray, Firth where infinite", PROFILE)]
    assert alone[5:].tolist() == firth[5:].tolist()
    assert frame.loc[("breast cancer deaths in one arm only", "count", "", ""), 5].item() == 1


def test_a_cohort_without_the_event_says_nothing():
    cohort = draw_cohort(SMALL, np.random.default_rng(1))
    cohort.loc[cohort["event"] == BREAST, "event"] = "censored"
    frame = indexed(analyze_cohort(cohort, [36], rare=True))
    assert frame.loc[(BREAST, "log subdistribution hazard ratio")][5].isna().all()
    assert frame.loc[(BREAST, "equality of the groups")][9].isna().all()
    assert frame.loc[(DEATH, "log hazard ratio")][5].notna().all()
    assert frame.loc[("no breast cancer death", "count", "", ""), 5].item() == 1


def test_a_cohort_without_a_score_gives_nothing():
    cohort = draw_cohort(SMALL, np.random.default_rng(1))
    cohort["group"] = (cohort["age"] > 60).astype(int)
    assert analyze_cohort(cohort, [36]) == []


def test_a_level_without_exposed_patients_leaves_the_pool():
    cohort = draw_cohort(SMALL, np.random.default_rng(1))
    cohort.loc[cohort["t_stage"] == "T3-T4", "group"] = 0
    counts = {row[0]: row[5] for row in analyze_cohort(cohort, [36]) if row[1] == "count"}
    assert counts["exposed patients"] == cohort["group"].sum()


def test_repetitions_do_not_depend_on_who_runs_them(monkeypatch):
    monkeypatch.setattr(calibration, "SCENARIOS", (SMALL, SCENARIOS[-1]))
    targets = pd.concat(
        calibration_targets(s, [36], np.random.default_rng(0), n=500, batches=2).assign(
            scenario=s.name
        )
        for s in (SMALL, SCENARIOS[-1])
    )

    def summary(*pieces):
        parts = [records for piece in pieces for _, records in repeat_study(piece, [36], seed=7)]
        table = summarize_repetitions(pd.concat(parts, ignore_index=True), targets)
        return table.to_csv(sep="\t").encode()

    once = summary(range(1, 5))
    assert summary([1, 3], [2, 4]) == once
    assert summary([3], [2], [1, 4]) == once


# Would it notice?

CHECKED = [
    (DEATH, "log hazard ratio", "Cox"),
    (BREAST, "log subdistribution hazard ratio", "Fine-Gray"),
    (BREAST, "cumulative incidence", "Aalen-Johansen"),
    (DEATH, "restricted mean survival", "Aalen-Johansen"),
]
N_SMALL = 40
# A right 95 % interval holds the truth less often than this in one of 1,000 such runs.
LEAST = binom.ppf(0.001, N_SMALL, 0.95) / N_SMALL


@pytest.fixture(scope="module")
def small_calibration():
    """Records and targets of 40 repetitions of one scenario with effects on both causes."""
    number, scenario = 3, SCENARIOS[3]
    rows = []
    for repetition in range(1, N_SMALL + 1):
        cohort = draw_cohort(scenario, np.random.default_rng([1, number, repetition]))
        rows += [(scenario.name, repetition, *row) for row in analyze_cohort(cohort, [48])]
    records = pd.DataFrame(rows, columns=list(calibration.RECORD))
    targets = calibration_targets(scenario, [48], np.random.default_rng(1), n=50_000, batches=2)
    return records, targets.assign(scenario=scenario.name)


def checked_rows(records, targets):
    table = summarize_repetitions(records, targets)
    table = table[table["variance"].isin([CLUSTERED, UNCLUSTERED])]
    keys = table[["outcome", "quantity", "estimator"]].apply(tuple, axis=1)
    rows = table[keys.isin(CHECKED)]
    assert len(rows) == 2 * len(CHECKED)
    return rows


def test_small_calibration(small_calibration):
    rows = checked_rows(*small_calibration)
    assert (rows["coverage"] >= LEAST).all(), rows[["quantity", "variance", "coverage"]]
    assert (rows["bias"].abs() < 4 * rows["bias_se"]).all()
    # standard deviation of 40 estimates: known to about 11 %
    assert (rows["mean_se"] / rows["sd"]).between(0.65, 1.5).all()
    assert (rows["target_se"] < rows["bias_se"] / 10).all()


def test_a_halved_standard_error_is_noticed(small_calibration):
    records, targets = small_calibration
    half = (records["high"] - records["low"]) / 4
    broken = records.assign(
        low=records["estimate"] - half, high=records["estimate"] + half, se=records["se"] / 2
    )
    rows = checked_rows(broken, targets)
    assert (rows["coverage"] < LEAST).all(), rows[["quantity", "variance", "coverage"]]


def test_before_matching_there_is_confounding(small_calibration):
    table = summarize_repetitions(*small_calibration)
    crude = table[table["estimator"] == "Fine-Gray, before matching"].iloc[0]
    assert crude["bias"] > 4 * crude["bias_se"]


# Summary


def hand_made():
    key = [BREAST, "log hazard ratio", np.nan, "Cox", CLUSTERED]
    values = [(0.1, 0.2, -0.3, 0.5, 0.60), (0.9, 0.2, 0.5, 1.3, 0.01), (np.nan,) * 5]
    values.append((0.5, 0.3, -0.1, 1.1, 0.10))
    rows = [("no effect", i, *key, *row) for i, row in enumerate(values, start=1)]
    records = pd.DataFrame(rows, columns=list(calibration.RECORD))
    names = ["scenario", "outcome", "quantity", "month", "target", "target_se"]
    targets = pd.DataFrame([("no effect", *key[:3], 0.2, 0.001)], columns=names)
    return records, targets


def test_summary_of_three_estimates_in_four_repetitions():
    from statsmodels.stats.proportion import proportion_confint

    row = summarize_repetitions(*hand_made()).iloc[0]
    assert (row["repetitions"], row["estimated"]) == (4, 3)
    assert (row["mean"], row["bias"]) == pytest.approx((0.5, 0.3))
    assert (row["sd"], row["bias_se"]) == pytest.approx((0.4, 0.4 / np.sqrt(3)))
    assert row["mean_se"] == pytest.approx(0.7 / 3)
    assert (row["coverage"], row["rejected"]) == pytest.approx((2 / 3, 1 / 3))
    limits = proportion_confint(2, 3, method="wilson")
    assert (row["coverage_low"], row["coverage_high"]) == pytest.approx(limits)
    limits = proportion_confint(1, 3, method="wilson")
    assert (row["rejected_low"], row["rejected_high"]) == pytest.approx(limits)


def test_a_quantity_without_truth_has_no_bias():
    records, targets = hand_made()
    row = summarize_repetitions(records, targets.assign(quantity="another")).iloc[0]
    assert row[["target", "bias", "bias_se", "coverage"]].isna().all()
    assert row["mean"] == pytest.approx(0.5)


def test_pieces_that_overlap_are_refused():
    records, targets = hand_made()
    with pytest.raises(StudyError, match="occurs twice"):
        summarize_repetitions(pd.concat([records, records.iloc[:1]]), targets)
    with pytest.raises(StudyError, match="2 repetitions or more"):
        summarize_repetitions(records.iloc[:1], targets)


# Figure


def test_figure_shows_each_interval_where_it_is():
    records, targets = hand_made()
    table = summarize_repetitions(records, targets)
    table = pd.concat(
        [
            table,
            table.assign(variance=UNCLUSTERED, coverage=0.97),
            table.assign(scenario="other", coverage=0.94),
            table.assign(estimator="Cox, before matching", coverage=0.1),
            table.assign(estimator="Cox, Firth where infinite", coverage=0.2),
        ]
    )
    figure = draw_coverage(table)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["no\neffect", "other"]
    shown = [line.get_xdata()[0] for axes in figure.axes for line in axes.lines[1:]]
    assert shown == pytest.approx([2 / 3, 0.97, 0.94])
    with pytest.raises(StudyError, match="no interval"):
        draw_coverage(table.assign(coverage=np.nan))
