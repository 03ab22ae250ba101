"""Limits of survival and incidence where a group has no event: Wilson's instead of none.

Without events the estimated variance is 0, and an interval by it has no width. Wilson's interval
of 0 out of n has one; n is the effective number of patients followed to a month, in the sense of
Cutler and Ederer: the binomial sample with the variance that deaths spread evenly over the time
would have. That is the harmonic mean of the numbers at risk, with weights of Kish's.
"""

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_columns, check_number, check_numbers
from seermatch.statistics.proportions import wilson_interval
from seermatch.survival.event_times import EventTimes, require_event_times


def effective_number_followed(data: EventTimes, months: np.ndarray) -> np.ndarray:
    """Compute to how many patients followed to a month a group with censoring amounts.

    Parameters
    ----------
    data : EventTimes
    months : array_like, shape (k,)
        Zero or more, none beyond the last follow-up.

    Returns
    -------
    numpy.ndarray, shape (k,)
        Harmonic mean over the time to each month of the (effective) number at risk.

    Raises
    ------
    StudyError
        If an argument is unusable, or a month beyond the last follow-up.

    References
    ----------
    K. J. Rothman. Estimation of confidence limits for the cumulative probability of survival in
    life table analysis. Journal of Chronic Diseases 31 (1978) 557-560.

    Examples
    --------
    >>> data = EventTimes([10, 20, 20], [0, 0, 0])
    >>> effective_number_followed(data, [5, 10, 20]).round(3).tolist()
    [3.0, 3.0, 2.4]
    """
    time = require_event_times(data).time.astype(float)
    months = check_numbers("months", months, low=0).astype(float)
    if months.max(initial=0) > time.max():
        raise StudyError(f"months: nobody was followed beyond {time.max():g}.")
    weights = np.ones(len(time)) if data.weights is None else data.weights
    times, index = np.unique(time, return_inverse=True)
    total, squares = (
        np.bincount(index, weights=weights**power)[::-1].cumsum()[::-1] for power in (1, 2)
    )
    inverse = squares / total**2  # of the number at risk between one time and the next
    start = np.r_[0.0, times[:-1]]
    area = np.r_[0.0, np.cumsum(inverse * (times - start))]
    at = np.searchsorted(times, months)  # the interval that holds the month
    before = np.r_[0.0, times][at]
    found = area[at] + inverse[at] * (months - before)
    followed = np.full(len(months), 1 / inverse[0])
    later = months > 0
    followed[later] = months[later] / found[later]
    return followed


def limits_without_events(
    curve: pd.DataFrame, data: EventTimes, *, survival: bool = True, confidence: float = 0.95
) -> pd.DataFrame:
    """Give the curve of a group without events an interval.

    Parameters
    ----------
    curve : pandas.DataFrame
        Of one group (and cause), at its distinct times: time, events, estimate, low, high.
    data : EventTimes
        The patients of the group.
    survival : bool
        Whether it is a curve of survival, 1 all along, or of incidence, 0 all along.
    confidence : float
        Level of the interval.

    Returns
    -------
    pandas.DataFrame
        The curve, unchanged where the group has an event; else with Wilson's limits.

    Raises
    ------
    StudyError
        If a column is absent or an argument unusable.

    Examples
    --------
    >>> from seermatch.survival.kaplan_meier import kaplan_meier
    >>> data = EventTimes([10, 20, 20], [0, 0, 0])
    >>> limits_without_events(kaplan_meier(data), data)["low"].round(3).tolist()
    [0.439, 0.385]
    """
    check_columns("curve", curve, ["time", "events", "estimate", "low", "high"])
    check_numbers("time", curve["time"], low=0)
    check_numbers("events", curve["events"], low=0)
    check_number("confidence", confidence, 0, 1)
    if curve["events"].any():
        return curve
    followed = effective_number_followed(data, curve["time"])
    _, most = wilson_interval(0.0, followed, confidence)
    if survival:
        return curve.assign(low=1 - most, high=1.0)
    return curve.assign(low=0.0, high=most)
