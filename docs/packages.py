"""Which module of the library imports which, read from the syntax trees, and the picture of it."""

import ast
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """Name a module as an import does."""
    parts = path.relative_to(SCRIPTS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(name: str) -> str:
    """Name the package of a module, or the module itself where it lies in none."""
    return name.split(".")[1]


def imports_of(path: Path) -> set[str]:
    """Name in full all that a file imports anywhere; `from a import b` gives `a` and `a.b`."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module_imports() -> set[tuple[str, str]]:
    """List the pairs of modules of the library of which the first imports the second."""
    modules = {name_of(path): path for path in (SCRIPTS / "seermatch").rglob("*.py")}
    return {
        (name, other)
        for name, path in modules.items()
        for other in imports_of(path) & set(modules)
        if other not in (name, "seermatch") and name != "seermatch"
    }


def package_graph() -> str:
    """Draw the packages in Mermaid's language: an arrow from each to those that are built on it.

    An arrow is left out where others lead the same way.
    """
    names = {name_of(path) for path in (SCRIPTS / "seermatch").rglob("*.py")} - {"seermatch"}
    below = {package_of(name): set() for name in names}
    for name, other in module_imports():
        below[package_of(name)].add(package_of(other))

    def reach(package: str, seen: frozenset = frozenset()) -> set[str]:
        found = set()
        for other in below[package] - {package} - seen:
            found |= {other} | reach(other, seen | {package})
        return found

    used = {other for package, others in below.items() for other in others - {package}}
    arrows = [f"    {package}" for package in set(below) - used if below[package] <= {package}]
    for package, others in below.items():
        around = set().union(*(reach(other) for other in others - {package}))
        arrows += [f"    {other} --> {package}" for other in others - {package} - around]
    return "\n".join(["```mermaid", "flowchart TB", *sorted(arrows), "```"])
