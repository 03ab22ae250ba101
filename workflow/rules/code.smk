"""The code behind each step, as a parameter of its rule: an edit reruns the steps that use it.

Snakemake compares a script by its time only, and nothing that it imports.
"""

import ast
import hashlib
import os
import re
from functools import cache
from pathlib import Path

# No folder where the workflow comes from a forge; then Snakemake has to fetch each file.
RULES = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
IS_LOCAL = RULES.is_absolute() and RULES.is_dir()


@cache
def source_text(path):
    """Read a source file of this workflow, wherever it was deployed from."""
    file = RULES / path if IS_LOCAL else workflow.source_path(path)
    return Path(file).read_text(encoding="utf-8")


@cache
def script_files():
    """List the files below `scripts/`: code, templates and tables.

    A forge lists no folder, so there the list comes from a file, which `make docs` writes.
    """
    if not IS_LOCAL:
        return frozenset(source_text("scripts.txt").split())
    files = set()
    for folder, folders, names in os.walk(RULES / "../scripts"):
        folders[:] = [name for name in folders if name != "__pycache__"]
        inside = os.path.relpath(folder, RULES / "../scripts")
        files |= {os.path.normpath(os.path.join(inside, name)) for name in names}
    return frozenset(
        file for file in files if not os.path.basename(file).startswith(".")
    )


# Statements are found by pattern and only they are parsed: every file as a whole would take half
# a second at each start. What merely looks like a statement, in a docstring, does not parse.
IMPORT = re.compile(
    r"""^[ \t]*(
        (?:from|import)[ \t]
        (?: [^\n;(\\\#]+                   # to the end of the line,
          | \\\n                          # which may be continued,
          | \( (?: [^)\#]+ | \#.* )* \)    # or to the end of its parentheses
        )+)""",
    re.MULTILINE | re.VERBOSE,
)


def modules_in(path):
    """Name the modules that a Python file imports, those of others included, in full."""
    names = set()
    package = path.split("/")[:-1]
    for statement in IMPORT.findall(source_text(f"../scripts/{path}")):
        try:
            (node,) = ast.parse(statement).body
        except (SyntaxError, ValueError):
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


@cache
def files_of_module(name):
    """List the files that importing a module reads: its own and those of the packages around it."""
    around, _, _ = name.rpartition(".")
    files = files_of_module(around) if around else frozenset()
    place = name.replace(".", "/")
    # Python, too, prefers the package where there are both.
    for file in (f"{place}/__init__.py", f"{place}.py"):
        if file in script_files():
            return files | {file}
    return files


@cache
def data_files():
    """List the templates and tables of the package with their names."""
    files = [file for file in script_files() if not file.endswith(".py")]
    return [(file, os.path.basename(file)) for file in files]


@cache
def needs_of(path):
    """List the files below `scripts/` that a file imports, or names as data of the package."""
    text = source_text(f"../scripts/{path}")
    needs = {file for file, name in data_files() if name in text}
    if path.endswith(".py"):
        needs.update(*map(files_of_module, modules_in(path)))
    return needs - {path}


@cache
def sources_of(script):
    """List a script and all that it needs, directly and through others."""
    seen, waiting = set(), {f"{script}.py"}
    while waiting:
        seen |= waiting
        waiting = set().union(*map(needs_of, waiting)) - seen
    return sorted(seen)


@cache
def digest_of_file(path):
    """Digest a file with its name; reading it also puts it beside a script that runs elsewhere."""
    text = source_text(f"../scripts/{path}")
    return hashlib.sha256(f"{path}\0{text}".encode()).hexdigest()


def folder_of(package):
    """Give the folder of the scripts, once a package lies there with all that it imports."""
    inside = [file for file in script_files() if file.startswith(f"{package}/")]
    for path in set().union(*(sources_of(file.removesuffix(".py")) for file in inside)):
        source_text(f"../scripts/{path}")
    if IS_LOCAL:
        return str((RULES / "../scripts").resolve())
    return str(Path(workflow.source_path("../scripts/study_io.py")).parent)


def digest_of(script):
    """Digest a script with all it imports from this workflow."""
    digests = "".join(map(digest_of_file, sources_of(script)))
    return hashlib.sha256(digests.encode()).hexdigest()


def code_of(script):
    """Give the digest of a script for `params`, which tells also of steps without an end.

    `messages.smk` says why; `unfinished` comes from there.
    """
    digest = digest_of(script)

    def code(wildcards):
        # The rule that this function was made for, and those that inherit its params.
        steps = (
            step for step in workflow.rules if any(item is code for item in step.params)
        )
        begun = sum(unfinished(step, wildcards) for step in steps)
        return f"{digest}, begun and not finished: {begun}" if begun else digest

    return code
