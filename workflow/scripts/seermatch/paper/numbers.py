"""Numbers as a paper prints them: what they say, and how far rounding may have moved them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seermatch.errors import StudyError

NUMBER = re.compile(r"([<>≤≥]?)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf)", re.IGNORECASE)
INTERVAL = re.compile(r"\s+to\s+|–|(?<=\d)-(?=\d)")


@dataclass(frozen=True)
class PrintedNumber:
    """A number as printed, and how far rounding may have moved it.

    Attributes
    ----------
    text : str
        As printed.
    value : float
        Its value; infinite for ``Inf``.
    half_unit : float
        Half a unit of the last printed digit.
    bound : str
        ``"<"`` or ``">"`` where only a bound is printed, otherwise empty.
    """

    text: str
    value: float
    half_unit: float
    bound: str = ""

    @property
    def low(self) -> float:
        """Smallest number that is printed like this."""
        return -np.inf if self.bound == "<" else self.value - (0 if self.bound else self.half_unit)

    @property
    def high(self) -> float:
        """Largest number that is printed like this."""
        return np.inf if self.bound == ">" else self.value + (0 if self.bound else self.half_unit)

    def covers(self, low: float, high: float | None = None) -> bool:
        """Whether a number, or some number of a range, would be printed like this."""
        # the last bits of a half unit must not decide
        slack = 1e-9 * max(abs(self.value), self.half_unit)
        return low <= self.high + slack and (low if high is None else high) >= self.low - slack


def parse_number(text: str) -> PrintedNumber | None:
    """Read a printed number.

    Parameters
    ----------
    text : str
        For example ``"1,170"``, ``"0.450"``, ``"<0.001"``, ``"5.48e5"`` or ``"Inf"``.

    Returns
    -------
    PrintedNumber or None
        None for an empty cell and for ``NA``.

    Raises
    ------
    StudyError
        If the text is no number.

    Examples
    --------
    >>> parse_number("5.48e5")
    PrintedNumber(text='5.48e5', value=548000.0, half_unit=500.0, bound='')
    >>> parse_number("<0.001").covers(0.0004), parse_number("0.450").covers(0.4521)
    (True, False)
    """
    text = text.strip()
    if text.upper() in ("", "NA"):
        return None
    plain = plain_label(text).replace(",", "").replace("∞", "inf")
    match = NUMBER.fullmatch(plain)
    if match is None:
        raise StudyError(f"'{text}' is not a printed number; write for example 0.45, <0.001, 5e5.")
    bound, digits = match.groups()
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    value = float(digits)
    half_unit = 0.0 if np.isinf(value) else 0.5 * 10.0**-decimals
    return PrintedNumber(text, value, half_unit, {"≤": "<", "≥": ">"}.get(bound, bound))


def parse_interval(text: str) -> tuple[PrintedNumber | None, PrintedNumber | None]:
    """Read a printed interval.

    Parameters
    ----------
    text : str
        Two numbers with ``to``, an en dash or a hyphen between them.

    Returns
    -------
    tuple of PrintedNumber
        Two None for an empty cell.

    Raises
    ------
    StudyError
        If there are not two numbers.

    Examples
    --------
    >>> [end.value for end in parse_interval("493 to 1.18e4")]
    [493.0, 11800.0]
    >>> [end.value for end in parse_interval("1.049–1.090")]
    [1.049, 1.09]
    """
    if text.strip().upper() in ("", "NA"):
        return None, None
    ends = INTERVAL.split(text.strip())
    if len(ends) != 2:
        raise StudyError(f"'{text}' is not a printed interval; write for example 0.5 to 1.3.")
    return parse_number(ends[0]), parse_number(ends[1])


def plain_label(text: str) -> str:
    """Give a printed label its stored spelling, with hyphens for dashes and minus signs.

    Parameters
    ----------
    text : str
        For example ``"T1–T2"``.

    Returns
    -------
    str
        ASCII dashes only.

    Examples
    --------
    >>> plain_label("T1–T2"), plain_label("HR−/HER2−")
    ('T1-T2', 'HR-/HER2-')
    """
    return re.sub("[‐‑‒–—−]", "-", text).strip()


def padded(numbers: Sequence[PrintedNumber | None], probabilities: bool = False) -> bool:
    """Tell whether the numbers of a column were rounded to a digit less and padded with a zero.

    Parameters
    ----------
    numbers : sequence of PrintedNumber or None
        A column.
    probabilities : bool, default False
        For p-values: those below 0.1 are left out, as two significant digits need three decimals.

    Returns
    -------
    bool
        Whether at least four decimals (a chance of 1 in 10,000) all end in a zero.

    Examples
    --------
    >>> padded([parse_number(p) for p in ("0.003", "0.120", "0.460", "0.770", "0.450")], True)
    True
    >>> padded([parse_number(p) for p in ("0.120", "0.460", "0.771", "0.450")], True)
    False
    """
    texts = [number.text for number in numbers if _may_be_padded(number, probabilities)]
    return len(texts) >= 4 and all(text.endswith("0") for text in texts)


def widen_padded(
    numbers: Sequence[PrintedNumber | None], probabilities: bool = False
) -> list[PrintedNumber | None]:
    """Widen the rounding of a padded column to the digit that was really rounded.

    Parameters
    ----------
    numbers : sequence of PrintedNumber or None
        A column.
    probabilities : bool, default False
        As for `padded`.

    Returns
    -------
    list of PrintedNumber or None
        The column as it was, where it is not padded.

    Examples
    --------
    >>> column = [parse_number(limit) for limit in ("1.070", "4.130", "1.810", "3.060")]
    >>> [number.half_unit for number in widen_padded(column)]
    [0.005, 0.005, 0.005, 0.005]
    """
    if not padded(numbers, probabilities):
        return list(numbers)
    return [
        replace(number, half_unit=10 * number.half_unit)
        if _may_be_padded(number, probabilities)
        else number
        for number in numbers
    ]


def _may_be_padded(number: PrintedNumber | None, probabilities: bool) -> bool:
    if number is None or number.bound or not re.fullmatch(r"\d*\.\d{2,}", number.text):
        return False
    return not probabilities or number.value >= 0.1
