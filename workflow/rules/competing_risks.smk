"""Mortality of the cancer in the matched cohort, other deaths competing.

Needs the matched cohort. Makes cumulative incidence, Gray's test and Fine–Gray models, all
unmasked.
"""


rule estimate_incidence:
    """Cumulative incidence of both causes in both groups, and Gray's test between the groups."""
    input:
        "<results>/private/matched.parquet",
    output:
        incidence="<results>/private/competing_risks/incidence.parquet",
        gray="<results>/private/competing_risks/gray.parquet",
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
        labels=LABELS,
    message:
        "Estimating and comparing the cumulative incidence of both causes of death"
    script:
        "../scripts/estimate_incidence.py"


rule cross_check_incidence:
    """Set scikit-survival's cumulative incidence beside ours."""
    input:
        matched="<results>/private/matched.parquet",
        incidence="<results>/private/competing_risks/incidence.parquet",
    output:
        "<results>/private/competing_risks/incidence_cross_check.parquet",
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
        labels=LABELS,
    message:
        "Checking the cumulative incidence against scikit-survival"
    script:
        "../scripts/cross_check_incidence.py"


use rule fit_cox as fit_fine_gray with:
    output:
        models="<results>/private/competing_risks/fine_gray.parquet",
        contrasts="<results>/private/competing_risks/finite_contrasts.parquet",
    log:
        "<logs>/fit_fine_gray.log",
    benchmark:
        "<benchmarks>/fit_fine_gray.tsv"
    params:
        estimator="fine_gray",
    message:
        "Fitting the Fine–Gray models"
