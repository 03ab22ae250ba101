"""Overall survival of the matched cohort.

Needs the cohort and the matched cohort. Makes follow-up, Kaplan–Meier estimates, log-rank test,
Cox models, Table 3, and the test of proportional hazards with its residuals.
"""


rule estimate_survival:
    """Follow-up, Kaplan–Meier estimates and the log-rank test."""
    input:
        cohort="<results>/cohort.parquet",
        matched="<results>/matched.parquet",
    output:
        kaplan_meier="<results>/survival/kaplan_meier.parquet",
        logrank=report(
            "<results>/survival/logrank.tsv",
            caption="../report/logrank.rst",
            category="Survival",
            labels={"item": "Test of overall survival"},
        ),
        followup=report(
            "<results>/followup.tsv",
            caption="../report/followup.rst",
            category="Survival",
            labels={"item": "Follow-up"},
        ),
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
        disclosure=section("disclosure"),
        survival=section("survival"),
        labels=group_labels,
    message:
        "Estimating overall survival"
    script:
        "../scripts/estimate_survival.py"


rule fit_cox:
    """Table 3: univariable, published and recommended Cox models."""
    input:
        "<results>/matched.parquet",
    output:
        models="<results>/survival/cox.parquet",
        contrasts="<results>/survival/finite_contrasts.parquet",
        table3=report(
            "<results>/table3.tsv",
            caption="../report/table3.rst",
            category="Tables",
            labels={"item": "Table 3, overall survival (Cox)"},
        ),
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
        code=code_of("fit_cox"),
        covariates=config["matching"]["covariates"],
        labels=group_labels,
        regression=section("regression"),
    message:
        "Fitting the Cox models"
    script:
        "../scripts/fit_cox.py"


rule assess_proportionality:
    """Proportional hazards in the Cox models: score tests and scaled Schoenfeld residuals."""
    input:
        matched="<results>/matched.parquet",
        models="<results>/survival/cox.parquet",
    output:
        tests=report(
            "<results>/survival/proportional_hazards.tsv",
            caption="../report/proportional_hazards.rst",
            category="Survival",
            labels={"item": "Proportional hazards"},
        ),
        residuals="<results>/survival/schoenfeld_residuals.parquet",
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
