"""The statistical methods in words: matching, balance, survival, competing risks, models."""

import pandas as pd

from seermatch.analysis.group_effect import FEW_EVENTS as MANY_EVENTS
from seermatch.analysis.names import ALIASED, FEW_EVENTS, MODELS, SEPARATED
from seermatch.disclosure.rule import protected_counts
from seermatch.methods.robustness import (
    describe_interpretation,
    describe_missing_data,
    describe_stability,
)
from seermatch.variables.printed import printed
from seermatch.wording.numbers import capitalize, format_count
from seermatch.wording.results import Results
from seermatch.wording.terms import (
    describe_contrast,
    listed,
    name_package,
    name_variables,
)
from seermatch.wording.warnings import group_sizes, warn_about_score

ORDERS = {
    "largest": "from the highest score down",
    "smallest": "from the lowest score up",
    "random": "in random order (seed {seed})",
}
TESTS = {
    "Wilcoxon rank-sum": "the Wilcoxon rank-sum test with corrections for ties and continuity",
    "Pearson chi-square": "Pearson’s chi-square test without continuity correction",
    "Fisher exact": "Fisher’s exact test (2×2 tables with an expected count below 5)",
    "Monte Carlo chi-square": (
        "the chi-square test against 10,000 simulated tables (larger tables with an expected count "
        "below 5)"
    ),
}


def analysis_sections(results: Results) -> dict[str, list[str]]:
    """Write the statistical methods.

    Parameters
    ----------
    results : Results
        As in `seermatch.methods.data.methods_sections`.

    Returns
    -------
    dict
        Title of each section to its paragraphs.
    """
    return {
        "Propensity score and matching": [_propensity(results), *_matching(results)],
        "Balance and comparison of the groups": [_balance(results), _group_tests(results)],
        "Overall survival": _survival(results),
        f"{capitalize(results.cancer)} mortality": _competing_risks(results),
        "Regression models": _models(results),
        "Stability and sensitivity": describe_stability(results),
        "What the matched patients can show": [describe_interpretation(results)],
        "Missing data and data quality": [describe_missing_data(results)],
        "Conventions and disclosure": [_conventions(results)],
        "Software": [_software(results)],
    }


def _few_events(models: pd.DataFrame) -> bool:
    """Tell whether events are so few that the effect of the group is Firth's."""
    status = models.loc[models["term"] == "group", "status"]
    return bool(status.isin([SEPARATED, FEW_EVENTS]).any())


FIRTH = "Firth’s penalized likelihood-ratio test, since events were few"


# ----- matching ----------------------------------------------------------------------------------


def _propensity(results: Results) -> str:
    matching, exposed = results.config["matching"], printed(results.labels[1])
    named = name_variables(matching["covariates"], results.variables)
    how = (
        f"by maximum likelihood ({name_package('statsmodels', results.versions)})"
        if matching["ties"] == "hash"
        else "by iteratively reweighted least squares with the start and stopping rule of R’s glm"
    )
    return " ".join(
        [
            f"The propensity score, the probability of {exposed}, was estimated by logistic "
            f"regression with main effects of {named}, fitted "
            f"{how}; terms that are linear combinations of earlier ones are left out.",
            *warn_about_score(results["separated_cells"], results.labels, results.variables),
        ]
    )


def _matching(results: Results) -> list[str]:
    matching, labels = results.config["matching"], results.labels
    reference, exposed = map(printed, labels)
    logit = matching["link"] == "logit"
    distance = "the logit of the score (the linear predictor)" if logit else "the score itself"
    scale = "the logit of the score" if logit else "the score"
    ratio = matching["ratio"]
    order = ORDERS[matching["order"]].format(seed=matching["seed"])
    if ratio == 1:
        drawn = f"{exposed} patients chose {order}."
        wanted = f"one {reference} patient"
    else:
        drawn = (
            f"There were {ratio} rounds, in each of which every {exposed} patient chose one "
            f"{reference} patient who was still free, {order}."
        )
        wanted = f"{'up to ' * results.weighted}{ratio} {reference} patients"
    everyone = results["separated_cells"]["in_pool"].all()
    scored = (
        "eligible patients of both groups" if everyone else "patients of both groups in the pool"
    )
    caliper = (
        "No caliper was set."
        if matching["caliper"] is None
        else f"The caliper was {matching['caliper']:g} standard deviations of {scale} (divisor "
        f"n − 1, over all {scored})."
    )
    exact = ""
    if matching["exact"]:
        names = {"year": "year of diagnosis", "registry": "SEER registry"}
        exact = f" Matched patients have the same {listed(names[x] for x in matching['exact'])}."
    n = group_sizes(results["followup"], labels)
    result = (
        f"Of {format_count(n['cohort', labels[1]])} {exposed} patients "
        f"{format_count(n['matched', labels[1]])} were matched, to "
        f"{format_count(n['matched', labels[0]])} {reference} patients."
    )
    population = "the exposed"
    if n["matched", labels[1]] != n["cohort", labels[1]]:  # so is a masked or rounded number
        population = "those exposed who found a match"
    sets = "All sets have the same size, so that no weights are needed."
    if results.weighted:
        sets = (
            "Sets differ in size: every analysis of the matched patients gives a reference patient "
            "a weight of one over the number in the set, scaled to a mean of 1."
        )
    return [
        f"Each {exposed} patient was matched to {wanted} by nearest-neighbor matching on "
        f"{distance}, without replacement. {drawn} {caliper}{exact} {_ties(matching)}",
        f"{result} {sets} The estimand is the effect in {population}.",
    ]


def _ties(matching) -> str:
    if matching["ties"] == "file_order":
        return (
            "Of equally near patients the one nearest in the file was taken (rule of MatchIt "
            "4.7.2), so that the match depends on the order of the records."
        )
    unit = "standard deviation of the distance" if matching["caliper"] is None else "caliper"
    return (
        f"Of patients whose distances agree to 10⁻⁹ of the {unit}, the one with the smallest "
        f"SHA-256 hash of seed ({matching['seed']}) and patient number was taken, so that the "
        "match does not depend on the order of the records."
    )


# ----- comparison of the groups ------------------------------------------------------------------


def _balance(results: Results) -> str:
    return (
        "Balance was judged by standardized mean differences: exposed minus reference, over the "
        "standard deviation of the exposed before matching, which is the denominator after "
        "matching too (convention of MatchIt). Absolute values up to "
        f"{results.config['balance']['threshold']:g} counted as balanced. Variance ratios, exposed "
        "over reference, are given for continuous covariates and the score."
    )


def _group_tests(results: Results) -> str:
    before, after = (
        [TESTS.get(test, test) for test in table["test"].unique() if test]
        for table in (results["table1"], results["table2"])
    )
    told = "Characteristics are medians with quartiles, or counts with percentages."
    if before:
        told += f" Before matching, groups were compared by {listed(before)}."
    if not after:
        return f"{told} After matching no test was made, because the sample is weighted."
    same = "the same tests" if after == before else listed(after)
    return f"{told} After matching, they were compared by {same}, without regard to matched sets."


# ----- outcomes ----------------------------------------------------------------------------------


def _survival(results: Results) -> list[str]:
    lifelines = name_package("lifelines", results.versions)
    interval = results.config["survival"]["interval"]
    scale = {"plain": "untransformed"}.get(interval, interval)
    if results.weighted:
        variance = "the infinitesimal jackknife"
        test = "a weighted score test clustered by matched set, in place of the log-rank test"
        errors = "robust standard errors"
    else:
        variance = "Greenwood’s variance"
        test = "the log-rank test"
        errors = "model-based standard errors"
    if _few_events(results.of_model("cox")):
        test = FIRTH
    return [
        f"Overall survival was estimated by the Kaplan–Meier method ({lifelines}), with 95% "
        f"intervals on the {scale} scale from {variance}, and compared by {test}.",
        f"Hazard ratios of death are from Cox models with Efron’s method for tied months "
        f"(seermatch), with Wald intervals from {errors}. "
        "Standard errors clustered by matched set were estimated too, from Efron’s score "
        "residuals; the main results and the sensitivity analyses of matched patients use them.",
    ]


def _competing_risks(results: Results) -> list[str]:
    checked = ""
    if results.weighted:
        variance = "the infinitesimal jackknife"
        test = "a weighted score test clustered by matched set, in place of Gray’s test"
        weights = ", both they and the likelihood weighted by the matched sets"
    else:
        variance = "the variance of R’s cmprsk"
        checked = (
            f" (estimates checked against {name_package('scikit-survival', results.versions)})"
        )
        test = "Gray’s test (ρ = 0)"
        weights = ""
    if _few_events(results.of_model("fine_gray")):
        test = FIRTH
    return [
        "Cumulative incidence of both causes of death was estimated by the Aalen–Johansen method "
        f"with {variance} and 95% intervals on the log-log scale{checked}, and compared by {test}.",
        f"Subdistribution hazard ratios of death of {results.cancer} are from Fine–Gray models "
        "with inverse-probability-of-censoring weights from one Kaplan–Meier estimate of the "
        f"censoring distribution{weights}; tied months by Breslow’s method. Standard errors are of "
        "the sandwich form that allows for the estimated censoring distribution. Those clustered "
        "by matched set were estimated too; the main results and the sensitivity analyses of "
        "matched patients use them.",
    ]


# ----- models ------------------------------------------------------------------------------------


def _models(results: Results) -> list[str]:
    regression, variables = results.config["regression"], results.variables
    joint = "likelihood-ratio test for Cox, Wald test for Fine–Gray models"
    if results.weighted:
        joint = "Wald test with the robust variance"
    entered = [
        f"in the {name} analysis {name_variables(terms, variables) if terms else 'no covariate'}"
        for name, terms in (
            ("Cox", _selected(results.of_model("cox"))),
            ("Fine–Gray", _selected(results.of_model("fine_gray"))),
        )
    ]
    return [
        "Each covariate and the group were modeled alone (univariable). The multivariable model "
        f"holds the covariates with a univariable p below {regression['selection_p']:g} in a joint "
        f"test of their levels ({joint}; likelihood-ratio test under separation), and the group: "
        f"{listed(entered)}. A second, recommended model holds terms fixed in advance, "
        f"{name_variables(regression['recommended'], variables)}, and the group.",
        "A term that is a linear combination of the terms before it (aliased) has no estimate. "
        "Estimates that are infinite (separation) were found by linear programming and replaced by "
        "Firth’s penalized estimates with profile intervals and penalized likelihood-ratio tests, "
        "both approximate; tables mark them. The other terms of such a model, and the comparisons "
        "among its infinite terms that are finite, are estimates in the limit of the likelihood. "
        f"{_irregular(results)}",
        f"With fewer than {MANY_EVENTS} events every estimate of a model is Firth’s. With so "
        "few, or none in one group, estimate, interval and test of the group’s effect are those of "
        "one penalized likelihood in all analyses, and no other test stands beside them. A group "
        "without events has Wilson’s interval, and a difference to it Newcombe’s.",
    ]


def _selected(models: pd.DataFrame) -> list[str]:
    """List the covariates of the multivariable model."""
    terms = models.loc[models["model"] == MODELS[1], "term"].unique()
    return [term for term in terms if term != "group"]


def _irregular(results: Results) -> str:
    """Name the terms that a model could not estimate as usual."""
    told = []
    for name, models in (
        ("Cox", results.of_model("cox")),
        ("Fine–Gray", results.of_model("fine_gray")),
    ):
        rows = models[models["status"].isin([ALIASED, SEPARATED])].fillna({"level": ""})
        for (status, model), part in rows.groupby(["status", "model"], sort=False):
            words = results.labels, results.reference_levels, results.variables
            terms = [describe_contrast(row.term, row.level, *words) for row in part.itertuples()]
            told.append(f"{status} in the {name} analysis ({model}): {listed(terms)}")
    if not told:
        return "In this run no term was aliased or separated."
    return f"In this run: {'; '.join(told)}."


def _conventions(results: Results) -> str:
    masking = "No count was masked for disclosure control."
    if results.disclosure.active:
        how, which = protected_counts(results.disclosure)
        masking = f"{how.capitalize()} in everything published are {which}."
    return (
        "Tests are two-sided at a level of 5%, intervals are 95% unless they say otherwise, and "
        f"nothing was corrected for multiple testing. {masking}"
    )


def _software(results: Results) -> str:
    told = [name_package(package, results.versions) for package in results.versions]
    return f"The analyses were run with {listed(told)}."
