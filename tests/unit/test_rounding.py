"""Rounded releases: everything is as coarse as its counts, and bins do not narrow each other."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from seermatch.disclosure.attrition import add_flow, hide_sums
from seermatch.disclosure.cohort_tables import release_cohort
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.rounding_outcomes import coarse_ratio
from seermatch.disclosure.rule import DisclosureRule, round_count
from test_disclosure import cohort_and_match, cohort_tables

RULE = DisclosureRule(5, "round")


def test_bins_that_bound_a_small_count_together_are_masked():
    """A group of 56 to 60 with a level of 56 to 60 leaves at most 4 for the other."""
    system = CountSystem(width=5)
    system.add("n", 60)
    system.add("a", 57)
    system.add("b", 3)
    system.total("n", ["a", "b"])
    assert system.interval("b") == (1, 4)
    system.protect(5)
    assert system.masked() and system.narrow(5) == []
    low, high = system.interval("b")
    assert high is None or high - low >= 4


def test_bins_are_enough_where_nothing_narrows_them():
    system = CountSystem(width=5)
    for name, count in (("n", 28), ("a", 25), ("b", 3)):
        system.add(name, count)
    system.total("n", ["a", "b"])
    assert system.interval("b") == (1, 5)
    system.protect(5)
    assert not system.masked()


@pytest.mark.parametrize(("lost", "seed"), [(0, 1), (3, 2), (30, 3)])
def test_a_rounded_cohort(lost, seed):
    tables = cohort_tables(*cohort_and_match(lost, seed=seed))
    released = release_cohort(tables, RULE)
    system = CountSystem.from_record(released.record["system"])
    assert system.narrow(5) == []
    true, shown = tables["comparison"], released.tables["comparison"]
    body = shown[shown["variable"] != "n"].reset_index(drop=True)
    expected = true["n"].map(lambda count: round_count(count, 5))
    assert ((body["n"] == expected) | body["n"].isna()).all()
    assert body["n"].isna().mean() < 0.5
    levels = body[body["level"] != ""]
    for _, block in levels.groupby(["population", "variable", "group"]):
        shares = 100 * block["n"] / block["n"].sum(skipna=False)
        np.testing.assert_allclose(block["percent"], shares.where(block["percent"].notna()))
    for _, block in levels.groupby(["population", "variable"]):
        counts = block.pivot_table(index="level", columns="group", values="n").to_numpy()
        if block["p_value"].notna().all():
            assert block["p_value"].iloc[0] == pytest.approx(
                chi2_contingency(counts[counts.sum(axis=1) > 0], correction=False)[1]
            )
    for name in ("median", "q1", "q3"):
        assert body[name].dropna().mod(5).eq(0).all()
    flow = released.tables["attrition"]
    for arm in ("", "_reference", "_exposed"):
        left, gone = flow[f"remaining{arm}"], flow[f"excluded{arm}"]
        assert (left.shift(-1) + gone.shift(-1) - left).dropna().eq(0).all()


def test_releases_differ_by_nothing_or_by_a_bin():
    """One patient less changes no number, or one by a whole bin."""
    system = [CountSystem(width=5) for _ in range(2)]
    flows = []
    for one, gone in zip(system, (12, 13), strict=True):
        flow = pd.DataFrame({"remaining": [200, 200 - gone], "excluded": [0, gone],
                             "remaining_reference": [150, 150 - gone], "remaining_exposed": 50,
                             "excluded_reference": [0, gone], "excluded_exposed": 0})  # fmt: skip
        add_flow(one, flow)
        hide_sums(one)
        flows.append({name: round_count(cell.count, 5) for name, cell in one.cells.items()})
    assert all(abs(flows[0][name] - flows[1][name]) in (0, 5) for name in flows[0])


@pytest.mark.parametrize("deaths", [(7, 12), (24, 23), (200, 400)])
def test_intervals_are_coarse_and_never_too_narrow(deaths):
    found = set()
    for exposed in range(deaths[0], deaths[0] + 2):
        se = np.sqrt(1 / exposed + 1 / deaths[1])
        ratio, low, high, p_value, coarse = coarse_ratio(
            1.3, 1.3 * np.exp(-1.96 * se), 1.3 * np.exp(1.96 * se), 5
        )
        if np.isnan(ratio):
            assert 1 / se**2 < 5.01
            continue
        assert coarse >= se * (1 - 1e-3) and low < 1.3 < high
        assert (1 / coarse**2) % 5 == pytest.approx(0, abs=1e-6) or (1 / coarse**2) % 5 > 4.99
        assert (p_value < 0.05) == (low > 1 or high < 1)
        found.add(round(coarse, 6))
    assert len(found) <= 2


def test_few_deaths_have_no_interval():
    assert np.isnan(coarse_ratio(1.3, 0.2, 8.0, 5)).all()
    assert np.isnan(coarse_ratio(np.nan, np.nan, np.nan, 5)).all()
