"""What other sources claim, put to the data."""

from markupsafe import Markup

from seermatch.report.section import Heading, Paragraph, Part, Section, Sentences
from seermatch.report.sections import sensitivity
from seermatch.wording.numbers import capitalize
from seermatch.wording.results import Results


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
    named = ["claim", "source", "question"]
    for (claim, source, question), rows in results["claims"].groupby(named, sort=False):
        answers = tuple(
            Markup("By month {}: <b>{}.</b> {}").format(
                row.month, capitalize(row.verdict), row.answer
            )
            for row in rows.itertuples()
        )
        context = next(filter(None, rows["context"]), "")
        parts += [
            Heading(f"“{claim}”"),
            Paragraph(f"Source: {source}", "notes"),
            Paragraph(Markup("<b>{}</b>").format(question)),
            Sentences(answers),
            *([Paragraph(context)] if context else []),
        ]
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
