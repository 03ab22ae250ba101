"""The estimators and the match beside their peers in R and Python, on the same random patients."""

import argparse
import json
import math
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from exports import ROOT
from measure import TARGETS_HEAD, growth_exponent, ratios, run, spread, tell, verdict, wrapped

SIZES = (2_000, 20_000, 284_088, 3_000_000)
PAPER = 284_088
EXPOSED = 585
MORE_EXPOSED = (3_000, 15_000)
# crr takes minutes beyond; the last with --full
CRR_SIZES = (2_000, 20_000, 80_000, PAPER)
ROUNDS = 3
# seconds after which a call is not repeated
LONG = 20.0

LABELS = {
    "fine_gray": "Fine–Gray with sandwich, 11 terms",
    "incidence": "Gray's test and cumulative incidence, two causes",
    "survival": "Kaplan–Meier and log-rank",
    "cox": "Cox (Efron), 11 terms",
    "match": "score and 1:2 match",
}
PEERS = {
    "fine_gray": ("R", "fastcmprsk", "comprisk"),
    "incidence": ("R", "comprisk"),
    "survival": ("R", "lifelines"),
    "cox": ("R", "lifelines"),
    "match": ("R",),
}
CALLS = {
    ("R", "fine_gray"): "cmprsk `crr`",
    ("R", "incidence"): "cmprsk `cuminc`",
    ("R", "survival"): "survival `survfit`, `survdiff`",
    ("R", "cox"): "survival `coxph`",
    ("R", "match"): "MatchIt `matchit`",
    ("fastcmprsk", "fine_gray"): "fastcmprsk, no variance",
    ("comprisk", "fine_gray"): "comprisk, `robust_se`",
    ("comprisk", "incidence"): "comprisk, test only",
    ("lifelines", "survival"): "lifelines",
    ("lifelines", "cox"): "lifelines",
}
# kernel, side -> times faster at 284,088 rows
TARGETS = {
    ("fine_gray", "R"): 500,
    ("fine_gray", "comprisk"): 2,
    ("fine_gray", "fastcmprsk"): 1,
    ("incidence", "R"): 3,
    ("survival", "R"): 3,
    ("cox", "R"): 3,
    ("match", "R"): 2,
}
MATCH_MB = 1000
GROWTH = 1.1
# patients beyond which a product in cmprsk overflows its 32 bits, in these data
OVERFLOWS = {("fine_gray", "se"): 46_340, ("incidence", "test"): 1_000_000}
# largest accepted difference: coefficients in standard errors, the rest as a share of ours
TOLERANCES = {"coef": 1e-3, "se": 1e-3, "test": 1e-6, "last": 1e-6, "score": 1e-5, "controls": 0.01}

INTRODUCTION = """\
## The estimators and the match beside their peers

Random patients like those of the study, the same on all sides (seed {seed}), with ties in whole
months. Each number is the time of the call alone, in a process of its own that had read the data
and called the function once on 2,000 rows; one thread each. Sides ran in turn, three times, except
where a call took longer than {long:.0f} s or the rows are millions; "times faster" is of two runs
next to each other. Median (minimum–maximum). Memory is the peak of the process, data included. The
answers of all sides were compared (coefficients to a thousandth of their standard error, tests to
six digits), else there would be no page; but not the standard errors of `crr` beyond 46,340
patients and Gray's test of `cuminc` with millions, which are wrong there (docs/validation.md, "Many
patients in cmprsk").

{machine} {versions} {python}

{matchit} {left_out}

| | patients | here, s | beside | s | times faster | memory here, MB | memory there, MB |
| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |
"""


@dataclass
class Timed:
    """Rounds of one kernel on one size: side -> what its processes printed."""

    kernel: str
    rows: int
    exposed: int
    sides: dict[str, list[dict]] = field(default_factory=dict)

    def values(self, side: str, key: str) -> list[float]:
        """List what a side took in each round."""
        return [line[key] for line in self.sides.get(side, [])]


def peer_python() -> Path | None:
    """Give the Python that has comprisk, which is installed for the occasion; None without it."""
    folder = Path(__file__).parent / ".venv"
    python = folder / "bin/python"
    try:
        if not python.exists():
            tell("installing comprisk into validation/speed/.venv")
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "comprisk"]
            subprocess.run(pip, check=True, stdout=sys.stderr)
        subprocess.run([str(python), "-c", "import comprisk"], check=True)
    except (subprocess.CalledProcessError, OSError):
        return None
    return python


def run_kernels(folder: Path, options: argparse.Namespace, sides: set[str]) -> list[Timed]:
    """Time each kernel at each size, all sides in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    timed = []
    for kernel in LABELS:
        sizes = set(options.rows)
        if kernel == "fine_gray" and max(sizes) > max(CRR_SIZES[:3]):
            sizes.add(CRR_SIZES[2])
        for rows in sorted(sizes):
            more = MORE_EXPOSED if kernel == "match" and rows == PAPER else ()
            for exposed in (min(EXPOSED, rows // 10), *more):
                one = Timed(kernel, rows, exposed)
                chosen = [side for side in PEERS[kernel] if side in sides]
                chosen = [side for side in chosen if _worth(side, one, options.full)]
                _time(one, _data(folder, one, options.seed), chosen)
                timed.append(one)
    return timed


def _worth(side: str, one: Timed, full: bool) -> bool:
    """Tell whether a side is timed at a size: some would take minutes or run out of memory."""
    if (side, one.kernel) == ("R", "fine_gray"):
        return one.rows <= (PAPER if full else CRR_SIZES[2])
    if one.kernel == "fine_gray" and one.rows == CRR_SIZES[2]:
        return False
    return side != "lifelines" or one.rows <= PAPER


def _data(folder: Path, one: Timed, seed: int) -> Path:
    path = folder / f"patients_{one.rows}_{one.exposed}_seed{seed}"
    if not path.with_name(path.name + ".npy").exists():
        program = str(ROOT / "validation/speed/kernel_data.py")
        numbers = [str(number) for number in (one.rows, one.exposed, seed)]
        subprocess.run([sys.executable, program, str(path), *numbers], check=True)
    return path


def _command(side: str, kernel: str, data: Path) -> list[str]:
    if side in ("R", "fastcmprsk"):
        return [
            "Rscript",
            str(ROOT / "validation/speed/kernels.R"),
            side,
            kernel,
            f"{data}.csv",
            "1",
        ]
    python = ROOT / "validation/speed/.venv/bin/python" if side == "comprisk" else sys.executable
    return [
        str(python),
        str(ROOT / "validation/speed/kernels.py"),
        side,
        kernel,
        f"{data}.npy",
        "1",
    ]


def _time(one: Timed, data: Path, peers: list[str]):
    """Run all sides in turn, each in a process of its own."""
    threads = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    variables = {f"{name}_NUM_THREADS": "1" for name in threads} | {"POLARS_MAX_THREADS": "1"}
    variables["R_DATATABLE_NUM_THREADS"] = "1"
    for number in range(1 if one.rows >= 1_000_000 else ROUNDS):
        sides = ["here", *peers]
        for side in sides[:: -1 if number % 2 else 1]:
            known = one.sides.setdefault(side, [])
            if len(known) < number or (known and known[0]["seconds"] > LONG):
                continue  # it failed, or it takes long
            try:
                done = run(_command(side, one.kernel, data), **variables)
            except SystemExit as failure:
                if side == "here":
                    raise
                tell(f"{side} failed and is left out: {failure}")
                continue
            known.append(json.loads(done.output.strip().splitlines()[-1]))
    for side in peers:
        if one.sides[side]:
            check_answers(one, side)
    words = ", ".join(
        f"{side} {statistics.median(one.values(side, 'seconds')):.3f} s"
        for side in one.sides
        if one.sides[side]
    )
    tell(f"{one.kernel}, {one.rows:,} rows, {one.exposed:,} exposed: {words}")


def check_answers(one: Timed, side: str):
    """Stop if a side has computed something else."""
    ours, theirs = (one.sides[name][0]["answer"] for name in ("here", side))
    for key in ours.keys() & theirs.keys():
        if side == "R" and one.rows > OVERFLOWS.get((one.kernel, key), math.inf):
            continue
        scales = ours["se"] if key == "coef" else ours[key]
        for a, b, scale in zip(ours[key], theirs[key], scales, strict=True):
            if not math.isclose(a, b, rel_tol=0, abs_tol=TOLERANCES[key] * abs(scale)):
                raise SystemExit(
                    f"{one.kernel}, {one.rows:,} rows: {key} is {a!r} here and {b!r} by {side}"
                )


def kernels_section(timed: list[Timed], facts: dict) -> str:
    """Write the section of the page.

    Parameters
    ----------
    timed : list of Timed
        What `run_kernels` gave.
    facts : dict
        `machine`, `versions`, `matchit`, `left_out` and `seed`, as words.
    """
    python = sorted(
        {
            f"{side} {lines[0]['version']}"
            for one in timed
            for side, lines in one.sides.items()
            if lines and side not in ("here", "R", "fastcmprsk")
        }
    )
    text = wrapped(
        INTRODUCTION.format(
            long=LONG,
            python=f"In Python {', '.join(python)}." if python else "",
            **facts,
        )
    )
    for one in timed:
        here = one.values("here", "seconds")
        exposed = f", {one.exposed:,} exposed" if one.kernel == "match" else ""
        memory = f"{statistics.median(one.values('here', 'memory')):,.0f}"
        start = f"| {LABELS[one.kernel]}{exposed} | {one.rows:,} | {spread(here, 4)} |"
        peers = [side for side in one.sides if side != "here" and one.sides[side]]
        for side in peers:
            theirs = one.values(side, "seconds")
            faster = spread(ratios(theirs, here[: len(theirs)]), 1)
            beyond = f"{statistics.median(one.values(side, 'memory')):,.0f}"
            cells = [CALLS[side, one.kernel], spread(theirs, 3), faster, memory, beyond]
            text += f"{start} {' | '.join(cells)} |\n"
        if not peers:
            text += f"{start} | | | {memory} | |\n"
    return text + growth_table(timed) + kernel_targets(timed)


def growth(timed: list[Timed], kernel: str, side: str) -> tuple[list[int], float] | None:
    """Fit how the time of a side grows from 20,000 rows on; None with fewer than two sizes."""
    seconds = {
        one.rows: statistics.median(one.values(side, "seconds"))
        for one in timed
        if one.kernel == kernel and one.rows >= SIZES[1] and one.exposed not in MORE_EXPOSED
        if one.sides.get(side)
    }
    if len(seconds) < 2:
        return None
    return list(seconds), growth_exponent(list(seconds), list(seconds.values()))


def growth_table(timed: list[Timed]) -> str:
    """Write the exponents of growth of all sides."""
    rows = []
    for kernel, label in LABELS.items():
        for side in ("here", *PEERS[kernel]):
            if found := growth(timed, kernel, side):
                sizes, exponent = found
                what = "here" if side == "here" else CALLS[side, kernel]
                rows.append(
                    f"| {label} | {what} | {min(sizes):,} to {max(sizes):,} | {exponent:.2f} |\n"
                )
    if not rows:
        return ""
    return (
        "\n### Growth\n\nTime grows as this power of the number of patients, by least squares on "
        "logarithms: 1 is linear.\n\n| | | patients | exponent |\n| --- | --- | --- | ---: |\n"
    ) + "".join(rows)


def kernel_targets(timed: list[Timed]) -> str:
    """Set what was aimed at beside what was measured at 284,088 rows."""
    rows = []
    for one in timed:
        if one.rows != PAPER:
            continue
        label = LABELS[one.kernel]
        label += f", {one.exposed:,} exposed" if one.kernel == "match" else ""
        here = one.values("here", "seconds")
        for side in PEERS[one.kernel]:
            if (limit := TARGETS.get((one.kernel, side))) and one.sides.get(side):
                theirs = one.values(side, "seconds")
                faster = ratios(theirs, here[: len(theirs)])
                words = f"{label}: times faster than {CALLS[side, one.kernel]}"
                rows.append(verdict(words, faster, limit, most=False))
        if one.kernel == "match":
            memory = one.values("here", "memory")
            rows.append(verdict(f"{label}: memory, MB", memory, MATCH_MB))
    if found := growth(timed, "fine_gray", "here"):
        sizes, exponent = found
        label = f"{LABELS['fine_gray']}: exponent of growth to {max(sizes):,}"
        rows.append(verdict(label, [exponent], GROWTH))
    return "\n" + TARGETS_HEAD + "".join(rows) if rows else ""
