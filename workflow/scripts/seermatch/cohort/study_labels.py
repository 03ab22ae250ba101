"""The labels that a study names, against those that exist.

A label that no dictionary of SEER and no record knows is a slip of the pen. Without a word it would
take away every record that was meant.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from seermatch.cohort.criteria import whole_label
from seermatch.errors import StudyError
from seermatch.seer.fields import seer_fields
from seermatch.seer.labels import PARTLY_LISTED
from seermatch.seer.spelling import NUMBERS, standardize

ARMS = ("reference", "exposed")  # what criteria call the groups
LABELS_LISTED = 6


@dataclass(frozen=True)
class NamedLabels:
    """Labels of a field that a study names in one place.

    Attributes
    ----------
    place : str
        Where, in words.
    field : str
        Canonical name of the field; ``exposure`` has the labels ``reference`` and ``exposed``.
    labels : tuple of str
        The labels.
    pattern : str
        Regular expression for the whole label; empty for none.
    """

    place: str
    field: str
    labels: tuple[str, ...] = ()
    pattern: str = ""


def named_labels(cohort: Mapping, recodes: Mapping[str, Sequence[Mapping]]) -> list[NamedLabels]:
    """List the labels that a study names.

    Parameters
    ----------
    cohort : mapping
        ``exposure`` (`field`, `reference` and `exposed`, each with ``labels``), ``criteria`` (as
        `seermatch.cohort.criteria.filter_cohort` takes them) and ``registries`` (a list or None).
    recodes : mapping
        As `seermatch.cohort.recode.recode` takes them.

    Returns
    -------
    list of NamedLabels
        Without those of numbers, which have no labels.

    Examples
    --------
    >>> arms = {"reference": {"labels": ["M0"]}, "exposed": {"labels": ["M0(i+)"]}}
    >>> cohort = {"exposure": {"field": "m_stage"} | arms, "criteria": [], "registries": None}
    >>> named_labels(cohort, {"grade": [{"level": "III", "labels": [3]}]})[1:]
    [NamedLabels(place='the exposed group', field='m_stage', labels=('M0(i+)',), pattern=''), \
NamedLabels(place="the level 'III'", field='grade', labels=('3',), pattern='')]
    """
    exposure = cohort["exposure"]
    found = [(f"the {arm} group", exposure["field"], exposure[arm]) for arm in ARMS]
    if cohort["registries"] is not None:
        found.append(("the registries", "registry", {"labels": cohort["registries"]}))
    for criterion in cohort["criteria"]:
        place = f"the criterion {criterion['criterion']!r}"
        found += [(place, field, rule) for field, rule in criterion["keep"].items()]
    for field, levels in recodes.items():
        found += [(f"the level {item['level']!r}", field, item) for item in levels]
    return [
        NamedLabels(place, field, tuple(map(str, rule.get("labels", ()))), rule.get("pattern", ""))
        for place, field, rule in found
        if field not in NUMBERS and ("labels" in rule or "pattern" in rule)
    ]


def refuse_unknown_labels(
    named: Sequence[NamedLabels], seen: Mapping[str, Collection[str]]
) -> list[NamedLabels]:
    """Refuse labels that neither a dictionary nor a record knows.

    Parameters
    ----------
    named : sequence of NamedLabels
        What the study names.
    seen : mapping
        Field to the labels of all records, standardized (`seermatch.seer.spelling.standardize`).
        Of a field that is not there nothing is known but what SEER's dictionaries list.

    Returns
    -------
    list of NamedLabels
        Those that are known, but of which no record has any.

    Raises
    ------
    StudyError
        Names each unknown field or label, where it stands, and the nearest known one.

    Examples
    --------
    >>> female = NamedLabels("the criterion 'female'", "sex", ("female",))
    >>> refuse_unknown_labels([female], {"sex": {"Female", "Male"}})
    Traceback (most recent call last):
    seermatch.errors.StudyError: the criterion 'female': sex has no label 'female' in SEER's \
dictionaries or in a record; did you mean 'Female'?
    """
    problems, unused = [], []
    for item in named:
        labels = frozenset(ARMS if item.field == "exposure" else seen.get(item.field, ()))
        found = _problems(item, labels)
        problems += found
        absent = not labels.intersection(item.labels) and not _matching(item, labels)
        if not found and labels and absent:
            unused.append(item)
    if problems:
        raise StudyError("\n".join(problems))
    return unused


def _problems(item: NamedLabels, seen: frozenset[str]) -> list[str]:
    fields = seer_fields()
    if item.field != "exposure" and item.field not in fields:
        near = _nearest(item.field, (), [*fields, "exposure"])
        return [f"{item.place}: there is no field {item.field!r}{near}"]
    if not seen and item.field in PARTLY_LISTED:
        return []
    listed = frozenset() if item.field == "exposure" else _listed(item.field)
    every = seen | listed
    where = "in SEER's dictionaries or in a record"
    found = [
        f"{item.field} has no label {label!r} {where}{_nearest(label, seen, every, item.field)}"
        for label in item.labels
        if label not in every
    ]
    if item.pattern and not _matching(item, every):
        found.append(f"{item.field} has no label like {item.pattern!r} {where}{_list(every)}")
    return [f"{item.place}: {told}" for told in found]


def _matching(item: NamedLabels, labels: Collection[str]) -> bool:
    """Tell whether the pattern matches one of the labels."""
    if not item.pattern:
        return False
    same = pl.Series(sorted(labels), dtype=pl.String).str.contains(whole_label(item.pattern))
    return same.any()


@cache
def _listed(name: str) -> frozenset[str]:
    """Give the labels of a field that SEER's dictionaries list, standardized."""
    field = seer_fields()[name]
    labels = [label for label in field.labels if not label.startswith("~")]
    if len(labels) < len(field.labels):  # codes are given as regular expressions
        codes = (f"{n:0{width}d}" for width in (1, 2, 3, 4) for n in range(10**width))
        labels += filter(field.knows, codes)
    return frozenset(_standardized(name, labels))


def _standardized(name: str, labels: list[str]) -> list[str]:
    frame = pl.LazyFrame({name: labels}, schema={name: pl.String})
    return standardize(frame).collect()[name].cast(pl.String).drop_nulls().to_list()


def _nearest(text: str, seen: Collection[str], known: Collection[str], field: str = "") -> str:
    """Offer what the text means, else the most similar label, best one of a record."""
    meant = _standardized(field, [text]) if field in seer_fields() else []
    near = [label for label in meant if label in known]
    near += [label for label in sorted(known) if label.casefold() == text.casefold()]
    for labels in (seen, known):
        near += difflib.get_close_matches(text, sorted(labels), 1)
    return f"; did you mean {near[0]!r}?" if near else _list(known)


def _list(known: Collection[str]) -> str:
    shown = ", ".join(map(repr, sorted(known)[:LABELS_LISTED]))
    return f"; there are {shown}{', ...' if len(known) > LABELS_LISTED else ''}."
