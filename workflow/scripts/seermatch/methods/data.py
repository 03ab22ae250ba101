"""The methods section in words, from the configuration and what the run really used.

Everything that a choice of the configuration moves is said from the configuration, so that the
words cannot be out of step with the run. This module holds data, participants, variables and
outcomes; `seermatch.methods.analysis` the statistical methods.
"""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from seermatch.methods.analysis import analysis_sections
from seermatch.seer.dictionary import database_years
from seermatch.seer.fields import seer_fields
from seermatch.variables.printed import printed, variable_of
from seermatch.wording.numbers import format_count
from seermatch.wording.results import Results
from seermatch.wording.terms import listed, name_variable, name_variables
from seermatch.wording.warnings import group_sizes

MONTHS = {
    **{"Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "Jun": "June"},
    **{"Jul": "July", "Aug": "August", "Sep": "September", "Oct": "October", "Nov": "November"},
    "Dec": "December",
}
SYNTHETIC_MARK = re.compile(r" - SYNTHETIC.*")


def methods_sections(results: Results) -> dict[str, list[str]]:
    """Write the methods section.

    Parameters
    ----------
    results : Results
        Of its tables attrition, followup, models, sensitivity, separated_cells, table1, table2.

    Returns
    -------
    dict
        Title of each section to its paragraphs, plain text without markup.
    """
    return {
        "Study design and data source": [
            _design(results),
            *describe_data(results.exports, results.synthetic),
        ],
        "Participants": _participants(results),
        "Variables": _variables(results),
        "Outcomes and follow-up": _outcomes(results),
        **analysis_sections(results),
    }


# ----- data --------------------------------------------------------------------------------------


def cite_database(database: str, submission: str) -> str:
    """Cite a database in the form that SEER suggests.

    Parameters
    ----------
    database : str
        Name of the database, as the dictionary of an export gives it.
    submission : str
        ``"Nov 2024"``, or empty.

    Returns
    -------
    str
        The release date is not in an export: SEER's habit, April of the following year, is marked
        to be checked.

    References
    ----------
    Suggested citation as SEER*Stat prints it with each session (Help > Suggested Citations).

    Examples
    --------
    >>> cite_database("Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub (2000-2022)",
    ...               "Nov 2024").partition("Program, ")[2]
    'released April 2025 [check], based on the November 2024 submission.'
    """
    month, _, year = submission.partition(" ")
    based = f"{MONTHS.get(month, month)} {year}" if year else "[month and year]"
    released = f"April {int(year) + 1} [check]" if year else "[month and year]"
    return (
        "Surveillance, Epidemiology, and End Results (SEER) Program (www.seer.cancer.gov) "
        f"SEER*Stat Database: {database}, National Cancer Institute, DCCPS, Surveillance Research "
        f"Program, released {released}, based on the {based} submission."
    )


def describe_data(exports: pd.DataFrame, synthetic: bool) -> list[str]:
    """Say where the records come from, and how the database is cited.

    Parameters
    ----------
    exports : pandas.DataFrame
        One row per export: export, rows, database, submission; empty where unknown.
    synthetic : bool
        Whether the records were simulated.

    Returns
    -------
    list of str
        Paragraphs.
    """
    n = len(exports)
    size = (
        f"{n} case listing{'s' if n > 1 else ''} with {format_count(exports['rows'].sum())} records"
    )
    sources = exports[["database", "submission"]].drop_duplicates()
    sources = [(row.database, row.submission) for row in sources.itertuples() if row.database]
    if synthetic:
        imitated = {(SYNTHETIC_MARK.sub("", name), when) for name, when in sources}
        cited = " ".join(f"“{cite_database(*source)}”" for source in sorted(imitated))
        return [
            f"The data are simulated: {size} in the format of SEER*Stat, without any record of a "
            "patient. They must not be cited as SEER data. Real exports of the database that they "
            f"imitate are cited here in the form that SEER suggests: {cited}"
        ]
    found = [f"Records came from {size}, exported from SEER*Stat."]
    nameless = exports.loc[exports["database"] == "", "export"]
    if len(nameless):
        found.append(
            f"The dictionary of {listed(nameless)} does not name the database; take its suggested "
            "citation from SEER*Stat."
        )
    if sources:
        cited = " ".join(cite_database(*source) for source in sources)
        found.append(
            f"Suggested citation of the data: {cited} Of the software: Surveillance Research "
            "Program, National Cancer Institute SEER*Stat software (www.seer.cancer.gov/seerstat) "
            "version [version]. An export holds neither the release date (by SEER’s habit April "
            "of the year after the submission) nor the version of SEER*Stat: compare both with "
            "Suggested Citations in SEER*Stat."
        )
    return found


def _design(results: Results) -> str:
    reference, exposed = map(printed, results.labels)
    return (
        "This is a retrospective cohort study of cancer registry data with propensity-score "
        f"matching: the prognosis of {results.cancer} was compared between {exposed} and "
        f"{reference}."
    )


# ----- participants ------------------------------------------------------------------------------


def _participants(results: Results) -> list[str]:
    cohort = results.config["cohort"]
    reference, exposed = map(printed, results.labels)
    first, *steps = results["attrition"].itertuples()
    where = "all registries of the exports"
    if cohort["registries"] is not None:
        where = f"the registries {listed(cohort['registries'])}"
    criteria = "; ".join(f"{step.criterion} ({format_count(step.remaining)})" for step in steps)
    n = group_sizes(results["followup"], results.labels)
    tumors = (
        "Of several eligible tumors of a patient, the one with the lowest record number was kept."
        if cohort["one_tumor_per_patient"]
        else "Every eligible tumor counted, so that a patient with several may be in the study "
        "more than once."
    )
    unit = "patients" if cohort["one_tumor_per_patient"] else "tumors"
    return [
        f"The study considered the {format_count(first.remaining)} records of tumors diagnosed in "
        f"{describe_years(cohort['years'])} in {where}. The criteria were applied in this order, "
        f"with the records left in brackets: {criteria}. {tumors}",
        f"This left {format_count(n['cohort', results.labels[1]])} {exposed} and "
        f"{format_count(n['cohort', results.labels[0]])} {reference} {unit}. The study size is "
        f"that of all eligible {unit}.",
    ]


def describe_years(years: Sequence[int]) -> str:
    """Print years, consecutive ones as a range.

    Examples
    --------
    >>> describe_years([2018, 2019, 2020]), describe_years([2022, 2018]), describe_years([2020])
    ('2018–2020', '2018 and 2022', '2020')
    """
    years = sorted(years)
    if len(years) > 1 and years == list(range(years[0], years[-1] + 1)):
        return f"{years[0]}–{years[-1]}"
    return listed(map(str, years))


# ----- variables and outcomes --------------------------------------------------------------------


def _variables(results: Results) -> list[str]:
    config, fields = results.config, seer_fields()
    exposure, covariates = config["cohort"]["exposure"], config["matching"]["covariates"]
    groups = [
        f"{printed(arm['label'])}"
        + ("" if arm["labels"] == [arm["label"]] else f" ({', '.join(arm['labels'])})")
        for arm in (exposure["exposed"], exposure["reference"])
    ]
    used = list(dict.fromkeys([*covariates, *config["regression"]["recommended"]]))
    levels, variables = results.reference_levels, results.variables
    continuous = [name for name in used if name not in levels]
    factors = [name for name in used if name in levels]

    def source(name: str) -> str:
        return fields[name].variable if name in fields else variable_of(name, variables).label

    recoded = [
        f"{name_variable(name, variables)} ({source(name)}): {_levels(config['recode'][name])}"
        for name in factors
        if name in config["recode"]
    ]
    taken = [name for name in factors if name not in config["recode"]]
    found = [
        f"The exposure was {source(exposure['field'])}: {groups[0]} against {groups[1]}, "
        "the reference. SEER variables have their newest names; earlier submissions call some of "
        "them otherwise.",
        f"Covariates were {name_variables(covariates, variables)}.",
    ]
    if continuous:
        found.append(
            "Continuous and not categorized, linear in the main models: "
            f"{name_variables(continuous, variables)}."
        )
    if recoded:
        found.append(f"Recodes, the reference level first: {'; '.join(recoded)}.")
    if taken:
        references = [
            f"{name_variable(name, variables)} ({known}reference {printed(levels[name])})"
            for name in taken
            for known in [f"{source(name)}; " if name in fields else ""]
        ]
        found.append(f"As SEER recodes them: {listed(references)}.")
    return found


def _levels(levels: Sequence[Mapping]) -> str:
    """Describe the levels of a recode."""
    told = []
    for item in levels:
        rule = "all others"
        if "labels" in item:
            rule = ", ".join(map(str, item["labels"]))
        elif "pattern" in item:
            rule = f"labels that match {item['pattern']}"
        told.append(f"{printed(item['level'])} ({rule})")
    return listed(told)


def _outcomes(results: Results) -> list[str]:
    years = [database_years(name) for name in results.exports["database"]]
    last = max((end for _, end in filter(None, years)), default=None)
    cutoff = "the study cutoff of the database" + (f" (December {last})" if last else "")
    fields = seer_fields()
    return [
        f"Outcomes were death of any cause (overall survival) and death of {results.cancer}, for "
        "which deaths of other causes are competing events. A death counted as one of "
        f"{results.cancer} if "
        f"SEER attributes it to this cancer ({fields['cause_specific'].variable}), and as one of "
        f"other causes if SEER attributes it to them ({fields['other_cause'].variable}); patients "
        "alive at the end of their follow-up are censored.",
        "Follow-up ran in completed months from diagnosis "
        f"({fields['survival_months'].variable}) to death, loss to follow-up or {cutoff}. It is "
        "summarized by median and quartiles, and by the reverse Kaplan–Meier median.",
    ]
