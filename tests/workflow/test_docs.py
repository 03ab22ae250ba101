"""What the documentation shows is run: commands, configurations and Python."""

import doctest
import re
import shlex
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language]


def with_blocks(language: str) -> list:
    pages = [page for page in PAGES if blocks(page, language)]
    return [pytest.param(page, id=page.stem) for page in pages]


def run_command(command: str, checkout):
    program, *arguments = shlex.split(command, comments=True)
    if program == "make":  # the targets exist; CI runs them in a fresh clone
        subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)
    elif program == "uv":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        for option, value in pairwise(arguments):
            assert option != "--group" or value in project["dependency-groups"]
    elif "--profile" in arguments:  # tests/cluster runs it on a cluster
        assert (ROOT / arguments[-1] / "profile.yaml").is_file()
    elif program == "snakemake":
        checkout.snakemake(*arguments)
    else:
        # The environment of the tests stands for the one in the checkout.
        beside = Path(sys.executable).with_name(Path(program).name)
        subprocess.run(
            [beside if beside.exists() else program, *arguments, "--help"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )


@pytest.mark.parametrize("page", with_blocks("sh"))
def test_commands(page, study_copy):
    for text in blocks(page, "yaml"):
        if name := re.match(r"# (\w+\.yaml)\n", text):
            (study_copy.path / name[1]).write_text(text, encoding="utf-8")
    for text in blocks(page, "sh"):
        for line in text.splitlines():
            for command in line.split("&&"):
                run_command(command, study_copy)


@pytest.mark.parametrize("page", with_blocks("yaml"))
def test_configurations(page, study_copy):
    for text in blocks(page, "yaml"):
        if text.startswith("# in profiles/"):
            (study_copy.path / "shown").mkdir()
            (study_copy.path / "shown/profile.yaml").write_text(text, encoding="utf-8")
            study_copy.snakemake("--dry-run", "--profile", "shown")
        else:
            (study_copy.path / "shown.yaml").write_text(text, encoding="utf-8")
            study_copy.snakemake("--dry-run", "--configfile", "shown.yaml")


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python(page):
    text = "\n".join(blocks(page, "python"))
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert len(example.examples) > 10
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_a_command_that_fails_is_found(study_copy):
    with pytest.raises(AssertionError):
        run_command("snakemake --cores 4 results/table5.tsv", study_copy)
