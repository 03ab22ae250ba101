"""Characteristics of the groups and balance of the covariates, before and after matching.

Needs the cohort, its score and the matched cohort. Makes Tables 1 and 2 and the balance table.
"""


rule assess_balance:
    """Medians, counts and tests of both groups; standardized mean differences, variance ratios."""
    input:
        cohort="<results>/cohort.parquet",
        propensity="<results>/propensity.parquet",
        matched="<results>/matched.parquet",
    output:
        comparison="<results>/group_comparison.parquet",
        table1=report(
            "<results>/table1.tsv",
            caption="../report/table1.rst",
            category="Tables",
            labels={"item": "Table 1, characteristics before matching"},
        ),
        table2=report(
            "<results>/table2.tsv",
            caption="../report/table2.rst",
            category="Tables",
            labels={"item": "Table 2, characteristics after matching"},
        ),
        balance=report(
            "<results>/balance.tsv",
            caption="../report/balance.rst",
            category="Matching",
            labels={"item": "Balance"},
        ),
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
        disclosure=section("disclosure"),
        labels=group_labels,
        threshold=config["balance"]["threshold"],
    message:
        "Comparing the groups and assessing their balance"
    script:
        "../scripts/assess_balance.py"
