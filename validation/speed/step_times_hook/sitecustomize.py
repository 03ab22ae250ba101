"""Let every Python process that finds this first on its path note how long it imported and read.

Python imports a module of this name at its start. Only the outermost of nested calls is timed, and
imports within a call that reads are imports; `STEP_TIMES` names the file to which each process adds
a line at its end.
"""

import atexit
import builtins
import functools
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

_READY = time.time()
_import = builtins.__import__
_nested = threading.local()
_seconds = {"imports": 0.0, "files": 0.0}
# module -> its functions that read or write whole files
_FILES = {
    "study_io": ("read_table", "write_table", "write_bytes"),
    "polars": ("read_parquet",),
    "pyarrow.parquet": ("write_table",),
}


def _timed_import(*arguments, **named):
    if getattr(_nested, "on", False):
        return _import(*arguments, **named)
    _nested.on, started = True, time.perf_counter()
    try:
        return _import(*arguments, **named)
    finally:
        _nested.on = False
        _seconds["imports"] += time.perf_counter() - started
        for name in _FILES.keys() & sys.modules.keys():
            for function in _FILES.pop(name):
                setattr(sys.modules[name], function, _timed(getattr(sys.modules[name], function)))


def _timed(function):
    @functools.wraps(function)
    def timed(*arguments, **named):
        if getattr(_nested, "file", False):
            return function(*arguments, **named)
        _nested.file, started, imported = True, time.perf_counter(), _seconds["imports"]
        try:
            return function(*arguments, **named)
        finally:
            _nested.file = False
            imported = _seconds["imports"] - imported
            _seconds["files"] += time.perf_counter() - started - imported

    return timed


def _note():
    ended = time.time()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    boot = ended - float(Path("/proc/uptime").read_text().split()[0])
    line = {
        "script": sys.argv[0],
        "began": boot + ticks / os.sysconf("SC_CLK_TCK"),
        "ready": _READY,
        **_seconds,
        "ended": ended,
        "cpu": usage.ru_utime + usage.ru_stime,
    }
    with Path(os.environ["STEP_TIMES"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if "STEP_TIMES" in os.environ:
    builtins.__import__ = _timed_import
    atexit.register(_note)
