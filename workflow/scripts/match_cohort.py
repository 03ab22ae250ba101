"""Nearest-neighbor matching within the caliper, without replacement."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.matching import exact_codes, match, matching_distance

    settings = dict(snakemake.params.matching)
    link = settings.pop("link")
    del settings["covariates"]
    cohort = read_table(snakemake.input.cohort)
    exact = exact_codes(cohort, settings.pop("exact"))
    propensity = read_table(snakemake.input.propensity, ["propensity"])["propensity"].to_numpy()
    result = match(
        matching_distance(propensity, link),
        cohort["group"].to_numpy() == 1,
        patient_id=cohort["patient_id"].to_numpy(),
        exact=exact,
        **settings,
    )
    matched = cohort.assign(
        propensity=propensity, matched_set=result.matched_set, weight=result.weight
    )
    write_table(matched[matched["matched_set"] > 0], snakemake.output[0])
    tell(
        f"matched {result.n_matched_exposed:,} of {result.n_exposed:,} exposed to "
        f"{result.n_controls:,} controls"
    )
