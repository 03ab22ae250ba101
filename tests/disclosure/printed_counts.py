"""First attack: all printed counts and percentages, and what adds up to what."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from knowledge import Knowledge
from private_counts import ARMS, CAUSES, FLOW_ARMS, POPULATIONS, RECEPTORS
from seermatch.variables.printed import EVENTS
from small_studies import CRITERIA, LABELS, LEVELS

ROUNDING = 0.005  # of a percentage with two decimals
PRINTED, IDENTITY = "printed counts", "identity"
COVARIATE_STEPS = [step for step, (_, columns) in enumerate(CRITERIA, start=1) if columns]


def read_printed_counts(
    known: Knowledge, tables: Mapping[str, pd.DataFrame], complete: bool
) -> None:
    """Add the identities that everybody knows, and every printed count and percentage."""
    _identities(known)
    _flow(known, tables["attrition"])
    _characteristics(known, tables["comparison"], complete)
    _deaths(known, tables)
    _included(known, tables["included"])
    _years(known, tables["interpretation"])
    _outside(known, tables["separated_cells"])


def _identities(known: Knowledge) -> None:
    for population in POPULATIONS:
        for arm in ARMS:
            here = population, arm
            for variable, levels in LEVELS.items():
                known.total(("size", *here), [("cell", *here, variable, name) for name in levels])
            _receptors(known, here)
            deaths = [("deaths", *here, cause) for cause in CAUSES]
            known.total(("size", *here), [("alive", *here), *deaths])
    for arm in ARMS:
        for name in ("size", "alive"):
            _split(known, lambda p, name=name, arm=arm: (name, p, arm))
        for cause in CAUSES:
            _split(known, lambda p, arm=arm, cause=cause: ("deaths", p, arm, cause))
        for variable, levels in LEVELS.items():
            for level in levels:
                _split(known, lambda p, k=(arm, variable, level): ("cell", p, *k))
        for kind in np.ndindex(2, 2, 2):
            _split(known, lambda p, k=(arm, *kind): ("atom", p, *k))
    for variable, levels in LEVELS.items():
        for level in levels:
            deaths = [("level deaths", variable, level, cause) for cause in CAUSES]
            cells = {("cell", "matched", arm, variable, level): -1.0 for arm in ARMS}
            known.know(cells | dict.fromkeys(deaths, 1.0), -np.inf, 0.0, IDENTITY)
        for cause in CAUSES:
            parts = [("level deaths", variable, level, cause) for level in levels]
            arms = {("deaths", "matched", arm, cause): -1.0 for arm in ARMS}
            known.know(arms | dict.fromkeys(parts, 1.0), 0.0, 0.0, IDENTITY)


def _split(known: Knowledge, name) -> None:
    known.total(name("cohort"), [name("matched"), name("unmatched")])


def _receptors(known: Knowledge, here: tuple) -> None:
    """ER, PR and HER2 make the subtype: eight kinds of patients are behind all four."""
    kinds = list(np.ndindex(2, 2, 2))
    for at, receptor in enumerate(RECEPTORS):
        for code, level in enumerate(LEVELS[receptor]):
            mine = [("atom", *here, *kind) for kind in kinds if kind[at] == code]
            known.total(("cell", *here, receptor, level), mine)
    for level in LEVELS["subtype"]:
        mine = [("atom", *here, *kind) for kind in kinds if subtype_of(*kind) == level]
        known.total(("cell", *here, "subtype", level), mine)


def subtype_of(er: int, pr: int, her2: int) -> str:
    return f"HR{'+' if er or pr else '-'}/HER2{'+' if her2 else '-'}"


def _outside(known: Knowledge, cells: pd.DataFrame) -> None:
    """Who is outside the pool is in one of the cells, which lie in one group each."""
    first = cells.drop_duplicates("cell")
    for arm, column in enumerate(("n_reference", "n_exposed")):
        known.know(
            {("outside", arm): 1.0, ("size", "unmatched", arm): -1.0}, -np.inf, 0.0, IDENTITY
        )
        total = float(first[column].sum(skipna=False)) if len(first) else 0.0
        known.equal(("outside", arm), total, "cells of one group")


def _flow(known: Knowledge, attrition: pd.DataFrame) -> None:
    last = int(attrition["step"].max())
    for arm in FLOW_ARMS:
        for step in range(1, last + 1):
            known.total(("left", arm, step - 1), [("left", arm, step), ("gone", arm, step)])
    known.equal(("left", "other", 1), 0.0, IDENTITY)  # the first criterion is the exposure
    for arm, name in enumerate(("reference", "exposed")):
        known.total(("left", name, last), [("size", "cohort", arm)])
    for row in attrition.itertuples():
        for kind, column in (("left", "remaining"), ("gone", "excluded")):
            if kind == "gone" and row.step == 0:
                continue
            for arm in FLOW_ARMS[:2]:
                value = _number(getattr(row, f"{column}_{arm}"))
                known.equal((kind, arm, row.step), value, PRINTED)
            value = _number(getattr(row, column))
            parts = {(kind, arm, row.step): 1.0 for arm in FLOW_ARMS}
            known.know(parts, value, value, PRINTED)


def _number(value) -> float:
    return np.nan if pd.isna(value) else float(value)


def _characteristics(known: Knowledge, comparison: pd.DataFrame, complete) -> None:
    arms = {label: arm for arm, label in enumerate(LABELS)}
    for row in comparison.itertuples():
        arm = arms[str(row.group)]
        size = ("size", row.population, arm)
        if row.variable == "n" or (pd.isna(row.percent) and row.level == ""):
            known.equal(size, _number(row.n), PRINTED)
            continue
        cell = ("cell", row.population, arm, row.variable, row.level)
        known.equal(cell, _number(row.n), PRINTED)
        percent = _number(row.percent)
        if np.isnan(percent) or (row.population == "matched" and arm == 0 and not complete):
            continue
        percent = round(percent, 2)
        known.know({cell: 100.0, size: -(percent + ROUNDING)}, -np.inf, 0.0, PRINTED)
        known.know({cell: 100.0, size: -(percent - ROUNDING)}, 0.0, np.inf, PRINTED)


def _deaths(known: Knowledge, tables: Mapping[str, pd.DataFrame]) -> None:
    arms = {label: (arm,) for arm, label in enumerate(LABELS)} | {"all": ARMS}
    for row in tables["followup"].itertuples():
        mine = arms[str(row.group)]
        sizes = {("size", row.population, arm): 1.0 for arm in mine}
        known.know(sizes, _number(row.n), _number(row.n), PRINTED)
        for cause, column in zip(CAUSES, ("deaths_cancer", "deaths_other"), strict=True):
            value = _number(getattr(row, column))
            parts = {("deaths", row.population, arm, cause): 1.0 for arm in mine}
            known.know(parts, value, value, PRINTED)
    for name, causes in (("cox", CAUSES), ("fine_gray", (1,))):
        first = tables[name].iloc[0]
        _total_deaths(known, "matched", causes, _number(first["events"]), "events of models")
        _total_size(known, "matched", _number(first["n"]), "n of models")
    for row in tables["sensitivity"].itertuples():
        causes = CAUSES if row.outcome.startswith("overall") else ()
        causes = causes or (1 if row.outcome.startswith(EVENTS[1]) else 2,)
        population = {"main": "matched"}.get(row.analysis)
        if row.analysis.startswith("weighted"):
            sizes = {("size", "cohort", arm): 1.0 for arm in ARMS}
            outside = {("outside", arm): -1.0 for arm in ARMS}
            known.know(sizes | outside, _number(row.n), _number(row.n), "sensitivity rows")
        if row.analysis.startswith("full cohort"):
            population = "cohort"
        if population:
            _total_deaths(known, population, causes, _number(row.events), "sensitivity rows")
            _total_size(known, population, _number(row.n), "sensitivity rows")
        parts = {("analysis deaths", row.analysis, cause): 1.0 for cause in causes}
        known.know(parts, _number(row.events), _number(row.events), "sensitivity rows")
    for row in tables["stability"].itertuples():
        deaths = [("repeat deaths", row.seed, cause) for cause in CAUSES]
        total = _number(row.deaths)
        known.know(dict.fromkeys(deaths, 1.0), total, total, "repeated matches")
        known.equal(deaths[0], _number(row.deaths_cancer), "repeated matches")


def _total_deaths(known, population, causes, value, source) -> None:
    parts = {("deaths", population, arm, cause): 1.0 for arm in ARMS for cause in causes}
    known.know(parts, value, value, source)


def _total_size(known, population, value, source) -> None:
    known.know({("size", population, arm): 1.0 for arm in ARMS}, value, value, source)


def _included(known: Knowledge, included: pd.DataFrame) -> None:
    groups = {label: arm for arm, label in enumerate(LABELS)}
    everybody = {("excluded size", arm): 1.0 for arm in ARMS}
    for variable in ("age", "tumor_size", *LEVELS):
        lacking = {("lacking", variable, arm): -1.0 for arm in ARMS}
        if variable in LEVELS:
            levels = {("excluded", variable, level): -1.0 for level in LEVELS[variable]}
            known.know(everybody | lacking | levels, 0.0, 0.0, IDENTITY)
        for arm in ARMS:
            known.know(
                {("lacking", variable, arm): 1.0, ("excluded size", arm): -1.0},
                -np.inf,
                0.0,
                IDENTITY,
            )
        _follow_flow(known, variable)
    for arm, name in enumerate(("reference", "exposed")):
        every = {("gone", name, step): -1.0 for step in COVARIATE_STEPS}
        known.know({("excluded size", arm): 1.0} | every, -np.inf, 0.0, IDENTITY)
    for variable, levels in (("event", EVENTS), ("year", _years_of(included))):
        parts = {("excluded", variable, level): -1.0 for level in levels}
        known.know(everybody | parts, 0.0, 0.0, IDENTITY)
    for row in included.itertuples():
        value, percent = _number(row.n), _number(row.percent)
        if row.quantity == "unknown":
            arm = groups[row.patients]
            known.equal(("lacking", row.variable, arm), value, "included and excluded")
            whole = {("size", "cohort", arm): 1.0, ("excluded size", arm): 1.0}
            _share(known, {("lacking", row.variable, arm): 1.0}, whole, percent)
            continue
        out = row.patients == "excluded"
        if row.quantity == "patients" or row.level == "":
            wholes = everybody if out else {("size", "cohort", arm): 1.0 for arm in ARMS}
            if row.quantity == "distribution" and out:
                wholes = wholes | {("lacking", row.variable, arm): -1.0 for arm in ARMS}
                wholes = everybody if row.variable == "time" else wholes
            known.know(wholes, value, value, "included and excluded")
            continue
        mine = _included_cell(row, out, groups)
        known.know(mine, value, value, "included and excluded")
        whole = everybody if out else {("size", "cohort", arm): 1.0 for arm in ARMS}
        if out and row.variable in LEVELS:
            whole = whole | {("lacking", row.variable, arm): -1.0 for arm in ARMS}
        _share(known, mine, whole, percent)


def _years_of(included: pd.DataFrame) -> list[str]:
    return sorted(included.loc[included["variable"] == "year", "level"].unique())


def _included_cell(row, out: bool, groups) -> dict:
    if row.variable == "group":
        arm = groups[row.level]
        return {("excluded size", arm) if out else ("size", "cohort", arm): 1.0}
    if out:
        return {("excluded", row.variable, row.level): 1.0}
    if row.variable == "year":
        return {("year", int(row.level), arm): 1.0 for arm in ARMS}
    if row.variable == "event":
        code = EVENTS.index(row.level)
        kind = ("deaths", "cohort") if code else ("alive", "cohort")
        return {(*kind, arm, *([code] if code else [])): 1.0 for arm in ARMS}
    return {("cell", "cohort", arm, row.variable, row.level): 1.0 for arm in ARMS}


def _share(known: Knowledge, part: dict, whole: dict, percent: float) -> None:
    """A percentage, at full precision in its file, of a whole that may be unknown."""
    if np.isnan(percent):
        return
    for sign, ends in ((-1, (-np.inf, 0.0)), (1, (0.0, np.inf))):
        factors = {name: factor * 100.0 for name, factor in part.items()}
        for name, factor in whole.items():
            shift = -factor * (percent - sign * 1e-6)
            factors[name] = factors.get(name, 0.0) + shift
        known.know(factors, *ends, "included and excluded")


def _follow_flow(known: Knowledge, variable: str) -> None:
    """Who lacks a covariate was excluded at its step or, for another covariate, before it."""
    steps = [step for step, (_, columns) in enumerate(CRITERIA, start=1) if variable in columns]
    if not steps:
        for arm in ARMS:
            known.equal(("lacking", variable, arm), 0.0, IDENTITY)
        return
    own = steps[0]
    for arm, name in enumerate(("reference", "exposed")):
        before = {("gone", name, step): -1.0 for step in COVARIATE_STEPS if step <= own}
        known.know({("lacking", variable, arm): 1.0} | before, -np.inf, 0.0, IDENTITY)


def _years(known: Knowledge, interpretation: pd.DataFrame) -> None:
    rows = interpretation[interpretation["quantity"] == "exposed per 1,000 patients"]
    years = []
    for row in rows.itertuples():
        year = int(row.year)
        years.append(year)
        both = {("year", year, arm): 1.0 for arm in ARMS}
        if pd.notna(row.n):
            known.know(both, float(row.n), float(row.n), "exposed by year")
        if pd.notna(row.events):
            known.equal(("year", year, 1), float(row.events), "exposed by year")
        if not np.isnan(rate := _number(row.estimate)):
            for sign, ends in ((-1, (-np.inf, 0.0)), (1, (0.0, np.inf))):
                shift = {("year", year, 0): 0.0, ("year", year, 1): 1000.0}
                shift = {name: value - (rate - sign * 1e-6) for name, value in shift.items()}
                known.know(shift, *ends, "exposed by year")
    if years:
        for arm in ARMS:
            known.total(("size", "cohort", arm), [("year", year, arm) for year in years])
