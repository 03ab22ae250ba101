"""Tables laid out for print: header rows, spans, row labels and notes.

One layout for whatever renders it, the HTML report or a word processor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from seermatch.analysis.names import ALIASED, MODELS, SEPARATED
from seermatch.variables.printed import Variable, printed
from seermatch.wording.numbers import NOT_ESTIMABLE as NO_EVENT_TEXT
from seermatch.wording.numbers import format_count, format_p, format_range, format_ratio
from seermatch.wording.study_tables import FEW_MARK, FIRTH_MARK, MEDIAN
from seermatch.wording.terms import describe_variable

NOTE_MARKS = "ᵃᵇᶜᵈᵉᶠ"
PARTS = ("hr", "ci", "p")
NOT_ESTIMABLE = "NE"
UNUSUAL = {
    ALIASED: (
        "Aliased: the term is a linear combination of the terms before it and has no estimate of "
        "its own."
    ),
    SEPARATED: (
        "Separated: one level has no event given the other terms, so no finite estimate exists."
    ),
    FIRTH_MARK: (
        "(Firth): the maximum likelihood estimate is infinite (separation); the value is Firth’s "
        "penalized estimate. Interval and p come from the penalized likelihood and are "
        "approximate: where the effect is strong the interval often misses it."
    ),
    FEW_MARK: (
        "(few): with fewer than 20 events the value is Firth’s penalized estimate; interval and p "
        "come from the penalized likelihood."
    ),
    NO_EVENT_TEXT: "Not estimable: there is no event.",
}
MODEL_TITLES = {
    "univariable": "Univariable",
    "multivariable": "Multivariable, as published",
    "recommended": "Multivariable, recommended",
}
MEASURES = {"HR": "hazard ratio", "sHR": "subdistribution hazard ratio"}


@dataclass(frozen=True)
class HeaderCell:
    """A header cell and how many columns and rows it spans."""

    text: str
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True)
class PrintedRow:
    """A row of a printed table: its label, its cells, and whether it belongs under a heading.

    Attributes
    ----------
    label : str
        First column.
    cells : tuple of str
        The other columns.
    kind : str
        ``"row"``, ``"heading"`` (names a factor) or ``"level"`` (one of its levels, indented).
    """

    label: str
    cells: tuple[str, ...]
    kind: str = "row"


@dataclass(frozen=True)
class PrintedTable:
    """A table ready to be rendered: caption, header rows, body rows and notes below it.

    Attributes
    ----------
    caption : str
        Sentence above the table.
    header : tuple of tuple of HeaderCell
        One or two header rows.
    rows : tuple of PrintedRow
        The body.
    notes : tuple of str
        Abbreviations, tests and marks, below the table.
    """

    caption: str
    header: tuple[tuple[HeaderCell, ...], ...]
    rows: tuple[PrintedRow, ...]
    notes: tuple[str, ...] = ()


def print_characteristics(
    table: pd.DataFrame, labels: tuple[str, str], caption: str, variables: Mapping[str, Variable]
) -> PrintedTable:
    """Lay out Table 1 or 2: a factor's name above its levels, the group sizes in the header.

    Parameters
    ----------
    table : pandas.DataFrame
        From `characteristics_table`, or its file read back as text.
    labels : tuple of str
        Label of the reference and of the exposed group.
    caption : str
        Caption.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    PrintedTable
        Notes name each test beside the raised letter that follows its p-values.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     [("n", "", "1,170", "585", "", ""),
    ...      ("age", "median (IQR)", "61 (52–69)", "61 (52–70)", "0.726", "Wilcoxon rank sum")],
    ...     columns=["variable", "level", "M0", "M0(i+)", "p_value", "test"])
    >>> variables = {"age": Variable("Age", "years")}
    >>> printed_table = print_characteristics(table, ("M0", "M0(i+)"), "After.", variables)
    >>> printed_table.rows[0]
    PrintedRow(label='Age (years), median (IQR)', cells=('61 (52–69)', '61 (52–70)', '0.726ᵃ'), \
kind='row')
    >>> printed_table.notes
    ('IQR, interquartile range.', 'ᵃ Wilcoxon rank sum.')
    """
    table = table.fillna("")
    sizes = table[table["variable"] == "n"].iloc[0]
    body = table[table["variable"] != "n"]
    tests = [test for test in body["test"].unique() if test]
    marks = dict(zip(tests, NOTE_MARKS, strict=False))
    rows = []
    for variable, block in body.groupby("variable", sort=False):
        first = block.iloc[0]
        p = first["p_value"] + marks.get(first["test"], "")
        name = describe_variable(variable, variables)
        if first["level"] == MEDIAN:
            rows.append(PrintedRow(f"{name}, {MEDIAN}", (*first[list(labels)], p)))
            continue
        rows.append(PrintedRow(f"{name}, n (%)", ("", "", p), "heading"))
        for _, line in block.iterrows():
            rows.append(PrintedRow(printed(line["level"]), (*line[list(labels)], ""), "level"))
    header = (
        HeaderCell("Characteristic"),
        *(HeaderCell(f"{printed(label)} (n = {sizes[label]})") for label in labels),
        HeaderCell("p"),
    )
    notes = ["IQR, interquartile range."] if (body["level"] == MEDIAN).any() else []
    notes += [f"{mark} {test[:1].upper()}{test[1:].rstrip('.')}." for test, mark in marks.items()]
    return PrintedTable(caption, (header,), tuple(rows), tuple(notes))


def print_regression(
    table: pd.DataFrame,
    caption: str,
    measure: str = "HR",
    notes: Sequence[str] = (),
    marked: bool = False,
) -> PrintedTable:
    """Lay out Table 3 or 4: three columns per kind of model under a spanning header.

    Parameters
    ----------
    table : pandas.DataFrame
        From `regression_table`, or its file read back as text.
    caption : str
        Caption.
    measure : str, default "HR"
        ``"HR"``, or ``"sHR"`` for a subdistribution hazard ratio.
    notes : sequence of str, optional
        Further notes, first.
    marked : bool, default False
        Print raised letters for what is unusual about a cell, and ``NE`` for one without an
        estimate, instead of the words of the file.

    Returns
    -------
    PrintedTable
        Notes explain ``aliased``, ``separated``, the Firth mark, that of few events, and what is
        not estimable, where they occur.

    Examples
    --------
    >>> from seermatch.wording.study_tables import regression_table
    >>> rows = pd.DataFrame([{
    ...     "model": "univariable", "term": "age", "level": "", "hr": 1.069, "hr_low": 1.049,
    ...     "hr_high": 1.09, "p_value": 0.002, "status": "ok"}])
    >>> table = regression_table(rows, ["age"], ("M0", "M0(i+)"), {}, {})
    >>> print_regression(table, "Overall survival.").rows[0].cells[:3]
    ('1.069', '1.049–1.090', '0.002')
    """
    table = table.fillna("")
    shown = [m for m in MODELS if f"{m}_hr" in table and (table[f"{m}_hr"] != "").any()]
    top = (
        HeaderCell("Variable", rows=2),
        *(HeaderCell(MODEL_TITLES[model], columns=3) for model in shown),
    )
    bottom = tuple(HeaderCell(text) for _ in shown for text in (measure, "95% CI", "p"))
    rows = tuple(
        PrintedRow(line["contrast"], tuple(cell for model in shown for cell in _cells(line, model)))
        for _, line in table.iterrows()
    )
    rows, explained = _explain(rows, marked)
    abbreviations = f"{measure}, {MEASURES[measure]}; CI, confidence interval; –, not in the model"
    if any(cell.startswith(NOT_ESTIMABLE) for row in rows for cell in row.cells):
        abbreviations += f"; {NOT_ESTIMABLE}, not estimable"
    return PrintedTable(caption, (top, bottom), rows, (*notes, f"{abbreviations}.", *explained))


def _cells(line: pd.Series, model: str) -> tuple[str, ...]:
    """Print hazard ratio, interval and p-value of one model; a dash where the term is not in it."""
    return tuple(line[f"{model}_{part}"] or ("–" if part == "hr" else "") for part in PARTS)


def _explain(
    rows: tuple[PrintedRow, ...], marked: bool
) -> tuple[tuple[PrintedRow, ...], list[str]]:
    """Explain what is unusual about cells, by its word or, marked, by a raised letter."""
    found = dict.fromkeys(filter(None, (_unusual(cell) for row in rows for cell in row.cells)))
    if not marked:
        return rows, [UNUSUAL[kind] for kind in UNUSUAL if kind in found]
    marks = dict(zip(found, NOTE_MARKS, strict=False))

    def text(cell):
        kind = _unusual(cell)
        return (cell.removesuffix(kind) or NOT_ESTIMABLE) + marks[kind] if kind else cell

    rows = tuple(PrintedRow(row.label, tuple(map(text, row.cells)), row.kind) for row in rows)
    return rows, [
        f"{mark} {UNUSUAL[kind].replace('(Firth)', 'Firth').replace('(few): w', 'W')}"
        for kind, mark in marks.items()
    ]


def _unusual(cell: str) -> str:
    """Tell what is unusual about a cell, a key of `UNUSUAL`; empty if nothing is."""
    return next((kind for kind in UNUSUAL if cell.endswith(kind)), "")


def print_contrasts(contrasts: pd.DataFrame, caption: str, measure: str = "HR") -> PrintedTable:
    """Lay out the finite contrasts among separated terms, below the name of their model.

    Parameters
    ----------
    contrasts : pandas.DataFrame
        From `seermatch.analysis.models.regression_models`: model, patients, against, hr, hr_low,
        hr_high, p_value and the columns for matched sets; may have no rows.
    caption : str
        Caption.
    measure : str, default "HR"
        ``"HR"``, or ``"sHR"`` for a subdistribution hazard ratio.

    Returns
    -------
    PrintedTable
        Without rows if there are no contrasts.

    Examples
    --------
    >>> contrasts = pd.DataFrame({"model": "multivariable", "patients": ["Grade: III"],
    ...     "against": ["Grade: II"], "hr": 2.3481, "hr_low": 0.8807, "hr_high": 6.2606,
    ...     "p_value": 0.088, "hr_low_clustered": 0.879, "hr_high_clustered": 6.273,
    ...     "p_value_clustered": 0.0887})
    >>> print_contrasts(contrasts, "Comparisons.").rows[1].cells
    ('Grade: II', '2.348', '0.881–6.261', '0.088', '0.879–6.273', '0.089')
    """
    rows = []
    for model, block in contrasts.groupby("model", sort=False):
        rows.append(PrintedRow(MODEL_TITLES[model], ("",) * 6, "heading"))
        for row in block.itertuples():
            cells = (
                row.against,
                format_ratio(row.hr),
                format_range(row.hr_low, row.hr_high),
                format_p(row.p_value),
                format_range(row.hr_low_clustered, row.hr_high_clustered),
                format_p(row.p_value_clustered),
            )
            rows.append(PrintedRow(row.patients, cells, "level"))
    names = ("Patients", "Compared with", measure, "95% CI", "p", "95% CI, by set", "p, by set")
    notes = (
        f"{measure}, {MEASURES[measure]}; CI, confidence interval; by set, with the variance "
        "clustered by matched set.",
        "Ratios against patients without events have no finite estimate. The patients listed here "
        "can be compared with each other, all other terms of the model being equal: maximum "
        "likelihood estimates in the limit in which the patients without events have left the "
        "risk sets.",
    )
    return PrintedTable(caption, (tuple(HeaderCell(name) for name in names),), tuple(rows), notes)


def print_frame(
    frame: pd.DataFrame,
    caption: str,
    columns: Mapping[str, str],
    formats: Mapping[str, Callable] | None = None,
    notes: Sequence[str] = (),
) -> PrintedTable:
    """Lay out any tidy frame: the chosen columns under their printed names.

    Parameters
    ----------
    frame : pandas.DataFrame
        Tidy rows.
    caption : str
        Caption.
    columns : mapping
        Column to header text, in order; the first one labels the rows.
    formats : mapping, optional
        Column to a function from value to text; `str` otherwise, missing values are empty.
    notes : sequence of str, optional
        Notes below the table.

    Returns
    -------
    PrintedTable
        One row per row of the frame.

    Examples
    --------
    >>> from seermatch.wording.numbers import format_count
    >>> frame = pd.DataFrame({"criterion": ["female"], "remaining": [1234]})
    >>> table = print_frame(frame, "Flow.", {"criterion": "Criterion", "remaining": "n"},
    ...                     {"remaining": format_count})
    >>> table.rows
    (PrintedRow(label='female', cells=('1,234',), kind='row'),)
    """
    formats = formats or {}

    def text(column: str, value) -> str:
        form = formats.get(column, str)
        return "" if pd.isna(value) and form is not format_count else form(value)

    rows = [
        tuple(text(column, value) for column, value in zip(columns, values, strict=True))
        for values in frame[list(columns)].itertuples(index=False)
    ]
    header = tuple(HeaderCell(name) for name in columns.values())
    body = tuple(PrintedRow(label, tuple(cells)) for label, *cells in rows)
    return PrintedTable(caption, (header,), body, tuple(notes))
