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
        ``balance``, ``score_overlap`` (`disclosure.score_overlap.score_overlap`) and
        ``separated_cells`` (`score_separation.describe_cells`).
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
            "separated_cells": mask_cells(tables["separated_cells"]),
        },
        {"tables": {"comparison": _columns(comparison)}},
    )


def mask_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Mask the patients of cells of one group only, of which other tables print the margins.

    Parameters
    ----------
    cells : pandas.DataFrame
        From `score_separation.describe_cells`.

    Returns
    -------
    pandas.DataFrame
        Counts above 0 are missing; 0 says which group a cell lacks.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": [1], "n_reference": [10], "n_exposed": [0]})
    >>> mask_cells(cells)["n_reference"].isna().item(), mask_cells(cells)["n_exposed"].item()
    (True, 0)
    """
    counts = ["n_reference", "n_exposed"]
    return cells.assign(**cells[counts].astype("Int64").where(cells[counts] == 0))


def _columns(table: pd.DataFrame) -> dict[str, list]:
    return table.astype(object).where(table.notna(), None).to_dict("list")
