"""Univariable, published and recommended models of one estimator, behind Table 3 or 4."""

from study_io import job, read_table, write_table

NAMES = {"cox": "Cox", "fine_gray": "Fine–Gray"}

with job(snakemake) as tell:
    from functools import partial

    from seermatch.analysis.models import regression_models
    from seermatch.variables.printed import printed_variables
    from seermatch.wording.terms import describe_balance_term

    params = snakemake.params
    threshold = params.regression["selection_p"]
    fitted = regression_models(
        read_table(snakemake.input[0]),
        params.covariates,
        params.regression["recommended"],
        estimator=params.estimator,
        threshold=threshold,
        group_labels=tuple(params.labels),
        describe=partial(describe_balance_term, variables=printed_variables(params.variables)),
    )
    write_table(fitted.table, snakemake.output.models)
    write_table(fitted.contrasts, snakemake.output.contrasts)
    for note in fitted.notes:
        tell(note)
    selected = ", ".join(fitted.selected) or "no covariate"
    tell(f"{NAMES[params.estimator]} models: {selected} below p = {threshold}")
