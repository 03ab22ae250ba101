"""Compare this library with R on random data sets and write the table of differences.

``make validation`` runs ``python validation/r/validate.py --data-sets 2000``. The table becomes the
section "Agreement with R" of docs/validation.md; the rest of that page stays as it is.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "workflow" / "scripts")]

from draw import draw  # noqa: E402
from estimates import Task, estimate, prepare  # noqa: E402
from quantities import CONVENTIONS, QUANTITIES, difference  # noqa: E402

PAGE = ROOT / "docs" / "validation.md"
PACKAGES = ("survival", "cmprsk", "jsonlite")


@dataclass
class Compared:
    """Differences of one quantity."""

    n_sets: int = 0
    n_values: int = 0
    largest: float = 0.0
    where: str = ""


@dataclass
class Agreement:
    """Outcome of a comparison; `problems` is empty where all is well."""

    seed: int
    n_sets: int
    n_separated: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    compared: dict[str, Compared] = field(default_factory=dict)
    meant: dict[str, np.ndarray] = field(default_factory=dict)
    gave_up: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def why_not() -> str:
    """Say why R cannot be compared with; empty where it can."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    wanted = ", ".join(f"'{package}'" for package in PACKAGES)
    check = f"cat(setdiff(c({wanted}), rownames(installed.packages())))"
    done = subprocess.run(["Rscript", "-e", check], capture_output=True, text=True, check=False)
    if done.returncode or done.stdout.strip():
        return f"R lacks packages: {done.stdout.strip() or done.stderr.strip()}"
    return ""


def _strict():
    warnings.simplefilter("error")


def _task(index: int, seed: int) -> Task:
    return prepare(draw(index, seed), index)


def _ours(task: Task):
    """Our results, or the error as text."""
    try:
        return estimate(task)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def compare(n_sets: int, seed: int = 0) -> Agreement:
    """Draw data sets, run R once and this library on each, and compare."""
    result = Agreement(seed, n_sets)
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _strict) as pool,
    ):
        tasks = list(pool.map(_task, range(n_sets), [seed] * n_sets, chunksize=4))
        data, answer, log = (Path(folder) / name for name in ("data", "answer", "log"))
        data.write_text(json.dumps([task.for_r() for task in tasks]), encoding="utf-8")
        command = ["Rscript", "--vanilla", str(HERE / "agreement.R"), str(data), str(answer)]
        with log.open("w") as errors, subprocess.Popen(command, stderr=errors) as r:
            ours = list(pool.map(_ours, tasks, chunksize=4))
            result.seconds["this library"] = time.monotonic() - started
        result.seconds["both"] = time.monotonic() - started
        if r.returncode:
            raise RuntimeError(f"R failed: {log.read_text(encoding='utf-8')}")
        answers = json.loads(answer.read_text(encoding="utf-8"))
    result.n_separated = sum(any(map(len, task.separated.values())) for task in tasks)
    result.versions = answers["versions"]
    result.compared = {name: Compared() for name in QUANTITIES}
    meant = {label: [] for label in CONVENTIONS}
    for i, (task, mine, theirs) in enumerate(zip(tasks, ours, answers["sets"], strict=True)):
        where = f"data set {i} ({task.data.kind})"
        if isinstance(mine, str):
            result.problems.append(f"{where}: {mine}")
            continue
        for step, message in dict(theirs["errors"]).items():
            result.problems.append(f"{where}: R's {step} failed: {message[0]}")
        values = {
            name: np.array([np.nan if v is None else v for v in value], dtype=float)
            for name, value in theirs["results"].items()
        }
        _compare_set(result, where, mine, values)
        if len(task.data.time) >= 100:
            for label, its in CONVENTIONS.items():
                if its.ours in mine and its.r in values:
                    apart = np.abs(mine[its.ours] - values[its.r]) / mine[its.se]
                    meant[label].append(apart.max())
    result.meant = {label: np.array(values) for label, values in meant.items()}
    return result


def _compare_set(result: Agreement, where: str, ours: dict, r: dict):
    """Enter the differences of one data set."""
    for name in QUANTITIES.keys() & ours.keys():
        found = difference(name, ours, r)
        if found is None:
            result.problems.append(f"{where}: {name}: R has no result")
        elif isinstance(found, str):
            result.problems.append(f"{where}: {name}: {found}")
        else:
            missing = ours[name].size - found.size
            result.gave_up[name] = result.gave_up.get(name, 0) + missing
            if not found.size:
                continue
            entry = result.compared[name]
            entry.n_sets += 1
            entry.n_values += found.size
            if found.max() >= entry.largest:
                entry.largest, entry.where = float(found.max()), where
            if not found.max() <= QUANTITIES[name].tolerance:
                result.problems.append(f"{where}: {name}: differs by {found.max():.1e}")


def main(arguments: list[str] | None = None) -> int:
    """Compare, and write the section of the page; 1 where something does not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-sets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    reason = why_not()
    if reason:
        print(f"No comparison: {reason}.", file=sys.stderr)
        return 1
    result = compare(options.data_sets, options.seed)
    print(f"{options.data_sets} data sets in {result.seconds['both']:.0f} s", file=sys.stderr)
    for problem in result.problems:
        print(problem, file=sys.stderr)
    if result.problems:
        return 1
    from validation_page import put_section, section

    put_section(options.page, section(result, _versions(result)))
    return 0


def _versions(result: Agreement) -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    ours = [f"{p} {version(p)}" for p in ("numpy", "scipy", "lifelines", "scikit-survival")]
    theirs = [f"{p} {result.versions[p]}" for p in PACKAGES if p in result.versions]
    return f"{result.versions['R']} with {', '.join(theirs)}; Python {python} with " + ", ".join(
        ours
    )


if __name__ == "__main__":
    sys.exit(main())
