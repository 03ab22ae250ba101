"""Forest plots of Tables 3 and 4: every estimate, the kinds of model side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from seermatch.analysis.names import ALIASED, FEW_EVENTS, MODELS, NO_EVENT, SEPARATED
from seermatch.figures.style import (
    EXPOSED,
    GREY,
    INK,
    LINE,
    MILLIMETRES,
    PAGE,
    PALE,
    SMALL,
    add_panel,
    new_figure,
    ratio_axis,
    sentence_figure,
    set_height,
    styled,
)
from seermatch.figures.text import StudyFigure, shorten, text_width, widest, wrap_text
from seermatch.variables.printed import Variable, printed
from seermatch.wording.numbers import format_range, format_ratio
from seermatch.wording.terms import describe_contrast, describe_variable

TITLES = {
    "univariable": "Univariable",
    "multivariable": "Multivariable, as published",
    "recommended": "Multivariable, recommended",
}
MEASURES = {"HR": "Hazard ratio", "sHR": "Subdistribution HR"}
REFERENCE_TEXT, NOT_IN_MODEL, FIRTH, FEW = "1 (reference)", "–", "†", "‡"
NOTES = {
    NOT_IN_MODEL: "–, not in the model.",
    ALIASED: "Aliased: depends on the terms before it and has no estimate of its own.",
    SEPARATED: "Separated: no finite estimate exists.",
    FIRTH: f"{FIRTH} and open mark: Firth’s penalized estimate, no finite one exists (separation); "
    "its interval is approximate.",
    FEW: f"{FEW} Fewer than 20 events: Firth’s penalized estimate.",
    NO_EVENT: "No event: not estimable.",
}
BEYOND = "Arrows: the interval goes on."
ROW, HEADING, BOTTOM = 3.9, 5.0, 10.0  # mm: a row; the heading above; the axis below
EDGE, GAP, INDENT = 1.5, 3.0, 2.5  # mm
NAME_SHARE, NARROW = (0.24, 0.4), 120.0  # of the width, at most; mm: below it the second
LEAST = 9.0  # mm of an axis; where fewer are left, the models stand one below the other
LARGE = 1e6  # ratios from here on are printed as powers of ten
INTERVALS = 0.1, 10.0  # the axis ends here, or where the widest interval does
ESTIMATES = 0.02, 50.0  # but goes on to the estimates up to here


@dataclass(frozen=True)
class _Row:
    """A row of the plot.

    Attributes
    ----------
    lines : tuple of str
        Its name, as printed.
    kind : str
        ``"heading"`` names a factor, ``"reference"`` its reference level; else ``"estimate"``.
    term, level : str
        As in the models; the level of an estimate only.
    y : float
        Its middle, in millimetres below the titles.
    """

    lines: tuple[str, ...]
    kind: str
    term: str
    level: str
    y: float

    @property
    def height(self) -> float:
        return ROW + LINE * (len(self.lines) - 1)

    @property
    def indent(self) -> float:
        in_factor = self.kind == "reference" or self.level or self.term == "group"
        return INDENT if in_factor and self.kind != "heading" else 0.0

    @property
    def weight(self) -> str:
        return "bold" if self.term == "group" and self.kind != "reference" else "normal"


@styled
def draw_forest(
    models: pd.DataFrame,
    terms: Iterable[str],
    labels: tuple[str, str],
    reference_levels: Mapping[str, str],
    variables: Mapping[str, Variable],
    *,
    measure: str = "HR",
    width: float = PAGE,
) -> StudyFigure:
    """Draw the hazard ratios of a regression table with their 95% intervals.

    Parameters
    ----------
    models : pandas.DataFrame
        As for `seermatch.wording.study_tables.regression_table`, whose numbers stand beside the
        intervals.
    terms : iterable of str
        In the order of the table; a term that is in no model gets no row.
    labels : tuple of str
        Label of the reference and of the exposed group.
    reference_levels : mapping
        Reference level per factor.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    measure : {"HR", "sHR"}
        Hazard ratio or subdistribution hazard ratio.
    width : float, default 180
        Millimetres. Where the models have no room beside each other, they stand one below the
        other.

    Returns
    -------
    StudyFigure
        The first axes hold the names, then comes one axes per kind of model. They share a
        logarithmic scale; an interval that leaves it ends in an arrow. A separated term shows its
        Firth estimate as an open mark, an aliased one its name alone. A sentence where no term
        has an estimate.

    Examples
    --------
    >>> models = pd.DataFrame({"model": "univariable", "term": ["age", "group"], "level": "",
    ...     "hr": [1.02, 1.3], "hr_low": [1.0, 0.9], "hr_high": [1.04, 1.8], "status": "ok"})
    >>> figure = draw_forest(models, ["age", "group"], ("M0", "M0(i+)"), {}, {})
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['HR (95% CI)', '1.020 (1.000–1.040)', '1 (reference)', '1.300 (0.900–1.800)']
    """
    levels = models["level"].fillna("").astype(str).where(models["term"] != "group", "")
    models = models.assign(level=levels)
    if not np.isfinite(models["hr"]).any():
        return sentence_figure("No term has an estimate, so there is no forest plot.", width)
    limits = _limits(models)
    shown = [model for model in MODELS if (models["model"] == model).any()]
    cells = {(row.model, row.term, row.level): row for row in models.itertuples()}
    figure = new_figure(width, width)
    rows = _rows(models, terms, (labels, reference_levels, variables), figure)
    text = widest(figure, [_print_cell(cell) for cell in cells.values()], weight="bold") + 2 * EDGE
    names = [
        row.indent + text_width(figure, line, weight=row.weight)
        for row in rows
        for line in row.lines
    ]
    left = EDGE + max(names) + GAP
    across = min(max(int((width - left) / (text + LEAST)), 1), len(shown))
    each = (width - left) / across
    titles = [wrap_text(figure, TITLES[model], each - GAP, weight="bold") for model in shown]
    top = LINE * max(map(len, titles))
    notes = wrap_text(figure, _notes(cells, rows, shown, limits), width - 2 * EDGE)
    block = top + rows[-1].y + rows[-1].height / 2 + 0.8 + BOTTOM
    down, foot = -(-len(shown) // across), LINE * len(notes)
    set_height(figure, down * block + foot)
    for number, (model, title) in enumerate(zip(shown, titles, strict=True)):
        row, column = divmod(number, across)
        above, below = row * block, (down - 1 - row) * block + foot
        if column == 0:
            last = row == down - 1
            _draw_names(figure, rows, notes * last, top, above, below - foot * last)
        start = left + column * each
        right = width - start - each + text
        axes = add_panel(figure, start, below + BOTTOM, right, above + top + HEADING)
        axes.set_ylim(block - BOTTOM - top, HEADING)
        ratio_axis(axes, *limits)
        _dress_panel(axes, title, measure)
        by_term = {(term, level): cell for (m, term, level), cell in cells.items() if m == model}
        _draw_model(axes, rows, by_term)
    return figure


def _limits(models: pd.DataFrame) -> tuple[float, float]:
    """Choose the ends of the axis: all estimates, and the intervals within reason."""
    numbers = models[["hr", "hr_low", "hr_high"]].to_numpy(dtype=float)
    numbers = numbers[np.isfinite(numbers[:, 0])]
    estimate = np.clip(numbers[:, 0], *ESTIMATES)
    lows, highs = (ends[~np.isnan(ends)] for ends in (numbers[:, 1], numbers[:, 2]))
    low = min(estimate.min() / 1.3, max(lows.min(initial=1.0), INTERVALS[0]))
    high = max(estimate.max() * 1.3, min(highs.max(initial=1.0), INTERVALS[1]))
    return min(low, 0.8), max(high, 1.25)


# ----- rows --------------------------------------------------------------------------------------


def _rows(models, terms: Iterable[str], words, figure: StudyFigure) -> list[_Row]:
    """List the rows from top to bottom: a factor's name, its reference level, its other levels."""

    def name_level(level: str) -> str:
        return shorten(figure, printed(level))

    labels, reference_levels, variables = words
    found = []
    for variable in terms:
        levels = models.loc[models["term"] == variable, "level"].unique()
        if len(levels) == 0:
            continue
        reference = labels[0] if variable == "group" else reference_levels.get(variable, "")
        if variable != "group" and not any(levels):
            name = shorten(figure, describe_contrast(variable, "", *words))
            found.append((name, "estimate", variable, ""))
            continue
        found.append(
            (shorten(figure, describe_variable(variable, variables)), "heading", variable, "")
        )
        found.append((name_level(reference), "reference", variable, ""))
        for level in levels:
            found.append((name_level(level or labels[1]), "estimate", variable, level))
    rows, top = [], HEADING
    width = figure.get_figwidth() * MILLIMETRES
    room = (NAME_SHARE[1] if width < NARROW else NAME_SHARE[0]) * width
    for name, kind, term, level in found:
        row = _Row((), kind, term, level, 0.0)
        lines = wrap_text(figure, name, room - row.indent, weight=row.weight) or [""]
        row = _Row(tuple(lines), kind, term, level, 0.0)
        rows.append(_Row(tuple(lines), kind, term, level, top + row.height / 2))
        top += row.height
    return rows


def _draw_names(
    figure: StudyFigure, rows: list[_Row], notes: list[str], top: float, above: float, below: float
) -> None:
    """Write the names at the left and the notes at the foot, and shade the rows of the group."""
    width, height = figure.get_size_inches() * MILLIMETRES
    height -= above + below
    sheet = add_panel(figure, 0, below, 0, above, zorder=-1)
    sheet.set(xlim=(0, width), ylim=(height - top, -top))
    sheet.axis("off")
    for row in rows:
        if row.term == "group":
            ends = row.y - row.height / 2, row.y + row.height / 2
            sheet.axhspan(*ends, color=PALE, lw=0)
        for number, line in enumerate(row.lines):
            y = row.y + LINE * (number - (len(row.lines) - 1) / 2)
            style = {"va": "center", "fontsize": SMALL, "fontweight": row.weight}
            sheet.text(EDGE + row.indent, y, line, **style)
    for number, note in enumerate(reversed(notes)):
        sheet.text(
            EDGE, height - top - LINE * (number + 0.5) - 0.5, note, va="center", fontsize=SMALL
        )


# ----- estimates ---------------------------------------------------------------------------------


def _print_cell(cell) -> str:
    """Print an estimate with its interval as in the table; a mark for Firth's."""
    if cell.status == ALIASED or np.isnan(cell.hr):
        return cell.status
    mark = {SEPARATED: FIRTH, FEW_EVENTS: FEW}.get(cell.status, "")
    interval = format_range(cell.hr_low, cell.hr_high)
    if LARGE <= max(cell.hr, cell.hr_high) < np.inf:
        interval = f"{_short_ratio(cell.hr_low)}–{_short_ratio(cell.hr_high)}"
    return f"{_short_ratio(cell.hr)}{mark} ({interval})"


def _short_ratio(ratio: float) -> str:
    return format_ratio(ratio) if ratio < LARGE else f"{ratio:.0e}".replace("inf", "∞")


def _notes(cells: Mapping, rows: list[_Row], shown: list[str], limits: tuple) -> str:
    """Explain the marks that occur."""
    estimates = [row for row in rows if row.kind == "estimate"]
    found = [cells.get((model, row.term, row.level)) for model in shown for row in estimates]
    texts = [_print_cell(cell) if cell else NOT_IN_MODEL for cell in found]
    marked = (FIRTH, FEW)
    marks = {m for text in texts for m in NOTES if m == text or (m in marked and m in text)}
    notes = [note for mark, note in NOTES.items() if mark in marks]
    cells = [cell for cell in found if cell]
    if any(cell.hr_low < limits[0] / 1.04 or cell.hr_high > limits[1] * 1.04 for cell in cells):
        notes.append(BEYOND)
    return " ".join(notes)


def _dress_panel(axes: Axes, title: list[str], measure: str) -> None:
    """Write the headings of a panel, and draw the line of no effect."""
    axes.patch.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.axvline(1, color=GREY, lw=0.8, zorder=0)
    axes.set_xlabel(MEASURES[measure], labelpad=2)
    axes.set_title("\n".join(title), loc="left", fontsize=SMALL, fontweight="bold", pad=11)
    _write(axes, HEADING - 1.5, f"{measure} (95% CI)", "normal")


def _write(axes: Axes, y: float, text: str, weight: str) -> None:
    """Write a text at the right of a panel."""
    place = {"xy": (1, y), "xycoords": axes.get_yaxis_transform()}
    place |= {"xytext": (EDGE / MILLIMETRES * 72, 0), "textcoords": "offset points"}
    axes.annotate(text, va="center", fontsize=SMALL, fontweight=weight, **place)


def _draw_model(axes: Axes, rows: list[_Row], cells: Mapping) -> None:
    """Draw and print the estimates of one kind of model."""
    estimated = {term for (term, _), cell in cells.items() if not np.isnan(cell.hr)}
    for row in rows:
        if row.kind == "reference" and row.term in estimated:
            axes.plot(1, row.y, "s", ms=2.4, color=GREY, mew=0)
            _write(axes, row.y, REFERENCE_TEXT, "normal")
        if row.kind == "estimate":
            cell = cells.get((row.term, row.level))
            _write(axes, row.y, _print_cell(cell) if cell else NOT_IN_MODEL, row.weight)
            if cell and not np.isnan(cell.hr):
                _draw_estimate(axes, row, cell)


def _draw_estimate(axes: Axes, row: _Row, cell) -> None:
    """Draw a point with its interval, which ends in an arrow where it leaves the axis."""
    colour = EXPOSED if row.term == "group" else INK
    face = "white" if cell.status == SEPARATED else colour
    left, right = axes.get_xlim()
    ends = max(cell.hr_low, left), min(cell.hr_high, right)
    axes.plot(ends, (row.y, row.y), color=colour, lw=1.0, solid_capstyle="butt")
    arrows = ((left, "<", cell.hr_low < left), (right, ">", cell.hr_high > right))
    for end, arrow, beyond in arrows:
        if beyond:
            axes.plot(end, row.y, arrow, ms=3.2, color=colour, clip_on=False)
    if left <= cell.hr <= right:
        mark = "D" if row.term == "group" else "s"
        axes.plot(cell.hr, row.y, mark, ms=3.6, mec=colour, mfc=face, mew=0.9, zorder=3)
