"""The questions and answers of `seermatch.analysis.claims` in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf, isnan, nan

from seermatch.survival.absolute_effects import ALL_CAUSES
from seermatch.variables.printed import printed
from seermatch.wording.numbers import format_range

CANCER = "breast cancer"
NOT_FIXED = (
    "How small a difference would count as none was not fixed in advance: these data can show that "
    "there is a difference, but not that there is none."
)


@dataclass(frozen=True)
class Answer:
    """What the matched patients show of a claim about a difference.

    Attributes
    ----------
    reference, exposed : float
        Risks of death by the month, as shares.
    low, high : float
        95 % interval of their difference, exposed minus reference.
    two_sided : bool
        Whether the claim is about a difference either way.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent.
    low90, high90 : float
        90 % interval of the hazard ratio.
    ratio_includes_one : bool
        Whether the 95 % interval of the hazard ratio does.
    """

    reference: float
    exposed: float
    low: float
    high: float
    two_sided: bool = False
    margin: float | None = None
    low90: float = nan
    high90: float = nan
    ratio_includes_one: bool = False

    @property
    def direction(self) -> str:
        """``"more"`` or ``"fewer"`` deaths of the exposed if the interval says so, else empty."""
        if not (self.low > 0 or self.high < 0):
            return ""
        return "more" if self.low > 0 else "fewer"

    @property
    def within_margin(self) -> bool:
        """Whether the 90 % interval keeps within the margin, on the sides the claim is about."""
        if self.margin is None:
            return False
        return self.high90 < self.margin and (not self.two_sided or self.low90 > 1 / self.margin)

    @property
    def shows_difference(self) -> bool:
        """Whether the data show the difference that the claim asserts or denies."""
        return bool(self.direction) if self.two_sided else self.direction == "more"

    @property
    def shows_alike(self) -> bool:
        """Whether the data show that there is no such difference, or none that counts."""
        return self.within_margin or (not self.two_sided and self.direction == "fewer")


def ask(claim: Mapping, labels: tuple[str, str]) -> str:
    """Put a claim as a question about the two groups.

    Parameters
    ----------
    claim : mapping
        With outcome, expects, months and, for a survival, survival_percent.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    str

    Examples
    --------
    >>> ask({"outcome": "breast cancer death", "expects": "worse"}, ("N0", "N1mi"))
    'Is the risk of dying of breast cancer higher with N1mi than with N0?'
    """
    reference, exposed = map(printed, labels)
    if claim["expects"] == "survival":
        percent = f"{claim['survival_percent']:g}%"
        after = f"after {' and '.join(map(str, claim['months']))} months"
        if claim["outcome"] == ALL_CAUSES:
            return f"Are {percent} of the {exposed} patients still alive {after}?"
        return f"Have {percent} of the {exposed} patients not died of {CANCER} {after}?"
    risk = "risk of dying" if claim["outcome"] == ALL_CAUSES else f"risk of dying of {CANCER}"
    if claim["expects"] == "no difference":
        return f"Is the {risk} the same with {exposed} as with {reference}?"
    higher = "higher" if claim["expects"] == "worse" else "no higher"
    return f"Is the {risk} {higher} with {exposed} than with {reference}?"


def say_answer(answer: Answer, outcome: str, labels: tuple[str, str]) -> str:
    """Give the difference in numbers of 100 patients, and what it says.

    Parameters
    ----------
    answer : Answer
        Risks, intervals and margin.
    outcome : str
        Of the claim.
    labels
        As in `ask`.

    Returns
    -------
    str
        Two sentences or more.

    Examples
    --------
    >>> print(say_answer(Answer(0.056, 0.064, -0.011, 0.027), "breast cancer death",
    ...     ("N0", "N1mi")))
    6.4 of 100 N1mi patients had died of breast cancer, and 5.6 of 100 N0 patients: 0.8 more (95% \
CI from 1.1 fewer to 2.7 more). The interval includes 0 (no difference) and also 2.7 more deaths \
per 100 patients: these data do not decide it.
    """
    reference, exposed = map(printed, labels)
    of = "" if outcome == ALL_CAUSES else f" of {CANCER}"
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
) -> str:
    """Set the survival of the exposed beside the one that is claimed.

    Parameters
    ----------
    value, low, high, claimed : float
        Survival with its 95 % interval, and the claimed one, as shares.
    outcome, labels
        As in `say_answer`.

    Returns
    -------
    str

    Examples
    --------
    >>> say_survival(0.931, 0.9, 0.96, 0.86, "death of any cause", ("N0", "N1mi"))
    '93.1% of the N1mi patients were alive (95% CI 90.0–96.0), more than 86%.'
    """
    alive = "were alive" if outcome == ALL_CAUSES else f"had not died of {CANCER}"
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
    power: float,
    margin: float | None,
) -> str:
    """Say what goes for all months of a claim: the hazard ratio, and what could be detected.

    Parameters
    ----------
    claim : mapping
        With outcome and expects.
    effect : mapping
        hr, low, high and detectable; NaN where not estimable or masked.
    labels
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
    >>> effect = {"hr": 1.39, "low": 0.69, "high": 2.78, "detectable": 2.0}
    >>> print(say_context({"outcome": "breast cancer death", "expects": "worse"}, effect,
    ...     ("N0", "N1mi"), 0.8, margin=1.25))
    Over the whole follow-up, the hazard ratio of death from breast cancer (Fine–Gray), N1mi vs \
N0, was 1.39 (95% CI 0.69–2.78). Only hazard ratios from 2.00 up or 0.50 down could be \
detected with 80% power; a smaller difference is easily missed.
    """
    reference, exposed = map(printed, labels)
    if claim["expects"] == "survival":
        return (
            f"This is the survival of the matched {exposed} patients as they are; a source may "
            "speak of other patients, or of survival relative to people without cancer."
        )
    of = "(Cox)" if claim["outcome"] == ALL_CAUSES else f"from {CANCER} (Fine–Gray)"
    ratio = f"the hazard ratio of death {of}, {exposed} vs {reference},"
    if isnan(effect["hr"]):
        text = f"Over the whole follow-up, {ratio} is not estimable."
    else:
        interval = format_range(effect["low"], effect["high"], 2)
        text = f"Over the whole follow-up, {ratio} was {effect['hr']:.2f} (95% CI {interval})."
    detectable = effect["detectable"]
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
