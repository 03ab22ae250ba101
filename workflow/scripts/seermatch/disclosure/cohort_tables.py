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
        ``attrition``, ``comparison`` (`group_comparison.compare_groups` of both populations),
        ``balance`` and ``score_overlap`` (`disclosure.score_overlap.score_overlap`).
    rule : DisclosureRule
        What is small, and what is done about it.

    Returns
    -------
    Release
        The same tables.
    """
    if not rule.active:
        return Release(dict(tables))
    from seermatch.disclosure.attrition import mask_attrition
    from seermatch.disclosure.characteristics import mask_balance, mask_characteristics
    from seermatch.disclosure.score_overlap import merge_bins

    comparison = mask_characteristics(tables["comparison"], rule.minimum_count)
    return Release(
        {
            "attrition": mask_attrition(tables["attrition"], rule.minimum_count),
            "comparison": comparison,
            "balance": mask_balance(tables["balance"], comparison),
            "score_overlap": merge_bins(tables["score_overlap"], rule.minimum_count),
        },
        {"tables": {"comparison": _columns(comparison)}},
    )


def _columns(table: pd.DataFrame) -> dict[str, list]:
    return table.astype(object).where(table.notna(), None).to_dict("list")
