"""The dictionary (.dic) that SEER*Stat writes beside an exported data file.

It names the columns, the delimiter and the missing character of the export, and the database and
submission the records come from. It looks like an INI file, but values may hold ``%``, ``=``,
``:`` or ``;`` and keys hold blanks, so it is read line by line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from seermatch.errors import StudyError

DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "space": " "}


@dataclass(frozen=True)
class DictionaryVariable:
    """A column of the export: its name, base variable ("" unless user-defined), display type."""

    name: str
    base: str = ""
    display_type: str = ""


@dataclass(frozen=True)
class SeerDictionary:
    """What a SEER*Stat dictionary says.

    Attributes
    ----------
    database : str
        Name of the database, the citation of the data.
    submission : str
        ``"Nov 2024"``; empty if the database name does not say.
    years : tuple of int, or None
        First and last year of diagnosis in the database.
    session_type : str
        ``"Case Listing"``.
    variables : tuple of DictionaryVariable
        The columns in order.
    delimiter : str
        One character; empty if not stated.
    has_header : bool or None
        Whether the first line holds the column names; None if not stated.
    missing : str
        What stands for a missing value: a blank, a period or a custom text.
    variable_format : str
        ``"labels"``, ``"quotedlabels"`` or ``"numeric"``.
    quotes_delimiters : bool or None
        Whether fields that hold the delimiter are in quotes; None if not stated.
    formats : mapping of str to mapping
        Variable -> internal code -> label, from the ``[Format=...]`` sections.
    """

    database: str = ""
    submission: str = ""
    years: tuple[int, int] | None = None
    session_type: str = ""
    variables: tuple[DictionaryVariable, ...] = ()
    delimiter: str = ""
    has_header: bool | None = None
    missing: str = " "
    variable_format: str = ""
    quotes_delimiters: bool | None = None
    formats: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def parse_dictionary(text: str | bytes, name: str = "The dictionary") -> SeerDictionary:
    r"""Read a SEER*Stat dictionary.

    Parameters
    ----------
    text : str or bytes
        Content of the .dic file; bytes are taken as UTF-8, else as Windows-1252.
    name : str
        Name of the file, for messages.

    Returns
    -------
    SeerDictionary

    Raises
    ------
    StudyError
        If the text lists no variables, or skips or repeats one.

    Examples
    --------
    >>> dictionary = parse_dictionary('''[System]
    ... Database name=Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub (2000-2022)
    ...
    ... [Export Options]
    ... Field delimiter=tab
    ... Missing character="NA"
    ... Variable names included=false
    ...
    ... [Variables]
    ... Var1Name=Patient ID
    ... Var1DisplayType=Formatted
    ... Var2Name=Year of diagnosis
    ... ''')
    >>> dictionary.submission, dictionary.years, dictionary.missing
    ('Nov 2024', (2000, 2022), 'NA')
    >>> [variable.name for variable in dictionary.variables]
    ['Patient ID', 'Year of diagnosis']
    """
    if isinstance(text, bytes):
        text = _decode(text)
    sections = _sections(text)
    system = sections.get("system", {})
    options = sections.get("export options", {})
    database = system.get("database name", "")
    return SeerDictionary(
        database=database,
        submission=_submission(database),
        years=database_years(database),
        session_type=sections.get("session options", {}).get("type", ""),
        variables=_variables(text, name),
        delimiter=_delimiter(options.get("field delimiter", ""), name),
        has_header=_flag(options.get("variable names included")),
        missing=_missing(options.get("missing character", "space")),
        variable_format=options.get("variable format", "").lower(),
        quotes_delimiters=_flag(options.get("fields with delimiter in quotes")),
        formats={
            section[len("format=") :].strip(): labels
            for section, labels in sections.items()
            if section.lower().startswith("format=")
        },
    )


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _sections(text: str) -> dict[str, dict[str, str]]:
    """Section -> key -> value; names of [Format=...] sections and their codes keep their case."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    is_format = False
    for line in text.removeprefix("\ufeff").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
            is_format = section.lower().startswith("format=")
            current = sections.setdefault(section if is_format else section.lower(), {})
        elif "=" in line:
            key, value = (part.strip() for part in line.split("=", 1))
            current.setdefault(key if is_format else key.lower(), value)
    return sections


def _variables(text: str, name: str) -> tuple[DictionaryVariable, ...]:
    entries: dict[int, dict[str, str]] = {}
    for number, key, value in re.findall(
        r"^[ \t]*Var(\d+)(Name|Base|DisplayType)[ \t]*=(.*)$", text, re.MULTILINE | re.IGNORECASE
    ):
        entry = entries.setdefault(int(number), {})
        if key.lower() in entry:
            raise StudyError(
                f"{name} has Var{number}{key} twice. Export the case listing again, "
                "with its dictionary."
            )
        entry[key.lower()] = value.strip()
    if not any("name" in entry for entry in entries.values()):
        raise StudyError(
            f"{name} names no variables (Var1Name=...), so it is not the dictionary of a "
            "SEER*Stat export. Give the .dic file that SEER*Stat wrote beside the data file."
        )
    for number in range(1, max(entries) + 1):
        if "name" not in entries.get(number, {}):
            raise StudyError(
                f"{name} has no name for variable {number} (Var{number}Name=...). "
                "Export the case listing again, with its dictionary."
            )
    return tuple(
        DictionaryVariable(entry["name"], entry.get("base", ""), entry.get("displaytype", ""))
        for _, entry in sorted(entries.items())
    )


def database_years(database: str) -> tuple[int, int] | None:
    """Read the years of diagnosis that a database covers from its name.

    Parameters
    ----------
    database : str
        Name of the database, as in the dictionary.

    Returns
    -------
    tuple of int, or None
        First and last year; None if the name does not say.

    Examples
    --------
    >>> database_years("Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub (2000-2022)")
    (2000, 2022)
    """
    years = re.search(r"\bSub \((\d{4})\s*[-–]\s*(\d{4})\b", database)
    return (int(years.group(1)), int(years.group(2))) if years else None


def _submission(database: str) -> str:
    submission = re.search(r"\b([A-Z][a-z]{2} \d{4}) Sub\b", database)
    return submission.group(1) if submission else ""


def _delimiter(word: str, name: str) -> str:
    known = DELIMITERS.get(re.sub("[^a-z]", "", word.lower()))
    if known is None and word:
        raise StudyError(
            f"{name}: field delimiter {word!r} is not known. Export with comma, tab, semi-colon "
            "or space."
        )
    return known or ""


def _missing(word: str) -> str:
    if word.lower() == "space":
        return " "
    if word.lower() == "period":
        return "."
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word


def _flag(word: str | None) -> bool | None:
    return None if word is None else {"true": True, "false": False}.get(word.lower())
