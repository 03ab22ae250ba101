"""Derive the variables of a study from the records of its exports.

Every decision is made once per distinct label; records only carry the label's position.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from seermatch.errors import StudyError
from seermatch.variables.conditions import NotExported, first_true, judge
from seermatch.variables.definition import NOT_IN_STUDY as OUT
from seermatch.variables.definition import Declaration, Era, Grouping
from seermatch.variables.items import check_items, in_intervals, take_codes, take_labels
from seermatch.variables.source import (
    FieldFacts,
    Source,
    join_names,
    missing_labels,
    named_missing,
    of_values,
    read_column,
    unplaced_names,
)
from seermatch.variables.values import (
    NOT_IN_STUDY,
    TRUE,
    UNDETERMINED,
    UNKNOWN,
    UNPLACED,
    Values,
    refuse_beyond_top,
)


@dataclass
class Derivation:
    """The variables of one study on one set of records.

    Parameters
    ----------
    records : polars.DataFrame
        One row per record; columns under the canonical names of their fields, others as in the
        export.
    declared : mapping of str to Declaration
        What the study file declares.
    catalogue : mapping of str to Declaration
        Ready variables.
    fields : mapping of str to FieldFacts
        What is known of the fields, by canonical name.
    canonical : callable
        Gives the canonical name of a field in any of its spellings, or None.
    year : str
        Column with the year of diagnosis.

    Examples
    --------
    >>> from seermatch.variables.definition import read_variables
    >>> from seermatch.variables.study_file import read_study_file
    >>> declared = read_study_file("age_group: {of: age, bands: [18-59, 60+]}", "study.yaml")
    >>> records = pl.DataFrame({"age": ["45 years", "90+ years"], "year": ["2018", "2019"]})
    >>> fields = {"age": FieldFacts("number"), "year": FieldFacts("number")}
    >>> study = Derivation(records, read_variables(declared), fields=fields)
    >>> values = study.values_of("age_group")
    >>> [values.labels[code] for code in values.codes]
    ['18-59', '60+']
    """

    records: pl.DataFrame
    declared: Mapping[str, Declaration]
    catalogue: Mapping[str, Declaration] = field(default_factory=dict)
    fields: Mapping[str, FieldFacts] = field(default_factory=dict)
    canonical: Callable[[str], str | None] = lambda name: None
    year: str = "year"

    def __post_init__(self):
        """Begin with no variable derived."""
        self._derived: dict[tuple[str, str], Values] = {}
        self._read: dict[tuple[str, str], Source] = {}
        self._open: list[tuple[str, str]] = []

    def values_of(self, name: str) -> Values:
        """Derive a variable, or read a column.

        Parameters
        ----------
        name : str
            Of a declared variable, else of the catalogue, else of a field or a column.

        Returns
        -------
        Values

        Raises
        ------
        StudyError
            If the name means nothing, variables are made of each other, or a declaration does not
            fit what the records hold.
        NotExported
            If the name is that of a field that no export has.
        """
        kind, of = self._find(name)
        if kind == "column":
            return self._of_column(of)
        if (kind, of) not in self._derived:
            if (kind, of) in self._open:
                ring = [name for _, name in self._open[self._open.index((kind, of)) :]]
                raise StudyError(f"variables: {' needs '.join([*ring, of])}; break the circle.")
            self._open.append((kind, of))
            try:
                declaration = (self.declared if kind == "declared" else self.catalogue)[of]
                self._derived[kind, of] = self._derive(declaration)
            finally:
                self._open.pop()
        return self._derived[kind, of]

    def _find(self, name: str) -> tuple[str, str]:
        """Tell what a name means here.

        Inside itself, a variable's name means what it hides; inside the catalogue, no name means
        what a study declares.
        """
        inside = [kind for kind, of in self._open[-1:] if of == name]
        in_catalogue = [kind for kind, _ in self._open[-1:]] == ["catalogue"]
        if name in self.declared and not inside and not in_catalogue:
            return "declared", name
        if name in self.catalogue and inside != ["catalogue"]:
            return "catalogue", name
        return "column", name

    def _column_name(self, name: str) -> str:
        known = name if name in self.fields else self.canonical(name)
        for column in (name, known):
            if column in self.records.columns:
                return column
        if known is not None:
            raise NotExported(f"{name}: no export has this column.")
        names = [*self.declared, *self.catalogue, *self.fields, *self.records.columns]
        near = difflib.get_close_matches(name, names, n=1)
        offer = f"did you mean '{near[0]}'?" if near else "declare it, or name a column."
        told = f"'{name}' is neither a variable nor a column of the exports"
        raise StudyError(f"{told}; {offer}")

    def _source(self, name: str, kind: str = "") -> Source:
        if self._find(name)[0] != "column":
            source = of_values(self.values_of(name))
            return replace(source, kind=kind or source.kind)
        column = self._column_name(name)
        if (column, kind) not in self._read:
            facts = self.fields.get(column, FieldFacts())
            self._read[column, kind] = read_column(self.records[column], facts, kind)
        return self._read[column, kind]

    def _of_column(self, name: str) -> Values:
        return _group(self._source(name), Grouping(), name)

    def _derive(self, declaration: Declaration) -> Values:
        where = f"variables.{declaration.name}"
        if declaration.eras:
            values = self._of_eras(declaration, where)
        elif declaration.cases:
            judged = {
                level: self._judge(condition, f"{where}, {level}")
                for level, condition in declaration.cases.items()
            }
            position, undetermined = first_true(judged)
            codes = np.where(position < 0, UNPLACED, position)
            codes[undetermined] = UNKNOWN
            values = Values("levels", tuple(judged), codes.astype(np.int32))
        else:
            values = self._count(declaration, where)
        return _finish(values, declaration)

    def _judge(self, condition, where: str) -> np.ndarray:
        try:
            judged = judge(condition, self.values_of)
        except NotExported:
            raise
        except StudyError as error:
            raise StudyError(f"{where}: {error}") from None
        if judged is None:
            raise NotExported(f"{where}: no export has what it needs.")
        return judged

    def _count(self, declaration: Declaration, where: str) -> Values:
        judged = [self._judge(condition, f"{where}, count") for condition in declaration.count]
        least = sum((one == TRUE).astype(int) for one in judged)
        known = ~np.any([one == UNDETERMINED for one in judged], axis=0)
        numbers = np.where(known, least, np.nan)
        counted = Values("number", (), np.where(known, 0, UNKNOWN).astype(np.int32), numbers)
        return _group(of_values(counted), declaration.grouping, where)

    def _of_eras(self, declaration: Declaration, where: str) -> Values:
        parts, lacking = [], None
        for place, era in enumerate(declaration.eras, start=1):
            here = where if len(declaration.eras) == 1 else f"{where}, era {place}"
            try:
                source = self._source(era.of, declaration.kind)
            except NotExported as error:
                lacking = error
                continue
            parts.append((self._covered(era, source), _group(source, era.grouping, here)))
        if not parts:
            raise lacking
        if len(declaration.eras) == 1:
            return parts[0][1]
        groupings = [era.grouping for era in declaration.eras]
        levels = dict.fromkeys(level for grouping in groupings for level in grouping.names)
        missing = dict.fromkeys(name for grouping in groupings for name in grouping.missing)
        return replace(_join_eras(parts, where, [*levels]), known_labels=(*levels, *missing))

    def _covered(self, era: Era, source: Source) -> np.ndarray:
        """Tell which records an era speaks of: its years, where its cell is not blank."""
        years = era.years or self.years_of(era.of)
        covered = ~source.blank
        if years is not None:
            diagnosed = self._source(self.year, "number")
            within = np.isin(diagnosed.numbers, sorted(years))
            covered &= np.append(within, False)[diagnosed.codes]
        return covered

    def years_of(self, name: str) -> frozenset[int] | None:
        """Give the years that a field covers; None for all years and for variables."""
        known = name if name in self.fields else self.canonical(name)
        return self.fields[known].years if known in self.fields else None


def _group(source: Source, grouping: Grouping, where: str) -> Values:
    """Make levels of what a source holds, or leave it as it is."""
    if grouping.bands is not None:
        return _band(source, grouping, where)
    unknown = source.missing | missing_labels(grouping.unknown, source.labels, source.kind)
    if grouping.unknown and source.kind != "number":
        known_labels = [*source.known_labels, *grouping.unknown]
        check_items(grouping.unknown, source.labels, known_labels, f"{where}, unknown", codes=True)
    if grouping.levels is None:
        return _keep(source, unknown, grouping)
    take = take_labels if source.kind == "levels" else take_codes
    of_label = np.full(len(source.labels), UNPLACED, dtype=np.int32)
    of_label[unknown] = UNKNOWN
    taken = np.zeros(len(source.labels), dtype=bool)
    for place, (level, items) in enumerate(grouping.levels.items()):
        here = f"{where}, {level}"
        check_items(items, source.labels, source.known_labels, here, source.kind != "levels")
        mine = take(items, source.labels)
        # by a range, a level takes no code that means missing; by name it does
        named = take_labels([item for item in items if not item.endswith("*")], source.labels)
        mine &= ~unknown | named
        if (mine & taken).any():
            both = source.labels[int(np.flatnonzero(mine & taken)[0])]
            raise StudyError(f"{here}: '{both}' is in another level, too; a value belongs to one.")
        taken |= mine
        of_label[mine] = place
    codes = _spread(of_label, source.codes)
    unplaced = unplaced_names(source, codes)
    missing = named_missing(source, codes, grouping.missing)
    known = tuple(grouping.missing)
    return Values("levels", grouping.names, codes, None, None, unplaced, known, missing)


def _spread(of_label: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give each record what its label has; records without a label keep why."""
    return np.where(codes >= 0, np.append(of_label, UNKNOWN)[codes], codes).astype(np.int32)


def _keep(source: Source, unknown: np.ndarray, grouping: Grouping) -> Values:
    if source.kind == "number":
        codes = _spread(np.where(unknown, UNKNOWN, 0), source.codes)
        numbers = np.append(source.numbers, np.nan)[np.where(codes == 0, source.codes, -1)]
        return Values("number", (), codes, numbers, source.top)
    labels = tuple(np.array(source.labels, dtype=object)[~unknown])
    of_label = np.where(unknown, UNKNOWN, np.cumsum(~unknown) - 1)
    codes = _spread(of_label, source.codes)
    missing = named_missing(source, codes, grouping.missing)
    unplaced = unplaced_names(source, codes)
    known = source.known_labels
    return Values(source.kind, labels, codes, None, None, unplaced, known, missing)


def _band(source: Source, grouping: Grouping, where: str) -> Values:
    if source.numbers is None:
        raise StudyError(f"{where}: bands are of a number; this source has labels, write levels.")
    unknown = source.missing | missing_labels(grouping.unknown, source.labels, "codes")
    of_label = np.full(len(source.labels), UNPLACED, dtype=np.int32)
    for place, (band, items) in enumerate(grouping.bands.items()):
        refuse_beyond_top(items, source.top, f"{where}, {band}")
        of_label[in_intervals(items, source.numbers)] = place
    of_label[unknown] = UNKNOWN
    codes = _spread(of_label, source.codes)
    unplaced = unplaced_names(source, codes)
    return Values("levels", grouping.names, codes, unplaced=unplaced)


def _join_eras(parts: list[tuple[np.ndarray, Values]], where: str, order: list[str]) -> Values:
    """Take each record's value from the first era that speaks of it; levels come in the order."""
    kinds = {values.kind for _, values in parts}
    if len(kinds) > 1:
        raise StudyError(f"{where}: its eras are {' and '.join(sorted(kinds))}; give all levels.")
    n = len(parts[0][1])
    codes, numbers = np.full(n, UNKNOWN, dtype=np.int32), np.full(n, np.nan)
    labels = list(dict.fromkeys(label for _, values in parts for label in values.labels))
    labels.sort(key=lambda label: order.index(label) if label in order else len(order))
    free, unplaced, missing, tops = np.ones(n, dtype=bool), [], [], []
    for covered, values in parts:
        mine = free & covered
        unplaced.append((mine & (values.codes == UNPLACED), values.unplaced))
        missing.append((mine, values.missing))
        place = np.array([labels.index(label) for label in values.labels] or [0], dtype=np.int32)
        own = np.where(values.codes >= 0, place[np.maximum(values.codes, 0)], values.codes)
        codes[mine] = own[mine]
        if values.numbers is not None:
            numbers[mine] = values.numbers[mine]
            tops += [values.top] if values.top is not None and mine.any() else []
        free &= ~covered
    kind = kinds.pop()
    top = min(tops, default=None)
    if kind == "number":
        return Values(kind, (), codes, numbers, top)
    joined = join_names(unplaced, n)
    return Values(kind, tuple(labels), codes, unplaced=joined, missing=join_names(missing, n))


def _finish(values: Values, declaration: Declaration) -> Values:
    """Say what becomes of the unknown and of what no level takes."""
    labels, codes = list(values.labels), values.codes.copy()
    if declaration.rest:
        code = NOT_IN_STUDY
        if declaration.rest != OUT:
            labels += [] if declaration.rest in labels else [declaration.rest]
            code = labels.index(declaration.rest)
        codes[codes == UNPLACED] = code
    if declaration.unknown_is:
        labels += [] if declaration.unknown_is in labels else [declaration.unknown_is]
        codes[codes == UNKNOWN] = labels.index(declaration.unknown_is)
    unplaced = values.unplaced if (codes == UNPLACED).any() else None
    missing = values.missing if (codes == UNKNOWN).any() else None
    return replace(values, labels=tuple(labels), codes=codes, unplaced=unplaced, missing=missing)


def refuse_unplaced(name: str, values: Values, eligible: np.ndarray) -> None:
    """Stop where an eligible record has a value that no level takes.

    Parameters
    ----------
    name : str
        Of the variable.
    values : Values
    eligible : numpy.ndarray of bool, shape (n,)
        Records that meet all criteria.

    Raises
    ------
    StudyError
        With the values and how many records have each.

    Examples
    --------
    >>> values = Values(
    ...     "levels", ("No",), np.array([0, UNPLACED]), unplaced=(("00", "30"), np.array([0, 1]))
    ... )
    >>> refuse_unplaced("surgery", values, np.array([True, True]))
    Traceback (most recent call last):
    seermatch.errors.StudyError: variables.surgery: no level takes what 1 record that meets all \
criteria holds ('30' 1); add it to a level, or write `rest: not in study` or a level for the rest.
    """
    left = (values.codes == UNPLACED) & eligible
    if not (n := int(left.sum())):
        return
    shown = ""
    if values.unplaced is not None:
        labels, codes = values.unplaced
        counts = np.bincount(codes[left & (codes >= 0)], minlength=len(labels))
        most = np.argsort(-counts, kind="stable")[:8]
        shown = ", ".join(f"'{labels[i]}' {counts[i]:,}" for i in most if counts[i])
        shown = f" ({shown})" if shown else ""
    records = "1 record that meets" if n == 1 else f"{n:,} records that meet"
    hold = "holds" if n == 1 else "hold"
    raise StudyError(
        f"variables.{name}: no level takes what {records} all criteria {hold}{shown}; add it to a "
        "level, or write `rest: not in study` or a level for the rest."
    )
