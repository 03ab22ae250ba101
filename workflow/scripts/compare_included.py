"""Patients of the cohort beside those who were excluded for missing covariates."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.excluded_patients import compare_included

    source, params = snakemake.input, snakemake.params
    eligible = read_table(source.eligible)
    table = compare_included(eligible, params.covariates, tuple(params.labels))
    write_table(table, snakemake.output[0])
    largest = table.loc[table["smd"].abs().idxmax()] if table["smd"].notna().any() else None
    words = "" if largest is None else f", which differ most in {largest['variable']}"
    tell(f"{(~eligible['complete']).sum():,} patients were excluded for missing covariates{words}")
