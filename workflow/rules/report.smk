"""Figures and the report.

Needs the results of all steps. Makes Figures 1–4, those that check models and match, and one
self-contained page.
"""

FIGURES = {
    1: "flow of patients",
    2: "balance before and after matching",
    3: "overall survival",
    4: "cumulative incidence",
}
DIAGNOSTICS = [
    "score_overlap",
    "forest_cox",
    "log_log_survival",
    "schoenfeld_residuals",
    "forest_fine_gray",
]


rule draw_figures:
    """Figures 1–4: flow chart, love plot, Kaplan–Meier and cumulative incidence curves."""
    input:
        attrition="<results>/attrition.tsv",
        balance="<results>/balance.tsv",
        disclosure="<results>/disclosure.tsv",
        followup="<results>/followup.tsv",
        survival="<results>/survival.tsv",
        logrank="<results>/survival/logrank.tsv",
        incidence="<results>/incidence.tsv",
        gray="<results>/competing_risks/gray.tsv",
    output:
        figure1=shown(
            "<results>/figures/figure1.svg", "Figures", "Figure 1, flow of patients"
        ),
        figure2=shown("<results>/figures/figure2.svg", "Figures", "Figure 2, balance"),
        figure3=shown(
            "<results>/figures/figure3.svg", "Figures", "Figure 3, overall survival"
        ),
        figure4=shown(
            "<results>/figures/figure4.svg",
            "Figures",
            "Figure 4, cumulative incidence",
        ),
        prints=collect("<results>/figures/figure{number}.png", number=FIGURES),
    log:
        "<logs>/draw_figures.log",
    benchmark:
        "<benchmarks>/draw_figures.tsv"
    priority: 1  # the last of the study
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("draw_figures"),
        cancer=CANCER,
        variables=VARIABLES,
        balance=section("balance"),
        labels=LABELS,
        figures=section("figures"),
    message:
        "Drawing Figures 1–4"
    script:
        "../scripts/draw_figures.py"


use rule draw_figures as print_figures with:
    output:
        collect("<results>/figures/figure{number}.pdf", number=FIGURES),
    log:
        "<logs>/print_figures.log",
    benchmark:
        "<benchmarks>/print_figures.tsv"
    message:
        "Drawing Figures 1–4 for print"


rule draw_diagnostics:
    """Forest plots, overlap of the scores, log-log survival and Schoenfeld residuals."""
    input:
        disclosure="<results>/disclosure.tsv",
        models="<results>/models.tsv",
        residuals="<results>/survival/schoenfeld_residuals.tsv",
        score_overlap="<results>/score_overlap.tsv",
        survival="<results>/survival.tsv",
        table1="<results>/table1.tsv",
        tests="<results>/survival/proportional_hazards.tsv",
    output:
        score_overlap=shown(
            "<results>/figures/score_overlap.svg", "Matching", "Overlap of the scores"
        ),
        forest_cox=shown(
            "<results>/figures/forest_cox.svg",
            "Figures",
            "Forest plot of Table 3, overall survival",
        ),
        log_log_survival=shown(
            "<results>/figures/log_log_survival.svg", "Survival", "Log-log survival"
        ),
        schoenfeld_residuals=shown(
            "<results>/figures/schoenfeld_residuals.svg",
            "Survival",
            "Schoenfeld residuals",
        ),
        forest_fine_gray=shown(
            "<results>/figures/forest_fine_gray.svg",
            "Figures",
            f"Forest plot of Table 4, {CANCER} mortality",
        ),
        prints=collect(
            "<results>/figures/{figure}.{kind}",
            figure=DIAGNOSTICS,
            kind=["pdf", "png"],
        ),
    log:
        "<logs>/draw_diagnostics.log",
    benchmark:
        "<benchmarks>/draw_diagnostics.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("draw_diagnostics"),
        variables=VARIABLES,
        covariates=config["matching"]["covariates"],
        labels=LABELS,
        link=config["matching"]["link"],
        widths=sorted_keys(config["figures"]["widths"]),
    message:
        "Drawing the figures that check models and match"
    script:
        "../scripts/draw_diagnostics.py"


rule study:
    input:
        collect("<results>/table{number}.tsv", number=[1, 2, 3, 4]),
        collect(
            "<results>/figures/figure{number}.{suffix}",
            number=FIGURES,
            suffix=["svg", "png"],
        ),


rule write_provenance:
    """What was run, on which exports, with which versions."""
    input:
        collect("<registry>/{export}.parquet", export=EXPORTS),
    output:
        shown("<results>/provenance.json", "Report", "What was run"),
    log:
        "<logs>/write_provenance.log",
    benchmark:
        "<benchmarks>/write_provenance.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("write_provenance"),
        cancer=CANCER,
        variables=VARIABLES,
        config=sorted_keys({key: config[key] for key in config if key != "pathvars"}),
    message:
        "Recording what was run"
    script:
        "../scripts/write_provenance.py"


rule render_report:
    """One self-contained page: what was found, what was run, and on which data."""
    input:
        attrition="<results>/attrition.tsv",
        balance="<results>/balance.tsv",
        contrasts="<results>/finite_contrasts.tsv",
        disclosure="<results>/disclosure.tsv",
        flow_chart="<results>/figures/figure1.svg",
        love_plot="<results>/figures/figure2.svg",
        survival="<results>/survival.tsv",
        survival_curves="<results>/figures/figure3.svg",
        incidence_curves="<results>/figures/figure4.svg",
        followup="<results>/followup.tsv",
        gray="<results>/competing_risks/gray.tsv",
        incidence="<results>/incidence.tsv",
        logrank="<results>/survival/logrank.tsv",
        models="<results>/models.tsv",
        provenance="<results>/provenance.json",
        table1="<results>/table1.tsv",
        table2="<results>/table2.tsv",
        table3="<results>/table3.tsv",
        table4="<results>/table4.tsv",
        sensitivity="<results>/sensitivity.tsv",
        specification="<results>/figures/specification_curve.svg",
        score_overlap="<results>/figures/score_overlap.svg",
        forest_cox="<results>/figures/forest_cox.svg",
        log_log_survival="<results>/figures/log_log_survival.svg",
        schoenfeld_residuals="<results>/figures/schoenfeld_residuals.svg",
        forest_fine_gray="<results>/figures/forest_fine_gray.svg",
        proportional_hazards="<results>/survival/proportional_hazards.tsv",
        stability="<results>/matching_stability.tsv",
        stability_figure="<results>/figures/matching_stability.svg",
        interpretation="<results>/interpretation.tsv",
        claims="<results>/claims.tsv" if config["study"]["claims"] else [],
        included="<results>/included_excluded.tsv",
        quality="<results>/data_quality.tsv",
        separated_cells="<results>/separated_cells.tsv",
        paper_audit="<results>/paper_audit.tsv" if config["paper"]["folder"] else [],
        paper_comparison=(
            "<results>/paper_comparison.tsv" if config["paper"]["folder"] else []
        ),
    output:
        page=shown("<results>/report.html", "Report", "Study report"),
        warnings="<results>/warnings.txt",
    log:
        "<logs>/render_report.log",
    benchmark:
        "<benchmarks>/render_report.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("render_report"),
        labels=LABELS,
    message:
        "Writing the report"
    script:
        "../scripts/render_report.py"


rule write_word_tables:
    """Tables 1–4 and the supplementary tables as a Word document, from the published files only."""
    input:
        attrition="<results>/attrition.tsv",
        balance="<results>/balance.tsv",
        disclosure="<results>/disclosure.tsv",
        followup="<results>/followup.tsv",
        provenance="<results>/provenance.json",
        sensitivity="<results>/sensitivity.tsv",
        stability="<results>/matching_stability.tsv",
        table1="<results>/table1.tsv",
        table2="<results>/table2.tsv",
        table3="<results>/table3.tsv",
        table4="<results>/table4.tsv",
    output:
        shown("<results>/tables.docx", "Report", "All tables as a Word document"),
    log:
        "<logs>/write_word_tables.log",
    benchmark:
        "<benchmarks>/write_word_tables.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("write_word_tables"),
        labels=LABELS,
    message:
        "Writing the tables as a Word document"
    script:
        "../scripts/write_word_tables.py"


rule write_methods:
    """The methods section in words, from the configuration and what was used, and checklists."""
    input:
        attrition="<results>/attrition.tsv",
        disclosure="<results>/disclosure.tsv",
        followup="<results>/followup.tsv",
        models="<results>/models.tsv",
        provenance="<results>/provenance.json",
        separated_cells="<results>/separated_cells.tsv",
        sensitivity="<results>/sensitivity.tsv",
        table1="<results>/table1.tsv",
        table2="<results>/table2.tsv",
    output:
        shown("<results>/methods.md", "Report", "Methods and reporting checklists"),
    log:
        "<logs>/write_methods.log",
    benchmark:
        "<benchmarks>/write_methods.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("write_methods"),
        labels=LABELS,
    message:
        "Writing the methods section"
    script:
        "../scripts/write_methods.py"
