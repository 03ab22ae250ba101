"""How alike the groups are before and after matching."""

import pandas as pd

from seermatch.report.section import Figure, Section, Table, show_figure
from seermatch.wording.result_tables import balance_table
from seermatch.wording.results import Results


def section(results: Results) -> Section:
    """Show the love plot, the overlap of the scores, and both as a table."""
    balance = results["balance"]
    after = balance["smd_after"].abs().max()
    love_plot = show_figure(
        results,
        "love_plot",
        "2",
        "Absolute standardized mean differences before and after matching.",
        f"Love plot. The largest difference after matching is {after:.3f}. The next table holds "
        "its values.",
    )
    table = balance_table(balance, results.variables)
    parts = (love_plot, score_overlap(results), Table("balance", table, "S2"))
    return Section("balance", "Balance", parts)


def score_overlap(results: Results) -> Figure:
    """Show the scores of both groups."""
    reference, exposed = results.printed
    minimum = results.disclosure.minimum_count
    merged = f" Bins are as wide as masking counts below {minimum} asks." if minimum > 1 else ""
    return show_figure(
        results,
        "score_overlap",
        "S1",
        f"Propensity scores of {reference} (above the line) and {exposed} patients (below), before "
        f"and after matching.{merged}",
        f"Mirrored histograms. {_score_difference(results['balance'])} Table S2 holds the balance "
        "of the score and of the covariates.",
    )


def _score_difference(balance: pd.DataFrame) -> str:
    distance = balance[balance["term"] == "distance"].iloc[0]
    before, after = abs(distance["smd_before"]), abs(distance["smd_after"])
    return (
        f"The mean scores of the groups differ by {before:.3f} standard deviations before "
        f"matching and by {after:.3f} after."
    )
