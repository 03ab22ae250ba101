"""Integrity of the exports: unknown labels, contradictions, missing values."""

from study_io import job, last_year_of, read_origin, write_bytes, write_polars_table

with job(snakemake) as tell:
    import polars as pl
    from seermatch.cohort.quality import assess_quality, render_quality
    from seermatch.cohort.study_labels import named_labels

    params = snakemake.params
    origins = [read_origin(path) for path in snakemake.input.exports]
    counts = pl.concat([pl.read_parquet(path) for path in snakemake.input.quality])
    frame = assess_quality(
        counts,
        last_year=last_year_of(snakemake.input.exports),
        named=named_labels(params.cohort, params.recode),
        **params.data_quality,
    )
    # A failing check must not fail this job, whose page tells what is wrong; the merge stops.
    write_polars_table(frame, snakemake.output.table)
    page = render_quality(frame, params.labels, origins)
    write_bytes(page, snakemake.output.page)
    verdicts = frame["verdict"].value_counts()
    found = dict(verdicts.iter_rows())
    tell(
        f"data quality: {found.get('stop', 0)} checks stop the run, {found.get('warning', 0)} warn"
    )
