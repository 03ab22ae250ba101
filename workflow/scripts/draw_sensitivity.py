"""The hazard ratios over the tie seeds, and those of all analyses."""

from study_io import job, read_table, write_figures

with job(snakemake) as tell:
    from seermatch.figures.sensitivity import draw_matching_stability, draw_specification_curve
    from seermatch.figures.style import figure_bytes
    from seermatch.variables.printed import printed_variables

    params = snakemake.params
    widths, cancer = params.widths, params.cancer
    stability, sensitivity = map(
        read_table, (snakemake.input.stability, snakemake.input.sensitivity)
    )
    figures = {
        "matching_stability": draw_matching_stability(stability, cancer, width=widths["column"]),
        "specification_curve": draw_specification_curve(
            sensitivity, printed_variables(params.variables), cancer, width=widths["page"]
        ),
    }
    write_figures(figures, snakemake.output, figure_bytes)
    tell("drew the hazard ratios over the tie seeds and the specification curve")
