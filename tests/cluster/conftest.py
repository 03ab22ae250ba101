"""The Slurm that the tests of this folder share."""

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from one_node_slurm import PATH, PROGRAMS, Slurm

# A script that has done its work keeps its memory and stays for longer than ten looks at the queue.
HOLD = """
import atexit, os, sys, time

if sys.orig_argv[-1].endswith(f".{os.environ['HELD_RULE']}.py"):
    held = b"x" * int(os.environ["HELD_MEGABYTES"]) * 1_000_000
    atexit.register(time.sleep, 20)
"""


@pytest.fixture
def hold(tmp_path):
    """Give the environment in which the scripts of a rule are there long enough to be met."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(HOLD)

    def environment(rule: str, megabytes: int = 0) -> dict[str, str]:
        path = {"PYTHONPATH": str(tmp_path / "path")}
        return path | {"HELD_RULE": rule, "HELD_MEGABYTES": str(megabytes)}

    return environment


@pytest.fixture(scope="session")
def slurm():
    if not find_spec("snakemake_executor_plugin_slurm"):
        pytest.skip("the Slurm plugin of Snakemake is missing; `make test-cluster` installs it")
    if missing := [name for name in PROGRAMS if not shutil.which(name, path=PATH)]:
        pytest.skip(f"{', '.join(missing)} missing; Debian has them in slurm-wlm and munge")
    # munged wants a folder that everyone may enter, which those of pytest are not.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o711)
    slurm = Slurm(folder)
    try:
        try:
            slurm.start()
        except AssertionError as error:
            pytest.fail(f"{error}\n{slurm.daemons_say()}")
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder)
