"""How lists, variables and packages are named in running text."""

from collections.abc import Iterable, Mapping

from seermatch.wording.numbers import describe_variable


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
