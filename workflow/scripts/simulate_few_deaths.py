"""One piece of the calibration with few deaths: some of the repetitions."""

from study_io import job, with_progress, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.calibration.few_deaths import RECORD, repeat_few_deaths

    params = snakemake.params
    wanted = params.calibration["repetitions"]
    piece, pieces = map(int, snakemake.wildcards.scatteritem.split("-of-"))
    repetitions = range(piece, wanted + 1, pieces)
    parts = [pd.DataFrame(columns=list(RECORD))]
    found = repeat_few_deaths(repetitions, params.calibration["seed"])

    def describe():
        """Say how far the piece is."""
        return f"piece {piece} of {pieces}: {len(parts) - 1} of {len(repetitions)} repetitions"

    for _, records in with_progress(found, describe, seconds=60):
        parts.append(records)
    write_table(pd.concat(parts[1:] or parts, ignore_index=True), snakemake.output[0])
    tell(describe())
