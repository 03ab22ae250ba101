"""Other matches, scores, weights and models beside the main analysis."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.sensitivity import sensitivity_analyses
    from seermatch.matching.rule import MatchingRule
    from seermatch.variables.identities import read_identities

    params = snakemake.params
    covariates = params.matching["covariates"]
    without = [name for name in params.without if name in covariates]
    caps = {name: cap for name, cap in params.caps.items() if name in covariates}
    result = sensitivity_analyses(
        read_table(snakemake.input.cohort),
        read_table(snakemake.input.propensity)["propensity"].to_numpy(),
        matching=MatchingRule(**params.matching),
        eligible=read_table(snakemake.input.eligible),
        without=without,
        caps=caps,
        identities=read_identities(params.identities),
        **params.sensitivity,
    )
    write_table(result.table, snakemake.output.table)
    write_table(result.populations, snakemake.output.populations)
    for note in result.notes:
        tell(note)
    overall = result.table[result.table["outcome"] == "overall survival (Cox)"]
    tell(
        f"{len(overall)} analyses, hazard ratios of death {overall['hr'].min():.2f} to "
        f"{overall['hr'].max():.2f}"
    )
