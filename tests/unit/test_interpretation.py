"""Detectable effects, E-values and equivalence against published examples and simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri
from seermatch.analysis.inference_limits import (
    correct_for_ascertainment,
    e_value,
    e_value_of_interval,
    equivalence_test,
    minimum_detectable_hazard_ratio,
    risk_ratio,
)
from seermatch.analysis.interpretation import COLUMNS, interpret
from seermatch.errors import StudyError
from seermatch.variables.printed import EVENTS

DATA = Path(__file__).parent.parent / "data"
LABELS = ("M0", "M0(i+)")


def test_published_e_values():
    # VanderWeele & Ding 2017: infant deaths and formula feeding, RR 3.9 (1.8 to 8.7);
    # endometrial cancer, RR 2.30 printed as 4.04; a protective RR 0.80 (0.71 to 0.91)
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value_of_interval(1.8, 8.7) == pytest.approx(3.0, abs=0.005)
    assert e_value(0.80) == pytest.approx(1.81, abs=0.005)
    assert e_value_of_interval(0.71, 0.91) == pytest.approx(1.43, abs=0.005)


@pytest.mark.parametrize("ratio", [0.3, 0.9, 1.0, 1.2, 4.0])
@pytest.mark.parametrize("target", [0.7, 1.0, 1.3])
def test_e_value_is_the_confounding_that_reaches_the_target(ratio, target):
    value = e_value(ratio, target)
    # bias factor of a confounder with this risk ratio on both sides (Ding & VanderWeele 2016)
    bias = value**2 / (2 * value - 1)
    assert bias == pytest.approx(max(ratio / target, target / ratio))
    assert e_value(1 / ratio, 1 / target) == pytest.approx(value)


def test_detectable_effects_have_the_power():
    hr = minimum_detectable_hazard_ratio(82, 1 / 3)
    # Schoenfeld's events for this effect
    events = (1.959964 + 0.841621) ** 2 / (2 / 9 * np.log(hr) ** 2)
    assert events == pytest.approx(82, rel=1e-5)
    rng = np.random.default_rng(7)
    significant = []
    for _ in range(400):
        group = np.arange(1755) % 3 == 0
        death = rng.exponential(1 / np.where(group, hr, 1.0))
        order = np.argsort(death)[:82]  # follow-up ends with the 82nd death
        at_risk = 1755 - np.arange(82)
        exposed = group.sum() - np.cumsum(np.r_[0, group[order][:-1]])
        expected = exposed / at_risk
        score = (group[order] - expected).sum()
        variance = (expected * (1 - expected)).sum()
        significant.append(abs(score) > 1.959964 * np.sqrt(variance))
    assert np.mean(significant) == pytest.approx(0.8, abs=0.06)
    assert minimum_detectable_hazard_ratio(0, 0.5) == np.inf


def test_equivalence_is_the_interval_within_the_margin():
    for coef in np.linspace(-0.4, 0.4, 9):
        for se in (0.05, 0.1, 0.2):
            test = equivalence_test(coef, se, 1.25)
            assert test.shown == (test.low > 1 / 1.25 and test.high < 1.25)
            upper = ndtr((coef - np.log(1.25)) / se)
            lower = ndtr((-coef - np.log(1.25)) / se)
            assert test.p_value == pytest.approx(max(upper, lower))
    with pytest.raises(StudyError, match="above 1"):
        equivalence_test(0, 0.1, 0.8)


def test_risk_ratio_of_a_hazard_ratio():
    for hr in (0.3, 1.0, 2.7):
        assert risk_ratio(hr) * risk_ratio(1 / hr) == pytest.approx(1)
    assert 1 < risk_ratio(2.7) < 2.7


def test_ascertainment_recovers_the_effect_of_a_mixture():
    n_exposed, n_reference, found, true = 50_000, 950_000, 0.3, 1.8
    share = n_exposed * found / (n_exposed + n_reference)
    missed = n_exposed * (1 - found)
    reference_hazard = (n_reference + missed * true) / (n_reference + missed)
    seen = true / reference_hazard
    assert correct_for_ascertainment(seen, share, found) == pytest.approx(true)
    assert correct_for_ascertainment(seen, share, 1.0) == pytest.approx(seen)
    assert np.isnan(correct_for_ascertainment(3.0, 0.1, 0.15))
    with pytest.raises(StudyError, match=r"found is 0\.01"):
        correct_for_ascertainment(1.5, 0.02, 0.01)


@pytest.fixture(scope="module")
def matched():
    data = pd.read_csv(DATA / "matched.csv")
    frame = data[["group", "time"]].assign(matched_set=data["pair"], weight=1.0)
    return frame.assign(
        event=pd.Categorical.from_codes(data["status"], EVENTS),
        year=np.resize([2018, 2019, 2020], len(data)),
    )


def test_table(matched):
    table = interpret(matched, matched, labels=LABELS, margin=1.5, ascertainment=[0.9, 0.2])
    assert tuple(table.columns) == COLUMNS
    overall = table[table["outcome"] == "overall survival (Cox)"].set_index("quantity")
    hr = overall.loc["hazard ratio", ["estimate", "low", "high"]].to_numpy(float)
    assert hr[0] == pytest.approx(np.sqrt(hr[1] * hr[2]))
    narrow = overall.loc["hazard ratio, 90% interval", ["low", "high"]].to_numpy(float)
    assert hr[1] < narrow[0] < narrow[1] < hr[2]
    assert overall.loc["minimum detectable hazard ratio", "estimate"] == pytest.approx(
        minimum_detectable_hazard_ratio(84, 1 / 3)
    )
    assert overall.loc["E-value of the estimate", "estimate"] == pytest.approx(e_value(hr[0]))
    assert overall.loc["E-value of equivalence", "estimate"] == 1
    assert overall.loc["equivalence test p", "status"] == "not shown"
    # R 4.2.2, survival 3.5-3: cox.zph(coxph(Surv(time, status > 0) ~ group))
    assert overall.loc["proportional hazards test p", "estimate"] == pytest.approx(0.43745756038)
    corrected = overall.loc["hazard ratio, missed exposure"]
    assert corrected["estimate"].iloc[0] > hr[0]
    assert corrected["status"].tolist() == ["ok", "impossible"]
    assert table["month"].dropna().unique().tolist() == [36, 48]
    years = table[table["quantity"] == "exposed per 1,000 patients"]
    assert years["year"].tolist() == [2018, 2019, 2020]
    assert years["events"].tolist() == [195, 192, 198] and years["n"].eq(585).all()


def test_missed_exposure_may_leave_the_upper_limit_without_bound(matched):
    """Where the limit times the share of missed patients reaches 1, no hazard is too high."""

    def overall(ascertainment):
        table = interpret(matched, matched, labels=LABELS, ascertainment=ascertainment)
        return table[table["outcome"] == "overall survival (Cox)"].set_index("quantity")

    hr = overall([]).loc["hazard ratio"]
    missed = 1 / np.sqrt(hr["estimate"] * hr["high"])  # as a share of the reference patients
    corrected = overall([1 / (1 + 2 * missed)]).loc["hazard ratio, missed exposure"]
    assert hr["estimate"] < corrected["estimate"] < np.inf
    assert corrected["high"] == np.inf and corrected["low"] > 0


def test_wide_margin_shows_equivalence(matched):
    table = interpret(matched, matched, labels=LABELS, margin=4.0, ascertainment=[])
    overall = table[table["outcome"] == "overall survival (Cox)"].set_index("quantity")
    assert overall.loc["equivalence test p", ["margin", "status"]].tolist() == [4.0, "shown"]
    low, high = overall.loc["hazard ratio, 90% interval", ["low", "high"]]
    needed = min(e_value(low, 0.25), e_value(high, 4.0))
    assert overall.loc["E-value of equivalence", "estimate"] == pytest.approx(needed) and needed > 1


def test_small_and_late_data_leave_cells_empty(matched):
    few = matched.assign(event=matched["event"].where(matched["group"] == 0, "censored"))
    table = interpret(few.drop(columns="year"), few, labels=LABELS, months=[36, 70])
    ratios = table[table["quantity"] == "hazard ratio"]
    assert ratios["high"].between(0, 1).all()  # Firth's: no event of the exposed
    assert ratios["variance"].str.endswith("(Firth)").all()
    assert "set-clustered score test p" not in set(table["quantity"])
    late = table[table["month"] == 70]
    assert late["estimate"].isna().all()
    assert late["status"].eq("follow-up of a group ends before").all()
    assert "exposed per 1,000 patients" not in set(table["quantity"])


def test_clustered_score_tests_agree_with_clustered_wald_tests():
    """On R's reference data; the two differ by the usual distance of score and Wald only."""
    data = pd.read_csv(DATA / "matched.csv")
    matched = pd.DataFrame(
        {
            "group": data["group"],
            "time": data["time"],
            "event": pd.Categorical.from_codes(data["status"], EVENTS),
            "matched_set": data["pair"],
            "weight": 1.0,
            "year": 2018,
        }
    )
    table = interpret(matched, matched, labels=LABELS, ascertainment=[])
    tests = table[table["quantity"] == "set-clustered score test p"].set_index("outcome")
    ratios = table[table["quantity"] == "hazard ratio"].set_index("outcome")
    for outcome, model in (
        ("death of any cause", "overall survival (Cox)"),
        ("cancer death", "cancer death (Fine-Gray)"),
    ):
        row = ratios.loc[model]
        se = np.log(row["high"] / row["low"]) / (2 * 1.959964)
        score = -ndtri(tests.loc[outcome, "estimate"] / 2)
        assert score == pytest.approx(abs(np.log(row["estimate"]) / se), rel=0.1)
