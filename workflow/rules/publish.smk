"""The border between private and public results.

Needs the private tables of all steps. Makes everything in `<results>/` that holds numbers of
patients; where small counts are masked, this is done here and nowhere else. Figures, report, Word
and methods read public files only. `resources/public_files.tsv` lists them: a file that is not on
that list is private.
"""

# Each release has to hold beside those before it, whose records it therefore needs.
RELEASE = "<results>/private/release"
MAY_MASK = config["disclosure"]["minimum_count"] not in (0, 1)


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
        attrition=report(
            "<results>/attrition.tsv",
            caption="../report/attrition.rst",
            category="Cohort",
            labels={"item": "Attrition"},
        ),
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
        score_overlap=report(
            "<results>/score_overlap.tsv",
            caption="../report/score_overlap_table.rst",
            category="Matching",
            labels={"item": "Overlap of the scores, table"},
        ),
        quality=report(
            "<results>/data_quality.tsv",
            caption="../report/data_quality.rst",
            category="Cohort",
            labels={"item": "Integrity of the exports, table"},
        ),
        quality_page=report(
            "<results>/data_quality.html",
            caption="../report/data_quality.rst",
            category="Cohort",
            labels={"item": "Integrity of the exports"},
        ),
        separated_cells=report(
            "<results>/separated_cells.tsv",
            caption="../report/separated_cells.rst",
            category="Matching",
            labels={"item": "Cells of one group only"},
        ),
        disclosure=report(
            "<results>/disclosure.tsv",
            caption="../report/disclosure.rst",
            category="Report",
            labels={"item": "What is masked"},
        ),
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
        followup=report(
            "<results>/followup.tsv",
            caption="../report/followup.rst",
            category="Survival",
            labels={"item": "Follow-up"},
        ),
        survival=report(
            "<results>/survival.tsv",
            caption="../report/survival.rst",
            category="Survival",
            labels={"item": "Kaplan–Meier estimates"},
        ),
        logrank=report(
            "<results>/survival/logrank.tsv",
            caption="../report/logrank.rst",
            category="Survival",
            labels={"item": "Test of overall survival"},
        ),
        incidence=report(
            "<results>/incidence.tsv",
            caption="../report/incidence.rst",
            category="Competing risks",
            labels={"item": "Cumulative incidence, table"},
        ),
        gray=report(
            "<results>/competing_risks/gray.tsv",
            caption="../report/gray.rst",
            category="Competing risks",
            labels={"item": "Test of cumulative incidence"},
        ),
        models=report(
            "<results>/models.tsv",
            caption="../report/models.rst",
            category="Survival",
            labels={"item": "All models"},
        ),
        contrasts=report(
            "<results>/finite_contrasts.tsv",
            caption="../report/finite_contrasts.rst",
            category="Survival",
            labels={"item": "Finite comparisons of separated levels"},
        ),
        table3=report(
            "<results>/table3.tsv",
            caption="../report/table3.rst",
            category="Tables",
            labels={"item": "Table 3, overall survival (Cox)"},
        ),
        table4=report(
            "<results>/table4.tsv",
            caption="../report/table4.rst",
            category="Tables",
            labels={"item": "Table 4, breast cancer mortality (Fine–Gray)"},
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
        stability=report(
            "<results>/matching_stability.tsv",
            caption="../report/matching_stability.rst",
            category="Sensitivity",
            labels={"item": "Stability of the match, per seed"},
        ),
        sensitivity=report(
            "<results>/sensitivity.tsv",
            caption="../report/sensitivity.rst",
            category="Sensitivity",
            labels={"item": "Sensitivity analyses"},
        ),
        interpretation=report(
            "<results>/interpretation.tsv",
            caption="../report/interpretation.rst",
            category="Sensitivity",
            labels={"item": "Interpretation"},
        ),
        included=report(
            "<results>/included_excluded.tsv",
            caption="../report/included_excluded.rst",
            category="Sensitivity",
            labels={"item": "Included and excluded patients"},
        ),
        claims=(
            report(
                "<results>/claims.tsv",
                caption="../report/claims.rst",
                category="Sensitivity",
                labels={"item": "Claims put to the data"},
            )
            if config["study"]["claims"]
            else []
        ),
        incidence_cross_check=report(
            "<results>/competing_risks/incidence_cross_check.tsv",
            caption="../report/incidence_cross_check.rst",
            category="Competing risks",
            labels={"item": "Cumulative incidence beside scikit-survival's"},
        ),
        proportional_hazards=report(
            "<results>/survival/proportional_hazards.tsv",
            caption="../report/proportional_hazards.rst",
            category="Survival",
            labels={"item": "Proportional hazards"},
        ),
        schoenfeld=report(
            "<results>/survival/schoenfeld_residuals.tsv",
            caption="../report/schoenfeld_table.rst",
            category="Survival",
            labels={"item": "Schoenfeld residuals, table"},
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
        disclosure=section("disclosure"),
        lacking_at=sorted_keys(LACKING_AT),
    message:
        "Publishing what the result depends on"
    script:
        "../scripts/publish_sensitivity.py"
