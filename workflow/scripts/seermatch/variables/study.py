"""Read a study file into the design that it says."""

import difflib
from collections.abc import Callable, Mapping

from seermatch.errors import StudyError
from seermatch.variables.conditions import (
    at_line,
    read_condition,
    read_items,
    read_number,
    read_text,
    read_yes,
)
from seermatch.variables.definition import (
    NOT_IN_STUDY,
    Declaration,
    read_variables,
    read_years,
    refuse_unknown_keys,
)
from seermatch.variables.design import (
    ANALYSES,
    DEFINITIONS,
    ESTIMANDS,
    UNKNOWN_CAUSE,
    Arm,
    Cohort,
    Criterion,
    Exposure,
    Matching,
    Outcome,
    Study,
)
from seermatch.variables.study_file import (
    NONE,
    Listed,
    Mapped,
    Text,
    Tree,
    based_on,
    read_study_file,
)

# Sections that are handed on as they stand, with the keys that each may have; None: any.
SECTIONS: Mapping[str, tuple[str, ...] | None] = {
    "matching": ("link", "order", "ties", "seed"),
    "weighting": ("trim",),
    "balance": ("threshold", "p_after_matching"),
    "regression": ("selection_p", "recommended"),
    "survival": ("interval",),
    "fine_gray": ("censoring_by",),
    "figures": ("follow_up_marks", "widths"),
    "stability": ("seeds",),
    "sensitivity": ("calipers", "ratios", "orders", "estimands", "imputations", "without"),
    "interpretation": ("months", "power", "equivalence_margin", "ascertainment"),
    "calibration": ("repetitions", "seed"),
    "data_quality": ("missing_cause_of_death_percent", "stop_percent"),
    "disclosure": ("minimum_count", "method"),
    "synthetic": ("seed", "reference_scale", "exposed_scale"),
    "claims": None,
    "controls": None,
    "landmark_series": None,
    "modifiers": None,
}
WORDS = ("title", "question", "exports")
OWN = (*WORDS, "paper", "outcome", "cohort", "variables", "subgroups", "analysis")
OUTCOME = ("cancer", "causes", "definition", "unknown_cause")
COHORT = ("years", "registries", "exposure", "criteria", "landmark", "one_tumor_per_patient")
MATCHING = ("covariates", "splines", "exact", "ratio", "caliper")


def read_study(
    content: str | bytes, name: str, base: Callable[[str], str | bytes] | None = None
) -> Study:
    """Read a study file.

    Parameters
    ----------
    content : str or bytes
        What the file holds; see `read_study_file`.
    name : str
        How messages name the file.
    base : callable, optional
        Gives the content of the file that `based_on` names; without it variants are refused.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        If something is missing, unknown or contradicts itself; with the line where there is one.

    Examples
    --------
    >>> study = read_study('''
    ... title: Partial or radical nephrectomy
    ... question: Do patients live longer after partial nephrectomy?
    ... exports: kidney.tsv
    ... outcome: {cancer: kidney cancer, causes: Kidney and Renal Pelvis}
    ... cohort:
    ...   years: 2004-2012
    ...   exposure: {variable: operation, reference: Radical, exposed: Partial}
    ... variables: {operation: {of: surgery_code, levels: {Radical: 40-70, Partial: 30}}}
    ... matching: {covariates: [age, sex]}
    ... ''', "kidney.yaml")
    >>> study.cohort.exposure.exposed, study.matching.ratio
    (Arm(name='Partial', levels=('Partial',)), 1)
    """
    tree = read_study_file(content, name)
    _refuse_no_caliper(tree, name)
    tree = based_on(tree, _base(tree, name, base) if "based_on" in tree else Mapped())
    try:
        return _study(tree)
    except StudyError as error:
        raise StudyError(_with_file(name, error)) from None


def _refuse_no_caliper(tree: Mapped, name: str) -> None:
    """Refuse `caliper: none`, which would unset it, so that the default held."""
    matching = tree.get("matching")
    if isinstance(matching, Mapped) and matching.get("caliper") == NONE:
        where = f"{name}, {at_line(matching['caliper'], 'matching, caliper')}"
        raise StudyError(f"{where}: write null for no caliper, or leave it out for the default.")


def _base(tree: Mapped, name: str, base) -> Mapped:
    where = f"{name}, line {tree['based_on'].line}"
    other = read_text(tree["based_on"], f"{where}: based_on")
    if base is None:
        raise StudyError(f"{where}: a study that is based on '{other}' cannot be read by itself.")
    content = base(other)
    found = read_study_file(content, other)
    if "based_on" in found:
        raise StudyError(
            f"{where}: '{other}' is based on '{found['based_on']}' itself; one step only, so write "
            f"`based_on: {found['based_on']}` and what differs from it."
        )
    read_study(content, other)
    return found


def _with_file(name: str, error: StudyError) -> str:
    told = str(error)
    return f"{name}, {told}" if told.startswith("line ") else f"{name}: {told}"


def _study(tree: Mapped) -> Study:
    refuse_unknown_keys(tree, (*OWN, *SECTIONS, "based_on"), "the study")
    for key in (*WORDS, "outcome", "cohort", "matching"):
        if key not in tree:
            raise StudyError(f"`{key}: ...` is missing; every study says it.")
    variables = read_variables(tree["variables"]) if "variables" in tree else {}
    matching = _matching(_section(tree, "matching", (*MATCHING, *SECTIONS["matching"])))
    weighting = _section(tree, "weighting", ("estimand", *SECTIONS["weighting"]))
    study = Study(
        **{key: read_text(tree[key], key) for key in WORDS},
        outcome=_outcome(_section(tree, "outcome", OUTCOME)),
        cohort=_cohort(_section(tree, "cohort", COHORT)),
        matching=matching,
        variables=variables,
        subgroups=_names(tree, "subgroups"),
        analysis=_one_of(tree, "analysis", ANALYSES),
        estimand=_one_of(weighting, "estimand", ESTIMANDS, "weighting, estimand"),
        paper=read_text(tree["paper"], "paper") if "paper" in tree else "",
        sections=_handed_on(tree),
    )
    _check_exposure(study)
    return study


def _section(tree: Mapped, key: str, keys: tuple[str, ...]) -> Mapped:
    section = tree.get(key, Mapped())
    if not isinstance(section, Mapped):
        raise StudyError(f"{at_line(section, key)}: write `key: value` lines, or {{key: value}}.")
    refuse_unknown_keys(section, keys, key)
    return section


def _handed_on(tree: Mapped) -> dict[str, Tree]:
    sections = {}
    for key, keys in SECTIONS.items():
        if keys is None:
            found = {key: tree[key]} if key in tree else {}
        else:
            section = tree.get(key, Mapped())
            if key not in ("matching", "weighting"):
                section = _section(tree, key, keys)
            kept = Mapped({name: value for name, value in section.items() if name in keys})
            found = {key: kept} if kept else {}
        sections |= found
    return sections


def _required(tree: Mapped, key: str, where: str) -> Tree:
    if key not in tree:
        raise StudyError(f"{at_line(tree, where)}: `{key}: ...` is missing.")
    return tree[key]


def _one_of(tree: Mapped, key: str, words: tuple[str, ...], where: str = "") -> str:
    """Read one of some words; the first where nothing is said."""
    if key not in tree:
        return words[0]
    where = where or key
    word = read_text(tree[key], where)
    if word not in words:
        near = difflib.get_close_matches(word, words, n=1)
        offer = f"did you mean '{near[0]}'?" if near else f"write {' or '.join(words)}."
        raise StudyError(f"{at_line(tree[key], where)}: '{word}' is not known here; {offer}")
    return word


def _names(tree: Mapped, key: str, where: str = "") -> tuple[str, ...]:
    """Read a list of variables, each once."""
    if key not in tree:
        return ()
    where = where or key
    names = read_items(tree[key], where)
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{at_line(tree[key], where)}: '{name}' is there twice; keep one.")
    return names


def _whole(tree: Tree, where: str, least: int) -> int:
    number = read_number(tree, where)
    if number != int(number) or number < least:
        raise StudyError(f"{at_line(tree, where)}: write a whole number of {least} or more.")
    return int(number)


def _outcome(tree: Mapped) -> Outcome:
    return Outcome(
        read_text(_required(tree, "cancer", "outcome"), "outcome, cancer"),
        read_items(_required(tree, "causes", "outcome"), "outcome, causes"),
        _one_of(tree, "definition", DEFINITIONS, "outcome, definition"),
        _one_of(tree, "unknown_cause", UNKNOWN_CAUSE, "outcome, unknown_cause"),
    )


def _cohort(tree: Mapped) -> Cohort:
    where = "cohort, one_tumor_per_patient"
    return Cohort(
        read_years(_required(tree, "years", "cohort"), "cohort, years"),
        _exposure(_required(tree, "exposure", "cohort")),
        _criteria(tree["criteria"]) if "criteria" in tree else (),
        _names(tree, "registries", "cohort, registries"),
        _whole(tree["landmark"], "cohort, landmark", 1) if "landmark" in tree else None,
        read_yes(tree.get("one_tumor_per_patient", Text("yes")), where),
    )


def _criteria(tree: Tree) -> tuple[Criterion, ...]:
    where = "cohort, criteria"
    if not isinstance(tree, Listed):
        raise StudyError(f"{at_line(tree, where)}: write a list, one `- words: {{...}}` a line.")
    criteria = []
    for item in tree:
        if not isinstance(item, Mapped) or not item:
            raise StudyError(f"{at_line(item, where)}: write `- words: {{variable: values}}`.")
        if len(item) > 1:
            first, second = list(item)[:2]
            told = f"'{first}' and '{second}' are under one dash"
            raise StudyError(f"{at_line(second, where)}: {told}; begin each with a dash.")
        [(words, condition)] = item.items()
        if any(words == known.words for known in criteria):
            raise StudyError(f"{at_line(words, where)}: '{words}' is there twice; word one anew.")
        criteria.append(Criterion(str(words), read_condition(condition, f"{where}, '{words}'")))
    return tuple(criteria)


def _exposure(tree: Tree) -> Exposure:
    where = "cohort, exposure"
    if not isinstance(tree, Mapped):
        told = "write {variable: ..., reference: ..., exposed: ...}"
        raise StudyError(f"{at_line(tree, where)}: {told}.")
    refuse_unknown_keys(tree, ("variable", "reference", "exposed"), where)
    variable = read_text(_required(tree, "variable", where), f"{where}, variable")
    reference, exposed = (
        _arm(_required(tree, key, where), f"{where}, {key}") for key in ("reference", "exposed")
    )
    here = at_line(tree, where)
    if both := [level for level in reference.levels if level in exposed.levels]:
        raise StudyError(f"{here}: both groups hold '{both[0]}'; a level belongs to one.")
    if reference.name == exposed.name:
        raise StudyError(f"{here}: both groups are called '{reference.name}'; name one otherwise.")
    return Exposure(variable, reference, exposed)


def _arm(tree: Tree, where: str) -> Arm:
    if isinstance(tree, Text):
        level = read_text(tree, where)
        return Arm(level, (level,))
    if isinstance(tree, Listed):
        levels = read_items(tree, where)
        if len(levels) > 1:
            told = f"several levels need a name, {{Name: [{', '.join(levels)}]}}"
            raise StudyError(f"{at_line(tree, where)}: {told}.")
        return Arm(levels[0], levels)
    if len(tree) != 1:
        raise StudyError(f"{at_line(tree, where)}: one group has one name, {{Name: [levels]}}.")
    [(name, levels)] = tree.items()
    return Arm(str(name), read_items(levels, where))


def _matching(tree: Mapped) -> Matching:
    covariates = read_items(_required(tree, "covariates", "matching"), "matching, covariates")
    covariates = _names(tree, "covariates", "matching, covariates")
    splines = _names(tree, "splines", "matching, splines")
    for name in splines:
        if name not in covariates:
            where = at_line(tree["splines"], "matching, splines")
            raise StudyError(f"{where}: '{name}' is not among the covariates; add it there.")
    ratio = _whole(tree["ratio"], "matching, ratio", 1) if "ratio" in tree else 1
    caliper = _caliper(tree["caliper"]) if "caliper" in tree else 0.2
    return Matching(covariates, splines, _names(tree, "exact", "matching, exact"), ratio, caliper)


def _caliper(tree: Tree) -> float | None:
    if isinstance(tree, Text) and tree == "null":
        return None
    where = "matching, caliper"
    number = read_number(tree, where)
    if number <= 0:
        told = "write a number above 0, or null for no caliper"
        raise StudyError(f"{at_line(tree, where)}: {told}.")
    return number


def _check_exposure(study: Study) -> None:
    """Refuse groups of levels that the exposure has not, and the exposure as a covariate."""
    exposure = study.cohort.exposure
    if exposure.variable in study.matching.covariates:
        told = f"'{exposure.variable}' is the exposure; leave it out of the covariates"
        raise StudyError(f"matching, covariates: {told}.")
    levels = levels_declared(study.variables.get(exposure.variable))
    if levels is None:
        return
    for level in (*exposure.reference.levels, *exposure.exposed.levels):
        if level not in levels:
            near = difflib.get_close_matches(level, levels, n=1)
            offer = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(levels)}."
            told = f"variables.{exposure.variable} has no level '{level}'"
            raise StudyError(f"cohort, exposure: {told}; {offer}")


def levels_declared(declaration: Declaration | None) -> tuple[str, ...] | None:
    """Give the levels that a declaration names; None where they are those of its source.

    Examples
    --------
    >>> from seermatch.variables.study_file import read_study_file
    >>> tree = read_study_file("ages: {of: age, bands: [0-59, 60+], unknown_is: NK}", "f.yaml")
    >>> levels_declared(read_variables(tree)["ages"])
    ('0-59', '60+', 'NK')
    """
    if declaration is None:
        return None
    groupings = [era.grouping for era in declaration.eras]
    groupings += [declaration.grouping] if declaration.count else []
    if not all(grouping.names for grouping in groupings):
        return None
    names = [name for grouping in groupings for name in grouping.names]
    names += [*declaration.cases, declaration.rest, declaration.unknown_is]
    return tuple(dict.fromkeys(name for name in names if name and name != NOT_IN_STUDY))
