"""Let every Python process that finds this first on its path note how long it imported.

Python imports a module of this name at its start. Only the outermost of nested imports is timed;
`STEP_TIMES` names the file to which each process adds a line at its end.
"""

import atexit
import builtins
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
_seconds = [0.0]


def _timed_import(*arguments, **named):
    if getattr(_nested, "on", False):
        return _import(*arguments, **named)
    _nested.on, started = True, time.perf_counter()
    try:
        return _import(*arguments, **named)
    finally:
        _nested.on = False
        _seconds[0] += time.perf_counter() - started


def _note():
    ended = time.time()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    boot = ended - float(Path("/proc/uptime").read_text().split()[0])
    line = {
        "script": sys.argv[0],
        "began": boot + ticks / os.sysconf("SC_CLK_TCK"),
        "ready": _READY,
        "imports": _seconds[0],
        "ended": ended,
        "cpu": usage.ru_utime + usage.ru_stime,
    }
    with Path(os.environ["STEP_TIMES"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if "STEP_TIMES" in os.environ:
    builtins.__import__ = _timed_import
    atexit.register(_note)
