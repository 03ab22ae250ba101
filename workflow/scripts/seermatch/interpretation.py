"""What the data can and cannot show: detectable effects, unmeasured confounding, equivalence.

The formulas are functions of numbers; `interpret` applies them to the matched cohort and sets the
results below each other, one quantity per row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from seermatch.absolute_effects import absolute_effects
from seermatch.cox import fit_cox, proportional_hazards_test
from seermatch.errors import StudyError
from seermatch.group_effect import GroupEffect, estimate_group_effect
from seermatch.kaplan_meier import follow_up
from seermatch.variables import EVENTS

COLUMNS = ("quantity", "outcome", "month", "estimate", "low", "high", "note")
OVERALL = "overall survival (Cox)"
HEADLINE = (OVERALL, "breast cancer death (Fine-Gray)", "other death (cause-specific Cox)")
RARE = 0.15  # share of patients with the event up to which a hazard ratio stands for a risk ratio


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of equivalence.

    Attributes
    ----------
    low, high : float
        Interval of the hazard ratio with coverage 1 - 2 alpha (90 % for alpha = 5 %).
    p_value : float
        The larger of the two one-sided p-values.
    shown : bool
        Whether the interval lies within the margin, that is the p-value is below alpha.
    """

    low: float
    high: float
    p_value: float
    shown: bool


def minimum_detectable_hazard_ratio(
    events: int, share_exposed: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Find the smallest hazard ratio above 1 that a log-rank test would detect.

    Parameters
    ----------
    events : int
        Events in both groups.
    share_exposed : float
        Share of the patients who are exposed: 1 / (1 + k) after 1:k matching.
    power : float
        Probability of a significant result.
    alpha : float
        Two-sided level of the test.

    Returns
    -------
    float
        Its inverse is the largest detectable one below 1; infinite without events.

    References
    ----------
    D. A. Schoenfeld. Sample-size formula for the proportional-hazards regression model.
    Biometrics 39 (1983) 499-503.

    Examples
    --------
    >>> round(minimum_detectable_hazard_ratio(82, 1 / 3), 3)
    1.928
    """
    if not 0 < share_exposed < 1:
        raise StudyError(f"share_exposed is {share_exposed}; both groups need patients.")
    if events == 0:
        return float("inf")
    z = ndtri(1 - alpha / 2) + ndtri(power)
    return float(np.exp(z / np.sqrt(events * share_exposed * (1 - share_exposed))))


def risk_ratio(hazard_ratio: float) -> float:
    """Turn a hazard ratio of a common outcome into an approximate risk ratio.

    Parameters
    ----------
    hazard_ratio : float
        Above 0.

    Returns
    -------
    float
        (1 - 0.5**sqrt(HR)) / (1 - 0.5**sqrt(1 / HR)).

    References
    ----------
    T. J. VanderWeele. On a square-root transformation of the odds ratio for a common outcome.
    Epidemiology 28 (2017) e58-e60.

    Examples
    --------
    >>> round(risk_ratio(2.0), 4)
    1.6125
    """
    root = np.sqrt(hazard_ratio)
    return float((1 - 0.5**root) / (1 - 0.5 ** (1 / root)))


def e_value(ratio: float, target: float = 1.0) -> float:
    """Say how strong unmeasured confounding must be to move a ratio to a target.

    Parameters
    ----------
    ratio : float
        Risk ratio, or the hazard ratio of a rare outcome.
    target : float
        The true ratio that confounding would hide; 1 for no effect.

    Returns
    -------
    float
        The smallest risk ratio that the confounder must have with both exposure and outcome.

    References
    ----------
    T. J. VanderWeele and P. Ding. Sensitivity analysis in observational research: introducing the
    E-value. Annals of Internal Medicine 167 (2017) 268-274.

    Examples
    --------
    >>> round(e_value(3.9), 2), round(e_value(0.8), 2), e_value(1.0)
    (7.26, 1.81, 1.0)
    """
    bias = ratio / target
    bias = max(bias, 1 / bias)
    return float(bias + np.sqrt(bias * (bias - 1)))


def e_value_of_interval(low: float, high: float, target: float = 1.0) -> float:
    """Give the E-value of the limit nearer to the target, 1 if the interval contains it.

    Parameters
    ----------
    low, high : float
        Limits of the ratio.
    target : float
        As in `e_value`.

    Returns
    -------
    float

    Examples
    --------
    >>> e_value_of_interval(0.8, 1.9), round(e_value_of_interval(1.8, 8.7), 2)
    (1.0, 3.0)
    """
    if low <= target <= high:
        return 1.0
    return e_value(low if low > target else high, target)


def equivalence_test(coef: float, se: float, margin: float, alpha: float = 0.05) -> Equivalence:
    """Test whether a hazard ratio lies between 1 / margin and margin.

    Parameters
    ----------
    coef, se : float
        Log hazard ratio and standard error.
    margin : float
        Above 1.
    alpha : float
        Level of each one-sided test.

    Returns
    -------
    Equivalence

    Raises
    ------
    StudyError
        If the margin is not above 1.

    References
    ----------
    D. J. Schuirmann. A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability. Journal of Pharmacokinetics and
    Biopharmaceutics 15 (1987) 657-680.

    Examples
    --------
    >>> test = equivalence_test(0.0, 0.1, 1.25)
    >>> round(test.low, 3), round(test.high, 3), round(test.p_value, 4), test.shown
    (0.848, 1.179, 0.0128, True)
    """
    if not margin > 1:
        raise StudyError(f"interpretation.equivalence_margin is {margin}; use a ratio above 1.")
    z = ndtri(1 - alpha)
    p_value = ndtr((abs(coef) - np.log(margin)) / se)
    return Equivalence(
        low=float(np.exp(coef - z * se)),
        high=float(np.exp(coef + z * se)),
        p_value=float(p_value),
        shown=bool(p_value < alpha),
    )


def correct_for_ascertainment(hazard_ratio: float, share_exposed: float, found: float) -> float:
    """Correct a hazard ratio for exposed patients who were never tested.

    They sit in the reference group, which then has the mean hazard of both kinds. Who is found is
    taken to be random, and the outcome to be rare.

    Parameters
    ----------
    hazard_ratio : float
        As estimated.
    share_exposed : float
        Share of the patients recorded as exposed.
    found : float
        Share of the truly exposed who are recorded as such, above `share_exposed`.

    Returns
    -------
    float
        NaN if no hazard of the missed patients could produce the estimate.

    Raises
    ------
    StudyError
        If so few were found that every reference patient would be exposed.

    Examples
    --------
    >>> round(correct_for_ascertainment(1.5, 0.002, 0.01), 3)
    1.712
    >>> correct_for_ascertainment(1.0, 0.002, 0.01)
    1.0
    """
    if not share_exposed < found <= 1:
        raise StudyError(
            f"interpretation.ascertainment is {found}; use shares above that of the patients "
            f"recorded as exposed, {share_exposed:.4f}, and up to 1."
        )
    missed = share_exposed * (1 - found) / found / (1 - share_exposed)
    if missed * hazard_ratio >= 1:
        return float("nan")
    return float(hazard_ratio * (1 - missed) / (1 - missed * hazard_ratio))


def interpret(
    cohort: pd.DataFrame,
    matched: pd.DataFrame,
    *,
    labels: tuple[str, str],
    months: Sequence[float] = (36, 48),
    power: float = 0.8,
    margin: float | None = None,
    ascertainment: Sequence[float] = (0.5, 0.1, 0.01),
) -> pd.DataFrame:
    """Set what the matched cohort can show below each other.

    Parameters
    ----------
    cohort : pandas.DataFrame
        All patients: group and year (the year is optional).
    matched : pandas.DataFrame
        Matched patients: group, time, event, matched_set, weight.
    labels : tuple of str
        Labels of the reference and the exposed group.
    months : sequence of float
        Horizons of the absolute differences.
    power : float
        For the minimum detectable hazard ratio.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent; None tests nothing.
    ascertainment : sequence of float
        Shares of the truly exposed who may have been found.

    Returns
    -------
    pandas.DataFrame
        quantity, outcome, month, estimate, low, high, note. Intervals are 95 % and clustered by
        matched set unless the quantity says otherwise.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> matched = pd.DataFrame({"group": np.tile([1, 0, 0], 99), "time": rng.integers(1, 60, 297),
    ...     "event": pd.Categorical.from_codes(rng.integers(0, 3, 297), EVENTS),
    ...     "matched_set": np.repeat(np.arange(99), 3), "weight": 1.0})
    >>> table = interpret(matched, matched, labels=("M0", "M0(i+)"), ascertainment=[])
    >>> table["quantity"].unique()[:3].tolist()
    ['hazard ratio', 'hazard ratio, 90% interval', 'minimum detectable hazard ratio']
    """
    share = float((cohort["group"] == 1).mean())
    rows = []
    for outcome in HEADLINE:
        effect = _effect(matched, outcome)
        rows += _ratios(effect, outcome, float((matched["group"] == 1).mean()), power, margin)
        rows += _missed_exposure(effect, outcome, share, ascertainment)
    rows += _differences(matched, labels, months)
    rows += _proportionality(matched)
    arms = follow_up(matched, "matched")[["group", "reverse_km_median"]]
    for label, median in zip((*labels, "all"), arms["reverse_km_median"], strict=True):
        name = "median follow-up (reverse Kaplan-Meier, months)"
        rows.append((name, "", np.nan, median, np.nan, np.nan, label))
    rows += _exposure_by_year(cohort)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _arrays(matched: pd.DataFrame) -> tuple:
    """Time, event code, group, weights (None if all are 1) and sets."""
    weights = matched["weight"].to_numpy(dtype=np.float64)
    return (
        matched["time"].to_numpy(),
        matched["event"].cat.set_categories(EVENTS).cat.codes.to_numpy().astype(np.int64),
        matched["group"].to_numpy(dtype=np.float64),
        None if np.all(weights == 1) else weights,
        matched["matched_set"].to_numpy(),
    )


def _effect(matched: pd.DataFrame, outcome: str) -> GroupEffect:
    time, event, group, weights, sets = _arrays(matched)
    return estimate_group_effect(
        time, event, group[:, None], outcome, weights=weights, clusters=sets
    )


def _ratios(effect: GroupEffect, outcome: str, share: float, power, margin) -> Iterator[tuple]:
    """Yield rows about one hazard ratio."""
    hr, low, high = effect.hazard_ratio()
    nothing = np.nan
    yield "hazard ratio", outcome, nothing, hr, low, high, f"p = {effect.p_value:.3g}"
    narrow = effect.hazard_ratio(0.9)
    note = "for comparison with a margin of equivalence"
    yield "hazard ratio, 90% interval", outcome, nothing, *narrow, note
    detectable = minimum_detectable_hazard_ratio(effect.events, share, power=power)
    note = (
        f"or below {1 / detectable:.3g}; {effect.events} events, {share:.1%} exposed, "
        f"power {power:.0%}, two-sided 5%"
    )
    yield "minimum detectable hazard ratio", outcome, nothing, detectable, nothing, nothing, note
    if np.isnan(hr):
        return
    scale, note = (lambda ratio: ratio), "hazard ratio as risk ratio: the outcome is rare"
    if effect.events > RARE * effect.n:
        scale, note = risk_ratio, "hazard ratio turned into a risk ratio: the outcome is common"
    for name, value in (
        ("E-value of the estimate", e_value(scale(hr))),
        ("E-value of the interval", e_value_of_interval(scale(low), scale(high))),
    ):
        yield name, outcome, nothing, value, nothing, nothing, note
    if margin is not None:
        yield from _equivalence_rows(effect, outcome, margin, scale)


def _equivalence_rows(effect: GroupEffect, outcome: str, margin: float, scale) -> Iterator[tuple]:
    """Yield the test of equivalence, and the confounding that would undo it."""
    test = equivalence_test(effect.coef, effect.se, margin)
    bounds = f"within {1 / margin:.3g} to {margin:g}"
    note = f"equivalence {'' if test.shown else 'not '}shown {bounds}"
    yield "equivalence test p", outcome, np.nan, test.p_value, np.nan, np.nan, note
    needed = 1.0
    if test.shown:
        low, high = scale(test.low), scale(test.high)
        needed = min(e_value(low, scale(1 / margin)), e_value(high, scale(margin)))
    note = f"confounding that would move a limit of the 90% interval out of {bounds[7:]}"
    yield "E-value of equivalence", outcome, np.nan, needed, np.nan, np.nan, note


def _missed_exposure(effect: GroupEffect, outcome: str, share: float, ascertainment):
    """Yield the hazard ratio corrected for exposed patients among the reference ones."""
    for found in ascertainment:
        values, note = (np.nan,) * 3, f"if {100 * found:g}% of the truly exposed were found"
        if found > share:
            hr = effect.hazard_ratio()
            values = tuple(correct_for_ascertainment(ratio, share, found) for ratio in hr)
            if np.isnan(values[0]):
                note += "; no hazard of the others would explain the estimate"
        else:
            note += f"; impossible, {100 * share:.3g}% of the patients were"
        yield "hazard ratio, missed exposure", outcome, np.nan, *values, note


def _differences(matched, labels, months) -> Iterator[tuple]:
    """Yield absolute differences, exposed minus reference."""
    time, event, group, weights, sets = _arrays(matched)
    table = absolute_effects(time, event, group, months, weights=weights, clusters=sets)
    for row in table.itertuples():
        note = f"{labels[1]} {row.exposed:.4g}, {labels[0]} {row.reference:.4g}"
        if np.isnan(row.difference):
            note = "a group's follow-up ends before"
        name = f"difference in {row.measure}"
        yield name, row.outcome, row.month, row.difference, row.low, row.high, note


def _proportionality(matched) -> Iterator[tuple]:
    """Yield the test of proportional hazards of the group, for each Cox model."""
    time, event, group, weights, _ = _arrays(matched)
    for outcome, happened in (
        (OVERALL, event > 0),
        ("breast cancer death (cause-specific Cox)", event == 1),
    ):
        if happened[group == 1].any() and happened[group == 0].any():
            data = (time, happened, group[:, None])
            fit = fit_cox(*data, weights=weights)
            test = proportional_hazards_test(fit, *data, weights=weights).iloc[0]
            note = f"score test, Kaplan-Meier transform, chi-square {test['statistic']:.3g}"
            name = "proportional hazards test p"
            yield name, outcome, np.nan, test["p_value"], np.nan, np.nan, note


def _exposure_by_year(cohort) -> Iterator[tuple]:
    """Yield the exposed per 1,000 patients of each year, with Wilson's interval."""
    if "year" not in cohort:
        return
    z2 = ndtri(0.975) ** 2
    for year, exposed in cohort.groupby("year")["group"]:
        n, count = len(exposed), int((exposed == 1).sum())
        share = count / n
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        width = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
        values = [1000 * value for value in (share, max(middle - width, 0.0), middle + width)]
        note = f"{year}: {count:,} of {n:,}"
        yield "exposed per 1,000 patients", "", np.nan, *values, note
