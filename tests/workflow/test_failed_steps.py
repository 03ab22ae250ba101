"""A step that failed after a change is done again by the same command, and all behind it.

A `sitecustomize` module on the scripts' path ends a rule's script in different ways; the workflow
itself knows nothing of it.
"""

import pytest
from test_reruns import AFTER_MATCHING

ENDER = """
import os, sys
from pathlib import Path

scripts = [Path(argument) for argument in sys.orig_argv if "/.snakemake/scripts/" in argument]
if scripts and scripts[0].name.split(".")[1] == os.environ.get("RULE"):
    once = Path(os.environ["ONCE"])
    if not once.exists():
        once.touch()
        if half := os.environ.get("HALF"):
            Path(half).write_bytes(b"half")
        os._exit(int(os.environ["STATUS"]))
"""

TABLES = ["results/table2.tsv", "results/table4.tsv"]
TABLE_2 = TABLES[:1]  # the match and two steps behind it, where the way of failing is what matters
MATCHING_THEMSELVES = {"assess_sensitivity", "assess_stability"}
BEFORE_THE_MERGE = {"ingest_export", "filter_cohort", "assess_quality", "recode_variables"}


def change_ratio(study):
    study.edit("config/config.yaml", "  ratio: 2\n", "  ratio: 1\n")


def change_matching(study):
    module = study.path / "workflow/scripts/seermatch/matching/tie_rules.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")


def change_export(study):
    """Leave a patient out of an export."""
    file = study.path / "resources/synthetic/breast_2021.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))


@pytest.fixture
def ending(tmp_path):
    """Give the environment in which the first script of a rule ends without its output."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(ENDER)

    def environment(rule, status=1, **more):
        once = tmp_path / "ended"
        once.unlink(missing_ok=True)
        path = {"PYTHONPATH": str(tmp_path / "path"), "ONCE": str(once)}
        return path | {"RULE": rule, "STATUS": str(status)} | more

    return environment


def contents(study, names=TABLES):
    return {name: (study.path / name).read_bytes() for name in names}


def matched_cohort(study, below="results"):
    """Name the file of the matched cohort, which nobody asks for."""
    (file,) = (study.path / "results").rglob("matched.parquet")
    return str(file.relative_to(study.path)).replace("results", below, 1)


def assert_done_again(study, environment, *arguments, targets=TABLES, finished=()):
    """Let a step end badly, then see that the same command does it again and what follows."""
    planned = study.planned(*targets)
    assert {environment["RULE"], "assess_balance"} <= set(planned)
    assert ("fit_fine_gray" in planned) == (targets is TABLES)
    before = contents(study)
    study.snakemake(*targets, *arguments, succeeds=False, **environment)
    left = {rule: number for rule, number in planned.items() if rule not in finished}
    assert study.planned(*targets) == left
    done = study.snakemake(*targets)
    assert "Nothing to be done" not in done.stderr
    assert study.planned(*targets) == {}
    return before


@pytest.mark.parametrize(
    ("change", "targets"), [(change_ratio, TABLES), (change_matching, TABLE_2)]
)
def test_a_changed_parameter_or_module(study_copy, ending, change, targets):
    change(study_copy)
    before = assert_done_again(study_copy, ending("match_cohort"), targets=targets)
    assert (contents(study_copy) != before) == (change is change_ratio)


def test_a_changed_export(study_copy, ending):
    change_export(study_copy)
    before = assert_done_again(study_copy, ending("merge_cohort"), finished=BEFORE_THE_MERGE)
    assert contents(study_copy) != before


def test_the_results_are_those_of_a_run_without_failure(study_copy, new_checkout, tmp_path, ending):
    """The step fails twice, then the one behind it."""
    change_ratio(study_copy)
    for rule in ("match_cohort", "match_cohort", "fit_models"):
        study_copy.snakemake(*TABLES, succeeds=False, **ending(rule))
    study_copy.snakemake(*TABLES)
    undisturbed = new_checkout(tmp_path / "undisturbed")
    change_ratio(undisturbed)
    undisturbed.snakemake(*TABLES)
    assert contents(study_copy) == contents(undisturbed)


def test_a_script_that_ends_well_without_its_output(study_copy, ending):
    change_ratio(study_copy)
    environment = ending("match_cohort", status=0)
    assert_done_again(study_copy, environment, "--latency-wait", "1", targets=TABLE_2)


def test_half_an_output_that_was_kept(study_copy, ending):
    change_ratio(study_copy)
    environment = ending("match_cohort", HALF=matched_cohort(study_copy))
    assert_done_again(study_copy, environment, "--keep-incomplete", targets=TABLE_2)


def test_quiet_runs(study_copy, ending):
    """Snakemake does not tell of a step's end then."""
    change_ratio(study_copy)
    quiet = ("--quiet", "progress", "rules")
    assert_done_again(study_copy, ending("match_cohort"), *quiet, targets=TABLE_2)


def test_an_attempt_that_succeeds_leaves_nothing_to_do(study_copy, ending):
    change_ratio(study_copy)
    done = study_copy.snakemake(*TABLE_2, "--retries", "1", **ending("match_cohort"))
    assert "Trying to restart" in done.stderr
    assert study_copy.planned(*TABLE_2) == {}
    assert not list((study_copy.path / ".snakemake/unfinished").iterdir())


def test_going_on_elsewhere(study_copy, ending):
    """All other steps of the study are done, and none of them again."""
    change_ratio(study_copy)
    study_copy.snakemake("--keep-going", succeeds=False, **ending("match_cohort"))
    left = {rule: n for rule, n in AFTER_MATCHING.items() if rule not in MATCHING_THEMSELVES}
    assert study_copy.planned() == left


def test_other_studies_in_the_same_folder(study_copy, ending):
    overlay = ["--configfile", "config/studies/nodal_micrometastasis.yaml"]
    match = matched_cohort(study_copy, "results/nodal_micrometastasis")
    study_copy.snakemake(match, *overlay, succeeds=False, **ending("match_cohort"))
    assert study_copy.planned() == {}
    assert study_copy.planned(match, *overlay) == {"match_cohort": 1}
