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
        their name in the column population, the reference group first), ``balance``,
        ``score_overlap`` (`disclosure.score_overlap.score_overlap`) and, where the score has
        them, ``separated_cells`` (`score_separation.describe_cells`).
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
    from seermatch.disclosure.attrition import ARMS, add_flow, hide_sums, mask_flow, size_of
    from seermatch.disclosure.characteristics import (
        add_characteristics,
        arms_of,
        group_sizes,
        mask_balance,
        mask_characteristics,
    )
    from seermatch.disclosure.count_system import CountSystem, refuse_small_group
    from seermatch.disclosure.score_overlap import add_bins, merge_bins

    minimum, comparison = rule.minimum_count, tables["comparison"]
    arms, sizes = arms_of(comparison["group"]), group_sizes(comparison)
    for label, arm in arms.items():
        refuse_small_group(label, sizes["matched", arm], minimum)
    record = {
        "labels": list(arms),
        "sizes": {arm: sizes["matched", arm] for arm in arms.values()},
    }
    system = CountSystem(width=minimum if rule.rounds else 0)
    add_flow(system, tables["attrition"])
    add_characteristics(system, comparison)
    if rule.rounds:
        hide_sums(system)
        everybody = size_of("matched", "all")  # stands in later tables
        system.add(everybody, sum(record["sizes"].values()), fixed=True)
        system.total(everybody, [size_of("matched", arm) for arm in ARMS])
        add_bins(system, merge_bins(tables["score_overlap"], minimum))
    system.protect(minimum)
    released = mask_characteristics(comparison, system, minimum)
    known = [code for code, arm in enumerate(ARMS) if system.is_public(size_of("cohort", arm))]
    shown = {
        "attrition": tables["attrition"],
        "comparison": released,
        "balance": tables["balance"],
        "score_overlap": merge_bins(tables["score_overlap"], minimum, known),
    }
    record |= {"system": system.record()}
    cells = {
        name: mask_cells(table) for name, table in tables.items() if name == "separated_cells"
    }
    if rule.rounds:
        from seermatch.disclosure.rounding import round_cohort

        return Release(round_cohort(shown, system) | cells, record)
    shown |= cells
    shown["attrition"] = mask_flow(tables["attrition"], system)
    shown["balance"] = mask_balance(tables["balance"], released)
    return Release(shown, record)


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
