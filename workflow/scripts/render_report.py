"""One self-contained page: what was found, what was run, and on which data."""

from pathlib import Path

from study_io import (
    has_incomplete_sets,
    is_synthetic,
    job,
    read_printed_table,
    read_provenance,
    read_rule,
    read_table,
    reference_levels,
    released_counts,
    write_bytes,
)

TABLES = (
    *("attrition", "balance", "followup", "survival", "logrank", "incidence", "gray"),
    *("sensitivity", "stability", "interpretation", "proportional_hazards", "included"),
    "separated_cells",
)
DIAGNOSTICS = (
    *("score_overlap", "forest_cox", "log_log_survival", "schoenfeld_residuals"),
    "forest_fine_gray",
)
PAPER = ("paper_comparison", "paper_audit")
ESTIMATORS = ("cox", "fine_gray")
PRINTED_TABLES = ("table1", "table2", "table3", "table4")

with job(snakemake) as tell, released_counts(snakemake.input.disclosure):
    import pandas as pd
    from seermatch.disclosure.rule import disclosure_limits
    from seermatch.report.page import ReportContent, find_warnings, render_report
    from seermatch.wording.numbers import rounded_counts

    source = snakemake.input
    params = snakemake.params
    provenance = read_provenance(source.provenance)
    exports = provenance["exports"]
    rule = read_rule(source.disclosure)
    tables = {name: read_table(source[name]) for name in TABLES}
    for name, suffix in (("models", ""), ("contrasts", "_contrasts")):
        frame = read_table(source[name])
        for estimator in ESTIMATORS:
            tables[estimator + suffix] = frame[frame["estimator"] == estimator]
    paper = {name: read_table(source[name]) for name in PAPER if source.get(name)}
    printed = {name: read_printed_table(source[name]) for name in PRINTED_TABLES}
    study = provenance["config"]["study"]
    content = ReportContent(
        title=study["title"],
        question=study["question"],
        labels=tuple(params.labels),
        synthetic=is_synthetic(provenance),
        **tables,
        **paper,
        claims=read_printed_table(source.claims) if source.get("claims") else None,
        quality=read_table(source.quality),
        **printed,
        figures={
            "flow_chart": Path(source.flow_chart).read_bytes(),
            "love_plot": Path(source.love_plot).read_bytes(),
            "survival": Path(source.survival_curves).read_bytes(),
            "incidence": Path(source.incidence_curves).read_bytes(),
            "stability": Path(source.stability_figure).read_bytes(),
            "specification": Path(source.specification).read_bytes(),
            **{name: Path(source[name]).read_bytes() for name in DIAGNOSTICS},
        },
        marks=provenance["config"]["figures"]["follow_up_marks"],
        notes=[disclosure_limits(rule)] if rule.active else [],
        disclosure=rule,
        config=provenance["config"],
        inputs=pd.DataFrame(exports),
        versions=provenance["versions"],
        reference_levels=reference_levels(printed["table1"]),
        weighted=has_incomplete_sets(source.disclosure),
    )
    with rounded_counts(rule.width):
        page, warnings = render_report(content), find_warnings(content)
    write_bytes(page, snakemake.output.page)
    # Shown at the end of the run.
    write_bytes("".join(f"{line}\n" for line in warnings), snakemake.output.warnings)
    tell(f"the report is {snakemake.output.page}")
