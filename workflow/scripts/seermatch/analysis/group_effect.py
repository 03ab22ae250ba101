"""The effect of the group on each outcome of the study, with the variance that fits the sample."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from seermatch.analysis.inference_limits import Equivalence, equivalence_test
from seermatch.analysis.names import OTHER, OTHER_FINE_GRAY, OVERALL, SPECIFIC, SPECIFIC_CAUSE
from seermatch.errors import StudyError
from seermatch.statistics.checks import check_binary, check_choice, check_matrix
from seermatch.statistics.design_matrix import OF_HAZARDS, aliased_columns
from seermatch.statistics.estimates import Estimate
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes, require_event_times
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.firth import FirthProfile, fit_firth
from seermatch.survival.fit import Fit

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
    """Effect of the group on one outcome.

    Attributes
    ----------
    estimate : Estimate or FirthProfile
        Log hazard ratio; its values are missing where the data give no estimate. With few events
        interval and test come from the profile of Firth's penalized likelihood.
    n, events : int
        Patients and events of the outcome.
    """

    estimate: Estimate | FirthProfile
    n: int
    events: int

    @property
    def penalized(self) -> bool:
        """Whether it is Firth's estimate."""
        return isinstance(self.estimate, FirthProfile)

    def equivalence(self, margin: float, alpha: float = 0.05) -> Equivalence:
        """Test whether the hazard ratio lies between 1 / margin and margin.

        See `seermatch.analysis.inference_limits.equivalence_test`; with few events the two
        one-sided tests are by the signed root of the penalized likelihood ratio.
        """
        test = equivalence_test(self.estimate.coef, self.estimate.se, margin, alpha)
        if not self.penalized:
            return test
        _, low, high = self.estimate.ratio(1 - 2 * alpha)
        bound = np.log(margin)
        above, below = self.estimate.signed_root(-bound), self.estimate.signed_root(bound)
        p_value = float(max(ndtr(-above), ndtr(below)))
        return Equivalence(low, high, p_value, p_value < alpha)


def fit_model(model: str, data: EventTimes, X: np.ndarray) -> Fit:
    """Fit a Cox or a Fine-Gray model by maximum likelihood.

    Parameters
    ----------
    model : {"cox", "fine_gray"}
    data, X
        As in `seermatch.survival.cox.fit_cox` and `seermatch.survival.fine_gray.fit_fine_gray`.

    Returns
    -------
    Fit

    Examples
    --------
    >>> fit_model("cox", EventTimes([1, 2, 3], [1, 0, 1]), np.array([[1.0], [1], [0]])).model
    'Cox'
    """
    check_choice("model", model, ("cox", "fine_gray"))
    return fit_cox(data, X) if model == "cox" else fit_fine_gray(data, X)


def estimable_columns(data: EventTimes, X: np.ndarray) -> np.ndarray:
    """Tell which columns do not depend on earlier ones among the patients in a risk set.

    Parameters
    ----------
    data : EventTimes
    X : array_like, shape (n, p)

    Returns
    -------
    numpy.ndarray of bool, shape (p,)

    Examples
    --------
    >>> data = EventTimes([1, 2, 3], [1, 0, 1])
    >>> estimable_columns(data, np.array([[1.0, 1], [0, 1], [1, 1]]))
    array([ True, False])
    """
    X = check_matrix("X", X, require_event_times(data).n)
    return ~aliased_columns(X[data.ever_at_risk], tolerance=OF_HAZARDS)


def estimate_group_effect(
    data: EventTimes, X: np.ndarray, outcome: str, *, penalized: bool | None = None
) -> GroupEffect:
    """Estimate the effect of the group on one outcome.

    Parameters
    ----------
    data : EventTimes
        Months; 0 censored, 1 death of the cancer, 2 other death. Without clusters the variance is
        robust by patient.
    X : ndarray (n, p)
        The group (0/1) in the first column, then what the model adjusts for.
    outcome : str
        A key of `OUTCOMES`.
    penalized : bool, optional
        Firth's estimate, with interval and test by its profile; default as `has_few_events` says.

    Returns
    -------
    GroupEffect
        Without estimate where there is no event, or one group only is at risk at every event.

    Notes
    -----
    Firth's likelihood takes weights for numbers of patients. Those of matched sets nearly are;
    others (no clusters) are scaled in each group to add up to its effective sample size.

    Raises
    ------
    StudyError
        If an argument is unusable, or a model cannot be fitted for another reason.

    Examples
    --------
    >>> data = EventTimes([1, 2, 3, 4, 5, 6], [1, 2, 0, 1, 2, 0])
    >>> group = np.array([[1.0], [0], [1], [0], [1], [0]])
    >>> effect = estimate_group_effect(data, group, "overall survival (Cox)")
    >>> ratio, p_value = effect.estimate.ratio(), effect.estimate.p_value
    >>> effect.events, np.round(ratio, 3).tolist(), round(p_value, 3)
    (4, [1.315, 0.199, 8.7], 0.763)
    >>> wald = estimate_group_effect(data, group, "overall survival (Cox)", penalized=False)
    >>> round(wald.estimate.coef, 4), round(wald.estimate.se, 4)
    (0.2739, 0.8023)
    """
    model, cause = OUTCOMES[check_choice("outcome", outcome, OUTCOMES)]
    require_event_times(data, largest=2)
    X = check_matrix("X", X, data.n)
    if X.shape[1] == 0:
        raise StudyError("X: the group must be its first column.")
    group = check_binary("X", X[:, 0])
    data = data.of(cause or None, competing=model == "fine_gray")
    if penalized is None:
        penalized = has_few_events(data.event == 1, group)
    if penalized:
        return _penalized_effect(data, X, group)
    fit = fit_model(model, data, X)
    if X.shape[1] == 1 and not fit.converged:
        # with more columns it is another one that has no finite estimate
        return _penalized_effect(data, X, group)
    robust = "robust" if data.clusters is None else "clustered"
    return GroupEffect(fit.estimate(0, robust), data.n, data.events)


def _penalized_effect(data: EventTimes, X: np.ndarray, group: np.ndarray) -> GroupEffect:
    """Estimate by Firth's penalized likelihood; nothing where the events tell nothing."""
    nothing = GroupEffect(Estimate(np.nan, np.nan), data.n, data.events)
    if data.events == 0:
        return nothing
    kept = estimable_columns(data, X)
    if not kept[0]:  # one group only is at risk at every event
        return nothing
    counted = data
    if data.weights is not None and data.clusters is None:
        weights = _effective_weights(data.weights, group)
        counted = EventTimes(data.time, data.event, weights)
    profile = fit_firth(counted, X[:, kept], "fine_gray").estimate(0)
    return GroupEffect(profile, data.n, data.events)


def _effective_weights(weights: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Scale the weights of each group to its effective number of patients (Kish)."""
    scaled = weights.copy()
    for arm in (group, ~group):
        scaled[arm] *= weights[arm].sum() / (weights[arm] ** 2).sum()
    return scaled
