"""Turn SEER's labels into the analysis variables."""

from study_io import job, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort.recode import not_exported, recode

    records = pl.scan_parquet(snakemake.input[0])
    n = records.select(pl.len()).collect().item()
    # labels take far more memory than the levels that they become
    starts = range(0, max(n, 1), 1 << 20)
    batches = (records.slice(start, starts.step).collect() for start in starts)
    recoded = pl.concat(recode(batch, snakemake.params.recode) for batch in batches)
    with replacing(snakemake.output[0]) as path:
        recoded.write_parquet(path)
    lacking = len(recoded) - recoded["complete"].sum()
    name = snakemake.wildcards.export
    line = f"{name}: recoded {len(recoded):,} records, of which {lacking:,} lack covariates"
    tell("; ".join([line, *not_exported(recoded.columns)]))
