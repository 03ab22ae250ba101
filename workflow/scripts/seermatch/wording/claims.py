"""The questions and answers of `seermatch.analysis.claims` in plain words."""

from collections.abc import Mapping
from math import isinf, isnan

from seermatch.analysis.claims import SURVIVAL, Answer
from seermatch.analysis.names import BEYOND_ALL_FOLLOW_UP, BEYOND_FOLLOW_UP
from seermatch.disclosure.rule import MASKED
from seermatch.variables.printed import ALL_CAUSES, printed
from seermatch.wording.numbers import format_range

NOT_FIXED = (
    "How small a difference would count as none was not fixed in advance: these data can show that "
    "there is a difference, but not that there is none."
)


def ask(claim: Mapping, labels: tuple[str, str], cancer: str) -> str:
    """Put a claim as a question about the two groups.

    Parameters
    ----------
    claim : mapping
        With outcome, expects, months and, for a survival, survival_percent.
    labels : tuple of str
        Label of the reference and of the exposed group.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    str

    Examples
    --------
    >>> ask({"outcome": "cancer death", "expects": "worse"}, ("N0", "N1mi"), "lung cancer")
    'Is the risk of dying of lung cancer higher with N1mi than with N0?'
    """
    reference, exposed = map(printed, labels)
    if claim["expects"] == "survival":
        percent = f"{claim['survival_percent']:g}%"
        after = f"after {' and '.join(map(str, claim['months']))} months"
        if claim["outcome"] == ALL_CAUSES:
            return f"Are {percent} of the {exposed} patients still alive {after}?"
        return f"Have {percent} of the {exposed} patients not died of {cancer} {after}?"
    risk = "risk of dying" if claim["outcome"] == ALL_CAUSES else f"risk of dying of {cancer}"
    if claim["expects"] == "no difference":
        return f"Is the {risk} the same with {exposed} as with {reference}?"
    higher = "higher" if claim["expects"] == "worse" else "no higher"
    return f"Is the {risk} {higher} with {exposed} than with {reference}?"


def say_answer(answer: Answer, outcome: str, labels: tuple[str, str], cancer: str) -> str:
    """Give the difference in numbers of 100 patients, and what it says.

    Parameters
    ----------
    answer : Answer
        Risks, intervals and margin.
    outcome : str
        Of the claim.
    labels, cancer
        As in `ask`.

    Returns
    -------
    str
        Two sentences or more.

    Examples
    --------
    >>> print(say_answer(Answer(0.056, 0.064, -0.011, 0.027), "cancer death",
    ...     ("N0", "N1mi"), "lung cancer"))
    6.4 of 100 N1mi patients had died of lung cancer, and 5.6 of 100 N0 patients: 0.8 more (95% \
CI from 1.1 fewer to 2.7 more). The interval includes 0 (no difference) and also 2.7 more deaths \
per 100 patients: these data do not decide it.
    """
    reference, exposed = map(printed, labels)
    of = "" if outcome == ALL_CAUSES else f" of {cancer}"
    decimals = _decimals(answer)
    risks = [f"{100 * risk:.{decimals}f}" for risk in (answer.exposed, answer.reference)]
    interval = "not estimable"
    if not isnan(answer.low):
        interval = _interval(answer.low, answer.high, decimals)
    text = (
        f"{risks[0]} of 100 {exposed} patients had died{of}, and {risks[1]} of 100 {reference} "
        f"patients: {_more(answer.exposed - answer.reference, decimals)} "
        f"(95% CI {interval})."
    )
    return f"{text} {_conclude(answer, decimals)}"


def _decimals(answer: Answer) -> int:
    """Take one decimal per 100 patients, or two where a limit would print as no difference."""
    return 2 if min(abs(answer.low), abs(answer.high)) < 0.0005 else 1


def _more(difference: float, decimals: int) -> str:
    amount = f"{100 * abs(difference):.{decimals}f}"
    if not float(amount):
        return "as many"
    return f"{amount} {'fewer' if difference < 0 else 'more'}"


def _interval(low: float, high: float, decimals: int) -> str:
    if low >= 0 or high <= 0:
        ends = sorted((abs(low), abs(high)))
        side = "more" if low >= 0 else "fewer"
        return f"{100 * ends[0]:.{decimals}f} to {100 * ends[1]:.{decimals}f} {side}"
    return f"from {_more(low, decimals)} to {_more(high, decimals)}"


def _conclude(answer: Answer, decimals: int) -> str:
    """Say what the interval and the margin allow to conclude."""
    if isnan(answer.low):
        return "The interval of the difference is not estimable: these data do not decide it."
    margin = f"the margin of {answer.margin:g} that was fixed in advance" if answer.margin else ""
    ninety = f"90% CI {format_range(answer.low90, answer.high90, 2) or 'not estimable'}"
    place = "within" if answer.two_sided else "below"
    if answer.direction:
        text = "The interval excludes 0 (no difference)"
        if answer.within_margin and answer.shows_difference:
            return (
                f"{text}, yet the hazard ratio stays {place} {margin} ({ninety}): there is a "
                "difference, but a smaller one than was held to matter."
            )
        if answer.ratio_includes_one:
            text += ", while that of the hazard ratio over the whole follow-up includes 1"
        return f"{text}."
    if answer.within_margin:
        return (
            f"The interval includes 0 (no difference), and the hazard ratio stays {place} {margin} "
            f"({ninety})."
        )
    also = f"{_more(answer.high, decimals)} deaths"
    if answer.two_sided:
        also = f"{_more(answer.low, decimals)} and {also}"
    text = f"The interval includes 0 (no difference) and also {also} per 100 patients"
    if margin:
        text += f", and the hazard ratio is not shown to be {place} {margin} ({ninety})"
    return f"{text}: these data do not decide it."


def say_survival(
    value: float,
    low: float,
    high: float,
    claimed: float,
    outcome: str,
    labels: tuple[str, str],
    cancer: str,
) -> str:
    """Set the survival of the exposed beside the one that is claimed.

    Parameters
    ----------
    value, low, high, claimed : float
        Survival with its 95 % interval, and the claimed one, as shares.
    outcome, labels, cancer
        As in `say_answer`.

    Returns
    -------
    str

    Examples
    --------
    >>> say_survival(0.931, 0.9, 0.96, 0.86, "death of any cause", ("N0", "N1mi"), "")
    '93.1% of the N1mi patients were alive (95% CI 90.0–96.0), more than 86%.'
    """
    alive = "were alive" if outcome == ALL_CAUSES else f"had not died of {cancer}"
    if isnan(low):
        return (
            f"{100 * value:.1f}% of the {printed(labels[1])} patients {alive}, without an interval "
            "to judge by."
        )
    interval = format_range(100 * low, 100 * high, 1)
    side = "more than" if claimed < low else "fewer than" if claimed > high else "which includes"
    return (
        f"{100 * value:.1f}% of the {printed(labels[1])} patients {alive} (95% CI {interval}), "
        f"{side} {100 * claimed:g}%."
    )


def say_context(
    claim: Mapping,
    effect: Mapping[str, float],
    labels: tuple[str, str],
    cancer: str,
    power: float,
    margin: float | None,
) -> str:
    """Say what goes for all months of a claim: the hazard ratio, and what could be detected.

    Parameters
    ----------
    claim : mapping
        With outcome and expects.
    effect : mapping
        Row of ``results/claims.tsv``: its hazard ratios, NaN where not estimable or masked.
    labels, cancer
        As in `ask`.
    power : float
        Of the detectable hazard ratio.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent.

    Returns
    -------
    str

    Examples
    --------
    >>> effect = {"hazard_ratio": 1.39, "hazard_ratio_low": 0.69, "hazard_ratio_high": 2.78,
    ...     "detectable_hazard_ratio": 2.0}
    >>> print(say_context({"outcome": "cancer death", "expects": "worse"}, effect,
    ...     ("N0", "N1mi"), "lung cancer", 0.8, margin=1.25))
    Over the whole follow-up, the hazard ratio of death from lung cancer (Fine–Gray), N1mi vs \
N0, was 1.39 (95% CI 0.69–2.78). Only hazard ratios from 2.00 up or 0.50 down could be \
detected with 80% power; a smaller difference is easily missed.
    """
    reference, exposed = map(printed, labels)
    if claim["expects"] == "survival":
        return (
            f"This is the survival of the matched {exposed} patients as they are; a source may "
            "speak of other patients, or of survival relative to people without cancer."
        )
    of = "(Cox)" if claim["outcome"] == ALL_CAUSES else f"from {cancer} (Fine–Gray)"
    ratio = f"the hazard ratio of death {of}, {exposed} vs {reference},"
    if isnan(effect["hazard_ratio"]):
        text = f"Over the whole follow-up, {ratio} is not estimable."
    else:
        interval = format_range(effect["hazard_ratio_low"], effect["hazard_ratio_high"], 2)
        value = f"{effect['hazard_ratio']:.2f} (95% CI {interval})"
        text = f"Over the whole follow-up, {ratio} was {value}."
    detectable = effect["detectable_hazard_ratio"]
    if isnan(detectable):
        text += " The smallest hazard ratio that could be detected is masked."
    elif isinf(detectable):
        text += " Without such deaths no hazard ratio could be detected."
    else:
        text += (
            f" Only hazard ratios from {detectable:.2f} up or {1 / detectable:.2f} down could be "
            f"detected with {power:.0%} power; a smaller difference is easily missed."
        )
    return text if margin else f"{text} {NOT_FIXED}"


def say_row(
    row: Mapping, longest: float, labels: tuple[str, str], cancer: str, margin: float | None
) -> str:
    """Answer a claim at one of its months.

    Parameters
    ----------
    row : mapping
        Row of ``results/claims.tsv``.
    longest : float
        Longest follow-up of the matched patients, months; NaN where it is masked.
    labels, cancer
        As in `ask`.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent.

    Returns
    -------
    str

    Examples
    --------
    >>> say_row({"status": "all follow-up ends before"}, 59.0, ("N0", "N1mi"), "lung cancer", None)
    'The longest follow-up is 59 months; nothing is extrapolated.'
    """
    if row["status"] == MASKED:
        return "Masked for disclosure control."
    if row["status"] == BEYOND_FOLLOW_UP:
        return "The follow-up of one of the groups ends before; nothing is extrapolated."
    if row["status"] == BEYOND_ALL_FOLLOW_UP:
        if isnan(longest):
            return "No follow-up is that long; nothing is extrapolated."
        return f"The longest follow-up is {longest:g} months; nothing is extrapolated."
    if row["expects"] == SURVIVAL:
        claimed = row["survival_percent"] / 100
        values = (row[name] for name in ("estimate", "low", "high"))
        return say_survival(*values, claimed, row["outcome"], labels, cancer)
    return say_answer(Answer.of_row(row, margin), row["outcome"], labels, cancer)
