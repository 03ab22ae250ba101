"""The report: a valid, self-contained, escaped page that says what the results say."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from seermatch.report import ReportContent, inline_svg, render_report, summarize
from seermatch.study_warnings import warn_about_balance, warn_about_matching, warn_about_models
from seermatch.tables import characteristics_table, regression_table

LABELS = ("M0", "M0(i+)")
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
    return pd.DataFrame(rows, columns=columns)


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
        figures=dict.fromkeys(("flow_chart", "love_plot", "survival", "incidence"), SVG),
        marks=[0, 12, 24, 60],
        config={"matching": {"ratio": 2, "caliper": 0.2}, "balance": {"threshold": 0.1}},
        inputs=pd.DataFrame({"export": ["seer_2018"], "sha256": ["9f86d081884c7d65"]}),
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
    assert [attrs["id"] for attrs in drawings] == [f"figure-{n}-drawing" for n in range(1, 5)]
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 30 for attrs in drawings)
    assert "figure-3-m1" in page.ids and "#figure-3-p1" in page.targets


def test_tables_have_captions_and_scoped_headers(page):
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 12
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
        "95.0% (94.0–96.0)",
        "Other death, M0(i+)",
        "matching.caliper",
        "9f86d081884c7d65",
    ):
        assert cell in page.cells


def test_summary_states_the_recommended_model(content):
    matched, followup, survival, mortality, caution = summarize(content)
    assert matched == ("585 of 585 M0(i+) patients were matched to 1,170 of 283,503 M0 patients.")
    assert "30 months (IQR 18–47); 82 died, 47 of breast cancer and 35 of other" in followup
    assert survival == (
        "Overall survival: log-rank p = 0.781; hazard ratio, M0(i+) vs M0: 0.803 "
        "(95% CI 0.402–1.606; recommended model)."
    )
    assert "Gray’s test p = 0.272; subdistribution hazard ratio" in mortality
    assert "do not show that there is none" in caution
    narrow = content.cox.assign(hr_low=1.1, hr_high=1.2)
    assert len(summarize(replace(content, cox=narrow))) == 4


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


def test_model_warnings():
    rows = model_rows(1.0)
    rows.loc[rows["model"] == "recommended", "status"] = ["ok", "aliased", "ok"]
    found = warn_about_models(rows, "Death", LABELS)
    assert sum("no finite estimate" in text for text in found) == 2
    assert sum("aliased" in text and "recommended" in text for text in found) == 1
    assert not any("few events" in text for text in found)
    few = warn_about_models(rows.assign(events=29), "Death", LABELS)
    assert "29 for 3 in the multivariable model as published;" in few[-1]


def test_balance_warnings(content):
    assert warn_about_balance(content.balance, 0.1) == []
    worse = content.balance.assign(smd_after=[-0.19, 0.15])
    (text,) = warn_about_balance(worse, 0.1)
    assert "above 0.1" in text and "Age (0.132 to 0.150)" in text


def test_matching_warnings(content):
    assert warn_about_matching(content.followup, LABELS, 2) == []
    (text,) = warn_about_matching(content.followup, LABELS, 3)
    assert "1,170 M0 patients for 585 M0(i+) patients instead of 1,755" in text
