"""Size of the tests with few deaths, from all repetitions of the calibration."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    import pandas as pd

    from validation.calibration.few_deaths import COX_FIRTH, summarize_few_deaths

    parts = [read_table(path) for path in snakemake.input]
    table = summarize_few_deaths(pd.concat([part for part in parts if len(part)]))
    write_table(table, snakemake.output[0])
    size = table[table["test"] == COX_FIRTH]["rejected"]
    tell(f"with few deaths Firth's test rejects {size.min():.1%} to {size.max():.1%} at 5%")
