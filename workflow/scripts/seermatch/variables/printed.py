"""Names, units and levels of the analysis variables, in one place.

Tables and figures take their wording from here; stored labels are ASCII, `printed` gives them
real dashes and minus signs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seermatch.errors import StudyError

if TYPE_CHECKING:
    from pandas import Series


@dataclass(frozen=True)
class Variable:
    """An analysis variable of the cohort.

    Attributes
    ----------
    label : str
        Name as printed in tables and figures.
    unit : str
        Unit of a continuous variable; empty for a categorical one.
    per : str
        What a hazard ratio refers to, for a continuous variable: ``"per year"``.
    """

    label: str
    unit: str = ""
    per: str = ""

    @property
    def continuous(self) -> bool:
        """Whether the variable is a number with a unit."""
        return bool(self.unit)


VARIABLES: dict[str, Variable] = {
    "age": Variable("Age", "years", "per year"),
    "tumor_size": Variable("Tumor size", "mm", "per mm"),
    "histology": Variable("Histologic type"),
    "grade": Variable("Grade"),
    "er": Variable("ER"),
    "pr": Variable("PR"),
    "her2": Variable("HER2"),
    "subtype": Variable("Breast subtype"),
    "t_stage": Variable("T stage"),
    "n_stage": Variable("N stage"),
    "year": Variable("Year of diagnosis", "calendar year", "per year"),
    "group": Variable("Group"),
}

ALL_CAUSES = "death of any cause"
EVENTS = ("censored", "breast cancer death", "other death")

# What the flow of patients adds to a criterion whose fields no export, or not every export, holds.
NOT_APPLIED = " (not exported, not applied)"
WHERE_EXPORTED = " (where exported)"


def printed(label: str) -> str:
    """Turn a stored ASCII label into print: real dashes and minus signs.

    Parameters
    ----------
    label : str
        A stored label such as ``"T1-T2"`` or ``"HR+/HER2-"``.

    Returns
    -------
    str
        A hyphen at the end of a receptor becomes a minus sign (U+2212), one between two values
        an en dash (U+2013).

    Examples
    --------
    >>> printed("T1-T2"), printed("HR-/HER2-")
    ('T1–T2', 'HR−/HER2−')
    """
    if "HR" in label and "HER2" in label:
        return label.replace("-", "\N{MINUS SIGN}")
    return label.replace("-", "\N{EN DASH}")


def label_groups(groups: "Series", labels: tuple[str, str]) -> "Series":
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
    >>> import pandas as pd
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
