"""What the report warns of."""

import pandas as pd
import pytest
from paper_words import VARIABLES
from report_content import (
    CRITERIA,
    LABELS,
    REFERENCE_LEVELS,
    cell_rows,
    changed,
    made_up_content,
    model_rows,
)
from seermatch.report.page import render_report
from seermatch.report.sections.quality import quality_warnings
from seermatch.wording.warnings import (
    warn_about_balance,
    warn_about_criteria,
    warn_about_matching,
    warn_about_models,
    warn_about_score,
)


@pytest.fixture(scope="module")
def content():
    return made_up_content()


def test_quality_warnings(content):
    assert quality_warnings(content["quality"].head(1), LABELS) == []
    cause, lost = quality_warnings(content["quality"], LABELS)
    assert cause == (
        "Warning. Deaths without a cause: more than 3 % of the deaths have no cause. 45 of 438 "
        "(10.3%)."
    )
    assert "M0(i+)" in lost and "masked of 680." in lost


def test_criteria_that_were_not_applied_are_warned_of(content):
    assert warn_about_criteria(content["attrition"], CRITERIA) == []
    flow = content["attrition"].copy()
    flow["criterion"] = [
        "nodes examined (not exported, not applied)",
        "both known (where exported)",
    ]
    one, other = warn_about_criteria(flow, CRITERIA)
    names = "Regional nodes examined (1988+) {} EOD Regional Nodes (2018+)."
    assert f"was not applied: no export holds {names.format('or')}" in one
    assert "Add one of these variables to the case listing" in one
    assert f"only to the exports that hold {names.format('and')} Patients" in other
    config = content.config | {"cohort": content.config["cohort"] | {"criteria": CRITERIA}}
    page = render_report(changed(content, attrition=flow, config=config))
    assert "The criterion “nodes examined” was not applied" in page


def test_model_warnings():
    rows = model_rows(1.0)
    aliased = (rows["model"] == "recommended") & (rows["term"] == "er")
    rows.loc[rows["model"] == "recommended", "status"] = "ok"
    rows.loc[aliased, ["status", "dependence"]] = ["aliased", "ER: Positive = PR: Positive"]
    separated, aliased = warn_about_models({"death": rows}, LABELS, REFERENCE_LEVELS, VARIABLES)
    both = "death (univariable models, multivariable model as published)"
    assert separated.startswith("No finite estimate exists (separation) for ER (Positive vs Neg")
    assert both in separated and "their intervals are approximate" in separated
    assert aliased.endswith(
        ": ER (Positive vs Negative), since ER: Positive = PR: Positive, in: death (recommended "
        "model)."
    )
    few = warn_about_models({"death": rows.assign(events=29)}, LABELS, REFERENCE_LEVELS, VARIABLES)
    assert "29 for 3 in the multivariable model as published" in few[-1]


def test_what_goes_for_several_models_is_said_once():
    rows = model_rows(1.0).assign(events=29)
    found = warn_about_models(
        {"death": rows, "death of it": rows}, LABELS, REFERENCE_LEVELS, VARIABLES
    )
    assert (
        len(found)
        == len(warn_about_models({"death": rows}, LABELS, REFERENCE_LEVELS, VARIABLES))
        == 2
    )
    separated, few = found
    assert separated.count("ER (Positive vs Negative)") == 1
    assert "death (" in separated and "death of it (" in separated
    assert few.count("Below 10 events per coefficient") == 1
    assert "; death of it, 29 for 3 in" in few


def test_balance_warnings(content):
    assert warn_about_balance(content["balance"], 0.1, VARIABLES) == []
    worse = content["balance"].assign(smd_after=[-0.19, 0.15])
    (text,) = warn_about_balance(worse, 0.1, VARIABLES)
    assert "above 0.1" in text and "Age (0.132 to 0.150)" in text
    many = pd.DataFrame(
        {
            "term": ["age", "tumor_size", "er", "pr", "her2"],
            "level": ["", "", *["Positive"] * 3],
            "smd_before": 0.01,
            "smd_after": [0.03, 0.02, -0.09, 0.04, 0.005],
        }
    )
    (text,) = warn_about_balance(many, 0.1, VARIABLES)
    assert text.endswith(
        "for 4 of 5 terms, most for ER: Positive (0.010 to 0.090); PR: Positive (0.010 to 0.040); "
        "Age (0.010 to 0.030)."
    )


def test_matching_warnings(content):
    assert warn_about_matching(content["followup"], LABELS, 2) == []
    (text,) = warn_about_matching(content["followup"], LABELS, 3)
    assert "1,170 M0 patients for 585 M0(i+) patients instead of 1,755" in text


RECEPTORS = {"er": "Negative", "pr": "Positive"}


def test_cells_outside_the_pool_are_named_with_their_counts(content):
    assert warn_about_score(cell_rows(), LABELS, VARIABLES) == []
    cells = cell_rows((RECEPTORS, 10, 0, False), ({"grade": "III"}, 0, 12, False))
    one, other = warn_about_score(cells, LABELS, VARIABLES)
    assert one.startswith(
        "No M0(i+) patient has ER: Negative and PR: Positive, so that the M0 patients who have "
        "(10) got no propensity score and are outside the pool of the match."
    )
    assert "No M0 patient has Grade: III, so that the M0(i+) patients who have (12)" in other
    masked = cells.assign(n_reference=cells["n_reference"].where(cells["n_reference"] == 0))
    one, other = warn_about_score(masked, LABELS, VARIABLES)
    assert "(masked)" in one and "10" not in one and "(12)" in other
    page = render_report(changed(content, separated_cells=cells))
    assert page.count("No M0(i+) patient has ER: Negative and PR: Positive") == 2  # methods, too
    assert "over all patients of both groups in the pool" in page


def test_cells_of_numbers_are_named_without_values():
    (text,) = warn_about_score(cell_rows(({"age": "", "her2": ""}, 7, 0, False)), LABELS, VARIABLES)
    assert (
        "is in some of the combinations of Age and HER2, so that the M0 patients who are (7)"
        in text
    )


def test_cells_that_stay_in_the_pool_are_told(content):
    cells = cell_rows((RECEPTORS, 10, 0, True))
    (text,) = warn_about_score(cells, LABELS, VARIABLES)
    assert text.endswith(
        "not taken out of the pool of the match, as in R (ties: file_order), and widen the caliper."
    )
    page = render_report(changed(content, separated_cells=cells))
    assert "over all eligible patients of both groups" in page


def followup_of(cohort, matched):
    return pd.DataFrame(
        {
            "population": ["cohort"] * 2 + ["matched"] * 2,
            "group": [*LABELS] * 2,
            "n": [*cohort, *matched],
        }
    )


def test_fewer_reference_patients_than_the_ratio_needs_are_told():
    few, sets = warn_about_matching(followup_of((150, 100), (150, 100)), LABELS, 2)
    assert few == (
        "There are 150 M0 patients for 100 M0(i+) patients, fewer than a ratio of 2 needs (200): "
        "as many as possible were matched."
    )
    assert "150 M0 patients for 100 M0(i+) patients instead of 200" in sets


@pytest.mark.parametrize(
    ("order", "left"),
    [("largest", "those of low score"), ("smallest", "those of high score"), ("random", "some")],
)
def test_more_exposed_than_reference_patients_call_for_overlap_weights(order, left):
    few, lost = warn_about_matching(followup_of((60, 100), (60, 60)), LABELS, 1, order)
    assert f"Not all M0(i+) patients can have a match, and {left} have none (order: {order})" in few
    assert few.endswith(
        "Overlap weights (ATO, among the sensitivity analyses) use all patients; prefer them."
    )
    assert lost == "40 of 100 M0(i+) patients found no match and are not in the results."


def test_a_masked_size_is_compared_with_nothing():
    rows = [("cohort", "M0", 1060), ("matched", "M0", 109), ("matched", "M0(i+)", 55)]
    sizes = pd.DataFrame(
        [*rows, ("cohort", "M0(i+)", float("nan"))], columns=["population", "group", "n"]
    )
    (text,) = warn_about_matching(sizes, LABELS, 2)
    assert "masked" not in text and text.startswith("Matched sets are incomplete: 109")
