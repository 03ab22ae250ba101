"""One row of an audit, and the few verdicts there are."""

from typing import NamedTuple

from seermatch.errors import StudyError
from seermatch.paper.numbers import PrintedNumber, parse_number

OK = "ok"
REPRODUCED = "reproduced"
CONSISTENT = "consistent"
DERIVED = "derived"
INCONSISTENT = "inconsistent"
WEAKNESS = "weakness"
NOT_RECOMPUTABLE = "not recomputable"

VERDICTS = {
    OK: "the printed numbers add up exactly",
    REPRODUCED: "a printed statistic comes out to its last digit",
    CONSISTENT: "the printed numbers fit together within their rounding",
    DERIVED: "not printed, but it follows from what is printed",
    INCONSISTENT: "printed numbers, or a number and a statement, contradict each other",
    WEAKNESS: "the numbers may be right, but do not carry what a reader would build on them",
    NOT_RECOMPUTABLE: "needs the patients' records",
}


class Finding(NamedTuple):
    """A row of ``results/paper_audit.tsv``."""

    check: str
    printed: str
    recomputed: str
    verdict: str
    note: str = ""


def fact(facts: dict[str, str], key: str) -> PrintedNumber | None:
    """Read a number among the facts stated in the text; None where it is not stated.

    Parameters
    ----------
    facts : dict
        From `seermatch.paper.tables.read_facts`.
    key : str
        Its key.

    Returns
    -------
    PrintedNumber or None

    Raises
    ------
    StudyError
        If it is stated, but is no number.

    Examples
    --------
    >>> fact({"gray_p": "0.27"}, "gray_p").value, fact({}, "gray_p")
    (0.27, None)
    """
    try:
        return parse_number(facts.get(key, ""))
    except StudyError as error:
        raise StudyError(f"text, {key}: {error}") from None


def print_p(p: float) -> str:
    """Print a recomputed p-value with enough digits to see its rounding.

    Parameters
    ----------
    p : float
        A p-value.

    Returns
    -------
    str
        Four decimals, or three significant digits below 0.01.

    Examples
    --------
    >>> print_p(0.69618), print_p(8.98e-12)
    ('0.6962', '8.98e-12')
    """
    return f"{p:.4f}" if p >= 0.01 else f"{p:.3g}"
