"""Forest plots: what is drawn and written equals the regression table."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from paper_words import VARIABLES
from report_content import REFERENCE_LEVELS
from seermatch.figures.forest import FIRTH, draw_forest
from seermatch.figures.style import EXPOSED, figure_bytes
from seermatch.variables.printed import printed
from seermatch.wording.study_tables import regression_table
from seermatch.wording.terms import describe_variable

LABELS = ("M0", "M0(i+)")
TERMS = ["age", "histology", "grade", "er", "subtype", "group"]
LEVELS = {
    "age": [""],
    "histology": ["Other"],
    "grade": ["III"],
    "er": ["Positive"],
    "subtype": ["HR+/HER2+", "HR-/HER2+", "HR-/HER2-"],
    "group": ["M0(i+)"],
}
MODELS = {
    "univariable": TERMS,
    "multivariable": ["age", "er", "subtype", "group"],
    "recommended": ["age", "histology", "grade", "subtype", "group"],
}


def model_rows():
    rng = np.random.default_rng(3)
    rows = []
    for model, terms in MODELS.items():
        for term in terms:
            for level in LEVELS[term]:
                coef, se = rng.normal(0, 0.5), rng.uniform(0.05, 0.4)
                numbers = np.exp([coef, coef - 1.96 * se, coef + 1.96 * se])
                rows.append((model, term, level, *numbers, 0.2, "ok"))
    names = ["model", "term", "level", "hr", "hr_low", "hr_high", "p_value", "status"]
    frame = pd.DataFrame(rows, columns=names).set_index(["model", "term", "level"])
    numbers = ["hr", "hr_low", "hr_high", "status"]
    frame.loc[("multivariable", "subtype", "HR-/HER2-"), numbers] = [np.nan] * 3 + ["aliased"]
    frame.loc[("univariable", "er", "Positive"), numbers] = [0.21, 0.001, 2.4, "separated"]
    frame.loc[("recommended", "grade", "III"), numbers] = [3.0, 0.9, np.inf, "ok"]
    return frame.reset_index()


@pytest.fixture(scope="module")
def models():
    return model_rows()


@pytest.fixture(scope="module")
def figure(models):
    return draw_forest(models, TERMS, LABELS, REFERENCE_LEVELS, VARIABLES)


def rows_of(figure):
    """Height of every name on the left, in the order of the rows."""
    return [(text.get_text(), text.get_position()[1]) for text in figure.axes[0].texts]


def expected_names():
    names = []
    for term in TERMS:
        if term == "age":
            names.append("Age (per year)")
            continue
        reference = LABELS[0] if term == "group" else REFERENCE_LEVELS[term]
        names += [
            describe_variable(term, VARIABLES),
            printed(reference),
            *map(printed, LEVELS[term]),
        ]
    return names


def test_rows_name_every_level_and_its_reference(figure):
    names = rows_of(figure)[: len(expected_names())]
    assert [name for name, _ in names] == expected_names()
    heights = [height for _, height in names]
    assert heights == sorted(heights)


def estimate_heights(figure):
    """Height of each estimate's row, in the order of the regression table."""
    names = rows_of(figure)
    place, heights = 0, {}
    for term in TERMS:
        place += 0 if term == "age" else 2
        for level in LEVELS[term]:
            heights[term, level] = names[place][1]
            place += 1
    return heights


def test_texts_equal_the_cells_of_the_table(figure, models):
    table = regression_table(models, TERMS, LABELS, REFERENCE_LEVELS, VARIABLES)
    heights = list(estimate_heights(figure).values())
    for axes, model in zip(figure.axes[1:], MODELS, strict=True):
        written = {text.xy[1]: text.get_text() for text in axes.texts}
        for height, (_, row) in zip(heights, table.iterrows(), strict=True):
            ratio, interval = row[f"{model}_hr"], row[f"{model}_ci"]
            expected = f"{ratio.replace(' (Firth)', FIRTH)} ({interval})" if interval else ratio
            assert written[height] == (expected or "–")


def test_points_and_intervals_equal_the_models(figure, models):
    heights = estimate_heights(figure)
    for axes, model in zip(figure.axes[1:], MODELS, strict=True):
        low, high = axes.get_xlim()
        points = {
            line.get_ydata()[0]: line
            for line in axes.lines
            if line.get_marker() in ("s", "D") and line.get_markersize() > 3
        }
        bars = {line.get_ydata()[0]: line for line in axes.lines if line.get_linestyle() == "-"}
        arrows = {
            (line.get_ydata()[0], line.get_marker())
            for line in axes.lines
            if line.get_marker() in ("<", ">")
        }
        rows = models[(models["model"] == model) & models["hr"].notna()]
        assert len(points) == len(rows)
        for row in rows.itertuples():
            height = heights[row.term, row.level]
            point = points[height]
            assert point.get_xdata()[0] == row.hr
            ends = bars[height].get_xdata()
            assert tuple(ends) == (max(row.hr_low, low), min(row.hr_high, high))
            assert ((height, "<") in arrows) == (row.hr_low < low)
            assert ((height, ">") in arrows) == (row.hr_high > high)
            hollow = point.get_markerfacecolor() == "white"
            assert hollow == (row.status == "separated")
            assert (point.get_markeredgecolor() == EXPOSED) == (row.term == "group")
            assert (point.get_marker() == "D") == (row.term == "group")


def test_reference_levels_stand_at_one_where_the_factor_is_in_the_model(figure):
    names = dict(rows_of(figure))
    for axes, model in zip(figure.axes[1:], MODELS, strict=True):
        references = {
            line.get_ydata()[0]: line.get_xdata()[0]
            for line in axes.lines
            if line.get_marker() == "s" and line.get_markersize() < 3
        }
        factors = [term for term in MODELS[model] if term != "age"]
        assert list(references.values()) == [1] * len(factors)
        assert (names["IDC"] in references) == ("histology" in factors)


def test_all_panels_share_a_logarithmic_axis(figure):
    limits = {axes.get_xlim() for axes in figure.axes[1:]}
    assert len(limits) == 1
    assert all(axes.get_xscale() == "log" and 1 in axes.get_xticks() for axes in figure.axes[1:])


def test_notes_explain_the_marks_that_occur(figure, models):
    notes = " ".join(name for name, _ in rows_of(figure)[len(expected_names()) :][::-1])
    for mark in ("–, not in the model", "Aliased", "† and open mark", "Arrows"):
        assert mark in notes
    assert "Separated:" not in notes
    other = models.assign(model="univariable", term="year", level="")[:1]
    clean = draw_forest(
        pd.concat([models[:1], other]), ["age", "grade"], LABELS, REFERENCE_LEVELS, VARIABLES
    )
    assert [name for name, _ in rows_of(clean)] == ["Age (per year)"]
    plain = models[(models["model"] == "univariable") & (models["term"] == "age")]
    clean = draw_forest(plain, ["age"], LABELS, {}, VARIABLES)
    assert [name for name, _ in rows_of(clean)] == ["Age (per year)"]
    lost = models[models["model"] == "univariable"].copy()
    lost.loc[lost["term"] == "er", ["hr", "hr_low", "hr_high"]] = np.nan
    shown = draw_forest(lost, TERMS, LABELS, REFERENCE_LEVELS, VARIABLES)
    assert "Separated: no finite" in rows_of(shown)[-1][0]
    assert "separated" in [text.get_text() for text in shown.axes[1].texts]


def test_a_sentence_stands_where_there_is_nothing_to_draw(models):
    figure = draw_forest(models.assign(hr=np.nan), TERMS, LABELS, REFERENCE_LEVELS, VARIABLES)
    assert figure.axes == []
    assert "No term has an estimate" in figure.texts[0].get_text()


def test_few_events_are_marked(models):
    figure = draw_forest(
        models.assign(status="few events"), TERMS, LABELS, REFERENCE_LEVELS, VARIABLES
    )
    assert "Fewer than 20 events" in rows_of(figure)[-1][0]
    assert any("‡" in text.get_text() for text in figure.axes[1].texts)


def boxes(figure):
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    renderer = figure.canvas.get_renderer()
    return [(text, text.get_window_extent(renderer)) for text in texts]


@pytest.mark.parametrize("width", [170, 180, 230])
@pytest.mark.parametrize("long", [False, True])
def test_texts_are_inside_legible_and_apart(models, width, long):
    levels = dict(REFERENCE_LEVELS)
    labels = LABELS
    if long:
        levels["histology"] = "Infiltrating duct carcinoma, not otherwise specified"
        labels = ("N0 without isolated tumor cells", "N0 with isolated tumor cells")
    figure = draw_forest(models, TERMS, labels, levels, VARIABLES, width=width)
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) >= -1e-9
    assert box.x1 <= figure.get_figwidth() + 1e-9
    assert box.y1 <= figure.get_figheight() + 1e-9
    found = boxes(figure)
    assert min(text.get_fontsize() for text, _ in found) >= 6
    for i, (first, one) in enumerate(found):
        for second, other in found[i + 1 :]:
            assert not one.overlaps(other), (first.get_text(), second.get_text())


def test_order_of_rows_does_not_matter(models):
    shuffled = models.sample(frac=1, random_state=1)
    shuffled = shuffled.sort_values("level", kind="stable")
    ordered = models.sort_values("level", kind="stable")
    pictures = {
        figure_bytes(draw_forest(rows, TERMS, LABELS, REFERENCE_LEVELS, VARIABLES))
        for rows in (shuffled, ordered)
    }
    assert len(pictures) == 1
