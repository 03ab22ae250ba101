"""What a level, a criterion or a list of unknowns takes: labels, codes and numbers."""

import difflib
import itertools
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from seermatch.errors import StudyError

CODE = re.compile(r"([A-Za-z]*)(\d+)$")
ROMAN, DIGITS = "IVX", "0123456789"


@dataclass(frozen=True)
class Interval:
    """A range of numbers.

    Attributes
    ----------
    low, high : float
        Its ends, -inf or inf where it has none.
    open_low, open_high : bool
        Whether an end is left out, as by ``>`` and ``<``.
    """

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        """Tell which numbers lie in the range; NaN in none.

        Examples
        --------
        >>> read_interval("18+").holds(np.array([17, 18, np.nan])).tolist()
        [False, True, False]
        """
        above = numbers > self.low if self.open_low else numbers >= self.low
        below = numbers < self.high if self.open_high else numbers <= self.high
        return above & below


def read_interval(text: str) -> Interval:
    """Read a range of numbers as a study file writes it.

    Parameters
    ----------
    text : str
        ``18+``, ``0-11`` (both ends included), ``>10-20`` and ``10-<20`` (one left out), ``<=50``,
        ``<50``, ``>=50``, ``>50`` or ``7``.

    Returns
    -------
    Interval

    Raises
    ------
    StudyError
        If the text is no range, or runs backwards.

    Examples
    --------
    >>> read_interval("0.1-4")
    Interval(low=0.1, high=4.0, open_low=False, open_high=False)
    """
    number = r"(-?\d+(?:\.\d+)?)"
    compact = text.replace(" ", "").replace("\N{EN DASH}", "-")
    if found := re.fullmatch(number, compact):
        return Interval(float(found[1]), float(found[1]))
    if found := re.fullmatch(rf"{number}\+", compact):
        return Interval(float(found[1]), math.inf)
    if found := re.fullmatch(rf"(>?){number}-(<?){number}", compact):
        low, high = float(found[2]), float(found[4])
        if low > high:
            raise StudyError(f"'{text}' runs backwards; write {found[4]}-{found[2]}.")
        return Interval(low, high, open_low=bool(found[1]), open_high=bool(found[3]))
    if found := re.fullmatch(rf"([<>])(=?){number}", compact):
        open_end, end = not found[2], float(found[3])
        if found[1] == "<":
            return Interval(-math.inf, end, open_high=open_end)
        return Interval(end, math.inf, open_low=open_end)
    raise StudyError(f"'{text}' is no number; write 18+, 0-11, <=50 or >50, or a list of these.")


def in_intervals(items: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    """Tell which numbers lie in any of the ranges.

    Examples
    --------
    >>> in_intervals(["0", "10-19", "20+"], np.array([0.0, 5, 25])).tolist()
    [True, False, True]
    """
    taken = np.zeros(len(numbers), dtype=bool)
    for item in items:
        taken |= read_interval(item).holds(numbers)
    return taken


def take_codes(items: Sequence[str], codes: Sequence[str]) -> np.ndarray:
    """Tell which codes the items take.

    Parameters
    ----------
    items : sequence of str
        ``8140``, ``8140-8147``, ``C180-C184`` or ``T1*``.
    codes : sequence of str
        Distinct codes, as they stand in the records.

    Returns
    -------
    numpy.ndarray of bool
        One per code. A code with leading zeros is the same number: ``00`` takes ``0``, and
        ``8-20`` takes ``08``.

    Raises
    ------
    StudyError
        If a range runs backwards or from one letter to another.

    Examples
    --------
    >>> take_codes(["C180-C184", "8500"], ["C182", "C189", "8500", "182"]).tolist()
    [True, False, True, False]
    """
    taken = np.zeros(len(codes), dtype=bool)
    for item in items:
        taken |= _take_code(item, codes)
    return taken


def _take_code(item: str, codes: Sequence[str]) -> np.ndarray:
    ends = [item, item] if CODE.match(item) else item.split("-")
    if item.endswith("*") or len(ends) != 2 or not all(map(CODE.match, ends)):
        return take_labels([item], codes)
    (prefix, low), (other, high) = (CODE.match(end).groups() for end in ends)
    if prefix.upper() != other.upper():
        raise StudyError(
            f"'{item}' runs from {prefix or 'a digit'} to {other or 'a digit'}; list both."
        )
    if int(low) > int(high):
        raise StudyError(f"'{item}' runs backwards; write {ends[1]}-{ends[0]}.")
    found = [CODE.match(code) for code in codes]
    return np.array(
        [
            bool(code)
            and code[1].upper() == prefix.upper()
            and int(low) <= int(code[2]) <= int(high)
            for code in found
        ],
        dtype=bool,
    )


def take_labels(items: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Tell which labels the items take: each itself, and ``X*`` also its subdivisions.

    Parameters
    ----------
    items : sequence of str
        Labels, or ``X*``: X and whatever follows it without making its numeral longer, so that
        ``I*`` takes IA and not II, ``T1*`` takes T1mi and not T10.
    labels : sequence of str
        Distinct labels.

    Returns
    -------
    numpy.ndarray of bool
        One per label.

    Examples
    --------
    >>> take_labels(["T1*", "T2"], ["T1", "T1mi", "T10", "T2", "T2a"]).tolist()
    [True, True, False, True, False]
    >>> take_labels(["III*"], ["III", "IIIA", "IIIC", "IV"]).tolist()
    [True, True, True, False]
    """
    return np.array([any(_is_taken(item, label) for item in items) for label in labels], dtype=bool)


def _is_taken(item: str, label: str) -> bool:
    if not item.endswith("*"):
        return item == label
    stem = item[:-1]
    if not label.startswith(stem):
        return False
    rest = label[len(stem) :]
    for numeral in (DIGITS, ROMAN):
        if stem and rest and stem[-1] in numeral:
            return rest[0] not in numeral
    return True


def check_items(
    items: Sequence[str], labels: Collection[str], known: Collection[str], where: str, codes: bool
) -> None:
    """Refuse an item that no record and no list of known labels knows.

    Parameters
    ----------
    items : sequence of str
        As `take_labels` or, with `codes`, `take_codes` takes them.
    labels : collection of str
        Labels that the records hold.
    known : collection of str
        Labels that the field may hold beside these.
    where : str
        What begins the message: ``"surgery, level Lobectomy"``.
    codes : bool
        Whether the values are codes, of which any within a range may be absent.

    Raises
    ------
    StudyError
        With the nearest label, or with the label that two neighbours make together.

    Examples
    --------
    >>> check_items(["Femal"], ["Male", "Female"], [], "sex", codes=False)
    Traceback (most recent call last):
    seermatch.errors.StudyError: sex: no value is called 'Femal'; did you mean 'Female'?
    """
    every = list(dict.fromkeys([*labels, *known]))
    _refuse_split_label(items, every, where)
    take = take_codes if codes else take_labels
    for item in items:
        if take([item], every).any():
            continue
        if codes and (CODE.match(item) or "-" in item) and not item.endswith("*"):
            continue
        near = difflib.get_close_matches(item, every, n=1, cutoff=0.5)
        shown = ", ".join(repr(str(label)) for label in every[:8])
        offer = f"did you mean {str(near[0])!r}?" if near else f"the values are {shown}."
        if not every:
            offer = "no record has a value of it."
        raise StudyError(f"{where}: no value is called {str(item)!r}; {offer}")


def _refuse_split_label(items: Sequence[str], labels: list[str], where: str) -> None:
    squeezed = {re.sub(r"\W+", " ", label).strip().lower(): label for label in labels}
    for before, after in itertools.pairwise(items):
        joined = re.sub(r"\W+", " ", f"{before}, {after}").strip().lower()
        if (label := squeezed.get(joined)) and not (before in labels and after in labels):
            raise StudyError(
                f"{where}: '{before}' and '{after}' are one label that a comma has split; "
                f'write "{label}", in quotes.'
            )
