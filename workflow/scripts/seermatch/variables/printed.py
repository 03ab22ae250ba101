"""Names, units and levels of the analysis variables, in one place.

Tables and figures take their wording from here; stored labels are ASCII, `printed` gives them
real dashes and minus signs.
"""

from dataclasses import dataclass


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
