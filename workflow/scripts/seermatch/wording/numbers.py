"""How numbers, variables and contrasts are worded in tables, figures and the report."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pandas as pd

from seermatch.disclosure.rule import MASKED, round_count

NOTHING = "–"
NOT_ESTIMABLE = "not estimable"
NO_FONT = "No font of this machine has"  # begins the note of a figure with characters it lacks
_WIDTH = ContextVar("width of the bins of rounded counts", default=0)


def format_p(p: float) -> str:
    """Print a p-value with three decimals, its ends as inequalities.

    Parameters
    ----------
    p : float
        A p-value in [0, 1], or a missing value.

    Returns
    -------
    str
        ``"<0.001"`` below 0.001, ``">0.999"`` above 0.999, empty where missing.

    Examples
    --------
    >>> [format_p(p) for p in (0.0004, 0.002, 0.78, 0.9996, float("nan"))]
    ['<0.001', '0.002', '0.780', '>0.999', '']
    """
    if pd.isna(p):
        return ""
    if p < 0.001:
        return "<0.001"
    return ">0.999" if p > 0.999 else f"{p:.3f}"


def state_p(p: float) -> str:
    """Print a p-value as a statement for running text and figures.

    Parameters
    ----------
    p : float
        A p-value in [0, 1], or a missing value.

    Returns
    -------
    str
        ``"p = 0.780"``, ``"p < 0.001"``, ``"p > 0.999"`` or ``"p not estimable"``.

    Examples
    --------
    >>> state_p(0.78), state_p(1e-9), state_p(float("nan"))
    ('p = 0.780', 'p < 0.001', 'p not estimable')
    """
    text = format_p(p)
    if not text:
        return "p not estimable"
    return f"p {text[0]} {text[1:]}" if text[:1] in ("<", ">") else f"p = {text}"


@contextmanager
def rounded_counts(width: int) -> Iterator[None]:
    """Print counts as what they are where they were rounded: the first bin as at most its end.

    The middle of the first bin is no sum of other middles, so that it always stands for the bin.

    Parameters
    ----------
    width : int
        Width of the bins (`seermatch.disclosure.rule.DisclosureRule.width`); 0: nothing was
        rounded.

    Examples
    --------
    >>> with rounded_counts(5):
    ...     print(format_count(3), format_count(8), format_count(0))
    ≤5 8 0
    """
    token = _WIDTH.set(width)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def format_count(count: float) -> str:
    """Print a number of patients; a weighted one keeps one decimal.

    Parameters
    ----------
    count : float
        A count, or a sum of weights; missing where `seermatch.disclosure` masked it.

    Returns
    -------
    str
        With a comma between thousands, or `MASKED`; within `rounded_counts` the middle of the
        first bin is the bin.

    Examples
    --------
    >>> format_count(283503), format_count(1170.0), format_count(1169.54)
    ('283,503', '1,170', '1,169.5')
    """
    if pd.isna(count):
        return MASKED
    nearest, width = round(count), _WIDTH.get()
    if width and count == round_count(1, width):
        return f"≤{width}"
    return f"{nearest:,}" if abs(count - nearest) < 1e-6 else f"{count:,.1f}"


def format_range(low: float, high: float, decimals: int | None = 3) -> str:
    """Print an interval with an en dash; a word where a sign would meet the dash.

    Parameters
    ----------
    low, high : float
        The two ends.
    decimals : int or None, default 3
        Decimals; None prints the shortest form (``53``, ``52.5``).

    Returns
    -------
    str
        Empty where an end is missing.

    Examples
    --------
    >>> format_range(1.0494, 1.0896), format_range(53, 72.5, None), format_range(-0.2, 0.1, 1)
    ('1.049–1.090', '53–72.5', '−0.2 to 0.1')
    >>> format_range(1.2, float("inf"))
    '1.200–∞'
    """
    if pd.isna(low) or pd.isna(high):
        return ""
    ends = [f"{end:g}" if decimals is None else f"{end:.{decimals}f}" for end in (low, high)]
    dash = " to " if low < 0 else "–"
    return dash.join(ends).replace("-", "\N{MINUS SIGN}").replace("inf", "∞")


def format_ratio(ratio: float) -> str:
    """Print a hazard ratio with three decimals.

    Parameters
    ----------
    ratio : float
        A hazard ratio, or a missing value.

    Returns
    -------
    str
        Empty where missing.

    Examples
    --------
    >>> format_ratio(1.0687), format_ratio(0.0001)
    ('1.069', '<0.001')
    """
    if pd.isna(ratio):
        return ""
    return f"{ratio:.3f}" if ratio >= 0.0005 else "<0.001"


def print_estimate(
    estimate: float, low: float, high: float, decimals: int = 2, *, masked: bool = False
) -> str:
    """Print an estimate with its interval in brackets.

    Parameters
    ----------
    estimate, low, high : float
        Missing ends leave the brackets out.
    decimals : int, default 2
        Decimals of all three.
    masked : bool, default False
        Why the estimate is missing, if it is: it is not published.

    Returns
    -------
    str
        ``"not estimable"`` or ``"masked"`` where the estimate is missing.

    Examples
    --------
    >>> print_estimate(1.5177, 0.947, 2.4324), print_estimate(-0.04, -1.25, 2.0, 1)
    ('1.52 (0.95–2.43)', '0.0 (−1.2 to 2.0)')
    """
    if pd.isna(estimate):
        return MASKED if masked else NOT_ESTIMABLE
    value, low, high = (round(number, decimals) + 0.0 for number in (estimate, low, high))
    text = f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    interval = format_range(low, high, decimals)
    return f"{text} ({interval})" if interval else text


def capitalize(text: str) -> str:
    """Make the first letter a capital and leave the others.

    Examples
    --------
    >>> capitalize("weighted, ATT")
    'Weighted, ATT'
    """
    return text[:1].upper() + text[1:]


def format_signed(value: float) -> str:
    """Print a number with three decimals and a real minus sign.

    Parameters
    ----------
    value : float
        Any number.

    Returns
    -------
    str
        Never ``−0.000``.

    Examples
    --------
    >>> format_signed(-0.1322), format_signed(-0.0001)
    ('−0.132', '0.000')
    """
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "\N{MINUS SIGN}")
