"""``ties="file_order"`` against the stored answers of MatchIt 4.7.2 to 200 random problems."""

import json
from pathlib import Path

import pytest
from seermatch.matching import match

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.syspath_prepend(str(DATA))
    import matchit_random

    return matchit_random


def test_every_pair_is_matchits(reference):
    problems = json.loads(reference.STORED.read_text(encoding="utf-8"))
    assert len(problems) == 200
    for problem in problems:
        answer = problem["matchit"]
        assert reference.our_pairs(problem, answer) == reference.their_pairs(answer), problem


def test_steps_to_patients_of_other_blocks_count():
    score, exposed = [2.0, 1, 0, 2, 0], [0, 1, 0, 0, 0]
    rule = {"ratio": 1, "caliper": None, "ties": "file_order"}
    m = match(score, exposed, exact=[0, 0, 0, 0, 1], **rule)
    assert m.control_index.tolist() == [0]
