"""Choose the patients and recode their variables.

Needs the exports once read. Makes, all of it private, one row per patient of the cohort, the same
with those who only lack a covariate, what each criterion took away, and the integrity of the
exports.
"""

# What the criteria ask, and nothing else of the study; no name of a group, for example.
SELECTION = sorted_keys(
    {
        "covariates": sorted(config["matching"]["covariates"]),
        "criteria": config["cohort"]["criteria"],
        "exposure": {
            "field": config["cohort"]["exposure"]["field"],
            **{arm: config["cohort"]["exposure"][arm]["labels"] for arm in ARMS},
        },
        "registries": config["cohort"]["registries"],
        "years": config["cohort"]["years"],
    }
)


rule filter_cohort:
    """Apply the ordered criteria to one export, and count what each takes away."""
    input:
        "<registry>/{export}.parquet",
    output:
        records="<results>/private/eligible/{export}.parquet",
        attrition="<results>/private/attrition/{export}.parquet",
        quality="<results>/private/quality/{export}.parquet",
    log:
        "<logs>/filter_cohort/{export}.log",
    benchmark:
        "<benchmarks>/filter_cohort/{export}.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 2
    resources:
        mem=memory(2),
        runtime=minutes(15),
    params:
        code=code_of("filter_cohort"),
        cohort=SELECTION,
    message:
        "Applying the criteria to {wildcards.export}"
    script:
        "../scripts/filter_cohort.py"


rule recode_variables:
    """Turn SEER's labels into the analysis variables."""
    input:
        "<results>/private/eligible/{export}.parquet",
    output:
        "<results>/private/recoded/{export}.parquet",
    log:
        "<logs>/recode_variables/{export}.log",
    benchmark:
        "<benchmarks>/recode_variables/{export}.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(15),
    params:
        code=code_of("recode_variables"),
        recode=section("recode"),
    message:
        "Recoding the variables of {wildcards.export}"
    script:
        "../scripts/recode_variables.py"


rule assess_quality:
    """Integrity of the exports: unknown labels, contradictions, missing values."""
    input:
        quality=collect("<results>/private/quality/{export}.parquet", export=EXPORTS),
        exports=collect("<registry>/{export}.parquet", export=EXPORTS),
    output:
        table="<results>/private/data_quality.tsv",
        page="<results>/private/data_quality.html",
    log:
        "<logs>/assess_quality.log",
    benchmark:
        "<benchmarks>/assess_quality.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("assess_quality"),
        cohort=section("cohort"),
        recode=section("recode"),
        data_quality=section("data_quality"),
        labels=LABELS,
    message:
        "Assessing the integrity of the exports"
    script:
        "../scripts/assess_quality.py"


rule merge_cohort:
    """Join the exports, keep one tumor per patient, and add up the counts."""
    input:
        records=collect("<results>/private/recoded/{export}.parquet", export=EXPORTS),
        attrition=collect(
            "<results>/private/attrition/{export}.parquet", export=EXPORTS
        ),
        exports=collect("<registry>/{export}.parquet", export=EXPORTS),
        quality="<results>/private/data_quality.tsv",
    output:
        cohort="<results>/private/cohort.parquet",
        eligible="<results>/private/eligible.parquet",
        attrition="<results>/private/attrition.parquet",
    log:
        "<logs>/merge_cohort.log",
    benchmark:
        "<benchmarks>/merge_cohort.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(4),
        runtime=minutes(15),
    params:
        code=code_of("merge_cohort"),
        cohort=section("cohort"),
        recode=section("recode"),
        labels=LABELS,
    message:
        "Merging the exports into one cohort"
    script:
        "../scripts/merge_cohort.py"
