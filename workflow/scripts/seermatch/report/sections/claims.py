"""What other sources claim, put to the data."""

import pandas as pd
from markupsafe import Markup

from seermatch.analysis.names import OK
from seermatch.report.section import Heading, Paragraph, Part, Section, Sentences
from seermatch.report.sections import sensitivity
from seermatch.wording.claims import ask, say_context, say_row
from seermatch.wording.numbers import capitalize
from seermatch.wording.results import Results

ASKED = ["claim", "source", "outcome", "expects", "survival_percent"]
ROUNDED = "Rounded for disclosure control; see the numbers."


def section(results: Results) -> Section | None:
    """Answer each claim; none where the study has no claims."""
    if "claims" not in results:
        return None
    simulated = (
        " The patients are simulated: the answers say nothing about real ones."
        if results.synthetic
        else ""
    )
    parts: list[Part] = [
        Paragraph(
            "What other sources say, put as questions to the matched patients. An interval that "
            f"includes 0 does not show that there is no difference.{simulated}"
        )
    ]
    for _, rows in results["claims"].groupby(ASKED, sort=False, dropna=False):
        parts += _answer(results, rows)
    parts.append(
        Paragraph(
            Markup(
                "Intervals are clustered by matched set; differences are taken before rounding. "
                "The answers take the match as given; the section “{}” shows how far another "
                "choice among equally near patients moves the hazard ratios. Patients may have "
                "been treated according to their stage, and the comparison does not undo that. "
                "The file <code>claims.tsv</code> among the results holds the numbers."
            ).format(sensitivity.TITLE),
            "notes",
        )
    )
    return Section("claims", "Claims put to the data", tuple(parts))


def _answer(results: Results, rows: pd.DataFrame) -> list[Part]:
    """Put a claim as a question, and answer it at each of its months."""
    settings, first = results.config["interpretation"], rows.iloc[0]
    margin, power = settings["equivalence_margin"], settings["power"]
    followup = results["followup"]
    everybody = (followup["population"] == "matched") & (followup["group"] == "all")
    longest = float(followup.loc[everybody, "maximum"].iloc[0])
    rounds = results.disclosure.rounds
    answers = []
    for _, row in rows.iterrows():
        answer = say_row(row, longest, results.labels, results.cancer, margin)
        if rounds and row["status"] == OK:
            answer = ROUNDED
        verdict = Markup("By month {:g}: <b>{}.</b> {}")
        answers.append(verdict.format(row["month"], capitalize(row["verdict"]), answer))
    told = rows[rows["status"] == OK]
    context = ""
    if len(told) and not rounds:
        context = say_context(first, told.iloc[0], results.labels, results.cancer, power, margin)
    question = ask({**first, "months": rows["month"].tolist()}, results.labels, results.cancer)
    return [
        Heading(f"“{first['claim']}”"),
        Paragraph(f"Source: {first['source']}", "notes"),
        Paragraph(Markup("<b>{}</b>").format(question)),
        Sentences(tuple(answers)),
        *([Paragraph(context)] if context else []),
    ]
