"""The calibration as a target of its own: shared out over pieces, and not part of the study."""

import importlib
from pathlib import Path

import pandas as pd
import pytest
from seermatch.calibration.cohorts import SCENARIOS
from seermatch.calibration.few_deaths import COHORTS, DEATHS, KINDS
from seermatch.calibration.few_deaths import COLUMNS as FEW_COLUMNS
from seermatch.calibration.repetitions import repeat_study
from seermatch.calibration.summary import COLUMNS
from study_io import read_table

ROOT = Path(__file__).parent.parent.parent
NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, new_checkout):
    """A checkout with two repetitions in three pieces: one of them has nothing to do."""
    checkout = new_checkout(tmp_path_factory.mktemp("calibration") / "checkout")
    checkout.edit("config/config.yaml", "repetitions: 1000", "repetitions: 2")
    checkout.snakemake("calibration", "--set-scatter", "calibration=3")
    return checkout


@pytest.fixture(scope="module")
def table(finished):
    return read_table(finished.path / "results/calibration.tsv")


def test_it_runs_on_demand_only(checkout):
    plan = checkout.planned("calibration", "--set-scatter", "calibration=50")
    assert plan == {
        "simulate_calibration": 50,
        "summarize_calibration": 1,
        "simulate_few_deaths": 50,
        "summarize_few_deaths": 1,
    }
    assert not plan.keys() & checkout.planned().keys()


def test_each_piece_holds_its_repetitions(finished):
    folder = finished.path / "results/calibration"
    pieces = [pd.read_parquet(folder / f"{i}-of-3.parquet") for i in (1, 2, 3)]
    expected = [records for _, records in repeat_study([1, 2], [36, 48], seed=20261122)]
    for piece, records in zip(pieces, expected, strict=False):
        pd.testing.assert_frame_equal(piece, records, rtol=1e-9)
    assert len(pieces[2]) == 0


def test_the_table_holds_every_scenario(finished, table):
    assert tuple(table.columns) == COLUMNS
    assert table["scenario"].unique().tolist() == NAMES
    by_default = pd.read_csv(finished.path / "results/calibration.tsv", sep="\t")
    assert by_default["scenario"].notna().all()  # no name reads as a missing value
    assert (table["repetitions"] == 2).all()
    assert (finished.path / "results/figures/calibration.svg").stat().st_size > 10_000


def test_few_deaths_are_a_table_and_a_section_of_their_own(finished, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    page = importlib.import_module("calibration")
    few = read_table(finished.path / "results/few_deaths.tsv")
    assert tuple(few.columns) == FEW_COLUMNS
    assert few.groupby(list(KINDS)).ngroups == len(DEATHS) * 4
    assert (few["cohorts"] == 2 * COHORTS).all()
    section = page.few_deaths_section(few)
    assert section.count("\n| ") == len(DEATHS) * 4 + 2
    assert "nan" not in section
    stored = (ROOT / "docs/validation.md").read_text(encoding="utf-8")
    assert stored.count(page.FEW_BEGIN) == stored.count(page.FEW_END) == 1


def test_the_section_leaves_the_rest_of_the_page_alone(table, tmp_path, monkeypatch):
    for folder in ("docs", "tests/r"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    calibration, agreement = (
        importlib.import_module(name) for name in ("calibration", "validation_page")
    )
    page = tmp_path / "validation.md"
    agreement.put_section(page, "## Agreement with R\n\nsuperseded")
    for seed in (1, 2):
        section = calibration.section(table, seed)
        calibration.put_section(page, calibration.BEGIN, calibration.END, section)
    agreement.put_section(page, "## Agreement with R\n\nnew")
    text = page.read_text(encoding="utf-8")
    assert text.count("## Agreement with R\n\nnew") == text.count("## Calibration") == 1
    assert "superseded" not in text and "seed 2" in text and "seed 1)" not in text
    assert text.index("## Agreement") < text.index("## Calibration")
    for name in NAMES:
        assert f"| {name} |" in text
    # Two repetitions leave some spreads undefined; the stored page has them all.
    stored = (ROOT / "docs/validation.md").read_text(encoding="utf-8")
    assert "\n| " in text and "nan" not in stored.split("## Calibration")[1].split("### What")[0]
