"""Whole studies without a death of a cause or of a group, from the export to the page."""

import pandas as pd
import polars as pl
import pytest
from seermatch.analysis.sensitivity import CAUSE_OF_DEATH
from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
from seermatch.synthetic.registry import simulate_registry

EXPOSURE, EXPOSED = "Derived EOD 2018 M Recode (2018+)", "M0(i+)"
OUTCOME = [
    "Vital status recode (study cutoff used)",
    "SEER cause-specific death classification",
    "SEER other cause of death classification",
    "COD to site recode",
]
OTHER_CAUSE = "Dead (attributable to causes other than this cancer dx)"
FIRTH = "Firth's likelihood-ratio test"
OVERLAY = """\
stability: {seeds: 20}
sensitivity: {imputations: 2, calipers: [0.1], ratios: [1], orders: [], estimands: [ATT]}
paper: {folder: null}
matching: {covariates: [age, tumor_size, grade, n_stage], caliper: %s}
regression: {recommended: [age, grade]}
cohort: {years: [2018]}
"""


def study_of(checkout, spared, caliper):
    """Run the whole study on an export in which some patients are alive."""
    rows = simulate_registry(7, reference_scale=0.02).exports[2018]
    rows = rows.with_columns(pl.all().cast(pl.String))
    alive = rows.filter(pl.col(OUTCOME[0]) == "Alive").row(0, named=True)
    rows = rows.with_columns(
        pl.when(spared).then(pl.lit(alive[name])).otherwise(pl.col(name)).alias(name)
        for name in OUTCOME
    )
    folder = checkout.path / "exports"
    folder.mkdir()
    (folder / "breast.csv").write_bytes(export_text(rows))
    dictionary = dictionary_text(rows.columns, DATABASE, "breast.csv")
    (folder / "breast.dic").write_text(dictionary, "utf-8")
    sheet = "export\tpath\tdictionary\nbreast\texports/breast.csv\t\n"
    (checkout.path / "config/exports.tsv").write_text(sheet, encoding="utf-8")
    (checkout.path / "few.yaml").write_text(OVERLAY % caliper, encoding="utf-8")
    checkout.snakemake("--configfile", "few.yaml")
    results = checkout.path / "results"
    assert (results / "methods.md").exists()
    assert (results / "report.html").read_text("utf-8").count("<figure") == 11
    assert len(list((results / "figures").glob("*.svg"))) == 11
    tests = [pd.read_csv(results / f"{name}.tsv", sep="\t") for name in ("survival/logrank",
             "competing_risks/gray")]  # fmt: skip
    return results, *tests


def group_row(results, models):
    rows = pd.read_parquet(results / f"private/{models}.parquet").query("term == 'group'")
    return rows[rows["model"] == "univariable"].iloc[0]


def test_no_death_of_the_exposed(checkout):
    """Test, hazard ratio and its interval are of one model; the flat curve has a band."""
    results, logrank, gray = study_of(checkout, pl.col(EXPOSURE) == EXPOSED, caliper=1)
    assert {*logrank["test"], *gray["test"]} == {FIRTH}
    row = group_row(results, "survival/cox")
    assert row["p_value"] == pytest.approx(logrank["p_value"].iloc[0])
    assert (row["hr_high"] < 1) == (row["p_value"] < 0.05)
    curve = pd.read_parquet(results / "private/survival/kaplan_meier.parquet")
    curve = curve[curve["group"].astype(str) == EXPOSED]
    assert (curve["survival"] == 1).all()
    assert (curve["conf_high"] > curve["conf_low"]).all()
    sensitivity = pd.read_csv(results / "sensitivity.tsv", sep="\t")
    assert sensitivity["hr"].notna().all()
    assert sensitivity["variance"].str.startswith("penalized").any()


@pytest.mark.parametrize("caliper", ["1", "0.00001"])
def test_no_death_of_another_cause(checkout, caliper):
    """With so narrow a caliper sets are incomplete."""
    spared = pl.col(OUTCOME[2]) == OTHER_CAUSE
    results, _, gray = study_of(checkout, spared, caliper)
    matched = pd.read_parquet(results / "private/matched.parquet")
    assert (matched["weight"] == 1).all() == (caliper == "1")
    assert pd.isna(gray.set_index("cause").loc["other death", "p_value"])
    page = (results / "report.html").read_text("utf-8")
    assert "p not estimable" in page
    sensitivity = pd.read_csv(results / "sensitivity.tsv", sep="\t")
    other = sensitivity["outcome"].str.startswith("other death")
    # by the cause of death alone, some of the deaths are of another cause
    other &= sensitivity["analysis"] != CAUSE_OF_DEATH
    assert sensitivity.loc[other, "hr"].isna().all()
