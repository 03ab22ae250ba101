"""How lists, variables and packages are named in running text."""

import re
from collections.abc import Iterable, Mapping

from seermatch.variables.printed import VARIABLES, printed
from seermatch.wording.numbers import capitalize


def listed(words: Iterable[str]) -> str:
    """Join words with commas and a last *and*.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def name_variable(variable: str) -> str:
    """Name a variable within a sentence.

    Parameters
    ----------
    variable : str
        Key of `seermatch.variables.printed.VARIABLES`.

    Returns
    -------
    str
        Abbreviations keep their capitals.

    Examples
    --------
    >>> name_variable("tumor_size"), name_variable("er"), name_variable("t_stage")
    ('tumor size (mm)', 'ER', 'T stage')
    """
    name = describe_variable(variable)
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def name_variables(variables: Iterable[str]) -> str:
    """Name several variables within a sentence.

    Examples
    --------
    >>> name_variables(["age", "her2"])
    'age (years) and HER2'
    """
    return listed(map(name_variable, variables))


def name_package(package: str, versions: Mapping[str, str]) -> str:
    """Name a package with the version that was used, if it was recorded.

    Examples
    --------
    >>> name_package("lifelines", {"lifelines": "0.30.3"}), name_package("R", {})
    ('lifelines 0.30.3', 'R')
    """
    return f"{package} {versions[package]}" if package in versions else package


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
    reference_levels: Mapping[str, str],
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
    reference_levels : mapping
        Reference level per factor.

    Returns
    -------
    str
        For example ``"T stage (T3–T4 vs T1–T2)"``.

    Examples
    --------
    >>> describe_contrast("tumor_size", "", ("M0", "M0(i+)"), {})
    'Tumor size (per mm)'
    >>> describe_contrast("subtype", "HR+/HER2+", ("M0", "M0(i+)"), {"subtype": "HR+/HER2-"})
    'Breast subtype (HR+/HER2+ vs HR+/HER2−)'
    >>> describe_contrast("group", "", ("M0", "M0(i+)"), {})
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


def print_outcome(outcome: str) -> str:
    """Print an outcome of `seermatch.analysis.group_effect.OUTCOMES` as a heading.

    Examples
    --------
    >>> print_outcome("breast cancer death (Fine-Gray)")
    'Breast cancer death (Fine–Gray)'
    """
    return capitalize(outcome).replace("Fine-Gray", "Fine–Gray")


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
    return f"{label}: {printed(level)}" if level and isinstance(level, str) else label


def print_test(name: str) -> str:
    """Print the name of a test with a typographic apostrophe.

    Parameters
    ----------
    name : str
        As the result files spell it.

    Returns
    -------
    str

    Examples
    --------
    >>> print_test("Gray's test")
    'Gray’s test'
    """
    return name.replace("'", "’")
