"""Disclosure control by rounding: counts as bins, and nothing finer than counts.

Every number is a function of rounded counts, or is rounded as coarsely itself: what differs
between two releases of the same study by a patient differs in most numbers by nothing, and else by
a whole bin. Intervals of hazard ratios are those of an information, one over the squared standard
error, which counts deaths, rounded down to whole bins: they are never too narrow.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr, ndtri

from seermatch.disclosure.attrition import ARMS
from seermatch.disclosure.characteristics import QUANTILES, QUARTERS, TESTS, group_sizes
from seermatch.disclosure.curves import STARTS
from seermatch.disclosure.estimates import CLUSTERED, ESTIMATES
from seermatch.disclosure.follow_up import CAUSES, FOLLOW_UP_TIMES
from seermatch.disclosure.rule import DisclosureRule, round_count
from seermatch.formatting import MASKED

Z = float(ndtri(0.975))
TEXT_OF_CLAIM = "Rounded for disclosure control; see the numbers."


def _counts(values: pd.Series, width: int) -> pd.Series:
    return values.map(lambda count: count if pd.isna(count) else round_count(count, width))


def _multiples(values: pd.Series, width: int) -> pd.Series:
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


def round_cohort(tables: Mapping[str, pd.DataFrame], rule: DisclosureRule) -> dict:
    """Round the tables of the cohort and of the match.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        As given to `cohort_tables.release_cohort`, the bins of the score merged.
    rule : DisclosureRule
        Gives the width of the bins.

    Returns
    -------
    dict of str to pandas.DataFrame
    """
    width = rule.minimum_count
    comparison = _round_comparison(tables["comparison"], width)
    return {
        "attrition": _round_flow(tables["attrition"], width),
        "comparison": comparison,
        "balance": _round_balance(tables["balance"], comparison),
        "score_overlap": _round_overlap(tables["score_overlap"], width),
    }


def _round_flow(attrition: pd.DataFrame, width: int) -> pd.DataFrame:
    """Round what each step excludes and the cohort; what remains is the sum from the end."""
    table = attrition.copy()
    parts = {}
    for kind in ("remaining", "excluded"):
        for arm in ARMS:
            parts[kind, arm] = _counts(attrition[f"{kind}_{arm}"], width)
        rest = attrition[kind] - sum(attrition[f"{kind}_{arm}"] for arm in ARMS)
        parts[kind, "other"] = _counts(rest, width)
    for arm in (*ARMS, "other"):
        remaining = parts["remaining", arm].to_numpy(copy=True)
        excluded = parts["excluded", arm].to_numpy()
        for row in range(len(table) - 2, -1, -1):
            remaining[row] = remaining[row + 1] + excluded[row + 1]
        parts["remaining", arm] = remaining
    for kind in ("remaining", "excluded"):
        table[kind] = sum(np.asarray(parts[kind, arm]) for arm in (*ARMS, "other"))
        for arm in ARMS:
            table[f"{kind}_{arm}"] = parts[kind, arm]
    return table


def _round_comparison(comparison: pd.DataFrame, width: int) -> pd.DataFrame:
    rows = comparison.reset_index(drop=True)
    rows = rows.astype({"n": float} | dict.fromkeys([*TESTS, *QUANTILES], float))
    keys = ["population", "group"]
    whole = rows[rows["variable"] == rows["variable"].iloc[0]].groupby(keys, observed=True)["n"]
    sizes = rows.set_index(keys).index.map(whole.sum().to_dict()).to_numpy(dtype=float)
    small = sizes < QUARTERS * width
    rows.loc[small, QUANTILES] = np.nan
    for column in QUANTILES:
        rows[column] = _multiples(rows[column], width)
    # the share of a weighted sample is that of its weights
    mass = _counts(rows["percent"] / 100 * sizes, width)
    total = mass.groupby([rows[key] for key in (*keys, "variable")], observed=True).transform("sum")
    rows["percent"] = 100 * mass / total.where(total > 0)
    rows["n"] = _counts(rows["n"], width)
    rows["statistic"] = np.nan
    rows["p_value"] = significant(rows["p_value"], 1)
    for _, block in rows[rows["percent"].notna()].groupby(["population", "variable"]):
        tested = block["test"].iloc[0] != ""
        counts = block.pivot_table(index="level", columns="group", values="n", observed=True)
        p_value, df = _chi_square(counts.to_numpy(dtype=float))
        rows.loc[block.index, ["df", "p_value"]] = (df, p_value) if tested else (np.nan, np.nan)
        rows.loc[block.index, "test"] = "Pearson chi-square" if tested else ""
    return _with_rounded_sizes(rows, group_sizes(comparison), width)


def _with_rounded_sizes(rows: pd.DataFrame, sizes: Mapping, width: int) -> pd.DataFrame:
    """Put the sizes of the groups before the rows of their population."""
    labels = [str(label) for label in rows["group"].unique()]
    parts = []
    for population, body in rows.groupby("population", sort=False):
        first = [
            {
                "population": population,
                "variable": "n",
                "level": "",
                "group": label,
                "n": round_count(sizes[population, arm], width),
                "test": "",
            }
            for label, arm in zip(labels, ARMS, strict=False)
        ]
        frame = pd.DataFrame(first).reindex(columns=rows.columns)
        parts += [frame.astype(rows.dtypes.to_dict()), body]
    return pd.concat(parts, ignore_index=True)


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
    levels = comparison[comparison["percent"].notna()].copy()
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
    balance[ratios] = balance[ratios].round(1)
    return balance


def _round_overlap(overlap: pd.DataFrame, width: int) -> pd.DataFrame:
    table = overlap.copy()
    keys = [table["population"], table["group"]]
    mass = _counts(table["share"] * table["n"], width)
    table["patients"] = _counts(table["patients"], width)
    table["n"] = table["patients"].groupby(keys).transform("sum")
    table["share"] = mass / mass.groupby(keys).transform("sum")
    return table


# ----- outcomes ----------------------------------------------------------------------------------


def round_outcomes(
    tables: Mapping[str, pd.DataFrame], rule: DisclosureRule, before: Mapping
) -> dict[str, pd.DataFrame]:
    """Round the tables of the outcomes.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        With models of few deaths masked and curves in steps.
    rule : DisclosureRule
        Gives the width of the bins.
    before : mapping
        Record of `cohort_tables.release_cohort`.

    Returns
    -------
    dict of str to pandas.DataFrame
    """
    width, shown = rule.minimum_count, dict(tables)
    shown["followup"] = _round_follow_up(tables["followup"], width)
    sizes = {
        label: round_count(before["sizes"][arm], width)
        for label, arm in zip(before["labels"], ARMS, strict=True)
    }
    for name in STARTS:
        shown[name] = _round_curve(tables[name], name, sizes, width)
    shown |= {name: _round_tests(tables[name]) for name in ("logrank", "gray")}
    for name in ("cox", "fine_gray"):
        shown[name] = _round_models(tables[name], width)
        contrasts = f"{name}_contrasts"
        shown[contrasts] = tables[contrasts].iloc[:0]
    return shown


def _round_tests(tests: pd.DataFrame) -> pd.DataFrame:
    p_values = significant(tests["p_value"].astype(float), 1)
    return tests.assign(statistic=np.nan, p_value=p_values)


def _round_follow_up(followup: pd.DataFrame, width: int) -> pd.DataFrame:
    table = followup.copy()
    times = [name for name in FOLLOW_UP_TIMES if name in table]
    table[times] = table[times].astype(float)
    table.loc[table["n"] < QUARTERS * width, times] = np.nan
    for name in times:
        table[name] = _multiples(table[name], width)
    for name in ("n", *CAUSES.values()):
        rounded = _counts(table[name], width)
        arms = table["group"] != "all"
        sums = rounded[arms].groupby(table["population"]).sum()
        table[name] = rounded.where(arms, table["population"].map(sums)).astype("Int64")
    return table


def _round_curve(curve: pd.DataFrame, estimate: str, sizes: Mapping, width: int) -> pd.DataFrame:
    """Round a curve to steps of one bin of the group's patients."""
    table = curve.copy()
    step = width / table["group"].astype(str).map(sizes).astype(float)
    for name in (estimate, "conf_low", "conf_high"):
        table[name] = ((table[name].astype(float) / step).round() * step).clip(0, 1)
    table["se"] = np.nan
    for name in ("n_at_risk", "n_events"):
        table[name] = _counts(table[name], width)
    return table


def coarse_ratio(hr: float, low: float, high: float, width: int) -> tuple[float, ...]:
    """Round a hazard ratio and its 95 % interval.

    Parameters
    ----------
    hr, low, high : float
        Estimate and limits.
    width : int
        Width of the bins of deaths.

    Returns
    -------
    tuple of float
        Ratio (two significant digits), limits, p and standard error of its logarithm; all NaN
        where fewer than `width` deaths inform it.

    Examples
    --------
    >>> [round(float(number), 2) for number in coarse_ratio(1.17, 0.75, 1.77, 5)]
    [1.2, 0.77, 1.86, 0.41, 0.22]
    """
    nothing = (np.nan,) * 5
    if not (np.isfinite([hr, low, high]).all() and 0 < low < high):
        return nothing
    information = (2 * Z / np.log(high / low)) ** 2 // width * width
    if information == 0:
        return nothing
    se, ratio = information**-0.5, float(f"{hr:.1e}")
    p_value = 2 * float(ndtr(-abs(np.log(ratio)) / se))
    return ratio, ratio * np.exp(-Z * se), ratio * np.exp(Z * se), p_value, se


def _round_models(models: pd.DataFrame, width: int) -> pd.DataFrame:
    table = models.copy()
    for name in ("n", "events"):
        table[name] = _counts(table[name], width)
    kinds = ("", "_clustered")
    for at, row in models.iterrows():
        found = [
            coarse_ratio(row["hr"], row[f"hr_low{kind}"], row[f"hr_high{kind}"], width)
            for kind in kinds
            if f"hr_low{kind}" in models
        ]
        for kind, (ratio, low, high, p_value, se) in zip(kinds, found, strict=False):
            values = {"hr_low": low, "hr_high": high, "p_value": p_value, "se": se}
            for name, value in values.items():
                table.loc[at, f"{name}{kind}"] = value
            if not kind:
                table.loc[at, ["hr", "coef"]] = ratio, np.log(ratio)
        if pd.notna(row["hr"]) and any(np.isnan(numbers[0]) for numbers in found):
            table.loc[at, [c for c in (*ESTIMATES, *CLUSTERED) if c in table]] = np.nan
            table.loc[at, "status"] = MASKED
    return table


# ----- other analyses ----------------------------------------------------------------------------


def round_sensitivity(
    tables: Mapping[str, pd.DataFrame],
    rule: DisclosureRule,
    masked: set[str],
    is_released: Callable[[str, float], bool],
) -> dict[str, pd.DataFrame]:
    """Round the tables of the other analyses.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        With analyses that differ by few patients masked.
    rule : DisclosureRule
        Gives the width of the bins.
    masked : set of {"any", "cause"}
        Outcomes without results.
    is_released : callable
        Tells of an outcome and a month whether estimates are published.

    Returns
    -------
    dict of str to pandas.DataFrame
    """
    width, shown = rule.minimum_count, dict(tables)
    shown["sensitivity"] = _round_analyses(tables["sensitivity"], width)
    shown["interpretation"] = _round_interpretation(
        tables["interpretation"], width, masked, is_released
    )
    shown["included"] = _round_included(tables["included"], width)
    shown["proportional_hazards"] = _round_tests(tables["proportional_hazards"])
    shown["schoenfeld"] = tables["schoenfeld"].iloc[:0]
    stability = tables["stability"].copy()
    for name in ("deaths", "deaths_breast_cancer"):
        stability[name] = _counts(stability[name], width)
    for name, digits in (("os_hr", 2), ("bcsm_hr", 2), ("os_p", 1), ("bcsm_p", 1)):
        stability[name] = significant(stability[name], digits)
    shown["stability"] = stability.assign(common_controls=stability["common_controls"].round(1))
    if tables["claims"] is not None:
        claims = tables["claims"].copy()
        effects = [c for c in claims if c.startswith(("hazard_ratio", "detectable"))]
        numbers = ["estimate", "low", "high"]
        claims[numbers] = claims[numbers].astype(float).round(2)
        for name in effects:
            claims[name] = significant(claims[name].astype(float), 1)
        answered = claims["estimate"].notna()
        claims.loc[answered, "answer"] = TEXT_OF_CLAIM
        shown["claims"] = claims.assign(context="")
    return shown


def _round_analyses(table: pd.DataFrame, width: int) -> pd.DataFrame:
    table = table.copy()
    for name in ("n", "events", "effective_sample_size"):
        table[name] = _counts(table[name], width)
    columns = ["hr", "hr_low", "hr_high", "p_value"]
    for at, row in table.iterrows():
        table.loc[at, columns] = coarse_ratio(row["hr"], row["hr_low"], row["hr_high"], width)[:4]
    return table.assign(largest_weight=table["largest_weight"].round(1))


def _round_interpretation(table, width: int, masked: set[str], is_released) -> pd.DataFrame:
    from seermatch.disclosure.interpretation import (
        DETECTABLE,
        EXPOSURE,
        MEDIAN,
        NUMBERS,
        is_hidden,
    )

    table = table.copy()
    table[NUMBERS] = table[NUMBERS].astype(float)
    hidden = is_hidden(table, masked, is_released)
    for name in ("n", "events"):
        table[name] = _counts(table[name], width).astype("Int64")
    for at, row in table.iterrows():
        values = row[NUMBERS].astype(float)
        if row["quantity"] == EXPOSURE:
            values[:] = [1000 * row["events"] / row["n"] if row["n"] else np.nan, np.nan, np.nan]
            table.loc[at, "note"] = f"{row['year']}: {row['events']:,} of {row['n']:,}"
        elif row["quantity"] == "hazard ratio":
            values[:] = coarse_ratio(*values, width)[:3]
        elif row["quantity"] == MEDIAN:
            values = _multiples(values, width)
        else:
            values = significant(values, 1)
        table.loc[at, NUMBERS] = values.to_numpy()
        if row["quantity"] not in (EXPOSURE, MEDIAN):
            table.loc[at, "note"] = "rounded" if row["quantity"] == DETECTABLE else ""
    table.loc[hidden, NUMBERS] = np.nan
    table.loc[hidden, "note"] = MASKED
    return table


def _round_included(table: pd.DataFrame, width: int) -> pd.DataFrame:
    table = table.copy()
    few = table["n"] < QUARTERS * width
    table["n"] = _counts(table["n"], width).astype("Int64")
    for name in QUANTILES:
        table[name] = _multiples(table[name], width).where(~few)
    keys = ["quantity", "variable"]
    whole = table.groupby([*keys, "patients"])["n"].transform("sum").astype(float)
    sizes = table["quantity"] == "patients"
    whole[sizes] = float(table.loc[sizes, "n"].sum())
    counted = table["percent"].notna() & (whole > 0) & (table["quantity"] != "unknown")
    percent = 100 * table["n"].astype(float) / whole
    table["percent"] = percent.where(counted, table["percent"].astype(float).round())
    return table.assign(smd=table["smd"].astype(float).round(1))
