"""Speed and memory beside R: measures and writes docs/performance.md (``make benchmark``).

Each part writes its own section and leaves the rest of the page as it is:

    .venv/bin/python validation/speed/benchmark.py --only study
    .venv/bin/python validation/speed/benchmark.py --only kernels --full
    .venv/bin/python validation/speed/benchmark.py --only steps --millions 0.35
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

import kernel_runs  # noqa: E402
import read_times  # noqa: E402
import step_times  # noqa: E402
import study_runs  # noqa: E402
from measure import machine, tell  # noqa: E402

from validation.sections import put_section  # noqa: E402

PARTS = ("study", "steps", "kernels", "reading")
WITHOUT_R = {"steps", "reading"}
DEBIAN = ("data.table", "MatchIt", "survival", "cmprsk", "survminer", "ggplot2", "jsonlite")
R_VERSIONS = """
wanted <- commandArgs(TRUE)
for (p in wanted) cat(p, tryCatch(as.character(packageVersion(p)), error = function(e) ""), "\\n")
cat("R", as.character(getRversion()), "\\n")
"""
OLD_MATCHIT = (
    "MatchIt before 4.5.4 never applies its caliper here, because it takes the absolute value of "
    "distances as whole numbers, so that its match is another one."
)


def r_versions() -> dict[str, str]:
    """Name R and the packages that it has, with their versions; empty without R."""
    if shutil.which("Rscript") is None:
        return {}
    command = ["Rscript", "-e", R_VERSIONS, *DEBIAN, "fastcmprsk"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = dict(
        line.split(maxsplit=1) for line in done.stdout.splitlines() if len(line.split()) > 1
    )
    return {name: version.strip() for name, version in found.items()}


def install_r():
    """Install what R lacks from Debian, or say what to install."""
    found = r_versions()
    if not (missing := [name for name in DEBIAN if name not in found]):
        return
    packages = ["r-base-core", *(f"r-cran-{name.lower()}" for name in missing)]
    if os.geteuid() or shutil.which("apt-get") is None:
        sys.exit(f"R is not complete; install it first: apt install {' '.join(packages)}")
    tell(f"installing {' '.join(packages)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(
            ["apt-get", "-q", *arguments], check=True, stdout=sys.stderr, env=environment
        )


def describe(options: argparse.Namespace) -> dict:
    """Say on what machine and with which versions the numbers were made."""
    found = r_versions()
    names = ", ".join(f"{name} {version}" for name, version in found.items() if name != "R")
    old = tuple(map(int, found["MatchIt"].split("."))) < (4, 5, 4)
    return {
        "machine": machine(),
        "versions": f"R {found['R']} with {names}.",
        "matchit": OLD_MATCHIT if old else "",
        "seed": options.seed,
    }


def study(folder: Path, options: argparse.Namespace) -> str:
    """Measure the whole study."""
    facts = describe(options)
    runs = {
        millions: study_runs.run_pairs(
            folder, millions, options.pairs if millions < 1 else min(options.pairs, 3), options.seed
        )
        for millions in options.millions
    }
    year = study_runs.change_one_year(folder, min(options.millions), options.seed)
    return study_runs.study_section(runs, year, facts)


def steps(folder: Path, options: argparse.Namespace) -> str:
    """Measure where the time of a cold run goes."""
    return step_times.steps_section(folder, options.millions[:2], options.seed, machine())


def reading(folder: Path, options: argparse.Namespace) -> str:
    """Measure the reading of exports."""
    return read_times.reading_section(folder, options.millions, options.seed, machine())


def kernels(folder: Path, options: argparse.Namespace) -> str:
    """Measure the estimators and the match."""
    facts = describe(options)
    sides = {"R", "lifelines"} | ({"fastcmprsk"} & r_versions().keys())
    sides |= {"comprisk"} if kernel_runs.peer_python() else set()
    missing = sorted({"fastcmprsk", "comprisk"} - sides)
    words = [f"{name} was not measured: it is not installed here." for name in missing]
    words += [] if options.full else ["`crr` was not timed at 284,088 rows (`--full`)."]
    timed = kernel_runs.run_kernels(folder, options, sides)
    return kernel_runs.kernels_section(timed, facts | {"left_out": " ".join(words)})


def main():
    """Measure the parts that are asked for, each of which writes its section when it is ready."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="default: all")
    parser.add_argument(
        "--millions",
        type=float,
        nargs="+",
        default=[0.35, 3.5, 10],
        help="records per export, in millions",
    )
    parser.add_argument(
        "--pairs", type=int, default=5, help="runs per side; three at most beyond a million"
    )
    parser.add_argument(
        "--rows",
        type=int,
        nargs="+",
        default=kernel_runs.SIZES,
        help="patients in the data of the kernels",
    )
    parser.add_argument(
        "--full", action="store_true", help="time crr at 284,088 patients too (minutes)"
    )
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument(
        "--folder", type=Path, help="where to keep the data for another time (5 GB); default none"
    )
    parser.add_argument("--page", type=Path, default=ROOT / "docs/performance.md")
    options = parser.parse_args()
    if not WITHOUT_R.issuperset(options.only):
        install_r()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        for part in options.only:
            tell(f"{part} begins")
            text = globals()[part](folder, options)
            begin = f"<!-- begin: {part}, written by `make benchmark` -->"
            put_section(options.page, begin, f"<!-- end: {part} -->", text)
            tell(f"{part} is in {options.page}")


if __name__ == "__main__":
    main()
