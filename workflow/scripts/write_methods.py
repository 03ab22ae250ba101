"""The methods section in words, and the reporting checklists."""

from study_io import (
    SYNTHETIC_BANNER,
    is_synthetic,
    job,
    read_printed_table,
    read_provenance,
    read_table,
    reference_levels,
    write_bytes,
)

ROWS = ("attrition", "followup", "sensitivity", "cox", "fine_gray")

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.matched_sets import has_complete_sets
    from seermatch.methods_page import methods_page
    from seermatch.methods_text import MethodsFacts, methods_sections

    source = snakemake.input
    provenance = read_provenance(source.provenance)
    config = provenance["config"]
    study = config["study"]
    matched = read_table(source.matched)
    facts = MethodsFacts(
        config=config,
        inputs=pd.DataFrame(provenance["exports"]),
        versions=provenance["versions"],
        labels=tuple(snakemake.params.labels),
        synthetic=is_synthetic(provenance),
        **{name: read_table(source[name]) for name in ROWS},
        table1=read_printed_table(source.table1),
        table2=read_printed_table(source.table2),
        weighted=not has_complete_sets(matched),
        reference_levels=reference_levels(matched),
    )
    banner = SYNTHETIC_BANNER if facts.synthetic else ""
    sections = methods_sections(facts)
    write_bytes(
        methods_page(study["title"], study["question"], sections, banner), snakemake.output[0]
    )
    tell(f"the methods section is {snakemake.output[0]}")
