"""Design matrices of the models, and linear dependence between their columns in R's terms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_columns, check_matrix, check_names, check_number

# What counts as zero in a model of hazards: where R's coxph finds columns dependent, a share of
# eps ** 0.75 of the information is left, which is 1.3e-6 of the length.
OF_HAZARDS = 2e-6


@dataclass(frozen=True)
class DesignMatrix:
    """Columns of a regression model without the intercept.

    Attributes
    ----------
    X : numpy.ndarray, shape (n, p), float64
        One column per continuous variable and per non-reference level of a categorical one.
    terms : tuple of str
        The variable behind each column, such as ``"grade"``.
    levels : tuple of str
        The level behind each column, such as ``"III"``; empty for a continuous variable.
    names : tuple of str
        ``"grade: III"`` for a level, ``"age"`` for a continuous variable.
    """

    X: np.ndarray
    terms: tuple[str, ...]
    levels: tuple[str, ...]
    names: tuple[str, ...]


def design_matrix(
    frame: pd.DataFrame, variables: Sequence[str], *, setting: str = "matching.covariates"
) -> DesignMatrix:
    """Turn variables into numeric columns, with the first category as the reference level.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per patient; categorical columns have pandas' ``category`` type.
    variables : sequence of str
        Columns of `frame`, in the order in which their terms enter the model.
    setting : str
        The key of the configuration that lists `variables`, for error messages.

    Returns
    -------
    DesignMatrix
        A category without any patient keeps its column, which is then zero and aliased.

    Raises
    ------
    StudyError
        If a variable is absent, is text, has missing or infinite values or does not vary.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [61, 70, 55], "grade": ["III", "I-II", "III"]})
    >>> frame["grade"] = pd.Categorical(frame["grade"], categories=["I-II", "III"])
    >>> design = design_matrix(frame, ["age", "grade"])
    >>> design.names
    ('age', 'grade: III')
    >>> design.X
    array([[61.,  1.],
           [70.,  0.],
           [55.,  1.]])
    """
    columns: list[np.ndarray] = []
    labels: list[tuple[str, str]] = []
    check_columns("frame", frame, [])
    for variable in check_names("variables", variables):
        if variable not in frame.columns:
            raise StudyError(f"{variable}: no such column; correct it in {setting}.")
        values = frame[variable]
        missing = int(values.isna().sum())
        if missing:
            raise StudyError(
                f"{variable} is missing in {missing} of {len(frame)} patients; "
                f"exclude them or remove it from {setting}."
            )
        if isinstance(values.dtype, pd.CategoricalDtype):
            codes = values.cat.codes.to_numpy()
            levels = [str(level) for level in values.cat.categories]
            _require_variation(variable, codes, levels, setting)
            for code, level in enumerate(levels[1:], start=1):
                columns.append(codes == code)
                labels.append((variable, level))
        else:
            if not pd.api.types.is_numeric_dtype(values.dtype):
                raise StudyError(f"{variable} is text; make it a category or a number.")
            numbers = values.to_numpy(dtype=np.float64)
            if not np.isfinite(numbers).all():
                raise StudyError(f"{variable} is infinite for some patients; correct the values.")
            _require_variation(variable, numbers, None, setting)
            columns.append(numbers)
            labels.append((variable, ""))
    X = np.empty((len(frame), len(columns)))
    for j, column in enumerate(columns):
        X[:, j] = column
    return DesignMatrix(
        X=X,
        terms=tuple(term for term, _ in labels),
        levels=tuple(level for _, level in labels),
        names=tuple(f"{term}: {level}" if level else term for term, level in labels),
    )


def _require_variation(
    variable: str, values: np.ndarray, levels: list[str] | None, setting: str
) -> None:
    """Raise StudyError if all values (codes of `levels`, or numbers) are the same."""
    first = values[0]
    if np.any(values != first):
        return
    what = f"one level ({levels[int(first)]})" if levels else f"one value ({first:g})"
    raise StudyError(
        f"{variable} has {what} among the {len(values):,} patients; remove it from {setting}."
    )


def aliased_columns(X: np.ndarray, intercept: bool = True, tolerance: float = 1e-7) -> np.ndarray:
    """Find the columns that depend linearly on earlier ones, as R's ``lm`` does.

    R's limited pivoting (LINPACK ``dqrdc2``) goes through the columns in order and moves one to
    the end if what earlier columns leave of it is shorter than `tolerance` times its own length.
    Such a column is aliased: its coefficient is not estimable and R prints NA.

    Parameters
    ----------
    X : numpy.ndarray, shape (n, p)
        Columns of the model without the intercept.
    intercept : bool
        Whether a column of ones comes first (not in Cox and Fine–Gray models, where a constant
        drops out; there pass True as well, because a constant column is not estimable either).
    tolerance : float
        Relative length below which a remainder counts as zero.

    Returns
    -------
    numpy.ndarray, shape (p,), bool
        True for the aliased columns.

    Examples
    --------
    >>> a, b = np.array([0, 1, 0, 0, 1.0]), np.array([0, 0, 1, 0, 0.0])
    >>> aliased_columns(np.column_stack([a, b, a + b]))
    array([False, False,  True])
    """
    check_number("tolerance", tolerance, 0, 1)
    kept = _independent(_triangle(X, intercept), tolerance)
    return ~kept[1:] if intercept else ~kept


def describe_aliasing(
    X: np.ndarray, names: Sequence[str], intercept: bool = True, tolerance: float = 1e-7
) -> dict[str, str]:
    """Say on which earlier columns each aliased column depends.

    Parameters
    ----------
    X : numpy.ndarray, shape (n, p)
        Columns of the model without the intercept.
    names : sequence of str
        Name of each column.
    intercept, tolerance
        As in `aliased_columns`.

    Returns
    -------
    dict of str to str
        For each aliased column an equation; empty if there is none.

    Examples
    --------
    >>> a, b = np.array([0, 1, 0, 0, 1.0]), np.array([0, 0, 1, 0, 0.0])
    >>> describe_aliasing(np.column_stack([a, b, a + b]), ["bone", "brain", "any"])
    {'any': 'any = bone + brain'}
    >>> describe_aliasing(np.column_stack([a, 1 - a]), ["Positive", "Negative"])
    {'Negative': 'Negative = 1 - Positive'}
    """
    check_number("tolerance", tolerance, 0, 1)
    triangle = _triangle(X, intercept)
    names = check_names("names", names, triangle.shape[1] - intercept)
    kept = _independent(triangle, tolerance)
    all_names = ["", *names] if intercept else list(names)
    described = {}
    for j in np.flatnonzero(~kept):
        earlier = np.flatnonzero(kept[:j])
        coef = np.linalg.lstsq(triangle[:, earlier], triangle[:, j], rcond=None)[0]
        terms = [(c, all_names[k]) for c, k in zip(coef, earlier, strict=True)]
        described[all_names[j]] = f"{all_names[j]} = {_linear_combination(terms)}"
    return described


def _triangle(X: np.ndarray, intercept: bool) -> np.ndarray:
    """Reduce [1, X] to its triangular factor: same lengths and angles, only p rows."""
    X = check_matrix("X", X)
    if intercept:
        X = np.column_stack([np.ones(len(X)), X])
    return np.linalg.qr(X, mode="r")


def _independent(triangle: np.ndarray, tolerance: float) -> np.ndarray:
    """Mark the columns that earlier ones do not explain (Gram–Schmidt, orthogonalised twice)."""
    rows, p = triangle.shape
    basis = np.empty((rows, 0))
    kept = np.zeros(p, dtype=bool)
    for j in range(p):
        column = triangle[:, j]
        length = np.linalg.norm(column)
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        remainder = np.linalg.norm(rest)
        # dqrdc2 takes 1 for the length of a zero column, which makes it aliased
        if remainder >= tolerance * (length or 1.0):
            kept[j] = True
            basis = np.column_stack([basis, rest / remainder])
    return kept


def _linear_combination(terms: list[tuple[float, str]]) -> str:
    """Write coefficients and names as a sum; the intercept has an empty name."""
    text = ""
    for coef, name in terms:
        size = abs(round(coef, 6))
        if size == 0:
            continue
        number = f"{size:g}"
        factor = number if not name else name if number == "1" else f"{number} × {name}"
        if text:
            text += f" - {factor}" if coef < 0 else f" + {factor}"
        else:
            text = f"-{factor}" if coef < 0 else factor
    return text or "0"
