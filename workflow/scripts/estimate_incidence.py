"""Cumulative incidence of both causes of death in both groups, and Gray's test."""

from dataclasses import asdict

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.analysis.group_tests import compare_incidence
    from seermatch.matching.matched_sets import has_complete_sets
    from seermatch.survival.incidence import incidence_by_group
    from seermatch.wording.numbers import state_p

    matched = read_table(snakemake.input[0])
    incidence = incidence_by_group(
        matched["time"],
        matched["event"].cat.codes,
        matched["group"],
        dict(enumerate(snakemake.params.labels)),
        weights=None if has_complete_sets(matched) else matched["weight"],
    )
    write_table(incidence, snakemake.output.incidence)
    last = incidence.groupby(["cause", "group"], observed=True).last().reset_index()
    shares = (f"{row.group} {100 * row.incidence:.1f} % ({row.cause})" for row in last.itertuples())
    tell(f"cumulative incidence at the end of follow-up: {', '.join(shares)}")

    causes = matched["event"].cat.categories[1:]
    tests = [compare_incidence(matched, code) for code, _ in enumerate(causes, start=1)]
    table = pd.DataFrame([asdict(test) for test in tests])
    table.insert(0, "cause", causes)
    write_table(table, snakemake.output.gray)
    rows = table.itertuples()
    tell("; ".join(f"{row.cause}: {row.test} {state_p(row.p_value)}" for row in rows))
