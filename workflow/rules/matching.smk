"""Propensity score and 1:k nearest-neighbor matching.

Needs `<results>/private/cohort.parquet`. Makes the score of every patient, the cells of one group
only, where there is no score, and the matched cohort.
"""


rule estimate_propensity:
    """Logistic regression of the exposure on the covariates."""
    input:
        "<results>/private/cohort.parquet",
    output:
        scores="<results>/private/propensity.parquet",
        cells="<results>/private/separated_cells.parquet",
    log:
        "<logs>/estimate_propensity.log",
    benchmark:
        "<benchmarks>/estimate_propensity.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(4),
        runtime=minutes(15),
    params:
        code=code_of("estimate_propensity"),
        covariates=config["matching"]["covariates"],
        link=config["matching"]["link"],
        ties=config["matching"]["ties"],
    message:
        "Estimating the propensity score"
    script:
        "../scripts/estimate_propensity.py"


rule match_cohort:
    """Nearest-neighbor matching within the caliper, without replacement."""
    input:
        cohort="<results>/private/cohort.parquet",
        propensity="<results>/private/propensity.parquet",
    output:
        "<results>/private/matched.parquet",
    log:
        "<logs>/match_cohort.log",
    benchmark:
        "<benchmarks>/match_cohort.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(15),
    params:
        code=code_of("match_cohort"),
        matching=section("matching"),
    message:
        "Matching controls to the exposed patients"
    script:
        "../scripts/match_cohort.py"
