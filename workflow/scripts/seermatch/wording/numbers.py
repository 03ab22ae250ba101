"""How numbers, variables and contrasts are worded in tables, figures and the report."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import pandas as pd

from seermatch.errors import StudyError
from seermatch.variables import VARIABLES, printed

MASKED = "masked"  # for small counts and for those that would give them away
NO_FONT = "No font of this machine has"  # begins the note of a figure with characters it lacks
_WIDTH = ContextVar("width of the bins of rounded counts", default=0)

REFERENCE_LEVELS = {
    "histology": "IDC",
    "grade": "I-II",
    "er": "Negative",
    "pr": "Negative",
    "her2": "Negative",
    "subtype": "HR+/HER2-",
    "t_stage": "T1-T2",
    "n_stage": "N0",
}


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
    if width and count == (width + 1) // 2:
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


def label_groups(groups: pd.Series, labels: tuple[str, str]) -> pd.Series:
    """Give a group column its labels, whether it holds 0 and 1 or the labels already.

    Parameters
    ----------
    groups : pandas.Series
        Codes 0 (reference) and 1 (exposed), or the labels.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    pandas.Series
        The labels as plain text.

    Raises
    ------
    StudyError
        If a value is neither a code nor a label.

    Examples
    --------
    >>> label_groups(pd.Series([1, 0]), ("M0", "M0(i+)")).tolist()
    ['M0(i+)', 'M0']
    """
    names = {0: labels[0], 1: labels[1], "0": labels[0], "1": labels[1]}
    names |= {label: label for label in labels}
    unknown = sorted({str(value) for value in groups.unique() if value not in names})
    if unknown:
        raise StudyError(
            f"group: {', '.join(unknown)} is neither '{labels[0]}' nor '{labels[1]}'; "
            "check the labels of the exposure."
        )
    return groups.astype(object).map(names)


def describe_variable(variable: str) -> str:
    """Name a variable as in a table's first column, with its unit.

    Parameters
    ----------
    variable : str
        Key of `seermatch.variables.VARIABLES`; an unknown key is made readable.

    Returns
    -------
    str
        For example ``"Tumor size (mm)"``.

    Examples
    --------
    >>> describe_variable("tumor_size"), describe_variable("grade"), describe_variable("laterality")
    ('Tumor size (mm)', 'Grade', 'Laterality')
    """
    known = VARIABLES.get(variable)
    if known is None:
        return variable.replace("_", " ").capitalize()
    return f"{known.label} ({known.unit})" if known.continuous else known.label


def describe_contrast(
    variable: str,
    level: str,
    labels: tuple[str, str],
    reference_levels: Mapping[str, str] = REFERENCE_LEVELS,
) -> str:
    """Say what a hazard ratio compares.

    Parameters
    ----------
    variable : str
        Key of `seermatch.variables.VARIABLES`.
    level : str
        Level of a factor; empty for a continuous variable and for the group.
    labels : tuple of str
        Label of the reference and of the exposed group.
    reference_levels : mapping, optional
        Reference level per factor.

    Returns
    -------
    str
        For example ``"T stage (T3–T4 vs T1–T2)"``.

    Examples
    --------
    >>> describe_contrast("tumor_size", "", ("M0", "M0(i+)"))
    'Tumor size (per mm)'
    >>> describe_contrast("subtype", "HR+/HER2+", ("M0", "M0(i+)"))
    'Breast subtype (HR+/HER2+ vs HR+/HER2−)'
    >>> describe_contrast("group", "", ("M0", "M0(i+)"))
    'Group (M0(i+) vs M0)'
    """
    known = VARIABLES.get(variable)
    label = known.label if known else describe_variable(variable)
    if variable == "group":
        return f"{label} ({printed(labels[1])} vs {printed(labels[0])})"
    if not level:
        return f"{label} ({known.per})" if known and known.per else label
    reference = reference_levels.get(variable)
    against = f" vs {printed(reference)}" if reference else ""
    return f"{label} ({printed(level)}{against})"


def describe_balance_term(term: str, level: str) -> str:
    """Name a row of the balance table.

    Parameters
    ----------
    term, level : str
        As in ``results/balance.tsv``; the level may be empty or missing.

    Returns
    -------
    str
        For example ``"Breast subtype: HR+/HER2−"``.

    Examples
    --------
    >>> describe_balance_term("distance", ""), describe_balance_term("n_stage", "N1-N3")
    ('Propensity score (distance)', 'N stage: N1–N3')
    """
    if term == "distance":
        return "Propensity score (distance)"
    label = VARIABLES[term].label if term in VARIABLES else term
    return f"{label}: {printed(level)}" if level and not pd.isna(level) else label


def print_criterion(criterion: str) -> str:
    """Capitalize a criterion and print its ranges with an en dash.

    Parameters
    ----------
    criterion : str
        As in ``results/attrition.tsv``.

    Returns
    -------
    str
        Other hyphens stay.

    Examples
    --------
    >>> print_criterion("age 18-89 years, T1-T4, cause-specific")
    'Age 18–89 years, T1–T4, cause-specific'
    """
    criterion = re.sub(r"(?<=\d)-(?=[A-Z]?\d)", "–", criterion)
    return criterion[:1].upper() + criterion[1:]
