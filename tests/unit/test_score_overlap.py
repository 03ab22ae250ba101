"""Overlap of the scores: shares by another route, and nothing a reader could compute of a few."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.disclosure.score_overlap import BINS, merge_bins, score_overlap
from seermatch.errors import StudyError


def sample(n=3000, exposed=300, seed=1):
    rng = np.random.default_rng(seed)
    group = np.r_[np.ones(exposed), np.zeros(n - exposed)].astype(int)
    distance = rng.normal(-6 + 0.2 * group, 0.5)
    weight = group.astype(float)
    weight[rng.choice(np.flatnonzero(group == 0), 2 * exposed, replace=False)] = 1
    return distance, group, weight


def test_shares_are_those_of_a_histogram():
    distance, group, weight = sample()
    weight = weight * np.where(group == 0, np.linspace(0.5, 1.5, len(group)), 1)
    overlap = score_overlap(distance, group, weight)
    for (population, code), bins in overlap.groupby(["population", "group"]):
        chosen = (group == code) & ((population == "before") | (weight > 0))
        weights = weight[chosen] if population == "after" else None
        edges = [*bins["low"], bins["high"].iloc[-1]]
        counts, _ = np.histogram(distance[chosen], edges, weights=weights)
        np.testing.assert_allclose(bins["share"], counts / counts.sum(), atol=1e-12)
        assert (bins["n"] == chosen.sum()).all()
        assert bins["share"].sum() == pytest.approx(1)
        assert bins["complete"].all()


def test_bins_are_round_and_as_many_as_wanted():
    distance, group, weight = sample()
    for scale in (1, 0.001, 700):
        overlap = score_overlap(scale * distance, group, weight)
        widths = (overlap["high"] - overlap["low"]).unique()
        step = widths[0]
        assert widths == pytest.approx(step)
        assert f"{step:.2e}"[0] in "125"
        np.testing.assert_allclose(overlap["low"] / step, (overlap["low"] / step).round())
        bins = overlap.groupby(["population", "group"]).size().unique()
        assert len(bins) == 1 and BINS <= bins[0] <= 2.5 * BINS + 2


@given(
    seed=st.integers(0, 10_000),
    minimum=st.integers(2, 12),
    exposed=st.integers(15, 60),
    lost=st.integers(0, 20),
)
@settings(derandomize=True, max_examples=150, deadline=None)
def test_no_bin_and_no_difference_tells_of_a_few(seed, minimum, exposed, lost):
    distance, group, weight = sample(400, exposed, seed)
    weight[np.flatnonzero(group == 1)[: min(lost, exposed - minimum)]] = 0
    overlap = merge_bins(score_overlap(distance, group, weight), minimum)
    for _, part in overlap.groupby("group"):
        before, after = (part[part["population"] == name] for name in ("before", "after"))
        ends = ["low", "high"]
        assert (before[ends].to_numpy() == after[ends].to_numpy()).all()
        matched = after["share"] * after["n"].iloc[0]
        everybody = before["share"] * before["n"].iloc[0]
        np.testing.assert_allclose(before["patients"], everybody, atol=1e-9)
        for counts in (matched.to_numpy(), everybody.to_numpy() - matched.to_numpy()):
            np.testing.assert_allclose(counts, counts.round(), atol=1e-9)
            counts = counts.round()
            assert ((counts == 0) | (counts >= minimum)).all()
        code = part["group"].iloc[0]
        unmatched = int(((group == code) & (weight == 0)).sum())
        few = unmatched < 2 * minimum
        assert before["complete"].all() == (not few)
        assert before["n"].iloc[0] == after["n"].iloc[0] + (0 if few else unmatched)


def test_nothing_small_nothing_merged():
    distance = np.repeat(np.linspace(0, 3, 31) + 0.05, 40)
    group = np.tile([0, 1], 31 * 20)
    weight = np.ones(len(group))
    plain = score_overlap(distance, group, weight)
    pd.testing.assert_frame_equal(merge_bins(plain, 5).assign(complete=True), plain)


def test_a_small_group_is_refused():
    distance, group, weight = sample()
    with pytest.raises(StudyError, match="fewer than 400 patients"):
        merge_bins(score_overlap(distance, group, weight), 400)


def test_one_score_for_all():
    overlap = score_overlap(np.full(40, 0.3), np.tile([0, 1], 20), np.ones(40))
    assert overlap["share"].tolist() == [1, 1, 1, 1]


def test_patients_outside_the_pool_are_in_no_bin():
    distance, group, weight = sample()
    outside = np.flatnonzero((group == 0) & (weight == 0))[:10]
    inside = np.delete(np.arange(len(group)), outside)
    expected = score_overlap(distance[inside], group[inside], weight[inside])
    distance[outside] = np.nan
    found = score_overlap(distance, group, weight)
    pd.testing.assert_frame_equal(found, expected)
