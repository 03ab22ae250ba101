"""One piece of the calibration: some of the repetitions, each with a seed of its own."""

from study_io import job, with_progress, write_table

with job(snakemake) as tell:
    import pandas as pd
    from seermatch.calibration.repetitions import RECORD, repeat_study

    params = snakemake.params
    wanted = params.calibration["repetitions"]
    piece, pieces = map(int, snakemake.wildcards.scatteritem.split("-of-"))
    repetitions = range(piece, wanted + 1, pieces)
    parts = [pd.DataFrame(columns=list(RECORD))]
    found = repeat_study(repetitions, params.months, params.calibration["seed"])

    def describe():
        """Say how far the piece is."""
        return f"piece {piece} of {pieces}: {len(parts) - 1} of {len(repetitions)} repetitions"

    for _, records in with_progress(found, describe, seconds=60):
        parts.append(records)
    write_table(pd.concat(parts[1:] or parts, ignore_index=True), snakemake.output[0])
    tell(describe())
