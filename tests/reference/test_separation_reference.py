"""Firth's Cox regression against firthmodels, and the receptors of the matched cohort."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seermatch.survival.firth import firth_cox
from seermatch.survival.separation import find_separation

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def matched():
    frame = pd.read_csv(DATA / "matched.csv")
    frame["er0_pr1"] = (frame["er"] == 0) & (frame["pr"] == 1)
    return frame


def test_firth_cox_of_firthmodels(matched):
    expected = json.loads((DATA / "firth_cox.json").read_text())
    fit = firth_cox(matched["time"], matched["status"] > 0, matched[expected["columns"]])
    assert fit.converged
    assert fit.penalized_loglik == pytest.approx(expected["loglik"], rel=1e-10)
    for name in ("coef", "se", "conf_low", "conf_high", "p_value"):
        np.testing.assert_allclose(getattr(fit, name), expected[name], rtol=2e-6)


@pytest.mark.parametrize("kind", ["cox", "fine_gray"])
def test_er_pr_and_subtype_together_are_separated(matched, kind):
    """No event in ER-/PR+ patients, whom ER, PR and subtype together set apart."""
    event = matched["status"] > 0 if kind == "cox" else matched["status"]
    assert not event[matched["er0_pr1"]].any()
    names = ["age", "size", "grade3", "n13", "group", "er", "pr"]
    subtypes = [matched["subtype"] == level for level in (2, 3, 4)]
    X = np.column_stack([matched[names], *subtypes]).astype(float)
    marked = find_separation(matched["time"], event, X, kind).infinite
    # ER, and the two subtypes without hormone receptors: the rows that have gone astray
    assert np.flatnonzero(marked).tolist() == [5, 8, 9]
    assert not find_separation(matched["time"], event, X[:, :7], kind).infinite.any()
    assert not find_separation(
        matched["time"], event, np.delete(X, [5, 6], axis=1), kind
    ).infinite.any()
