"""Every figure of the library drawn with given texts, and what is wrong with how it is drawn."""

import numpy as np
import pandas as pd
from matplotlib.path import Path
from matplotlib.text import Text
from paper_words import CANCER, VARIABLES
from seermatch.analysis.group_effect import OUTCOMES
from seermatch.analysis.outcomes import COUNTS
from seermatch.analysis.proportionality import trace_residuals
from seermatch.disclosure.score_overlap import score_overlap
from seermatch.figures.curves import draw_cumulative_incidence, draw_survival_curves
from seermatch.figures.diagnostics import draw_log_log, draw_schoenfeld, draw_score_overlap
from seermatch.figures.flow_chart import draw_flow_chart
from seermatch.figures.forest import draw_forest
from seermatch.figures.love_plot import draw_love_plot
from seermatch.figures.sensitivity import draw_matching_stability, draw_specification_curve
from seermatch.survival.event_times import EventTimes
from seermatch.survival.kaplan_meier import kaplan_meier

from validation.calibration.figure import draw_coverage
from validation.calibration.repetitions import BREAST, CLUSTERED, PROFILE, UNCLUSTERED
from validation.calibration.targets import SUBDISTRIBUTION

MARKS = [0, 12, 24, 36, 48, 59]
CAUSES = ("cancer death", "other death")
RNG = np.random.default_rng(11)


def _curves(hazard: float) -> pd.DataFrame:
    time = [np.minimum(RNG.exponential(1 / hazard, 400), 59).astype(int) for _ in range(2)]
    curves = [
        kaplan_meier(EventTimes(each, each < 59))
        .rename(columns=COUNTS | {"estimate": "survival"})
        .assign(group=group)
        for group, each in enumerate(time)
    ]
    return pd.concat(curves, ignore_index=True)


def _incidence(curves: pd.DataFrame) -> pd.DataFrame:
    ends = {"conf_low": 1 - curves["conf_high"], "conf_high": 1 - curves["conf_low"]}
    rows = curves.assign(incidence=1 - curves["survival"], **ends)
    return pd.concat([rows.assign(cause=cause) for cause in CAUSES], ignore_index=True)


CURVES = {"few deaths": _curves(0.001), "half died": _curves(0.012), "nearly all": _curves(0.08)}
GROUP = np.repeat([0, 1], [900, 100])
OVERLAP = score_overlap(RNG.normal(-6 + 0.3 * GROUP, 0.4), GROUP, GROUP + (GROUP == 0) * 0.5)


def in_steps(curves: pd.DataFrame) -> pd.DataFrame:
    """Leave of curves what a release with masking has: rows at marks, no counts of events."""
    curves = curves[curves["time"].isin(MARKS)].assign(n_events=np.nan)
    return curves.assign(n_at_risk=np.where(curves["time"] < 24, curves["n_at_risk"], np.nan))


def draw_all(labels, texts, width, *, course="half died", masked=False):
    """Draw every figure with the labels of the groups and with texts as levels, names, criteria."""
    texts = list(dict.fromkeys(texts))
    count = np.nan if masked else 123456
    curves = in_steps(CURVES[course]) if masked else CURVES[course]
    p = pd.DataFrame({"cause": CAUSES, "p_value": [0.0004, np.nan]})
    terms = ["histology"] * len(texts)
    attrition = pd.DataFrame({"criterion": ["records", *texts]}).assign(
        remaining=284088, excluded=count, remaining_reference=283503, remaining_exposed=count,
        excluded_reference=count, excluded_exposed=count,
    )  # fmt: skip
    balance = pd.DataFrame(
        {"term": ["distance", *terms], "level": ["", *texts], "smd_before": 0.2, "smd_after": 0.01}
    )
    rows = [("age", ""), *zip(terms, texts, strict=True), ("group", labels[1])]
    models = pd.DataFrame(rows, columns=["term", "level"]).assign(
        hr=1.2, hr_low=0.004, hr_high=[3.0e7, *[2.4] * len(texts), np.inf], status="ok"
    )
    kinds = ("univariable", "multivariable", "recommended")
    models = pd.concat([models.assign(model=kind) for kind in kinds], ignore_index=True)
    residuals = pd.concat(
        [
            pd.DataFrame({"term": term, "level": level, "time": range(30)}).assign(
                residual=RNG.normal(0, 2000, 30)
            )
            for term, level in rows
        ]
    )
    residuals = trace_residuals(residuals.assign(model="recommended"))
    tests = pd.DataFrame(rows, columns=["term", "level"]).assign(p_value=0.4, status="ok")
    lost = tests.assign(status="separated")
    ratios = np.exp(RNG.normal(0.1, 0.1, (30, 2)))
    repeats = pd.DataFrame({"seed": range(30), "os_hr": ratios[:, 0], "cancer_hr": ratios[:, 1]})
    names = ["main", *(text for text in texts if text != "main")]
    table = pd.DataFrame({"analysis": names}).assign(
        variance="clustered", hr=1.2, hr_low=0.7, hr_high=[2.4] * len(texts) + [3.1]
    )
    table = pd.concat([table.assign(outcome=outcome) for outcome in OUTCOMES], ignore_index=True)
    coverage = pd.concat(
        [
            pd.DataFrame({"scenario": texts, "variance": kind})
            for kind in (CLUSTERED, UNCLUSTERED, PROFILE)
        ]
    ).assign(
        outcome=BREAST, quantity=SUBDISTRIBUTION, month=48.0, estimator="Fine-Gray, Firth",
        coverage=0.95, coverage_low=0.93, coverage_high=0.97,
    )  # fmt: skip
    overlap = OVERLAP.assign(complete=False, n=count)
    levels, shown = {"histology": texts[0]}, ["age", "histology", "group"]
    return {
        "flow chart": draw_flow_chart(attrition, labels, (1170, 585), width),
        "love plot": draw_love_plot(balance, VARIABLES, width=width),
        "survival": draw_survival_curves(curves, p, MARKS, labels, width=width),
        "incidence": draw_cumulative_incidence(_incidence(curves), p, MARKS, labels, width=width),
        "forest plot": draw_forest(models, shown, labels, levels, VARIABLES, width=width),
        "score overlap": draw_score_overlap(overlap, labels, width=width),
        "log-log": draw_log_log(curves, labels, 0.3, width),
        "Schoenfeld": draw_schoenfeld(
            residuals[~(masked & (residuals["kind"] == "residual"))],
            pd.concat([tests, lost]), labels, VARIABLES, width=width,
        ),
        "stability": draw_matching_stability(repeats, CANCER, width=width),
        "specification curve": draw_specification_curve(table, VARIABLES, CANCER, width=width),
        "calibration": draw_coverage(coverage, width),
    }  # fmt: skip


def drawn_texts(figure):
    """Give the texts that are drawn, without ticks beyond the ends of an axis, and their boxes."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not axes.axison or not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
            if not axes.axison:
                hidden |= {axis.label, axis.get_offset_text()}
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text not in hidden]
    boxes = ((text, text.get_window_extent(renderer)) for text in texts if text.get_text().strip())
    return [(text.get_text(), box) for text, box in boxes]


def _line_paths(axes):
    for line in axes.lines:
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        if line.get_drawstyle() == "steps-post" and len(x):
            x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
        keep = np.isfinite(x) & np.isfinite(y)
        if keep.sum() > 1 and line.get_transform() == axes.transData:
            yield Path(axes.transData.transform(np.c_[x, y][keep]))


def problems(figure, dots=1.0):
    """List texts beyond the canvas, texts over each other, and legends over curves."""
    figure.draw_without_rendering()
    found = []
    texts = drawn_texts(figure)
    width, height = figure.bbox.size
    for text, box in texts:
        if min(box.x0, box.y0) < -dots or box.x1 > width + dots or box.y1 > height + dots:
            found.append(f"beyond the canvas: {text!r}")
    ends = np.array([box.extents for _, box in texts])
    low = np.maximum(ends[:, None, :2], ends[None, :, :2])
    common = (np.minimum(ends[:, None, 2:], ends[None, :, 2:]) - low).min(axis=2)
    for one, other in np.argwhere(np.triu(common > dots, 1)):
        found.append(f"{texts[one][0]!r} over {texts[other][0]!r}")
    for axes in figure.axes:
        if (legend := axes.get_legend()) is not None:
            box = legend.get_window_extent(figure.canvas.get_renderer())
            if any(path.intersects_bbox(box, filled=False) for path in _line_paths(axes)):
                found.append("a curve runs through the legend")
    return found
