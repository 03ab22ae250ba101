"""The main results: hazard ratios and absolute differences."""

import numpy as np

from seermatch.analysis.names import (
    IN_INCIDENCE,
    IN_MONTHS_LOST,
    IN_RESTRICTED_MEAN,
    IN_SURVIVAL,
    OVERALL,
    SPECIFIC,
    WEIGHTED,
)
from seermatch.analysis.stability import stability_range
from seermatch.disclosure.rule import MASKED
from seermatch.report.group_ratio import clustered_ratio, intervals_in_words, is_masked
from seermatch.report.section import Section, Table
from seermatch.report.sections.sensitivity import SEED_RATIOS, place_of_main
from seermatch.variables.printed import ALL_CAUSES, EVENTS
from seermatch.wording.numbers import NOTHING, capitalize, format_range, print_estimate
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.result_tables import print_ratio
from seermatch.wording.results import Results
from seermatch.wording.terms import print_outcome

KEY = "main-results"
SHOWN_TOGETHER = IN_SURVIVAL, IN_RESTRICTED_MEAN
BY_CAUSE = IN_INCIDENCE, IN_MONTHS_LOST
CAUSES = (ALL_CAUSES, *EVENTS[1:])


def section(results: Results) -> Section:
    """Show both tables of the main results."""
    tables = (
        Table("headline", headline_table(results), style="compact"),
        Table("differences", differences_table(results), style="compact"),
    )
    return Section(KEY, "Main results", tables)


def headline_table(results: Results) -> PrintedTable:
    """Lay out the hazard ratios of the main results.

    Parameters
    ----------
    results : Results
        Of its tables models, stability and sensitivity.

    Returns
    -------
    PrintedTable
        Overall survival and mortality of the cancer beside each other: matched hazard ratio with
        its interval clustered by matched set, range over the tie seeds, place of the main match
        in it, and the full cohort weighted to the exposed.
    """
    spread = stability_range(results["stability"]).set_index("quantity")
    reference, exposed = results.printed
    seeds = len(results["stability"]) - 1
    models = [results.of_model("cox"), results.of_model("fine_gray")]
    ranges = [
        format_range(spread.loc[name, "low"], spread.loc[name, "high"], 2) or NOTHING
        for name in SEED_RATIOS
    ]
    places = [capitalize(place_of_main(spread.loc[name])) for name in SEED_RATIOS]
    analyses = results["sensitivity"]
    weighted = analyses[analyses["analysis"] == WEIGHTED["ATT"]].set_index("outcome")
    whole = [
        print_ratio(weighted.loc[outcome]) if outcome in weighted.index else NOTHING
        for outcome in (OVERALL, SPECIFIC)
    ]
    rows = (
        (
            "Matched patients (95% CI)",
            [print_estimate(*clustered_ratio(rows), masked=is_masked(rows)) for rows in models],
        ),
        (f"Middle 95% over {seeds} other tie seeds", ranges),
        ("The main match among them", places),
        ("Whole cohort, weighted (95% CI)", whole),
    )
    header = (
        "Hazard ratio",
        "Overall survival (Cox)",
        f"{capitalize(results.cancer)} mortality (Fine–Gray)",
    )
    return PrintedTable(
        f"Hazard ratios of death, {exposed} vs {reference}.",
        (tuple(HeaderCell(text) for text in header),),
        tuple(PrintedRow(label, tuple(cells)) for label, cells in rows),
        (
            "Matched patients: univariable models, intervals "
            f"{intervals_in_words(*models, results.cancer)}; adjusted "
            "models are in Tables 3 and 4. Tie seeds: the match repeated with other choices among "
            f"reference patients with the same score. Weighted: all {reference} patients, weighted "
            f"to resemble the {exposed} patients (ATT), robust interval.",
        ),
    )


def differences_table(results: Results) -> PrintedTable:
    """Lay out the absolute differences of the main results.

    Parameters
    ----------
    results : Results
        Of its tables interpretation.

    Returns
    -------
    PrintedTable
        Differences in cumulative incidence (percentage points) and in months lost, by month and
        cause. Those of death of any cause are the differences in survival and in restricted mean
        survival with the sign changed, so that every positive number is to the disadvantage of
        the exposed and the causes add up.
    """
    reference, exposed = results.printed
    table = results["interpretation"]
    rows = []
    for name, by_cause, together, factor, decimals in (
        ("Cumulative incidence, percentage points", BY_CAUSE[0], SHOWN_TOGETHER[0], 100, 1),
        ("Months of life lost", BY_CAUSE[1], SHOWN_TOGETHER[1], 1, 2),
    ):
        block = table[table["quantity"].isin((by_cause, together))]
        if block.empty:
            continue
        rows.append(PrintedRow(name, ("",) * len(CAUSES), "heading"))
        for month, part in block.groupby("month"):
            by_outcome = part.set_index("outcome")
            cells = []
            for outcome in CAUSES:
                if outcome not in by_outcome.index:
                    cells.append(NOTHING)
                    continue
                row = by_outcome.loc[outcome]
                values = np.array([row["estimate"], row["low"], row["high"]], dtype=float) * factor
                if row["quantity"] == together:
                    values = -values[[0, 2, 1]]
                cells.append(print_estimate(*values, decimals, masked=row["status"] == MASKED))
            rows.append(PrintedRow(f"By month {month:g}", tuple(cells), "level"))
    header = (
        "Difference (95% CI)",
        *(print_outcome(outcome, results.cancer) for outcome in CAUSES),
    )
    return PrintedTable(
        f"Differences in the matched patients, {exposed} minus {reference}.",
        (tuple(HeaderCell(text) for text in header),),
        tuple(rows),
        (
            f"Above 0: more deaths, or more time lost, with {exposed}. Intervals clustered by "
            "matched set. Months of life lost: mean time lost up to the month.",
        ),
    )
