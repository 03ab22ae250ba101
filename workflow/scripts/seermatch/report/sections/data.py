"""Where the data come from."""

from seermatch.report.section import Paragraph, Section
from seermatch.wording.results import Results


def section(results: Results) -> Section:
    """Say whether the patients are real, and what the registries do not record."""
    reference, exposed = results.printed
    origin = (
        "The data are SEER research data under the SEER data-use agreement. This report holds "
        "counts and estimates, no individual records."
    )
    if results.synthetic:
        made = (
            "The numbers of records after each criterion, the counts of Table 1 and the quartiles "
            "of age and tumor size were set to those of the published study: that they agree is by "
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
    untested = (
        "The registries record the stage that was assigned, not who was tested for it and how; "
        f"differences in testing between {reference} and {exposed} cannot be adjusted for here."
    )
    return Section("data", "About the data", (Paragraph(origin), Paragraph(untested)))
