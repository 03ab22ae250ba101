"""Disclosure control of the flow of patients."""

import pandas as pd

from seermatch.disclosure.count_program import PUBLIC
from seermatch.disclosure.count_system import HIDDEN, CountSystem

ARMS = ("reference", "exposed")
KINDS = ("remaining", "excluded")
LAST_ROW_COST = 3.0  # the sizes of the cohort stand in most tables
FIRST_ROW_COST = 100.0


def size_of(population: str, arm: str) -> tuple[str, ...]:
    """Name the count of all patients of an arm, or of ``all``."""
    return (population, arm, "n", "")


def add_flow(system: CountSystem, attrition: pd.DataFrame) -> None:
    """Add what remains and what is excluded at every step.

    Parameters
    ----------
    system : CountSystem
        Changed in place. The last row is the cohort's sizes (`size_of`).
    attrition : pandas.DataFrame
        Rows of ``attrition.tsv``, unmasked. What a step excludes is what remained before less
        what remains; the groups and the records of neither add up to all.

    Examples
    --------
    >>> flow = pd.DataFrame({"step": [0, 1], "criterion": ["records", "a"],
    ...     "remaining": [230, 190], "excluded": [0, 40],
    ...     "remaining_reference": [200, 170], "remaining_exposed": [30, 20],
    ...     "excluded_reference": [0, 30], "excluded_exposed": [0, 10]})
    >>> system = CountSystem()
    >>> add_flow(system, flow)
    >>> system.cells["cohort", "exposed", "n", ""].count
    20
    """
    last = len(attrition) - 1
    for kind in KINDS:
        whole = attrition[kind].to_numpy()
        counts = {arm: attrition[f"{kind}_{arm}"].to_numpy() for arm in ARMS}
        counts = {"all": whole} | counts | {"other": whole - sum(counts.values())}
        for row in range(last + 1):
            for who, column in counts.items():
                nothing = kind == "excluded" and row == 0
                records = (kind, who, row) == (
                    "remaining",
                    "all",
                    0,
                )  # of which the exports consist
                # records of neither group are not printed; once none is left, everybody knows it
                known = nothing or records or (who == "other" and column[row] == 0)
                cost = {0: FIRST_ROW_COST, last: LAST_ROW_COST}.get(row, 1.0)
                system.add(
                    flow_cell(kind, who, row, last),
                    column[row],
                    fixed=known,
                    hidden=who == "other" and not known,
                    cost=cost,
                )
            parts = [flow_cell(kind, who, row, last) for who in (*ARMS, "other")]
            system.total(flow_cell(kind, "all", row, last), parts)
    for who in ("all", *ARMS, "other"):
        for row in range(1, last + 1):
            parts = [flow_cell(kind, who, row, last) for kind in KINDS]
            system.total(flow_cell("remaining", who, row - 1, last), parts)


def hide_sums(system: CountSystem) -> None:
    """Say that sums are not published as bins of their own, but as sums of rounded parts.

    Parameters
    ----------
    system : CountSystem
        After `add_flow`; changed in place. What remains is what is excluded later and the cohort;
        records of neither group follow from all and those of the groups. The first row is in the
        checks of the exports, too, in which every count is a bin.
    """
    for name, cell in system.cells.items():
        if name[:2] == ("flow", "remaining"):
            first = name[3] == "0"
            cell.state, cell.fixed = (PUBLIC, True) if first else (HIDDEN, cell.fixed)
        elif name[:2] == ("flow", "excluded"):
            cell.state = HIDDEN if name[2] == "all" else PUBLIC


def flow_cell(kind: str, who: str, row: int, last: int) -> tuple[str, ...]:
    """Name a count of the flow."""
    if kind == "remaining" and row == last:
        return size_of("cohort", who)
    return ("flow", kind, who, str(row))


def mask_flow(attrition: pd.DataFrame, system: CountSystem) -> pd.DataFrame:
    """Leave out the counts of the flow that a protected system masks.

    Parameters
    ----------
    attrition : pandas.DataFrame
        As given to `add_flow`.
    system : CountSystem
        After `CountSystem.protect`.

    Returns
    -------
    pandas.DataFrame
        Counts as nullable integers.
    """
    table = attrition.reset_index(drop=True)
    last = len(table) - 1
    for kind in KINDS:
        for who in ("all", *ARMS):
            column = kind if who == "all" else f"{kind}_{who}"
            shown = [system.is_public(flow_cell(kind, who, row, last)) for row in range(last + 1)]
            table[column] = table[column].astype("Int64").where(pd.Series(shown))
    return table
