"""Tables 1 to 4 and the supplementary tables as a journal prints them: captions, marks, notes.

Made from the published files only, in which small counts are masked already.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from seermatch.analysis.stability import stability_range
from seermatch.disclosure.rule import MASKED, DisclosureRule, disclosure_note
from seermatch.variables.printed import printed
from seermatch.wording.numbers import NOTHING, capitalize, format_count, format_p, format_range
from seermatch.wording.printed_tables import (
    NOTE_MARKS,
    HeaderCell,
    PrintedRow,
    PrintedTable,
    print_characteristics,
    print_regression,
)
from seermatch.wording.result_tables import attrition_table, balance_table, sensitivity_tables
from seermatch.wording.results import Results

ABBREVIATIONS = {"CI": "confidence interval", "HR": "hazard ratio"}
STABILITY = {
    "deaths": "Deaths",
    "deaths_cancer": "Deaths of {cancer}",
    "os_hr": "Overall survival: hazard ratio",
    "os_p": "Overall survival: p",
    "cancer_hr": "{Cancer} mortality: hazard ratio",
    "cancer_p": "{Cancer} mortality: p",
    "common_controls": "Reference patients in common with the main match (%)",
}


def journal_tables(results: Results) -> dict[str, dict[str, PrintedTable]]:
    """Lay out all tables for print.

    Parameters
    ----------
    results : Results
        Published results.

    Returns
    -------
    dict
        ``Tables`` and ``Supplementary tables``: name, such as ``"Table S1"``, to table. Notes
        spell out the abbreviations of their table, and say what is masked where something is.
    """
    named = tuple(printed(label) for label in results.labels)
    contrast = f"{named[1]} vs {named[0]}"
    sensitivity = sensitivity_tables(results["sensitivity"], results.variables, results.cancer)
    balance = balance_table(results["balance"], results.variables)
    stability = stability_table(results["stability"], results.cancer)
    threshold = results.config["balance"]["threshold"]
    limit = f"Absolute SMD up to {threshold:g} count as balanced."
    abbreviations = ABBREVIATIONS.copy()
    for variable in results.variables.values():
        abbreviations |= {printed(short): known for short, known in variable.abbreviations.items()}
    groups = {
        "Tables": [
            _characteristics(results, results["table1"], "before matching"),
            _characteristics(results, results["table2"], "after matching"),
            _regression(results, results["table3"], "HR"),
            _regression(results, results["table4"], "sHR"),
        ],
        "Supplementary tables": [
            attrition_table(results["attrition"], named),
            replace(balance, notes=(*balance.notes, limit)),
            *(_about(table, f"hazard ratios, {contrast}") for table in sensitivity.values()),
            _about(stability, contrast),
        ],
    }
    return {
        title: {
            f"Table {prefix}{number}": _with_abbreviations(table, abbreviations, results.disclosure)
            for number, table in enumerate(tables, start=1)
        }
        for prefix, (title, tables) in zip(("", "S"), groups.items(), strict=True)
    }


def _about(table: PrintedTable, what: str) -> PrintedTable:
    """Say in the caption what is compared."""
    return replace(table, caption=f"{table.caption.rstrip('.')}: {what}.")


def _sizes(table: pd.DataFrame, labels: tuple[str, str]) -> str:
    """Name the groups with their sizes, from the first row of Table 1 or 2."""
    row = table[table["variable"] == "n"].iloc[0]
    return " and ".join(f"{row[label]} {printed(label)}" for label in labels)


def _characteristics(results: Results, table: pd.DataFrame, when: str) -> PrintedTable:
    caption = f"Characteristics of the patients {when}: {_sizes(table, results.labels)} patients."
    laid_out = print_characteristics(table, results.labels, caption, results.variables)
    notes = [f"{note[:-1]} test." if note[0] in NOTE_MARKS else note for note in laid_out.notes]
    if not (table["test"] != "").any():
        notes.append(
            "Percentages, medians and quartiles are weighted by the matched sets, n counts "
            "patients; no test is made of a weighted sample (see its balance)."
        )
        rows = tuple(replace(row, cells=row.cells[:-1]) for row in laid_out.rows)
        laid_out = replace(laid_out, header=(laid_out.header[0][:-1],), rows=rows)
    return replace(laid_out, notes=("Values are n (%) or median (IQR).", *notes))


def _regression(results: Results, table: pd.DataFrame, measure: str) -> PrintedTable:
    """Lay out Table 3 (``HR``) or 4 (``sHR``)."""
    everybody = results["followup"].query("population == 'matched' and group == 'all'").iloc[0]
    if measure == "HR":
        what, model, of = "Overall mortality", "Cox regression", "deaths"
        deaths = everybody["deaths_cancer"] + everybody["deaths_other"]
        notes = []
    else:
        what, model, of = (
            f"{capitalize(results.cancer)} mortality",
            "Fine–Gray regression",
            f"deaths of {results.cancer}",
        )
        deaths = everybody["deaths_cancer"]
        notes = ["Deaths of other causes compete."]
    counted = "" if pd.isna(deaths) else f", {format_count(deaths)} {of}"
    caption = (
        f"{what} after matching ({model}): {_sizes(results['table2'], results.labels)} patients"
        f"{counted}."
    )
    selection_p = results.config["regression"]["selection_p"]
    notes += [
        "Intervals and p are Wald’s unless marked. As published: the terms with a univariable p "
        f"below {selection_p:g} in a joint test of all their levels, and the group; "
        "recommended: terms fixed in advance, and the group.",
    ]
    return print_regression(table, caption, measure, notes, marked=True)


def stability_table(repeats: pd.DataFrame, cancer: str) -> PrintedTable:
    """Sum up the matches repeated under other tie seeds, one row per quantity.

    Parameters
    ----------
    repeats : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``, the main match first; missing deaths are
        masked.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    PrintedTable
        The main match, median and middle 95% of the repetitions, and the share of them below the
        main match, equal ones counted half.

    Examples
    --------
    >>> repeats = pd.DataFrame({"seed": [1, 2, 3, 4], "os_hr": [1.1, 0.8, 1.4, 1.0],
    ...     "os_p": [0.4, 0.6, 0.04, 0.9], "deaths": [9, 8, 8, 8]})
    >>> for row in stability_table(repeats, "lung cancer").rows:
    ...     print(row.label, row.cells)
    Deaths ('9', '8', '8–8', '100')
    Overall survival: hazard ratio ('1.10', '1.00', '0.81–1.38', '67')
    Overall survival: p ('0.400', '0.600', '0.068–0.885', '33')
    """
    spread = stability_range(repeats).set_index("quantity")
    rows = []
    for quantity, words in STABILITY.items():
        if quantity not in spread.index:
            continue
        name = words.format(cancer=cancer, Cancer=capitalize(cancer))
        row = spread.loc[quantity]
        if pd.isna(row["main"]):
            shown = MASKED if quantity.startswith("deaths") else NOTHING
            rows.append(PrintedRow(name, (shown,) * 4))
            continue
        cells = (*_print_spread(quantity, row), f"{100 * row['share_below']:.0f}")
        rows.append(PrintedRow(name, cells))
    header = ("Quantity", "Main match", "Median", "Middle 95%", "Below the main match (%)")
    significant = [
        f"{(repeats[column].iloc[1:] < 0.05).sum()} ({name})"
        for column, name in (("os_p", "overall survival"), ("cancer_p", f"{cancer} mortality"))
        if column in repeats and repeats[column].iloc[1:].notna().any()
    ]
    shown = f"; p was below 0.05 in {' and '.join(significant)} of the repetitions"
    n = len(repeats) - 1
    note = (
        f"Median, middle 95% and share below the main match are those of {n} repetitions of the "
        "match with other choices among reference patients with the same score. Univariable "
        f"models of the group, p clustered by matched set{shown if significant else ''}."
    )
    caption = f"Stability of the results over {n} other seeds of the rule for ties."
    return PrintedTable(caption, (tuple(map(HeaderCell, header)),), tuple(rows), (note,))


def _print_spread(quantity: str, row: pd.Series) -> tuple[str, str, str]:
    """Print main value, median and middle 95% in the form of the quantity."""
    if quantity.endswith("_p"):
        ends = [format_p(row[name]) for name in ("low", "high")]
        return format_p(row["main"]), format_p(row["median"]), "–".join(ends)
    if quantity.endswith("_hr"):
        middle = format_range(row["low"], row["high"], 2)
        return f"{row['main']:.2f}", f"{row['median']:.2f}", middle
    scale = 1 if quantity.startswith("deaths") else 100
    middle = format_range(scale * row["low"], scale * row["high"], 0)
    return f"{scale * row['main']:.0f}", f"{scale * row['median']:.0f}", middle


def _with_abbreviations(
    table: PrintedTable, abbreviations: Mapping[str, str], rule: DisclosureRule
) -> PrintedTable:
    """Add the abbreviations that the notes do not spell out yet, and what is masked."""
    texts = [
        table.caption,
        *(cell.text for row in table.header for cell in row),
        *(text for row in table.rows for text in (row.label, *row.cells)),
    ]
    known = " ".join(table.notes)
    longest = sorted(abbreviations, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest))})(?!\w)")
    found = {match for text in texts for match in pattern.findall(text)}
    spelled = [f"{name}, {abbreviations[name]}" for name in sorted(found)]
    spelled = [words for words in spelled if words not in known]
    notes = [*table.notes]
    if spelled:
        notes.append(f"{'; '.join(spelled)}.")
    if rule.active and any(text == MASKED for text in texts):
        notes.append(capitalize(disclosure_note(rule)))
    return replace(table, notes=tuple(notes))
