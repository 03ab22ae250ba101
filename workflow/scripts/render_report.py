"""One self-contained page: what was found, what was run, and on which data."""

import platform
from importlib.metadata import version
from pathlib import Path

from study_io import job, read_printed_table, read_table, reference_levels, write_bytes

PACKAGES = ("snakemake", "pandas", "polars", "numpy", "scipy", "statsmodels", "lifelines")
TABLES = (
    *("attrition", "balance", "followup", "logrank", "gray", "kaplan_meier", "cox", "incidence"),
    "fine_gray",
)
PRINTED_TABLES = ("table1", "table2", "table3", "table4")

with job(snakemake) as tell:
    import pandas as pd
    import pyarrow.parquet as pq
    from seermatch import __version__
    from seermatch.report import ReportContent, render_report

    source = snakemake.input
    params = snakemake.params
    exports = []
    for path in source.exports:
        metadata = pq.read_metadata(path).metadata
        names = ("source", "rows", "database", "submission", "sha256")
        told = {name: metadata[name.encode()].decode() for name in names}
        exports.append({"export": Path(path).stem} | told)
    levels = reference_levels(read_table(source.matched))
    content = ReportContent(
        **params.config["study"],
        labels=tuple(params.labels),
        synthetic=any("SYNTHETIC" in export["database"] for export in exports),
        **{name: read_table(source[name]) for name in TABLES},
        **{name: read_printed_table(source[name]) for name in PRINTED_TABLES},
        figures={
            "flow_chart": Path(source.flow_chart).read_bytes(),
            "love_plot": Path(source.love_plot).read_bytes(),
            "survival": Path(source.survival).read_bytes(),
            "incidence": Path(source.incidence_curves).read_bytes(),
        },
        marks=params.config["figures"]["follow_up_marks"],
        config=params.config,
        inputs=pd.DataFrame(exports),
        versions={"seermatch": __version__, "Python": platform.python_version()}
        | {package: version(package) for package in PACKAGES},
        reference_levels=levels,
    )
    write_bytes(render_report(content), snakemake.output[0])
    tell(f"the report is {snakemake.output[0]}")
