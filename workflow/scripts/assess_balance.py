"""Tables 1 and 2, standardized mean differences and variance ratios, before and after matching."""

from study_io import job, read_table, with_group_labels, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.balance import assess_balance
    from seermatch.disclosure import mask_balance, mask_characteristics
    from seermatch.group_comparison import compare_groups
    from seermatch.matched_sets import has_complete_sets
    from seermatch.tables import characteristics_table

    params = snakemake.params
    cohort = read_table(snakemake.input.cohort, ["group", *params.covariates])
    matched = read_table(snakemake.input.matched)
    rows = []
    for population, frame, weights in (
        ("cohort", cohort, None),
        ("matched", matched, None if has_complete_sets(matched) else matched["weight"].to_numpy()),
    ):
        frame = with_group_labels(frame, params.labels)
        comparison = compare_groups(frame, params.covariates, weights=weights)
        comparison.insert(0, "population", population)
        rows.append(comparison)
    comparison = mask_characteristics(
        pd.concat(rows, ignore_index=True), params.disclosure["minimum_count"]
    )
    write_table(comparison, snakemake.output.comparison)
    for population, path in (
        ("cohort", snakemake.output.table1),
        ("matched", snakemake.output.table2),
    ):
        shown = comparison[comparison["population"] == population]
        write_table(characteristics_table(shown, params.labels), path)

    scores = read_table(snakemake.input.propensity, ["propensity"])
    balance = assess_balance(cohort.assign(**scores), matched, params.covariates)
    write_table(mask_balance(balance, comparison), snakemake.output.balance)
    largest = balance["smd_after"].abs().max()
    beyond = (balance["smd_after"].abs() > params.threshold).sum()
    tell(
        f"largest standardized mean difference after matching {largest:.3f}; "
        f"{beyond} of {len(balance)} terms beyond {params.threshold}"
    )
