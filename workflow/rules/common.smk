"""What the rules share: the sheet of exports, and what they look up."""

from pathlib import Path


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

EXPORTS = or_stop(read_sheet, config["exports"])
or_stop(check_paths, EXPORTS, config["exports"], SYNTHETIC)


wildcard_constraints:
    export="|".join(EXPORTS),


def export_files(wildcards):
    """Name the input files of an export, for `unpack`."""
    files = files_of(EXPORTS[wildcards.export])
    return {"data": files.pop("path")} | files
