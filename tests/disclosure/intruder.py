"""The intruder: reads everything published, and finds the small counts that come out."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from curves import read_curves
from hazard_ratios import estimated_deaths, read_models
from inverted_statistics import read_statistics
from knowledge import Knowledge, Solver
from other_tables import bins_of, estimated_analyses, read_other_tables
from printed_counts import IDENTITY, PRINTED, read_printed_counts
from private_counts import ARMS, CAUSES, events_between, patients_in_bin, private_counts
from seermatch.matched_sets import has_complete_sets
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


def attack(study: Study, tables: Mapping[str, pd.DataFrame], limit: int, attribute=False) -> Attack:
    """Run all attacks on the published tables, and check them against the patients."""
    known, curves = _read(study, tables, limit)
    truth = private_counts(study)
    months = curves[1].months
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
    solver.explore(small)
    for name, count in small.items():
        found.small += 1
        low, high = solver.interval(name, wanted=limit)
        leak = Leak(name, count, low, high, "")
        if not low <= count <= high:
            found.unsound.append(leak)
        elif high - low < limit:
            found.leaks.append(leak)
    if attribute:
        found.leaks = [_attributed(leak, known, limit) for leak in found.leaks]
    claims = estimated_deaths(known, tables) | estimated_analyses(known, tables["sensitivity"])
    for (names, way), value in claims.items():
        count = sum(truth[name] for name in names)
        if 0 < count < limit:
            right = round(value) == count and abs(value - count) < NEAR
            found.claims[way, right] += 1
            if right:
                found.right.append(Leak(names, count, value, value, way))
    return found


def gather(study: Study, tables: Mapping[str, pd.DataFrame], limit: int) -> Knowledge:
    """All facts that the published tables hold."""
    return _read(study, tables, limit)[0]


def _read(study: Study, tables: Mapping[str, pd.DataFrame], limit: int):
    complete = has_complete_sets(study.matched)  # the methods section says so
    known = Knowledge()
    read_printed_counts(known, tables, complete)
    read_statistics(known, tables, complete)
    curves = read_curves(known, tables, complete)
    read_models(known, tables, curves, complete)
    read_other_tables(known, tables, study.ratio, complete, limit)
    return known, curves


def _check_facts(known: Knowledge, truth, found: Attack) -> None:
    for fact in known.facts:
        if all(name in truth for name in fact.factors):
            value = sum(factor * truth[name] for name, factor in fact.factors.items())
            if not fact.low - 1e-6 <= value <= fact.high + 1e-6:
                found.unsound.append(
                    Leak(tuple(fact.factors), value, fact.low, fact.high, fact.source)
                )


def _attributed(leak: Leak, known: Knowledge, limit: int) -> Leak:
    """Name the attack: the first one that, with what is printed, is enough."""
    sources = list(dict.fromkeys(fact.source for fact in known.facts))
    base = {IDENTITY, PRINTED}
    for source in (PRINTED, *(s for s in sources if s not in base)):
        low, high = _solver(known, frozenset(base | {source})).interval(leak.name, limit)
        if high - low < limit:
            return Leak(leak.name, leak.truth, leak.low, leak.high, source)
    return Leak(leak.name, leak.truth, leak.low, leak.high, "several together")


_SOLVERS: dict = {}


def _solver(known: Knowledge, sources) -> Solver:
    key = id(known), len(known.facts), sources
    if key not in _SOLVERS:
        if len(_SOLVERS) > 40:
            _SOLVERS.clear()
        _SOLVERS[key] = Solver(known, sources)
    return _SOLVERS[key]
