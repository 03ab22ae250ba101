"""Figure 1: the flow of the records through the criteria to the matched groups."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from seermatch.figure_style import (
    GREY,
    GROUP_COLOURS,
    INK,
    PAGE,
    PALE,
    SIZE,
    SMALL,
    add_panel,
    new_figure,
    styled,
    wrap_text,
)
from seermatch.formatting import format_count, print_criterion
from seermatch.variables import printed

LINE, PADDING, GAP, EDGE = 3.2, 1.1, 4.0, 1.0  # mm
MAIN_SHARE, SIDE_SHARE = 0.57, 0.38  # of the width


@dataclass(frozen=True)
class _Box:
    """A box: centre and width in millimetres (y downward), and lines, the first one in bold."""

    x: float
    y: float
    width: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + 2 * PADDING

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
) -> Figure:
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
    matplotlib.figure.Figure
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
    names = (printed(labels[0]), printed(labels[1]))
    steps, sides = _steps(attrition, names, matched)
    main_width, side_width = MAIN_SHARE * width, SIDE_SHARE * width
    scale = new_figure(width, width)  # measures text only
    inside = main_width - 2 * PADDING
    heads = [wrap_text(scale, head, inside, SIZE, "bold") for head, _ in steps]
    lines = [(*head, count) for head, (_, count) in zip(heads, steps, strict=True)]
    main = _stack(lines, main_width)
    beside = [
        _Box(width - side_width / 2 - EDGE, (above.bottom + below.top) / 2, side_width, lines)
        for above, below, lines in zip(main[:-1], main[1:], sides, strict=True)
    ]
    ends = _ends(main[-1], attrition, names, matched)

    height = ends[0].bottom + EDGE
    figure = new_figure(width, height)
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


def _steps(attrition, names, matched):
    """Text of the main boxes (heading, counts), and of the boxes beside the arrows."""
    rows = list(attrition.itertuples())
    steps = [
        (
            print_criterion(row.criterion),
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

    def arms(counts) -> str:
        pairs = zip(names, counts, strict=True)
        return "; ".join(f"{name} {format_count(count)}" for name, count in pairs)

    return (
        [(head, f"n = {format_count(total)} ({arms(by)})") for head, (total, *by) in steps],
        [(f"{word}: {format_count(total)}", arms(by)) for word, (total, *by) in excluded],
    )


def _stack(texts: list[tuple[str, ...]], width: float) -> list[_Box]:
    boxes, top = [], EDGE
    for lines in texts:
        box = _Box(EDGE + width / 2, top, width, lines)
        boxes.append(_Box(box.x, top + box.height / 2, width, lines))
        top = boxes[-1].bottom + GAP
    return boxes


def _ends(last: _Box, attrition, names, matched) -> list[_Box]:
    """Place the boxes of the two groups under the last box."""
    final = attrition.iloc[-1]
    counts = matched or (final["remaining_reference"], final["remaining_exposed"])
    word = "Matched" if matched else "Cohort"
    width = (last.width - GAP) / 2
    centres = (last.x - (width + GAP) / 2, last.x + (width + GAP) / 2)
    boxes = []
    for x, name, count in zip(centres, names, counts, strict=True):
        lines = (name, f"{word}: n = {format_count(count)}")
        box = _Box(x, 0, width, lines)
        boxes.append(_Box(x, last.bottom + GAP + box.height / 2, width, lines))
    return boxes


def _draw_box(
    axes: Axes, box: _Box, *, edge: str = INK, fill: str = "white", line: float = 0.7
) -> None:
    corner = (box.x - box.width / 2, box.top)
    axes.add_patch(Rectangle(corner, box.width, box.height, fc=fill, ec=edge, lw=line))
    for position, text in enumerate(box.lines):
        last = position == len(box.lines) - 1
        axes.text(
            box.x,
            box.top + PADDING + (position + 0.5) * LINE,
            text,
            ha="center",
            va="center_baseline",
            fontsize=SMALL if last else SIZE,
            fontweight="normal" if last else "bold",
        )


def _draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>,head_length=0.3,head_width=0.15", "color": INK, "lw": 0.7}
    axes.annotate("", xy=end, xytext=start, arrowprops=style | {"shrinkA": 0, "shrinkB": 0})
