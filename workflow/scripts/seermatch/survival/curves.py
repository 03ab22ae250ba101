"""Step curves at chosen times."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def numbers_at_risk(curve: pd.DataFrame, marks: Sequence[float]) -> np.ndarray:
    """Count the patients of one group that were followed up to chosen times at least.

    Parameters
    ----------
    curve : pandas.DataFrame
        time and n_at_risk, one row per distinct time, in order.
    marks : sequence of float
        Months.

    Returns
    -------
    ndarray (marks,)
        Patients with a follow-up of at least the mark.

    Examples
    --------
    >>> numbers_at_risk(pd.DataFrame({"time": [3, 8], "n_at_risk": [10, 4]}), [0, 3, 5, 9]).tolist()
    [10, 10, 4, 0]
    """
    following = np.searchsorted(curve["time"], marks, side="left")
    return np.append(curve["n_at_risk"], 0)[following]


def estimates_at_marks(
    curve: pd.DataFrame, marks: Sequence[float], estimate: str, start: float
) -> pd.DataFrame:
    """Read a step curve of one group at chosen times.

    Parameters
    ----------
    curve : pandas.DataFrame
        One row per distinct time, in order: time (months), n_at_risk, conf_low, conf_high and the
        column that `estimate` names.
    marks : sequence of float
        Months at which to read the curve.
    estimate : str
        ``"survival"`` or ``"incidence"``.
    start : float
        Value before the first time: 1 for survival, 0 for an incidence.

    Returns
    -------
    pandas.DataFrame
        time, n_at_risk, estimate, conf_low, conf_high.

    Examples
    --------
    >>> curve = pd.DataFrame({"time": [3, 8], "n_at_risk": [10, 4], "survival": [0.9, 0.8],
    ...                       "conf_low": [0.7, 0.6], "conf_high": [0.99, 0.95]})
    >>> estimates_at_marks(curve, [0, 5, 12], "survival", 1.0)[["time", "n_at_risk", "survival"]]
       time  n_at_risk  survival
    0     0         10       1.0
    1     5          4       0.9
    2    12          0       0.8
    """
    last = np.searchsorted(curve["time"], marks, side="right")
    table = {"time": list(marks), "n_at_risk": numbers_at_risk(curve, marks)}
    for column in (estimate, "conf_low", "conf_high"):
        table[column] = np.insert(curve[column].to_numpy(dtype=float), 0, start)[last]
    return pd.DataFrame(table)
