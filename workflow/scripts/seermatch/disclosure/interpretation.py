"""Disclosure control of what can be concluded from the matched cohort."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from seermatch.analysis.names import DETECTABLE, EXPOSURE, MISSED, OVERALL
from seermatch.disclosure.attrition import size_of
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.rule import MASKED
from seermatch.variables.printed import ALL_CAUSES

ANY_CAUSE = (OVERALL, ALL_CAUSES)
NUMBERS = ["estimate", "low", "high"]
MORE_NUMBERS = ["p_value", "reference", "exposed", "statistic"]  # as exact as the estimate


def year_of(arm: str, year: int) -> tuple[str, ...]:
    """Name the patients of the cohort who were diagnosed in a year."""
    return ("cohort", arm, "year", str(year))


def add_years(system: CountSystem, table: pd.DataFrame) -> None:
    """Add the exposed patients of each year.

    Parameters
    ----------
    system : CountSystem
        Changed in place; holds the sizes of the cohort.
    table : pandas.DataFrame
        Rows of ``interpretation.tsv``: quantity, year, n and events (the exposed of the year).
    """
    rows = table[table["quantity"] == EXPOSURE]
    for row in rows.itertuples():
        by_arm = {"all": row.n, "exposed": row.events, "reference": row.n - row.events}
        for arm, count in by_arm.items():
            system.add(year_of(arm, row.year), count, hidden=arm == "reference")
        parts = [year_of(arm, row.year) for arm in ("exposed", "reference")]
        system.total(year_of("all", row.year), parts)
    for arm in ("all", "exposed", "reference") if len(rows) else ():
        system.total(size_of("cohort", arm), [year_of(arm, year) for year in rows["year"]])


def without_events(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the smallest detectable hazard ratios, from which events can be computed.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"quantity": [DETECTABLE], "estimate": 1.9, "events": 40, "status": "ok"})
    >>> without_events(table)["status"].tolist()
    ['masked']
    """
    table = table.copy()
    rows = table["quantity"] == DETECTABLE
    table.loc[rows, "estimate"] = np.nan
    table.loc[rows, "status"] = MASKED
    return table.assign(events=table["events"].astype("Int64").mask(rows))


def is_hidden(
    table: pd.DataFrame, masked: set[str], is_released: Callable[[str, float], bool]
) -> np.ndarray:
    """Find the rows of outcomes and months that are not published.

    Parameters
    ----------
    table, masked, is_released
        As in `mask_interpretation`.

    Returns
    -------
    ndarray of bool
    """
    outcome = np.where(table["outcome"].isin(ANY_CAUSE), "any", "cause")
    hidden = np.array([name in masked for name in outcome]) & table["outcome"].ne("").to_numpy()
    return hidden | [
        pd.notna(month) and not is_released(name, month)
        for name, month in zip(outcome, table["month"], strict=True)
    ]


def mask_interpretation(
    table: pd.DataFrame,
    system: CountSystem,
    masked: set[str],
    is_released: Callable[[str, float], bool],
    short: Mapping[str, bool],
) -> pd.DataFrame:
    """Leave out results of outcomes, months and years that are not published.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``interpretation.tsv``.
    system : CountSystem
        After `CountSystem.protect`.
    masked : set of {"any", "cause"}
        Outcomes without results.
    is_released : callable
        Tells of an outcome (``any``, ``cause``) and a month whether estimates are published.
    short : mapping
        Label of a group, or ``all``, to whether it is too small for its median follow-up.

    Returns
    -------
    pandas.DataFrame
        Where anything is missing, the status is `MASKED`.
    """
    table = table.copy()
    numbers = [*NUMBERS, *MORE_NUMBERS]
    table[numbers] = table[numbers].astype(float)
    hidden = is_hidden(table, masked, is_released)
    hidden |= table["group"].map(lambda group: short.get(group, False)).to_numpy(bool)
    share = [system.is_public(size_of("cohort", arm)) for arm in ("exposed", "all")]
    hidden |= table["quantity"].eq(MISSED).to_numpy() & (not all(share))
    table.loc[hidden, numbers] = np.nan
    table.loc[hidden, "status"] = MASKED
    table.loc[hidden, "variance"] = ""
    table.loc[hidden, ["n", "events"]] = pd.NA
    for at in table.index[table["quantity"] == EXPOSURE]:
        year = table.loc[at, "year"]
        exposed, everybody = (system.is_public(year_of(arm, year)) for arm in ("exposed", "all"))
        if not (exposed and everybody):
            table.loc[at, NUMBERS] = np.nan
            table.loc[at, "status"] = MASKED
        table.loc[at, [] + ["events"] * (not exposed) + ["n"] * (not everybody)] = pd.NA
    return table
