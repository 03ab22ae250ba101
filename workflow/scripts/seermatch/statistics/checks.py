"""Checks of what is handed to an estimator: one place, so that every message names the argument.

Each takes the `name` of the argument for messages, then the value; for a column of n values also
`n` and, in `like`, the argument that has so many. Each returns the value, as an array if it is a
column, or raises StudyError saying what is wrong. All are linear in the number of values, and
numbers of a usable type are returned as they are.
"""

import numbers
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from seermatch.errors import StudyError

_NUMBERS = {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty"}


def check_numbers(
    name: str,
    values: Sequence[float],
    n: int | None = None,
    *,
    like: str = "time",
    low: float | None = None,
    finite: bool = True,
) -> np.ndarray:
    """Return a column of numbers as an array, or say what is wrong with it.

    `low` is the smallest value allowed; `finite` tells whether missing and infinite values are
    refused. Text is, even where it spells numbers; a column of objects becomes float64.

    Examples
    --------
    >>> check_numbers("margins", [1.2, 3], low=1)
    array([1.2, 3. ])
    >>> check_numbers("margins", ["1.2", "3"])
    Traceback (most recent call last):
    seermatch.errors.StudyError: margins: numbers are needed, not text such as '1.2'.
    """
    values = _one_column(name, _as_numbers(name, values), n, like)
    if finite and values.dtype.kind == "f":
        bad = ~np.isfinite(values)
        if bad.any():
            raise StudyError(
                f"{name}: missing or infinite in {bad.sum():,} of {len(values):,} values."
            )
    if low is not None and len(values) and values.min() < low:
        raise StudyError(f"{name}: {values.min():g} is out of range; use {low:g} or more.")
    return values


def check_score(
    name: str, values: Sequence[float], n: int | None = None, *, like: str = "time"
) -> np.ndarray:
    """Return propensity scores, missing for patients outside the pool, or say what is wrong.

    Examples
    --------
    >>> check_score("propensity", [0.5, None])
    array([0.5, nan])
    """
    score = check_numbers(name, values, n, like=like, finite=False).astype(np.float64)
    if np.isinf(score).any() or np.isnan(score).all():
        raise StudyError(f"{name}: a score is infinite, or missing for everybody.")
    return score


def check_labels(
    name: str, values: Sequence, n: int | None = None, *, like: str = "time"
) -> np.ndarray:
    """Return a column of labels, such as groups, strata or matched sets, or say what is wrong.

    Examples
    --------
    >>> check_labels("group", ["M0", None], 2)
    Traceback (most recent call last):
    seermatch.errors.StudyError: group: missing or infinite in 1 of 2 values.
    """
    if isinstance(values, list | tuple):  # which numpy makes text of, where there is any
        values = pd.Series(list(values), dtype=None if len(values) else object)
    array = _one_column(name, _as_array(name, values), n, like)
    if array.dtype.kind in "biuU":
        return array
    missing = pd.isna(array)
    if array.dtype.kind == "f":
        missing |= np.isinf(array)
    if missing.any():
        raise StudyError(
            f"{name}: missing or infinite in {missing.sum():,} of {len(array):,} values."
        )
    if array.dtype.kind == "O" and pd.api.types.infer_dtype(array).startswith("mixed"):
        raise StudyError(f"{name}: numbers and text are mixed; use one kind of label.")
    return array


def check_binary(
    name: str, values: Sequence[int], n: int | None = None, *, like: str = "time"
) -> np.ndarray:
    """Return a column of 0 and 1 as bool, or say what is wrong with it.

    Examples
    --------
    >>> check_binary("exposed", [0, 1.0])
    array([False,  True])
    """
    values = _one_column(name, _as_numbers(name, values), n, like)
    if values.dtype.kind == "b":
        return values
    other = (values != 0) & (values != 1)
    if other.any():
        raise StudyError(
            f"{name} must be 0 (reference) or 1 (exposed) for every patient, but "
            f"{other.sum():,} of {len(values):,} have another value or none."
        )
    return values == 1


def check_matrix(
    name: str, X: np.ndarray, n: int | None = None, *, like: str = "time"
) -> np.ndarray:
    """Return a matrix of finite numbers as float64, or say what is wrong with it.

    Examples
    --------
    >>> check_matrix("X", [[1, 2], [3, 4]], 2)
    array([[1., 2.],
           [3., 4.]])
    """
    X = _as_numbers(name, X)
    if X.ndim != 2:
        raise StudyError(f"{name} must be a matrix of a row per patient, not of shape {X.shape}.")
    if n is not None and len(X) != n:
        raise StudyError(f"{name} has {len(X):,} rows, but {like} has {n:,}; they must agree.")
    X = X.astype(np.float64, copy=False)
    if not np.isfinite(X).all():
        raise StudyError(f"{name}: a value is missing or infinite; exclude those patients.")
    return X


def check_number(
    name: str,
    value: float,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    closed: bool = False,
    whole: bool = False,
) -> float:
    """Return a number within limits, or say what is wrong with it.

    `closed` allows the finite limits themselves; `whole` only whole numbers.

    Examples
    --------
    >>> check_number("confidence", 0.95, 0, 1)
    0.95
    >>> check_number("confidence", 95, 0, 1)
    Traceback (most recent call last):
    seermatch.errors.StudyError: confidence must be a number between 0 and 1, not 95.
    """
    usable = isinstance(value, numbers.Real) and not isinstance(value, bool) and np.isfinite(value)
    within = usable and (low <= value <= high if closed else low < value < high)
    if within and (not whole or value == int(value)):
        return value
    kind = "a whole number" if whole else "a number"
    if np.isfinite(low) and np.isfinite(high):
        kind += f" from {low:g} to {high:g}" if closed else f" between {low:g} and {high:g}"
    elif np.isfinite(low):
        kind += f" of {low:g} or more" if closed else f" above {low:g}"
    shown = f"{value:g}" if usable else repr(value)
    raise StudyError(f"{name} must be {kind}, not {shown}.")


def check_choice(name: str, value: str, choices: Collection[str]) -> str:
    """Return one of several words, or say which there are.

    Examples
    --------
    >>> check_choice("estimand", "ATX", ("ATT", "ATE"))
    Traceback (most recent call last):
    seermatch.errors.StudyError: estimand: 'ATX' is none of ATT, ATE.
    """
    if not isinstance(value, str) or value not in choices:
        raise StudyError(f"{name}: {value!r} is none of {', '.join(choices)}.")
    return value


def check_names(name: str, values: Sequence[str], n: int | None = None) -> list[str]:
    """Return a sequence of names as a list, or say what is wrong with it.

    A single text is refused, because it would be taken for its letters.

    Examples
    --------
    >>> check_names("terms", ["age"], 2)
    Traceback (most recent call last):
    seermatch.errors.StudyError: terms: 1 name for 2 columns; give one for each.
    """
    if isinstance(values, str) or not np.iterable(values):
        raise StudyError(f"{name} must be a sequence of names, not {values!r}.")
    names = list(values)
    if not all(isinstance(value, str) for value in names):
        raise StudyError(f"{name}: every name must be text.")
    if n is not None and len(names) != n:
        some = "1 name" if len(names) == 1 else f"{len(names)} names"
        columns = "1 column" if n == 1 else f"{n} columns"
        raise StudyError(f"{name}: {some} for {columns}; give one for each.")
    return names


def check_weights(
    weights: Sequence[float], n: int, name: str = "weights", *, like: str = "time"
) -> np.ndarray:
    """Return case weights as an array, or say what is wrong with them.

    Examples
    --------
    >>> check_weights([1, 0.5], 2)
    array([1. , 0.5])
    """
    weights = check_numbers(name, weights, n, like=like, finite=False)
    weights = weights.astype(np.float64, copy=False)
    if not (len(weights) and weights.min() >= 0 and 0 < weights.max() < np.inf):
        raise StudyError(
            f"{name}: every weight must be a number of zero or more, and not all of them zero."
        )
    return weights


def check_columns(
    name: str, frame: pd.DataFrame, columns: Sequence[str], *, empty: bool = False
) -> None:
    """Refuse a frame without patients or without some of the columns needed.

    `empty` tells whether it may be without patients.

    Examples
    --------
    >>> check_columns("matched", pd.DataFrame({"time": [1]}), ["time", "event"])
    Traceback (most recent call last):
    seermatch.errors.StudyError: matched: there is no column event.
    """
    if not isinstance(frame, pd.DataFrame):
        raise StudyError(f"{name} must be a data frame, not {type(frame).__name__}.")
    lacking = [column for column in columns if column not in frame.columns]
    if lacking:
        raise StudyError(f"{name}: there is no column {', '.join(lacking)}.")
    if len(frame) == 0 and not empty:
        raise StudyError(f"{name}: no patient is left.")


def check_times(time: Sequence[float]) -> np.ndarray:
    """Return follow-up times as an array of the type given, or say what is wrong with them.

    Examples
    --------
    >>> check_times([3, 5])
    array([3, 5])
    """
    time = check_numbers("time", time, finite=False)
    if time.size == 0:
        raise StudyError("time: there are no patients.")
    # without missing ones the smallest and the largest time tell all
    if not (time.min() >= 0 and time.max() < np.inf):
        wrong = ~(np.isfinite(time) & (time >= 0))
        raise StudyError(
            f"time is missing or negative in {wrong.sum()} of {time.size} patients; exclude them."
        )
    return time


def check_hazards(offset: np.ndarray | None, happened: np.ndarray) -> None:
    """Refuse an offset of ``-inf`` for somebody with the event."""
    if offset is not None and np.isneginf(offset[happened]).any():
        raise StudyError("offset: a patient with the event must have a hazard, not -inf.")


def column_names(X: np.ndarray | pd.DataFrame, p: int) -> tuple[str, ...]:
    """Name the columns of a design: as the frame does, or x1, x2, ..."""
    if isinstance(X, pd.DataFrame):
        return tuple(check_names("X", [str(name) for name in X.columns], p))
    return tuple(f"x{j + 1}" for j in range(p))


def _as_array(name: str, values) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        values = np.where(np.ma.getmaskarray(values), None, values.data)
    try:
        return np.asarray(values)
    except ValueError:  # rows of different lengths
        raise StudyError(f"{name}: the rows differ in length.") from None


def _as_numbers(name: str, values) -> np.ndarray:
    array = _as_array(name, values)
    if array.dtype.kind in "biuf":
        return array
    kind = pd.api.types.infer_dtype(array.ravel(), skipna=True)
    if array.dtype.kind == "O" and (kind in _NUMBERS or all(map(_is_number, array.ravel()))):
        # missing values of any kind become nan
        flat = pd.to_numeric(pd.Series(array.ravel(), dtype=object), errors="coerce")
        return flat.to_numpy(np.float64, na_value=np.nan).reshape(array.shape)
    text = next((value for value in array.ravel() if isinstance(value, str)), None)
    if text is None:
        raise StudyError(f"{name}: numbers are needed, not {kind}.")
    raise StudyError(f"{name}: numbers are needed, not text such as {str(text)!r}.")


def _is_number(value) -> bool:
    """Tell of a value among others, such as bool among whole numbers."""
    return isinstance(value, numbers.Real | np.bool_) or value is None or value is pd.NA


def _one_column(name: str, values: np.ndarray, n: int | None, like: str) -> np.ndarray:
    if values.ndim != 1:
        raise StudyError(f"{name}: one column is needed, not an array of shape {values.shape}.")
    if n is not None and len(values) != n:
        raise StudyError(
            f"{name} has {len(values):,} values, but {like} has {n:,}; they must agree."
        )
    return values
