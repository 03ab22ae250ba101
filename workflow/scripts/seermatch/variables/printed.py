"""How the variables of a study are printed, and the events of every study.

Which variables there are, the study says; stored labels are ASCII, `printed` gives them real dashes
and minus signs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seermatch.errors import StudyError

if TYPE_CHECKING:
    from pandas import Series


@dataclass(frozen=True)
class Variable:
    """A variable of the study, as it is printed.

    Attributes
    ----------
    label : str
        Name as printed in tables and figures.
    unit : str
        Unit of a number; empty for a variable with levels.
    per : str
        What a hazard ratio refers to, for a number: ``"per year"``.
    cap : float, optional
        Larger numbers are set to it in a sensitivity analysis.
    treatment : bool
        Whether it is a treatment, which SEER records incompletely and after diagnosis.
    abbreviations : mapping of str to str
        What abbreviations in the label and the levels stand for.
    """

    label: str
    unit: str = ""
    per: str = ""
    cap: float | None = None
    treatment: bool = False
    abbreviations: Mapping[str, str] = field(default_factory=dict)


# What every study has; a study may name them otherwise.
COMMON = {
    "year": Variable("Year of diagnosis", "calendar year", "per year"),
    "group": Variable("Group"),
}


def printed_variables(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Variable]:
    """Make the variables of a study from plain facts.

    Parameters
    ----------
    facts : mapping of str to mapping
        Name of each variable to its attributes; those that are left out have their defaults.

    Returns
    -------
    dict of str to Variable
        With those that every study has.

    Examples
    --------
    >>> printed_variables({"psa": {"label": "PSA", "unit": "ng/ml"}})["psa"].unit
    'ng/ml'
    """
    return COMMON | {name: Variable(**known) for name, known in facts.items()}


def variable_of(name: str, variables: Mapping[str, Variable]) -> Variable:
    """Look a variable up; one that the study does not describe gets its name, made readable.

    Examples
    --------
    >>> variable_of("first_primary", {}).label
    'First primary'
    """
    known = variables.get(name) or COMMON.get(name)
    return known or Variable(name.replace("_", " ").capitalize())


ALL_CAUSES = "death of any cause"
EVENTS = ("censored", "cancer death", "other death")

# What the flow of patients adds to a criterion whose fields no export, or not every export, holds.
NOT_APPLIED = " (not exported, not applied)"
WHERE_EXPORTED = " (where exported)"


def printed(label: str) -> str:
    """Turn a stored ASCII label into print: real dashes and minus signs.

    Parameters
    ----------
    label : str
        A stored label such as ``"T1-T2"`` or ``"EGFR-"``.

    Returns
    -------
    str
        A hyphen at the end of a word becomes a minus sign (U+2212), one between two values an en
        dash (U+2013); one between two words stays.

    Examples
    --------
    >>> printed("T1-T2"), printed("EGFR-/ALK-"), printed("Non-Hispanic")
    ('T1–T2', 'EGFR−/ALK−', 'Non-Hispanic')
    """
    label = re.sub(r"(?<=\w)-(?=$|[/,;)\s])", "\N{MINUS SIGN}", label)
    return re.sub(r"(?<![a-z]{2})-|-(?![A-Za-z][a-z])", "\N{EN DASH}", label)


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
