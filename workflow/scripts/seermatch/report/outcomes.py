"""What the sections on both outcomes share: curves read at chosen months, and forest plots."""

import pandas as pd

from seermatch.disclosure.rule import MASKED
from seermatch.report.section import Figure, show_figure
from seermatch.survival.curves import estimates_at_marks
from seermatch.variables.printed import label_groups, printed
from seermatch.wording.numbers import (
    capitalize,
    format_count,
    format_range,
    format_ratio,
    print_estimate,
)
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.results import Results

INDEPENDENT = (
    "Intervals and p of this table take the patients as independent; those of the summary are "
    "clustered by matched set."
)
MODEL_WORDS = {
    "univariable": "univariable",
    "multivariable": "multivariable as published",
    "recommended": "recommended",
}


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
    estimate : {"survival", "incidence"}
        What the curves estimate.
    start : float
        Value at month 0.
    caption : str
        Of the table.

    Returns
    -------
    PrintedTable
        One row per month, under a heading per cause: at risk, and percent with 95% intervals.

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


def show_forest(results: Results, estimator: str, number: str) -> Figure:
    """Show the forest plot of Table 3 (``cox``) or 4 (``fine_gray``)."""
    what, measure, table = {
        "cox": ("Hazard ratios of death with 95% intervals (Cox)", "Hazard ratio", 3),
        "fine_gray": (
            f"Subdistribution hazard ratios of {results.cancer} death with 95% intervals "
            "(Fine–Gray)",
            "Subdistribution hazard ratio",
            4,
        ),
    }[estimator]
    ratios = _group_ratios(results.of_model(estimator), measure, results.labels)
    return show_figure(
        results,
        f"forest_{estimator}",
        number,
        f"{what}: squares, other terms; diamonds, the group. Log scale, the same in all columns; "
        "values as in the table above.",
        f"Forest plot of Table {table}. {ratios}",
    )


def _group_ratios(models: pd.DataFrame, measure: str, labels: tuple[str, str]) -> str:
    """Say the group's ratio in each kind of model."""
    rows = models[(models["term"] == "group") & models["hr"].notna()]
    found = [
        f"{MODEL_WORDS[row.model]} {format_ratio(row.hr)} ({format_range(row.hr_low, row.hr_high)})"
        for row in rows.itertuples()
    ]
    versus = f"{printed(labels[1])} vs {printed(labels[0])}"
    return f"{measure}, {versus}: {'; '.join(found) or 'not estimable'}."
