"""What the names in a study mean: variables, ready ones of the catalogue, fields of the exports."""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping

from seermatch.errors import StudyError
from seermatch.variables.conditions import COMPOSITES, All, Holds, IsKnown, names_in
from seermatch.variables.definition import Declaration
from seermatch.variables.design import Study
from seermatch.variables.source import FieldFacts


def names_used(study: Study) -> dict[str, str]:
    """List the variables that a study names, and where it does so first.

    Parameters
    ----------
    study : Study

    Returns
    -------
    dict of str to str
        Name to the place, as messages say it. Without ``exposure``, ``covariates``, ``outcome``.
    """
    used: dict[str, str] = {study.cohort.exposure.variable: "cohort, exposure"}
    for criterion in study.cohort.criteria:
        for name in names_in(criterion.condition):
            used.setdefault(name, f"cohort, criteria, '{criterion.words}'")
    regression, sensitivity = (study.sections.get(key, {}) for key in ("regression", "sensitivity"))
    for place, names in {
        "matching, covariates": study.matching.covariates,
        "matching, exact": study.matching.exact,
        "subgroups": study.subgroups,
        "regression, recommended": regression.get("recommended", ()),
        "sensitivity, without": sensitivity.get("without", ()),
    }.items():
        for name in names:
            used.setdefault(str(name), place)
    for name in study.variables:
        used.setdefault(name, f"variables.{name}")
    return {name: place for name, place in used.items() if name not in COMPOSITES}


def columns_of(
    name: str,
    declared: Mapping[str, Declaration],
    catalogue: Mapping[str, Declaration],
    inside: tuple[tuple[str, str], ...] = (),
) -> Iterator[str]:
    """Yield the columns that a name stands for, by way of the variables it is made of.

    Parameters
    ----------
    name : str
        Of a declared variable, else of the catalogue, else of a column.
    declared, catalogue : mapping of str to Declaration
    inside : tuple of pairs of str, optional
        Variables that are being traced, outermost first.

    Yields
    ------
    str
        Names of columns as they are written; one may come more than once.

    Raises
    ------
    StudyError
        If variables are made of each other.

    Examples
    --------
    >>> from seermatch.variables.definition import read_variables
    >>> from seermatch.variables.study_file import read_study_file
    >>> tree = read_study_file("old: {cases: {Yes: {age: 65+, sex: Male}}}", "study.yaml")
    >>> list(columns_of("old", read_variables(tree), {}))
    ['age', 'sex']
    """
    kind = _kind(name, declared, catalogue, inside)
    if kind == "column":
        yield name
        return
    found = (kind, name)
    if found in inside:
        ring = [of for _, of in inside[inside.index(found) :]]
        raise StudyError(f"variables: {' needs '.join([*ring, name])}; break the circle.")
    declaration = (declared if found[0] == "declared" else catalogue)[name]
    for source in sources_of(declaration):
        yield from columns_of(source, declared, catalogue, (*inside, found))


def _kind(name, declared, catalogue, inside) -> str:
    """Tell what a name means: `declared`, `catalogue` or `column`; see `Derivation`."""
    around, within = inside[-1] if inside else ("", "")
    if name in declared and around != "catalogue" and within != name:
        return "declared"
    if name in catalogue and (around, within) != ("catalogue", name):
        return "catalogue"
    return "column"


def sources_of(declaration: Declaration) -> Iterator[str]:
    """Yield the names that a declaration is made of."""
    yield from (era.of for era in declaration.eras)
    for condition in (*declaration.cases.values(), *declaration.count):
        yield from names_in(condition)


def resolve(
    study: Study,
    catalogue: Mapping[str, Declaration],
    fields: Mapping[str, FieldFacts],
    canonical: Callable[[str], str | None],
    columns: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """Tell which columns each name of a study needs.

    Parameters
    ----------
    study : Study
    catalogue : mapping of str to Declaration
    fields : mapping of str to FieldFacts
        By canonical name.
    canonical : callable
        Gives the canonical name of a field in any of its spellings, or None.
    columns : collection of str, optional
        Further columns of the exports.

    Returns
    -------
    dict of str to tuple of str
        Name to the canonical names of fields, and names of columns that are none.

    Raises
    ------
    StudyError
        If a name is neither declared, nor in the catalogue, nor a field or column; with the place
        and the nearest.
    """
    found = {}
    for name, place in names_used(study).items():
        needed = {}
        for column in columns_of(name, study.variables, catalogue):
            known = column if column in fields else canonical(column)
            if known is None and column not in columns:
                every = [*study.variables, *catalogue, *fields, *columns]
                near = difflib.get_close_matches(column, every, n=1)
                told = f"'{column}' is neither a variable nor a field of SEER"
                offer = f"did you mean '{near[0]}'?" if near else "declare it, or name a column."
                raise StudyError(f"{place}: {told}; {offer}")
            needed[known or column] = None
        found[name] = tuple(needed)
    return found


def refuse_years(
    study: Study,
    catalogue: Mapping[str, Declaration],
    years_of: Callable[[str], frozenset[int] | None],
) -> None:
    """Refuse years of diagnosis that no source of a used variable covers.

    Parameters
    ----------
    study : Study
    catalogue : mapping of str to Declaration
    years_of : callable
        Years that a field covers; None for all.

    Raises
    ------
    StudyError
        With the variable, the years that it has, and those that it lacks. Conditions inside `any`
        and `not`, cases and counts are not looked into: there, one field may stand for some years.
    """
    asked = [study.cohort.exposure.variable, *study.matching.covariates, *study.subgroups]
    for criterion in study.cohort.criteria:
        asked += _plainly_named(criterion.condition)
    for name in dict.fromkeys(asked):
        covered = _years_covered(name, study.variables, catalogue, years_of)
        if covered is None or not (lacking := sorted(study.cohort.years - covered)):
            continue
        has = f"covers {_say_years(covered)}" if covered else "covers no year"
        raise StudyError(
            f"cohort, years: {_say_years(lacking)} cannot be studied with '{name}', which {has}; "
            "leave these years out, or give the variable an era for them."
        )


def _plainly_named(condition: All) -> list[str]:
    names = []
    for part in condition.parts:
        names += [part.name] if isinstance(part, Holds) else []
        names += part.names if isinstance(part, IsKnown) else ()
    return [name for name in names if name not in COMPOSITES]


def _years_covered(name, declared, catalogue, years_of, inside=()) -> frozenset[int] | None:
    kind = _kind(name, declared, catalogue, inside)
    if kind == "column":
        return years_of(name)
    declaration = (declared if kind == "declared" else catalogue)[name]
    covered: frozenset[int] = frozenset()
    for era in declaration.eras:
        own = _years_covered(era.of, declared, catalogue, years_of, (*inside, (kind, name)))
        both = own if era.years is None else era.years if own is None else own & era.years
        if both is None:
            return None
        covered |= both
    return covered if declaration.eras else None


def _say_years(years: Collection[int]) -> str:
    """Write years as ranges: 2004–2009, 2012, 2018 and later."""
    ranges: list[list[int]] = []
    for year in sorted(years):
        if ranges and year == ranges[-1][1] + 1:
            ranges[-1][1] = year
        else:
            ranges.append([year, year])
    return ", ".join(
        f"{low} and later" if high >= 2100 else f"{low}" if low == high else f"{low}–{high}"
        for low, high in ranges
    )
