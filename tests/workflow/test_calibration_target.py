"""The calibration as a workflow of its own: shared out over pieces, and not part of the study."""

import importlib
import shutil
from pathlib import Path

import pandas as pd
import pytest
from study_io import read_table

from validation.calibration import page
from validation.calibration.cohorts import SCENARIOS
from validation.calibration.few_deaths import COHORTS, DEATHS, KINDS
from validation.calibration.few_deaths import COLUMNS as FEW_COLUMNS
from validation.calibration.repetitions import repeat_study
from validation.calibration.summary import COLUMNS
from validation.sections import put_section

ROOT = Path(__file__).parent.parent.parent
CALIBRATION = ["-s", "validation/calibration/Snakefile"]
NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, new_checkout):
    """A checkout with two repetitions in three pieces: one of them has nothing to do."""
    checkout = new_checkout(tmp_path_factory.mktemp("calibration") / "checkout")
    shutil.copytree(ROOT / "validation/calibration", checkout.path / "validation/calibration")
    checkout.edit("validation/calibration/config.yaml", "repetitions: 1000", "repetitions: 2")
    checkout.snakemake(*CALIBRATION, "--set-scatter", "calibration=3")
    return checkout


@pytest.fixture(scope="module")
def table(finished):
    return read_table(finished.path / "results/calibration/calibration.tsv")


def test_a_cluster_takes_as_many_pieces_as_it_is_told(finished):
    forced = finished.planned(*CALIBRATION, "--forceall", "--set-scatter", "calibration=50")
    assert forced == {
        "simulate_calibration": 50,
        "summarize_calibration": 1,
        "simulate_few_deaths": 50,
        "summarize_few_deaths": 1,
    }


def test_an_edit_of_an_estimator_runs_it_again(finished, tmp_path):
    assert finished.planned(*CALIBRATION, "--set-scatter", "calibration=3") == {}
    copy = tmp_path / "copy"
    shutil.copytree(finished.path, copy)
    edited = type(finished)(copy)
    edited.edit("workflow/scripts/seermatch/survival/cox.py", "import numpy", "\nimport numpy")
    plan = edited.planned(*CALIBRATION, "--set-scatter", "calibration=3")
    assert plan["simulate_calibration"] == plan["simulate_few_deaths"] == 3


def test_each_piece_holds_its_repetitions(finished):
    folder = finished.path / "results/calibration/calibration"
    pieces = [pd.read_parquet(folder / f"{i}-of-3.parquet") for i in (1, 2, 3)]
    expected = [records for _, records in repeat_study([1, 2], [36, 48], seed=20261122)]
    for piece, records in zip(pieces, expected, strict=False):
        pd.testing.assert_frame_equal(piece, records, rtol=1e-9)
    assert len(pieces[2]) == 0


def test_the_table_holds_every_scenario(finished, table):
    assert tuple(table.columns) == COLUMNS
    assert table["scenario"].unique().tolist() == NAMES
    by_default = pd.read_csv(finished.path / "results/calibration/calibration.tsv", sep="\t")
    assert by_default["scenario"].notna().all()  # no name reads as a missing value
    assert (table["repetitions"] == 2).all()
    assert (finished.path / "results/calibration/calibration.svg").stat().st_size > 10_000


def test_few_deaths_are_a_table_and_a_section_of_their_own(finished):
    few = read_table(finished.path / "results/calibration/few_deaths.tsv")
    assert tuple(few.columns) == FEW_COLUMNS
    assert few.groupby(list(KINDS)).ngroups == len(DEATHS) * 4
    assert (few["cohorts"] == 2 * COHORTS).all()
    section = page.few_deaths_section(few)
    assert section.count("\n| ") == len(DEATHS) * 4 + 2
    assert "nan" not in section
    stored = (ROOT / "docs/validation.md").read_text(encoding="utf-8")
    assert stored.count(page.FEW_BEGIN) == stored.count(page.FEW_END) == 1


def test_the_section_leaves_the_rest_of_the_page_alone(table, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "validation/r"))
    agreement = importlib.import_module("validation_page")
    path = tmp_path / "validation.md"
    agreement.put_section(path, "## Agreement with R\n\nsuperseded")
    for seed in (1, 2):
        section = page.coverage_section(table, seed)
        put_section(path, page.BEGIN, page.END, section)
    agreement.put_section(path, "## Agreement with R\n\nnew")
    text = path.read_text(encoding="utf-8")
    assert text.count("## Agreement with R\n\nnew") == text.count("## Calibration") == 1
    assert "superseded" not in text and "seed 2" in text and "seed 1)" not in text
    assert text.index("## Agreement") < text.index("## Calibration")
    for name in NAMES:
        assert f"| {name} |" in text
    # Two repetitions leave some spreads undefined; the stored page has them all.
    stored = (ROOT / "docs/validation.md").read_text(encoding="utf-8")
    assert "\n| " in text and "nan" not in stored.split("## Calibration")[1].split("### What")[0]
