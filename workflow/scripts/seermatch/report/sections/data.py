"""Where the data come from."""

from seermatch.report.section import Paragraph, Section
from seermatch.wording.results import Results
from seermatch.wording.terms import name_variables


def section(results: Results) -> Section:
    """Say whether the patients are real, and what the registries do not record."""
    origin = (
        "The data are SEER research data under the SEER data-use agreement. This report holds "
        "counts and estimates, no individual records."
    )
    if results.synthetic:
        made = (
            "The numbers of records after each criterion, the counts of Table 1 and the quartiles "
            "of its numbers were set to those of the published study: that they agree is by "
            "construction. Follow-up and deaths were drawn at random; results after matching "
            "differ from the published ones as one sample from another."
            if "paper_comparison" in results
            else "Follow-up and deaths were drawn at random, with effects of the groups that were "
            "fixed beforehand."
        )
        origin = (
            "The exports were simulated in the format of SEER*Stat, so that the study can be run "
            f"and checked without access to SEER. {made} No record of a real patient is in this "
            "report or behind it."
        )
    limits = [*_about_testing(results), *_about_treatment(results)]
    return Section("data", "About the data", tuple(map(Paragraph, [origin, *limits])))


def _about_testing(results: Results) -> list[str]:
    """Say that nobody knows who was tested, where the study asks how many exposed were found."""
    reference, exposed = results.printed
    if not results.config["interpretation"]["ascertainment"]:
        return []
    return [
        "The registries record the stage that was assigned, not who was tested for it and how; "
        f"differences in testing between {reference} and {exposed} cannot be adjusted for here."
    ]


def _about_treatment(results: Results) -> list[str]:
    """Say what treatments in a registry cannot tell, where the study uses any."""
    exposure = results.config["cohort"]["exposure"]["field"]
    used = dict.fromkeys([exposure, *results.config["matching"]["covariates"]])
    treatments = [n for n in used if n in results.variables and results.variables[n].treatment]
    if not treatments:
        return []
    limits = (
        f"SEER records {name_variables(treatments, results.variables)} of the first course of "
        "treatment only, and incompletely: patients who are recorded as not treated may have been."
    )
    if exposure in treatments:
        limits += (
            " Treatment follows diagnosis, from which time is counted: patients had to live until "
            "it was given, which favors the treated (immortal time)."
        )
    return [limits]
