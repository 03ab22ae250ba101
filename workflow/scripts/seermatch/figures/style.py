"""The one style of all figures: palette, fonts, journal widths, and bytes that never change.

Seaborn's ``ticks`` style and its colour-blind palette (Okabe and Ito's colours) on matplotlib,
without pyplot: a figure belongs to whoever asked for it and no window or global state is touched.
Seaborn's values stand here, and a test compares them with seaborn: its import would take more than
a second of every drawing step. Figures that use its plots import it themselves.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from functools import wraps

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from seermatch.figures.fonts import (
    BASE_FAMILIES,
    FigureTextWarning,
    characters_without_font,
    families_of,
    say_no_font,
)
from seermatch.figures.text import MILLIMETRES, SMALL, StudyFigure, text_width, wrap_text
from seermatch.settings.study import Widths

COLUMN, PAGE = float(Widths().column), float(Widths().page)  # mm, one journal column, full width
DOTS_PER_INCH = 300

REFERENCE, EXPOSED = "#0173b2", "#d55e00"  # blue and vermilion
AFTER = "#029e73"  # bluish green, free of a group's meaning
INK, GREY, PALE = "#222222", "#6b6b6b", "#f2f2f2"
GROUP_COLOURS = (REFERENCE, EXPOSED)
# Dashes as well as colours, for black-and-white prints.
GROUP_DASHES = ("solid", (0, (4, 1.2)))

SIZE = 7.5  # points; `SMALL` is in `figures.text`
LINE = 3.4  # mm, of text
TALLEST = 65_000  # dots of a bitmap
MARGIN = 3.0  # mm, around a sentence

# Ticks that people would choose on an axis of ratios, close ones first.
RATIO_TICKS = (
    (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 1.8, 2, 2.5),
    (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20),
    (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
    (0.06, 0.25, 1, 4, 16),
    (0.1, 1, 10),
)
TICK_ROOM = 1.0  # mm, between two of them

STYLE = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "font.family": ["sans-serif"],
    "font.sans-serif": list(BASE_FAMILIES),
    "text.parse_math": False,  # a dollar is a dollar
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.labelsize": SIZE,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text: searchable, editable, read aloud
    "svg.hashsalt": "seermatch",  # else the ids differ from run to run
    "pdf.fonttype": 42,
}


def styled(draw: Callable[..., StudyFigure]) -> Callable[..., StudyFigure]:
    """Run a drawing function in the style of the project, whatever the caller's settings.

    Parameters
    ----------
    draw : callable
        Returns a figure.

    Returns
    -------
    callable
        The same function in the style. Every text of its figure gets the fonts that it needs; a
        `FigureTextWarning` names the characters that no font has.

    Examples
    --------
    >>> @styled
    ... def draw():
    ...     return new_figure(COLUMN, 40)
    >>> draw().axes
    []
    """

    @wraps(draw)
    def drawn(*args, **kwargs) -> StudyFigure:
        with matplotlib.rc_context(STYLE):
            figure = draw(*args, **kwargs)
        texts = figure.findobj(Text)
        for text in texts:
            families = families_of(text.get_text())
            if len(families) > 1:
                text.set_fontfamily(families)
        figure.without_font = characters_without_font(text.get_text() for text in texts)
        if figure.without_font:
            warnings.warn(say_no_font(figure.without_font), FigureTextWarning, stacklevel=2)
        return figure

    return drawn


def new_figure(width: float, height: float) -> StudyFigure:
    """Make an empty figure of a size in millimetres.

    Parameters
    ----------
    width, height : float
        Millimetres.

    Returns
    -------
    StudyFigure
        With a canvas that can measure text.

    Examples
    --------
    >>> new_figure(25.4, 50.8).get_size_inches().tolist()
    [1.0, 2.0]
    """
    figure = StudyFigure(figsize=(width / MILLIMETRES, height / MILLIMETRES), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def set_height(figure: Figure, height: float) -> None:
    """Give a figure its height, before panels are placed on it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        From `new_figure`.
    height : float
        Millimetres.

    Examples
    --------
    >>> figure = new_figure(25.4, 25.4)
    >>> set_height(figure, 50.8)
    >>> figure.get_size_inches().tolist()
    [1.0, 2.0]
    """
    figure.set_figheight(height / MILLIMETRES)


def add_panel(
    figure: Figure, left: float, bottom: float, right: float, top: float, **options
) -> Axes:
    """Place axes by their distances from the edges of the figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        From `new_figure`.
    left, bottom, right, top : float
        Millimetres between each edge of the figure and the same side of the axes.
    **options
        For `Figure.add_axes`, such as ``sharex``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> axes = add_panel(new_figure(100, 100), 20, 10, 5, 5)
    >>> [round(float(side), 3) for side in axes.get_position().bounds]
    [0.2, 0.1, 0.75, 0.85]
    """
    width, height = figure.get_size_inches() * MILLIMETRES
    box = (
        left / width,
        bottom / height,
        (width - left - right) / width,
        (height - bottom - top) / height,
    )
    return figure.add_axes(box, **options)


def place_rows(names: Sequence[Sequence[str]], pitch: float) -> tuple[np.ndarray, float]:
    """Place rows whose names may have several lines.

    Parameters
    ----------
    names : sequence of sequence of str
        The lines of each name.
    pitch : float
        Millimetres of a row whose name has one line; it is the unit of what is returned.

    Returns
    -------
    tuple of ndarray and float
        The middle of each row, 0 for a first one of one line, and how high all are together.

    Examples
    --------
    >>> rows, height = place_rows([["Age"], ["T stage:", "T3–T4"]], 3.4)
    >>> rows.tolist(), height
    ([0.0, 1.5], 3.0)
    """
    sizes = np.array([1 + (max(len(lines), 1) - 1) * LINE / pitch for lines in names])
    return np.cumsum(sizes) - sizes / 2 - 0.5, float(sizes.sum())


def ratio_axis(axes: Axes, low: float, high: float) -> None:
    """Scale the horizontal axis for ratios: logarithmic, with as many ticks as there is room for.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Of a figure that has its size.
    low, high : float
        Smallest and largest ratio to show, above 0.

    Examples
    --------
    >>> axes = add_panel(new_figure(60, 40), 5, 10, 5, 5)
    >>> ratio_axis(axes, 0.2, 3)
    >>> axes.get_xticks().tolist()
    [0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0]
    """
    ends = low / 1.04, high * 1.04
    axes.set(xscale="log", xlim=ends)
    width = axes.get_position().width * axes.figure.get_figwidth() * MILLIMETRES
    each = width / np.log(ends[1] / ends[0])  # mm per unit of the logarithm
    for ticks in RATIO_TICKS:
        inside = [tick for tick in ticks if ends[0] <= tick <= ends[1]]
        covers = ticks[0] <= 1.5 * ends[0] and ends[1] <= 1.5 * ticks[-1]
        sizes = np.array([text_width(axes.figure, f"{tick:g}") for tick in inside])
        needed = (sizes[1:] + sizes[:-1]) / 2 + TICK_ROOM
        if covers and np.all(np.diff(np.log(inside)) * each >= needed):
            break
    axes.xaxis.set_major_locator(FixedLocator(inside))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def figure_bytes(figure: StudyFigure, format: str = "svg") -> bytes:
    """Render a figure; the same figure gives the same bytes.

    Parameters
    ----------
    figure : StudyFigure
        Any figure of this project.
    format : {"svg", "png", "pdf"}, default "svg"
        Vector formats carry text as text and no date; the bitmap has 300 dots per inch. All carry
        the notes of the figure as their description.

    Returns
    -------
    bytes
        What to write to a file.

    Examples
    --------
    >>> figure_bytes(new_figure(COLUMN, 40))[:5]
    b'<?xml'
    """
    undated = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}
    metadata = undated[format]
    if notes := figure.notes():
        metadata["Subject" if format == "pdf" else "Description"] = "\n".join(notes)
    dots = min(DOTS_PER_INCH, TALLEST / figure.get_figheight())
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format=format, dpi=dots, metadata=metadata)
    return buffer.getvalue()


SENTENCE = "sentence"  # id of the text in the SVG file, by which a page finds it


@styled
def sentence_figure(sentence: str, width: float = COLUMN) -> Figure:
    """Put a sentence in the place of a figure that the data leave nothing to draw for.

    Parameters
    ----------
    sentence : str
        Why there is nothing to draw.
    width : float, default 85
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        Without axes.

    Examples
    --------
    >>> [text.get_text() for text in sentence_figure("Nobody died.").texts]
    ['Nobody died.']
    """
    lines = wrap_text(new_figure(width, width), sentence, width - 2 * MARGIN)
    height = 2 * MARGIN + LINE * len(lines)
    figure = new_figure(width, height)
    place = {"x": MARGIN / width, "y": 1 - MARGIN / height, "va": "top", "fontsize": SMALL}
    figure.text(s="\n".join(lines), gid=SENTENCE, **place)
    return figure
