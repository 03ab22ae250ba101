"""``ties="file_order"`` against MatchIt 4.7.2, live; the stored answers are in tests/reference.

``SEERMATCH_R_MATCHES`` sets the number of random problems (default 600).
"""

import os
from pathlib import Path

import pytest

N_PROBLEMS = int(os.environ.get("SEERMATCH_R_MATCHES", 600))


def test_every_pair_of_random_problems_is_matchits(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "tests/data"))
    import matchit_random as reference

    if (found := reference.version_of_matchit()) != reference.VERSION:
        pytest.skip(
            f"R has {f'MatchIt {found}' if found else 'no MatchIt'}, not {reference.VERSION}; "
            "the stored answers of tests/reference/test_matchit_reference.py stand in"
        )
    problems = [
        reference.draw_problem(seed, largest=160) for seed in range(1000, 1000 + N_PROBLEMS)
    ]
    answers = reference.ask_matchit(problems)
    for problem, answer in zip(problems, answers, strict=True):
        assert reference.our_pairs(problem, answer) == reference.their_pairs(answer), problem
