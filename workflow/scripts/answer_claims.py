"""What another source claims, put to the matched patients as questions."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.claims import answer_claims

    params = snakemake.params
    curves = {
        "death of any cause": read_table(snakemake.input.kaplan_meier),
        "breast cancer death": read_table(snakemake.input.incidence),
    }
    table = answer_claims(
        params.claims,
        read_table(snakemake.input.matched),
        read_table(snakemake.input.interpretation),
        read_table(snakemake.input.followup),
        curves,
        labels=tuple(params.labels),
        power=params.interpretation["power"],
        margin=params.interpretation["equivalence_margin"],
    )
    write_table(table, snakemake.output[0])
    verdicts = table["verdict"].value_counts(sort=False)
    tell("claims: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
