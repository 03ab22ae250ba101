"""What a change reruns, and what it leaves alone. One small study is run; tests use copies."""

import os
import subprocess
import sys

TELL_IMPORTED = """
import atexit, sys
from snakemake.cli import main
atexit.register(lambda: print("imported:", *sys.modules))
main()
"""
DRAWN = {
    "print_figures": 1,
    "draw_diagnostics": 1,
    "draw_sensitivity": 1,
}
PUBLISHED = {"publish_cohort": 1, "publish_outcomes": 1, "publish_sensitivity": 1}
AFTER_MATCHING = {
    "assess_proportionality": 1,
    "assess_sensitivity": 1,
    "assess_stability": 1,
    "interpret_results": 1,
    "compare_with_paper": 1,
    "match_cohort": 1,
    "assess_balance": 1,
    **PUBLISHED,
    "estimate_survival": 1,
    "fit_cox": 1,
    "estimate_incidence": 1,
    "cross_check_incidence": 1,
    "fit_fine_gray": 1,
    "draw_figures": 1,
    **DRAWN,
    "render_report": 1,
    "write_word_tables": 1,
    "write_methods": 1,
}
WRITTEN = {
    "write_provenance": 1,
    "render_report": 1,
    "compare_with_paper": 1,
    "write_word_tables": 1,
    "write_methods": 1,
}
AFTER_THE_OUTCOMES = {
    "publish_outcomes": 1,
    "publish_sensitivity": 1,
    "compare_with_paper": 1,
    "draw_figures": 1,
    **DRAWN,
    "render_report": 1,
    "write_word_tables": 1,
    "write_methods": 1,
}
AFTER_INCIDENCE = {"estimate_incidence": 1, "cross_check_incidence": 1} | AFTER_THE_OUTCOMES
AFTER_THE_COHORT = {"estimate_propensity": 1} | AFTER_MATCHING
ONE_EXPORT = {
    "ingest_export": 1,
    "filter_cohort": 1,
    "assess_quality": 1,
    "recode_variables": 1,
    "merge_cohort": 1,
    "compare_included": 1,
}


def test_a_finished_study_has_nothing_to_do(study_copy):
    assert study_copy.planned() == {}


def test_reading_the_workflow_imports_nothing_heavy(checkout):
    """Every call and every cluster job reads it; Snakemake itself imports pandas to run jobs."""
    done = subprocess.run(
        [sys.executable, "-c", TELL_IMPORTED, "--list-rules"],
        cwd=checkout.path,
        env=os.environ | {"PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split("imported:")[1].split())
    assert "snakemake.persistence" in imported
    assert imported.isdisjoint({"pandas", "polars", "pyarrow", "scipy", "statsmodels"})


def test_a_changed_caliper_reruns_matching_and_what_follows(study_copy):
    study_copy.edit("config/config.yaml", "caliper: 0.2", "caliper: 0.1")
    assert study_copy.planned() == AFTER_MATCHING | WRITTEN


def test_a_changed_title_reruns_the_report_only(study_copy):
    study_copy.edit("config/config.yaml", "Prognostic value", "Meaning")
    assert study_copy.planned() == WRITTEN


def test_changed_marks_publish_the_curves_again_and_estimate_nothing(study_copy):
    """At the marks, numbers at risk are masked where they have to be."""
    study_copy.edit("config/config.yaml", "[0, 12, 24,", "[0, 24,")
    assert study_copy.planned() == AFTER_THE_OUTCOMES | WRITTEN


def test_changed_widths_redraw_all_figures_and_estimate_nothing(study_copy):
    study_copy.edit("config/config.yaml", "{column: 85, page: 180}", "{column: 88, page: 183}")
    assert study_copy.planned() == {"draw_figures": 1} | DRAWN | WRITTEN


def test_reordered_keys_rerun_nothing(study_copy):
    study_copy.edit("config/config.yaml", "  ratio: 2\n", "")
    study_copy.edit("config/config.yaml", "  link: logit\n", "  ratio: 2\n  link: logit\n")
    assert study_copy.planned() == {}


def test_changed_years_read_no_export_again(study_copy):
    study_copy.edit(
        "config/config.yaml", "[2018, 2019, 2020, 2021, 2022]", "[2018, 2019, 2020, 2021]"
    )
    plan = study_copy.planned()
    assert "ingest_export" not in plan
    assert plan["filter_cohort"] == 5
    # the export of the year that is left out has no record of the study
    done = study_copy.snakemake("results/attrition.tsv")
    assert "breast_2022: 0 of 0 records are eligible" in done.stderr


def test_changed_levels_and_names_of_groups_filter_nothing_again(study_copy):
    """The filter knows only what it asks of the records."""
    study_copy.edit("config/config.yaml", "label: M0(i+)", "label: micrometastasis")
    plan = study_copy.planned()
    assert {"filter_cohort", "recode_variables"}.isdisjoint(plan)
    assert plan["merge_cohort"] == 1
    study_copy.edit("config/config.yaml", "{level: Other}", "{level: other type}")
    plan = study_copy.planned()
    assert "filter_cohort" not in plan
    assert plan["recode_variables"] == 5


def test_touched_and_identical_inputs_rerun_nothing(study_copy):
    for path in (
        "resources/synthetic/breast_2019.csv",
        "results/private/exports/breast_2020.parquet",
        "results/private/cohort.parquet",
        "results/private/matched.parquet",
    ):
        file = study_copy.path / path
        file.write_bytes(file.read_bytes())
    os.utime(study_copy.path / "resources/synthetic/breast_2018.dic")
    assert study_copy.planned() == {}


def test_a_changed_row_of_the_sheet_reruns_that_export(study_copy):
    file = study_copy.path / "resources/synthetic/breast_2021.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    (study_copy.path / "corrected.csv").write_bytes(b"".join(lines[:-1]))
    dictionary = "resources/synthetic/breast_2021.dic"
    study_copy.edit(
        "config/exports.tsv",
        f"resources/synthetic/breast_2021.csv\t{dictionary}",
        f"corrected.csv\t{dictionary}",
    )
    assert study_copy.planned() == ONE_EXPORT | AFTER_THE_COHORT | WRITTEN


def test_a_year_that_is_dropped_from_the_sheet_reruns_the_merge(study_copy):
    sheet = study_copy.path / "config/exports.tsv"
    rows = sheet.read_text().splitlines(keepends=True)
    sheet.write_text("".join(rows[:-1]))
    study_copy.edit("config/config.yaml", "2021, 2022]", "2021]")
    plan = study_copy.planned()
    assert "ingest_export" not in plan
    assert plan["merge_cohort"] == 1


def test_registry_first_redoes_only_what_really_changed(study_copy):
    """A new reader reads all exports again; where they come out equal, that is all."""
    reader = study_copy.path / "workflow/scripts/seermatch/seer/export.py"
    reader.write_text(reader.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    assert study_copy.planned("registry") == {"ingest_export": 5}
    everything = ONE_EXPORT | {"ingest_export": 5, "filter_cohort": 5, "recode_variables": 5}
    assert study_copy.planned() == everything | AFTER_THE_COHORT | WRITTEN
    study_copy.snakemake("registry")
    assert study_copy.planned() == {}


def test_an_edited_module_reruns_its_users_and_what_follows(study_copy):
    gray = study_copy.path / "workflow/scripts/seermatch/survival/gray.py"
    gray.write_text(gray.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    users = {"estimate_survival": 1}  # by the module of all group tests
    assert study_copy.planned() == users | AFTER_INCIDENCE


def test_an_edited_script_reruns_its_rule_and_what_follows(study_copy):
    script = study_copy.path / "workflow/scripts/estimate_incidence.py"
    script.write_text(script.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    assert study_copy.planned() == AFTER_INCIDENCE


def test_edited_package_data_reruns_the_ingest(study_copy):
    table = study_copy.path / "workflow/scripts/seermatch/seer/fields.tsv"
    table.write_text(table.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert study_copy.planned()["ingest_export"] == 5
