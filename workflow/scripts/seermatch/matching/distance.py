"""What patients are matched on."""

import numpy as np

from seermatch.statistics.checks import check_choice, check_score


def matching_distance(linear_predictor: np.ndarray, link: str) -> np.ndarray:
    """Give what patients are matched on: the linear predictor of the score, or its probability.

    Parameters
    ----------
    linear_predictor : ndarray (n,)
        Of the propensity model; missing outside the pool.
    link : {"logit", "probability"}
        As MatchIt's ``linear.logit`` and ``logit``.

    Returns
    -------
    ndarray (n,)
        One distance per patient.

    Raises
    ------
    StudyError
        If the link is neither of the two, or a value infinite.

    Examples
    --------
    >>> matching_distance(np.array([0.0, 2.0]), "probability").round(3).tolist()
    [0.5, 0.881]
    """
    check_choice("link", link, ("logit", "probability"))
    linear_predictor = check_score("linear_predictor", linear_predictor)
    if link == "logit":
        return linear_predictor
    from scipy.special import expit  # slow to import

    return expit(linear_predictor)
