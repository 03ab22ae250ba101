"""The third release: other analyses of the same patients, and what can be concluded from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from seermatch.disclosure.release import Release
from seermatch.disclosure.rule import DisclosureRule


def release_sensitivity(
    tables: Mapping[str, pd.DataFrame | None],
    rule: DisclosureRule,
    before: Sequence[Mapping[str, Any]],
) -> Release:
    """Protect the tables of the sensitivity analyses.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``stability``, ``sensitivity``, ``populations`` (`sensitivity.Sensitivity.populations`),
        ``interpretation``, ``included``, ``claims`` (or None) and ``incidence_cross_check``.
    rule : DisclosureRule
        What is small, and what is done about it.
    before : sequence of mapping
        Records of `cohort_tables.release_cohort` and `outcomes.release_outcomes`.

    Returns
    -------
    Release
        The same tables without ``populations``.
    """
    shown = {name: table for name, table in tables.items() if name != "populations"}
    if not rule.active:
        return Release(shown)
    from seermatch.disclosure.analyses import mask_included, mask_sensitivity, mask_stability
    from seermatch.disclosure.interpretation import mask_interpretation

    cohort, outcomes = (record["tables"] for record in before)
    minimum, followup = rule.minimum_count, pd.DataFrame(outcomes["followup"])
    comparison = pd.DataFrame(cohort["comparison"])
    for name, mask in (
        ("sensitivity", mask_sensitivity),
        ("stability", mask_stability),
        ("interpretation", mask_interpretation),
    ):
        shown[name] = mask(tables[name], followup, minimum)
    shown["included"] = mask_included(tables["included"], comparison, followup, minimum)
    return Release(shown)
