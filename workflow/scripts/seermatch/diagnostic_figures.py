"""Figures that check the analysis: overlap of the scores, and proportional hazards."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator, NullLocator

from seermatch.figure_style import (
    COLUMN,
    EXPOSED,
    GREY,
    GROUP_COLOURS,
    GROUP_DASHES,
    INK,
    LINE,
    PAGE,
    REFERENCE,
    SMALL,
    add_panel,
    new_figure,
    styled,
    wrap_text,
)
from seermatch.formatting import (
    describe_balance_term,
    describe_contrast,
    format_count,
    label_groups,
    state_p,
)
from seermatch.schoenfeld import smooth_residuals
from seermatch.tables import ALIASED, SEPARATED
from seermatch.variables import printed

TITLES = {"before": "Before matching", "after": "After matching"}
SCORES = {"logit": "Propensity score (linear predictor)", "probability": "Propensity score"}
TIME_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)  # months
MONTHS = (1, 2, 3, 6, 12, 24, 48, 96, 192)
CELL, AXIS, AXIS_BELOW, EDGE = 43.0, 4.0, 7.0, 1.5  # mm: a panel with its titles; axis titles
TICKS, TICKS_BELOW, ABOVE = 8.5, 3.5, 8.5  # mm, within a panel


@styled
def draw_score_overlap(
    overlap: pd.DataFrame,
    labels: tuple[str, str],
    *,
    link: str = "logit",
    width: float = COLUMN,
) -> Figure:
    """Draw the scores of both groups before and after matching, mirrored.

    Parameters
    ----------
    overlap : pandas.DataFrame
        From `seermatch.disclosure.score_overlap.score_overlap`.
    labels : tuple of str
        Label of the reference and of the exposed group.
    link : {"logit", "probability"}
        Scale of the scores.
    width : float, default 85
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        One axes before matching and one after, the reference group above its line and the exposed
        below; the height of a bin times its width is a share of the group.

    Examples
    --------
    >>> overlap = pd.DataFrame({"population": ["before", "before", "after", "after"],
    ...     "group": [0, 1, 0, 1], "n": [90, 30, 30, 30], "low": 0.0, "high": 0.1, "share": 1.0,
    ...     "complete": True})
    >>> figure = draw_score_overlap(overlap, ("M0", "M0(i+)"))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['M0 (n = 90)', 'M0(i+) (n = 30)']
    """
    import seaborn  # takes a second, and only this figure needs it

    step = float((overlap["high"] - overlap["low"]).min())
    heights = 100 * overlap["share"] * step / (overlap["high"] - overlap["low"])
    overlap = overlap.assign(height=heights * np.where(overlap["group"] == 0, 1, -1))
    top = 1.32 * overlap["height"].abs().max()
    figure = new_figure(width, 98)
    ends = overlap["low"].min(), overlap["high"].max()
    for row, (population, title) in enumerate(TITLES.items()):
        axes = add_panel(figure, 15, 54 - 43 * row, 3, 6 + 43 * row)
        axes.axhline(0, color=INK, lw=0.7)
        part = overlap[overlap["population"] == population]
        for group, (label, colour) in enumerate(zip(labels, GROUP_COLOURS, strict=True)):
            bins = part[part["group"] == group]
            seaborn.histplot(
                x=(bins["low"] + bins["high"]).to_numpy() / 2,
                weights=bins["height"].to_numpy(),
                bins=[*bins["low"], bins["high"].iloc[-1]],
                element="step",
                color=colour,
                alpha=0.55,
                lw=0.7,
                ax=axes,
            )
            name = f"{printed(label)} (n = {format_count(bins['n'].iloc[0])})"
            if not (population == "after" or bins["complete"].all()):
                name += ", matched patients only"
            place = {"x": 0.02, "y": 1 - group, "va": ("top", "bottom")[group]}
            axes.text(s=name, **place, fontsize=SMALL, transform=axes.transAxes)
        axes.set(xlim=ends, ylim=(-top, top), ylabel=f"Patients (% per {step:g})", xlabel="")
        axes.set_title(title, loc="left", fontweight="bold", pad=4)
        axes.tick_params(labelbottom=population == "after")
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(print_number))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{abs(share):g}"))
    axes.set_xlabel(SCORES[link])
    return figure


@styled
def draw_log_log(
    kaplan_meier: pd.DataFrame,
    labels: tuple[str, str],
    p_value: float,
    width: float = COLUMN,
) -> Figure:
    """Draw log(-log S) of both groups against the logarithm of time.

    Under proportional hazards the curves keep their distance. Times before the first death, and
    month 0, have no place on these scales.

    Parameters
    ----------
    kaplan_meier : pandas.DataFrame
        Rows of ``results/survival/kaplan_meier.parquet``: group, time (months), survival.
    labels : tuple of str
        Label of the reference and of the exposed group.
    p_value : float
        Of the test of proportional hazards of the group; missing where there is none.
    width : float, default 85
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        One line per group, reference first; empty where nobody died after month 0.

    Examples
    --------
    >>> curve = pd.DataFrame({"group": [0, 0, 1, 1], "time": [1, 10, 5, 13],
    ...     "survival": [1.0, np.exp(-1), np.exp(-1), np.exp(-np.e)]})
    >>> figure = draw_log_log(curve, ("M0", "M0(i+)"), 0.39)
    >>> [line.get_ydata().round(6).tolist() for line in figure.axes[0].lines]
    [[0.0], [0.0, 1.0]]
    """
    figure = new_figure(width, 62)
    axes = add_panel(figure, 15, 10, 3, 3)
    groups = label_groups(kaplan_meier["group"], labels)
    for label, colour, dash in zip(labels, GROUP_COLOURS, GROUP_DASHES, strict=True):
        curve = kaplan_meier[groups == label].sort_values("time")
        curve = curve[(curve["time"] > 0) & curve["survival"].between(0, 1, inclusive="neither")]
        time, survival = curve["time"].to_numpy(float), curve["survival"].to_numpy(float)
        name = printed(label) if len(curve) else f"{printed(label)}, no deaths"
        height = np.log(-np.log(survival))
        axes.step(time, height, where="post", color=colour, ls=dash, label=name)
    last = max(kaplan_meier["time"].max(), 2)
    axes.set(xscale="log", xlim=(0.94, last * 1.06))
    axes.xaxis.set_major_locator(FixedLocator([month for month in MONTHS if month <= last]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda month, _: f"{month:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("Months since diagnosis (log scale)")
    axes.set_ylabel("log(−log S), overall survival")
    axes.legend(
        loc="upper left",
        title=f"Proportional hazards: {state_p(p_value)}",
        title_fontsize=SMALL,
        alignment="left",
        handlelength=2.2,
    )
    return figure


def print_number(value: float, _=None) -> str:
    """Print the number of a tick with a real minus sign.

    Examples
    --------
    >>> print_number(-0.5)
    '−0.5'
    """
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


@styled
def draw_schoenfeld(
    residuals: pd.DataFrame,
    tests: pd.DataFrame,
    labels: tuple[str, str],
    *,
    points: bool = True,
    width: float = PAGE,
) -> Figure:
    """Draw the scaled Schoenfeld residuals of a model with a spline and its 95% band.

    Parameters
    ----------
    residuals : pandas.DataFrame
        Of one model: term, level, time (months), residual; from
        `seermatch.schoenfeld.assess_proportionality`.
    tests : pandas.DataFrame
        Of the same model: term, level, p_value, status.
    labels : tuple of str
        Label of the reference and of the exposed group.
    points : bool, default True
        Whether the residuals are drawn, each of which is a patient who died; else the spline only.
    width : float, default 180
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per column of the model, the group first. The dashed line is the estimate under
        proportional hazards, the mean of the residuals. A line below names what is not in the
        model.

    Examples
    --------
    >>> residuals = pd.DataFrame({"term": "age", "level": "", "time": range(12), "residual": 0.1})
    >>> tests = pd.DataFrame({"term": ["age"], "level": "", "p_value": 0.43, "status": "ok"})
    >>> (axes,) = draw_schoenfeld(residuals, tests, ("M0", "M0(i+)")).axes
    >>> axes.get_title(loc="left").splitlines()
    ['Age (per year)', 'p = 0.430']
    >>> axes.lines[0].get_ydata().round(6).tolist()
    [0.1, 0.1]
    """
    columns = sorted(
        residuals.groupby(["term", "level"], sort=False), key=lambda item: item[0][0] != "group"
    )
    p_values = tests.set_index(["term", "level"])["p_value"].to_dict()
    scale = new_figure(width, width)  # measures text only
    notes = wrap_text(scale, _missing_columns(tests, labels), width - 2 * EDGE)
    across = max(1, min(len(columns), int(width / CELL)))
    down = -(-len(columns) // across)
    cell, foot = (width - AXIS) / across, AXIS_BELOW + LINE * len(notes)
    height = down * CELL + foot
    figure = new_figure(width, height)
    for number, ((term, level), column) in enumerate(columns):
        row, place = divmod(number, across)
        left, bottom = AXIS + place * cell, foot + (down - 1 - row) * CELL
        right, top = width - left - cell + 2.0, row * CELL + ABOVE
        axes = add_panel(figure, left + TICKS, bottom + TICKS_BELOW, right, top)
        _draw_residuals(axes, column, points, EXPOSED if term == "group" else REFERENCE)
        weight = "bold" if term == "group" else "normal"
        name = wrap_text(scale, _name_column(term, level, labels), cell - 3.0, weight=weight)
        title = "\n".join([*name, state_p(p_values[term, level])])
        start = (3.0 - TICKS) / (cell - TICKS - 2.0)  # above the tick labels too
        axes.set_title(title, loc="left", x=start, fontsize=SMALL, fontweight=weight, pad=3)
    middle = 0.5 * (1 + foot / height)
    figure.text(0.5, (foot - 3.0) / height, "Months since diagnosis", ha="center", va="center")
    style = {"rotation": "vertical", "ha": "center", "va": "center"}
    figure.text(2.5 / width, middle, "Log hazard ratio over time", **style)
    for number, note in enumerate(reversed(notes)):
        y = (0.5 + (number + 0.5) * LINE) / height
        figure.text(EDGE / width, y, note, va="center", fontsize=SMALL)
    return figure


def _missing_columns(tests: pd.DataFrame, labels: tuple[str, str]) -> str:
    """Name the columns that have no estimate."""
    missing = tests[tests["status"].isin([ALIASED, SEPARATED])]
    names = [
        f"{_name_column(row.term, row.level, labels)} ({row.status})"
        for row in missing.itertuples()
    ]
    return f"Not in the model: {'; '.join(names)}." if names else ""


def _name_column(term: str, level: str, labels: tuple[str, str]) -> str:
    if term == "group":
        return f"Group: {printed(labels[1])}"
    return describe_balance_term(term, level) if level else describe_contrast(term, "", labels)


def _draw_residuals(axes: Axes, column: pd.DataFrame, points: bool, colour: str) -> None:
    """Draw one column: residuals, spline with band, and the estimate under proportional hazards."""
    time, residual = (column[name].to_numpy(dtype=float) for name in ("time", "residual"))
    smooth = smooth_residuals(time, residual)
    ends = time.min(), time.max()
    axes.plot(ends, np.full(2, residual.mean()), color=INK, lw=0.8, ls=(0, (4, 2)), zorder=2)
    axes.plot(smooth["time"], smooth["smooth"], color=colour, lw=1.4, zorder=4)
    band = smooth["time"], smooth["conf_low"], smooth["conf_high"]
    axes.fill_between(*band, color=colour, alpha=0.18, lw=0, zorder=1)
    if points:
        axes.plot(time, residual, "o", ms=1.8, mec=GREY, mfc="none", mew=0.5, zorder=3)
    axes.set_xlim(0, ends[1] * 1.03 or 1)
    step = next((step for step in TIME_STEPS if ends[1] <= 5 * step), TIME_STEPS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(print_number))
    if smooth.empty and not points:
        axes.text(0.5, 0.5, "too few deaths", ha="center", transform=axes.transAxes)
