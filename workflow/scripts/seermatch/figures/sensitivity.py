"""Figures of the sensitivity analyses: the spread over tie seeds and the specification curve."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seermatch.analysis.group_effect import OUTCOMES
from seermatch.analysis.names import FULL_COHORT, WEIGHTED
from seermatch.analysis.stability import stability_range
from seermatch.figures.style import (
    COLUMN,
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
    ratio_axis,
    sentence_figure,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, widest, wrap_text
from seermatch.variables.printed import Variable
from seermatch.wording.numbers import capitalize
from seermatch.wording.terms import name_analysis

RATIOS = {"os_hr": "Overall survival, HR", "cancer_hr": "{} death, subdistribution HR"}
CURVES = tuple(list(OUTCOMES)[i] for i in (0, 1, 3))
WHOLE_COHORT = (*WEIGHTED.values(), FULL_COHORT)
KINDS = {"matched": REFERENCE, "whole cohort": "white"}
PITCH, ABOVE, BELOW, BETWEEN, RIGHT = 4.6, 9.0, 11.0, 5.0, 3.0  # mm: a row; around a panel
NAMES, LEAST = 0.35, 30.0  # of the width, at most; mm of a panel beside others
KEY = 22.0  # mm of the legend below the names
TITLES = (
    "Overall survival\n(Cox)",
    "{} death\n(Fine–Gray)",
    "Other death\n(cause-specific Cox)",
)


@styled
def draw_matching_stability(
    repeats: pd.DataFrame, cancer: str, *, width: float = COLUMN
) -> StudyFigure:
    """Draw the hazard ratios over the tie seeds, with the main result marked.

    Parameters
    ----------
    repeats : pandas.DataFrame
        Rows of ``results/matching_stability.tsv``: os_hr and cancer_hr, the main match first.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.
    width : float, default 85
        Millimetres.

    Returns
    -------
    StudyFigure
        One axes per hazard ratio; a sentence where no seed gave one.

    Examples
    --------
    >>> repeats = pd.DataFrame({"seed": range(5), "os_hr": [1.1, 0.9, 1.0, 1.2, 1.3],
    ...     "cancer_hr": [1.3, 1.1, 1.5, 1.4, 1.2]})
    >>> [axes.get_xlabel() for axes in draw_matching_stability(repeats, "lung cancer").axes]
    ['Overall survival, HR', 'Lung cancer death, subdistribution HR']
    """
    ratios = repeats[list(RATIOS)].to_numpy(dtype=np.float64)
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    if len(ratios) == 0:
        return sentence_figure("No match gave a hazard ratio to draw.", width)
    low, high = min(ratios.min(), 1.0), max(ratios.max(), 1.0)
    edges = np.exp(np.linspace(np.log(low) - 0.02, np.log(high) + 0.02, 26))
    spread = stability_range(repeats).set_index("quantity")
    figure = new_figure(width, width)
    titles = [
        [
            line
            for text in _say_spread(spread.loc[name])
            for line in wrap_text(figure, text, width - 16, SIZE)
        ]
        for name in RATIOS
    ]
    above = 9 + LINE * (max(map(len, titles)) - 2)
    set_height(figure, 63 + 2 * above)
    for row, (name, label) in enumerate(RATIOS.items()):
        bottom = 10 + (31 + above) * (1 - row)
        axes = add_panel(figure, 13, bottom, 3, above + (31 + above) * row)
        axes.hist(repeats[name].iloc[1:].dropna(), bins=edges, color="#a9bccb", ec="white", lw=0.4)
        axes.yaxis.get_major_locator().set_params(integer=True)  # counts
        axes.set_ylim(0, max(axes.get_ylim()[1], 1))
        here = spread.loc[name]
        if np.isfinite(here["low"]):
            axes.axvspan(here["low"], here["high"], color=GREY, alpha=0.12, lw=0)
        axes.axvline(1, color=INK, lw=0.8, ls=(0, (4, 2)))
        if np.isfinite(here["main"]):
            axes.axvline(here["main"], color=EXPOSED, lw=1.6)
        ratio_axis(axes, low, high)
        axes.set(xlabel=label.format(capitalize(cancer)), ylabel="Matches")
        axes.set_title("\n".join(titles[row]), loc="left")
    return figure


def _say_spread(here: pd.Series) -> tuple[str, str]:
    """Say the main result, and where the middle 95% of the seeds lie."""
    missing = here[["main", "low"]].isna()
    main = "Main not estimable" if missing["main"] else f"Main {here['main']:.2f}"
    share = "" if missing.any() else f", above {here['share_below']:.0%} of the seeds"
    middle = f"middle 95% of the seeds {here['low']:.2f}–{here['high']:.2f}"
    return main + share, "no other seed gave one" if missing["low"] else middle


@styled
def draw_specification_curve(
    table: pd.DataFrame,
    variables: Mapping[str, Variable],
    cancer: str,
    *,
    width: float = PAGE,
) -> StudyFigure:
    """Draw the hazard ratios of all analyses with 95% intervals, in the order of overall survival.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``, the main analysis first.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    cancer : str
        The cancer in words, such as ``"lung cancer"``.
    width : float, default 180
        Millimetres.

    Returns
    -------
    StudyFigure
        One axes per outcome: overall survival, cancer death (Fine-Gray) and, as negative
        control, other death (cause-specific Cox). A sentence where no analysis gave a hazard ratio.

    Examples
    --------
    >>> rows = [(analysis, outcome, variance, 1.1, 0.8, 1.5) for outcome in OUTCOMES
    ...     for analysis, variance in (("main", "clustered"), ("weighted, ATT", "robust"))]
    >>> names = ["analysis", "outcome", "variance", "hr", "hr_low", "hr_high"]
    >>> figure = draw_specification_curve(pd.DataFrame(rows, columns=names), {}, "lung cancer")
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
    figure = new_figure(width, width)
    spell = partial(name_analysis, variables=variables, cancer=cancer)
    weights = ["bold" if name == main else "normal" for name in names]
    lines = [
        wrap_text(figure, shorten(figure, spell(name)), NAMES * width, weight=weight)
        for name, weight in zip(names, weights, strict=True)
    ]
    rows, high_of_rows = place_rows(lines, PITCH)
    left = 4.0 + max(
        KEY,
        *(widest(figure, text, weight=weight) for text, weight in zip(lines, weights, strict=True)),
    )
    across = 3 if (width - left - RIGHT - 2 * BETWEEN) / 3 >= LEAST else 1
    each = (width - left - RIGHT - (across - 1) * BETWEEN) / across
    down = 3 // across
    block = ABOVE + BELOW + 2 + PITCH * high_of_rows
    set_height(figure, down * block)
    for number, (part, title) in enumerate(zip(parts, TITLES, strict=True)):
        row, column = divmod(number, across)
        start = left + column * (each + BETWEEN)
        below = BELOW + (down - 1 - row) * block
        axes = add_panel(figure, start, below, width - start - each, ABOVE + row * block)
        _draw_intervals(axes, rows, part.loc[names], main)
        ratio_axis(axes, low, high)
        axes.set_ylim(high_of_rows - 0.4, -0.6)
        axes.set_yticks(rows, ["\n".join(text) if column == 0 else "" for text in lines])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Hazard ratio (95% CI)")
        axes.set_title(title.format(capitalize(cancer)), loc="left")
        axes.spines["left"].set_visible(False)
        for label, weight in zip(axes.get_yticklabels(), weights, strict=True):
            label.set_fontweight(weight)
    kinds = [
        Line2D([], [], ls="", marker="o", ms=4, mec=REFERENCE, mfc=face, label=kind)
        for kind, face in KINDS.items()
    ]
    figure.legend(handles=kinds, loc="lower left", handletextpad=0.2, borderaxespad=0.3)
    return figure


def _draw_intervals(axes: Axes, rows: np.ndarray, part: pd.DataFrame, main: str) -> None:
    """Draw one outcome's column: matched filled, others open, the main one coloured."""
    for row, (name, analysis) in zip(rows, part.iterrows(), strict=True):
        colour = EXPOSED if name == main else REFERENCE
        face = "white" if name in WHOLE_COHORT else colour
        if np.isfinite(analysis["hr"]):
            axes.hlines(row, analysis["hr_low"], analysis["hr_high"], color=colour, lw=1.0)
            axes.plot(analysis["hr"], row, "o", ms=4, mec=colour, mfc=face, mew=1.0)
    axes.axvline(1, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=0)
    axes.axvline(part.loc[main, "hr"], color=EXPOSED, lw=0.6, alpha=0.5, zorder=0)
    axes.grid(axis="y", lw=0.4, color="#e6e6e6")
    axes.set_axisbelow(True)
