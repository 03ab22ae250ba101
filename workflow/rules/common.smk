"""Configuration, sheet of exports, and the helpers that the rules share.

Runs at every start of Snakemake and in every cluster job, so it imports nothing heavy.
"""

import csv
import difflib
import os
import re
import sys
import time
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

STARTED = time.time()

SCHEMA = workflow.source_path("../schemas/config.schema.yaml")
SHEET_SCHEMA = workflow.source_path("../schemas/exports.schema.yaml")


def stop(message):
    """End the run with a message for people instead of a traceback."""
    raise SystemExit(message)


def explain(error, name):
    """Say in one line what a schema finds wrong, and where."""
    place = ".".join([name, *(str(part) for part in error.absolute_path)])
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(set(error.instance) - set(known))
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = (
            f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        )
        return f"{place}: unknown key {unknown[0]!r}; {hint}"
    if error.validator == "pattern":
        return (
            f"{place}: {error.instance!r} is not allowed. {error.schema['description']}"
        )
    return f"{place}: {error.message}."


def validate_or_stop(data, schema, name):
    """Fill in the schema's defaults, or stop with the key that is wrong."""
    try:
        validate(data, schema=schema)
    except WorkflowError:
        from jsonschema import Draft202012Validator

        errors = Draft202012Validator(load_configfile(schema)).iter_errors(data)
        stop("\n".join(explain(error, name) for error in errors))


def read_sheet(path):
    """Read the sheet of exports: name of the export -> its row."""
    if not Path(path).is_file():
        stop(
            f"config.exports: there is no file {path}; name the sheet of your exports."
        )
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as sheet:
            rows = list(csv.DictReader(sheet, delimiter="\t"))
    except UnicodeDecodeError:
        stop(f"{path} is not text in UTF-8; save it again as tab-separated UTF-8 text.")
    except PermissionError:
        stop(f"config.exports: {path} may not be read; ask its owner for permission.")
    rows = [row for row in rows if any(row.values())]
    if not rows:
        stop(
            f"{path}: no export is listed; add a row with its name, path and dictionary."
        )
    exports = {}
    for number, row in enumerate(rows, start=2):
        row.pop(None, None)
        row = {key: (value or "").strip() for key, value in row.items()}
        validate_or_stop(row, SHEET_SCHEMA, f"{path}, row {number}")
        if row["export"] in exports:
            stop(f"{path}, row {number}: the export {row['export']!r} is listed twice.")
        exports[row["export"]] = row
    return exports


def files_of(row):
    """Name the files of an export: the data, and the dictionary if there is one."""
    beside = str(Path(row["path"].removesuffix(".gz")).with_suffix(".dic"))
    dictionary = row.get("dictionary") or (beside if os.path.isfile(beside) else "")
    return {"path": row["path"]} | ({"dictionary": dictionary} if dictionary else {})


def obstacle(path):
    """Say what keeps a file from being read; nothing if it can be."""
    try:
        with Path(path).open("rb"):
            return ""
    except IsADirectoryError:
        return "is a folder, not a file"
    except PermissionError:
        return "may not be read; ask its owner for permission"
    except OSError:
        return "does not exist"


def check_paths(exports, sheet, made):
    """Stop where a listed file cannot be read and is not one that the workflow makes."""
    for row in exports.values():
        for column, path in files_of(row).items():
            if path not in made and (wrong := obstacle(path)):
                stop(f"{sheet}, export {row['export']!r}: the {column} {path} {wrong}.")


def check_terms(config):
    """Stop where a model would hold the variable that tells the groups apart."""
    field = config["cohort"]["exposure"]["field"]
    for key, terms in (
        ("matching.covariates", config["matching"]["covariates"]),
        ("regression.recommended", config["regression"]["recommended"]),
    ):
        if field in terms:
            stop(
                f"config.{key}: {field} tells the groups apart and cannot be a covariate too."
            )
        missing = set(terms) - set(config["matching"]["covariates"]) - {"year"}
        if missing:
            stop(
                f"config.{key}: {', '.join(sorted(missing))} is not in matching.covariates."
            )


def check_claims(claims):
    """Stop where a claim expects a survival without a percentage, or has one for nothing."""
    for number, claim in enumerate(claims):
        if (claim["expects"] == "survival") != ("survival_percent" in claim):
            stop(
                f"config.study.claims.{number}: survival_percent goes with 'expects: survival', and "
                f"'expects: survival' needs it; the claim expects {claim['expects']!r}."
            )


def sorted_keys(value):
    """Sort the keys of nested dictionaries, so that their order reruns nothing."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_keys(item) for item in value]
    return value


def section(name):
    """Give a section of the configuration as one sorted dictionary, for `params`."""
    return sorted_keys(config[name])


def memory(gigabytes):
    """Ask for memory; each retry on a cluster asks for as much again on top."""
    return lambda wildcards, attempt: f"{gigabytes * attempt}GB"


def minutes(number):
    """Ask for time; each retry on a cluster asks for as much again on top."""
    return lambda wildcards, attempt: number * attempt


validate_or_stop(config, SCHEMA, "config")
check_terms(config)
check_claims(config["study"]["claims"])

# Names of the groups, reference first. Of a list Snakemake would take `{` for that of a wildcard,
# and forget how `escape.smk` prints.
LABELS = tuple(
    config["cohort"]["exposure"][arm]["label"] for arm in ("reference", "exposed")
)

# The synthetic registry: one export per year of diagnosis.
SYNTHETIC_YEARS = [2018, 2019, 2020, 2021, 2022]
SYNTHETIC = [
    workflow.pathvars.apply(f"<resources>/synthetic/breast_{year}{suffix}")
    for year in SYNTHETIC_YEARS
    for suffix in (".csv", ".dic")
]

EXPORTS = read_sheet(config["exports"])
check_paths(EXPORTS, config["exports"], SYNTHETIC)


wildcard_constraints:
    export="|".join(EXPORTS),


def export_files(wildcards):
    """Name the input files of an export, for `unpack`."""
    files = files_of(EXPORTS[wildcards.export])
    return {"data": files.pop("path")} | files


PAPER_TABLES = ("table1", "table2", "table3", "table4")


def paper_text(name):
    """Read a printed table: from the folder that is configured, else from this workflow's own."""
    folder = config["paper"]["folder"]
    if folder is None:
        stop("config.paper.folder: is null; name the folder of the printed tables.")
    path = Path(folder) / f"{name}.tsv"
    if path.is_file():
        return path.read_text(encoding="utf-8-sig")
    if folder == "resources/paper":
        return source_text(f"../../resources/paper/{name}.tsv")
    stop(f"config.paper.folder: there is no file {path}.")


def paper_tables(wildcards):
    """Give the printed tables as text, for `params`: an edit of a cell reruns, a touch does not."""
    return printed_safely({name: paper_text(name) for name in PAPER_TABLES})


def paper_tables_and_text(wildcards):
    """Give the printed tables, and the facts that the paper states elsewhere."""
    return paper_tables(wildcards) | printed_safely({"text": paper_text("text")})


def closing_words():
    """Say where the results lie, how long it took, and what a reader must know before using them."""
    results = Path(workflow.pathvars.apply("<results>"))
    lines = [
        f"The results are in {results}/, after {time.time() - STARTED:.0f} seconds."
    ]
    warnings = results / "warnings.txt"
    # Warnings of an earlier run are no news of this one.
    if warnings.is_file() and warnings.stat().st_mtime >= STARTED:
        lines.append(f"Begin with {results}/report.html.")
        found = warnings.read_text(encoding="utf-8").splitlines()
        lines += ["Before you use them:"] if found else []
        lines += [f"  - {warning}" for warning in found]
    return "\n".join(lines)


# What a scheduler writes into the log of a job that it ended.
LIMITS = {
    "over its memory": r"exceeded memory limit|oom.?kill|out of memory",
    "over its time": r"due to time limit",
}


def failures_on_a_cluster():
    """Say which of this run's jobs failed on a cluster, why, and what to change."""
    lines, over = [], False
    # Slurm's jobs and those of other schedulers; local runs have none.
    for log in sorted(Path(".snakemake").glob("*_logs/**/*.*")):
        if not log.is_file() or log.stat().st_mtime < STARTED:
            continue
        text = log.read_text(encoding="utf-8", errors="replace")
        found = re.findall(r"^Error in rule (\w+)", text, flags=re.MULTILINE)
        failed = list(dict.fromkeys(found))
        limits = [why for why, sign in LIMITS.items() if re.search(sign, text, re.I)]
        if failed or limits:
            over = over or bool(limits)
            where = f" in {', '.join(failed)}" if failed else ""
            lines.append("  " + ", ".join([f"{log}: the job failed{where}", *limits]))
            # What the script said at its end begins with its name.
            for name in failed:
                pattern = rf"^{name}[ :].*?(?=^RuleException)"
                for said in re.findall(pattern, text, re.MULTILINE | re.DOTALL):
                    lines += [f"    {line}" for line in said.splitlines()]
    if over:
        lines += [
            "Give the rules of such a job more mem_mb or runtime under set-resources in the profile;",
            "docs/guide.md shows how, under 'Run on a cluster'.",
        ]
    return "\n".join(lines)
