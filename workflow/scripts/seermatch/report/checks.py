"""Quality of the data, and the printed paper: their tables and sentences in the report."""

import re

import pandas as pd

from seermatch.cohort.quality import TITLES, VERDICTS
from seermatch.paper import finding as audit_finding
from seermatch.seer.fields import seer_fields
from seermatch.variables.printed import printed
from seermatch.wording.numbers import NOTHING, capitalize, format_count
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable, print_frame

MISSING_VALUES = "Missing values"
DETAIL_IN_NOTE = ("unknown_label", "missing")


def quality_table(quality: pd.DataFrame) -> PrintedTable:
    """Count the verdicts of the integrity checks.

    Parameters
    ----------
    quality : pandas.DataFrame
        Rows of ``results/data_quality.tsv``.

    Returns
    -------
    PrintedTable
        One row per check.

    Examples
    --------
    >>> rows = pd.DataFrame({"check": ["outcome", "missing", "missing"],
    ...     "verdict": ["ok", "ok", "warning"]})
    >>> [(row.label, row.cells) for row in quality_table(rows).rows]
    [('Vital status and cause of death', ('1', '0', '0')), ('Missing values', ('1', '1', '0'))]
    """
    order = VERDICTS[::-1]
    counts = pd.crosstab(quality["check"], quality["verdict"]).reindex(columns=order, fill_value=0)
    rows = [
        PrintedRow(_title(check), tuple(format_count(n) for n in counts.loc[check]))
        for check in quality["check"].unique()
    ]
    header = ("Check", "OK", *map(capitalize, order[1:]))
    caption = "Integrity checks of the exports: number of findings by verdict."
    return PrintedTable(caption, (tuple(map(HeaderCell, header)),), tuple(rows))


def _title(check: str) -> str:
    return TITLES.get(check, MISSING_VALUES if check == "missing" else capitalize(check))


def quality_warnings(quality: pd.DataFrame, labels: tuple[str, str]) -> list[str]:
    """Put the findings that are not in order into sentences.

    Parameters
    ----------
    quality : pandas.DataFrame
        Rows of ``results/data_quality.tsv``.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    list of str
        One per finding, the serious ones first.

    Examples
    --------
    >>> rows = pd.DataFrame({"check": ["missing_cause_of_death"], "field": ["both"],
    ...     "detail": [""], "group": ["all"], "count": [45], "records": [438],
    ...     "percent": [10.274], "verdict": ["warning"], "note": ["Many deaths have no cause."]})
    >>> quality_warnings(rows, ("M0", "M0(i+)"))
    ['Warning. Deaths without a cause: many deaths have no cause. 45 of 438 (10.3%).']
    """
    groups = dict(zip(("reference", "exposed"), map(printed, labels), strict=True))
    names = {name: field.variable for name, field in seer_fields().items()}
    found = []
    for verdict in VERDICTS[:-1]:
        for row in quality[quality["verdict"] == verdict].itertuples():
            about = [names[row.field]] if row.field in names else []
            about += [groups[row.group]] if row.group in groups else []
            about += [row.detail] if row.detail and row.check not in DETAIL_IN_NOTE else []
            place = f" ({'; '.join(about)})" if about else ""
            note = f"{row.note[:1].lower()}{row.note[1:]}"
            share = "" if pd.isna(row.percent) else f" ({row.percent:.1f}%)"
            counts = f"{format_count(row.count)} of {format_count(row.records)}{share}"
            found.append(f"{capitalize(verdict)}. {_title(row.check)}{place}: {note} {counts}.")
    return found


# ----- the printed paper -------------------------------------------------------------------------


def agreement_table(comparison: pd.DataFrame) -> PrintedTable:
    """Count the printed cells that this run reproduces.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Rows of ``results/paper_comparison.tsv``.

    Returns
    -------
    PrintedTable
        One row per table; cells fixed by the synthetic registry are counted apart.

    Examples
    --------
    >>> cells = pd.DataFrame({"table": ["table1"] * 3, "agrees": [True, False, True],
    ...     "by_construction": [True, False, False]})
    >>> agreement_table(cells).rows[0]
    PrintedRow(label='Table 1', cells=('3', '1 of 2', '1 of 1'), kind='row')
    """
    rows = []
    for name, part in comparison.groupby("table"):
        fixed = part["by_construction"]
        cells = [
            f"{format_count(block['agrees'].sum())} of {format_count(len(block))}"
            if len(block)
            else NOTHING
            for block in (part[~fixed], part[fixed])
        ]
        label = re.sub(r"^table(\d+)$", r"Table \1", name)
        rows.append(PrintedRow(label, (format_count(len(part)), *cells)))
    header = ("Table", "Cells", "Agree, free", "Agree, fixed by construction")
    return PrintedTable(
        "Cells of the paper’s printed tables that this run reproduces to the last digit.",
        (tuple(map(HeaderCell, header)),),
        tuple(rows),
        (
            "Free: this run’s data decide. Fixed by construction: the synthetic registry was made "
            "so that they agree, which says nothing about the method. Real data fix none.",
        ),
    )


def findings_table(audit: pd.DataFrame) -> PrintedTable:
    """Lay out where the paper's printed numbers contradict each other.

    Parameters
    ----------
    audit : pandas.DataFrame
        Rows of ``results/paper_audit.tsv``.

    Returns
    -------
    PrintedTable
        One row per finding with the verdict ``inconsistent``.
    """
    names = ("check", "printed", "recomputed", "note")
    columns = dict(zip(names, ("Check", "Printed", "Recomputed", "Note"), strict=True))
    rows = audit[audit["verdict"] == "inconsistent"].fillna("").astype(str)
    return print_frame(rows, "Printed numbers that contradict each other.", columns)


def summarize_audit(audit: pd.DataFrame) -> list[str]:
    """Count the verdicts of the audit and say what each means.

    Parameters
    ----------
    audit : pandas.DataFrame
        Rows of ``results/paper_audit.tsv``.

    Returns
    -------
    list of str
        A sentence, and an item per verdict, the serious ones first.

    Examples
    --------
    >>> for line in summarize_audit(pd.DataFrame({"verdict": ["ok", "ok", "inconsistent"]})):
    ...     print(line)
    The printed tables were recomputed from their own numbers in 3 checks.
    Inconsistent, 1: printed numbers, or a number and a statement, contradict each other.
    Ok, 2: the printed numbers add up exactly.
    """
    counts = audit["verdict"].value_counts()
    serious = (audit_finding.INCONSISTENT, audit_finding.WEAKNESS, audit_finding.NOT_RECOMPUTABLE)
    order = dict.fromkeys((*serious, *audit_finding.VERDICTS))
    return [
        "The printed tables were recomputed from their own numbers in "
        f"{format_count(len(audit))} checks.",
        *(
            f"{capitalize(name)}, {counts[name]}: {audit_finding.VERDICTS[name]}."
            for name in order
            if name in counts
        ),
    ]
