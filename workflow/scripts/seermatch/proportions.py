"""Wilson's interval of a proportion, also where nothing or everybody was counted."""

import numpy as np
from scipy.special import ndtri


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

    References
    ----------
    E. B. Wilson. Probable inference, the law of succession, and statistical inference. Journal of
    the American Statistical Association 22 (1927) 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(0.0, 50)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.071)
    """
    z2 = ndtri(0.5 + confidence / 2) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    width = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.maximum(middle - width, 0.0), np.minimum(middle + width, 1.0)
