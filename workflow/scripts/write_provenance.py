"""What was run, on which exports, with which versions."""

import json
import platform
from importlib.metadata import version

from study_io import disclosure_rule, job, public_origins, write_bytes

PACKAGES = (
    *("snakemake", "polars", "pyarrow", "pandas", "numpy", "scipy", "statsmodels", "lifelines"),
    *("scikit-survival", "matplotlib", "seaborn", "python-docx"),
)

with job(snakemake) as tell:
    from seermatch import __version__

    paths, config = list(snakemake.input), snakemake.params.config
    exports = public_origins(paths, disclosure_rule(config["disclosure"], paths))
    versions = {"seermatch": __version__, "Python": platform.python_version()}
    provenance = {
        "exports": exports,
        "versions": versions | {package: version(package) for package in PACKAGES},
        "config": config,
        "cancer": snakemake.params.cancer,
        "variables": snakemake.params.variables,
    }
    text = json.dumps(provenance, indent=2, ensure_ascii=False) + "\n"
    write_bytes(text, snakemake.output[0])
    tell(f"recorded the origin of {len(exports)} exports")
