"""Figures beside 1–4: forest plots, overlap of the scores, proportional hazards."""

from study_io import job, read_rule, read_table, write_figures

with job(snakemake) as tell:
    from seermatch.figures.diagnostics import draw_log_log, draw_schoenfeld, draw_score_overlap
    from seermatch.figures.forest import draw_forest
    from seermatch.figures.style import figure_bytes
    from seermatch.variables.printed import printed_variables
    from seermatch.wording.numbers import rounded_counts
    from seermatch.wording.study_tables import reference_levels

    params = snakemake.params
    labels, link = params.labels, params.link
    variables = printed_variables(params.variables)
    column, page = params.widths["column"], params.widths["page"]
    tables = {name: read_table(path) for name, path in snakemake.input.items()}
    models, tests, residuals = (tables[name] for name in ("models", "tests", "residuals"))
    recommended = (frame[frame["model"] == "recommended"] for frame in (residuals, tests))
    cox, fine_gray = (models[models["estimator"] == name] for name in ("cox", "fine_gray"))
    forest = {
        "terms": [*params.covariates, "group"],
        "labels": labels,
        "reference_levels": reference_levels(tables["table1"]),
        "variables": variables,
        "width": page,
    }
    with rounded_counts(read_rule(snakemake.input.disclosure).width):
        figures = {
            "score_overlap": draw_score_overlap(
                tables["score_overlap"], labels, link=link, width=column
            ),
            "forest_cox": draw_forest(cox, **forest),
            "log_log_survival": draw_log_log(
                tables["survival"], labels, tests["p_value"].iloc[0], column
            ),
            "schoenfeld_residuals": draw_schoenfeld(*recommended, labels, variables, width=page),
            "forest_fine_gray": draw_forest(fine_gray, measure="sHR", **forest),
        }
    write_figures(figures, snakemake.output, figure_bytes)
    tell(f"drew {len(figures)} figures that check the models and the match")
