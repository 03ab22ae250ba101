"""The first release: the flow of patients, their characteristics, and the balance of the match."""

from collections.abc import Mapping

import pandas as pd

from seermatch.disclosure.release import Release
from seermatch.disclosure.rule import DisclosureRule


def release_cohort(tables: Mapping[str, pd.DataFrame], rule: DisclosureRule) -> Release:
    """Protect the tables of the cohort and of the match.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``attrition``, ``comparison`` (`group_comparison.compare_groups` of both populations, with
        their name in the column population, the reference group first), ``balance`` and
        ``score_overlap`` (`disclosure.score_overlap.score_overlap`).
    rule : DisclosureRule
        What is small, and what is done about it.

    Returns
    -------
    Release
        The same tables. Where the patients without a match are few, the sizes of the cohort are
        masked rather than those of the matched groups. The record holds ``labels`` (reference,
        exposed), the ``sizes`` of the matched groups, and the ``system`` of all counts.

    Raises
    ------
    StudyError
        If a matched group is smaller than the smallest count that may be published.
    """
    if not rule.active:
        return Release(dict(tables))
    from seermatch.disclosure.attrition import add_flow, mask_flow
    from seermatch.disclosure.characteristics import (
        add_characteristics,
        arms_of,
        group_sizes,
        mask_balance,
        mask_characteristics,
    )
    from seermatch.disclosure.count_system import CountSystem, refuse_small_group
    from seermatch.disclosure.score_overlap import merge_bins

    minimum, comparison = rule.minimum_count, tables["comparison"]
    arms, sizes = arms_of(comparison["group"]), group_sizes(comparison)
    for label, arm in arms.items():
        refuse_small_group(label, sizes["matched", arm], minimum)
    record = {
        "labels": list(arms),
        "sizes": {arm: sizes["matched", arm] for arm in arms.values()},
    }
    overlap = merge_bins(tables["score_overlap"], minimum)
    if rule.rounds:
        from seermatch.disclosure import rounding

        return Release(rounding.round_cohort({**tables, "score_overlap": overlap}, rule), record)
    system = CountSystem()
    add_flow(system, tables["attrition"])
    add_characteristics(system, comparison)
    system.protect(minimum)
    released = mask_characteristics(comparison, system, minimum)
    return Release(
        {
            "attrition": mask_flow(tables["attrition"], system),
            "comparison": released,
            "balance": mask_balance(tables["balance"], released),
            "score_overlap": overlap,
        },
        record | {"system": system.record()},
    )
