"""Figures 1–4: flow chart, love plot, Kaplan–Meier and cumulative incidence curves."""

from study_io import job, read_table, write_figures

with job(snakemake) as tell:
    from seermatch.disclosure_outcomes import mask_curves
    from seermatch.figure_style import figure_bytes
    from seermatch.figures import (
        draw_cumulative_incidence,
        draw_love_plot,
        draw_survival_curves,
    )
    from seermatch.flow_chart import draw_flow_chart
    from seermatch.group_tests import print_test

    params = snakemake.params
    labels = params.labels
    marks, widths = params.figures["follow_up_marks"], params.figures["widths"]
    minimum = params.disclosure["minimum_count"]
    tables = {name: read_table(path) for name, path in snakemake.input.items() if name != "matched"}
    matched = read_table(snakemake.input.matched)
    sizes = matched["group"].value_counts()
    survival_test, *incidence_tests = map(
        print_test, [*tables["logrank"]["test"], *tables["gray"]["test"]]
    )
    figures = {
        "figure1": draw_flow_chart(
            tables["attrition"], labels, (sizes[0], sizes[1]), minimum, widths["page"]
        ),
        "figure2": draw_love_plot(tables["balance"], params.balance["threshold"], widths["column"]),
        "figure3": draw_survival_curves(
            mask_curves(tables["kaplan_meier"], marks, minimum),
            tables["logrank"],
            marks,
            labels,
            test=survival_test[:1].upper() + survival_test[1:],
            width=widths["column"],
        ),
        "figure4": draw_cumulative_incidence(
            mask_curves(tables["incidence"], marks, minimum),
            tables["gray"],
            marks,
            labels,
            test=dict(zip(tables["gray"]["cause"], incidence_tests, strict=True)),
            width=widths["page"],
        ),
    }
    write_figures(figures, snakemake.output, figure_bytes)
    formats = sorted({path.rpartition(".")[2].upper() for path in snakemake.output})
    tell(f"drew Figures 1–4 ({', '.join(formats)})")
