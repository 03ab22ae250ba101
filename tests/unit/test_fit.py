"""What a fit can be asked for: estimates, tests, a summary and curves, the same for every model."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from seermatch.errors import StudyError
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.firth import fit_firth


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(8)
    X = pd.DataFrame({"age": rng.normal(60, 10, 200), "group": rng.integers(0, 2, 200)})
    time = rng.exponential(20 * np.exp(-0.02 * (X["age"] - 60)))
    event = rng.choice(3, 200, p=[0.4, 0.4, 0.2])
    return EventTimes(time, event, clusters=np.arange(200) // 2), X


@pytest.mark.parametrize("fit", [fit_cox, fit_fine_gray])
def test_estimates_tests_and_summary_agree(sample, fit):
    data, X = sample
    found = fit(data, X)
    assert found.names == ("age", "group") and found.variance == "clustered"
    by_name, by_number = found.estimate("group"), found.estimate(1)
    assert by_name == by_number == found.estimate([0, 1])
    assert by_name.se == found.se("clustered")[1]
    assert found.test(["group"]).p_value == pytest.approx(by_name.p_value, rel=1e-9)
    table = found.summary(confidence=0.9)
    row = table.loc["group", ["hr", "low", "high", "p"]]
    assert row.tolist() == [*by_name.ratio(0.9), by_name.p_value]
    difference = found.estimate([1, -1], "robust")
    variance = np.array([1, -1]) @ found.covariance["robust"] @ [1, -1]
    assert difference.se == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert str(found).splitlines()[0].endswith("variance: clustered")
    for wrong in ("size", 2, [1.0]):
        with pytest.raises(StudyError, match="column"):
            found.estimate(wrong)


def test_the_survival_that_a_cox_model_predicts_is_that_of_lifelines(sample):
    """Without ties Efron's baseline is Breslow's."""
    data, X = sample
    fit = fit_cox(data.of(), X)
    frame = X.assign(time=data.time, event=data.event > 0)
    known = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
    times = known.baseline_survival_.index[[1, 40, 100]]  # between them lifelines interpolates
    expected = known.predict_survival_function(X[:3], times)
    np.testing.assert_allclose(fit.predict(X[:3], times), expected, rtol=1e-6)


@pytest.mark.parametrize("model", ["maximum", "Firth"])
def test_predicted_incidence_is_in_proportion_to_the_hazard(sample, model):
    data, X = sample
    fit = fit_fine_gray(data, X) if model == "maximum" else fit_firth(data, X, "fine_gray")
    pair = pd.DataFrame({"age": [60, 60], "group": [0, 1]}, index=["no", "yes"])
    curve = fit.predict(pair, [0, 10, 30])
    assert curve.iloc[0].tolist() == [0, 0] and (curve.diff().iloc[1:] > 0).all(axis=None)
    ratio = np.log1p(-curve["yes"]) / np.log1p(-curve["no"])
    np.testing.assert_allclose(ratio.iloc[1:], np.exp(fit.coef[1]), rtol=1e-9)
    with pytest.raises(StudyError, match="X has 1 columns"):
        fit.predict(pair[["age"]], [1])
