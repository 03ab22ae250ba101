"""Design matrices, and aliasing against R's `lm.fit` and against ranks."""

import numpy as np
import pandas as pd
import pytest
from seermatch.errors import StudyError
from seermatch.statistics.design_matrix import aliased_columns, describe_aliasing, design_matrix


@pytest.fixture
def patients():
    subtype = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
    codes = np.array([0, 1, 2, 3, 0, 0, 2, 1])
    return pd.DataFrame(
        {
            "age": np.array([40, 50, 60, 70, 45, 55, 65, 75], dtype=np.int16),
            "her2": pd.Categorical.from_codes(
                np.isin(codes, (1, 2)).astype(int), ["Negative", "Positive"]
            ),
            "subtype": pd.Categorical.from_codes(codes, subtype),
        }
    )


def test_columns_are_those_of_treatment_contrasts(patients):
    design = design_matrix(patients, ["subtype", "age"])
    expected = pd.get_dummies(patients["subtype"], drop_first=True).to_numpy(dtype=float)
    np.testing.assert_array_equal(design.X[:, :3], expected)
    np.testing.assert_array_equal(design.X[:, 3], patients["age"])
    assert design.terms == ("subtype", "subtype", "subtype", "age")
    assert design.levels == ("HR+/HER2+", "HR-/HER2+", "HR-/HER2-", "")
    assert design.names[0] == "subtype: HR+/HER2+"
    assert design.names[3] == "age"


def test_the_later_of_dependent_columns_is_aliased(patients):
    first = design_matrix(patients, ["her2", "subtype"])
    assert describe_aliasing(first.X, first.names) == {
        "subtype: HR-/HER2+": "subtype: HR-/HER2+ = her2: Positive - subtype: HR+/HER2+"
    }
    last = design_matrix(patients, ["subtype", "her2"])
    assert describe_aliasing(last.X, last.names) == {
        "her2: Positive": "her2: Positive = subtype: HR+/HER2+ + subtype: HR-/HER2+"
    }


def test_a_level_without_patients_is_aliased(patients):
    frame = patients[patients["subtype"] != "HR-/HER2-"]
    design = design_matrix(frame, ["subtype"])
    assert describe_aliasing(design.X, design.names) == {
        "subtype: HR-/HER2-": "subtype: HR-/HER2- = 0"
    }


# Columns, and those with an NA coefficient in R 4.2.2: lm.fit(cbind(1, X), y)$qr$pivot
R_CASES = [
    (
        [
            [1, 0, 1, 0, 1, 0, 1, 0],
            [0, 1, 0, 1, 0, 1, 0, 1],
            [1, 1, 0, 0, 1, 1, 0, 0],
            [1, 0, 1, 0, 0, 0, 0, 0],
            [2, 1, 1, 0, 1, 1, 0, 0],
            [5, 3, 8, 1, 4, 4, 9, 2],
            [0, 0, 0, 0, 0, 0, 0, 0],
            [10, 6, 16, 2, 8, 8, 18, 4],
        ],
        [2, 5, 7, 8],
    ),
    # the second differs from the first by 1e-8 of its length, the third by 1e-5
    (
        [
            [50, 61, 72, 43, 55, 68],
            [50 + 1e-6, 61, 72, 43, 55, 68],
            [50, 61, 72, 43, 55, 68 + 1e-3],
            [3, 3, 3, 3, 3, 3],
        ],
        [2, 4],
    ),
]


@pytest.mark.parametrize(("columns", "aliased"), R_CASES)
def test_r_drops_the_same_columns(columns, aliased):
    found = aliased_columns(np.array(columns, dtype=float).T)
    assert (np.flatnonzero(found) + 1).tolist() == aliased


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("seed", range(30))
def test_a_column_is_aliased_if_it_does_not_raise_the_rank(seed, intercept):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 2, (int(rng.integers(3, 12)), 8)).astype(float)
    X[:, 5] = X[:, 1] - 2 * X[:, 3]
    full = np.column_stack([np.ones(len(X)), X]) if intercept else X
    ranks = [0] + [np.linalg.matrix_rank(full[:, : j + 1]) for j in range(full.shape[1])]
    expected = (np.diff(ranks) == 0)[1:] if intercept else np.diff(ranks) == 0
    np.testing.assert_array_equal(aliased_columns(X, intercept), expected)


@pytest.mark.parametrize("seed", range(10))
def test_descriptions_hold_in_the_data(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 2, (40, 6)).astype(float)
    X[:, 3] = 1 - X[:, 0] + 3 * X[:, 2]
    X[:, 5] = X[:, 4] / 2 - X[:, 1]
    names = [f"x{j}" for j in range(6)]
    described = describe_aliasing(X, names)
    assert list(described) == ["x3", "x5"]
    values = dict(zip(names, X.T, strict=True))
    for name, equation in described.items():
        right = eval(equation.split(" = ")[1].replace("×", "*"), {}, values)
        np.testing.assert_allclose(right, values[name], atol=1e-9)


def test_what_cannot_enter_a_model_is_named(patients):
    frame = patients.assign(grade=pd.Categorical(["I-II"] * 8, categories=["I-II", "III"]))
    with pytest.raises(StudyError) as error:
        design_matrix(frame, ["age", "grade"])
    assert str(error.value) == (
        "grade has one level (I-II) among the 8 patients; remove it from matching.covariates."
    )
    with pytest.raises(StudyError, match=r"age has one value \(50\) .* remove it from cox.terms"):
        design_matrix(frame.assign(age=50), ["age"], setting="cox.terms")
    with pytest.raises(StudyError, match="age is missing in 1 of 8 patients"):
        design_matrix(frame.assign(age=frame["age"].where(frame["age"] > 40)), ["age"])
    with pytest.raises(StudyError, match="race: no such column"):
        design_matrix(frame, ["race"])
    with pytest.raises(StudyError, match="her2 is text"):
        design_matrix(frame.assign(her2=frame["her2"].astype(str)), ["her2"])
    with pytest.raises(StudyError, match="no patient is left"):
        design_matrix(frame[:0], ["her2"])
