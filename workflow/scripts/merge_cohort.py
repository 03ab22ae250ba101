"""Join the exports, keep one tumor per patient, and add up the counts of the criteria."""

from pathlib import Path

from study_io import job, read_origin, read_polars_table, replacing

with job(snakemake) as tell:
    import polars as pl
    import pyarrow.parquet as pq
    from seermatch.cohort.merge import (
        combine_attrition,
        every_tumor,
        join_records,
        one_submission,
        one_tumor_per_patient,
        refuse_overlap,
        with_levels,
    )
    from seermatch.cohort.quality import QUALITY, refuse_poor_quality
    from seermatch.cohort.recode import levels_of

    refuse_poor_quality(read_polars_table(snakemake.input.quality, QUALITY))
    settings = snakemake.params.cohort
    labels = snakemake.params.labels
    counts = pl.concat([pl.read_parquet(path) for path in snakemake.input.attrition])
    paths = map(Path, snakemake.input.records)
    records = join_records({path.stem: pl.read_parquet(path) for path in paths})
    one_each = settings["one_tumor_per_patient"]
    origins = [read_origin(path) for path in snakemake.input.exports]
    submissions = {origin["export"]: origin["submission"] for origin in origins}
    if one_each:
        one_submission(submissions)
    # Otherwise equal numbers may be different patients.
    if one_each or (len(set(submissions.values())) == 1 and any(submissions.values())):
        refuse_overlap(records.drop_nulls("patient_id"))
    records = records.drop("export")
    cohort = one_tumor_per_patient(records) if one_each else every_tumor(records)
    flow = combine_attrition(
        counts, cohort if one_each else None, settings["years"], labels, settings["registries"]
    )

    table = with_levels(cohort.drop("record_number"), levels_of(snakemake.params.recode))
    with replacing(snakemake.output.cohort) as path:
        pq.write_table(table, path, compression="zstd")
    with replacing(snakemake.output.attrition) as path:
        flow.write_parquet(path)
    exposed = int(cohort["group"].sum())
    tell(
        f"the cohort has {len(cohort):,} patients: {len(cohort) - exposed:,} {labels[0]} and "
        f"{exposed:,} {labels[1]}"
    )
