"""Matching against its definition (every pair compared), invariants, and what is refused."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.errors import StudyError
from seermatch.matching.nearest import MatchingProblem, exact_codes, match

SCORES = ("coarse", "mirrored", "last_bit", "below_tie", "continuous")


def sample(kind, seed, n=160, share=0.15):
    """Scores with the given kind of ties, groups, identifiers and exact blocks."""
    rng = np.random.default_rng(seed)
    score = rng.integers(-9, 10, n) / 7.0
    if kind == "mirrored":  # equally far to both sides, up to rounding
        score = 0.1 + 0.3 * rng.choice([-3, -2, -1, 0, 1, 2, 3], n) + 1e-3 * rng.integers(0, 2, n)
    elif kind == "last_bit":
        score = np.nextafter(score, rng.choice([-np.inf, np.inf], n))
        score = np.where(rng.random(n) < 0.3, np.nextafter(score, np.inf), score)
    elif kind == "below_tie":  # differences around the unit within which distances tie
        score = score + rng.integers(0, 12, n) * 3e-11
    elif kind == "continuous":
        score = rng.normal(size=n)
    exposed = rng.random(n) < share
    ids = [f"{i:08d}" for i in rng.permutation(n)]
    return score, exposed, ids, rng.integers(0, 3, n)


def digest(seed, patient_id):
    return hashlib.sha256(f"{seed}:{patient_id}".encode()).hexdigest()


def settings_of(seed):
    """A mixture of ratio, caliper, order and exact matching for each test seed."""
    rng = np.random.default_rng(seed + 1000)
    return {
        "ratio": int(rng.integers(1, 5)),
        "caliper": [None, 0.05, 0.2, 1.0][rng.integers(4)],
        "order": ["largest", "smallest", "random", "data"][rng.integers(4)],
        "exact": bool(rng.integers(2)),
    }


def by_definition_of_hash(score, exposed, ids, blocks, ratio, caliper, order, seed):
    """Compare every exposed patient with every free reference patient."""
    deviation = np.std(score, ddof=1)
    unit = 1e-9 * deviation * (caliper or 1)
    hashes = [digest(seed, i) for i in ids]
    rows = [int(t) for t in np.flatnonzero(exposed)]
    ranks = {
        "largest": lambda t: (-np.rint(score[t] / unit), hashes[t]),
        "smallest": lambda t: (np.rint(score[t] / unit), hashes[t]),
        "random": lambda t: hashes[t],
        "data": lambda t: t,
    }
    free = set(np.flatnonzero(~exposed).tolist())
    still = sorted(rows, key=ranks[order])
    sets = {}
    for _ in range(ratio):
        found = []
        for t in still:
            candidates = [
                (np.rint(abs(score[t] - score[c]) / unit), hashes[c], c)
                for c in free
                if blocks[t] == blocks[c]
            ]
            if candidates and (caliper is None or min(candidates)[0] <= round(1e9)):
                chosen = min(candidates)[2]
                free.remove(chosen)
                sets.setdefault(t, []).append(chosen)
                found.append(t)
        still = found
    return {t: sets[t] for t in sorted(sets, key=ranks["largest"])}


def by_definition_of_file_order(score, exposed, blocks, ratio, caliper, order):
    """Walk through all sorted patients, one step to each side at a time; only the block counts."""
    n = len(score)
    width = np.inf if caliper is None else caliper * np.std(score, ddof=1)
    rows = np.flatnonzero(exposed)
    descending = rows[np.argsort(-score[rows], kind="stable")].tolist()
    ascending = rows[np.argsort(score[rows], kind="stable")].tolist()
    still = {"largest": descending, "smallest": ascending, "data": rows.tolist()}[order]
    line = np.argsort(score, kind="stable").tolist()
    used, sets = set(), {}

    def walk(t):
        own = [t, *sets.get(t, [])]
        first, last = (f(line.index(i) for i in own) for f in (min, max))
        candidates = []  # in the order in which they are met
        for step in range(1, n + 1):
            for side, place in ((0, first - step), (1, last + step)):
                if any(side == s for s, *_ in candidates) or not 0 <= place < len(line):
                    continue
                c = line[place]
                away = abs(score[t] - score[c])
                if exposed[c] or c in used or away > width or blocks[c] != blocks[t]:
                    continue
                candidates.append((side, away, c))
        return min(candidates, key=lambda found: found[1])[2] if candidates else None

    for _ in range(ratio):
        found = []
        for t in still:
            chosen = walk(t)
            if chosen is not None:
                used.add(chosen)
                sets.setdefault(t, []).append(int(chosen))
                found.append(t)
        still = found
    return {t: sets[t] for t in descending if t in sets}


def sets_of(m):
    """Reference patients of each exposed one, in the order of the sets."""
    sets = {}
    for t, c in zip(m.exposed_index.tolist(), m.control_index.tolist(), strict=True):
        sets.setdefault(t, []).append(c)
    return sets


def check_match(m, score, exposed, blocks=None):
    """Assert what must hold for any match, from the result alone."""
    t, c = m.exposed_index, m.control_index
    assert exposed[t].all()
    assert not exposed[c].any()
    assert len(np.unique(c)) == len(c) == m.n_controls
    assert len(np.unique(t)) == m.n_matched_exposed
    assert m.n_exposed == exposed.sum()
    assert (np.abs(score[t] - score[c]) <= m.caliper_width * (1 + 1e-9)).all()
    if blocks is not None:
        assert (blocks[t] == blocks[c]).all()
    # sets: 1, 2, ... by descending score; rounds 1, 2, ... inside each set, at most `ratio`
    np.testing.assert_array_equal(m.matched_set[t], m.matched_set[c])
    assert (np.diff(m.matched_set[t]) >= 0).all()
    numbers, size = np.unique(m.matched_set[t], return_counts=True)
    np.testing.assert_array_equal(numbers, np.arange(1, m.n_matched_exposed + 1))
    assert size.max() <= m.ratio
    np.testing.assert_array_equal(m.round, np.concatenate([np.arange(1, k + 1) for k in size]))
    firsts = score[t[m.round == 1]]
    assert (np.diff(firsts) <= 1e-9).all()
    assert m.matched_set.dtype == np.int32
    assert set(np.flatnonzero(m.matched_set)) == set(t) | set(c)
    # weights: 1 for exposed, equal inside a set, mean 1 in each arm, 0 elsewhere
    assert (m.weight[t] == 1).all()
    assert (m.weight[m.matched_set == 0] == 0).all()
    np.testing.assert_allclose(m.weight[c].mean(), 1)
    per_set = np.bincount(m.matched_set[c], weights=m.weight[c])[1:]
    np.testing.assert_allclose(per_set, per_set[0])  # a set counts like any other
    if (size == m.ratio).all():
        np.testing.assert_allclose(m.weight[c], 1)


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("seed", range(12))
def test_hash_rule_is_its_definition(kind, seed):
    score, exposed, ids, blocks = sample(kind, seed)
    rule = settings_of(seed)
    exact = blocks if rule.pop("exact") else None
    m = match(score, exposed, patient_id=ids, seed=seed, exact=exact, **rule)
    blocks = np.zeros(len(score), int) if exact is None else exact
    expected = by_definition_of_hash(score, exposed, ids, blocks, seed=seed, **rule)
    assert list(sets_of(m).items()) == list(expected.items())
    check_match(m, score, exposed, blocks)


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("seed", range(12))
def test_file_order_rule_is_its_definition(kind, seed):
    score, exposed, _, blocks = sample(kind, seed)
    rule = settings_of(seed)
    exact = blocks if rule.pop("exact") else None
    rule["order"] = rule["order"].replace("random", "data")
    m = match(score, exposed, ties="file_order", exact=exact, **rule)
    blocks = np.zeros(len(score), int) if exact is None else exact
    expected = by_definition_of_file_order(score, exposed, blocks, **rule)
    assert list(sets_of(m).items()) == list(expected.items())
    check_match(m, score, exposed, blocks)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(SCORES),
    seed=st.integers(0, 10**6),
    order=st.sampled_from(["largest", "smallest", "random"]),
    caliper=st.sampled_from([None, 0.01, 0.2]),
    exact=st.booleans(),
)
def test_hash_rule_does_not_depend_on_the_order_of_the_rows(kind, seed, order, caliper, exact):
    score, exposed, ids, blocks = sample(kind, seed)
    shuffle = np.random.default_rng(seed).permutation(len(score))
    rule = {"order": order, "caliper": caliper, "ratio": 3, "seed": seed}
    try:
        m = match(score, exposed, patient_id=ids, exact=blocks if exact else None, **rule)
    except StudyError:
        return
    other = match(
        score[shuffle],
        exposed[shuffle],
        patient_id=[ids[i] for i in shuffle],
        exact=blocks[shuffle] if exact else None,
        **rule,
    )
    assert m.caliper_width == other.caliper_width
    np.testing.assert_array_equal(m.matched_set[shuffle], other.matched_set)
    np.testing.assert_array_equal(m.weight[shuffle], other.weight)
    check_match(m, score, exposed, blocks if exact else None)


def test_blocks_are_matched_as_if_alone():
    score, exposed, ids, blocks = sample("coarse", 5, n=400)
    whole = match(score, exposed, patient_id=ids, exact=blocks, caliper=None)
    for block in range(3):
        inside = np.flatnonzero(blocks == block)
        alone = match(
            score[inside], exposed[inside], patient_id=[ids[i] for i in inside], caliper=None
        )
        pairs = {(inside[t], inside[c]) for t, cs in sets_of(alone).items() for c in cs}
        of_whole = {(t, c) for t, cs in sets_of(whole).items() for c in cs if blocks[t] == block}
        assert pairs == of_whole


def test_a_prepared_problem_matches_like_a_fresh_one():
    score, exposed, ids, _ = sample("coarse", 6)
    problem = MatchingProblem(score, exposed, patient_id=ids)
    for seed in (1, 2, 1):
        for ties in ("hash", "file_order"):
            again = problem.match(seed=seed, ties=ties)
            fresh = match(score, exposed, patient_id=ids, seed=seed, ties=ties)
            np.testing.assert_array_equal(again.matched_set, fresh.matched_set)


def test_another_seed_breaks_ties_differently_and_as_well():
    score, exposed, ids, _ = sample("coarse", 7, n=600)
    problem = MatchingProblem(score, exposed, patient_id=ids)
    matches = [problem.match(seed=seed) for seed in range(10)]
    assert len({tuple(sorted(m.control_index)) for m in matches}) == 10
    away = [np.abs(score[m.exposed_index] - score[m.control_index]).sum() for m in matches]
    np.testing.assert_allclose(away, away[0])  # all sets are whole, so only ties differ


def test_every_tied_patient_has_the_same_chance():
    ids = [f"{i:08d}" for i in range(6)]
    problem = MatchingProblem(np.zeros(6), [1, 0, 0, 0, 0, 0], caliper=None, patient_id=ids)
    chosen = [problem.match(ratio=1, seed=seed).control_index[0] for seed in range(3000)]
    counts = np.bincount(chosen, minlength=6)[1:]
    assert ((counts - 600) ** 2 / 600).sum() < 18.5  # chi-square with 4 df, p = 0.001


def test_the_caliper_includes_its_end():
    score = np.array([0.0, 1.0, -1.0, 1.0, -1.0])  # standard deviation 1
    exposed = score == 0
    for ties in ("hash", "file_order"):
        rule = {"ties": ties, "patient_id": list("abcde")}
        m = match(score, exposed, caliper=1, **rule)
        assert m.caliper_width == 1
        assert m.n_controls == 2
        with pytest.raises(StudyError, match="None of the 1 exposed"):
            match(score, exposed, caliper=1 - 1e-6, **rule)


def test_an_exposed_patient_without_a_further_match_keeps_what_it_has():
    score = np.array([5.0, 0.0, 5.0, 0.1, 0.2, 0.3, 9.0])
    exposed = np.array([1, 1, 0, 0, 0, 0, 0], dtype=bool)
    m = match(score, exposed, ratio=2, caliper=0.3, patient_id=list("abcdefg"))
    assert sets_of(m) == {0: [2], 1: [3, 4]}
    np.testing.assert_allclose(m.weight, [1, 1, 1.5, 0.75, 0.75, 0, 0])
    check_match(m, score, exposed)


def test_exposed_patients_outside_the_caliper_or_block_are_unmatched():
    score = np.array([0.0, 9.0, 4.0, 0.0, 0.0, 0.0, 4.0, 4.0])
    exposed = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    exact = np.array([0, 0, 1, 0, 0, 0, 0, 0])
    m = match(score, exposed, ratio=1, caliper=0.5, exact=exact, patient_id=list("abcdefgh"))
    assert m.n_exposed == 3
    assert m.n_matched_exposed == 1
    assert m.matched_set.tolist()[:3] == [1, 0, 0]
    check_match(m, score, exposed, exact)


@pytest.mark.parametrize("ties", ["hash", "file_order"])
def test_fewer_reference_patients_than_the_ratio_needs(ties):
    """The first round serves all it can, the second takes what is left."""
    score, exposed = np.array([0, 1, 2, 2.1, 1.2, 0.9, 5]), np.array([1, 1, 1, 0, 0, 0, 0])
    rule = {"ratio": 2, "caliper": None, "ties": ties}
    m = match(score, exposed, patient_id=list("abcdefg"), **rule)
    assert sets_of(m) == {2: [3, 6], 1: [5], 0: [4]}
    np.testing.assert_allclose(m.weight, [1, 1, 1, 2 / 3, 4 / 3, 4 / 3, 2 / 3])
    # more exposed than reference patients: those of low score stay alone
    rule["patient_id"] = list("abcde")
    m = match(score[:5], exposed[:5], **rule)
    assert sets_of(m) == {2: [3], 1: [4]}
    assert (m.n_exposed, m.n_matched_exposed, m.n_controls) == (3, 2, 2)
    m = match(score[:5], exposed[:5], **rule, order="smallest")
    assert sets_of(m) == {1: [3], 0: [4]}


BAD = {
    "no exposed": ([0, 1, 2.0], [0, 0, 0], {}, "exposed: no exposed patient among 3"),
    "no reference": ([0, 1, 2.0], [1, 1, 1], {}, "exposed: no reference patient among 3"),
    "missing score": ([0, np.nan, 2.0], [1, 0, 0], {}, "missing or infinite for 1 of 3"),
    "nobody near": ([0, 50, 51.0], [1, 0, 0], {}, "None of the 1 exposed"),
    "no shared block": ([0, 0, 0.0], [1, 0, 0], {"exact": [1, 2, 2]}, "in the same exact block"),
    "ratio": (
        [0, 1, 2.0],
        [1, 0, 0],
        {"ratio": 0},
        "ratio must be a whole number of 1 or more, not 0",
    ),
    "half ratio": ([0, 1, 2.0], [1, 0, 0], {"ratio": 1.5}, "of 1 or more, not 1.5"),
    "caliper": ([0, 1, 2.0], [1, 0, 0], {"caliper": -0.1}, "caliper must be a number above 0"),
    "order": ([0, 1, 2.0], [1, 0, 0], {"order": "closest"}, "order: 'closest' is none of la"),
    "ties": ([0, 1, 2.0], [1, 0, 0], {"ties": "first"}, "ties: 'first' is none of hash"),
    "twice": ([0, 1, 2.0], [1, 0, 0], {"patient_id": ["a", "b", "b"]}, "patient_id b occurs more"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_explained(case):
    score, exposed, arguments, message = BAD[case]
    arguments = {"patient_id": [str(i) for i in range(len(score))]} | arguments
    with pytest.raises(StudyError, match=message):
        match(score, exposed, **arguments)


def test_calls_that_cannot_be_meant_are_refused():
    with pytest.raises(StudyError, match=r"within the caliper \(0\.2\)"):
        match([0, 1, 2.0], [1, 0, 0])
    with pytest.raises(StudyError, match="exposed has 2 values, but distance has 3"):
        match([0, 1, 2.0], [1, 0], patient_id=["a", "b"])


def test_sets_agree_in_the_exact_columns():
    score, exposed, ids, _ = sample("coarse", 5, n=400)
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"year": rng.integers(2018, 2021, 400)})
    frame["registry"] = pd.Categorical(
        rng.choice(["Iowa", "Utah"], 400), ["Hawaii", "Iowa", "Utah"]
    )
    for names in (["year"], ["registry"], ["registry", "year"]):
        codes = exact_codes(frame, names)
        assert len(set(codes)) == len(frame[names].drop_duplicates())
        m = match(score, exposed, patient_id=ids, exact=codes)
        for name in names:
            values = frame[name].to_numpy()
            assert (values[m.exposed_index] == values[m.control_index]).all()


def test_exact_columns_must_be_there():
    assert exact_codes(pd.DataFrame({"year": [2018]}), []) is None
    with pytest.raises(StudyError, match=r"matching.exact: registry is not .* Research Plus"):
        exact_codes(pd.DataFrame({"year": [2018]}), ["year", "registry"])
