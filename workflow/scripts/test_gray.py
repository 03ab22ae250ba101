"""Gray's test between the groups, for both causes of death."""

from dataclasses import asdict

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.formatting import state_p
    from seermatch.gray import compare_incidence
    from seermatch.matched_sets import test_names

    matched = read_table(snakemake.input[0])
    causes = matched["event"].cat.categories[1:]
    tests = [compare_incidence(matched, code) for code, _ in enumerate(causes, start=1)]
    table = pd.DataFrame([asdict(test) for test in tests])
    table.insert(0, "cause", causes)
    write_table(table, snakemake.output[0])
    _, name = test_names(matched)
    told = ", ".join(f"{state_p(row.p_value)} ({row.cause})" for row in table.itertuples())
    tell(f"{name}: {told}")
