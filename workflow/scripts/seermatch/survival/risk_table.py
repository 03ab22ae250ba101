"""Who is at risk and who leaves at each time, counted once for every estimator of curves."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class RiskTable:
    """Counts, or sums of weights, at the m distinct times; of g groups in a last axis.

    Attributes
    ----------
    times : numpy.ndarray, shape (m,)
        Ascending, those with censorings only included.
    at_risk : numpy.ndarray, shape (m,) or (m, g)
        Followed to this time or longer.
    deaths : numpy.ndarray, shape (k, m) or (k, m, g)
        Events at this time, of the codes 1 to k.
    censored : numpy.ndarray, shape (m,) or (m, g)
    index : numpy.ndarray, shape (n,), or None
        Which of the times is each patient's.
    """

    times: np.ndarray
    at_risk: np.ndarray
    deaths: np.ndarray
    censored: np.ndarray
    index: np.ndarray | None = None

    @classmethod
    def count(
        cls,
        time: np.ndarray,
        event: np.ndarray,
        weights: np.ndarray | None = None,
        group: np.ndarray | None = None,
        *,
        groups: int | None = None,
    ) -> "RiskTable":
        """Count patients, whose groups (if any) are numbered from 0, by time and event code.

        Codes 1 and 2 have their place in `deaths` even where nobody has them.
        """
        times, index = distinct(time)
        codes = max(2, int(event.max())) + 1
        if group is None:
            shape = (len(times), codes)
            cell = index * codes + event
        else:
            groups = int(group.max()) + 1 if groups is None else groups
            shape = (len(times), groups, codes)
            cell = (index * groups + group) * codes + event
        counts = np.bincount(cell, weights=weights, minlength=int(np.prod(shape))).reshape(shape)
        return cls.of_counts(times, counts, index)

    @classmethod
    def of_counts(
        cls, times: np.ndarray, counts: np.ndarray, index: np.ndarray | None = None
    ) -> "RiskTable":
        """Take counts by time, (group,) and event code: (m, [g,] k + 1)."""
        at_risk = np.cumsum(counts.sum(axis=-1)[::-1], axis=0)[::-1]
        return cls(times, at_risk, np.moveaxis(counts, -1, 0)[1:], counts[..., 0], index)

    @cached_property
    def failures(self) -> np.ndarray:
        """Events of any code at each time."""
        return self.deaths.sum(axis=0)

    @property
    def survival(self) -> np.ndarray:
        """Kaplan-Meier estimate of remaining without event beyond each time."""
        return product_limit(self.failures / self.at_risk)

    @property
    def uncensored(self) -> np.ndarray:
        """Kaplan-Meier estimate of remaining uncensored beyond each time."""
        return product_limit(self.censored / self.at_risk)


def product_limit(hazard: np.ndarray) -> np.ndarray:
    """Kaplan-Meier's product of 1 - hazard over the times up to each one, along the first axis."""
    return np.cumprod(1 - hazard, axis=0)


def just_before(values: np.ndarray, start: float) -> np.ndarray:
    """Value just before each time, from the values just after them and the one at the beginning."""
    return np.concatenate([np.full((1, *values.shape[1:]), start), values[:-1]])


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct values in order, and which of them each one is, without sorting them all.

    Fast for few distinct values, such as months or groups; none may be missing.
    """
    index, found = pd.factorize(values, sort=True)
    return np.asarray(found), index
