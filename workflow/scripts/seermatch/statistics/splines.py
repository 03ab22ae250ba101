"""Restricted cubic splines for the covariates of a model."""

from collections.abc import Sequence

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_numbers


def natural_spline(x: np.ndarray, knots: Sequence[float]) -> np.ndarray:
    """Restricted cubic spline basis: cubic between knots, straight beyond the outer ones.

    Parameters
    ----------
    x : array_like, shape (n,)
    knots : sequence of float
        Three or more, ascending.

    Returns
    -------
    numpy.ndarray, shape (n, knots - 1)
        The first column is `x`; the others are zero below the first knot.

    Raises
    ------
    StudyError
        If a value is missing or infinite, or the knots are too few or not ascending.

    References
    ----------
    F. E. Harrell. Regression Modeling Strategies. 2nd ed., Springer, 2015, section 2.4.5.

    Examples
    --------
    >>> natural_spline([0, 1, 2, 3, 4], [1, 2, 3]).round(3).tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.25], [3.0, 1.5], [4.0, 3.0]]
    """
    x = check_numbers("x", x).astype(np.float64)
    t = check_numbers("knots", knots).astype(np.float64)
    if len(t) < 3 or (np.diff(t) <= 0).any():
        raise StudyError("knots: give three or more in ascending order.")
    before, last = t[-2:]

    def cube(knot):
        return np.maximum(x - knot, 0) ** 3

    columns = [x]
    for knot in t[:-2]:
        bend = cube(knot)
        bend -= cube(before) * (last - knot) / (last - before)
        bend += cube(last) * (before - knot) / (last - before)
        columns.append(bend / (last - t[0]) ** 2)
    return np.column_stack(columns)
