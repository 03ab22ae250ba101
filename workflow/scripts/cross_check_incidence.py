"""Set scikit-survival's cumulative incidence beside ours; they must agree."""

from study_io import job, read_table, write_table

with job(snakemake) as tell:
    import numpy as np
    import pandas as pd
    from seermatch.errors import StudyError
    from seermatch.matching.matched_sets import has_complete_sets
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    matched = read_table(snakemake.input.matched)
    ours = read_table(snakemake.input.incidence)
    complete = has_complete_sets(matched)
    rows, lacking = [], []
    for code, label in enumerate(snakemake.params.labels):
        group = matched[matched["group"] == code]
        event, months = group["event"].cat.codes.to_numpy(int), group["time"].to_numpy(float)
        if len(set(event) - {0}) < 2:
            lacking.append(label)  # scikit-survival wants deaths of both causes
            continue
        time, incidence = cumulative_incidence_competing_risks(event, months)
        for cause, name in enumerate(matched["event"].cat.categories[1:], start=1):
            curve = ours[(ours["group"] == label) & (ours["cause"] == name)]
            theirs = np.r_[0.0, incidence[cause]][np.searchsorted(time, curve["time"], "right")]
            largest = np.abs(curve["incidence"] - theirs).max()
            rows.append((name, label, len(curve), largest if complete else None))
    table = pd.DataFrame(rows, columns=["cause", "group", "times", "largest_difference"])
    if table["largest_difference"].max() > 1e-10:
        raise StudyError(f"our cumulative incidence and scikit-survival's differ:\n{table}")
    write_table(table, snakemake.output[0])
    agrees = "agrees with scikit-survival"
    if lacking:
        agrees += f", not checked in {', '.join(lacking)}, without deaths of one cause"
    weighted = "not checked: incomplete sets are weighted, and scikit-survival takes no weights"
    tell(f"cumulative incidence {agrees if complete else weighted}")
