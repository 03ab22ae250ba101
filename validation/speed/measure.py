"""Time and memory of commands from outside, and how two sides compare pair by pair.

Imports nothing heavy: the peak memory of a child includes that of the parent that started it.
"""

import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TARGETS_HEAD = """\
### Aimed at and measured

| | aimed at | measured | |
| --- | ---: | ---: | --- |
"""
# Seconds between two looks at the memory of a running command
INTERVAL = 0.05


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Attributes
    ----------
    wall, cpu : float
        Seconds of the wall clock, and of the processors in user and system mode.
    memory, largest : int
        Peak in bytes of all processes together, and of the largest one.
    output : str
        What it wrote to standard output and standard error.
    """

    wall: float
    cpu: float
    memory: int
    largest: int
    output: str


def run(command: Sequence[str], **variables: str) -> Measured:
    """Run a command and measure it with all its child processes; stop with its output if it fails.

    `memory` is the largest sum of the resident sets of the command and its descendants among
    looks every 50 ms, or the largest process as the system counts it, whichever is more. Pages
    that processes share count in each.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONWARNINGS": "", **variables}
    with tempfile.TemporaryFile("w+") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        memory, ended = 0, 0
        while not ended:
            memory = max(memory, resident(process.pid))
            time.sleep(INTERVAL if time.monotonic() - started > INTERVAL else 0.005)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{text}")
    largest = usage.ru_maxrss * 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(wall, cpu, max(memory, largest), largest, text)


def resident(pid: int, parent: bytes = b"") -> int:
    """Sum the resident sets of a process and its descendants, in bytes; 0 without /proc.

    A process that still has the command line of its parent is about to run another program, and
    all its memory is the parent's.
    """
    folder = Path("/proc", str(pid))
    try:
        own = (folder / "cmdline").read_bytes()
        pages = 0 if own == parent else int((folder / "statm").read_text().split()[1])
        children = [
            int(child)
            for thread in (folder / "task").iterdir()
            for child in (thread / "children").read_text().split()
        ]
    except (OSError, IndexError):  # it has just ended
        return 0
    size = pages * os.sysconf("SC_PAGE_SIZE")
    return size + sum(resident(child, own) for child in children)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Write a median with minimum and maximum: ``0.61 (0.58–0.66)``; a single value alone."""
    if not values:
        return ""
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Divide what one side took by what the other took in the same pair."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} runs of one side and {len(theirs)} of the other")
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def growth_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Fit the exponent of growth: the slope of log seconds on log size; 1 is linear."""
    x, y = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    return statistics.linear_regression(x, y).slope


def verdict(label: str, values: Sequence[float], limit: float, most: bool = True) -> str:
    """Write a row that sets a limit beside the median measured: at most, or else at least."""
    value = statistics.median(values)
    missed = value / limit if most else limit / value
    words = "met" if missed <= 1 else f"missed by a factor of {missed:.2f}"
    return f"| {label} | {'≤' if most else '≥'} {limit:g} | {spread(values)} | {words} |\n"


def machine() -> str:
    """Describe this machine and the day in a sentence."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"
    load = os.getloadavg()[0]
    return (
        f"Measured on {time.strftime('%-d %B %Y')}: {processor}, {memory:.0f} GB of memory, "
        f"load {load:.1f} at the start; Python {platform.python_version()}."
    )


def wrapped(text: str) -> str:
    """Break long lines of paragraphs; tables and headings stay as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        paragraph
        if paragraph.lstrip().startswith(("|", "#"))
        else textwrap.fill(paragraph.strip(), 100, break_on_hyphens=False)
        for paragraph in paragraphs
    )


def tell(line: str):
    """Say how far the measuring is."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
