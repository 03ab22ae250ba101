"""Read one SEER*Stat export as it is: SEER's labels under canonical column names."""

from pathlib import Path

from study_io import job, replacing, with_progress

with job(snakemake) as tell:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from seermatch.seer.dictionary import parse_dictionary
    from seermatch.seer.export import open_export
    from seermatch.seer.fields import REQUIREMENTS

    source = Path(snakemake.input.data)
    dictionary = None
    if path := snakemake.input.get("dictionary"):
        path = Path(path)
        dictionary = parse_dictionary(path.read_bytes(), path.name)
    # The two that tell a patient's tumors apart; the merge numbers records that lack them.
    spared = () if snakemake.params.one_tumor_per_patient else ("patient_id", "record_number")
    required = [name for name in REQUIREMENTS if name not in spared]
    with source.open("rb") as stream, replacing(snakemake.output[0], private=True) as path:
        export = open_export(stream, dictionary, source.name, required=required)
        size = source.stat().st_size

        def _progress():
            share = f"{export.bytes_read / size:.0%} of {source.name}"
            return f"{snakemake.wildcards.export}: {share} read, {export.rows:,} records"

        schema = pa.schema([(name, pa.string()) for name in export.columns])
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in with_progress(export.batches(), _progress):
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
