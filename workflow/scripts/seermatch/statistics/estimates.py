"""An estimate with its interval and test, and estimates of imputed data sets pooled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_number, check_numbers


class LogRatio:
    """What estimates of a log ratio share, whatever their limits come from."""

    coef: float

    def limits(self, confidence: float = 0.95) -> tuple[float, float]:
        """Limits of the coefficient."""
        raise NotImplementedError

    def ratio(self, confidence: float = 0.95) -> tuple[float, float, float]:
        """Exponential of the estimate, and of its limits."""
        return tuple(np.exp([self.coef, *self.limits(confidence)]).tolist())


@dataclass(frozen=True)
class Estimate(LogRatio):
    """A coefficient, such as a log hazard ratio, with its standard error.

    Attributes
    ----------
    coef, se : float
        Missing (nan) where the data give none.
    df : float
        Degrees of freedom of the t distribution; infinite for the normal one.

    Examples
    --------
    >>> estimate = Estimate(0.405, 0.2)
    >>> [round(value, 2) for value in estimate.ratio()], round(estimate.p_value, 3)
    ([1.5, 1.01, 2.22], 0.043)
    """

    coef: float
    se: float
    df: float = np.inf

    def limits(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wald's limits of the coefficient."""
        tail = 0.5 + check_number("confidence", confidence, 0, 1) / 2
        width = float(ndtri(tail) if np.isinf(self.df) else stdtrit(self.df, tail)) * self.se
        return self.coef - width, self.coef + width

    @property
    def p_value(self) -> float:
        """Two-sided test of no effect."""
        z = -np.abs(self.coef) / self.se if self.se else np.nan
        return float(2 * (ndtr(z) if np.isinf(self.df) else stdtr(self.df, z)))


def pool(coefs: Sequence[float], standard_errors: Sequence[float]) -> Estimate:
    """Pool the estimates of the imputed data sets by Rubin's rules.

    Parameters
    ----------
    coefs, standard_errors : sequence of float
        One of each per imputed data set, at least two. NaN anywhere gives NaN.

    Returns
    -------
    Estimate
        The total variance is W + (1 + 1/m) B for the mean W of the squared standard errors and
        the variance B between the m estimates; df = (m - 1) (1 + W / ((1 + 1/m) B))**2, with the
        analysis of each data set taken as normal.

    Raises
    ------
    StudyError
        If there are fewer than two, lengths differ, or a value is infinite or an error negative.

    References
    ----------
    D. B. Rubin. Multiple Imputation for Nonresponse in Surveys. Wiley, 1987, section 3.3.

    Examples
    --------
    >>> pooled = pool([0.1, 0.3, 0.2], [0.2, 0.2, 0.2])
    >>> round(pooled.coef, 4), round(pooled.se, 4), round(pooled.df, 1)
    (0.2, 0.2309, 32.0)
    >>> pool([0.1, 0.1], [0.2, 0.2]).df
    inf
    """
    q = check_numbers("coefs", coefs, finite=False).astype(np.float64)
    errors = check_numbers("standard_errors", standard_errors, len(q), like="coefs", finite=False)
    for name, values in (("coefs", q), ("standard_errors", errors)):
        if np.isinf(values).any() or (name == "standard_errors" and (values < 0).any()):
            raise StudyError(f"{name}: a value is infinite or a standard error negative.")
    if len(q) < 2:
        raise StudyError("coefs: Rubin's rules need two estimates or more.")
    within = float(np.mean(np.square(errors.astype(np.float64))))
    added = (1 + 1 / len(q)) * float(q.var(ddof=1))
    # Equal estimates may differ in their last bits.
    if added <= 1e-20 * within:
        return Estimate(float(q.mean()), float(np.sqrt(within)), np.inf)
    df = (len(q) - 1) * (1 + within / added) ** 2
    return Estimate(float(q.mean()), float(np.sqrt(within + added)), df)


@dataclass(frozen=True)
class PooledProfiles(LogRatio):
    """Penalized likelihood profiles of several imputed data sets, pooled.

    The profile of a data set makes a distribution function of the coefficient, the normal
    probability of its signed root; pooled is their mean.

    Attributes
    ----------
    profiles : tuple
        One per imputed data set: `coef`, `limits` and `signed_root`, as of
        `seermatch.survival.firth.FirthProfile`.

    References
    ----------
    G. Heinze, M. Ploner and J. Beyea. Confidence intervals after multiple imputation: combining
    profile likelihood information from logistic regressions. Statistics in Medicine 32 (2013)
    5062-5076.

    Examples
    --------
    >>> from seermatch.survival.event_times import EventTimes
    >>> from seermatch.survival.firth import fit_firth
    >>> data = EventTimes([1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 0])
    >>> profile = fit_firth(data, np.array([[1.0], [0], [1], [0], [1], [0]])).estimate(0)
    >>> pooled = PooledProfiles((profile, profile))
    >>> round(pooled.p_value - profile.p_value, 6)
    0.0
    >>> np.round(np.subtract(pooled.limits(), profile.limits()), 4).tolist()
    [0.0, 0.0]
    """

    profiles: tuple

    @property
    def coef(self) -> float:
        """Mean of the estimates."""
        return float(np.mean([profile.coef for profile in self.profiles]))

    def distribution(self, value: float) -> float:
        """Pooled probability that the coefficient lies below a value."""
        check_number("value", value)
        return float(np.mean([ndtr(-profile.signed_root(value)) for profile in self.profiles]))

    def limits(self, confidence: float = 0.95) -> tuple[float, float]:
        """Limits of the coefficient that the pooled profiles give."""
        tail = (1 - check_number("confidence", confidence, 0, 1)) / 2
        lows, highs = zip(*(profile.limits(confidence) for profile in self.profiles), strict=True)
        return self._quantile(tail, lows), self._quantile(1 - tail, highs)

    def _quantile(self, probability: float, limits: Sequence[float]) -> float:
        """Quantile of `distribution`, which lies between those of the data sets."""
        from scipy.optimize import brentq

        first, last = min(limits), max(limits)
        if last - first < 1e-9:
            return first
        apart = 1e-6  # each data set's own limit is known up to rounding
        return brentq(lambda x: self.distribution(x) - probability, first - apart, last + apart)

    @property
    def p_value(self) -> float:
        """Two-sided test of no effect."""
        below = self.distribution(0.0)
        return float(2 * min(below, 1 - below))
