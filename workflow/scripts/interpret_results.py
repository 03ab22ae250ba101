"""What the matched cohort can and cannot show."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.interpretation import interpret
    from seermatch.analysis.names import DETECTABLE

    params = snakemake.params
    settings = dict(params.interpretation)
    table = interpret(
        read_table(snakemake.input.cohort),
        read_table(snakemake.input.matched),
        labels=tuple(params.labels),
        margin=settings.pop("equivalence_margin"),
        **settings,
    )
    write_table(table, snakemake.output[0])
    detectable = table[table["quantity"] == DETECTABLE]["estimate"]
    tell(f"smallest hazard ratio of death that could be detected: {detectable.iloc[0]:.2f}")
