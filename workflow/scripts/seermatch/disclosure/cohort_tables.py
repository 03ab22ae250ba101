"""The first release: the flow of patients, their characteristics, and the balance of the match."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seermatch.disclosure.release import Release
from seermatch.disclosure.rule import DisclosureRule
from seermatch.variables.identities import Identity


def release_cohort(
    tables: Mapping[str, pd.DataFrame],
    rule: DisclosureRule,
    identities: Sequence[Identity] = (),
) -> Release:
    """Protect the tables of the cohort and of the match.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``attrition``, ``comparison`` (`characteristics.compare_groups` of both populations, with
        their name in the column population, the reference group first), ``balance``,
        ``score_overlap`` (`disclosure.score_overlap.score_overlap`) and, where the score has
        them, ``separated_cells`` (`score_separation.describe_cells`).
    rule : DisclosureRule
        What is small, and what is done about it.
    identities : sequence of Identity
        Variables that follow from others (`seermatch.variables.identities`).

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
    cells = tables.get("separated_cells")
    record |= {"few_outside": few_outside(cells, minimum)}
    whole = [code for code, arm in enumerate(ARMS) if not outside(cells, arm)]
    system = CountSystem(width=rule.width)
    add_flow(system, tables["attrition"])
    add_characteristics(system, comparison, identities)
    _fix_absent(system, cells)
    if rule.rounds:
        hide_sums(system)
        everybody = size_of("matched", "all")  # stands in later tables
        system.add(everybody, sum(record["sizes"].values()), fixed=True)
        system.total(everybody, [size_of("matched", arm) for arm in ARMS])
        add_bins(system, merge_bins(tables["score_overlap"], minimum, whole))
    system.protect(minimum)
    released = mask_characteristics(comparison, system, minimum)
    known = [code for code in whole if system.is_public(size_of("cohort", ARMS[code]))]
    shown = {
        "attrition": tables["attrition"],
        "comparison": released,
        "balance": tables["balance"],
        "score_overlap": merge_bins(tables["score_overlap"], minimum, known),
    }
    record |= {"system": system.record()}
    told = {} if cells is None else {"separated_cells": mask_cells(cells)}
    if rule.rounds:
        from seermatch.disclosure.rounding import round_cohort

        return Release(round_cohort(shown, system) | told, record)
    shown |= told
    shown["attrition"] = mask_flow(tables["attrition"], system)
    shown["balance"] = mask_balance(tables["balance"], released)
    return Release(shown, record)


def _fix_absent(system, cells: pd.DataFrame | None) -> None:
    """Take as known that nobody of a group has a level of which a cell consists."""
    if cells is None:
        return
    alone = cells[cells["cell"].map(cells["cell"].value_counts()).eq(1)]
    for row in alone.itertuples():
        for arm, n in (("reference", row.n_reference), ("exposed", row.n_exposed)):
            cell = system.cells.get(("cohort", arm, row.term, str(row.level)))
            if n == 0 and cell is not None and cell.count == 0:
                cell.fixed = True


def outside(cells: pd.DataFrame | None, arm: str) -> bool:
    """Whether patients of an arm are outside the pool of the match.

    Parameters
    ----------
    cells : pandas.DataFrame or None
        Rows of ``separated_cells.tsv``: cell, n_reference, n_exposed, in_pool.
    arm : {"reference", "exposed"}

    Returns
    -------
    bool

    Examples
    --------
    >>> cells = pd.DataFrame({"n_reference": [10], "n_exposed": [0], "in_pool": [False]})
    >>> outside(cells, "reference"), outside(cells, "exposed")
    (True, False)
    """
    if cells is None:
        return False
    return bool((cells.loc[~cells["in_pool"].astype(bool), f"n_{arm}"] > 0).any())


def few_outside(cells: pd.DataFrame | None, minimum: int) -> bool:
    """Whether a cell of one group only holds few patients, so that the pool's size tells of them.

    Parameters
    ----------
    cells : pandas.DataFrame or None
        As in `outside`.
    minimum : int
        Smallest count above 0 that may be known.

    Returns
    -------
    bool

    Examples
    --------
    >>> cells = pd.DataFrame({"n_reference": [4], "n_exposed": [0], "in_pool": [False]})
    >>> few_outside(cells, 5), few_outside(cells, 3)
    (True, False)
    """
    if cells is None:
        return False
    counts = cells.loc[~cells["in_pool"].astype(bool), ["n_reference", "n_exposed"]]
    return bool(counts.isin(range(1, minimum)).any(axis=None))


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
    >>> mask_cells(cells)["n_reference"].isna().item(), int(mask_cells(cells)["n_exposed"][0])
    (True, 0)
    """
    counts = ["n_reference", "n_exposed"]
    return cells.assign(**cells[counts].astype("Int64").where(cells[counts] == 0))
