"""Cells that no spreadsheet takes for a formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.spreadsheet import safe_cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "  =1", "＝1", "-", "+x"],
)
def test_formulas_are_quoted(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["-0.132", "+5", "-1,234.5", "-3%", "1e-9", "-1e-9", "−0.1", "", "T1-T2", "<0.001", "a=b"],
)
def test_numbers_and_words_stay(text):
    assert safe_cell(text) == text


@settings(derandomize=True, max_examples=200)
@given(st.text(alphabet="=+-@\t\r 1.a'", max_size=6))
def test_no_cell_starts_a_formula(text):
    safe = safe_cell(text)
    if safe.lstrip(" ")[:1] in tuple("=@\t\r"):
        pytest.fail(repr(safe))
    if safe.lstrip(" ")[:1] in tuple("+-"):
        assert np.isfinite(float(safe.replace(" ", "")))
