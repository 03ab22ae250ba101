"""The house rules that a syntax tree shows: who imports whom, how long, and nothing private.

docs/architecture.md draws the packages.
"""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from docs.packages import SCRIPTS, imports_of, module_imports, name_of, package_of, tree_of

ROOT = Path(__file__).parents[2]
LIBRARY = SCRIPTS / "seermatch"

# A package imports from layers above its own line, and from no neighbor on its line.
LAYERS = [
    {"errors"},
    {"settings", "spreadsheet"},
    {"statistics", "seer"},
    {"variables"},
    {"cohort", "matching", "survival"},
    {"analysis"},
    {"disclosure"},
    {"wording"},
    {"figures", "methods", "word", "paper"},
    {"report"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# Makes registries up and knows nothing of how they are studied.
SYNTHETIC_MAY = {"errors", "settings", "seer", "variables"}

LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
REASON = re.compile(r"# long: \S")


def python_files() -> list[Path]:
    """List what is held to the rules: the workflow, validation and the generators of pages."""
    folders = (ROOT / "workflow", ROOT / "validation", ROOT / "docs")
    files = (path for folder in folders for path in folder.rglob("*.py"))
    return sorted(path for path in files if ".venv" not in path.parts)


MODULES = {name_of(path): path for path in LIBRARY.rglob("*.py")}


def may_import(package: str, other: str) -> bool:
    if package == other:
        return True
    if package == "synthetic":
        return other in SYNTHETIC_MAY
    return other != "synthetic" and RANK[other] < RANK[package]


def test_every_package_has_a_place():
    packages = {package_of(name) for name in MODULES if name != "seermatch"}
    assert packages <= set(RANK) | {"synthetic"}


def test_the_law_of_imports():
    against = {
        f"{name.removeprefix('seermatch.')} -> {other.removeprefix('seermatch.')}"
        for name, other in module_imports()
        if not may_import(package_of(name), package_of(other))
    }
    assert not against


def test_imports_are_written_in_full():
    for path in python_files():
        nodes = ast.walk(tree_of(path))
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes), path


def test_no_circle_of_modules():
    graph = {name: set() for name in MODULES}
    for name, other in module_imports():
        graph[name].add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_only_its_script_makes_up_registries():
    users = {
        path.name
        for path in SCRIPTS.glob("*.py")
        if any(name.startswith("seermatch.synthetic") for name in imports_of(path))
    }
    assert users == {"simulate_exports.py"}


def test_the_workflow_needs_no_validation():
    for path in (ROOT / "workflow").rglob("*.py"):
        assert not any(name.split(".")[0] == "validation" for name in imports_of(path)), path
    rules = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]
    assert not [path for path in rules if "validation/" in path.read_text(encoding="utf-8")]


FOLDERS = "config|docs|profiles|resources|tests|validation|workflow"


def test_what_the_page_names_is_there():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"`(seermatch\.[\w.]+)`", page)) - set(MODULES):
        module, _, member = name.rpartition(".")
        text = MODULES[module].read_text(encoding="utf-8")
        assert re.search(rf"^(def |class |){member}\b", text, re.MULTILINE), name
    for path in set(re.findall(rf"`((?:{FOLDERS})/[\w./]*)`", page)):
        assert (ROOT / path).exists(), path


def test_no_module_is_long():
    long = {
        str(path.relative_to(ROOT))
        for path in python_files()
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE
    }
    assert not long


def lines_of_code(node: ast.FunctionDef) -> int:
    """Count the lines of a function without those of its docstring."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        lines -= node.body[0].end_lineno - node.body[0].lineno + 1
    return lines


def has_reason(node: ast.FunctionDef, lines: list[str]) -> bool:
    """Tell whether the line above a function, or above its decorators, says why it is long."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first > 1 and bool(REASON.match(lines[first - 2].strip()))


def test_no_function_is_long_without_a_reason():
    long = set()
    for path in python_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, ast.FunctionDef)
                and lines_of_code(node) > LONGEST_FUNCTION
                and not has_reason(node, lines)
            ):
                long.add(node.name)
    assert not long


# What named tuples document in spite of its name
DOCUMENTED = {"_asdict", "_fields", "_make", "_replace"}


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def test_no_private_member_of_a_dependency():
    """Of an object, only `self` and `cls` show private members; of a package, only ours could."""
    found = set()
    for path in python_files():
        ours = str(path.relative_to(ROOT))
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and private(node.attr):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                if owner not in ("self", "cls"):
                    found.add(f"{ours}: {node.attr}")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr"):
                name = node.args[1]
                if isinstance(name, ast.Constant) and private(str(name.value)):
                    found.add(f"{ours}: {name.value}")
        for name in imports_of(path):
            parts = name.split(".")
            if any(map(private, parts)):
                found.add(f"{ours}: {name}")
    assert not found


def test_no_private_member_of_snakemake_in_the_rules():
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        text = re.sub(r'""".*?"""|#.*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.findall(r"\w\._[a-z]\w*", text), path
