"""Figures of the sensitivity analyses: the spread over tie seeds and the specification curve."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seermatch.figure_style import (
    COLUMN,
    EXPOSED,
    GREY,
    INK,
    PAGE,
    REFERENCE,
    add_panel,
    new_figure,
    ratio_axis,
    sentence_figure,
    styled,
    text_width,
)
from seermatch.group_effect import OUTCOMES
from seermatch.stability import stability_range

RATIOS = {"os_hr": "Overall survival, HR", "bcsm_hr": "Breast cancer death, subdistribution HR"}
CURVES = tuple(list(OUTCOMES)[i] for i in (0, 1, 3))
WHOLE_COHORT = ("weighted", "full cohort")  # how the names of these analyses begin
TITLES = (
    "Overall survival\n(Cox)",
    "Breast cancer death\n(Fine–Gray)",
    "Other death\n(cause-specific Cox)",
)


@styled
def draw_matching_stability(repeats: pd.DataFrame, width: float = COLUMN) -> Figure:
    """Draw the hazard ratios over the tie seeds, with the main result marked.

    Parameters
    ----------
    repeats : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``: os_hr and bcsm_hr, the main match first.
    width : float, default 85
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        One axes for each of both hazard ratios; a sentence where no seed gave one.

    Examples
    --------
    >>> repeats = pd.DataFrame({"seed": range(5), "os_hr": [1.1, 0.9, 1.0, 1.2, 1.3],
    ...     "bcsm_hr": [1.3, 1.1, 1.5, 1.4, 1.2]})
    >>> [axes.get_xlabel() for axes in draw_matching_stability(repeats).axes]
    ['Overall survival, HR', 'Breast cancer death, subdistribution HR']
    """
    ratios = repeats[list(RATIOS)].to_numpy(dtype=np.float64)
    if not np.isfinite(ratios).any():
        return sentence_figure("No match gave a hazard ratio to draw.", width)
    low, high = min(np.nanmin(ratios), 1.0), max(np.nanmax(ratios), 1.0)
    edges = np.exp(np.linspace(np.log(low) - 0.02, np.log(high) + 0.02, 26))
    spread = stability_range(repeats).set_index("quantity")
    figure = new_figure(width, 81)
    for row, (name, label) in enumerate(RATIOS.items()):
        axes = add_panel(figure, 13, 50 - 40 * row, 3, 9 + 40 * row)
        axes.hist(repeats[name].iloc[1:].dropna(), bins=edges, color="#a9bccb", ec="white", lw=0.4)
        here = spread.loc[name]
        if np.isfinite(here["low"]):
            axes.axvspan(here["low"], here["high"], color=GREY, alpha=0.12, lw=0)
        axes.axvline(1, color=INK, lw=0.8, ls=(0, (4, 2)))
        if np.isfinite(here["main"]):
            axes.axvline(here["main"], color=EXPOSED, lw=1.6)
        ratio_axis(axes, low, high)
        axes.set(xlabel=label, ylabel="Matches")
        axes.set_title(_spread_in_words(here), loc="left")
    return figure


def _spread_in_words(spread: pd.Series) -> str:
    """Say where the main match lies and how far the others reach, as far as is estimable."""
    main, middle = "Main match not estimable", "no seed with an estimate"
    if np.isfinite(spread["main"]):
        main = f"Main {spread['main']:.2f}"
        if np.isfinite(spread["share_below"]):
            main += f", above {spread['share_below']:.0%} of the seeds"
    if np.isfinite(spread["low"]):
        middle = f"middle 95% of the seeds {spread['low']:.2f}–{spread['high']:.2f}"
    return f"{main}\n{middle}"


@styled
def draw_specification_curve(table: pd.DataFrame, width: float = PAGE) -> Figure:
    """Draw every analysis' hazard ratios with 95% intervals, sorted by that of overall survival.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``, the main analysis first.
    width : float, default 180
        Millimetres.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per outcome: overall survival, breast cancer death (Fine-Gray) and, as negative
        control, other death (cause-specific Cox). A sentence where no analysis gave a hazard ratio.

    Examples
    --------
    >>> rows = [(analysis, outcome, variance, 1.1, 0.8, 1.5) for outcome in OUTCOMES
    ...     for analysis, variance in (("main", "clustered"), ("weighted, ATT", "robust"))]
    >>> names = ["analysis", "outcome", "variance", "hr", "hr_low", "hr_high"]
    >>> figure = draw_specification_curve(pd.DataFrame(rows, columns=names))
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['main', 'weighted, ATT']
    """
    parts = [table[table["outcome"] == outcome].set_index("analysis") for outcome in CURVES]
    names = parts[0].sort_values("hr", kind="stable").index
    main = table["analysis"].iloc[0]
    shown = table[table["outcome"].isin(CURVES)][["hr_low", "hr_high"]].to_numpy(dtype=np.float64)
    shown = shown[np.isfinite(shown) & (shown > 0)]
    if len(shown) == 0:
        return sentence_figure("No analysis gave a hazard ratio to draw.", width)
    low, high = max(shown.min(), 1 / 20), min(shown.max(), 20)
    figure = new_figure(width, 22 + 4.6 * len(names))
    left = max(text_width(figure, name) for name in names) + 4.0
    each = (width - left - 3 - 2 * 5) / 3
    for column, (part, title) in enumerate(zip(parts, TITLES, strict=True)):
        start = left + column * (each + 5)
        axes = add_panel(figure, start, 11, width - start - each, 9)
        _draw_intervals(axes, part.loc[names], main)
        ratio_axis(axes, low, high)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), names if column == 0 else [""] * len(names))
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Hazard ratio (95% CI)")
        axes.set_title(title, loc="left")
        axes.spines["left"].set_visible(False)
    for label in figure.axes[0].get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == main else "normal")
    kinds = [
        Line2D([], [], ls="", marker="o", ms=4, mec=REFERENCE, mfc=face, label=kind)
        for kind, face in (("matched", REFERENCE), ("whole cohort", "white"))
    ]
    figure.legend(handles=kinds, loc="lower left", handletextpad=0.2, borderaxespad=0.3)
    return figure


def _draw_intervals(axes: Axes, part: pd.DataFrame, main: str) -> None:
    """Draw one outcome's column: matched filled, others open, the main one coloured."""
    for row, (name, analysis) in enumerate(part.iterrows()):
        colour = EXPOSED if name == main else REFERENCE
        face = "white" if name.startswith(WHOLE_COHORT) else colour
        if np.isfinite(analysis["hr"]):
            axes.hlines(row, analysis["hr_low"], analysis["hr_high"], color=colour, lw=1.0)
            axes.plot(analysis["hr"], row, "o", ms=4, mec=colour, mfc=face, mew=1.0)
    axes.axvline(1, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=0)
    axes.axvline(part.loc[main, "hr"], color=EXPOSED, lw=0.6, alpha=0.5, zorder=0)
    axes.grid(axis="y", lw=0.4, color="#e6e6e6")
    axes.set_axisbelow(True)
