"""Tables 1 and 2: medians, counts and tests of both groups."""

from study_io import job, read_table, with_group_labels, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.disclosure import mask_characteristics
    from seermatch.group_comparison import compare_groups
    from seermatch.matched_sets import has_complete_sets
    from seermatch.tables import characteristics_table

    params = snakemake.params
    rows = []
    for population in ("cohort", "matched"):
        frame = with_group_labels(read_table(snakemake.input[population]), params.labels)
        incomplete = population == "matched" and not has_complete_sets(frame)
        comparison = compare_groups(
            frame, params.covariates, weights=frame["weight"].to_numpy() if incomplete else None
        )
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
    tell("compared the groups before and after matching")
