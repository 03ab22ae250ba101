"""Tests between the two groups of a matched cohort, by whether its sets are complete."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SCORE_TEST = "set-clustered score test"


@dataclass(frozen=True)
class GroupTest:
    """A test between the groups.

    Attributes
    ----------
    statistic : float
        Chi-square statistic.
    df : int
        Its degrees of freedom.
    p_value : float
        Two-sided p.
    """

    statistic: float
    df: int
    p_value: float


def has_complete_sets(matched: pd.DataFrame) -> bool:
    """Tell whether every exposed patient has the full number of controls.

    Parameters
    ----------
    matched : pandas.DataFrame
        Matched cohort with `weight`.

    Returns
    -------
    bool
        Whether all weights are 1, so that unweighted estimates hold.

    Examples
    --------
    >>> has_complete_sets(pd.DataFrame({"weight": [1.0, 1.0, 0.5]}))
    False
    """
    return bool((matched["weight"] == 1).all())


def test_names(matched: pd.DataFrame) -> tuple[str, str]:
    """Name the tests of survival and of cumulative incidence that fit the cohort.

    Parameters
    ----------
    matched : pandas.DataFrame
        Matched cohort with `weight`.

    Returns
    -------
    tuple of str
        Names as they stand within a sentence.

    Examples
    --------
    >>> test_names(pd.DataFrame({"weight": [1.0, 1.0]}))
    ('log-rank', 'Gray’s test')
    """
    if has_complete_sets(matched):
        return "log-rank", "Gray’s test"
    return SCORE_TEST, SCORE_TEST


def compare_survival(matched: pd.DataFrame) -> GroupTest:
    """Test whether survival is equal in both groups.

    The log-rank test where all sets are complete; otherwise the weighted score test of the
    proportional hazards model, with the score summed within matched sets (Lin and Wei, Journal of
    the American Statistical Association 84 (1989) 1074-1078).

    Parameters
    ----------
    matched : pandas.DataFrame
        Columns `time` (months), `event` (category, the first level censored), `group` (0, 1),
        `weight` and `matched_set`.

    Returns
    -------
    GroupTest

    Examples
    --------
    >>> matched = pd.DataFrame({
    ...     "time": [1, 2, 3, 4], "group": [0, 1, 0, 1], "weight": 1.0, "matched_set": [1, 1, 2, 2],
    ...     "event": pd.Categorical(["died", "censored", "died", "died"], ["censored", "died"])})
    >>> round(compare_survival(matched).p_value, 3)
    0.157
    """
    died = (matched["event"].cat.codes > 0).to_numpy()
    if has_complete_sets(matched):
        from seermatch.kaplan_meier import logrank_test

        test = logrank_test(matched["time"].to_numpy(), died, matched["group"].to_numpy())
        return GroupTest(test.statistic, test.df, test.p_value)
    return _score_test(matched, died.astype(int))


def compare_incidence(matched: pd.DataFrame, cause: int = 1) -> GroupTest:
    """Test whether the cumulative incidence of a cause is equal in both groups.

    Gray's test where all sets are complete; otherwise the weighted score test of the Fine-Gray
    model, with the score summed within matched sets (Zhou et al., Biostatistics 13 (2012) 371-383).

    Parameters
    ----------
    matched : pandas.DataFrame
        As in `compare_survival`.
    cause : int
        Code of the cause among the levels of `event`.

    Returns
    -------
    GroupTest

    Examples
    --------
    >>> matched = pd.DataFrame({
    ...     "time": [1, 2, 3, 4], "group": [0, 1, 0, 1], "weight": 1.0, "matched_set": [1, 1, 2, 2],
    ...     "event": pd.Categorical(["a", "b", "a", "a"], ["censored", "a", "b"])})
    >>> compare_incidence(matched).df
    1
    """
    event = matched["event"].cat.codes.to_numpy(int)
    if has_complete_sets(matched):
        from seermatch.gray import gray_test

        test = gray_test(matched["time"], event, matched["group"], cause=cause)
        return GroupTest(test.statistic, test.df, test.p_value)
    # The score test takes the cause of interest as code 1.
    others = np.where(event == 0, 0, 2)
    return _score_test(matched, np.where(event == cause, 1, others))


def _score_test(matched: pd.DataFrame, event: np.ndarray) -> GroupTest:
    from seermatch.fine_gray import score_test

    return GroupTest(
        *score_test(
            matched["time"],
            event,
            matched[["group"]].to_numpy(float),
            weights=matched["weight"].to_numpy(),
            clusters=matched["matched_set"].to_numpy(),
        )
    )
