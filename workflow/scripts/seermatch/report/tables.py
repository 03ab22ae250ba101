"""The tables of the report: Tables 1 to 4, and the tidy results beside them."""

from collections.abc import Mapping

import pandas as pd

from seermatch.disclosure.rule import MASKED
from seermatch.report.checks import agreement_table, findings_table, quality_table
from seermatch.report.excluded import included_table
from seermatch.report.limits import exposure_table, limits_table
from seermatch.report.main_results import differences_table, headline_table
from seermatch.survival.curves import estimates_at_marks
from seermatch.variables.printed import label_groups, printed
from seermatch.wording.numbers import capitalize, format_count, format_range, print_estimate
from seermatch.wording.printed_tables import (
    HeaderCell,
    PrintedRow,
    PrintedTable,
    print_characteristics,
    print_contrasts,
    print_frame,
    print_regression,
)
from seermatch.wording.result_tables import attrition_table, balance_table, sensitivity_tables
from seermatch.wording.warnings import events_per_coefficient


def report_tables(content) -> dict[str, PrintedTable]:
    """Lay out every table of the report.

    Parameters
    ----------
    content : seermatch.report.page.ReportContent
        Results and what was run.

    Returns
    -------
    dict
        Name to table; captions carry no number, the page gives it.
    """
    labels = content.labels
    named = tuple(printed(label) for label in labels)
    independent = (
        "Intervals and p of this table take the patients as independent; those of the summary are "
        "clustered by matched set."
    )
    subdistribution = "Fine–Gray subdistribution hazards model; deaths of other causes compete."
    tables = {
        "headline": headline_table(content),
        "differences": differences_table(content),
        "attrition": attrition_table(content.attrition, named),
        "table1": print_characteristics(
            content.table1, labels, "Characteristics of the patients before matching."
        ),
        "table2": print_characteristics(
            content.table2, labels, "Characteristics of the patients after matching."
        ),
        "balance": balance_table(content.balance),
        "followup": followup_table(content.followup, labels),
        "survival": marks_table(
            content.survival,
            labels,
            content.marks,
            "survival",
            1.0,
            "Overall survival of the matched patients.",
        ),
        "table3": print_regression(
            content.table3,
            "Overall mortality in the matched patients (Cox regression).",
            notes=(*events_per_coefficient(content.cox), independent),
        ),
        "table3_contrasts": print_contrasts(
            content.cox_contrasts, "Comparisons among the separated terms of Table 3."
        ),
        "incidence": marks_table(
            content.incidence,
            labels,
            content.marks,
            "incidence",
            0.0,
            "Cumulative incidence of death in the matched patients.",
        ),
        "table4": print_regression(
            content.table4,
            "Breast cancer mortality in the matched patients (competing risks regression).",
            "sHR",
            (subdistribution, *events_per_coefficient(content.fine_gray), independent),
        ),
        "table4_contrasts": print_contrasts(
            content.fine_gray_contrasts, "Comparisons among the separated terms of Table 4.", "sHR"
        ),
        **sensitivity_tables(content.sensitivity),
        "limits": limits_table(content.interpretation),
        "exposure": exposure_table(content.interpretation, labels),
        "included": included_table(content.included, labels),
        "quality": quality_table(content.quality),
        "inputs": inputs_table(content.inputs),
        "versions": mapping_table(content.versions, "Versions.", ("Package", "Version")),
        "config": mapping_table(flatten_config(content.config), "Configuration.", ("Key", "Value")),
    }
    if content.paper_audit is not None:
        tables["paper_cells"] = agreement_table(content.paper_comparison)
        tables["paper_findings"] = findings_table(content.paper_audit)
    return tables


def followup_table(followup: pd.DataFrame, labels: tuple[str, str]) -> PrintedTable:
    """Lay out follow-up and deaths per population and group.

    Parameters
    ----------
    followup : pandas.DataFrame
        Rows of ``results/followup.tsv``; the group may also be ``all``.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    PrintedTable
        One row per population and group.

    Examples
    --------
    >>> frame = pd.DataFrame({"population": ["matched"], "group": ["1"], "n": [585],
    ...     "median": [30.0], "q1": [18.0], "q3": [47.0], "maximum": [59],
    ...     "reverse_km_median": [33.0], "deaths_breast_cancer": [19], "deaths_other": [12]})
    >>> followup_table(frame, ("M0", "M0(i+)")).rows[0]
    PrintedRow(label='Matched, M0(i+)', cells=('585', '30 (18–47)', '59', '33', '19', '12'), \
kind='row')
    """
    all_rows = followup["group"] == "all"
    groups = label_groups(followup.loc[~all_rows, "group"], labels).map(printed)
    groups = groups.reindex(followup.index, fill_value="all")
    frame = followup.assign(
        name=followup["population"].str.capitalize() + ", " + groups,
        middle=[
            f"{row.median:g} ({format_range(row.q1, row.q3, None)})"
            if pd.notna(row.median)
            else MASKED
            for row in followup.itertuples()
        ],
    )
    columns = {
        "name": "Patients",
        "n": "n",
        "middle": "Median (IQR), months",
        "maximum": "Maximum",
        "reverse_km_median": "Median by reverse Kaplan–Meier",
        "deaths_breast_cancer": "Breast cancer deaths",
        "deaths_other": "Other deaths",
    }
    formats = dict.fromkeys(("n", "deaths_breast_cancer", "deaths_other"), format_count)
    formats |= dict.fromkeys(("maximum", "reverse_km_median"), "{:g}".format)
    return print_frame(frame, "Follow-up and deaths.", columns, formats)


def marks_table(
    curves: pd.DataFrame, labels: tuple[str, str], marks, estimate: str, start: float, caption: str
) -> PrintedTable:
    """Tabulate step curves at chosen months, the groups beside each other.

    Parameters
    ----------
    curves : pandas.DataFrame
        Tidy estimates with group, time and, for incidences, cause.
    labels : tuple of str
        Label of the reference and of the exposed group.
    marks : sequence of float
        Months; 0 and those after the last time are left out.
    estimate : str
        ``"survival"`` or ``"incidence"``.
    start : float
        Value at month 0.
    caption : str
        Caption.

    Returns
    -------
    PrintedTable
        One row per month, under a heading per cause; numbers at risk, and estimates in percent
        with 95% intervals.

    Examples
    --------
    >>> curve = pd.DataFrame({"group": 0, "time": [3, 14], "n_at_risk": [10, 4],
    ...     "survival": [0.9, 0.8], "conf_low": [0.71, 0.6], "conf_high": [0.99, 0.95]})
    >>> marks_table(curve, ("M0", "M0(i+)"), [0, 12], "survival", 1.0, "Survival.").rows
    (PrintedRow(label='12', cells=('4', '90.0 (71.0–99.0)'), kind='row'),)
    """
    curves = curves.assign(group=label_groups(curves["group"], labels).map(printed))
    groups = curves["group"].unique()
    last = curves["time"].max()
    shown = [mark for mark in marks if 0 < mark <= last]
    rows = []
    for cause in curves["cause"].unique() if "cause" in curves else [""]:
        part = curves[curves["cause"] == cause] if cause else curves
        if cause:
            rows.append(PrintedRow(capitalize(cause), ("",) * 2 * len(groups), "heading"))
        cells = []
        for group in groups:
            curve = part[part["group"] == group].sort_values("time")
            table = estimates_at_marks(curve, shown, estimate, start)
            values = 100 * table[[estimate, "conf_low", "conf_high"]]
            cells += [table["n_at_risk"].map(format_count)]
            cells += [
                [
                    MASKED if pd.isna(line[0]) else print_estimate(*line, 1)
                    for line in values.itertuples(index=False)
                ]
            ]
        rows += [
            PrintedRow(f"{mark:g}", line, "level" if cause else "row")
            for mark, line in zip(shown, zip(*cells, strict=True), strict=True)
        ]
    top = (HeaderCell("Month", rows=2), *(HeaderCell(group, columns=2) for group in groups))
    measures = ("At risk", f"{capitalize(estimate)}, % (95% CI)")
    bottom = tuple(HeaderCell(text) for _ in groups for text in measures)
    return PrintedTable(caption, (top, bottom), tuple(rows))


def inputs_table(inputs: pd.DataFrame) -> PrintedTable:
    """Lay out the exports that went in, with whatever columns describe them.

    Parameters
    ----------
    inputs : pandas.DataFrame
        One row per export; the first column names it.

    Returns
    -------
    PrintedTable
        One row per export.

    Examples
    --------
    >>> inputs_table(pd.DataFrame({"export": ["2018"], "sha256": ["ab12"]})).header[0][1].text
    'SHA-256'
    """
    names = {"sha256": "SHA-256"}
    columns = {c: names.get(c, str(c).replace("_", " ").capitalize()) for c in inputs.columns}
    formats = {"rows": format_count}
    return print_frame(inputs, "Exports that went in.", columns, formats)


def mapping_table(values: Mapping, caption: str, header: tuple[str, str]) -> PrintedTable:
    """Lay out a mapping as a table of two columns.

    Parameters
    ----------
    values : mapping
        Key to value.
    caption : str
        Caption.
    header : tuple of str
        Names of the columns.

    Returns
    -------
    PrintedTable
        One row per key.

    Examples
    --------
    >>> mapping_table({"numpy": "2.4"}, "Versions.", ("Package", "Version")).rows[0].cells
    ('2.4',)
    """
    frame = pd.DataFrame(list(values.items()), columns=["key", "value"], dtype=object)
    return print_frame(frame, caption, dict(zip(frame.columns, header, strict=True)))


def flatten_config(config: Mapping, prefix: str = "") -> dict[str, str]:
    """Write a nested configuration as dotted keys and readable values.

    Parameters
    ----------
    config : mapping
        Nested mappings, lists and scalars.
    prefix : str, optional
        Put before each key.

    Returns
    -------
    dict
        In the order of the configuration; each entry of a list of mappings has its number.

    Examples
    --------
    >>> flatten_config({"matching": {"ratio": 2, "exact": []}, "criteria": [{"age": [18, 89]}]})
    {'matching.ratio': '2', 'matching.exact': 'none', 'criteria.1': 'age: 18, 89'}
    """
    flat: dict[str, str] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten_config(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            flat |= {f"{name}.{n}": _text(item) for n, item in enumerate(value, start=1)}
        else:
            flat[name] = _text(value)
    return flat


def _text(value) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
