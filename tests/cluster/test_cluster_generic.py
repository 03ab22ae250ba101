"""The profile for Grid Engine and PBS, with stand-ins for `qsub`, `qstat`, `qacct` and `qdel`."""

import os
import re
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from one_node_slurm import Run, wait_for
from test_slurm import assert_same_results

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not find_spec("snakemake_executor_plugin_cluster_generic"),
    reason="the plugin cluster-generic is missing; `make test-cluster` installs it",
)


class Scheduler:
    """One of the two, as the profile sees it."""

    def __init__(self, kind: str, folder: Path):
        self.kind = kind
        self.folder = folder
        commands = folder / "bin"
        commands.mkdir(parents=True)
        for name in ("qsub", "qstat", "qacct", "qdel"):
            shutil.copy2(Path(__file__).parent / "fake_scheduler", commands / name)
        self.environment = os.environ | {
            "FAKE_SCHEDULER": str(folder),
            "PATH": f"{commands}:{os.environ['PATH']}",
            "PYTHONWARNINGS": "",
        }

    def run(self, checkout, *arguments: str, **variables: str) -> Run:
        if self.kind == "pbs":
            checkout.edit("profiles/cluster-generic/profile.yaml", "/sge s", "/pbs s")
        options = ["--profile", "profiles/cluster-generic", "--seconds-between-status-checks", "1"]
        return Run(checkout, [*arguments, *options], self.environment | variables)

    def delete(self, job: str):
        subprocess.run(["qdel", job], env=self.environment, check=True)

    def asked(self) -> list[str]:
        """List the arguments of each job that was sent."""
        files = sorted(self.folder.glob("*.arguments"), key=lambda file: int(file.stem))
        return [file.read_text(encoding="utf-8").strip() for file in files]

    def exits(self) -> list[str]:
        files = sorted(self.folder.glob("*.exit"), key=lambda file: int(file.stem))
        return [file.read_text(encoding="utf-8").strip() for file in files]


@pytest.fixture(params=["sge", "pbs"])
def scheduler(request, tmp_path):
    return Scheduler(request.param, tmp_path / "scheduler")


@pytest.fixture
def grid_engine(tmp_path):
    return Scheduler("sge", tmp_path / "scheduler")


def test_results_equal_those_of_a_local_run(scheduler, study_copy, finished_study):
    folders = ("exports", "eligible")
    files = [f"results/private/{folder}/breast_2018.parquet" for folder in folders]
    for name in files:
        (study_copy.path / name).unlink()
    printed = scheduler.run(study_copy, *files).end()
    assert "Trying to restart" not in printed
    assert_same_results(study_copy, finished_study)
    # Two rules in one job: the cores and the memory of the larger one, the time of both.
    (asked,) = scheduler.asked()
    wanted = {
        "sge": "-pe smp 2 -l mem_free=1000M,h_rt=2700",
        "pbs": "-l select=1:ncpus=2:mem=2000mb -l walltime=2700",
    }
    assert wanted[scheduler.kind] in asked
    script = (scheduler.folder / "1.script").read_text(encoding="utf-8")
    assert re.findall(r"--cores (\S+)", script) == ["2"]


def test_a_deleted_job_is_sent_again(scheduler, study_copy, hold, finished_study):
    for name in ("results/private/matched.parquet", "logs/match_cohort.log"):
        (study_copy.path / name).unlink()
    run = scheduler.run(study_copy, "results/private/matched.parquet", **hold("match_cohort"))
    wait_for((study_copy.path / "logs/match_cohort.log").exists, "the job's script")
    scheduler.delete("1")
    assert "Trying to restart" in run.end()
    assert scheduler.exits() == ["137", "0"]
    first, second = scheduler.asked()
    assert re.search(r"2000M|2000mb", first) and re.search(r"4000M|4000mb", second)
    assert_same_results(study_copy, finished_study)


def test_a_job_that_fails_says_why(grid_engine, study_copy):
    balance = "results/private/balance.parquet"
    (study_copy.path / balance).unlink()
    (study_copy.path / "results/private/matched.parquet").write_bytes(b"no Parquet")
    ancient = ["--consider-ancient", "assess_balance=matched"]
    run = grid_engine.run(study_copy, balance, "--retries", "0", *ancient)
    printed = run.end(succeeds=False)
    assert (
        ".snakemake/cluster_logs/job.o1: the job failed in assess_balance\n    assess_balance: "
        in printed
    )
    assert "logs/assess_balance.log holds the details" in printed
    assert grid_engine.exits() == ["1"]


def test_an_interrupted_run_cancels_its_jobs(grid_engine, study_copy, hold):
    for name in ("results/private/matched.parquet", "logs/match_cohort.log"):
        (study_copy.path / name).unlink()
    run = grid_engine.run(study_copy, "results/private/matched.parquet", **hold("match_cohort"))
    wait_for((study_copy.path / "logs/match_cohort.log").exists, "the job's script")
    run.process.send_signal(signal.SIGINT)
    run.end(succeeds=False)
    assert grid_engine.exits() == ["137"]


@pytest.mark.parametrize("retries", [0, 1])
def test_a_job_that_failed_after_a_change_is_done_again(grid_engine, study_copy, retries):
    """Matching and all steps of its job are, and the figures, which are another job."""
    study_copy.edit("config/config.yaml", "  ratio: 2\n", "  ratio: 1\n")
    targets = ["results/table4.tsv", "results/figures/figure4.svg"]
    planned = study_copy.planned(*targets)
    assert planned["match_cohort"] == planned["fit_fine_gray"] == planned["draw_figures"] == 1
    figure = (study_copy.path / targets[1]).read_bytes()
    script = study_copy.path / "workflow/scripts/match_cohort.py"
    text = script.read_text(encoding="utf-8")
    # Only the first attempt fails.
    fail = "import os, sys; os.path.exists('failed') or (open('failed', 'w').close(), sys.exit(1))"
    script.write_text(f"{fail}\n{text}", encoding="utf-8")
    run = grid_engine.run(study_copy, *targets, "--retries", str(retries))
    printed = run.end(succeeds=retries == 1)
    assert ("Trying to restart" in printed) == (retries == 1)
    if not retries:
        assert study_copy.planned(*targets) == planned
        assert (study_copy.path / targets[1]).read_bytes() == figure
        grid_engine.run(study_copy, *targets).end()
    assert study_copy.planned(*targets) == {}
    assert (study_copy.path / targets[1]).read_bytes() != figure


def test_both_profiles_share_jobs_alike():
    slurm, generic = (
        yaml.safe_load((ROOT / f"profiles/{name}/profile.yaml").read_text(encoding="utf-8"))
        for name in ("slurm", "cluster-generic")
    )
    keys = ["groups", "group-components", "resources", "set-resource-scopes", "retries", "jobs"]
    assert {key: slurm[key] for key in keys} == {key: generic[key] for key in keys}
    rules = (ROOT / "workflow/rules").glob("*.smk")
    text = "".join(path.read_text(encoding="utf-8") for path in rules)
    known = set(re.findall(r"^ *(?:use )?rule (?:\w+ as )?(\w+)", text, flags=re.MULTILINE))
    own_jobs = {"assess_sensitivity", "assess_stability", "simulate_exports"}
    targets = {"all", "audit", "registry", "sensitivity", "stability", "study"}
    assert set(slurm["groups"]) == known - own_jobs - targets
