"""Make public the outcomes: follow-up, curves, tests, models, and Tables 3 and 4."""

import json

from study_io import (
    disclosure_rule,
    job,
    read_records,
    read_table,
    write_bytes,
    write_table,
)

TABLES = (
    *("followup", "event_counts", "kaplan_meier", "logrank", "incidence", "gray"),
    *("cox", "cox_contrasts", "fine_gray", "fine_gray_contrasts"),
)
ESTIMATORS = ("cox", "fine_gray")

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.disclosure.outcomes import release_outcomes
    from seermatch.variables.identities import read_identities
    from seermatch.variables.printed import printed_variables
    from seermatch.wording.study_tables import reference_levels, regression_table

    source, out, params = snakemake.input, snakemake.output, snakemake.params
    identities = read_identities(params.identities)
    rule = disclosure_rule(params.disclosure, source.exports)
    before = read_records([source.before])[0] if source.get("before") else {}
    private = {name: read_table(source[name]) for name in TABLES}
    release = release_outcomes(private, rule, before, marks=params.marks, identities=identities)
    tables = release.tables
    for name in ("followup", "survival", "logrank", "incidence", "gray"):
        write_table(tables[name], out[name])
    models = pd.concat([tables[name].assign(estimator=name) for name in ESTIMATORS])
    write_table(models, out.models)
    contrasts = pd.concat(
        [tables[f"{name}_contrasts"].assign(estimator=name) for name in ESTIMATORS]
    )
    write_table(contrasts, out.contrasts)
    terms = [*params.covariates, "group"]
    words = (
        params.labels,
        reference_levels(private["event_counts"]),
        printed_variables(params.variables),
    )
    for name, path in zip(ESTIMATORS, (out.table3, out.table4), strict=True):
        write_table(regression_table(tables[name], terms, *words), path)
    write_bytes(json.dumps(release.record), out.record)
    tell("published the outcomes")
