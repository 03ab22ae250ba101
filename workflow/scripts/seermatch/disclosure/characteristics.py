"""Disclosure control of Tables 1 and 2 and of the standardized differences."""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from seermatch.disclosure.count_system import CountSystem, refuse_small_group

QUARTERS = 4
TESTS = ("statistic", "df", "p_value")


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
