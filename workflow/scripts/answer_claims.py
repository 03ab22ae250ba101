"""What another source claims, put to the matched patients as questions."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.claims import answer_claims
    from seermatch.variables.printed import ALL_CAUSES, EVENTS

    source, params = snakemake.input, snakemake.params
    table = answer_claims(
        params.claims,
        read_table(source.matched),
        read_table(source.interpretation),
        {ALL_CAUSES: read_table(source.kaplan_meier), EVENTS[1]: read_table(source.incidence)},
        labels=tuple(params.labels),
        margin=params.margin,
    )
    write_table(table, snakemake.output[0])
    verdicts = table["verdict"].value_counts(sort=False)
    tell("claims: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
