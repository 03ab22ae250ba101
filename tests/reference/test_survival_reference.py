"""Survival and group comparison against R's survival 3.5-3 on the synthetic matched sample."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from seermatch.matching.characteristics import compare_groups
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import expected_deaths, kaplan_meier, logrank_test
from seermatch.survival.proportionality_cox import proportional_hazards_test

DATA = Path(__file__).parent.parent / "data"
GOLDEN = json.loads((DATA / "golden.json").read_text())
TERMS = ["age", "size", "grade3", "n13", "group"]


@pytest.fixture(scope="module")
def matched():
    return pd.read_csv(DATA / "matched.csv")


@pytest.fixture(scope="module")
def model(matched):
    data = EventTimes(matched["time"], matched["status"] > 0, clusters=matched["pair"])
    return fit_cox(data, matched[TERMS]), (data, matched[TERMS])


@pytest.mark.parametrize("interval", ["log", "log-log", "plain"])
def test_kaplan_meier(matched, interval):
    golden = GOLDEN[f"km_{interval}"]
    curves = {
        f"group={group}": kaplan_meier(
            EventTimes(part["time"], part["status"] > 0), interval=interval
        )
        for group, part in matched.groupby("group")
    }
    for i, (stratum, time) in enumerate(zip(golden["strata"], golden["time"], strict=True)):
        curve = curves[stratum]
        row = curve[curve["time"] <= time].iloc[-1]
        for column, name in [("estimate", "surv"), ("se", "se"), ("low", "lower")]:
            assert row[column] == pytest.approx(golden[name][i], rel=1e-10)
        assert row["high"] == pytest.approx(golden["upper"][i], rel=1e-10)
        assert curve[curve["time"] >= time].iloc[0]["at_risk"] == golden["n.risk"][i]


def test_logrank(matched):
    golden = GOLDEN["logrank"]
    test = logrank_test(EventTimes(matched["time"], matched["status"] > 0), matched["group"])
    assert test.statistic == pytest.approx(golden["chisq"], rel=1e-10)
    deaths = expected_deaths(EventTimes(matched["time"], matched["status"] > 0), matched["group"])
    assert deaths["observed"].tolist() == golden["obs"]
    assert deaths["expected"].tolist() == pytest.approx(golden["exp"], rel=1e-12)


def test_restricted_mean(matched):
    table = absolute_effects(
        EventTimes(matched["time"], matched["status"] > 0), matched["group"], [48]
    )
    mean = table.set_index("measure").loc["restricted mean survival"]
    estimates, errors = zip(*GOLDEN["rmst48"], strict=True)
    assert mean[["reference", "exposed"]].tolist() == pytest.approx(estimates, rel=1e-12)
    width = norm.ppf(0.975) * np.hypot(*errors)
    assert mean["high"] - mean["difference"] == pytest.approx(width, rel=1e-10)


def test_cox(model):
    fit, golden = model[0], GOLDEN["cox_efron"]
    assert fit.converged
    assert fit.coef.tolist() == pytest.approx(golden["coef"], rel=1e-10)
    assert fit.se("model").tolist() == pytest.approx(golden["se"], rel=1e-10)
    robust = np.sqrt(np.diag(fit.covariance["robust"]))
    clustered = np.sqrt(np.diag(fit.covariance["clustered"]))
    assert robust.tolist() == pytest.approx(golden["robust"], rel=1e-10)
    assert clustered.tolist() == pytest.approx(golden["cluster_pair"], rel=1e-10)
    assert [fit.loglik_null, fit.loglik] == pytest.approx(golden["loglik"], rel=1e-13)


@pytest.mark.parametrize("transform", ["km", "identity", "rank"])
def test_proportional_hazards(model, transform):
    fit, data = model
    test = proportional_hazards_test(fit, *data, transform=transform)
    assert test["term"].tolist() == [*TERMS, "GLOBAL"]
    golden = np.array(GOLDEN[f"zph_efron_{transform}"])
    np.testing.assert_allclose(test[["statistic", "df", "p_value"]], golden, rtol=1e-10)


def test_wilcoxon(matched):
    p_value = compare_groups(matched, ["age"])["p_value"].iloc[0]
    assert p_value == pytest.approx(GOLDEN["wilcox_age"], rel=1e-11)
