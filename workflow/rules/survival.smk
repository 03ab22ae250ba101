"""Overall survival of the matched cohort.

Needs the cohort and the matched cohort. Makes follow-up, Kaplan–Meier estimates, log-rank test,
Cox models, and the test of proportional hazards with its residuals, all unmasked.
"""


rule estimate_survival:
    """Follow-up, Kaplan–Meier estimates and the log-rank test."""
    input:
        cohort="<results>/private/cohort.parquet",
        matched="<results>/private/matched.parquet",
    output:
        kaplan_meier="<results>/private/survival/kaplan_meier.parquet",
        logrank="<results>/private/survival/logrank.parquet",
        followup="<results>/private/followup.parquet",
        event_counts="<results>/private/event_counts.parquet",
    log:
        "<logs>/estimate_survival.log",
    benchmark:
        "<benchmarks>/estimate_survival.tsv"
    priority: 2  # the figures wait for it
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("estimate_survival"),
        covariates=config["matching"]["covariates"],
        survival=section("survival"),
        labels=LABELS,
    message:
        "Estimating overall survival"
    script:
        "../scripts/estimate_survival.py"


rule fit_cox:
    """Univariable, published and recommended Cox models, behind Table 3."""
    input:
        "<results>/private/matched.parquet",
    output:
        models="<results>/private/survival/cox.parquet",
        contrasts="<results>/private/survival/finite_contrasts.parquet",
    log:
        "<logs>/fit_cox.log",
    benchmark:
        "<benchmarks>/fit_cox.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("fit_models"),
        variables=VARIABLES,
        covariates=config["matching"]["covariates"],
        estimator="cox",
        labels=LABELS,
        regression=section("regression"),
    message:
        "Fitting the Cox models"
    script:
        "../scripts/fit_models.py"


rule assess_proportionality:
    """Proportional hazards in the Cox models: score tests and scaled Schoenfeld residuals."""
    input:
        matched="<results>/private/matched.parquet",
        models="<results>/private/survival/cox.parquet",
    output:
        tests="<results>/private/survival/proportional_hazards.parquet",
        residuals="<results>/private/survival/schoenfeld_residuals.parquet",
    log:
        "<logs>/assess_proportionality.log",
    benchmark:
        "<benchmarks>/assess_proportionality.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("assess_proportionality"),
    message:
        "Assessing proportional hazards"
    script:
        "../scripts/assess_proportionality.py"
