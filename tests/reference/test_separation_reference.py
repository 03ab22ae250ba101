"""Firth's Cox regression against firthmodels, and the receptors of the matched cohort."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seermatch.survival.event_times import EventTimes
from seermatch.survival.firth import fit_firth
from seermatch.survival.separation import find_separation

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def matched():
    frame = pd.read_csv(DATA / "matched.csv")
    frame["er0_pr1"] = (frame["er"] == 0) & (frame["pr"] == 1)
    return frame


def test_firth_cox_of_firthmodels(matched):
    expected = json.loads((DATA / "firth_cox.json").read_text())
    fit = fit_firth(
        EventTimes(matched["time"], matched["status"] > 0), matched[expected["columns"]]
    )
    assert fit.converged
    assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-10)
    table = fit.summary()
    names = {"coef": "coef", "se": "se", "low": "conf_low", "high": "conf_high", "p": "p_value"}
    for name, theirs in names.items():
        values = np.log(table[name]) if name in ("low", "high") else table[name]
        np.testing.assert_allclose(values, expected[theirs], rtol=2e-6)


@pytest.mark.parametrize("kind", ["cox", "fine_gray"])
def test_er_pr_and_subtype_together_are_separated(matched, kind):
    """No event in ER-/PR+ patients, whom ER, PR and subtype together set apart."""
    event = matched["status"] > 0 if kind == "cox" else matched["status"]
    assert not event[matched["er0_pr1"]].any()
    names = ["age", "size", "grade3", "n13", "group", "er", "pr"]
    subtypes = [matched["subtype"] == level for level in (2, 3, 4)]
    X = np.column_stack([matched[names], *subtypes]).astype(float)
    marked = find_separation(EventTimes(matched["time"], event), X, model=kind).infinite
    # ER, and the two subtypes without hormone receptors: the rows that have gone astray
    assert np.flatnonzero(marked).tolist() == [5, 8, 9]
    assert not find_separation(
        EventTimes(matched["time"], event), X[:, :7], model=kind
    ).infinite.any()
    assert not find_separation(
        EventTimes(matched["time"], event), np.delete(X, [5, 6], axis=1), model=kind
    ).infinite.any()
