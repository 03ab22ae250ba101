"""One self-contained page: what was found, what was run, and on which data."""

from pathlib import Path

from study_io import (
    is_synthetic,
    job,
    read_printed_table,
    read_provenance,
    read_table,
    reference_levels,
    write_bytes,
)

TABLES = (
    *("attrition", "balance", "followup", "logrank", "gray", "kaplan_meier", "cox", "incidence"),
    *("fine_gray", "sensitivity", "stability", "interpretation", "proportional_hazards"),
    "included",
    *("cox_contrasts", "fine_gray_contrasts"),
)
DIAGNOSTICS = (
    *("score_overlap", "forest_cox", "log_log_survival", "schoenfeld_residuals"),
    "forest_fine_gray",
)
PAPER = ("paper_comparison", "paper_audit")
PRINTED_TABLES = ("table1", "table2", "table3", "table4")

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.disclosure import disclosure_note
    from seermatch.disclosure_outcomes import mask_curves, mask_events
    from seermatch.matched_sets import has_complete_sets
    from seermatch.report import ReportContent, find_warnings, render_report

    source = snakemake.input
    params = snakemake.params
    provenance = read_provenance(source.provenance)
    exports = provenance["exports"]
    minimum = provenance["config"]["disclosure"]["minimum_count"]
    marks = provenance["config"]["figures"]["follow_up_marks"]
    tables = {name: read_table(source[name]) for name in TABLES}
    for name in ("kaplan_meier", "incidence"):
        tables[name] = mask_curves(tables[name], marks, minimum)
    for name in ("cox", "fine_gray"):
        tables[name] = mask_events(tables[name], tables["followup"])
    paper = {name: read_table(source[name]) for name in PAPER if source.get(name)}
    matched = read_table(source.matched)
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
        **{name: read_printed_table(source[name]) for name in PRINTED_TABLES},
        figures={
            "flow_chart": Path(source.flow_chart).read_bytes(),
            "love_plot": Path(source.love_plot).read_bytes(),
            "survival": Path(source.survival).read_bytes(),
            "incidence": Path(source.incidence_curves).read_bytes(),
            "stability": Path(source.stability_figure).read_bytes(),
            "specification": Path(source.specification).read_bytes(),
            **{name: Path(source[name]).read_bytes() for name in DIAGNOSTICS},
        },
        marks=marks,
        notes=[disclosure_note(minimum)] if minimum > 1 else [],
        config=provenance["config"],
        inputs=pd.DataFrame(exports),
        versions=provenance["versions"],
        reference_levels=reference_levels(matched),
        weighted=not has_complete_sets(matched),
    )
    write_bytes(render_report(content), snakemake.output.page)
    # Shown at the end of the run.
    write_bytes("".join(f"{line}\n" for line in find_warnings(content)), snakemake.output.warnings)
    tell(f"the report is {snakemake.output.page}")
