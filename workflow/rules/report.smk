"""Figures and the report.

Needs the results of all steps. Makes Figures 1–4 and one self-contained page.
"""

FIGURES = {
    1: "flow of patients",
    2: "balance before and after matching",
    3: "overall survival",
    4: "cumulative incidence",
}


rule draw_figures:
    """Figures 1–4: flow chart, love plot, Kaplan–Meier and cumulative incidence curves."""
    input:
        attrition="<results>/attrition.tsv",
        matched="<results>/matched.parquet",
        balance="<results>/balance.tsv",
        kaplan_meier="<results>/survival/kaplan_meier.parquet",
        logrank="<results>/survival/logrank.tsv",
        incidence="<results>/competing_risks/incidence.parquet",
        gray="<results>/competing_risks/gray.tsv",
    output:
        figure1=report(
            "<results>/figures/figure1.svg",
            caption="../report/figure1.rst",
            category="Figures",
            labels={"item": "Figure 1, flow of patients"},
        ),
        figure2=report(
            "<results>/figures/figure2.svg",
            caption="../report/figure2.rst",
            category="Figures",
            labels={"item": "Figure 2, balance"},
        ),
        figure3=report(
            "<results>/figures/figure3.svg",
            caption="../report/figure3.rst",
            category="Figures",
            labels={"item": "Figure 3, overall survival"},
        ),
        figure4=report(
            "<results>/figures/figure4.svg",
            caption="../report/figure4.rst",
            category="Figures",
            labels={"item": "Figure 4, cumulative incidence"},
        ),
        prints=collect("<results>/figures/figure{number}.png", number=FIGURES),
    log:
        "<logs>/draw_figures.log",
    benchmark:
        "<benchmarks>/draw_figures.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem="2GB",
        runtime="10m",
    params:
        code=code_of("draw_figures"),
        balance=section("balance"),
        disclosure=section("disclosure"),
        labels=LABELS,
        figures=section("figures"),
    message:
        "Drawing Figures 1–4"
    script:
        "../scripts/draw_figures.py"


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
        "<results>/provenance.json",
    log:
        "<logs>/write_provenance.log",
    benchmark:
        "<benchmarks>/write_provenance.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="5m",
    params:
        code=code_of("write_provenance"),
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
        cox="<results>/survival/cox.parquet",
        fine_gray="<results>/competing_risks/fine_gray.parquet",
        flow_chart="<results>/figures/figure1.svg",
        love_plot="<results>/figures/figure2.svg",
        survival="<results>/figures/figure3.svg",
        incidence_curves="<results>/figures/figure4.svg",
        followup="<results>/followup.tsv",
        gray="<results>/competing_risks/gray.tsv",
        incidence="<results>/competing_risks/incidence.parquet",
        kaplan_meier="<results>/survival/kaplan_meier.parquet",
        logrank="<results>/survival/logrank.tsv",
        matched="<results>/matched.parquet",
        provenance="<results>/provenance.json",
        table1="<results>/table1.tsv",
        table2="<results>/table2.tsv",
        table3="<results>/table3.tsv",
        table4="<results>/table4.tsv",
        sensitivity="<results>/sensitivity.tsv",
        specification="<results>/figures/specification_curve.svg",
        stability="<results>/matching_stability.tsv",
        stability_figure="<results>/figures/matching_stability.svg",
        interpretation="<results>/interpretation.tsv",
        included="<results>/included_excluded.tsv",
        quality="<results>/data_quality.tsv",
        paper_audit="<results>/paper_audit.tsv" if config["paper"]["folder"] else [],
        paper_comparison=(
            "<results>/paper_comparison.tsv" if config["paper"]["folder"] else []
        ),
    output:
        page=report(
            "<results>/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"item": "Study report"},
        ),
        warnings="<results>/warnings.txt",
    log:
        "<logs>/render_report.log",
    benchmark:
        "<benchmarks>/render_report.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem="2GB",
        runtime="10m",
    params:
        code=code_of("render_report"),
        labels=LABELS,
    message:
        "Writing the report"
    script:
        "../scripts/render_report.py"


onsuccess:
    print(closing_words(), file=sys.stderr)
