"""What Snakemake's messages tell of the steps that were begun and never finished.

Of a step that failed Snakemake records the new parameters and inputs, as if it had succeeded, and
removes its output. That an output is missing which was not asked for is no reason to run a step, so
the next call would have nothing to do and leave what was computed before the change. Therefore
each beginning of a step is counted here and taken back at its end. The count goes with the step's
digest (`code.smk`) into its parameters: without an end, the step is done again and all behind it.
"""

import logging
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from snakemake.io import apply_wildcards
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

# Beside Snakemake's records and of no use without them: a file per step, a byte per beginning.
UNFINISHED = Path(".snakemake/unfinished")

try:
    # As this call finds them: what its steps are recorded with.
    UNFINISHED_BEFORE = {
        file.name: file.stat().st_size for file in UNFINISHED.iterdir()
    }
except OSError:
    UNFINISHED_BEFORE = {}


def step_key(rule, wildcards):
    """Name a step by its first output, which steps of other studies do not share."""
    return sha256(apply_wildcards(rule.output[0], wildcards).encode()).hexdigest()[:32]


def unfinished(rule, wildcards):
    """Count how often a step was begun, and not finished, before this call."""
    return UNFINISHED_BEFORE.get(step_key(rule, wildcards), 0)


class StepCounter(logging.Handler):
    """Counts the beginnings of steps, and takes them back at their ends."""

    steps = {}

    def emit(self, record):
        event = getattr(record, "event", None)
        if workflow.dryrun:
            return
        # Ends are not told with `--quiet progress`; there errors count instead of beginnings.
        ends_are_told = Quietness.PROGRESS not in (workflow.output_settings.quiet or ())
        if event == LogEvent.JOB_INFO:
            begun = workflow.get_rule(record.rule_name)
            if begun.output:
                self.steps[record.jobid] = step_key(begun, record.wildcards)
            if ends_are_told:
                self.count(record.jobid, 1)
        elif event == LogEvent.JOB_ERROR and not ends_are_told:
            self.count(record.jobid, 1)
        elif event == LogEvent.JOB_FINISHED:
            self.count(record.job_id, 0)

    def count(self, jobid, more):
        """Write down how often a step is unfinished; attempts within one call count once."""
        if step := self.steps.get(jobid):
            number = UNFINISHED_BEFORE.get(step, 0) + more
            # A full disk stops the step itself with a message.
            with suppress(OSError):
                UNFINISHED.mkdir(parents=True, exist_ok=True)
                if number:
                    (UNFINISHED / step).write_bytes(b"." * number)
                else:
                    (UNFINISHED / step).unlink(missing_ok=True)


# Jobs that run elsewhere are told of here; a workflow may hold this one as a module, and twice.
COUNTER = "unfinished steps"
if workflow.is_main_process and COUNTER not in [
    found.name for found in logger.handlers
]:
    counter = StepCounter()
    counter.name = COUNTER
    logger.addHandler(counter)
