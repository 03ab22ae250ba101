"""Figures 1–4: flow chart, love plot, Kaplan–Meier and cumulative incidence curves."""

from study_io import job, read_rule, read_table, write_figures

with job(snakemake) as tell:
    from seermatch.figures.curves import draw_cumulative_incidence, draw_survival_curves
    from seermatch.figures.flow_chart import draw_flow_chart
    from seermatch.figures.love_plot import draw_love_plot
    from seermatch.figures.style import figure_bytes
    from seermatch.variables.printed import printed_variables
    from seermatch.wording.numbers import rounded_counts
    from seermatch.wording.terms import print_test
    from seermatch.wording.warnings import group_sizes

    params = snakemake.params
    labels = params.labels
    marks, widths = params.figures["follow_up_marks"], params.figures["widths"]
    tables = {name: read_table(path) for name, path in snakemake.input.items()}
    sizes = group_sizes(tables["followup"], labels)
    matched = tuple(sizes["matched", label] for label in labels)
    survival_test, *incidence_tests = map(
        print_test, [*tables["logrank"]["test"], *tables["gray"]["test"]]
    )
    with rounded_counts(read_rule(snakemake.input.disclosure).width):
        figures = {
            "figure1": draw_flow_chart(tables["attrition"], labels, matched, widths["page"]),
            "figure2": draw_love_plot(
                tables["balance"],
                printed_variables(params.variables),
                params.balance["threshold"],
                widths["column"],
            ),
            "figure3": draw_survival_curves(
                tables["survival"],
                tables["logrank"],
                marks,
                labels,
                test=survival_test[:1].upper() + survival_test[1:],
                width=widths["column"],
            ),
            "figure4": draw_cumulative_incidence(
                tables["incidence"],
                tables["gray"],
                marks,
                labels,
                test=dict(zip(tables["gray"]["cause"], incidence_tests, strict=True)),
                cancer=params.cancer,
                width=widths["page"],
            ),
        }
    write_figures(figures, snakemake.output, figure_bytes)
    formats = sorted({path.rpartition(".")[2].upper() for path in snakemake.output})
    tell(f"drew Figures 1–4 ({', '.join(formats)})")
