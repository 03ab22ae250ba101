"""Cumulative incidence of both causes of death in both groups."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.cumulative_incidence import incidence_by_group
    from seermatch.matched_sets import has_complete_sets

    matched = read_table(snakemake.input[0])
    incidence = incidence_by_group(
        matched["time"],
        matched["event"].cat.codes,
        matched["group"],
        dict(enumerate(snakemake.params.labels)),
        weights=None if has_complete_sets(matched) else matched["weight"],
    )
    write_table(incidence, snakemake.output[0])
    last = incidence.groupby(["cause", "group"], observed=True).last().reset_index()
    shares = (f"{row.group} {100 * row.incidence:.1f} % ({row.cause})" for row in last.itertuples())
    tell(f"cumulative incidence at the end of follow-up: {', '.join(shares)}")
