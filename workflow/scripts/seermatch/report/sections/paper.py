"""The printed paper: what this run reproduces, and where its numbers contradict each other."""

import re

import pandas as pd
from markupsafe import Markup

from seermatch.paper import finding as audit_finding
from seermatch.report.section import Paragraph, Section, Sentences, Table
from seermatch.wording.numbers import NOTHING, capitalize
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable, print_frame
from seermatch.wording.results import Results


def section(results: Results) -> Section | None:
    """Show the comparison and the audit; none where the study follows no paper."""
    if "paper_audit" not in results:
        return None
    said = summarize_audit(results["paper_audit"])
    contradictions = findings_table(results["paper_audit"])
    more = Markup(
        "The files <code>paper_audit.tsv</code> and <code>paper_comparison.tsv</code> among the "
        "results hold every check and every cell."
    )
    parts = (
        Paragraph(said[0]),
        Sentences(tuple(said[1:])),
        Table("paper_cells", agreement_table(results["paper_comparison"]), "S12"),
        Table("paper_findings", contradictions, "S13", "wrap wide")
        if contradictions.rows
        else Paragraph("No printed number contradicts another."),
        Paragraph(more),
    )
    return Section("paper", "The printed paper", parts)


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
            f"{block['agrees'].sum():,} of {len(block):,}" if len(block) else NOTHING
            for block in (part[~fixed], part[fixed])
        ]
        label = re.sub(r"^table(\d+)$", r"Table \1", name)
        rows.append(PrintedRow(label, (f"{len(part):,}", *cells)))
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
        f"The printed tables were recomputed from their own numbers in {len(audit):,} checks.",
        *(
            f"{capitalize(name)}, {counts[name]}: {audit_finding.VERDICTS[name]}."
            for name in order
            if name in counts
        ),
    ]
