"""A variable that follows from others, with any levels: declared, imputed, and not disclosed."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.imputation import imputed_cohorts
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.identities import link_identities
from seermatch.errors import StudyError
from seermatch.variables.identities import Identity, identities_within, read_identities

LUNG, BONE = ("No", "Yes"), ("No", "Unsure", "Yes")
COMBINATIONS = list(product(LUNG, BONE))
ANY = Identity(
    "spread",
    ("lung", "bone"),
    {each: "none" if each == ("No", "No") else "some" for each in COMBINATIONS},
)


def test_plain_facts_make_an_identity():
    facts = {"of": list(ANY.of), "levels": {"none": [["No", "No"]]}}
    facts["levels"]["some"] = [list(each) for each in COMBINATIONS if each != ("No", "No")]
    assert read_identities({"spread": facts}) == (ANY,)
    with pytest.raises(StudyError, match="one level of each of lung, bone"):
        Identity("spread", ("lung", "bone"), {("No",): "none"})


def test_an_identity_is_used_where_all_its_parts_are_known():
    assert identities_within([ANY], ["spread"], ["spread", "lung", "bone"]) == [ANY]
    assert identities_within([ANY], ["spread"], ["spread", "lung"]) == []
    assert identities_within([ANY], ["lung"], ["spread", "lung", "bone"]) == []


def counted(numbers):
    """Counts of every level, from those of the combinations."""
    of = dict(zip(COMBINATIONS, numbers, strict=True))
    counts = {("spread", level): sum(n for key, n in of.items() if ANY.levels[key] == level)
              for level in ("none", "some")}  # fmt: skip
    for at, (name, levels) in enumerate(zip(ANY.of, (LUNG, BONE), strict=True)):
        counts |= {(name, x): sum(n for key, n in of.items() if key[at] == x) for x in levels}
    return counts


def test_what_the_margins_imply_is_protected():
    """All with a finding less those with one of the bone: two patients with the lung alone."""
    counts = counted([500, 60, 40, 2, 30, 20])
    system = CountSystem()
    for name, count in counts.items():
        system.add(name, count)
    link_identities(system, counts, [ANY])
    assert system.cells["spread", "implied", "lung Yes, bone No"].count == 2
    system.protect(5)
    assert system.narrow(5) == [] and system.masked()


def test_nothing_is_linked_where_a_level_is_not_counted():
    counts = counted([500, 60, 40, 2, 30, 20])
    del counts["spread", "some"]
    system = CountSystem()
    for name, count in counts.items():
        system.add(name, count)
    link_identities(system, counts, [ANY])
    assert set(system.cells) == set(counts)


def eligible(n=600):
    rng = np.random.default_rng(3)
    lung, bone = rng.choice(LUNG, n), rng.choice(BONE, n)
    spread = [ANY.levels[each] for each in zip(lung, bone, strict=True)]
    frame = pd.DataFrame({"group": np.arange(n) % 5 == 0, "year": 2015 + np.arange(n) % 3})
    frame["group"] = frame["group"].astype(int)
    frame["time"] = rng.integers(1, 60, n)
    frame["event"] = pd.Categorical.from_codes(rng.integers(0, 3, n), ["alive", "cancer", "other"])
    frame = frame.assign(
        lung=pd.Categorical(lung, LUNG),
        bone=pd.Categorical(bone, BONE),
        spread=pd.Categorical(spread, ["none", "some"]),
    )
    frame.loc[::11, ["bone", "spread"]] = None
    return frame


def test_imputation_keeps_the_identity():
    frame = eligible()
    for one in imputed_cohorts(frame, ["lung", "spread"], imputations=2, identities=[ANY]):
        made = [ANY.levels[each] for each in zip(one["lung"], one["bone"], strict=True)]
        assert one["spread"].tolist() == made
    without = next(imputed_cohorts(frame, ["lung", "spread"], imputations=1))
    assert without["bone"].isna().any() and without["spread"].notna().all()


def test_an_imputed_combination_must_have_a_level():
    known = {each: level for each, level in ANY.levels.items() if each[1] != "Unsure"}
    partly = Identity("spread", ("lung", "bone"), known)
    with pytest.raises(StudyError, match="name every combination in its identity"):
        list(imputed_cohorts(eligible(), ["spread"], imputations=2, identities=[partly]))
