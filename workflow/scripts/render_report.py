"""One self-contained page: what was found, what was run, and on which data."""

from study_io import job, read_results, write_bytes

with job(snakemake) as tell:
    from seermatch.report.page import render_report
    from seermatch.report.sections.warnings import find_warnings
    from seermatch.wording.results import Results

    results = Results(tuple(snakemake.params.labels), *read_results(snakemake.input))
    write_bytes(render_report(results), snakemake.output.page)
    # Shown at the end of the run.
    write_bytes("".join(f"{line}\n" for line in find_warnings(results)), snakemake.output.warnings)
    tell(f"the report is {snakemake.output.page}")
