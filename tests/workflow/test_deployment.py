"""The workflow inside another one: as a local module, and as a module from a forge."""

import subprocess

import pytest

ROOT_CALL = """
module seermatch:
    snakefile: {snakefile}
    config: {{"synthetic": {{"reference_scale": 0.02}}}}

use rule * from seermatch as seermatch_*

rule mine:
    default_target: True
    input: "results/matched.parquet"
"""


@pytest.fixture
def deployed(checkout, tmp_path):
    """A folder of a user's own, which holds a sheet of exports and nothing else of ours."""
    own = type(checkout)(tmp_path / "own")
    (own.path / "config").mkdir(parents=True)
    sheet = (checkout.path / "config/exports.tsv").read_bytes()
    (own.path / "config/exports.tsv").write_bytes(sheet)
    return own


def test_the_catalog_finds_the_workflow(checkout):
    plan = checkout.planned("--snakefile", "workflow/Snakefile")
    assert plan["render_report"] == 1


def test_local_module(checkout, deployed):
    call = ROOT_CALL.format(snakefile=repr(str(checkout.path / "workflow/Snakefile")))
    (deployed.path / "Snakefile").write_text(call)
    deployed.snakemake()
    assert (deployed.path / "results/matched.parquet").exists()
    assert deployed.planned() == {}


def test_module_from_a_forge(checkout, deployed, tmp_path, monkeypatch):
    """git's insteadOf stands in for the network."""
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "x"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *command], cwd=checkout.path, check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{checkout.path}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/owner/seermatch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = 'github("owner/seermatch", path="workflow/Snakefile", tag="v1")'
    (deployed.path / "Snakefile").write_text(ROOT_CALL.format(snakefile=source))
    deployed.snakemake()
    assert (deployed.path / "results/matched.parquet").exists()
    assert deployed.planned() == {}
