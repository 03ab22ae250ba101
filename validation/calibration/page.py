"""Write the sections "Calibration by simulation" and "Few deaths" of docs/validation.md.

Run ``make calibration``, which makes ``results/calibration/`` first; a section whose file is not
there stays as it is, and so does the rest of the page.
"""

import shutil
from pathlib import Path

import yaml
from study_io import read_table

from validation.calibration.coverage_section import coverage_section
from validation.calibration.few_deaths_section import few_deaths_section
from validation.sections import put_section

BEGIN = "<!-- begin: calibration, written by `make calibration` -->"
END = "<!-- end: calibration -->"
FEW_BEGIN = "<!-- begin: few deaths, written by `make calibration` -->"
FEW_END = "<!-- end: few deaths -->"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "validation.md"


def main():
    """Write the sections, and put the figure beside the page."""
    results = ROOT / "results" / "calibration"
    if (results / "calibration.tsv").is_file():
        table = read_table(results / "calibration.tsv")
        config = yaml.safe_load(Path(__file__).with_name("config.yaml").read_text("utf-8"))
        put_section(PAGE, BEGIN, END, coverage_section(table, config["seed"]))
        shutil.copyfile(results / "calibration.png", PAGE.parent / "calibration.png")
    if (results / "few_deaths.tsv").is_file():
        text = few_deaths_section(read_table(results / "few_deaths.tsv"))
        put_section(PAGE, FEW_BEGIN, FEW_END, text)


if __name__ == "__main__":
    main()
