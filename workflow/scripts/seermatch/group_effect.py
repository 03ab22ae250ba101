"""The effect of the group on each outcome of the study, with the variance that fits the sample."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from seermatch.checks import check_binary, check_choice, check_labels, check_matrix, check_number
from seermatch.errors import StudyError
from seermatch.event_times import check_event_times, check_weights

# outcome -> model, and the event of interest (0: death of any cause)
OUTCOMES = {
    "overall survival (Cox)": ("cox", 0),
    "breast cancer death (Fine-Gray)": ("fine_gray", 1),
    "breast cancer death (cause-specific Cox)": ("cox", 1),
    "other death (cause-specific Cox)": ("cox", 2),
    "other death (Fine-Gray)": ("fine_gray", 2),
}


@dataclass(frozen=True)
class GroupEffect:
    """Log hazard ratio of the group.

    Attributes
    ----------
    coef, se : float
        NaN where the data give no finite estimate.
    n, events : int
        Patients and events of the outcome.
    """

    coef: float
    se: float
    n: int
    events: int

    def hazard_ratio(self, confidence: float = 0.95) -> tuple[float, float, float]:
        """Hazard ratio and its Wald limits."""
        check_number("confidence", confidence, 0, 1)
        width = ndtri(0.5 + confidence / 2) * self.se
        return tuple(np.exp([self.coef, self.coef - width, self.coef + width]).tolist())

    @property
    def p_value(self) -> float:
        """Two-sided Wald test of no effect."""
        return float(2 * ndtr(-abs(self.coef) / self.se))


def estimate_group_effect(
    time: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    outcome: str,
    *,
    weights: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
) -> GroupEffect:
    """Estimate the effect of the group on one outcome.

    Parameters
    ----------
    time : ndarray (n,)
        Months.
    event : ndarray (n,)
        0 censored, 1 breast cancer death, 2 other death.
    X : ndarray (n, p)
        The group (0/1) in the first column, then what the model adjusts for.
    outcome : str
        A key of `OUTCOMES`.
    weights : ndarray (n,), optional
        Case weights, taken as fixed.
    clusters : ndarray (n,), optional
        Matched sets. Without them the variance is robust by patient.

    Returns
    -------
    GroupEffect
        Without estimate where one arm has no event.

    Raises
    ------
    StudyError
        If an argument is unusable, or a model cannot be fitted for another reason.

    Examples
    --------
    >>> time, event = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 2, 0, 1, 2, 0])
    >>> group = np.array([[1.0], [0], [1], [0], [1], [0]])
    >>> effect = estimate_group_effect(time, event, group, "overall survival (Cox)")
    >>> effect.events, round(effect.coef, 4), round(effect.se, 4)
    (4, 0.2739, 0.8023)
    """
    model, cause = OUTCOMES[check_choice("outcome", outcome, OUTCOMES)]
    time, event = check_event_times(time, event, largest=2)
    X = check_matrix("X", X, len(time))
    if X.shape[1] == 0:
        raise StudyError("X: the group must be its first column.")
    group = check_binary("X", X[:, 0])
    if weights is not None:
        weights = check_weights(weights, len(time))
    if clusters is not None:
        check_labels("clusters", clusters, len(time))
    happened = event == cause if cause else event > 0
    n, events = len(event), int(happened.sum())
    nothing = GroupEffect(np.nan, np.nan, n, events)
    if not (happened[group].any() and happened[~group].any()):
        return nothing
    if weights is not None and np.all(weights == 1):
        weights = None
    if model == "cox":
        from seermatch.cox import fit_cox

        fit = fit_cox(time, happened, X, weights=weights, clusters=clusters)
        covariance = fit.covariance_robust
    else:
        from seermatch.fine_gray import fit_fine_gray

        codes = np.where(happened, 1, np.where(event > 0, 2, 0))
        fit = fit_fine_gray(time, codes, X, weights=weights, clusters=clusters, max_iterations=15)
        covariance = fit.covariance
    if X.shape[1] == 1 and not fit.converged:
        return nothing  # with more columns it is another one that has no finite estimate
    if clusters is not None:
        covariance = fit.covariance_clustered
    return GroupEffect(float(fit.coef[0]), float(np.sqrt(covariance[0, 0])), n, events)
