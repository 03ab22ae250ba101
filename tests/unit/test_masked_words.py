"""What the report says where numbers are masked: nothing false, and no comparison with them."""

import numpy as np
import pandas as pd
import pytest
from paper_words import CANCER, VARIABLES
from report_content import changed, made_up_content
from seermatch.disclosure.rule import DisclosureRule, disclosure_limits
from seermatch.figures.curves import draw_survival_curves
from seermatch.report.excluded import explain_included
from seermatch.report.sections.main_results import headline_table
from seermatch.report.sections.sensitivity import explain_sensitivity, explain_stability, section
from seermatch.report.sections.summary import summarize
from seermatch.report.sections.warnings import find_warnings
from seermatch.wording.result_tables import sensitivity_tables

HR = ["hr", "hr_low", "hr_high", "p_value"]


@pytest.fixture(scope="module")
def content():
    return made_up_content()


def test_a_masked_analysis_is_printed_as_masked(content):
    table = content["sensitivity"].copy()
    numbers = [*HR, "events", "n", "effective_sample_size", "largest_weight"]
    table[numbers] = table[numbers].astype(float)
    table.loc[table["analysis"] == "main", numbers] = np.nan
    row = sensitivity_tables(table, VARIABLES, CANCER)["sensitivity"].rows[0]
    assert row.cells[1:6] == ("masked",) * 5
    assert "not estimable" not in row.cells


def test_sentences_count_what_is_shown(content):
    table = content["sensitivity"].copy()
    every = int((table["outcome"] == table["outcome"].iloc[0]).sum())
    table.loc[table.index[0], ["hr", "hr_low", "hr_high"]] = np.nan
    assert (
        f"{every - 1} analyses of {every} have a result here"
        in explain_sensitivity(table, CANCER)[0]
    )
    repeats = content["stability"].astype(float)
    repeats.loc[repeats.index[1], ["os_hr", "os_p"]] = np.nan
    assert "repetitions that are shown" in explain_stability(repeats, CANCER)[1]


def test_a_hazard_ratio_is_masked_or_not_estimable(content):
    repeats = content["stability"].astype(float)
    repeats[["os_hr", "os_p", "deaths", "deaths_cancer"]] = np.nan
    text = "Overall survival: the hazard ratio is {}."
    assert explain_stability(repeats, CANCER)[1] == text.format("not estimable")
    assert explain_stability(repeats, CANCER, ["os_hr"])[1] == text.format("masked")
    alike = repeats.assign(os_hr=content["stability"]["os_hr"])
    alike.loc[alike.index[1:], ["os_hr", "common_controls"]] = np.nan
    assert explain_stability(alike, CANCER)[1] == text.format("masked")


def test_the_section_knows_which_model_is_masked(content):
    repeats = content["stability"].assign(cancer_hr=np.nan, cancer_p=np.nan)
    masked = content.of_model("fine_gray").assign(status="masked")
    parts = section(changed(content, stability=repeats, fine_gray=masked)).parts
    assert "Breast cancer mortality: the hazard ratio is masked." in parts[0].items


def test_the_headline_says_masked(content):
    cox = content.of_model("cox").assign(status="masked")
    estimates = [name for name in cox if name.startswith(("hr", "coef", "se"))]
    cox[estimates] = np.nan
    masked = changed(content, cox=cox)
    assert headline_table(masked).rows[0].cells[0] == "masked"
    assert any("M0(i+) vs M0, masked" in sentence for sentence in summarize(masked))


def test_nothing_is_most_often_unknown_beside_a_masked_number(content):
    table = content["included"].copy()
    table["n"] = table["n"].astype("Int64")
    unknown = table.index[table["quantity"] == "unknown"]
    assert "most often" in explain_included(table, False, VARIABLES, CANCER)[0]
    table.loc[unknown[0], "n"] = pd.NA
    assert "most often" not in explain_included(table, False, VARIABLES, CANCER)[0]


def test_patients_resemble_each_other_only_in_what_is_shown(content):
    table = content["included"].copy()
    table["smd"] = table["smd"].where(table["smd"].abs() < 0.1)
    variables = table.loc[table["smd"].notna(), "variable"].unique()
    table.loc[table["variable"] == variables[0], "smd"] = np.nan
    said = explain_included(table, False, VARIABLES, CANCER)[0]
    assert "resemble" not in said


def test_rounded_sizes_say_nothing_of_matches(content):
    followup = content["followup"].copy()
    matched = (followup["population"] == "matched") & (followup["group"].astype(str) != "all")
    followup.loc[followup.index[matched][0], "n"] = 1168
    exact = changed(content, followup=followup)
    assert any("instead of" in text for text in find_warnings(exact))
    rounded = changed(exact, disclosure=DisclosureRule(5, "round"))
    assert not any(
        "instead of" in text or "found no match" in text for text in find_warnings(rounded)
    )


@pytest.mark.parametrize("method", ["suppress", "round"])
def test_the_report_says_what_is_not_protected(method):
    said = disclosure_limits(DisclosureRule(5, method))
    assert "does not protect" in said and ("earlier release" in said) == (method == "suppress")
    assert disclosure_limits(DisclosureRule(0, method)) == ""


def test_months_without_an_estimate_are_no_gap_in_a_curve():
    rows = [(0, 585, 1.0), (12, 565, np.nan), (24, 526, 0.96), (36, 251, np.nan), (59, 17, 0.9)]
    curve = pd.DataFrame(rows, columns=["time", "n_at_risk", "survival"])
    curve = curve.assign(conf_low=curve["survival"] - 0.01, conf_high=curve["survival"] + 0.01)
    both = pd.concat([curve.assign(group=0), curve.assign(group=1)])
    figure = draw_survival_curves(
        both, pd.DataFrame({"p_value": [0.5]}), [0, 12, 24, 36], ("M0", "M0(i+)")
    )
    line = next(line for line in figure.axes[0].lines if line.get_label() == "M0")
    assert list(line.get_xdata()) == [0, 0, 24, 59]
    assert np.isfinite(line.get_ydata()).all()
