"""Disclosure control of what can be concluded from the matched cohort."""

import re

import numpy as np
import pandas as pd

from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.follow_up import CAUSES
from seermatch.formatting import MASKED

DETECTABLE = "minimum detectable hazard ratio"
EXPOSURE = "exposed per 1,000 patients"
EXPOSURE_NOTE = re.compile(r"(\d+): ([\d,]+) of ([\d,]+)")


def mask_interpretation(table: pd.DataFrame, followup: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Leave out what gives small numbers of events, or of exposed patients of a year, away.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/interpretation.tsv``.
    followup, minimum
        As in `mask_sensitivity`.

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


def _deaths_masked(followup: pd.DataFrame) -> bool:
    matched = followup[followup["population"] == "matched"]
    return bool(matched[list(CAUSES)].isna().any(axis=None))
