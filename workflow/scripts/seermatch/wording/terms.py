"""How lists, variables and packages are named in running text."""

import re
from collections.abc import Iterable, Mapping

from seermatch.analysis.names import AT_MOST, CAUSE_OF_DEATH, WITHOUT
from seermatch.variables.printed import EVENTS, Variable, printed, variable_of
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


def name_variable(variable: str, variables: Mapping[str, Variable]) -> str:
    """Name a variable within a sentence.

    Parameters
    ----------
    variable : str
        Its name in the study.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed.printed_variables`), here and
        wherever something is printed.

    Returns
    -------
    str
        Abbreviations keep their capitals.

    Examples
    --------
    >>> variables = {"psa": Variable("PSA", "ng/ml"), "size": Variable("Tumor size", "mm")}
    >>> name_variable("size", variables), name_variable("psa", variables)
    ('tumor size (mm)', 'PSA (ng/ml)')
    """
    return _in_sentence(describe_variable(variable, variables))


def _in_sentence(name: str) -> str:
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def name_variables(names: Iterable[str], variables: Mapping[str, Variable]) -> str:
    """Name several variables within a sentence.

    Examples
    --------
    >>> name_variables(["age", "grade"], {"age": Variable("Age", "years")})
    'age (years) and grade'
    """
    return listed(name_variable(name, variables) for name in names)


def name_package(package: str, versions: Mapping[str, str]) -> str:
    """Name a package with the version that was used, if it was recorded.

    Examples
    --------
    >>> name_package("lifelines", {"lifelines": "0.30.3"}), name_package("R", {})
    ('lifelines 0.30.3', 'R')
    """
    return f"{package} {versions[package]}" if package in versions else package


def describe_variable(variable: str, variables: Mapping[str, Variable]) -> str:
    """Name a variable as in a table's first column, with its unit.

    Parameters
    ----------
    variable : str
        Its name in the study; one that the study does not describe is made readable.
    variables : mapping of str to Variable
        As in `name_variable`.

    Returns
    -------
    str
        For example ``"Tumor size (mm)"``.

    Examples
    --------
    >>> variables = {"age": Variable("Age", "years")}
    >>> describe_variable("age", variables), describe_variable("laterality", variables)
    ('Age (years)', 'Laterality')
    """
    known = variable_of(variable, variables)
    return f"{known.label} ({known.unit})" if known.unit else known.label


def describe_contrast(
    variable: str,
    level: str,
    labels: tuple[str, str],
    reference_levels: Mapping[str, str],
    variables: Mapping[str, Variable],
) -> str:
    """Say what a hazard ratio compares.

    Parameters
    ----------
    variable : str
        Its name in the study.
    level : str
        Level of a factor; empty for a continuous variable and for the group.
    labels : tuple of str
        Label of the reference and of the exposed group.
    reference_levels : mapping
        Reference level per factor.
    variables : mapping of str to Variable
        As in `name_variable`.

    Returns
    -------
    str
        For example ``"T stage (T3–T4 vs T1–T2)"``.

    Examples
    --------
    >>> labels, variables = ("No surgery", "Surgery"), {"age": Variable("Age", "years", "per year")}
    >>> describe_contrast("age", "", labels, {}, variables)
    'Age (per year)'
    >>> describe_contrast("stage", "II", labels, {"stage": "I"}, variables)
    'Stage (II vs I)'
    >>> describe_contrast("group", "", labels, {}, variables)
    'Group (Surgery vs No surgery)'
    """
    known = variable_of(variable, variables)
    if variable == "group":
        return f"{known.label} ({printed(labels[1])} vs {printed(labels[0])})"
    if not level:
        return f"{known.label} ({known.per})" if known.per else known.label
    reference = reference_levels.get(variable)
    against = f" vs {printed(reference)}" if reference else ""
    return f"{known.label} ({printed(level)}{against})"


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


def name_event(event: str, cancer: str) -> str:
    """Name an event, or an outcome that begins with one, by the cancer of the study.

    Parameters
    ----------
    event : str
        As it is stored: ``"cancer death"``.
    cancer : str
        The cancer in words, here and wherever something is printed: ``"lung cancer"``.

    Returns
    -------
    str

    Examples
    --------
    >>> name_event("cancer death", "lung cancer"), name_event("other death", "lung cancer")
    ('lung cancer death', 'other death')
    """
    if event.startswith(EVENTS[1]):
        return f"{cancer} death{event.removeprefix(EVENTS[1])}"
    return event


def print_outcome(outcome: str, cancer: str) -> str:
    """Print an outcome of `seermatch.analysis.group_effect.OUTCOMES` as a heading.

    Examples
    --------
    >>> print_outcome("cancer death (Fine-Gray)", "lung cancer")
    'Lung cancer death (Fine–Gray)'
    """
    return capitalize(name_event(outcome, cancer)).replace("Fine-Gray", "Fine–Gray")


def name_analysis(analysis: str, variables: Mapping[str, Variable], cancer: str) -> str:
    """Name a sensitivity analysis.

    Parameters
    ----------
    analysis : str
        As in ``results/sensitivity.tsv``.
    variables : mapping of str to Variable
        As in `name_variable`.
    cancer : str
        As in `name_event`.

    Returns
    -------
    str

    Examples
    --------
    >>> variables = {"size": Variable("Tumor size", "mm")}
    >>> name_analysis("size at most 200", variables, "lung cancer")
    'tumor size at most 200 mm'
    >>> name_analysis("score without grade", variables, "lung cancer")
    'score without grade'
    >>> name_analysis("cause of death = cancer", variables, "lung cancer")
    'cause of death = lung cancer'
    """
    if analysis == CAUSE_OF_DEATH:
        return analysis.replace("= cancer", f"= {cancer}")
    if analysis.startswith(WITHOUT):
        known = variable_of(analysis.removeprefix(WITHOUT), variables)
        return WITHOUT + _in_sentence(known.label)
    name, capped, cap = analysis.partition(AT_MOST)
    if capped:
        known = variable_of(name, variables)
        unit = known.unit if known.unit != "number" else ""
        return f"{_in_sentence(known.label)}{AT_MOST}{cap} {unit}".rstrip()
    return analysis


def describe_balance_term(term: str, level: str, variables: Mapping[str, Variable]) -> str:
    """Name a row of the balance table.

    Parameters
    ----------
    term, level : str
        As in ``results/balance.tsv``; the level may be empty or missing.
    variables : mapping of str to Variable
        As in `name_variable`.

    Returns
    -------
    str
        For example ``"N stage: N1–N3"``.

    Examples
    --------
    >>> describe_balance_term("distance", "", {}), describe_balance_term("grade", "I-II", {})
    ('Propensity score (distance)', 'Grade: I–II')
    """
    if term == "distance":
        return "Propensity score (distance)"
    label = variable_of(term, variables).label
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
