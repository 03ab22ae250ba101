"""Group comparisons: the paper's p-values, definitions by brute force, and the edges."""

from itertools import permutations
from time import process_time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from seermatch.errors import StudyError
from seermatch.matching.characteristics import COLUMNS, compare_groups, independence_test

# Luo et al., Tables 1 and 2: counts of M0 and M0(i+) per level, and the printed p-value
TABLE_1 = {
    "histology": ([239129, 44374], [490, 95], 0.696),
    "grade": ([202498, 81005], [408, 177], 0.368),
    "er": ([41351, 242152], [83, 502], 0.785),
    "pr": ([70889, 212614], [151, 434], 0.652),
    "her2": ([247609, 35894], [510, 75], 0.908),
    "subtype": ([218830, 25788, 10106, 28779], [450, 53, 22, 60], 0.995),
    "t_stage": ([263907, 19596], [546, 39], 0.815),
    "n_stage": ([209521, 73982], [414, 171], 0.085),
}
TABLE_2 = {
    "histology": ([1010, 160], [490, 95], 0.151),
    "grade": ([817, 353], [408, 177], 0.971),
    "er": ([149, 1021], [83, 502], 0.397),
    "pr": ([276, 894], [151, 434], 0.306),
    "her2": ([1015, 155], [510, 75], 0.803),
    "subtype": ([904, 119, 36, 111], [450, 53, 22, 60], 0.733),
    "t_stage": ([1110, 60], [546, 39], 0.188),
    "n_stage": ([832, 338], [414, 171], 0.882),
}
PRINTED = [*TABLE_1.items(), *TABLE_2.items()]


@pytest.mark.parametrize(("variable", "counts"), PRINTED)
def test_the_papers_chi_square_p_values(variable, counts):
    reference, exposed, printed = counts
    result = independence_test(np.column_stack([reference, exposed]))
    assert result.name == "Pearson chi-square"
    assert result.df == len(reference) - 1
    assert f"{result.p_value:.3f}" == f"{printed:.3f}"


@pytest.mark.parametrize("seed", range(8))
def test_rank_sum_is_scipys(seed):
    rng = np.random.default_rng(seed)
    n = (rng.integers(2, 60), rng.integers(2, 60))
    x, y = rng.integers(0, 20, n[0]), rng.integers(2, 24, n[1])
    frame = pd.DataFrame({"group": [0] * n[0] + [1] * n[1], "age": np.r_[x, y]})
    row = compare_groups(frame, ["age"]).iloc[0]
    expected = stats.mannwhitneyu(x, y, method="asymptotic")
    assert row["test"] == "Wilcoxon rank-sum"
    assert row["statistic"] == expected.statistic
    assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_type_7(seed):
    rng = np.random.default_rng(seed)
    size = rng.choice([1.5, 2, 7, 11.25, 30], rng.integers(1, 40))
    frame = pd.DataFrame({"group": rng.integers(0, 2, len(size)), "tumor_size": size})
    for row in compare_groups(frame, ["tumor_size"]).itertuples():
        values = size[frame["group"] == int(row.group)]
        assert row.n == len(values)
        expected = np.quantile(values, [0.25, 0.5, 0.75])
        assert [row.q1, row.median, row.q3] == pytest.approx(expected, rel=1e-14)


def frame_of(counts, levels=("a", "b", "c", "d")):
    """A frame with the given counts (levels, arms)."""
    counts = np.asarray(counts)
    code, arm = np.indices(counts.shape).reshape(2, -1).repeat(counts.ravel(), axis=1)
    levels = list(levels[: len(counts)])
    return pd.DataFrame({"group": arm, "x": pd.Categorical.from_codes(code, levels)})


def test_rows_percentages_and_types():
    frame = frame_of([[6, 30], [2, 10], [0, 0]])
    frame["group"] = pd.Categorical.from_codes(frame["group"], ["M0", "M0(i+)"])
    table = compare_groups(frame, ["x"])
    assert tuple(table.columns) == COLUMNS
    assert table["level"].tolist() == ["a", "a", "b", "b", "c", "c"]
    assert table["group"].tolist() == ["M0", "M0(i+)"] * 3
    assert table["n"].tolist() == [6, 30, 2, 10, 0, 0]
    assert table["percent"].tolist() == [75.0, 75.0, 25.0, 25.0, 0.0, 0.0]
    assert table[["median", "q1", "q3"]].isna().all(axis=None)
    assert len(set(table["p_value"])) == 1


def test_small_expected_count_in_two_by_two_is_fisher():
    counts = [[8, 1], [2, 5]]
    result = independence_test(np.array(counts))
    assert result.name == "Fisher exact"
    assert np.isnan(result.statistic) and np.isnan(result.df)
    # hypergeometric by definition: sum of all tables not more likely than the observed one
    law = stats.hypergeom(16, 9, 10)
    mass = law.pmf(np.arange(3, 10))
    assert result.p_value == pytest.approx(mass[mass <= law.pmf(8) * (1 + 1e-9)].sum(), rel=1e-10)


def test_monte_carlo_agrees_with_all_permutations():
    counts = np.array([[3, 0], [1, 2], [1, 1]])
    level, arm = np.indices(counts.shape).reshape(2, -1).repeat(counts.ravel(), axis=1)
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    tables = []
    for shuffled in set(permutations(arm.tolist())):
        table = np.zeros(counts.shape)
        np.add.at(table, (level, np.array(shuffled)), 1)
        tables.append(((table - expected) ** 2 / expected).sum())
    observed = ((counts - expected) ** 2 / expected).sum()
    exact = np.mean(np.array(tables) >= observed - 1e-9)
    result = independence_test(counts, seed=3)
    assert result.name == "Monte Carlo chi-square"
    assert result.statistic == pytest.approx(observed)
    assert result.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))


def test_monte_carlo_is_seeded_and_does_not_depend_on_other_variables():
    frame = frame_of([[9, 1], [2, 4], [2, 2]])
    frame["y"] = frame["x"].cat.rename_categories({"a": "p"})
    one = compare_groups(frame, ["x"], seed=5)["p_value"].iloc[0]
    both = compare_groups(frame, ["y", "x"], seed=5)
    assert set(both["p_value"]) == {one}
    assert compare_groups(frame, ["x"], seed=6)["p_value"].iloc[0] != one


def test_order_of_patients_does_not_matter():
    rng = np.random.default_rng(2)
    frame = frame_of([[40, 31], [22, 14], [3, 2]]).assign(age=rng.integers(20, 90, 112))
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        compare_groups(frame, ["age", "x"]), compare_groups(shuffled, ["age", "x"])
    )


def test_nothing_to_test():
    one_level = compare_groups(frame_of([[5, 4]]), ["x"])
    assert one_level["test"].tolist() == ["", ""] and one_level["p_value"].isna().all()
    one_value = compare_groups(pd.DataFrame({"group": [0, 1, 1], "age": [7, 7, 7]}), ["age"])
    assert one_value["p_value"].isna().all() and one_value["median"].tolist() == [7, 7]
    arms = pd.Categorical(["M0", "M0"], categories=["M0", "M0(i+)"])
    one_arm = compare_groups(pd.DataFrame({"group": arms, "age": [50, 60]}), ["age"])
    assert one_arm["n"].tolist() == [2, 0]
    assert one_arm["p_value"].isna().all() and one_arm["median"].isna().tolist() == [False, True]
    empty = compare_groups(frame_of([[5, 4], [1, 2]]).iloc[:0].astype({"group": "int8"}), ["x"])
    assert empty["n"].sum() == 0


def test_missing_values_are_left_out():
    frame = frame_of([[50, 40], [20, 30]])
    complete = compare_groups(frame, ["x"])
    more = pd.concat([frame, frame.iloc[:3]], ignore_index=True)
    more.loc[len(frame) :, "x"] = None
    pd.testing.assert_frame_equal(compare_groups(more, ["x"]), complete)
    age = pd.DataFrame({"group": [0, 0, 1, 1], "age": [40, np.nan, 50, 60]})
    assert compare_groups(age, ["age"])["n"].tolist() == [1, 2]


def test_weights_describe_and_do_not_test():
    frame = frame_of([[1, 2], [1, 2]]).assign(age=[40, 10, 20, 50, 11, 21])
    weight = np.array([3.0, 1, 1, 1, 1, 1])
    table = compare_groups(frame, ["x", "age"], weights=weight)
    level_a = table[(table["level"] == "a")]
    assert level_a["percent"].tolist() == [75, 50]
    assert level_a["n"].tolist() == [1, 2]
    assert table["p_value"].isna().all() and set(table["test"]) == {""}
    # equal weights of any size change nothing but the test
    plain = compare_groups(frame, ["x", "age"])
    same = compare_groups(frame, ["x", "age"], weights=np.full(6, 0.7))
    numbers = ["n", "percent", "median", "q1", "q3"]
    np.testing.assert_allclose(plain[numbers], same[numbers], rtol=1e-13)
    ones = compare_groups(frame, ["x", "age"], weights=np.ones(6))
    pd.testing.assert_frame_equal(plain, ones)


def test_messages():
    frame = pd.DataFrame({"group": [0, 1, 2], "age": [1, 2, 3]})
    with pytest.raises(StudyError, match="frame: there is no column height"):
        compare_groups(frame, ["height"])
    with pytest.raises(StudyError, match="group: two groups can be compared, but it has 3"):
        compare_groups(frame, ["age"])


def test_a_whole_cohort_is_fast():
    rng = np.random.default_rng(1)
    n = 284_088
    frame = pd.DataFrame({"group": (rng.random(n) < 0.002).astype("int8")})
    frame["age"] = rng.integers(18, 90, n).astype("int16")
    frame["tumor_size"] = rng.gamma(2, 10, n).astype("int16")
    for j in range(8):
        frame[f"x{j}"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["no", "yes"])
    start = process_time()
    compare_groups(frame, list(frame.columns[1:]))
    assert process_time() - start < 2  # a tenth of a second; of a busy machine only ours counts
