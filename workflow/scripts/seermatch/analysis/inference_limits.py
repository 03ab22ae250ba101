"""How much a hazard ratio can mean: detectable effects, unmeasured confounding, equivalence."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_number


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of equivalence.

    Attributes
    ----------
    low, high : float
        Interval of the hazard ratio with coverage 1 - 2 alpha (90 % for alpha = 5 %).
    p_value : float
        The larger of the two one-sided p-values.
    shown : bool
        Whether the interval lies within the margin, that is the p-value is below alpha.
    """

    low: float
    high: float
    p_value: float
    shown: bool


def minimum_detectable_hazard_ratio(
    events: int, share_exposed: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Find the smallest hazard ratio above 1 that a log-rank test would detect.

    Parameters
    ----------
    events : int
        Events in both groups.
    share_exposed : float
        Share of the patients who are exposed: 1 / (1 + k) after 1:k matching.
    power : float
        Probability of a significant result.
    alpha : float
        Two-sided level of the test.

    Returns
    -------
    float
        Its inverse is the largest detectable one below 1; infinite without events.

    Raises
    ------
    StudyError
        If `events` is negative, or a share or probability not between 0 and 1.

    References
    ----------
    D. A. Schoenfeld. Sample-size formula for the proportional-hazards regression model.
    Biometrics 39 (1983) 499-503.

    Examples
    --------
    >>> round(minimum_detectable_hazard_ratio(82, 1 / 3), 3)
    1.928
    """
    check_number("events", events, 0, closed=True)
    check_number("share_exposed", share_exposed, 0, 1)
    check_number("power", power, 0, 1)
    check_number("alpha", alpha, 0, 1)
    if events == 0:
        return float("inf")
    z = ndtri(1 - alpha / 2) + ndtri(power)
    return float(np.exp(z / np.sqrt(events * share_exposed * (1 - share_exposed))))


def risk_ratio(hazard_ratio: float) -> float:
    """Turn a hazard ratio of a common outcome into an approximate risk ratio.

    Parameters
    ----------
    hazard_ratio : float
        Above 0.

    Returns
    -------
    float
        (1 - 0.5**sqrt(HR)) / (1 - 0.5**sqrt(1 / HR)).

    Raises
    ------
    StudyError
        If the ratio is not above 0.

    References
    ----------
    T. J. VanderWeele. On a square-root transformation of the odds ratio for a common outcome.
    Epidemiology 28 (2017) e58-e60.

    Examples
    --------
    >>> round(risk_ratio(2.0), 4)
    1.6125
    """
    root = np.sqrt(check_number("hazard_ratio", hazard_ratio, 0))
    return float((1 - 0.5**root) / (1 - 0.5 ** (1 / root)))


def e_value(ratio: float, target: float = 1.0) -> float:
    """Say how strong unmeasured confounding must be to move a ratio to a target.

    Parameters
    ----------
    ratio : float
        Risk ratio, or the hazard ratio of a rare outcome.
    target : float
        The true ratio that confounding would hide; 1 for no effect.

    Returns
    -------
    float
        The smallest risk ratio that the confounder must have with both exposure and outcome.

    Raises
    ------
    StudyError
        If a ratio is not above 0.

    References
    ----------
    T. J. VanderWeele and P. Ding. Sensitivity analysis in observational research: introducing the
    E-value. Annals of Internal Medicine 167 (2017) 268-274.

    Examples
    --------
    >>> round(e_value(3.9), 2), round(e_value(0.8), 2), e_value(1.0)
    (7.26, 1.81, 1.0)
    """
    bias = check_number("ratio", ratio, 0) / check_number("target", target, 0)
    bias = max(bias, 1 / bias)
    return float(bias + np.sqrt(bias * (bias - 1)))


def e_value_of_interval(low: float, high: float, target: float = 1.0) -> float:
    """Give the E-value of the limit nearer to the target, 1 if the interval contains it.

    Parameters
    ----------
    low, high : float
        Limits of the ratio; 0 and infinity where there is no bound.
    target : float
        As in `e_value`.

    Returns
    -------
    float

    Raises
    ------
    StudyError
        If limits are missing, negative or not in order, or the target is not above 0.

    Examples
    --------
    >>> e_value_of_interval(0.8, 1.9), round(e_value_of_interval(1.8, 8.7), 2)
    (1.0, 3.0)
    """
    check_number("target", target, 0)
    for name, limit in (("low", low), ("high", high)):
        if limit != np.inf:
            check_number(name, limit, 0, closed=True)
    if low > high:
        raise StudyError(f"low is {low:g}, above high, {high:g}.")
    if low <= target <= high:
        return 1.0
    return e_value(low if low > target else high, target)


def equivalence_test(coef: float, se: float, margin: float, alpha: float = 0.05) -> Equivalence:
    """Test whether a hazard ratio lies between 1 / margin and margin.

    Parameters
    ----------
    coef, se : float
        Log hazard ratio and standard error.
    margin : float
        Above 1.
    alpha : float
        Level of each one-sided test.

    Returns
    -------
    Equivalence

    Raises
    ------
    StudyError
        If the margin is not above 1, or another argument out of range.

    References
    ----------
    D. J. Schuirmann. A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability. Journal of Pharmacokinetics and
    Biopharmaceutics 15 (1987) 657-680.

    Examples
    --------
    >>> test = equivalence_test(0.0, 0.1, 1.25)
    >>> round(test.low, 3), round(test.high, 3), round(test.p_value, 4), test.shown
    (0.848, 1.179, 0.0128, True)
    """
    check_number("coef", coef)
    check_number("se", se, 0)
    check_number("margin", margin, 1)
    check_number("alpha", alpha, 0, 1)
    z = ndtri(1 - alpha)
    p_value = ndtr((abs(coef) - np.log(margin)) / se)
    return Equivalence(
        low=float(np.exp(coef - z * se)),
        high=float(np.exp(coef + z * se)),
        p_value=float(p_value),
        shown=bool(p_value < alpha),
    )


def correct_for_ascertainment(hazard_ratio: float, share_exposed: float, found: float) -> float:
    """Correct a hazard ratio for exposed patients who were never tested.

    They sit in the reference group, which then has the mean hazard of both kinds. Who is found is
    taken to be random, and the outcome to be rare.

    Parameters
    ----------
    hazard_ratio : float
        As estimated; infinite for a limit without bound.
    share_exposed : float
        Share of the patients recorded as exposed.
    found : float
        Share of the truly exposed who are recorded as such, above `share_exposed`.

    Returns
    -------
    float
        NaN if no hazard of the missed patients could produce the estimate.

    Raises
    ------
    StudyError
        If so few were found that every reference patient would be exposed, or an argument is out
        of range.

    Examples
    --------
    >>> round(correct_for_ascertainment(1.5, 0.002, 0.01), 3)
    1.712
    >>> correct_for_ascertainment(1.0, 0.002, 0.01)
    1.0
    """
    if hazard_ratio != np.inf:
        check_number("hazard_ratio", hazard_ratio, 0, closed=True)
    check_number("share_exposed", share_exposed, 0, 1)
    check_number("found", found, 0, 1, closed=True)
    if not share_exposed < found:
        raise StudyError(
            f"found is {found:g}; use a share above that of the patients recorded as exposed, "
            f"{share_exposed:.4f}."
        )
    missed = share_exposed * (1 - found) / found / (1 - share_exposed)
    if missed * hazard_ratio >= 1:
        return float("nan")
    return float(hazard_ratio * (1 - missed) / (1 - missed * hazard_ratio))
