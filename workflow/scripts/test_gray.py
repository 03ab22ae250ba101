"""Gray's test between the groups, for both causes of death."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.gray import gray_test

    matched = read_table(snakemake.input[0])
    event = matched["event"].cat.codes
    rows = []
    for code, cause in enumerate(matched["event"].cat.categories[1:], start=1):
        test = gray_test(matched["time"], event, matched["group"], cause=code)
        rows.append((cause, test.statistic, test.df, test.p_value))
    table = pd.DataFrame(rows, columns=["cause", "statistic", "df", "p_value"])
    write_table(table, snakemake.output[0])
    tell("Gray's test: " + ", ".join(f"p = {row[3]:.3f} ({row[0]})" for row in rows))
