"""Tests of survival and incidence between the groups, as complete sets and events allow."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.analysis.group_effect import OUTCOMES, estimate_group_effect, has_few_events
from seermatch.matching.matched_sets import has_complete_sets
from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_labels,
    check_number,
    check_weights,
)
from seermatch.survival.event_times import category_codes, check_times

LOG_RANK, GRAY = "log-rank", "Gray's test"
SCORE_TEST = "set-clustered score test"
FIRTH_TEST = "Firth's likelihood-ratio test"
OVERALL, BREAST_CANCER, _, _, OTHER = OUTCOMES
FINE_GRAY = {1: BREAST_CANCER, 2: OTHER}  # by cause


@dataclass(frozen=True)
class GroupTest:
    """A test between the groups.

    Attributes
    ----------
    statistic : float
        Chi-square statistic; it and p are missing where there is no event, or one group only is
        at risk whenever there is one.
    df : int
        Its degrees of freedom.
    p_value : float
        Two-sided p.
    test : str
        Name of the test, as it stands within a sentence; `print_test` gives it for print.
    """

    statistic: float
    df: int
    p_value: float
    test: str


def compare_survival(matched: pd.DataFrame) -> GroupTest:
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
    GroupTest

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
    >>> test.test, round(test.p_value, 3)
    ("Firth's likelihood-ratio test", 0.228)
    """
    _check(matched)
    died = category_codes(matched["event"]) > 0
    if has_few_events(died, matched["group"] == 1):
        return _penalized(matched, died.astype(np.int64), OVERALL)
    if not has_complete_sets(matched):
        return clustered_score_test(matched, died.astype(int))
    from seermatch.survival.kaplan_meier import logrank_test

    test = logrank_test(matched["time"].to_numpy(), died, matched["group"].to_numpy())
    return GroupTest(test.statistic, test.df, test.p_value, LOG_RANK)


def compare_incidence(matched: pd.DataFrame, cause: int = 1) -> GroupTest:
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
    GroupTest

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
    _check(matched)
    check_number("cause", cause, 1, 2, closed=True, whole=True)
    event = category_codes(matched["event"])
    if has_few_events(event == cause, matched["group"] == 1):
        return _penalized(matched, event, FINE_GRAY[cause])
    if has_complete_sets(matched):
        from seermatch.survival.gray import gray_test

        test = gray_test(matched["time"], event, matched["group"], cause=cause)
        return GroupTest(test.statistic, test.df, test.p_value, GRAY)
    # The score test takes the cause of interest as code 1.
    others = np.where(event == 0, 0, 2)
    return clustered_score_test(matched, np.where(event == cause, 1, others))


def clustered_score_test(matched: pd.DataFrame, event: np.ndarray) -> GroupTest:
    """Test a weighted matched cohort for a difference between its groups.

    Parameters
    ----------
    matched : pandas.DataFrame
        Columns `time` (months), `group` (0, 1), `weight` and `matched_set`.
    event : numpy.ndarray, shape (n,)
        0 censored, 1 the event of interest, 2 a competing event; without code 2 it is the score
        test of the proportional hazards model.

    Returns
    -------
    GroupTest
        With the score summed within matched sets.

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> matched = pd.DataFrame({"time": [1, 2, 3, 4], "group": [0, 1, 0, 1],
    ...     "weight": [0.5, 1, 1.5, 1], "matched_set": [1, 1, 2, 2]})
    >>> clustered_score_test(matched, np.array([1, 0, 1, 1])).df
    1
    """
    from seermatch.survival.fine_gray import score_test

    _check(matched, ("time", "group", "weight", "matched_set"))
    return GroupTest(
        *score_test(
            matched["time"],
            event,
            matched[["group"]].to_numpy(float),
            weights=matched["weight"].to_numpy(),
            clusters=matched["matched_set"].to_numpy(),
        ),
        SCORE_TEST,
    )


def _check(
    matched: pd.DataFrame, columns=("time", "event", "group", "weight", "matched_set")
) -> None:
    check_columns("matched", matched, columns)
    check_times(matched["time"])
    check_binary("group", matched["group"])
    check_weights(matched["weight"], len(matched), "weight")
    check_labels("matched_set", matched["matched_set"])


def _penalized(matched: pd.DataFrame, event: np.ndarray, outcome: str) -> GroupTest:
    """Test by Firth's penalized likelihood ratio, the model of the printed interval."""
    effect = estimate_group_effect(
        matched["time"].to_numpy(),
        event,
        matched[["group"]].to_numpy(float),
        outcome,
        weights=matched["weight"].to_numpy(dtype=float),
        clusters=matched["matched_set"].to_numpy(),
    )
    statistic = np.nan if effect.profile is None else effect.profile.statistic()
    return GroupTest(statistic, 1, effect.p_value, FIRTH_TEST)
