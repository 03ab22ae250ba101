"""The second release: deaths, curves, tests and models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from seermatch.disclosure.release import Release
from seermatch.disclosure.rule import DisclosureRule
from seermatch.variables.identities import Identity


def release_outcomes(
    tables: Mapping[str, pd.DataFrame],
    rule: DisclosureRule,
    before: Mapping[str, Any],
    marks: Sequence[float] = (),
    identities: Sequence[Identity] = (),
) -> Release:
    """Protect the tables of the outcomes.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``followup``, ``event_counts`` (`event_counts.count_events`), ``kaplan_meier``,
        ``logrank``, ``incidence``, ``gray``, ``cox``, ``cox_contrasts``, ``fine_gray`` and
        ``fine_gray_contrasts``.
    rule : DisclosureRule
        What is small, and what is done about it.
    before : mapping
        Record of `cohort_tables.release_cohort`.
    marks : sequence of float
        Months at which numbers at risk and estimates are printed or compared; curves are
        released at them before others.
    identities : sequence of Identity
        Variables that follow from others (`seermatch.variables.identities`).

    Returns
    -------
    Release
        The same tables without ``event_counts``; ``survival`` are the curves of ``kaplan_meier``.
        Where a model may not be published, the status of its rows is `numbers.MASKED`. The
        record holds ``masked`` (of ``any`` and ``cause``: outcomes without results),
        ``masked_variables`` of either model (``any``, ``cancer``), ``released`` (for each arm and
        curve the months, from and before which, its estimates are known) and the ``system`` of
        all counts.
    """
    shown = {name: table for name, table in tables.items() if name != "event_counts"}
    shown["survival"] = shown.pop("kaplan_meier")
    if not rule.active:
        return Release(shown)
    from seermatch.disclosure.estimates import masked_outcomes

    groups = _groups(tables["event_counts"])
    matched = [numbers for (population, _), numbers in groups.items() if population == "matched"]
    masked = masked_outcomes(matched, rule.minimum_count)
    variables = _masked_variables(tables["event_counts"], rule.minimum_count, identities)
    shown |= _release_models(shown, masked, variables)
    curves, released = _release_curves(tables, masked, marks, rule.minimum_count)
    shown |= curves
    record = {
        "masked": sorted(masked),
        "masked_variables": {kind: sorted(names) for kind, names in variables.items()},
        "released": released,
    }
    published = set() if rule.rounds else {"any", "cause"} - masked
    steps = shown if rule.rounds else None
    shown["followup"], system = _release_deaths(
        tables, groups, published, before, rule.minimum_count, steps
    )
    record |= {"system": system.record()}
    if rule.rounds:
        from seermatch.disclosure.follow_up import deaths_of
        from seermatch.disclosure.rounding_outcomes import round_outcomes

        for name, kind in (("cox", "any"), ("fine_gray", "cancer")):
            if not system.is_public(deaths_of("matched", "all", kind)):
                shown[name] = shown[name].assign(events=np.nan)
        shown = round_outcomes(shown, rule.minimum_count, before)
    return Release(shown, record)


def _groups(counts: pd.DataFrame) -> dict[tuple[str, str], dict[str, int]]:
    """Read patients and deaths of each population and arm."""
    from seermatch.disclosure.attrition import ARMS

    rows = counts[counts["variable"] == ""]
    return {
        (row.population, ARMS[int(row.group)]): {
            "n": int(row.n),
            "cancer": int(row.cancer_deaths),
            "other": int(row.other_deaths),
        }
        for row in rows.itertuples()
    }


def _masked_variables(counts, minimum: int, identities) -> dict[str, set[str]]:
    """Name the variables without hazard ratios, by kind of death."""
    from seermatch.disclosure.estimates import masked_variables

    levels = counts[(counts["population"] == "matched") & (counts["variable"] != "")]
    any_cause, cancer, other = (
        masked_variables(levels, kind, minimum, identities) for kind in ("any", "cancer", "other")
    )
    # deaths of any cause less those of cancer are the others
    return {"any": any_cause, "cancer": cancer | other}


def _release_deaths(tables, groups, published: set[str], before, minimum: int, steps=None):
    """Protect the follow-up table, given the sizes released before."""
    from seermatch.disclosure.count_system import CountSystem
    from seermatch.disclosure.follow_up import add_deaths, add_steps, mask_follow_up

    system = CountSystem.from_record(before["system"])
    add_deaths(system, groups, published)
    arms = dict(zip(before["labels"], ("reference", "exposed"), strict=True))
    if steps is not None:
        add_steps(system, steps, arms)
    system.protect(minimum)
    return mask_follow_up(tables["followup"], system, arms, minimum), system


def _release_models(tables, masked: set[str], variables) -> dict[str, pd.DataFrame]:
    """Mask models and tests of outcomes, and of variables, that have few deaths."""
    from seermatch.disclosure.estimates import mask_contrasts, mask_models, mask_numbers

    shown = {}
    for name, outcome, kind in (("cox", "any", "any"), ("fine_gray", "cause", "cancer")):
        all_masked = outcome in masked
        hidden = None if all_masked else variables[kind]
        shown[name] = mask_models(tables[name], hidden)
        contrasts = f"{name}_contrasts"
        shown[contrasts] = mask_contrasts(tables[contrasts], all_masked or bool(hidden))
    if "any" in masked:
        shown["logrank"] = mask_numbers(tables["logrank"])
    if "cause" in masked:
        shown["gray"] = mask_numbers(tables["gray"])
    return shown


def _release_curves(tables, masked: set[str], marks, minimum: int):
    """Release survival and incidence of both groups at common times."""
    from seermatch.disclosure.characteristics import arms_of
    from seermatch.disclosure.curves import plan_steps, release_curve

    parts = {
        arm: [
            tables[name][tables[name]["group"].astype(str) == label]
            for name in ("kaplan_meier", "incidence")
        ]
        for label, arm in arms_of(tables["kaplan_meier"]["group"]).items()
    }
    groups = {arm: _follow(*curves, "cause" in masked) for arm, curves in parts.items()}
    steps = plan_steps(groups, marks, minimum, estimates="any" not in masked)
    survival = [release_curve(parts[arm][0], steps[arm]) for arm in parts]
    causes = tables["incidence"]["cause"].unique()
    incidence = [
        release_curve(curve, steps[arm], estimates="cause" not in masked)
        for cause in causes
        for arm, (_, curves) in parts.items()
        for curve in [curves[curves["cause"] == cause]]
        if len(curve)
    ]
    released = {arm: planned.released() for arm, planned in steps.items()}
    by_curve = {
        arm: {"survival": known, "incidence": [] if "cause" in masked else known}
        for arm, known in released.items()
    }
    tables = {
        "survival": pd.concat(survival, ignore_index=True),
        "incidence": pd.concat(incidence, ignore_index=True) if incidence else tables["incidence"],
    }
    return tables, by_curve


def _follow(survival: pd.DataFrame, incidence: pd.DataFrame, together: bool):
    """Count who of a group died or left when; incidences count patients, whatever their weight."""
    from seermatch.disclosure.curves import Follow

    by_cause = [curve for _, curve in incidence.groupby("cause", observed=True)] or [survival]
    deaths = np.array([curve["n_events"].to_numpy(dtype=float) for curve in by_cause])
    if together:
        deaths = deaths.sum(axis=0, keepdims=True)
    time, at_risk = (by_cause[0][name].to_numpy(dtype=float) for name in ("time", "n_at_risk"))
    return Follow(time, at_risk, deaths)
