"""Disclosure control of the flow of patients."""

import pandas as pd

from seermatch.disclosure.count_system import CountSystem, refuse_small_group

ARMS = ("reference", "exposed")


def mask_attrition(attrition: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Mask the counts of the flow chart and of its table.

    Parameters
    ----------
    attrition : pandas.DataFrame
        Rows of ``results/attrition.tsv``.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        Counts as nullable integers. What a step excludes is what remained before less what
        remains; the groups and the records of neither add up to all. The last row, the cohort,
        is never masked, and the first one only where nothing else helps.

    Raises
    ------
    StudyError
        If the cohort has a small group.

    Examples
    --------
    >>> flow = pd.DataFrame({"step": [0, 1, 2], "criterion": ["records", "a", "b"],
    ...     "remaining": [230, 217, 190], "excluded": [0, 13, 27],
    ...     "remaining_reference": [200, 190, 170], "remaining_exposed": [30, 27, 20],
    ...     "excluded_reference": [0, 10, 20], "excluded_exposed": [0, 3, 7]})
    >>> mask_attrition(flow, 5)["excluded_exposed"].tolist()
    [0, <NA>, <NA>]
    """
    if not minimum:
        return attrition
    table = attrition.reset_index(drop=True)
    for arm in ARMS:
        refuse_small_group(arm, table[f"remaining_{arm}"].iloc[-1], minimum)
    system, last = CountSystem(), len(table) - 1
    for kind in ("remaining", "excluded"):
        other = table[kind] - sum(table[f"{kind}_{arm}"] for arm in ARMS)
        for row in range(len(table)):
            published = (kind == "remaining" and row == last) or (kind == "excluded" and row == 0)
            cost = 100.0 if row == 0 else 1.0
            names = {kind: table[kind], **{f"{kind}_{a}": table[f"{kind}_{a}"] for a in ARMS}}
            for name, column in names.items():
                system.add((name, row), column[row], fixed=published, cost=cost)
            # records of neither group are not printed; once there are none, everybody knows it
            system.add((f"{kind}_other", row), other[row], hidden=True, fixed=other[row] == 0)
            parts = [(f"{kind}_{arm}", row) for arm in (*ARMS, "other")]
            system.total((kind, row), parts)
    for suffix in ("", "_reference", "_exposed", "_other"):
        for row in range(1, len(table)):
            now = [(f"remaining{suffix}", row), (f"excluded{suffix}", row)]
            system.total((f"remaining{suffix}", row - 1), now)
    counts = [column for column in table if column.split("_")[0] in ("remaining", "excluded")]
    table = table.astype(dict.fromkeys(counts, "Int64"))
    for name, row in system.masked(minimum):
        table.loc[row, name] = pd.NA
    return table
