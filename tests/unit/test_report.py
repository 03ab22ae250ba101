"""The report: a valid, self-contained, escaped page that says what the results say."""

import doctest
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from markupsafe import escape
from seermatch import (
    disclosure_sensitivity,
    inline_figures,
    report,
    report_checks,
    report_figures,
    report_included,
    report_limits,
    report_sections,
    report_tables,
)
from seermatch.disclosure_sensitivity import mask_interpretation, mask_sensitivity
from seermatch.group_effect import OUTCOMES
from seermatch.inline_figures import inline_svg
from seermatch.methods_text import methods_sections
from seermatch.report import SECTIONS, ReportContent, render_report, summarize
from seermatch.report_checks import quality_warnings
from seermatch.report_figures import describe_diagnostics
from seermatch.report_included import explain_included, included_table
from seermatch.report_limits import explain_limits, exposure_table, limits_table
from seermatch.report_sections import (
    differences_table,
    explain_sensitivity,
    headline_table,
    sensitivity_tables,
)
from seermatch.study_warnings import (
    warn_about_balance,
    warn_about_criteria,
    warn_about_matching,
    warn_about_models,
)
from seermatch.tables import characteristics_table, regression_table

CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"
LABELS = ("M0", "M0(i+)")
FIGURES = (
    *("flow_chart", "love_plot", "survival", "incidence", "stability", "specification"),
    *("score_overlap", "forest_cox", "log_log_survival", "schoenfeld_residuals"),
    "forest_fine_gray",
)
NODES = "regional_nodes_examined", "eod_regional_nodes"
CRITERIA = [
    {"criterion": "age 18-89 years", "keep": {"age": {"minimum": 18, "maximum": 89}}},
    {"criterion": "nodes examined", "keep": {key: {} for key in NODES}, "any": True},
    {"criterion": "both known", "keep": {key: {} for key in NODES}},
]
VOID = {"meta", "br", "link", "img", "hr", "input"}
SVG = (
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="240pt" height="120pt" viewBox="0 0 240 120" version="1.1">'
    "<metadata>https://matplotlib.org/</metadata><defs><style>*{stroke-linecap: butt}</style>"
    '<path id="m1" d="M 0 0"/><clipPath id="p1"><rect/></clipPath></defs>'
    '<g id="axes_1" clip-path="url(#p1)"><use xlink:href="#m1" style="clip-path: url(#p1)"/>'
    "<text>12 &lt; 24</text></g></svg>"
)


def model_rows(hr):
    rows = [
        (model, term, level, value, value / 2, value * 2, 0.272, status, 1755, 47)
        for model in ("univariable", "multivariable", "recommended")
        for term, level, value, status in (
            ("age", "", 1.05, "ok"),
            ("er", "Positive", 2.3 if model == "multivariable" else 0.9, "separated"),
            ("group", "M0(i+)", hr, "ok"),
        )
    ]
    columns = [
        "model",
        "term",
        "level",
        "hr",
        "hr_low",
        "hr_high",
        "p_value",
        "status",
        "n",
        "events",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    clustered = {"hr_low_clustered": frame["hr"] / 1.5, "hr_high_clustered": frame["hr"] * 1.5}
    return frame.assign(dependence="", **clustered)


def contrast_rows():
    frame = pd.DataFrame(
        {
            "model": ["multivariable", "recommended"],
            "patients": "ER: Negative, Breast subtype: HR−/HER2−",
            "against": "ER: Positive, Breast subtype: HR+/HER2−",
            "hr": [2.3482, 2.4],
            "hr_low": 0.8807,
            "hr_high": [6.2606, 6.4],
            "p_value": 0.088,
            "hr_low_clustered": 0.8790,
            "hr_high_clustered": 6.2727,
            "p_value_clustered": 0.0887,
        }
    )
    return frame


def sensitivity_rows():
    rows = [
        (analysis, outcome, estimand, n, events, n - 0.4, 1.5, hr, hr / 1.3, hr * 1.3, 0.3, how)
        for analysis, estimand, n, hr, how in (
            ("main", "ATT", 1755, 0.8, "clustered by matched set"),
            ("weighted, ATT", "ATT", 284088, 1.1, "robust by patient"),
        )
        for outcome, events in zip(OUTCOMES, (82, 47, 47, 35, 35), strict=True)
    ]
    columns = ["analysis", "outcome", "estimand", "n", "events", "effective_sample_size"]
    columns += ["largest_weight", "hr", "hr_low", "hr_high", "p_value", "variance"]
    return pd.DataFrame(rows, columns=columns)


def stability_rows():
    others = np.linspace(0.7, 1.1, 41)
    return pd.DataFrame(
        {
            "seed": range(42),
            "deaths": 82,
            "deaths_breast_cancer": 47,
            "os_hr": [0.803, *others],
            "os_p": [0.37, *np.linspace(0.01, 0.9, 41)],
            "bcsm_hr": [1.386, *others],
            "bcsm_p": 0.2,
            "common_controls": [1.0, *[0.39] * 41],
        }
    )


def interpretation_rows(margin=False):
    overall, specific, by_cause, other, _ = OUTCOMES
    rows = []
    for outcome, hr, events in ((overall, 0.8, 82), (specific, 1.39, 47), (other, 0.5, 35)):
        detectable = f"or below 0.5; {events} events, 33.3% exposed, power 80%, two-sided 5%"
        rows += [
            ("hazard ratio", outcome, np.nan, hr, hr / 2, hr * 2, "p = 0.3"),
            ("minimum detectable hazard ratio", outcome, np.nan, 2.0, np.nan, np.nan, detectable),
            ("E-value of the estimate", outcome, np.nan, 1.81, np.nan, np.nan, "rare"),
            ("E-value of the interval", outcome, np.nan, 1.0, np.nan, np.nan, "rare"),
            ("hazard ratio, missed exposure", outcome, np.nan, np.nan, np.nan, np.nan,
             "if 10% of the truly exposed were found; no hazard of the others would explain the "
             "estimate"),
        ]  # fmt: skip
        if margin:
            note = "equivalence not shown within 0.8 to 1.25"
            rows.append(("equivalence test p", outcome, np.nan, 0.41, np.nan, np.nan, note))
            rows.append(("E-value of equivalence", outcome, np.nan, 1.37, np.nan, np.nan, ""))
    for quantity, outcome, values in (
        ("cumulative incidence", "breast cancer death", (0.0081, -0.0111, 0.0274)),
        ("cumulative incidence", "other death", (0.0044, -0.0124, 0.0212)),
        ("months lost", "breast cancer death", (0.294, -0.089, 0.677)),
        ("months lost", "other death", (0.201, -0.145, 0.548)),
        ("survival", "death of any cause", (-0.0124, -0.038, 0.013)),
        ("restricted mean survival", "death of any cause", (-0.494, -1.011, 0.02)),
    ):
        rows.append((f"difference in {quantity}", outcome, 36.0, *values, "M0(i+) 1, M0 2"))
    for outcome, p in ((overall, 0.21), (by_cause, 0.38), (specific, 0.01)):
        test = ("proportional hazards test p", outcome, np.nan, p, np.nan, np.nan, "score test")
        rows.append(test)
    for year, count, n in ((2018, 300, 1000), (2019, 281, 1100), (2020, 4, 1200)):
        rate = 1000 * count / n
        rows.append(("exposed per 1,000 patients", "", np.nan, rate, rate / 2, rate * 2,
                     f"{year}: {count} of {n:,}"))  # fmt: skip
    columns = ["quantity", "outcome", "month", "estimate", "low", "high", "note"]
    return pd.DataFrame(rows, columns=columns)


def proportional_hazards_rows():
    return pd.DataFrame(
        [
            ("univariable", "group", "M0(i+)", 0.81, 1, 0.368, "ok"),
            ("recommended", "age", "", 4.5, 1, 0.034, "ok"),
            ("recommended", "er", "Positive", np.nan, 1, np.nan, "separated"),
            ("recommended", "group", "M0(i+)", 0.7, 1, 0.403, "ok"),
            ("recommended", "GLOBAL", "", 5.2, 2, 0.074, "ok"),
        ],
        columns=["model", "term", "level", "statistic", "df", "p_value", "status"],
    )


def included_rows():
    rows = [
        ("patients", "", "", "included", 1755, 92.7, np.nan, np.nan, np.nan, np.nan),
        ("patients", "", "", "excluded", 138, 7.3, np.nan, np.nan, np.nan, np.nan),
    ]
    for variable, levels in (
        ("age", {"": (63.0, 61.5, -0.04)}),
        ("grade", {"I-II": (71.4, 65.2, -0.134), "III": (28.6, 34.8, 0.134)}),
        ("subtype", {"HR+/HER2-": (70, 71, 0.02), "HR-/HER2+": (20, 18, -0.05),
                     "HR-/HER2-": (10, 11, 0.03)}),
    ):  # fmt: skip
        for level, (*values, smd) in levels.items():
            for patients, n, value in zip(
                ("included", "excluded"), (1755, 120), values, strict=True
            ):
                numbers = (
                    (round(n * value / 100), value, np.nan, np.nan, np.nan)
                    if level
                    else (n, np.nan, value, value - 9.5, value + 10)
                )
                rows.append(("distribution", variable, level, patients, *numbers, smd))
    for variable, counts in (("age", (0, 0)), ("grade", (90, 6)), ("subtype", (40, 5))):
        for label, n in zip(LABELS, counts, strict=True):
            percent = 100 * n / (1200 if label == "M0" else 600)
            rows.append(("unknown", variable, "", label, n, percent, *[np.nan] * 4))
    columns = ["quantity", "variable", "level", "patients", "n", "percent", "median", "q1", "q3"]
    return pd.DataFrame(rows, columns=[*columns, "smd"])


def quality_rows():
    return pd.DataFrame(
        [
            ("outcome", "vital_status", "", "all", 0, 7585, 0.0, "ok", "In no record."),
            ("missing_cause_of_death", "cause_specific, other_cause", "", "all", 45, 438, 10.27,
             "warning", "More than 3 % of the deaths have no cause."),
            ("missing", "er", "Unknown", "exposed", np.nan, 680, np.nan, "warning",
             "The field is unknown in every record of the group."),
        ],
        columns=["check", "field", "detail", "group", "count", "records", "percent", "verdict",
                 "note"],
    )  # fmt: skip


def audit_rows():
    return pd.DataFrame(
        [
            ("Flow: deaths", "82", "47 + 35 = 82", "ok", ""),
            ("Table 3, group", "p 0.369", "p 0.78", "inconsistent", "a joint model"),
        ],
        columns=["check", "printed", "recomputed", "verdict", "note"],
    )


def claim_rows():
    rows = [
        ("It does harm.", "A leaflet", "Is the risk higher?", "36", "undecided",
         "The interval is wide.", "The hazard ratio was 1.1."),
        ("It does harm.", "A leaflet", "Is the risk higher?", "60", "cannot be answered",
         "The longest follow-up is 59 months.", ""),
        ("86% live.", "A leaflet", "Are 86% alive?", "60", "cannot be answered",
         "The longest follow-up is 59 months.", ""),
    ]  # fmt: skip
    columns = ["claim", "source", "question", "month", "verdict", "answer", "context"]
    return pd.DataFrame(rows, columns=columns)


def comparison_rows():
    return pd.DataFrame(
        {
            "table": ["table1", "table1", "table3"],
            "agrees": [True, False, True],
            "by_construction": [True, False, False],
        }
    )


def curve_rows(estimate, causes=("",)):
    rows = [
        (cause, label, time, 40 - time, value, value - 0.01, value + 0.01)
        for cause in causes
        for label in LABELS
        for time, value in ((3, 0.95), (30, 0.9))
    ]
    columns = ["cause", "group", "time", "n_at_risk", estimate, "conf_low", "conf_high"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame if causes != ("",) else frame.drop(columns="cause")


@pytest.fixture(scope="module")
def content():
    comparison = pd.DataFrame(
        {
            "variable": "grade",
            "level": ["I-II", "I-II", "III", "III"],
            "group": [0, 1, 0, 1],
            "n": [817, 408, 353, 177],
            "percent": [69.83, 69.74, 30.17, 30.26],
            "median": np.nan,
            "q1": np.nan,
            "q3": np.nan,
            "test": "Pearson chi-square",
            "p_value": 0.971,
        }
    )
    followup = pd.DataFrame(
        [
            ("cohort", "0", 283503, 26, 12, 42, 59, 30, 8000, 6000),
            ("cohort", "1", 585, 30, 18, 47, 59, 34, 19, 12),
            ("cohort", "all", 284088, 26, 12, 42, 59, 30, 8019, 6012),
            ("matched", "0", 1170, 30, 18, 47, 59, 34, 28, 23),
            ("matched", "1", 585, 30, 18, 47, 59, 34, 19, 12),
            ("matched", "all", 1755, 30, 18, 47, 59, 34, 47, 35),
        ],
        columns=[
            "population",
            "group",
            "n",
            "median",
            "q1",
            "q3",
            "maximum",
            "reverse_km_median",
            "deaths_breast_cancer",
            "deaths_other",
        ],
    )
    attrition = pd.DataFrame(
        {
            "criterion": ["records", "age 18-89 years"],
            "remaining": [324571, 284088],
            "excluded": [0, 40483],
            "remaining_reference": [323891, 283503],
            "remaining_exposed": [680, 585],
            "excluded_reference": [0, 40388],
            "excluded_exposed": [0, 95],
        }
    )
    balance = pd.DataFrame(
        {
            "term": ["distance", "age"],
            "level": "",
            "smd_before": [0.1779, -0.1322],
            "smd_after": [0.0, 0.012],
            "variance_ratio_before": [1.1, 0.93],
            "variance_ratio_after": [1.0, np.nan],
        }
    )
    causes = ("breast cancer death", "other death")
    cox, fine_gray = model_rows(0.803), model_rows(1.386)
    terms = ["age", "er", "group"]
    return ReportContent(
        title="Micrometastasis",
        question="Does it matter?",
        labels=LABELS,
        synthetic=True,
        attrition=attrition,
        balance=balance,
        followup=followup,
        logrank=pd.DataFrame({"statistic": [0.08], "df": [1], "p_value": [0.7812]}),
        gray=pd.DataFrame({"cause": causes, "p_value": [0.272, 0.6]}),
        table1=characteristics_table(comparison, LABELS),
        table2=characteristics_table(comparison, LABELS),
        table3=regression_table(cox, terms, LABELS),
        table4=regression_table(fine_gray, terms, LABELS),
        kaplan_meier=curve_rows("survival"),
        cox=cox,
        incidence=curve_rows("incidence", causes),
        fine_gray=fine_gray,
        cox_contrasts=contrast_rows().iloc[:0],
        fine_gray_contrasts=contrast_rows().iloc[:0],
        sensitivity=sensitivity_rows(),
        stability=stability_rows(),
        interpretation=interpretation_rows(),
        included=included_rows(),
        quality=quality_rows(),
        proportional_hazards=proportional_hazards_rows(),
        paper_audit=audit_rows(),
        claims=claim_rows(),
        paper_comparison=comparison_rows(),
        figures=dict.fromkeys(FIGURES, SVG),
        marks=[0, 12, 24, 60],
        config=yaml.safe_load(CONFIG.read_text(encoding="utf-8")),
        inputs=pd.DataFrame(
            {
                "export": ["seer_2018"],
                "rows": [324571],
                "database": ["Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub"],
                "submission": ["Nov 2024"],
                "sha256": ["9f86d081884c7d65"],
            }
        ),
        versions={"seermatch": "0.1.0"},
    )


class Page(HTMLParser):
    """Checks nesting and collects ids, links, attributes and cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.targets, self.tags, self.cells = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th", "caption"):
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.targets += [attrs["href"]] if "href" in attrs else []
        for name in ("aria-labelledby", "aria-describedby"):
            self.targets += [f"#{attrs[name]}"] if name in attrs else []
        self.targets += re.findall(r"url\((#[^)]+)\)", " ".join(v or "" for v in attrs.values()))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and {"td", "th", "caption"} & set(self.open):
            self.cells[-1] += data


@pytest.fixture(scope="module")
def page(content):
    return Page(render_report(content))


@pytest.mark.parametrize(
    "module",
    [
        disclosure_sensitivity,
        inline_figures,
        report,
        report_checks,
        report_included,
        report_figures,
        report_limits,
        report_sections,
        report_tables,
    ],
)
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def test_page_is_well_formed_with_unique_ids(page):
    assert page.tags[0] == ("html", {"lang": "en"})
    assert len(page.ids) == len(set(page.ids))
    assert [tag for tag, _ in page.tags].count("h1") == 1


def test_every_link_has_its_target(page):
    assert len(page.targets) > 20
    assert {target.removeprefix("#") for target in page.targets} <= set(page.ids)
    assert all(target.startswith("#") for target in page.targets)


def test_contents_list_names_every_section(page):
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert [f"#{section}" for section in sections] == [
        link for link in links if link.removeprefix("#") in sections
    ][-len(sections) :]


def test_no_network_and_no_scripts(content):
    html = render_report(content)
    assert not re.search(r"https?://|//[a-z]|@import|src=", html)
    assert "<script" not in html


def test_figures_have_alternative_texts_and_own_ids(page):
    drawings = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len({attrs["id"] for attrs in drawings}) == len(drawings) == len(FIGURES)
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 30 for attrs in drawings)
    assert "figure-3-m1" in page.ids and "#figure-3-p1" in page.targets


def test_figures_stand_where_their_tables_do(page):
    order = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    figures = [name for name in order if re.fullmatch(r"figure-S?\d+", name)]
    expected = ("1", "2", "S1", "3", "S2", "S3", "S4", "4", "S5", "5", "6")
    assert figures == [f"figure-{number}" for number in expected]
    for table, figure in (("table3", "S2"), ("table4", "S5")):
        assert order.index(f"figure-{figure}") > order.index(f"table-{table}")


def test_alternative_texts_say_what_the_figures_show(page):
    texts = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    overlap, forest, log_log, schoenfeld, subdistribution = (texts[i] for i in (2, 4, 5, 6, 8))
    assert "differ by 0.178 standard deviations before matching and by 0.000 after" in overlap
    assert "M0(i+) vs M0: univariable 0.803 (0.402–1.606); multivariable as published" in forest
    assert "Test of proportional hazards: p = 0.368." in log_log
    assert "Age, p = 0.034; ER: Positive, p not estimable; Group: M0(i+), p = 0.403" in schoenfeld
    assert "all terms, p = 0.074" in schoenfeld
    assert "Subdistribution hazard ratio, M0(i+) vs M0: univariable 1.386" in subdistribution


def test_captions_say_what_masking_does_to_the_figures(content):
    shown = describe_diagnostics(content)
    masked = describe_diagnostics(
        replace(content, config={**content.config, "disclosure": {"minimum_count": 5}})
    )
    assert "A point is a death" in shown["schoenfeld_residuals"][0]
    assert "residuals, one per death, are not shown" in masked["schoenfeld_residuals"][0]
    assert "counts below 5" in masked["score_overlap"][0]
    assert "below" not in shown["score_overlap"][0].replace("(below)", "")


def test_tables_have_captions_and_scoped_headers(page):
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 22
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    scrolling = [attrs for _, attrs in page.tags if "scroll" in attrs.get("class", "")]
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" for attrs in scrolling)


def test_cells_are_printed(page):
    for cell in (
        "Table 3. Overall mortality in the matched patients (Cox regression).",
        "M0(i+) (n = 585)",
        "I–II",
        "817 (69.83%)",
        "ER (Positive vs Negative)",
        "2.300 (Firth)",
        "0.803",
        "Age 18–89 years",
        "−0.132",
        "95.0 (94.0–96.0)",
        "Incidence, % (95% CI)",
        "Other death",
        "matching.caliper",
        "9f86d081884c7d65",
        "Hazard ratios of death, M0(i+) vs M0.",
        "0.80 (0.54–1.20)",
        "Inside the middle 95%, lower than 73% of them",
        "1.2 (−1.3 to 3.8)",
        "≥ 2.00 or ≤ 0.50 (82 events)",
        "Table S13. Printed numbers that contradict each other.",
    ):
        assert cell in page.cells


def test_summary_states_the_clustered_intervals_of_the_headline(content):
    matched, followup, survival, mortality, clustered, caution = summarize(content)
    assert matched == ("585 of 585 M0(i+) patients were matched to 1,170 of 283,503 M0 patients.")
    assert "30 months (IQR 18–47); 82 died, 47 of breast cancer and 35 of other" in followup
    assert survival == (
        "Overall survival: hazard ratio of death, M0(i+) vs M0, 0.80 (95% CI 0.54–1.20); adjusted "
        "by the recommended model, 0.80 (0.54–1.20); log-rank p = 0.781."
    )
    headline = headline_table(content).rows[0].cells
    assert headline[0] in survival.replace("95% CI ", "")
    assert headline[1] in mortality.replace("95% CI ", "")
    assert mortality.endswith("Gray’s test p = 0.272.")
    assert "clustered by matched set" in clustered
    assert "do not show that there is none" in caution
    narrow = content.cox.assign(hr_low_clustered=1.1, hr_high_clustered=1.2)
    assert len(summarize(replace(content, cox=narrow))) == 5
    unclustered = content.cox.assign(hr_low=1.1, hr_high=1.2)
    assert summarize(replace(content, cox=unclustered)) == summarize(content)
    bare = content.cox.query("model == 'univariable'")
    assert "adjusted" not in summarize(replace(content, cox=bare))[2]
    lost = summarize(replace(content, cox=content.cox.assign(hr=np.nan)))
    assert "M0(i+) vs M0, not estimable; log-rank" in lost[2]


def test_summary_and_main_results_come_first(page):
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == list(SECTIONS)
    assert sections[:2] == ["summary", "main-results"]
    tags = [(tag, attrs.get("id")) for tag, attrs in page.tags]
    assert tags.index(("section", "main-results")) < tags.index(("nav", None))


def test_headline_hazard_ratios(content):
    rows = {row.label: row.cells for row in headline_table(content).rows}
    assert rows["Matched patients (95% CI)"] == ("0.80 (0.54–1.20)", "1.39 (0.92–2.08)")
    low, high = np.quantile(np.linspace(0.7, 1.1, 41), (0.025, 0.975))
    assert rows["Middle 95% over 41 other tie seeds"] == (f"{low:.2f}–{high:.2f}",) * 2
    assert rows["The main match among them"][1] == (
        "Outside the middle 95%, higher than all of them"
    )
    assert rows["Whole cohort, weighted (95% CI)"] == ("1.10 (0.85–1.43)",) * 2
    bare = replace(content, sensitivity=sensitivity_rows().query("analysis == 'main'"))
    assert headline_table(bare).rows[3].cells == ("–", "–")
    alone = replace(content, stability=stability_rows().head(1))
    assert headline_table(alone).rows[1].cells == ("–", "–")
    nothing = replace(content, cox=content.cox.assign(hr=np.nan))
    assert headline_table(nothing).rows[0].cells[0] == "not estimable"


def test_differences_of_the_causes_add_up(content):
    heading, risk, _, months = differences_table(content).rows
    assert heading.kind == "heading"
    assert risk.label == "By month 36"
    assert risk.cells == ("1.2 (−1.3 to 3.8)", "0.8 (−1.1 to 2.7)", "0.4 (−1.2 to 2.1)")
    assert months.cells[0] == "0.49 (−0.02 to 1.01)"


def test_sensitivity_tables_and_sentences(content):
    tables = sensitivity_tables(content.sensitivity)
    main, weighted = tables["sensitivity"].rows
    assert main.cells[:7] == ("ATT", "1,755", "1,755", "1.50", "82", "0.80 (0.62–1.04)", "0.300")
    assert weighted.label == "Weighted, ATT"
    assert len(tables["sensitivity_others"].rows[0].cells) == 9
    assert "negative control" in " ".join(tables["sensitivity_others"].notes)
    assert not set(tables["sensitivity"].notes[1:]) & set(tables["sensitivity_others"].notes)
    first, _ = explain_sensitivity(content.sensitivity)
    assert first == (
        "Overall survival: 2 analyses, hazard ratios 0.80 to 1.10; the 95% interval excludes 1 in "
        "none of them."
    )


def test_limits_in_words(content):
    text = " ".join(explain_limits(content.interpretation, LABELS, content.config))
    assert (
        "Only hazard ratios from 2.00 up or 0.50 down (overall survival) and from 2.00 up or 0.50 "
        "down (breast cancer mortality) could be detected with 80% power."
    ) in text
    assert (
        "risk ratio of 1.81 (overall survival) and 1.81 (breast cancer mortality). The intervals "
        "include 1 even without one."
    ) in text
    far = content.interpretation.copy()
    overall = far["outcome"] == next(iter(OUTCOMES))
    far.loc[overall & (far["quantity"] == "E-value of the interval"), "estimate"] = 1.4
    text = " ".join(explain_limits(far, LABELS, content.config))
    assert "To make the interval include 1, 1.40 (overall survival) would do." in text
    text = " ".join(explain_limits(content.interpretation, LABELS, content.config))
    assert "No margin of equivalence was fixed in advance" in text
    assert "Breast cancer death (Fine–Gray): the hazard ratio changes over time (p = 0.010)" in text
    assert "from 3.3 in 2020 to 300.0 in 2018" in text
    assert "it is not among the variables of the match" in text
    exact = content.config | {"matching": {"ratio": 2, "covariates": ["age"], "exact": ["year"]}}
    text = " ".join(explain_limits(content.interpretation, LABELS, exact))
    assert "it is among the variables of the match" in text
    assert not any(row.label == "Equivalence" for row in limits_table(content.interpretation).rows)


def test_included_and_excluded_patients(content):
    table = included_table(content.included, LABELS)
    assert [cell.text for cell in table.header[0]] == [
        *("Variable", "Included (n = 1,755)", "Excluded (n = 138)", "SMD"),
        *("Unknown, M0", "Unknown, M0(i+)"),
    ]
    rows = {row.label: row for row in table.rows}
    assert list(rows) == [
        *("Age (years)", "Grade: III", "Breast subtype", "HR+/HER2−", "HR−/HER2+", "HR−/HER2−"),
    ]
    assert rows["Age (years)"].cells == (
        *("63 (53.5–73)", "61.5 (52–71.5)", "−0.040", "0 (0.0%)", "0 (0.0%)"),
    )
    assert rows["Grade: III"].cells == (
        *("502 (28.6%)", "42 (34.8%)", "0.134", "90 (7.5%)", "6 (1.0%)"),
    )
    heading, level = rows["Breast subtype"], rows["HR−/HER2+"]
    assert (heading.kind, heading.cells) == ("heading", ("", "", "", "40 (3.3%)", "5 (0.8%)"))
    assert (level.kind, level.cells) == ("level", ("351 (20.0%)", "22 (18.0%)", "−0.050", "", ""))
    said = explain_included(content.included, imputed=True)[0]
    assert said == (
        "138 patients, 7.3% of those who meet the other criteria, were excluded only because a "
        "covariate is unknown, most often Grade. They differ from the included patients, and the "
        "results may not hold for them: the largest standardized difference is 0.13 (Grade: III). "
        "Multiple imputation, among the sensitivity analyses, includes them."
    )
    assert "Multiple imputation" not in explain_included(content.included, imputed=False)[0]


def test_masked_counts_of_excluded_patients(content):
    numbers = ["n", "percent", "median", "q1", "q3", "smd"]
    hidden = content.included.astype({"n": "Int64"})
    rows = (hidden["patients"] == "excluded") | (hidden["quantity"] == "unknown")
    hidden.loc[rows, numbers] = np.nan
    hidden["smd"] = np.nan
    cells = [row.cells for row in included_table(hidden, LABELS).rows]
    assert cells[0] == ("63 (53.5–73)", "masked", "–", "masked", "masked")
    assert cells[1] == ("502 (28.6%)", "masked", "–", "masked", "masked")
    assert explain_included(hidden, imputed=False) == [
        "Patients were excluded only because a covariate is unknown; their number is masked."
    ]
    nobody = content.included.assign(n=content.included["n"].where(~rows, 0))
    assert explain_included(nobody, imputed=True) == [
        "No patient was excluded only because a covariate is unknown."
    ]
    assert "masked" in render_report(replace(content, included=hidden))


def test_multiple_imputation_is_explained_where_it_is(content):
    notes = " ".join(sensitivity_tables(content.sensitivity)["sensitivity"].notes)
    assert "imputation" not in notes
    imputed = content.sensitivity.replace({"analysis": {"main": "multiple imputation"}})
    notes = " ".join(sensitivity_tables(imputed)["sensitivity"].notes)
    assert "every imputed data set is scored and matched anew" in notes


def test_equivalence_only_with_a_margin(content):
    table = interpretation_rows(margin=True)
    rows = {row.label: row.cells for row in limits_table(table).rows}
    assert rows["Equivalence"] == ("Not shown within 0.8 to 1.25, p = 0.410",) * 3
    assert rows["E-value of equivalence"] == ("1.37",) * 3
    without = limits_table(interpretation_rows(margin=False))
    assert "E-value of equivalence" not in {row.label for row in without.rows}
    assert rows["Hazard ratio if 10% of the truly exposed were found"] == ("no solution",) * 3
    config = content.config | {"interpretation": {"power": 0.8, "equivalence_margin": 1.25}}
    text = " ".join(explain_limits(table, LABELS, config))
    assert "Overall survival: equivalence not shown within 0.8 to 1.25 (p = 0.410)." in text
    assert "No margin" not in text


def test_quality_warnings(content):
    assert quality_warnings(content.quality.head(1), LABELS) == []
    cause, lost = quality_warnings(content.quality, LABELS)
    assert cause == (
        "Warning. Deaths without a cause: more than 3 % of the deaths have no cause. 45 of 438 "
        "(10.3%)."
    )
    assert "M0(i+)" in lost and "masked of 680." in lost


def test_paper_is_optional(content):
    html = render_report(replace(content, paper_audit=None, paper_comparison=None))
    assert 'id="paper"' not in html and "#paper" not in html
    Page(html)
    clean = audit_rows().assign(verdict="ok")
    assert "No printed number contradicts another." in render_report(
        replace(content, paper_audit=clean)
    )


def test_claims_come_after_the_summary_and_are_optional(content):
    html = render_report(content)
    after = html.index('<section id="claims"')
    assert html.index('<section id="summary"') < after < html.index('<section id="warnings"')
    section = re.sub(r"\s+", " ", html[after : html.index("</section>", after)])
    assert section.count("<h3>") == 2 and "<h3>“It does harm.”</h3>" in section
    assert "<b>Is the risk higher?</b>" in section
    assert "<li>By month 36: <b>Undecided.</b> The interval is wide.</li>" in section
    assert "By month 60: <b>Cannot be answered.</b> The longest follow-up is 59 months." in section
    assert section.count("The hazard ratio was 1.1.") == 1
    assert "nothing about real ones" in section
    assert "nothing about real ones" not in render_report(replace(content, synthetic=False))
    without = render_report(replace(content, claims=None))
    assert 'id="claims"' not in without and "#claims" not in without
    Page(without)


def test_criteria_that_were_not_applied_are_warned_of(content):
    assert warn_about_criteria(content.attrition, CRITERIA) == []
    flow = content.attrition.copy()
    flow["criterion"] = [
        "nodes examined (not exported, not applied)",
        "both known (where exported)",
    ]
    one, other = warn_about_criteria(flow, CRITERIA)
    names = "Regional nodes examined (1988+) {} EOD Regional Nodes (2018+)."
    assert f"was not applied: no export holds {names.format('or')}" in one
    assert "Add one of these variables to the case listing" in one
    assert f"only to the exports that hold {names.format('and')} Patients" in other
    config = content.config | {"cohort": content.config["cohort"] | {"criteria": CRITERIA}}
    page = render_report(replace(content, attrition=flow, config=config))
    assert "The criterion “nodes examined” was not applied" in page


def test_small_counts_of_sensitivity_and_interpretation(content):
    few = sensitivity_rows()
    few.loc[3, "events"] = 4  # of the main analysis
    masked = mask_sensitivity(few, content.followup, 5)
    assert masked["events"].isna().tolist() == [True] * 5 + [False] * 5
    assert sensitivity_tables(masked)["sensitivity"].rows[0].cells[4] == "masked"
    hidden = content.followup.assign(deaths_other=pd.array([pd.NA] * 6, dtype="Int64"))
    assert mask_sensitivity(few, hidden, 5)["events"].isna().all()
    pd.testing.assert_frame_equal(mask_sensitivity(few, hidden, 0), few)

    table = mask_interpretation(content.interpretation, content.followup, 5)
    cells = [row.cells for row in exposure_table(table, LABELS).rows]
    assert cells[2] == ("masked", "1,200", "masked")
    assert sum(row[0] == "masked" for row in cells) == 2  # else the total gives it away
    assert limits_table(table).rows[1].cells[0] == "≥ 2.00 or ≤ 0.50 (82 events)"
    table = mask_interpretation(content.interpretation, hidden, 5)
    assert limits_table(table).rows[1].cells == ("masked",) * 3
    page = render_report(replace(content, interpretation=table, sensitivity=masked))
    assert "82 events" not in page


def test_methods_are_those_of_the_methods_page(content):
    html = render_report(content)
    for heading, paragraphs in methods_sections(content).items():
        assert f"<h3>{escape(heading)}</h3>" in html
        assert all(f"<p>{escape(text)}</p>" in html for text in paragraphs)


def test_banner_only_for_synthetic_data(content):
    assert 'class="banner"' in render_report(content)
    real = render_report(replace(content, synthetic=False))
    assert 'class="banner"' not in real
    assert "simulated" not in real
    assert "by construction" in render_report(content)


def test_markup_in_data_is_escaped(content):
    script = "<script>alert(1)</script>"
    hostile = replace(
        content,
        title=script,
        question=script,
        labels=("M0", script),
        attrition=content.attrition.assign(criterion=script),
        table1=content.table1.rename(columns={"M0(i+)": script}),
        table2=content.table2.rename(columns={"M0(i+)": script}),
        kaplan_meier=content.kaplan_meier.replace({"group": {"M0(i+)": script}}),
        incidence=content.incidence.replace({"group": {"M0(i+)": script}}),
        versions={script: script},
        claims=content.claims.assign(claim=script, source=script, answer=script),
        notes=[script],
    )
    html = render_report(hostile)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10
    Page(html)


def test_page_is_deterministic(content):
    assert render_report(content) == render_report(content)


def test_inline_svg_keeps_text_and_drops_the_rest():
    svg = inline_svg(SVG, "figure-7", 'a "quoted" text')
    assert "12 &lt; 24" in svg
    assert "metadata" not in svg and "http" not in svg and "xlink" not in svg
    assert "#figure-7-drawing *{stroke-linecap: butt}" in svg
    assert 'href="#figure-7-m1"' in svg
    assert 'aria-label="a &quot;quoted&quot; text"' in svg


def test_finite_contrasts_stand_below_the_table_of_their_model(content):
    with_some = Page(render_report(replace(content, fine_gray_contrasts=contrast_rows())))
    captions = [cell for cell in with_some.cells if cell.startswith("Table ")]
    below = captions.index("Table 4. Breast cancer mortality in the matched patients (competing "
                           "risks regression).") + 1  # fmt: skip
    assert captions[below] == "Table 4a. Comparisons among the separated terms of Table 4."
    assert not any(caption.startswith("Table 3a") for caption in captions)
    place = with_some.cells.index("ER: Negative, Breast subtype: HR−/HER2−")
    assert with_some.cells[place - 1] == "Multivariable, as published"
    assert with_some.cells[place + 1 : place + 7] == [
        "ER: Positive, Breast subtype: HR+/HER2−",
        "2.348",
        "0.881–6.261",
        "0.088",
        "0.879–6.273",
        "0.089",
    ]


def test_events_per_coefficient_are_told_below_the_tables(content):
    for name in ("table3", "table4"):
        (note,) = [n for n in report_tables.report_tables(content)[name].notes if "Events" in n]
        assert note == (
            "Events per coefficient: 47 / 3 = 15.7 in the multivariable model as published, "
            "47 / 3 = 15.7 in the recommended model."
        )
    masked = replace(content, cox=content.cox.assign(events=np.nan))
    notes = report_tables.report_tables(masked)["table3"].notes
    assert any("masked / 3 in the recommended model" in note for note in notes)


def test_model_warnings():
    rows = model_rows(1.0)
    aliased = (rows["model"] == "recommended") & (rows["term"] == "er")
    rows.loc[rows["model"] == "recommended", "status"] = "ok"
    rows.loc[aliased, ["status", "dependence"]] = ["aliased", "ER: Positive = PR: Positive"]
    separated, aliased = warn_about_models({"Death": rows}, LABELS)
    both = "death (univariable models, multivariable model as published)"
    assert separated.startswith("No finite estimate exists (separation) for ER (Positive vs Neg")
    assert both in separated and "their intervals are approximate" in separated
    assert aliased.endswith(
        ": ER (Positive vs Negative), since ER: Positive = PR: Positive, in: death (recommended "
        "model)."
    )
    few = warn_about_models({"Death": rows.assign(events=29)}, LABELS)
    assert "29 for 3 in the multivariable model as published" in few[-1]


def test_what_goes_for_several_models_is_said_once():
    rows = model_rows(1.0).assign(events=29)
    found = warn_about_models({"Death": rows, "Death of it": rows}, LABELS)
    assert len(found) == len(warn_about_models({"Death": rows}, LABELS)) == 2
    separated, few = found
    assert separated.count("ER (Positive vs Negative)") == 1
    assert "death (" in separated and "death of it (" in separated
    assert few.count("Below 10 events per coefficient") == 1
    assert "; death of it, 29 for 3 in" in few


def test_balance_warnings(content):
    assert warn_about_balance(content.balance, 0.1) == []
    worse = content.balance.assign(smd_after=[-0.19, 0.15])
    (text,) = warn_about_balance(worse, 0.1)
    assert "above 0.1" in text and "Age (0.132 to 0.150)" in text
    many = pd.DataFrame(
        {
            "term": ["age", "tumor_size", "er", "pr", "her2"],
            "level": ["", "", *["Positive"] * 3],
            "smd_before": 0.01,
            "smd_after": [0.03, 0.02, -0.09, 0.04, 0.005],
        }
    )
    (text,) = warn_about_balance(many, 0.1)
    assert text.endswith(
        "for 4 of 5 terms, most for ER: Positive (0.010 to 0.090); PR: Positive (0.010 to 0.040); "
        "Age (0.010 to 0.030)."
    )


def test_matching_warnings(content):
    assert warn_about_matching(content.followup, LABELS, 2) == []
    (text,) = warn_about_matching(content.followup, LABELS, 3)
    assert "1,170 M0 patients for 585 M0(i+) patients instead of 1,755" in text
