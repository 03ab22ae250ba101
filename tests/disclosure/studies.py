"""One small study after the other: made once, published, and attacked by all means.

All are published by suppression, every fourth also by rounding and in words.
"""

from intruder import attack
from published import released
from seermatch.disclosure.rule import METHODS, DisclosureRule
from small_studies import make_study
from words import sentences, unfounded

LIMIT = 5


def told_by(seed: int) -> list[str]:
    """Make a study from a seed, publish it by either method, and say what comes out."""
    study, told = make_study(seed), []
    for method in METHODS if seed % 4 == 0 else METHODS[:1]:
        rule = DisclosureRule(LIMIT, method)
        tables = released(study, rule)
        found = attack(study, tables, LIMIT, rounds=method == "round")
        assert not found.unsound, f"seed {seed}, an attack is wrong: {found.unsound[0]}"
        told += [f"seed {seed}, {method}: {leak}" for leak in (*found.leaks, *found.right)]
        if seed % 4 == 0:
            said = unfounded(sentences(study, tables, rule), tables, LIMIT)
            told += [f"seed {seed}, {method}: a sentence says {number}" for number in said]
    return told
