"""The result of a test, and Wald's test of several coefficients."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_number, check_numbers


@dataclass(frozen=True)
class Test:
    """A test of a hypothesis.

    Attributes
    ----------
    name : str
        Such as ``"log-rank"``; empty where nothing can be tested.
    statistic, df, p_value : float
        Missing (nan) where there is none.
    """

    __test__ = False  # no class of tests for pytest

    name: str = ""
    statistic: float = np.nan
    df: float = np.nan
    p_value: float = np.nan


def chi_square(name: str, statistic: float, df: int) -> Test:
    """Name a statistic and find its place in the chi-square distribution.

    Parameters
    ----------
    name : str
    statistic : float
        Chi-square, or missing.
    df : int
        Degrees of freedom.

    Returns
    -------
    Test

    Examples
    --------
    >>> round(chi_square("score test", 3.84, 1).p_value, 3)
    0.05
    """
    check_number("df", df, 1, closed=True, whole=True)
    return Test(name, statistic, df, float(chdtrc(df, statistic)))


def wald_test(coef: np.ndarray, covariance: np.ndarray) -> Test:
    """Test jointly that coefficients are zero.

    Parameters
    ----------
    coef : array_like, shape (p,)
    covariance : array_like, shape (p, p)

    Returns
    -------
    Test
        Chi-square ``b' V^-1 b`` with p degrees of freedom. It is missing where the covariance is
        singular, as with fewer matched sets than coefficients, or a value missing.

    Raises
    ------
    StudyError
        If shapes do not fit together.

    Examples
    --------
    >>> test = wald_test([1.0, 2.0], [[1.0, 0.0], [0.0, 4.0]])
    >>> test.statistic, test.df, round(test.p_value, 4)
    (2.0, 2, 0.3679)
    """
    coef = check_numbers("coef", coef, finite=False).astype(float)
    covariance = np.asarray(covariance)
    if covariance.shape != (len(coef), len(coef)):
        raise StudyError(f"covariance must be {len(coef)} by {len(coef)}, as many as coef has.")
    covariance = check_numbers("covariance", covariance.ravel(), finite=False)
    covariance = covariance.astype(float).reshape(len(coef), len(coef))
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    statistic = np.nan
    if scale.all() and np.isfinite(covariance).all() and np.isfinite(coef).all():
        correlation = covariance / np.outer(scale, scale)
        if np.linalg.eigvalsh(correlation)[0] > 1e-13:
            statistic = float(coef / scale @ np.linalg.solve(correlation, coef / scale))
    return chi_square("Wald test", statistic, len(coef))
