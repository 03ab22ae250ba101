"""Logistic regression of the exposure on the covariates."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.matching.propensity import estimate_propensity, r_glm_linear_predictor
    from seermatch.matching.score_separation import cell_sentences
    from seermatch.statistics.design_matrix import design_matrix

    params = snakemake.params
    cohort = read_table(snakemake.input[0], ["group", *params.covariates])
    fit = estimate_propensity(cohort, params.covariates)
    score = fit.linear_predictor
    if params.ties == "file_order":
        X = design_matrix(cohort, params.covariates).X
        score = r_glm_linear_predictor(X, cohort["group"].to_numpy())
    del cohort  # in millions of patients, no room for all at once
    scores = read_table(snakemake.input[0], ["patient_id", "group"]).assign(propensity=score)
    write_table(scores, snakemake.output.scores)
    cells = fit.cells.assign(in_pool=params.ties == "file_order")
    write_table(cells, snakemake.output.cells)
    for line in cell_sentences(cells):
        tell(f"propensity score: {line}")
    for name, words in fit.aliased.items():
        tell(f"propensity score: {name} is aliased and was left out: {words}")
    n_scored = scores["propensity"].notna().sum()
    tell(f"scored {n_scored:,} patients with {fit.n_patterns:,} distinct covariate patterns")
