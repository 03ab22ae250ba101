"""Figure of the calibration: coverage of the 95 % intervals."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator
from seaborn import despine
from seermatch.errors import StudyError
from seermatch.figures.style import (
    AFTER,
    EXPOSED,
    GREY,
    INK,
    LINE,
    PAGE,
    REFERENCE,
    SIZE,
    add_panel,
    new_figure,
    place_rows,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, text_width, widest, wrap_text
from seermatch.variables.printed import ALL_CAUSES

from validation.calibration.repetitions import BREAST, CLUSTERED, PROFILE, UNCLUSTERED
from validation.calibration.targets import CAUSE_SPECIFIC, HR, OF_RECEPTORS, SUBDISTRIBUTION

OUTCOMES = {ALL_CAUSES: "Death", BREAST: "Breast cancer death"}
QUANTITIES = {
    HR: "HR",
    CAUSE_SPECIFIC: "cause-specific HR",
    SUBDISTRIBUTION: "subdistribution HR",
    CAUSE_SPECIFIC + OF_RECEPTORS: "cause-specific HR of receptors",
    SUBDISTRIBUTION + OF_RECEPTORS: "subdistribution HR of receptors",
    "cumulative incidence": "incidence",
    "restricted mean survival": "restricted mean",
}
COLOURS = {UNCLUSTERED: REFERENCE, CLUSTERED: EXPOSED, PROFILE: AFTER}
PITCH, ABOVE, BELOW, BETWEEN, RIGHT = 5.2, 9.0, 17.0, 3.0, 3.0  # mm: a row; around a panel
NAMES, LEAST = 0.45, 16.0  # of the width, at most; mm of a panel beside others
MARK = 10.5  # mm, of a mark in the legend with its distances
AXIS = "Coverage of 95% intervals (%)"
OFFSETS = {UNCLUSTERED: -0.17, CLUSTERED: 0.17, PROFILE: 0.0}


@styled
def draw_coverage(table: pd.DataFrame, width: float = PAGE) -> StudyFigure:
    """Draw the coverage of every interval in every scenario, with its Monte Carlo interval.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/calibration/calibration.tsv``.
    width : float, default 180
        Millimetres.

    Returns
    -------
    StudyFigure
        One axes per scenario. Left to the table are differences of survival, months lost and
        incidence of other deaths, estimates before matching, and the few cohorts with infinite
        estimates taken alone.

    Raises
    ------
    StudyError
        If no interval is there to draw.

    Examples
    --------
    >>> row = {"scenario": "HR 1.5", "outcome": BREAST, "quantity": SUBDISTRIBUTION,
    ...     "month": np.nan, "estimator": "Fine-Gray", "variance": CLUSTERED, "coverage": 0.95,
    ...     "coverage_low": 0.93, "coverage_high": 0.97}
    >>> figure = draw_coverage(pd.DataFrame([row]))
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['Breast cancer death, subdistribution HR']
    """
    shown = table[
        table["outcome"].isin(OUTCOMES)
        & table["quantity"].isin(QUANTITIES)
        & table["coverage"].notna()
        & ~table["estimator"].str.contains("before matching|where infinite")
    ]
    if len(shown) == 0:
        raise StudyError("calibration: there is no interval whose coverage could be drawn.")
    shown = shown.assign(label=[_label(row) for row in shown.itertuples()])
    labels, scenarios = shown["label"].unique(), shown["scenario"].unique()
    figure = new_figure(width, width)
    names = [wrap_text(figure, label, NAMES * width) for label in labels]
    rows, high = place_rows(names, PITCH)
    left = widest(figure, [line for lines in names for line in lines]) + 4.0
    across = int((width - left - RIGHT + BETWEEN) / (LEAST + BETWEEN))
    across = min(max(across, 1), len(scenarios))
    down = -(-len(scenarios) // across)
    each = (width - left - RIGHT - BETWEEN * (across - 1)) / across
    titles = [
        [
            line
            for part in shorten(figure, scenario).split(" ", 1)
            for line in wrap_text(figure, part, each, SIZE)
        ]
        for scenario in scenarios
    ]
    above = ABOVE + LINE * max(0, max(map(len, titles)) - 2)
    key = sum(text_width(figure, kind) + MARK for kind in COLOURS)
    kinds = 3 if key < width else 1
    foot = LINE * ((key + text_width(figure, AXIS, SIZE) > width) + (3 - kinds))
    block = above + BELOW + 1 + PITCH * high
    set_height(figure, down * block + foot)
    lowest = min(0.9, float(shown["coverage_low"].min()))
    for number, (scenario, title) in enumerate(zip(scenarios, titles, strict=True)):
        row, column = divmod(number, across)
        start = left + column * (each + BETWEEN)
        below = BELOW + foot + (down - 1 - row) * block
        axes = add_panel(figure, start, below, width - start - each, above + row * block)
        axes.axvline(0.95, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=0)
        _draw_intervals(axes, shown[shown["scenario"] == scenario], labels, rows)
        axes.set_xlim(lowest - 0.005, 1.002)
        axes.set_ylim(high - 0.4, -0.6)
        axes.set_yticks(rows, ["\n".join(text) if column == 0 else "" for text in names])
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MultipleLocator(0.05 if lowest > 0.8 else 0.25))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}"))
        axes.set_title("\n".join(title), loc="left")
        axes.grid(axis="y", lw=0.4, color="#e6e6e6")
        axes.set_axisbelow(True)
        despine(ax=axes, left=True)
    marks = [
        Line2D([], [], ls="", marker="o", ms=4, color=colour, label=kind)
        for kind, colour in COLOURS.items()
    ]
    style = {"handletextpad": 0.2, "borderaxespad": 0.3}
    figure.legend(handles=marks, loc="lower left", ncols=kinds, **style)
    y = (2.0 + foot) / (down * block + foot)
    figure.text(0.99, y, AXIS, ha="right", color=GREY)
    return figure


def _draw_intervals(axes: Axes, shown: pd.DataFrame, labels: np.ndarray, rows: np.ndarray) -> None:
    """Draw the coverage of one scenario, with its Monte Carlo intervals."""
    for row in shown.itertuples():
        y = rows[np.flatnonzero(labels == row.label)[0]] + OFFSETS[row.variance]
        colour = COLOURS[row.variance]
        axes.hlines(y, row.coverage_low, row.coverage_high, color=colour, lw=1.0)
        axes.plot(row.coverage, y, "o", ms=3, mec=colour, mfc=colour, mew=0)


def _label(row) -> str:
    """Name of a line of the figure."""
    parts = [f"{OUTCOMES[row.outcome]}, {QUANTITIES[row.quantity]}"]
    if not np.isnan(row.month):
        parts[0] += f" at {row.month:g} months"
    _, *firth = row.estimator.split(", ")
    return ", ".join([*parts, *firth])
