"""Tables 1–4 and the supplementary tables as a Word document."""

from study_io import (
    SYNTHETIC_BANNER,
    is_synthetic,
    job,
    read_printed_table,
    read_provenance,
    read_rule,
    read_table,
    released_counts,
    write_bytes,
)

with job(snakemake) as tell, released_counts(snakemake.input.disclosure):
    from seermatch.word.document import word_document
    from seermatch.word.journal_tables import JournalContent, journal_tables
    from seermatch.wording.numbers import rounded_counts

    source = snakemake.input
    provenance = read_provenance(source.provenance)
    config = provenance["config"]
    printed = ("table1", "table2", "table3", "table4")
    rows = ("attrition", "balance", "followup", "sensitivity", "stability")
    content = JournalContent(
        labels=tuple(snakemake.params.labels),
        **{name: read_printed_table(source[name]) for name in printed},
        **{name: read_table(source[name]) for name in rows},
        selection_p=config["regression"]["selection_p"],
        threshold=config["balance"]["threshold"],
        disclosure=read_rule(source.disclosure),
    )
    with rounded_counts(content.disclosure.width):
        groups = journal_tables(content)
    banner = SYNTHETIC_BANNER if is_synthetic(provenance) else ""
    document = word_document(config["study"]["title"], groups, banner)
    write_bytes(document, snakemake.output[0])
    tell(f"wrote {sum(map(len, groups.values()))} tables to {snakemake.output[0]}")
