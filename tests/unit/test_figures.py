"""Figures: what is drawn equals the data, text stays text, and bytes do not change."""

import xml.etree.ElementTree as ElementTree
from io import BytesIO
from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
import pytest
import seaborn
from matplotlib.text import Text
from paper_words import VARIABLES
from PIL import Image
from seermatch.analysis.outcomes import COUNTS
from seermatch.errors import StudyError
from seermatch.figures.curves import (
    draw_cumulative_incidence,
    draw_survival_curves,
)
from seermatch.figures.flow_chart import draw_flow_chart
from seermatch.figures.love_plot import draw_love_plot
from seermatch.figures.style import (
    AFTER,
    COLUMN,
    EXPOSED,
    GROUP_COLOURS,
    PAGE,
    REFERENCE,
    STYLE,
    add_panel,
    figure_bytes,
    new_figure,
    ratio_axis,
)
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import kaplan_meier

LABELS = ("M0", "M0(i+)")
MARKS = [0, 12, 24, 36, 48, 60]
CAUSES = ("cancer death", "other death")


@pytest.mark.parametrize("width", [25, 30, 60, 90])
@pytest.mark.parametrize("low", [0.05, 0.2, 0.5, 0.85])
@pytest.mark.parametrize("high", [1.2, 2, 4.7, 20])
def test_ticks_of_ratios_are_in_range_and_apart(low, high, width):
    with matplotlib.rc_context(STYLE):
        figure = new_figure(width + 12, 40)
        axes = add_panel(figure, 6, 10, 6, 5)
        ratio_axis(axes, low, high)
        figure.draw_without_rendering()
    ticks = axes.get_xticks()
    assert len(ticks) and axes.get_xlim()[0] <= ticks[0] <= ticks[-1] <= axes.get_xlim()[1]
    assert 1 in ticks
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


def sample(group, n=200):
    rng = np.random.default_rng(group)
    time = rng.integers(0, 59, n)
    return time, (rng.random(n) < 0.07) & (time < 40)


@pytest.fixture(scope="module")
def survival():
    curves = [
        kaplan_meier(EventTimes(*sample(group))).assign(group=LABELS[group]) for group in (0, 1)
    ]
    names = COUNTS | {"estimate": "survival"}
    return pd.concat(curves, ignore_index=True).rename(columns=names)


@pytest.fixture(scope="module")
def incidence(survival):
    frame = survival.assign(
        incidence=1 - survival["survival"],
        conf_low=1 - survival["conf_high"],
        conf_high=1 - survival["conf_low"],
    ).drop(columns="survival")
    return pd.concat([frame.assign(cause=cause) for cause in CAUSES], ignore_index=True)


@pytest.fixture(scope="module")
def balance():
    return pd.DataFrame(
        {
            "term": ["distance", "age", "subtype", "n_stage"],
            "level": ["", None, "HR-/HER2+", "N1-N3"],
            "smd_before": [0.1779, -0.1322, 0.0104, 0.0689],
            "smd_after": [0.0, 0.012, -0.036, -0.0042],
        }
    )


@pytest.fixture(scope="module")
def attrition():
    return pd.DataFrame(
        {
            "step": [0, 1, 2],
            "criterion": ["records", "age 18-89 years", "one tumor per patient"],
            "remaining": [324571, 300000, 284088],
            "excluded": [0, 24571, 15912],
            "remaining_reference": [323891, 299400, 283503],
            "remaining_exposed": [680, 600, 585],
            "excluded_reference": [0, 24491, 15897],
            "excluded_exposed": [0, 80, 15],
        }
    )


@pytest.fixture(scope="module")
def figures(survival, incidence, balance, attrition):
    logrank = pd.DataFrame({"statistic": [0.08], "df": [1], "p_value": [0.7812]})
    gray = pd.DataFrame({"cause": CAUSES[::-1], "p_value": [0.0004, 0.272]})
    return {
        "flow_chart": draw_flow_chart(attrition, LABELS, (1170, 585)),
        "love_plot": draw_love_plot(balance, VARIABLES),
        "survival": draw_survival_curves(survival, logrank, MARKS, LABELS),
        "incidence": draw_cumulative_incidence(incidence, gray, MARKS, LABELS),
        "stacked": draw_cumulative_incidence(incidence, gray, MARKS, LABELS, width=COLUMN),
    }


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_flow_chart_states_every_count(figures):
    found = texts(figures["flow_chart"].axes[0])
    for line in (
        "Records",
        "n = 324,571 (M0 323,891; M0(i+) 680)",
        "Age 18–89 years",
        "Excluded: 24,571",
        "M0 24,491; M0(i+) 80",
        "n = 284,088 (M0 283,503; M0(i+) 585)",
        "Propensity score matching: 585 matched sets",
        "Not matched: 282,333",
        "M0 282,333; M0(i+) 0",
        "Matched: n = 1,170",
        "Matched: n = 585",
    ):
        assert line in found
    assert figures["flow_chart"].get_figwidth() == pytest.approx(PAGE / 25.4)


def test_flow_chart_without_matching_ends_at_the_cohort(attrition):
    found = texts(draw_flow_chart(attrition, LABELS).axes[0])
    assert "Cohort: n = 283,503" in found
    assert not any("atched" in text for text in found)


def test_long_criterion_is_wrapped(attrition):
    words = "cause of death and survival months known, first tumor only, " * 3
    figure = draw_flow_chart(attrition.assign(criterion=words), LABELS)
    assert_text_inside(figure)


def test_love_plot_data(figures, balance):
    axes = figures["love_plot"].axes[0]
    before, after, threshold = axes.lines
    assert before.get_xdata().tolist() == balance["smd_before"].abs().tolist()
    assert after.get_xdata().tolist() == balance["smd_after"].abs().tolist()
    assert before.get_ydata().tolist() == after.get_ydata().tolist() == [0, 1, 2, 3]
    assert threshold.get_xdata() == [0.1, 0.1]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "Propensity score (distance)", "Age", "Breast subtype: HR−/HER2+", "N stage: N1–N3",
    ]  # fmt: skip
    assert axes.yaxis_inverted()


def test_survival_curves_data(figures, survival):
    axes = figures["survival"].axes[0]
    for group, label in enumerate(LABELS):
        rows = survival[survival["group"] == label]
        line = axes.lines[group]
        assert line.get_label() == label
        assert line.get_color() == GROUP_COLOURS[group]
        assert line.get_drawstyle() == "steps-post"
        assert line.get_xdata().tolist() == [0, *rows["time"]]
        assert line.get_ydata().tolist() == [1, *rows["survival"]]
        corners = axes.collections[group].get_paths()[0].vertices
        assert set(rows["conf_low"]) | set(rows["conf_high"]) <= set(corners[:, 1])
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()


def test_survival_axis_says_where_it_starts(figures, survival):
    axes = figures["survival"].axes[0]
    floor = axes.get_ylim()[0]
    assert 0.5 <= floor < survival["conf_low"].min()
    assert axes.get_ylabel() == f"Overall survival (%)\naxis starts at {100 * floor:.0f}%"
    low = survival.assign(conf_low=survival["conf_low"] / 3)
    p = pd.DataFrame({"p_value": [0.5]})
    full = draw_survival_curves(low, p, MARKS, LABELS).axes[0]
    assert full.get_ylim()[0] == 0
    assert full.get_ylabel() == "Overall survival (%)"


def test_numbers_at_risk_under_the_ticks(figures):
    curves, table = figures["survival"].axes
    shown = [mark for mark in MARKS if mark <= 58]
    assert curves.get_xticks().tolist() == shown
    expected = ["Number at risk"]
    for group, label in enumerate(LABELS):
        time, _ = sample(group)
        expected += [label, *(str((time >= mark).sum()) for mark in shown)]
    assert texts(table) == expected
    assert table.get_xlim() == curves.get_xlim()
    assert table.get_position().x0 == pytest.approx(curves.get_position().x0)
    assert table.get_position().x1 == pytest.approx(curves.get_position().x1)
    assert [text.get_position()[0] for text in table.texts[2:7]] == shown


def test_incidence_data_and_tests(figures, incidence):
    for name in ("incidence", "stacked"):
        axes = figures[name].axes[::2]
        for panel, cause, p in zip(axes, CAUSES, ("p = 0.272", "p < 0.001"), strict=True):
            assert panel.get_title(loc="left") == cause.capitalize()
            assert panel.get_legend().get_title().get_text() == f"Gray’s test {p}"
            for group, label in enumerate(LABELS):
                rows = incidence[(incidence["cause"] == cause) & (incidence["group"] == label)]
                assert panel.lines[group].get_ydata().tolist() == [0, *rows["incidence"]]
        assert axes[0].get_ylim() == axes[1].get_ylim()
        assert axes[0].get_ylim()[1] > incidence["conf_high"].max()


def test_order_of_rows_and_codes_do_not_matter(survival):
    p = pd.DataFrame({"p_value": [0.5]})
    coded = survival.assign(group=survival["group"].map(dict(zip(LABELS, (0, 1), strict=True))))
    shuffled = coded.sample(frac=1, random_state=1)
    pictures = [
        figure_bytes(draw_survival_curves(rows, p, MARKS, LABELS)) for rows in (survival, shuffled)
    ]
    assert pictures[0] == pictures[1]


def test_group_without_rows(survival):
    p = pd.DataFrame({"p_value": [0.5]})
    with pytest.raises(StudyError, match=r"M0\(i\+\)"):
        draw_survival_curves(survival[survival["group"] == "M0"], p, MARKS, LABELS)


def test_missing_limits_leave_a_gap(incidence):
    rows = incidence.copy()
    rows.loc[rows["incidence"] == 0, ["conf_low", "conf_high"]] = np.nan
    gray = pd.DataFrame({"cause": CAUSES, "p_value": [0.1, 0.2]})
    figure_bytes(draw_cumulative_incidence(rows, gray, MARKS, LABELS), "png")


NAMES = ["flow_chart", "love_plot", "survival", "incidence", "stacked"]


def assert_text_inside(figure):
    """Nothing that is drawn leaves the figure."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -1e-9
    assert box.x1 <= width + 1e-9 and box.y1 <= height + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_text_is_inside_and_legible(figures, name):
    figure = figures[name]
    assert_text_inside(figure)
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 7


@pytest.mark.parametrize(("column", "page"), [(75, 170), (120, 230)])
def test_other_widths_of_the_configuration(survival, incidence, balance, attrition, column, page):
    p = pd.DataFrame({"cause": CAUSES, "p_value": [0.5, 0.6]})
    for figure in (
        draw_flow_chart(attrition, LABELS, (1170, 585), width=page),
        draw_love_plot(balance, VARIABLES, width=column),
        draw_survival_curves(survival, p, MARKS, LABELS, width=column),
        draw_cumulative_incidence(incidence, p, MARKS, LABELS, width=page),
    ):
        figure.draw_without_rendering()
        assert_text_inside(figure)
        texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
        for i, (first, one) in enumerate(boxes):
            for second, other in boxes[i + 1 :]:
                assert not one.overlaps(other), (first, second)


@pytest.mark.parametrize("name", ["survival", "incidence", "stacked"])
def test_texts_beside_and_below_curves_do_not_overlap(figures, name):
    figure = figures[name]
    figure_bytes(figure, "png")  # extents are known once it is drawn
    boxes = [
        text.get_window_extent()
        for axes in figure.axes
        for text in (*axes.texts, *axes.get_xticklabels(), axes.xaxis.label, axes.yaxis.label)
        if text.get_text() and axes.axison | (text in axes.texts)
    ]
    for i, first in enumerate(boxes):
        assert not any(first.overlaps(second) for second in boxes[i + 1 :])


@pytest.mark.parametrize("name", NAMES)
def test_svg_text_is_text(figures, name):
    root = ElementTree.fromstring(figure_bytes(figures[name], "svg"))
    written = {
        "".join(element.itertext()).strip()
        for element in root.iter("{http://www.w3.org/2000/svg}text")
    }
    assert "Before" in written if name == "love_plot" else "M0" in written
    assert b"date" not in figure_bytes(figures[name], "svg")


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_bytes_are_deterministic(balance, format):
    assert figure_bytes(draw_love_plot(balance, VARIABLES), format) == figure_bytes(
        draw_love_plot(balance, VARIABLES), format
    )


def test_png_has_300_dots_per_inch(balance):

    image = Image.open(BytesIO(figure_bytes(draw_love_plot(balance, VARIABLES), "png")))
    assert image.size[0] == pytest.approx(COLUMN / 25.4 * 300, abs=1)
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_callers_settings_do_not_matter(balance):
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.fonttype": "path"}):
        other = figure_bytes(draw_love_plot(balance, VARIABLES))
    assert other == figure_bytes(draw_love_plot(balance, VARIABLES))


def test_the_style_holds_the_values_of_seaborn():
    palette = seaborn.color_palette("colorblind").as_hex()
    assert (palette[0], palette[2], palette[3]) == (REFERENCE, AFTER, EXPOSED)
    # our own: fonts, the ink of texts and axes, no box around the axes, no images, no grid
    own = ("font.", "text.", "axes.labelcolor", "axes.edgecolor", "axes.spines.", "image.", "grid.")
    own += ("xtick.color", "ytick.color")
    drawn = dict(matplotlib.rcParamsDefault) | STYLE
    for name, value in seaborn.axes_style("ticks").items():
        if not name.startswith(own):
            assert drawn[name] == value, name
