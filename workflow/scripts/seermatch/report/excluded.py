"""Patients excluded for missing covariates: their table and sentences in the report."""

from collections.abc import Mapping

import pandas as pd

from seermatch.analysis.excluded_patients import DISTRIBUTION, EXCLUDED, INCLUDED, SIZE, UNKNOWN
from seermatch.disclosure.rule import MASKED
from seermatch.variables.printed import Variable, printed
from seermatch.wording.numbers import NOTHING, format_count, format_range
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.terms import describe_variable, name_event

NOTABLE = 0.1  # standardized difference
NAMES = {"time": "Follow-up (months)", "event": "Outcome"}


def included_table(
    table: pd.DataFrame, labels: tuple[str, str], variables: Mapping[str, Variable], cancer: str
) -> PrintedTable:
    """Lay out the included patients beside those excluded for missing covariates.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/included_excluded.tsv``; missing counts are masked.
    labels : tuple of str
        Label of the reference and of the exposed group.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    PrintedTable
        Per variable both distributions, the standardized difference, and who lacks it. Of two
        levels the second is shown.
    """
    sizes = table[table["quantity"] == SIZE].set_index("patients")["n"]
    lacking = table[table["quantity"] == UNKNOWN].set_index(["variable", "patients"])
    table = table.assign(level=[name_event(level, cancer) for level in table["level"]])
    rows = []
    for variable, block in table[table["quantity"] == DISTRIBUTION].groupby("variable", sort=False):
        unknown = [
            _count(lacking.loc[(variable, label)]) if (variable, label) in lacking.index else ""
            for label in labels
        ]
        levels = dict(list(block.groupby("level", sort=False)))
        cells = {level: _included_cells(part) for level, part in levels.items()}
        *_, last = cells  # of two levels the second
        if len(cells) > 2:
            rows.append(PrintedRow(_name(variable, variables), ("", "", "", *unknown), "heading"))
            rows += [
                PrintedRow(printed(level), (*found, "", ""), "level")
                for level, found in cells.items()
            ]
        else:
            rows.append(PrintedRow(_name(variable, variables, last), (*cells[last], *unknown)))
    header = ("Variable", f"Included (n = {format_count(sizes[INCLUDED])})")
    header += (f"Excluded (n = {format_count(sizes[EXCLUDED])})", "SMD")
    header += tuple(f"Unknown, {printed(label)}" for label in labels)
    return PrintedTable(
        "Patients of the study, and those excluded only because a covariate is unknown.",
        (tuple(map(HeaderCell, header)),),
        tuple(rows),
        (
            "Number (%) or median (IQR) of those whose value is known. SMD, standardized mean "
            "difference, excluded minus included. Unknown: patients of each group who lack the "
            "covariate, with their share of its eligible patients.",
        ),
    )


def _name(variable: str, variables: Mapping[str, Variable], level: str = "") -> str:
    name = NAMES.get(variable) or describe_variable(variable, variables)
    return f"{name}: {printed(level)}" if level else name


def _count(row: pd.Series) -> str:
    percent = "" if pd.isna(row["percent"]) else f" ({row['percent']:.1f}%)"
    return format_count(row["n"]) + percent


def _included_cells(part: pd.DataFrame) -> tuple[str, str, str]:
    """Print a level, or a number, of included and excluded, and their difference."""
    by_patients = part.set_index("patients")
    cells = []
    for name in (INCLUDED, EXCLUDED):
        row = by_patients.loc[name]
        if row["level"]:
            cells.append(_count(row))
        elif pd.isna(row["median"]):
            cells.append(MASKED if pd.isna(row["n"]) or row["n"] else NOTHING)
        else:
            cells.append(f"{row['median']:g} ({format_range(row['q1'], row['q3'], None)})")
    smd = by_patients["smd"].iloc[0]
    text = NOTHING if pd.isna(smd) else f"{round(smd, 3) + 0.0:.3f}"
    return (*cells, text.replace("-", "\N{MINUS SIGN}"))


def explain_included(
    table: pd.DataFrame, imputed: bool, variables: Mapping[str, Variable], cancer: str
) -> list[str]:
    """Say who was excluded for missing covariates, and whether they are others.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/included_excluded.tsv``.
    imputed : bool
        Whether multiple imputation is among the sensitivity analyses.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    list of str
        One paragraph.

    Examples
    --------
    >>> rows = [("patients", "", "", "included", 90, 90.0, None), ("patients", "", "", "excluded",
    ...     10, 10.0, None), ("distribution", "grade", "III", "excluded", 4, 40.0, 0.031),
    ...     ("unknown", "grade", "", "M0", 6, 6.0, None), ("unknown", "er", "", "M0", 4, 4.0, None)]
    >>> names = ["quantity", "variable", "level", "patients", "n", "percent", "smd"]
    >>> explain_included(pd.DataFrame(rows, columns=names), False, {}, "lung cancer")
    ['10 patients, 10.0% of those who meet the other criteria, were excluded only because a \
covariate is unknown, most often Grade. They resemble the included patients in what is known of \
them: the largest standardized difference is 0.03 (Grade: III).']
    """
    excluded = table[(table["quantity"] == SIZE) & (table["patients"] == EXCLUDED)].iloc[0]
    if pd.isna(excluded["n"]):
        said = "Patients were excluded only because a covariate is unknown; their number is masked"
    elif excluded["n"] == 0:
        return ["No patient was excluded only because a covariate is unknown."]
    else:
        said = (
            f"{format_count(excluded['n'])} patients, {excluded['percent']:.1f}% of those who meet "
            "the other criteria, were excluded only because a covariate is unknown"
        )
    lacking = table[table["quantity"] == UNKNOWN].groupby("variable", sort=False)["n"]
    told = not lacking.apply(lambda n: n.isna().any()).any()  # a masked one may be the largest
    lacking = lacking.sum()
    if told and lacking.max() > 0:
        said += f", most often {_name(lacking.astype(float).idxmax(), variables)}"
    said += "."
    differences = table.dropna(subset="smd")
    if len(differences):
        # of two levels, which differ alike, the one that the table shows
        row = differences.loc[differences["smd"].abs().round(9)[::-1].idxmax()]
        level = name_event(row["level"], cancer)
        size = f"{abs(row['smd']):.2f} ({_name(row['variable'], variables, level)})"
        some = (
            differences["variable"].nunique()
            < table.loc[(table["quantity"] == DISTRIBUTION), "variable"].nunique()
        )
        far = abs(row["smd"]) > NOTABLE
        if far:
            said += " They differ from the included patients, and the results may not hold for them"
        elif not some:
            said += " They resemble the included patients in what is known of them"
        if far or not some:
            said += f": the largest standardized difference is {size}."
        else:
            said += f" Of the standardized differences that are shown the largest is {size}."
    if imputed:
        said += " Multiple imputation, among the sensitivity analyses, includes them."
    return [said]
