"""One self-contained page: what was found, what was run, and on which data."""

from study_io import job, read_results, write_bytes

with job(snakemake) as tell:
    from seermatch.report.page import render_report
    from seermatch.report.sections.warnings import find_warnings
    from seermatch.wording.numbers import rounded_counts
    from seermatch.wording.results import Results

    results = Results(tuple(snakemake.params.labels), *read_results(snakemake.input))
    with rounded_counts(results.disclosure.width):
        page, warnings = render_report(results), find_warnings(results)
    write_bytes(page, snakemake.output.page)
    # Shown at the end of the run.
    write_bytes("".join(f"{line}\n" for line in warnings), snakemake.output.warnings)
    tell(f"the report is {snakemake.output.page}")
