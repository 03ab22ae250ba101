"""The whole study in R and here on the same exports, and what is run again after a change."""

import csv
import re
import shutil
from collections import defaultdict
from pathlib import Path

from exports import MILLION, ROOT, make_exports, prepare_folder, snakemake_command
from measure import TARGETS_HEAD, Measured, ratios, run, spread, tell, verdict, wrapped

# R needs about 17 GB for 10 million records, so that it is left out there.
LARGEST_FOR_R = 5
# data.table takes half of the cores unless told; the workflow has two as well.
R_CORES = {"R_DATATABLE_NUM_THREADS": "2"}
WORDS = {
    "cold": "cold `study`",
    "caliper": "caliper changed from 0.2 to 0.1",
    "nothing": "nothing changed",
    "dry run": "dry run, nothing changed",
    "dry run, cold": "dry run before the first run",
}
# step, records in millions -> largest accepted median ratio of wall clocks, R's whole script = 1
TARGETS = {("cold", 0.35): 0.65, ("cold", 3.5): 0.35}
TARGETS |= {("caliper", 0.35): 0.45, ("caliper", 3.5): 0.1}
DRY_RUN_SECONDS = 1.5
MEMORY_GB = {10: 3.0}

GB = 1e9

INTRODUCTION = """\
## The study beside the same study in R

`validation/speed/study.R` is the study as one would write it in R (data.table, MatchIt, survival,
cmprsk, survminer): the same cohort, match, four tables and four figures in one process. It and
`snakemake --cores 2 study` ran on the same synthetic exports of 27 variables, seed {seed}, in turn,
and each ratio is of two runs next to each other. The exports hold 680 records of exposed patients
among ever more others. Cohort sizes and the counts of Table 1 agreed in every pair, else there
would be no page.

{machine} {versions}

Median (minimum–maximum). CPU is user and system time of all processes. Memory is the largest sum of
the resident sets of all processes, looked at every 50 ms; pages that processes share count in each.
Files were in the page cache. {matchit}

| records | pairs | | R | here | here / R |
| ---: | ---: | --- | ---: | ---: | ---: |
"""

AGAIN = """
### Run again

Each after the cold run above, in the same folder. The ratio is to the whole script of R in the same
pair, which has to run as a whole after any change.

| records | | seconds | here / R's whole script |
| ---: | --- | ---: | ---: |
"""


def run_pairs(folder: Path, millions: float, pairs: int, seed: int) -> dict[str, list[Measured]]:
    """Run the study in R and here on one export in turn, and here again after changes."""
    tell(f"writing {millions:g} million records")
    (export,) = make_exports(folder, millions, seed)
    with export.open("rb") as file:  # into the page cache
        while file.read(1 << 24):
            pass
    found = defaultdict(list)
    for pair in range(pairs if millions <= LARGEST_FOR_R else 1):
        shutil.rmtree(folder / "here", ignore_errors=True)
        shutil.rmtree(folder / "r", ignore_errors=True)
        sides = [_here] if millions > LARGEST_FOR_R else [_in_r, _here]
        # whoever comes first has the cooler processor
        for side in sides[:: -1 if pair % 2 else 1]:
            side(folder, export, found)
        if "R" in found:
            check_agreement(folder / "r", folder / "here/results")
        seconds = {name: runs[-1].wall for name, runs in found.items()}
        words = ", ".join(f"{name} {second:.1f} s" for name, second in seconds.items())
        tell(f"{millions:g} million, pair {pair + 1}: {words}")
    return found


def _in_r(folder: Path, export: Path, found: dict[str, list[Measured]]):
    command = ["Rscript", str(ROOT / "validation/speed/study.R"), str(folder / "r"), str(export)]
    found["R"].append(run(command, **R_CORES))


def _here(folder: Path, export: Path, found: dict[str, list[Measured]]):
    here = folder / "here"
    prepare_folder(here, [export])
    study = snakemake_command(here, "study")
    found["dry run, cold"].append(run([*study, "--dry-run"]))
    found["cold"].append(run(study))
    found["nothing"].append(run(study))
    found["dry run"].append(run([*study, "--dry-run"]))
    config = here / "config/config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("caliper: 0.2\n", "caliper: 0.1\n"), encoding="utf-8")
    found["caliper"].append(run(study))


def change_one_year(folder: Path, millions: float, seed: int) -> dict[str, object]:
    """Run the study on five yearly exports, change one, and run it again."""
    exports = make_exports(folder, millions, seed, by_year=True)
    shutil.rmtree(folder / "here", ignore_errors=True)
    prepare_folder(folder / "here", exports)
    study = snakemake_command(folder / "here", "study")
    cold = run(study)
    read = [folder / f"here/results/private/exports/{export.stem}.parquet" for export in exports]
    before = [path.stat().st_mtime_ns for path in read]
    kept = exports[-1].read_bytes()
    try:
        exports[-1].write_bytes(kept[: kept.rindex(b"\r\n", 0, -2) + 2])  # without its last record
        again = run(study)
    finally:
        exports[-1].write_bytes(kept)
    after = [path.stat().st_mtime_ns for path in read]
    again_read = sum(a != b for a, b in zip(before, after, strict=True))
    tell(f"one changed year of five: {again.wall:.1f} s, {again_read} export read again")
    return {"cold": cold, "again": again, "read": again_read, "millions": millions}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def check_agreement(r: Path, here: Path):
    """Stop unless both have the same cohort and the same counts in Table 1."""
    cohorts = [int(_rows(side / "attrition.tsv")[-1]["remaining"]) for side in (r, here)]
    cells = [
        sorted(
            cell.replace(",", "")
            for row in _rows(side / "table1.tsv")
            for cell in row.values()
            if re.search(r"\d \(.*%\)$", cell)
        )
        for side in (r, here)
    ]
    if cohorts[0] != cohorts[1] or cells[0] != cells[1] or not cells[0]:
        apart = set(cells[0]) ^ set(cells[1])
        raise SystemExit(f"R and the workflow disagree: {cohorts} patients, cells {sorted(apart)}")


def study_section(runs: dict[float, dict[str, list[Measured]]], year: dict, facts: dict) -> str:
    """Write the section of the page.

    Parameters
    ----------
    runs : dict
        Records in millions -> what `run_pairs` gave.
    year : dict
        What `change_one_year` gave.
    facts : dict
        `machine`, `versions`, `matchit` and `seed`, as words.
    """
    text = wrapped(INTRODUCTION.format(**facts))
    for millions, found in runs.items():
        for name, quantity, unit, digits in (
            ("wall clock, s", "wall", 1, 1),
            ("CPU, s", "cpu", 1, 1),
            ("peak memory, GB", "memory", GB, 2),
        ):
            here = [getattr(run, quantity) / unit for run in found["cold"]]
            r = [getattr(run, quantity) / unit for run in found.get("R", [])]
            cells = spread(r, digits) or "not run", spread(here, digits)
            ratio = spread(ratios(here, r)) if r else ""
            label = f"| {millions * MILLION:,.0f} | {len(here)} | {name}"
            text += f"{label} | {' | '.join(cells)} | {ratio} |\n"
    text += AGAIN
    for millions, found in runs.items():
        r = [run.wall for run in found.get("R", [])]
        for step, words in WORDS.items():
            here = [run.wall for run in found[step]]
            ratio = spread(ratios(here, r)) if r else ""
            text += f"| {millions * MILLION:,.0f} | {words} | {spread(here, 1)} | {ratio} |\n"
    if year:
        text += (
            f"\nOf five yearly exports of {year['millions'] * MILLION:,.0f} records one was "
            f"changed: {year['again'].wall:.1f} s after {year['cold'].wall:.1f} s for the first "
            f"run, and {year['read']} export was read again.\n"
        )
    return text + study_targets(runs, year)


def study_targets(runs: dict[float, dict[str, list[Measured]]], year: dict) -> str:
    """Set what was aimed at beside what was measured."""
    rows = []
    for (step, millions), limit in TARGETS.items():
        found = runs.get(millions, {})
        if "R" in found:
            walls = [[run.wall for run in found[name]] for name in (step, "R")]
            label = f"{WORDS[step]}, {millions:g} million records, here / R"
            rows.append(verdict(label, ratios(*walls), limit))
    for millions, limit in MEMORY_GB.items():
        if millions in runs:
            peaks = [run.memory / GB for run in runs[millions]["cold"]]
            rows.append(verdict(f"memory, {millions:g} million records, GB", peaks, limit))
    for millions, found in runs.items():
        walls = [run.wall for run in found["dry run"]]
        rows.append(verdict(f"dry run, {millions:g} million records, s", walls, DRY_RUN_SECONDS))
    if year:
        rows.append(verdict("exports read again after one changed year", [year["read"]], 1))
    return "\n" + TARGETS_HEAD + "".join(rows)
