"""Comparisons that keep a finite estimate among terms whose own estimates are infinite.

Where two coefficients run to infinity together, their difference does not. In terms of patients:
those left in the risk sets at the end of the recession can be compared with each other, whatever
the coding of the terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_binary, check_matrix
from seermatch.statistics.design_matrix import DesignMatrix
from seermatch.survival.separation import Separation


@dataclass(frozen=True)
class FiniteContrast:
    """Two kinds of patients who can be compared.

    Attributes
    ----------
    patients, against : tuple of tuple of str
        Term and level of each factor in which they differ, such as ``(("er", "Negative"),)``.
    vector : numpy.ndarray, shape (p,)
        Weights of the estimated coefficients in the log hazard ratio.
    """

    patients: tuple[tuple[str, str], ...]
    against: tuple[tuple[str, str], ...]
    vector: np.ndarray


def finite_contrasts(
    design: DesignMatrix,
    estimated: np.ndarray,
    recession: Separation,
    reference_levels: Mapping[str, str],
) -> list[FiniteContrast]:
    """Find the comparisons of separated terms that have a finite estimate.

    Parameters
    ----------
    design : DesignMatrix
        Columns of the model, with those that are aliased.
    estimated : numpy.ndarray, shape (columns,), bool
        False for the aliased columns.
    recession : Separation
        Of the p estimated columns.
    reference_levels : mapping
        Reference level per factor.

    Returns
    -------
    list of FiniteContrast
        Between every two kinds of patients left in the risk sets who differ in factors with an
        infinite coefficient: levels of one factor, or levels of several that go together. Left
        out are those that the table of coefficients holds, or that are made up of others.
        Patients are compared with the kind that is more frequent.

    Raises
    ------
    StudyError
        If `estimated` or `recession` is not of the columns of `design`, or a factor has no
        reference level.

    Examples
    --------
    No event in level A, so the other two are infinitely far from it, but not from each other:

    >>> import pandas as pd
    >>> from seermatch.statistics.design_matrix import design_matrix
    >>> from seermatch.survival.event_times import EventTimes
    >>> from seermatch.survival.separation import find_separation
    >>> stage = pd.Categorical(["A", "B", "C", "A", "B", "C", "C"])
    >>> design = design_matrix(pd.DataFrame({"stage": stage}), ["stage"])
    >>> found = find_separation(EventTimes(range(1, 8), [0, 1, 1, 0, 1, 1, 0]), design.X)
    >>> finite_contrasts(design, np.array([True, True]), found, {"stage": "A"})
    [FiniteContrast(patients=(('stage', 'B'),), against=(('stage', 'C'),), \
vector=array([ 1., -1.]))]
    """
    check_matrix("design", design.X)
    estimated = check_binary("estimated", estimated, len(design.names), like="design")
    if len(recession.infinite) != estimated.sum() or len(recession.offset) != len(design.X):
        raise StudyError("recession must be of the estimated columns and patients of design.")
    infinite = np.zeros(len(design.names), dtype=bool)
    infinite[estimated] = recession.infinite
    terms = [
        term
        for term in dict.fromkeys(design.terms)
        if any(infinite[j] and design.levels[j] for j in _columns_of(design, term))
    ]
    if lacking := [term for term in terms if term not in reference_levels]:
        raise StudyError(f"reference_levels: there is none for {', '.join(lacking)}.")
    columns = [j for term in terms for j in _columns_of(design, term)]
    left = np.isfinite(recession.offset)
    kinds, sizes = np.unique(design.X[np.ix_(left, columns)], axis=0, return_counts=True)
    kinds = kinds[np.argsort(-sizes, kind="stable")]
    found: dict[tuple, FiniteContrast] = {}
    for more, fewer in combinations(kinds, 2):
        difference = np.zeros(len(design.names))
        difference[columns] = fewer - more
        by_term = [
            np.where(np.array(design.terms) == term, difference, 0)[estimated] for term in terms
        ]
        vector = difference[estimated]
        parts = [part for part in by_term if part.any()]
        made_up = len(parts) > 1 and not all(map(recession.is_infinite, parts))
        known = tuple(vector) in found or tuple(-vector) in found
        if made_up or known or not vector[recession.infinite].any():
            continue
        if not recession.is_infinite(vector):
            differing = [t for t in terms if difference[_columns_of(design, t)].any()]
            kinds_of = [
                tuple((t, _level(design, columns, kind, t, reference_levels)) for t in differing)
                for kind in (fewer, more)
            ]
            found[tuple(vector)] = FiniteContrast(*kinds_of, vector)
    return list(found.values())


def _columns_of(design: DesignMatrix, term: str) -> list[int]:
    return [j for j, name in enumerate(design.terms) if name == term]


def _level(design, columns, kind, term, reference_levels) -> str:
    """Find the level of a term that a kind of patients has."""
    level = reference_levels[term]
    for j, value in zip(columns, kind, strict=True):
        if value and design.terms[j] == term:
            level = design.levels[j]
    return level
