"""Disclosure control by rounding: outcomes and other analyses.

Intervals of hazard ratios are those of an information, one over the squared standard error, which
counts deaths, rounded down to whole bins: they are never too narrow.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from seermatch.analysis.excluded_patients import SIZE, UNKNOWN
from seermatch.analysis.names import EXPOSURE, HAZARD_RATIO, MEDIAN_FOLLOW_UP, OK
from seermatch.disclosure.attrition import ARMS
from seermatch.disclosure.characteristics import QUANTILES
from seermatch.disclosure.curves import STARTS
from seermatch.disclosure.estimates import CLUSTERED, ESTIMATES
from seermatch.disclosure.follow_up import CAUSES, FOLLOW_UP_TIMES
from seermatch.disclosure.interpretation import MORE_NUMBERS, NUMBERS
from seermatch.disclosure.rounding import round_counts, round_times, significant
from seermatch.disclosure.rule import MASKED, round_count

Z = float(ndtri(0.975))


def round_outcomes(
    tables: Mapping[str, pd.DataFrame], width: int, before: Mapping
) -> dict[str, pd.DataFrame]:
    """Round the tables of the outcomes.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        With models of few deaths masked and curves in steps.
    width : int
        Width of the bins.
    before : mapping
        Record of `cohort_tables.release_cohort`.

    Returns
    -------
    dict of str to pandas.DataFrame
    """
    shown = dict(tables)
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
    """Round the groups; all patients are their sum."""
    table = followup.copy()
    for name in (name for name in FOLLOW_UP_TIMES if name in table):
        table[name] = round_times(table[name], width)
    arms = table["group"] != "all"
    for name in ("n", *CAUSES.values()):
        rounded = round_counts(table[name].astype(float), width)
        sums = rounded[arms].groupby(table["population"]).agg(lambda n: n.sum(skipna=False))
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
        table[name] = round_counts(table[name], width)
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
        table[name] = round_counts(table[name].astype(float), width)
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


def round_sensitivity(
    tables: Mapping[str, pd.DataFrame | None], width: int
) -> dict[str, pd.DataFrame | None]:
    """Round the tables of the other analyses.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        As `sensitivity.release_sensitivity` masks them.
    width : int
        Width of the bins.

    Returns
    -------
    dict of str to pandas.DataFrame
    """
    shown = dict(tables)
    shown["sensitivity"] = _round_analyses(tables["sensitivity"], width)
    shown["interpretation"] = _round_interpretation(tables["interpretation"], width)
    shown["included"] = _round_included(tables["included"], width)
    shown["proportional_hazards"] = _round_tests(tables["proportional_hazards"])
    shown["schoenfeld"] = tables["schoenfeld"].iloc[:0]
    stability = tables["stability"].copy()
    for name in ("deaths", "deaths_cancer"):
        stability[name] = round_counts(stability[name], width)
    for name, digits in (("os_hr", 2), ("cancer_hr", 2), ("os_p", 1), ("cancer_p", 1)):
        stability[name] = significant(stability[name], digits)
    shown["stability"] = stability.assign(common_controls=stability["common_controls"].round(1))
    if tables.get("claims") is not None:
        claims = tables["claims"].copy()
        effects = [c for c in claims if c.startswith(("hazard_ratio", "detectable"))]
        numbers = ["estimate", "low", "high", "reference", "exposed"]
        claims[numbers] = claims[numbers].astype(float).round(2)
        for name in effects:
            claims[name] = significant(claims[name].astype(float), 1)
        shown["claims"] = claims
    return shown


def _round_analyses(table: pd.DataFrame, width: int) -> pd.DataFrame:
    table = table.copy()
    for name in ("n", "events", "effective_sample_size"):
        table[name] = round_counts(table[name], width)
    columns = ["hr", "hr_low", "hr_high", "p_value"]
    for at, row in table.iterrows():
        table.loc[at, columns] = coarse_ratio(row["hr"], row["hr_low"], row["hr_high"], width)[:4]
    return table.assign(largest_weight=table["largest_weight"].round(1))


def _round_interpretation(table: pd.DataFrame, width: int) -> pd.DataFrame:
    table = table.copy()
    hidden = table["estimate"].isna() & table["status"].eq(MASKED)
    for name in ("n", "events"):
        table[name] = round_counts(table[name].astype("Float64"), width).astype("Int64")
    for at, row in table[~hidden].iterrows():
        values = row[NUMBERS].astype(float)
        if row["quantity"] == EXPOSURE:
            known = pd.notna(row["events"]) and pd.notna(row["n"]) and row["n"] > 0
            values[:] = [1000 * row["events"] / row["n"] if known else np.nan, np.nan, np.nan]
        elif row["quantity"] == HAZARD_RATIO:
            values[:] = coarse_ratio(*values, width)[:3]
        elif row["quantity"] == MEDIAN_FOLLOW_UP:
            values = round_times(values, width)
        else:
            values = significant(values, 1)
        table.loc[at, NUMBERS] = values.to_numpy()
    table.loc[~hidden, "status"] = OK  # it may tell on which side of a limit a finer number lies
    return table.assign(**dict.fromkeys(MORE_NUMBERS, np.nan))


def _round_included(table: pd.DataFrame, width: int) -> pd.DataFrame:
    table = table.copy()
    table["n"] = round_counts(table["n"].astype("Float64"), width).astype("Int64")
    for name in QUANTILES:
        table[name] = round_times(table[name], width)
    counts = table["n"].astype("Float64").astype(float)
    keys = [table[name] for name in ("quantity", "variable", "patients")]
    whole = counts.groupby(keys).transform(lambda n: n.sum(skipna=False))
    sizes = table["quantity"] == SIZE
    whole[sizes] = counts[sizes].sum(skipna=False)
    percent = 100 * counts / whole.where(whole > 0)
    group = table["variable"].eq("group")
    eligible = counts[group].groupby(table["level"]).agg(lambda n: n.sum(skipna=False))
    lacking = table["quantity"] == UNKNOWN
    percent[lacking] = 100 * counts[lacking] / table.loc[lacking, "patients"].map(eligible)
    table["percent"] = percent.where(table["percent"].notna())
    return table.assign(smd=table["smd"].astype(float).round(1))
