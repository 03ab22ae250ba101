"""Cells of one group only leave the pool of the propensity score: which, and what is left."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from seermatch.errors import StudyError
from seermatch.matching.nearest import match
from seermatch.matching.propensity import estimate_propensity, r_glm_linear_predictor
from seermatch.statistics.design_matrix import design_matrix

RECEPTORS = ["age", "er", "pr", "her2", "subtype"]


def receptors(n=1500, seed=1):
    """ER, PR, HER2 and the subtype made of them: main effects tell ER-, PR+ from the others."""
    rng = np.random.default_rng(seed)
    er, her2 = rng.random(n) < 0.8, rng.random(n) < 0.2
    pr = er & (rng.random(n) < 0.8)
    pr[:12], er[:12] = True, False
    positive = er | pr
    subtype = np.select([positive & ~her2, positive, her2], [0, 1, 2], 3)
    exposed = rng.random(n) < 0.2
    exposed[:12] = False
    sign = ["Negative", "Positive"]
    return pd.DataFrame(
        {
            "group": exposed.astype(np.int8),
            "age": rng.integers(40, 70, n),
            "er": pd.Categorical.from_codes(er.astype(int), sign),
            "pr": pd.Categorical.from_codes(pr.astype(int), sign),
            "her2": pd.Categorical.from_codes(her2.astype(int), sign),
            "subtype": pd.Categorical.from_codes(
                subtype, ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
            ),
        }
    )


def with_grade_iv(frame, group):
    """Fifteen patients of one group have a grade of their own."""
    rng = np.random.default_rng(2)
    grade = rng.choice(["I-II", "III"], len(frame))
    frame = frame.assign(grade=pd.Categorical(grade, categories=["I-II", "III", "IV"]))
    frame.loc[100:114, "grade"] = "IV"
    frame.loc[100:114, "group"] = group
    return frame


def cells(fit):
    """What each cell is, with its reference and exposed patients."""
    return [
        (dict(zip(part["term"], part["level"], strict=True)), *part.iloc[0, 3:].tolist())
        for _, part in fit.cells.groupby("cell")
    ]


def test_groups_that_overlap_have_no_cells():
    fit = estimate_propensity(receptors().iloc[12:], ["age", "er", "her2"])
    assert fit.cells.empty
    assert list(fit.cells.columns) == ["cell", "term", "level", "n_reference", "n_exposed"]
    assert np.isfinite(fit.linear_predictor).all()


@pytest.mark.parametrize(("group", "counts"), [(0, (15, 0)), (1, (0, 15))])
def test_a_level_of_one_group_leaves_the_pool(group, counts):
    frame = with_grade_iv(receptors().iloc[12:].reset_index(drop=True), group)
    fit = estimate_propensity(frame, ["age", "grade", "her2"])
    assert cells(fit) == [({"grade": "IV"}, *counts)]
    outside = (frame["grade"] == "IV").to_numpy()
    np.testing.assert_array_equal(np.isnan(fit.linear_predictor), outside)
    without = estimate_propensity(frame[~outside], ["age", "grade", "her2"])
    np.testing.assert_array_equal(fit.linear_predictor[~outside], without.linear_predictor)
    pd.testing.assert_frame_equal(fit.coefficients, without.coefficients)


def test_the_reference_level_may_be_the_cell():
    frame = with_grade_iv(receptors().iloc[12:].reset_index(drop=True), 0)
    frame["grade"] = frame["grade"].cat.reorder_categories(["IV", "I-II", "III"])
    assert cells(estimate_propensity(frame, ["age", "grade"])) == [({"grade": "IV"}, 15, 0)]


def test_a_combination_is_named_by_as_few_levels_as_do():
    """The linear programme needs three terms (er, her2, subtype); two levels name the patients."""
    frame = with_grade_iv(receptors(), 1)
    fit = estimate_propensity(frame, ["grade", *RECEPTORS])
    assert cells(fit) == [
        ({"grade": "IV"}, 0, 15),
        ({"er": "Negative", "pr": "Positive"}, 12, 0),
    ]
    outside = (frame["grade"] == "IV") | ((frame["er"] == "Negative") & (frame["pr"] == "Positive"))
    np.testing.assert_array_equal(np.isnan(fit.linear_predictor), outside)


def test_the_caliper_is_not_stretched_by_patients_outside_the_pool():
    frame = receptors()
    fit = estimate_propensity(frame, RECEPTORS)
    pool = np.isfinite(fit.linear_predictor)
    assert pool.sum() == len(frame) - 12
    X, y = design_matrix(frame, RECEPTORS).X, frame["group"].to_numpy()
    kept = r_glm_linear_predictor(X, y)  # R keeps the cell: score around -20
    np.testing.assert_allclose(kept[pool], fit.linear_predictor[pool], atol=1e-4)
    assert (kept[~pool] < -15).all()
    ids = [f"{i:08d}" for i in range(len(frame))]
    ours = match(
        fit.linear_predictor[pool], y[pool], patient_id=np.array(ids)[pool].tolist(), ratio=1
    )
    rs = match(kept, y, patient_id=ids, ratio=1)
    assert rs.caliper_width > 4 * ours.caliper_width


def test_groups_that_do_not_overlap_at_all_are_refused():
    frame = receptors()
    frame["group"] = (frame["age"] > 60).astype(np.int8)
    for terms in (["age"], ["er", "age", "her2"]):
        with pytest.raises(StudyError, match="The groups do not overlap in age: no patient could"):
            estimate_propensity(frame, terms)


def test_numbers_are_named_without_values():
    """Of her2-negative patients those above 60 are exposed, the others are mixed."""
    frame = receptors(400).iloc[12:]
    negative = frame["her2"] == "Negative"
    frame["older"] = np.where(negative, frame["age"], 0)
    frame["group"] = np.where(negative, frame["age"] > 60, frame["group"])
    fit = estimate_propensity(frame, ["older", "her2"])
    below, above = (negative & (frame["age"] <= 60)).sum(), (negative & (frame["age"] > 60)).sum()
    found = cells(fit)
    assert sorted(found, key=lambda one: one[1]) == [
        ({"older": "", "her2": ""}, 0, above),
        ({"older": "", "her2": ""}, below, 0),
    ]
    assert np.isnan(fit.linear_predictor).sum() == negative.sum()


def signed(frame, terms):
    """Rows (1, x) of the design, negated for reference patients."""
    X = np.column_stack([np.ones(len(frame)), design_matrix(frame, terms).X])
    X = X / np.maximum(np.abs(X).max(axis=0), 1)
    return X * np.where(frame["group"] == 1, 1, -1)[:, None]


def separated_by_definition(frame, terms):
    """Patients strictly on their side in a direction in which nobody is on the wrong one.

    One linear programme for each kind of patient: as far on the own side as the others allow.
    """
    sides, kind = np.unique(signed(frame, terms), axis=0, return_inverse=True)
    far = [
        -linprog(-row, A_ub=-sides, b_ub=np.zeros(len(sides)), bounds=(-1, 1)).fun for row in sides
    ]
    return np.array(far)[kind] > 1e-6


def test_the_pool_is_what_no_direction_separates():
    """Against the definition, on small data sets of which some have cells, some no overlap."""
    seen = {"all": 0, "some": 0, "none": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(8, 50))
        frame = pd.DataFrame({"age": rng.integers(4, 8, n) * 10.0})
        frame["grade"] = pd.Categorical.from_codes(rng.integers(0, 3, n), list("abc"))
        frame["stage"] = pd.Categorical.from_codes(rng.integers(0, 2 + seed % 2, n), [*"xyz"])
        score = 0.03 * frame["age"] + 1.5 * (frame["grade"] == "b") + rng.logistic(0, 0.3, n)
        frame["group"] = (score > np.quantile(score, rng.uniform(0.3, 0.8))).astype(int)
        terms = ["age", "grade", "stage"]
        outside = separated_by_definition(frame, terms)
        both = frame["group"][~outside].nunique() == 2
        if not both:
            seen["all"] += 1
            with pytest.raises(StudyError, match="do not overlap in"):
                estimate_propensity(frame, terms)
            continue
        seen["some" if outside.any() else "none"] += 1
        fit = estimate_propensity(frame, terms)
        np.testing.assert_array_equal(np.isnan(fit.linear_predictor), outside)
        told = fit.cells.drop_duplicates("cell")
        assert told[["n_reference", "n_exposed"]].to_numpy().sum() == outside.sum()
        assert (told[["n_reference", "n_exposed"]].min(axis=1) == 0).all()
        if outside.any():
            assert np.abs(fit.linear_predictor[~outside]).max() < 15
    assert min(seen.values()) > 4, seen
