"""Balance against the paper's printed counts and against its definition."""

import numpy as np
import pandas as pd
import pytest
from seermatch.matching.balance import assess_balance

# Tables 1 and 2 of the paper: reference and exposed patients of each level before matching, then
# reference patients after it (the exposed are the same).
COUNTS = {
    "histology": {"IDC": (239129, 490, 1010), "Other": (44374, 95, 160)},
    "grade": {"I-II": (202498, 408, 817), "III": (81005, 177, 353)},
    "er": {"Negative": (41351, 83, 149), "Positive": (242152, 502, 1021)},
    "pr": {"Negative": (70889, 151, 276), "Positive": (212614, 434, 894)},
    "her2": {"Negative": (247609, 510, 1015), "Positive": (35894, 75, 155)},
    "subtype": {
        "HR+/HER2-": (218830, 450, 904),
        "HR+/HER2+": (25788, 53, 119),
        "HR-/HER2+": (10106, 22, 36),
        "HR-/HER2-": (28779, 60, 111),
    },
    "t_stage": {"T1-T2": (263907, 546, 1110), "T3-T4": (19596, 39, 60)},
    "n_stage": {"N0": (209521, 414, 832), "N1-N3": (73982, 171, 338)},
}
# Standardized mean differences that follow from these counts, worked out apart from this code;
# the paper prints 0.0689 for the N stage before matching.
EXPECTED = {
    ("histology", "Other"): (0.0159, 0.0695),
    ("grade", "III"): (0.0366, 0.0019),
    ("er", "Positive"): (0.0114, -0.0416),
    ("pr", "Positive"): (-0.0184, -0.0508),
    ("her2", "Positive"): (0.0048, -0.0128),
    ("subtype", "HR+/HER2-"): (-0.0063, -0.0081),
    ("subtype", "HR+/HER2+"): (-0.0013, -0.0387),
    ("subtype", "HR-/HER2+"): (0.0103, 0.0359),
    ("subtype", "HR-/HER2-"): (0.0035, 0.0254),
    ("t_stage", "T3-T4"): (-0.0098, 0.0617),
    ("n_stage", "N1-N3"): (0.0689, 0.0075),
}


def frame_of_counts(columns):
    """One row per patient with the margins of the paper in the given columns of COUNTS."""
    frame = {}
    for variable, levels in COUNTS.items():
        codes = [
            np.repeat(np.arange(len(levels)), [counts[j] for counts in levels.values()])
            for j in columns
        ]
        frame[variable] = pd.Categorical.from_codes(np.concatenate(codes), list(levels))
    sizes = [sum(counts[j] for counts in COUNTS["er"].values()) for j in columns]
    return pd.DataFrame(frame).assign(
        group=np.repeat([0, 1], sizes), propensity=np.arange(sum(sizes)) / sum(sizes), weight=1.0
    )


def test_the_papers_counts_give_its_differences():
    balance = assess_balance(frame_of_counts((0, 1)), frame_of_counts((2, 1)), list(COUNTS))
    assert balance["term"][0] == "distance"
    rows = balance[1:].set_index(["term", "level"])
    assert list(rows.index) == list(EXPECTED)
    found = rows[["smd_before", "smd_after"]].round(4)
    np.testing.assert_array_equal(found, list(EXPECTED.values()))
    assert rows[["variance_ratio_before", "variance_ratio_after"]].isna().all(axis=None)


@pytest.fixture
def patients():
    rng = np.random.default_rng(2)
    n = 200
    return pd.DataFrame(
        {
            "group": (np.arange(n) < 40).astype(np.int8),
            "propensity": rng.normal(size=n),
            "age": rng.integers(30, 80, n).astype(np.int16),
            "er": pd.Categorical.from_codes(rng.integers(0, 2, n), ["Negative", "Positive"]),
        }
    )


def test_whole_number_weights_are_copies(patients):
    """Weights 1 and 2 are the same as patients listed once and twice, but for the variance's
    divisor, which is that of reliability weights."""
    weight = np.where(np.arange(200) % 3 == 0, 2.0, 1.0)
    copies = patients.loc[patients.index.repeat(weight.astype(int))].assign(weight=1.0)
    weighted = assess_balance(patients, patients.assign(weight=weight), ["age", "er"])
    listed = assess_balance(patients, copies, ["age", "er"])
    np.testing.assert_allclose(weighted["smd_after"], listed["smd_after"], rtol=1e-12)

    def divisor(w):
        return 1 - (w @ w) / w.sum() ** 2

    w = [weight[patients["group"] == g] for g in (0, 1)]
    correction = 1.0
    for sign, arm in ((1, w[0]), (-1, w[1])):
        correction *= (divisor(arm) / (1 - 1 / arm.sum())) ** sign
    np.testing.assert_allclose(
        weighted["variance_ratio_after"][:2],
        listed["variance_ratio_after"][:2] * correction,
        rtol=1e-12,
    )


def test_a_perfect_match_is_balanced(patients):
    exposed = patients[patients["group"] == 1]
    twins = pd.concat([exposed, exposed.assign(group=0)]).assign(weight=1.0)
    balance = assess_balance(patients, twins, ["age", "er"])
    np.testing.assert_allclose(balance["smd_after"], 0, atol=1e-12)
    np.testing.assert_allclose(balance["variance_ratio_after"][:2], 1, rtol=1e-12)


def test_no_adjustment_no_change(patients):
    balance = assess_balance(patients, patients.assign(weight=1.0), ["age", "er"])
    np.testing.assert_allclose(balance["smd_before"], balance["smd_after"], rtol=1e-12)
    arms = [patients.loc[patients["group"] == g, "age"] for g in (0, 1)]
    expected = (arms[1].mean() - arms[0].mean()) / arms[1].std()
    np.testing.assert_allclose(balance["smd_before"][1], expected, rtol=1e-12)
    expected = arms[1].var() / arms[0].var()
    np.testing.assert_allclose(balance["variance_ratio_before"][1], expected, rtol=1e-12)


def test_a_number_that_is_0_or_1_counts_as_a_level(patients):
    numeric = patients.assign(er=patients["er"].cat.codes)
    weight = {"weight": 1.0}
    as_level = assess_balance(patients, patients.assign(**weight), ["er"])
    as_number = assess_balance(numeric, numeric.assign(**weight), ["er"])
    columns = ["smd_before", "smd_after", "variance_ratio_before"]
    pd.testing.assert_frame_equal(as_level[columns], as_number[columns])


def test_a_covariate_constant_in_the_exposed_uses_the_pooled_deviation(patients):
    patients.loc[patients["group"] == 1, "age"] = 50
    balance = assess_balance(patients, patients.assign(weight=1.0), ["age"])
    reference = patients.loc[patients["group"] == 0, "age"]
    expected = (50 - reference.mean()) / np.sqrt(reference.var() / 2)
    np.testing.assert_allclose(balance["smd_before"][1], expected, rtol=1e-12)


def test_one_matched_pair_has_no_variance(patients):
    pair = patients.iloc[[0, 100]].assign(weight=1.0)
    balance = assess_balance(patients, pair, ["age", "er"])
    assert balance["variance_ratio_after"].isna().all()
    assert balance["smd_after"].notna().all()


def test_patients_outside_the_pool_count_in_all_rows_but_that_of_the_score(patients):
    matched = patients.iloc[:100].assign(weight=1.0)
    balance = assess_balance(patients, matched, ["age", "er"])
    more = patients.iloc[:9].assign(propensity=np.nan, group=0)
    found = assess_balance(pd.concat([patients, more]), matched, ["age", "er"])
    pd.testing.assert_series_equal(found.iloc[0], balance.iloc[0])
    assert (found["smd_before"].iloc[1:] != balance["smd_before"].iloc[1:]).all()
