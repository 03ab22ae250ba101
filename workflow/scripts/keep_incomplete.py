"""Apply the criteria to one export, and keep those who lack a covariate only."""

from study_io import job, last_year_of, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort.criteria import Exposure, of_registries
    from seermatch.cohort.incomplete import keep_incomplete

    params = snakemake.params
    cohort = params.cohort
    exposure = Exposure(
        cohort["exposure"]["field"],
        tuple(cohort["exposure"]["reference"]["labels"]),
        tuple(cohort["exposure"]["exposed"]["labels"]),
    )
    kept = keep_incomplete(
        of_registries(pl.scan_parquet(snakemake.input[0]), cohort["registries"]),
        cohort["criteria"],
        exposure,
        cohort["years"],
        params.covariates,
        params.recode,
        last_year_of([snakemake.input[0]]),
    )
    with replacing(snakemake.output[0]) as path:
        kept.records.write_parquet(path)
    lacking = len(kept.records) - kept.records["complete"].sum()
    line = f"{snakemake.wildcards.export}: {lacking:,} more records lack covariates only"
    tell("; ".join([line, *kept.notes]))
