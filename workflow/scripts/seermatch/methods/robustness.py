"""How robust the results are, in words: stability, sensitivity, limits and missing data."""

from collections.abc import Sequence

from seermatch.analysis.names import IMPUTED, OTHER
from seermatch.seer.dictionary import database_years
from seermatch.wording.results import Results
from seermatch.wording.terms import listed, name_analysis, print_outcome

ESTIMANDS = {
    "ATT": "ATT, the effect in the exposed",
    "ATT in the matched": "the effect in those exposed who found a match",
    "ATT, incomplete included": "ATT with those who lack a covariate",
    "ATT in the matched, incomplete included": (
        "the effect in those exposed who found a match, with those who lack a covariate"
    ),
    "ATE": "ATE, the effect in everybody",
    "ATO": "ATO, the effect in the overlap of both groups",
    "conditional": "the effect at given covariates (conditional)",
}


def describe_stability(results: Results) -> list[str]:
    """Say which other matches and analyses were made."""
    seeds, table = results.config["stability"]["seeds"], results["sensitivity"]
    matching = results.config["matching"]
    seeded = "the tie rule" if matching["ties"] == "hash" else "a tie rule by seeded hash"
    if matching["order"] == "random":
        seeded += " and of the order"
    analyses = [name for name in table["analysis"].unique() if name != "main"]
    named = [name_analysis(name, results.variables, results.cancer) for name in analyses]
    outcomes = [
        _lower(print_outcome(outcome, results.cancer)) for outcome in table["outcome"].unique()
    ]
    estimands = [ESTIMANDS.get(name, name) for name in table["estimand"].unique()]
    found = [f"The match was repeated with {seeds:,} other seeds of {seeded}."]
    if analyses:
        found.append(
            f"Sensitivity analyses estimated the effect of the group on {listed(outcomes)} in "
            f"other ways: {'; '.join(named)}. Variances are "
            f"{_alternatives(table['variance'].unique())}; estimands are {'; '.join(estimands)}."
        )
    if any(name.startswith("caliper") for name in analyses):
        found[-1] += " Calipers are in standard deviations of the distance."
    if OTHER in set(table["outcome"]):
        found[-1] += " Other deaths are a negative control in their cause-specific hazard."
    return found


def _lower(outcome: str) -> str:
    return outcome[:1].lower() + outcome[1:]


def _alternatives(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def describe_interpretation(results: Results) -> str:
    """Say what was done to tell what the matched patients can show."""
    settings = results.config["interpretation"]
    months = listed(f"{month:g}" for month in sorted(settings["months"]))
    margin = settings["equivalence_margin"]
    found = [
        "Differences in cumulative incidence, in months of life lost, in survival and in "
        f"restricted mean survival were estimated at month{'s' * (len(settings['months']) > 1)} "
        f"{months}, with intervals clustered by matched set.",
        "The smallest detectable hazard ratio is Schoenfeld’s, with "
        f"{100 * settings['power']:g}% power.",
        "E-values (VanderWeele and Ding) say how strong unmeasured confounding would have to be.",
        "Proportional hazards of the group were tested by the score test on the Kaplan–Meier scale "
        "(Cox) and by a Wald test of its interaction with time (Fine–Gray).",
    ]
    if settings["ascertainment"]:
        shares = _alternatives([f"{100 * share:g}%" for share in settings["ascertainment"]])
        found.append(
            "Hazard ratios were corrected for exposed patients among the reference patients, if "
            f"{shares} of the exposed had been found."
        )
    if margin is None:
        found.append("No margin of equivalence was fixed in advance, and equivalence not tested.")
    else:
        found.append(
            "Equivalence was tested by two one-sided tests (90% interval) against hazard ratios of "
            f"{1 / margin:.3g} and {margin:g}."
        )
    if claims := results.config["study"]["claims"]:
        told = [f"“{claim['claim']}” ({claim['source']})" for claim in claims]
        found.append(
            "Claims of other sources were put to these differences, at their months and with their "
            f"intervals: {'; '.join(told)}."
        )
    return " ".join(found)


def describe_missing_data(results: Results) -> str:
    """Say what was done about missing values, and which checks the exports passed."""
    limits = results.config["data_quality"]
    imputed = IMPUTED in set(results["sensitivity"]["analysis"])
    complete = (
        "Complete cases were analyzed: the criteria exclude records with unknown values, "
        f"{'' if imputed else 'nothing was imputed, '}and a value that is still missing stops the "
        "run. "
    )
    if imputed:
        complete += (
            "One sensitivity analysis includes the patients who meet every criterion but for "
            f"unknown covariates: {results.config['sensitivity']['imputations']} data sets imputed "
            "by chained equations (logistic regression, predictive mean matching of numbers) from "
            "the other covariates, the group, the year of diagnosis, and the event and the "
            "Nelson–Aalen cumulative hazard of each cause of death; each was scored and matched "
            "anew, and estimates pooled by Rubin’s rules with a t reference. "
        )
    named = all(map(database_years, results.exports["database"]))
    unknown = ", which counts as unknown" if named else ""
    return complete + (
        "The exports were checked for unknown labels, contradictions between fields, and follow-up "
        f"beyond the study cutoff{unknown}. "
        f"The run stops if more than {limits['stop_percent']:g}% of the records contradict "
        "themselves or have an unknown label in a field that the study needs, and warns if more "
        f"than {limits['missing_cause_of_death_percent']:g}% of the deaths have no known cause."
    )
