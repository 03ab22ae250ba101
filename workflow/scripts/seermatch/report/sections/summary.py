"""The main results in sentences."""

from collections.abc import Iterable

import pandas as pd

from seermatch.report.group_ratio import clustered_ratio, intervals_in_words, print_group_ratio
from seermatch.report.section import Section, Sentences
from seermatch.wording.numbers import capitalize, format_count, format_range, state_p
from seermatch.wording.results import Results
from seermatch.wording.terms import name_event, print_test
from seermatch.wording.warnings import group_sizes


def section(results: Results) -> Section:
    """Say the main results."""
    return Section("summary", "Summary", (Sentences(tuple(summarize(results))),))


def summarize(results: Results) -> list[str]:
    """Say the main results in sentences.

    Parameters
    ----------
    results : Results
        Of its tables followup, logrank, gray and models.

    Returns
    -------
    list of str
        Matching, follow-up and deaths, overall survival and mortality of the cancer with
        intervals clustered by matched set, and what intervals that include 1 do not show.
    """
    reference, exposed = results.printed
    n = group_sizes(results["followup"], results.labels)
    of_reference, of_exposed = (
        [format_count(n[population, label]) for population in ("matched", "cohort")]
        for label in results.labels
    )
    models = [results.of_model("cox"), results.of_model("fine_gray")]
    logrank, gray = (results[name].iloc[0] for name in ("logrank", "gray"))
    names = f"{exposed} vs {reference}"
    sentences = [
        f"{of_exposed[0]} of {of_exposed[1]} {exposed} patients were matched to {of_reference[0]} "
        f"of {of_reference[1]} {reference} patients.",
        *_follow_up_sentence(results["followup"], results.cancer),
        f"Overall survival: hazard ratio of death, {names}, {print_group_ratio(models[0])}; "
        f"{print_test(logrank['test'])} {state_p(logrank['p_value'])}.",
        f"{capitalize(name_event(gray['cause'], results.cancer))}: subdistribution hazard ratio, "
        f"{names}, {print_group_ratio(models[1])}; {print_test(gray['test'])} "
        f"{state_p(gray['p_value'])}.",
        f"All these 95% confidence intervals are {intervals_in_words(*models, results.cancer)}.",
    ]
    intervals = [clustered_ratio(rows)[1:] for rows in models]
    if all(low <= 1 <= high for low, high in intervals):
        sentences.append(
            "The intervals of both unadjusted ratios include 1. They bound the difference in "
            "prognosis that is compatible with the data; they do not show that there is none."
        )
    return sentences


def _follow_up_sentence(followup: pd.DataFrame, cancer: str) -> Iterable[str]:
    for row in followup[followup["population"] == "matched"].itertuples():
        if row.group == "all" and pd.notna(row.median):
            deaths = row.deaths_cancer + row.deaths_other
            yield (
                f"Median follow-up of the matched patients was {row.median:g} months (IQR "
                f"{format_range(row.q1, row.q3, None)}); {format_count(deaths)} died, "
                f"{format_count(row.deaths_cancer)} of {cancer} and "
                f"{format_count(row.deaths_other)} of other causes."
            )
