"""Checks that every estimator of event times makes of its arrays."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seermatch.errors import StudyError


def check_event_times(time: Sequence[float], event: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return follow-up times and event codes as arrays, or say what is wrong with them.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up in months (or any unit), zero or more.
    event : array_like, shape (n,)
        0 censored, 1 the event of interest, 2 a competing event; or bool.

    Returns
    -------
    time : numpy.ndarray, shape (n,), float64
    event : numpy.ndarray, shape (n,), int64

    Raises
    ------
    StudyError
        If there are no patients, lengths differ, a time is missing or negative, or an event is
        not a whole number of zero or more.

    Examples
    --------
    >>> check_event_times([3, 5], [True, False])
    (array([3., 5.]), array([1, 0]))
    """
    time = np.asarray(time, dtype=np.float64)
    codes = np.asarray(event)
    if time.ndim != 1 or time.shape != codes.shape:
        raise StudyError(
            f"time and event must be two columns of one length, not {time.shape} and {codes.shape}."
        )
    if time.size == 0:
        raise StudyError("time: there are no patients.")
    wrong = ~(np.isfinite(time) & (time >= 0))
    if wrong.any():
        raise StudyError(
            f"time is missing or negative in {wrong.sum()} of {time.size} patients; exclude them."
        )
    if codes.dtype.kind not in "biuf" or not np.all((codes >= 0) & (codes % 1 == 0)):
        raise StudyError("event must be coded 0 (censored), 1 (event) or 2 (competing event).")
    return time, codes.astype(np.int64)


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


def check_weights(weights: Sequence[float], n: int) -> np.ndarray:
    """Return case weights as an array, or say what is wrong with them.

    Parameters
    ----------
    weights : array_like, shape (n,)
        One weight per patient, zero or more, not all zero.
    n : int
        Number of patients.

    Returns
    -------
    numpy.ndarray, shape (n,), float64

    Raises
    ------
    StudyError
        If there is not one finite weight of zero or more per patient, or all are zero.

    Examples
    --------
    >>> check_weights([1, 0.5], 2)
    array([1. , 0.5])
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n,):
        raise StudyError(f"weight: {weights.shape} values for {n} patients; give one for each.")
    if not (np.all(np.isfinite(weights) & (weights >= 0)) and weights.any()):
        raise StudyError("weight: every weight must be a number of zero or more, and not all zero.")
    return weights


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
