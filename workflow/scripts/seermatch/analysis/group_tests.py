"""Tests of survival and incidence between the groups, as complete sets and events allow."""

from dataclasses import replace

import numpy as np
import pandas as pd

from seermatch.analysis.group_effect import OUTCOMES, estimate_group_effect, has_few_events
from seermatch.analysis.outcomes import event_times_of
from seermatch.matching.matched_sets import has_complete_sets
from seermatch.statistics.checks import check_binary, check_columns, check_number
from seermatch.statistics.tests import Test
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import score_test
from seermatch.survival.gray import gray_test
from seermatch.survival.kaplan_meier import logrank_test

SCORE_TEST = "set-clustered score test"
FIRTH_TEST = "Firth's likelihood-ratio test"
OVERALL, CANCER, _, _, OTHER = OUTCOMES
FINE_GRAY = {1: CANCER, 2: OTHER}  # by cause


def compare_survival(matched: pd.DataFrame) -> Test:
    """Test whether survival is equal in both groups.

    With few events Firth's penalized likelihood-ratio test. Else the log-rank test where all sets
    are complete; otherwise the weighted score test of the proportional hazards model, with the
    score summed within matched sets (Lin and Wei, Journal of the American Statistical Association
    84 (1989) 1074-1078).

    Parameters
    ----------
    matched : pandas.DataFrame
        Columns `time` (months), `event` (category, the first level censored), `group` (0, 1),
        `weight` and `matched_set`.

    Returns
    -------
    Test

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> matched = pd.DataFrame({
    ...     "time": [1, 2, 3, 4], "group": [0, 1, 0, 1], "weight": 1.0, "matched_set": [1, 1, 2, 2],
    ...     "event": pd.Categorical(["died", "censored", "died", "died"], ["censored", "died"])})
    >>> test = compare_survival(matched)
    >>> test.name, round(test.p_value, 3)
    ("Firth's likelihood-ratio test", 0.228)
    """
    data, group = _checked(matched)
    if has_few_events(data.event > 0, group):
        return _penalized(data, group, OVERALL)
    if not has_complete_sets(matched):
        return replace(score_test(data.of(), group[:, None]), name=SCORE_TEST)
    return logrank_test(data, group)


def compare_incidence(matched: pd.DataFrame, cause: int = 1) -> Test:
    """Test whether the cumulative incidence of a cause is equal in both groups.

    With few events Firth's penalized likelihood-ratio test of the Fine-Gray model. Else Gray's
    test where all sets are complete; otherwise the weighted score test of the Fine-Gray model,
    with the score summed within matched sets (Zhou et al., Biostatistics 13 (2012) 371-383).

    Parameters
    ----------
    matched : pandas.DataFrame
        As in `compare_survival`.
    cause : int
        Code of the cause, 1 or 2, among the levels of `event`.

    Returns
    -------
    Test

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> matched = pd.DataFrame({
    ...     "time": [1, 2, 3, 4], "group": [0, 1, 0, 1], "weight": 1.0, "matched_set": [1, 1, 2, 2],
    ...     "event": pd.Categorical(["a", "b", "a", "a"], ["censored", "a", "b"])})
    >>> compare_incidence(matched).df
    1
    """
    data, group = _checked(matched)
    check_number("cause", cause, 1, 2, closed=True, whole=True)
    if has_few_events(data.event == cause, group):
        return _penalized(data, group, FINE_GRAY[cause])
    if has_complete_sets(matched):
        return gray_test(data, group, cause=cause)
    return replace(score_test(data.of(cause), group[:, None]), name=SCORE_TEST)


def _checked(matched: pd.DataFrame) -> tuple[EventTimes, np.ndarray]:
    """Give event times and group, 0.0 or 1.0."""
    check_columns("matched", matched, ("time", "event", "group", "weight", "matched_set"))
    group = check_binary("group", matched["group"]).astype(np.float64)
    return event_times_of(matched), group


def _penalized(data: EventTimes, group: np.ndarray, outcome: str) -> Test:
    """Test by Firth's penalized likelihood ratio, the model of the printed interval."""
    effect = estimate_group_effect(data, group[:, None], outcome)
    statistic = effect.estimate.statistic() if effect.penalized else np.nan
    return Test(FIRTH_TEST, statistic, 1, effect.estimate.p_value)
