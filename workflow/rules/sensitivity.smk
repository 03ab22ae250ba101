"""How far the result depends on choices, and what it can show.

Needs the cohort, its score, the matched cohort, and all eligible patients. Makes the stability of
the match over tie seeds, the sensitivity table, the interpretation table, the patients who were
excluded for missing covariates beside those who were included and, where the configuration holds
claims of another source, the answers to them.
"""


rule assess_stability:
    """The match repeated under other seeds of the rule for ties."""
    input:
        cohort="<results>/private/cohort.parquet",
        propensity="<results>/private/propensity.parquet",
    output:
        "<results>/private/matching_stability.parquet",
    log:
        "<logs>/assess_stability.log",
    benchmark:
        "<benchmarks>/assess_stability.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(30),
    params:
        code=code_of("assess_stability"),
        cancer=CANCER,
        matching=section("matching"),
        stability=section("stability"),
    message:
        "Repeating the match under other tie seeds"
    script:
        "../scripts/assess_stability.py"


rule assess_sensitivity:
    """Other matches, scores, weights and models beside the main analysis."""
    input:
        cohort="<results>/private/cohort.parquet",
        eligible="<results>/private/eligible.parquet",
        propensity="<results>/private/propensity.parquet",
    output:
        table="<results>/private/sensitivity.parquet",
        populations="<results>/private/populations.parquet",
    log:
        "<logs>/assess_sensitivity.log",
    benchmark:
        "<benchmarks>/assess_sensitivity.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(4),
        runtime=minutes(30),
    params:
        code=code_of("assess_sensitivity"),
        caps={name: cap for name, cap in CAPS.items() if cap is not None},
        identities=IDENTITIES,
        matching=section("matching"),
        sensitivity={
            key: value
            for key, value in section("sensitivity").items()
            if key != "largest_size"
        },
        without=WITHOUT,
    message:
        "Repeating the analysis in other defensible ways"
    script:
        "../scripts/assess_sensitivity.py"


rule draw_sensitivity:
    """The hazard ratios over the tie seeds, and those of all analyses."""
    input:
        stability="<results>/matching_stability.tsv",
        sensitivity="<results>/sensitivity.tsv",
    output:
        stability=shown(
            "<results>/figures/matching_stability.svg",
            "Sensitivity",
            "Stability of the match, figure",
        ),
        specification=shown(
            "<results>/figures/specification_curve.svg",
            "Sensitivity",
            "Specification curve",
        ),
        prints=collect(
            "<results>/figures/{figure}.{kind}",
            figure=["matching_stability", "specification_curve"],
            kind=["pdf", "png"],
        ),
    log:
        "<logs>/draw_sensitivity.log",
    benchmark:
        "<benchmarks>/draw_sensitivity.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("draw_sensitivity"),
        cancer=CANCER,
        variables=VARIABLES,
        widths=sorted_keys(config["figures"]["widths"]),
    message:
        "Drawing the stability of the match and the specification curve"
    script:
        "../scripts/draw_sensitivity.py"


rule interpret_results:
    """What the matched cohort can and cannot show."""
    input:
        cohort="<results>/private/cohort.parquet",
        matched="<results>/private/matched.parquet",
    output:
        "<results>/private/interpretation.parquet",
    log:
        "<logs>/interpret_results.log",
    benchmark:
        "<benchmarks>/interpret_results.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("interpret_results"),
        labels=LABELS,
        interpretation=section("interpretation"),
    message:
        "Asking what the matched cohort can show"
    script:
        "../scripts/interpret_results.py"


rule compare_included:
    """Patients of the cohort beside those who were excluded for missing covariates."""
    input:
        eligible="<results>/private/eligible.parquet",
    output:
        "<results>/private/included_excluded.parquet",
    log:
        "<logs>/compare_included.log",
    benchmark:
        "<benchmarks>/compare_included.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("compare_included"),
        covariates=config["matching"]["covariates"],
        labels=LABELS,
    message:
        "Comparing included and excluded patients"
    script:
        "../scripts/compare_included.py"


if config["study"]["claims"]:

    rule answer_claims:
        """What another source claims, put to the matched patients as questions."""
        input:
            matched="<results>/private/matched.parquet",
            interpretation="<results>/private/interpretation.parquet",
            kaplan_meier="<results>/private/survival/kaplan_meier.parquet",
            incidence="<results>/private/competing_risks/incidence.parquet",
        output:
            "<results>/private/claims.parquet",
        log:
            "<logs>/answer_claims.log",
        benchmark:
            "<benchmarks>/answer_claims.tsv"
        conda:
            "../../envs/seermatch.yaml"
        threads: 1
        resources:
            mem=memory(2),
            runtime=minutes(10),
        params:
            code=code_of("answer_claims"),
            claims=sorted_keys(config["study"]["claims"]),
            labels=LABELS,
            margin=config["interpretation"]["equivalence_margin"],
        message:
            "Putting the claims of another source to the data"
        script:
            "../scripts/answer_claims.py"


rule stability:
    input:
        "<results>/matching_stability.tsv",
        rules.draw_sensitivity.output.stability,


rule sensitivity:
    input:
        collect(
            "<results>/{table}.tsv",
            table=["sensitivity", "interpretation", "included_excluded"],
        ),
        "<results>/claims.tsv" if config["study"]["claims"] else [],
        rules.draw_sensitivity.output.specification,
