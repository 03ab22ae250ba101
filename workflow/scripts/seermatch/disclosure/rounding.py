"""Disclosure control by rounding: counts as bins, and nothing finer than counts.

Every number is a function of rounded counts, or is rounded as coarsely itself: what differs
between two releases of the same study by a patient differs in most numbers by nothing, and else by
a whole bin. Where several bins together bound a small count more closely than its own, some are
masked.
"""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from seermatch.disclosure.attrition import ARMS, KINDS, flow_cell
from seermatch.disclosure.characteristics import QUANTILES
from seermatch.disclosure.count_system import MASKED as MASKED_STATE
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.rule import round_count


def round_counts(values: pd.Series, width: int) -> pd.Series:
    """Round counts to the middles of their bins; what is missing stays so.

    Examples
    --------
    >>> round_counts(pd.Series([0.0, 4, np.nan]), 5).tolist()
    [0.0, 3.0, nan]
    """
    return values.map(lambda count: count if pd.isna(count) else round_count(count, width))


def round_times(values: pd.Series, width: int) -> pd.Series:
    """Round quartiles and times to multiples of the width.

    Examples
    --------
    >>> round_times(pd.Series([63.0, 16.0]), 5).tolist()
    [65.0, 15.0]
    """
    return (values.astype(float) / width).round() * width


def significant(values: pd.Series, digits: int) -> pd.Series:
    """Round to significant digits.

    Examples
    --------
    >>> significant(pd.Series([0.0123, 1.26, 0.0]), 1).tolist()
    [0.01, 1.0, 0.0]
    """
    return values.map(lambda value: float(f"{value:.{digits - 1}e}")).astype(float)


# ----- the cohort --------------------------------------------------------------------------------


def round_cohort(tables: Mapping[str, pd.DataFrame], system: CountSystem) -> dict:
    """Round the tables of the cohort and of the match.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        As `cohort_tables.release_cohort` masks them, the flow as it was.
    system : CountSystem
        Protected; gives the width of the bins.

    Returns
    -------
    dict of str to pandas.DataFrame
    """
    comparison = _round_comparison(tables["comparison"], system.width)
    return {
        "attrition": _round_flow(tables["attrition"], system),
        "comparison": comparison,
        "balance": _round_balance(tables["balance"], comparison),
        "score_overlap": _round_overlap(tables["score_overlap"], system.width),
    }


def _round_flow(attrition: pd.DataFrame, system: CountSystem) -> pd.DataFrame:
    """Round what each step excludes and the cohort; what remains is the sum from the end."""
    table, last = attrition.reset_index(drop=True), len(attrition) - 1
    sums: dict[tuple[str, str], np.ndarray] = {}
    for arm in (*ARMS, "other"):
        excluded = np.zeros(last + 1)
        remaining = np.zeros(last + 1)
        remaining[last] = _released(system, flow_cell("remaining", arm, last, last))
        for row in range(last, 0, -1):
            excluded[row] = _released(system, flow_cell("excluded", arm, row, last))
            remaining[row - 1] = remaining[row] + excluded[row]
        sums["remaining", arm], sums["excluded", arm] = remaining, excluded
    for kind in KINDS:
        table[kind] = sum(sums[kind, arm] for arm in (*ARMS, "other"))
        for arm in ARMS:
            table[f"{kind}_{arm}"] = sums[kind, arm]
        names = [kind, *(f"{kind}_{arm}" for arm in ARMS)]
        table[names] = table[names].astype("Int64")
    return table


def _released(system: CountSystem, name: Hashable) -> float:
    """Round a count; NaN where it is masked."""
    cell = system.cells[name]
    return np.nan if cell.state == MASKED_STATE else round_count(cell.count, system.width)


def _round_comparison(comparison: pd.DataFrame, width: int) -> pd.DataFrame:
    rows = comparison.copy()
    keys = ["population", "group"]
    sizes = rows[rows["variable"] == "n"].set_index(keys)["n"].to_dict()
    whole = rows.set_index(keys).index.map(sizes).to_numpy(dtype=float)
    for column in QUANTILES:
        rows[column] = round_times(rows[column], width)
    # the share of a weighted sample is that of its weights
    mass = round_counts(rows["percent"] / 100 * whole, width)
    parts = mass.groupby([rows[key] for key in (*keys, "variable")], observed=True)
    total = parts.transform(lambda counts: counts.sum(skipna=False))
    rows["percent"] = 100 * mass / total.where(total > 0)
    rows["n"] = round_counts(rows["n"], width)
    rows["statistic"] = np.nan
    rows["p_value"] = significant(rows["p_value"], 1)
    named = rows["level"].fillna("").astype(str).ne("")
    for _, block in rows[named].groupby(["population", "variable"], observed=True):
        tested = block["test"].iloc[0] != "" and block["n"].notna().all()
        counts = block.pivot_table(index="level", columns="group", values="n", observed=True)
        p_value, df = _chi_square(counts.to_numpy(dtype=float)) if tested else (np.nan, np.nan)
        rows.loc[block.index, ["df", "p_value"]] = df, p_value
        rows.loc[block.index, "test"] = "Pearson chi-square" if tested else ""
    return rows


def _chi_square(table: np.ndarray) -> tuple[float, float]:
    """Pearson's test of rounded counts."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape, default=0) < 2:
        return np.nan, np.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    df = float((table.shape[0] - 1) * (table.shape[1] - 1))
    return float(chdtrc(df, ((table - expected) ** 2 / expected).sum())), df


def _round_balance(balance: pd.DataFrame, comparison: pd.DataFrame) -> pd.DataFrame:
    """Standardize the differences of the rounded percentages; round those of numbers."""
    balance = balance.copy()
    columns = ["smd_before", "smd_after"]
    levels = comparison[comparison["level"].fillna("").astype(str).ne("")].copy()
    levels["share"] = levels["percent"] / 100
    keys = ["population", "variable", "level"]
    shares = levels.groupby(keys, sort=False, observed=True)["share"].apply(list).to_dict()
    for row in balance.itertuples():
        level = "" if pd.isna(row.level) else str(row.level)
        before, after = (shares.get((p, row.term, level)) for p in ("cohort", "matched"))
        if before is None or after is None or not level:
            balance.loc[row.Index, columns] = [round(getattr(row, name), 2) for name in columns]
            continue
        spread = np.sqrt(before[1] * (1 - before[1]))
        for name, (reference, exposed) in zip(columns, (before, after), strict=True):
            value = (exposed - reference) / spread if spread > 0 else np.nan
            balance.loc[row.Index, name] = value
    ratios = [name for name in balance if name.startswith("variance_ratio")]
    balance[ratios] = balance[ratios].astype(float).round(1)
    return balance


def _round_overlap(overlap: pd.DataFrame, width: int) -> pd.DataFrame:
    table = overlap.copy()
    keys = [table["population"], table["group"]]
    mass = round_counts(table["share"] * table["n"], width)
    table["patients"] = round_counts(table["patients"], width)
    table["n"] = table["patients"].groupby(keys).transform("sum")
    table["share"] = mass / mass.groupby(keys).transform("sum")
    return table
