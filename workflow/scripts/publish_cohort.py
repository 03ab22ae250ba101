"""Make public what describes the cohort: its flow, Tables 1 and 2, balance, scores, exports."""

import json

from study_io import (
    disclosure_rule,
    job,
    last_year_of,
    public_origins,
    read_table,
    write_bytes,
    write_polars_table,
    write_table,
)

README = """\
Everything in this folder except private/ may be shared.
private/ holds records of patients and unmasked counts: keep it as your data agreement asks.
{masking}
"""

with job(snakemake) as tell:
    import pandas as pd
    import polars as pl
    from seermatch.cohort.quality import assess_quality, render_quality
    from seermatch.cohort.study_labels import named_labels
    from seermatch.disclosure.characteristics import group_sizes
    from seermatch.disclosure.cohort_tables import release_cohort
    from seermatch.disclosure.quality import published_missing, release_quality
    from seermatch.disclosure.rule import disclosure_note
    from seermatch.variables.identities import read_identities
    from seermatch.wording.numbers import rounded_counts
    from seermatch.wording.study_tables import characteristics_table

    source, out, params = snakemake.input, snakemake.output, snakemake.params
    identities = read_identities(params.identities)
    rule = disclosure_rule(params.disclosure, source.exports)
    names = ("attrition", "comparison", "balance", "score_overlap", "separated_cells")
    private = {name: read_table(source[name]) for name in names}
    release = release_cohort(private, rule, identities)
    tables = release.tables
    overlap = tables["score_overlap"]
    tables["score_overlap"] = overlap.assign(
        group=overlap["group"].map(dict(enumerate(params.labels)))
    )
    for name in ("attrition", "balance", "score_overlap", "separated_cells"):
        write_table(tables[name], out[name])
    comparison = tables["comparison"]
    for population, path in (("cohort", out.table1), ("matched", out.table2)):
        shown = comparison[comparison["population"] == population]
        with rounded_counts(rule.width):
            write_table(characteristics_table(shown, params.labels), path)

    quality = assess_quality(
        pl.concat([pl.read_parquet(path) for path in source.quality]),
        last_year=last_year_of(source.exports),
        label_counts=not rule.active,
        named=named_labels(params.cohort, params.recode),
        **params.data_quality,
    )
    checks = release_quality(quality, rule, tables["attrition"])
    write_polars_table(checks, out.quality)
    origins = public_origins(source.exports, rule)
    write_bytes(render_quality(checks, params.labels, origins), out.quality_page)
    n = group_sizes(private["comparison"])
    settings = {
        "minimum_count": rule.minimum_count,
        "method": rule.method,
        "incomplete_sets": int(n["matched", "reference"] != params.ratio * n["matched", "exposed"]),
    }
    write_table(pd.DataFrame([settings]), out.disclosure)
    masking = disclosure_note(rule) or "No count is masked."
    write_bytes(README.format(masking=masking[0].upper() + masking[1:]), out.readme)
    record = release.record | {"missing": published_missing(quality, checks)}
    write_bytes(json.dumps(record), out.record)
    tell(f"published what describes the cohort; {disclosure_note(rule) or 'no count is masked'}")
