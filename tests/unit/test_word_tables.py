"""The Word document, read back: cells, marks, lines, headers, properties and bytes."""

import io
import re
import zipfile
from datetime import UTC, datetime

import docx
import numpy as np
import pandas as pd
import pytest
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from paper_words import CANCER, FACTS, VARIABLES
from report_content import REFERENCE_LEVELS, changed, disclosure_row
from seermatch.disclosure.rule import DisclosureRule
from seermatch.word import document as word_document
from seermatch.word import journal_tables
from seermatch.word.journal_tables import stability_table
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable
from seermatch.wording.results import Results
from seermatch.wording.study_tables import characteristics_table, regression_table

LABELS = ("M0", "M0(i+)")
OUTCOMES = (
    "overall survival (Cox)",
    "cancer death (Fine-Gray)",
    "cancer death (cause-specific Cox)",
    "other death (cause-specific Cox)",
    "other death (Fine-Gray)",
)


def comparison_rows():
    """Age with quartiles, subtype with four levels."""
    age = pd.DataFrame(
        {"variable": "age", "level": "", "group": [0, 1], "n": [1170, 585], "percent": np.nan,
         "median": [62.0, 61.5], "q1": [51.0, 52.0], "q3": [71.0, 70.0],
         "test": "Wilcoxon rank-sum", "p_value": 0.684}
    )  # fmt: skip
    levels = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
    subtype = pd.DataFrame(
        {"variable": "subtype", "level": np.repeat(levels, 2), "group": [0, 1] * 4,
         "n": [940, 450, 76, 53, 48, 22, 106, 60], "median": np.nan, "q1": np.nan, "q3": np.nan,
         "test": "Pearson chi-square", "p_value": 0.0002}
    )  # fmt: skip
    subtype["percent"] = 100 * subtype["n"] / subtype["group"].map({0: 1170, 1: 585})
    return pd.concat([age, subtype], ignore_index=True)


def model_rows():
    """One row of each status in each kind of model."""
    rows = [
        (model, term, level, hr, low, high, p, status)
        for model in ("univariable", "multivariable", "recommended")
        for term, level, hr, low, high, p, status in (
            ("age", "", 1.0687, 1.0494, 1.0896, 1e-9, "ok"),
            ("er", "Positive", 0.052, 0.001, 0.398, 0.004, "separated"),
            ("pr", "Positive", np.nan, np.nan, np.nan, np.nan, "separated"),
            ("her2", "Positive", np.nan, np.nan, np.nan, np.nan, "aliased"),
            ("group", "M0(i+)", 1.386, 0.77, 2.494, 0.2768, "ok"),
        )
        if not (model == "recommended" and term != "group")
    ]
    columns = ["model", "term", "level", "hr", "hr_low", "hr_high", "p_value", "status"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def content():
    table = characteristics_table(comparison_rows(), LABELS)
    regression = regression_table(
        model_rows(), ["age", "er", "pr", "her2", "group"], LABELS, REFERENCE_LEVELS, VARIABLES
    )
    rng = np.random.default_rng(1)
    analyses = [
        {"analysis": name, "outcome": outcome, "estimand": estimand, "n": 1755, "events": 47,
         "effective_sample_size": 1754.6, "largest_weight": 1.5, "hr": ratio, "hr_low": ratio / 2,
         "hr_high": 2 * ratio, "p_value": ratio / 3, "variance": "clustered by matched set"}
        for name, estimand in (("main", "ATT"), ("an analysis to come", "ATO"))
        for outcome, ratio in zip(OUTCOMES, rng.uniform(0.7, 1.4, 5), strict=True)
    ]  # fmt: skip
    counts = ["remaining", "excluded", "remaining_reference", "remaining_exposed"]
    counts += ["excluded_reference", "excluded_exposed"]
    attrition = pd.DataFrame(
        [
            (0, "records", 7591, 0, 6517, 680, 0, 0),
            (1, "age 18-89", 6255, 1336, 5670, 585, 847, 95),
        ],
        columns=["step", "criterion", *counts],
    )
    balance = pd.DataFrame(
        {"term": ["distance", "age", "subtype"], "level": ["", "", "HR-/HER2-"],
         "smd_before": [0.19, -0.1328, 0.0032], "smd_after": [-0.00003, -0.0081, 0.0394],
         "variance_ratio_before": [0.5968, 0.9753, np.nan],
         "variance_ratio_after": [1.0036, 0.9495, np.nan]}
    )  # fmt: skip
    followup = pd.DataFrame(
        {"population": ["matched"] * 3, "group": ["M0", "M0(i+)", "all"], "n": [1170, 585, 1755],
         "deaths_cancer": [22, 22, 44], "deaths_other": [15, 14, 29]}
    )  # fmt: skip
    stability = pd.DataFrame(
        {"seed": range(42), "deaths": 82, "deaths_cancer": 47,
         "os_hr": [0.803, *np.linspace(0.7, 1.1, 41)], "os_p": [0.37, *np.linspace(0.01, 0.9, 41)],
         "cancer_hr": [1.386, *np.linspace(0.7, 1.1, 41)], "cancer_p": 0.2,
         "common_controls": [1.0, *[0.394] * 41]}
    )  # fmt: skip
    tables = {
        **dict.fromkeys(("table1", "table2"), table),
        **dict.fromkeys(("table3", "table4"), regression),
        "attrition": attrition,
        "balance": balance,
        "followup": followup,
        "sensitivity": pd.DataFrame(analyses),
        "stability": stability,
        "disclosure": disclosure_row(),
    }
    config = {"regression": {"selection_p": 0.05}, "balance": {"threshold": 0.1}, "study": {}}
    return Results(LABELS, {"config": config, "cancer": CANCER, "variables": FACTS}, tables)


def written(content, banner=""):
    return word_document.word_document("A study", journal_tables.journal_tables(content), banner)


@pytest.fixture(scope="module")
def document(content):
    return docx.Document(io.BytesIO(written(content, "Synthetic data.")))


def captions(document):
    return [p.text for p in document.paragraphs if p.style.name == "Caption"]


def notes(document):
    return [p.text for p in document.paragraphs if p.style.name == "Table Notes"]


def grid(table, marks=True):
    """Text of each row's cells; raised letters in brackets, or left out."""
    shown = "[{}]" if marks else ""
    return [
        [
            "".join(
                shown.format(run.text) if run.font.superscript else run.text
                for run in cell.paragraphs[0].runs
            )
            for cell in row.cells
        ]
        for row in table.rows
    ]


def test_every_table_has_its_caption_and_notes(document):
    assert [text.split(". ")[0] for text in captions(document)] == [
        *(f"Table {n}" for n in (1, 2, 3, 4)),
        *(f"Table S{n}" for n in (1, 2, 3, 4, 5)),
    ]
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert headings == ["Tables", "Supplementary tables"]
    assert len(document.tables) == len(notes(document)) + 1 == 9  # nothing to say about attrition
    named = captions(document)
    assert "1,170 M0 and 585 M0(i+) patients" in named[0]
    assert named[2].endswith("1,170 M0 and 585 M0(i+) patients, 73 deaths.")
    assert named[3].endswith("patients, 44 deaths of breast cancer.")
    body = [child.tag.split("}")[1] for child in document.element.body]
    assert all(body[at - 1] == "p" for at, tag in enumerate(body) if tag == "tbl")


def test_characteristics_equal_the_file(document, content):
    rows = grid(document.tables[0])
    assert rows[0] == [
        "Characteristic",
        *(f"{label} (n\xa0=\xa0{n})" for label, n in zip(LABELS, ("1,170", "585"), strict=True)),
        "p",
    ]
    assert rows[1] == ["Age (years), median (IQR)", "62 (51–71)", "61.5 (52–70)", "0.684[a]"]
    assert rows[2] == ["Breast subtype, n (%)", "", "", "<0.001[b]"]
    levels = content["table1"][content["table1"]["variable"] == "subtype"]
    for row, line in zip(rows[3:], levels.itertuples(index=False), strict=True):
        assert row[0].replace("−", "-") == line[1]
        assert row[1:] == [line[2], line[3], ""]
    assert "[a]" not in notes(document)[0]
    assert "a Wilcoxon rank-sum test. b Pearson chi-square test." in notes(document)[0]
    assert "HR+, hormone receptor positive; HR−, hormone receptor negative" in notes(document)[0]


def test_marks_of_aliased_and_separated_terms(document):
    for table, note, measure in zip(document.tables[2:4], notes(document)[2:4], ("HR", "sHR"),
                                    strict=True):  # fmt: skip
        rows = {row[0]: row[1:] for row in grid(table)[1:]}
        assert rows["Variable"] == [measure, "95% CI", "p"] * 3
        assert rows["ER (Positive vs Negative)"][:3] == ["0.052[a]", "0.001–0.398", "0.004"]
        assert rows["PR (Positive vs Negative)"][:3] == ["NE[b]", "", ""]
        assert rows["HER2 (Positive vs Negative)"][:3] == ["NE[c]", "", ""]
        assert rows["Age (per year)"] == ["1.069", "1.049–1.090", "<0.001"] * 2 + ["–", "", ""]
        found = re.search(r"NE, not estimable\. a (.*) b (.*) c (\w+: .*?)\. ", note)
        for text, word in zip(found.groups(), ("Firth:", "Separated:", "Aliased:"), strict=True):
            assert text.startswith(word)
        assert f"{measure}, " in note and "estrogen receptor" in note
    assert "subdistribution hazard ratio" in notes(document)[3]


def test_marks_follow_the_order_of_reading(content):
    only = content["table3"][content["table3"]["variable"].isin(["age", "her2", "pr"])].iloc[::-1]
    document = docx.Document(io.BytesIO(written(changed(content, table3=only))))
    rows = grid(document.tables[2])
    assert [row[1] for row in rows[2:]] == ["NE[a]", "NE[b]", "1.069"]
    assert "a Aliased:" in notes(document)[2] and "b Separated:" in notes(document)[2]
    assert "Firth" not in notes(document)[2]


def test_supplementary_tables_equal_the_frames(document, content):
    flow, balance, sensitivity, others, _ = (grid(table) for table in document.tables[4:])
    counts = ["remaining", "excluded", "remaining_reference", "excluded_reference"]
    counts += ["remaining_exposed", "excluded_exposed"]
    assert [row[1:] for row in flow[1:]] == [
        [f"{n:,}" for n in line] for line in content["attrition"][counts].to_numpy()
    ]
    assert flow[2][0] == "Age 18–89"
    assert balance[1] == ["Propensity score (distance)", "0.190", "0.000", "0.597", "1.004"]
    assert balance[2] == ["Age", "−0.133", "−0.008", "0.975", "0.950"]
    assert balance[3] == ["Breast subtype: HR−/HER2−", "0.003", "0.039", "", ""]
    assert "up to 0.1 count as balanced" in notes(document)[4]
    assert [row[0] for row in sensitivity[2:]] == ["Main", "An analysis to come"]
    for rows, outcomes, first in ((sensitivity, OUTCOMES[:2], 5), (others, OUTCOMES[2:], 1)):
        for row, analysis in zip(rows[2:], ("main", "an analysis to come"), strict=True):
            for at, outcome in enumerate(outcomes):
                line = (
                    content["sensitivity"]
                    .set_index(["analysis", "outcome"])
                    .loc[(analysis, outcome)]
                )
                ratio = f"{line.hr:.2f} ({line.hr_low:.2f}–{line.hr_high:.2f})"
                cells = row[first + 3 * at : first + 3 * at + 3]
                assert cells == ["47", ratio, f"{line.p_value:.3f}"]
    assert sensitivity[2][1:5] == ["ATT", "1,755", "1,755", "1.50"]


def test_stability_is_summed_up(document, content):
    rows = {row[0]: row[1:] for row in grid(document.tables[-1])[1:]}
    others = content["stability"].iloc[1:]
    low, high = np.quantile(others["os_hr"], (0.025, 0.975))
    below = (others["os_hr"] < 0.803).mean()
    assert rows["Overall survival: hazard ratio"] == [
        "0.80", f"{others['os_hr'].median():.2f}", f"{low:.2f}–{high:.2f}", f"{100 * below:.0f}"
    ]  # fmt: skip
    assert rows["Deaths"] == ["82", "82", "82–82", "50"]
    assert rows["Overall survival: p"][0] == "0.370"
    assert rows["Reference patients in common with the main match (%)"][1] == "39"
    few = int((others["os_p"] < 0.05).sum())
    assert f"p was below 0.05 in {few} (overall survival) and 0 (" in notes(document)[-1]


def lines_of(table):
    """Sides and heights of every line that a table draws; heights count rows from the top."""
    borders = table._tbl.tblPr.find(qn("w:tblBorders"))
    kinds = {child.tag.split("}")[1]: child.get(qn("w:val")) for child in borders}
    found = {("table", side) for side, kind in kinds.items() if kind != "nil"}
    assert set(kinds) == {"top", "left", "bottom", "right", "insideH", "insideV"}
    for number, row in enumerate(table.rows):
        for cell in row._tr.tc_lst:
            for border in cell.iter(qn("w:tcBorders")):
                found |= {(number, child.tag.split("}")[1]) for child in border}
    return found


def test_three_lines_and_no_vertical_one(document):
    for table in document.tables:
        headers = [row._tr.trPr.find(qn("w:tblHeader")) is not None for row in table.rows]
        n = sum(headers)
        assert n in (1, 2) and all(headers[:n])
        assert lines_of(table) == {("table", "top"), ("table", "bottom"), (n - 1, "bottom")}
        last = table.rows[n - 1]._tr.tc_lst
        assert all(cell.find(f".//{qn('w:tcBorders')}") is not None for cell in last)
        assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows)
        look = table._tbl.tblPr.find(qn("w:tblLook"))
        assert look.get(qn("w:firstRow")) == "1"


def test_elements_stand_in_the_order_of_the_schema(document):
    """Word calls a file damaged whose table properties stand in another order (ISO 29500-1)."""
    table_order = ["tblStyle", "tblW", "jc", "tblInd", "tblBorders", "tblLayout", "tblCellMar"]
    table_order += ["tblLook", "tblCaption", "tblDescription"]
    cell_order = ["tcW", "gridSpan", "vMerge", "tcBorders", "shd", "vAlign"]
    for table in document.tables:
        for element, order in [
            (table._tbl.tblPr, table_order),
            *((cell.tcPr, cell_order) for cell in table._tbl.iter_tcs()),
        ]:
            places = [order.index(child.tag.split("}")[1]) for child in element]
            assert places == sorted(places)


def test_numbers_are_flush_right_and_levels_indented(document):
    table = document.tables[0]
    assert all(row.cells[1].paragraphs[0].alignment == 2 for row in table.rows[1:])
    assert all(row.cells[0].paragraphs[0].alignment is None for row in table.rows)
    indents = [row.cells[0].paragraphs[0].paragraph_format.left_indent for row in table.rows]
    assert [indent is not None for indent in indents] == [False, False, False, True, True, True,
                                                          True]  # fmt: skip
    estimands = document.tables[6].rows[2].cells[1].paragraphs[0]
    assert estimands.text == "ATT" and estimands.alignment is None


def test_wide_tables_stand_on_turned_pages(document):
    turned, section = [], 0
    for child in document.element.body:
        if child.tag == qn("w:tbl"):
            turned.append(document.sections[section].orientation == WD_ORIENT.LANDSCAPE)
        section += child.find(f"{qn('w:pPr')}/{qn('w:sectPr')}") is not None
    assert turned == [False, False, True, True, False, False, True, True, False]
    for section in document.sections:
        assert (section.page_width > section.page_height) == (
            section.orientation == WD_ORIENT.LANDSCAPE
        )
        room = section.page_width - section.left_margin - section.right_margin
        assert room > 0
    widths = [sum(column.width for column in table.columns) for table in document.tables]
    rooms = {True: 29.7 - 4, False: 21 - 4}
    for width, landscape in zip(widths, turned, strict=True):
        assert abs(width / 360000 - rooms[landscape]) < 0.01


def test_a_table_without_room_is_squeezed_into_the_turned_page():
    rows = (PrintedRow("x" * 200, ("12,345 (67.89%)",) * 25),)
    table = PrintedTable("Wide.", ((HeaderCell("Name"), *(HeaderCell("n"),) * 25),), rows)
    content = word_document.word_document("A study", {"Tables": {"Table 1": table}})
    document = docx.Document(io.BytesIO(content))
    assert document.sections[0].orientation == WD_ORIENT.LANDSCAPE
    assert len(document.sections) == 1
    widths = [column.width for column in document.tables[0].columns]
    assert abs(sum(widths) - 25.7 * 360000) < 635 * len(widths)  # rounded to twips


def test_banner_only_for_synthetic_data(document, content):
    assert document.paragraphs[0].text == "Synthetic data."
    for number, section in enumerate(document.sections):
        assert section.header.paragraphs[0].text == "Synthetic data."
        assert section.different_first_page_header_footer == (number == 0)
    real = docx.Document(io.BytesIO(written(content)))
    assert real.paragraphs[0].text == "A study"
    assert not any(paragraph.text for paragraph in real.sections[0].header.paragraphs)


def test_properties_name_no_author_and_no_date_of_a_machine(document):
    properties = document.core_properties
    assert properties.title == "A study"
    assert not any((properties.author, properties.last_modified_by, properties.comments))
    assert properties.created == properties.modified == datetime(1980, 1, 1, tzinfo=UTC)


def test_equal_tables_give_equal_bytes(content, monkeypatch):
    first = written(content)
    monkeypatch.setattr("zipfile.time.localtime", lambda *_: (2031, 2, 3, 4, 5, 6, 0, 0, 0))
    assert written(content) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not [name for name in archive.namelist() if "thumbnail" in name]
        assert archive.testzip() is None


def test_masked_counts_stay_masked_and_are_explained(content):
    rows = comparison_rows()
    rows.loc[rows["level"] == "HR-/HER2+", ["n", "percent"]] = np.nan
    rows.loc[rows["variable"] == "subtype", "p_value"] = np.nan
    table = characteristics_table(rows, LABELS)
    size = pd.DataFrame([["n", "", "1,170", "585", "", ""]], columns=table.columns)
    masked = changed(
        content,
        table2=pd.concat([size, table.iloc[1:]]),
        attrition=content["attrition"]
        .astype({"excluded_exposed": "Int64"})
        .replace({"excluded_exposed": {95: pd.NA}}),
        followup=content["followup"].assign(deaths_other=pd.NA),
        sensitivity=content["sensitivity"].assign(events=np.nan),
        stability=content["stability"].assign(deaths=np.nan, deaths_cancer=np.nan),
        disclosure=DisclosureRule(5),
    )
    document = docx.Document(io.BytesIO(written(masked)))
    two, flow, analyses, seeds = (grid(document.tables[at]) for at in (1, 4, 6, 8))
    assert [row[1:3] for row in two if row[0] == "HR−/HER2+"] == [["masked", "masked"]]
    assert flow[2][-1] == "masked"
    assert all(row[5] == row[8] == "masked" for row in analyses[2:])
    assert seeds[1][1:] == ["masked"] * 4
    assert captions(document)[2].endswith("585 M0(i+) patients.")
    told = [text for text in notes(document) if "Masked: counts of 1–4" in text]
    assert len(told) == 5  # Tables 2, S1, S3, S4, S5


def test_weighted_samples_say_so(content):
    weighted = changed(content, table2=content["table2"].assign(p_value="", test=""))
    document = docx.Document(io.BytesIO(written(weighted)))
    assert "weighted" in notes(document)[1] and "weighted" not in notes(document)[0]
    with_p, without = grid(document.tables[0]), grid(document.tables[1])
    assert without == [row[:-1] for row in with_p], "no column for p"


def test_hostile_text_and_long_titles():
    text = "<w:p/> & ]]> 'x' \N{GRINNING FACE}"
    table = PrintedTable(text, ((HeaderCell(text), HeaderCell("n")),), (PrintedRow(text, (text,)),))
    content = word_document.word_document(text + "y" * 300, {text: {"Table 1": table}}, text)
    document = docx.Document(io.BytesIO(content))
    assert document.tables[0].cell(1, 1).text == text
    assert document.paragraphs[1].text == text + "y" * 300


def test_a_single_repetition_has_no_middle():
    alone = pd.DataFrame({"seed": [1], "os_hr": [1.1], "os_p": [0.4]})
    assert stability_table(alone, CANCER).rows[0].cells[0] == "1.10"


def test_masked_sizes_and_p_values_of_other_matches_say_nothing(content):
    masked = changed(
        content,
        sensitivity=content["sensitivity"].assign(effective_sample_size=np.nan),
        stability=content["stability"].assign(os_p=np.nan, cancer_p=np.nan),
        disclosure=DisclosureRule(5),
    )
    supplement = journal_tables.journal_tables(masked)["Supplementary tables"]
    notes = " ".join(note for table in supplement.values() for note in table.notes)
    assert "p was below 0.05" not in notes
    cells = [cell for table in supplement.values() for row in table.rows for cell in row.cells]
    assert "nan" not in cells and "masked" in cells
