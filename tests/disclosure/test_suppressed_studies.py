"""Two hundred small studies whose small counts are suppressed: nothing below the limit comes out.

The attacks and what they know are described in their modules, from `intruder` on. Each study is
small and its levels are rare, so that nearly every table has cells to protect.
"""

import pytest
from intruder import attack
from published import released
from seermatch.disclosure.rule import DisclosureRule
from small_studies import make_study

LIMIT, STUDIES, TOGETHER = 5, 200, 10


@pytest.mark.parametrize("first", range(0, STUDIES, TOGETHER))
def test_nothing_small_comes_out(first):
    told = []
    for seed in range(first, first + TOGETHER):
        study = make_study(seed)
        found = attack(study, released(study, DisclosureRule(LIMIT)), LIMIT)
        assert not found.unsound, f"an attack is wrong: {found.unsound[0]}"
        told += [f"seed {seed}: {leak}" for leak in (*found.leaks, *found.right)]
    assert not told, "\n".join(told)
