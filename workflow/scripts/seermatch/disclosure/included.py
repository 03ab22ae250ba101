"""Disclosure control of the included beside the excluded patients."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seermatch.disclosure.attrition import ARMS, size_of
from seermatch.disclosure.characteristics import (
    QUANTILES,
    QUARTERS,
    RECEPTORS,
    link_receptors,
)
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.follow_up import deaths_of
from seermatch.included_excluded import DISTRIBUTION, EXCLUDED, INCLUDED, SIZE, UNKNOWN
from seermatch.variables import EVENTS

EVENT_KINDS = dict(zip(EVENTS, ("alive", "cancer", "other"), strict=True))
WHO = {INCLUDED: "cohort", EXCLUDED: "excluded"}


def add_included(system: CountSystem, table: pd.DataFrame, arms: Mapping[str, str]) -> None:
    """Add the excluded patients, and of the included the sums over both groups.

    Parameters
    ----------
    system : CountSystem
        Changed in place; holds the characteristics of the cohort and its deaths.
    table : pandas.DataFrame
        From `seermatch.included_excluded.compare_included`.
    arms : mapping
        Label of a group to its arm.
    """
    lacking_any = set()
    excluded: dict[tuple[str, str], int] = {}
    for row in table.itertuples():
        name = cell_of(row, arms)
        if name is None:
            continue
        system.add(name, row.n)
        if row.quantity == UNKNOWN and row.n:
            lacking_any.add(row.variable)
        if row.quantity == DISTRIBUTION and row.patients == EXCLUDED:
            excluded[row.variable, str(row.level)] = int(row.n)
        if row.quantity == DISTRIBUTION and row.patients == INCLUDED:
            _link_to_cohort(system, name)
    known = table[(table["quantity"] == DISTRIBUTION) & (table["patients"] == INCLUDED)]
    for variable, rows in known.groupby("variable", sort=False):
        parts = [cell_of(row, arms) for row in rows.itertuples()]
        if variable != "group" and None not in parts:
            system.total(size_of("cohort", "all"), parts)
    whole = size_of("excluded", "all")
    system.total(whole, [size_of("excluded", arm) for arm in ARMS])
    known = table[(table["quantity"] == DISTRIBUTION) & (table["patients"] == EXCLUDED)]
    for variable, rows in known.groupby("variable", sort=False):
        parts = [cell_of(row, arms) for row in rows.itertuples()]
        if None in parts:  # a number: its quartiles only
            parts = []
        lacking = [name for arm in ARMS if (name := ("lacking", arm, variable, "")) in system.cells]
        if lacking:
            _add_lacking(system, variable)
        if parts and variable != "group":
            system.total(whole, [*parts, *lacking])
    if lacking_any.isdisjoint(RECEPTORS):
        link_receptors(system, excluded, ("excluded", "all"))


def cell_of(row, arms: Mapping[str, str]) -> tuple[str, ...] | None:
    """Name the count of a row of the table; None where it is the whole group's."""
    who = WHO.get(row.patients)
    if row.quantity == SIZE:
        return size_of(who, "all")
    if row.quantity == UNKNOWN:
        return ("lacking", arms[str(row.patients)], row.variable, "")
    if not pd.isna(row.median) or not str(row.level):
        return None
    if row.variable == "group":
        return size_of(who, arms[str(row.level)])
    return (who, "all", row.variable, str(row.level))


def _link_to_cohort(system: CountSystem, name: tuple[str, ...]) -> None:
    """Say how a count of the included follows from what was released before."""
    variable, level = name[2:]
    if variable == "event":
        system.total(name, [deaths_of("cohort", "all", EVENT_KINDS[level])])
    elif variable != "n":
        by_arm = [("cohort", arm, variable, level) for arm in ARMS]
        if all(part in system.cells for part in by_arm):
            system.total(name, by_arm)


def _add_lacking(system: CountSystem, variable: str) -> None:
    """Patients excluded for another reason do not lack this variable."""
    for arm in ARMS:
        lacking, known = ((kind, arm, variable, "") for kind in ("lacking", "known"))
        whole = size_of("excluded", arm)
        rest = system.cells[whole].count - system.cells[lacking].count
        system.add(known, rest, hidden=True)
        system.total(whole, [lacking, known])


def mask_included(
    table: pd.DataFrame, system: CountSystem, arms: Mapping[str, str], minimum: int
) -> pd.DataFrame:
    """Leave out what a protected system masks of the included and the excluded patients.

    Parameters
    ----------
    table : pandas.DataFrame
        As given to `add_included`.
    system : CountSystem
        After `CountSystem.protect`.
    arms : mapping
        Label of a group to its arm.
    minimum : int
        Smallest count above 0 that may be known.

    Returns
    -------
    pandas.DataFrame
        Counts as nullable integers. Of a variable with a masked count neither percentages of those
        patients nor standardized differences are shown; without the size of a group, none of its
        percentages; of fewer than `minimum` excluded patients nothing.
    """
    table = table.reset_index(drop=True).astype({"n": "Int64"})
    numbers = [c for c in ("n", "percent", *QUANTILES, "smd") if c in table]
    true = table["n"].copy()
    names = [cell_of(row, arms) for row in table.itertuples()]
    sized = {who: system.is_public(size_of(WHO[who], "all")) for who in WHO}
    whole = [
        sized.get(row.patients, all(sized.values())) if name is None else system.is_public(name)
        for row, name in zip(table.itertuples(), names, strict=True)
    ]
    table["n"] = table["n"].where(pd.Series(whole))
    hidden = table["n"].isna()
    key = pd.Series(list(zip(table["variable"], table["patients"], strict=True)))
    blind = key.isin(set(key[hidden])) | ~table["patients"].map(lambda who: sized.get(who, True))
    arm_sizes = all(system.is_public(size_of("excluded", arm)) for arm in ARMS)
    blind |= (table["quantity"] == UNKNOWN) & (not arm_sizes)
    blind |= (table["quantity"] == SIZE) & (not all(sized.values()))
    few = table["median"].notna() & (true < QUARTERS * minimum).fillna(True)
    table.loc[few, [c for c in QUANTILES if c in table]] = np.nan
    table.loc[blind, "percent"] = np.nan
    touched = set(table.loc[hidden | few | blind, "variable"]) - {""}
    table.loc[table["variable"].isin(touched), "smd"] = np.nan
    size = true[(table["quantity"] == SIZE) & (table["patients"] == EXCLUDED)].iloc[0]
    if 0 < size < minimum:
        excluded = table["patients"].eq(EXCLUDED) | table["quantity"].eq(UNKNOWN)
        table.loc[excluded, numbers] = np.nan
        table["smd"] = np.nan
        table.loc[table["quantity"] == SIZE, "percent"] = np.nan
    return table
