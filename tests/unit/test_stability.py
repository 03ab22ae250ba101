"""The match over tie seeds, against the estimators of the main analysis."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from seermatch.analysis.stability import COLUMNS, matching_stability, stability_range
from seermatch.errors import StudyError
from seermatch.matching.nearest import match
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.variables.printed import EVENTS


def registry(n=1500, n_exposed=60, seed=1, levels=6):
    """A cohort whose score has few values, so that the rule for ties decides."""
    rng = np.random.default_rng(seed)
    cohort = pd.DataFrame({"patient_id": [f"{i:08d}" for i in rng.permutation(n)]})
    cohort["group"] = (np.arange(n) < n_exposed).astype("int8")
    cohort["time"] = rng.integers(0, 40, n)
    codes = rng.choice(3, n, p=[0.6, 0.25, 0.15])
    cohort["event"] = pd.Categorical.from_codes(codes, EVENTS)
    return cohort, rng.integers(0, levels, n) / 3.0


def by_the_main_analysis(cohort, distance, **rule):
    """Deaths, HR and clustered p of one match by the functions behind Tables 3 and 4."""
    ids = cohort["patient_id"].to_numpy()
    result = match(distance, cohort["group"] == 1, patient_id=ids, **rule)
    rows = np.flatnonzero(result.matched_set)
    part, sets = cohort.iloc[rows], result.matched_set[rows]
    X, weights = part[["group"]].to_numpy(float), result.weight[rows]
    event = part["event"].cat.codes.to_numpy()
    found = [np.count_nonzero(event), np.count_nonzero(event == 1)]
    for fit in (
        fit_cox(EventTimes(part["time"], event > 0, weights=weights, clusters=sets), X),
        fit_fine_gray(EventTimes(part["time"], event, weights=weights, clusters=sets), X),
    ):
        se = np.sqrt(fit.covariance["clustered"][0, 0])
        found += [np.exp(fit.coef[0]), 2 * ndtr(-abs(fit.coef[0]) / se)]
    return found, set(result.control_index)


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"ratio": 3, "order": "random"},
        {"ratio": 1, "caliper": None},
        {"ratio": 4, "caliper": 0.01, "order": "smallest"},
        {"exact": np.arange(1500) % 7},
    ],
)
def test_every_seed_gives_what_the_main_analysis_would(rule):
    # In the last rule the sets are incomplete, and the weights differ from 1.
    n_exposed = 300 if rule.get("ratio") == 4 else 60
    cohort, distance = registry(n_exposed=n_exposed)
    repeats = matching_stability(cohort, distance, seeds=[7, 8, 9], **rule)
    assert tuple(repeats.columns) == COLUMNS
    main = None
    for row in repeats.itertuples(index=False):
        found, controls = by_the_main_analysis(cohort, distance, seed=row.seed, **rule)
        main = main or controls
        np.testing.assert_allclose(row[1:7], found, rtol=1e-7)
        assert row.common_controls == len(controls & main) / len(controls)


def test_the_order_of_the_rows_does_not_matter():
    cohort, distance = registry()
    order = np.random.default_rng(5).permutation(len(cohort))
    repeats = matching_stability(cohort, distance, seeds=range(5))
    shuffled = matching_stability(
        cohort.iloc[order].reset_index(drop=True), distance[order], seeds=range(5)
    )
    pd.testing.assert_frame_equal(repeats, shuffled)


def test_without_ties_the_seed_changes_nothing():
    cohort, _ = registry()
    distance = np.random.default_rng(2).normal(size=len(cohort))
    repeats = matching_stability(cohort, distance, seeds=range(10))
    assert (repeats["common_controls"] == 1).all()
    assert np.ptp(repeats["os_hr"]) == 0


def test_file_order_is_compared_with_hashes():
    cohort, distance = registry()
    repeats = matching_stability(cohort, distance, seeds=[1, 1, 2], ties="file_order")
    hashed = matching_stability(cohort, distance, seeds=[1, 2])
    main, _ = by_the_main_analysis(cohort, distance, ties="file_order")
    np.testing.assert_allclose(repeats.iloc[0, 1:7].to_numpy(float), main, rtol=1e-7)
    pd.testing.assert_frame_equal(
        repeats.iloc[1:, :7].reset_index(drop=True), hashed.iloc[:, :7], check_dtype=False
    )
    assert repeats["common_controls"].iloc[1] < 0.5


def test_an_arm_without_deaths_has_firths_ratio_and_nobody_s_deaths_none():
    cohort, distance = registry()
    cohort.loc[cohort["group"] == 1, "event"] = "other death"
    repeats = matching_stability(cohort, distance, seeds=[1, 2])
    assert repeats["os_hr"].notna().all()
    assert repeats["cancer_hr"].between(0, 0.2).all()
    assert (repeats["cancer_p"] < 0.001).all()
    cohort["event"] = pd.Categorical(["other death"] * len(cohort), EVENTS)
    repeats = matching_stability(cohort, distance, seeds=[1, 2])
    assert repeats[["cancer_hr", "cancer_p"]].isna().all(axis=None)
    spread = stability_range(repeats).set_index("quantity")
    assert spread.loc["cancer_hr", ["low", "high", "share_below"]].isna().all()


def test_range_leaves_out_the_main_match():
    repeats = pd.DataFrame({"seed": range(101), "os_hr": [9.0, *np.arange(100) / 100]})
    row = stability_range(repeats).iloc[0]
    assert row["main"] == 9 and row["share_below"] == 1
    assert row["median"] == pytest.approx(0.495)
    assert (row["low"], row["high"]) == pytest.approx((0.02475, 0.96525))


def test_no_seed_is_refused():
    cohort, distance = registry()
    with pytest.raises(StudyError, match="seeds is 0"):
        matching_stability(cohort, distance, seeds=[])
