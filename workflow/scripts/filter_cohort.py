"""Apply the ordered criteria to one export, and count what each takes away."""

from study_io import job, last_year_of, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort.criteria import Exposure, of_registries
    from seermatch.cohort.filter import filter_cohort
    from seermatch.cohort.quality_counts import count_quality

    cohort = snakemake.params.cohort
    exposure, years = Exposure(**cohort["exposure"]), cohort["years"]
    records = of_registries(pl.scan_parquet(snakemake.input[0]), cohort["registries"])
    with replacing(snakemake.output.quality) as path:
        count_quality(records, exposure, years).write_parquet(path)
    kept = filter_cohort(
        records,
        cohort["criteria"],
        exposure,
        years,
        cohort["covariates"],
        last_year_of([snakemake.input[0]]),
    )
    with replacing(snakemake.output.records) as path:
        write = kept.records.sink_parquet(path, lazy=True)
        counts, _ = pl.collect_all([kept.counts, write], engine="streaming")
        attrition = kept.attrition(counts)
    with replacing(snakemake.output.attrition) as path:
        attrition.write_parquet(path)
    # no rows at all where an export has no record of the study's years
    found, eligible = (
        attrition.filter(pl.col("step") == step)["remaining"].sum()
        for step in (0, len(cohort["criteria"]))
    )
    name = snakemake.wildcards.export
    line = f"{name}: {eligible:,} of {found:,} records are eligible"
    tell("; ".join([line, *kept.not_applied]))
