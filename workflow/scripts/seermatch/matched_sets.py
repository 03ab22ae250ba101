"""Whether matched sets are complete, and which tests between the groups fit then."""

from dataclasses import dataclass

import pandas as pd

from seermatch.checks import check_columns
from seermatch.event_times import check_weights

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
    check_columns("matched", matched, ["weight"])
    return bool((check_weights(matched["weight"], len(matched), "weight") == 1).all())


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
