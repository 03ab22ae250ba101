"""Scaled Schoenfeld residuals against R's survival 3.5-3 (cox.zph), and their spline against lm."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.proportionality_cox import (
    proportional_hazards_test,
    schoenfeld_residuals,
    smooth_residuals,
)

DATA = Path(__file__).parent.parent / "data"
GOLDEN = json.loads((DATA / "schoenfeld_residuals.json").read_text())
TERMS = ["age", "size", "grade3", "n13", "group"]


@pytest.fixture(scope="module", params=["plain", "weighted"])
def model(request):
    matched = pd.read_csv(DATA / "matched.csv")
    row = np.arange(1, len(matched) + 1)
    weights = 0.5 + (row % 4) / 2 if request.param == "weighted" else None
    data = EventTimes(matched["time"], matched["status"] > 0, weights), matched[TERMS]
    return fit_cox(*data), data, GOLDEN[request.param]


def in_order(time, residual):
    """Sort by time, and tied deaths by their residuals: no program keeps their order."""
    time, residual = np.asarray(time), np.asarray(residual)
    return residual[np.lexsort((*residual.T, time))]


def test_residuals(model):
    fit, data, golden = model
    time, residual = schoenfeld_residuals(fit, *data)
    assert time.tolist() == golden["time"]
    assert len(np.unique(time)) < len(time), "the deaths are tied, which is the point"
    np.testing.assert_allclose(
        in_order(time, residual), in_order(golden["time"], golden["scaled"]), rtol=0, atol=1e-10
    )


def test_the_test_beside_the_residuals(model):
    fit, data, golden = model
    test = proportional_hazards_test(fit, *data)
    np.testing.assert_allclose(
        test[["statistic", "df", "p_value"]], np.array(golden["table"]), rtol=1e-9
    )


def test_the_smooth_is_a_least_squares_natural_spline():
    golden = GOLDEN["smooth"]
    time, residuals = GOLDEN["plain"]["time"], np.array(GOLDEN["plain"]["scaled"])
    for column, fit in zip(residuals.T, golden["fit"], strict=True):
        smooth = smooth_residuals(time, column, points=len(golden["at"]))
        assert smooth["time"].tolist() == pytest.approx(golden["at"], rel=1e-12)
        np.testing.assert_allclose(
            smooth[["estimate", "low", "high"]], np.array(fit), rtol=1e-8, atol=1e-10
        )
