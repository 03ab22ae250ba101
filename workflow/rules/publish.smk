"""The border between private and public results.

Needs the private tables of all steps. Makes everything in `<results>/` that holds numbers of
patients; where small counts are masked, this is done here and nowhere else. Figures, report, Word
and methods read public files only. `resources/public_files.tsv` lists them: a file that is not on
that list is private.
"""

# Each release has to hold beside those before it, whose records it therefore needs.
RELEASE = "<results>/private/release"
MAY_MASK = config["disclosure"]["minimum_count"] not in (0, 1)

# The step of the attrition at which those go who lack a covariate.
LACKING_AT = {}
for step, criterion in enumerate(config["cohort"]["criteria"], start=1):
    for covariate in set(criterion["keep"]) & set(config["matching"]["covariates"]):
        LACKING_AT.setdefault(covariate, step)

# Months of which estimates are printed; of which the groups are compared, first.
PUBLISHED_MONTHS = list(
    dict.fromkeys(
        [
            *config["interpretation"]["months"],
            *(
                month
                for claim in config["study"]["claims"]
                for month in claim["months"]
            ),
            *config["figures"]["follow_up_marks"],
        ]
    )
)


rule publish_cohort:
    """Attrition, Tables 1 and 2, balance, overlap of the scores, and integrity of the exports."""
    input:
        attrition="<results>/private/attrition.parquet",
        comparison="<results>/private/group_comparison.parquet",
        balance="<results>/private/balance.parquet",
        score_overlap="<results>/private/score_overlap.parquet",
        separated_cells="<results>/private/separated_cells.parquet",
        quality=collect("<results>/private/quality/{export}.parquet", export=EXPORTS),
        exports=collect("<registry>/{export}.parquet", export=EXPORTS),
    output:
        attrition=shown("<results>/attrition.tsv", "Cohort", "Attrition"),
        table1=shown(
            "<results>/table1.tsv",
            "Tables",
            "Table 1, characteristics before matching",
        ),
        table2=shown(
            "<results>/table2.tsv", "Tables", "Table 2, characteristics after matching"
        ),
        balance=shown("<results>/balance.tsv", "Matching", "Balance"),
        score_overlap=shown(
            "<results>/score_overlap.tsv",
            "Matching",
            "Overlap of the scores, table",
            caption="score_overlap_table",
        ),
        quality=shown(
            "<results>/data_quality.tsv", "Cohort", "Integrity of the exports, table"
        ),
        quality_page=shown(
            "<results>/data_quality.html", "Cohort", "Integrity of the exports"
        ),
        separated_cells=shown(
            "<results>/separated_cells.tsv", "Matching", "Cells of one group only"
        ),
        disclosure=shown("<results>/disclosure.tsv", "Report", "What is masked"),
        readme="<results>/README.txt",
        record=f"{RELEASE}/cohort.json",
    log:
        "<logs>/publish_cohort.log",
    benchmark:
        "<benchmarks>/publish_cohort.tsv"
    priority: 2  # the figures wait for it
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(10),
    params:
        code=code_of("publish_cohort"),
        identities=IDENTITIES,
        cohort=section("cohort"),
        data_quality=section("data_quality"),
        disclosure=section("disclosure"),
        labels=LABELS,
        ratio=config["matching"]["ratio"],
        recode=section("recode"),
    message:
        "Publishing what describes the cohort"
    script:
        "../scripts/publish_cohort.py"


rule publish_outcomes:
    """Follow-up, curves, tests between the groups, models, and Tables 3 and 4."""
    input:
        followup="<results>/private/followup.parquet",
        event_counts="<results>/private/event_counts.parquet",
        kaplan_meier="<results>/private/survival/kaplan_meier.parquet",
        logrank="<results>/private/survival/logrank.parquet",
        cox="<results>/private/survival/cox.parquet",
        cox_contrasts="<results>/private/survival/finite_contrasts.parquet",
        incidence="<results>/private/competing_risks/incidence.parquet",
        gray="<results>/private/competing_risks/gray.parquet",
        fine_gray="<results>/private/competing_risks/fine_gray.parquet",
        fine_gray_contrasts="<results>/private/competing_risks/finite_contrasts.parquet",
        exports=collect("<registry>/{export}.parquet", export=EXPORTS),
        before=f"{RELEASE}/cohort.json" if MAY_MASK else [],
    output:
        followup=shown("<results>/followup.tsv", "Survival", "Follow-up"),
        survival=shown("<results>/survival.tsv", "Survival", "Kaplan–Meier estimates"),
        logrank=shown(
            "<results>/survival/logrank.tsv", "Survival", "Test of overall survival"
        ),
        incidence=shown(
            "<results>/incidence.tsv", "Competing risks", "Cumulative incidence, table"
        ),
        gray=shown(
            "<results>/competing_risks/gray.tsv",
            "Competing risks",
            "Test of cumulative incidence",
        ),
        models=shown("<results>/models.tsv", "Survival", "All models"),
        contrasts=shown(
            "<results>/finite_contrasts.tsv",
            "Survival",
            "Finite comparisons of separated levels",
        ),
        table3=shown(
            "<results>/table3.tsv", "Tables", "Table 3, overall survival (Cox)"
        ),
        table4=shown(
            "<results>/table4.tsv",
            "Tables",
            f"Table 4, {CANCER} mortality (Fine–Gray)",
        ),
        record=f"{RELEASE}/outcomes.json",
    log:
        "<logs>/publish_outcomes.log",
    benchmark:
        "<benchmarks>/publish_outcomes.tsv"
    priority: 2  # the figures wait for it
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(10),
    params:
        code=code_of("publish_outcomes"),
        identities=IDENTITIES,
        variables=VARIABLES,
        covariates=config["matching"]["covariates"],
        disclosure=section("disclosure"),
        labels=LABELS,
        marks=PUBLISHED_MONTHS,
    message:
        "Publishing the outcomes"
    script:
        "../scripts/publish_outcomes.py"


rule publish_sensitivity:
    """Stability, sensitivity, interpretation, excluded patients, claims, and checks of the models."""
    input:
        stability="<results>/private/matching_stability.parquet",
        sensitivity="<results>/private/sensitivity.parquet",
        populations="<results>/private/populations.parquet",
        interpretation="<results>/private/interpretation.parquet",
        included="<results>/private/included_excluded.parquet",
        claims="<results>/private/claims.parquet" if config["study"]["claims"] else [],
        incidence_cross_check="<results>/private/competing_risks/incidence_cross_check.parquet",
        proportional_hazards="<results>/private/survival/proportional_hazards.parquet",
        schoenfeld="<results>/private/survival/schoenfeld_residuals.parquet",
        exports=collect("<registry>/{export}.parquet", export=EXPORTS),
        before=(
            collect(f"{RELEASE}/{{name}}.json", name=["cohort", "outcomes"])
            if MAY_MASK
            else []
        ),
    output:
        stability=shown(
            "<results>/matching_stability.tsv",
            "Sensitivity",
            "Stability of the match, per seed",
        ),
        sensitivity=shown(
            "<results>/sensitivity.tsv", "Sensitivity", "Sensitivity analyses"
        ),
        interpretation=shown(
            "<results>/interpretation.tsv", "Sensitivity", "Interpretation"
        ),
        included=shown(
            "<results>/included_excluded.tsv",
            "Sensitivity",
            "Included and excluded patients",
        ),
        claims=(
            shown("<results>/claims.tsv", "Sensitivity", "Claims put to the data")
            if config["study"]["claims"]
            else []
        ),
        incidence_cross_check=shown(
            "<results>/competing_risks/incidence_cross_check.tsv",
            "Competing risks",
            "Cumulative incidence beside scikit-survival's",
        ),
        proportional_hazards=shown(
            "<results>/survival/proportional_hazards.tsv",
            "Survival",
            "Proportional hazards",
        ),
        schoenfeld=shown(
            "<results>/survival/schoenfeld_residuals.tsv",
            "Survival",
            "Schoenfeld residuals, table",
            caption="schoenfeld_table",
        ),
        record=f"{RELEASE}/sensitivity.json",
    log:
        "<logs>/publish_sensitivity.log",
    benchmark:
        "<benchmarks>/publish_sensitivity.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(10),
    params:
        code=code_of("publish_sensitivity"),
        identities=IDENTITIES,
        disclosure=section("disclosure"),
        lacking_at=sorted_keys(LACKING_AT),
    message:
        "Publishing what the result depends on"
    script:
        "../scripts/publish_sensitivity.py"
