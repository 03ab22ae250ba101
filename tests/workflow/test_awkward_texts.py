"""Texts that other formats take for something else go through a whole study unharmed."""

import json
import re

import polars as pl
import pytest
import yaml
from docx import Document
from study_io import read_printed_table, read_table

LABELS = ("=M0 {x} <b>", "+M0(i+) | \"q\" 'a' $a_b$")
LEVELS = {
    "histology": ["=IDC {0} <i>: a", "'-Other; *x*"],
    "grade": ["1", "2"],
    "t_stage": ["all", "@T3 & 4"],
    "n_stage": ["level", "group"],
}
CRITERION = "@women {wildcards.export} %s <script>alert(1)</script> &amp;"
TITLE = '=Title {x} | *a* <b>bold</b> "q" # 1. `c` \\n &amp;'
QUESTION = "- Is {0} <script>alert(2)</script> _worse_ [link](http://x)?"
TARGETS = [f"results/{name}" for name in ("report.html", "tables.docx", "methods.md", "claims.tsv")]


@pytest.fixture(scope="module")
def study(tmp_path_factory, new_checkout):
    checkout = new_checkout(tmp_path_factory.mktemp("awkward") / "checkout")
    config = yaml.safe_load((checkout.path / "config/config.yaml").read_text(encoding="utf-8"))
    config["study"] |= {"title": TITLE, "question": QUESTION + "\n"}
    claim = {"claim": "@claim {0} <i>x</i>", "source": "+source", "outcome": "death of any cause"}
    config["study"]["claims"] = [claim | {"expects": "worse", "months": [36]}]
    for arm, label in zip(("reference", "exposed"), LABELS, strict=True):
        config["cohort"]["exposure"][arm]["label"] = label
    config["cohort"]["criteria"][1]["criterion"] = CRITERION
    for name, levels in LEVELS.items():
        for item, level in zip(config["recode"][name], levels, strict=True):
            item["level"] = level
    covariates = ["age", *LEVELS]
    config["matching"]["covariates"] = config["regression"]["recommended"] = covariates
    config["paper"]["folder"] = None
    config["stability"]["seeds"] = 20
    config["sensitivity"]["imputations"] = None
    (checkout.path / "config/config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    checkout.snakemake(*TARGETS)
    return checkout.path / "results"


def test_tables_hold_them_and_no_formula(study):
    for path in study.rglob("*.tsv"):
        for line in path.read_text(encoding="utf-8").splitlines():
            for cell in line.split("\t"):
                number = re.fullmatch(r"[+-]?\d.*", cell)
                assert number or cell.strip('"')[:1] not in tuple("=+-@"), (path, cell)
    table = read_table(study / "table1.tsv")
    assert table.columns.tolist()[2:4] == list(LABELS)
    printed = read_printed_table(study / "table1.tsv")
    for name, levels in LEVELS.items():
        assert printed.loc[printed["variable"] == name, "level"].tolist() == levels
    assert CRITERION in read_table(study / "attrition.tsv")["criterion"].tolist()
    assert read_table(study / "followup.tsv")["group"].tolist() == [*LABELS, "all"] * 2
    assert read_table(study / "balance.tsv")["level"].tolist()[2:] == [
        levels[1] for levels in LEVELS.values()
    ]
    cohort = pl.read_parquet(study / "private/cohort.parquet")
    assert set(cohort["histology"].unique()) == set(LEVELS["histology"])


def test_the_page_shows_them_as_text(study):
    page = (study / "report.html").read_text(encoding="utf-8")
    for markup in ("<script>alert", "<b>bold", "<i>x", "{{"):
        assert markup not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;amp;" in page
    assert "=M0 {x} &lt;b&gt;" in page
    quality = (study / "data_quality.html").read_text(encoding="utf-8")
    assert "=M0 {x} &lt;b&gt;" in quality and "{x} <b>" not in quality


def test_word_markdown_and_what_was_run_hold_them(study):
    document = Document(study / "tables.docx")
    assert TITLE in [paragraph.text for paragraph in document.paragraphs]
    cells = [cell.text for table in document.tables for cell in table.columns[0].cells]
    assert {"=IDC {0} <i>: a", "@T3 & 4"} <= set(cells)
    methods = (study / "methods.md").read_text(encoding="utf-8")
    assert "# Methods: =Title {x} \\| \\*a\\* \\<b\\>bold\\</b\\>" in methods
    assert (
        "\n\\- Is {0} \\<script\\>alert(2)\\</script\\> \\_worse\\_ \\[link\\](http://x)?\n"
        in methods
    )
    told = json.loads((study / "provenance.json").read_text(encoding="utf-8"))
    assert told["config"]["study"]["title"] == TITLE
