"""What a section of the report is made of; the template of the page shows its parts in order."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from seermatch.report.inline_svg import figure_notes, inline_svg, sentence_of
from seermatch.wording.printed_tables import PrintedTable
from seermatch.wording.results import Results


@dataclass(frozen=True)
class Paragraph:
    """Running text; `Markup` for text with markup of its own, all else is escaped."""

    kind: ClassVar[str] = "paragraph"
    text: str
    style: str = ""  # "notes" for small print


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Sentences:
    """A list of sentences."""

    kind: ClassVar[str] = "sentences"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table under its name and number.

    Attributes
    ----------
    name : str
        Unique in the page.
    table : PrintedTable
        Left out if it has no rows.
    number : str
        Such as ``"S1"``; empty for a table without a number.
    style : str
        Classes of the style sheet: ``compact``, ``counts``, ``tight``, ``wrap``, ``wide``,
        ``long``.
    folded : str
        What the reader sees and opens in place of the table; empty to show it at once.
    """

    kind: ClassVar[str] = "table"
    name: str
    table: PrintedTable
    number: str = ""
    style: str = ""
    folded: str = ""


@dataclass(frozen=True)
class Figure:
    """An inlined drawing with its number and caption."""

    kind: ClassVar[str] = "figure"
    number: str
    svg: Markup
    caption: str


Part = Paragraph | Heading | Sentences | Table | Figure


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes
    ----------
    key : str
        Its anchor in the page.
    title : str
        Its heading, and its line in the contents.
    parts : tuple of Part
        Sentences, tables and figures in their order.
    """

    key: str
    title: str
    parts: tuple[Part, ...]


def show_figure(results: Results, name: str, number: str, caption: str, alternative: str) -> Figure:
    """Put a figure of the results into a section.

    Parameters
    ----------
    results : Results
        Holds the drawing.
    name : str
        Its name there.
    number : str
        Its number in the report.
    caption : str
        What it shows. What the drawing says of itself, such as shortened names, follows.
    alternative : str
        Text for readers who cannot see the figure.

    Returns
    -------
    Figure
        Where a sentence stands in place of a drawing, both texts give that sentence.
    """
    svg = results.figures[name]
    caption = " ".join([caption, *figure_notes(svg)])
    if sentence := sentence_of(svg):
        caption, alternative = f"{caption} Not drawn: {sentence}", sentence
    return Figure(number, inline_svg(svg, f"figure-{number}", alternative), caption)
