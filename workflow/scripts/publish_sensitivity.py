"""Make public what the result depends on: stability, sensitivity, interpretation, checks."""

import json

from study_io import disclosure_rule, job, read_records, read_table, write_bytes, write_table

TABLES = (
    *("stability", "sensitivity", "interpretation", "included", "claims"),
    *("incidence_cross_check", "proportional_hazards", "schoenfeld"),
)

with job(snakemake) as tell:
    from seermatch.disclosure.sensitivity import release_sensitivity
    from seermatch.variables.identities import read_identities

    source, out, params = snakemake.input, snakemake.output, snakemake.params
    identities = read_identities(params.identities)
    rule = disclosure_rule(params.disclosure, source.exports)
    private = {
        name: read_table(source[name]) if source.get(name) else None  # claims, of few studies
        for name in (*TABLES, "populations")
    }
    before = read_records(source.before)
    release = release_sensitivity(
        private, rule, before, steps=params.lacking_at, identities=identities
    )
    names = [name for name in TABLES if private[name] is not None]
    for name in names:
        write_table(release.tables[name], out[name])
    write_bytes(json.dumps(release.record), out.record)
    tell(f"published what the result depends on, in {len(names)} tables")
