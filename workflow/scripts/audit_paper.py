"""What the printed tables of the paper say when they are recomputed."""

from io import StringIO

from study_io import job, read_printed_table, write_table

with job(snakemake) as tell:
    from seermatch.paper.audit import audit_tables
    from seermatch.variables.printed import printed_variables

    tables = {
        name: read_printed_table(StringIO(text)) for name, text in snakemake.params.paper.items()
    }
    audit = audit_tables(**tables, variables=printed_variables(snakemake.params.variables))
    write_table(audit, snakemake.output[0])
    counts = audit["verdict"].value_counts()
    found = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("inconsistent", "weakness"))
    tell(f"audited the paper's tables: {len(audit)} checks, {found}")
