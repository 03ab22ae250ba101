"""Numbers at risk below a panel of curves: where they and the names of the groups stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from seermatch.figures.style import (
    MILLIMETRES,
    SMALL,
    add_panel,
)
from seermatch.figures.text import StudyFigure, widest, wrap_text
from seermatch.survival.curves import numbers_at_risk
from seermatch.wording.numbers import format_count

EDGE = 1.0  # mm, left edge of the names
RIGHT = 3.0  # mm, at least, right of a panel
ROW = 3.4  # mm
ABOVE_TABLE = 13.0  # mm between the time axis and the first row: ticks, label, heading
BESIDE = 0.27  # of the width: longer names stand above their numbers
BETWEEN = 1.2  # mm, at least, between two numbers


@dataclass(frozen=True)
class RiskTable:
    """The numbers at risk of one panel, and the room that they need.

    Attributes
    ----------
    marks : tuple of float
        Months with a tick and a number: all that have room.
    counts : tuple of tuple of str
        Per group the numbers at the marks, as printed.
    names : tuple of tuple of str
        Per group the lines of its name.
    beside : bool
        Whether the names stand beside the numbers, not above.
    left, right, height : float
        Millimetres: from the edges to the panel, and from the axis to the foot.
    """

    marks: tuple[float, ...]
    counts: tuple[tuple[str, ...], ...]
    names: tuple[tuple[str, ...], ...]
    beside: bool
    left: float
    right: float
    height: float


def plan_risk_table(
    figure: StudyFigure,
    curves: Sequence[pd.DataFrame],
    names: Sequence[str],
    marks: Sequence[float],
    width: float,
    axis: float,
) -> RiskTable:
    """Choose the place of the names, the marks that have room, and the margins of the panel.

    Parameters
    ----------
    figure : StudyFigure
        Whose texts are measured.
    curves : sequence of pandas.DataFrame
        Per group time and n_at_risk, in order.
    names : sequence of str
        Of the groups.
    marks : sequence of float
        Months; those after the last time are left out.
    width : float
        Millimetres for the panel and its margins.
    axis : float
        Millimetres for the vertical axis and its title.

    Returns
    -------
    RiskTable
        How it is to be drawn.

    Examples
    --------
    >>> curve = pd.DataFrame({"time": [3, 14], "n_at_risk": [20, 9]})
    >>> from seermatch.figures.style import new_figure
    >>> table = plan_risk_table(new_figure(85, 78), [curve], ["M0"], [0, 12, 24], 85, 17)
    >>> table.marks, table.counts, table.beside, table.left
    ((0, 12), (('20', '9'),), True, 17)
    """
    last = last_month(curves)
    marks = [mark for mark in marks if mark <= last]
    counts = [[format_count(n) for n in numbers_at_risk(curve, marks)] for curve in curves]
    sizes = [
        widest(figure, [f"{mark:g}", *column]) for mark, *column in zip(marks, *counts, strict=True)
    ]
    first = sizes[0] / 2 if sizes else 0.0
    beside = EDGE + widest(figure, names, weight="bold") + 1.5 + first
    fits = beside <= max(axis, BESIDE * width)
    left = max(axis, beside if fits else EDGE + first)
    panel = width - left - RIGHT
    # the last number is centred at its mark, which may be the end of the axis
    over = sizes[-1] / 2 + EDGE - panel * (1 - marks[-1] / end_of_axis(last)) if marks else 0.0
    right = max(RIGHT, over)
    each = (width - left - right) / end_of_axis(last)
    shown: list[int] = []
    for number, (mark, size) in enumerate(zip(marks, sizes, strict=True)):
        if shown:
            before = marks[shown[-1]] * each + sizes[shown[-1]] / 2
            if mark * each - size / 2 < before + BETWEEN:
                continue
        shown.append(number)
    room = width - EDGE - RIGHT
    lines = [[name] if fits else wrap_text(figure, name, room, weight="bold") for name in names]
    rows = len(names) + (0 if fits else sum(map(len, lines)))
    return RiskTable(
        tuple(marks[number] for number in shown),
        tuple(tuple(column[number] for number in shown) for column in counts),
        tuple(map(tuple, lines)),
        fits,
        left,
        right,
        ABOVE_TABLE + rows * ROW,
    )


def last_month(curves: Sequence[pd.DataFrame]) -> float:
    """Find where the longest of some curves ends.

    Examples
    --------
    >>> last_month([pd.DataFrame({"time": [3, 14]}), pd.DataFrame({"time": [5]})])
    14.0
    """
    return max(float(curve["time"].max()) for curve in curves)


def end_of_axis(last: float) -> float:
    """Choose the end of a time axis for curves that end at `last`.

    Examples
    --------
    >>> end_of_axis(100), end_of_axis(0)
    (101.0, 1)
    """
    return last * 1.01 or 1


def draw_risk_table(figure: StudyFigure, axes: Axes, table: RiskTable) -> None:
    """Write the numbers at risk under the ticks of a panel.

    Parameters
    ----------
    figure : StudyFigure
        Of its final size.
    axes : matplotlib.axes.Axes
        The panel, with `table.height` millimetres below it.
    table : RiskTable
        From `plan_risk_table`.

    Examples
    --------
    >>> from seermatch.figures.style import new_figure
    >>> figure = new_figure(85, 78)
    >>> axes = add_panel(figure, 17, 16.4, 3, 3)
    >>> draw_risk_table(figure, axes, RiskTable((0,), (("20",),), (("M0",),), True, 17, 3, 16.4))
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['Number at risk', 'M0', '20']
    """
    width, height = figure.get_size_inches() * MILLIMETRES
    box = axes.get_position()
    left, right, foot = box.x0 * width, (1 - box.x1) * width, box.y0 * height
    rows = round((table.height - ABOVE_TABLE) / ROW)
    top = height - foot + ABOVE_TABLE
    sheet = add_panel(figure, left, height - top - rows * ROW, right, top)
    sheet.set(xlim=axes.get_xlim(), ylim=(rows, 0))
    sheet.axis("off")
    by_width = sheet.get_yaxis_transform()  # x as a share of the panel, y in rows
    start = (EDGE - table.left) / (width - left - right)
    style = {"va": "center", "fontsize": SMALL}
    sheet.text(start, -0.5, "Number at risk", transform=by_width, ha="left", **style)
    row = 0.5
    for lines, counts in zip(table.names, table.counts, strict=True):
        for line in lines:
            name = {"fontweight": "bold", "transform": by_width}
            sheet.text(start, row, line, ha="left", **name, **style)
            row += not table.beside
        for mark, count in zip(table.marks, counts, strict=True):
            sheet.text(mark, row, count, ha="center", **style)
        row += 1
