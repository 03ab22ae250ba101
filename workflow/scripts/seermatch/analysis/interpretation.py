"""What the matched cohort can and cannot show, one quantity below the other."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seermatch.analysis.group_effect import (
    FIRTH_NOTE,
    GroupEffect,
    estimate_group_effect,
    has_few_events,
)
from seermatch.analysis.group_tests import clustered_score_test
from seermatch.analysis.inference_limits import (
    correct_for_ascertainment,
    e_value,
    e_value_of_interval,
    minimum_detectable_hazard_ratio,
    risk_ratio,
)
from seermatch.analysis.names import HEADLINE, OVERALL, SPECIFIC, SPECIFIC_CAUSE
from seermatch.settings.study import Interpretation
from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_labels,
    check_names,
    check_number,
    check_numbers,
    check_weights,
)
from seermatch.statistics.proportions import wilson_interval
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import fit_cox, proportional_hazards_test
from seermatch.survival.event_times import category_codes
from seermatch.survival.kaplan_meier import follow_up
from seermatch.survival.proportionality_fine_gray import proportionality_test
from seermatch.variables.printed import EVENTS

COLUMNS = ("quantity", "outcome", "month", "estimate", "low", "high", "year", "n", "events", "note")
DEFAULT = Interpretation()
RARE = 0.15  # share of patients with the event up to which a hazard ratio stands for a risk ratio


def interpret(
    cohort: pd.DataFrame,
    matched: pd.DataFrame,
    *,
    labels: tuple[str, str],
    months: Sequence[float] = DEFAULT.months,
    power: float = DEFAULT.power,
    margin: float | None = DEFAULT.equivalence_margin,
    ascertainment: Sequence[float] = DEFAULT.ascertainment,
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
        quantity, outcome, month, estimate, low, high, year, n, events, note. Intervals are 95 %
        and clustered by matched set unless the quantity says otherwise. The smallest detectable
        hazard ratio comes with its events, the exposed of a year with the patients of that year.

    Raises
    ------
    StudyError
        If a column is absent or unusable, or another argument out of range.

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
    labels = check_names("labels", labels, 2)
    check_columns("cohort", cohort, ["group"])
    check_columns("matched", matched, ["group", "time", "event", "matched_set", "weight"])
    if "year" in cohort:
        check_labels("year", cohort["year"])
    check_number("power", power, 0, 1)
    if margin is not None:
        check_number("margin", margin, 1)
    ascertainment = check_numbers("ascertainment", ascertainment).tolist()
    for found in ascertainment:
        check_number("ascertainment", found, 0, 1, closed=True)
    share = float(check_binary("group", cohort["group"]).mean())
    rows = []
    for outcome in HEADLINE:
        effect = _effect(matched, outcome)
        rows += _ratios(effect, outcome, float((matched["group"] == 1).mean()), power, margin)
        rows += _missed_exposure(effect, outcome, share, ascertainment)
    rows += _differences(matched, labels, months)
    rows += _clustered_tests(matched)
    rows += _proportionality(matched)
    arms = follow_up(matched, "matched")[["group", "reverse_km_median"]]
    for label, median in zip((*labels, "all"), arms["reverse_km_median"], strict=True):
        name = "median follow-up (reverse Kaplan-Meier, months)"
        rows.append((name, "", np.nan, median, np.nan, np.nan, label))
    rows += _exposure_by_year(cohort)
    counts = [row[6] if isinstance(row[6], dict) else {"note": row[6]} for row in rows]
    values = pd.DataFrame([row[:6] for row in rows], columns=list(COLUMNS[:6]))
    counted = pd.DataFrame(counts).reindex(columns=list(COLUMNS[6:])).fillna({"note": ""})
    whole = dict.fromkeys(("year", "n", "events"), "Int64")
    return pd.concat([values, counted.astype(whole)], axis=1)


def _clustered_tests(matched: pd.DataFrame) -> Iterator[tuple]:
    """Yield the score tests that allow for the matched sets, beside log-rank and Gray's test."""
    event = category_codes(matched["event"], EVENTS)
    for outcome, codes, beside in (
        ("death of any cause", np.minimum(event, 1), "the log-rank test"),
        (EVENTS[1], event, "Gray's test"),
        (EVENTS[2], np.choose(event, [0, 2, 1]), "Gray's test"),
    ):
        if has_few_events(codes == 1, matched["group"] == 1):
            continue  # the hazard ratio's p is then the only test of the group
        test = clustered_score_test(matched, codes)
        note = f"beside {beside}; chi-square {test.statistic:.3g}"
        yield "set-clustered score test p", outcome, np.nan, test.p_value, np.nan, np.nan, note


def _arrays(matched: pd.DataFrame) -> tuple:
    """Time, event code, group, weights (None if all are 1) and sets (None if there is one)."""
    weights = check_weights(matched["weight"], len(matched), "weight")
    sets = check_labels("matched_set", matched["matched_set"])
    return (
        matched["time"].to_numpy(),
        category_codes(matched["event"], EVENTS),
        check_binary("group", matched["group"]).astype(np.float64),
        None if np.all(weights == 1) else weights,
        sets if len(np.unique(sets)) > 1 else None,
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
    note = "not estimable" if np.isnan(hr) else f"p = {effect.p_value:.3g}"
    if effect.profile is not None:
        note += FIRTH_NOTE
    yield "hazard ratio", outcome, nothing, hr, low, high, note
    narrow = effect.hazard_ratio(0.9)
    note = "for comparison with a margin of equivalence"
    yield "hazard ratio, 90% interval", outcome, nothing, *narrow, note
    detectable = minimum_detectable_hazard_ratio(effect.events, share, power=power)
    told = (
        f"or below {1 / detectable:.3g}; {effect.events} events, {share:.1%} exposed, "
        f"power {power:.0%}, two-sided 5%"
    )
    note = {"events": effect.events, "note": told}
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
    test = effect.equivalence(margin)
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
    if np.isnan(effect.coef):
        return
    for found in ascertainment:
        values, note = (np.nan,) * 3, f"if {100 * found:g}% of the truly exposed were found"
        if found > share:
            hr = effect.hazard_ratio()
            values = tuple(correct_for_ascertainment(ratio, share, found) for ratio in hr)
            if np.isnan(values[0]):
                note += "; no hazard of the others would explain the estimate"
            elif np.isnan(values[2]):
                values = (*values[:2], np.inf)
                note += "; without bound above"
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
    """Yield the tests of proportional hazards of the group, for Cox and Fine-Gray models."""
    time, event, group, weights, sets = _arrays(matched)
    name = "proportional hazards test p"
    for outcome, happened in (
        (OVERALL, event > 0),
        (SPECIFIC_CAUSE, event == 1),
    ):
        if happened[group == 1].any() and happened[group == 0].any():
            data = (time, happened, group[:, None])
            fit = fit_cox(*data, weights=weights)
            test = proportional_hazards_test(fit, *data, weights=weights).iloc[0]
            note = f"score test, Kaplan-Meier transform, chi-square {test['statistic']:.3g}"
            yield name, outcome, np.nan, test["p_value"], np.nan, np.nan, note
    died = event == 1
    if died[group == 1].any() and died[group == 0].any():
        test = proportionality_test(
            time, event, group[:, None], ["group"], weights=weights, clusters=sets
        ).iloc[0]
        note = f"Wald test, linear in time, chi-square {test['statistic']:.3g}"
        yield name, SPECIFIC, np.nan, test["p_value"], np.nan, np.nan, note


def _exposure_by_year(cohort) -> Iterator[tuple]:
    """Yield the exposed per 1,000 patients of each year, with Wilson's interval."""
    if "year" not in cohort:
        return
    for year, exposed in cohort.groupby("year")["group"]:
        n, count = len(exposed), int((exposed == 1).sum())
        share = count / n
        values = [1000 * value for value in (share, *wilson_interval(share, n))]
        note = {"year": year, "n": n, "events": count, "note": f"{year}: {count:,} of {n:,}"}
        yield "exposed per 1,000 patients", "", np.nan, *values, note
