"""Cells that a spreadsheet or word processor cannot take for a formula."""

import re

_NUMBER = re.compile(r"[+-]? ?\d[\d,]*(\.\d+)?([eE][+-]?\d+)? ?%?")
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def safe_cell(text: str) -> str:
    """Keep a spreadsheet or word processor from taking the text of a cell for a formula.

    Parameters
    ----------
    text : str
        Content of a cell.

    Returns
    -------
    str
        With an apostrophe before it (OWASP, CSV injection) where it starts like a formula and is
        not a number; also where apostrophes stand before such a start, so that `plain_cell` gives
        every text back.

    Examples
    --------
    >>> [safe_cell(text) for text in ("=1+1", "@SUM(A1)", "-0.132", "+5", "T1-T2", "-x", "'-x")]
    ["'=1+1", "'@SUM(A1)", '-0.132', '+5', 'T1-T2', "'-x", "''-x"]
    """
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def plain_cell(text: str) -> str:
    """Undo `safe_cell`.

    Parameters
    ----------
    text : str
        Content of a cell that was written by way of `safe_cell`.

    Returns
    -------
    str
        As it was.

    Examples
    --------
    >>> [plain_cell(text) for text in ("'=1+1", "''-x", "'quoted'", "-0.132")]
    ['=1+1', "'-x", "'quoted'", '-0.132']
    """
    return text[1:] if text.startswith("'") and _is_formula(text.lstrip("'")) else text


def _is_formula(text: str) -> bool:
    starts = text.lstrip(" ").startswith(_FORMULA)
    return starts and not _NUMBER.fullmatch(text.strip(" "))
