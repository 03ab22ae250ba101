"""Runs at the same time, on other disks and on other numbers of cores: always the same bytes.

The small study, from a read-only folder of exports, is compared with the run of the other tests,
which used two cores and made its exports itself: as a whole on one core and another disk, in part
by two checkouts at once.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_filesystem import WITHOUT_OVERRIDE, needs_permissions

# Tables, checks and figures; fewer would mean that the comparison looks at the wrong folder.
AT_LEAST = 90
STABILITY = "results/matching_stability.tsv"


def contents(folder: Path) -> dict[str, bytes]:
    """Give the bytes of every file in a folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Name the files that differ or that only one of them has."""
    return sorted(name for name in one | other if one.get(name) != other.get(name))


@pytest.fixture(scope="module")
def exports(finished_study, tmp_path_factory):
    """The exports of the finished study in a folder that nobody may write to."""
    folder = tmp_path_factory.mktemp("shared") / "SEER exports (März)"
    shutil.copytree(finished_study.path / "resources/synthetic", folder)
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def list_exports(checkout, folder):
    rows = "".join(
        f"breast_{year}\t{folder}/breast_{year}.csv\t{folder}/breast_{year}.dic\n"
        for year in range(2018, 2023)
    )
    sheet = "export\tpath\tdictionary\n" + rows
    (checkout.path / "config/exports.tsv").write_text(sheet, encoding="utf-8")


@needs_permissions
def test_two_checkouts_at_once_over_read_only_exports(
    exports, new_checkout, tmp_path, finished_study
):
    """Eight cores each, more than the machine has: jobs end in another order."""
    before = {file.name: file.stat().st_mtime_ns for file in exports.iterdir()}
    checkouts = {target: new_checkout(tmp_path / target) for target in ("study", STABILITY)}
    for checkout in checkouts.values():
        list_exports(checkout, exports)

    def run(target):
        return checkouts[target].snakemake(target, "--cores", "8", prefix=WITHOUT_OVERRIDE)

    with ThreadPoolExecutor() as pool:
        for done in pool.map(run, checkouts):
            assert "Provided cores: 8" in done.stderr
            assert "simulated" not in done.stderr
    assert {file.name: file.stat().st_mtime_ns for file in exports.iterdir()} == before
    expected = contents(finished_study.path / "results")
    for target, names in (
        ("study", {"table4.tsv", "figures/figure4.png"}),
        (STABILITY, {"matching_stability.tsv"}),
    ):
        made = contents(checkouts[target].path / "results")
        assert differing(made, {name: expected[name] for name in made}) == []
        assert names < set(made)


@pytest.fixture
def other_disk(tmp_path):
    """A folder with a blank and an umlaut in its name, in memory where that can be had."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        dir=memory if os.access(memory, os.W_OK) else tmp_path
    ) as path:
        yield Path(path) / "Ergebnisse März"


def test_one_core_with_everything_on_another_disk(
    exports, new_checkout, tmp_path, finished_study, other_disk
):
    checkout = new_checkout(tmp_path / "Brustkrebs – Übersicht 2022")
    list_exports(checkout, exports)
    folders = ("results", "registry", "logs", "benchmarks")
    lines = "".join(f"  {name}: {other_disk}/{name}\n" for name in folders)
    with (checkout.path / "config/config.yaml").open("a") as config:
        config.write(f"\npathvars:\n{lines}")
    done = checkout.snakemake("--cores", "1", LC_ALL="C")
    assert "Provided cores: 1" in done.stderr
    assert f"Begin with {other_disk}/results/report.html." in done.stderr
    left = {file.name for file in checkout.path.iterdir()} - {".snakemake"}
    assert left == {file.name for file in finished_study.path.iterdir()} - {
        *(".snakemake", "results", "logs", "benchmarks"),
    }

    expected = contents(finished_study.path / "results")
    read = {name for name in expected if name.startswith("private/exports/")}
    assert len(read) == 5
    registry = {
        f"private/exports/{name}": file for name, file in contents(other_disk / "registry").items()
    }
    made = contents(other_disk / "results")
    assert differing(made | registry, expected) == []
    assert len(expected) > AT_LEAST
    for folder in ("logs", "benchmarks"):
        usual = contents(finished_study.path / folder)
        assert set(contents(other_disk / folder)) == {
            name for name in usual if "simulate_exports" not in name
        }
    assert checkout.planned() == {}
    report = checkout.path / "Bericht – März.zip"
    checkout.snakemake("--report", report.name, LC_ALL="C")
    assert report.stat().st_size > 100_000


def test_a_second_run_in_the_same_checkout_is_refused(study_copy, hold):
    """Another study with folders of its own may run meanwhile, for the exports are read."""
    target = "results/table1.tsv"
    (study_copy.path / target).unlink()
    first = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "2", target],
        cwd=study_copy.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONWARNINGS": ""} | hold("publish_cohort"),
        start_new_session=True,
    )
    locks = study_copy.path / ".snakemake/locks"
    while not any(lock.stat().st_size for lock in locks.glob("*.output.lock")):
        assert first.poll() is None
        time.sleep(0.1)
    first.send_signal(signal.SIGSTOP)  # it stays at work as long as the test needs
    try:
        second = study_copy.snakemake(target, succeeds=False)
        assert "no other Snakemake process" in second.stderr
        assert str(study_copy.path) in second.stderr
        assert "Traceback" not in second.stderr
        (study_copy.path / "narrow.yaml").write_text(
            "pathvars: {results: narrow, logs: narrow/logs, benchmarks: narrow/benchmarks}\n"
            "matching: {caliper: 0.1}\n"
        )
        study_copy.snakemake(
            "narrow/private/eligible/breast_2018.parquet", "--configfile", "narrow.yaml"
        )
    finally:
        first.send_signal(signal.SIGCONT)
        assert first.wait() == 0
    assert (study_copy.path / target).exists()
    assert study_copy.planned() == {}
