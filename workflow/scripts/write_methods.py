"""The methods section in words, and the reporting checklists."""

from study_io import job, read_results, write_bytes

with job(snakemake) as tell:
    from seermatch.methods.data import methods_sections
    from seermatch.methods.page import methods_page
    from seermatch.wording.numbers import rounded_counts
    from seermatch.wording.results import Results

    results = Results(tuple(snakemake.params.labels), *read_results(snakemake.input))
    study = results.config["study"]
    with rounded_counts(results.disclosure.width):
        sections = methods_sections(results)
    page = methods_page(study["title"], study["question"], sections, results.cancer, results.banner)
    write_bytes(page, snakemake.output[0])
    tell(f"the methods section is {snakemake.output[0]}")
