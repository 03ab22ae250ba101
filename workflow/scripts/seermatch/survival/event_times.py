"""Event times with what belongs to them: the one kind of data that every estimator takes."""

import copy
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_labels,
    check_number,
    check_numbers,
    check_times,
    check_weights,
)
from seermatch.survival.risk_table import RiskTable


class EventTimes:
    """Follow-up of n patients, checked once.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up in months (or any unit), zero or more, none missing; ties are many.
    event : array_like, shape (n,)
        0 censored, 1 the event of interest, 2 (or more) competing events; or bool; or a pandas
        category whose first level is censored. Missing for nobody; text is no code.
    weights : array_like, shape (n,), optional
        Case weights, zero or more, taken as fixed. Weights that are all 1 are dropped.
    clusters : array_like, shape (n,), optional
        Matched set of each patient, two sets or more. Variances are then summed within sets.
    offset : array_like, shape (n,), optional
        Known part of the log hazard; ``-inf`` takes a patient without event out of all risk sets.

    Attributes
    ----------
    time, event, weights, clusters, offset : numpy.ndarray, shape (n,), or None
        `time` of the type given, `event` int64.

    Raises
    ------
    StudyError
        If there are no patients, lengths differ, or a value is unusable.

    Examples
    --------
    >>> data = EventTimes([1, 2, 2, 3], [1, 2, 0, 1])
    >>> data.n, data.events, data.of().events
    (4, 2, 3)
    """

    def __init__(
        self,
        time: Sequence[float],
        event: Sequence[int],
        weights: Sequence[float] | None = None,
        clusters: Sequence | None = None,
        offset: Sequence[float] | None = None,
    ):
        self.time = check_times(time)
        n = len(self.time)
        if isinstance(getattr(event, "dtype", None), pd.CategoricalDtype):
            event = category_codes(event)
        self.event = _check_events(event, n)
        weights = None if weights is None else check_weights(weights, n)
        self.weights = None if weights is None or np.all(weights == 1) else weights
        self.clusters = None if clusters is None else check_labels("clusters", clusters, n)
        if clusters is not None and (self.clusters == self.clusters[0]).all():
            raise StudyError("clusters: the sandwich needs two matched sets or more.")
        self.offset = None
        if offset is not None:
            offset = check_numbers("offset", offset, n, finite=False)
            self.offset = offset.astype(np.float64, copy=False)
            if not self.offset.max() < np.inf:
                raise StudyError("offset: every value must be a number, or -inf for no hazard.")

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.time)

    @property
    def events(self) -> int:
        """Number of events of interest."""
        return int(np.count_nonzero(self.event == 1))

    def of(self, cause: int | None = None, *, competing: bool = True) -> "EventTimes":
        """Make one cause the event of interest; None: every event.

        Other causes compete (code 2), or are censored if `competing` is False.
        """
        if cause is None:
            return self._with(event=np.minimum(self.event, 1))
        check_number("cause", cause, 1, closed=True, whole=True)
        other = np.where(self.event > 0, 2, 0) if competing else 0
        return self._with(event=np.where(self.event == cause, 1, other))

    def take(self, rows: np.ndarray) -> "EventTimes":
        """Take some patients, by number or bool, with their weights as they are."""
        parts = {name: getattr(self, name) for name in ("time", "event", *_OPTIONAL)}
        return self._with(**{k: None if v is None else v[rows] for k, v in parts.items()})

    def with_offset(self, offset: Sequence[float]) -> "EventTimes":
        """Add known parts of the log hazard."""
        return EventTimes(self.time, self.event, self.weights, self.clusters, offset)

    def _with(self, **changes) -> "EventTimes":
        other = copy.copy(self)
        for name in ("risk_table", "ever_at_risk"):
            other.__dict__.pop(name, None)
        other.__dict__.update(changes)
        return other

    @cached_property
    def risk_table(self) -> RiskTable:
        """Patients at risk, and who leaves, at the distinct times."""
        return RiskTable.count(self.time, self.event, self.weights)

    @cached_property
    def ever_at_risk(self) -> np.ndarray:
        """Patients in the risk set of an event of interest (n,); only they inform a model."""
        happened = self.event == 1
        if not happened.any():
            return happened
        return (self.time >= self.time[happened].min()) | (self.event == 2)

    def cluster_index(self, rows: np.ndarray) -> np.ndarray:
        """Give the clusters of some patients numbers from 0; all 0 if only one is left."""
        return np.unique(self.clusters[rows], return_inverse=True)[1]


_OPTIONAL = ("weights", "clusters", "offset")


def require_event_times(data: EventTimes, *, largest: int | None = None) -> EventTimes:
    """Refuse what are no event times, or codes that an estimator does not know.

    Parameters
    ----------
    data : EventTimes
    largest : int, optional
        Largest code known.

    Returns
    -------
    EventTimes
        `data`.

    Examples
    --------
    >>> require_event_times(EventTimes([1, 2], [0, 1])).n
    2
    """
    if not isinstance(data, EventTimes):
        raise StudyError(f"data must be EventTimes, not {type(data).__name__}.")
    if largest is not None and data.event.max() > largest:
        competing = ", 1 (event) or 2 (competing event)" if largest > 1 else " or 1 (event)"
        raise StudyError(f"data: event must be coded 0 (censored){competing}.")
    return data


def _check_events(event: Sequence[int], n: int) -> np.ndarray:
    codes = check_numbers("event", event, n, finite=False)
    if codes.dtype.kind != "b":
        whole = codes.dtype.kind in "iu" or np.all(codes == np.floor(codes))
        if not (whole and codes.min() >= 0 and codes.max() <= 2**31):
            raise StudyError(
                "event must be coded 0 (censored), 1 (event) or 2 (competing event), and missing "
                "for nobody."
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
    name = getattr(event, "name", None) or "event"
    if not isinstance(getattr(event, "dtype", None), pd.CategoricalDtype):
        raise StudyError(f"{name} must be a category, its first level censored.")
    event = pd.Series(event)
    if levels is not None:
        event = event.cat.set_categories(levels)
    codes = event.cat.codes.to_numpy(dtype=np.int64)
    missing = np.count_nonzero(codes < 0)
    if missing:
        raise StudyError(
            f"{name} is missing or of an unknown level in {missing:,} of {len(codes):,} patients; "
            "exclude them."
        )
    return codes
