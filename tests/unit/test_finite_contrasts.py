"""Comparisons among separated terms: which there are, and that the coding does not matter."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from paper_words import VARIABLES
from seermatch.analysis.models import CONTRAST_COLUMNS, regression_models
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.variables.printed import EVENTS
from seermatch.wording.terms import describe_balance_term


def cohort(seed=1, n=600):
    """Four levels of a factor (A without deaths), a receptor, a continuous covariate."""
    rng = np.random.default_rng(seed)
    level = rng.choice(4, n, p=[0.1, 0.4, 0.3, 0.2])
    event = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    event[level == 0] = 0
    return pd.DataFrame(
        {
            "group": rng.integers(0, 2, n),
            "age": rng.integers(40, 80, n),
            "er": pd.Categorical.from_codes(rng.integers(0, 2, n), ["Negative", "Positive"]),
            "stage": pd.Categorical.from_codes(level, list("ABCD")),
            "time": rng.integers(0, 40, n),
            "event": pd.Categorical.from_codes(event, EVENTS),
            "matched_set": np.arange(n) // 3,
        }
    )


def contrasts_of(frame, terms, estimator="cox"):
    models = regression_models(
        frame,
        [],
        terms,
        estimator=estimator,
        describe=partial(describe_balance_term, variables=VARIABLES),
    )
    assert tuple(models.contrasts.columns) == CONTRAST_COLUMNS
    rows = models.contrasts
    return rows[rows["model"] == "recommended"].set_index(["patients", "against"])


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_levels_are_compared_as_if_the_one_without_events_were_the_last(estimator):
    """With another reference level the same comparisons are coefficients of an ordinary fit."""
    frame = cohort()
    found = contrasts_of(frame, ["age", "er", "stage"], estimator)
    assert found.index.tolist() == [
        ("Stage: C", "Stage: B"),
        ("Stage: D", "Stage: B"),
        ("Stage: D", "Stage: C"),
    ]
    kept = (frame["stage"] != "A").to_numpy()
    columns = [frame["er"] == "Positive", frame["stage"] == "C", frame["stage"] == "D"]
    X = np.column_stack([frame["age"], *columns, frame["group"]]).astype(float)
    code, clusters = frame["event"].cat.codes.to_numpy(), frame["matched_set"].to_numpy()
    if estimator == "cox":
        fit = fit_cox(
            EventTimes(frame["time"][kept], code[kept] > 0, clusters=clusters[kept]), X[kept]
        )
    else:
        # those of level A stay in the censoring distribution
        hardly = np.where(kept, 0.0, -40.0)
        fit = fit_fine_gray(EventTimes(frame["time"], code, clusters=clusters, offset=hardly), X)
    clustered = np.sqrt(np.diag(fit.covariance["clustered"]))
    np.testing.assert_allclose(found["coef"].iloc[:2], fit.coef[2:4], rtol=1e-9)
    np.testing.assert_allclose(found["se"].iloc[:2], fit.se(fit.unclustered)[2:4], rtol=1e-9)
    np.testing.assert_allclose(found["se_clustered"].iloc[:2], clustered[2:4], rtol=1e-9)
    assert found["coef"].iloc[2] == pytest.approx(found["coef"].iloc[1] - found["coef"].iloc[0])
    np.testing.assert_allclose(found["hr"], np.exp(found["coef"]), rtol=1e-12)
    np.testing.assert_allclose(
        np.log(found["hr_high"] / found["hr_low"]), 2 * 1.959963985 * found["se"], rtol=1e-8
    )


@pytest.mark.parametrize(
    "order", [["A", "B", "C", "D"], ["C", "A", "D", "B"], ["D", "C", "B", "A"]]
)
def test_the_order_of_the_levels_does_not_matter(order):
    frame = cohort()
    plain = contrasts_of(frame, ["age", "stage"])["hr"]
    recoded = frame.assign(stage=frame["stage"].cat.reorder_categories(order))
    table = regression_models(recoded, [], ["age", "stage"]).table
    finite = table.query("model == 'recommended' and term == 'stage' and status == 'ok'")
    other = contrasts_of(recoded, ["age", "stage"])
    if order[0] == "A":
        assert len(finite) == 0 and len(other) == 3
        return
    # the comparisons with the reference level are coefficients now, and none is left over
    assert len(finite) == 2 and len(other) == 0
    for row in finite.itertuples():
        there = (f"Stage: {row.level}", f"Stage: {order[0]}")
        expected = plain[there] if there in plain else 1 / plain[there[::-1]]
        assert row.hr == pytest.approx(expected, rel=1e-9)


def test_two_factors_apart_are_not_mixed():
    """A level without deaths in each of two factors: nobody of either is left to compare."""
    frame = cohort()
    frame.loc[frame["er"] == "Positive", "event"] = "censored"
    found = contrasts_of(frame, ["er", "stage"])
    assert found.index.tolist() == [
        ("Stage: C", "Stage: B"),
        ("Stage: D", "Stage: B"),
        ("Stage: D", "Stage: C"),
    ]


def test_levels_that_go_together_are_named_together():
    """B and C are ER positive but for a few without deaths, D is negative; in either coding."""
    frame = cohort().query("stage != 'A'")
    frame["stage"] = frame["stage"].cat.remove_unused_categories()
    positive, late = frame["er"] == "Positive", frame["stage"] == "D"
    few = ~positive & (frame["stage"] == "B") & (frame.index % 20 == 7)
    frame.loc[few, "event"] = "censored"
    frame = frame[(positive ^ late) | few]
    found = contrasts_of(frame, ["er", "stage"])
    turned = frame.assign(er=frame["er"].cat.reorder_categories(["Positive", "Negative"]))
    other = contrasts_of(turned, ["er", "stage"])
    assert ("ER: Negative, Stage: D", "ER: Positive, Stage: B") in found.index
    assert ("Stage: D", "Stage: B") not in found.index
    pd.testing.assert_frame_equal(found, other, rtol=1e-7)


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_nothing_separated_leaves_an_empty_table(estimator):
    frame = cohort().query("stage != 'A'")
    models = regression_models(frame, ["age"], ["age", "er"], estimator=estimator)
    assert set(models.table["status"]) == {"ok"}
    assert tuple(models.contrasts.columns) == CONTRAST_COLUMNS and len(models.contrasts) == 0


def test_a_continuous_covariate_is_never_compared():
    """Deaths come in the order of age, the oldest first."""
    frame = cohort(n=60).query("stage != 'A'").reset_index(drop=True)
    frame["stage"] = frame["stage"].cat.remove_unused_categories()
    frame["event"] = pd.Categorical(["other death"] * len(frame), EVENTS)
    frame["time"] = 200 - 2 * frame["age"].to_numpy() + 0
    models = regression_models(frame, [], ["age"])
    age = models.table.query("model == 'recommended' and term == 'age'")
    assert age["status"].tolist() == ["separated"]
    assert len(models.contrasts.query("model == 'recommended'")) == 0
