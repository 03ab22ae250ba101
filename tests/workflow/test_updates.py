"""Exports that come, change and go: only what they touch is done again, and the results are right.

The sheet names yearly exports of a user's own. Results of an updated study are compared with those
of a fresh run, or of one big export, on the same records.
"""

import hashlib
import json
import os
import shutil

import polars as pl
import pytest
from seermatch.synthetic import DATABASE, dictionary_text, export_text, simulate_registry

ALL_YEARS = [2018, 2019, 2020, 2021, 2022]
MATCHED = ["results/attrition.tsv", "results/cohort.parquet", "results/matched.parquet"]
TABLES = ["results/table1.tsv", "results/table4.tsv"]
PROVENANCE = "results/provenance.json"
OLDER = DATABASE.replace("Nov 2024 Sub", "Nov 2023 Sub")
# Rules with one job per export, then those that join the exports; what follows runs once each.
FILTERED = ("filter_cohort", "recode_variables")


@pytest.fixture(scope="module")
def registry():
    return simulate_registry(7, reference_scale=0.02).exports


def write_export(checkout, name, rows, database=DATABASE):
    folder = checkout.path / "exports"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_bytes(export_text(rows))
    text = dictionary_text(rows.columns, database, f"{name}.csv")
    (folder / f"{name}.dic").write_text(text, encoding="utf-8")


def write_sheet(checkout, names):
    lines = [f"{name}\texports/{name}.csv\t\n" for name in names]
    sheet = checkout.path / "config/exports.tsv"
    sheet.write_text("export\tpath\tdictionary\n" + "".join(lines), encoding="utf-8")


def change_years(checkout, old, new):
    checkout.edit("config/config.yaml", f"years: {old}", f"years: {new}")


def copy_of(checkout, path):
    shutil.copytree(checkout.path, path)
    return type(checkout)(path)


def results(checkout, *names):
    return {name: (checkout.path / name).read_bytes() for name in names}


def per_export(plan):
    """Count the jobs of the rules that run for each export, and of the merge."""
    return tuple(plan.get(rule, 0) for rule in ("ingest_export", *FILTERED, "merge_cohort"))


def follows_once(plan):
    """Check that each analysis is done again, once."""
    for rule in ("estimate_propensity", "match_cohort", "fit_cox", "fit_fine_gray"):
        assert plan[rule] == 1
    assert plan["write_provenance"] == plan["render_report"] == 1


@pytest.fixture(scope="module")
def four_years(new_checkout, tmp_path_factory, registry):
    """A finished study of the exports of 2018 to 2021; tests work on copies."""
    checkout = new_checkout(tmp_path_factory.mktemp("updates") / "four")
    for year in ALL_YEARS[:-1]:
        write_export(checkout, year, registry[year])
    write_sheet(checkout, ALL_YEARS[:-1])
    change_years(checkout, ALL_YEARS, ALL_YEARS[:-1])
    checkout.snakemake()
    return checkout


@pytest.fixture
def study(four_years, tmp_path):
    return copy_of(four_years, tmp_path / "copy")


@pytest.fixture(scope="module")
def fifth_year(four_years, tmp_path_factory, registry):
    """The same study after 2022 was added, registry first; holds the plans it went by."""
    checkout = copy_of(four_years, tmp_path_factory.mktemp("updates") / "five")
    write_export(checkout, 2022, registry[2022])
    write_sheet(checkout, ALL_YEARS)
    change_years(checkout, ALL_YEARS[:-1], ALL_YEARS)
    checkout.plans = [checkout.planned("registry")]
    checkout.snakemake("registry")
    checkout.plans.append(checkout.planned())
    checkout.snakemake(*MATCHED, *TABLES, PROVENANCE)
    return checkout


@pytest.fixture(scope="module")
def one_export(new_checkout, tmp_path_factory, registry):
    """A study of one big export of all years."""
    checkout = new_checkout(tmp_path_factory.mktemp("updates") / "one")
    write_export(checkout, "all", pl.concat(registry.values()))
    write_sheet(checkout, ["all"])
    checkout.snakemake(*MATCHED, *TABLES, PROVENANCE)
    return checkout


def test_a_year_that_is_added(fifth_year):
    first, then = fifth_year.plans
    assert first == {"ingest_export": 1}
    # The years are a parameter of the filter, so it looks at every export again.
    assert per_export(then) == (0, 5, 5, 1)
    follows_once(then)


def test_yearly_exports_and_one_big_export_give_the_same_results(fifth_year, one_export):
    assert results(fifth_year, *MATCHED, *TABLES) == results(one_export, *MATCHED, *TABLES)


def test_a_year_that_is_deleted(fifth_year, four_years, tmp_path):
    study = copy_of(fifth_year, tmp_path / "copy")
    write_sheet(study, ALL_YEARS[:-1])
    change_years(study, ALL_YEARS, ALL_YEARS[:-1])
    (study.path / "exports/2022.csv").unlink()
    (study.path / "exports/2022.dic").unlink()
    assert study.planned("registry") == {}
    plan = study.planned()
    assert per_export(plan) == (0, 4, 4, 1)
    follows_once(plan)
    study.snakemake(*MATCHED, PROVENANCE)
    assert results(study, *MATCHED, PROVENANCE) == results(four_years, *MATCHED, PROVENANCE)


def test_other_years_of_one_big_export_read_nothing_again(one_export, four_years, tmp_path):
    study = copy_of(one_export, tmp_path / "copy")
    change_years(study, ALL_YEARS, ALL_YEARS[:-1])
    assert study.planned("registry") == {}
    plan = study.planned()
    assert per_export(plan) == (0, 1, 1, 1)
    follows_once(plan)
    study.snakemake(*MATCHED[:2])
    assert results(study, *MATCHED[:2]) == results(four_years, *MATCHED[:2])


def test_a_year_that_is_replaced(study, four_years, registry, new_checkout, tmp_path):
    changed = registry[2020][40:].with_columns(pl.col("^Grade.*$").reverse())
    write_export(study, 2020, changed)
    assert study.planned("registry") == {"ingest_export": 1}
    study.snakemake("registry")
    plan = study.planned()
    assert per_export(plan) == (0, 1, 1, 1)
    follows_once(plan)
    study.snakemake(*MATCHED, PROVENANCE)

    fresh = new_checkout(tmp_path / "fresh")
    shutil.copytree(study.path / "exports", fresh.path / "exports")
    for part in ("config/exports.tsv", "config/config.yaml"):
        shutil.copy(study.path / part, fresh.path / part)
    fresh.snakemake(*MATCHED, PROVENANCE)
    assert results(study, *MATCHED, PROVENANCE) == results(fresh, *MATCHED, PROVENANCE)
    for name in MATCHED:
        assert results(study, name) != results(four_years, name)


def test_an_identical_export_with_a_new_time(study, registry):
    write_export(study, 2019, registry[2019])
    os.utime(study.path / "exports/2018.csv")
    os.utime(study.path / "exports/2018.dic")
    assert study.planned("registry") == {}
    assert study.planned() == {}


def test_the_provenance_names_file_submission_and_database(four_years):
    provenance = json.loads((four_years.path / PROVENANCE).read_text(encoding="utf-8"))
    assert [export["export"] for export in provenance["exports"]] == [
        "2018",
        "2019",
        "2020",
        "2021",
    ]
    for export in provenance["exports"]:
        data = (four_years.path / "exports" / export["source"]).read_bytes()
        assert export["sha256"] == hashlib.sha256(data).hexdigest()
        assert export["rows"] == data.count(b"\n") - 1
        assert export["submission"] == "Nov 2024"
        assert export["database"] == DATABASE


def test_exports_that_overlap_are_reported_with_counts(study, registry):
    write_export(study, 2021, pl.concat([registry[2021], registry[2020][:200]]))
    ids = registry[2020][:200].select("Patient ID", "Record number recode")
    eligible = pl.read_parquet(study.path / "results/recoded/2020.parquet")
    keys = pl.DataFrame(
        {
            "patient_id": ids["Patient ID"].str.zfill(8),
            "record_number": ids["Record number recode"].cast(pl.String).cast(pl.Int16),
        }
    )
    twice = len(eligible.join(keys, on=["patient_id", "record_number"]))
    assert twice > 100
    done = study.snakemake("results/cohort.parquet", succeeds=False)
    assert f"{2 * twice} eligible records share patient and record number" in done.stderr
    assert f"({twice} in 2020, {twice} in 2021)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(study.path.glob("results/cohort.parquet"))


def test_exports_of_different_submissions(study, registry):
    """They stop the run, unless tumors instead of patients are wanted; then no number is needed."""
    write_export(study, 2021, registry[2021], database=OLDER)
    done = study.snakemake("results/cohort.parquet", succeeds=False)
    assert "the exports come from different submissions: 2018 (Nov 2024)" in done.stderr
    assert "2021 (Nov 2023)" in done.stderr
    assert "one_tumor_per_patient" in done.stderr
    assert "Traceback" not in done.stderr

    write_export(study, 2018, registry[2018].drop("Patient ID", "Record number recode"))
    option = "one_tumor_per_patient: "
    study.edit("config/config.yaml", f"{option}true", f"{option}false")
    study.snakemake("results/matched.parquet", PROVENANCE)
    cohort = pl.read_parquet(study.path / "results/cohort.parquet")
    recoded = [pl.read_parquet(file) for file in (study.path / "results/recoded").glob("*")]
    assert len(cohort) == sum(map(len, recoded))
    assert cohort["patient_id"].to_list() == [f"{number + 1:08}" for number in range(len(cohort))]
    matched = pl.read_parquet(study.path / "results/matched.parquet")
    assert matched["patient_id"].is_unique().all()
    provenance = json.loads((study.path / PROVENANCE).read_text(encoding="utf-8"))
    submissions = [export["submission"] for export in provenance["exports"]]
    assert submissions == ["Nov 2024"] * 3 + ["Nov 2023"]
