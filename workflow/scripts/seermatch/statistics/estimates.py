"""Estimates of several imputed data sets pooled by Rubin's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_number, check_numbers


@dataclass(frozen=True)
class PooledEstimate:
    """An estimate pooled over imputations.

    Attributes
    ----------
    coef, se : float
        Mean of the estimates, and the root of Rubin's total variance.
    df : float
        Degrees of freedom of the t distribution; infinite where all estimates agree.
    """

    coef: float
    se: float
    df: float

    def hazard_ratio(self, confidence: float = 0.95) -> tuple[float, float, float]:
        """Exponential of the estimate, with limits by the t distribution."""
        check_number("confidence", confidence, 0, 1)
        width = _quantile(0.5 + confidence / 2, self.df) * self.se
        return tuple(np.exp([self.coef, self.coef - width, self.coef + width]).tolist())

    @property
    def p_value(self) -> float:
        """Two-sided t test of no effect."""
        return float(2 * stdtr(self.df, -abs(self.coef) / self.se))


def _quantile(probability: float, df: float) -> float:
    return float(ndtri(probability) if np.isinf(df) else stdtrit(df, probability))


def pool(coefs: Sequence[float], standard_errors: Sequence[float]) -> PooledEstimate:
    """Pool the estimates of the imputed data sets by Rubin's rules.

    Parameters
    ----------
    coefs, standard_errors : sequence of float
        One of each per imputed data set, at least two. NaN anywhere gives NaN.

    Returns
    -------
    PooledEstimate
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
        return PooledEstimate(float(q.mean()), float(np.sqrt(within)), np.inf)
    df = (len(q) - 1) * (1 + within / added) ** 2
    return PooledEstimate(float(q.mean()), float(np.sqrt(within + added)), df)


@dataclass(frozen=True)
class PooledProfiles:
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
    >>> from seermatch.survival.firth import firth_profile
    >>> X = np.array([[1.0], [0], [1], [0], [1], [0]])
    >>> profile = firth_profile([1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 0], X)
    >>> pooled = PooledProfiles((profile, profile))
    >>> round(pooled.p_value - profile.p_value(), 6)
    0.0
    >>> np.round(np.log(pooled.hazard_ratio()[1:]) - profile.limits(), 4).tolist()
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

    def hazard_ratio(self, confidence: float = 0.95) -> tuple[float, float, float]:
        """Exponential of the mean estimate, with the limits that the pooled profiles give."""
        tail = (1 - check_number("confidence", confidence, 0, 1)) / 2
        lows, highs = zip(*(profile.limits(confidence) for profile in self.profiles), strict=True)
        low, high = self._quantile(tail, lows), self._quantile(1 - tail, highs)
        return tuple(np.exp([self.coef, low, high]).tolist())

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
