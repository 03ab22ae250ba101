"""Further studies on the same registry: the exports are not read again, other results stay."""

import hashlib
import shutil

import pandas as pd
import polars as pl
import pytest
import yaml
from seermatch.synthetic import DATABASE, dictionary_text, export_text, simulate_registry

STUDIES = {"nodal_micrometastasis": "N1mi", "nodal_isolated_cells": "N0(i+)"}
EXAMINED = "regional nodes examined by a pathologist"


def overlay(study):
    return ("--configfile", f"config/studies/{study}.yaml")


def read(path):
    return pd.read_csv(path, sep="\t", keep_default_na=False)


def digests(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module", params=STUDIES)
def planned(request, finished_study):
    """Jobs of a nodal study after the default one."""
    return finished_study.planned(*overlay(request.param))


def test_a_further_study_reads_no_export_again(planned):
    assert {"ingest_export", "simulate_exports"}.isdisjoint(planned)
    assert planned["filter_cohort"] == 5
    assert planned["render_report"] == planned["match_cohort"] == 1


def test_a_further_study_is_not_compared_with_the_paper(planned):
    assert {"audit_paper", "compare_with_paper"}.isdisjoint(planned)


@pytest.mark.parametrize("study", STUDIES)
def test_a_further_study_differs_where_it_must(checkout, study):
    """Criteria are a list, which an overlay replaces whole: the other ones must stay the same."""
    default = yaml.safe_load((checkout.path / "config/config.yaml").read_text("utf-8"))
    other = yaml.safe_load((checkout.path / overlay(study)[1]).read_text("utf-8"))
    kept = [c for c in default["cohort"]["criteria"][1:] if "n_stage" not in c["keep"]]
    changed = [c for c in other["cohort"]["criteria"] if c not in kept]
    assert [c for c in other["cohort"]["criteria"] if c in kept] == kept
    assert [c["criterion"] for c in changed[1:]] == ["M0", EXAMINED]
    terms = [t for t in default["matching"]["covariates"] if t != "n_stage"]
    assert other["matching"]["covariates"] == terms
    recommended = [t for t in default["regression"]["recommended"] if t != "n_stage"]
    assert other["regression"]["recommended"] == recommended


@pytest.fixture(scope="module")
def micrometastasis(finished_study, tmp_path_factory):
    """The tables and figures of the study of N1mi, run in a copy of the finished default study."""
    path = tmp_path_factory.mktemp("nodal") / "copy"
    shutil.copytree(finished_study.path, path)
    copy = type(finished_study)(path)
    before = digests(path / "results")
    copy.done = copy.snakemake("study", *overlay("nodal_micrometastasis"))
    copy.untouched = {file: digests(path / "results").get(file) for file in before} == before
    return copy


@pytest.fixture
def results(micrometastasis):
    return micrometastasis.path / "results/nodal_micrometastasis"


def test_the_default_results_stay_as_they_are(micrometastasis):
    assert micrometastasis.untouched
    assert micrometastasis.planned() == {}
    assert micrometastasis.planned("study", *overlay("nodal_micrometastasis")) == {}


def test_the_groups_are_those_of_the_study(results):
    for number in (1, 2):
        table = read(results / f"table{number}.tsv")
        assert list(table.columns) == ["variable", "level", "N0", "N1mi", "p_value", "test"]
        assert not table["variable"].str.contains("N stage").any()
    balance = read(results / "balance.tsv")
    assert "n_stage" not in set(balance["term"])
    for number in (3, 4):
        assert "N1mi" in read(results / f"table{number}.tsv")["contrast"].str.cat()
    cohort = pd.read_parquet(results / "cohort.parquet")
    assert (cohort["n_stage"] == cohort["group"].map({0: "N0", 1: "N1mi"})).all()


def test_only_examined_nodes_count(results):
    flow = read(results / "attrition.tsv").set_index("criterion")
    assert flow.loc[EXAMINED, "excluded_reference"] > 0
    assert flow.loc[EXAMINED, "excluded_exposed"] == 0
    assert flow.loc["M0", "excluded_exposed"] > 0


def test_the_sets_are_near_and_balanced(results):
    matched = pd.read_parquet(results / "matched.parquet")
    sets = matched.groupby("matched_set")["group"].agg(["size", "sum"])
    assert (sets["sum"] == 1).all()
    assert sets["size"].isin([2, 3]).all()
    controls = matched[matched["group"] == 0].groupby("matched_set")["weight"]
    per_set = controls.sum() * len(sets) / (matched["group"] == 0).sum()
    assert per_set.sub(1).abs().max() < 1e-9
    balance = read(results / "balance.tsv")
    assert balance["smd_after"].abs()[0] < 0.05, "the propensity score itself"
    assert balance["smd_after"].abs().max() < 0.2, "some 200 exposed patients leave room for chance"


REGISTRIES = ["Iowa", "Utah", "Hawaii"]


def test_registries_are_chosen_and_matched_exactly(new_checkout, tmp_path):
    """One export of SEER Research Plus, without EOD Regional Nodes."""
    checkout = new_checkout(tmp_path / "checkout")
    exports = simulate_registry(7, reference_scale=0.02).exports
    rows = pl.concat(exports.values()).drop("EOD Regional Nodes (2018+)")
    labels = pd.Series(REGISTRIES).sample(len(rows), replace=True, random_state=1)
    rows = rows.with_columns(pl.Series("SEER registry", labels.to_list()))
    folder = checkout.path / "exports"
    folder.mkdir()
    (folder / "plus.csv").write_bytes(export_text(rows))
    (folder / "plus.dic").write_text(dictionary_text(rows.columns, DATABASE, "plus.csv"), "utf-8")
    sheet = "export\tpath\tdictionary\nplus\texports/plus.csv\t\n"
    (checkout.path / "config/exports.tsv").write_text(sheet, encoding="utf-8")
    study = overlay("nodal_micrometastasis")
    file = checkout.path / study[1]
    chosen = "cohort:\n  registries: [Iowa, Utah]\n"
    text = file.read_text("utf-8").replace("cohort:\n", chosen)
    file.write_text(text.replace("matching:\n", "matching:\n  exact: [year, registry]\n"), "utf-8")
    results = checkout.path / "results/nodal_micrometastasis"

    done = checkout.snakemake("results/nodal_micrometastasis/matched.parquet", *study)
    assert f"'{EXAMINED}' is not applied: eod_regional_nodes not exported" in done.stderr
    flow = read(results / "attrition.tsv")
    assert flow["criterion"].str.contains(r"\(not exported, not applied\)").sum() == 1
    assert flow.loc[0, "remaining"] == labels.isin(["Iowa", "Utah"]).sum()
    matched = pd.read_parquet(results / "matched.parquet")
    assert list(matched["registry"].cat.categories) == ["Iowa", "Utah"]
    for name in ("registry", "year"):
        assert len(matched[["matched_set", name]].drop_duplicates()) == matched["matched_set"].max()
    assert set(matched["registry"]) == {"Iowa", "Utah"}

    file.write_text(file.read_text("utf-8").replace("[Iowa, Utah]", "[Iowa, Utha]"), "utf-8")
    target = "results/nodal_micrometastasis/cohort.parquet"
    done = checkout.snakemake(target, *study, succeeds=False)
    assert "cohort.registries: no record is of Utha" in done.stderr


def test_exports_without_registries_say_where_to_get_them(study_copy):
    study_copy.edit("config/config.yaml", "exact: []", "exact: [registry]")
    done = study_copy.snakemake("results/matched.parquet", succeeds=False)
    assert "matching.exact: registry is not in all exports" in done.stderr
    study_copy.edit("config/config.yaml", "registries: null", "registries: [Utah]")
    done = study_copy.snakemake("results/matched.parquet", succeeds=False)
    assert "the export has no column SEER registry" in done.stderr
