"""Cells that no spreadsheet takes for a formula."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.spreadsheet import plain_cell, safe_cell
from study_io import (
    read_polars_table,
    read_printed_table,
    read_table,
    write_polars_table,
    write_table,
)


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


@settings(derandomize=True, max_examples=500)
@given(st.text(alphabet="=+-@\t\r 1.a'", max_size=8))
def test_what_is_protected_is_read_back_as_it_was(text):
    assert plain_cell(safe_cell(text)) == text
    assert plain_cell(safe_cell(safe_cell(text))) == safe_cell(text)


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_labels_of_groups_are_no_formulas_whatever_their_type(dtype, tmp_path):
    labels = ["=M0", "+M0(i+)", "-", "M0"]
    path = tmp_path / "a.tsv"
    write_table(pd.DataFrame({"group": pd.Series(labels, dtype=dtype)}), path)
    assert path.read_text("utf-8").splitlines() == ["group", "'=M0", "'+M0(i+)", "'-", "M0"]
    assert read_table(path)["group"].tolist() == labels


CELLS = st.text(
    alphabet=st.one_of(st.sampled_from("=+-@'\"\t ,;|{}<&1."), st.characters(codec="utf-8")),
    max_size=8,
).filter(lambda text: not set(text) & set("\0\r\n"))


@settings(derandomize=True, max_examples=30, deadline=None)
@given(cells=st.lists(CELLS.filter(bool), min_size=1, max_size=5), name=CELLS.filter(str.strip))
@pytest.mark.parametrize("read", [read_table, read_printed_table])
def test_tables_come_back_from_their_files(read, cells, name, tmp_path_factory):
    """Cells and names of columns that a user chose, beside numbers."""
    frame = pd.DataFrame({"level": cells, name: cells, "n": 3})
    if len(frame.columns) < 3 or name in ("group", "n"):
        return
    path = tmp_path_factory.mktemp("tables") / "a.tsv"
    write_table(frame, path)
    again = read(path)
    assert again.columns.tolist() == frame.columns.tolist()
    assert again["level"].tolist() == cells
    polars = tmp_path_factory.mktemp("tables") / "b.tsv"
    schema = {"detail": pl.String, "n": pl.Int64}
    made = pl.DataFrame({"detail": cells, "n": [None] * len(cells)}, schema=schema)
    write_polars_table(made, polars)
    assert read_polars_table(polars, schema).equals(made)
    assert read(polars)["detail"].tolist() == cells
