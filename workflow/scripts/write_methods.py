"""The methods section in words, and the reporting checklists."""

from study_io import (
    SYNTHETIC_BANNER,
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

ROWS = ("attrition", "followup", "sensitivity", "separated_cells")
ESTIMATORS = ("cox", "fine_gray")

with job(snakemake) as tell, released_counts(snakemake.input.disclosure):
    import pandas as pd
    from seermatch.methods.data import MethodsFacts, methods_sections
    from seermatch.methods.page import methods_page
    from seermatch.wording.numbers import rounded_counts

    source = snakemake.input
    provenance = read_provenance(source.provenance)
    config = provenance["config"]
    study = config["study"]
    models = read_table(source.models)
    tables = {name: read_table(source[name]) for name in ROWS}
    labels = tuple(snakemake.params.labels)
    table1 = read_printed_table(source.table1)
    facts = MethodsFacts(
        config=config,
        inputs=pd.DataFrame(provenance["exports"]),
        versions=provenance["versions"],
        labels=labels,
        synthetic=is_synthetic(provenance),
        **tables,
        **{name: models[models["estimator"] == name] for name in ESTIMATORS},
        table1=table1,
        table2=read_printed_table(source.table2),
        weighted=has_incomplete_sets(source.disclosure),
        reference_levels=reference_levels(table1),
        disclosure=read_rule(source.disclosure),
    )
    banner = SYNTHETIC_BANNER if facts.synthetic else ""
    with rounded_counts(facts.disclosure.width):
        sections = methods_sections(facts)
    write_bytes(
        methods_page(study["title"], study["question"], sections, banner), snakemake.output[0]
    )
    tell(f"the methods section is {snakemake.output[0]}")
