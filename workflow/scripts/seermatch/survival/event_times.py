"""Checks that every estimator of event times makes of its arrays."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_labels, check_numbers


def check_event_times(
    time: Sequence[float], event: Sequence[int], *, largest: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return follow-up times and event codes as arrays, or say what is wrong with them.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up in months (or any unit), zero or more, none missing or infinite.
    event : array_like, shape (n,)
        0 censored, 1 the event of interest, 2 a competing event; or bool. Whole floats are codes,
        text is none.
    largest : int, optional
        Largest code that the estimator knows.

    Returns
    -------
    time : numpy.ndarray, shape (n,), float64
    event : numpy.ndarray, shape (n,), int64

    Raises
    ------
    StudyError
        If there are no patients, lengths differ, a time is missing or negative, or an event is
        missing or not a whole number of zero or more, up to `largest`.

    Examples
    --------
    >>> check_event_times([3, 5], [True, False])
    (array([3., 5.]), array([1, 0]))
    """
    time = check_times(time)
    return time.astype(np.float64, copy=False), check_events(event, len(time), largest)


def check_times(time: Sequence[float]) -> np.ndarray:
    """Return follow-up times as an array of the type given, or say what is wrong with them.

    Parameters
    ----------
    time : array_like, shape (n,)
        As in `check_event_times`.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Raises
    ------
    StudyError
        If there are no patients, or a time is missing, infinite or negative.

    Examples
    --------
    >>> check_times([3, 5])
    array([3, 5])
    """
    time = check_numbers("time", time, finite=False)
    if time.size == 0:
        raise StudyError("time: there are no patients.")
    # without missing ones the smallest and the largest time tell all
    if not (time.min() >= 0 and time.max() < np.inf):
        wrong = ~(np.isfinite(time) & (time >= 0))
        raise StudyError(
            f"time is missing or negative in {wrong.sum()} of {time.size} patients; exclude them."
        )
    return time


def check_events(event: Sequence[int], n: int, largest: int | None = None) -> np.ndarray:
    """Return event codes as an array, or say what is wrong with them.

    Parameters
    ----------
    event : array_like, shape (n,)
        As in `check_event_times`.
    n : int
        Number of patients.
    largest : int, optional
        Largest code that the estimator knows.

    Returns
    -------
    numpy.ndarray, shape (n,), int64

    Raises
    ------
    StudyError
        If there is not one code per patient.

    Examples
    --------
    >>> check_events([0.0, 2.0], 2)
    array([0, 2])
    """
    codes = check_numbers("event", event, n, finite=False)
    if codes.dtype.kind != "b":
        whole = codes.dtype.kind in "iu" or np.all(codes == np.floor(codes))
        if not (whole and codes.min() >= 0 and codes.max() <= (largest or 2**31)):
            raise StudyError(
                "event must be coded 0 (censored), 1 (event) or 2 (competing event), and missing "
                "for nobody."
                if largest != 1
                else "event must be coded 0 (censored) or 1 (event), and missing for nobody."
            )
    return codes.astype(np.int64)


def category_codes(event: pd.Series, levels: Sequence[str] | None = None) -> np.ndarray:
    """Return the codes of a column of events, or say what is wrong with it.

    Parameters
    ----------
    event : pandas.Series
        Of pandas' ``category`` type, the first level censored; none missing.
    levels : sequence of str, optional
        The levels in the order of their codes; default the column's own.

    Returns
    -------
    numpy.ndarray, shape (n,), int64

    Raises
    ------
    StudyError
        If it is of another type, or missing for somebody.

    Examples
    --------
    >>> category_codes(pd.Series(["died", "alive"], dtype=pd.CategoricalDtype(["alive", "died"])))
    array([1, 0])
    """
    if not isinstance(event.dtype, pd.CategoricalDtype):
        raise StudyError(f"{event.name or 'event'} must be a category, its first level censored.")
    if levels is not None:
        event = event.cat.set_categories(levels)
    codes = event.cat.codes.to_numpy(dtype=np.int64)
    missing = np.count_nonzero(codes < 0)
    if missing:
        raise StudyError(
            f"{event.name or 'event'} is missing or of an unknown level in {missing:,} of "
            f"{len(codes):,} patients; exclude them."
        )
    return codes


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct values and which of them each one is, without sorting them all.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Few distinct ones, such as months or groups; none missing.

    Returns
    -------
    found : numpy.ndarray, shape (m,)
        The distinct values in ascending order.
    index : numpy.ndarray, shape (n,), int
        ``found[index]`` equals `values`.

    Examples
    --------
    >>> distinct(np.array([7, 3, 7]))
    (array([3, 7]), array([1, 0, 1]))
    """
    index, found = pd.factorize(values, sort=True)
    return np.asarray(found), index


def check_offset(offset: Sequence[float], happened: np.ndarray) -> np.ndarray:
    """Return known parts of log hazards as an array, or say what is wrong with them.

    Parameters
    ----------
    offset : array_like, shape (n,)
        A number per patient; ``-inf`` for no hazard.
    happened : numpy.ndarray of bool, shape (n,)
        Who has the event, and so a hazard.

    Returns
    -------
    numpy.ndarray, shape (n,), float64

    Raises
    ------
    StudyError
        If a value is missing or infinitely large, or a patient with the event has no hazard.

    Examples
    --------
    >>> check_offset([0, -np.inf], np.array([True, False]))
    array([  0., -inf])
    """
    offset = check_numbers("offset", offset, len(happened), finite=False)
    offset = offset.astype(np.float64, copy=False)
    if not offset.max() < np.inf:
        raise StudyError("offset: every value must be a number, or -inf for no hazard.")
    if np.isneginf(offset[happened]).any():
        raise StudyError("offset: a patient with the event must have a hazard, not -inf.")
    return offset


def cluster_index(clusters: Sequence, n: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Give the clusters of some patients numbers from 0, or say what is wrong with them.

    Parameters
    ----------
    clusters : array_like, shape (n,)
        Matched set of each patient, missing for nobody.
    n : int
        Number of patients.
    rows : numpy.ndarray of int, shape (m,), optional
        The patients in question; default all.

    Returns
    -------
    numpy.ndarray, shape (m,), int
        All 0 where the patients in question are of one cluster, among whom there is no variance.

    Raises
    ------
    StudyError
        If there is not one label per patient, or fewer than two clusters.

    Examples
    --------
    >>> cluster_index([7, 3, 7], 3)
    array([1, 0, 1])
    """
    labels = check_labels("clusters", clusters, n)
    if (labels == labels[0]).all():
        raise StudyError("clusters: the sandwich needs two matched sets or more.")
    return np.unique(labels if rows is None else labels[rows], return_inverse=True)[1]


def ever_at_risk(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Tell which patients are in the risk set of any event; only they inform a model.

    Parameters
    ----------
    time : numpy.ndarray, shape (n,)
        Follow-up in months.
    event : numpy.ndarray, shape (n,)
        0 censored, 1 the event of interest, 2 a competing event, which keeps a patient at risk.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        Nobody where there is no event.

    Examples
    --------
    >>> ever_at_risk(np.array([1, 2, 3, 4]), np.array([2, 0, 1, 0]))
    array([ True, False,  True,  True])
    """
    happened = event == 1
    if not happened.any():
        return happened
    return (time >= time[happened].min()) | (event == 2)
