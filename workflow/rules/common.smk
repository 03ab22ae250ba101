"""The helpers that the rules share.

Runs at every start of Snakemake and in every cluster job, so it imports nothing heavy.
"""

import re
import sys
import time
from pathlib import Path

STARTED = time.time()


def sorted_keys(value):
    """Sort the keys of nested dictionaries, so that their order reruns nothing."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_keys(item) for item in value]
    return value


def section(name):
    """Give a section of the configuration as one sorted dictionary, for `params`."""
    return sorted_keys(config[name])


def memory(gigabytes):
    """Ask for memory; each retry on a cluster asks for as much again on top."""
    return lambda wildcards, attempt: f"{gigabytes * attempt}GB"


def minutes(number):
    """Ask for time; each retry on a cluster asks for as much again on top."""
    return lambda wildcards, attempt: number * attempt


def shown(path, category, item, caption=""):
    """Let Snakemake's report show a result, with the caption of its own name or another."""
    caption = f"../report/{caption or Path(path).stem}.rst"
    return report(path, caption=caption, category=category, labels={"item": item})


# Names of the groups, reference first. Of a list Snakemake would take `{` for that of a wildcard,
# and forget how `escape.smk` prints.
LABELS = tuple(config["cohort"]["exposure"][arm]["label"] for arm in ARMS)


# The synthetic registry: one export per year of diagnosis.
SYNTHETIC_YEARS = [2018, 2019, 2020, 2021, 2022]
SYNTHETIC = [
    workflow.pathvars.apply(f"<resources>/synthetic/breast_{year}{suffix}")
    for year in SYNTHETIC_YEARS
    for suffix in (".csv", ".dic")
]

# The step of the attrition at which those go who lack a covariate.
LACKING_AT = {}
for step, criterion in enumerate(config["cohort"]["criteria"], start=1):
    for covariate in set(criterion["keep"]) & set(config["matching"]["covariates"]):
        LACKING_AT.setdefault(covariate, step)

# Months of which estimates are printed; of which the groups are compared, first.
PUBLISHED_MONTHS = list(
    dict.fromkeys(
        [
            *config["interpretation"]["months"],
            *(
                month
                for claim in config["study"]["claims"]
                for month in claim["months"]
            ),
            *config["figures"]["follow_up_marks"],
        ]
    )
)

EXPORTS = read_sheet(config["exports"])
check_paths(EXPORTS, config["exports"], SYNTHETIC)


wildcard_constraints:
    export="|".join(EXPORTS),


def export_files(wildcards):
    """Name the input files of an export, for `unpack`."""
    files = files_of(EXPORTS[wildcards.export])
    return {"data": files.pop("path")} | files


PAPER_TABLES = ("table1", "table2", "table3", "table4")


def paper_text(name):
    """Read a printed table: from the folder that is configured, else from this workflow's own."""
    folder = config["paper"]["folder"]
    if folder is None:
        stop("config.paper.folder: is null; name the folder of the printed tables.")
    path = Path(folder) / f"{name}.tsv"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            stop(f"config.paper.folder: {path} is not text in UTF-8; save it again so.")
    if folder == "resources/paper":
        return source_text(f"../../resources/paper/{name}.tsv")
    stop(f"config.paper.folder: there is no file {path}.")


def paper_tables(wildcards):
    """Give the printed tables as text, for `params`: an edit of a cell reruns, a touch does not."""
    return printed_safely({name: paper_text(name) for name in PAPER_TABLES})


def paper_tables_and_text(wildcards):
    """Give the printed tables, and the facts that the paper states elsewhere."""
    return paper_tables(wildcards) | printed_safely({"text": paper_text("text")})


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
