"""Univariable, published and recommended Fine–Gray models, behind Table 4."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.models import regression_models
    from seermatch.wording.numbers import describe_balance_term

    params = snakemake.params
    matched = read_table(snakemake.input[0])
    fitted = regression_models(
        matched,
        params.covariates,
        params.regression["recommended"],
        estimator="fine_gray",
        threshold=params.regression["selection_p"],
        group_labels=tuple(params.labels),
        describe=describe_balance_term,
    )
    write_table(fitted.table, snakemake.output.models)
    write_table(fitted.contrasts, snakemake.output.contrasts)
    for note in fitted.notes:
        tell(note)
    selected = ", ".join(fitted.selected) or "no covariate"
    tell(f"Fine–Gray models: {selected} below p = {params.regression['selection_p']}")
