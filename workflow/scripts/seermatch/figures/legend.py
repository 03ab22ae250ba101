"""Legends that no curve runs through: in a free corner of their panel, or above it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seermatch.figures.fonts import families_of, without_glyph_warnings
from seermatch.figures.style import (
    MILLIMETRES,
    SMALL,
    add_panel,
    new_figure,
)
from seermatch.figures.text import StudyFigure, wrap_text

HANDLE = 3.0  # times the size of the text: a line and the blank after it
EDGE = 1.5  # mm, between a legend and the axes
ABOVE = "above"


@dataclass(frozen=True)
class Legend:
    """A legend as it is to be drawn.

    Attributes
    ----------
    title : str
        Its lines, such as a test and its p-value.
    names : tuple of str
        The lines of each name.
    width, height : float
        Millimetres, with its distance from the axes.
    """

    title: str
    names: tuple[str, ...]
    width: float
    height: float


def plan_legend(figure: StudyFigure, names: Sequence[str], title: str, room: float) -> Legend:
    """Break the texts of a legend into lines, and measure it.

    Parameters
    ----------
    figure : StudyFigure
        Whose texts are measured.
    names : sequence of str
        One per curve.
    title : str
        Above them.
    room : float
        Width of the panel in millimetres.

    Returns
    -------
    Legend
        At most as wide as the panel.

    Examples
    --------
    >>> legend = plan_legend(new_figure(85, 60), ["M0", "M0(i+)"], "Log-rank p = 0.780", 65)
    >>> legend.names, legend.width < 30 < 65, 10 < legend.height < 15
    (('M0', 'M0(i+)'), True, True)
    """
    inside = room - 2 * EDGE
    handle = HANDLE * SMALL / 72 * MILLIMETRES
    wrapped = tuple("\n".join(wrap_text(figure, name, inside - handle)) for name in names)
    heading = "\n".join(wrap_text(figure, title, inside))
    scratch = new_figure(4 * room, 4 * room)
    axes = add_panel(scratch, 0, 0, 0, 0)
    draft = Legend(heading, wrapped, 0.0, 0.0)
    drawn = draw_legend(axes, [Line2D([], []) for _ in names], draft, "lower left")
    with without_glyph_warnings():
        box = drawn.get_window_extent(scratch.canvas.get_renderer())
    width, height = (float(side) / scratch.dpi * MILLIMETRES for side in (box.width, box.height))
    return Legend(heading, wrapped, width + EDGE, height + EDGE)


def free_place(
    legend: Legend,
    outlines: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    panel: tuple[float, float],
    places: Sequence[str],
) -> str:
    """Find a corner of a panel where a legend covers no curve.

    Parameters
    ----------
    legend : Legend
        What needs the room.
    outlines : iterable of tuple of ndarray
        Per curve its steps as shares of the panel: where each begins, its lower and its upper
        end, those of a band where there is one. A missing end leaves the other.
    panel : tuple of float
        Width and height in millimetres.
    places : sequence of str
        Corners to try, such as ``"lower left"``.

    Returns
    -------
    str
        The first free one, or ``"above"``.

    Examples
    --------
    >>> legend = Legend("p = 0.780", ("M0",), 20, 10)
    >>> low = np.array([0.0]), np.array([0.1]), np.array([0.2])
    >>> free_place(legend, [low], (60, 50), ["lower left", "upper right"])
    'upper right'
    >>> free_place(legend, [low], (60, 50), ["lower left"])
    'above'
    """
    width, height = legend.width / panel[0], legend.height / panel[1]
    outlines = list(outlines)
    for place in places if max(width, height) < 1 else ():
        left, right = (0, width) if place.endswith("left") else (1 - width, 1)
        bottom, top = (0, height) if place.startswith("lower") else (1 - height, 1)
        if not any(_meets(outline, (left, right), (bottom, top)) for outline in outlines):
            return place
    return ABOVE


def _meets(outline, across: tuple[float, float], up: tuple[float, float]) -> bool:
    start, low, high = outline
    first = max(int(np.searchsorted(start, across[0], "right")) - 1, 0)
    steps = slice(first, int(np.searchsorted(start, across[1], "right")))
    ends = np.concatenate([low[steps], high[steps]])
    ends = ends[~np.isnan(ends)]
    return bool(len(ends)) and ends.min() <= up[1] and ends.max() >= up[0]


def draw_legend(axes: Axes, handles: Sequence[Artist], legend: Legend, place: str):
    """Draw a legend in a corner of its panel or above it.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel.
    handles : sequence of matplotlib.artist.Artist
        One per name.
    legend : Legend
        From `plan_legend`.
    place : str
        From `free_place`.

    Returns
    -------
    matplotlib.legend.Legend
        What was drawn.

    Examples
    --------
    >>> axes = add_panel(new_figure(85, 60), 15, 10, 3, 20)
    >>> lines = axes.plot([0, 1])
    >>> drawn = draw_legend(axes, lines, Legend("p = 0.780", ("_M0",), 20, 10), "above")
    >>> [text.get_text() for text in drawn.get_texts()]
    ['_M0']
    """
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1)} if place == ABOVE else {"loc": place}
    drawn = axes.legend(
        handles,
        [f"{number}" for number in range(len(handles))],
        title=legend.title,
        fontsize=SMALL,
        title_fontsize=SMALL,
        alignment="left",
        handlelength=2.2,
        borderaxespad=0.4,
        labelspacing=0.3,
        frameon=False,
        **above,
    )
    # matplotlib would leave out a name that begins with an underscore
    for text, name in zip(drawn.get_texts(), legend.names, strict=True):
        text.set(text=name, fontfamily=families_of(name))
    drawn.get_title().set_fontfamily(families_of(legend.title))
    return drawn
