"""Table 3: univariable, published and recommended Cox models."""

from study_io import job, read_table, reference_levels, write_table

with job(snakemake) as tell:
    from seermatch.models import regression_models
    from seermatch.tables import regression_table

    params = snakemake.params
    matched = read_table(snakemake.input[0])
    fitted = regression_models(
        matched,
        params.covariates,
        params.regression["recommended"],
        estimator="cox",
        threshold=params.regression["selection_p"],
        group_labels=tuple(params.labels),
    )
    write_table(fitted.table, snakemake.output.models)
    write_table(fitted.contrasts, snakemake.output.contrasts)
    terms = [*params.covariates, "group"]
    table = regression_table(fitted.table, terms, params.labels, reference_levels(matched))
    write_table(table, snakemake.output.table3)
    for note in fitted.notes:
        tell(note)
    selected = ", ".join(fitted.selected) or "no covariate"
    tell(f"Cox models: {selected} below p = {params.regression['selection_p']}")
