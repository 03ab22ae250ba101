"""Figures 2 to 4: balance before and after matching, survival, cumulative incidence.

Each function takes tidy rows and returns a matplotlib figure; `figure_style.figure_bytes` turns it
into bytes. Curves carry 95% bands and the numbers at risk below. Figure 1 is in `flow_chart`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from seermatch.errors import StudyError
from seermatch.figure_style import (
    AFTER,
    COLUMN,
    GREY,
    GROUP_COLOURS,
    GROUP_DASHES,
    INK,
    MILLIMETRES,
    PAGE,
    SMALL,
    add_panel,
    new_figure,
    styled,
    text_width,
)
from seermatch.formatting import describe_balance_term, format_count, label_groups, state_p
from seermatch.tables import numbers_at_risk
from seermatch.variables import EVENTS, printed

EDGE = 1.0  # mm, left edge of the names below a panel
AXIS_TITLE = 17.0  # mm for tick labels and an axis title of two lines
ROW = 3.4  # mm, a row of the numbers at risk
ABOVE_RISK_TABLE = 13.0  # mm between the time axis and the first row: ticks, label, heading


@styled
def draw_love_plot(balance: pd.DataFrame, threshold: float = 0.1, width: float = COLUMN) -> Figure:
    """Draw Figure 2: absolute standardized mean differences before and after matching.

    Parameters
    ----------
    balance : pandas.DataFrame
        Rows of ``results/balance.tsv``: term, level, smd_before, smd_after, in the order to show.
    threshold : float, default 0.1
        Where the dashed line stands.
    width : float, default 85
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        The first line drawn holds the values before, the second those after.

    Examples
    --------
    >>> balance = pd.DataFrame({"term": ["distance", "age"], "level": "",
    ...                         "smd_before": [0.178, -0.132], "smd_after": [0.0, 0.01]})
    >>> figure = draw_love_plot(balance)
    >>> figure.axes[0].lines[0].get_xdata().tolist()
    [0.178, 0.132]
    """
    names = [describe_balance_term(row.term, row.level) for row in balance.itertuples()]
    before = balance["smd_before"].abs().to_numpy(dtype=float)
    after = balance["smd_after"].abs().to_numpy(dtype=float)
    rows = np.arange(len(balance))
    figure = new_figure(width, 17 + 4.4 * len(balance))
    left = max(text_width(figure, name) for name in names) + 3.0
    axes = add_panel(figure, left, 10, 3, 6)
    points = {"ls": "", "marker": "o", "ms": 4.2, "mew": 1.1, "clip_on": False}
    axes.plot(before, rows, mfc="none", mec=GREY, zorder=4, label="Before", **points)
    axes.plot(after, rows, color=AFTER, zorder=3, label="After matching", **points)
    axes.hlines(rows, before, after, color=GREY, lw=0.6, zorder=2)
    axes.axvline(
        threshold, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1, label=f"Threshold {threshold:g}"
    )
    top = max(threshold, np.nanmax(before), np.nanmax(after))
    axes.set(xlim=(0, 1.05 * top), ylim=(len(balance) - 0.4, -0.6))
    axes.set_yticks(rows, names)
    axes.tick_params(axis="y", length=0, pad=4.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("Absolute standardized mean difference", loc="right")
    axes.grid(axis="y", lw=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="upper right",
        ncols=3,
        handletextpad=0.3,
        columnspacing=1.0,
        handlelength=1.6,
        borderaxespad=0.2,
    )
    return figure


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
) -> Figure:
    """Draw Figure 3: Kaplan-Meier curves with 95% bands and the numbers at risk.

    Where survival stays high the vertical axis starts above zero; its label and a break say so.

    Parameters
    ----------
    kaplan_meier : pandas.DataFrame
        Rows of ``results/survival/kaplan_meier.parquet``: group (0 and 1, or the labels), time
        (months), n_at_risk, survival, conf_low, conf_high; every distinct time.
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
    matplotlib.figure.Figure
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
    lows = np.concatenate([curve["conf_low"].to_numpy(dtype=float) for curve in curves])
    floor = _lower_limit(float(np.nanmin(lows)))
    figure = new_figure(width, 78)
    left = _left_margin(figure, curves, labels)
    bottom = ABOVE_RISK_TABLE + 2 * ROW
    axes = add_panel(figure, left, bottom, 3, 3)
    _draw_curves(axes, curves, labels, "survival", 1.0)
    shown = _time_axis(axes, curves, marks)
    axes.set_ylim(floor, 1 + 0.005 * (1 - floor))
    _percent_axis(axes)
    label = f"{outcome} (%)"
    if floor > 0:
        label += f"\naxis starts at {100 * floor:.0f}%"
        _mark_break(axes)
    axes.set_ylabel(label)
    statement = f"{test} {state_p(float(logrank['p_value'].iloc[0]))}"
    _legend(axes, statement, "lower left")
    _draw_numbers_at_risk(figure, axes, curves, shown, labels, left)
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
    width: float = PAGE,
) -> Figure:
    """Draw Figure 4: cumulative incidence of each cause by group, one panel per cause.

    Both panels share the vertical axis, so that the causes can be compared.

    Parameters
    ----------
    incidence : pandas.DataFrame
        Rows of ``results/competing_risks/incidence.parquet``: cause, group (0 and 1, or the
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
    width : float, default 180
        Millimetres. Below 120 the panels stand one above the other.

    Returns
    -------
    matplotlib.figure.Figure
        Axes alternate: a panel of curves, its numbers at risk.

    Raises
    ------
    StudyError
        If a group has no row for a cause.

    Examples
    --------
    >>> rows = pd.DataFrame({"cause": "breast cancer death", "group": [0, 0, 1, 1],
    ...     "time": [3, 14, 5, 13], "n_at_risk": [20, 9, 10, 4], "incidence": [0, 0.02, 0.01, 0.03],
    ...     "conf_low": [0, 0.01, 0.0, 0.01], "conf_high": [0, 0.05, 0.04, 0.07]})
    >>> figure = draw_cumulative_incidence(
    ...     rows, pd.DataFrame({"cause": ["breast cancer death"], "p_value": [0.27]}), [0, 12],
    ...     ("M0", "M0(i+)"), causes=["breast cancer death"])
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['Number at risk', 'M0', '20', '9', 'M0(i+)', '10', '4']
    """
    panels = [
        _curves_by_group(incidence[incidence["cause"] == cause], labels, cause) for cause in causes
    ]
    highs = [curve["conf_high"].max() for curves in panels for curve in curves]
    top = _upper_limit(float(np.nanmax([0.0, *highs])))
    stacked = width < 120
    columns, rows = (1, len(panels)) if stacked else (len(panels), 1)
    bottom = ABOVE_RISK_TABLE + 2 * ROW
    cell_width, cell_height = width / columns, 78.0
    figure = new_figure(width, cell_height * rows)
    left = _left_margin(figure, panels[0], labels)
    for position, (cause, curves) in enumerate(zip(causes, panels, strict=True)):
        column, row = (0, position) if stacked else (position, 0)
        side = left + column * cell_width
        right = width - (column + 1) * cell_width + 3
        base = bottom + (rows - 1 - row) * cell_height
        axes = add_panel(figure, side, base, right, row * cell_height + 6)
        _draw_curves(axes, curves, labels, "incidence", 0.0)
        shown = _time_axis(axes, curves, marks)
        axes.set_ylim(0, top)
        _percent_axis(axes)
        axes.set_ylabel("Cumulative incidence (%)")
        axes.set_title(cause.capitalize(), loc="left", fontweight="bold", pad=4)
        p_value = gray.loc[gray["cause"] == cause, "p_value"]
        name = test if isinstance(test, str) else test[cause]
        _legend(axes, f"{name} {state_p(float(p_value.iloc[0]))}", "upper left")
        _draw_numbers_at_risk(figure, axes, curves, shown, labels, left)
    return figure


def _curves_by_group(rows: pd.DataFrame, labels, what: str = "survival") -> list[pd.DataFrame]:
    groups = label_groups(rows["group"], labels)
    curves = [rows[groups == label].sort_values("time") for label in labels]
    for label, curve in zip(labels, curves, strict=True):
        if curve.empty:
            raise StudyError(f"{what}: no estimate for the group '{label}', so no curve to draw.")
    return curves


def _draw_curves(axes: Axes, curves, labels, estimate: str, start: float) -> None:
    """Draw a step curve with its band per group, from month 0 on."""
    for curve, label, colour, dash in zip(curves, labels, GROUP_COLOURS, GROUP_DASHES, strict=True):
        time = np.insert(curve["time"].to_numpy(dtype=float), 0, 0.0)
        value, low, high = (
            np.insert(curve[column].to_numpy(dtype=float), 0, start)
            for column in (estimate, "conf_low", "conf_high")
        )
        axes.fill_between(time, low, high, step="post", color=colour, alpha=0.18, lw=0)
        axes.step(time, value, where="post", color=colour, ls=dash, label=printed(label))


def _time_axis(axes: Axes, curves, marks) -> list[float]:
    last = max(float(curve["time"].max()) for curve in curves)
    shown = [mark for mark in marks if mark <= last]
    axes.set_xlim(0, last * 1.01 or 1)
    axes.set_xticks(shown)
    axes.set_xlabel("Months since diagnosis")
    return shown


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


def _legend(axes: Axes, statement: str, place: str) -> None:
    axes.legend(
        loc=place,
        title=statement,
        title_fontsize=SMALL,
        alignment="left",
        handlelength=2.2,
        borderaxespad=0.4,
        labelspacing=0.3,
    )


def _left_margin(figure: Figure, curves, labels) -> float:
    """Room for the ticks and the axis title, or for the names beside the first numbers at risk."""
    names = max(text_width(figure, printed(label), weight="bold") for label in labels)
    first = max(text_width(figure, format_count(curve["n_at_risk"].max())) for curve in curves)
    return max(AXIS_TITLE, EDGE + names + 1.5 + first / 2)


def _draw_numbers_at_risk(figure: Figure, axes: Axes, curves, marks, labels, margin) -> None:
    """Write the numbers at risk under the ticks, one row per group."""
    width, height = figure.get_size_inches() * MILLIMETRES
    box = axes.get_position()
    left, right = box.x0 * width, (1 - box.x1) * width
    top = height - (box.y0 * height - ABOVE_RISK_TABLE)
    table = add_panel(figure, left, height - top - len(curves) * ROW, right, top)
    table.set(xlim=axes.get_xlim(), ylim=(len(curves), 0))
    table.axis("off")
    by_width = table.get_yaxis_transform()  # x as a share of the panel, y in rows
    share = (width - left - right) ** -1
    style = {"va": "center", "fontsize": SMALL}
    start = (EDGE - margin) * share
    table.text(start, -0.5, "Number at risk", transform=by_width, ha="left", **style)
    for row, curve in enumerate(curves):
        name = {"fontweight": "bold", "transform": by_width}
        table.text(start, row + 0.5, printed(labels[row]), ha="left", **name, **style)
        for mark, count in zip(marks, numbers_at_risk(curve, marks), strict=True):
            table.text(mark, row + 0.5, format_count(count), ha="center", **style)
