"""Schoenfeld residuals by their definition, and what is tested when terms have no estimate."""

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.interpretation import _proportionality
from seermatch.analysis.models import regression_models
from seermatch.analysis.proportionality import assess_proportionality
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.proportionality_cox import schoenfeld_residuals, smooth_residuals
from seermatch.variables.printed import EVENTS

LABELS = ("M0", "M0(i+)")


def cohort(n=300, seed=1):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "group": np.repeat([0, 0, 1], n // 3),
            "age": rng.integers(40, 80, n),
            "grade": pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"]),
            "n_stage": pd.Categorical.from_codes(rng.integers(0, 3, n), ["N0", "N1", "N2"]),
            "time": rng.integers(0, 30, n),
            "event": pd.Categorical.from_codes(rng.choice(3, n, p=[0.7, 0.2, 0.1]), EVENTS),
            "weight": 1.0,
            "matched_set": np.tile(np.arange(n // 3), 3),
        }
    )


def test_tied_deaths_share_the_mean_of_their_risk_sets():
    """Schoenfeld's definition death by death: each tied one sees less of the others' weight."""
    frame = cohort(60)
    time, event = frame["time"].to_numpy(), frame["event"].cat.codes.to_numpy() > 0
    X = frame[["group", "age"]].to_numpy(dtype=float)
    fit = fit_cox(EventTimes(time, event), X)
    hazard = np.exp((X - X.mean(axis=0)) @ fit.coef)
    expected = []
    for month in np.unique(time[event]):
        died, at_risk = event & (time == month), time >= month
        means = []
        for taken in range(died.sum()):
            weight = hazard * (at_risk - taken / died.sum() * died)
            means.append(weight @ X / weight.sum())
        expected += [(month, *(x - np.mean(means, axis=0))) for x in X[died]]
    expected = np.array(expected)
    months, scaled = schoenfeld_residuals(fit, EventTimes(time, event), X)
    raw = (scaled - fit.coef) @ np.linalg.inv(fit.covariance["model"]) / len(scaled)
    assert months.tolist() == expected[:, 0].tolist()
    np.testing.assert_allclose(raw, expected[:, 1:], atol=1e-9)
    np.testing.assert_allclose(scaled.mean(axis=0), fit.coef, atol=1e-9)


def test_a_spline_of_few_deaths_is_refused_and_ties_drop_knots():
    assert smooth_residuals(np.arange(8), np.arange(8)).empty
    assert smooth_residuals(np.zeros(50), np.arange(50)).empty
    assert smooth_residuals(np.array([]), np.array([])).empty
    months = np.r_[np.zeros(20), 5.0, 9.0]
    line = smooth_residuals(months, 3 + months, points=4)
    assert line["estimate"].to_numpy() == pytest.approx(3 + line["time"].to_numpy())


@pytest.fixture(scope="module")
def models():
    terms = ["age", "grade", "n_stage"]
    return regression_models(cohort(), terms, terms, group_labels=LABELS).table


def test_the_group_alone_is_tested_as_in_the_interpretation(models):
    found = assess_proportionality(cohort(), models).tests.iloc[0]
    rows = _proportionality(cohort())
    (row,) = [row for row in rows if row["outcome"] == "overall survival (Cox)"]
    assert (found["model"], found["term"]) == ("univariable", "group")
    assert found["p_value"] == pytest.approx(row["estimate"], rel=1e-12)


def test_residuals_average_to_the_coefficients_of_the_table(models):
    residuals = assess_proportionality(cohort(), models).residuals
    keys = ["model", "term", "level"]
    means = residuals.groupby(keys)["residual"].mean()
    coef = models.set_index(keys)["coef"]
    assert len(means) == 1 + 5
    np.testing.assert_allclose(means, coef[means.index], atol=1e-9)


def test_terms_without_an_estimate_stay_out(models):
    lost = models["term"].isin(["grade"]) | (models["level"] == "N2")
    models = models.assign(status=models["status"].mask(lost, "separated"))
    found = assess_proportionality(cohort(), models)
    tests = found.tests[found.tests["model"] == "recommended"].set_index(["term", "level"])
    assert tests.loc[("grade", "III"), "status"] == "separated"
    assert np.isnan(tests.loc[("grade", "III"), "p_value"])
    assert tests.loc[("GLOBAL", ""), "df"] == 3
    kept = found.residuals[found.residuals["model"] == "recommended"]
    assert set(zip(kept["term"], kept["level"], strict=True)) == {
        ("age", ""),
        ("n_stage", "N1"),
        ("group", "M0(i+)"),
    }


def test_a_group_without_an_estimate_has_no_residuals(models):
    alone = (models["model"] == "univariable") & (models["term"] == "group")
    found = assess_proportionality(
        cohort(), models.assign(status=models["status"].mask(alone, "separated"))
    )
    assert set(found.residuals["model"]) == {"recommended"}
    assert np.isnan(found.tests["p_value"].iloc[0])
