"""Weights that balance the groups without matching, from the propensity score."""

import numpy as np
from scipy.special import expit

from seermatch.statistics.checks import check_binary, check_choice, check_numbers, check_weights

ESTIMANDS = ("ATT", "ATE", "ATO")


def balancing_weights(
    linear_predictor: np.ndarray, exposed: np.ndarray, estimand: str = "ATT"
) -> np.ndarray:
    """Weight each patient so that both groups stand for the same population.

    Parameters
    ----------
    linear_predictor : array_like, shape (n,)
        Log odds of being exposed given the covariates.
    exposed : array_like, shape (n,)
        True or 1 for exposed patients.
    estimand : {"ATT", "ATE", "ATO"}
        The population: the exposed (exposed 1, reference e / (1 - e)); everybody (1 / e and
        1 / (1 - e), stabilized by each group's share of the patients); or the overlap, those who
        could have been in either group (1 - e and e).

    Returns
    -------
    numpy.ndarray, shape (n,)

    Raises
    ------
    StudyError
        If the estimand is not one of the three, or a score or an exposure is missing.

    References
    ----------
    F. Li, K. L. Morgan and A. M. Zaslavsky. Balancing covariates via propensity score weighting.
    Journal of the American Statistical Association 113 (2018) 390-400.

    Examples
    --------
    >>> linear_predictor = np.log([1 / 3, 1 / 3, 1.0, 1.0])  # scores 0.25 and 0.5
    >>> balancing_weights(linear_predictor, [0, 1, 0, 1], "ATT").round(3)
    array([0.333, 1.   , 1.   , 1.   ])
    >>> balancing_weights(linear_predictor, [0, 1, 0, 1], "ATE").round(3)
    array([0.667, 2.   , 1.   , 1.   ])
    >>> balancing_weights(linear_predictor, [0, 1, 0, 1], "ATO").round(3)
    array([0.25, 0.75, 0.5 , 0.5 ])
    """
    log_odds = check_numbers("linear_predictor", linear_predictor).astype(np.float64)
    exposed = check_binary("exposed", exposed, len(log_odds), like="linear_predictor")
    check_choice("estimand", estimand, ESTIMANDS)
    if estimand == "ATT":
        return np.where(exposed, 1.0, np.exp(log_odds))
    own_group = expit(np.where(exposed, log_odds, -log_odds))
    if estimand == "ATE":
        share = exposed.mean()
        return np.where(exposed, share, 1 - share) / own_group
    return expit(np.where(exposed, -log_odds, log_odds))


def effective_sample_size(weights: np.ndarray, exposed: np.ndarray) -> float:
    """Count the equally weighted patients that would be worth as much as the weighted ones.

    Parameters
    ----------
    weights : array_like, shape (n,)
        Zero or more.
    exposed : array_like, shape (n,)
        True or 1 for exposed patients.

    Returns
    -------
    float
        Kish's (sum w)**2 / sum w**2 of each group, added up; the scale of the weights, which may
        differ between the groups, does not matter.

    Raises
    ------
    StudyError
        If a weight is negative or missing, or an exposure missing.

    References
    ----------
    L. Kish. Survey Sampling. Wiley, 1965.

    Examples
    --------
    >>> effective_sample_size([1, 1, 2, 2], [1, 1, 0, 0])
    4.0
    >>> effective_sample_size([1, 1, 1, 3], [1, 1, 0, 0])
    3.6
    """
    exposed = check_binary("exposed", exposed)
    weights = check_weights(weights, len(exposed), like="exposed")
    groups = [weights[rows] for rows in (exposed, ~exposed)]
    return float(sum(w.sum() ** 2 / (w @ w) for w in groups if w.any()))
