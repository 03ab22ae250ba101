"""Where the time of a cold run goes: start-up, imports and work of every step, and waiting."""

import json
import re
import shutil
import time
from pathlib import Path

from exports import MILLION, ROOT, make_exports, prepare_folder, snakemake_command
from measure import run, tell, wrapped

INTRODUCTION = """\
## Where the time goes

One cold `snakemake --cores 2 study` each, in seconds of the wall clock, with a hook in every Python
process that notes its start, its outermost imports and its end
(`validation/speed/step_times_hook`). Start-up is that of Python itself; imports inside functions
count as imports; files is the reading and writing of whole files, which ingest_export,
filter_cohort and recode_variables do bit by bit along with their work; work is the rest. Two steps
at a time slow each other down.

{machine}
"""


def steps_section(folder: Path, sizes: list[float], seed: int, machine: str) -> str:
    """Run the study once per size with the hook, and write the section of the page."""
    text = wrapped(INTRODUCTION.format(machine=machine)) + "\n"
    for millions in sizes:
        tell(f"steps of a cold run, {millions:g} million records")
        (export,) = make_exports(folder, millions, seed)
        shutil.rmtree(folder / "here", ignore_errors=True)
        prepare_folder(folder / "here", [export])
        noted = folder / "here/steps.jsonl"
        hook = str(ROOT / "validation/speed/step_times_hook")
        began = time.time()
        run(snakemake_command(folder / "here", "study"), PYTHONPATH=hook, STEP_TIMES=str(noted))
        ended = time.time()
        lines = noted.read_text(encoding="utf-8").splitlines()
        text += f"\n### {millions * MILLION:,.0f} records\n\n"
        text += steps_table([json.loads(line) for line in lines], began, ended)
    return text


def steps_table(processes: list[dict], began: float, ended: float) -> str:
    """Write one row per step in the order of their starts, their sum, and the wall clock.

    Parameters
    ----------
    processes : list of dict
        What the hook noted of each: `script`, `began`, `ready`, `imports`, `files`, `ended`, `cpu`.
    began, ended : float
        When the run did.
    """
    steps = []
    for process in sorted(processes, key=lambda process: process["began"]):
        if found := re.search(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py$", process["script"]):
            start = process["ready"] - process["began"]
            wall = process["ended"] - process["began"]
            imports, files = process["imports"], process["files"]
            work = wall - start - imports - files
            begins = process["began"] - began
            steps.append((found[1], begins, start, imports, files, work, process["cpu"]))
    text = "| step | begins at | start-up | imports | files | work | CPU |\n"
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    for name, *seconds in steps:
        text += f"| {name} | {' | '.join(f'{second:.2f}' for second in seconds)} |\n"
    sums = [sum(step[k] for step in steps) for k in range(2, 7)]
    text += f"| **sum** | | {' | '.join(f'{second:.2f}' for second in sums)} |\n"
    spans = [(step[1], step[1] + sum(step[2:6])) for step in steps]
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    busy = time_with_steps(spans)
    waits = last - first - busy[1] - busy[2]
    return text + (
        f"\nOf {ended - began:.2f} s, Snakemake took {first:.2f} s before the first step and "
        f"{ended - began - last:.2f} s after the last; two steps ran for {busy[2]:.2f} s, one for "
        f"{busy[1]:.2f} s, and none for {waits:.2f} s in between.\n"
    )


def time_with_steps(spans: list[tuple[float, float]]) -> dict[int, float]:
    """Sum the seconds with one step running, and with two or more."""
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    seconds, running, last = {1: 0.0, 2: 0.0}, 0, 0.0
    for moment, change in changes:
        if running:
            seconds[min(running, 2)] += moment - last
        running, last = running + change, moment
    return seconds
