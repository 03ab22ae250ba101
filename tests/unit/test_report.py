"""The report: a valid, self-contained, escaped page that says what the results say."""

import doctest
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from seermatch import (
    disclosure_sensitivity,
    inline_figures,
    report,
    report_checks,
    report_figures,
    report_limits,
    report_sections,
    report_tables,
)
from seermatch.disclosure_sensitivity import mask_interpretation, mask_sensitivity
from seermatch.group_effect import OUTCOMES
from seermatch.inline_figures import inline_svg
from seermatch.report import SECTIONS, ReportContent, render_report, summarize
from seermatch.report_checks import quality_warnings
from seermatch.report_figures import describe_diagnostics
from seermatch.report_limits import explain_limits, exposure_table, limits_table
from seermatch.report_sections import (
    differences_table,
    explain_sensitivity,
    headline_table,
    sensitivity_tables,
)
from seermatch.study_warnings import warn_about_balance, warn_about_matching, warn_about_models
from seermatch.tables import characteristics_table, regression_table

LABELS = ("M0", "M0(i+)")
FIGURES = (
    *("flow_chart", "love_plot", "survival", "incidence", "stability", "specification"),
    *("score_overlap", "forest_cox", "log_log_survival", "schoenfeld_residuals"),
    "forest_fine_gray",
)
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
    return frame.assign(**clustered)


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
        sensitivity=sensitivity_rows(),
        stability=stability_rows(),
        interpretation=interpretation_rows(),
        quality=quality_rows(),
        proportional_hazards=proportional_hazards_rows(),
        paper_audit=audit_rows(),
        paper_comparison=comparison_rows(),
        figures=dict.fromkeys(FIGURES, SVG),
        marks=[0, 12, 24, 60],
        config={
            "matching": {"ratio": 2, "caliper": 0.2},
            "balance": {"threshold": 0.1},
            "interpretation": {"power": 0.8, "equivalence_margin": None},
        },
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


@pytest.mark.parametrize(
    "module",
    [
        disclosure_sensitivity,
        inline_figures,
        report,
        report_checks,
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
    assert "Age, p = 0.034; ER: Positive, not testable; Group: M0(i+), p = 0.403" in schoenfeld
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
    assert tags.count("table") == tags.count("caption") == 21
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
        "Hazard ratios of death, M0(i+) vs M0.",
        "0.80 (0.54–1.20)",
        "Inside the middle 95%, lower than 73% of them",
        "1.2 (−1.3 to 3.8)",
        "≥ 2.00 or ≤ 0.50 (82 events)",
        "Table S12. Printed numbers that contradict each other.",
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


def test_main_results_come_first(page):
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == list(SECTIONS)
    assert sections[0] == "main-results"
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
    first, _ = explain_sensitivity(content.sensitivity)
    assert first == (
        "Overall survival: 2 analyses, hazard ratios 0.80 to 1.10; the 95% interval excludes 1 in "
        "none of them."
    )


def test_limits_in_words(content):
    text = " ".join(explain_limits(content.interpretation, LABELS, content.config))
    assert "from 2.00 up or 0.50 down could be detected with 80% power" in text
    assert "risk ratio of 1.81. The interval includes 1 even without one." in text
    assert "No margin of equivalence was fixed in advance" in text
    assert "Breast cancer death (Fine–Gray): the hazard ratio changes over time (p = 0.010)" in text
    assert "from 3.3 in 2020 to 300.0 in 2018" in text
    assert "it is not among the variables of the match" in text
    exact = content.config | {"matching": {"ratio": 2, "covariates": ["age"], "exact": ["year"]}}
    text = " ".join(explain_limits(content.interpretation, LABELS, exact))
    assert "it is among the variables of the match" in text
    assert not any(row.label == "Equivalence" for row in limits_table(content.interpretation).rows)


def test_equivalence_only_with_a_margin(content):
    table = interpretation_rows(margin=True)
    rows = {row.label: row.cells for row in limits_table(table).rows}
    assert rows["Equivalence"] == ("Not shown within 0.8 to 1.25, p = 0.410",) * 3
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
