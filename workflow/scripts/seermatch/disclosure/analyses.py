"""Disclosure control of the sensitivity, interpretation and included-excluded tables.

See `seermatch.disclosure` for what a masked count is.
"""

import numpy as np
import pandas as pd

from seermatch.disclosure.characteristics import QUARTERS, link_receptors
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.follow_up import CAUSES
from seermatch.included_excluded import DISTRIBUTION, EXCLUDED, INCLUDED, SIZE, UNKNOWN

RECLASSIFIED = "cause of death = breast"
RECEPTORS = ("er", "pr", "her2", "subtype")


def mask_sensitivity(table: pd.DataFrame, followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Leave out the events of analyses in which those of an outcome are few.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``: analysis, events.
    followup : pandas.DataFrame
        From `seermatch.disclosure.follow_up.mask_follow_up`. Where it masks deaths of the matched
        patients, no analysis shows events, since matches differ in few patients.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        `events` is missing in every row of such an analysis: deaths of any cause are the sum of
        both causes. It is missing, too, where the deaths of the main match are classified by
        another rule, and those that it classifies differently are few.

    Examples
    --------
    >>> table = pd.DataFrame({"analysis": ["main", "main", "ratio 1"], "events": [12, 3, 9]})
    >>> followup = pd.DataFrame({"population": ["matched"], "deaths_breast_cancer": [9],
    ...                          "deaths_other": [12]})
    >>> mask_sensitivity(table, followup, 5)["events"].tolist()
    [<NA>, <NA>, 9]
    """
    if not minimum:
        return table
    few = table["events"].between(0, minimum, inclusive="neither")
    reclassified = table["analysis"] == RECLASSIFIED
    if reclassified.any():
        main = table[table["analysis"] == "main"].set_index("outcome")["events"]
        moved = (table["events"] - table["outcome"].map(main)).abs()
        few |= reclassified & moved.between(0, minimum, inclusive="neither")
    hidden = few.groupby(table["analysis"]).transform("any") | _deaths_masked(followup)
    return table.assign(events=table["events"].astype("Int64").mask(hidden))


def mask_stability(table: pd.DataFrame, followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Leave out the deaths of the repeated matches where those of the main match are masked.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``: deaths, deaths_breast_cancer.
    followup, minimum
        As in `mask_sensitivity`.

    Returns
    -------
    pandas.DataFrame
        No row shows deaths if any has fewer than `minimum` of either cause, or `followup` masks
        deaths of the matched patients.

    Examples
    --------
    >>> table = pd.DataFrame({"deaths": [9, 12], "deaths_breast_cancer": [7, 6]})
    >>> followup = pd.DataFrame({"population": ["matched"], "deaths_breast_cancer": [7],
    ...     "deaths_other": [5]})
    >>> mask_stability(table, followup, 5)["deaths"].tolist()
    [nan, nan]
    """
    other = table["deaths"] - table["deaths_breast_cancer"]
    few = min(other.min(), table["deaths_breast_cancer"].min()) < minimum
    if minimum and (few or _deaths_masked(followup)):
        return table.assign(deaths=float("nan"), deaths_breast_cancer=float("nan"))
    return table


def mask_included(
    table: pd.DataFrame, comparison: pd.DataFrame, followup: pd.DataFrame, minimum: int
) -> pd.DataFrame:
    """Mask the counts of the included and the excluded patients.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seermatch.included_excluded.compare_included`.
    comparison : pandas.DataFrame
        From `characteristics.mask_characteristics`, the cohort among its populations.
    followup, minimum
        As in `mask_sensitivity`.

    Returns
    -------
    pandas.DataFrame
        Counts as nullable integers. The levels of a variable and those who lack it add up to the
        excluded patients. Of a variable with a masked count, neither percentages nor standardized
        differences are shown, from which it could be computed; of the included patients nothing
        that Table 1 or the follow-up table masks, and of fewer than `minimum` excluded nothing.

    Examples
    --------
    >>> rows = [("patients", "", "", "included", 90), ("patients", "", "", "excluded", 12),
    ...     ("distribution", "er", "Negative", "excluded", 3),
    ...     ("distribution", "er", "Positive", "excluded", 9)]
    >>> names = ["quantity", "variable", "level", "patients", "n"]
    >>> table = pd.DataFrame(rows, columns=names).assign(percent=1.0, median=np.nan, smd=0.1)
    >>> none = pd.DataFrame(columns=["population", "variable", "n"])
    >>> followup = pd.DataFrame({"population": ["cohort"], "group": "all",
    ...                          "deaths_breast_cancer": 9, "deaths_other": 12})
    >>> mask_included(table, none, followup, 5)["n"].tolist()
    [90, 12, <NA>, <NA>]
    """
    if not minimum:
        return table
    table = table.astype({"n": "Int64"})
    numbers = [c for c in ("n", "percent", "median", "q1", "q3", "smd") if c in table]
    excluded = table["patients"] == EXCLUDED
    size = table.loc[excluded & (table["quantity"] == SIZE), "n"].iloc[0]
    if 0 < size < minimum:
        table.loc[excluded | (table["quantity"] == UNKNOWN), numbers] = np.nan
        table["smd"] = np.nan
        table.loc[table["quantity"] == SIZE, "percent"] = np.nan
        return table
    masked = _excluded_system(table, size).masked(minimum)
    at = pd.Series([_cell(row) in masked for row in table.itertuples()], index=table.index)
    at &= table["patients"] != INCLUDED
    touched = table["variable"].isin(table.loc[at, "variable"])
    untold = table["variable"].isin(_masked_elsewhere(comparison, followup))
    at |= untold & (table["patients"] == INCLUDED)
    if touched[table["variable"] == "group"].any():  # the sizes of the groups follow from these
        touched |= table["quantity"] == UNKNOWN
    few = table["median"].notna() & (table["n"] < QUARTERS * minimum).fillna(True)
    table.loc[few, [c for c in ("median", "q1", "q3") if c in table]] = np.nan
    few = table["variable"].isin(table.loc[few, "variable"])
    table.loc[at, "n"] = pd.NA
    table.loc[at | (touched & (table["patients"] != INCLUDED)), "percent"] = np.nan
    table.loc[touched | untold | few, "smd"] = np.nan
    return table


def _masked_elsewhere(comparison: pd.DataFrame, followup: pd.DataFrame) -> set[str]:
    """Name the variables of which Table 1 or the follow-up table masks a count of the cohort."""
    hidden = comparison[(comparison["population"] == "cohort") & comparison["n"].isna()]
    deaths = followup[(followup["population"] == "cohort") & (followup["group"] == "all")]
    events = {"event"} if deaths[list(CAUSES)].isna().any(axis=None) else set()
    return events.union(hidden["variable"])


def _cell(row) -> tuple[str, ...]:
    """Name a count: a level's, or that of a group's patients who lack the variable."""
    return (row.variable, row.level, *([row.patients] if row.quantity == UNKNOWN else []))


def _excluded_system(table: pd.DataFrame, size: int) -> CountSystem:
    """Tie the excluded patients together: levels of a variable, and those who lack it."""
    system, counts, lacking_any = CountSystem(), {}, set()
    system.add(EXCLUDED, size, fixed=True)
    shown = table[(table["patients"] == EXCLUDED) & (table["quantity"] == DISTRIBUTION)]
    for variable, rows in shown.groupby("variable", sort=False):
        lacking = table[(table["variable"] == variable) & (table["quantity"] == UNKNOWN)]
        cells = list(pd.concat([rows, lacking]).itertuples())
        for row in cells:
            system.add(_cell(row), row.n)
        system.total(EXCLUDED, map(_cell, cells))
        counts |= {_cell(row): row.n for row in cells[: len(rows)]}
        if lacking["n"].sum():
            lacking_any.add(variable)
            system.add(("lacking", variable), lacking["n"].sum(), hidden=True)
            system.total(("lacking", variable), map(_cell, cells[len(rows) :]))
    if lacking_any.isdisjoint(RECEPTORS):
        link_receptors(system, counts)
    return system


def _deaths_masked(followup: pd.DataFrame) -> bool:
    matched = followup[followup["population"] == "matched"]
    return bool(matched[list(CAUSES)].isna().any(axis=None))
