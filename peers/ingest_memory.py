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
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MILLION = 1_000_000
# Records of the synthetic registry at scale 1 are 0.346 million.
SCALE = 2.9
LIMIT = 1 << 30


def write_exports(folder: Path, millions: list[int]):
    """Write one export of a million records, and the others as repetitions of its rows."""
    sys.path.insert(0, str(ROOT / "workflow/scripts"))
    import polars as pl
    from seermatch.synthetic import DATABASE, dictionary_text, export_text, simulate_registry

    rows = pl.concat(simulate_registry(1, reference_scale=SCALE).exports.values())[:MILLION]
    header, _, body = export_text(rows).partition(b"\n")
    for count in millions:
        with (folder / f"{count}.csv").open("wb") as file:
            file.write(header + b"\n")
            for _ in range(count):
                file.write(body)
        text = dictionary_text(rows.columns, DATABASE, f"{count}.csv")
        (folder / f"{count}.dic").write_text(text, encoding="utf-8")


def prepare(folder: Path, millions: list[int]):
    """Lay out a folder in which Snakemake can run."""
    shutil.copytree(ROOT / "config", folder / "config")
    lines = [f"{count}\t{count}.csv\t{count}.dic\n" for count in millions]
    sheet = "export\tpath\tdictionary\n" + "".join(lines)
    (folder / "config/exports.tsv").write_text(sheet, encoding="utf-8")
    # In a process of its own: a child's peak counts that of the parent which started it.
    write = [sys.executable, __file__, "--write", "--folder", str(folder), "--millions"]
    subprocess.run([*write, *map(str, millions)], check=True)


def measure(folder: Path, count: int) -> tuple[float, int]:
    """Read one export; give seconds and bytes."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(folder)]
    command += ["--snakefile", str(ROOT / "Snakefile"), f"results/exports/{count}.parquet"]
    with (folder / f"{count}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / f"{count}.log").read_text())
    with (folder / f"benchmarks/ingest_export/{count}.tsv").open(encoding="utf-8") as benchmark:
        seconds = float(next(csv.DictReader(benchmark, delimiter="\t"))["s"])
    return seconds, usage.ru_maxrss * 1024


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 4, 10])
    parser.add_argument("--folder", type=Path, help="where to put the temporary folder")
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_exports(options.folder, options.millions)
        return
    peaks = []
    print("| records | export | seconds | peak memory |\n| ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        prepare(folder, options.millions)
        for count in options.millions:
            seconds, peak = measure(folder, count)
            size = (folder / f"{count}.csv").stat().st_size
            cells = f"{count * MILLION:,} | {size / 1e9:.2f} GB | {seconds:.1f} | {peak / 1e9:.2f}"
            print(f"| {cells} GB |", flush=True)
            peaks.append(peak)
    if max(peaks) > LIMIT:
        sys.exit("the peak is beyond 1 GB")


if __name__ == "__main__":
    main()
