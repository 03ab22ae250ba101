"""The rule by which small counts are kept out of what is published."""

from dataclasses import dataclass

from seermatch.errors import StudyError

MASKED = "masked"  # for small counts and for those that would give them away
SUPPRESS, ROUND = METHODS = ("suppress", "round")


@dataclass(frozen=True)
class DisclosureRule:
    """Which counts are small, and what is done about them.

    Attributes
    ----------
    minimum_count : int
        Smallest count above 0 that is published; 0 or 1 protects nothing.
    method : {"suppress", "round"}
        ``suppress`` masks small counts and those that would give them away; ``round`` prints
        every part of a table as a bin as wide as `minimum_count`.

    Raises
    ------
    StudyError
        If the number is negative or not whole, or the method is unknown.

    Examples
    --------
    >>> DisclosureRule(5).active, DisclosureRule(0).active
    (True, False)
    """

    minimum_count: int
    method: str = SUPPRESS

    def __post_init__(self):
        number = self.minimum_count
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise StudyError(f"minimum_count is {number!r}; give a whole number, 0 or more.")
        if self.method not in METHODS:
            raise StudyError(f"method is {self.method!r}; choose 'suppress' or 'round'.")

    @property
    def active(self) -> bool:
        """Whether anything is protected."""
        return self.minimum_count >= 2

    @property
    def rounds(self) -> bool:
        """Whether counts are rounded instead of masked."""
        return self.active and self.method == ROUND

    @property
    def width(self) -> int:
        """Width of the bins as which counts are published; 0 where they are not rounded."""
        return self.minimum_count if self.rounds else 0


def disclosure_note(rule: DisclosureRule) -> str:
    """Say below a table what is masked.

    Parameters
    ----------
    rule : DisclosureRule
        The study's.

    Returns
    -------
    str
        A sentence without its capital; empty if nothing is protected.

    Examples
    --------
    >>> disclosure_note(DisclosureRule(5))
    'masked: counts of 1–4, and others from which they could be computed.'
    >>> disclosure_note(DisclosureRule(5, "round"))
    'rounded: all counts, to the middles of bins of 5 (≤5 stands for 1–5, and counts as 3 in \
sums and in files of numbers; 8 stands for 6–10); sums add rounded parts, and what is computed \
from counts is as coarse.'
    """
    return "{}: {}.".format(*protected_counts(rule)) if rule.active else ""


def protected_counts(rule: DisclosureRule) -> tuple[str, str]:
    """Say how counts are protected, and which.

    Parameters
    ----------
    rule : DisclosureRule
        One that is active.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> protected_counts(DisclosureRule(5))
    ('masked', 'counts of 1–4, and others from which they could be computed')
    """
    width, few = rule.minimum_count, rule.minimum_count - 1
    if not rule.rounds:
        return MASKED, f"counts of 1–{few}, and others from which they could be computed"
    first, second = round_count(1, width), round_count(width + 1, width)
    return "rounded", (
        f"all counts, to the middles of bins of {width} (≤{width} stands for 1–{width}, and counts "
        f"as {first} in sums and in files of numbers; {second} stands for "
        f"{width + 1}–{2 * width}); sums add rounded parts, and what is computed from counts is "
        "as coarse"
    )


def disclosure_limits(rule: DisclosureRule) -> str:
    """Say what is masked, and what the method does not protect against.

    Parameters
    ----------
    rule : DisclosureRule
        The study's.

    Returns
    -------
    str
        A paragraph; empty if nothing is protected.

    Examples
    --------
    >>> disclosure_limits(DisclosureRule(5))[:69]
    'Masked: counts of 1–4, and others from which they could be computed. '
    """
    if not rule.active:
        return ""
    note = disclosure_note(rule)
    versions = (
        "several releases may narrow a bin"
        if rule.rounds
        else "an earlier release of the same study may give masked counts away (the method round "
        "is for those)"
    )
    return (
        f"{note[0].upper()}{note[1:]} Curves have steps of {rule.minimum_count} deaths or more; "
        "between two steps they lie anywhere between both levels. "
        "This does not protect against readers who know patients of "
        f"the study or have the exports; {versions}; runs with other settings, the pattern of "
        "what is masked, and the times at which steps of curves and the longest follow-up end tell "
        "something, too."
    )


def round_count(count: float, width: int) -> int:
    """Give the middle of the bin of a count.

    Parameters
    ----------
    count : float
        0 or more; a sum of weights is rounded to a whole number first.
    width : int
        Width of a bin. The first one is 1 to `width`; zero is a bin of its own.

    Returns
    -------
    int
        A function of the count alone, so that releases of one study do not add up to more.

    Examples
    --------
    >>> [round_count(count, 5) for count in (0, 1, 5, 6, 11)]
    [0, 3, 3, 8, 13]
    """
    count = round(count)
    return 0 if count <= 0 else (count - 1) // width * width + (width + 1) // 2
