"""Hazard ratios over the tie seeds."""

from study_io import job, read_table, write_figures

with job(snakemake) as tell:
    from seermatch.figures.sensitivity import draw_matching_stability
    from seermatch.figures.style import figure_bytes

    figure = draw_matching_stability(read_table(snakemake.input[0]), snakemake.params.width)
    write_figures({"matching_stability": figure}, snakemake.output, figure_bytes)
    tell("drew the hazard ratios over the tie seeds")
