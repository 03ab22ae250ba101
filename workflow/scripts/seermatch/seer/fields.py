"""SEER variables the study knows: their canonical names, spellings and labels.

The table itself is package data (``fields.tsv``): one row per variable with the name in
the newest submission, the spellings of other submissions (best first), the known labels, of which
one that starts with ``~`` is a regular expression, what the values are, which of them mean missing,
the years of diagnosis that the variable covers, and where all this was read.
"""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from seermatch.errors import StudyError

# SPSS cuts names at 28 to 32 characters; shorter names are matched whole.
SHORTEST_TRUNCATED_NAME = 28

# What the default study needs; each entry lists the alternatives, any of which is enough.
REQUIREMENTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    name: alternatives or ((name,),)
    for name, alternatives in {
        "patient_id": (),
        "record_number": (),
        "year": (),
        "sex": (),
        "age": (),
        "histology": (),
        "behavior": (),
        "grade": (("grade",), ("grade_clinical", "grade_pathological")),
        "tumor_size": (("tumor_size",), ("tumor_size_recode",)),
        "er": (("er",), ("er_2018",)),
        "pr": (("pr",), ("pr_2018",)),
        "her2": (("her2",), ("her2_2018",)),
        "subtype": (),
        "t_stage": (),
        "n_stage": (),
        "m_stage": (),
        "survival_months": (),
        "vital_status": (),
        "cause_specific": (),
        "other_cause": (),
    }.items()
}


@dataclass(frozen=True)
class Field:
    """A SEER variable.

    Attributes
    ----------
    name : str
        Canonical column name, ``"m_stage"``.
    variable : str
        Name in the newest SEER submission, ``"Derived EOD 2018 M Recode (2018+)"``.
    variants : tuple of str
        Names in other submissions, the preferred one first.
    labels : tuple of str
        Known labels; one that starts with ``~`` is a regular expression.
    meaning : str
        What the variable holds.
    kind : {"levels", "codes", "number"}
        What its values are.
    unknown : tuple of str
        Items that mean missing; of codes and numbers ranges, too (``95-99``), and one that ends
        in ``*`` takes every label that begins so.
    years : frozenset of int, optional
        Years of diagnosis that the variable covers, to 2100 where it goes on; None for all.
    source : str
        Where names and labels were read, and what is not verified.
    """

    name: str
    variable: str
    variants: tuple[str, ...]
    labels: tuple[str, ...]
    meaning: str
    kind: str
    unknown: tuple[str, ...]
    years: frozenset[int] | None
    source: str

    @property
    def spellings(self) -> tuple[str, ...]:
        """All known names, the preferred one first."""
        return (self.variable, *self.variants)

    def knows(self, label: str) -> bool:
        """Whether `label` is one of the known labels.

        Examples
        --------
        >>> seer_fields()["year"].knows("2018"), seer_fields()["m_stage"].knows("M7")
        (True, False)
        """
        return label in self.labels or any(
            re.search(known[1:], label) for known in self.labels if known.startswith("~")
        )


@cache
def seer_fields() -> Mapping[str, Field]:
    """Table of the SEER variables, by canonical name.

    Returns
    -------
    mapping of str to Field

    Examples
    --------
    >>> seer_fields()["m_stage"].spellings
    ('Derived EOD 2018 M Recode (2018+)', 'Derived EOD 2018 M (2018+)')
    """
    text = resources.files("seermatch.seer").joinpath("fields.tsv").read_text(encoding="utf-8")
    fields = {}
    for line in text.splitlines()[1:]:
        name, variable, variants, labels, meaning, kind, unknown, years, source = line.split("\t")
        known = (_items(variants), _items(labels), meaning)
        facts = (kind, _items(unknown), _years(years), source)
        fields[name] = Field(name, variable, *known, *facts)
    return fields


def _items(cell: str) -> tuple[str, ...]:
    return tuple(item for item in cell.split(" | ") if item)


def _years(cell: str) -> frozenset[int] | None:
    """Read ``1998-2022`` or ``2018+``."""
    if not cell:
        return None
    first, _, last = cell.replace("+", "-2100").partition("-")
    return frozenset(range(int(first), int(last) + 1))


def sources_of(name: str, columns: Collection[str]) -> list[str]:
    """List the columns that a variable of the study is taken from.

    Parameters
    ----------
    name : str
        Canonical name of the variable.
    columns : collection of str
        Canonical names of the columns of an export.

    Returns
    -------
    list of str
        The variable itself, or what can stand in for it; empty if neither is there.

    Examples
    --------
    >>> sources_of("er", ["er_2018", "pr"]), sources_of("pr", ["er_2018"])
    (['er_2018'], [])
    """
    ways = ((name,), *REQUIREMENTS.get(name, ()))
    return next((list(way) for way in ways if set(way) <= set(columns)), [])


def normalized_name(name: str) -> str:
    """Letters and digits of a column name in lower case: what R, SPSS and SAS leave intact.

    Parameters
    ----------
    name : str
        A column name in any spelling.

    Returns
    -------
    str

    Examples
    --------
    >>> normalized_name("Derived.EOD.2018.M.Recode..2018..")
    'derivedeod2018mrecode2018'
    """
    return re.sub("[^a-z0-9]", "", name.lower())


@cache
def _known_names() -> Mapping[str, tuple[str, int]]:
    """Map each normalized spelling to the canonical name and its rank (0 is preferred)."""
    return {
        normalized_name(spelling): (field.name, rank)
        for field in seer_fields().values()
        for rank, spelling in enumerate(field.spellings)
    }


def identify_field(name: str) -> tuple[str, int] | None:
    """Find the SEER variable that a column name means.

    Parameters
    ----------
    name : str
        Column name in SEER's spelling, that of R (``Vital.status..``), or cut off by SPSS after
        at least 28 letters and digits.

    Returns
    -------
    tuple of str and int, or None
        Canonical name and rank of the spelling (0 is the preferred one); None if unknown.

    Examples
    --------
    >>> identify_field("Derived.EOD.2018.M..2018..")
    ('m_stage', 1)
    >>> identify_field("SEERcausespecificdeathclassifi")
    ('cause_specific', 0)
    >>> identify_field("Marital status") is None
    True
    """
    key = normalized_name(name)
    if key in _known_names():
        return _known_names()[key]
    if len(key) < SHORTEST_TRUNCATED_NAME:
        return None
    meant = [found for known, found in _known_names().items() if known.startswith(key)]
    return min(meant, key=lambda found: found[1]) if len({f for f, _ in meant}) == 1 else None


def match_columns(header: Sequence[str], bases: Sequence[str], name: str) -> dict[str, int]:
    """Assign the columns of an export to SEER variables.

    Where two spellings of one variable are there, the preferred one is taken. A column with an
    unknown name counts as its base variable (user-defined variables of SEER*Stat), unless that
    variable itself is there.

    Parameters
    ----------
    header : sequence of str
        Column names in the order of the file.
    bases : sequence of str
        For each column the variable a user-defined one is based on, else ``""``.
    name : str
        Name of the file, for messages.

    Returns
    -------
    dict of str to int
        Canonical name -> position of the column.

    Raises
    ------
    StudyError
        If two columns are equally good for one variable.

    Examples
    --------
    >>> match_columns(["Patient.ID", "Sex", "My years"], ["", "", "Year of diagnosis"], "a.csv")
    {'patient_id': 0, 'sex': 1, 'year': 2}
    """
    candidates: dict[str, list[tuple[int, int]]] = {}
    for position, (spelling, base) in enumerate(zip(header, bases, strict=True)):
        found, penalty = identify_field(spelling), 0
        if found is None and base:
            found, penalty = identify_field(base), len(_known_names())
        if found is not None:
            candidates.setdefault(found[0], []).append((found[1] + penalty, position))
    columns = {}
    for field, ranked in candidates.items():
        (rank, position), *others = sorted(ranked)
        if others and others[0][0] == rank:
            twin = others[0][1]
            raise StudyError(
                f"{name}: columns {position + 1} ({header[position]!r}) and {twin + 1} "
                f"({header[twin]!r}) are duplicates, both {seer_fields()[field].variable!r}. "
                "Remove one of them from the case listing and export again."
            )
        columns[field] = position
    return columns


def require_columns(
    columns: Mapping[str, str], header: Sequence[str], required: Collection[str], name: str
) -> None:
    """Refuse an export that lacks a variable the study needs.

    Parameters
    ----------
    columns : mapping of str to str
        Canonical name -> spelling in the file, of the columns that were recognised.
    header : sequence of str
        All column names of the file.
    required : collection of str
        Keys of `REQUIREMENTS`, or canonical names.
    name : str
        Name of the file, for messages.

    Raises
    ------
    StudyError
        Names the file, each missing SEER variable, the spellings looked for and the most
        similar column of the file; for an age that ends at 85+ or is grouped, the right variable.

    Examples
    --------
    >>> require_columns({"sex": "Sex"}, ["Sex"], ["sex"], "a.csv")
    """
    missing = []
    for wanted in required:
        alternatives = REQUIREMENTS.get(wanted, ((wanted,),))
        if not any(all(field in columns for field in fields) for fields in alternatives):
            missing.append((wanted, alternatives))
    if not missing:
        return
    if any(wanted == "age" for wanted, _ in missing):
        _refuse_grouped_age(columns, name)
    others = [spelling for spelling in header if spelling not in columns.values()]
    lacks = "; ".join(_describe(alternatives, others) for _, alternatives in missing)
    them = "it" if len(missing) == 1 else "them"
    raise StudyError(
        f"{name} has no column {lacks}. Add {them} to the case listing in SEER*Stat and export "
        "again."
    )


def _refuse_grouped_age(columns: Mapping[str, str], name: str) -> None:
    if "age_85" in columns:
        raise age_ends_at_85(columns["age_85"], name)
    if "age_band" in columns:
        raise StudyError(
            f"{name}: column {columns['age_band']!r} holds five-year groups, but the study needs "
            f"age in single years. Export {seer_fields()['age'].variable!r} instead."
        )


def age_ends_at_85(column: str, name: str) -> StudyError:
    """Make the error for an age variable whose last label is ``85+ years``.

    Examples
    --------
    >>> age_ends_at_85("Age", "a.csv").args[0][-53:]
    "Export 'Age recode with single ages and 90+' instead."
    """
    return StudyError(
        f"{name}: column {column!r} puts everyone from 85 years on in one group, so an upper age "
        f"limit cannot be applied. Export {seer_fields()['age'].variable!r} instead."
    )


def _describe(alternatives: tuple[tuple[str, ...], ...], others: Sequence[str]) -> str:
    """One missing variable in words: its name, what else was looked for, what comes nearest."""
    table = seer_fields()
    first = table[alternatives[0][0]]
    text = repr(first.variable)
    variants = [repr(v) for v in first.variants]
    variants += [" with ".join(repr(table[f].variable) for f in a) for a in alternatives[1:]]
    if variants:
        text += f" (nor {', '.join(variants)})"
    keys = {normalized_name(other): other for other in others}
    wanted = [normalized_name(s) for a in alternatives for f in a for s in table[f].spellings]
    near = [match for key in wanted for match in difflib.get_close_matches(key, keys, 1, 0.6)]
    return f"{text}; the nearest column is {keys[near[0]]!r}" if near else text
