"""The configuration and the sheet of exports: read strictly, checked, filled with defaults.

Runs at every start of Snakemake and in every cluster job, so it imports nothing heavy.
"""

import csv
import difflib
import os
import re
import shutil
import stat
from pathlib import Path

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

SCHEMA = workflow.source_path("../schemas/config.schema.yaml")
SHEET_SCHEMA = workflow.source_path("../schemas/exports.schema.yaml")

# Keys whose values are text, whatever YAML takes them for.
TEXTS = {"labels", "registries", "label", "level", "pattern", "criterion"}
TEXTS |= {"title", "question", "claim", "source"}
KINDS = {"int": "number", "float": "number", "bool": "truth value", "timestamp": "date"}
MOST_VALUES = 100_000  # of a configuration, its aliases written out

# Columns and rows of the results that a group or a level stands beside.
TAKEN_BY_GROUPS = {
    "all",
    "group",
    "level",
    "variable",
    "p_value",
    "test",
    "included",
    "excluded",
}
TAKEN_BY_LEVELS = {"median (iqr)"}
# Control characters, line ends, changes of direction, halves of characters, no characters.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

ARMS = ("reference", "exposed")
SHEET_COLUMNS = ("export", "path", "dictionary")
LARGEST_SHEET, LARGEST_DICTIONARY = 1 << 20, 1 << 26  # bytes
LEAST_ROOM = 1 << 16


def stop(message):
    """End the run with a message for people instead of a traceback."""
    raise SystemExit(message)


def strict_problems(node, place=(), key=""):
    """Say, value by value, where YAML reads something else than what is written.

    Yields the line, the place and a sentence.
    """
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        first = {}
        for name, value in node.value:
            here = (*place, str(name.value))
            yield from strict_problems(name, here, "key")
            if name.value in first and name.value != "<<":
                told = f"the key is there twice, first in line {first[name.value]}; keep one"
                yield name.start_mark.line + 1, here, told
            first.setdefault(name.value, name.start_mark.line + 1)
            yield from strict_problems(value, here, name.value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from strict_problems(value, (*place, ""), key)
    elif not node.style and (told := misread(node, place, key)):
        yield line, place, told


def misread(node, place, key):
    """Say what YAML makes of a plain value that is no such thing; nothing where it is right."""
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind in ("str", "merge") or (kind == "null" and place[-1:] != ("",)):
        return ""
    as_written = kind == "int" and re.fullmatch(r"0|-?[1-9]\d*", text)
    if key in TEXTS | {"key"}:
        wrong = not as_written or key != "labels" or "exposure" in place
    else:  # 1_000, 1:30 and 0x1F are numbers, too, and 010 is 8
        wrong = kind in ("int", "float") and re.search(r"[_:xb]|^[+-]?0\d", text)
    if not wrong:
        return ""
    if kind == "null":
        return f"{text or 'an empty entry'} is read as nothing; write it in quotes or leave it out"
    write = (
        f'write "{text}", in quotes' if key in TEXTS | {"key"} else "write plain digits"
    )
    value = str(yaml.safe_load(text)).lower()
    return f"{text} is read as the {KINDS.get(kind, kind)} {value}; {write}"


def written_out(node, sizes, open_nodes=()):
    """Count the values of a node with its aliases written out; infinite where it holds itself."""
    if node in open_nodes:
        return float("inf")
    if node not in sizes:
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        open_nodes = (*open_nodes, node)
        sizes[node] = 1 + sum(written_out(part, sizes, open_nodes) for part in parts)
    return sizes[node]


def check_strictly(path, keys):
    """Stop where a configuration file says something else than it seems to.

    Snakemake takes the last of two equal keys, 050 for 40 and No for false without a word.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            root = yaml.compose(
                file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            )
    except yaml.YAMLError:
        return  # JSON, or Snakemake has refused it
    if not isinstance(root, yaml.MappingNode):
        return
    # the file of another workflow that uses this one as its module
    if not {name.value for name, _ in root.value} <= keys:
        return
    if written_out(root, {}) > MOST_VALUES:
        stop(
            f"{path}: too many values behind its aliases (*name); write the study out."
        )
    found = [
        f"{path}, line {line}: {'.'.join(filter(None, place))}: {told}."
        for line, place, told in strict_problems(root)
    ]
    if found:
        more = [f"... and {len(found) - 5} more of the kind."] if len(found) > 6 else []
        stop("\n".join(found[: 5 if more else None] + more))


def check_room(folder):
    """Stop where Snakemake could not keep its notes."""
    if os.path.isdir(folder) and shutil.disk_usage(folder).free < LEAST_ROOM:
        stop(
            f"{folder}: no space left on device for the notes of Snakemake; make room, or run in "
            "another folder (--directory)."
        )


def check_texts(config):
    """Stop where a text of the study cannot be printed, or would be taken for another one."""
    exposure, study = config["cohort"]["exposure"], config["study"]
    # a block of YAML ends with a line end
    for part, names in (
        (study, ("title", "question")),
        *((claim, ("claim", "source")) for claim in study["claims"]),
    ):
        part |= {name: part[name].strip() for name in names}
    groups = [(f"cohort.exposure.{arm}.label", exposure[arm]["label"]) for arm in ARMS]
    levels = {
        name: [
            (f"recode.{name}.{i}.level", item["level"]) for i, item in enumerate(items)
        ]
        for name, items in config["recode"].items()
    }
    criteria = enumerate(config["cohort"]["criteria"])
    texts = [
        (f"cohort.criteria.{i}.criterion", item["criterion"]) for i, item in criteria
    ]
    texts += [(f"study.{name}", study[name]) for name in ("title", "question")]
    for i, claim in enumerate(study["claims"]):
        texts += [
            (f"study.claims.{i}.{name}", claim[name]) for name in ("claim", "source")
        ]
    texts += groups + [item for items in levels.values() for item in items]
    for place, text in texts:
        if not text.strip() or text != text.strip():
            stop(
                f"config.{place}: {text!r} is empty or has blanks around it; write it without."
            )
        if found := UNPRINTABLE.search(text):
            stop(
                f"config.{place}: {text!r} holds {found[0]!r}, which cannot be printed in a table "
                "or figure; write the text in one line, without control characters."
            )
    for taken, items in (
        (TAKEN_BY_GROUPS, groups),
        *((TAKEN_BY_LEVELS, x) for x in levels.values()),
    ):
        first = {}
        for place, text in items:
            number = items is groups and re.fullmatch(r"[+-]?[\d.,]+", text)
            if text.casefold() in taken or number:
                stop(
                    f"config.{place}: {text!r} has another meaning in the tables of results; "
                    "choose a name in words."
                )
            same = text.replace("-", "\N{EN DASH}")  # as print does
            if same in first:
                stop(
                    f"config.{place}: {text!r} is the same in print as {first[same]}; choose another."
                )
            first[same] = place


def explain(error, name):
    """Say in one line what a schema finds wrong, and where."""
    place = ".".join([name, *(str(part) for part in error.absolute_path)])
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(str(key) for key in set(error.instance) - set(known))
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = (
            f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        )
        return f"{place}: unknown key {unknown[0]!r}; {hint}"
    if error.validator == "pattern":
        return (
            f"{place}: {error.instance!r} is not allowed. {error.schema['description']}"
        )
    quotes = error.validator == "type" and "string" in error.schema["type"]
    hint = (
        "; write it in quotes"
        if quotes and not isinstance(error.instance, (dict, list))
        else ""
    )
    return f"{place}: {error.message}{hint}."


def validate_or_stop(data, schema, name):
    """Fill in the schema's defaults, or stop with the key that is wrong."""
    try:
        validate(data, schema=schema)
    except WorkflowError:
        from jsonschema import Draft202012Validator

        errors = Draft202012Validator(load_configfile(schema)).iter_errors(data)
        stop("\n".join(explain(error, name) for error in errors))


def rows_of_sheet(path):
    """Read the sheet of exports as text, whatever separates its columns."""
    if wrong := obstacle(path):
        if "not exist" in wrong:
            stop(
                f"config.exports: there is no file {path}; name the sheet of your exports."
            )
        stop(f"config.exports: {path} {wrong}.")
    if (size := os.path.getsize(path)) > LARGEST_SHEET:
        stop(
            f"config.exports: {path} has {size / 1e6:,.0f} MB, so it is no sheet of exports; name "
            "the table that lists them."
        )
    content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        stop(f"{path} is not text in UTF-8; save it again as tab-separated UTF-8 text.")
    lines = [line for line in text.splitlines() if line.strip()]
    header = lines[0] if lines else ""
    separator = next((mark for mark in "\t,;" if mark in header), "\t")
    names = [
        name.strip() for name in next(csv.reader([header], delimiter=separator), [])
    ]
    if header and not set(names) & set(SHEET_COLUMNS):
        stop(
            f"{path}: the first row is {header[:80]!r} instead of the names of the columns: "
            f"{', '.join(SHEET_COLUMNS)}. Separate columns by tabs."
        )
    if len(set(names)) < len(names):
        stop(f"{path}: two columns have the same name; keep one of each.")
    return list(csv.DictReader(lines, delimiter=separator))


def read_sheet(path):
    """Read the sheet of exports: name of the export -> its row."""
    try:
        rows = rows_of_sheet(path)
    except csv.Error as error:
        stop(
            f"{path} is no table ({error}); save it again as tab-separated UTF-8 text."
        )
    exports = {}
    for number, row in enumerate(rows, start=2):
        row.pop(None, None)
        row = {(key or "").strip(): (value or "").strip() for key, value in row.items()}
        if not any(row.values()):
            continue
        if row.get("path") == "" and re.search("[,; ]", row.get("export", "")):
            stop(
                f"{path}, row {number}: {row['export']!r} is one column; separate columns by tabs."
            )
        validate_or_stop(row, SHEET_SCHEMA, f"{path}, row {number}")
        if row["export"] in exports:
            stop(f"{path}, row {number}: the export {row['export']!r} is listed twice.")
        exports[row["export"]] = row
    if not exports:
        stop(
            f"{path}: no export is listed; add a row with its name, path and dictionary."
        )
    return exports


def files_of(row):
    """Name the files of an export: the data, and the dictionary if there is one."""
    beside = str(Path(row["path"].removesuffix(".gz")).with_suffix(".dic"))
    dictionary = row.get("dictionary") or (beside if os.path.isfile(beside) else "")
    return {"path": row["path"]} | ({"dictionary": dictionary} if dictionary else {})


def obstacle(path):
    """Say what keeps a file from being read; nothing if it can be."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return "is a folder, not a file"
        if not stat.S_ISREG(mode):  # opening a pipe would wait for a writer
            return "is a pipe or a device, not a file; save its content in a file"
        with Path(path).open("rb"):
            return ""
    except PermissionError:
        return "may not be read; ask its owner for permission"
    except (OSError, ValueError):
        return "does not exist"


def check_paths(exports, sheet, made):
    """Stop where a listed file cannot be read and is not one that the workflow makes."""
    for row in exports.values():
        for column, path in files_of(row).items():
            if path in made:
                continue
            wrong = obstacle(path)
            if (
                column == "dictionary"
                and not wrong
                and os.path.getsize(path) > LARGEST_DICTIONARY
            ):
                wrong = (
                    "is too large for a dictionary; name the .dic file beside the data"
                )
            if wrong:
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


check_room(".snakemake")
for path in workflow.configfiles:
    if Path(path).is_file():
        check_strictly(path, set(config))
validate_or_stop(config, SCHEMA, "config")
check_terms(config)
check_claims(config["study"]["claims"])
check_texts(config)
