"""The Slurm that the tests of this folder share."""

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from one_node_slurm import PATH, PROGRAMS, Slurm


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
