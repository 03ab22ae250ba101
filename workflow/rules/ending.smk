"""What is said at the end of a run: where the results are, or which jobs failed and why."""

import re
import sys
import time
from pathlib import Path

STARTED = time.time()


def closing_words():
    """Say where the results lie, how long it took, and what a reader must know before using them."""
    results = Path(workflow.pathvars.apply("<results>"))
    lines = [
        f"The results are in {results}/, after {time.time() - STARTED:.0f} seconds."
    ]
    warnings = results / "warnings.txt"
    # Warnings of an earlier run are no news of this one.
    if warnings.is_file() and warnings.stat().st_mtime >= STARTED:
        lines.append(f"Begin with {results}/report.html.")
        found = warnings.read_text(encoding="utf-8").splitlines()
        lines += ["Before you use them:"] if found else []
        lines += [f"  - {warning}" for warning in found]
    return "\n".join(lines)


def killed_jobs(logs):
    """Say which jobs of a local run the system ended, which is how memory runs out."""
    ends = r"died with <Signals\.SIG(?:KILL|ABRT|BUS)|exit status (?:134|135|137)\."
    text = "".join(Path(log).read_text("utf-8", errors="replace") for log in logs)
    return "\n".join(
        f"{script}: the system ended the job, most likely because memory ran out. Close other "
        "programs, run fewer jobs at once (--cores 1), or take a computer with more memory."
        for script in dict.fromkeys(
            re.findall(rf"\.(\w+)\.py' (?:returned non-zero )?(?:{ends})", text)
        )
    )


# What a scheduler writes into the log of a job that it ended.
LIMITS = {
    "over its memory": r"exceeded memory limit|oom.?kill|out of memory",
    "over its time": r"due to time limit",
}


def failures_on_a_cluster():
    """Say which of this run's jobs failed on a cluster, why, and what to change."""
    lines, over = [], False
    # Slurm's jobs and those of other schedulers; local runs have none.
    for log in sorted(Path(".snakemake").glob("*_logs/**/*.*")):
        if not log.is_file() or log.stat().st_mtime < STARTED:
            continue
        text = log.read_text(encoding="utf-8", errors="replace")
        found = re.findall(r"^Error in rule (\w+)", text, flags=re.MULTILINE)
        failed = list(dict.fromkeys(found))
        limits = [why for why, sign in LIMITS.items() if re.search(sign, text, re.I)]
        if failed or limits:
            over = over or bool(limits)
            where = f" in {', '.join(failed)}" if failed else ""
            lines.append("  " + ", ".join([f"{log}: the job failed{where}", *limits]))
            # What the script said at its end begins with its name.
            for name in failed:
                pattern = rf"^{name}[ :].*?(?=^RuleException)"
                for said in re.findall(pattern, text, re.MULTILINE | re.DOTALL):
                    lines += [f"    {line}" for line in said.splitlines()]
    if over:
        lines += [
            "Give the rules of such a job more mem_mb or runtime under set-resources in the profile;",
            "docs/guide.md shows how, under 'Run on a cluster'.",
        ]
    return "\n".join(lines)


onsuccess:
    print(closing_words(), file=sys.stderr)


onerror:
    if failures := failures_on_a_cluster() or killed_jobs(log):
        print(failures, file=sys.stderr)
