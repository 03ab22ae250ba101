"""Other matches, scores, weights and models beside the main analysis."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.disclosure_sensitivity import mask_sensitivity
    from seermatch.sensitivity import sensitivity_analyses

    params = snakemake.params
    rule = dict(params.matching)
    result = sensitivity_analyses(
        read_table(snakemake.input.cohort),
        read_table(snakemake.input.propensity)["propensity"].to_numpy(),
        covariates=rule.pop("covariates"),
        matching=rule,
        eligible=read_table(snakemake.input.eligible),
        **params.sensitivity,
    )
    followup = read_table(snakemake.input.followup)
    shown = mask_sensitivity(result.table, followup, params.disclosure["minimum_count"])
    write_table(shown, snakemake.output[0])
    for note in result.notes:
        tell(note)
    overall = result.table[result.table["outcome"] == "overall survival (Cox)"]
    tell(
        f"{len(overall)} analyses, hazard ratios of death {overall['hr'].min():.2f} to "
        f"{overall['hr'].max():.2f}"
    )
