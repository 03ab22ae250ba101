"""Ready variables over all eras and submissions, and what is known of SEER's fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from seermatch.errors import StudyError
from seermatch.seer.fields import identify_field, seer_fields
from seermatch.variables.definition import Declaration, read_declaration
from seermatch.variables.source import FieldFacts
from seermatch.variables.study_file import Mapped, read_study_file

ABOUT = ("note", "source", "verified")
VERIFIED = ("yes", "partly", "no")
TOPOGRAPHY = ("primary_site",)


@dataclass(frozen=True)
class CatalogueEntry:
    """A ready variable.

    Attributes
    ----------
    declaration : Declaration
        As a study file would declare it.
    chapter : str
        The file of the catalogue that holds it: ``"stage"``.
    note : str
        Traps, in words.
    source : str
        Where labels and grouping were read.
    verified : {"yes", "partly", "no"}
        Whether they were seen in SEER's documentation or in real exports.
    """

    declaration: Declaration
    chapter: str
    note: str
    source: str
    verified: str


@cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """Read the catalogue.

    Returns
    -------
    mapping of str to CatalogueEntry
        By name, chapter after chapter.

    Raises
    ------
    StudyError
        If an entry is not well formed, or a name is there twice.

    Examples
    --------
    >>> entry = catalogue()["radiation"]
    >>> [*entry.declaration.eras[0].grouping.levels], entry.verified
    (['None', 'Beam radiation', 'Other radiation'], 'yes')
    """
    folder = resources.files("seermatch.variables").joinpath("catalogue")
    entries: dict[str, CatalogueEntry] = {}
    files = (file for file in folder.iterdir() if file.name.endswith(".yaml"))
    for file in sorted(files, key=lambda file: file.name):
        chapter = file.name.removesuffix(".yaml")
        for name, tree in read_study_file(file.read_bytes(), file.name).items():
            if name in entries:
                raise StudyError(f"{file.name}, line {name.line}: '{name}' is in two chapters.")
            entries[str(name)] = _entry(name, tree, chapter)
    return entries


def _entry(name: str, tree: Mapped, chapter: str) -> CatalogueEntry:
    if missing := [key for key in ABOUT if key not in tree]:
        raise StudyError(f"{chapter}.yaml, {name}: there is no {missing[0]}.")
    note, source, verified = (str(tree[key]) for key in ABOUT)
    if verified not in VERIFIED:
        raise StudyError(f"{chapter}.yaml, {name}: verified is one of {', '.join(VERIFIED)}.")
    declared = Mapped({key: value for key, value in tree.items() if key not in ABOUT})
    declaration = read_declaration(name, declared)
    return CatalogueEntry(declaration, chapter, note, source, verified)


@cache
def field_facts() -> Mapping[str, FieldFacts]:
    """Give what is known of SEER's fields, by canonical name.

    Returns
    -------
    mapping of str to FieldFacts
        Known labels without the regular expressions of the field table.

    Examples
    --------
    >>> facts = field_facts()["surgery_1998_2022"]
    >>> facts.kind, facts.unknown, min(facts.years), max(facts.years)
    ('codes', ('98', '99'), 1998, 2022)
    """
    return {
        name: FieldFacts(
            field.kind,
            tuple(label for label in field.labels if not label.startswith("~")),
            field.unknown,
            field.years,
            topography=name in TOPOGRAPHY,
        )
        for name, field in seer_fields().items()
    }


def canonical(name: str) -> str | None:
    """Give the canonical name of a field in any of its spellings; None where it is none.

    Examples
    --------
    >>> canonical("RX.Summ..Surg.Prim.Site..1998.."), canonical("shoe size")
    ('surgery_1998_2022', None)
    """
    found = identify_field(name)
    return found[0] if found else None
