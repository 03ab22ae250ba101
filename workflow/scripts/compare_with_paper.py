"""Each printed cell of the paper's tables beside that of this run."""

from io import StringIO

from study_io import job, read_printed_table, read_provenance, write_table

TABLES = ("table1", "table2", "table3", "table4")

with job(snakemake) as tell:
    from seermatch.paper.comparison import compare_with_paper, synthetic_columns

    params = snakemake.params
    paper = {name: read_printed_table(StringIO(params.paper[name])) for name in TABLES}
    run = {name: read_printed_table(snakemake.input[name]) for name in TABLES}
    provenance = read_provenance(snakemake.input.provenance)
    synthetic = all("SYNTHETIC" in export["database"] for export in provenance["exports"])
    fixed = synthetic_columns(params.synthetic, run) if synthetic else ()
    comparison = compare_with_paper(paper, run, fixed)
    write_table(comparison, snakemake.output[0])
    free = comparison[~comparison["by_construction"]]
    tell(
        f"{free['agrees'].sum()} of {len(free)} cells agree with the paper; "
        f"{len(comparison) - len(free)} more are fixed by the synthetic registry"
    )
