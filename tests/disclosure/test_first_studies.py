"""A hundred small studies, and runs into the same folder: nothing below the limit comes out.

The attacks and what they know are described in their modules, from `intruder` on. Each study is
small and its levels are rare, so that nearly every table has cells to protect. The second hundred
has a file of its own, since files run beside each other.
"""

import pytest
from earlier_runs import attack_runs, without_last_year, without_one_record
from seermatch.disclosure.rule import ROUND, DisclosureRule
from small_studies import make_runs
from studies import LIMIT, told_by


@pytest.mark.parametrize("seed", range(100))
def test_nothing_small_comes_out(seed):
    told = told_by(seed)
    assert not told, "\n".join(told)


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_rounded_counts_of_two_runs_stay_uncertain(seed):
    later, *earlier = make_runs(seed, without_last_year, without_one_record)
    told = attack_runs(later, earlier, DisclosureRule(LIMIT, ROUND))
    assert not told, "\n".join(map(str, told))
