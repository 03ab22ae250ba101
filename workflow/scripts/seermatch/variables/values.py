"""Values of a variable, record by record, and logic with three values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from seermatch.errors import StudyError
from seermatch.variables.items import (
    check_items,
    in_intervals,
    read_interval,
    take_codes,
    take_labels,
)

FALSE, UNDETERMINED, TRUE = np.int8(0), np.int8(1), np.int8(2)
# Beside the positions of its labels, what a record may hold.
UNKNOWN, NOT_IN_STUDY, UNPLACED = -1, -2, -3
KINDS = ("levels", "codes", "number")


@dataclass(frozen=True)
class Values:
    """What the records hold of a variable.

    Attributes
    ----------
    kind : {"levels", "codes", "number"}
        What the values are.
    labels : tuple of str
        Levels in order, or distinct codes; of a number none.
    codes : numpy.ndarray of int32, shape (n,)
        Position in `labels`; `UNKNOWN`, `NOT_IN_STUDY`, or `UNPLACED` where no level takes the
        value. Of a number 0 where it is known.
    numbers : numpy.ndarray of float, shape (n,), optional
        Of a number; NaN where it is not known.
    top : float, optional
        A number that stands for itself and all above it, as 85 in ``85+ years``.
    unplaced : tuple of labels and codes, optional
        Where any code is `UNPLACED`: what the records hold, for the message.
    known_labels : tuple of str
        What a field may hold beside what the records do.
    missing : tuple of names and codes, optional
        Names of values that mean missing (``"NX"``), and the position of each record's; `UNKNOWN`
        where it has none. A condition may ask for them by name.
    """

    kind: str
    labels: tuple[str, ...]
    codes: np.ndarray
    numbers: np.ndarray | None = None
    top: float | None = None
    unplaced: tuple[tuple[str, ...], np.ndarray] | None = None
    known_labels: tuple[str, ...] = ()
    missing: tuple[tuple[str, ...], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def known(self) -> np.ndarray:
        """Which records have a value that the study takes."""
        return self.codes >= 0


def from_labels(column: pl.Series) -> tuple[list[str], np.ndarray]:
    """Split a column of labels into its distinct labels and the position of each record's.

    Parameters
    ----------
    column : polars.Series of text or categories, length n

    Returns
    -------
    labels : list of str
        Distinct labels in alphabetical order.
    codes : numpy.ndarray of int32, shape (n,)
        -1 where the cell is empty.

    Examples
    --------
    >>> labels, codes = from_labels(pl.Series(["Male", None, "Female", "Male"]))
    >>> labels, codes.tolist()
    (['Female', 'Male'], [1, -1, 0, 1])
    """
    column = column.cast(pl.String) if column.dtype.is_numeric() else column
    labels = sorted(column.drop_nulls().unique().cast(pl.String).to_list())
    codes = column.cast(pl.Enum(labels)).to_physical().cast(pl.Int32).fill_null(UNKNOWN)
    return labels, codes.to_numpy()


def truth(values: Values, items: Sequence[str], name: str = "condition") -> np.ndarray:
    """Tell for which records a variable has one of the items.

    Parameters
    ----------
    values : Values
    items : sequence of str
        Levels, codes or ranges, as the kind of the variable takes them.
    name : str, optional
        Of the variable, for messages.

    Returns
    -------
    numpy.ndarray of int8, shape (n,)
        `TRUE`, `FALSE`, or `UNDETERMINED` where the value is not known and no item names it.

    Raises
    ------
    StudyError
        If neither the records nor the field know an item, or a range needs numbers that the
        exports do not tell apart.

    Examples
    --------
    >>> values = Values("levels", ("No", "Yes"), np.array([0, 1, UNKNOWN, NOT_IN_STUDY]))
    >>> truth(values, ["Yes"]).tolist()
    [0, 2, 1, 0]
    """
    if values.kind == "number":
        refuse_beyond_top(items, values.top, name)
        held = in_intervals(items, values.numbers)
    else:
        codes = values.kind == "codes"
        names, of_record = values.missing or ((), np.array([], dtype=np.int32))
        check_items(items, values.labels, [*values.known_labels, *names], name, codes)
        take = take_codes if codes else take_labels
        of_label = np.append(take(items, values.labels), False)  # behind the last: no value
        held = of_label[np.where(values.codes >= 0, values.codes, len(values.labels))]
    result = np.where(held, TRUE, FALSE)
    result[values.codes == UNKNOWN] = UNDETERMINED
    if values.kind != "number" and names:
        result[np.append(np.isin(names, items), False)[of_record]] = TRUE
    return result


def refuse_beyond_top(items: Sequence[str], top: float | None, where: str) -> None:
    """Refuse ranges that need to tell apart what an export gives as one number and all above.

    Parameters
    ----------
    items : sequence of str
        Ranges of numbers.
    top : float or None
        As in `Values`.
    where : str
        What begins the message.

    Raises
    ------
    StudyError

    Examples
    --------
    >>> refuse_beyond_top(["18-84", "85+"], 85, "age")
    >>> refuse_beyond_top(["18-89"], 85, "age")
    Traceback (most recent call last):
    seermatch.errors.StudyError: age: '18-89' needs single numbers above 85, which the exports \
give as 85+; end at 84 or begin at 85+, or export the field with a higher top.
    """
    if top is None:
        return
    for item in items:
        interval = read_interval(item)
        above = interval.low > top or (interval.low == top and interval.open_low)
        within = interval.high >= top and not (interval.high == top and interval.open_high)
        if above or (within and interval.high != float("inf")):
            raise StudyError(
                f"{where}: '{item}' needs single numbers above {top:g}, which the exports give as "
                f"{top:g}+; end at {top - 1:g} or begin at {top:g}+, or export the field with a "
                "higher top."
            )


def all_of(truths: list[np.ndarray]) -> np.ndarray:
    """Join conditions that must all hold: false if any is, else undetermined if any is."""
    return np.minimum.reduce(truths)


def any_of(truths: list[np.ndarray]) -> np.ndarray:
    """Join conditions of which one is enough: true if any is, else undetermined if any is."""
    return np.maximum.reduce(truths)


def negation(truths: np.ndarray) -> np.ndarray:
    """Turn true into false and false into true; what is undetermined stays so."""
    return TRUE - truths
