"""Write what is made from other files: pages, the graph of the rules, and two lists.

config/README.md, docs/variables.md, docs/catalogue.md, docs/files.md, docs/licences.md and the
graphs in README.md and docs/architecture.md come from the settings, the field table, the catalogue
of variables, the list of public files, the lock file, the workflow and the imports of the library;
workflow/rules/scripts.txt names the files beside the scripts. Run ``make docs`` after a change;
tests compare.
"""

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import get_args, get_origin

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import catalogue_page
from licences import licences
from packages import package_graph

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

INTRODUCTION = """\
# Configuration

`config.yaml` holds the scientific choices of the study, and equals the defaults below; a study of
your own needs only the keys that differ, in a file for `--configfile`. Lists replace the default
list as a whole. Unknown keys and values out of bounds stop the run at once. Threads and memory
belong to the rules and to `profiles/`.

This file is made from `workflow/scripts/seermatch/settings/` by `make docs`.

## The sheet of exports

A tab-separated file, one row per SEER*Stat export.

| column | what it holds |
| --- | --- |
"""

VARIABLES = """\
# Variables to select in SEER*Stat

The columns of the case listing that the default study needs, in the names of the November 2024
submission. Other submissions' names are known too, with and without `Recode`, and so are names that
R or SPSS have changed. Further columns do no harm. Used where they are there: COD to site recode
and Sequence number, by the sensitivity analyses; Regional nodes examined (1988+) and EOD Regional
Nodes (2018+), by the studies of lymph nodes, for which one is enough; SEER registry (SEER Research
Plus only), by `cohort.registries` and `matching.exact`.

Export with *Matrix > Export*: "Labels", a header line or the dictionary, any delimiter. Leave
*Display unformatted* off.

| variable | or instead | what it is |
| --- | --- | --- |"""


FILES = """\
# The files of a run

Everything in `results/` except `results/private/` has passed disclosure control and may be shared;
[what may be shared](disclosure.md) says how. Every figure comes as SVG, PDF and 300-dpi PNG in the
widths of the journal (`figures.widths`). This list is `resources/public_files.tsv`: a file that is
not on it is private.

| file | what it holds |
| --- | --- |"""

PRIVATE = """
Private, in `results/private/` (readable by its owner only): the exports once read, every step's
records of patients (`cohort.parquet`, `propensity.parquet`, `matched.parquet`, `eligible.parquet`),
and unmasked results at full precision under the names that they have above.
"""


def default(declared) -> str:
    """Print the default of a key; long ones stand in config.yaml."""
    value = declared.default
    if declared.default_factory is not MISSING:
        value = declared.default_factory()
    if value is MISSING or declared.metadata.get("optional"):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) < 90 else "see `config.yaml`"


def rows(section: type, prefix: str = ""):
    """Yield a table row for each key of a section of the configuration, and of those within."""
    from seermatch.settings.check import allowed

    for declared in fields(section):
        name, kind, meaning = f"{prefix}{declared.name}", declared.type, declared.metadata
        if is_dataclass(kind):
            yield f"| **`{name}`** | {meaning['description']} | | |"
            yield from rows(kind, f"{name}.")
            continue
        values = allowed(kind, meaning)
        yield f"| `{name}` | {meaning['description']} | {values} | {default(declared)} |"
        inner = get_args(kind)[-1] if get_args(kind) else None
        if is_dataclass(inner):
            below = "[]." if get_origin(kind) is list else ".<field>."
            yield from rows(inner, name + below)


def configuration() -> str:
    """Compose config/README.md."""
    from seermatch.settings.cohort import Export
    from seermatch.settings.study import Study

    columns = [f"| `{item.name}` | {item.metadata['description']} |" for item in fields(Export)]
    keys = [
        "",
        "## The keys",
        "",
        "| key | what it is | values | default |",
        "| --- | --- | --- | --- |",
    ]
    return INTRODUCTION + "\n".join([*columns, *keys, *rows(Study)]) + "\n"


def schema() -> str:
    """Compose the schema with which editors complete and check config/config.yaml."""
    from seermatch.settings.check import json_schema
    from seermatch.settings.study import Study

    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    text = yaml.safe_dump(
        draft | json_schema(Study), sort_keys=False, allow_unicode=True, width=100
    )
    return (
        "# Made from seermatch.settings by `make docs`, for editors; runs do not read it.\n" + text
    )


def variables() -> str:
    """Compose docs/variables.md."""
    from seermatch.seer.fields import REQUIREMENTS, seer_fields

    fields = seer_fields()
    lines = [VARIABLES]
    for name, alternatives in REQUIREMENTS.items():
        usual, *others = [" and ".join(fields[f].variable for f in each) for each in alternatives]
        lines.append(f"| [ ] {usual} | {'; '.join(others)} | {fields[name].meaning} |")
    return "\n".join(lines) + "\n"


def public_files() -> str:
    """Compose docs/files.md."""
    listed = ROOT / "resources" / "public_files.tsv"
    with listed.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    lines = [f"| `{row['file']}` | {row['holds']} |" for row in rows]
    return "\n".join([FILES, *lines]) + "\n" + PRIVATE


def rule_graph() -> str:
    """Let Snakemake draw the rules behind the tables and figures, in Mermaid's language.

    Its colors are arbitrary and its edges come in any order, so that they are left out and sorted.
    """
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", "study"]
    environment = os.environ | {"PYTHONWARNINGS": ""}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment
    )
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]$", done.stdout, flags=re.MULTILINE))
    edges = re.findall(r"^\s*(id\d+) --> (id\d+)$", done.stdout, flags=re.MULTILINE)
    arrows = sorted(f"    {names[start]} --> {names[end]}" for start, end in edges)
    return "\n".join(["```mermaid", "flowchart TB", *arrows, "```"])


def readme() -> str:
    """Compose README.md: what stands there, with the graph of today."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, start, rest = text.partition("<!-- rule graph, made by make docs -->\n")
    _, end, after = rest.partition("\n<!-- end of the rule graph -->")
    return before + start + rule_graph() + end + after


def architecture() -> str:
    """Compose docs/architecture.md: what stands there, with the packages of today."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    before, start, rest = text.partition("<!-- packages, made by make docs -->\n")
    _, end, after = rest.partition("<!-- end of the packages -->")
    return before + start + package_graph() + "\n" + end + after


def script_files() -> str:
    """List the files below workflow/scripts, which a workflow on a forge cannot list itself."""
    scripts = ROOT / "workflow" / "scripts"
    files = (file.relative_to(scripts) for file in scripts.rglob("*") if file.is_file())
    kept = [
        file.as_posix()
        for file in files
        if "__pycache__" not in file.parts and not file.name.startswith(".")
    ]
    return "\n".join(sorted(kept)) + "\n"


if __name__ == "__main__":
    (ROOT / "README.md").write_text(readme(), encoding="utf-8")
    (ROOT / "docs" / "architecture.md").write_text(architecture(), encoding="utf-8")
    (ROOT / "docs" / "files.md").write_text(public_files(), encoding="utf-8")
    (ROOT / "docs" / "variables.md").write_text(variables(), encoding="utf-8")
    (ROOT / "config" / "README.md").write_text(configuration(), encoding="utf-8")
    (ROOT / "workflow" / "schemas" / "config.schema.yaml").write_text(schema(), encoding="utf-8")
    (ROOT / "workflow" / "rules" / "scripts.txt").write_text(script_files(), encoding="utf-8")
    (ROOT / "docs" / "licences.md").write_text(licences(), encoding="utf-8")
    (ROOT / "docs" / "catalogue.md").write_text(catalogue_page(), encoding="utf-8")
