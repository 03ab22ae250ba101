"""Follow-up, Kaplan–Meier estimates and the log-rank test."""

from study_io import job, read_table, with_group_labels, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.analysis.follow_up import follow_up
    from seermatch.analysis.group_tests import compare_survival
    from seermatch.analysis.outcomes import survival_curves, tests_table
    from seermatch.disclosure.event_counts import count_events
    from seermatch.wording.numbers import state_p

    params = snakemake.params
    matched = read_table(snakemake.input.matched)
    cohort = read_table(snakemake.input.cohort, ["group", "time", "event", *params.covariates])
    populations = {
        name: with_group_labels(frame, params.labels)
        for name, frame in (("cohort", cohort), ("matched", matched))
    }
    followup = pd.concat(
        [follow_up(frame, name) for name, frame in populations.items()], ignore_index=True
    )
    write_table(followup, snakemake.output.followup)
    events = count_events(cohort, matched, params.covariates)
    write_table(events, snakemake.output.event_counts)

    curves = survival_curves(matched, params.labels, params.survival["interval"])
    write_table(curves, snakemake.output.kaplan_meier)

    test = compare_survival(matched)
    write_table(tests_table([test]), snakemake.output.logrank)
    deaths = (matched["event"] != "censored").sum()
    tell(f"{deaths:,} deaths in {len(matched):,} patients; {test.name} {state_p(test.p_value)}")
