"""Disclosure control of other analyses of the same patients.

Of populations that differ by few patients or deaths one is published: the difference of their
results, or of their counts, is about these few.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from seermatch.analysis.names import WEIGHTED
from seermatch.disclosure.estimates import masked_outcomes
from seermatch.disclosure.rule import MASKED

COUNTS = ["n", "effective_sample_size", "largest_weight"]  # a weight is a ratio of two sizes
RESULTS = [*COUNTS, "events", "hr", "hr_low", "hr_high", "p_value"]
OUTCOME_KINDS = {"overall": "any", "cancer": "cancer", "other": "other"}
KINDS = ("cancer", "other", "any")
SURVIVAL_RESULTS, CAUSE_RESULTS = ["os_hr", "os_p"], ["cancer_hr", "cancer_p"]
DEATHS = ["deaths", "deaths_cancer"]


def kind_of(outcome: str) -> str:
    """Say which deaths an outcome of the sensitivity table counts.

    Examples
    --------
    >>> kind_of("cancer death (Fine-Gray)")
    'cancer'
    """
    return next((kind for start, kind in OUTCOME_KINDS.items() if outcome.startswith(start)), "any")


def is_few(count: float, minimum: int) -> bool:
    """Whether a count is above 0 and below the smallest that may be known."""
    return 0 < abs(count) < minimum


def mask_sensitivity(
    table: pd.DataFrame,
    populations: pd.DataFrame,
    minimum: int,
    *,
    cohort_known: bool = True,
    exposed_known: bool = True,
    pool_known: bool = True,
    cohort: str | None = None,
) -> pd.DataFrame:
    """Leave out what tells of few patients or deaths in which two analyses differ.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``sensitivity.tsv``, the main analysis first.
    populations : pandas.DataFrame
        From `seermatch.analysis.populations.compare_populations`.
    minimum : int
        Smallest count above 0 that may be known.
    cohort_known : bool
        Whether size and deaths of the full cohort are published.
    exposed_known : bool
        Whether the number of exposed patients is published, all of whom some analyses have.
    pool_known : bool
        Whether it may be known how many patients are outside the pool of the weighted analyses.
    cohort : str, optional
        An analysis of the full cohort.

    Returns
    -------
    pandas.DataFrame
        In the order of the table, an analysis is published without any number where it has few
        patients or deaths that a published one has not, or the reverse; without those of death by
        cause where these deaths are few in one of its groups, or differ by few from a published
        one's; and without counts where those differ by few from a published one's.
    """
    table = table.reset_index(drop=True)
    table = table.astype({"n": "Int64", "events": "Int64"})
    kinds = table["outcome"].map(kind_of)
    sizes = _sizes(populations)
    apart = _apart(populations)
    alike = {pair for pair, between in apart.items() if not between["n"]}
    everybody = {cohort, *(name for name, other in alike if other == cohort)}
    published: dict[str, list[str]] = {kind: [] for kind in (*KINDS, "n", "events")}
    for name in table["analysis"].unique():
        rows = table["analysis"] == name
        if name not in sizes:
            table.loc[rows, RESULTS] = np.nan
            continue
        hidden = _hidden_kinds(name, sizes, apart, published, minimum)
        table.loc[rows & kinds.isin(hidden), RESULTS] = np.nan
        shown = [kind for kind in KINDS if kind not in hidden]
        for kind in shown:
            published[kind].append(name)
        unknown = name in everybody and not cohort_known
        unknown |= name in WEIGHTED.values() and not pool_known
        if not exposed_known and cohort in sizes:
            unknown |= sizes[name][1]["n"] == sizes[cohort][1]["n"]
        others = [*published["n"], cohort]  # other tables may bound the size of the cohort
        counted = _differs(table, rows, published["n"], "n", minimum)
        counted |= any(  # sets of one size tell the exposed patients
            is_few(sizes[name][1]["n"] - sizes[other][1]["n"], minimum)
            for other in others
            if other in sizes
        )
        if hidden == set(KINDS) or unknown or counted:
            table.loc[rows, COUNTS] = np.nan
        else:
            published["n"].append(name)
        died = any(
            _differs(table, rows & (kinds == kind), published["events"], "events", minimum)
            for kind in KINDS
        )
        if hidden or unknown or died:
            table.loc[rows, "events"] = pd.NA
        else:
            published["events"].append(name)
    return table


def _sizes(populations: pd.DataFrame) -> dict[str, list[dict[str, int]]]:
    """Patients and deaths of each analysis, group by group."""
    own = populations[populations["other"] == ""]
    return {
        name: [
            {"n": int(row.n), "cancer": int(row.cancer_deaths), "other": int(row.other_deaths)}
            for row in rows.itertuples()
        ]
        for name, rows in own.groupby("analysis", sort=False)
    }


def _apart(populations: pd.DataFrame) -> dict[tuple[str, str], dict[str, int]]:
    """Patients and deaths that one of two analyses has and the other has not."""
    pairs = populations[populations["other"] != ""]
    names = {"n": "n", "deaths": "any", "cancer_deaths": "cancer", "other_deaths": "other"}
    sums = pairs.groupby(["analysis", "other"])[list(names)].sum().rename(columns=names)
    one_way = {pair: row.to_dict() for pair, row in sums.iterrows()}
    return {
        (name, other): {key: count + one_way[other, name][key] for key, count in mine.items()}
        for (name, other), mine in one_way.items()
    }


def _hidden_kinds(name, sizes, apart, published, minimum: int) -> set[str]:
    """Name the kinds of death of which an analysis publishes no result."""
    few = masked_outcomes(sizes[name], minimum)
    hidden = set(KINDS) if "any" in few else {"cancer", "other"} if "cause" in few else set()
    for kind in KINDS:
        for other in published[kind]:
            between = apart[name, other]
            if is_few(between["n"], minimum):
                return set(KINDS)
            if is_few(between[kind], minimum):
                hidden |= {kind} if kind == "any" else {"cancer", "other"}
    return hidden


def _differs(table, rows: pd.Series, published: list[str], column: str, minimum: int) -> bool:
    """Whether a count of an analysis differs by few from a published one's of the outcome."""
    mine = table[rows].set_index("outcome")[column].dropna()
    others = table[table["analysis"].isin(published) & table["outcome"].isin(mine.index)]
    moved = others[column] - others["outcome"].map(mine)
    return bool(moved.dropna().map(lambda count: is_few(count, minimum)).any())


def mask_stability(
    table: pd.DataFrame, masked: set[str], controls: int, minimum: int
) -> pd.DataFrame:
    """Leave out what tells of few patients or deaths in which two repeated matches differ.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``matching_stability.tsv``, the main match first.
    masked : set of {"any", "cause"}
        Outcomes of the main match without results.
    controls : int
        Matched reference patients.
    minimum : int
        Smallest count above 0 that may be known.

    Returns
    -------
    pandas.DataFrame
        No row shows deaths if in any they are few or differ by few from another's; no result of an
        outcome that the main match does not show, and none of a match that shares all but few of
        its reference patients with the main one.

    Examples
    --------
    >>> table = pd.DataFrame({"deaths": [19, 12], "deaths_cancer": [7, 6],
    ...     "os_hr": [1.0, 1.1], "os_p": 0.5, "cancer_hr": 1.2, "cancer_p": 0.4,
    ...     "common_controls": [1.0, 0.3]})
    >>> mask_stability(table, set(), 100, 5)[["deaths", "os_hr"]].to_dict("list")
    {'deaths': [nan, nan], 'os_hr': [1.0, 1.1]}
    """
    table = table.copy()
    other = table["deaths"] - table["deaths_cancer"]
    counts = [np.unique(column) for column in (*(table[name] for name in DEATHS), other)]
    near = any(is_few(step, minimum) for column in counts for step in np.diff(column))
    few = any(is_few(count, minimum) for column in counts for count in column)
    if near or few or masked:
        table[DEATHS] = np.nan
    if "any" in masked:
        table[SURVIVAL_RESULTS] = np.nan
    if "cause" in masked:
        table[CAUSE_RESULTS] = np.nan
    swapped = (1 - table["common_controls"]) * controls
    alike = swapped.round().map(lambda count: is_few(count, minimum))
    table.loc[alike, [*SURVIVAL_RESULTS, *CAUSE_RESULTS, "common_controls"]] = np.nan
    return table


def mask_claims(
    claims: pd.DataFrame, masked: set[str], is_released: Callable[[str, float], bool]
) -> pd.DataFrame:
    """Leave out the answers to claims about outcomes and months that are not published.

    Parameters
    ----------
    claims : pandas.DataFrame
        From `seermatch.analysis.claims.answer_claims`.
    masked : set of {"any", "cause"}
        Outcomes without results.
    is_released : callable
        Tells of an outcome (``any``, ``cause``) and a month whether estimates are published.

    Returns
    -------
    pandas.DataFrame
        Verdict and status of such a claim are `MASKED`.
    """
    claims = claims.copy()
    kinds = np.where(claims["outcome"] == "death of any cause", "any", "cause")
    without = np.array([kind in masked for kind in kinds], dtype=bool)
    untold = without | [
        not is_released(kind, float(month))
        for kind, month in zip(kinds, claims["month"], strict=True)
    ]
    untold &= claims["verdict"].ne("cannot be answered").to_numpy()
    effects = [c for c in claims if c.startswith(("hazard_ratio", "detectable"))]
    numbers = ["estimate", "low", "high", "reference", "exposed"]
    claims[[*numbers, *effects]] = claims[[*numbers, *effects]].astype(float)
    claims.loc[untold, numbers] = np.nan
    claims.loc[untold, ["verdict", "status"]] = MASKED
    claims.loc[without, effects] = np.nan
    return claims
