"""Characteristics of both groups, standardized mean differences, variance ratios, score overlap."""

from study_io import job, read_table, with_group_labels, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.disclosure.score_overlap import score_overlap
    from seermatch.matching.balance import assess_balance
    from seermatch.matching.characteristics import compare_groups
    from seermatch.matching.distance import matching_distance
    from seermatch.matching.matched_sets import has_complete_sets

    params = snakemake.params
    cohort = read_table(snakemake.input.cohort, ["patient_id", "group", *params.covariates])
    matched = read_table(snakemake.input.matched)
    scores = read_table(snakemake.input.propensity, ["propensity"])["propensity"]
    rows = []
    for population, frame, weights in (
        ("cohort", cohort, None),
        ("matched", matched, None if has_complete_sets(matched) else matched["weight"].to_numpy()),
    ):
        frame = with_group_labels(frame, params.labels)
        comparison = compare_groups(frame, params.covariates, weights=weights)
        comparison.insert(0, "population", population)
        rows.append(comparison)
    write_table(pd.concat(rows, ignore_index=True), snakemake.output.comparison)

    balance = assess_balance(cohort.assign(propensity=scores), matched, params.covariates)
    write_table(balance, snakemake.output.balance)
    weights = cohort["patient_id"].map(matched.set_index("patient_id")["weight"]).fillna(0)
    overlap = score_overlap(matching_distance(scores, params.link), cohort["group"], weights)
    write_table(overlap, snakemake.output.score_overlap)
    largest = balance["smd_after"].abs().max()
    beyond = (balance["smd_after"].abs() > params.threshold).sum()
    tell(
        f"largest standardized mean difference after matching {largest:.3f}; "
        f"{beyond} of {len(balance)} terms beyond {params.threshold}"
    )
