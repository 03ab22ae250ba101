"""Join the eligible records of the exports, with and without missing covariates."""

from pathlib import Path

from study_io import job, replacing

with job(snakemake) as tell:
    import polars as pl
    import pyarrow.parquet as pq
    from seermatch.cohort.incomplete import merge_eligible
    from seermatch.cohort.merge import with_levels
    from seermatch.cohort.recode import levels_of
    from seermatch.variables.printed import EVENTS

    params = snakemake.params
    exports = {path.stem: pl.read_parquet(path) for path in map(Path, snakemake.input)}
    merged = merge_eligible(exports, params.one_tumor_per_patient)
    levels = levels_of(params.recode)
    if "event_by_cause_of_death" in merged.records.columns:
        levels["event_by_cause_of_death"] = EVENTS
    table = with_levels(merged.records.drop("record_number"), levels)
    with replacing(snakemake.output[0]) as path:
        pq.write_table(table, path, compression="zstd")
    lacking = len(merged.records) - merged.records["complete"].sum()
    line = f"{lacking:,} of {len(merged.records):,} eligible patients lack a covariate"
    tell("; ".join([line, *merged.notes]))
