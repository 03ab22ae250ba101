"""Wilson's interval of a proportion, also where nothing or everybody was counted."""

import numpy as np
from scipy.special import ndtri

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_number, check_numbers


def wilson_interval(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Limits of a proportion by the score test.

    Parameters
    ----------
    share : float or array_like
        Between 0 and 1.
    n : float or array_like
        Number it is a share of, above 0; with weights the effective number.
    confidence : float
        Level of the interval.

    Returns
    -------
    low, high : float or ndarray
        The interval has a width even where the share is 0 or 1.

    Raises
    ------
    StudyError
        If a share or the level is out of range, or a number is not above 0.

    References
    ----------
    E. B. Wilson. Probable inference, the law of succession, and statistical inference. Journal of
    the American Statistical Association 22 (1927) 209-212.

    Examples
    --------
    >>> [round(float(limit), 3) for limit in wilson_interval(0.0, 50)]
    [0.0, 0.071]
    """
    check_number("confidence", confidence, 0, 1)
    share, n = _numbers("share", share), _numbers("n", n)
    if np.any((share < 0) | (share > 1)):
        raise StudyError("share must lie between 0 and 1.")
    if np.any(n <= 0):
        raise StudyError("n must be above 0.")
    z2 = ndtri(0.5 + confidence / 2) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    width = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.maximum(middle - width, 0.0), np.minimum(middle + width, 1.0)


def _numbers(name: str, value):
    """Check one number or a column of them."""
    return check_numbers(name, value) if np.ndim(value) else check_number(name, value)
