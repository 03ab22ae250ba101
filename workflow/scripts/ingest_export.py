"""Read one SEER*Stat export as it is: SEER's labels under canonical column names."""

from pathlib import Path

from study_io import job, replacing

with job(snakemake) as tell:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from seermatch.errors import StudyError
    from seermatch.seer_dictionary import parse_dictionary
    from seermatch.seerstat import open_export

    source = Path(snakemake.input.data)
    dictionary = None
    if path := snakemake.input.get("dictionary"):
        path = Path(path)
        dictionary = parse_dictionary(path.read_bytes(), path.name)
    try:
        stream = source.open("rb")
    except PermissionError:
        raise StudyError(f"{source} may not be read; ask its owner for permission.") from None
    with stream, replacing(snakemake.output[0]) as path:
        export = open_export(stream, dictionary, source.name)
        schema = pa.schema([(name, pa.string()) for name in export.columns])
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in export.batches():
                writer.write_table(batch.to_arrow().cast(schema))
            writer.add_key_value_metadata(
                {
                    "source": source.name,
                    "sha256": export.sha256,
                    "rows": str(export.rows),
                    "database": dictionary.database if dictionary else "",
                    "submission": dictionary.submission if dictionary else "",
                }
            )
    tell(f"{snakemake.wildcards.export}: read {export.rows:,} records of {source.name}")
