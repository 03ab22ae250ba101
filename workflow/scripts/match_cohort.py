"""Nearest-neighbor matching within the caliper, without replacement."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.matching.rule import MatchingRule

    rule = MatchingRule(**snakemake.params.matching)
    scores = read_table(snakemake.input.propensity, ["propensity"])
    pool = read_table(snakemake.input.cohort).assign(**scores).dropna(subset="propensity")
    n_exposed, n_reference = (pool["group"] == 1).sum(), (pool["group"] == 0).sum()
    result = rule.match(pool, pool["propensity"].to_numpy())
    matched = pool.assign(matched_set=result.matched_set, weight=result.weight)
    write_table(matched[matched["matched_set"] > 0], snakemake.output[0])
    if n_reference < rule.ratio * n_exposed:
        tell(
            f"{n_reference:,} reference patients are fewer than {n_exposed:,} exposed ones need at "
            f"matching.ratio {rule.ratio}; as many as possible are matched"
        )
    tell(
        f"matched {result.n_matched_exposed:,} of {result.n_exposed:,} exposed to "
        f"{result.n_controls:,} controls"
    )
