"""How an export is written: its delimiter, quotes and column names, from its first line.

The dictionary says so where there is one; it must fit the file, because names from the wrong
dictionary would put every value under another variable.
"""

import csv
from dataclasses import dataclass, replace

from seermatch.errors import StudyError
from seermatch.seer.dictionary import DELIMITERS, SeerDictionary
from seermatch.seer.fields import SHORTEST_TRUNCATED_NAME, identify_field, normalized_name

RIGHT_DICTIONARY = (
    "Give the .dic file that SEER*Stat wrote beside this file, or none if the first line holds "
    "the column names."
)


@dataclass(frozen=True)
class Layout:
    """How an export is written.

    Attributes
    ----------
    header : tuple of str
        Column names, from the first line or the dictionary.
    has_header : bool
        Whether the first line of the file holds them.
    delimiter : str
        One character.
    quoted : bool
        Whether fields may be enclosed in double quotes.
    """

    header: tuple[str, ...]
    has_header: bool
    delimiter: str
    quoted: bool


def find_layout(line: str, dictionary: SeerDictionary | None, name: str) -> Layout:
    r"""Find out how an export is written.

    Without a dictionary, the delimiter is the one that yields most names of SEER variables. With
    one, the first line must hold its names in its order, or no names at all.

    Parameters
    ----------
    line : str
        First line of the file, without line end.
    dictionary : SeerDictionary, optional
        Its dictionary.
    name : str
        Name of the file, for messages.

    Returns
    -------
    Layout

    Raises
    ------
    StudyError
        If there are no column names, or the dictionary belongs to another file.

    Examples
    --------
    >>> find_layout('"Patient ID";"Sex"', None, "a.csv")
    Layout(header=('Patient ID', 'Sex'), has_header=True, delimiter=';', quoted=True)
    """
    if dictionary:
        return _layout_by_dictionary(line, dictionary, name)
    tried = []
    for delimiter in DELIMITERS.values():
        cells = _split(line, delimiter, quoted=True)
        known = sum(identify_field(cell) is not None for cell in cells)
        tried.append((known, Layout(tuple(cells), True, delimiter, True)))
    known, layout = max(tried, key=lambda item: item[0])
    if known == 0 or len(layout.header) < 2:
        raise StudyError(
            f"{name}: the first line holds no names of SEER variables. Export with 'Variable names "
            "included', or give the dictionary (.dic) that SEER*Stat wrote beside the file."
        )
    return layout


def _split(line: str, delimiter: str, quoted: bool) -> list[str]:
    """Cells of one line; empty if the quotes do not add up."""
    if not quoted:
        return [cell.strip('" ') for cell in line.split(delimiter)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        return []


def _layout_by_dictionary(line: str, dictionary: SeerDictionary, name: str) -> Layout:
    names = tuple(variable.name for variable in dictionary.variables)
    # the stated delimiter first; another one if the table was saved again by other software
    stated = [dictionary.delimiter] if dictionary.delimiter else []
    quoted = (
        dictionary.variable_format == "quotedlabels"
        or dictionary.quotes_delimiters is not False
        or line.startswith('"')
    )
    tried = [
        Layout(tuple(_split(line, delimiter, quoted)), True, delimiter, quoted)
        for delimiter in dict.fromkeys([*stated, *DELIMITERS.values()])
    ]
    for layout in tried:
        if len(layout.header) == len(names) and all(map(_same_name, layout.header, names)):
            return layout
    closest = max(tried, key=lambda layout: sum(map(_is_name, layout.header)))
    if dictionary.has_header or sum(map(_is_name, closest.header)) > 1:
        _refuse_dictionary(closest.header, names, name)
    for layout in tried:
        if len(layout.header) == len(names):
            return replace(layout, header=names, has_header=False)
    raise StudyError(
        f"{name}, row 1: {len(tried[0].header)} fields, but the dictionary names {len(names)} "
        f"variables, so it belongs to another file. {RIGHT_DICTIONARY}"
    )


def _same_name(found: str, expected: str) -> bool:
    found, expected = normalized_name(found), normalized_name(expected)
    return found == expected or (
        len(found) >= SHORTEST_TRUNCATED_NAME and expected.startswith(found)
    )


def _is_name(cell: str) -> bool:
    return identify_field(cell) is not None


def _refuse_dictionary(header: tuple[str, ...], names: tuple[str, ...], name: str) -> None:
    pairs = zip(header, names, strict=False)
    differing = [(i, a, b) for i, (a, b) in enumerate(pairs, 1) if not _same_name(a, b)]
    if differing:
        position, found, expected = differing[0]
        what = f"column {position} is {found!r} in the file but {expected!r} in the dictionary"
    else:
        what = f"the file has {len(header)} columns, the dictionary {len(names)}"
    raise StudyError(f"{name}: the dictionary belongs to another file: {what}. {RIGHT_DICTIONARY}")
