"""Follow-up, Kaplan–Meier estimates and the log-rank test."""

from dataclasses import asdict

from study_io import job, read_table, with_group_labels, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.analysis.group_tests import compare_survival
    from seermatch.disclosure.event_counts import count_events
    from seermatch.survival.kaplan_meier import follow_up, kaplan_meier
    from seermatch.survival.without_events import limits_without_events
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

    curves = []
    for label, group in populations["matched"].groupby("group", observed=True):
        time, weights = group["time"].to_numpy(), group["weight"].to_numpy()
        died = (group["event"] != "censored").to_numpy()
        curve = kaplan_meier(time, died, weights, interval=params.survival["interval"])
        curve = limits_without_events(curve, "survival", time, weights)
        curve.insert(0, "group", label)
        curves.append(curve)
    write_table(pd.concat(curves, ignore_index=True), snakemake.output.kaplan_meier)

    test = compare_survival(matched)
    write_table(pd.DataFrame([asdict(test)]), snakemake.output.logrank)
    deaths = (matched["event"] != "censored").sum()
    tell(f"{deaths:,} deaths in {len(matched):,} patients; {test.test} {state_p(test.p_value)}")
