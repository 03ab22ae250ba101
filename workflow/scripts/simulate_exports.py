"""Make the synthetic registry: five yearly exports in SEER*Stat's own format."""

import json
from pathlib import Path

from study_io import job, write_bytes

with job(snakemake) as tell:
    from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
    from seermatch.synthetic.registry import simulate_registry

    registry = simulate_registry(**snakemake.params.synthetic, years=snakemake.params.years)
    files = zip(
        registry.exports.values(), snakemake.output.data, snakemake.output.dictionary, strict=True
    )
    for rows, data, dictionary in files:
        write_bytes(export_text(rows), data)
        write_bytes(dictionary_text(rows.columns, DATABASE, Path(data).name), dictionary)
    write_bytes(json.dumps(registry.truth, indent=2) + "\n", snakemake.output.truth)
    records = sum(len(rows) for rows in registry.exports.values())
    tell(f"simulated {records:,} records in {len(registry.exports)} yearly exports")
