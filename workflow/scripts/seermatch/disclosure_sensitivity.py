"""Disclosure control of the sensitivity and interpretation tables.

See `seermatch.disclosure` for what a masked count is.
"""

import re

import numpy as np
import pandas as pd

from seermatch.disclosure_outcomes import CAUSES
from seermatch.formatting import MASKED
from seermatch.masking import CountSystem

DETECTABLE = "minimum detectable hazard ratio"
EXPOSURE = "exposed per 1,000 patients"
EXPOSURE_NOTE = re.compile(r"(\d+): ([\d,]+) of ([\d,]+)")


def mask_sensitivity(table: pd.DataFrame, followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Leave out the events of analyses in which those of an outcome are few.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``: analysis, events.
    followup : pandas.DataFrame
        From `seermatch.disclosure_outcomes.mask_follow_up`. Where it masks deaths of the matched
        patients, no analysis shows events, since matches differ in few patients.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        `events` is missing in every row of such an analysis: deaths of any cause are the sum of
        both causes.

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
    hidden = few.groupby(table["analysis"]).transform("any") | _deaths_masked(followup)
    return table.assign(events=table["events"].astype("Int64").mask(hidden))


def mask_interpretation(table: pd.DataFrame, followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Leave out what gives small numbers of events, or of exposed patients of a year, away.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/interpretation.tsv``.
    followup : pandas.DataFrame
        From `seermatch.disclosure_outcomes.mask_follow_up`.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        Where a number of events is masked, so is every smallest detectable hazard ratio, from
        which it can be computed. Years with few exposed patients, and others that would give them
        away as the rest of all exposed, have neither count nor rate.

    Examples
    --------
    >>> table = pd.DataFrame({"quantity": EXPOSURE, "estimate": [10.0, 4.9, 20.0], "low": 1.0,
    ...     "high": 30.0, "note": ["2020: 12 of 1,200", "2021: 3 of 612", "2022: 20 of 1,000"]})
    >>> followup = pd.DataFrame({"population": ["matched"], "deaths_breast_cancer": [9],
    ...                          "deaths_other": [12]})
    >>> mask_interpretation(table, followup, 5)["note"].tolist()
    ['2020: masked of 1,200', '2021: masked of 612', '2022: 20 of 1,000']
    """
    if not minimum:
        return table
    table = table.copy()
    numbers = ["estimate", "low", "high"]
    detectable = table["quantity"] == DETECTABLE
    events = table.loc[detectable, "note"].str.extract(r"(\d+) events")[0].astype(int)
    if _deaths_masked(followup) or events.between(0, minimum, inclusive="neither").any():
        table.loc[detectable, numbers] = np.nan
        table.loc[detectable, "note"] = MASKED
    found = {
        row.Index: EXPOSURE_NOTE.fullmatch(row.note)
        for row in table[table["quantity"] == EXPOSURE].itertuples()
    }
    if not found:
        return table
    counts = {at: int(match[2].replace(",", "")) for at, match in found.items()}
    system = CountSystem()
    for at, count in counts.items():
        system.add(at, count)
    system.add("all", sum(counts.values()), fixed=True)
    system.total("all", counts)
    for at in system.masked(minimum):
        table.loc[at, numbers] = np.nan
        table.loc[at, "note"] = f"{found[at][1]}: {MASKED} of {found[at][3]}"
    return table


def mask_stability(table: pd.DataFrame, followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Leave out the deaths of the repeated matches where those of the main match are masked.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``: deaths, deaths_breast_cancer.
    followup : pandas.DataFrame
        From `seermatch.disclosure_outcomes.mask_follow_up`.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

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


def _deaths_masked(followup: pd.DataFrame) -> bool:
    matched = followup[followup["population"] == "matched"]
    return bool(matched[list(CAUSES)].isna().any(axis=None))
