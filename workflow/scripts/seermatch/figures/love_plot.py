"""Figure 2: balance before and after matching."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from seermatch.figures.style import (
    AFTER,
    COLUMN,
    GREY,
    INK,
    add_panel,
    new_figure,
    place_rows,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, widest, wrap_text
from seermatch.settings.study import Balance
from seermatch.variables.printed import Variable, printed
from seermatch.wording.terms import describe_balance_term

NAMES, PITCH = 0.45, 4.4  # share of the width that names may take; mm from row to row


@styled
def draw_love_plot(
    balance: pd.DataFrame,
    variables: Mapping[str, Variable],
    threshold: float = Balance().threshold,
    width: float = COLUMN,
) -> StudyFigure:
    """Draw Figure 2: absolute standardized mean differences before and after matching.

    Parameters
    ----------
    balance : pandas.DataFrame
        Rows of ``results/balance.tsv``: term, level, smd_before, smd_after, in the order to show.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    threshold : float, optional
        Where the dashed line stands.
    width : float, default 85
        Millimetres.

    Returns
    -------
    StudyFigure
        The first line drawn holds the values before, the second those after.

    Examples
    --------
    >>> balance = pd.DataFrame({"term": ["distance", "age"], "level": "",
    ...                         "smd_before": [0.178, -0.132], "smd_after": [0.0, 0.01]})
    >>> figure = draw_love_plot(balance, {})
    >>> figure.axes[0].lines[0].get_xdata().tolist()
    [0.178, 0.132]
    """
    before = balance["smd_before"].abs().to_numpy(dtype=float)
    after = balance["smd_after"].abs().to_numpy(dtype=float)
    figure = new_figure(width, width)
    names = [
        wrap_text(figure, describe_balance_term(row.term, level, variables), NAMES * width)
        for row in balance.itertuples()
        for level in [shorten(figure, printed(row.level)) if isinstance(row.level, str) else ""]
    ]
    rows, high = place_rows(names, PITCH)
    set_height(figure, 17 + PITCH * high)
    left = widest(figure, [line for lines in names for line in lines]) + 3.0
    axes = add_panel(figure, left, 10, 3, 6)
    points = {"ls": "", "marker": "o", "ms": 4.2, "mew": 1.1, "clip_on": False}
    axes.plot(before, rows, mfc="none", mec=GREY, zorder=4, label="Before", **points)
    axes.plot(after, rows, color=AFTER, zorder=3, label="After matching", **points)
    axes.hlines(rows, before, after, color=GREY, lw=0.6, zorder=2)
    axes.axvline(
        threshold, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1, label=f"Threshold {threshold:g}"
    )
    shown = np.concatenate([before, after, [threshold]])
    axes.set(xlim=(0, 1.05 * shown[np.isfinite(shown)].max()), ylim=(high - 0.4, -0.6))
    axes.set_yticks(rows, ["\n".join(lines) for lines in names])
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
