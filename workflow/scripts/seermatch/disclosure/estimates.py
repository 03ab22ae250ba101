"""Disclosure control of tests and models, whose intervals tell how many died.

The variance of a log hazard ratio between two groups is about ``1/d1 + 1/d0`` in their deaths
(Schoenfeld 1981), so that the interval of a group or level with few deaths gives their number
away. Where deaths of one kind are few, those of the other are the rest of all deaths.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.identities import link_identities
from seermatch.disclosure.rule import MASKED
from seermatch.variables.identities import Identity

ANY, CAUSE = "any", "cause"
ESTIMATES = ("coef", "se", "hr", "hr_low", "hr_high", "p_value")
CLUSTERED = ("se_clustered", "hr_low_clustered", "hr_high_clustered", "p_value_clustered")


def masked_outcomes(groups: Iterable[Mapping[str, int]], minimum: int) -> set[str]:
    """Say of which outcomes no result may be published.

    Parameters
    ----------
    groups : iterable of mapping
        Patients ``n``, deaths ``cancer`` and ``other`` of each group.
    minimum : int
        Smallest count above 0 that may be known.

    Returns
    -------
    set of {"any", "cause"}
        ``cause``: death by cause, where a group has few deaths of a kind; ``any``: death of any
        cause, where it has few deaths, or few patients did not die.

    Examples
    --------
    >>> masked_outcomes([{"n": 90, "cancer": 3, "other": 20}], 5)
    {'cause'}
    """
    masked = set()
    for group in groups:
        dead = group["cancer"] + group["other"]
        if any(0 < count < minimum for count in (dead, group["n"] - dead)):
            masked |= {ANY, CAUSE}
        if any(0 < group[kind] < minimum for kind in ("cancer", "other")):
            masked.add(CAUSE)
    return masked


def masked_variables(
    counts: pd.DataFrame, kind: str, minimum: int, identities: Sequence[Identity] = ()
) -> set[str]:
    """Name the variables no hazard ratio of which may be published.

    Parameters
    ----------
    counts : pandas.DataFrame
        One row per level of one population: variable, level, n, cancer_deaths, other_deaths.
    kind : {"any", "cancer", "other"}
        Deaths that the hazard ratios are of.
    minimum : int
        Smallest count above 0 that may be known.
    identities : sequence of Identity
        Variables that follow from others (`seermatch.variables.identities`).

    Returns
    -------
    set of str
        Variables with a level of few patients, few deaths, or few without one; and those of an
        identity from which the deaths of another's level could be computed.

    Examples
    --------
    >>> counts = pd.DataFrame({"variable": ["er", "er", "grade", "grade"],
    ...     "level": ["Negative", "Positive", "I-II", "III"], "n": [20, 80, 50, 50],
    ...     "cancer_deaths": [3, 17, 8, 12], "other_deaths": 5})
    >>> masked_variables(counts, "cancer", 5)
    {'er'}
    """
    columns = {ANY: ["cancer_deaths", "other_deaths"]}.get(kind, [f"{kind}_deaths"])
    counts = counts.assign(deaths=counts[columns].sum(axis=1))
    few = [counts[name].between(1, minimum - 1) for name in ("n", "deaths")]
    few.append((counts["n"] - counts["deaths"]).between(1, minimum - 1))
    masked = set(counts.loc[np.logical_or.reduce(few), "variable"])
    for identity in identities:
        tied = set(identity.variables) & set(counts["variable"])
        if tied - masked and _tells(identity, counts, masked, minimum):
            masked |= tied
    return masked


def _tells(identity: Identity, counts: pd.DataFrame, masked: set[str], minimum: int) -> bool:
    """Whether deaths by level bound those of another level, or of a derived one, closely."""
    system, deaths = CountSystem(), {}
    for variable, rows in counts[counts["variable"].isin(identity.variables)].groupby("variable"):
        total = int(rows["deaths"].sum())
        system.add(("all",), total, fixed=True)
        for row in rows.itertuples():
            key = (variable, str(row.level))
            deaths[key] = int(row.deaths)
            system.add(key, row.deaths, hidden=variable in masked, fixed=variable not in masked)
        system.total(("all",), [key for key in deaths if key[0] == variable])
    link_identities(system, deaths, [identity])
    return bool(system.narrow(minimum))


def mask_models(models: pd.DataFrame, variables: Iterable[str] | None) -> pd.DataFrame:
    """Leave out estimates.

    Parameters
    ----------
    models : pandas.DataFrame
        Rows of the Cox or Fine-Gray models, or tests of their terms: term, status, estimates.
    variables : iterable of str or None
        Terms of which nothing may be published; None: all, and the number of events.

    Returns
    -------
    pandas.DataFrame
        Their status is `MASKED`.

    Examples
    --------
    >>> models = pd.DataFrame({"term": ["age", "er"], "hr": [1.1, 2.0], "status": "ok"})
    >>> mask_models(models, ["er"])["hr"].tolist()
    [1.1, nan]
    """
    models = models.copy()
    hidden = np.ones(len(models), bool)
    if variables is not None:
        hidden = models["term"].isin(set(variables)).to_numpy()
    elif "events" in models:
        models["events"] = np.nan
    numbers = [c for c in (*ESTIMATES, *CLUSTERED, "statistic", "df") if c in models]
    models = models.astype(dict.fromkeys(numbers, float))
    models.loc[hidden, numbers] = np.nan
    if "status" in models:
        models.loc[hidden, "status"] = MASKED
    if "dependence" in models:
        models.loc[hidden, "dependence"] = ""
    return models


def mask_contrasts(contrasts: pd.DataFrame, masked: bool) -> pd.DataFrame:
    """Leave out the finite contrasts between levels where any level is masked.

    Parameters
    ----------
    contrasts : pandas.DataFrame
        From `seermatch.analysis.models.regression_models`; they compare combinations of levels.
    masked : bool
        Whether a variable of the models is masked.

    Returns
    -------
    pandas.DataFrame
        Without rows if so.
    """
    return contrasts.iloc[:0] if masked else contrasts


def mask_residuals(residuals: pd.DataFrame, variables: Iterable[str] | None) -> pd.DataFrame:
    """Leave out the residuals, each of which is a patient who died, and curves of few deaths.

    Parameters
    ----------
    residuals : pandas.DataFrame
        term and kind: ``residual``, or what was made of these.
    variables : iterable of str or None
        Terms of which nothing may be published; None: all.

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> kinds = ["smooth", "smooth", "residual"]
    >>> rows = pd.DataFrame({"term": ["er", "age", "age"], "kind": kinds})
    >>> mask_residuals(rows, ["er"])["term"].tolist()
    ['age']
    """
    if variables is None:
        return residuals.iloc[:0]
    kept = residuals["kind"].ne("residual") & ~residuals["term"].isin(set(variables))
    return residuals[kept].reset_index(drop=True)


def mask_numbers(table: pd.DataFrame, rows: pd.Series | None = None) -> pd.DataFrame:
    """Leave out every number of a small table of tests, or of some rows.

    Parameters
    ----------
    table : pandas.DataFrame
        Texts stay.
    rows : pandas.Series of bool, optional
        All rows by default.

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> mask_numbers(pd.DataFrame({"cause": ["a"], "p_value": [0.2]}))["p_value"].tolist()
    [nan]
    """
    table = table.copy()
    numbers = list(table.select_dtypes("number"))
    table[numbers] = table[numbers].astype(float)
    table.loc[slice(None) if rows is None else rows, numbers] = np.nan
    return table
