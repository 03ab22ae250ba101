"""Conditions on variables: parsed from a study file, judged record by record with three values.

What is unknown is neither true nor false (Kleene): a condition is true only where nothing that is
unknown could make it false.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from seermatch.errors import StudyError
from seermatch.variables.study_file import Listed, Mapped, Text, Tree
from seermatch.variables.values import (
    FALSE,
    NOT_IN_STUDY,
    TRUE,
    UNDETERMINED,
    UNKNOWN,
    UNPLACED,
    Values,
    all_of,
    any_of,
    negation,
    truth,
)

RESERVED = ("any", "not", "known", "if_exported")
COMPOSITES = ("exposure", "covariates", "outcome")  # what `known` may also ask for
YES, NO = ("yes", "true"), ("no", "false")


class NotExported(StudyError):
    """No export has the column that a variable comes from."""


@dataclass(frozen=True)
class Holds:
    """A variable has one of the items."""

    name: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class IsKnown:
    """Variables have a value that the study takes."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Negated:
    """A condition does not hold."""

    condition: "All"


@dataclass(frozen=True)
class AnyOf:
    """At least one condition holds."""

    conditions: tuple["All", ...]


@dataclass(frozen=True)
class All:
    """All parts hold.

    Attributes
    ----------
    parts : tuple
        Of `Holds`, `IsKnown`, `Negated` and `AnyOf`.
    if_exported : bool
        Whether the condition is left out where a column that it needs is not exported.
    """

    parts: tuple[Holds | IsKnown | Negated | AnyOf, ...]
    if_exported: bool = False


def read_condition(tree: Tree, where: str) -> All:
    """Read a condition of a study file.

    Parameters
    ----------
    tree : Mapped
        ``{variable: items, any: [conditions], not: condition, known: [variables]}``.
    where : str
        What begins messages: ``"cohort.criteria, female"``.

    Returns
    -------
    All

    Raises
    ------
    StudyError
        If a part has another form.

    Examples
    --------
    >>> from seermatch.variables.study_file import read_study_file
    >>> tree = read_study_file("{sex: Female, not: {stage: [IV, IIIC]}}", "study.yaml")
    >>> for part in read_condition(tree, "cohort").parts:
    ...     print(part)
    Holds(name='sex', items=('Female',))
    Negated(condition=All(parts=(Holds(name='stage', items=('IV', 'IIIC')),), if_exported=False))
    """
    if not isinstance(tree, Mapped) or not tree:
        raise StudyError(f"{at_line(tree, where)}: a condition is written {{variable: values}}.")
    parts, if_exported = [], False
    for key, value in tree.items():
        here = f"{where}, {key}"
        if key == "if_exported":
            if_exported = read_yes(value, here)
        elif key == "not":
            parts.append(Negated(read_condition(value, here)))
        elif key == "any":
            if not isinstance(value, Listed) or not value:
                raise StudyError(
                    f"{at_line(value, here)}: write a list of conditions, [{{…}}, {{…}}]."
                )
            parts.append(AnyOf(tuple(read_condition(item, here) for item in value)))
        elif key == "known":
            parts.append(IsKnown(read_items(value, here)))
        elif key in COMPOSITES:
            told = f"'{key}' is no variable; write known: [{key}]"
            raise StudyError(f"{at_line(value, where)}: {told}.")
        else:
            parts.append(Holds(str(key), read_items(value, here)))
    if not parts:
        raise StudyError(f"{at_line(tree, where)}: nothing is asked for beside if_exported.")
    return All(tuple(parts), if_exported)


def read_items(tree: Tree, where: str) -> tuple[str, ...]:
    """Read one text or a list of texts.

    Raises
    ------
    StudyError
        If it is something else, or empty.
    """
    items = tree if isinstance(tree, Listed) else [tree]
    if not items or not all(isinstance(item, Text) and item for item in items):
        raise StudyError(f"{at_line(tree, where)}: write one value or a list of values, [a, b].")
    return tuple(str(item) for item in items)


def read_yes(tree: Tree, where: str) -> bool:
    """Read yes or no.

    Raises
    ------
    StudyError
        If it is something else.
    """
    word = tree.lower() if isinstance(tree, Text) else ""
    if word not in YES + NO:
        raise StudyError(f"{at_line(tree, where)}: write yes or no.")
    return word in YES


def read_text(tree: Tree, where: str) -> str:
    """Read one text.

    Raises
    ------
    StudyError
        If it is something else, or empty.
    """
    if not isinstance(tree, Text) or not tree:
        raise StudyError(f"{at_line(tree, where)}: write one text.")
    return str(tree)


def read_number(tree: Tree, where: str) -> float:
    """Read a number.

    Raises
    ------
    StudyError
        If it is none.
    """
    try:
        number = float(read_text(tree, where))
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise StudyError(f"{at_line(tree, where)}: '{tree}' is no number.")
    return number


def at_line(tree: Tree, where: str) -> str:
    """Say in which line something stands, where that is known."""
    return f"line {tree.line}: {where}" if getattr(tree, "line", 0) else where


def names_in(condition: All) -> Iterator[str]:
    """Yield the variables that a condition names, those to be known included."""
    for part in condition.parts:
        if isinstance(part, Holds):
            yield part.name
        elif isinstance(part, IsKnown):
            yield from part.names
        elif isinstance(part, Negated):
            yield from names_in(part.condition)
        else:
            for item in part.conditions:
                yield from names_in(item)


def judge(
    condition: All,
    values_of: Callable[[str], Values],
    open_to: frozenset[int] = frozenset(),
    if_exported: bool = False,
) -> np.ndarray | None:
    """Judge a condition for every record.

    Parameters
    ----------
    condition : All
    values_of : callable
        Name to `Values` of n records; raises `NotExported` where no export has the column.
    open_to : frozenset of int, optional
        Of `UNKNOWN` and `NOT_IN_STUDY`: what leaves "is known" undetermined instead of false, to
        tell why a record fails.
    if_exported : bool, optional
        Whether the condition is left out where a column is not exported although it does not say
        so itself, as inside ``any`` of one that does.

    Returns
    -------
    numpy.ndarray of int8, shape (n,), or None
        `TRUE`, `UNDETERMINED` or `FALSE`; None where the condition is left out, because a column
        that it needs is not exported and it says ``if_exported``.

    Raises
    ------
    NotExported
        If a column is not exported and the condition does not say what then.
    """
    lenient = if_exported or condition.if_exported
    try:
        return all_of([_judge_part(part, values_of, open_to, lenient) for part in condition.parts])
    except NotExported:
        if lenient:
            return None
        raise


def _judge_part(part, values_of, open_to, lenient) -> np.ndarray:
    if isinstance(part, Holds):
        return truth(values_of(part.name), part.items, part.name)
    if isinstance(part, Negated):
        inner = judge(part.condition, values_of, open_to)
        if inner is None:
            raise NotExported("a column is not exported")
        return negation(inner)
    if isinstance(part, AnyOf):
        judged = [judge(item, values_of, open_to, lenient) for item in part.conditions]
        if not (left := [item for item in judged if item is not None]):
            raise NotExported("no column of the alternatives is exported")
        return any_of(left)
    return all_of([_judge_known(values_of(name), open_to) for name in part.names])


def _judge_known(values: Values, open_to) -> np.ndarray:
    # what no level takes is known; it stops the study where the record meets all criteria
    result = np.where(values.known | (values.codes == UNPLACED), TRUE, FALSE)
    for code in open_to & {UNKNOWN, NOT_IN_STUDY}:
        result[values.codes == code] = UNDETERMINED
    return result


def first_true(conditions: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Find the first condition that is true, record by record.

    Parameters
    ----------
    conditions : mapping of str to numpy.ndarray of int8, shape (n,)
        At least one, in the order in which they are looked at.

    Returns
    -------
    position : numpy.ndarray of int32, shape (n,)
        Of the first true condition; -1 where there is none.
    undetermined : numpy.ndarray of bool, shape (n,)
        Where a condition before the first true one, or any if none is true, is undetermined.

    Examples
    --------
    >>> position, open = first_true({"a": np.int8([0, 1, 0]), "b": np.int8([2, 2, 0])})
    >>> position.tolist(), open.tolist()
    ([1, 1, -1], [False, True, False])
    """
    n = len(next(iter(conditions.values())))
    position = np.full(n, -1, dtype=np.int32)
    undetermined = np.zeros(n, dtype=bool)
    for place, judged in enumerate(conditions.values()):
        free = position < 0
        undetermined |= free & (judged == UNDETERMINED)
        position[free & (judged == TRUE)] = place
    return position, undetermined
