"""The effect of the group on each outcome of the study, with the variance that fits the sample."""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from seermatch.analysis.inference_limits import Equivalence, equivalence_test
from seermatch.analysis.names import OTHER, OTHER_FINE_GRAY, OVERALL, SPECIFIC, SPECIFIC_CAUSE
from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_binary,
    check_choice,
    check_labels,
    check_matrix,
    check_number,
    check_weights,
)
from seermatch.statistics.design_matrix import OF_HAZARDS, aliased_columns
from seermatch.survival.event_times import check_event_times, ever_at_risk
from seermatch.survival.firth import FirthProfile, firth_profile

# outcome -> model, and the event of interest (0: death of any cause)
OUTCOMES = {
    OVERALL: ("cox", 0),
    SPECIFIC: ("fine_gray", 1),
    SPECIFIC_CAUSE: ("cox", 1),
    OTHER: ("cox", 2),
    OTHER_FINE_GRAY: ("fine_gray", 2),
}


# Wald and score tests reject too often with fewer events (docs/validation.md)
FEW_EVENTS = 20


def has_few_events(happened: np.ndarray, exposed: np.ndarray) -> bool:
    """Tell whether the group's effect is Firth's: below 20 events, or none in one group.

    Parameters
    ----------
    happened : array_like of bool, shape (n,)
        Who has the event of interest.
    exposed : array_like of bool, shape (n,)
        Who is in the exposed group.

    Returns
    -------
    bool

    Examples
    --------
    >>> exposed = np.arange(60) < 20
    >>> has_few_events(np.arange(60) < 19, exposed), has_few_events(np.arange(60) < 21, exposed)
    (True, False)
    >>> has_few_events(np.arange(60) < 20, exposed)  # none in the reference group
    True
    """
    happened = check_binary("happened", happened)
    exposed = check_binary("exposed", exposed, len(happened), like="happened")
    events = np.count_nonzero(happened)
    in_exposed = np.count_nonzero(happened & exposed)
    return bool(events < FEW_EVENTS or in_exposed in (0, events))


@dataclass(frozen=True)
class GroupEffect:
    """Log hazard ratio of the group.

    Attributes
    ----------
    coef, se : float
        NaN where the data give no estimate.
    n, events : int
        Patients and events of the outcome.
    profile : FirthProfile or None
        With few events: interval and test come from Firth's penalized likelihood, not from `se`.
    """

    coef: float
    se: float
    n: int
    events: int
    profile: FirthProfile | None = field(default=None, compare=False, repr=False)

    def hazard_ratio(self, confidence: float = 0.95) -> tuple[float, float, float]:
        """Hazard ratio with its limits, by Wald or by the penalized profile."""
        check_number("confidence", confidence, 0, 1)
        if self.profile is not None:
            return tuple(np.exp([self.coef, *self.profile.limits(confidence)]).tolist())
        width = ndtri(0.5 + confidence / 2) * self.se
        return tuple(np.exp([self.coef, self.coef - width, self.coef + width]).tolist())

    @property
    def p_value(self) -> float:
        """Two-sided test of no effect, of the model of the interval."""
        if self.profile is not None:
            return self.profile.p_value()
        return float(2 * ndtr(-abs(self.coef) / self.se))

    def equivalence(self, margin: float, alpha: float = 0.05) -> Equivalence:
        """Test whether the hazard ratio lies between 1 / margin and margin.

        See `seermatch.analysis.inference_limits.equivalence_test`; with few events the two
        one-sided tests are by the signed root of the penalized likelihood ratio.
        """
        test = equivalence_test(self.coef, self.se, margin, alpha)
        if self.profile is None:
            return test
        _, low, high = self.hazard_ratio(1 - 2 * alpha)
        bound = np.log(margin)
        above, below = self.profile.signed_root(-bound), self.profile.signed_root(bound)
        p_value = float(max(ndtr(-above), ndtr(below)))
        return Equivalence(low, high, p_value, p_value < alpha)


def estimate_group_effect(
    time: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    outcome: str,
    *,
    weights: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    penalized: bool | None = None,
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
        Matched sets. Without them, or with one only, the variance is robust by patient.
    penalized : bool, optional
        Firth's estimate, with interval and test by its profile; default as `has_few_events` says.

    Returns
    -------
    GroupEffect
        Without estimate where there is no event, or one group only is at risk at every event.

    Notes
    -----
    Firth's likelihood takes weights for numbers of patients. Those of matched sets nearly are;
    others (no `clusters`) are scaled in each group to add up to its effective sample size.

    Raises
    ------
    StudyError
        If an argument is unusable, or a model cannot be fitted for another reason.

    Examples
    --------
    >>> time, event = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 2, 0, 1, 2, 0])
    >>> group = np.array([[1.0], [0], [1], [0], [1], [0]])
    >>> effect = estimate_group_effect(time, event, group, "overall survival (Cox)")
    >>> effect.events, np.round(effect.hazard_ratio(), 3).tolist(), round(effect.p_value, 3)
    (4, [1.315, 0.199, 8.7], 0.763)
    >>> effect = estimate_group_effect(
    ...     time, event, group, "overall survival (Cox)", penalized=False)
    >>> round(effect.coef, 4), round(effect.se, 4)
    (0.2739, 0.8023)
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
    if penalized is None:
        penalized = has_few_events(happened, group)
    if weights is not None and np.all(weights == 1):
        weights = None
    codes = happened.astype(np.int64)
    if model == "fine_gray":
        codes = np.where(happened, 1, np.where(event > 0, 2, 0))
    if penalized:
        if weights is not None and clusters is None:
            weights = _effective_weights(np.asarray(weights, dtype=float), group)
        return _penalized_effect(time, codes, X, weights, n, events)
    if clusters is not None and len(np.unique(clusters)) < 2:
        clusters = None
    options = {"weights": weights, "clusters": clusters}
    if model == "cox":
        from seermatch.survival.cox import fit_cox

        fit = fit_cox(time, happened, X, **options)
        covariance = fit.covariance_robust
    else:
        from seermatch.survival.fine_gray import fit_fine_gray

        fit = fit_fine_gray(time, codes, X, max_iterations=15, **options)
        covariance = fit.covariance
    if X.shape[1] == 1 and not fit.converged:
        # with more columns it is another one that has no finite estimate
        return _penalized_effect(time, codes, X, weights, n, events)
    if clusters is not None:
        covariance = fit.covariance_clustered
    return GroupEffect(float(fit.coef[0]), float(np.sqrt(covariance[0, 0])), n, events)


def _penalized_effect(time, codes, X, weights, n: int, events: int) -> GroupEffect:
    """Estimate by Firth's penalized likelihood; nothing where the events tell nothing."""
    nothing = GroupEffect(np.nan, np.nan, n, events)
    if events == 0:
        return nothing
    kept = ~aliased_columns(X[ever_at_risk(time, codes)], tolerance=OF_HAZARDS)
    if not kept[0]:  # one group only is at risk at every event
        return nothing
    profile = firth_profile(time, codes, X[:, kept], weights)
    return GroupEffect(profile.coef, profile.se, n, events, profile)


def _effective_weights(weights: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Scale the weights of each group to its effective number of patients (Kish)."""
    scaled = weights.copy()
    for arm in (group, ~group):
        scaled[arm] *= weights[arm].sum() / (weights[arm] ** 2).sum()
    return scaled
