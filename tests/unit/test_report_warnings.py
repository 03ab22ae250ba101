"""What the report warns of."""

from dataclasses import replace

import pandas as pd
import pytest
from report_content import (
    CRITERIA,
    LABELS,
    made_up_content,
    model_rows,
)
from seermatch.report import render_report
from seermatch.report_checks import quality_warnings
from seermatch.study_warnings import (
    warn_about_balance,
    warn_about_criteria,
    warn_about_matching,
    warn_about_models,
)


@pytest.fixture(scope="module")
def content():
    return made_up_content()


def test_quality_warnings(content):
    assert quality_warnings(content.quality.head(1), LABELS) == []
    cause, lost = quality_warnings(content.quality, LABELS)
    assert cause == (
        "Warning. Deaths without a cause: more than 3 % of the deaths have no cause. 45 of 438 "
        "(10.3%)."
    )
    assert "M0(i+)" in lost and "masked of 680." in lost


def test_criteria_that_were_not_applied_are_warned_of(content):
    assert warn_about_criteria(content.attrition, CRITERIA) == []
    flow = content.attrition.copy()
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
    page = render_report(replace(content, attrition=flow, config=config))
    assert "The criterion “nodes examined” was not applied" in page


def test_model_warnings():
    rows = model_rows(1.0)
    aliased = (rows["model"] == "recommended") & (rows["term"] == "er")
    rows.loc[rows["model"] == "recommended", "status"] = "ok"
    rows.loc[aliased, ["status", "dependence"]] = ["aliased", "ER: Positive = PR: Positive"]
    separated, aliased = warn_about_models({"Death": rows}, LABELS)
    both = "death (univariable models, multivariable model as published)"
    assert separated.startswith("No finite estimate exists (separation) for ER (Positive vs Neg")
    assert both in separated and "their intervals are approximate" in separated
    assert aliased.endswith(
        ": ER (Positive vs Negative), since ER: Positive = PR: Positive, in: death (recommended "
        "model)."
    )
    few = warn_about_models({"Death": rows.assign(events=29)}, LABELS)
    assert "29 for 3 in the multivariable model as published" in few[-1]


def test_what_goes_for_several_models_is_said_once():
    rows = model_rows(1.0).assign(events=29)
    found = warn_about_models({"Death": rows, "Death of it": rows}, LABELS)
    assert len(found) == len(warn_about_models({"Death": rows}, LABELS)) == 2
    separated, few = found
    assert separated.count("ER (Positive vs Negative)") == 1
    assert "death (" in separated and "death of it (" in separated
    assert few.count("Below 10 events per coefficient") == 1
    assert "; death of it, 29 for 3 in" in few


def test_balance_warnings(content):
    assert warn_about_balance(content.balance, 0.1) == []
    worse = content.balance.assign(smd_after=[-0.19, 0.15])
    (text,) = warn_about_balance(worse, 0.1)
    assert "above 0.1" in text and "Age (0.132 to 0.150)" in text
    many = pd.DataFrame(
        {
            "term": ["age", "tumor_size", "er", "pr", "her2"],
            "level": ["", "", *["Positive"] * 3],
            "smd_before": 0.01,
            "smd_after": [0.03, 0.02, -0.09, 0.04, 0.005],
        }
    )
    (text,) = warn_about_balance(many, 0.1)
    assert text.endswith(
        "for 4 of 5 terms, most for ER: Positive (0.010 to 0.090); PR: Positive (0.010 to 0.040); "
        "Age (0.010 to 0.030)."
    )


def test_matching_warnings(content):
    assert warn_about_matching(content.followup, LABELS, 2) == []
    (text,) = warn_about_matching(content.followup, LABELS, 3)
    assert "1,170 M0 patients for 585 M0(i+) patients instead of 1,755" in text
