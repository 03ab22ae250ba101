"""What `make benchmark` does without measuring anything: ratios, growth, tables and its checks."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def peers_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "validation/speed"))


def test_ratios_are_pair_by_pair():
    from measure import ratios, spread

    assert ratios([1, 4, 9], [2, 4, 3]) == [0.5, 1, 3]
    assert spread(ratios([1, 4, 9], [2, 4, 3])) == "1.00 (0.50–3.00)"
    assert spread([1234.5], 1) == "1,234.5"
    with pytest.raises(ValueError, match="2 runs"):
        ratios([1, 2], [1])


def test_growth_exponent():
    from measure import growth_exponent

    sizes = [2e4, 3e5, 3e6]
    assert growth_exponent(sizes, [7 * n for n in sizes]) == pytest.approx(1)
    assert growth_exponent(sizes, [n**3 for n in sizes]) == pytest.approx(3)


@pytest.mark.parametrize(
    ("values", "limit", "most", "words"),
    [
        ([0.3, 0.5, 0.9], 0.65, True, "met"),
        ([0.3, 1.3, 1.4], 0.65, True, "missed by a factor of 2.00"),
        ([500], 500, False, "met"),
        ([2], 3, False, "missed by a factor of 1.50"),
    ],
)
def test_verdict(values, limit, most, words):
    from measure import verdict

    assert verdict("a", values, limit, most).endswith(f"| {words} |\n")


def test_memory_and_cpu_are_those_of_all_processes():
    from measure import run

    # both are there at the same time, however late the child begins: it ends with its input
    hold = "x = bytearray(60_000_000)"
    child = f"{hold}; print(flush=True); input()"
    both = (
        "import subprocess, sys, time; from subprocess import PIPE; "
        f"p = subprocess.Popen([sys.executable, '-c', '{child}'], stdin=PIPE, stdout=PIPE); "
        f"{hold}; p.stdout.readline(); time.sleep(1); p.communicate(b'end\\n')"
    )
    # in a small process: the peak of a child counts that of the parent which started it
    code = f"import sys; from measure import run; print(run([sys.executable, '-c', {both!r}]))"
    path = os.environ | {"PYTHONPATH": str(ROOT / "validation/speed")}
    told = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True)
    memory, largest = (
        int(re.search(rf"{name}=(\d+)", told.stdout)[1]) for name in ("memory", "largest")
    )
    assert memory > 120e6 > largest > 60e6
    done = run([sys.executable, "-c", f"{both}; print('ready')"])
    assert done.output == "ready\n"
    assert done.wall > 1
    busy = "sum(range(20_000_000))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{busy}'])"
    assert run([sys.executable, "-c", child]).cpu > 0.15


def test_a_command_that_fails_ends_the_run_with_its_words():
    from measure import run

    with pytest.raises(SystemExit, match="no such thing"):
        run([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_time_with_one_step_and_with_two():
    from step_times import steps_table, time_with_steps

    assert time_with_steps([(1, 4), (3, 6), (8, 9)]) == pytest.approx({1: 5, 2: 1})
    process = {"ready": 101.1, "imports": 0.5, "files": 0.3, "cpu": 0.7}
    script = "/x/.snakemake/scripts/tmpab_1.fit_cox.py"
    processes = [
        process | {"script": script, "began": 101, "ended": 103},
        process | {"script": "snakemake", "began": 100, "ended": 104},
    ]
    table = steps_table(processes, 100, 104)
    assert "| fit_cox | 1.00 | 0.10 | 0.50 | 0.30 | 1.10 | 0.70 |" in table
    assert "Of 4.00 s, Snakemake took 1.00 s before the first step and 1.00 s after" in table
    assert "one for 2.00 s, and none for 0.00 s" in table


def test_the_hook_notes_imports_and_files(tmp_path):
    (tmp_path / "slow.py").write_text("import time; time.sleep(0.2)")
    (tmp_path / "study_io.py").write_text(
        "import time\n"
        "def read_table():\n"
        "    import slow\n"
        "    time.sleep(0.1)\n"
        "write_table = write_bytes = read_table\n"
    )
    script = tmp_path / "script.py"
    script.write_text("from study_io import read_table; read_table()")
    noted = tmp_path / "noted.jsonl"
    hook = ROOT / "validation/speed/step_times_hook"
    subprocess.run(
        [sys.executable, str(script)],
        check=True,
        env={"PYTHONPATH": str(hook), "STEP_TIMES": str(noted)},
    )
    (line,) = map(json.loads, noted.read_text().splitlines())
    assert line["script"] == str(script)
    assert 0.2 < line["imports"] < line["ended"] - line["ready"] - 0.1
    assert 0.1 < line["files"] < line["ended"] - line["ready"] - 0.2
    # the system counts starts in hundredths of a second
    assert line["began"] < line["ready"] + 0.02 < line["ended"]


def timed(seconds, answer=None):
    from kernel_runs import PAPER, Timed

    def lines(values):
        return [
            {"seconds": s, "memory": 100, "version": "1", "answer": answer or {"coef": [1.0]}}
            for s in values
        ]

    sides = {side: lines(values) for side, values in seconds.items()}
    return Timed("fine_gray", PAPER, 585, sides)


def test_the_section_of_the_kernels_names_what_is_missed():
    from kernel_runs import kernels_section

    facts = dict.fromkeys(("machine", "versions", "matchit", "left_out", "seed"), "")
    one = timed({"here": [1, 1, 1], "R": [600], "comprisk": [3, 1.5, 1]})
    text = kernels_section([one], facts)
    assert "| cmprsk `crr` | 600.000 | 600.0 | 100 | 100 |" in text
    assert "times faster than cmprsk `crr` | ≥ 500 | 600.00 | met |" in text
    assert "comprisk, `robust_se` | ≥ 2 | 1.50 (1.00–3.00) | missed by a factor of 1.33 |" in text


def test_a_wrong_answer_is_not_timed():
    from kernel_runs import check_answers

    one = timed({"here": [1], "R": [1]})
    one.sides["here"][0]["answer"] = {"coef": [1.0], "se": [0.1]}
    one.sides["R"][0]["answer"] = {"coef": [1.00009]}
    check_answers(one, "R")
    one.sides["R"][0]["answer"] = {"coef": [1.0002]}
    with pytest.raises(SystemExit, match=r"coef is 1\.0 here and 1\.0002 by R"):
        check_answers(one, "R")


def test_only_where_cmprsk_overflows_its_answer_does_not_count():
    from kernel_runs import check_answers

    one = timed({"here": [1], "R": [1], "comprisk": [1]}, {"se": [1.0]})
    for side in ("R", "comprisk"):
        one.sides[side][0]["answer"] = {"se": [1.1]}
    check_answers(one, "R")
    with pytest.raises(SystemExit, match="by comprisk"):
        check_answers(one, "comprisk")
    one.rows = 46_340
    with pytest.raises(SystemExit, match="by R"):
        check_answers(one, "R")


def test_the_study_of_both_sides_must_agree(tmp_path):
    from study_runs import check_agreement

    cells = {"r": "34536 (84.35%)", "here": "34,536 (84.35%)"}
    for side, cell in cells.items():
        (tmp_path / side).mkdir()
        (tmp_path / side / "attrition.tsv").write_text("remaining\n9\n7\n")
        (tmp_path / side / "table1.tsv").write_text(f"level\tM0\nIDC\t{cell}\n")
    check_agreement(tmp_path / "r", tmp_path / "here")
    (tmp_path / "r/table1.tsv").write_text("level\tM0\nIDC\t34535 (84.35%)\n")
    with pytest.raises(SystemExit, match="disagree"):
        check_agreement(tmp_path / "r", tmp_path / "here")


def test_the_section_of_the_study():
    from measure import Measured
    from study_runs import WORDS, study_section

    facts = dict.fromkeys(("machine", "versions", "matchit", "seed"), "")

    def runs(*walls):
        return [Measured(wall, wall, 2 * 10**9, 10**9, "") for wall in walls]

    found = {step: runs(2, 2) for step in WORDS} | {"R": runs(10, 4)}
    year = {"cold": runs(9)[0], "again": runs(5)[0], "read": 1, "millions": 0.35}
    text = study_section({0.35: found, 10: {step: runs(2) for step in WORDS}}, year, facts)
    assert (
        "| 350,000 | 2 | wall clock, s | 7.0 (4.0–10.0) | 2.0 (2.0–2.0) | 0.35 (0.20–0.50) |"
        in text
    )
    assert "| 10,000,000 | 1 | wall clock, s | not run | 2.0 |  |" in text
    assert "memory, 10 million records, GB | ≤ 3 | 2.00 | met |" in text
    assert "dry run, 0.35 million records, s | ≤ 1.5 | 2.00 (2.00–2.00) | missed by" in text
    assert "Of five yearly exports of 350,000 records one was changed: 5.0 s after 9.0 s" in text
    assert "1 export was read again" in text


def test_exports_hold_as_many_records_as_asked(tmp_path):
    from exports import make_exports, year_files

    (export,) = make_exports(tmp_path, 0.03, seed=1)
    lines = export.read_bytes().splitlines()
    assert abs(len(lines) - 1 - 30_680) < 100
    assert lines[0].startswith(b'"Patient ID"') and not any(b"Patient ID" in x for x in lines[1:])
    years = make_exports(tmp_path, 0.03, seed=1, by_year=True)
    assert years == year_files(export)
    assert sum(len(file.read_bytes().splitlines()) - 1 for file in years) == len(lines) - 1
    written = export.stat().st_mtime_ns
    make_exports(tmp_path, 0.03, seed=1)
    assert export.stat().st_mtime_ns == written
