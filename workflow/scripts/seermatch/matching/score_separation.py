"""Cells of one group only: where no propensity score can be estimated.

If a combination of the covariates predicts the group of some patients without error, the logistic
likelihood rises for ever along it, and their probability tends to 0 or 1. Left in, such patients
only stretch the spread of the score, and with it the caliper. Without them the likelihood has a
finite maximum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_labels,
    check_matrix,
    check_names,
    check_numbers,
)
from seermatch.statistics.cones import TOLERANCE, interior_direction

COLUMNS = ("cell", "term", "level", "n_reference", "n_exposed")


@dataclass(frozen=True)
class Cell:
    """Patterns of covariates that hold one group only.

    Attributes
    ----------
    terms, levels : tuple of str
        What tells them: a level of each term, or empty levels where a number is among the terms.
    patterns : numpy.ndarray, shape (m,), bool
    """

    terms: tuple[str, ...]
    levels: tuple[str, ...]
    patterns: np.ndarray


def find_cells(
    X: np.ndarray,
    terms: Sequence[str],
    values: pd.DataFrame,
    n_exposed: np.ndarray,
    n_reference: np.ndarray,
) -> list[Cell]:
    """Find the cells without which the groups overlap in the covariates.

    Parameters
    ----------
    X : numpy.ndarray, shape (m, p)
        Columns of the model without the intercept, for each pattern of covariates; they may depend
        on each other.
    terms : sequence of str, length p
        The term of each column.
    values : pandas.DataFrame, shape (m, terms)
        Each pattern's value of each term.
    n_exposed, n_reference : numpy.ndarray, shape (m,)
        Patients of each pattern.

    Returns
    -------
    list of Cell
        No pattern is in two of them. If the groups do not overlap at all, one of them has no
        pattern outside the cells.

    Raises
    ------
    StudyError
        If an argument is unusable, or they differ in length.

    Notes
    -----
    Patterns separate the groups along a direction d if ``x'd`` is at least 0 where there are
    exposed and at most 0 where there are reference patients, and not 0 everywhere; where it is not
    0 there is one group only. Such directions are looked for by linear programmes, within single
    terms first, then within two, then within all, until there is none among the patterns left. The
    largest possible pool of patterns is left, whatever the sequence (Geyer 2009).

    References
    ----------
    C. J. Geyer. Likelihood inference in exponential families and directions of recession.
    Electronic Journal of Statistics 3 (2009) 259–289.

    Examples
    --------
    Nobody of grade III is exposed:

    >>> values = pd.DataFrame({"grade": pd.Categorical(["I", "II", "III"])})
    >>> X = np.array([[0, 0], [1, 0], [0, 1.0]])
    >>> cells = find_cells(X, ["grade", "grade"], values, np.array([2, 3, 0]), np.array([9, 9, 5]))
    >>> [(cell.terms, cell.levels, cell.patterns.tolist()) for cell in cells]
    [(('grade',), ('III',), [False, False, True])]
    """
    check_columns("values", values, check_names("terms", terms))
    for term in dict.fromkeys(terms):
        check_labels(term, values[term])
    X = check_matrix("X", X, len(values), like="values")
    terms = check_names("terms", terms, X.shape[1])
    n_exposed, n_reference = _check_counts(n_exposed, n_reference, len(values), "values")
    center, scale = X.mean(axis=0), np.abs(X - X.mean(axis=0)).max(axis=0)
    Z = np.column_stack([np.ones(len(X)), (X - center) / np.where(scale > 0, scale, 1)])
    problem = _Problem(Z, np.array(["", *terms]), n_exposed > 0, n_reference > 0)
    inside = np.ones(len(X), dtype=bool)
    cells: list[Cell] = []
    while (n_exposed[inside] > 0).any() and (n_reference[inside] > 0).any():
        culprits, outside = _smallest(problem, inside)
        if not culprits:
            break
        cells += _name(values, culprits, outside, inside, n_exposed > 0)
        inside &= ~outside
    return cells


def describe_cells(
    cells: Sequence[Cell], n_exposed: np.ndarray, n_reference: np.ndarray
) -> pd.DataFrame:
    """Count the patients of cells.

    Parameters
    ----------
    cells : sequence of Cell
    n_exposed, n_reference : numpy.ndarray, shape (m,)
        Patients of each pattern.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`: one row for each term of each cell, which count from 1.

    Raises
    ------
    StudyError
        If an argument is unusable, or they differ in length.
    """
    if not (np.iterable(cells) and all(isinstance(cell, Cell) for cell in cells)):
        raise StudyError("cells: every one must be a Cell, from find_cells.")
    n_exposed, n_reference = _check_counts(n_exposed, n_reference)
    if any(len(cell.patterns) != len(n_exposed) for cell in cells):
        raise StudyError("cells: their patterns and n_exposed differ in number.")
    rows = [
        (
            number,
            *(term, level),
            *(int(counts[cell.patterns].sum()) for counts in (n_reference, n_exposed)),
        )
        for number, cell in enumerate(cells, start=1)
        for term, level in zip(cell.terms, cell.levels, strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"cell": int, "n_reference": int, "n_exposed": int})


def cell_sentences(cells: pd.DataFrame) -> list[str]:
    """Say for a log what each cell is.

    Parameters
    ----------
    cells : pandas.DataFrame
        From `describe_cells`, with in_pool: whether the patients keep a score all the same.

    Returns
    -------
    list of str

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": 1, "term": ["er", "pr"], "level": ["Negative", "Positive"],
    ...     "n_reference": 10, "n_exposed": 0, "in_pool": False})
    >>> cell_sentences(cells)
    ['er: Negative, pr: Positive: 10 reference and 0 exposed patients, outside the pool']
    """
    check_columns("cells", cells, [*COLUMNS, "in_pool"], empty=True)
    for name in ("cell", "term", "level"):
        check_labels(name, cells[name])
    _check_counts(cells["n_exposed"], cells["n_reference"])
    check_binary("in_pool", cells["in_pool"])
    found = []
    for _, cell in cells.groupby("cell"):
        names = [f"{row.term}: {row.level}" if row.level else row.term for row in cell.itertuples()]
        first = cell.iloc[0]
        place = "kept in" if first["in_pool"] else "outside"
        found.append(
            f"{', '.join(names)}: {int(first['n_reference']):,} reference and "
            f"{int(first['n_exposed']):,} exposed patients, {place} the pool"
        )
    return found


def _check_counts(
    n_exposed: np.ndarray, n_reference: np.ndarray, n: int | None = None, like: str = "n_exposed"
) -> tuple[np.ndarray, np.ndarray]:
    n_exposed = check_numbers("n_exposed", n_exposed, n, like=like, low=0)
    return n_exposed, check_numbers("n_reference", n_reference, len(n_exposed), like=like, low=0)


@dataclass(frozen=True)
class _Problem:
    """Patterns with an intercept, the term of each column, and which groups each pattern has."""

    Z: np.ndarray
    terms: np.ndarray
    has_exposed: np.ndarray
    has_reference: np.ndarray

    def separated(self, some: Sequence[str], inside: np.ndarray) -> np.ndarray:
        """Mark the patterns inside that the columns of some terms tell apart from the others."""
        Z = self.Z[:, np.isin(self.terms, ["", *some])]
        sides = np.concatenate([-Z[inside & self.has_exposed], Z[inside & self.has_reference]])
        direction = interior_direction(np.unique(sides, axis=0))
        return inside & (np.abs(Z @ direction) > TOLERANCE)


def _smallest(problem: _Problem, inside: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Find few terms that separate groups, if any do, and the patterns that they separate."""
    terms = list(dict.fromkeys(problem.terms[1:]))
    if not problem.separated(terms, inside).any():
        return [], np.zeros_like(inside)
    for size in (1, 2):
        for some in combinations(terms, size):
            if (outside := problem.separated(some, inside)).any():
                return list(some), outside
    for term in list(terms):
        others = [other for other in terms if other != term]
        if problem.separated(others, inside).any():
            terms = others
    return terms, problem.separated(terms, inside)


def _name(
    values: pd.DataFrame,
    culprits: Sequence[str],
    outside: np.ndarray,
    inside: np.ndarray,
    has_exposed: np.ndarray,
) -> list[Cell]:
    """Name separated patterns by as few terms, and then as few combinations of levels, as do."""
    categorical = list(values.select_dtypes("category").columns)
    for size in range(1, len(culprits) + 1):
        named = [
            cells
            for terms in combinations(categorical, size)
            if (cells := _cells(values, terms, outside, inside, has_exposed))
        ]
        if named:
            return min(named, key=len)
    sides = [outside & has_exposed, outside & ~has_exposed]
    return [Cell(tuple(culprits), ("",) * len(culprits), side) for side in sides if side.any()]


def _cells(
    values: pd.DataFrame,
    terms: tuple[str, ...],
    outside: np.ndarray,
    inside: np.ndarray,
    has_exposed: np.ndarray,
) -> list[Cell]:
    """Split separated patterns by levels; empty if others share them, or they have both groups."""
    code = values.groupby(list(terms), observed=True).ngroup().to_numpy()
    cells = []
    for one in np.unique(code[outside]):
        patterns = inside & (code == one)
        if (patterns & ~outside).any() or len(np.unique(has_exposed[patterns])) > 1:
            return []
        levels = values[list(terms)].iloc[int(np.argmax(patterns))]
        cells.append(Cell(terms, tuple(map(str, levels)), patterns))
    return cells
