"""Two hundred small studies whose counts are rounded, some of them run twice into one folder."""

import pytest
from earlier_runs import attack_runs, without_last_year, without_one_record
from intruder import attack
from published import released
from seermatch.disclosure.rule import ROUND, DisclosureRule
from small_studies import make_runs, make_study

LIMIT, STUDIES, TOGETHER, EVERY = 5, 200, 10, 10
RULE = DisclosureRule(LIMIT, ROUND)


def publish(study):
    return released(study, RULE)


@pytest.mark.parametrize("first", range(0, STUDIES, TOGETHER))
def test_nothing_finer_than_a_bin_comes_out(first):
    told = []
    for seed in range(first, first + TOGETHER):
        study = make_study(seed)
        found = attack(study, publish(study), LIMIT, rounds=True)
        assert not found.unsound, f"an attack is wrong: {found.unsound[0]}"
        told += [f"seed {seed}: {leak}" for leak in (*found.leaks, *found.right)]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("earlier", [without_last_year, without_one_record])
@pytest.mark.parametrize("seed", range(0, STUDIES, EVERY))
def test_nor_from_two_runs(seed, earlier):
    told = attack_runs(make_runs(seed, earlier), publish, LIMIT)
    assert not told, "\n".join(map(str, told))
