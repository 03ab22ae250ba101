"""Time and peak memory of reading an export, by the workflow's own rule `ingest_export`."""

import csv
import shutil
from pathlib import Path

from exports import MILLION, make_exports, prepare_folder, snakemake_command
from measure import run, tell, wrapped

INTRODUCTION = """\
## Reading exports

An export is read as a stream of blocks, so that memory does not grow with the number of records.
The rule `ingest_export` on synthetic exports of 27 variables in SEER\\*Stat's format, imports
included, on two cores. Peak memory is the largest resident set of any process of the run, as the
operating system counts it at its end.

{machine}
"""
LIMIT_GB = 1.0  # of memory, beyond which reading is no stream any more
HEAD = "| records | export | seconds | peak memory |\n| ---: | ---: | ---: | ---: |\n"


def reading_section(folder: Path, sizes: list[float], seed: int, machine: str) -> str:
    """Read one export of each size, and write the section of the page."""
    text = wrapped(INTRODUCTION.format(machine=machine)) + "\n\n" + HEAD
    for millions in sizes:
        tell(f"reading {millions:g} million records")
        (export,) = make_exports(folder, millions, seed)
        shutil.rmtree(folder / "here", ignore_errors=True)
        prepare_folder(folder / "here", [export])
        done = run(snakemake_command(folder / "here", "registry"))
        times = folder / f"here/benchmarks/ingest_export/{export.stem}.tsv"
        with times.open(encoding="utf-8") as file:
            seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
        size, peak = export.stat().st_size / 1e9, done.largest / 1e9
        if peak > LIMIT_GB:
            raise SystemExit(f"reading {millions:g} million records took {peak:.2f} GB of memory")
        text += f"| {millions * MILLION:,.0f} | {size:.2f} GB | {seconds:.1f} | {peak:.2f} GB |\n"
    return text
