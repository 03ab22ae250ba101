"""Killed jobs, and Snakemake itself killed: the next call finishes with the same results.

A `sitecustomize` module on the scripts' path kills them with SIGKILL at the worst moment, when an
output is cut in half under its temporary name and others may be in place. The workflow itself knows
nothing of it.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# The output at which a rule with several is killed; a rule that is not named dies at its first.
KILLED_AT = {
    "simulate_exports": 7,
    "filter_cohort": 2,
    "merge_cohort": 3,
    "assess_balance": 3,
    "estimate_survival": 3,
    "estimate_incidence": 2,
    "assess_proportionality": 2,
    "fit_models": 2,
    "publish_cohort": 4,
    "publish_outcomes": 5,
    "publish_sensitivity": 3,
    "draw_figures": 4,
    "draw_diagnostics": 3,
    "draw_sensitivity": 2,
}
# A rule that runs another one's script is killed in its stead.
SAME_SCRIPT = {
    "print_figures": "draw_figures",
    "fit_cox": "fit_models",
    "fit_fine_gray": "fit_models",
}

KILLER = """
import os, signal, sys
from pathlib import Path

scripts = [Path(argument) for argument in sys.orig_argv if "/.snakemake/scripts/" in argument]
if scripts:
    rule = scripts[0].name.split(".")[1]
    written = 0
    replace = os.replace

    def kill_or_replace(source, target, **options):
        global written
        written += str(source).endswith(".part")
        mark = Path(os.environ["KILLED"], rule)
        if written == int(os.environ.get("AT_" + rule, 1)) and not mark.exists():
            mark.touch()
            os.truncate(source, os.path.getsize(source) // 2)
            if os.environ.get("GROUP"):
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target, **options)

    os.replace = kill_or_replace
"""

COMPARED = {".tsv", ".parquet", ".json", ".svg", ".pdf", ".png", ".html"}


@pytest.fixture
def killer(tmp_path):
    """Environment variables under which every rule's script is killed once."""
    (tmp_path / "killed").mkdir()
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(KILLER)
    counts = {f"AT_{rule}": str(number) for rule, number in KILLED_AT.items()}
    return {"PYTHONPATH": str(tmp_path / "path"), "KILLED": str(tmp_path / "killed")} | counts


def killed(killer):
    return {file.name for file in Path(killer["KILLED"]).iterdir()}


def results(checkout):
    files = (checkout.path / "results").rglob("*")
    kept = [file for file in files if file.suffix in COMPARED and not file.name.startswith(".")]
    return {str(file.relative_to(checkout.path)): file.read_bytes() for file in kept}


def test_each_rule_killed_while_it_writes(finished_study, checkout, killer):
    """Call after call gets one step further, as the rules of each step are killed once."""
    undisturbed = results(finished_study)
    rules = set(checkout.planned())
    before = set()
    while True:
        done = checkout.snakemake("--keep-going", succeeds=None, **killer)
        now = killed(killer)
        assert "Traceback" not in done.stderr
        made = results(checkout)
        assert made == {name: undisturbed[name] for name in made}, "a truncated output stayed"
        if done.returncode == 0:
            break
        assert now > before, done.stderr
        before = now
    assert now == {SAME_SCRIPT.get(rule, rule) for rule in rules}
    assert set(made) == set(undisturbed)
    assert not list(checkout.path.rglob("*.part"))
    assert checkout.planned() == {}


def test_snakemake_itself_killed(study_copy, killer):
    undisturbed = results(study_copy)
    attrition = "results/private/attrition.parquet"
    (study_copy.path / attrition).unlink()
    command = [sys.executable, "-m", "snakemake", "--cores", "2", attrition]
    died = subprocess.run(
        command,
        cwd=study_copy.path,
        env=os.environ | killer | {"GROUP": "1"},
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert killed(killer) == {"merge_cohort"}
    # Of three outputs two were in place; let the disk have lost half of it.
    cohort = study_copy.path / "results/private/cohort.parquet"
    os.truncate(cohort, cohort.stat().st_size // 2)
    assert (cohort.parent / ".attrition.parquet.part").exists()

    done = study_copy.snakemake(succeeds=False)
    assert "--unlock" in done.stderr
    study_copy.snakemake("--unlock")
    assert study_copy.planned()["merge_cohort"] == 1
    study_copy.snakemake(attrition)
    assert results(study_copy) == undisturbed
    assert not list(study_copy.path.rglob("*.part"))
    assert study_copy.planned() == {}
