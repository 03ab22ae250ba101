"""Variables as a study file declares them."""

import difflib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from seermatch.errors import StudyError
from seermatch.variables.conditions import (
    COMPOSITES,
    RESERVED,
    All,
    at_line,
    read_condition,
    read_items,
    read_number,
    read_text,
    read_yes,
)
from seermatch.variables.items import Interval, read_interval
from seermatch.variables.study_file import Listed, Mapped, Text, Tree
from seermatch.variables.values import KINDS

NOT_IN_STUDY = "not in study"
SOURCES = ("of", "eras", "cases", "count")
TAKEN = (*RESERVED, *COMPOSITES)


@dataclass(frozen=True)
class Grouping:
    """How the values of a source become levels.

    Attributes
    ----------
    levels : mapping of str to tuple of str, optional
        Level to the items that it takes, the reference first.
    bands : mapping of str to tuple of str, optional
        Level to ranges of a number.
    unknown : tuple of str
        Items that mean missing, beside those that the field knows.
    missing : mapping of str to tuple of str
        Names of these, where they have others than their labels: ``{"NX": ("cX", "pX")}``.
    """

    levels: Mapping[str, tuple[str, ...]] | None = None
    bands: Mapping[str, tuple[str, ...]] | None = None
    unknown: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The levels in order; none where the values stay as they are."""
        return tuple(self.levels or self.bands or ())


@dataclass(frozen=True)
class Era:
    """One source of a variable that has another in other years.

    Attributes
    ----------
    of : str
        The source.
    grouping : Grouping
    years : frozenset of int, optional
        Years of diagnosis that it covers; None for those of its field.
    """

    of: str
    grouping: Grouping
    years: frozenset[int] | None = None


@dataclass(frozen=True)
class Declaration:
    """A variable of the study.

    Attributes
    ----------
    name : str
    eras : tuple of Era
        Its sources; one of no years where it is ``of`` a single one.
    cases : mapping of str to All
        Level to the condition under which it is taken, the first that is true.
    count : tuple of All
        Conditions of which the number that hold is the value.
    grouping : Grouping
        Of a count.
    unknown_is, rest : str
        Level of what is not known, and of all that no level takes; empty where nothing is said.
        `rest` may be ``not in study``.
    kind : str
        ``levels``, ``codes``, ``number``, or empty for that of the source.
    label, unit, per : str
        Its name in print, its unit, and what a hazard ratio refers to.
    cap : float, optional
        Value above which numbers are set to it in a sensitivity analysis.
    treatment : bool
        Whether SEER's limitation of treatment fields applies.
    """

    name: str
    eras: tuple[Era, ...] = ()
    cases: Mapping[str, All] = field(default_factory=dict)
    count: tuple[All, ...] = ()
    grouping: Grouping = Grouping()
    unknown_is: str = ""
    rest: str = ""
    kind: str = ""
    label: str = ""
    unit: str = ""
    per: str = ""
    cap: float | None = None
    treatment: bool = False


WORDS = ("unknown_is", "rest", "kind", "label", "unit", "per")
KEYS = (*SOURCES, "levels", "bands", "unknown", *WORDS, "cap", "treatment")


def read_variables(tree: Tree) -> dict[str, Declaration]:
    """Read the section ``variables`` of a study file.

    Parameters
    ----------
    tree : Mapped
        Name to declaration.

    Returns
    -------
    dict of str to Declaration

    Raises
    ------
    StudyError
        If a name is reserved, a key unknown, or a declaration contradicts itself.

    Examples
    --------
    >>> from seermatch.variables.study_file import read_study_file
    >>> tree = read_study_file("age_group: {of: age, bands: [18-59, 60+]}", "study.yaml")
    >>> read_variables(tree)["age_group"].eras[0].grouping.bands
    {'18-59': ('18-59',), '60+': ('60+',)}
    """
    if not isinstance(tree, Mapped):
        raise StudyError("variables: write one `name: {...}` a line.")
    return {str(name): read_declaration(name, declared) for name, declared in tree.items()}


def read_declaration(name: str, tree: Tree) -> Declaration:
    """Read one variable of a study file; see `read_variables`."""
    where = f"line {getattr(name, 'line', 0)}: variables.{name}"
    if name in TAKEN:
        raise StudyError(
            f"{where}: '{name}' has a meaning of its own; name the variable otherwise."
        )
    if not isinstance(tree, Mapped):
        raise StudyError(
            f"{where}: write {{of: source, levels: {{...}}}}, or eras, cases or count."
        )
    refuse_unknown_keys(tree, KEYS, f"variables.{name}")
    given = [source for source in SOURCES if source in tree]
    if len(given) != 1:
        said = f"{' and '.join(given)} are" if given else "nothing is"
        raise StudyError(f"{where}: {said} given; give one of of, eras, cases and count.")
    grouping = _grouping(tree, where)
    words = {key: read_text(tree[key], f"{where}, {key}") for key in WORDS if key in tree}
    if words.get("kind", "levels") not in KINDS:
        raise StudyError(f"{where}, kind: write one of {', '.join(KINDS)}.")
    cap = read_number(tree["cap"], f"{where}, cap") if "cap" in tree else None
    treatment = "treatment" in tree and read_yes(tree["treatment"], f"{where}, treatment")
    common = {"name": str(name), **words, "cap": cap, "treatment": treatment}
    if "of" in tree:
        era = Era(read_text(tree["of"], f"{where}, of"), grouping)
        return Declaration(eras=(era,), **common)
    for key in ("levels", "bands", "unknown") if given[0] != "count" else ("levels",):
        if key in tree:
            raise StudyError(f"{where}: {key} beside {given[0]} says nothing; leave it out.")
    if "eras" in tree:
        return Declaration(eras=_eras(tree["eras"], where), **common)
    if "cases" in tree:
        return Declaration(cases=_cases(tree["cases"], where), **common)
    conditions = tree["count"]
    if not isinstance(conditions, Listed) or not conditions:
        raise StudyError(f"{where}, count: write a list of conditions.")
    counted = tuple(read_condition(item, f"{where}, count") for item in conditions)
    return Declaration(count=counted, grouping=grouping, **common)


def refuse_unknown_keys(tree: Mapped, keys: tuple[str, ...], where: str) -> None:
    """Refuse a key that means nothing here, and offer the nearest.

    Examples
    --------
    >>> refuse_unknown_keys(Mapped(lable="Age"), ("label", "of"), "variables.age")
    Traceback (most recent call last):
    seermatch.errors.StudyError: variables.age: no key is called 'lable'; did you mean 'label'?
    """
    for key in tree:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            offer = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(keys)}."
            told = f"no key is called {str(key)!r}; {offer}"
            raise StudyError(f"{at_line(key, where)}: {told}")


def _grouping(tree: Mapped, where: str) -> Grouping:
    if "levels" in tree and "bands" in tree:
        raise StudyError(f"{where}: levels are of labels or codes, bands of a number; give one.")
    unknown, missing = _unknown(tree.get("unknown"), f"{where}, unknown")
    levels = _levels(tree["levels"], f"{where}, levels") if "levels" in tree else None
    bands = _levels(tree["bands"], f"{where}, bands") if "bands" in tree else None
    if bands:
        _check_bands(bands, f"{where}, bands", gaps="rest" in tree)
    if levels:
        _check_levels(levels, unknown, f"{where}, levels")
    return Grouping(levels, bands, unknown, missing)


def _unknown(tree: Tree | None, where: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Read a list of items, or ``{name: items}``."""
    if not isinstance(tree, Mapped):
        return (() if tree is None else read_items(tree, where)), {}
    named = _levels(tree, where)
    return tuple(item for items in named.values() for item in items), named


def _levels(tree: Tree, where: str) -> dict[str, tuple[str, ...]]:
    if isinstance(tree, Listed) and tree and all(isinstance(item, Text) for item in tree):
        levels = {str(item): (str(item),) for item in tree}
        if len(levels) < len(tree):
            raise StudyError(f"{where}: a level is there twice.")
        return levels
    if not isinstance(tree, Mapped) or not tree:
        raise StudyError(f"{where}: write {{level: values}} or a list of levels.")
    return {str(level): read_items(items, f"{where}, {level}") for level, items in tree.items()}


def _check_levels(levels, unknown, where: str) -> None:
    holder: dict[str, str] = dict.fromkeys(unknown, "unknown")
    for level, items in levels.items():
        for item in items:
            if item in holder:
                both = f"'{item}' is in '{holder[item]}' and in '{level}'"
                raise StudyError(f"{where}: {both}; a value belongs to one.")
            holder[item] = level


def _check_bands(bands, where: str, gaps: bool) -> None:
    """Refuse bands that overlap, or gaps between them of which nothing says what they are."""
    ranges = [
        (interval, item)
        for items in bands.values()
        for item in items
        for interval in [read_interval(item)]
    ]
    ranges.sort(key=lambda pair: (pair[0].low, pair[0].high))
    for (before, first), (after, second) in itertools.pairwise(ranges):
        if _overlap(before, after):
            raise StudyError(f"{where}: '{first}' and '{second}' overlap.")
        whole = after.low - before.high <= 1 and not (before.open_high or after.open_low)
        touching = after.low == before.high and before.open_high != after.open_low
        if not (whole or touching or gaps):
            told = f"nothing takes what lies between '{first}' and '{second}'"
            raise StudyError(f"{where}: {told}; add a band, or say by `rest` what it is.")


def _overlap(before: Interval, after: Interval) -> bool:
    if after.low < before.high:
        return True
    return after.low == before.high and not (before.open_high or after.open_low)


def _eras(tree: Tree, where: str) -> tuple[Era, ...]:
    if not isinstance(tree, Listed) or not tree:
        raise StudyError(f"{where}, eras: write a list, one `of: source` an entry.")
    eras = []
    for place, item in enumerate(tree, start=1):
        here = f"{where}, era {place}"
        if not isinstance(item, Mapped) or "of" not in item:
            raise StudyError(f"{here}: give its source, of: ...")
        keys = ("of", "levels", "bands", "unknown", "years")
        refuse_unknown_keys(item, keys, here.partition(": ")[2])
        years = read_years(item["years"], f"{here}, years") if "years" in item else None
        eras.append(Era(read_text(item["of"], f"{here}, of"), _grouping(item, here), years))
    names = {}
    for era in eras:
        for level in era.grouping.names:
            plain = "".join(level.split()).lower()
            if names.setdefault(plain, level) != level:
                told = f"'{names[plain]}' and '{level}' differ in blanks or case only"
                raise StudyError(f"{where}, eras: {told}; write one.")
    return tuple(eras)


def _cases(tree: Tree, where: str) -> dict[str, All]:
    if not isinstance(tree, Mapped) or not tree:
        raise StudyError(f"{where}, cases: write {{level: condition}}.")
    return {
        str(level): read_condition(condition, f"{where}, {level}")
        for level, condition in tree.items()
    }


def read_years(tree: Tree, where: str) -> frozenset[int]:
    """Read years: one, a range such as ``2004-2015``, or a list of both.

    Raises
    ------
    StudyError
        If something is no year from 1900 to 2100, or a range runs backwards.

    Examples
    --------
    >>> sorted(read_years(Text("2018-2020"), "cohort.years"))
    [2018, 2019, 2020]
    """
    years: set[int] = set()
    for item in read_items(tree, where):
        interval = read_interval(item)
        if not 1900 <= interval.low <= interval.high <= 2100:
            raise StudyError(f"{where}: '{item}' is no year; write 2004-2015 or a list of years.")
        years.update(range(int(interval.low), int(interval.high) + 1))
    return frozenset(years)
