"""Characteristics of the groups and balance of the covariates, before and after matching.

Needs the cohort, its score and the matched cohort. Makes Tables 1 and 2 and the balance table.
"""


rule compare_groups:
    """Tables 1 and 2: medians, counts and tests of both groups."""
    input:
        cohort="<results>/cohort.parquet",
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
    log:
        "<logs>/compare_groups.log",
    benchmark:
        "<benchmarks>/compare_groups.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem="2GB",
        runtime="10m",
    params:
        code=code_of("compare_groups"),
        covariates=config["matching"]["covariates"],
        disclosure=section("disclosure"),
        labels=LABELS,
    message:
        "Comparing the groups before and after matching"
    script:
        "../scripts/compare_groups.py"


rule assess_balance:
    """Standardized mean differences and variance ratios, before and after matching."""
    input:
        cohort="<results>/cohort.parquet",
        propensity="<results>/propensity.parquet",
        matched="<results>/matched.parquet",
        comparison="<results>/group_comparison.parquet",
    output:
        report(
            "<results>/balance.tsv",
            caption="../report/balance.rst",
            category="Matching",
            labels={"item": "Balance"},
        ),
    log:
        "<logs>/assess_balance.log",
    benchmark:
        "<benchmarks>/assess_balance.tsv"
    priority: 1  # the figures wait for it
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem="2GB",
        runtime="10m",
    params:
        code=code_of("assess_balance"),
        covariates=config["matching"]["covariates"],
        threshold=config["balance"]["threshold"],
    message:
        "Assessing the balance of the covariates"
    script:
        "../scripts/assess_balance.py"
