"""Further studies on the same registry: the exports are not read again, other results stay."""

import hashlib
import shutil

import pandas as pd
import polars as pl
import pytest
import yaml
from seermatch.analysis.names import BEYOND_ALL_FOLLOW_UP
from seermatch.cohort.criteria import Exposure
from seermatch.cohort.filter import filter_cohort
from seermatch.seer.fields import match_columns
from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
from seermatch.synthetic.registry import simulate_registry

STUDIES = {"nodal_micrometastasis": "N1mi", "nodal_isolated_cells": "N0(i+)"}
EXAMINED = "regional nodes examined by a pathologist"


def filtered(*arguments, **options):
    return filter_cohort(*arguments, **options).collect()


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
    assert planned["render_report"] == planned["match_cohort"] == planned["answer_claims"] == 1


def test_the_default_study_puts_no_claims(finished_study):
    assert "answer_claims" not in finished_study.planned("--forceall")
    assert not (finished_study.path / "results/claims.tsv").exists()
    assert 'id="claims"' not in (finished_study.path / "results/report.html").read_text("utf-8")


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
    claims = "results/nodal_micrometastasis/claims.tsv"
    copy.done = copy.snakemake("study", claims, *overlay("nodal_micrometastasis"))
    copy.untouched = {file: digests(path / "results").get(file) for file in before} == before
    return copy


@pytest.fixture
def results(micrometastasis):
    return micrometastasis.path / "results/nodal_micrometastasis"


def test_the_default_results_stay_as_they_are(micrometastasis):
    assert micrometastasis.untouched
    assert micrometastasis.planned() == {}
    claims = "results/nodal_micrometastasis/claims.tsv"
    assert micrometastasis.planned("study", claims, *overlay("nodal_micrometastasis")) == {}


def test_claims_are_answered_at_36_and_48_months_and_not_beyond_the_follow_up(results):
    claims = read(results / "claims.tsv")
    assert claims["month"].tolist() == [36, 48, 60]
    assert claims["claim"].nunique() == 2
    late = claims.iloc[2]
    assert late["verdict"] == "cannot be answered"
    assert late["status"] == BEYOND_ALL_FOLLOW_UP
    assert late["estimate"] == late["low"] == late["hazard_ratio"] == ""
    told = read(results / "interpretation.tsv")
    told = told[
        (told["quantity"] == "difference in cumulative incidence")
        & (told["outcome"] == "cancer death")
    ]
    for name in ("estimate", "low", "high"):
        assert claims[name].iloc[:2].astype(float).tolist() == pytest.approx(
            told[name].astype(float).tolist(), abs=1e-12
        )


def test_a_changed_claim_reruns_its_answer_and_publishes_it(micrometastasis, tmp_path):
    text = (micrometastasis.path / overlay("nodal_micrometastasis")[1]).read_text("utf-8")
    (tmp_path / "other.yaml").write_text(text.replace("months: [36, 48]", "months: [24]"), "utf-8")
    claims = "results/nodal_micrometastasis/claims.tsv"
    plan = micrometastasis.planned("study", claims, "--configfile", str(tmp_path / "other.yaml"))
    # the months of claims are among those at which curves are published
    published = {"publish_outcomes": 1, "draw_figures": 1, "publish_sensitivity": 1}
    assert plan == {"answer_claims": 1} | published


def test_the_groups_are_those_of_the_study(results):
    for number in (1, 2):
        table = read(results / f"table{number}.tsv")
        assert list(table.columns) == ["variable", "level", "N0", "N1mi", "p_value", "test"]
        assert not table["variable"].str.contains("N stage").any()
    balance = read(results / "balance.tsv")
    assert "n_stage" not in set(balance["term"])
    for number in (3, 4):
        assert "N1mi" in read(results / f"table{number}.tsv")["contrast"].str.cat()
    cohort = pd.read_parquet(results / "private/cohort.parquet")
    assert (cohort["n_stage"] == cohort["group"].map({0: "N0", 1: "N1mi"})).all()


def test_only_examined_nodes_count(results):
    flow = read(results / "attrition.tsv").set_index("criterion")
    assert flow.loc[EXAMINED, "excluded_reference"] > 0
    assert flow.loc[EXAMINED, "excluded_exposed"] == 0
    assert flow.loc["M0", "excluded_exposed"] > 0


def test_the_sets_are_near_and_balanced(results):
    matched = pd.read_parquet(results / "private/matched.parquet")
    sets = matched.groupby("matched_set")["group"].agg(["size", "sum"])
    assert (sets["sum"] == 1).all()
    assert sets["size"].isin([2, 3]).all()
    controls = matched[matched["group"] == 0].groupby("matched_set")["weight"]
    per_set = controls.sum() * len(sets) / (matched["group"] == 0).sum()
    assert per_set.sub(1).abs().max() < 1e-9
    balance = read(results / "balance.tsv")
    assert balance["smd_after"].abs()[0] < 0.05, "the propensity score itself"
    assert balance["smd_after"].abs().max() < 0.2, "some 200 exposed patients leave room for chance"


EOD, NUMBER = "EOD Regional Nodes (2018+)", "Regional nodes examined (1988+)"


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("exported", [{EOD, NUMBER}, {EOD}, {NUMBER}, set()], ids=len)
def test_examined_nodes_are_told_by_either_column(checkout, study, exported):
    """The overlay's own criterion, with the two columns disagreeing in some records."""
    settings = yaml.safe_load((checkout.path / overlay(study)[1]).read_text("utf-8"))["cohort"]
    rows = pl.concat(simulate_registry(7, reference_scale=0.02).exports.values())
    rows = rows.with_columns(pl.all().cast(pl.String))
    some = pl.int_range(pl.len()) % 3 == 0
    rows = rows.with_columns(pl.when(some).then(pl.lit("00")).otherwise(NUMBER).alias(NUMBER))
    rows = rows.drop({EOD, NUMBER} - exported)
    names = match_columns(rows.columns, [""] * len(rows.columns), "a.csv")
    rows = rows.select(pl.col(rows.columns[at]).alias(name) for name, at in names.items())
    (criterion,) = (c for c in settings["criteria"] if c["criterion"] == EXAMINED)
    groups = {"criterion": "staged", "keep": {"exposure": {"labels": ["reference", "exposed"]}}}
    labels = [settings["exposure"][arm]["labels"] for arm in ("reference", "exposed")]
    exposure = Exposure(settings["exposure"]["field"], *map(tuple, labels))
    found = filtered(rows.lazy(), [groups, criterion], exposure, [2018, 2019, 2020])

    staged = rows.filter(
        pl.col("n_stage").is_in([*labels[0], *labels[1]]), pl.col("year") <= "2020"
    )
    code = "100" if STUDIES[study] == "N1mi" else "030"
    wanted = [
        (NUMBER in exported and 1 <= int(row["regional_nodes_examined"]) <= 98
         and int(row["regional_nodes_examined"]) != 95)
        or (EOD in exported and row["eod_regional_nodes"] in ("070", code))
        or not exported
        for row in staged.to_dicts()
    ]  # fmt: skip
    assert found.records["patient_id"].to_list() == staged.filter(wanted)["patient_id"].to_list()
    assert bool(found.not_applied) == (not exported)
    assert not exported or 0 < sum(wanted) < len(wanted)


REGISTRIES = ["Iowa", "Utah", "Hawaii"]


def test_registries_are_chosen_and_matched_exactly(new_checkout, tmp_path):
    """One export of SEER Research Plus, which does not tell whose nodes were examined."""
    checkout = new_checkout(tmp_path / "checkout")
    exports = simulate_registry(7, reference_scale=0.02).exports
    rows = pl.concat(exports.values()).drop(EOD, NUMBER)
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

    done = checkout.snakemake("results/nodal_micrometastasis/private/matched.parquet", *study)
    told = f"warning: '{EXAMINED}' is not applied: {EOD}, {NUMBER} are not exported"
    assert told in done.stderr
    flow = pd.read_parquet(results / "private/attrition.parquet")
    assert flow["criterion"].str.contains(r"\(not exported, not applied\)").sum() == 1
    assert flow.loc[0, "remaining"] == labels.isin(["Iowa", "Utah"]).sum()
    matched = pd.read_parquet(results / "private/matched.parquet")
    assert list(matched["registry"].cat.categories) == ["Iowa", "Utah"]
    for name in ("registry", "year"):
        assert len(matched[["matched_set", name]].drop_duplicates()) == matched["matched_set"].max()
    assert set(matched["registry"]) == {"Iowa", "Utah"}

    file.write_text(file.read_text("utf-8").replace("[Iowa, Utah]", "[Iowa, Utha]"), "utf-8")
    target = "results/nodal_micrometastasis/private/cohort.parquet"
    done = checkout.snakemake(target, *study, succeeds=False)
    told = (
        "registry has no label 'Utha' in SEER's dictionaries or in a record; did you mean 'Utah'?"
    )
    assert told in done.stderr


def test_exports_without_registries_say_where_to_get_them(study_copy):
    study_copy.edit("config/config.yaml", "exact: []", "exact: [registry]")
    done = study_copy.snakemake("results/private/matched.parquet", succeeds=False)
    assert "matching.exact: registry is not in all exports" in done.stderr
    study_copy.edit("config/config.yaml", "registries: null", "registries: [Utah]")
    done = study_copy.snakemake("results/private/matched.parquet", succeeds=False)
    assert "the export has no column SEER registry" in done.stderr
