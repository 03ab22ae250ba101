"""What a reader must know before using the results, in plain words, found in the results."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from seermatch.analysis.names import ALIASED, MODELS, NO_EVENT, SEPARATED
from seermatch.seer.fields import seer_fields
from seermatch.variables.printed import NOT_APPLIED, WHERE_EXPORTED, Variable, label_groups, printed
from seermatch.wording.numbers import format_count
from seermatch.wording.terms import describe_balance_term, describe_contrast

EVENTS_PER_TERM = 10  # Peduzzi et al. 1995: fewer make a regression unreliable
TERMS_NAMED = 3  # of those out of balance
MODEL_NAMES = dict(
    zip(
        MODELS,
        ("univariable models", "multivariable model as published", "recommended model"),
        strict=True,
    )
)


def warn_about_criteria(attrition: pd.DataFrame, criteria: Sequence[Mapping]) -> list[str]:
    """Name the criteria that no export, or not every export, could be asked.

    Parameters
    ----------
    attrition : pandas.DataFrame
        Rows of ``results/attrition.tsv``.
    criteria : sequence of mapping
        ``criteria.criteria``, for the variables that each needs.

    Returns
    -------
    list of str
        One text per such criterion.

    Examples
    --------
    >>> attrition = pd.DataFrame({"criterion": ["records", "nodes examined" + NOT_APPLIED]})
    >>> criteria = [{"criterion": "nodes examined", "keep": {"eod_regional_nodes": {}}}]
    >>> print(*warn_about_criteria(attrition, criteria))
    The criterion “nodes examined” was not applied: no export holds EOD Regional Nodes (2018+). \
Patients who do not meet it may be in the results. Add the variable to the case listing in \
SEER*Stat and export again.
    """
    fields, found = seer_fields(), []
    for criterion in criteria:
        name = criterion["criterion"]
        variables = [fields[f].variable if f in fields else f for f in criterion["keep"]]
        needed = (" or " if criterion.get("any") else " and ").join(variables)
        them = "one of these variables" if criterion.get("any") else "what is missing"
        add = "the variable" if len(variables) == 1 else them
        for suffix, told in (
            (NOT_APPLIED, f"was not applied: no export holds {needed}."),
            (WHERE_EXPORTED, f"was applied only to the exports that hold {needed}."),
        ):
            if (attrition["criterion"] == name + suffix).any():
                found.append(
                    f"The criterion “{name}” {told} Patients who do not meet it may be in the "
                    f"results. Add {add} to the case listing in SEER*Stat and export again."
                )
    return found


def warn_about_models(
    outcomes: Mapping[str, pd.DataFrame],
    labels: tuple[str, str],
    reference_levels: Mapping[str, str],
    variables: Mapping[str, Variable],
) -> list[str]:
    """Name aliased and separated terms, and models with few events.

    Parameters
    ----------
    outcomes : mapping
        Name of each outcome to its models: rows with model, term, level, status, dependence and
        events.
    labels : tuple of str
        Label of the reference and of the exposed group.
    reference_levels : mapping
        Reference level per factor.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    list of str
        At most four texts, most serious first: what goes for several models is said once.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["univariable", "recommended"], "term": "er",
    ...     "level": "Positive", "status": "separated", "dependence": "", "events": 47})
    >>> variables = {"er": Variable("ER")}
    >>> warn_about_models({"death": rows}, ("M0", "M0(i+)"), {"er": "Negative"}, variables)[0]
    'No finite estimate exists (separation) for ER (Positive vs Negative) in: death \
(univariable models, recommended model). Firth estimates, marked in the tables, stand in for them; \
their intervals are approximate.'
    """
    found = []
    separated = _terms_and_models(outcomes, SEPARATED, labels, reference_levels, variables)
    if separated:
        found.append(
            f"No finite estimate exists (separation) for {'; for '.join(separated)}. Firth "
            "estimates, marked in the tables, stand in for them; their intervals are approximate."
        )
    aliased = _terms_and_models(outcomes, ALIASED, labels, reference_levels, variables)
    if aliased:
        found.append(
            "Aliased, that is not to be told apart from the terms before them, and without an "
            f"estimate: {'; '.join(aliased)}."
        )
    without = [name for name, rows in outcomes.items() if (rows["status"] == NO_EVENT).all()]
    if without:
        found.append(f"No model is estimable without an event: {' and '.join(without)}.")
    few = {
        outcome: [
            f"{format_count(events)} for {coefficients} in the {MODEL_NAMES[model]}"
            for model, events, coefficients in _events_and_coefficients(models)
            if events < EVENTS_PER_TERM * coefficients  # says nothing of a masked number
        ]
        for outcome, models in outcomes.items()
        if outcome not in without
    }
    told = [f"{outcome}, {', '.join(text)}" for outcome, text in few.items() if text]
    if told:
        found.append(
            f"There are few events for the number of coefficients: {'; '.join(told)}. Below "
            f"{EVENTS_PER_TERM} events per coefficient estimates are unreliable."
        )
    return found


def _terms_and_models(outcomes, status: str, *words) -> list[str]:
    """Name the terms of a status, each list of terms once, with all models that have it."""
    places: dict[str, dict[str, list[str]]] = {}
    for outcome, models in outcomes.items():
        for model, rows in models[models["status"] == status].groupby("model", sort=False):
            terms = ", ".join(
                describe_contrast(row.term, row.level or "", *words)
                for row in rows.fillna({"level": ""}).itertuples()
            )
            reasons = "; ".join(text for text in rows["dependence"] if text)
            terms += f", since {reasons}," if reasons else ""
            models_of = places.setdefault(terms, {}).setdefault(outcome, [])
            models_of.append(MODEL_NAMES[model])
    return [
        f"{terms} in: " + " and ".join(f"{o} ({', '.join(m)})" for o, m in where.items())
        for terms, where in places.items()
    ]


def events_per_coefficient(models: pd.DataFrame) -> list[str]:
    """Say how many events there are per coefficient of the models with several terms.

    Parameters
    ----------
    models : pandas.DataFrame
        Rows with model, status and events.

    Returns
    -------
    list of str
        One sentence; none if there is no such model.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": "recommended", "status": ["ok"] * 8, "events": 84})
    >>> events_per_coefficient(rows)
    ['Events per coefficient: 84 / 8 = 10.5 in the recommended model.']
    """
    said = [
        f"{format_count(events)} / {coefficients}"
        + ("" if pd.isna(events) else f" = {events / coefficients:.1f}")
        + f" in the {MODEL_NAMES[model]}"
        for model, events, coefficients in _events_and_coefficients(models)
    ]
    return [f"Events per coefficient: {', '.join(said)}."] if said else []


def _events_and_coefficients(models: pd.DataFrame) -> Iterator[tuple[str, float, int]]:
    """Yield name, events and estimated coefficients of each model but the univariable ones."""
    estimated = models[(models["status"] != ALIASED) & (models["model"] != MODELS[0])]
    for model, rows in estimated.groupby("model", sort=False):
        yield model, rows["events"].max(), len(rows)


def warn_about_balance(
    balance: pd.DataFrame, threshold: float, variables: Mapping[str, Variable]
) -> list[str]:
    """Name the terms furthest out of balance after matching, and those that it made worse.

    Parameters
    ----------
    balance : pandas.DataFrame
        Rows of ``results/balance.tsv``.
    threshold : float
        Largest absolute standardized mean difference that counts as balanced.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    list of str
        At most two sentences, each with the three largest differences.

    Examples
    --------
    >>> balance = pd.DataFrame({"term": ["age", "er"], "level": ["", "Positive"],
    ...                         "smd_before": [-0.13, 0.01], "smd_after": [0.01, 0.03]})
    >>> warn_about_balance(balance, 0.1, {"er": Variable("ER")})
    ['Matching made the balance worse, but kept it within 0.1, for ER: Positive (0.010 to 0.030).']
    """
    before, after = balance["smd_before"].abs(), balance["smd_after"].abs()
    above = after > threshold
    worse = (after.round(3) > before.round(3)) & ~above  # as printed
    found = []
    for rows, sentence in (
        (above, "Balance is insufficient after matching (above {threshold:g}) for {terms}."),
        (worse, "Matching made the balance worse, but kept it within {threshold:g}, for {terms}."),
    ):
        if rows.any():
            largest = after[rows].sort_values(ascending=False, kind="stable").index[:TERMS_NAMED]
            terms = "; ".join(
                f"{describe_balance_term(row.term, row.level, variables)} "
                f"({abs(row.smd_before):.3f} to {abs(row.smd_after):.3f})"
                for row in balance.loc[largest].itertuples()
            )
            if rows.sum() > TERMS_NAMED:
                terms = f"{rows.sum()} of {len(balance)} terms, most for {terms}"
            found.append(sentence.format(threshold=threshold, terms=terms))
    return found


def warn_about_score(
    cells: pd.DataFrame, labels: tuple[str, str], variables: Mapping[str, Variable]
) -> list[str]:
    """Name the patients whose group their covariates tell without error.

    Parameters
    ----------
    cells : pandas.DataFrame
        Cells of one group only: cell, term, level (empty where a number is among the terms),
        n_reference, n_exposed (missing where masked, which 0 never is), in_pool (whether they were
        matched all the same).
    labels : tuple of str
        Label of the reference and of the exposed group.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    list of str
        One text per cell.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": [1, 1], "term": ["er", "pr"], "in_pool": False,
    ...     "level": ["Negative", "Positive"], "n_reference": [10, 10], "n_exposed": [0, 0]})
    >>> variables = {"er": Variable("ER"), "pr": Variable("PR")}
    >>> warn_about_score(cells, ("M0", "M0(i+)"), variables)[0]
    'No M0(i+) patient has ER: Negative and PR: Positive, so that the M0 patients who have (10) \
got no propensity score and are outside the pool of the match. Table 1 counts them.'
    """
    found = []
    for _, cell in cells.groupby("cell"):
        first = cell.iloc[0]
        exposed = bool(first["n_exposed"] != 0)
        told = format_count(first["n_exposed" if exposed else "n_reference"])
        here, missing = printed(labels[exposed]), printed(labels[not exposed])
        names = [describe_balance_term(row.term, row.level, variables) for row in cell.itertuples()]
        what = f"has {' and '.join(names)}"
        if not cell["level"].all():
            what = f"is in some of the combinations of {' and '.join(names)}"
        who = f"No {missing} patient {what}, so that the {here} patients who "
        who += f"{'have' if cell['level'].all() else 'are'} ({told}) "
        found.append(
            f"{who}have a propensity score that is 0 or 1 but for rounding. They were not taken "
            "out of the pool of the match, as in R (ties: file_order), and widen the caliper."
            if first["in_pool"]
            else f"{who}got no propensity score and are outside the pool of the match. Table 1 "
            "counts them."
        )
    return found


def warn_about_matching(
    followup: pd.DataFrame,
    labels: tuple[str, str],
    ratio: int,
    order: str = "largest",
) -> list[str]:
    """Say how many exposed patients found no match, whether sets are incomplete, and why.

    Parameters
    ----------
    followup : pandas.DataFrame
        Rows of ``results/followup.tsv``: population, group, n; of masked sizes nothing is said.
    labels : tuple of str
        Label of the reference and of the exposed group.
    ratio : int
        Reference patients wanted per exposed patient.
    order : {"largest", "smallest", "random", "data"}
        Which exposed patients chose first.

    Returns
    -------
    list of str
        At most three texts.

    Examples
    --------
    >>> followup = pd.DataFrame({"population": ["cohort", "cohort", "matched", "matched"],
    ...                          "group": [0, 1, 0, 1], "n": [5000, 100, 190, 99]})
    >>> for sentence in warn_about_matching(followup, ("M0", "M0(i+)"), 2):
    ...     print(sentence)
    1 of 100 M0(i+) patients found no match and is not in the results.
    Matched sets are incomplete: 190 M0 patients for 99 M0(i+) patients instead of 198; their \
weights differ.
    """
    n = group_sizes(followup, labels)
    exposed, wanted = n["matched", labels[1]], ratio * n["matched", labels[1]]
    lost, name = n["cohort", labels[1]] - exposed, printed(labels[1])
    found = _few_reference_patients(n, labels, ratio, order)
    if lost > 0:
        found.append(
            f"{format_count(lost)} of {format_count(n['cohort', labels[1]])} {name} patients found "
            f"no match and {'is' if lost == 1 else 'are'} not in the results."
        )
    if (reference := n["matched", labels[0]]) < wanted:
        found.append(
            f"Matched sets are incomplete: {format_count(reference)} {printed(labels[0])} patients "
            f"for {format_count(exposed)} {name} patients instead of {format_count(wanted)}; "
            "their weights differ."
        )
    return found


def _few_reference_patients(
    n: Mapping[tuple[str, str], int], labels: tuple[str, str], ratio: int, order: str
) -> list[str]:
    """Say that there are fewer reference patients than the ratio needs."""
    reference, exposed = (n["cohort", label] for label in labels)
    others, name = map(printed, labels)
    if not reference < ratio * exposed:  # neither where one of them is masked
        return []
    told = (
        f"There are {format_count(reference)} {others} patients for {format_count(exposed)} {name} "
        f"patients, fewer than a ratio of {ratio} needs ({format_count(ratio * exposed)}): as many "
        "as possible were matched."
    )
    if reference < exposed:
        left = {"largest": "those of low score", "smallest": "those of high score"}.get(
            order, "some"
        )
        told += (
            f" Not all {name} patients can have a match, and {left} have none (order: {order}), so "
            "that the results do not stand for all of them. Overlap weights (ATO, among the "
            "sensitivity analyses) use all patients; prefer them."
        )
    return [told]


def group_sizes(followup: pd.DataFrame, labels: tuple[str, str]) -> dict[tuple[str, str], int]:
    """Look up the patients of each population and group.

    Parameters
    ----------
    followup : pandas.DataFrame
        Rows of ``results/followup.tsv``; the row of all patients is left out.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    dict
        (population, label) to the number of patients; NaN where it is masked.

    Examples
    --------
    >>> group_sizes(pd.DataFrame({"population": ["matched"], "group": ["1"], "n": [585]}),
    ...             ("M0", "M0(i+)"))
    {('matched', 'M0(i+)'): 585}
    """
    rows = followup[followup["group"] != "all"]
    groups = label_groups(rows["group"], labels)
    return {
        (population, group): float("nan") if pd.isna(n) else int(n)
        for population, group, n in zip(rows["population"], groups, rows["n"], strict=True)
    }
