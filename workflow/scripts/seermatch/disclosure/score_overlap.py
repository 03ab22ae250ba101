"""Distribution of the score in both groups, before and after matching, in bins that may be shown.

With ``disclosure.minimum_count`` neighboring bins are merged until none tells of a few patients:
neither of those that were matched nor, by the difference of the two distributions, of those that
were not. Ends of bins are round numbers, since the extreme scores belong to single patients.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from seermatch.disclosure.attrition import ARMS, size_of
from seermatch.disclosure.count_system import CountSystem, refuse_small_group

POPULATIONS = ("before", "after")
BINS = 30  # at least, over the range of the scores
STEPS = (5.0, 2.0, 1.0)  # times a power of ten


def score_overlap(distance: np.ndarray, group: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Count the patients of each group along the score, before and after matching.

    Parameters
    ----------
    distance : ndarray (n,)
        What the patients were matched on, one value per patient of the cohort.
    group : ndarray (n,)
        0 reference, 1 exposed.
    weight : ndarray (n,)
        Weight in the matched cohort; 0 for those who are not in it.

    Returns
    -------
    DataFrame
        One row per bin: population (``before``, ``after``), group, n (the group's patients in
        it), low, high, patients (in the bin), share (of the group's patients, after matching of
        their weights), and complete: False where those who found no match are left out. The bins
        of a group are the same in both populations.

    Examples
    --------
    >>> distance = np.repeat([0.0, 0.5, 1.0], 20)
    >>> overlap = score_overlap(distance, np.tile([0, 1], 30), np.ones(60))
    >>> overlap.loc[overlap["patients"] > 0, ["population", "group", "low", "patients"]].head(3)
       population  group  low  patients
    0      before      0  0.0        10
    25     before      0  0.5        10
    50     before      0  1.0        10
    """
    distance, group = np.asarray(distance, dtype=float), np.asarray(group)
    weight = np.asarray(weight, dtype=float)
    step = _step(float(np.ptp(distance)))
    edges = step * np.arange(np.floor(distance.min() / step), np.floor(distance.max() / step) + 2)
    parts = []
    for code in (0, 1):
        for population, weights in zip(POPULATIONS, (np.ones(len(weight)), weight), strict=True):
            inside = (group == code) & (weights > 0)
            bins = {
                "population": population,
                "group": code,
                "n": inside.sum(),
                "low": edges[:-1],
                "high": edges[1:],
                "patients": _count(distance[inside], edges),
                "share": _count(distance[inside], edges, weights[inside]) / weights[inside].sum(),
                "complete": True,
            }
            parts.append(pd.DataFrame(bins))
    return pd.concat(parts, ignore_index=True)


def merge_bins(
    overlap: pd.DataFrame, minimum: int, known: Collection[int] = (0, 1)
) -> pd.DataFrame:
    """Merge neighboring bins until none tells of a few patients.

    Parameters
    ----------
    overlap : pandas.DataFrame
        From `score_overlap`.
    minimum : int
        Smallest count above 0 that may be shown.
    known : collection of int
        Groups whose size in the cohort is published.

    Returns
    -------
    pandas.DataFrame
        In every bin the matched patients of the group, and those who found no match, are none or
        not a few. Those who found no match are left out of the distribution before matching
        (`complete` is False) where the size of their group is not published, and where they are
        fewer than twice `minimum`, none included: that they are left out must not tell that they
        are few.

    Raises
    ------
    StudyError
        If the matched patients of a group are fewer than `minimum`.

    Examples
    --------
    >>> distance = np.repeat([0.0, 0.5, 1.0], 20)
    >>> overlap = score_overlap(distance, np.tile([0, 1], 30), np.ones(60))
    >>> merged = merge_bins(overlap, 11)
    >>> merged[merged["population"] == "after"][["group", "low", "high", "share"]]
       group  low  high  share
    1      0  0.0  1.02    1.0
    3      1  0.0  1.02    1.0
    """
    parts = []
    for code in overlap["group"].unique():
        before, after = (
            overlap[(overlap["population"] == name) & (overlap["group"] == code)]
            for name in POPULATIONS
        )
        matched = after["patients"].to_numpy()
        refuse_small_group(code, matched.sum(), minimum)
        left = before["patients"].to_numpy() - matched
        complete = code in known and left.sum() >= 2 * minimum
        left = left if complete else np.zeros_like(left)
        kept = _merge(np.array([matched, left]), minimum)
        for part, patients in ((before, matched + left), (after, matched)):
            share = part["share"] if part is after else patients / patients.sum()
            merged = part.iloc[kept[:-1]].assign(
                n=patients.sum(),
                high=part["high"].to_numpy()[kept[1:] - 1],
                patients=np.add.reduceat(patients, kept[:-1]),
                share=np.add.reduceat(np.asarray(share), kept[:-1]),
                complete=complete,
            )
            parts.append(merged)
    return pd.concat(parts, ignore_index=True)


def add_bins(system: CountSystem, overlap: pd.DataFrame) -> None:
    """Add the patients of every bin, who make up their group.

    Parameters
    ----------
    system : CountSystem
        Changed in place; holds the sizes of the groups.
    overlap : pandas.DataFrame
        From `merge_bins`.
    """
    for (population, code, complete), rows in overlap.groupby(["population", "group", "complete"]):
        names = [("bin", population, ARMS[code], f"{row.low:g}") for row in rows.itertuples()]
        for name, count in zip(names, rows["patients"], strict=True):
            system.add(name, count, fixed=True)
        if complete or population == "after":
            whole = "matched" if population == "after" else "cohort"
            system.total(size_of(whole, ARMS[code]), names)


def _step(span: float) -> float:
    """Choose the width of a bin: the largest round number that gives enough of them."""
    if span == 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(span / BINS))
    return next(step * power for step in STEPS if step * power <= span / BINS)


def _count(distance: np.ndarray, edges: np.ndarray, weights: np.ndarray | None = None):
    """Count or weigh the patients of each bin, which holds its lower end."""
    at = np.searchsorted(edges, distance, side="right") - 1
    return np.bincount(at, weights, minlength=len(edges) - 1)


def _merge(counts: np.ndarray, minimum: int) -> np.ndarray:
    """Choose the edges that stay: in every bin each kind of patient is absent or not a few.

    Parameters
    ----------
    counts : ndarray (kinds, bins)
        Patients; in all bins together each kind is absent or has `minimum` at least.
    minimum : int
        Smallest count above 0.

    Returns
    -------
    ndarray of int
        Numbers of the edges, the first and the last among them.
    """
    kept = [0]
    for end in range(1, counts.shape[1] + 1):
        inside = counts[:, kept[-1] : end].sum(axis=1)
        if not np.any((inside > 0) & (inside < minimum)):
            kept.append(end)
    # what is left at the upper end joins the bins before it
    while kept[-1] < counts.shape[1]:
        start = kept[-2] if len(kept) > 1 else 0
        inside = counts[:, start:].sum(axis=1)
        kept = kept[:-1]
        if not np.any((inside > 0) & (inside < minimum)):
            kept.append(counts.shape[1])
    return np.array(kept)
