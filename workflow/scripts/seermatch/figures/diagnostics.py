"""Figures that check the analysis: overlap of the scores, and proportional hazards."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator, NullLocator

from seermatch.analysis.names import ALIASED, SEPARATED
from seermatch.analysis.proportionality import KINDS
from seermatch.figures.legend import ABOVE, draw_legend, free_place, plan_legend
from seermatch.figures.style import (
    COLUMN,
    EXPOSED,
    GREY,
    GROUP_COLOURS,
    GROUP_DASHES,
    INK,
    LINE,
    MILLIMETRES,
    PAGE,
    REFERENCE,
    SMALL,
    add_panel,
    new_figure,
    sentence_figure,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, widest, wrap_text
from seermatch.variables.printed import Variable, label_groups, printed
from seermatch.wording.numbers import format_count, state_p
from seermatch.wording.terms import describe_balance_term, describe_contrast

TITLES = {"before": "Before matching", "after": "After matching"}
SCORES = {"logit": "Propensity score (linear predictor)", "probability": "Propensity score"}
TIME_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)  # months
MONTHS = (1, 2, 3, 6, 12, 24, 48, 96, 192)
CELL, AXIS, AXIS_BELOW, EDGE = 43.0, 4.0, 7.0, 1.5  # mm: a panel with its titles; axis titles
TICKS, TICKS_BELOW, TITLE = 8.5, 3.5, 8.5  # mm, within a panel; a title has two lines
MARK, RIGHT = 2.6, 2.0  # mm: a tick and its distances; right of a panel
HALF, HEADROOM = 19.0, 1.32  # mm of a group's scores; of which the highest leave room for its name
PANEL = 49.0  # mm, height of the log-log curves


@styled
def draw_score_overlap(
    overlap: pd.DataFrame,
    labels: tuple[str, str],
    *,
    link: str = "logit",
    width: float = COLUMN,
) -> StudyFigure:
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
    StudyFigure
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

    exposed = label_groups(overlap["group"], labels) == labels[1]
    overlap = overlap.assign(group=exposed.astype(int))
    step = float((overlap["high"] - overlap["low"]).min())
    heights = 100 * overlap["share"] * step / (overlap["high"] - overlap["low"])
    overlap = overlap.assign(height=heights * np.where(overlap["group"] == 0, 1, -1))
    figure = new_figure(width, width)
    room = 0.96 * (width - 18)
    names = {
        key: wrap_text(figure, name, room) for key, name in _name_scores(figure, overlap, labels)
    }
    half = HALF + LINE * (max(map(len, names.values())) - 1)
    top = HEADROOM * half / HALF * overlap["height"].abs().max()
    set_height(figure, 22 + 4 * half)
    ends = overlap["low"].min(), overlap["high"].max()
    right = _right_margin(figure, ends, width - 18)
    for row, (population, title) in enumerate(TITLES.items()):
        above, below = row * (2 * half + 5), (1 - row) * (2 * half + 5)
        axes = add_panel(figure, 15, 11 + below, right, 6 + above)
        axes.axhline(0, color=INK, lw=0.7)
        for group, colour in enumerate(GROUP_COLOURS):
            here = (overlap["population"] == population) & (overlap["group"] == group)
            bins = overlap[here & overlap["height"].notna()]
            if len(bins):
                seaborn.histplot(
                    x=(bins["low"] + bins["high"]).to_numpy() / 2,
                    weights=bins["height"].to_numpy(),
                    bins=np.unique(bins[["low", "high"]].to_numpy().round(12)).tolist(),
                    element="step",
                    color=colour,
                    alpha=0.55,
                    lw=0.7,
                    ax=axes,
                )
            place = {"x": 0.02, "y": 1 - group, "va": ("top", "bottom")[group]}
            name = "\n".join(names[population, group])
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


def _right_margin(figure: StudyFigure, ends: tuple[float, float], panel: float) -> float:
    """Leave room for half of the last tick's number, in millimetres."""
    last = max(tick for tick in MaxNLocator(6).tick_values(*ends) if tick <= ends[1])
    beyond = (ends[1] - last) / (ends[1] - ends[0]) * panel
    return max(3.0, widest(figure, [print_number(last)]) / 2 - beyond + 0.5)


def _name_scores(figure: StudyFigure, overlap: pd.DataFrame, labels: tuple[str, str]):
    """Name each group of each population, with how many its bins hold."""
    for population in TITLES:
        for group, label in enumerate(labels):
            bins = overlap[(overlap["population"] == population) & (overlap["group"] == group)]
            count = format_count(bins["n"].iloc[0] if len(bins) else np.nan)
            name = f"{shorten(figure, printed(label))} (n = {count})"
            if not (population == "after" or bins["complete"].all()):
                name += ", matched patients only"
            yield (population, group), name


@styled
def draw_log_log(
    kaplan_meier: pd.DataFrame,
    labels: tuple[str, str],
    p_value: float,
    width: float = COLUMN,
) -> StudyFigure:
    """Draw log(-log S) of both groups against the logarithm of time.

    Under proportional hazards the curves keep their distance. Times before the first death, and
    month 0, have no place on these scales.

    Parameters
    ----------
    kaplan_meier : pandas.DataFrame
        Rows of ``results/survival.tsv``: group, time (months), survival.
    labels : tuple of str
        Label of the reference and of the exposed group.
    p_value : float
        Of the test of proportional hazards of the group; missing where there is none.
    width : float, default 85
        Millimetres.

    Returns
    -------
    StudyFigure
        One line per group, reference first; a sentence where nobody died after month 0.

    Examples
    --------
    >>> curve = pd.DataFrame({"group": [0, 0, 1, 1], "time": [1, 10, 5, 13],
    ...     "survival": [1.0, np.exp(-1), np.exp(-1), np.exp(-np.e)]})
    >>> figure = draw_log_log(curve, ("M0", "M0(i+)"), 0.39)
    >>> [line.get_ydata().round(6).tolist() for line in figure.axes[0].lines]
    [[0.0], [0.0, 1.0]]
    """
    if not ((kaplan_meier["time"] > 0) & kaplan_meier["survival"].between(0, 1, "neither")).any():
        return sentence_figure("Nobody died after month 0, so there are no log-log curves.", width)
    figure = new_figure(width, width)
    groups = label_groups(kaplan_meier["group"], labels)
    last = max(kaplan_meier["time"].max(), 2)
    ends = 0.94, last * 1.06
    curves, names = [], []
    for label in labels:
        curve = kaplan_meier[groups == label].sort_values("time")
        curve = curve[(curve["time"] > 0) & curve["survival"].between(0, 1, inclusive="neither")]
        time, survival = curve["time"].to_numpy(float), curve["survival"].to_numpy(float)
        curves.append((time, np.log(-np.log(survival))))
        name = shorten(figure, printed(label))
        names.append(name if len(curve) else f"{name}, no deaths")
    limits = _limits(np.concatenate([height for _, height in curves]))
    room = width - 18
    legend = plan_legend(figure, names, f"Proportional hazards: {state_p(p_value)}", room)
    outlines = []
    for time, height in curves:
        share = (height - limits[0]) / (limits[1] - limits[0])
        outlines.append((np.log(time / ends[0]) / np.log(ends[1] / ends[0]), share, share))
    place = free_place(legend, outlines, (room, PANEL), ["upper left", "lower right"])
    above = 3.0 + (legend.height if place == ABOVE else 0.0)
    set_height(figure, 10 + PANEL + above)
    axes = add_panel(figure, 15, 10, 3, above)
    drawn = []
    for (time, height), label, colour, dash in zip(
        curves, labels, GROUP_COLOURS, GROUP_DASHES, strict=True
    ):
        style = {"color": colour, "ls": dash, "label": printed(label)}
        drawn += axes.step(time, height, where="post", **style)
    axes.set(xscale="log", xlim=ends, ylim=limits)
    axes.xaxis.set_major_locator(FixedLocator([month for month in MONTHS if month <= last]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda month, _: f"{month:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("Months since diagnosis (log scale)")
    axes.set_ylabel("log(−log S), overall survival")
    draw_legend(axes, drawn, legend, place)
    return figure


def _limits(heights: np.ndarray) -> tuple[float, float]:
    """Choose the ends of an axis that holds all values; any where there is none."""
    low, high = (heights.min(), heights.max()) if len(heights) else (-1.0, 0.0)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


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
    variables: Mapping[str, Variable],
    *,
    width: float = PAGE,
) -> StudyFigure:
    """Draw the scaled Schoenfeld residuals of a model with a spline and its 95% band.

    Parameters
    ----------
    residuals : pandas.DataFrame
        Of one model, from `seermatch.survival.proportionality_cox.trace_residuals`. Rows of the
        kind ``residual``, each of which is a patient who died, may be left out.
    tests : pandas.DataFrame
        Of the same model: term, level, p_value, status.
    labels : tuple of str
        Label of the reference and of the exposed group.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    width : float, default 180
        Millimetres.

    Returns
    -------
    StudyFigure
        One axes per column of the model, the group first. The dashed line is the estimate under
        proportional hazards, the mean of the residuals. A line below names what is not in the
        model. A sentence where there are no residuals.

    Examples
    --------
    >>> residuals = pd.DataFrame({"term": "age", "level": "", "kind": ["constant", "residual"],
    ...     "time": [np.nan, 12], "value": 0.1, "low": np.nan, "high": np.nan})
    >>> tests = pd.DataFrame({"term": ["age"], "level": "", "p_value": 0.43, "status": "ok"})
    >>> (axes,) = draw_schoenfeld(residuals, tests, ("M0", "M0(i+)"), {}).axes
    >>> axes.get_title(loc="left").splitlines()
    ['Age', 'p = 0.430']
    >>> axes.lines[0].get_ydata().round(6).tolist()
    [0.1, 0.1]
    """
    figure = new_figure(width, width)
    missing = _missing_columns(figure, tests, labels, variables)
    if residuals.empty:
        nothing = "No term of the model has Schoenfeld residuals to draw."
        sentence = sentence_figure(f"{nothing} {missing}".strip(), width)
        sentence.full_texts = figure.full_texts
        return sentence
    columns = sorted(
        residuals.groupby(["term", "level"], sort=False), key=lambda item: item[0][0] != "group"
    )
    p_values = tests.set_index(["term", "level"])["p_value"].to_dict()
    notes = wrap_text(figure, missing, width - 2 * EDGE)
    across = max(1, min(len(columns), int(width / CELL)))
    cell, foot = (width - AXIS) / across, AXIS_BELOW + LINE * len(notes)
    titles = [
        [*_name_in(figure, column, labels, variables, cell - 3.0), state_p(p_values[column])]
        for column, _ in columns
    ]
    heads = [
        TITLE + LINE * max(max(map(len, titles[first : first + across])) - 2, 0)
        for first in range(0, len(columns), across)
    ]
    height = foot + sum(CELL - TITLE + head for head in heads)
    set_height(figure, height)
    for number, ((term, _), column) in enumerate(columns):
        row, place = divmod(number, across)
        left, above = AXIS + place * cell + TICKS, sum(heads[:row]) + row * (CELL - TITLE)
        bottom = height - above - heads[row] - CELL + TITLE + TICKS_BELOW
        right = width - left + TICKS - cell + RIGHT
        axes = add_panel(figure, left, bottom, right, above + heads[row])
        _draw_residuals(axes, column, EXPOSED if term == "group" else REFERENCE)
    ticks = _fit_ticks(figure)
    for axes, title, ((term, _), _) in zip(figure.axes, titles, columns, strict=True):
        weight = "bold" if term == "group" else "normal"
        start = (3.0 - ticks) / (cell - ticks - RIGHT)  # above the tick labels too
        style = {"fontsize": SMALL, "fontweight": weight}
        axes.set_title("\n".join(title), loc="left", x=start, pad=5, **style)
    if columns:
        style = {"ha": "center", "va": "center"}
        figure.text(0.5, (foot - 3.0) / height, "Months since diagnosis", **style)
        middle = 0.5 * (1 + foot / height)
        label = "Log hazard ratio over time"
        figure.text(2.5 / width, middle, label, rotation="vertical", **style)
    for number, note in enumerate(reversed(notes)):
        y = (0.5 + (number + 0.5) * LINE) / height
        figure.text(EDGE / width, y, note, va="center", fontsize=SMALL)
    return figure


def _name_in(figure: StudyFigure, column, labels, variables, room: float) -> list[str]:
    """Break the name of a column into lines."""
    weight = "bold" if column[0] == "group" else "normal"
    return wrap_text(figure, _name_column(figure, *column, labels, variables), room, weight=weight)


def _fit_ticks(figure: StudyFigure) -> float:
    """Widen the room for tick labels where their numbers are long; return it in millimetres."""
    labels = []
    for axes in figure.axes:
        low, high = axes.get_ylim()
        labels += [print_number(tick) for tick in axes.get_yticks() if low <= tick <= high]
    ticks = max(TICKS, widest(figure, labels) + MARK)
    for axes in figure.axes:
        box = axes.get_position()
        box.x0 += (ticks - TICKS) / (figure.get_figwidth() * MILLIMETRES)
        axes.set_position(box)
    return ticks


def _missing_columns(figure: StudyFigure, tests: pd.DataFrame, labels, variables) -> str:
    """Name the columns that have no estimate."""
    missing = tests[tests["status"].isin([ALIASED, SEPARATED])]
    names = [
        f"{_name_column(figure, row.term, row.level, labels, variables)} ({row.status})"
        for row in missing.itertuples()
    ]
    return f"Not in the model: {'; '.join(names)}." if names else ""


def _name_column(figure: StudyFigure, term: str, level: str, labels, variables) -> str:
    if term == "group":
        return f"Group: {shorten(figure, printed(labels[1]))}"
    if level:
        return describe_balance_term(term, shorten(figure, printed(level)), variables)
    return shorten(figure, describe_contrast(term, "", labels, {}, variables))


def _draw_residuals(axes: Axes, column: pd.DataFrame, colour: str) -> None:
    """Draw one column: residuals, spline with band, and the estimate under proportional hazards."""
    smooth, points, constant = (
        column[column["kind"] == kind].astype({"time": float, "value": float}) for kind in KINDS
    )
    ends = (0.0, 1.0)
    if column["time"].notna().any():
        ends = float(column["time"].min()), float(column["time"].max())
        estimate = np.full(2, constant["value"].iloc[0])
        axes.plot(ends, estimate, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=2)
    axes.plot(smooth["time"], smooth["value"], color=colour, lw=1.4, zorder=4)
    band = smooth["time"], smooth["low"].astype(float), smooth["high"].astype(float)
    axes.fill_between(*band, color=colour, alpha=0.18, lw=0, zorder=1)
    if len(points):
        place = points["time"], points["value"]
        axes.plot(*place, "o", ms=1.8, mec=GREY, mfc="none", mew=0.5, zorder=3)
    axes.set_xlim(0, ends[1] * 1.03 or 1)
    step = next((step for step in TIME_STEPS if ends[1] <= 5 * step), TIME_STEPS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(print_number))
    if smooth.empty and points.empty:
        axes.text(0.5, 0.5, "too few deaths", ha="center", transform=axes.transAxes)
