"""Texts of figures: measured, broken into lines, and no longer than there is room for."""

import unicodedata
from collections.abc import Sequence

from matplotlib.figure import Figure

from seermatch.figures.fonts import JOINERS, families_of, say_no_font, without_glyph_warnings

MILLIMETRES = 25.4  # per inch
SMALL = 7.0  # points
LONGEST = 60  # characters of a label or level; the caption holds what is longer
ELLIPSIS = "…"
MARKS = 2  # above or below one letter; more would reach into the next line


class StudyFigure(Figure):
    """A figure that knows which of its texts are shortened and which characters no font has.

    Attributes
    ----------
    full_texts : dict
        Each shortened text, as drawn, to the text in full.
    without_font : str
        Characters that are drawn as boxes.
    widths : dict
        Texts measured before, with size and weight, to their millimetres.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.full_texts: dict[str, str] = {}
        self.without_font = ""
        self.widths: dict[tuple, float] = {}

    def draw(self, renderer):
        """Draw without matplotlib's warnings about missing glyphs; the style warned once."""
        with without_glyph_warnings():
            super().draw(renderer)

    def get_tightbbox(self, *args, **kwargs):
        """Measure what is drawn, without those warnings either."""
        with without_glyph_warnings():
            return super().get_tightbbox(*args, **kwargs)

    def notes(self) -> list[str]:
        """Say in sentences what the figure does not show."""
        pairs = [f"“{short}” is “{full}”" for short, full in self.full_texts.items()]
        notes = [f"Shortened in the figure: {'; '.join(pairs)}."] if pairs else []
        return [*notes, say_no_font(self.without_font)] if self.without_font else notes


def one_line(text: str) -> str:
    r"""Make a text fit for one line: no control characters, single blanks, composed letters.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        In Unicode's composed form. Line breaks and tabs are blanks, other control characters and
        marks that turn the direction of writing go; a letter keeps two combining marks.

    Examples
    --------
    >>> one_line(" T1\tor\nT2\x07 "), one_line("e\u0301") == "\xe9"
    ('T1 or T2', True)
    """
    text = unicodedata.normalize("NFC", text)
    kept, marks = [], 0
    for character in text:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind[0] == "M" else 0
        if kind == "Cs":  # half a character, which no file can hold
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif character.isspace():
            kept.append(" ")
        elif marks <= MARKS and (kind not in ("Cc", "Cf") or character in JOINERS):
            kept.append(character)
    return " ".join("".join(kept).split())


def split_characters(text: str) -> list[str]:
    r"""Split a text where it may be cut: a letter keeps its combining marks and joiners.

    Parameters
    ----------
    text : str
        One line.

    Returns
    -------
    list of str
        Pieces that make the text again.

    Examples
    --------
    >>> split_characters("n\u0308o") == ["n\u0308", "o"]
    True
    """
    pieces: list[str] = []
    for character in text:
        joined = unicodedata.category(character)[0] == "M" or character in JOINERS
        if pieces and (joined or pieces[-1][-1] == "\N{ZERO WIDTH JOINER}"):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def split_words(text: str) -> list[tuple[str, str]]:
    """Split a text where a line may end: at blanks, and beside wide characters.

    Parameters
    ----------
    text : str
        One line.

    Returns
    -------
    list of tuple of str
        Each word, and what stands before it where no line ends there: a blank or nothing. A
        bracket stays with what it holds, a comma with what comes before it.

    Examples
    --------
    >>> split_words("T1 or (乳腺)")
    [('', 'T1'), (' ', 'or'), (' ', '(乳'), ('', '腺)')]
    """
    words: list[tuple[str, str]] = []
    for number, part in enumerate(text.split()):
        words.append((" " if number else "", ""))
        for piece in split_characters(part):
            before, word = words[-1]
            if word and _may_part(word[-1], piece[0]):
                words.append(("", piece))
            else:
                words[-1] = (before, word + piece)
    return words


def _may_part(one: str, other: str) -> bool:
    wide = any(unicodedata.east_asian_width(each) in "WF" for each in (one, other))
    opens = unicodedata.category(one) in ("Ps", "Pi")
    return wide and not opens and unicodedata.category(other) not in ("Pe", "Pf", "Po")


def shorten(figure: StudyFigure, text: str, longest: int = LONGEST) -> str:
    """Make a text of any length and content fit for a figure.

    Parameters
    ----------
    figure : StudyFigure
        Notes what it does not show in full.
    text : str
        A label, a level or another text of the user.
    longest : int, default 60
        Characters to show at most.

    Returns
    -------
    str
        One line. A longer text ends in an ellipsis; two of them stay different.

    Examples
    --------
    >>> figure = StudyFigure()
    >>> shorten(figure, "M0(i+)"), shorten(figure, "Infiltrating duct carcinoma", 12)
    ('M0(i+)', 'Infiltratin…')
    >>> shorten(figure, "Infiltrating lobular carcinoma", 12)
    'Infiltra…(2)'
    >>> figure.notes()[0].split("; ")[1]
    '“Infiltra…(2)” is “Infiltrating lobular carcinoma”.'
    """
    text = one_line(text)
    pieces = split_characters(text)
    if len(pieces) <= longest:
        return text
    number, end = 1, ELLIPSIS
    while (short := "".join(pieces[: longest - len(end)]).rstrip() + end) in figure.full_texts:
        if figure.full_texts[short] == text:
            break
        number += 1
        end = f"{ELLIPSIS}({number})"
    figure.full_texts[short] = text
    return short


def text_width(
    figure: StudyFigure, text: str, size: float = SMALL, weight: str = "normal"
) -> float:
    """Measure a text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        From `new_figure`.
    text : str
        One line.
    size : float, default 7
        Points.
    weight : str, default "normal"
        Weight of the font.

    Returns
    -------
    float
        Millimetres.

    Examples
    --------
    >>> from seermatch.figures.style import new_figure
    >>> figure = new_figure(85, 40)
    >>> text_width(figure, "M0(i+)") > text_width(figure, "M0") > 0
    True
    """
    known = (text, size, weight)
    if known not in figure.widths:
        style = {"fontsize": size, "fontweight": weight, "fontfamily": families_of(text)}
        mark = figure.text(0, 0, text, parse_math=False, **style)
        with without_glyph_warnings():
            box = mark.get_window_extent()
        mark.remove()
        figure.widths[known] = float(box.width / figure.dpi * MILLIMETRES)
    return figure.widths[known]


def wrap_text(
    figure: StudyFigure, text: str, width: float, size: float = SMALL, weight: str = "normal"
) -> list[str]:
    """Break a text into lines that fit a width, within a word where the word alone does not.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        From `new_figure`.
    text : str
        One line.
    width : float
        Millimetres.
    size, weight
        As in `text_width`.

    Returns
    -------
    list of str
        None of an empty text.

    Examples
    --------
    >>> from seermatch.figures.style import new_figure
    >>> figure = new_figure(85, 40)
    >>> wrap_text(figure, "Age 18 to 89 years", 17)
    ['Age 18 to 89', 'years']
    >>> wrap_text(figure, "Cystadenocarcinoma", 17)
    ['Cystadenocar', 'cinoma']
    """

    def fits(line: str) -> bool:
        return text_width(figure, line, size, weight) <= width

    if text and fits(text):
        return [text]
    lines: list[str] = []
    for before, word in split_words(text):
        if lines and fits(lines[-1] + before + word):
            lines[-1] += before + word
            continue
        lines.append("")
        for piece in [word] if fits(word) else split_characters(word):
            if lines[-1] and not fits(lines[-1] + piece):
                lines.append("")
            lines[-1] += piece
    return lines


def widest(
    figure: StudyFigure, texts: Sequence[str], size: float = SMALL, weight: str = "normal"
) -> float:
    """Measure the widest of some texts.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        From `new_figure`.
    texts : sequence of str
        Lines; may be empty.
    size, weight
        As in `text_width`.

    Returns
    -------
    float
        Millimetres.

    Examples
    --------
    >>> widest(StudyFigure(), [])
    0.0
    """
    return max((text_width(figure, text, size, weight) for text in texts), default=0.0)
