"""One piece of a calibration: some of its repetitions, each with a seed of its own."""

from study_io import job, with_progress, write_table

with job(snakemake) as tell:
    import pandas as pd

    from validation.calibration import few_deaths, repetitions

    params = snakemake.params
    piece, pieces = map(int, snakemake.wildcards.scatteritem.split("-of-"))
    numbers = range(piece, params.repetitions + 1, pieces)
    if snakemake.rule == "simulate_few_deaths":
        record, found = few_deaths.RECORD, few_deaths.repeat_few_deaths(numbers, params.seed)
    else:
        record = repetitions.RECORD
        found = repetitions.repeat_study(numbers, params.months, params.seed)
    parts = [pd.DataFrame(columns=list(record))]

    def describe():
        """Say how far the piece is."""
        return f"piece {piece} of {pieces}: {len(parts) - 1} of {len(numbers)} repetitions"

    for _, records in with_progress(found, describe, seconds=60):
        parts.append(records)
    write_table(pd.concat(parts[1:] or parts, ignore_index=True), snakemake.output[0])
    tell(describe())
