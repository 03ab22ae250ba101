"""Disclosure control of Tables 1 and 2 and of the standardized differences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seermatch.disclosure.attrition import ARMS, size_of
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.identities import link_identities
from seermatch.variables.identities import Identity

QUARTERS = 4
TESTS = ["statistic", "df", "p_value"]
QUANTILES = ["median", "q1", "q3"]
POPULATIONS = ("cohort", "matched")
MATCHED_COST = 20.0  # the matched patients are what the study is about


def arms_of(groups: Sequence) -> dict[str, str]:
    """Tell the reference from the exposed group: the reference comes first in every table.

    Parameters
    ----------
    groups : sequence
        Labels or codes of the two groups, row by row; ``all`` is left out.

    Returns
    -------
    dict of str to str
        Label, as text, to ``reference`` or ``exposed``.

    Examples
    --------
    >>> arms_of(["M0", "M0", "M0(i+)", "all"])
    {'M0': 'reference', 'M0(i+)': 'exposed'}
    """
    labels = [label for label in dict.fromkeys(map(str, groups)) if label != "all"]
    return dict(zip(labels, ARMS, strict=False))


def group_sizes(comparison: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Count the patients of each population and arm.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Rows of `seermatch.matching.characteristics.compare_groups` of both populations.

    Returns
    -------
    dict
        (population, arm) to patients.
    """
    arms = arms_of(comparison["group"])
    sizes = {}
    for (population, label), rows in comparison.groupby(["population", "group"], observed=True):
        first = rows[rows["variable"] == rows["variable"].iloc[0]]
        sizes[population, arms[str(label)]] = int(first["n"].sum())
    return sizes


def add_characteristics(
    system: CountSystem, comparison: pd.DataFrame, identities: Sequence[Identity] = ()
) -> None:
    """Add the sizes and the levels of both populations, and of the patients without a match.

    Parameters
    ----------
    system : CountSystem
        Changed in place. The sizes of the matched groups are published always.
    comparison : pandas.DataFrame
        As in `group_sizes`. Levels add up to their group; variables that follow from others are
        counted from the same patients; who found no match is in the cohort and not in the matched
        cohort.
    identities : sequence of Identity
        Variables that follow from others (`seermatch.variables.identities`).

    Examples
    --------
    >>> rows = pd.DataFrame({"population": ["cohort"] * 2 + ["matched"] * 2, "variable": "grade",
    ...     "level": ["I-II", "III"] * 2, "group": "1", "n": [30, 12, 30, 10],
    ...     "percent": [71.4, 28.6, 75, 25]})
    >>> system = CountSystem()
    >>> add_characteristics(system, rows)
    >>> system.cells["unmatched", "reference", "grade", "III"].count
    2
    """
    arms, sizes = arms_of(comparison["group"]), group_sizes(comparison)
    for (population, arm), n in sizes.items():
        matched = population == "matched"
        system.add(size_of(population, arm), n, fixed=matched, cost=MATCHED_COST)
    levels = comparison[comparison["percent"].notna()]
    counts: dict[str, dict[tuple[str, str], dict[str, int]]] = {arm: {} for arm in ARMS}
    for row in levels.itertuples():
        cells = counts[arms[str(row.group)]].setdefault((row.variable, str(row.level)), {})
        cells[row.population] = int(row.n)
    for arm, cells in counts.items():
        both = all((population, arm) in sizes for population in POPULATIONS)
        if both:
            left = sizes["cohort", arm] - sizes["matched", arm]
            system.add(size_of("unmatched", arm), left, hidden=True)
            parts = [size_of(population, arm) for population in ("matched", "unmatched")]
            system.total(size_of("cohort", arm), parts)
            for by_population in cells.values():
                by_population["unmatched"] = by_population["cohort"] - by_population["matched"]
        for population in dict.fromkeys(p for known in cells.values() for p in known):
            counted = {key: known[population] for key, known in cells.items()}
            _add_levels(system, (population, arm), counted, identities)
        if both:
            for key in cells:
                parts = [(population, arm, *key) for population in ("matched", "unmatched")]
                system.total(("cohort", arm, *key), parts)


def _add_levels(system: CountSystem, where: tuple[str, str], counts: Mapping, identities) -> None:
    """Add the levels of one population and arm, which make up its patients."""
    cost = MATCHED_COST if where[0] == "matched" else 1.0
    for key, count in counts.items():
        system.add((*where, *key), count, hidden=where[0] == "unmatched", cost=cost)
    for variable in dict.fromkeys(variable for variable, _ in counts):
        parts = [(*where, *key) for key in counts if key[0] == variable]
        system.total(size_of(*where), parts)
    if where[0] != "cohort" or size_of("unmatched", where[1]) not in system.cells:
        # Those of the cohort are the sums of the others.
        link_identities(system, counts, identities, where)


def mask_characteristics(
    comparison: pd.DataFrame, system: CountSystem, minimum: int
) -> pd.DataFrame:
    """Leave out the counts of Tables 1 and 2 that a protected system masks.

    Parameters
    ----------
    comparison : pandas.DataFrame
        As given to `add_characteristics`.
    system : CountSystem
        After `CountSystem.protect`.
    minimum : int
        Smallest count above 0 that may be known.

    Returns
    -------
    pandas.DataFrame
        Each population starts with the sizes of its groups (variable ``n``). With a level's count
        goes its percentage, and the test of its variable; with the size of a group all its
        percentages and the tests of the population, from which the size could be computed; median
        and quartiles go where a quarter of the group is small.
    """
    arms, sizes = arms_of(comparison["group"]), group_sizes(comparison)
    rows = comparison.reset_index(drop=True)
    rows = rows.astype({"n": float, "percent": float} | dict.fromkeys([*TESTS, *QUANTILES], float))
    arm = rows["group"].astype(str).map(arms)
    keys = zip(rows["population"], arm, rows["variable"], rows["level"].fillna(""), strict=True)
    names = [(*key[:3], str(key[3])) for key in keys]
    sized = [system.is_public(size_of(*name[:2])) for name in names]
    shown = [
        system.is_public(name) if name in system.cells else whole
        for name, whole in zip(names, sized, strict=True)
    ]
    few = [sizes[name[:2]] < QUARTERS * minimum for name in names]
    rows["n"] = rows["n"].where(shown)
    rows["percent"] = rows["percent"].where(np.array(shown) & np.array(sized))
    rows.loc[few, QUANTILES] = np.nan
    rows[QUANTILES] = whole_where(rows[QUANTILES], ~np.array(shown))
    hidden = ~rows["percent"].notna() & rows["level"].fillna("").astype(str).ne("")
    hidden |= ~pd.Series(sized)
    blind = pd.Series(list(zip(rows["population"], rows["variable"], strict=True)))
    untested = blind.isin(set(blind[hidden]))
    untested |= rows["population"].isin(rows.loc[~pd.Series(sized), "population"])
    rows.loc[untested, TESTS] = np.nan
    rows.loc[untested, "test"] = ""  # its name says how few are expected
    return _with_sizes(rows, system, sizes, arms)


def whole_where(quantiles: pd.DataFrame, unsized) -> pd.DataFrame:
    """Round the quantiles of groups whose sizes are masked to whole numbers.

    A median between two patients tells that there is an even number of them, and quartiles tell
    its remainder by four.

    Parameters
    ----------
    quantiles : pandas.DataFrame
    unsized : array_like of bool
        Rows whose size is masked.

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> whole_where(pd.DataFrame({"median": [61.5, 62.5]}), [True, False])["median"].tolist()
    [62.0, 62.5]
    """
    quantiles = quantiles.astype(float)
    return quantiles.mask(pd.Series(list(unsized), index=quantiles.index), quantiles.round())


def _with_sizes(rows, system, sizes, arms) -> pd.DataFrame:
    """Put the sizes of the groups before the rows of their population."""
    parts = []
    for population, body in rows.groupby("population", sort=False):
        first = [
            {
                "population": population,
                "variable": "n",
                "level": "",
                "group": label,
                "n": sizes[population, arm] if system.is_public(size_of(population, arm)) else None,
                "test": "",
            }
            for label, arm in arms.items()
            if (population, arm) in sizes
        ]
        frame = pd.DataFrame(first).reindex(columns=rows.columns)
        parts += [frame.astype(rows.dtypes.to_dict()), body]
    return pd.concat(parts, ignore_index=True)


def mask_balance(balance: pd.DataFrame, released: pd.DataFrame) -> pd.DataFrame:
    """Leave out the standardized differences that would give masked percentages away.

    Parameters
    ----------
    balance : pandas.DataFrame
        Rows of ``balance.tsv``.
    released : pandas.DataFrame
        From `mask_characteristics`.

    Returns
    -------
    pandas.DataFrame
        A difference is missing where the percentage of the level is masked in either group of
        that population. The one after matching is standardized by the exposed before matching:
        it is missing, too, where their percentage is masked.

    Examples
    --------
    >>> balance = pd.DataFrame({"term": ["age", "er"], "level": ["", "Positive"],
    ...     "smd_before": [0.1, 0.2], "smd_after": [0.01, 0.02]})
    >>> released = pd.DataFrame({"population": ["cohort", "matched"], "variable": "er",
    ...     "level": "Positive", "group": "1", "percent": [98.0, np.nan]})
    >>> mask_balance(balance, released)["smd_after"].tolist()
    [0.01, nan]
    """
    balance = balance.copy()
    named = released["level"].fillna("").astype(str)
    hidden = released[released["percent"].isna() & named.ne("")]
    masked = {
        population: {(row.variable, str(row.level)) for row in rows.itertuples()}
        for population, rows in hidden.groupby("population")
    }
    before, after = (masked.get(population, set()) for population in POPULATIONS)
    terms = pd.Series(list(zip(balance["term"], balance["level"].fillna(""), strict=True)))
    for hidden_terms, suffix in ((before, "before"), (before | after, "after")):
        columns = [c for c in (f"smd_{suffix}", f"variance_ratio_{suffix}") if c in balance]
        balance.loc[terms.isin(hidden_terms).to_numpy(), columns] = np.nan
    return balance
