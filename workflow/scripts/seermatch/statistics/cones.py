"""Cones of linear inequalities: directions inside them, and directions in which nothing changes."""

import numpy as np

from seermatch.statistics.checks import check_matrix

TOLERANCE = 1e-6  # of values of x'd, which are of size 1


def interior_direction(rows: np.ndarray) -> np.ndarray:
    """Find a direction inside a cone: ``rows d < 0`` wherever the cone allows it.

    Parameters
    ----------
    rows : numpy.ndarray, shape (m, p)
        The cone is ``{d: rows d <= 0}``, without directions in which all rows are 0.

    Returns
    -------
    numpy.ndarray, shape (p,)
        Zero if the cone holds nothing else.

    Raises
    ------
    StudyError
        If a value is missing or infinite.

    Examples
    --------
    >>> interior_direction(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    array([-1.,  0.])
    """
    rows = check_matrix("rows", rows)
    flat = flat_directions(rows).T
    active = np.zeros(len(rows), dtype=bool)
    active[:: max(1, len(rows) // 500)] = True
    direction = np.zeros(rows.shape[1])
    strict = np.zeros(len(rows), dtype=bool)
    while not strict.all():
        found = _farthest(-rows[~strict].sum(axis=0), rows, flat, active)
        more = ~strict & (rows @ found < -TOLERANCE)
        if not more.any():
            break
        direction += found
        strict |= more
    return direction


def flat_directions(rows: np.ndarray) -> np.ndarray:
    """Find an orthonormal basis, in columns, of the directions in which all rows are 0."""
    rows = check_matrix("rows", rows)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    # rows of equal values are 0 up to rounding, and rows that differ are of size 1
    return vectors[:, values <= 1e-12 * max(values[-1], 1e-6)]


def _farthest(
    objective: np.ndarray, rows: np.ndarray, flat: np.ndarray, active: np.ndarray
) -> np.ndarray:
    """Maximise ``objective'd`` over ``rows d <= 0`` within ±1; `active` rows grow as needed."""
    from scipy.optimize import linprog

    norm = np.abs(objective).max() or 1.0
    while True:
        solution = linprog(
            -objective / norm,
            A_ub=rows[active],
            b_ub=np.zeros(np.count_nonzero(active)),
            A_eq=flat if len(flat) else None,
            b_eq=np.zeros(len(flat)) if len(flat) else None,
            bounds=(-1, 1),
            options={"primal_feasibility_tolerance": 1e-9},
        )
        if solution.x is None:
            raise RuntimeError(f"linear programme for separation: {solution.message}")
        excess = np.where(active, 0, rows @ solution.x)
        violated = np.flatnonzero(excess > 1e-8)
        if not violated.size:
            return solution.x
        active[violated[np.argsort(excess[violated])[-200:]]] = True
