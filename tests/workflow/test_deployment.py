"""The workflow elsewhere: deployed by snakedeploy, as a local module, and from a forge.

git's insteadOf stands in for the network. What the guide shows is what runs here.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
REPOSITORY = "https://github.com/OWNER/seermatch"

ROOT_CALL = """
module seermatch:
    snakefile: {snakefile}
    config: {{"synthetic": {{"reference_scale": 0.02}}}}

use rule * from seermatch as seermatch_*

rule mine:
    default_target: True
    input: "results/private/matched.parquet"
"""


def shown(language, word):
    """Give the block of the guide that holds a word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if word in block]
    return block


@pytest.fixture
def deployed(checkout, tmp_path):
    """A folder of a user's own, which holds a sheet of exports and nothing else of ours."""
    own = type(checkout)(tmp_path / "own")
    (own.path / "config").mkdir(parents=True)
    sheet = (checkout.path / "config/exports.tsv").read_bytes()
    (own.path / "config/exports.tsv").write_bytes(sheet)
    return own


@pytest.fixture
def forge(checkout, tmp_path, monkeypatch):
    """The checkout as a repository with a tag, under the address that the guide names."""
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "x"],
        ["tag", "v0.1.0"],
        ["clone", "--quiet", "--bare", ".", str(tmp_path / "forge.git")],
    ):
        subprocess.run(["git", *command], cwd=checkout.path, check=True)
    shutil.rmtree(checkout.path)  # nothing may come from there
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tmp_path / 'forge.git'}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", REPOSITORY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_catalog_shows_the_usage():
    """What it asks of a workflow in its standardized usage."""
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert usage["report"] is True
    assert usage["software-stack-deployment"]["conda"] is True
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert rules.count('"../../envs/seermatch.yaml"') == rules.count("script:") > 20
    assert (ROOT / "config/README.md").read_text().startswith("# Configuration\n")
    words = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in words
    assert "workflow" in words


def test_the_catalog_finds_the_workflow(checkout):
    plan = checkout.planned("--snakefile", "workflow/Snakefile")
    assert plan["render_report"] == 1


def test_local_module(checkout, deployed):
    call = ROOT_CALL.format(snakefile=repr(str(checkout.path / "workflow/Snakefile")))
    (deployed.path / "Snakefile").write_text(call)
    deployed.snakemake()
    assert (deployed.path / "results/private/matched.parquet").exists()
    assert deployed.planned() == {}


def test_module_from_a_forge(deployed, forge):
    """The example of the guide, but for the small registry."""
    call = shown("snakemake", "module seermatch:")
    assert "matching" in call
    (deployed.path / "Snakefile").write_text(
        call.replace("config: {", 'config: {"synthetic": {"reference_scale": 0.02}, ')
    )
    deployed.snakemake("results/narrow/private/matched.parquet")
    assert (deployed.path / "results/narrow/private/matched.parquet").exists()
    assert not (deployed.path / "results/private/matched.parquet").exists()
    assert deployed.planned("results/narrow/private/matched.parquet") == {}
    assert deployed.planned()["seermatch_render_report"] == 1


def test_deployed_by_snakedeploy(checkout, forge, tmp_path):
    program, *arguments = shlex.split(shown("sh", "snakedeploy"))
    command = [Path(sys.executable).with_name(program), *arguments]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    own = type(checkout)(tmp_path / "breast")
    made = {str(file.relative_to(own.path)) for file in own.path.rglob("*") if file.is_file()}
    assert made == {
        *("config/README.md", "config/config.yaml", "config/exports.tsv"),
        *(str(file.relative_to(ROOT)) for file in (ROOT / "config/studies").glob("*.yaml")),
        *("profiles/default/profile.yaml", "profiles/slurm/profile.yaml", "workflow/Snakefile"),
        *(f"profiles/cluster-generic/{name}" for name in ("pbs", "profile.yaml", "sge")),
    }
    with (own.path / "workflow/Snakefile").open("a") as snakefile:
        snakefile.write("\n\n" + shown("snakemake", "onsuccess"))
    own.edit("config/config.yaml", "years: [2018, 2019, 2020, 2021, 2022]", "years: [2019]")
    sheet = (own.path / "config/exports.tsv").read_text().splitlines(keepends=True)
    (own.path / "config/exports.tsv").write_text(sheet[0] + sheet[2])

    assert own.planned()["render_report"] == 1
    targets = ["results/attrition.tsv", "results/paper_audit.tsv"]
    done = own.snakemake(*targets)
    assert "The results are in results/" in done.stderr
    assert "breast_2019: read" in done.stderr
    assert "breast_2018: read" not in done.stderr
    assert "profile profiles/default" in done.stderr
    assert own.planned(*targets) == {}
    assert own.planned("--configfile", "config/studies/nodal_micrometastasis.yaml")
