"""Hazard ratios of the group in every analysis."""

from study_io import job, read_table, write_figures

with job(snakemake) as tell:
    from seermatch.figures.sensitivity import draw_specification_curve
    from seermatch.figures.style import figure_bytes

    figure = draw_specification_curve(read_table(snakemake.input[0]), snakemake.params.width)
    write_figures({"specification_curve": figure}, snakemake.output, figure_bytes)
    tell("drew the specification curve")
