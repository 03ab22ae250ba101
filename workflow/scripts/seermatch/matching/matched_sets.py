"""Whether matched sets are complete."""

import pandas as pd

from seermatch.statistics.checks import check_columns, check_weights


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
