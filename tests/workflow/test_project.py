"""Lint, format, schemas and documents in step, and the pinned environment."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from seermatch.settings.check import fill, problems
from seermatch.settings.study import Study

ROOT = Path(__file__).parent.parent.parent


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_lint(checkout):
    done = checkout.snakemake("--lint", succeeds=None)
    assert "Congratulations" in done.stdout + done.stderr, done.stdout + done.stderr


def test_snakefmt():
    done = run(sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow")
    assert done.returncode == 0, done.stderr


def test_the_rules_touch_no_private_member():
    """What starts with an underscore may change with any version of Snakemake."""
    for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        found = re.findall(r"\w\._[a-z]\w*", path.read_text(encoding="utf-8"))
        assert not found, f"{path.name}: {found}"


def test_the_configuration_equals_the_defaults():
    defaults = {}
    fill(Study, defaults)
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    assert config == defaults
    assert problems(Study, config, "config") == []


def test_every_key_is_described():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
    sections = [schema, *schema["$defs"].values()]
    assert len(sections) > 20
    for section in sections:
        assert section["additionalProperties"] is False, section
        assert section["description"].endswith((".", ").")), section
        for name, key in section["properties"].items():
            assert "$ref" in key or key["description"].endswith("."), name


def test_the_schema_for_editors_says_what_a_run_says():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(config)) == []
    for name, key, value in (
        ("matching", "caliper", -1),
        ("matching", "calliper", 1),
        ("matching", "exact", ["year", "year"]),
        ("cohort", "criteria", [{"criterion": "female", "keep": {"sex": {"labels": [True]}}}]),
        ("cohort", "years", []),
    ):
        wrong = config | {name: config[name] | {key: value}}
        assert list(validator.iter_errors(wrong)) and problems(Study, wrong, "config"), key


def test_what_make_docs_writes_is_current():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert "match_cohort --> fit_cox" in generate.rule_graph()
    for page, text in (
        ("config/README.md", generate.configuration()),
        ("docs/architecture.md", generate.architecture()),
        ("workflow/schemas/config.schema.yaml", generate.schema()),
        ("docs/files.md", generate.public_files()),
        ("docs/variables.md", generate.variables()),
        ("README.md", generate.readme()),
        ("docs/licences.md", generate.licences()),
        ("docs/catalogue.md", generate.catalogue_page()),
        ("workflow/rules/scripts.txt", generate.script_files()),
    ):
        assert (ROOT / page).read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_conda_environment_has_the_versions_of_the_lock_file():
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    locked = {package["name"]: package["version"] for package in lock["package"]}
    environment = yaml.safe_load((ROOT / "envs/seermatch.yaml").read_text(encoding="utf-8"))
    pins = dict(pin.split(" =") for pin in environment["dependencies"])
    assert pins.pop("python") in ("3.11", "3.12", "3.13")
    pins["matplotlib"] = pins.pop("matplotlib-base")
    assert pins == {name: locked[name] for name in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {requirement.split()[0] for requirement in project["dependencies"]}
    assert direct - set(pins) == {"snakemake", "pygments"}


def test_the_licences_of_all_packages_are_known():
    page = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    licences = {row[0].removeprefix("| "): row[2].removesuffix(" |") for row in rows[2:]}
    assert len(licences) > 50
    assert min(len(words) for words in licences.values()) > 2
    assert {"ecos", "scikit-survival"} <= {
        name for name, words in licences.items() if words.startswith("GPL")
    }
    assert "under the same terms: `ecos`, `scikit-survival`." in page


def test_uv_is_installed_in_one_version_with_its_hashes():
    pins = (ROOT / "envs/uv.txt").read_text(encoding="utf-8")
    code = re.sub(r"^#.*\n", "", pins, flags=re.MULTILINE)
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+( \\\n    --hash=sha256:[0-9a-f]{64}){10,}\n", code)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "PINNED = --require-hashes --no-deps -r envs/uv.txt\n" in makefile
    installed = re.findall(r"pip install (.*?);", makefile)
    assert len(installed) == 2
    assert all(line.endswith("$(PINNED)") for line in installed)


@pytest.mark.parametrize("script", sorted((ROOT / "workflow/scripts").glob("*.py")))
def test_every_script_belongs_to_a_rule_of_its_name(script):
    """Or to a rule from which another one is made, so that it has the name of neither."""
    if script.name == "study_io.py":
        return
    files = (ROOT / "workflow/rules").glob("*.smk")
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    rules = re.split(r"^ *(?=(?:use )?rule )", text, flags=re.MULTILINE)
    (rule,) = [rule for rule in rules if f'"../scripts/{script.name}"' in rule]
    name = re.match(r"rule (\w+):", rule)[1]
    assert f'code_of("{script.stem}")' in rule
    assert name == script.stem or any(other.startswith(f"use rule {name} as ") for other in rules)


def test_the_package_imports_nothing_heavy():
    code = "import sys, seermatch; sys.exit(bool({'numpy', 'pandas', 'polars'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "workflow/scripts", check=False)
    assert done.returncode == 0
