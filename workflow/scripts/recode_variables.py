"""Turn SEER's labels into the analysis variables."""

from study_io import job, replacing

with job(snakemake) as tell:
    import polars as pl
    from seermatch.recode import recode

    recoded = recode(pl.read_parquet(snakemake.input[0]), snakemake.params.recode)
    with replacing(snakemake.output[0], private=True) as path:
        recoded.write_parquet(path)
    tell(f"{snakemake.wildcards.export}: recoded {len(recoded):,} records")
