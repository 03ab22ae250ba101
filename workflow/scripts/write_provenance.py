"""What was run, on which exports, with which versions."""

import json
import platform
from importlib.metadata import version

from study_io import job, read_origin, write_bytes

PACKAGES = (
    *("snakemake", "polars", "pyarrow", "pandas", "numpy", "scipy", "statsmodels", "lifelines"),
    *("scikit-survival", "matplotlib", "seaborn", "python-docx"),
)

with job(snakemake) as tell:
    from seermatch import __version__

    exports = [read_origin(path) for path in snakemake.input]
    versions = {"seermatch": __version__, "Python": platform.python_version()}
    provenance = {
        "exports": exports,
        "versions": versions | {package: version(package) for package in PACKAGES},
        "config": snakemake.params.config,
    }
    text = json.dumps(provenance, indent=2, ensure_ascii=False) + "\n"
    write_bytes(text, snakemake.output[0])
    tell(f"recorded the origin of {len(exports)} exports")
