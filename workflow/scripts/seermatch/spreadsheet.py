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
        not a number.

    Examples
    --------
    >>> [safe_cell(text) for text in ("=1+1", "@SUM(A1)", "-0.132", "+5", "T1-T2", "-x")]
    ["'=1+1", "'@SUM(A1)", '-0.132', '+5', 'T1-T2', "'-x"]
    """
    if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text.strip(" ")):
        return f"'{text}"
    return text
