"""Figure 1: the flow of the records through the criteria to the matched groups."""

from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from seermatch.figures.style import (
    GREY,
    GROUP_COLOURS,
    INK,
    PAGE,
    PALE,
    SIZE,
    SMALL,
    add_panel,
    new_figure,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, text_width, wrap_text
from seermatch.variables.printed import printed
from seermatch.wording.numbers import format_count
from seermatch.wording.terms import print_criterion

LINE, PADDING, GAP, EDGE = 3.2, 1.1, 4.0, 1.0  # mm
MAIN_SHARE, SIDE_SHARE = 0.57, 0.38  # of the width
BETWEEN = 1.5  # mm, at least, between two boxes at the side
LONGEST = 180  # characters of a criterion; the caption holds what is longer


@dataclass(frozen=True)
class _Box:
    """A box: centre and width in millimetres (y downward), and lines, the first ones in bold."""

    x: float
    y: float
    width: float
    head: tuple[str, ...]
    counts: tuple[str, ...]

    @property
    def height(self) -> float:
        return (len(self.head) + len(self.counts)) * LINE + 2 * PADDING

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@styled
def draw_flow_chart(
    attrition: pd.DataFrame,
    labels: tuple[str, str],
    matched: tuple[int, int] | None = None,
    width: float = PAGE,
) -> StudyFigure:
    """Draw Figure 1: a box per criterion with what remains, and beside it what it excluded.

    Parameters
    ----------
    attrition : pandas.DataFrame
        Rows of ``results/attrition.tsv``: step, criterion, remaining, excluded, and both per
        group.
    labels : tuple of str
        Label of the reference and of the exposed group.
    matched : tuple of int, optional
        Patients of the two groups in the matched cohort; without it the chart ends at the cohort.
    width : float, default 180
        Millimetres.

    Returns
    -------
    StudyFigure
        As high as its boxes need.

    Examples
    --------
    >>> attrition = pd.DataFrame({
    ...     "step": [0, 1], "criterion": ["records", "female"], "remaining": [100, 90],
    ...     "excluded": [0, 10], "remaining_reference": [80, 75], "remaining_exposed": [20, 15],
    ...     "excluded_reference": [0, 5], "excluded_exposed": [0, 5]})
    >>> figure = draw_flow_chart(attrition, ("M0", "M0(i+)"), (30, 15))
    >>> [text.get_text() for text in figure.axes[0].texts][2:4]
    ['Female', 'n = 90 (M0 75; M0(i+) 15)']
    """
    figure = new_figure(width, width)
    names = [shorten(figure, printed(label)) for label in labels]
    steps, sides = _steps(figure, attrition, names, matched)
    main_width, side_width = MAIN_SHARE * width, SIDE_SHARE * width
    steps = [_fill(figure, *texts, main_width) for texts in steps]
    sides = [_fill(figure, *texts, side_width) for texts in sides]
    main, beside = _stack(steps, main_width, sides, side_width, width - EDGE)
    ends = _ends(figure, main[-1], attrition, names, matched)

    height = max(box.bottom for box in (*ends, *beside)) + EDGE
    set_height(figure, height)
    axes = add_panel(figure, 0, 0, 0, 0)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for box in main:
        _draw_box(axes, box)
    for box in beside:
        _draw_box(axes, box, edge=GREY, fill=PALE)
    for box, colour in zip(ends, GROUP_COLOURS, strict=True):
        _draw_box(axes, box, edge=colour, line=1.4)
        _draw_arrow(axes, (box.x, main[-1].bottom), (box.x, box.top))
    for above, below, side in zip(main[:-1], main[1:], beside, strict=True):
        _draw_arrow(axes, (above.x, above.bottom), (below.x, below.top))
        _draw_arrow(axes, (above.x, side.y), (side.x - side.width / 2, side.y))
    return figure


def _steps(figure, attrition, names, matched):
    """Text of the main boxes, and of those beside the arrows: heading, total, each group's."""
    rows = list(attrition.itertuples())
    steps = [
        (
            shorten(figure, print_criterion(row.criterion), LONGEST),
            (row.remaining, row.remaining_reference, row.remaining_exposed),
        )
        for row in rows
    ]
    excluded = [
        ("Excluded", (row.excluded, row.excluded_reference, row.excluded_exposed))
        for row in rows[1:]
    ]
    if matched:
        last = rows[-1]
        left = (last.remaining_reference - matched[0], last.remaining_exposed - matched[1])
        sets = f"Propensity score matching: {format_count(matched[1])} matched sets"
        steps.append((sets, (sum(matched), *matched)))
        excluded.append(("Not matched", (sum(left), *left)))

    def arms(counts) -> list[str]:
        return [f"{name} {format_count(count)}" for name, count in zip(names, counts, strict=True)]

    return (
        [(head, f"n = {format_count(total)}", arms(by)) for head, (total, *by) in steps],
        [(f"{word}: {format_count(total)}", "", arms(by)) for word, (total, *by) in excluded],
    )


def _fill(figure: StudyFigure, head: str, total: str, arms: list[str], width: float):
    """Break the texts of a box into lines: counts in one line, or else a line or more per group."""
    inside = width - 2 * PADDING
    together = "; ".join(arms)
    together = f"{total} ({together})" if total else together
    lines = [together]
    if text_width(figure, together) > inside:
        apart = [total, *arms] if total else arms
        lines = [line for text in apart for line in wrap_text(figure, text, inside)]
    return tuple(wrap_text(figure, head, inside, SIZE, "bold")), tuple(lines)


def _stack(steps, width: float, sides, side_width: float, edge: float):
    """Place the main boxes under each other, and the others between them at the right edge."""
    main, beside, free = [], [], EDGE
    top = EDGE
    for number, texts in enumerate(steps):
        box = _Box(EDGE + width / 2, 0, width, *texts)
        if number:
            side = _Box(edge - side_width / 2, 0, side_width, *sides[number - 1])
            above = main[-1].bottom
            # in the middle of the gap, which is as wide as the side box needs
            middle = max(above + GAP / 2, free + side.height / 2)
            beside.append(replace(side, y=middle))
            top = 2 * middle - above
            free = beside[-1].bottom + BETWEEN
        main.append(replace(box, y=top + box.height / 2))
    return main, beside


def _ends(figure: StudyFigure, last: _Box, attrition, names, matched) -> list[_Box]:
    """Place the boxes of the two groups under the last box."""
    final = attrition.iloc[-1]
    counts = matched or (final["remaining_reference"], final["remaining_exposed"])
    word = "Matched" if matched else "Cohort"
    width = (last.width - GAP) / 2
    centres = (last.x - (width + GAP) / 2, last.x + (width + GAP) / 2)
    texts = [
        _fill(figure, name, "", [f"{word}: n = {format_count(count)}"], width)
        for name, count in zip(names, counts, strict=True)
    ]
    boxes = [_Box(x, 0, width, *lines) for x, lines in zip(centres, texts, strict=True)]
    return [replace(box, y=last.bottom + GAP + box.height / 2) for box in boxes]


def _draw_box(
    axes: Axes, box: _Box, *, edge: str = INK, fill: str = "white", line: float = 0.7
) -> None:
    corner = (box.x - box.width / 2, box.top)
    axes.add_patch(Rectangle(corner, box.width, box.height, fc=fill, ec=edge, lw=line))
    for position, text in enumerate((*box.head, *box.counts)):
        bold = position < len(box.head)
        axes.text(
            box.x,
            box.top + PADDING + (position + 0.5) * LINE,
            text,
            ha="center",
            va="center_baseline",
            fontsize=SIZE if bold else SMALL,
            fontweight="bold" if bold else "normal",
        )


def _draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>,head_length=0.3,head_width=0.15", "color": INK, "lw": 0.7}
    axes.annotate("", xy=end, xytext=start, arrowprops=style | {"shrinkA": 0, "shrinkB": 0})
