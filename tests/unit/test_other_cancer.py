"""Report, methods and Word tables of a lung study: not a word of the paper's study is in them."""

import re
from html import unescape
from io import BytesIO
from pathlib import Path

import docx
import pandas as pd
import pytest
import report_content
from report_content import changed, comparison_of, interpretation_rows, made_up_content
from seermatch.analysis.names import MISSED
from seermatch.figures.curves import draw_cumulative_incidence
from seermatch.figures.sensitivity import draw_matching_stability, draw_specification_curve
from seermatch.methods.data import methods_sections
from seermatch.methods.page import methods_page
from seermatch.report.page import render_report
from seermatch.report.sections.warnings import find_warnings
from seermatch.variables.printed import printed_variables
from seermatch.word.document import word_document
from seermatch.word.journal_tables import journal_tables
from seermatch.wording.study_tables import characteristics_table, regression_table

FOREIGN = re.compile(
    r"breast|receptor|subtype|women|\b(she|her)\b|tumor[ _]size|\bM0|HER2|\bHR[+−]", re.IGNORECASE
)
CANCER = "lung cancer"
LABELS = ("No surgery", "Surgery")
FACTS = {
    "age": {"label": "Age", "unit": "years", "per": "per 10 years"},
    "nodes_examined": {"label": "Nodes examined", "unit": "number", "per": "per node"},
    "site": {"label": "Lobe"},
    "race_origin": {"label": "Race and origin"},
    "surgery": {"label": "Surgery", "treatment": True},
}
VARIABLES = printed_variables(FACTS)
TERMS = ["age", "nodes_examined", "site", "race_origin"]
LEVELS = {"site": "Upper lobe", "race_origin": "Non-Hispanic White"}
RENAMED = {"er": "site", "grade": "race_origin", "subtype": "site", "M0": LABELS[0]}
RENAMED |= {"M0(i+)": LABELS[1]}


def of_lung(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with the variables and the groups of the lung study."""
    text = list(table.select_dtypes(["object", "string"]))
    return table.assign(**{name: table[name].replace(RENAMED) for name in text})


@pytest.fixture(scope="module")
def content():
    results = made_up_content()
    tables = {name: of_lung(table) for name, table in results.tables.items()}
    comparison = pd.concat([comparison_of(name, level) for name, level in LEVELS.items()])
    models = tables["models"].assign(level=tables["models"]["level"].replace("Positive", "other"))
    rows = interpretation_rows(margin=True)
    included = tables["included"][tables["included"]["variable"] != "site"]
    event = included[(included["variable"] == "race_origin") & (included["level"] == "III")]
    event = event.assign(variable="event", level="cancer death")
    tables |= {
        "models": models,
        "table1": characteristics_table(comparison, LABELS),
        "table2": characteristics_table(comparison, LABELS),
        "interpretation": rows[rows["quantity"] != MISSED],
        "included": pd.concat([included, event], ignore_index=True),
        "paper_audit": None,
        "paper_comparison": None,
    }
    for name, estimator in (("table3", "cox"), ("table4", "fine_gray")):
        rows = models[models["estimator"] == estimator]
        tables[name] = regression_table(rows, [*TERMS, "group"], LABELS, LEVELS, VARIABLES)
    rows = tables["sensitivity"]
    others = ("cause of death = cancer", "score without site", "nodes_examined at most 30")
    for name in others:
        rows = pd.concat([rows, rows[rows["analysis"] == "main"].assign(analysis=name)])
    tables["sensitivity"] = rows.drop_duplicates(ignore_index=True)
    config = dict(results.config)
    config["study"] = config["study"] | {"title": "Resection", "question": "Does it help?"}
    config["cohort"] = config["cohort"] | {
        "criteria": [],
        "exposure": {
            "field": "surgery",
            "reference": {"label": LABELS[0], "labels": ["No"]},
            "exposed": {"label": LABELS[1], "labels": ["Yes"]},
        },
    }
    config["matching"] = config["matching"] | {"covariates": TERMS}
    config["regression"] = config["regression"] | {"recommended": TERMS}
    config["interpretation"] = config["interpretation"] | {"ascertainment": []}
    config["recode"], config["paper"] = {}, {"folder": None}
    settings = {"config": config, "labels": LABELS}
    content = changed(results, **settings, **tables)
    content.provenance.update(cancer=CANCER, variables=FACTS)
    return content


def report_of(results):
    page = re.sub(r"<(svg|style|script)\b.*?</\1>", " ", render_report(results), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", page))


def methods_of(results):
    return methods_page("Resection", "Does it help?", methods_sections(results), results.cancer)


def word_of(results):
    content = word_document("Resection", journal_tables(results))
    document = docx.Document(BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def warnings_of(results):
    return "\n".join(find_warnings(results))


@pytest.mark.parametrize("text_of", [report_of, methods_of, word_of, warnings_of])
def test_no_word_of_another_cancer(content, text_of):
    text = text_of(content)
    found = [text[max(m.start() - 60, 0) : m.end() + 20] for m in FOREIGN.finditer(text)]
    assert found == []
    assert CANCER in text.lower()


def test_the_words_are_those_of_the_study(content):
    text = report_of(content)
    for words in (
        "Lung cancer mortality",
        "Lung cancer death (Fine–Gray)",
        "Outcome: lung cancer death",
        "Cause of death = lung cancer",
        "Score without lobe",
        "Nodes examined at most 30",
        "Lobe (other vs Upper lobe)",
        "Age (per 10 years)",
        "Non-Hispanic White",
        "immortal time",
    ):
        assert words in text, words
    assert "who was tested" not in text
    methods = methods_of(content)
    assert "the prognosis of lung cancer was compared between Surgery and No surgery" in methods
    assert "The exposure was Surgery: Surgery (Yes) against No surgery (No)" in methods


def test_no_figure_speaks_of_another_cancer(content):
    figures = [
        draw_matching_stability(content["stability"], CANCER),
        draw_specification_curve(content["sensitivity"], VARIABLES, CANCER),
        draw_cumulative_incidence(
            content["incidence"], content["gray"], [0, 12, 24], LABELS, cancer=CANCER
        ),
    ]
    for figure in figures:
        figure.draw_without_rendering()
        drawn = [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
        assert not any(FOREIGN.search(text) for text in drawn)
        assert any(text.startswith("Lung cancer death") for text in drawn)


def test_the_papers_study_keeps_its_words():
    text = report_of(report_content.made_up_content())
    assert "Breast cancer mortality" in text
    assert "who was tested for it and how" in text
    assert "immortal time" not in text


def test_the_library_knows_no_cancer():
    """Outside of what registries write, the catalogue, and what belongs to the paper."""
    workflow = Path(__file__).parents[2] / "workflow"
    library = workflow / "scripts/seermatch"
    packages = ("analysis", "disclosure", "figures", "matching", "methods", "report", "statistics")
    packages += ("survival", "word", "wording", "variables/printed.py", "variables/identities.py")
    places = [*(library / name for name in packages), workflow / "report"]
    files = [file for place in places for file in (place, *place.rglob("*")) if file.is_file()]
    texts = {f: f.read_text(encoding="utf-8") for f in files if f.suffix != ".pyc"}
    assert len(texts) > 100
    known = re.compile(r"breast|receptor|subtype|women|\bshe\b|tumor_size|HER2", re.IGNORECASE)
    assert [str(f) for f, text in texts.items() if known.search(text)] == []
