"""Figures that check the analysis: what is drawn equals the data behind it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from paper_words import VARIABLES
from seermatch.analysis.outcomes import COUNTS
from seermatch.analysis.proportionality import trace_residuals
from seermatch.disclosure.score_overlap import merge_bins, score_overlap
from seermatch.figures.diagnostics import draw_log_log, draw_schoenfeld, draw_score_overlap
from seermatch.figures.style import EXPOSED, GROUP_COLOURS, figure_bytes
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import kaplan_meier
from seermatch.survival.proportionality_cox import smooth_residuals

LABELS = ("M0", "M0(i+)")


# ----- overlap -----------------------------------------------------------------------------------


def make_overlap(minimum=0, lost=0):
    rng = np.random.default_rng(1)
    group = np.repeat([0, 1], [2000, 200])
    distance = rng.normal(-6 + 0.2 * group, 0.4)
    weight = np.where(np.arange(2200) < 400, 1.0, group)
    weight[2000 : 2000 + lost] = 0
    overlap = score_overlap(distance, group, weight)
    return merge_bins(overlap, minimum) if minimum else overlap


@pytest.mark.parametrize("minimum", [0, 5])
def test_heights_times_widths_are_the_shares(minimum):
    overlap = make_overlap(minimum)
    figure = draw_score_overlap(overlap, LABELS)
    step = (overlap["high"] - overlap["low"]).min()
    for axes, population in zip(figure.axes, ("before", "after"), strict=True):
        assert axes.get_title(loc="left") == f"{population.capitalize()} matching"
        assert axes.get_ylabel() == "Patients (% per 0.05)" and step == pytest.approx(0.05)
        for group, shape in enumerate(axes.collections):
            bins = overlap[(overlap["population"] == population) & (overlap["group"] == group)]
            corners = shape.get_paths()[0].vertices
            sign = (1, -1)[group]
            for row in bins.itertuples():
                middle = (row.low + row.high) / 2
                height = height_at(corners, middle) * sign
                assert height * (row.high - row.low) / step == pytest.approx(100 * row.share)
            assert tuple(shape.get_edgecolor()[0][:3]) == pytest.approx(
                tuple(int(GROUP_COLOURS[group][i : i + 2], 16) / 255 for i in (1, 3, 5))
            )


def height_at(corners, x):
    """Read the outline of a step histogram, which goes along zero and back along the steps."""
    ends = np.c_[corners[:-1], corners[1:]]
    level = [y0 for x0, y0, x1, y1 in ends if min(x0, x1) <= x <= max(x0, x1) and y0 == y1]
    return max(level, key=abs)


def test_groups_are_named_where_they_are_drawn():
    figure = draw_score_overlap(make_overlap(), LABELS)
    names = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert names == [["M0 (n = 2,000)", "M0(i+) (n = 200)"], ["M0 (n = 400)", "M0(i+) (n = 200)"]]
    few = draw_score_overlap(make_overlap(5, lost=2), LABELS)
    assert few.axes[0].texts[1].get_text() == "M0(i+) (n = 198), matched patients only"
    assert few.axes[1].texts[1].get_text() == "M0(i+) (n = 198)"
    probability = draw_score_overlap(make_overlap(), LABELS, link="probability")
    assert probability.axes[1].get_xlabel() == "Propensity score"


# ----- log-log -----------------------------------------------------------------------------------


def make_curves():
    rng = np.random.default_rng(2)
    curves = []
    for label in LABELS:
        time = rng.integers(0, 60, 300)
        curve = kaplan_meier(EventTimes(time, rng.random(300) < 0.2))
        curves.append(curve.assign(group=label))
    return pd.concat(curves, ignore_index=True).rename(columns=COUNTS | {"estimate": "survival"})


def test_log_log_survival_by_definition():
    curves = make_curves()
    axes = draw_log_log(curves, LABELS, 0.0004).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_legend().get_title().get_text() == "Proportional hazards: p < 0.001"
    for line, label in zip(axes.lines, LABELS, strict=True):
        rows = curves[(curves["group"] == label) & (curves["time"] > 0) & (curves["survival"] < 1)]
        assert line.get_label() == label
        assert line.get_xdata().tolist() == rows["time"].tolist()
        np.testing.assert_allclose(np.exp(-np.exp(line.get_ydata())), rows["survival"])
        assert line.get_drawstyle() == "steps-post"
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()


def test_a_group_without_deaths_says_so():
    curves = make_curves()
    curves.loc[curves["group"] == "M0(i+)", "survival"] = 1.0
    axes = draw_log_log(curves, LABELS, np.nan).axes[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["M0", "M0(i+), no deaths"]
    assert axes.get_legend().get_title().get_text() == "Proportional hazards: p not estimable"
    assert len(axes.lines[1].get_xdata()) == 0


# ----- Schoenfeld residuals ----------------------------------------------------------------------

COLUMNS = [("age", ""), ("subtype", "HR-/HER2-"), ("t_stage", "T3-T4"), ("group", "M0(i+)")]


def make_residuals(n=60):
    rng = np.random.default_rng(3)
    time = np.sort(rng.integers(0, 60, n))
    frames = [
        pd.DataFrame({"term": term, "level": level, "time": time, "residual": rng.normal(0, 2, n)})
        for term, level in COLUMNS
    ]
    return pd.concat(frames, ignore_index=True).assign(model="recommended")


def traced(n=60):
    return trace_residuals(make_residuals(n))


def make_tests():
    rows = [(*column, 0.1 + 0.2 * number, "ok") for number, column in enumerate(COLUMNS)]
    rows.insert(2, ("grade", "III", np.nan, "separated"))
    rows.append(("GLOBAL", "", 0.5, "ok"))
    return pd.DataFrame(rows, columns=["term", "level", "p_value", "status"])


def test_residuals_spline_and_estimate_of_each_column():
    residuals = make_residuals()
    figure = draw_schoenfeld(traced(), make_tests(), LABELS, VARIABLES)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "Group: M0(i+)\np = 0.700",
        "Age (per year)\np = 0.100",
        "Breast subtype: HR−/HER2−\np = 0.300",
        "T stage: T3–T4\np = 0.500",
    ]
    for axes, (term, level) in zip(figure.axes, [COLUMNS[3], *COLUMNS[:3]], strict=True):
        column = residuals[(residuals["term"] == term) & (residuals["level"] == level)]
        estimate, smooth, points = axes.lines
        assert estimate.get_ydata() == pytest.approx(column["residual"].mean())
        assert points.get_xdata().tolist() == column["time"].tolist()
        assert points.get_ydata().tolist() == column["residual"].tolist()
        expected = smooth_residuals(column["time"], column["residual"])
        assert smooth.get_ydata().tolist() == expected["estimate"].tolist()
        assert (smooth.get_color() == EXPOSED) == (term == "group")
        corners = axes.collections[0].get_paths()[0].vertices[:, 1]
        assert {*expected["low"], *expected["high"]} <= set(corners)


def test_columns_without_an_estimate_are_named_below():
    notes = [
        text.get_text() for text in draw_schoenfeld(traced(), make_tests(), LABELS, VARIABLES).texts
    ]
    assert notes[-1] == "Not in the model: Grade: III (separated)."
    without = draw_schoenfeld(traced(), make_tests().query("status == 'ok'"), LABELS, VARIABLES)
    assert not any("model" in text.get_text() for text in without.texts)


def test_no_residual_is_in_the_file_where_counts_are_masked():
    residuals = make_residuals()
    masked = traced().query("kind != 'residual'")
    figure = draw_schoenfeld(masked, make_tests(), LABELS, VARIABLES)
    for axes in figure.axes:
        drawn = {y for line in axes.lines for y in line.get_ydata()}
        assert drawn.isdisjoint(residuals["residual"])
        assert all(line.get_marker() == "None" for line in axes.lines)
    few = trace_residuals(residuals.groupby("term").head(6)).query("kind != 'residual'")
    sparse = draw_schoenfeld(few, make_tests(), LABELS, VARIABLES)
    assert [text.get_text() for text in sparse.axes[0].texts] == ["too few deaths"]


def test_a_model_without_any_estimate_is_a_sentence():
    tests = make_tests().iloc[:-1].assign(status="separated", p_value=np.nan)
    figure = draw_schoenfeld(traced().iloc[:0], tests, LABELS, VARIABLES)
    assert figure.axes == []
    text = " ".join(figure.texts[0].get_text().split())
    assert "residuals to draw. Not in the model: Age (per year) (separated); Breast" in text
    figure_bytes(figure, "pdf")


# ----- all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("column, page", [(75, 170), (85, 180), (120, 230)])
def test_texts_are_inside_legible_and_apart(column, page):
    for figure in (
        draw_score_overlap(make_overlap(5, lost=2), LABELS, width=column),
        draw_log_log(make_curves(), LABELS, 0.3, column),
        draw_schoenfeld(traced(), make_tests(), LABELS, VARIABLES, width=page),
    ):
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert min(box.x0, box.y0) >= -1e-9
        assert box.x1 <= figure.get_figwidth() + 1e-9
        assert box.y1 <= figure.get_figheight() + 1e-9
        renderer = figure.canvas.get_renderer()
        texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
        assert min(text.get_fontsize() for text in texts) >= 6
        for i, (first, one) in enumerate(boxes):
            for second, other in boxes[i + 1 :]:
                # ticks out of the limits are texts too, but are not drawn
                assert not one.overlaps(other) or not first.strip("−.0123456789"), (first, second)


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_bytes_are_deterministic(kind):
    def draw():
        return (
            draw_score_overlap(make_overlap(), LABELS),
            draw_log_log(make_curves(), LABELS, 0.3),
            draw_schoenfeld(traced(), make_tests(), LABELS, VARIABLES),
        )

    first, second = ([figure_bytes(figure, kind) for figure in draw()] for _ in range(2))
    assert first == second
    assert not any(b"CreationDate" in content or b"dc:date" in content for content in first)


def test_groups_are_told_by_label_as_by_code():
    """The published table names the groups; both have to be drawn."""
    overlap = make_overlap()
    named = overlap.assign(group=overlap["group"].map(dict(enumerate(LABELS))))
    by_code, by_label = (draw_score_overlap(table, LABELS) for table in (overlap, named))
    for expected, axes in zip(by_code.axes, by_label.axes, strict=True):
        assert len(axes.collections) == len(expected.collections) == 2
