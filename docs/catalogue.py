"""Compose docs/catalogue.md: the ready variables, as a clinician reads them."""

import re

PAGE = """\
# Ready variables

A name that a study file uses and does not declare is looked up here, then among SEER's fields, then
among the columns of the exports. Each variable says from which column it comes in which years,
which labels make which level, and which mean missing. The first column whose years fit and whose
cell is not blank speaks; a column that no export has is passed over. Every column is found under
its name in any submission from November 2018 to November 2025, the newest name first. A study
file may hide a variable by one of its own: inside `stage: {of: stage, ...}` the name means the
one here. Values that mean missing keep their names: a condition may ask for `t_stage: TX`.

"Verified" is what was seen in SEER's documentation or in public readers of real exports; the rest
says so. This page is made from the catalogue by `make docs`.

| variable | in print | verified |
| --- | --- | --- |"""
CHAPTERS = {
    "demographics": "The patient",
    "tumor": "The tumor",
    "stage": "Stage",
    "treatment": "Treatment",
    "breast": "Breast",
    "prostate": "Prostate",
    "ovary": "Ovary",
    "other_sites": "Other sites",
}
FIELDS = """
## Fields without a ready variable

They may be used by their names, in a study's own variables or criteria. Site-specific factors go on
from `cs_factor_1` to `cs_factor_25`.

| field | in SEER*Stat | what it holds | years |
| --- | --- | --- | --- |"""


def catalogue_page() -> str:
    """Compose docs/catalogue.md."""
    from seermatch.seer.fields import seer_fields
    from seermatch.variables.catalogue import canonical, catalogue

    entries, fields = catalogue(), seer_fields()
    if set(CHAPTERS) != {entry.chapter for entry in entries.values()}:
        raise ValueError("docs/catalogue.py names other chapters than the catalogue has")
    lines, chapters, shown = [PAGE], [], set()
    for chapter, title in CHAPTERS.items():
        chapters += ["", f"## {title}"]
        for name, entry in entries.items():
            if entry.chapter == chapter:
                label = _label(entry.declaration)
                lines.append(f"| [`{name}`](#{name}) | {label} | {entry.verified} |")
                chapters += _variable(name, entry, entries, fields, canonical)
                shown |= {canonical(era.of) or era.of for era in entry.declaration.eras}
    rest = [field for name, field in fields.items() if name not in shown | set(entries)]
    table = [
        f"| `{field.name}` | {field.variable} | {field.meaning} | {_years(field.years)} |"
        for field in rest
        if not re.fullmatch(r"cs_factor_\d+", field.name) or field.name == "cs_factor_1"
    ]
    return "\n".join([*lines, *chapters, FIELDS, *table]) + "\n"


def _label(declaration) -> str:
    return declaration.label + (f" ({declaration.unit})" if declaration.unit else "")


def _variable(name: str, entry, entries, fields, canonical) -> list[str]:
    declaration = entry.declaration
    lines = ["", f"### {name}", "", f"{_label(declaration)}. {entry.note}", ""]
    for era in declaration.eras:
        own = era.of in entries and era.of != name
        field = None if own else fields[era.of if era.of in fields else canonical(era.of)]
        years = _years(era.years or (field.years if field else None))
        names = f"`{era.of}`" if own else "; or ".join(field.spellings)
        lines.append(f"- **{years}**: {names}")
        if levels := era.grouping.levels or era.grouping.bands:
            lines.append(f"  - levels: {_levels(levels)}")
        missing = [*era.grouping.unknown, *(field.unknown if field else ())]
        if missing := list(dict.fromkeys(missing)):
            lines.append(f"  - missing: {'; '.join(map(_code, missing))}")
    if declaration.cases:
        lines.append(f"- levels from other variables: {'; '.join(map(_code, declaration.cases))}")
    if declaration.rest:
        lines.append(f"- any other value: {declaration.rest}")
    return [*lines, "", f"Source: {entry.source}."]


def _levels(levels) -> str:
    told = []
    for level, items in levels.items():
        same = items == (level,)
        told.append(_code(level) + ("" if same else f" ({', '.join(map(_code, items))})"))
    return "; ".join(told)


def _code(text: str) -> str:
    return f"`{text}`"


def _years(years) -> str:
    if years is None:
        return "all years"
    first, last = min(years), max(years)
    return f"from {first}" if last == 2100 else f"{first}–{last}"
