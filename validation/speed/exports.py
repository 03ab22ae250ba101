"""Synthetic exports in SEER*Stat's format of any size, and folders in which Snakemake runs."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MILLION = 1_000_000
YEARS = (2018, 2019, 2020, 2021, 2022)


def write_exports(path: Path, millions: float, seed: int, by_year: bool):
    """Write records of five years to one export, or to one per year beside `path`."""
    sys.path.insert(0, str(ROOT / "workflow/scripts"))
    from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
    from seermatch.synthetic.registry import TARGETS, simulate_registry

    scale = millions * MILLION / TARGETS["records"]
    exports = simulate_registry(seed, reference_scale=scale).exports
    files = year_files(path) if by_year else [path] * len(exports)
    for file, rows in zip(files, exports.values(), strict=True):
        header, _, body = export_text(rows).partition(b"\n")
        new = by_year or rows is exports[YEARS[0]]
        with file.open("wb" if new else "ab") as stream:
            stream.write(header + b"\n" + body if new else body)
        dictionary = dictionary_text(rows.columns, DATABASE, file.name)
        file.with_suffix(".dic").write_text(dictionary, encoding="utf-8")


def year_files(path: Path) -> list[Path]:
    """Name the yearly exports that stand for one of all years."""
    return [path.with_stem(f"{path.stem}_{year}") for year in YEARS]


def make_exports(folder: Path, millions: float, seed: int, by_year: bool = False) -> list[Path]:
    """Write exports in a process of its own, unless an earlier run left them.

    A process of its own, because the peak memory of a child includes that of the parent that
    started it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"breast_{round(1000 * millions)}k_seed{seed}.csv"
    files = year_files(path) if by_year else [path]
    # the dictionary of the last one is written at the end
    if not files[-1].with_suffix(".dic").exists():
        command = [sys.executable, __file__, str(path), f"{millions}", f"{seed}"]
        subprocess.run([*command, *(["--by-year"] if by_year else [])], check=True)
    return files


def prepare_folder(folder: Path, exports: list[Path]):
    """Lay out a folder in which Snakemake can run, with a sheet of these exports."""
    shutil.copytree(ROOT / "config", folder / "config")
    lines = [f"{file.stem}\t{file}\t\n" for file in exports]
    sheet = "export\tpath\tdictionary\n" + "".join(lines)
    (folder / "config/exports.tsv").write_text(sheet, encoding="utf-8")


def snakemake_command(folder: Path, *arguments: str) -> list[str]:
    """Give the command that runs this checkout's workflow in a folder, on two cores."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return [*command, "--directory", str(folder), "--snakefile", str(ROOT / "Snakefile")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("millions", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("--by-year", action="store_true")
    options = parser.parse_args()
    write_exports(options.path, options.millions, options.seed, options.by_year)
