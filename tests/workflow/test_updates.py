"""Exports that come, change and go: only what they touch is done again, and the results are right.

The sheet names yearly exports of a user's own, outside the synthetic registry's folder. Results of
an updated study are compared with those of a fresh run on the same records.
"""

import hashlib
import json
import os
import shutil

import polars as pl
import pytest
from seermatch.synthetic.export import DATABASE, dictionary_text, export_text

ALL_YEARS = [2018, 2019, 2020, 2021, 2022]
MATCHED = [
    "results/attrition.tsv",
    "results/private/cohort.parquet",
    "results/private/matched.parquet",
]
TABLES = ["results/table1.tsv", "results/table4.tsv"]
PROVENANCE = "results/provenance.json"
SUBMISSION = "Nov 2024 Sub"


def export_name(year):
    return f"breast_{year}"


def write_sheet(checkout, names):
    lines = [f"{name}\texports/{name}.csv\t\n" for name in names]
    sheet = checkout.path / "config/exports.tsv"
    sheet.write_text("export\tpath\tdictionary\n" + "".join(lines), encoding="utf-8")


def change_years(checkout, old, new):
    checkout.edit("config/config.yaml", f"years: {old}", f"years: {new}")


def change_lines(checkout, year, change):
    """Change the lines of an export, the first of which holds the column names."""
    file = checkout.path / f"exports/{export_name(year)}.csv"
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))


def read_export(checkout, year):
    file = checkout.path / f"exports/{export_name(year)}.csv"
    return pl.read_csv(file, infer_schema=False)


def copy_of(checkout, path):
    shutil.copytree(checkout.path, path)
    return type(checkout)(path)


def results(checkout, *names):
    return {name: (checkout.path / name).read_bytes() for name in names}


def per_export(plan):
    """Count the jobs that run for each export, and those of the merge."""
    rules = ("ingest_export", "filter_cohort", "recode_variables", "merge_cohort")
    return tuple(plan.get(rule, 0) for rule in rules)


def follows_once(plan):
    """Check that each analysis is done again, once."""
    for rule in ("estimate_propensity", "match_cohort", "fit_cox", "fit_fine_gray"):
        assert plan[rule] == 1
    assert plan["write_provenance"] == plan["render_report"] == 1


@pytest.fixture(scope="module")
def five_years(finished_study, tmp_path_factory):
    """The finished study of five years on files of a user's own; tests work on copies."""
    checkout = copy_of(finished_study, tmp_path_factory.mktemp("updates") / "five")
    (checkout.path / "exports").mkdir()
    for file in (checkout.path / "resources/synthetic").glob("breast_*"):
        shutil.move(file, checkout.path / "exports" / file.name)
    write_sheet(checkout, map(export_name, ALL_YEARS))
    checkout.plan = checkout.planned("registry")
    checkout.snakemake("registry")
    return checkout


@pytest.fixture
def study(five_years, tmp_path):
    return copy_of(five_years, tmp_path / "copy")


@pytest.fixture(scope="module")
def four_years(five_years, tmp_path_factory):
    """The same study after 2022 was deleted; holds the plans it went by."""
    checkout = copy_of(five_years, tmp_path_factory.mktemp("updates") / "four")
    write_sheet(checkout, map(export_name, ALL_YEARS[:-1]))
    change_years(checkout, ALL_YEARS, ALL_YEARS[:-1])
    for suffix in ("csv", "dic"):
        (checkout.path / f"exports/breast_2022.{suffix}").unlink()
    checkout.plans = checkout.planned("registry"), checkout.planned()
    checkout.snakemake(*MATCHED, *TABLES, PROVENANCE)
    return checkout


@pytest.fixture(scope="module")
def one_export(five_years, new_checkout, tmp_path_factory):
    """A fresh study of one big export of all years."""
    checkout = new_checkout(tmp_path_factory.mktemp("updates") / "one")
    (checkout.path / "exports").mkdir()
    rows = pl.concat([read_export(five_years, year) for year in ALL_YEARS])
    (checkout.path / "exports/all.csv").write_bytes(export_text(rows))
    text = dictionary_text(rows.columns, DATABASE, "all.csv")
    (checkout.path / "exports/all.dic").write_text(text, encoding="utf-8")
    write_sheet(checkout, ["all"])
    checkout.snakemake(*MATCHED, *TABLES)
    return checkout


def test_files_that_move_are_read_again_and_change_nothing(five_years):
    assert five_years.plan == {"ingest_export": 5}
    assert five_years.planned() == {}


def test_a_year_that_is_deleted(four_years):
    first, then = four_years.plans
    assert first == {}
    # The years are a parameter of the filter, so it looks at every export again.
    assert per_export(then) == (0, 4, 4, 1)
    follows_once(then)


def test_a_year_that_is_added(four_years, five_years, tmp_path):
    study = copy_of(four_years, tmp_path / "copy")
    for left in study.path.glob("results/private/*/breast_2022.parquet"):
        left.unlink()
    for suffix in ("csv", "dic"):
        shutil.copy(five_years.path / f"exports/breast_2022.{suffix}", study.path / "exports")
    write_sheet(study, map(export_name, ALL_YEARS))
    change_years(study, ALL_YEARS[:-1], ALL_YEARS)
    assert study.planned("registry") == {"ingest_export": 1}
    study.snakemake("registry")
    plan = study.planned()
    assert per_export(plan) == (0, 5, 5, 1)
    follows_once(plan)
    study.snakemake(*MATCHED, PROVENANCE)
    assert results(study, *MATCHED, PROVENANCE) == results(five_years, *MATCHED, PROVENANCE)


def test_one_big_export_gives_the_results_of_yearly_ones(one_export, five_years):
    assert results(one_export, *MATCHED, *TABLES) == results(five_years, *MATCHED, *TABLES)


def test_other_years_of_one_big_export_read_nothing_again(one_export, four_years, tmp_path):
    study = copy_of(one_export, tmp_path / "copy")
    change_years(study, ALL_YEARS, ALL_YEARS[:-1])
    assert study.planned("registry") == {}
    plan = study.planned()
    assert per_export(plan) == (0, 1, 1, 1)
    follows_once(plan)
    study.snakemake(*MATCHED, *TABLES)
    assert results(study, *MATCHED, *TABLES) == results(four_years, *MATCHED, *TABLES)


def test_a_year_that_is_replaced(study, five_years, new_checkout, tmp_path):
    change_lines(study, 2020, lambda lines: [lines[0], *lines[:40:-1]])
    assert study.planned("registry") == {"ingest_export": 1}
    study.snakemake("registry")
    plan = study.planned()
    assert per_export(plan) == (0, 1, 1, 1)
    follows_once(plan)
    study.snakemake(*MATCHED, PROVENANCE)

    fresh = new_checkout(tmp_path / "fresh")
    shutil.copytree(study.path / "exports", fresh.path / "exports")
    shutil.copy(study.path / "config/exports.tsv", fresh.path / "config/exports.tsv")
    fresh.snakemake(*MATCHED, PROVENANCE)
    assert results(study, *MATCHED, PROVENANCE) == results(fresh, *MATCHED, PROVENANCE)
    for name in (*MATCHED, PROVENANCE):
        assert results(study, name) != results(five_years, name)


def test_an_identical_export_with_a_new_time(study):
    change_lines(study, 2019, list)
    os.utime(study.path / "exports/breast_2018.csv")
    os.utime(study.path / "exports/breast_2018.dic")
    assert study.planned("registry") == {}
    assert study.planned() == {}


def test_the_provenance_names_file_submission_and_database(five_years):
    provenance = json.loads((five_years.path / PROVENANCE).read_text(encoding="utf-8"))
    exports = provenance["exports"]
    assert [export["export"] for export in exports] == list(map(export_name, ALL_YEARS))
    for export in exports:
        data = (five_years.path / "exports" / export["source"]).read_bytes()
        assert export["sha256"] == hashlib.sha256(data).hexdigest()
        assert export["rows"] == data.count(b"\n") - 1
        assert export["submission"] == "Nov 2024"
        assert export["database"] == DATABASE


def test_exports_that_overlap_are_reported_with_counts(study):
    copied = read_export(study, 2020)[:200].select(
        pl.col("Patient ID").alias("patient_id"),
        pl.col("Record number recode").cast(pl.Int16).alias("record_number"),
    )
    eligible = pl.read_parquet(study.path / "results/private/recoded/breast_2020.parquet")
    twice = len(eligible.join(copied, on=["patient_id", "record_number"]))
    assert 100 < twice <= 200
    lines = (study.path / "exports/breast_2020.csv").read_bytes().splitlines(keepends=True)
    change_lines(study, 2021, lambda own: [*own, *lines[1:201]])
    done = study.snakemake("results/private/cohort.parquet", succeeds=False)
    assert f"{2 * twice} eligible records share patient and record number" in done.stderr
    assert f"({twice} in breast_2020, {twice} in breast_2021)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (study.path / "results/private/cohort.parquet").exists()


def test_exports_of_different_submissions(study):
    """They stop the run, unless tumors instead of patients are wanted; then no number is needed."""
    study.edit("exports/breast_2021.dic", SUBMISSION, "Nov 2023 Sub")
    done = study.snakemake("results/private/cohort.parquet", succeeds=False)
    assert "the exports come from different submissions: breast_2018 (Nov 2024)" in done.stderr
    assert "breast_2021 (Nov 2023)" in done.stderr
    assert "one_tumor_per_patient" in done.stderr
    assert "Traceback" not in done.stderr

    nameless = read_export(study, 2018).drop("Patient ID", "Record number recode")
    (study.path / "exports/breast_2018.csv").write_bytes(export_text(nameless))
    text = dictionary_text(nameless.columns, DATABASE, "breast_2018.csv")
    (study.path / "exports/breast_2018.dic").write_text(text, encoding="utf-8")
    option = "one_tumor_per_patient: "
    study.edit("config/config.yaml", f"{option}true", f"{option}false")
    study.snakemake("results/private/matched.parquet", PROVENANCE)
    cohort = pl.read_parquet(study.path / "results/private/cohort.parquet")
    recoded = [pl.read_parquet(file) for file in (study.path / "results/private/recoded").glob("*")]
    assert len(cohort) == sum(int(records["complete"].sum()) for records in recoded)
    assert cohort["patient_id"].to_list() == [f"{number + 1:08}" for number in range(len(cohort))]
    matched = pl.read_parquet(study.path / "results/private/matched.parquet")
    assert matched["patient_id"].is_unique().all()
    provenance = json.loads((study.path / PROVENANCE).read_text(encoding="utf-8"))
    submissions = [export["submission"] for export in provenance["exports"]]
    assert submissions == ["Nov 2024"] * 3 + ["Nov 2023"] + ["Nov 2024"]
