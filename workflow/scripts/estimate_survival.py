"""Follow-up, Kaplan–Meier estimates and the log-rank test."""

from study_io import job, read_table, with_group_labels, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.kaplan_meier import follow_up, kaplan_meier, logrank_test

    params = snakemake.params
    populations = {
        name: with_group_labels(read_table(snakemake.input[name]), params.labels)
        for name in ("cohort", "matched")
    }
    followup = pd.concat([follow_up(frame, name) for name, frame in populations.items()])
    write_table(followup, snakemake.output.followup)

    matched = populations["matched"]
    died = (matched["event"] != "censored").to_numpy()
    curves = []
    for label, group in matched.groupby("group", observed=True):
        curve = kaplan_meier(
            group["time"].to_numpy(),
            (group["event"] != "censored").to_numpy(),
            group["weight"].to_numpy(),
            interval=params.survival["interval"],
        )
        curve.insert(0, "group", label)
        curves.append(curve)
    write_table(pd.concat(curves, ignore_index=True), snakemake.output.kaplan_meier)

    test = logrank_test(matched["time"].to_numpy(), died, matched["group"].to_numpy())
    columns = {"statistic": [test.statistic], "df": [test.df], "p_value": [test.p_value]}
    write_table(pd.DataFrame(columns), snakemake.output.logrank)
    tell(f"{died.sum():,} deaths in {len(matched):,} patients; log-rank p = {test.p_value:.3f}")
