"""Every estimator against R, live, on random data sets: ``make test-r``.

``SEERMATCH_R_SETS`` sets their number (default 204, 17 of each kind), ``SEERMATCH_R_SEED`` other
ones.
"""

import os

import numpy as np
import pytest

pytest.importorskip("sksurv")

from quantities import CONVENTIONS, QUANTITIES
from validate import compare, why_not
from validation_page import put_section, section

N_SETS = int(os.environ.get("SEERMATCH_R_SETS", 204))
SEED = int(os.environ.get("SEERMATCH_R_SEED", 1))


@pytest.fixture(scope="module")
def agreement():
    if reason := why_not():
        pytest.skip(reason)
    return compare(N_SETS, SEED)


def test_nothing_disagrees(agreement):
    assert not agreement.problems, "\n".join(agreement.problems[:20])


@pytest.mark.parametrize("name", QUANTITIES)
def test_largest_difference(agreement, name):
    found = agreement.compared[name]
    if not found.n_values:
        assert name == "separated loglik", "never compared"
        pytest.skip("no data set with infinite estimates")
    assert found.largest <= QUANTITIES[name].tolerance, found.where


@pytest.mark.parametrize("label", CONVENTIONS)
def test_conventions_differ_by_no_more_than_is_stated(agreement, label):
    differences = agreement.meant[label]
    assert np.median(differences) <= CONVENTIONS[label].median
    assert differences.max() <= CONVENTIONS[label].largest


def test_the_page_keeps_what_else_is_on_it(agreement, tmp_path):
    page = tmp_path / "validation.md"
    page.write_text("# Validation\n\nabove\n", encoding="utf-8")
    for versions in ("R 1", "R 2"):
        put_section(page, section(agreement, versions))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Validation\n\nabove\n")
    assert text.count("## Agreement with R") == 1
    assert "R 2" in text and "R 1." not in text
