"""The paper that the study follows: its printed tables recomputed, and beside those of the run.

Needs the printed tables that `paper.folder` names, and Tables 1–4 of the run. Makes the audit and
the comparison.
"""


rule audit_paper:
    """What the printed tables of the paper say when they are recomputed."""
    output:
        shown("<results>/paper_audit.tsv", "Audit", "Printed tables, recomputed"),
    log:
        "<logs>/audit_paper.log",
    benchmark:
        "<benchmarks>/audit_paper.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("audit_paper"),
        variables=VARIABLES,
        paper=paper_tables_and_text,
    message:
        "Recomputing the printed tables of the paper"
    script:
        "../scripts/audit_paper.py"


rule compare_with_paper:
    """Each printed cell of the paper's Tables 1–4 beside that of this run."""
    input:
        table1="<results>/table1.tsv",
        table2="<results>/table2.tsv",
        table3="<results>/table3.tsv",
        table4="<results>/table4.tsv",
        provenance="<results>/provenance.json",
    output:
        shown(
            "<results>/paper_comparison.tsv",
            "Audit",
            "Printed tables beside this run's",
        ),
    log:
        "<logs>/compare_with_paper.log",
    benchmark:
        "<benchmarks>/compare_with_paper.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(5),
    params:
        code=code_of("compare_with_paper"),
        paper=paper_tables,
        synthetic=section("synthetic"),
    message:
        "Comparing the tables with the paper's"
    script:
        "../scripts/compare_with_paper.py"


rule audit:
    input:
        rules.audit_paper.output,
        rules.compare_with_paper.output,
