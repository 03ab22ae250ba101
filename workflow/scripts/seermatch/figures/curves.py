"""Figures 3 and 4: survival and cumulative incidence, with 95% bands and the numbers at risk.

Each function takes tidy rows and returns a matplotlib figure; `style.figure_bytes` turns it
into bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from seermatch.errors import StudyError
from seermatch.figures.legend import ABOVE, draw_legend, free_place, plan_legend
from seermatch.figures.risk_table import draw_risk_table, end_of_axis, last_month, plan_risk_table
from seermatch.figures.style import (
    COLUMN,
    GROUP_COLOURS,
    GROUP_DASHES,
    INK,
    LINE,
    MILLIMETRES,
    PAGE,
    SIZE,
    add_panel,
    new_figure,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, wrap_text
from seermatch.variables.printed import EVENTS, label_groups, printed
from seermatch.wording.numbers import state_p
from seermatch.wording.terms import print_outcome

AXIS_TITLE = 17.0  # mm for tick labels and an axis title of two lines
SURVIVAL, PANEL = 55.2, 52.2  # mm, height of the curves of survival and of incidence
TITLE = 3.0  # mm, more above a panel that has a title
CORNERS = ("upper left", "lower right")  # for the legend of incidence


@styled
def draw_survival_curves(
    kaplan_meier: pd.DataFrame,
    logrank: pd.DataFrame,
    marks: Sequence[float],
    labels: tuple[str, str],
    *,
    test: str = "Log-rank",
    outcome: str = "Overall survival",
    width: float = COLUMN,
) -> StudyFigure:
    """Draw Figure 3: Kaplan-Meier curves with 95% bands and the numbers at risk.

    Where survival stays high the vertical axis starts above zero; its label and a break say so.

    Parameters
    ----------
    kaplan_meier : pandas.DataFrame
        Rows of ``results/survival.tsv``: group (0 and 1, or the labels), time (months), n_at_risk,
        survival, conf_low, conf_high.
    logrank : pandas.DataFrame
        One row with p_value.
    marks : sequence of float
        Months of the ticks and of the numbers at risk; those after the last time are left out.
    labels : tuple of str
        Label of the reference and of the exposed group.
    test : str, default "Log-rank"
        Name of the test beside its p-value.
    outcome : str, default "Overall survival"
        Label of the vertical axis.
    width : float, default 85
        Millimetres.

    Returns
    -------
    StudyFigure
        The first axes hold one line per group, reference first.

    Raises
    ------
    StudyError
        If a group has no row.

    Examples
    --------
    >>> curve = pd.DataFrame({"group": [0, 0, 1, 1], "time": [3, 14, 5, 13],
    ...     "n_at_risk": [20, 9, 10, 4], "survival": [0.99, 0.97, 0.98, 0.96],
    ...     "conf_low": [0.97, 0.94, 0.95, 0.91], "conf_high": 1.0})
    >>> figure = draw_survival_curves(
    ...     curve, pd.DataFrame({"p_value": [0.78]}), [0, 12, 24], ("M0", "M0(i+)"))
    >>> figure.axes[0].lines[1].get_ydata().tolist()
    [1.0, 0.98, 0.96]
    """
    curves = _curves_by_group(kaplan_meier, labels)
    figure = new_figure(width, width)
    names = [shorten(figure, printed(label)) for label in labels]
    floor = _lower_limit(_ends(curves, "conf_low", "survival").min(initial=1.0))
    label = f"{shorten(figure, outcome)} (%)"
    lines = wrap_text(figure, label, SURVIVAL, SIZE)
    lines += [f"axis starts at {100 * floor:.0f}%"] * (floor > 0)
    axis = AXIS_TITLE + LINE * max(len(lines) - 2, 0)
    table = plan_risk_table(figure, curves, names, marks, width, axis)
    room = width - table.left - table.right
    statement = f"{test} {state_p(float(logrank['p_value'].iloc[0]))}"
    legend = plan_legend(figure, names, statement, room)
    limits = floor, 1 + 0.005 * (1 - floor)
    outlines = _outlines(curves, "survival", 1.0, limits)
    place = free_place(legend, outlines, (room, SURVIVAL), ["lower left", "upper right"])
    above = 3.0 + (legend.height if place == ABOVE else 0.0)
    set_height(figure, table.height + SURVIVAL + above)
    axes = add_panel(figure, table.left, table.height, table.right, above)
    drawn = _draw_curves(axes, curves, labels, "survival", 1.0)
    _time_axis(axes, curves, table.marks)
    axes.set_ylim(*limits)
    _percent_axis(axes)
    if floor > 0:
        _mark_break(axes)
    axes.set_ylabel("\n".join(lines))
    draw_legend(axes, drawn, legend, place)
    draw_risk_table(figure, axes, table)
    return figure


@styled
def draw_cumulative_incidence(
    incidence: pd.DataFrame,
    gray: pd.DataFrame,
    marks: Sequence[float],
    labels: tuple[str, str],
    *,
    test: str | Mapping[str, str] = "Gray’s test",
    causes: Sequence[str] = EVENTS[1:],
    cancer: str = "cancer",
    width: float = PAGE,
) -> StudyFigure:
    """Draw Figure 4: cumulative incidence of each cause by group, one panel per cause.

    Both panels share the vertical axis, so that the causes can be compared.

    Parameters
    ----------
    incidence : pandas.DataFrame
        Rows of ``results/incidence.tsv``: cause, group (0 and 1, or the
        labels), time (months), n_at_risk, incidence, conf_low, conf_high; every distinct time.
    gray : pandas.DataFrame
        One row per cause with p_value.
    marks : sequence of float
        Months of the ticks and of the numbers at risk; those after the last time are left out.
    labels : tuple of str
        Label of the reference and of the exposed group.
    test : str or mapping, default "Gray’s test"
        Name of the test beside its p-value, or of each cause's.
    causes : sequence of str
        Causes in the order of the panels.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.
    width : float, default 180
        Millimetres. Below 120 the panels stand one above the other.

    Returns
    -------
    StudyFigure
        Axes alternate: a panel of curves, its numbers at risk.

    Raises
    ------
    StudyError
        If a group has no row for a cause.

    Examples
    --------
    >>> rows = pd.DataFrame({"cause": "cancer death", "group": [0, 0, 1, 1],
    ...     "time": [3, 14, 5, 13], "n_at_risk": [20, 9, 10, 4], "incidence": [0, 0.02, 0.01, 0.03],
    ...     "conf_low": [0, 0.01, 0.0, 0.01], "conf_high": [0, 0.05, 0.04, 0.07]})
    >>> figure = draw_cumulative_incidence(
    ...     rows, pd.DataFrame({"cause": ["cancer death"], "p_value": [0.27]}), [0, 12],
    ...     ("M0", "M0(i+)"), causes=["cancer death"])
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['Number at risk', 'M0', '20', '9', 'M0(i+)', '10', '4']
    """
    panels = [
        _curves_by_group(incidence[incidence["cause"] == cause], labels, cause) for cause in causes
    ]
    top = _upper_limit(
        max(_ends(curves, "conf_high", "incidence").max(initial=0.0) for curves in panels)
    )
    columns, rows = (1, len(panels)) if width < 120 else (len(panels), 1)
    cell = width / columns
    figure = new_figure(width, width)
    names = [shorten(figure, printed(label)) for label in labels]
    tables = [plan_risk_table(figure, curves, names, marks, cell, AXIS_TITLE) for curves in panels]
    left, right, below = (
        max(getattr(table, side) for table in tables) for side in ("left", "right", "height")
    )
    tables = [replace(table, left=left, right=right) for table in tables]
    room = cell - left - right
    titles = [
        wrap_text(figure, shorten(figure, print_outcome(cause, cancer)), room, SIZE, "bold")
        for cause in causes
    ]
    legends = [
        plan_legend(figure, names, statement, room) for statement in _tests_of(gray, causes, test)
    ]
    places = [
        free_place(legend, _outlines(curves, "incidence", 0.0, (0.0, top)), (room, PANEL), CORNERS)
        for curves, legend in zip(panels, legends, strict=True)
    ]
    head = 0.0
    if ABOVE in places:  # all panels look the same
        places, head = [ABOVE] * len(places), max(legend.height for legend in legends)
    above = 3.0 + TITLE * max(map(len, titles)) + head
    height = below + PANEL + above
    set_height(figure, rows * height)
    for position, curves in enumerate(panels):
        column, row = divmod(position, rows)
        axes = add_panel(
            figure,
            left + column * cell,
            below + (rows - 1 - row) * height,
            width - (column + 1) * cell + right,
            row * height + above,
        )
        drawn = _draw_incidence(axes, curves, labels, tables[position].marks, top)
        pad = 4 + head / MILLIMETRES * 72
        axes.set_title("\n".join(titles[position]), loc="left", fontweight="bold", pad=pad)
        draw_legend(axes, drawn, legends[position], places[position])
        draw_risk_table(figure, axes, tables[position])
    return figure


def _tests_of(gray: pd.DataFrame, causes, test) -> list[str]:
    """State the test of each cause with its p-value."""
    p_values = gray.set_index("cause")["p_value"]
    names = dict.fromkeys(causes, test) if isinstance(test, str) else test
    statements = [f"{names[cause]} {state_p(float(p_values[cause]))}" for cause in causes]
    return [statement[:1].upper() + statement[1:] for statement in statements]


def _curves_by_group(rows: pd.DataFrame, labels, what: str = "survival") -> list[pd.DataFrame]:
    groups = label_groups(rows["group"], labels)
    curves = [rows[groups == label].sort_values("time") for label in labels]
    for label, curve in zip(labels, curves, strict=True):
        if curve.empty:
            raise StudyError(f"{what}: no estimate for the group '{label}', so no curve to draw.")
    return curves


def _ends(curves, limit: str, estimate: str) -> np.ndarray:
    """Collect the limits of all curves, or their estimates where there is no band."""
    found = [curve[[limit, estimate]].to_numpy(dtype=float).ravel() for curve in curves]
    ends = np.concatenate(found)
    return ends[np.isfinite(ends)]


def _steps(curve: pd.DataFrame, estimate: str, start: float) -> list[np.ndarray]:
    """List where a curve's steps begin, from month 0 on, the estimates, and the ends of bands.

    Months with a number at risk and no published estimate are no steps.
    """
    curve = curve.dropna(subset=estimate)
    ends = {"time": 0.0, estimate: start, "conf_low": start, "conf_high": start}
    return [
        np.insert(curve[column].to_numpy(dtype=float), 0, first) for column, first in ends.items()
    ]


def _draw_curves(axes: Axes, curves, labels, estimate: str, start: float) -> list:
    """Draw a step curve with its band per group, from month 0 on; return the curves."""
    drawn = []
    for curve, label, colour, dash in zip(curves, labels, GROUP_COLOURS, GROUP_DASHES, strict=True):
        time, value, low, high = _steps(curve, estimate, start)
        axes.fill_between(time, low, high, step="post", color=colour, alpha=0.18, lw=0)
        drawn += axes.step(time, value, where="post", color=colour, ls=dash, label=printed(label))
    return drawn


def _draw_incidence(axes: Axes, curves, labels, marks, top: float) -> list:
    """Draw the curves of one cause and its axes; return the curves."""
    drawn = _draw_curves(axes, curves, labels, "incidence", 0.0)
    _time_axis(axes, curves, marks)
    axes.set_ylim(0, top)
    _percent_axis(axes)
    axes.set_ylabel("Cumulative incidence (%)")
    return drawn


def _outlines(curves, estimate: str, start: float, limits: tuple[float, float]):
    """Give the steps of each curve with its band as shares of the panel."""
    end = end_of_axis(last_month(curves))
    for curve in curves:
        time, *values = _steps(curve, estimate, start)
        value, low, high = ((each - limits[0]) / (limits[1] - limits[0]) for each in values)
        yield time / end, np.fmin(low, value), np.fmax(high, value)


def _time_axis(axes: Axes, curves, marks) -> None:
    axes.set_xlim(0, end_of_axis(last_month(curves)))
    axes.set_xticks(marks)
    axes.set_xlabel("Months since diagnosis")


def _percent_axis(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.6g}"))


def _lower_limit(lowest: float) -> float:
    """Start of a survival axis: 0, or the tenth below the bands where they stay high."""
    tenth = np.floor(lowest * 10 - 0.25) / 10
    return float(round(tenth, 1)) if tenth >= 0.5 else 0.0


def _upper_limit(highest: float) -> float:
    """End of an incidence axis: a round number with room for the legend above the bands."""
    wanted = min(max(highest * 1.25, 0.02), 1.0)
    step = 0.02 if wanted <= 0.2 else 0.1
    return float(min(round(np.ceil(wanted / step) * step, 2), 1.0))


def _mark_break(axes: Axes) -> None:
    """Strike the vertical axis twice near its foot: it does not start at zero."""
    for height in (0.025, 0.045):
        axes.plot(
            (-0.015, 0.015),
            (height - 0.008, height + 0.008),
            transform=axes.transAxes,
            color=INK,
            lw=0.8,
            clip_on=False,
            zorder=5,
        )
