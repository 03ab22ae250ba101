"""Quality of the data."""

import pandas as pd
from markupsafe import Markup

from seermatch.cohort.quality import TITLES, VERDICTS
from seermatch.report.section import Paragraph, Section, Sentences, Table
from seermatch.seer.fields import seer_fields
from seermatch.variables.printed import printed
from seermatch.wording.numbers import capitalize, format_count
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.results import Results

MISSING_VALUES = "Missing values"
DETAIL_IN_NOTE = ("unknown_label", "missing")


def section(results: Results) -> Section:
    """Show what is not in order, and how many checks found something."""
    quality = results["quality"]
    found = quality_warnings(quality, results.labels)
    nothing = "The integrity checks of the exports found nothing to warn about."
    more = Markup(
        "The file <code>data_quality.html</code> among the results holds every check, and the "
        "unknown values of each field."
    )
    parts = (
        Sentences(tuple(found)) if found else Paragraph(nothing),
        Table("quality", quality_table(quality), "S11", "counts"),
        Paragraph(more),
    )
    return Section("quality", "Data quality", parts)


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
        PrintedRow(_title(check), tuple(f"{n:,}" for n in counts.loc[check]))
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
