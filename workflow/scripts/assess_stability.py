"""The match repeated under other seeds of the rule for ties."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.stability import matching_stability, stability_range
    from seermatch.matching.nearest import exact_codes, matching_distance

    params = snakemake.params
    rule = dict(params.matching)
    link, main_seed = rule.pop("link"), rule.pop("seed")
    del rule["covariates"]
    scores = read_table(snakemake.input.propensity, ["propensity"])
    pool = read_table(snakemake.input.cohort).assign(**scores).dropna(subset="propensity")
    repeats = matching_stability(
        pool,
        matching_distance(pool["propensity"].to_numpy(), link),
        seeds=range(main_seed, main_seed + 1 + params.stability["seeds"]),
        exact=exact_codes(pool, rule.pop("exact")),
        **rule,
    )
    write_table(repeats, snakemake.output[0])
    spread = stability_range(repeats).set_index("quantity")
    words = [
        f"{name} {spread.loc[key, 'low']:.2f} to {spread.loc[key, 'high']:.2f}"
        for name, key in (("overall survival", "os_hr"), ("breast cancer death", "bcsm_hr"))
    ]
    tell(f"hazard ratios over {len(repeats) - 1} tie seeds (middle 95%): {', '.join(words)}")
