"""The calibration as a target of its own: shared out over pieces, and not part of the study."""

import pandas as pd
from seermatch.calibration import repeat_study
from seermatch.calibration_cohorts import SCENARIOS
from seermatch.calibration_summary import COLUMNS

PIECES = {"simulate_calibration": 8, "summarize_calibration": 1}


def test_it_runs_on_demand_only(checkout):
    plan = checkout.planned("calibration", "--set-scatter", "calibration=50")
    assert plan == PIECES | {"simulate_calibration": 50}
    assert not PIECES.keys() & checkout.planned().keys()


def test_pieces_hold_the_repetitions_and_the_table_all_scenarios(checkout):
    """Three pieces for two repetitions: one of them has nothing to do."""
    checkout.edit("config/config.yaml", "repetitions: 1000", "repetitions: 2")
    checkout.snakemake("calibration", "--set-scatter", "calibration=3")
    folder = checkout.path / "results"
    pieces = [pd.read_parquet(folder / f"calibration/{i}-of-3.parquet") for i in (1, 2, 3)]
    expected = [records for _, records in repeat_study([1, 2], [36, 48], seed=20261122)]
    for piece, records in zip(pieces, expected, strict=False):
        pd.testing.assert_frame_equal(piece, records, rtol=1e-9)
    assert len(pieces[2]) == 0
    table = pd.read_csv(folder / "calibration.tsv", sep="\t")
    assert tuple(table.columns) == COLUMNS
    assert table["scenario"].unique().tolist() == [scenario.name for scenario in SCENARIOS]
    assert len(table) == len(expected[0])
    assert (folder / "figures/calibration.svg").stat().st_size > 10_000
