"""Figures of the sensitivity analyses: what is drawn, and where."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from paper_words import CANCER, VARIABLES
from seermatch.analysis.group_effect import OUTCOMES
from seermatch.figures.sensitivity import draw_matching_stability, draw_specification_curve
from seermatch.figures.style import figure_bytes
from seermatch.report.inline_svg import sentence_of


def repeats(n=201):
    rng = np.random.default_rng(1)
    ratios = np.exp(rng.normal(0.1, 0.1, (n, 2)))
    return pd.DataFrame({"seed": range(n), "os_hr": ratios[:, 0], "cancer_hr": ratios[:, 1]})


def test_histograms_hold_every_repetition_and_mark_the_main_one():
    frame = repeats()
    frame.loc[5, "cancer_hr"] = np.nan
    figure = draw_matching_stability(frame, CANCER)
    for axes, name, n in zip(figure.axes, ("os_hr", "cancer_hr"), (200, 199), strict=True):
        assert sum(bar.get_height() for bar in axes.patches[:25]) == n
        assert axes.lines[-1].get_xdata()[0] == frame[name].iloc[0]
        low, high = axes.get_xlim()
        assert low < frame[name].min() and frame[name].max() < high and low < 1 < high
    assert figure_bytes(figure) == figure_bytes(draw_matching_stability(frame, CANCER))


def test_a_sentence_stands_where_there_is_nothing_to_draw():
    frame = repeats(3)
    frame[["os_hr", "cancer_hr"]] = np.nan
    figures = (
        draw_matching_stability(frame, CANCER),
        draw_specification_curve(table(np.nan), VARIABLES, CANCER),
    )
    for figure, sentence in zip(figures, ("No match gave", "No analysis gave"), strict=True):
        assert figure.axes == []
        assert sentence in sentence_of(figure_bytes(figure))
        assert figure_bytes(figure, "pdf") and figure_bytes(figure, "png")


def table(factor=1.0):
    rows = [
        (analysis, outcome, variance, hr * factor, hr * factor / 2, hr * factor * 2)
        for outcome in OUTCOMES
        for analysis, variance, hr in (
            ("main", "clustered by matched set", 1.2),
            ("ratio 1", "clustered by matched set", 1.4),
            ("weighted, ATT", "robust by patient", 1.1),
        )
    ]
    names = ["analysis", "outcome", "variance", "hr", "hr_low", "hr_high"]
    return pd.DataFrame(rows, columns=names)


def test_analyses_are_sorted_by_overall_survival():
    figure = draw_specification_curve(table(), VARIABLES, CANCER)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["weighted, ATT", "main", "ratio 1"]
    assert len(figure.axes) == 3
    for axes in figure.axes:
        points = [line.get_xdata()[0] for line in axes.lines[:3]]
        assert points == pytest.approx([1.1, 1.2, 1.4])
        assert axes.lines[0].get_markerfacecolor() == "white"


def test_missing_and_boundless_estimates():
    frame = table()
    last = frame["outcome"] == "other death (cause-specific Cox)"
    frame.loc[last, ["hr", "hr_low", "hr_high"]] = np.nan
    frame.loc[1, ["hr_low", "hr_high"]] = [1e-9, 1e12]
    figure = draw_specification_curve(frame, VARIABLES, CANCER)
    low, high = figure.axes[0].get_xlim()
    assert low > 0.04 and high < 21
    assert len(figure_bytes(figure, "svg")) > 1000


@pytest.mark.parametrize(("column", "page"), [(75, 170), (85, 180), (120, 230)])
def test_texts_are_inside_and_legible(column, page):
    for figure in (
        draw_matching_stability(repeats(), CANCER, width=column),
        draw_specification_curve(table(), VARIABLES, CANCER, width=page),
    ):
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0) >= -1e-9
        assert box.x1 <= width + 1e-9 and box.y1 <= height + 1e-9
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 6
