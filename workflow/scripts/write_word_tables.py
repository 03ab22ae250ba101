"""Tables 1–4 and the supplementary tables as a Word document."""

from study_io import job, read_results, write_bytes

with job(snakemake) as tell:
    from seermatch.word.document import word_document
    from seermatch.word.journal_tables import journal_tables
    from seermatch.wording.numbers import rounded_counts
    from seermatch.wording.results import Results

    results = Results(tuple(snakemake.params.labels), *read_results(snakemake.input))
    with rounded_counts(results.disclosure.width):
        groups = journal_tables(results)
    document = word_document(results.config["study"]["title"], groups, results.banner)
    write_bytes(document, snakemake.output[0])
    tell(f"wrote {sum(map(len, groups.values()))} tables to {snakemake.output[0]}")
