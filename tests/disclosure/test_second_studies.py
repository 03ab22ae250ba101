"""The second hundred small studies: nothing below the limit comes out."""

import pytest
from studies import told_by


@pytest.mark.parametrize("seed", range(100, 200))
def test_nothing_small_comes_out(seed):
    told = told_by(seed)
    assert not told, "\n".join(told)
