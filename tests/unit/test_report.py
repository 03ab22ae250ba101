"""The report: a valid, self-contained, escaped page with all that there is."""

import re
from html.parser import HTMLParser
from pkgutil import iter_modules
from types import SimpleNamespace

import pandas as pd
import pytest
from markupsafe import escape
from paper_words import VARIABLES
from report_content import (
    FIGURES,
    SVG,
    audit_rows,
    changed,
    contrast_rows,
    made_up_content,
)
from seermatch.disclosure.rule import DisclosureRule
from seermatch.figures.fonts import FigureTextWarning
from seermatch.figures.love_plot import draw_love_plot
from seermatch.figures.style import figure_bytes
from seermatch.methods.data import methods_sections
from seermatch.report import page as report
from seermatch.report import section, sections
from seermatch.report.inline_svg import inline_svg
from seermatch.report.page import SECTIONS, render_report
from seermatch.report.sections.balance import score_overlap
from seermatch.report.sections.survival import schoenfeld_residuals
from seermatch.report.sections.warnings import find_warnings
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable

VOID = {"meta", "br", "link", "img", "hr", "input"}


@pytest.fixture(scope="module")
def content():
    return made_up_content()


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
    assert len({attrs["id"] for attrs in drawings}) == len(drawings) == len(FIGURES)
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 30 for attrs in drawings)
    assert "figure-S1-m1" in page.ids and "#figure-S1-p1" in page.targets


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
    masked = changed(content, disclosure=DisclosureRule(5))
    assert "A point is a death" in schoenfeld_residuals(content).caption
    assert "residuals, one per death, are not shown" in schoenfeld_residuals(masked).caption
    assert "counts below 5" in score_overlap(masked).caption
    assert "below" not in score_overlap(content).caption.replace("(below)", "")


def test_captions_say_what_figures_shorten_and_warnings_which_letters_they_lack(content):
    balance = pd.DataFrame({"term": "histology", "level": [f"\ua001 & <{'long ' * 20}>"]})
    with pytest.warns(FigureTextWarning, match="ꀁ"):
        figure = draw_love_plot(balance.assign(smd_before=0.1, smd_after=0.0), VARIABLES)
    plain = draw_love_plot(content["balance"], VARIABLES)
    figures = {**content.figures, "love_plot": figure_bytes(figure)}
    page = render_report(changed(content, figures=figures))
    assert f"is “ꀁ &amp; &lt;{'long ' * 20}&gt;”." in page
    lacking = [text for text in find_warnings(changed(content, figures=figures)) if "font" in text]
    assert lacking == [figure.notes()[1]]
    figures["love_plot"] = figure_bytes(plain)
    page = render_report(changed(content, figures=figures))
    assert "Shortened" not in page and "No font" not in page


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


def test_summary_and_main_results_come_first(page, content):
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == [module.section(content).key for module in SECTIONS]
    assert sections[:2] == ["summary", "main-results"]
    tags = [(tag, attrs.get("id")) for tag, attrs in page.tags]
    assert tags.index(("section", "main-results")) < tags.index(("nav", None))


def test_a_new_section_is_a_module_and_a_line_of_the_list(content, monkeypatch):
    table = PrintedTable("A caption.", ((HeaderCell("Name"),),), (PrintedRow("a row", ()),))
    parts = (section.Paragraph("Some <words>."), section.Table("news", table, "S99"))
    module = SimpleNamespace(section=lambda results: section.Section("news", "News", parts))
    monkeypatch.setattr(report, "SECTIONS", (*SECTIONS, module))
    html = render_report(content)
    assert '<a href="#news">News</a>' in html and '<section id="news"' in html
    assert "<p>Some &lt;words&gt;.</p>" in html and "<b>Table S99.</b> A caption." in html
    Page(html)


def test_every_section_is_in_the_list():
    names = [
        module.name for module in iter_modules(sections.__path__, "seermatch.report.sections.")
    ]
    assert sorted(names) == sorted(module.__name__ for module in SECTIONS)


def test_paper_is_optional(content):
    html = render_report(changed(content, paper_audit=None, paper_comparison=None))
    assert 'id="paper"' not in html and "#paper" not in html
    Page(html)
    clean = audit_rows().assign(verdict="ok")
    assert "No printed number contradicts another." in render_report(
        changed(content, paper_audit=clean)
    )


def test_claims_come_after_the_summary_and_are_optional(content):
    html = render_report(content)
    after = html.index('<section id="claims"')
    assert html.index('<section id="summary"') < after < html.index('<section id="warnings"')
    section = re.sub(r"\s+", " ", html[after : html.index("</section>", after)])
    assert section.count("<h3>") == 2 and "<h3>“It does harm.”</h3>" in section
    assert "<b>Is the risk of dying higher with M0(i+) than with M0?</b>" in section
    assert "<li>By month 36: <b>Undecided.</b> 6.0 of 100 M0(i+) patients had died" in section
    assert "By month 60: <b>Cannot be answered.</b> The longest follow-up is 59 months;" in section
    assert section.count("(Cox), M0(i+) vs M0, was 1.10 (95% CI 0.80–1.50)") == 1
    assert "nothing about real ones" in section
    assert "nothing about real ones" not in render_report(changed(content, synthetic=False))
    without = render_report(changed(content, claims=None))
    assert 'id="claims"' not in without and "#claims" not in without
    Page(without)


def test_methods_are_those_of_the_methods_page(content):
    html = render_report(content)
    for heading, paragraphs in methods_sections(content).items():
        assert f"<h3>{escape(heading)}</h3>" in html
        assert all(f"<p>{escape(text)}</p>" in html for text in paragraphs)


def test_banner_only_for_synthetic_data(content):
    assert 'class="banner"' in render_report(content)
    real = render_report(changed(content, synthetic=False))
    assert 'class="banner"' not in real
    assert "simulated" not in real
    assert "by construction" in render_report(content)


def test_markup_in_data_is_escaped(content):
    script = "<script>alert(1)</script>"
    hostile = changed(
        content,
        title=script,
        question=script,
        labels=("M0", script),
        attrition=content["attrition"].assign(criterion=script),
        table1=content["table1"].rename(columns={"M0(i+)": script}),
        table2=content["table2"].rename(columns={"M0(i+)": script}),
        survival=content["survival"].replace({"group": {"M0(i+)": script}}),
        incidence=content["incidence"].replace({"group": {"M0(i+)": script}}),
        versions={script: script},
        claims=content["claims"].assign(claim=script, source=script),
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
    with_some = Page(render_report(changed(content, fine_gray_contrasts=contrast_rows())))
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
