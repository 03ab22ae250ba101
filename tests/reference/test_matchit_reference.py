"""``ties="file_order"`` against R: stored answers of MatchIt 4.7.2, and glm under separation."""

import json
from pathlib import Path

import numpy as np
import pytest
from seermatch.matching.nearest import match
from seermatch.matching.propensity import r_glm_linear_predictor

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


def test_rs_glm_keeps_patients_whose_group_is_certain():
    """R 4.2.2, ``glm(g ~ a + b, binomial)``: level 1 holds reference, level 2 exposed patients."""
    a = np.repeat([0, 1, 0, 2], [40, 20, 15, 5])
    b = np.tile(np.arange(4.0), 20)
    X = np.column_stack([a == 1, a == 2, b])
    eta = r_glm_linear_predictor(X, np.repeat([0, 1], [60, 20]))
    expected = [-0.862830043725637, -1.106973470973980]
    np.testing.assert_allclose(eta[[0, 3]], expected, rtol=0, atol=1e-11)
    expected = [-19.446552541166401, -19.690695968414744, 19.471155225293483, 19.715298652541826]
    np.testing.assert_allclose(eta[[40, 43, 75, 76]], expected, rtol=1e-9)


def test_rs_glm_ends_after_25_iterations():
    """R warns that the algorithm did not converge, and goes on."""
    x = np.arange(20.0)
    eta = r_glm_linear_predictor(x[:, None], (x > 9).astype(int))
    expected = [-392.1169200391915, -20.6377326293651, 20.6377326383934, 392.1169200482198]
    np.testing.assert_allclose(eta[[0, 9, 10, 19]], expected, rtol=1e-9)
