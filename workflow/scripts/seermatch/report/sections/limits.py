"""What the data can and cannot show: its tables and sentences in the report."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from seermatch.analysis.names import (
    DETECTABLE,
    E_VALUE,
    E_VALUE_OF_EQUIVALENCE,
    E_VALUE_OF_INTERVAL,
    EQUIVALENCE,
    EXPOSURE,
    HAZARD_RATIO,
    HEADLINE,
    IMPOSSIBLE,
    IMPUTED,
    MISSED,
    NO_SOLUTION,
    NOT_SHOWN,
    OVERALL,
    PENALIZED,
    PROPORTIONALITY,
    SHOWN,
    SPECIFIC,
    SPECIFIC_CAUSE,
)
from seermatch.disclosure.rule import MASKED
from seermatch.report.excluded import explain_included, included_table
from seermatch.report.section import Section, Sentences, Table
from seermatch.variables.printed import printed
from seermatch.wording.numbers import (
    NOT_ESTIMABLE,
    NOTHING,
    capitalize,
    format_count,
    format_p,
    print_estimate,
    state_p,
)
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.results import Results
from seermatch.wording.terms import print_outcome

SIGNIFICANT = 0.05


def section(results: Results) -> Section:
    """Say what the data can and cannot show, and who was left out."""
    rows, included = results["interpretation"], results["included"]
    imputed = IMPUTED in set(results["sensitivity"]["analysis"])
    words = results.variables, results.cancer
    said = (
        *explain_limits(rows, results.labels, results.config, results.cancer),
        *explain_included(included, imputed, *words),
    )
    excluded = included_table(included, results.labels, *words)
    parts = (
        Sentences(said),
        Table("limits", limits_table(rows, results.cancer), "S8", "compact"),
        Table("exposure", exposure_table(rows, results.labels), "S9", "compact"),
        Table("included", excluded, "S10", "compact"),
    )
    return Section("limits", "What the data can and cannot show", parts)


def _row(table: pd.DataFrame, quantity: str, outcome: str) -> pd.Series | None:
    rows = table[(table["quantity"] == quantity) & (table["outcome"] == outcome)]
    return None if rows.empty else rows.iloc[0]


def _value(table: pd.DataFrame, quantity: str, outcome: str) -> float:
    row = _row(table, quantity, outcome)
    return float("nan") if row is None else row["estimate"]


def limits_table(table: pd.DataFrame, cancer: str) -> PrintedTable:
    """Lay out what the matched cohort can show, one column per outcome.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/interpretation.tsv``.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    PrintedTable
        Hazard ratio, smallest detectable one, E-values, equivalence if a margin was fixed, missed
        exposure, and tests of proportional hazards.
    """
    rows = [
        ("Hazard ratio (95% CI)", [_ratio(_row(table, HAZARD_RATIO, o)) for o in HEADLINE]),
        ("Detectable hazard ratio", [_detectable(table, o) for o in HEADLINE]),
    ]
    with_margin = EQUIVALENCE in set(table["quantity"])
    for quantity in (E_VALUE, E_VALUE_OF_INTERVAL, *[E_VALUE_OF_EQUIVALENCE] * with_margin):
        found = [_row(table, quantity, outcome) for outcome in HEADLINE]
        rows.append((quantity, [_number(row, "{:.2f}".format) for row in found]))
    if with_margin:
        tests = [_row(table, EQUIVALENCE, outcome) for outcome in HEADLINE]
        cells = [NOTHING if t is None else _equivalence(t) for t in tests]
        rows.append(("Equivalence", cells))
    for found, part in table[table["quantity"] == MISSED].groupby("found", sort=False):
        by_outcome = part.drop_duplicates("outcome").set_index("outcome")
        cells = [_missed(by_outcome.loc[o]) if o in by_outcome.index else NOTHING for o in HEADLINE]
        name = f"Hazard ratio if {100 * found:g}% of the truly exposed were found"
        rows.append((name, cells))
    for name, outcomes in (
        ("Proportional hazards (Cox), p", (OVERALL, SPECIFIC_CAUSE, None)),
        ("Proportional hazards (Fine–Gray), p", (None, SPECIFIC, None)),
    ):
        cells = [_number(_row(table, PROPORTIONALITY, o), format_p) for o in outcomes]
        rows.append((name, cells))
    header = ("Quantity", *(print_outcome(outcome, cancer) for outcome in HEADLINE))
    return PrintedTable(
        "What the matched patients can show.",
        (tuple(HeaderCell(text) for text in header),),
        tuple(PrintedRow(label, tuple(cells)) for label, cells in rows),
        (
            f"Intervals {_intervals(table)}. Detectable: with the configured power at a "
            "two-sided level of 5% (Schoenfeld). E-value: how strongly, as a risk ratio, an "
            "unmeasured confounder must go with both the group and death to explain the result "
            "(VanderWeele and Ding); 1 where the interval includes 1."
            + (
                " E-value of equivalence: to move a limit of the 90% interval out of the margin; "
                "1 where equivalence is not shown."
                if with_margin
                else ""
            ),
        ),
    )


def _is_masked(row: pd.Series) -> bool:
    return row["status"] == MASKED


def _number(row: pd.Series | None, formatted: Callable[[float], str]) -> str:
    """Print one number, or why there is none."""
    if row is None or (pd.isna(row["estimate"]) and not _is_masked(row)):
        return NOTHING
    return MASKED if _is_masked(row) else formatted(row["estimate"])


def _intervals(table: pd.DataFrame) -> str:
    """Say how the intervals of the hazard ratios were made."""
    few = table.loc[table["quantity"] == HAZARD_RATIO, "variance"] == PENALIZED
    return "clustered by matched set" + (", with few events Firth’s" if few.any() else "")


def _ratio(row: pd.Series | None) -> str:
    if row is not None and _is_masked(row):
        return MASKED
    return NOTHING if row is None else print_estimate(*row[["estimate", "low", "high"]])


def _detectable(table: pd.DataFrame, outcome: str) -> str:
    row = _row(table, DETECTABLE, outcome)
    if row is None:
        return NOTHING
    if _is_masked(row):
        return MASKED
    ratio, events = row["estimate"], format_count(row["events"])
    if pd.isna(ratio):
        return NOTHING
    if np.isinf(ratio):
        return f"{NOT_ESTIMABLE} (0 events)"
    return f"≥ {ratio:.2f} or ≤ {1 / ratio:.2f} ({events} events)"


def _equivalence(row: pd.Series) -> str:
    if _is_masked(row):
        return MASKED
    p = state_p(row["estimate"])
    return f"{capitalize(_conclusion(row))}, {p}" if row["status"] in (SHOWN, NOT_SHOWN) else p


def _conclusion(row: pd.Series) -> str:
    """Say whether equivalence is shown, and within which hazard ratios."""
    return f"{row['status']} within {1 / row['margin']:.3g} to {row['margin']:g}"


def _missed(row: pd.Series) -> str:
    if _is_masked(row):
        return MASKED
    if row["status"] in (IMPOSSIBLE, NO_SOLUTION):
        return row["status"]
    return NOTHING if pd.isna(row["estimate"]) else _ratio(row)


def exposure_table(table: pd.DataFrame, labels: tuple[str, str]) -> PrintedTable:
    """Lay out the exposed by year of diagnosis.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/interpretation.tsv``.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    PrintedTable
        One row per year.

    Examples
    --------
    >>> table = pd.DataFrame({"quantity": [EXPOSURE], "estimate": 188.36, "low": 168.08,
    ...     "high": 210.47, "year": 2018, "n": 1306, "events": 246})
    >>> exposure_table(table, ("M0", "M0(i+)")).rows[0]
    PrintedRow(label='2018', cells=('246', '1,306', '188.4 (168.1–210.5)'), kind='row')
    """
    exposed = printed(labels[1])
    rows = []
    for row in table[table["quantity"] == EXPOSURE].itertuples():
        hidden = pd.isna(row.estimate)
        rate = MASKED if hidden else print_estimate(row.estimate, row.low, row.high, 1)
        cells = (format_count(row.events), format_count(row.n), rate)
        rows.append(PrintedRow(f"{row.year:.0f}", cells))
    header = ("Year of diagnosis", exposed, "Patients", "Per 1,000 (95% CI)")
    caption = f"{exposed} among the eligible patients, by year of diagnosis."
    return PrintedTable(caption, (tuple(map(HeaderCell, header)),), tuple(rows))


def explain_limits(
    table: pd.DataFrame, labels: tuple[str, str], config: Mapping, cancer: str
) -> list[str]:
    """Say in plain words what the data can and cannot show.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/interpretation.tsv``.
    labels : tuple of str
        Label of the reference and of the exposed group.
    config : mapping
        Its ``interpretation`` section gives power and margin, ``matching`` its variables.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    list of str
        Sentences.
    """
    names = {OVERALL: "overall survival", SPECIFIC: f"{cancer} mortality"}
    return [
        *_size_of_effects(table, config["interpretation"]["power"], names),
        *_confounding(table, names),
        *_about_equivalence(table, config["interpretation"].get("equivalence_margin"), names),
        *_about_proportionality(table, cancer),
        *_about_testing(table, printed(labels[1])),
        *_about_years(table, printed(labels[1]), config["matching"]),
    ]


def _size_of_effects(table: pd.DataFrame, power: float, names: Mapping[str, str]) -> list[str]:
    ratios = {name: _value(table, DETECTABLE, outcome) for outcome, name in names.items()}
    limits = [
        f"from {ratio:.2f} up or {1 / ratio:.2f} down ({name})"
        for name, ratio in ratios.items()
        if np.isfinite(ratio)
    ]
    if not limits:
        return []
    return [
        f"Only hazard ratios {' and '.join(limits)} could be detected with {power:.0%} power. "
        "Smaller differences are easily missed."
    ]


def _confounding(table: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    ratios, enough = [], []
    for outcome, name in names.items():
        value = _value(table, E_VALUE, outcome)
        limit = _value(table, E_VALUE_OF_INTERVAL, outcome)
        if pd.notna(value):
            ratios.append(f"{value:.2f} ({name})")
            enough += [f"{limit:.2f} ({name})"] if limit > 1 else []
    if not ratios:
        return []
    rest = (
        f"To make the interval include 1, {' and '.join(enough)} would do."
        if enough
        else "The intervals include 1 even without one."
    )
    return [
        "To explain the estimates, a confounder that was not measured would have to go with both "
        f"the group and death by a risk ratio of {' and '.join(ratios)}. {rest}"
    ]


def _about_equivalence(
    table: pd.DataFrame, margin: float | None, names: Mapping[str, str]
) -> list[str]:
    if margin is None:
        return [
            "No margin of equivalence was fixed in advance, so that nothing here shows that the "
            "prognosis is the same."
        ]
    tests = {name: _row(table, EQUIVALENCE, outcome) for outcome, name in names.items()}
    return [
        f"{capitalize(name)}: equivalence {_conclusion(row)} ({state_p(row['estimate'])})."
        for name, row in tests.items()
        if row is not None and row["status"] in (SHOWN, NOT_SHOWN)
    ]


def _about_proportionality(table: pd.DataFrame, cancer: str) -> list[str]:
    tests = table[(table["quantity"] == PROPORTIONALITY) & table["estimate"].notna()]
    if tests.empty:
        return []
    doubted = tests[tests["estimate"] < SIGNIFICANT]
    if doubted.empty:
        return [
            "The tests of proportional hazards give no reason to doubt that the ratios are "
            "constant over time; with few events they miss much."
        ]
    return [
        f"{print_outcome(row.outcome, cancer)}: the hazard ratio changes over time "
        f"({state_p(row.estimate)}); read it as an average over the follow-up, and prefer "
        "the differences by month."
        for row in doubted.itertuples()
    ]


def _about_testing(table: pd.DataFrame, exposed: str) -> list[str]:
    if not (table["quantity"] == MISSED).any():
        return []
    return [
        f"The reference group may hold patients who would be {exposed} if tested for it. "
        "The table gives the hazard ratio that the observed one stands for if only some of them "
        "were found; “no solution”: no hazard of the others would explain the estimate; "
        "“impossible”: more than that share was found."
    ]


def _about_years(table: pd.DataFrame, exposed: str, matching: Mapping) -> list[str]:
    every = table[table["quantity"] == EXPOSURE]
    rates = every[every["estimate"].notna()]
    shown = "" if len(rates) == len(every) else ", among the years that are not masked"
    found = []
    if len(rates) > 1:
        least, most = rates.loc[rates["estimate"].idxmin()], rates.loc[rates["estimate"].idxmax()]
        matched_on = [*matching.get("covariates", ()), *matching.get("exact", ())]
        used = "is" if "year" in matched_on else "is not"
        found.append(
            f"{exposed} per 1,000 patients: from {least['estimate']:.1f} in {least['year']:.0f} to "
            f"{most['estimate']:.1f} in {most['year']:.0f}{shown}. The year of diagnosis sets the "
            f"length of follow-up, and it {used} among the variables of the match."
        )
    return found
