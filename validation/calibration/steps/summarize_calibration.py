"""Bias, coverage and size of the tests from all repetitions of the calibration."""

from study_io import job, read_table, write_bytes, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.figures.style import figure_bytes

    from validation.calibration.figure import draw_coverage
    from validation.calibration.summary import summarize_repetitions, targets_of_scenarios

    params = snakemake.params
    parts = [read_table(path) for path in snakemake.input]
    records = pd.concat([part for part in parts if len(part)], ignore_index=True)
    targets = targets_of_scenarios(params.months, params.seed)
    table = summarize_repetitions(records, targets)
    write_table(table, snakemake.output.table)
    figure = draw_coverage(table)
    write_bytes(figure_bytes(figure, "svg"), snakemake.output.figure)
    write_bytes(figure_bytes(figure, "png"), snakemake.output.picture)
    clustered = table[table["variance"] == "clustered by matched set"]["coverage"]
    tell(f"coverage of the clustered 95% intervals: {clustered.min():.1%} to {clustered.max():.1%}")
