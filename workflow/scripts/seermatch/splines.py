"""Restricted cubic splines for the covariates of a model."""

from collections.abc import Sequence

import numpy as np


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

    References
    ----------
    F. E. Harrell. Regression Modeling Strategies. 2nd ed., Springer, 2015, section 2.4.5.

    Examples
    --------
    >>> natural_spline([0, 1, 2, 3, 4], [1, 2, 3]).round(3).tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.25], [3.0, 1.5], [4.0, 3.0]]
    """
    x, t = np.asarray(x, dtype=np.float64), np.asarray(knots, dtype=np.float64)
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
