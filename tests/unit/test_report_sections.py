"""What the report says of the results, in tables and sentences."""

import numpy as np
import pandas as pd
import pytest
from paper_words import CANCER, VARIABLES
from report_content import (
    LABELS,
    changed,
    interpretation_rows,
    made_up_content,
    sensitivity_rows,
    stability_rows,
)
from seermatch.analysis.group_effect import OUTCOMES
from seermatch.report.excluded import explain_included, included_table
from seermatch.report.page import render_report
from seermatch.report.sections import competing_risks, survival
from seermatch.report.sections.limits import explain_limits, exposure_table, limits_table
from seermatch.report.sections.main_results import differences_table, headline_table
from seermatch.report.sections.sensitivity import explain_sensitivity
from seermatch.report.sections.summary import summarize
from seermatch.report.sections.warnings import find_warnings
from seermatch.wording.result_tables import sensitivity_tables


def table_of(section, name):
    """The table of a section that has the name."""
    return next(part.table for part in section.parts if getattr(part, "name", "") == name)


@pytest.fixture(scope="module")
def content():
    return made_up_content()


def test_summary_states_the_clustered_intervals_of_the_headline(content):
    matched, followup, survival, mortality, clustered, caution = summarize(content)
    assert matched == ("585 of 585 M0(i+) patients were matched to 1,170 of 283,503 M0 patients.")
    assert "30 months (IQR 18–47); 82 died, 47 of breast cancer and 35 of other" in followup
    assert survival == (
        "Overall survival: hazard ratio of death, M0(i+) vs M0, 0.80 (95% CI 0.54–1.20); adjusted "
        "by the recommended model, 0.80 (0.54–1.20); log-rank p = 0.781."
    )
    headline = headline_table(content).rows[0].cells
    assert headline[0] in survival.replace("95% CI ", "")
    assert headline[1] in mortality.replace("95% CI ", "")
    assert mortality.endswith("Gray’s test p = 0.272.")
    assert "clustered by matched set" in clustered
    assert "do not show that there is none" in caution
    narrow = content.of_model("cox").assign(hr_low_clustered=1.1, hr_high_clustered=1.2)
    assert len(summarize(changed(content, cox=narrow))) == 5
    unclustered = content.of_model("cox").assign(hr_low=1.1, hr_high=1.2)
    assert summarize(changed(content, cox=unclustered)) == summarize(content)
    bare = content.of_model("cox").query("model == 'univariable'")
    assert "adjusted" not in summarize(changed(content, cox=bare))[2]
    lost = summarize(changed(content, cox=content.of_model("cox").assign(hr=np.nan)))
    assert "M0(i+) vs M0, not estimable; log-rank" in lost[2]


def test_headline_hazard_ratios(content):
    rows = {row.label: row.cells for row in headline_table(content).rows}
    assert rows["Matched patients (95% CI)"] == ("0.80 (0.54–1.20)", "1.39 (0.92–2.08)")
    low, high = np.quantile(np.linspace(0.7, 1.1, 41), (0.025, 0.975))
    assert rows["Middle 95% over 41 other tie seeds"] == (f"{low:.2f}–{high:.2f}",) * 2
    assert rows["The main match among them"][1] == (
        "Outside the middle 95%, higher than all of them"
    )
    assert rows["Whole cohort, weighted (95% CI)"] == ("1.10 (0.85–1.43)",) * 2
    bare = changed(content, sensitivity=sensitivity_rows().query("analysis == 'main'"))
    assert headline_table(bare).rows[3].cells == ("–", "–")
    alone = changed(content, stability=stability_rows().head(1))
    assert headline_table(alone).rows[1].cells == ("–", "–")
    nothing = changed(content, cox=content.of_model("cox").assign(hr=np.nan))
    assert headline_table(nothing).rows[0].cells[0] == "not estimable"


def test_differences_of_the_causes_add_up(content):
    heading, risk, _, months = differences_table(content).rows
    assert heading.kind == "heading"
    assert risk.label == "By month 36"
    assert risk.cells == ("1.2 (−1.3 to 3.8)", "0.8 (−1.1 to 2.7)", "0.4 (−1.2 to 2.1)")
    assert months.cells[0] == "0.49 (−0.02 to 1.01)"


def test_sensitivity_tables_and_sentences(content):
    tables = sensitivity_tables(content["sensitivity"], VARIABLES, CANCER)
    main, weighted = tables["sensitivity"].rows
    assert main.cells[:7] == ("ATT", "1,755", "1,755", "1.50", "82", "0.80 (0.62–1.04)", "0.300")
    assert weighted.label == "Weighted, ATT"
    assert len(tables["sensitivity_others"].rows[0].cells) == 9
    assert "negative control" in " ".join(tables["sensitivity_others"].notes)
    assert not set(tables["sensitivity"].notes[1:]) & set(tables["sensitivity_others"].notes)
    first, _ = explain_sensitivity(content["sensitivity"], CANCER)
    assert first == (
        "Overall survival: 2 analyses, hazard ratios 0.80 to 1.10; the 95% interval excludes 1 in "
        "none of them."
    )


def test_limits_in_words(content):
    text = " ".join(explain_limits(content["interpretation"], LABELS, content.config, CANCER))
    assert (
        "Only hazard ratios from 2.00 up or 0.50 down (overall survival) and from 2.00 up or 0.50 "
        "down (breast cancer mortality) could be detected with 80% power."
    ) in text
    assert (
        "risk ratio of 1.81 (overall survival) and 1.81 (breast cancer mortality). The intervals "
        "include 1 even without one."
    ) in text
    far = content["interpretation"].copy()
    overall = far["outcome"] == next(iter(OUTCOMES))
    far.loc[overall & (far["quantity"] == "E-value of the interval"), "estimate"] = 1.4
    text = " ".join(explain_limits(far, LABELS, content.config, CANCER))
    assert "To make the interval include 1, 1.40 (overall survival) would do." in text
    text = " ".join(explain_limits(content["interpretation"], LABELS, content.config, CANCER))
    assert "No margin of equivalence was fixed in advance" in text
    assert "Breast cancer death (Fine–Gray): the hazard ratio changes over time (p = 0.010)" in text
    assert "from 3.3 in 2020 to 300.0 in 2018" in text
    assert "it is not among the variables of the match" in text
    exact = content.config | {"matching": {"ratio": 2, "covariates": ["age"], "exact": ["year"]}}
    text = " ".join(explain_limits(content["interpretation"], LABELS, exact, CANCER))
    assert "it is among the variables of the match" in text
    assert not any(
        row.label == "Equivalence" for row in limits_table(content["interpretation"], CANCER).rows
    )


def test_included_and_excluded_patients(content):
    table = included_table(content["included"], LABELS, VARIABLES, CANCER)
    assert [cell.text for cell in table.header[0]] == [
        *("Variable", "Included (n = 1,755)", "Excluded (n = 138)", "SMD"),
        *("Unknown, M0", "Unknown, M0(i+)"),
    ]
    rows = {row.label: row for row in table.rows}
    assert list(rows) == [
        *("Age (years)", "Grade: III", "Breast subtype", "HR+/HER2−", "HR−/HER2+", "HR−/HER2−"),
    ]
    assert rows["Age (years)"].cells == (
        *("63 (53.5–73)", "61.5 (52–71.5)", "−0.040", "0 (0.0%)", "0 (0.0%)"),
    )
    assert rows["Grade: III"].cells == (
        *("502 (28.6%)", "42 (34.8%)", "0.134", "90 (7.5%)", "6 (1.0%)"),
    )
    heading, level = rows["Breast subtype"], rows["HR−/HER2+"]
    assert (heading.kind, heading.cells) == ("heading", ("", "", "", "40 (3.3%)", "5 (0.8%)"))
    assert (level.kind, level.cells) == ("level", ("351 (20.0%)", "22 (18.0%)", "−0.050", "", ""))
    said = explain_included(content["included"], imputed=True, variables=VARIABLES, cancer=CANCER)[
        0
    ]
    assert said == (
        "138 patients, 7.3% of those who meet the other criteria, were excluded only because a "
        "covariate is unknown, most often Grade. They differ from the included patients, and the "
        "results may not hold for them: the largest standardized difference is 0.13 (Grade: III). "
        "Multiple imputation, among the sensitivity analyses, includes them."
    )
    assert (
        "Multiple imputation"
        not in explain_included(
            content["included"], imputed=False, variables=VARIABLES, cancer=CANCER
        )[0]
    )


def test_masked_counts_of_excluded_patients(content):
    numbers = ["n", "percent", "median", "q1", "q3", "smd"]
    hidden = content["included"].astype({"n": "Int64"})
    rows = (hidden["patients"] == "excluded") | (hidden["quantity"] == "unknown")
    hidden.loc[rows, numbers] = np.nan
    hidden["smd"] = np.nan
    cells = [row.cells for row in included_table(hidden, LABELS, VARIABLES, CANCER).rows]
    assert cells[0] == ("63 (53.5–73)", "masked", "–", "masked", "masked")
    assert cells[1] == ("502 (28.6%)", "masked", "–", "masked", "masked")
    assert explain_included(hidden, imputed=False, variables=VARIABLES, cancer=CANCER) == [
        "Patients were excluded only because a covariate is unknown; their number is masked."
    ]
    nobody = content["included"].assign(n=content["included"]["n"].where(~rows, 0))
    assert explain_included(nobody, imputed=True, variables=VARIABLES, cancer=CANCER) == [
        "No patient was excluded only because a covariate is unknown."
    ]
    assert "masked" in render_report(changed(content, included=hidden))


def test_multiple_imputation_is_explained_where_it_is(content):
    notes = " ".join(
        sensitivity_tables(content["sensitivity"], VARIABLES, CANCER)["sensitivity"].notes
    )
    assert "imputation" not in notes
    imputed = content["sensitivity"].replace({"analysis": {"main": "multiple imputation"}})
    notes = " ".join(sensitivity_tables(imputed, VARIABLES, CANCER)["sensitivity"].notes)
    assert "every imputed data set is scored and matched anew" in notes


def test_equivalence_only_with_a_margin(content):
    table = interpretation_rows(margin=True)
    rows = {row.label: row.cells for row in limits_table(table, CANCER).rows}
    assert rows["Equivalence"] == ("Not shown within 0.8 to 1.25, p = 0.410",) * 3
    assert rows["E-value of equivalence"] == ("1.37",) * 3
    without = limits_table(interpretation_rows(margin=False), CANCER)
    assert "E-value of equivalence" not in {row.label for row in without.rows}
    assert rows["Hazard ratio if 10% of the truly exposed were found"] == ("no solution",) * 3
    config = content.config | {"interpretation": {"power": 0.8, "equivalence_margin": 1.25}}
    text = " ".join(explain_limits(table, LABELS, config, CANCER))
    assert "Overall survival: equivalence not shown within 0.8 to 1.25 (p = 0.410)." in text
    assert "No margin" not in text


def test_nothing_is_said_of_what_is_masked(content):
    """A masked row says so in every cell, and no sentence compares with it."""
    table = content["interpretation"].copy()
    overall = table["outcome"] == next(iter(OUTCOMES))
    year = table["year"] == 2020
    table.loc[overall | year, ["estimate", "low", "high"]] = np.nan
    table.loc[overall, "status"] = "masked"
    table.loc[overall | year, "events"] = pd.NA
    cells = {row.label: row.cells for row in limits_table(table, CANCER).rows}
    for label in ("Hazard ratio (95% CI)", "Detectable hazard ratio", "E-value of the estimate"):
        assert cells[label][0] == "masked"
        assert cells[label][1] not in ("masked", "–")
    assert cells["Proportional hazards (Cox), p"][0] == "masked"
    assert cells["Detectable hazard ratio"][1] == "≥ 2.00 or ≤ 0.50 (47 events)"
    rows = [row.cells for row in exposure_table(table, LABELS).rows]
    assert rows[2] == ("masked", "1,200", "masked")
    text = " ".join(explain_limits(table, LABELS, content.config, CANCER))
    assert "nan" not in text and "overall survival" not in text
    assert "among the years that are not masked" in text
    page = render_report(changed(content, interpretation=table))
    assert "82 events" not in page


def test_events_per_coefficient_are_told_below_the_tables(content):
    for module, name in ((survival, "table3"), (competing_risks, "table4")):
        notes = table_of(module.section(content), name).notes
        (note,) = [note for note in notes if "Events" in note]
        assert note == (
            "Events per coefficient: 47 / 3 = 15.7 in the multivariable model as published, "
            "47 / 3 = 15.7 in the recommended model."
        )
    masked = changed(content, cox=content.of_model("cox").assign(events=np.nan))
    notes = table_of(survival.section(masked), "table3").notes
    assert any("masked / 3 in the recommended model" in note for note in notes)
    assert not any("few events" in note for note in find_warnings(masked) if "overall" in note)
