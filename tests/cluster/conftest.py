"""The Slurm that the tests of this folder share."""

import shutil
from importlib.util import find_spec

import pytest
from one_node_slurm import PROGRAMS, Slurm


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    if not find_spec("snakemake_executor_plugin_slurm"):
        pytest.skip("the Slurm plugin of Snakemake is missing; `make test-cluster` installs it")
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        pytest.skip(f"{', '.join(missing)} missing; Debian has them in slurm-wlm and munge")
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
