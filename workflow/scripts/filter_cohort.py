"""Apply the ordered criteria to one export, and count what each takes away."""

from study_io import job, last_year_of, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort import Exposure, filter_cohort, of_registries
    from seermatch.quality_counts import count_quality

    cohort = snakemake.params.cohort
    exposure = Exposure(
        cohort["exposure"]["field"],
        tuple(cohort["exposure"]["reference"]["labels"]),
        tuple(cohort["exposure"]["exposed"]["labels"]),
    )
    records = of_registries(pl.scan_parquet(snakemake.input[0]), cohort["registries"])
    with replacing(snakemake.output.quality) as path:
        count_quality(records, exposure, cohort["years"]).write_parquet(path)
    kept = filter_cohort(
        records,
        cohort["criteria"],
        exposure,
        cohort["years"],
        last_year_of([snakemake.input[0]]),
    )
    with replacing(snakemake.output.records, private=True) as path:
        write = kept.records.sink_parquet(path, lazy=True)
        counts, _ = pl.collect_all([kept.counts, write], engine="streaming")
        attrition = kept.attrition(counts)
    with replacing(snakemake.output.attrition) as path:
        attrition.write_parquet(path)
    steps = attrition.group_by("step").agg(pl.col("remaining").sum()).sort("step")["remaining"]
    name = snakemake.wildcards.export
    line = f"{name}: {steps[-1]:,} of {steps[0]:,} records are eligible"
    tell("; ".join([line, *kept.not_applied]))
