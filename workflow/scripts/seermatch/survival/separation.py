"""Where the partial likelihood keeps rising for ever, and what is left of it at the end.

The likelihood rises for ever in direction d if at each event time the patients with the event
have the largest ``x'd`` among those at risk. At its end only patients with that largest value are
left in a risk set. Those directions form a cone; one direction inside it leaves the fewest
patients, and what is left has a finite maximum again.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_choice, check_matrix, check_numbers
from seermatch.statistics.cones import TOLERANCE, flat_directions, interior_direction
from seermatch.statistics.design_matrix import aliased_columns
from seermatch.survival.event_times import EventTimes, require_event_times

STEP = 40.0  # exp(-40) is lost in rounding
SPAN = 500.0  # exp(500) can still be squared by a sum of products


@dataclass(frozen=True)
class Separation:
    """The directions in which a partial likelihood of p coefficients rises for ever.

    Attributes
    ----------
    directions : numpy.ndarray, shape (p, k)
        Basis of the directions; k is 0 if the likelihood has a finite maximum.
    offset : numpy.ndarray, shape (n,)
        What is added to the linear predictor x'b for the likelihood at the end of the directions:
        0, or ``-inf`` for a patient whom every risk set has lost. Where the largest ``x'd`` falls
        with time, risk sets after each fall keep other patients than those before; each such
        stratum lies 40 below the one before (less if there are more than 12).
    estimable : numpy.ndarray, shape (p,), bool
        Columns that are independent at the end. With the others left out (coefficient 0) the
        likelihood has one finite maximum, and a contrast of the coefficients takes its value
        there if it is at right angles to the directions.
    """

    directions: np.ndarray
    offset: np.ndarray
    estimable: np.ndarray

    @property
    def infinite(self) -> np.ndarray:
        """Coefficients without a finite maximum, shape (p,), bool."""
        return np.any(self.directions != 0, axis=1)

    def is_infinite(self, contrast: np.ndarray) -> bool:
        """Tell whether a contrast (p,) of the coefficients has no finite maximum."""
        p = len(self.directions)
        contrast = check_numbers("contrast", contrast, p, like="the model")
        size = np.abs(contrast) @ np.abs(self.directions)
        return bool(np.any(np.abs(contrast @ self.directions) > TOLERANCE * size))


def find_separation(
    data: EventTimes, X: np.ndarray, model: Literal["cox", "fine_gray"] = "cox"
) -> Separation:
    """Find the directions in which the partial likelihood rises for ever (separation).

    Parameters
    ----------
    data : EventTimes
        Code 2 with ``"fine_gray"`` only.
    X : array_like, shape (n, p)
        Covariates without an intercept and without aliased columns.
    model : {"cox", "fine_gray"}
        Whether patients stay at risk after a competing event.

    Returns
    -------
    Separation

    Raises
    ------
    StudyError
        If arrays are unusable or there is no event.

    Notes
    -----
    Largest values cannot increase with time, so it is enough to compare each patient with the
    last event up to the end of their time at risk, and each event with the next: n + m inequalities
    for linear programmes, to which rows are added as they are violated. Each programme makes as
    many of the inequalities strict as it can, until no further one can be.

    References
    ----------
    M. C. Bryson and M. E. Johnson. The incidence of monotone likelihood in the Cox model.
    Technometrics 23 (1981) 381–383.
    C. J. Geyer. Likelihood inference in exponential families and directions of recession.
    Electronic Journal of Statistics 3 (2009) 259–289.

    Examples
    --------
    No event in patients with the second covariate; they leave the risk sets:

    >>> X = np.array([[1, 0], [3, 0], [2, 1], [4, 0], [5, 1], [0, 0.0]])
    >>> found = find_separation(EventTimes([1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 0]), X)
    >>> found.infinite, found.estimable, found.offset
    (array([False,  True]), array([ True, False]), array([  0.,   0., -inf,   0., -inf,   0.]))
    """
    check_choice("model", model, ("cox", "fine_gray"))
    require_event_times(data, largest=1 if model == "cox" else 2)
    time, event = data.time, data.event
    X = check_matrix("X", X, len(time))
    scale = X.std(axis=0)
    scale[scale == 0] = 1.0
    Z = (X - X.mean(axis=0)) / scale
    events = np.flatnonzero(event == 1)
    if not events.size:
        raise StudyError("event: there is no event of the cause, so no model can be fitted.")
    event_times, first = np.unique(time[events], return_index=True)
    last = np.searchsorted(event_times, time, side="right") - 1  # event time a patient is at risk
    last[event == 2] = len(event_times) - 1  # for ever after a competing event
    reference = Z[events[first]]  # one patient with the event at each event time
    rows = _inequalities(Z, reference, last, event == 1)
    direction = interior_direction(rows)
    if not direction.any():
        return Separation(np.empty((Z.shape[1], 0)), np.zeros(len(X)), np.ones(Z.shape[1], bool))
    stratum = _strata(Z @ direction, reference @ direction, last)
    left = stratum >= 0
    step = min(STEP, SPAN / (1 + stratum.max()))
    centered = Z[left].copy()
    for number in np.unique(stratum[left]):
        mine = stratum[left] == number
        centered[mine] -= centered[mine].mean(axis=0)
    indicators = stratum[left, None] == np.unique(stratum[left])
    with_strata = np.column_stack([indicators, Z[left]])
    basis = flat_directions(np.vstack([centered, flat_directions(rows).T]))
    basis[np.abs(basis) < TOLERANCE] = 0
    return Separation(
        directions=basis / scale[:, None],
        offset=np.where(left, 0.0 - step * stratum, -np.inf),
        estimable=~aliased_columns(with_strata, intercept=False)[indicators.shape[1] :],
    )


def _inequalities(
    Z: np.ndarray, reference: np.ndarray, last: np.ndarray, has_event: np.ndarray
) -> np.ndarray:
    """Rows a with ``a'd <= 0`` for every direction d in which the likelihood never falls."""
    at_risk = last >= 0
    differences = Z[at_risk] - reference[last[at_risk]]
    tied = has_event[at_risk]  # all events of one time share the largest value
    rows = np.concatenate([differences, -differences[tied], np.diff(reference, axis=0)])
    return rows[np.any(rows != 0, axis=1)]


def _strata(value: np.ndarray, largest: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Count the falls of the largest value before a patient's own time; -1 for those not left."""
    number = np.concatenate([[0], np.cumsum(-np.diff(largest) > TOLERANCE)])  # of each event time
    at_risk = last >= 0
    left = at_risk.copy()
    left[at_risk] = np.abs(value[at_risk] - largest[last[at_risk]]) <= TOLERANCE
    stratum = np.full(len(value), -1)
    stratum[left] = number[last[left]]
    return stratum
