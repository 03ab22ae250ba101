"""Figures beside 1–4: forest plots, overlap of the scores, proportional hazards."""

from study_io import job, read_table, reference_levels, write_figures

with job(snakemake) as tell:
    from scipy.special import expit
    from seermatch.diagnostic_figures import draw_log_log, draw_schoenfeld, draw_score_overlap
    from seermatch.figure_style import figure_bytes
    from seermatch.forest_plot import draw_forest
    from seermatch.score_overlap import score_overlap

    params = snakemake.params
    column, page = params.widths["column"], params.widths["page"]
    minimum = params.disclosure["minimum_count"]
    tables = {name: read_table(path) for name, path in snakemake.input.items()}
    matched, scores = tables["matched"], tables["propensity"]
    weights = scores["patient_id"].map(matched.set_index("patient_id")["weight"]).fillna(0)
    distance = scores["propensity"] if params.link == "logit" else expit(scores["propensity"])
    overlap = score_overlap(distance, scores["group"], weights, minimum)
    tests, residuals = tables["tests"], tables["residuals"]
    recommended = (frame[frame["model"] == "recommended"] for frame in (residuals, tests))
    terms = [*params.covariates, "group"]
    forest = {
        "variables": terms,
        "labels": params.labels,
        "reference_levels": reference_levels(matched),
        "width": page,
    }
    figures = {
        "score_overlap": draw_score_overlap(overlap, params.labels, link=params.link, width=column),
        "forest_cox": draw_forest(tables["cox"], **forest),
        "log_log_survival": draw_log_log(
            tables["kaplan_meier"], params.labels, tests["p_value"].iloc[0], column
        ),
        "schoenfeld_residuals": draw_schoenfeld(
            *recommended, params.labels, points=minimum == 0, width=page
        ),
        "forest_fine_gray": draw_forest(tables["fine_gray"], measure="sHR", **forest),
    }
    write_figures(figures, snakemake.output, figure_bytes)
    tell(f"drew {len(figures)} figures that check the models and the match")
