"""Disclosure control of the deaths of both populations."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from seermatch.disclosure.attrition import ARMS, size_of
from seermatch.disclosure.characteristics import (
    MATCHED_COST,
    POPULATIONS,
    QUARTERS,
    whole_where,
)
from seermatch.disclosure.count_program import PUBLIC
from seermatch.disclosure.count_system import CountSystem
from seermatch.variables.printed import EVENTS

KINDS = ("cancer", "other")
CAUSES = {"cancer": "deaths_cancer", "other": "deaths_other"}
FOLLOW_UP_TIMES = ("median", "q1", "q3", "maximum", "reverse_km_median")


def deaths_of(population: str, arm: str, kind: str) -> tuple[str, ...]:
    """Name a count of deaths: ``cancer``, ``other``, ``any``, or of those ``alive``."""
    return ("deaths", population, arm, kind)


def add_deaths(
    system: CountSystem,
    counts: Mapping[tuple[str, str], Mapping[str, int]],
    published: Iterable[str],
) -> None:
    """Add the deaths of both populations, and of the patients without a match.

    Parameters
    ----------
    system : CountSystem
        Changed in place; holds the sizes of the groups.
    counts : mapping
        (population, arm) to the numbers ``n``, ``cancer`` and ``other``; population is ``cohort``
        or ``matched``, arm ``reference`` or ``exposed``.
    published : iterable of {"any", "cause"}
        Whether results of death of any cause, and of death by cause, of the matched patients are
        published: their deaths follow from these.
    """
    published = set(published)
    everything: dict[tuple[str, str], dict[str, int]] = {}
    for arm in ARMS:
        by_population = {population: counts[population, arm] for population in POPULATIONS}
        cohort, matched = by_population.values()
        left = {name: cohort[name] - matched[name] for name in cohort}
        everything |= {(population, arm): n for population, n in by_population.items()}
        everything["unmatched", arm] = left
    for population in ("cohort", "matched", "unmatched"):
        arms = [everything[population, arm] for arm in ARMS]
        everything[population, "all"] = {
            name: arms[0][name] + arms[1][name] for name in ("n", *KINDS)
        }
    for where, numbers in everything.items():
        _add_group(system, where, numbers, published)
    names = (*KINDS, "any", "alive")
    for population in ("cohort", "matched", "unmatched"):
        system.total(size_of(population, "all"), [size_of(population, arm) for arm in ARMS])
        for name in names:
            parts = [deaths_of(population, arm, name) for arm in ARMS]
            system.total(deaths_of(population, "all", name), parts)
    for arm in (*ARMS, "all"):
        parts = [size_of(population, arm) for population in ("matched", "unmatched")]
        system.total(size_of("cohort", arm), parts)
        for name in names:
            parts = [deaths_of(population, arm, name) for population in ("matched", "unmatched")]
            system.total(deaths_of("cohort", arm, name), parts)


def _add_group(system: CountSystem, where: tuple[str, str], numbers, published: set) -> None:
    """Patients of a group are dead of either cause or alive."""
    matched, hidden = where[0] == "matched", where[0] == "unmatched"
    cost = MATCHED_COST if matched else 1.0
    system.add(size_of(*where), numbers["n"], hidden=hidden, cost=cost, fixed=matched)
    dead = sum(numbers[kind] for kind in KINDS)
    for kind in KINDS:
        known = matched and "cause" in published
        system.add(deaths_of(*where, kind), numbers[kind], hidden=hidden, cost=cost, fixed=known)
    known = matched and bool(published)
    system.add(deaths_of(*where, "any"), dead, hidden=not known, cost=cost, fixed=known)
    system.add(deaths_of(*where, "alive"), numbers["n"] - dead, hidden=True)
    system.total(deaths_of(*where, "any"), [deaths_of(*where, kind) for kind in KINDS])
    system.total(size_of(*where), [deaths_of(*where, kind) for kind in ("any", "alive")])


def add_steps(
    system: CountSystem, curves: Mapping[str, pd.DataFrame], arms: Mapping[str, str]
) -> None:
    """Add the deaths between the released times of the curves, and those of any cause.

    Parameters
    ----------
    system : CountSystem
        After `add_deaths`; changed in place.
    curves : mapping of str to pandas.DataFrame
        ``survival`` and ``incidence`` as released, before rounding.
    arms : mapping
        Label of a group to its arm.
    """
    for population in POPULATIONS:  # events of models and of other analyses
        system.cells[deaths_of(population, "all", "any")].state = PUBLIC
    survival, incidence = curves["survival"], curves["incidence"]
    parts = [("any", survival)]
    causes = dict(zip(EVENTS[1:], KINDS, strict=True))
    parts += [(kind, incidence[incidence["cause"] == name]) for name, kind in causes.items()]
    for kind, curve in parts:
        for label, arm in arms.items():
            mine = curve[curve["group"].astype(str) == label].dropna(subset="n_events")
            whole = deaths_of("matched", arm, kind)
            if mine["n_events"].sum() != system.cells[whole].count:  # sums of weights
                continue
            names = [("step", arm, kind, f"{time:g}") for time in mine["time"]]
            for name, count in zip(names, mine["n_events"], strict=True):
                system.add(name, count, fixed=True)
            system.total(whole, names)


def mask_follow_up(
    followup: pd.DataFrame, system: CountSystem, arms: Mapping[str, str], minimum: int
) -> pd.DataFrame:
    """Leave out what a protected system masks of the follow-up table.

    Parameters
    ----------
    followup : pandas.DataFrame
        Rows of ``followup.tsv``: the two groups and ``all``, of both populations.
    system : CountSystem
        After `CountSystem.protect`.
    arms : mapping
        Label of a group to its arm.
    minimum : int
        Smallest count above 0 that may be known.

    Returns
    -------
    pandas.DataFrame
        Patients and deaths as nullable integers. Times of follow-up are missing where a quarter
        of the group is small.
    """
    table = followup.reset_index(drop=True)
    where = [(row.population, arms.get(str(row.group), "all")) for row in table.itertuples()]
    few = table["n"] < QUARTERS * minimum
    times = [column for column in FOLLOW_UP_TIMES if column in table]
    table = table.astype(dict.fromkeys(times, float))
    table.loc[few, times] = np.nan
    shown = {"n": [system.is_public(size_of(*name)) for name in where]}
    table[times] = whole_where(table[times], ~np.array(shown["n"]))
    for kind, column in CAUSES.items():
        shown[column] = [system.is_public(deaths_of(*name, kind)) for name in where]
    for column, known in shown.items():
        table[column] = table[column].astype("Int64").where(pd.Series(known))
    return table
