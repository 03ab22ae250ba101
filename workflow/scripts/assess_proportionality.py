"""Proportional hazards in the Cox models: score tests and scaled Schoenfeld residuals."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.proportionality import assess_proportionality, trace_residuals
    from seermatch.wording.numbers import state_p

    found = assess_proportionality(
        read_table(snakemake.input.matched), read_table(snakemake.input.models)
    )
    write_table(found.tests, snakemake.output.tests)
    write_table(trace_residuals(found.residuals), snakemake.output.residuals)
    tell(f"proportional hazards of the group: {state_p(found.tests['p_value'].iloc[0])}")
