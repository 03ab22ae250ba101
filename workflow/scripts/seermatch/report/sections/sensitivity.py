"""How far other matches and other analyses move the results."""

from collections.abc import Collection

import pandas as pd

from seermatch.analysis.names import OVERALL, SPECIFIC
from seermatch.analysis.stability import stability_range
from seermatch.disclosure.rule import MASKED
from seermatch.report.group_ratio import is_masked
from seermatch.report.section import Paragraph, Section, Sentences, Table, show_figure
from seermatch.wording.numbers import NOT_ESTIMABLE, capitalize, format_p
from seermatch.wording.result_tables import sensitivity_tables
from seermatch.wording.results import Results

SEED_RATIOS = ("os_hr", "cancer_hr")
TITLE = "Sensitivity and stability"


def section(results: Results) -> Section:
    """Show the match under other tie seeds, and the sensitivity analyses."""
    repeats, analyses = results["stability"], results["sensitivity"]
    cancer = results.cancer
    tables = sensitivity_tables(analyses, results.variables, cancer)
    masked = [
        name
        for name, model in zip(SEED_RATIOS, ("cox", "fine_gray"), strict=True)
        if is_masked(results.of_model(model))
    ]
    parts = (
        Sentences(tuple(explain_stability(repeats, cancer, masked))),
        show_figure(
            results,
            "stability_figure",
            "5",
            "Hazard ratios of the group in the match repeated with other tie seeds; the colored "
            "line is the main match, the band holds the middle 95%.",
            f"Two histograms, overall survival and {cancer} death, of the hazard ratios over "
            f"{len(repeats) - 1} tie seeds. The text above gives the ranges and where the main "
            "match lies.",
        ),
        Paragraph(
            "The same question asked in other defensible ways, by other matches, scores, weights "
            "and models:"
        ),
        Sentences(tuple(explain_sensitivity(analyses, cancer))),
        show_figure(
            results,
            "specification",
            "6",
            "Hazard ratios of the group with 95% intervals in every analysis, sorted by that of "
            "overall survival; the main analysis is colored. Other deaths are a negative control.",
            f"Points with intervals for {analyses['analysis'].nunique()} analyses in three "
            f"columns: overall survival, {cancer} death, other death. The next tables hold the "
            "values.",
        ),
        Table("sensitivity", tables["sensitivity"], "S6", "tight"),
        Table(
            "sensitivity_others",
            tables["sensitivity_others"],
            "S7",
            "tight",
            folded="Sensitivity analyses of the other outcomes (Table S7)",
        ),
    )
    return Section("sensitivity", TITLE, parts)


def explain_stability(
    repeats: pd.DataFrame, cancer: str, masked: Collection[str] = ()
) -> list[str]:
    """Say what the spread over the tie seeds is and means.

    Parameters
    ----------
    repeats : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``, the main match first.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.
    masked : collection of {"os_hr", "cancer_hr"}
        Hazard ratios that disclosure control masks in every match.

    Returns
    -------
    list of str
        Sentences.

    Examples
    --------
    >>> repeats = pd.DataFrame({"seed": [1, 2, 3], "os_hr": [1.3, 1.0, 1.2],
    ...     "os_p": [0.04, 0.9, 0.2], "cancer_hr": [1.5, 1.1, 1.2], "cancer_p": [0.06, 0.5, 0.3],
    ...     "common_controls": [1.0, 0.4, 0.5]})
    >>> for sentence in explain_stability(repeats, "lung cancer")[1:]:
    ...     print(sentence)
    Overall survival: hazard ratios 1.00 to 1.20 in the middle 95% of the repetitions; the main \
match, 1.30, is outside the middle 95%, higher than all of them. p was below 0.05 in 0 of 2 \
repetitions, and 0.040 in the main match.
    Lung cancer mortality: hazard ratios 1.10 to 1.20 in the middle 95% of the repetitions; the \
main match, 1.50, is outside the middle 95%, higher than all of them. p was below 0.05 in 0 of 2 \
repetitions, and 0.060 in the main match.
    This spread comes on top of the confidence intervals, which take the match as given. A \
conclusion that another seed would overturn should not be drawn.
    """
    seeds = len(repeats) - 1
    spread = stability_range(repeats).set_index("quantity")
    common = spread.loc["common_controls", "median"]
    shared = (
        ""
        if pd.isna(common)
        else f" The typical repetition has {common:.0%} of its reference patients in common with "
        "the main match."
    )
    found = [
        "Ties decide the match: many reference patients have exactly the same score, and a seed, "
        "which knows nothing about them, picks those who are used. The match was repeated with "
        f"{seeds} other seeds.{shared}"
    ]
    outcomes = ("overall survival", f"{cancer} mortality")
    for name, outcome in zip(SEED_RATIOS, outcomes, strict=True):
        here = spread.loc[name]
        p = repeats[name.replace("hr", "p")]
        if pd.isna(here["main"]) or pd.isna(here["low"]):
            found.append(
                f"{capitalize(outcome)}: the hazard ratio is {_reason(repeats, name in masked)}."
            )
            continue
        shown = int(p.iloc[1:].notna().sum())
        found.append(
            f"{capitalize(outcome)}: hazard ratios {here['low']:.2f} to {here['high']:.2f} in the "
            f"middle 95% of the repetitions; the main match, {here['main']:.2f}, is "
            f"{place_of_main(here)}. p was below 0.05 in {(p.iloc[1:] < 0.05).sum()} of {shown} "
            f"repetitions{'' if shown == seeds else ' that are shown'}, and "
            f"{format_p(p.iloc[0])} in the main match."
        )
    found.append(
        "This spread comes on top of the confidence intervals, which take the match as given. A "
        "conclusion that another seed would overturn should not be drawn."
    )
    return found


def _reason(repeats: pd.DataFrame, masked: bool) -> str:
    """Say why there is no hazard ratio: it is masked for itself, or in matches that are alike."""
    alike = repeats["common_controls"].iloc[1:].isna()
    return MASKED if masked or (len(alike) and alike.all()) else NOT_ESTIMABLE


def explain_sensitivity(table: pd.DataFrame, cancer: str) -> list[str]:
    """Say how far the other analyses move the result.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    list of str
        One sentence per outcome.

    Examples
    --------
    >>> table = pd.DataFrame({"analysis": ["main", "ratio 1"], "outcome": OVERALL,
    ...     "hr": [1.2, 0.9], "hr_low": [1.01, 0.6], "hr_high": [1.4, 1.3]})
    >>> explain_sensitivity(table, "lung cancer")
    ['Overall survival: 2 analyses, hazard ratios 0.90 to 1.20; the 95% interval excludes 1 in 1 \
of them.']
    """
    found = []
    names = ("Overall survival", f"{capitalize(cancer)} mortality")
    for outcome, name in zip((OVERALL, SPECIFIC), names, strict=True):
        every = table[table["outcome"] == outcome]
        rows = every[every["hr"].notna()]
        if len(rows):
            excludes = ((rows["hr_low"] > 1) | (rows["hr_high"] < 1)).sum()
            shown = "" if len(rows) == len(every) else f" of {len(every)} have a result here"
            found.append(
                f"{name}: {len(rows)} analyses{shown}, hazard ratios {rows['hr'].min():.2f} to "
                f"{rows['hr'].max():.2f}; the 95% interval excludes 1 in "
                f"{excludes or 'none'} of them."
            )
    return found


def place_of_main(spread: pd.Series) -> str:
    """Say where the main match lies among the others."""
    if pd.isna(spread["main"]) or pd.isna(spread["share_below"]):
        return "not known"
    if spread["low"] == spread["high"] == spread["main"]:
        return "the same as all of them"
    below = spread["share_below"]
    side, share = ("higher", below) if below >= 0.5 else ("lower", 1 - below)
    inside = spread["low"] <= spread["main"] <= spread["high"]
    return (
        f"{'inside' if inside else 'outside'} the middle 95%, {side} than "
        f"{'all' if share == 1 else f'{share:.0%}'} of them"
    )
