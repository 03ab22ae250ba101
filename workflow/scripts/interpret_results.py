"""What the matched cohort can and cannot show."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.interpretation import interpret
    from seermatch.analysis.names import DETECTABLE

    settings = snakemake.params.interpretation
    table = interpret(
        read_table(snakemake.input.cohort),
        read_table(snakemake.input.matched),
        labels=tuple(snakemake.params.labels),
        months=settings["months"],
        power=settings["power"],
        margin=settings["equivalence_margin"],
        ascertainment=settings["ascertainment"],
    )
    write_table(table, snakemake.output[0])
    detectable = table[table["quantity"] == DETECTABLE]["estimate"]
    tell(f"smallest hazard ratio of death that could be detected: {detectable.iloc[0]:.2f}")
