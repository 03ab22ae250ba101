"""The configuration: read strictly, checked, and filled with defaults.

What it may hold is declared in `seermatch.settings`. Runs at every start of Snakemake and in every
cluster job, so it imports nothing heavy.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, folder_of("seermatch/settings"))

from seermatch.errors import StudyError
from seermatch.settings.check import fill, problems
from seermatch.settings.sheet import check_paths, files_of, read_sheet
from seermatch.settings.strict_yaml import check_strictly
from seermatch.settings.study import Study
from seermatch.settings.texts import ARMS, check_together

LEAST_ROOM = 1 << 16


def stop(message):
    """End the run with a message for people instead of a traceback."""
    raise SystemExit(message)


def or_stop(check, *arguments):
    """Give what a function gives, or end the run with the message of its error."""
    try:
        return check(*arguments)
    except StudyError as error:
        stop(str(error))


def check_room(folder):
    """Stop where Snakemake could not keep its notes."""
    if os.path.isdir(folder) and shutil.disk_usage(folder).free < LEAST_ROOM:
        stop(
            f"{folder}: no space left on device for the notes of Snakemake; make room, or run in "
            "another folder (--directory)."
        )


check_room(".snakemake")
for path in workflow.configfiles:
    if Path(path).is_file():
        or_stop(check_strictly, path, set(config))
if wrong := problems(Study, config, "config"):
    stop("\n".join(wrong))
fill(Study, config)
or_stop(check_together, config)
