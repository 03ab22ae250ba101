"""Join the exports, keep one tumor per patient, and add up the counts of the criteria."""

from pathlib import Path

from study_io import job, read_origin, read_polars_table, replacing

with job(snakemake) as tell:
    import polars as pl
    import pyarrow.parquet as pq
    from seermatch.cohort.merge import (
        combine_attrition,
        join_records,
        merge_eligible,
        one_submission,
        refuse_overlap,
        with_levels,
    )
    from seermatch.cohort.quality import QUALITY, refuse_poor_quality
    from seermatch.cohort.recode import FURTHER, levels_of
    from seermatch.variables.printed import EVENTS

    refuse_poor_quality(read_polars_table(snakemake.input.quality, QUALITY))
    params, labels = snakemake.params, snakemake.params.labels
    one_each = params.cohort["one_tumor_per_patient"]
    exports = {path.stem: pl.read_parquet(path) for path in map(Path, snakemake.input.records)}
    origins = [read_origin(path) for path in snakemake.input.exports]
    submissions = {origin["export"]: origin["submission"] for origin in origins}
    if one_each:
        one_submission(submissions)
    elif len(set(submissions.values())) == 1 and any(submissions.values()):
        # Otherwise equal numbers may be different patients.
        refuse_overlap(join_records(exports).drop_nulls("patient_id"))
    merged = merge_eligible(exports, one_each)
    eligible = merged.records.drop("record_number")
    cohort = eligible.filter("complete").drop("complete", *FURTHER, strict=False)
    flow = combine_attrition(
        pl.concat([pl.read_parquet(path) for path in snakemake.input.attrition]),
        cohort if one_each else None,
        params.cohort["years"],
        labels,
        params.cohort["registries"],
    )

    levels = levels_of(params.recode)
    with replacing(snakemake.output.cohort) as path:
        pq.write_table(with_levels(cohort, levels), path, compression="zstd")
    if "event_by_cause_of_death" in eligible.columns:
        levels["event_by_cause_of_death"] = EVENTS
    with replacing(snakemake.output.eligible) as path:
        pq.write_table(with_levels(eligible, levels), path, compression="zstd")
    with replacing(snakemake.output.attrition) as path:
        flow.write_parquet(path)
    for note in merged.notes:
        tell(note)
    exposed = int(cohort["group"].sum())
    tell(
        f"the cohort has {len(cohort):,} patients: {len(cohort) - exposed:,} {labels[0]} and "
        f"{exposed:,} {labels[1]}; {len(eligible) - len(cohort):,} more lack a covariate"
    )
