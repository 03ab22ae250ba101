"""The third release: other analyses of the same patients, and what can be concluded from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from seermatch.analysis.names import FULL_COHORT
from seermatch.disclosure.release import Release
from seermatch.disclosure.rule import DisclosureRule
from seermatch.variables.identities import Identity


def release_sensitivity(
    tables: Mapping[str, pd.DataFrame | None],
    rule: DisclosureRule,
    before: Sequence[Mapping[str, Any]],
    steps: Mapping[str, int] | None = None,
    identities: Sequence[Identity] = (),
) -> Release:
    """Protect the tables of the sensitivity analyses.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``stability``, ``sensitivity``, ``populations`` (`sensitivity.Sensitivity.populations`),
        ``interpretation``, ``included``, ``claims`` (where any are set), ``incidence_cross_check``,
        ``proportional_hazards`` and ``schoenfeld`` (term and kind; those of the kind ``residual``
        are single deaths).
    rule : DisclosureRule
        What is small, and what is done about it.
    before : sequence of mapping
        Records of `cohort_tables.release_cohort`, with `quality.published_missing` as ``missing``,
        and of `outcomes.release_outcomes`.
    steps : mapping of str to int, optional
        Covariate to the step (row of ``attrition``) that excludes those who lack it.
    identities : sequence of Identity
        Variables that follow from others (`seermatch.variables.identities`).

    Returns
    -------
    Release
        The same tables without ``populations``.
    """
    shown = {name: table for name, table in tables.items() if name != "populations"}
    if not rule.active:
        return Release(shown)
    from seermatch.disclosure.analyses import mask_claims, mask_stability
    from seermatch.disclosure.estimates import mask_models, mask_numbers, mask_residuals

    cohort, outcomes = before
    minimum, masked = rule.minimum_count, set(outcomes["masked"])

    def is_released(outcome: str, month: float) -> bool:
        curve = "survival" if outcome == "any" else "incidence"
        return all(
            any(low <= month < high for low, high in arm[curve])
            for arm in outcomes["released"].values()
        )

    shown["stability"] = mask_stability(
        tables["stability"], masked, cohort["sizes"]["reference"], minimum
    )
    if tables.get("claims") is not None:
        shown["claims"] = mask_claims(tables["claims"], masked, is_released)
    if "cause" in masked:
        shown["incidence_cross_check"] = mask_numbers(tables["incidence_cross_check"])
    hidden = None if "any" in masked else outcomes["masked_variables"]["any"]
    shown["proportional_hazards"] = mask_models(tables["proportional_hazards"], hidden)
    shown["schoenfeld"] = mask_residuals(tables["schoenfeld"], hidden)
    system = _protected(tables, before, steps, minimum, identities)
    shown |= _release_counts(tables, system, before, masked, is_released, minimum)
    if rule.rounds:
        from seermatch.disclosure.interpretation import without_events
        from seermatch.disclosure.rounding_outcomes import round_sensitivity

        if not _totals_are_known(system):
            shown["sensitivity"] = shown["sensitivity"].assign(events=np.nan)
            shown["interpretation"] = without_events(shown["interpretation"])
        shown = round_sensitivity(shown, minimum)
    return Release(shown)


def _totals_are_known(system) -> bool:
    """Whether the deaths of all patients are published, of which every analysis counts many."""
    from seermatch.disclosure.characteristics import POPULATIONS
    from seermatch.disclosure.follow_up import KINDS, deaths_of

    return all(
        system.is_public(deaths_of(population, "all", kind))
        for population in POPULATIONS
        for kind in (*KINDS, "any")
    )


def _protected(tables, before: Sequence[Mapping[str, Any]], steps, minimum: int, identities):
    """Protect the counts of the tables, given all that was released before."""
    from seermatch.disclosure.count_system import CountSystem
    from seermatch.disclosure.included import add_included
    from seermatch.disclosure.interpretation import add_years

    cohort, outcomes = before
    system = CountSystem.from_record(outcomes["system"])
    arms = dict(zip(cohort["labels"], ("reference", "exposed"), strict=True))
    add_years(system, tables["interpretation"])
    add_included(system, tables["included"], arms, steps, cohort.get("missing"), identities)
    system.protect(minimum)
    return system


def _release_counts(tables, system, before, masked: set[str], is_released, minimum: int) -> dict:
    """Mask the tables by the protected system."""
    from seermatch.disclosure.analyses import mask_sensitivity
    from seermatch.disclosure.attrition import size_of
    from seermatch.disclosure.characteristics import QUARTERS
    from seermatch.disclosure.follow_up import KINDS, deaths_of
    from seermatch.disclosure.included import mask_included
    from seermatch.disclosure.interpretation import mask_interpretation

    cohort = before[0]
    arms = dict(zip(cohort["labels"], ("reference", "exposed"), strict=True))
    sizes = [cohort["sizes"][arm] for arm in arms.values()]
    short = {
        label: size < QUARTERS * minimum
        for label, size in zip((*arms, "all"), (*sizes, sum(sizes)), strict=True)
    }
    known = system.is_public(size_of("cohort", "all")) and all(
        system.is_public(deaths_of("cohort", "all", kind)) for kind in KINDS
    )
    return {
        "sensitivity": mask_sensitivity(
            tables["sensitivity"],
            tables["populations"],
            minimum,
            cohort_known=known,
            exposed_known=system.is_public(size_of("cohort", "exposed")),
            pool_known=not cohort["few_outside"],
            cohort=FULL_COHORT,
        ),
        "interpretation": mask_interpretation(
            tables["interpretation"], system, masked, is_released, short
        ),
        "included": mask_included(tables["included"], system, arms, minimum),
    }
