"""The digest of a script holds exactly what it imports, and the data that this reads.

`workflow/rules/code.smk` finds statements by pattern; here stand the full syntax tree of every file
and a process that imports.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
CODE = (ROOT / "workflow/rules/code.smk").read_text(encoding="utf-8")
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.name != "study_io.py")

# Imports all that a script and its modules import, wherever it stands in them, and tells what of
# this workflow was loaded. The parent has loaded what is not ours, so that a child takes no time.
RECORD = """
import ast, importlib, json, os, sys
from pathlib import Path

root = Path(sys.argv[1])
sys.path.insert(0, str(root))
ours = {path.name.removesuffix(".py") for path in root.iterdir()}

def statements(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]

def is_ours(node):
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
    return node.__dict__.get("level") or not ours.isdisjoint(name.split(".")[0] for name in names)

def run(node, package):
    code = compile(ast.Module([node], []), "<import>", "exec")
    exec(code, {"__name__": package + ".x" if package else "x", "__package__": package})

def loaded():
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {Path(file) for file in files if file and file.startswith(f"{root}/")}

parsed = {path: statements(path) for path in sorted(root.rglob("*.py"))}
for nodes in parsed.values():
    for node in nodes:
        if not is_ours(node) and getattr(node, "module", "") != "__future__":
            run(node, "")

def follow(script):
    done, waiting = set(), {script}
    while waiting:
        for path in waiting:
            package = ".".join(path.parent.relative_to(root).parts)
            for node in filter(is_ours, parsed[path]):
                run(node, package)
        done |= waiting
        waiting = loaded() - done
    return sorted(str(path.relative_to(root)) for path in done)

for name in sys.argv[2:]:
    if not (child := os.fork()):
        print(json.dumps([name, follow(root / f"{name}.py")]), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{name}: not imported")
"""


class Folder:
    """Stands in for Snakemake's workflow: says where the rules are."""

    def __init__(self, rules: Path):
        self.rules = []
        self.current_basedir = self
        self.path = rules

    def get_path_or_uri(self, secret_free):
        return str(self.path)


def code_rules(rules: Path = ROOT / "workflow/rules") -> dict:
    """Run the rules file that digests, on the files beside some rules."""
    names = {"workflow": Folder(rules)}
    exec(compile(CODE, "code.smk", "exec"), names)
    return names


def parsed_needs(files: dict[str, str]) -> dict[str, set[str]]:
    """List what each file needs, from the whole of its syntax tree."""
    data = {path for path in files if not path.endswith(".py")}
    needs = {}
    for path, text in files.items():
        names, strings = set(), set()
        for node in ast.walk(ast.parse(text)) if path.endswith(".py") else ():
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                package = path.split("/")[:-1][: -(node.level - 1) or None] if node.level else []
                base = ".".join([*package, *([node.module] if node.module else [])])
                names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value.split("/")[-1])
        needs[path] = {file for file in data if file.split("/")[-1] in strings}
        for name in names:
            parts = name.split(".")
            for n in range(1, len(parts) + 1):
                place = "/".join(parts[:n])
                package = f"{place}/__init__.py"
                needs[path] |= {package if package in files else f"{place}.py"} & set(files)
    return needs


def closure(needs: dict[str, set[str]], script: str) -> set[str]:
    found = {script}
    while more := set().union(*(needs[path] for path in found)) - found:
        found |= more
    return found


@pytest.fixture(scope="module")
def files():
    listed = (ROOT / "workflow/rules/scripts.txt").read_text(encoding="utf-8").split()
    return {path: (SCRIPTS / path).read_text(encoding="utf-8") for path in listed}


def test_a_script_needs_what_the_whole_syntax_trees_say(files):
    rules = code_rules()
    assert set(files) == rules["script_files"]()
    needs = parsed_needs(files)
    assert len(files) > 130
    for name in NAMES:
        assert set(rules["sources_of"](name)) == closure(needs, f"{name}.py"), name


def test_a_script_needs_what_a_process_imports():
    done = subprocess.run(
        [sys.executable, "-c", RECORD, str(SCRIPTS), *NAMES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = dict(map(json.loads, done.stdout.splitlines()))
    assert set(imported) == set(NAMES)
    sources_of = code_rules()["sources_of"]
    for name, modules in imported.items():
        assert modules == [path for path in sources_of(name) if path.endswith(".py")], name


def test_an_edit_of_a_file_changes_the_digests_of_its_users_and_no_other(files):
    users = {path: set() for path in files}
    needs = parsed_needs(files)
    for name in NAMES:
        for path in closure(needs, f"{name}.py"):
            users[path].add(name)
    rules = code_rules()
    before = {name: rules["digest_of"](name) for name in NAMES}
    read, edited = rules["source_text"], ""

    def read_edited(path):
        text = read(path)
        return f"{text}\n" if path == f"../scripts/{edited}" else text

    rules["source_text"] = read_edited
    for path in files:
        edited = path
        for cached in ("needs_of", "sources_of", "digest_of_file"):
            rules[cached].cache_clear()
        changed = {name for name in NAMES if rules["digest_of"](name) != before[name]}
        assert changed == users[path], path


@pytest.fixture
def small(tmp_path):
    """Write files beside a script, and list what the script needs."""

    def sources(script: str, **others: str) -> list[str]:
        (tmp_path / "rules").mkdir()
        names = {name.replace("__", "/"): text for name, text in others.items()}
        for place in ("seermatch", "seermatch/survival"):
            names.setdefault(f"{place}/INIT", "")
        for name in ("cox", "gray", "disclosure", "survival/curves", "survival/tests"):
            names.setdefault(f"seermatch/{name}", "")
        for name, text in {"fit": script, **names}.items():
            file = tmp_path / "scripts" / f"{name.replace('INIT', '__init__')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for name in ("seermatch/fields.tsv", "seermatch/survival/page.html.j2"):
            (tmp_path / "scripts" / name).write_text("", encoding="utf-8")
        found = code_rules(tmp_path / "rules")["sources_of"]("fit")
        assert found.pop(0) == "fit.py"
        return [path.removeprefix("seermatch/") for path in found]

    return sources


@pytest.mark.parametrize(
    ("statement", "needed"),
    [
        ("import seermatch", []),
        ("import seermatch.cox", ["cox.py"]),
        ("import numpy, seermatch.cox as cox, seermatch.gray", ["cox.py", "gray.py"]),
        ("from seermatch import cox, gray as g  # both", ["cox.py", "gray.py"]),
        ("from seermatch.cox import fit_cox", ["cox.py"]),
        ("def f():\n    from seermatch import cox", ["cox.py"]),
        ("try:\n\timport seermatch.cox\nexcept ImportError:\n\tpass", ["cox.py"]),
        ("from seermatch import (  # (both)\n    cox,\n    gray,  # )\n)", ["cox.py", "gray.py"]),
        ("from seermatch import \\\n    cox, \\\n    gray", ["cox.py", "gray.py"]),
        ("from seermatch.survival import curves", ["survival/__init__.py", "survival/curves.py"]),
        ("import seermatch.survival.curves", ["survival/__init__.py", "survival/curves.py"]),
        (
            "from seermatch.survival.curves import km",
            ["survival/__init__.py", "survival/curves.py"],
        ),
        ("from seermatch import survival", ["survival/__init__.py"]),
        ("x = files('seermatch').joinpath('fields.tsv')", ["fields.tsv"]),
        ("'''\nfrom seermatch the rest\nimport seermatch.cox, then go\n'''", []),
    ],
)
def test_every_kind_of_import(small, statement, needed):
    # Whoever imports of the package anything imports the package first.
    is_import = any(file.endswith(".py") for file in needed) or statement == "import seermatch"
    assert small(statement) == ["__init__.py"] * is_import + needed


def test_relative_imports_and_what_a_package_imports_itself(small):
    found = small(
        "from seermatch.survival import tests",
        seermatch__survival__INIT="from .curves import km\n",
        seermatch__survival__curves="from .. import disclosure\nfrom ..cox import (\n    fit,\n)\n",
        seermatch__survival__tests="page = files(__package__) / 'page.html.j2'\n",
    )
    assert found == [
        *("__init__.py", "cox.py", "disclosure.py", "survival/__init__.py"),
        *("survival/curves.py", "survival/page.html.j2", "survival/tests.py"),
    ]


def test_a_package_comes_before_a_module_of_its_name(small):
    found = small("import seermatch.cox", seermatch__cox__INIT="")
    assert found == ["__init__.py", "cox/__init__.py"]


def test_modules_are_imported_by_statements_only(files):
    """What is loaded by name would escape the digest."""
    for path, text in files.items():
        assert "importlib.import_module" not in text, path
        assert "__import__(" not in text, path
