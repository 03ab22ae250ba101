"""Standardized mean differences and variance ratios, before and after matching."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.balance import assess_balance
    from seermatch.disclosure import mask_balance

    params = snakemake.params
    scores = read_table(snakemake.input.propensity)
    cohort = read_table(snakemake.input.cohort).assign(propensity=scores["propensity"])
    balance = assess_balance(cohort, read_table(snakemake.input.matched), params.covariates)
    write_table(mask_balance(balance, read_table(snakemake.input.comparison)), snakemake.output[0])
    largest = balance["smd_after"].abs().max()
    beyond = (balance["smd_after"].abs() > params.threshold).sum()
    tell(
        f"largest standardized mean difference after matching {largest:.3f}; "
        f"{beyond} of {len(balance)} terms beyond {params.threshold}"
    )
