"""Apply the ordered criteria to one export, and count what each takes away."""

from study_io import job, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort import Exposure, filter_cohort

    cohort = snakemake.params.cohort
    exposure = cohort["exposure"]
    kept = filter_cohort(
        pl.scan_parquet(snakemake.input[0]),
        cohort["criteria"],
        Exposure(
            exposure["field"],
            tuple(exposure["reference"]["labels"]),
            tuple(exposure["exposed"]["labels"]),
        ),
        cohort["years"],
    )
    with replacing(snakemake.output.records, private=True) as path:
        kept.records.write_parquet(path)
    with replacing(snakemake.output.attrition) as path:
        kept.attrition.write_parquet(path)
    records = kept.attrition.filter(pl.col("step") == 0)["remaining"].sum()
    tell(f"{snakemake.wildcards.export}: {len(kept.records):,} of {records:,} records are eligible")
