"""Main results, and sensitivity and stability: their tables and sentences in the report."""

import numpy as np
import pandas as pd

from seermatch.analysis.group_effect import OUTCOMES
from seermatch.analysis.names import FEW_EVENTS, SEPARATED
from seermatch.analysis.stability import stability_range
from seermatch.disclosure.rule import MASKED
from seermatch.variables.printed import printed
from seermatch.wording.numbers import (
    NOT_ESTIMABLE,
    NOTHING,
    capitalize,
    format_p,
    format_range,
    print_estimate,
)
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.result_tables import print_ratio

OVERALL, SPECIFIC, SPECIFIC_CAUSE, OTHER, OTHER_FINE_GRAY = OUTCOMES
SEED_OUTCOMES = {"os_hr": "overall survival", "bcsm_hr": "breast cancer mortality"}
SHOWN_TOGETHER = "difference in survival", "difference in restricted mean survival"
BY_CAUSE = "difference in cumulative incidence", "difference in months lost"
CAUSES = {
    "death of any cause": "Death of any cause",
    "breast cancer death": "Breast cancer death",
    "other death": "Other death",
}


# ----- main results ------------------------------------------------------------------------------


def headline_table(content) -> PrintedTable:
    """Lay out the hazard ratios of the main results.

    Parameters
    ----------
    content : seermatch.report.page.ReportContent
        Of it cox, fine_gray, stability, sensitivity and labels.

    Returns
    -------
    PrintedTable
        Overall survival and breast cancer mortality beside each other: matched hazard ratio with
        its interval clustered by matched set, range over the tie seeds, place of the main match
        in it, and the full cohort weighted to the exposed.
    """
    spread = stability_range(content.stability).set_index("quantity")
    reference, exposed = (printed(label) for label in content.labels)
    seeds = len(content.stability) - 1
    ranges = [
        format_range(spread.loc[name, "low"], spread.loc[name, "high"], 2) or NOTHING
        for name in SEED_OUTCOMES
    ]
    places = [capitalize(_place(spread.loc[name])) for name in SEED_OUTCOMES]
    weighted = content.sensitivity[
        content.sensitivity["analysis"].str.startswith("weighted")
        & (content.sensitivity["estimand"] == "ATT")
    ].set_index("outcome")
    whole = [
        print_ratio(weighted.loc[outcome]) if outcome in weighted.index else NOTHING
        for outcome in (OVERALL, SPECIFIC)
    ]
    rows = (
        (
            "Matched patients (95% CI)",
            [
                print_estimate(*clustered_ratio(models), masked=is_masked(models))
                for models in (content.cox, content.fine_gray)
            ],
        ),
        (f"Middle 95% over {seeds} other tie seeds", ranges),
        ("The main match among them", places),
        ("Whole cohort, weighted (95% CI)", whole),
    )
    header = ("Hazard ratio", "Overall survival (Cox)", "Breast cancer mortality (Fine–Gray)")
    return PrintedTable(
        f"Hazard ratios of death, {exposed} vs {reference}.",
        (tuple(HeaderCell(text) for text in header),),
        tuple(PrintedRow(label, tuple(cells)) for label, cells in rows),
        (
            "Matched patients: univariable models, intervals "
            f"{intervals_in_words(content.cox, content.fine_gray)}; adjusted "
            "models are in Tables 3 and 4. Tie seeds: the match repeated with other choices among "
            f"reference patients with the same score. Weighted: all {reference} patients, weighted "
            f"to resemble the {exposed} patients (ATT), robust interval.",
        ),
    )


def is_masked(models: pd.DataFrame) -> bool:
    """Tell whether the group's univariable hazard ratio is kept out of what is published.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["univariable"], "term": "group", "status": "masked"})
    >>> is_masked(rows)
    True
    """
    rows = models[(models["model"] == "univariable") & (models["term"] == "group")]
    return bool(rows["status"].eq(MASKED).any())


def clustered_ratio(models: pd.DataFrame, model: str = "univariable") -> tuple[float, float, float]:
    """Look up the group's hazard ratio with the 95% interval that knows the matched sets.

    With few events, or without a finite other estimate, it is Firth's with its profile interval.

    Parameters
    ----------
    models : pandas.DataFrame
        Rows of ``cox.parquet`` or ``fine_gray.parquet``.
    model : {"univariable", "multivariable", "recommended"}, default "univariable"
        Univariable in the matched patients is the headline.

    Returns
    -------
    tuple of float
        Ratio, lower and upper end; missing where the model has no estimate of the group.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["univariable"], "term": "group", "hr": 1.1,
    ...     "status": "ok", "hr_low_clustered": 0.7, "hr_high_clustered": 1.7})
    >>> clustered_ratio(rows), clustered_ratio(rows, "recommended")
    ((1.1, 0.7, 1.7), (nan, nan, nan))
    """
    rows = models[(models["model"] == model) & (models["term"] == "group")]
    if rows.empty:
        return (float("nan"),) * 3
    row = rows.iloc[0]
    names = ("hr_low", "hr_high") if penalized(row) else ("hr_low_clustered", "hr_high_clustered")
    return tuple(float(row[name]) for name in ("hr", *names))


def intervals_in_words(cox: pd.DataFrame, fine_gray: pd.DataFrame) -> str:
    """Say how the intervals of the group's hazard ratios were made.

    Parameters
    ----------
    cox, fine_gray : pandas.DataFrame
        Rows of ``cox.parquet`` and ``fine_gray.parquet``.

    Returns
    -------
    str
        What they are, to follow "intervals" or "they are".

    Examples
    --------
    >>> few = pd.DataFrame({"term": ["group"], "status": "few events"})
    >>> intervals_in_words(few, few)
    'of Firth’s penalized likelihood, since events are few'
    """
    by_set, firth = (
        "clustered by matched set",
        "of Firth’s penalized likelihood, since events are few",
    )
    kinds: dict[bool, list[str]] = {False: [], True: []}
    for models, outcome in zip((cox, fine_gray), SEED_OUTCOMES.values(), strict=True):
        rows = models[models["term"] == "group"]
        kinds[any(penalized(row) for _, row in rows.iterrows())].append(outcome)
    if kinds[True] and kinds[False]:
        return f"{by_set} ({kinds[False][0]}) and {firth} ({kinds[True][0]})"
    return firth if kinds[True] else by_set


def penalized(row: pd.Series) -> bool:
    """Tell whether a row of a model is Firth's, which has a profile interval and none clustered.

    Parameters
    ----------
    row : pandas.Series
        Row of ``cox.parquet`` or ``fine_gray.parquet``.

    Returns
    -------
    bool

    Examples
    --------
    >>> penalized(pd.Series({"status": "few events"})), penalized(pd.Series({"status": "ok"}))
    (True, False)
    """
    return row["status"] in (SEPARATED, FEW_EVENTS)


def _place(spread: pd.Series) -> str:
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


def differences_table(content) -> PrintedTable:
    """Lay out the absolute differences of the main results.

    Parameters
    ----------
    content : seermatch.report.page.ReportContent
        Of it interpretation and labels.

    Returns
    -------
    PrintedTable
        Differences in cumulative incidence (percentage points) and in months lost, by month and
        cause. Those of death of any cause are the differences in survival and in restricted mean
        survival with the sign changed, so that every positive number is to the disadvantage of
        the exposed and the causes add up.
    """
    reference, exposed = (printed(label) for label in content.labels)
    table = content.interpretation
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
                cells.append(print_estimate(*values, decimals, masked=row["note"] == MASKED))
            rows.append(PrintedRow(f"By month {month:g}", tuple(cells), "level"))
    header = ("Difference (95% CI)", *CAUSES.values())
    return PrintedTable(
        f"Differences in the matched patients, {exposed} minus {reference}.",
        (tuple(HeaderCell(text) for text in header),),
        tuple(rows),
        (
            f"Above 0: more deaths, or more time lost, with {exposed}. Intervals clustered by "
            "matched set. Months of life lost: mean time lost up to the month.",
        ),
    )


# ----- sensitivity and stability -----------------------------------------------------------------


def explain_stability(repeats: pd.DataFrame) -> list[str]:
    """Say what the spread over the tie seeds is and means.

    Parameters
    ----------
    repeats : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``, the main match first.

    Returns
    -------
    list of str
        Sentences.

    Examples
    --------
    >>> repeats = pd.DataFrame({"seed": [1, 2, 3], "os_hr": [1.3, 1.0, 1.2],
    ...     "os_p": [0.04, 0.9, 0.2], "bcsm_hr": [1.5, 1.1, 1.2], "bcsm_p": [0.06, 0.5, 0.3],
    ...     "common_controls": [1.0, 0.4, 0.5]})
    >>> for sentence in explain_stability(repeats)[1:]:
    ...     print(sentence)
    Overall survival: hazard ratios 1.00 to 1.20 in the middle 95% of the repetitions; the main \
match, 1.30, is outside the middle 95%, higher than all of them. p was below 0.05 in 0 of 2 \
repetitions, and 0.040 in the main match.
    Breast cancer mortality: hazard ratios 1.10 to 1.20 in the middle 95% of the repetitions; the \
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
    for name, outcome in SEED_OUTCOMES.items():
        here = spread.loc[name]
        p = repeats[name.replace("hr", "p")]
        if pd.isna(here["main"]) or pd.isna(here["low"]):
            found.append(f"{capitalize(outcome)}: the hazard ratio is {_reason(repeats)}.")
            continue
        shown = int(p.iloc[1:].notna().sum())
        found.append(
            f"{capitalize(outcome)}: hazard ratios {here['low']:.2f} to {here['high']:.2f} in the "
            f"middle 95% of the repetitions; the main match, {here['main']:.2f}, is "
            f"{_place(here)}. p was below 0.05 in {(p.iloc[1:] < 0.05).sum()} of {shown} "
            f"repetitions{'' if shown == seeds else ' that are shown'}, and "
            f"{format_p(p.iloc[0])} in the main match."
        )
    found.append(
        "This spread comes on top of the confidence intervals, which take the match as given. A "
        "conclusion that another seed would overturn should not be drawn."
    )
    return found


def _reason(repeats: pd.DataFrame) -> str:
    """Say why there is no hazard ratio: deaths that are masked say that it may be masked, too."""
    masked = "deaths" in repeats and repeats["deaths"].isna().all()
    return "not estimable or masked" if masked else NOT_ESTIMABLE


def explain_sensitivity(table: pd.DataFrame) -> list[str]:
    """Say how far the other analyses move the result.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``.

    Returns
    -------
    list of str
        One sentence per outcome.

    Examples
    --------
    >>> table = pd.DataFrame({"analysis": ["main", "ratio 1"], "outcome": OVERALL,
    ...     "hr": [1.2, 0.9], "hr_low": [1.01, 0.6], "hr_high": [1.4, 1.3]})
    >>> explain_sensitivity(table)
    ['Overall survival: 2 analyses, hazard ratios 0.90 to 1.20; the 95% interval excludes 1 in 1 \
of them.']
    """
    found = []
    for outcome, name in ((OVERALL, "Overall survival"), (SPECIFIC, "Breast cancer mortality")):
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
