"""Disclosure control: small counts leave the published tables before they are formatted.

A masked count is a missing value; tables and figures print `MASKED` for it, the same mark for
small counts and for those masked so that the small ones cannot be computed. (With ``<5`` for one
kind and another mark for the other, 1 + 5 patients in a group of 6 would give themselves away.)
The sizes of the groups before and after matching are published always, so the number of patients
without a match, their difference, is the one small count that cannot be protected. Deaths and
numbers at risk are in `seermatch.disclosure_outcomes`.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from seermatch.formatting import MASKED
from seermatch.masking import CountSystem, refuse_small_group

ARMS = ("reference", "exposed")
QUARTERS = 4
TESTS = ("statistic", "df", "p_value")


def disclosure_note(minimum: int) -> str:
    """Say below a table what is masked.

    Parameters
    ----------
    minimum : int
        ``disclosure.minimum_count``.

    Returns
    -------
    str
        Empty if nothing is masked.

    Examples
    --------
    >>> disclosure_note(5)
    'masked: counts of 1–4, and others from which they could be computed.'
    """
    if minimum < 2:
        return ""
    return f"{MASKED}: counts of 1–{minimum - 1}, and others from which they could be computed."


def mask_small(counts: Sequence[float], minimum: int) -> tuple[float, ...]:
    """Leave out small counts that belong together, and their sum with them.

    Parameters
    ----------
    counts : sequence of float
        Parts of one whole, such as the patients of each group who found no match.
    minimum : int
        Smallest count above 0 that is shown.

    Returns
    -------
    tuple of float
        Sum and parts; NaN where masked.

    Examples
    --------
    >>> mask_small((282333, 2), 5), mask_small((30, 12), 5)
    ((nan, 282333, nan), (42, 30, 12))
    """
    shown = [np.nan if 0 < count < minimum else count for count in counts]
    return (sum(shown), *shown)


# ----- characteristics ---------------------------------------------------------------------------


def mask_characteristics(comparison: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Mask the counts of Tables 1 and 2.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Rows of ``results/private/group_comparison.parquet`` of one or both populations.
    minimum : int
        ``disclosure.minimum_count``; 0 changes nothing.

    Returns
    -------
    pandas.DataFrame
        Each population starts with the sizes of its groups (variable ``n``). Masked are `n` and
        `percent` of levels; statistic, df and p-value of a variable with a masked level, which
        would give its counts away; median and quartiles where a quarter of the group is small.

    Raises
    ------
    StudyError
        If a group itself is small.

    Examples
    --------
    >>> rows = pd.DataFrame({"variable": "grade", "level": ["I-II", "III"] * 2,
    ...     "group": ["0", "0", "1", "1"], "n": [70, 30, 3, 20], "percent": [70, 30, 13.04, 86.96],
    ...     "median": np.nan, "q1": np.nan, "q3": np.nan, "test": "Pearson chi-square",
    ...     "statistic": 2.8, "df": 1.0, "p_value": 0.09})
    >>> mask_characteristics(rows, 5)[["variable", "n", "percent", "p_value"]]
      variable      n  percent  p_value
    0        n  100.0      NaN      NaN
    1        n   23.0      NaN      NaN
    2    grade   70.0     70.0      NaN
    3    grade   30.0     30.0      NaN
    4    grade    NaN      NaN      NaN
    5    grade    NaN      NaN      NaN
    """
    if not minimum:
        return comparison
    if "population" not in comparison:
        return _mask_population(comparison, minimum)
    parts = [part for _, part in comparison.groupby("population", sort=False)]
    return pd.concat([_mask_population(part, minimum) for part in parts], ignore_index=True)


def _mask_population(rows: pd.DataFrame, minimum: int) -> pd.DataFrame:
    rows = rows.reset_index(drop=True)
    rows = rows.astype({"n": float, "percent": float} | dict.fromkeys(TESTS, float))
    sizes = []
    for group, mine in rows.groupby("group", sort=False, observed=True):
        size = mine[mine["variable"] == mine["variable"].iloc[0]]["n"].sum()
        refuse_small_group(group, size, minimum)
        sizes.append({"variable": "n", "level": "", "group": group, "n": size, "test": ""})
        levels = mine[mine["percent"].notna()]
        if not levels.empty:
            masked = _levels_system(levels).masked(minimum)
            keys = pd.Series(list(zip(levels["variable"], levels["level"], strict=True)))
            at = levels.index[keys.isin(masked).to_numpy()]
            rows.loc[at, ["n", "percent"]] = np.nan
    categorical = rows["median"].isna()
    hidden = rows.loc[rows["n"].isna(), "variable"].unique()
    rows.loc[rows["variable"].isin(hidden), list(TESTS)] = np.nan
    few = ~categorical & (rows["n"] < QUARTERS * minimum)
    rows.loc[few, ["median", "q1", "q3"]] = np.nan
    first = pd.DataFrame(sizes).reindex(columns=rows.columns)
    if "population" in rows:
        first["population"] = rows["population"].iloc[0]
    first = first.astype(rows.dtypes.to_dict())
    return pd.concat([first, rows], ignore_index=True)


def _levels_system(levels: pd.DataFrame) -> CountSystem:
    """Levels add up to the group; receptors and subtype are counted from the same patients."""
    system, counts = CountSystem(), {}
    for variable, block in levels.groupby("variable", sort=False):
        counts |= {(variable, row.level): row.n for row in block.itertuples()}
        for row in block.itertuples():
            system.add((variable, row.level), row.n)
        system.add((variable,), block["n"].sum(), fixed=True)
        system.total((variable,), [(variable, level) for level in block["level"]])
    link_receptors(system, counts)
    return system


def link_receptors(system: CountSystem, counts: Mapping[Hashable, float]) -> None:
    """Tie HER2, ER and PR to the subtype, which is a function of them, in place.

    HER2-positive patients are those of two subtypes. HR+ less ER-positive leaves the patients who
    are HR+ by PR alone, and so on: cells no table prints, but any reader can compute.

    Parameters
    ----------
    system : CountSystem
        Holds the counts of the four variables in the same patients, by ``(variable, level)``.
    counts : mapping
        The same counts.
    """

    def subtypes(*names):
        return [("subtype", name) for name in names]

    def add_up(name, parts):
        return name in counts and abs(counts[name] - sum(counts[p] for p in parts)) < 1e-6

    if not all(key in counts for key in subtypes("HR+/HER2-", "HR+/HER2+", "HR-/HER2+")):
        return
    positive = subtypes("HR+/HER2+", "HR-/HER2+")
    if add_up(("her2", "Positive"), positive):
        system.total(("her2", "Positive"), positive)
    hormone = subtypes("HR+/HER2-", "HR+/HER2+")
    either = sum(counts[name] for name in hormone)
    er, pr = (counts.get((name, "Positive")) for name in ("er", "pr"))
    if er is None or pr is None or max(er, pr) > either or er + pr < either:
        return
    for name, count in (("er only", either - pr), ("pr only", either - er)):
        system.add(name, count, hidden=True)
    system.add("er and pr", er + pr - either, hidden=True)
    system.add("hr", either, hidden=True)
    system.total("hr", hormone)
    system.total("hr", ["er only", "pr only", "er and pr"])
    system.total(("er", "Positive"), ["er only", "er and pr"])
    system.total(("pr", "Positive"), ["pr only", "er and pr"])


def mask_balance(balance: pd.DataFrame, comparison: pd.DataFrame) -> pd.DataFrame:
    """Mask the standardized differences that would give masked percentages away.

    Parameters
    ----------
    balance : pandas.DataFrame
        Rows of ``results/balance.tsv``.
    comparison : pandas.DataFrame
        From `mask_characteristics`, both populations.

    Returns
    -------
    pandas.DataFrame
        A difference is missing where the level is masked in either group of that population.

    Examples
    --------
    >>> balance = pd.DataFrame({"term": ["age", "er"], "level": ["", "Positive"],
    ...     "smd_before": [0.1, 0.2], "smd_after": [0.01, 0.02]})
    >>> comparison = pd.DataFrame({"population": ["cohort", "matched"], "variable": "er",
    ...     "level": "Positive", "n": [300, np.nan]})
    >>> mask_balance(balance, comparison)["smd_after"].tolist()
    [0.01, nan]
    """
    balance = balance.copy()
    hidden = comparison[comparison["n"].isna()]
    terms = pd.Series(list(zip(balance["term"], balance["level"].fillna(""), strict=True)))
    for population, suffix in (("cohort", "before"), ("matched", "after")):
        rows = hidden[hidden["population"] == population]
        masked = set(zip(rows["variable"], rows["level"].astype(str), strict=True))
        at = terms.isin(masked).to_numpy()
        columns = [c for c in (f"smd_{suffix}", f"variance_ratio_{suffix}") if c in balance]
        balance.loc[at, columns] = np.nan
    return balance


# ----- flow of the study -------------------------------------------------------------------------


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
