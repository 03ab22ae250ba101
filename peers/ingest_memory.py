"""Time and peak memory of reading exports of 1, 4 and 10 million records.

Writes synthetic exports in SEER*Stat's format into a temporary folder (5 GB are free again at the
end), reads each by the workflow's own rule `ingest_export`, and prints a Markdown table, as it
stands in docs/performance.md:

    .venv/bin/python peers/ingest_memory.py
    .venv/bin/python peers/ingest_memory.py --millions 1 --folder /scratch

Seconds are those of the step, imports included. Peak memory is the largest resident set of any
process of the run, as the operating system counts it at its end. A peak beyond 1 GB is an error.
"""

import argparse
import csv
import shutil
import sys
import tempfile
from pathlib import Path

from exports import MILLION, make_exports, prepare_folder, snakemake_command
from measure import run

LIMIT = 1 << 30


def measure(folder: Path, export: Path) -> tuple[float, int]:
    """Read one export; give seconds and bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    prepare_folder(folder, [export])
    done = run(snakemake_command(folder, "registry"))
    with (folder / f"benchmarks/ingest_export/{export.stem}.tsv").open(encoding="utf-8") as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"]), done.largest


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4, 10])
    parser.add_argument("--folder", type=Path, help="where to put the temporary folder")
    options = parser.parse_args()
    peaks = []
    print("| records | export | seconds | peak memory |\n| ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for millions in options.millions:
            export = make_exports(Path(name), millions, seed=1)[0]
            seconds, peak = measure(Path(name) / "run", export)
            size = export.stat().st_size / 1e9
            cells = f"{millions * MILLION:,.0f} | {size:.2f} GB | {seconds:.1f} | {peak / 1e9:.2f}"
            print(f"| {cells} GB |", flush=True)
            peaks.append(peak)
    if max(peaks) > LIMIT:
        sys.exit("the peak is beyond 1 GB")


if __name__ == "__main__":
    main()
