"""Figure of the calibration: coverage of the 95 % intervals."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator
from seaborn import despine

from seermatch.absolute_effects import ALL_CAUSES
from seermatch.calibration import BREAST, CLUSTERED, PROFILE, UNCLUSTERED
from seermatch.calibration_targets import CAUSE_SPECIFIC, HR, OF_RECEPTORS, SUBDISTRIBUTION
from seermatch.errors import StudyError
from seermatch.figure_style import (
    AFTER,
    EXPOSED,
    GREY,
    INK,
    PAGE,
    REFERENCE,
    add_panel,
    new_figure,
    styled,
    text_width,
)

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
OFFSETS = {UNCLUSTERED: -0.17, CLUSTERED: 0.17, PROFILE: 0.0}


@styled
def draw_coverage(table: pd.DataFrame, width: float = PAGE) -> Figure:
    """Draw the coverage of every interval in every scenario, with its Monte Carlo interval.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/calibration.tsv``.
    width : float, default 180
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
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
    figure = new_figure(width, 27 + 5.2 * len(labels))
    left = max(text_width(figure, label) for label in labels) + 4.0
    each = (width - left - 3 - 3 * (len(scenarios) - 1)) / len(scenarios)
    lowest = min(0.9, float(shown["coverage_low"].min()))
    for column, scenario in enumerate(scenarios):
        start = left + column * (each + 3)
        axes = add_panel(figure, start, 17, width - start - each, 9)
        axes.axvline(0.95, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=0)
        for row in shown[shown["scenario"] == scenario].itertuples():
            y = int(np.flatnonzero(labels == row.label)[0]) + OFFSETS[row.variance]
            colour = COLOURS[row.variance]
            axes.hlines(y, row.coverage_low, row.coverage_high, color=colour, lw=1.0)
            axes.plot(row.coverage, y, "o", ms=3, mec=colour, mfc=colour, mew=0)
        axes.set_xlim(lowest - 0.005, 1.002)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_yticks(range(len(labels)), labels if column == 0 else [""] * len(labels))
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MultipleLocator(0.05 if lowest > 0.8 else 0.25))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}"))
        axes.set_title(scenario.replace(" ", "\n", 1), loc="left")
        axes.grid(axis="y", lw=0.4, color="#e6e6e6")
        axes.set_axisbelow(True)
        despine(ax=axes, left=True)
    kinds = [
        Line2D([], [], ls="", marker="o", ms=4, color=colour, label=kind)
        for kind, colour in COLOURS.items()
    ]
    figure.legend(handles=kinds, loc="lower left", ncols=3, handletextpad=0.2, borderaxespad=0.3)
    figure.text(0.99, 0.02, "Coverage of 95% intervals (%)", ha="right", color=GREY)
    return figure


def _label(row) -> str:
    """Name of a line of the figure."""
    parts = [f"{OUTCOMES[row.outcome]}, {QUANTITIES[row.quantity]}"]
    if not np.isnan(row.month):
        parts[0] += f" at {row.month:g} months"
    _, *firth = row.estimator.split(", ")
    return ", ".join([*parts, *firth])
