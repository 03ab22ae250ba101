"""Disclosure control of the included beside the excluded patients."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seermatch.analysis.excluded_patients import DISTRIBUTION, EXCLUDED, INCLUDED, SIZE, UNKNOWN
from seermatch.disclosure.attrition import ARMS, size_of
from seermatch.disclosure.characteristics import QUANTILES, QUARTERS, whole_where
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.follow_up import deaths_of
from seermatch.disclosure.identities import link_identities
from seermatch.variables.identities import Identity
from seermatch.variables.printed import EVENTS

EVENT_KINDS = dict(zip(EVENTS, ("alive", "cancer", "other"), strict=True))
WHO = {INCLUDED: "cohort", EXCLUDED: "excluded"}


def add_included(
    system: CountSystem,
    table: pd.DataFrame,
    arms: Mapping[str, str],
    steps: Mapping[str, int] | None = None,
    missing: Mapping[str, Mapping[str, int]] | None = None,
    identities: Sequence[Identity] = (),
) -> None:
    """Add the excluded patients, and of the included the sums over both groups.

    Parameters
    ----------
    system : CountSystem
        Changed in place; holds the characteristics of the cohort and its deaths.
    table : pandas.DataFrame
        From `seermatch.analysis.excluded_patients.compare_included`.
    arms : mapping
        Label of a group to its arm.
    steps : mapping of str to int, optional
        Covariate to the step of the flow that excludes those who lack it.
    missing : mapping, optional
        Arm to covariate to how many records lack it, where the checks of the exports say so.
    identities : sequence of Identity
        Variables that follow from others (`seermatch.variables.identities`).
    """
    lacking_any = set()
    excluded: dict[tuple[str, str], int] = {}
    for row in table.itertuples():
        name = cell_of(row, arms)
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
        if variable != "group" and parts != [size_of("cohort", "all")]:
            system.total(size_of("cohort", "all"), parts)
    whole = size_of("excluded", "all")
    system.total(whole, [size_of("excluded", arm) for arm in ARMS])
    known = table[(table["quantity"] == DISTRIBUTION) & (table["patients"] == EXCLUDED)]
    for variable, rows in known.groupby("variable", sort=False):
        parts = [cell_of(row, arms) for row in rows.itertuples()]
        lacking = [name for arm in ARMS if (name := ("lacking", arm, variable, "")) in system.cells]
        if lacking:
            _add_lacking(system, variable)
        if variable != "group":
            system.total(whole, [*parts, *lacking])
    _link_to_flow(system, steps or {})
    for arm, counts in (missing or {}).items():
        for variable, n in counts.items():
            lacking, among = ((kind, arm, variable, "") for kind in ("lacking", "missing"))
            if lacking in system.cells:
                system.add(among, n, fixed=True)
                system.at_most([lacking], [among])
    known_in_all = [one for one in identities if lacking_any.isdisjoint(one.variables)]
    link_identities(system, excluded, known_in_all, ("excluded", "all"))


def _link_to_flow(system: CountSystem, steps: Mapping[str, int]) -> None:
    """Who lacks a covariate was excluded at its step of the flow, or at that of another before.

    Without the steps: the last two of the flow, of unknown outcomes and of further tumors, exclude
    nobody who is among the excluded patients here.
    """
    rows = sorted(int(name[3]) for name in system.cells if name[:3] == ("flow", "excluded", "all"))
    if not rows:
        return
    first, last = (min(steps.values()), max(steps.values())) if steps else (1, rows[-1] - 2)
    for arm in ARMS:
        bounds = {size_of("excluded", arm): last}
        bounds |= {("lacking", arm, variable, ""): step for variable, step in steps.items()}
        for name, step in bounds.items():
            if name in system.cells:
                flow = [("flow", "excluded", arm, str(row)) for row in range(first, step + 1)]
                system.at_most([name], flow)


def cell_of(row, arms: Mapping[str, str]) -> tuple[str, ...]:
    """Name the count of a row of the table."""
    who = WHO.get(row.patients)
    if row.quantity == SIZE:
        return size_of(who, "all")
    if row.quantity == UNKNOWN:
        return ("lacking", arms[str(row.patients)], row.variable, "")
    if not str(row.level):  # those whose number is known; nobody in the cohort lacks one
        included = row.patients == INCLUDED
        return size_of("cohort", "all") if included else (who, "all", row.variable, "")
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
    table["n"] = table["n"].where(pd.Series([system.is_public(name) for name in names]))
    hidden = table["n"].isna()
    key = pd.Series(list(zip(table["variable"], table["patients"], strict=True)))
    blind = key.isin(set(key[hidden])) | ~table["patients"].map(lambda who: sized.get(who, True))
    blind |= pd.Series(  # of all eligible patients of the group
        [
            name[0] == "lacking"
            and not all(system.is_public(size_of(who, name[1])) for who in WHO.values())
            for name in names
        ]
    )
    blind |= (table["quantity"] == SIZE) & (not all(sized.values()))
    few = table["median"].notna() & (true < QUARTERS * minimum).fillna(True)
    quantiles = [c for c in QUANTILES if c in table]
    table.loc[few, quantiles] = np.nan
    table[quantiles] = whole_where(table[quantiles], hidden)
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
