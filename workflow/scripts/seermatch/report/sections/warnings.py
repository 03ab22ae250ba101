"""What a reader must know before using the results."""

from collections.abc import Iterable

from seermatch.disclosure.rule import disclosure_limits
from seermatch.report.inline_svg import figure_notes
from seermatch.report.section import Paragraph, Section, Sentences
from seermatch.wording.numbers import NO_FONT
from seermatch.wording.results import Results
from seermatch.wording.warnings import (
    warn_about_balance,
    warn_about_criteria,
    warn_about_matching,
    warn_about_models,
    warn_about_score,
)


def section(results: Results) -> Section:
    """List the warnings."""
    found = find_warnings(results)
    nothing = "The checks of matching, balance and models found nothing to warn about."
    part = Sentences(tuple(found)) if found else Paragraph(nothing)
    return Section("warnings", "Before you use these results", (part,))


def find_warnings(results: Results) -> list[str]:
    """Collect the warnings of criteria, matching, balance, models and fonts, and of masking.

    Parameters
    ----------
    results : Results
        Of its tables attrition, balance, disclosure, followup, models, separated_cells and table1.

    Returns
    -------
    list of str
        Sentences; empty if there is nothing to warn about.
    """
    config, rule = results.config, results.disclosure
    models = {
        "overall survival": results.of_model("cox"),
        f"{results.cancer} death": results.of_model("fine_gray"),
    }
    return [
        *warn_about_criteria(results["attrition"], config["cohort"]["criteria"]),
        *warn_about_score(results["separated_cells"], results.labels, results.variables),
        *_warn_about_matching(results),
        *warn_about_balance(results["balance"], config["balance"]["threshold"], results.variables),
        *warn_about_models(models, results.labels, results.reference_levels, results.variables),
        *_warn_about_fonts(results.figures.values()),
        *([disclosure_limits(rule)] if rule.active else []),
    ]


def _warn_about_matching(results: Results) -> list[str]:
    """Say who found no match; differences of rounded sizes say nothing of it."""
    if results.disclosure.rounds:
        return []
    matching = results.config["matching"]
    return warn_about_matching(
        results["followup"], results.labels, matching["ratio"], matching["order"]
    )


def _warn_about_fonts(figures: Iterable[str | bytes]) -> list[str]:
    """Say once which characters the figures lack."""
    notes = dict.fromkeys(note for svg in figures for note in figure_notes(svg))
    return [note for note in notes if note.startswith(NO_FONT)]
