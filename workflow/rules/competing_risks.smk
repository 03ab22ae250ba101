"""Breast cancer mortality in the matched cohort, other deaths competing.

Needs the matched cohort. Makes cumulative incidence, Gray's test, Fine–Gray models and Table 4.
"""


rule estimate_incidence:
    """Cumulative incidence of both causes in both groups, and Gray's test between the groups."""
    input:
        "<results>/matched.parquet",
    output:
        incidence="<results>/competing_risks/incidence.parquet",
        gray=report(
            "<results>/competing_risks/gray.tsv",
            caption="../report/gray.rst",
            category="Competing risks",
            labels={"item": "Test of cumulative incidence"},
        ),
    log:
        "<logs>/estimate_incidence.log",
    benchmark:
        "<benchmarks>/estimate_incidence.tsv"
    priority: 2  # the figures wait for it
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("estimate_incidence"),
        labels=group_labels,
    message:
        "Estimating and comparing the cumulative incidence of both causes of death"
    script:
        "../scripts/estimate_incidence.py"


rule cross_check_incidence:
    """Set scikit-survival's cumulative incidence beside ours."""
    input:
        matched="<results>/matched.parquet",
        incidence="<results>/competing_risks/incidence.parquet",
    output:
        report(
            "<results>/competing_risks/incidence_cross_check.tsv",
            caption="../report/incidence_cross_check.rst",
            category="Competing risks",
            labels={"item": "Cumulative incidence beside scikit-survival's"},
        ),
    log:
        "<logs>/cross_check_incidence.log",
    benchmark:
        "<benchmarks>/cross_check_incidence.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("cross_check_incidence"),
        labels=group_labels,
    message:
        "Checking the cumulative incidence against scikit-survival"
    script:
        "../scripts/cross_check_incidence.py"


rule fit_fine_gray:
    """Table 4: univariable, published and recommended Fine–Gray models."""
    input:
        "<results>/matched.parquet",
    output:
        models="<results>/competing_risks/fine_gray.parquet",
        contrasts="<results>/competing_risks/finite_contrasts.parquet",
        table4=report(
            "<results>/table4.tsv",
            caption="../report/table4.rst",
            category="Tables",
            labels={"item": "Table 4, breast cancer mortality (Fine–Gray)"},
        ),
    log:
        "<logs>/fit_fine_gray.log",
    benchmark:
        "<benchmarks>/fit_fine_gray.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("fit_fine_gray"),
        covariates=config["matching"]["covariates"],
        labels=group_labels,
        regression=section("regression"),
    message:
        "Fitting the Fine–Gray models"
    script:
        "../scripts/fit_fine_gray.py"
