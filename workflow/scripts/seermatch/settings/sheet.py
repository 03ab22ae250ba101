"""The sheet of exports: which files a study reads."""

import csv
import re
import stat
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path

from seermatch.errors import StudyError
from seermatch.settings.check import problems
from seermatch.settings.cohort import Export

COLUMNS = tuple(column.name for column in fields(Export))
LARGEST_SHEET, LARGEST_DICTIONARY = 1 << 20, 1 << 26  # bytes


def read_sheet(path: str) -> dict[str, dict[str, str]]:
    """Read the sheet of exports.

    Parameters
    ----------
    path : str
        A table with a header; tabs, commas or semicolons separate its columns.

    Returns
    -------
    dict of str to dict
        Name of the export to its row (`seermatch.settings.cohort.Export`).

    Raises
    ------
    StudyError
        If it is no such table, or a row is wrong.
    """
    try:
        rows = _rows(path)
    except csv.Error as error:
        raise StudyError(
            f"{path} is no table ({error}); save it again as tab-separated UTF-8 text."
        ) from None
    exports = {}
    for number, row in enumerate(rows, start=2):
        row.pop(None, None)
        row = {(name or "").strip(): (value or "").strip() for name, value in row.items()}
        if not any(row.values()):
            continue
        if row.get("path") == "" and re.search("[,; ]", row.get("export", "")):
            raise StudyError(
                f"{path}, row {number}: {row['export']!r} is one column; separate columns by tabs."
            )
        if wrong := problems(Export, row, f"{path}, row {number}"):
            raise StudyError("\n".join(wrong))
        if row["export"] in exports:
            raise StudyError(f"{path}, row {number}: the export {row['export']!r} is listed twice.")
        exports[row["export"]] = row
    if not exports:
        raise StudyError(
            f"{path}: no export is listed; add a row with its name, path and dictionary."
        )
    return exports


def _rows(path: str) -> list[dict[str | None, str | None]]:
    """Read the rows as text, whatever separates the columns."""
    wrong = _obstacle(path)
    if "not exist" in wrong:
        raise StudyError(
            f"config.exports: there is no file {path}; name the sheet of your exports."
        )
    if wrong:
        raise StudyError(f"config.exports: {path} {wrong}.")
    if (size := Path(path).stat().st_size) > LARGEST_SHEET:
        raise StudyError(
            f"config.exports: {path} has {size / 1e6:,.0f} MB, so it is no sheet of exports; name "
            "the table that lists them."
        )
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise StudyError(f"{path} is not text in UTF-8; save it again as tab-separated UTF-8 text.")
    lines = [line for line in text.splitlines() if line.strip()]
    header = lines[0] if lines else ""
    separator = next((mark for mark in "\t,;" if mark in header), "\t")
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    if header and not set(names) & set(COLUMNS):
        raise StudyError(
            f"{path}: the first row is {header[:80]!r} instead of the names of the columns: "
            f"{', '.join(COLUMNS)}. Separate columns by tabs."
        )
    if len(set(names)) < len(names):
        raise StudyError(f"{path}: two columns have the same name; keep one of each.")
    return list(csv.DictReader(lines, delimiter=separator))


def files_of(row: dict[str, str]) -> dict[str, str]:
    """Name the files of an export: its path, and its dictionary if there is one."""
    beside = Path(row["path"].removesuffix(".gz")).with_suffix(".dic")
    try:
        dictionary = row.get("dictionary") or (str(beside) if beside.is_file() else "")
    except PermissionError:  # of the folder; its export is refused by name
        dictionary = ""
    return {"path": row["path"]} | ({"dictionary": dictionary} if dictionary else {})


def _obstacle(path: str) -> str:
    """Say what keeps a file from being read; nothing if it can be."""
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            return "is a folder, not a file"
        if not stat.S_ISREG(mode):  # opening a pipe would wait for a writer
            return "is a pipe or a device, not a file; save its content in a file"
        with Path(path).open("rb"):
            return ""
    except PermissionError:
        return "may not be read; ask its owner for permission"
    except (OSError, ValueError):
        return "does not exist"


def check_paths(exports: dict[str, dict[str, str]], sheet: str, made: Collection[str]) -> None:
    """Refuse a sheet that lists a file which cannot be read, unless the workflow makes it.

    Parameters
    ----------
    exports : dict
        As `read_sheet` gives them.
    sheet : str
        Path of the sheet, for messages.
    made : collection of str
        Files that the workflow makes.

    Raises
    ------
    StudyError
    """
    for row in exports.values():
        for column, path in files_of(row).items():
            if path in made:
                continue
            wrong = _obstacle(path)
            too_large = not wrong and Path(path).stat().st_size > LARGEST_DICTIONARY
            if column == "dictionary" and too_large:
                wrong = "is too large for a dictionary; name the .dic file beside the data"
            if wrong:
                raise StudyError(f"{sheet}, export {row['export']!r}: the {column} {path} {wrong}.")
