"""The intruder: reads everything published, and finds the small counts that come out."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
from curves import read_curves
from export_checks import EXPORTS, read_exports
from hazard_ratios import estimated_deaths, read_models
from inverted_statistics import read_statistics
from knowledge import Knowledge, Solver
from other_tables import bins_of, estimated_analyses, read_other_tables
from printed_counts import IDENTITY, PRINTED, read_printed_counts
from private_counts import ARMS, CAUSES, events_between, patients_in_bin, private_counts
from rounded_counts import BINS, read_rounded
from seermatch.matching.matched_sets import has_complete_sets
from small_studies import Study

NEAR = 0.25  # how far a reckoned number may lie from a whole one


@dataclass(frozen=True)
class Leak:
    """A small count that came out: its truth, what the intruder knows of it, and how."""

    name: Hashable
    truth: int
    low: float
    high: float
    attack: str


@dataclass
class Attack:
    """What came of all attacks on one study."""

    leaks: list[Leak] = field(default_factory=list)
    unsound: list[Leak] = field(default_factory=list)  # truth outside; the attack is wrong
    claims: Counter = field(default_factory=Counter)  # (attack, right or wrong) of small counts
    small: int = 0  # private counts below the limit
    right: list[Leak] = field(default_factory=list)


def attack(
    study: Study, tables: Mapping[str, pd.DataFrame], limit: int, *, rounds=False, attribute=False
) -> Attack:
    """Run all attacks on the published tables, and check them against the patients."""
    known, months = _read(study, tables, limit, rounds)
    truth = private_counts(study)
    for arm in ARMS:
        for cause in CAUSES:
            for span in zip(months, [*months[1:], float("inf")], strict=True):
                truth["events", arm, cause, *span] = events_between(study, arm, cause, *span)
    for arm, low, high in bins_of(tables):
        for kind, n in patients_in_bin(study, arm, low, high).items():
            truth["bin", kind, arm, low, high] = n
    found = Attack()
    _check_facts(known, truth, found)
    solver = Solver(known)
    small = {name: count for name, count in truth.items() if 0 < count < limit}
    wanted = limit - 1 if rounds else limit  # a bin of 5 counts ends 4 apart
    solver.explore(small)
    for name, count in small.items():
        found.small += 1
        low, high = solver.interval(name, wanted=wanted)
        leak = Leak(name, count, low, high, "")
        if not low <= count <= high:
            found.unsound.append(leak)
        elif high - low < wanted:
            found.leaks.append(leak)
    if attribute:
        found.leaks = _attributed(found.leaks, known, wanted)
    claims = estimated_deaths(known, tables)
    claims |= estimated_analyses(known, tables["sensitivity"])
    for (names, way), value in claims.items():
        count = sum(truth[name] for name in names)
        if 0 < count < limit:
            right = round(value) == count and abs(value - count) < NEAR
            found.claims[way, right] += 1
            if right:
                found.right.append(Leak(names, count, value, value, way))
    return found


def gather(study: Study, tables, limit: int, rounds=False) -> Knowledge:
    """All facts that the published tables hold."""
    return _read(study, tables, limit, rounds)[0]


def _read(study: Study, tables: Mapping[str, pd.DataFrame], limit: int, rounds: bool):
    complete = has_complete_sets(study.matched)  # the methods section says so
    known = Knowledge()
    if rounds:
        return known, read_rounded(known, tables, limit, complete)
    read_printed_counts(known, tables, complete)
    read_statistics(known, tables, complete)
    curves = read_curves(known, tables, complete)
    read_models(known, tables, curves, complete)
    read_other_tables(known, tables, study.ratio, complete)
    read_exports(known, tables, lambda factors, value: known.know(factors, value, value, EXPORTS))
    return known, curves[1].months


def _check_facts(known: Knowledge, truth, found: Attack) -> None:
    for fact in known.facts:
        if all(name in truth for name in fact.factors):
            value = sum(factor * truth[name] for name, factor in fact.factors.items())
            if not fact.low - 1e-6 <= value <= fact.high + 1e-6:
                found.unsound.append(
                    Leak(tuple(fact.factors), value, fact.low, fact.high, fact.source)
                )


def _attributed(leaks: list[Leak], known: Knowledge, wanted: int) -> list[Leak]:
    """Name the attack: the first that is enough, together with the printed counts."""
    base = {IDENTITY, PRINTED, BINS}
    sources = dict.fromkeys(fact.source for fact in known.facts if fact.source not in base)
    left, done = list(leaks), []
    for source in (PRINTED, *sources):
        solver = Solver(known, base | {source})
        solver.explore([leak.name for leak in left])
        for leak in list(left):
            low, high = solver.interval(leak.name, wanted)
            if high - low < wanted:
                done.append(replace(leak, attack=source))
                left.remove(leak)
    return done + [replace(leak, attack="several together") for leak in left]
