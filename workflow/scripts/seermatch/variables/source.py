"""What a column of an export holds: its labels, those that mean missing, and its numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from seermatch.variables.items import take_codes, take_labels
from seermatch.variables.values import UNKNOWN, UNPLACED, Values, from_labels

BLANK = re.compile(r"blank(\(s\))?$", re.IGNORECASE)
NUMBER = re.compile(
    r"\D*?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(\+|[^\d+]*\bor (?:more|greater)\b)?"
)
TOPOGRAPHY = re.compile(r"C?(\d\d)\.?(\d)(-.*)?$")


@dataclass(frozen=True)
class FieldFacts:
    """What is known of a field of SEER, whatever export it comes from.

    Attributes
    ----------
    kind : {"levels", "codes", "number"}
        What its values are.
    labels : tuple of str
        Known labels in the order in which they are printed.
    unknown : tuple of str
        Items that mean missing; of codes and numbers ranges, too (``95-99``).
    years : frozenset of int, optional
        Years of diagnosis that the field covers; None for all.
    topography : bool
        Whether the codes are ICD-O-3 sites, which exports write C501, 501 or ``C50.1-Central…``.
    """

    kind: str = "levels"
    labels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    years: frozenset[int] | None = None
    topography: bool = False


@dataclass(frozen=True)
class Source:
    """What a variable is made of: a column, or another variable.

    Attributes
    ----------
    kind : {"levels", "codes", "number"}
        What its values are.
    labels : tuple of str
        Distinct labels, those that mean missing included.
    codes : numpy.ndarray of int32, shape (n,)
        Position of each record's label; `values.UNKNOWN` where the cell is blank.
    missing : numpy.ndarray of bool, shape (labels,)
        Which labels mean missing.
    numbers : numpy.ndarray of float, shape (labels,), optional
        The number that each label says; NaN where none.
    known_labels : tuple of str
        What the field may hold beside what the records do.
    top : float, optional
        Number that stands for itself and all above it.
    blank : numpy.ndarray of bool, shape (n,)
        Where the cell holds nothing, so that another era may speak.
    unplaced : tuple of labels and codes, optional
        Of a variable: what the records hold that none of its levels takes.
    """

    kind: str
    labels: tuple[str, ...]
    codes: np.ndarray
    missing: np.ndarray
    numbers: np.ndarray | None
    known_labels: tuple[str, ...]
    top: float | None
    blank: np.ndarray
    unplaced: tuple[tuple[str, ...], np.ndarray] | None = None


def read_column(column: pl.Series, facts: FieldFacts, kind: str = "") -> Source:
    """Read a column of records.

    Parameters
    ----------
    column : polars.Series of text, categories or numbers, length n
    facts : FieldFacts
        What is known of the field; the default where nothing is.
    kind : str, optional
        What a study file says that the values are.

    Returns
    -------
    Source

    Examples
    --------
    >>> ages = pl.Series(["063 years", "85+ years", "Unknown", None])
    >>> source = read_column(ages, FieldFacts("number", unknown=("Unknown",)))
    >>> source.labels, source.numbers.tolist(), source.top, source.blank.tolist()
    (('063 years', '85+ years', 'Unknown'), [63.0, 85.0, nan], 85.0, [False, False, False, True])
    """
    labels, codes = from_labels(column)
    labels = [label.strip() for label in labels]
    if facts.topography:
        labels, codes = _one_spelling([TOPOGRAPHY.sub(r"C\1\2", label) for label in labels], codes)
    kind = kind or facts.kind
    blank_label = np.array([bool(BLANK.match(label)) or not label for label in labels], dtype=bool)
    blank = np.append(blank_label, True)[codes]
    codes = np.where(blank, UNKNOWN, codes).astype(np.int32)
    numbers, top = read_numbers(labels) if kind == "number" else (None, None)
    missing = blank_label | missing_labels(facts.unknown, labels, kind)
    if numbers is not None:
        numbers[missing] = np.nan
        missing |= np.isnan(numbers)
    rank = {label: place for place, label in enumerate(facts.labels)}
    order = sorted(range(len(labels)), key=lambda i: (rank.get(labels[i], len(rank)), labels[i]))
    place = np.empty(len(labels) + 1, dtype=np.int32)
    place[order], place[-1] = np.arange(len(labels)), UNKNOWN
    return Source(
        kind,
        tuple(labels[i] for i in order),
        place[codes],
        missing[order],
        None if numbers is None else numbers[order],
        facts.labels,
        top,
        blank,
    )


def _one_spelling(labels: list[str], codes: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Join labels that have become equal."""
    distinct = sorted(set(labels))
    place = np.array([*map(distinct.index, labels), UNKNOWN], dtype=np.int32)
    return distinct, place[codes]


def of_values(values: Values) -> Source:
    """Take a variable as the source of another; what means missing keeps its name."""
    labels, codes, numbers = values.labels, values.codes, None
    names, of_record = values.missing or ((), codes)
    if names:
        labels = (*labels, *names)
        codes = np.where(of_record >= 0, of_record + len(values.labels), codes)
    if values.kind == "number":
        known = np.unique(values.numbers[values.known])
        labels = tuple(f"{number:g}" for number in known)
        codes = np.where(values.known, np.searchsorted(known, values.numbers), values.codes)
        numbers = known
    return Source(
        values.kind,
        labels,
        codes.astype(np.int32),
        np.isin(labels, names) if names else np.zeros(len(labels), dtype=bool),
        numbers,
        (*labels, *values.known_labels),
        values.top,
        np.zeros(len(values), dtype=bool),
        values.unplaced,
    )


def read_numbers(labels: Sequence[str]) -> tuple[np.ndarray, float | None]:
    """Read the numbers that labels say.

    Parameters
    ----------
    labels : sequence of str
        ``"063 years"``, ``"0012"``, ``"12.0"``, ``"85+ years"``, ``"98.0 ng/ml or greater"``; a
        label without a digit, or with a second number in it (``"01-04 years"``), says none.

    Returns
    -------
    numbers : numpy.ndarray of float, shape (labels,)
        NaN where a label says none.
    top : float or None
        The number behind which a plus, "or more" or "or greater" stands.

    Examples
    --------
    >>> numbers, top = read_numbers(["063 years", "90+ years", "01-04 years", "Unknown"])
    >>> numbers.tolist(), top
    ([63.0, 90.0, nan, nan], 90.0)
    """
    numbers, tops = np.full(len(labels), np.nan), []
    for place, label in enumerate(labels):
        found = NUMBER.match(label)
        if found is None or re.search(r"\d", label[found.end() :]):
            continue
        number = float(found[1].replace(",", ""))
        numbers[place] = number
        tops += [number] if found[2] else []
    return numbers, max(tops, default=None)


def missing_labels(items: Sequence[str], labels: Sequence[str], kind: str) -> np.ndarray:
    """Tell which labels mean missing: by name, or of codes and numbers by range.

    Returns
    -------
    numpy.ndarray of bool, shape (labels,)

    Examples
    --------
    >>> missing_labels(["95-99", "Unknown"], ["03", "98", "Unknown"], "codes").tolist()
    [False, True, True]
    """
    take = take_labels if kind == "levels" else take_codes
    return take(items, labels)


def named_missing(
    source: Source, codes: np.ndarray, names: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Name what the unknown records of a variable hold.

    Parameters
    ----------
    source : Source
    codes : numpy.ndarray of int, shape (n,)
        Codes of the variable; `values.UNKNOWN` where it is unknown.
    names : mapping of str to sequence of str
        Name to labels; a label that none has is its own name.

    Returns
    -------
    names : tuple of str
    codes : numpy.ndarray of int32, shape (n,)
        `values.UNKNOWN` where the variable is known or the cell is blank. None instead of both
        where nothing has a name.
    """
    renamed = {label: name for name, labels in names.items() for label in labels}
    told = [renamed.get(label, label) for label in source.labels]
    distinct = tuple(dict.fromkeys(told))
    if source.kind == "number":
        return None
    place = np.array([*map(distinct.index, told), UNKNOWN], dtype=np.int32)
    of_record = np.where(codes == UNKNOWN, place[np.maximum(source.codes, UNKNOWN)], UNKNOWN)
    used = np.unique(of_record[of_record >= 0])
    if not len(used):
        return None
    of_record = np.where(of_record >= 0, np.searchsorted(used, of_record), UNKNOWN)
    return tuple(distinct[i] for i in used), of_record.astype(np.int32)


def unplaced_names(source: Source, codes: np.ndarray) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Name what no level takes: labels of the source, or of what it is made of.

    Parameters
    ----------
    source : Source
    codes : numpy.ndarray of int, shape (n,)
        Codes of the variable; `values.UNPLACED` where no level takes the value.

    Returns
    -------
    names : tuple of str
    codes : numpy.ndarray of int32, shape (n,)
        None instead of both where every value has a level.
    """
    if not (codes == UNPLACED).any():
        return None
    inherited = source.codes == UNPLACED
    own = (~inherited, (source.labels, source.codes))
    return join_names([own, (inherited, source.unplaced)], len(codes))


def join_names(parts, n: int) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Join what parts of the records hold: names, and the position of each record's.

    Parameters
    ----------
    parts : list of pairs
        Which of the n records, and their names and positions (None for none).
    n : int

    Returns
    -------
    names : tuple of str
    codes : numpy.ndarray of int32, shape (n,)
        `values.UNKNOWN` where a record has no name. None instead of both where none has.
    """
    names: dict[str, int] = {}
    codes = np.full(n, UNKNOWN, dtype=np.int32)
    for mine, named in parts:
        if named is not None and mine.any():
            place = [names.setdefault(name, len(names)) for name in named[0]]
            held = np.maximum(named[1][mine], UNKNOWN)
            codes[mine] = np.array([*place, UNKNOWN], dtype=np.int32)[held]
    return (tuple(names), codes) if (codes >= 0).any() else None
