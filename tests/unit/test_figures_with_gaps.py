"""Figures of tables with gaps: released steps, missing bands, bins and seeds, and many marks."""

import numpy as np
import pandas as pd
import pytest
from drawn_figures import CURVES, GROUP, MARKS, in_steps, problems
from paper_words import CANCER, VARIABLES
from seermatch.disclosure.score_overlap import score_overlap
from seermatch.figures.curves import draw_cumulative_incidence, draw_survival_curves
from seermatch.figures.diagnostics import draw_log_log, draw_score_overlap
from seermatch.figures.legend import ABOVE, Legend, free_place
from seermatch.figures.love_plot import draw_love_plot
from seermatch.figures.sensitivity import draw_matching_stability

LABELS = ("M0", "M0(i+)")
P = pd.DataFrame({"cause": ["other death"], "p_value": [0.03]})


@pytest.mark.parametrize("course", CURVES)
def test_curves_are_steps_of_the_rows_given(course):
    curves = in_steps(CURVES[course])
    figure = draw_survival_curves(curves, P, MARKS, LABELS)
    assert problems(figure) == []
    for group, line in enumerate(figure.axes[0].lines[:2]):
        rows = curves[curves["group"] == group]
        assert line.get_xdata().tolist() == [0, *rows["time"]]
        assert line.get_ydata().tolist() == [1, *rows["survival"]]
    assert problems(draw_log_log(curves, LABELS, 0.5)) == []


@pytest.mark.parametrize("course", CURVES)
def test_legends_are_in_a_free_corner_or_above(course):
    figure = draw_survival_curves(CURVES[course], P, MARKS, LABELS, test="Score test " * 6)
    assert problems(figure) == []
    legend = figure.axes[0].get_legend().get_window_extent()
    inside = figure.axes[0].bbox
    assert legend.x1 <= inside.x1 and (legend.y0 >= inside.y1 or legend.y1 <= inside.y1)


def test_a_corner_is_free_where_no_step_passes_it():
    legend = Legend("", ("M0",), 30, 20)  # half of the width, two fifths of the height
    start = np.array([0.0, 0.6])
    ends = np.array([0.9, 0.1])
    places = ["lower left", "upper right", "upper left", "lower right"]
    assert free_place(legend, [(start, ends, ends)], (60, 50), places) == "lower left"
    # the step down at 0.6 is in the way at the right, the first one at the upper left
    assert free_place(legend, [(start, ends, ends)], (60, 50), places[1:]) == ABOVE
    late = np.array([0.7]), np.array([0.9]), np.array([0.9])
    assert free_place(legend, [late], (60, 50), ["upper right", "lower right"]) == "lower right"
    assert free_place(legend, [late], (60, 50), ["upper left"]) == "upper left"
    gap = np.array([0.0]), np.array([np.nan]), np.array([np.nan])
    assert free_place(legend, [gap], (60, 50), places) == "lower left"
    assert free_place(Legend("", ("M0",), 61, 5), [gap], (60, 50), places) == ABOVE


def test_curves_without_bands():
    curves = CURVES["nearly all"].assign(conf_low=np.nan, conf_high=np.nan)
    figure = draw_survival_curves(curves, P, MARKS, LABELS)
    assert problems(figure) == [] and figure.axes[0].get_ylim()[0] == 0
    rows = curves.assign(cause="other death", incidence=1 - curves["survival"])
    figure = draw_cumulative_incidence(rows, P, MARKS, LABELS, causes=["other death"])
    assert problems(figure) == [] and figure.axes[0].get_ylim() == (0, 1)


@pytest.mark.parametrize("step", [1, 3, 7])
def test_numbers_at_risk_that_have_no_room_are_left_out_with_their_ticks(step):
    marks = list(range(0, 60, step))
    curves = CURVES["half died"].assign(n_at_risk=1_234_567)
    figure = draw_survival_curves(curves, P, marks, LABELS)
    assert problems(figure) == []
    panel, table = figure.axes
    shown = panel.get_xticks().tolist()
    assert shown[0] == 0 and set(shown) < set(marks) and len(shown) >= 4
    assert [text.get_text() for text in table.texts].count("1,234,567") == 2 * len(shown)


def test_scores_of_a_group_may_be_missing():
    scores = np.random.default_rng(5).normal(-6 + 0.3 * GROUP, 0.4)
    overlap = score_overlap(scores, GROUP, GROUP + 0.5 * (GROUP == 0))
    lost = overlap.drop(overlap.index[(overlap["group"] == 1) & (overlap["population"] == "after")])
    figure = draw_score_overlap(lost, LABELS)
    assert problems(figure) == []
    assert figure.axes[1].texts[1].get_text() == "M0(i+) (n = masked)"
    assert len(figure.axes[1].collections) == 1
    hidden = overlap.assign(share=overlap["share"].where(overlap["share"] > 0.02))
    assert problems(draw_score_overlap(hidden, LABELS)) == []


def test_seeds_without_an_estimate():
    repeats = pd.DataFrame({"seed": range(6), "os_hr": [1.1, 0.9, np.nan, 1.2, 1.3, 1.0]})
    figure = draw_matching_stability(repeats.assign(cancer_hr=np.nan), CANCER)
    assert problems(figure) == []
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[1] == "Main not estimable\nno other seed gave one"
    alone = draw_matching_stability(repeats.iloc[:1].assign(cancer_hr=1.3), CANCER)
    assert alone.axes[0].get_title(loc="left") == "Main 1.10\nno other seed gave one"


def test_balance_that_cannot_be_computed():
    balance = pd.DataFrame({"term": ["distance", "age"], "level": "", "smd_before": np.nan})
    figure = draw_love_plot(balance.assign(smd_after=[np.inf, np.nan]), VARIABLES)
    assert problems(figure) == []
    assert figure.axes[0].get_xlim()[1] == pytest.approx(0.105)
