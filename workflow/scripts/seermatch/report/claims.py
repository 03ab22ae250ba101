"""The section of the report that puts the claims of another source to the data."""

from dataclasses import dataclass

import pandas as pd

from seermatch.wording.numbers import capitalize


@dataclass(frozen=True)
class PrintedClaim:
    """A claim with its answers.

    Attributes
    ----------
    claim, source, question : str
        In words.
    answers : tuple of tuple of str
        Month in words, verdict and explanation, in the order of the months.
    context : str
        What goes for all months; empty if nothing could be answered.
    """

    claim: str
    source: str
    question: str
    answers: tuple[tuple[str, str, str], ...]
    context: str


def print_claims(table: pd.DataFrame) -> list[PrintedClaim]:
    """Put the answers of each claim together.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/claims.tsv``, all text.

    Returns
    -------
    list of PrintedClaim

    Examples
    --------
    >>> table = pd.DataFrame({"claim": "It does harm.", "source": "A leaflet",
    ...     "question": "Does it?", "month": ["36", "60"],
    ...     "verdict": ["undecided", "cannot be answered"],
    ...     "answer": ["The interval is wide.", "Follow-up ends before."],
    ...     "context": ["The hazard ratio was 1.1.", ""]})
    >>> (claim,) = print_claims(table)
    >>> claim.answers[1]
    ('By month 60', 'Cannot be answered', 'Follow-up ends before.')
    >>> claim.context
    'The hazard ratio was 1.1.'
    """
    found = []
    for (claim, source, question), rows in table.groupby(
        ["claim", "source", "question"], sort=False
    ):
        answers = tuple(
            (f"By month {row.month}", capitalize(row.verdict), row.answer)
            for row in rows.itertuples()
        )
        context = next(filter(None, rows["context"]), "")
        found.append(PrintedClaim(claim, source, question, answers, context))
    return found
