"""The match repeated under other seeds of the rule for ties."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.stability import matching_stability, stability_range
    from seermatch.matching.nearest import exact_codes
    from seermatch.matching.rule import MatchingRule

    rule, repetitions = (
        MatchingRule(**snakemake.params.matching),
        snakemake.params.stability["seeds"],
    )
    scores = read_table(snakemake.input.propensity, ["propensity"])
    pool = read_table(snakemake.input.cohort).assign(**scores).dropna(subset="propensity")
    repeats = matching_stability(
        pool,
        rule.distance(pool["propensity"].to_numpy()),
        seeds=range(rule.seed, rule.seed + 1 + repetitions),
        ratio=rule.ratio,
        caliper=rule.caliper,
        order=rule.order,
        ties=rule.ties,
        exact=exact_codes(pool, rule.exact),
    )
    write_table(repeats, snakemake.output[0])
    spread = stability_range(repeats).set_index("quantity")
    death = f"{snakemake.params.cancer} death"
    words = [
        f"{name} {spread.loc[key, 'low']:.2f} to {spread.loc[key, 'high']:.2f}"
        for name, key in (("overall survival", "os_hr"), (death, "cancer_hr"))
    ]
    tell(f"hazard ratios over {len(repeats) - 1} tie seeds (middle 95%): {', '.join(words)}")
