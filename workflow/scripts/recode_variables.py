"""Turn SEER's labels into the analysis variables."""

from study_io import job, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort.recode import fields_of, not_exported, recode

    recodes = snakemake.params.recode
    records = pl.scan_parquet(snakemake.input[0])
    records = records.select(fields_of(records.collect_schema().names(), recodes))
    n = records.select(pl.len()).collect().item()
    # labels take far more memory than the levels that they become
    starts = range(0, max(n, 1), 1 << 20)
    batches = (records.slice(start, starts.step).collect() for start in starts)
    recoded = pl.concat(recode(batch, recodes) for batch in batches)
    with replacing(snakemake.output[0]) as path:
        recoded.write_parquet(path)
    lacking = len(recoded) - recoded["complete"].sum()
    name = snakemake.wildcards.export
    line = f"{name}: recoded {len(recoded):,} records, of which {lacking:,} lack covariates"
    tell("; ".join([line, *not_exported(recoded.columns)]))
