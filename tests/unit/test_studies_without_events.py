"""Studies without events of a cause, of a group or at all, with very few matched sets: every table,
figure and page is made, and says what cannot be estimated."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.group_effect import OUTCOMES
from seermatch.figures.style import figure_bytes, sentence_figure
from seermatch.report.inline_svg import sentence_of
from seermatch.statistics.proportions import wilson_interval
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import kaplan_meier
from seermatch.survival.without_events import effective_number_followed, limits_without_events
from seermatch.variables.printed import EVENTS
from small_study import run_study, small_cohort

MISSING = {
    "a cause": lambda cohort: cohort["event"] == EVENTS[1],
    "the other cause": lambda cohort: cohort["event"] == EVENTS[2],
    "the exposed": lambda cohort: cohort["group"] == 1,
    "the reference group": lambda cohort: cohort["group"] == 0,
    "everybody": lambda cohort: cohort["group"] >= 0,
}


@pytest.mark.parametrize("sets", [1, 2, 3, 5])
@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("missing", MISSING)
def test_every_table_figure_and_page_is_made(missing, complete, sets):
    cohort = small_cohort(sets, complete=complete)
    cohort.loc[MISSING[missing](cohort), "event"] = "censored"
    found = run_study(cohort)
    matched, codes = found["matched"], found["matched"]["event"].cat.codes
    assert matched["matched_set"].nunique() == sets
    assert len(matched) == 3 * sets - (not complete)
    _check_the_group(found, matched["group"].to_numpy(), codes.to_numpy())
    for name, svg in found["figures"].items():
        assert ElementTree.fromstring(svg).tag.endswith("svg"), name
        assert "nan" not in " ".join(ElementTree.fromstring(svg).itertext()), name
        if sentence := sentence_of(svg):
            assert sentence in found["page"]
    page = found["page"]
    assert page.count("<figure") == len(found["figures"])
    for word in (">nan<", "nan%", " inf ", "NaN"):
        assert word not in page
    if not codes.any():
        assert "p not estimable" in page
        assert any("without an event" in warning for warning in found["warnings"])
        assert set(found["table3"].loc[:, "univariable_hr"]) == {"not estimable"}
        assert sentence_of(found["figures"]["forest_cox"])


def _check_the_group(found, group, codes):
    """p and interval of the group are of one model everywhere, and no interval is of width 0."""
    died = codes > 0
    survival = found["logrank"].iloc[0]
    row = _group_row(found["cox"])
    main = found["sensitivity"].query("analysis == 'main'").set_index("outcome")
    limits = found["interpretation"].query("quantity == 'hazard ratio'").set_index("outcome")
    for test, models, outcome, events in (
        (survival, row, "overall survival (Cox)", died),
        (
            found["gray"].iloc[0],
            _group_row(found["fine_gray"]),
            "cancer death (Fine-Gray)",
            codes == 1,
        ),
    ):
        p_values = [test["p_value"], models["p_value"], main.loc[outcome, "p_value"]]
        assert np.isnan(p_values).all() or np.ptp(p_values) < 1e-9
        if not events.any():
            assert np.isnan(p_values).all()
            continue
        assert models["status"] in ("few events", "separated", "aliased")
        significant = models["hr_low"] > 1 or models["hr_high"] < 1
        assert significant == (models["p_value"] < 0.05)
        if models["status"] != "aliased":
            assert limits.loc[outcome, "low"] == pytest.approx(models["hr_low"], rel=1e-6)
            assert main.loc[outcome, "hr_high"] == pytest.approx(models["hr_high"], rel=1e-6)
    assert set(main.index) == set(OUTCOMES)
    for name, estimate in (("survival", "survival"), ("incidence", "incidence")):
        keys = [key for key in ("cause", "group") if key in found[name]]
        for _, curve in found[name].groupby(keys, observed=True):
            if not curve["n_events"].any():
                assert (curve["conf_high"] > curve["conf_low"]).all()
                assert curve[estimate].between(curve["conf_low"], curve["conf_high"]).all()
    effects = found["interpretation"]
    effects = effects[effects["quantity"].str.startswith("difference")].dropna(subset="low")
    assert (effects["high"] - effects["low"] > 1e-6).all()


def _group_row(models):
    return models[(models["model"] == "univariable") & (models["term"] == "group")].iloc[0]


# ----- limits without events ---------------------------------------------------------------------


def test_without_censoring_the_limits_are_wilsons_and_newcombes():
    n, month = (40, 20), 12
    group = np.repeat([0, 1], n)
    time, event = np.full(60, 24), np.zeros(60, dtype=int)
    uppers = [wilson_interval(0.0, size)[1] for size in n]
    table = absolute_effects(EventTimes(time, event), group, [month]).set_index(
        ["measure", "outcome"]
    )
    row = table.loc["cumulative incidence", "other death"]
    np.testing.assert_allclose(row[["low", "high"]].astype(float), [-uppers[0], uppers[1]])
    row = table.loc["survival", "death of any cause"]
    np.testing.assert_allclose(row[["low", "high"]].astype(float), [-uppers[1], uppers[0]])
    row = table.loc["months lost", "other death"]
    np.testing.assert_allclose(
        row[["low", "high"]].astype(float), month * np.array([-1, 1]) * (uppers)
    )
    time[:4], event[:4] = 6, 1  # four of the forty reference patients die
    row = absolute_effects(EventTimes(time, event), group, [month]).iloc[0]
    width = 1.959963984540054 * np.sqrt(0.1 * 0.9 / 40)
    assert row["difference"] == pytest.approx(-0.1)
    assert row["low"] == pytest.approx(-0.1 - width)
    assert row["high"] == pytest.approx(-0.1 + np.hypot(width, uppers[1]))


def test_censoring_and_weights_leave_fewer_patients():
    time = np.array([12.0] * 30 + [3.0] * 10)
    data = EventTimes(time, np.zeros(40, dtype=int))
    assert effective_number_followed(data, [3])[0] == pytest.approx(40)
    expected = 12 / (3 / 40 + 9 / 30)
    assert effective_number_followed(data, [12])[0] == pytest.approx(expected)
    weights = np.tile([0.5, 1.5], 20)
    kish = weights.sum() ** 2 / (weights**2).sum()
    weighted = EventTimes(np.full(40, 9.0), np.zeros(40, dtype=int), weights)
    assert effective_number_followed(weighted, [0, 9]) == pytest.approx(kish)


def test_a_group_with_an_event_keeps_its_limits():
    time, died = np.array([3, 5, 9]), np.array([0, 1, 0])
    data = EventTimes(time, died)
    curve = kaplan_meier(data)
    pd.testing.assert_frame_equal(limits_without_events(curve, data), curve)


@pytest.mark.parametrize("month", [12, 30])
def test_limits_hold_with_few_deaths(month):
    """Of groups without a death, 95 % or more of the intervals hold a true risk up to 5 %."""
    rng = np.random.default_rng(8)
    risk, n, held = 0.02, 60, []
    rate = -np.log1p(-risk) / month
    for _ in range(400):
        death, end = rng.exponential(1 / rate, n), rng.uniform(month / 2, 2 * month, n)
        time = np.minimum(death, end)
        if (death < end).any() or time.max() < month:
            held.append(True)  # another interval's turn
            continue
        followed = effective_number_followed(EventTimes(time, np.zeros(n, dtype=int)), [month])[0]
        held.append(risk <= wilson_interval(0.0, followed)[1])
    assert np.mean(held) >= 0.95


# ----- sentences ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [75, 85, 180])
def test_a_sentence_fits_its_figure_and_is_read_back(width):
    sentence = "No analysis gave a hazard ratio to draw, since nobody of the exposed patients died."
    figure = sentence_figure(sentence, width)
    (text,) = figure.texts
    box, canvas = text.get_window_extent(), figure.bbox
    assert box.x0 >= 0 and box.y0 >= 0
    assert box.x1 <= canvas.x1 and box.y1 <= canvas.y1
    assert sentence_of(figure_bytes(figure)) == sentence
    assert figure_bytes(figure, "png")[:4] == b"\x89PNG"
