"""Checkouts of the workflow in temporary folders, and runs of Snakemake in them."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
# Whether a test passes must not hang on the machine's load or on chance.
settings.register_profile(
    "certain",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("certain")

# A script that has done its work keeps its memory and stays, long enough for a test to meet it.
HOLD = """
import atexit, os, sys, time

if sys.orig_argv[-1].endswith(f".{os.environ['HELD_RULE']}.py"):
    held = b"x" * int(os.environ["HELD_MEGABYTES"]) * 1_000_000
    atexit.register(time.sleep, 20)
"""

PARTS = ["Snakefile", "config", "envs", "profiles", "resources/paper", "workflow"]


class Checkout:
    """A copy of the workflow, in which Snakemake can run."""

    def __init__(self, path: Path):
        self.path = path

    def snakemake(self, *arguments: str, succeeds: bool | None = True, prefix=(), **variables):
        """Run Snakemake on 2 cores, behind a prefix and with environment variables of its own."""
        command = [*prefix, sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        environment = os.environ | {"PYTHONWARNINGS": ""} | variables
        done = subprocess.run(
            command, cwd=self.path, capture_output=True, text=True, env=environment, check=False
        )
        if succeeds is not None:
            assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
        return done

    def planned(self, *targets: str) -> dict[str, int]:
        """Count the jobs of each rule that a run would do now."""
        done = self.snakemake("--dry-run", "--quiet=rules", *targets)
        table = done.stdout.split("Job stats:")
        if len(table) == 1:
            return {}
        counts = dict(re.findall(r"^(\w+) +(\d+)$", table[1], flags=re.MULTILINE))
        no_jobs = {"total", "all", "everything", "registry", "study", "audit"}
        return {rule: int(n) for rule, n in counts.items() if rule not in no_jobs}

    def edit(self, path: str, old: str, new: str):
        """Replace a text that must be there in a file."""
        file = self.path / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")


def copy_workflow(destination: Path) -> Checkout:
    """Copy the parts of the project that a run needs, without what it made."""
    destination.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, destination / part, ignore=ignored)
        else:
            shutil.copy2(source, destination / part)
    return Checkout(destination)


@pytest.fixture(scope="session")
def new_checkout():
    """Make a fresh checkout with the small synthetic registry, in a folder that does not exist."""

    def make(path: Path) -> Checkout:
        fresh = copy_workflow(path)
        make_small(fresh)
        return fresh

    return make


@pytest.fixture
def checkout(tmp_path, new_checkout) -> Checkout:
    """A fresh checkout with the small synthetic registry."""
    return new_checkout(tmp_path / "checkout")


def make_small(checkout: Checkout):
    """Let the synthetic registry have a fiftieth of the reference patients."""
    checkout.edit("config/config.yaml", "reference_scale: 1.0", "reference_scale: 0.02")


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory, new_checkout, worker_id) -> Checkout:
    """A checkout in which the whole small study has run once; tests work on copies."""
    alone = worker_id == "master"
    base = tmp_path_factory.getbasetemp()
    folder = (base if alone else base.parent) / "study"  # one for all workers
    folder.mkdir(exist_ok=True)
    path, printed = folder / "checkout", folder / "printed.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            shutil.rmtree(path, ignore_errors=True)
            done = new_checkout(path).snakemake()
            printed.write_text(done.stderr, encoding="utf-8")
    checkout = Checkout(path)
    checkout.printed = printed.read_text(encoding="utf-8")
    return checkout


@pytest.fixture
def study_copy(finished_study, tmp_path) -> Checkout:
    """A copy of the finished study that a test may change."""
    shutil.copytree(finished_study.path, tmp_path / "copy")
    return Checkout(tmp_path / "copy")


@pytest.fixture
def hold(tmp_path):
    """Give the environment in which the scripts of a rule stay after their work."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(HOLD)

    def environment(rule: str, megabytes: int = 0) -> dict[str, str]:
        path = {"PYTHONPATH": str(tmp_path / "path")}
        return path | {"HELD_RULE": rule, "HELD_MEGABYTES": str(megabytes)}

    return environment
