"""One small study after the other: made once, published, and attacked by all means.

All are published by suppression, every fourth also by rounding.
"""

from intruder import attack
from published import released
from seermatch.disclosure.rule import METHODS, DisclosureRule
from small_studies import make_study

LIMIT = 5


def told_by(seed: int) -> list[str]:
    """Make a study from a seed, publish it by either method, and say what comes out."""
    study, told = make_study(seed), []
    for method in METHODS if seed % 4 == 0 else METHODS[:1]:
        tables = released(study, DisclosureRule(LIMIT, method))
        found = attack(study, tables, LIMIT, rounds=method == "round")
        assert not found.unsound, f"seed {seed}, an attack is wrong: {found.unsound[0]}"
        told += [f"seed {seed}, {method}: {leak}" for leak in (*found.leaks, *found.right)]
    return told
