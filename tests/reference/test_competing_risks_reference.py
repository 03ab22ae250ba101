"""Cumulative incidence, Gray's test and Fine–Gray against R's cmprsk and survival."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.gray import gray_test
from seermatch.survival.incidence import cumulative_incidence, incidence_by_group

DATA = Path(__file__).parents[1] / "data"
GOLDEN = json.loads((DATA / "golden.json").read_text())
RANDOM = json.loads((DATA / "competing_risks_random.json").read_text())["sets"]
MULTIVARIABLE = ["age", "size", "grade3", "n13", "group"]
OTHER_CAUSE = np.array([0, 2, 1])


@pytest.fixture(scope="module")
def matched():
    return pd.read_csv(DATA / "matched.csv")


def at(curve, times, column):
    """Value of a step function at given times."""
    return curve[column].to_numpy()[np.searchsorted(curve["time"], times, side="right") - 1]


@pytest.mark.parametrize("row", range(4))
def test_cumulative_incidence_of_cmprsk(matched, row):
    expected = GOLDEN["cuminc"]
    group, cause = expected["rows"][row].split()
    frame = incidence_by_group(
        EventTimes(matched["time"], matched["status"]),
        matched["group"],
        {0: "0", 1: "1"},
        cause_labels=["1", "2"],
    )
    curve = frame[(frame["group"] == group) & (frame["cause"] == cause)]
    times = expected["times"]
    np.testing.assert_allclose(at(curve, times, "estimate"), expected["est"][row], rtol=1e-12)
    np.testing.assert_allclose(at(curve, times, "se") ** 2, expected["var"][row], rtol=1e-12)


@pytest.mark.parametrize("group", [0, 1])
def test_weighted_variance_is_survfits_infinitesimal_jackknife(matched, group):
    expected = GOLDEN["aj_survfit"]
    rows = matched[matched["group"] == group]
    # weights of 1 would be none; equal ones of 2 give the same jackknife
    frame = cumulative_incidence(EventTimes(rows["time"], rows["status"], np.full(len(rows), 2)))
    for cause in (1, 2):
        curve = frame[frame["cause"] == cause]
        se = np.array(expected["se"])[3 * group : 3 * group + 3, cause]
        np.testing.assert_allclose(at(curve, [12, 36, 59], "se"), se, rtol=1e-12)


@pytest.mark.parametrize("group", [0, 1])
def test_incidence_of_scikit_survival(matched, group):
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    rows = matched[matched["group"] == group]
    time, expected = cumulative_incidence_competing_risks(
        rows["status"].to_numpy(), rows["time"].to_numpy(dtype=float)
    )
    frame = cumulative_incidence(EventTimes(rows["time"], rows["status"]))
    for cause in (1, 2):
        curve = frame[frame["cause"] == cause]
        np.testing.assert_allclose(at(curve, time, "estimate"), expected[cause], rtol=1e-12)


@pytest.mark.parametrize("cause", [1, 2])
@pytest.mark.parametrize(
    ("key", "group", "strata", "rho"),
    [
        ("gray_group", "group", None, 0),
        ("gray_subtype", "subtype", None, 0),
        ("gray_subtype_strata_n13", "subtype", "n13", 0),
        ("gray_subtype_rho1", "subtype", None, 1),
    ],
)
def test_gray(matched, key, group, strata, rho, cause):
    test = gray_test(
        EventTimes(matched["time"], matched["status"]),
        matched[group],
        strata=None if strata is None else matched[strata],
        rho=rho,
        cause=cause,
    )
    statistic, p_value, df = GOLDEN[key][cause - 1]
    assert test.statistic == pytest.approx(statistic, rel=1e-12)
    assert test.p_value == pytest.approx(p_value, rel=1e-8)
    assert test.df == df


@pytest.mark.parametrize(
    ("key", "cause", "columns"),
    [
        ("crr_uni_shifted_tight", 1, ["group"]),
        ("crr_multi_shifted_tight", 1, MULTIVARIABLE),
        ("crr_cause2_uni_shifted_tight", 2, ["group"]),
        ("crr_cause2_multi_shifted_tight", 2, MULTIVARIABLE),
    ],
)
def test_fine_gray_of_cmprsk(matched, key, cause, columns):
    event = matched["status"].to_numpy()
    event = event if cause == 1 else OTHER_CAUSE[event]
    fit = fit_fine_gray(EventTimes(matched["time"], event), matched[columns])
    assert fit.converged
    np.testing.assert_allclose(fit.coef, GOLDEN[key]["coef"], rtol=1e-8)
    np.testing.assert_allclose(fit.se("robust"), GOLDEN[key]["se"], rtol=1e-8)
    if "loglik" in GOLDEN[key]:
        assert fit.loglik == pytest.approx(GOLDEN[key]["loglik"], rel=1e-12)


def test_month_zero_is_the_only_difference_to_unshifted_cmprsk(matched):
    """There crr takes G(0) for G(0-); that moves the estimates in the fifth digit."""
    fit = fit_fine_gray(EventTimes(matched["time"], matched["status"]), matched[MULTIVARIABLE])
    expected = GOLDEN["crr_multi_tight"]
    np.testing.assert_allclose(fit.coef, expected["coef"], rtol=1e-4)
    np.testing.assert_allclose(fit.se("robust"), expected["se"], rtol=1e-4)


def test_cox_breslow_of_survival(matched):
    expected = GOLDEN["cox_breslow"]
    died = matched["status"] > 0
    fit = fit_fine_gray(
        EventTimes(matched["time"], died, clusters=matched["pair"]), matched[MULTIVARIABLE]
    )
    np.testing.assert_allclose(fit.coef, expected["coef"], rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance["model"])), expected["se"], rtol=1e-9)
    np.testing.assert_allclose(fit.se("robust"), expected["robust"], rtol=1e-9)
    np.testing.assert_allclose(fit.se("clustered"), expected["cluster_pair"], rtol=1e-9)
    assert [fit.loglik_null, fit.loglik] == pytest.approx(expected["loglik"], rel=1e-12)


@pytest.fixture(params=RANDOM, ids=lambda data: data["kind"][0].replace(" ", "_"))
def random_set(request):
    data = request.param
    columns = ("time", "event", "group", "strata", "age", "grade")
    return data, *(np.array(data[c], dtype=float) for c in columns)


def test_gray_on_random_data(random_set):
    data, time, event, group, strata, *_ = random_set
    expected = data["gray"]
    for i, cause in enumerate(expected["cause"]):
        test = gray_test(
            EventTimes(time, event), group, strata=strata, rho=data["rho"][0], cause=cause
        )
        assert test.statistic == pytest.approx(expected["statistic"][i], rel=1e-10)
        assert test.p_value == pytest.approx(expected["p_value"][i], rel=1e-7)
        assert test.df == expected["df"][i]


def test_incidence_on_random_data(random_set):
    data, time, event, group, *_ = random_set
    for expected in data["curves"]:
        label, cause = expected["name"][0].split()
        rows = group == int(label)
        curve = cumulative_incidence(EventTimes(time[rows], event[rows]), [int(cause)])
        # R draws steps, so each time is there twice; the second is the value after the jump
        times = np.array(expected["time"])
        after = np.append(times[1:] != times[:-1], True) & (times >= curve["time"].min())
        times = times[after]
        est, var = np.array(expected["est"])[after], np.array(expected["var"])[after]
        np.testing.assert_allclose(at(curve, times, "estimate"), est, rtol=1e-12)
        np.testing.assert_allclose(at(curve, times, "se") ** 2, var, rtol=1e-9, atol=1e-15)


def test_fine_gray_on_random_data(random_set):
    data, time, event, _, _, age, grade = random_set
    fit = fit_fine_gray(EventTimes(time, event), np.column_stack([age, grade]))
    expected = data["crr"]
    # cmprsk stops at a gradient of 1e-12 or where its step halving can do no more
    np.testing.assert_allclose(
        fit.coef / fit.se("robust"), np.array(expected["coef"]) / fit.se("robust"), atol=1e-6
    )
    scale = np.outer(fit.se("robust"), fit.se("robust"))
    np.testing.assert_allclose(
        fit.covariance["robust"] / scale, np.array(expected["var"]) / scale, atol=1e-6
    )
    assert fit.loglik == pytest.approx(expected["loglik"][0], rel=1e-10)
    assert fit.loglik_null == pytest.approx(expected["loglik_null"][0], rel=1e-10)
    np.testing.assert_allclose(np.diff(fit.baseline[1], prepend=0), expected["jumps"], rtol=1e-6)
