"""The methods section of the study."""

from markupsafe import Markup

from seermatch.methods.data import methods_sections
from seermatch.report.section import Heading, Paragraph, Part, Section
from seermatch.wording.results import Results


def section(results: Results) -> Section:
    """Show the words of ``methods.md``."""
    parts: list[Part] = []
    for heading, paragraphs in methods_sections(results).items():
        parts += [Heading(heading), *map(Paragraph, paragraphs)]
    parts.append(
        Paragraph(
            Markup(
                "The file <code>methods.md</code> among the results holds the same words, and "
                "where each item of STROBE and RECORD stands."
            )
        )
    )
    return Section("methods", "Methods", tuple(parts))
