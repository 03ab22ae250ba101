"""Cumulative incidence of both causes of death in both groups, and Gray's test."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    from seermatch.analysis.group_tests import compare_incidence
    from seermatch.analysis.outcomes import incidence_curves, tests_table
    from seermatch.wording.numbers import state_p

    matched = read_table(snakemake.input[0])
    incidence = incidence_curves(matched, snakemake.params.labels)
    write_table(incidence, snakemake.output.incidence)
    last = incidence.groupby(["cause", "group"], observed=True).last().reset_index()
    shares = (f"{row.group} {100 * row.incidence:.1f} % ({row.cause})" for row in last.itertuples())
    tell(f"cumulative incidence at the end of follow-up: {', '.join(shares)}")

    causes = matched["event"].cat.categories[1:]
    tests = [compare_incidence(matched, code) for code, _ in enumerate(causes, start=1)]
    table = tests_table(tests)
    table.insert(0, "cause", causes)
    write_table(table, snakemake.output.gray)
    rows = table.itertuples()
    tell("; ".join(f"{row.cause}: {row.test} {state_p(row.p_value)}" for row in rows))
