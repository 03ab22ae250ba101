"""Characteristics of the groups and balance of the covariates, before and after matching.

Needs the cohort, its score and the matched cohort. Makes what Tables 1 and 2, the balance table and
the figure of the scores show, at full precision and unmasked.
"""


rule assess_balance:
    """Medians, counts and tests of both groups; standardized mean differences; overlap of scores."""
    input:
        cohort="<results>/private/cohort.parquet",
        propensity="<results>/private/propensity.parquet",
        matched="<results>/private/matched.parquet",
    output:
        comparison="<results>/private/group_comparison.parquet",
        balance="<results>/private/balance.parquet",
        score_overlap="<results>/private/score_overlap.parquet",
    log:
        "<logs>/assess_balance.log",
    benchmark:
        "<benchmarks>/assess_balance.tsv"
    priority: 2  # the figures wait for it
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("assess_balance"),
        covariates=config["matching"]["covariates"],
        labels=LABELS,
        link=config["matching"]["link"],
        threshold=config["balance"]["threshold"],
    message:
        "Comparing the groups and assessing their balance"
    script:
        "../scripts/assess_balance.py"
