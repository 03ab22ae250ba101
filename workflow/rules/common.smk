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


# What only the study knows: how its variables are printed, which follow from others, what its cancer
# is called. One place, until the study file says it.
VARIABLES = {
    "age": {"label": "Age", "unit": "years", "per": "per year"},
    "er": {"label": "ER", "abbreviations": {"ER": "estrogen receptor"}},
    "grade": {"label": "Grade"},
    "her2": {
        "label": "HER2",
        "abbreviations": {"HER2": "human epidermal growth factor receptor 2"},
    },
    "histology": {
        "label": "Histologic type",
        "abbreviations": {"IDC": "invasive ductal carcinoma"},
    },
    "n_stage": {"label": "N stage"},
    "pr": {"label": "PR", "abbreviations": {"PR": "progesterone receptor"}},
    "subtype": {
        "label": "Breast subtype",
        "abbreviations": {
            "HR+": "hormone receptor positive",
            "HR-": "hormone receptor negative",
        },
    },
    "t_stage": {"label": "T stage"},
    "tumor_size": {"label": "Tumor size", "unit": "mm", "per": "per mm"},
}
NEGATIVE, POSITIVE = "Negative", "Positive"
HORMONE = [[POSITIVE, NEGATIVE], [NEGATIVE, POSITIVE], [POSITIVE, POSITIVE]]
IDENTITIES = {
    "subtype": {
        "of": ["er", "pr", "her2"],
        "levels": {
            "HR+/HER2-": [[*hormone, NEGATIVE] for hormone in HORMONE],
            "HR+/HER2+": [[*hormone, POSITIVE] for hormone in HORMONE],
            "HR-/HER2+": [[NEGATIVE, NEGATIVE, POSITIVE]],
            "HR-/HER2-": [[NEGATIVE, NEGATIVE, NEGATIVE]],
        },
    }
}
CANCER = "breast cancer"
WITHOUT = ["subtype"]
CAPS = {"tumor_size": config["sensitivity"]["largest_size"]}


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
