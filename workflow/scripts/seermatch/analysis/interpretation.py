"""What the matched cohort can and cannot show, one quantity below the other."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seermatch.analysis.follow_up import follow_up
from seermatch.analysis.group_effect import (
    GroupEffect,
    estimate_group_effect,
    has_few_events,
)
from seermatch.analysis.inference_limits import (
    correct_for_ascertainment,
    e_value,
    e_value_of_interval,
    minimum_detectable_hazard_ratio,
    risk_ratio,
)
from seermatch.analysis.names import (
    BEYOND_FOLLOW_UP,
    CLUSTERED,
    COMMON,
    DETECTABLE,
    E_VALUE,
    E_VALUE_OF_EQUIVALENCE,
    E_VALUE_OF_INTERVAL,
    EQUIVALENCE,
    EXPOSURE,
    HAZARD_RATIO,
    HEADLINE,
    IMPOSSIBLE,
    MEDIAN_FOLLOW_UP,
    MISSED,
    NARROW_RATIO,
    NO_SOLUTION,
    NOT_ESTIMABLE,
    NOT_SHOWN,
    OK,
    OVERALL,
    PENALIZED,
    PROPORTIONALITY,
    RARE,
    SCORE_TEST_P,
    SHOWN,
    SPECIFIC,
    SPECIFIC_CAUSE,
)
from seermatch.analysis.outcomes import event_times_of
from seermatch.settings.study import Interpretation
from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_labels,
    check_names,
    check_number,
    check_numbers,
)
from seermatch.statistics.proportions import wilson_interval
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import score_test
from seermatch.survival.proportionality_cox import proportional_hazards_test
from seermatch.survival.proportionality_fine_gray import proportionality_test
from seermatch.variables.printed import ALL_CAUSES, EVENTS

TEXTS = ("quantity", "outcome", "group", "test", "variance", "status")
COUNTS = ("year", "n", "events")
COLUMNS = (
    *(
        "quantity",
        "outcome",
        "group",
        "month",
        "year",
        "found",
        "margin",
        "estimate",
        "low",
        "high",
    ),
    *("p_value", "reference", "exposed", "n", "events", "test", "statistic", "variance", "status"),
)
RARE_SHARE = 0.15  # of patients with the event, up to which a hazard ratio stands for a risk ratio
KAPLAN_MEIER_SCALE = "score test, Kaplan-Meier transform"
LINEAR_IN_TIME = "Wald test, linear in time"
DEFAULT = Interpretation()


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
        Columns `COLUMNS`. Intervals are 95 % and clustered by matched set unless the quantity says
        otherwise; the variance is Firth's where events are few. Beside the estimate stand: of a
        median its group; of an absolute difference its month, and the values of both groups to
        four digits; of the exposed of a year their number and the patients of that year; of a
        corrected hazard ratio the share of the truly exposed who were found; of equivalence its
        margin, and whether it is shown; of a detectable hazard ratio the events; of a test its
        statistic. `status` says why a number is missing.

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
        effect = estimate_group_effect(*_data(matched), outcome)
        found = [
            *_ratios(effect, float((matched["group"] == 1).mean()), power, margin),
            *_missed_exposure(effect, share, ascertainment),
        ]
        rows += [{"outcome": outcome} | row for row in found]
    rows += _differences(matched, months)
    rows += _clustered_tests(matched)
    rows += _proportionality(matched)
    arms = follow_up(matched, "matched")["reverse_km_median"]
    rows += [
        {"quantity": MEDIAN_FOLLOW_UP, "group": label, "estimate": median}
        for label, median in zip((*labels, "all"), arms, strict=True)
    ]
    rows += _exposure_by_year(cohort)
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    types = dict.fromkeys(COUNTS, "Int64")
    types |= {name: float for name in COLUMNS if name not in (*COUNTS, *TEXTS)}
    return table.fillna({name: OK if name == "status" else "" for name in TEXTS}).astype(types)


def _clustered_tests(matched: pd.DataFrame) -> Iterator[dict]:
    """Yield the score tests that allow for the matched sets, beside log-rank and Gray's test."""
    data, group = _data(matched)
    for outcome, cause in ((ALL_CAUSES, None), (EVENTS[1], 1), (EVENTS[2], 2)):
        of_cause = data.of(cause)
        if has_few_events(of_cause.event == 1, group[:, 0]):
            continue  # the hazard ratio's p is then the only test of the group
        test = score_test(of_cause, group)
        yield {
            "quantity": SCORE_TEST_P,
            "outcome": outcome,
            "estimate": test.p_value,
            "statistic": test.statistic,
        }


def _data(matched: pd.DataFrame) -> tuple[EventTimes, np.ndarray]:
    """Event times, and the group as a column of 0 and 1."""
    group = check_binary("group", matched["group"]).astype(np.float64)
    return event_times_of(matched, EVENTS), group[:, None]


def _ratios(effect: GroupEffect, share: float, power, margin) -> Iterator[dict]:
    """Yield rows about one hazard ratio."""
    hr, low, high = effect.estimate.ratio()
    known = not np.isnan(hr)
    yield {
        "quantity": HAZARD_RATIO,
        **_interval(hr, low, high),
        "p_value": effect.estimate.p_value,
        "variance": PENALIZED if effect.penalized else CLUSTERED,
        "status": OK if known else NOT_ESTIMABLE,
    }
    yield {"quantity": NARROW_RATIO, **_interval(*effect.estimate.ratio(0.9))}
    detectable = minimum_detectable_hazard_ratio(effect.events, share, power=power)
    yield {"quantity": DETECTABLE, "estimate": detectable, "events": effect.events}
    if not known:
        return
    scale, status = (lambda ratio: ratio), RARE
    if effect.events > RARE_SHARE * effect.n:
        scale, status = risk_ratio, COMMON
    for quantity, value in (
        (E_VALUE, e_value(scale(hr))),
        (E_VALUE_OF_INTERVAL, e_value_of_interval(scale(low), scale(high))),
    ):
        yield {"quantity": quantity, "estimate": value, "status": status}
    if margin is not None:
        yield from _equivalence_rows(effect, margin, scale)


def _interval(estimate: float, low: float, high: float) -> dict[str, float]:
    return {"estimate": estimate, "low": low, "high": high}


def _equivalence_rows(effect: GroupEffect, margin: float, scale) -> Iterator[dict]:
    """Yield the test of equivalence, and the confounding that would undo it."""
    test = effect.equivalence(margin)
    status = SHOWN if test.shown else NOT_SHOWN
    shared = {"margin": margin, "status": status}
    yield {"quantity": EQUIVALENCE, "estimate": test.p_value} | shared
    needed = 1.0  # to move a limit of the 90 % interval out of the margin
    if test.shown:
        low, high = scale(test.low), scale(test.high)
        needed = min(e_value(low, scale(1 / margin)), e_value(high, scale(margin)))
    yield {"quantity": E_VALUE_OF_EQUIVALENCE, "estimate": needed} | shared


def _missed_exposure(effect: GroupEffect, share: float, ascertainment) -> Iterator[dict]:
    """Yield the hazard ratio corrected for exposed patients among the reference ones."""
    if np.isnan(effect.estimate.coef):
        return
    for found in ascertainment:
        values, status = (np.nan,) * 3, IMPOSSIBLE  # where more than that share was found
        if found > share:
            hr = effect.estimate.ratio()
            values = tuple(correct_for_ascertainment(ratio, share, found) for ratio in hr)
            status = OK
            if np.isnan(values[0]):
                status = NO_SOLUTION  # no hazard of the others would explain the estimate
            elif np.isnan(values[2]):
                values = (*values[:2], np.inf)
        yield {"quantity": MISSED, "found": found, **_interval(*values), "status": status}


def _differences(matched, months) -> Iterator[dict]:
    """Yield absolute differences, exposed minus reference, and the values of both groups."""
    data, group = _data(matched)
    table = absolute_effects(data, group[:, 0], months)
    for row in table.itertuples():
        known = not np.isnan(row.difference)
        yield {
            "quantity": f"difference in {row.measure}",
            "outcome": row.outcome,
            "month": row.month,
            **_interval(row.difference, row.low, row.high),
            "reference": float(f"{row.reference:.4g}") if known else np.nan,
            "exposed": float(f"{row.exposed:.4g}") if known else np.nan,
            "status": OK if known else BEYOND_FOLLOW_UP,
        }


def _proportionality(matched) -> Iterator[dict]:
    """Yield the tests of proportional hazards of the group, for Cox and Fine-Gray models."""
    data, group = _data(matched)
    tests = []
    for outcome, cause in ((OVERALL, None), (SPECIFIC_CAUSE, 1)):
        of_cause = data.of(cause, competing=False)
        if _in_both(of_cause, group):
            fit = fit_cox(of_cause, group)
            test = proportional_hazards_test(fit, of_cause, group).iloc[0]
            tests.append((outcome, test, KAPLAN_MEIER_SCALE))
    if _in_both(data, group):
        test = proportionality_test(data, group, ["group"]).iloc[0]
        tests.append((SPECIFIC, test, LINEAR_IN_TIME))
    for outcome, test, name in tests:
        yield {
            "quantity": PROPORTIONALITY,
            "outcome": outcome,
            "estimate": test["p_value"],
            "statistic": test["statistic"],
            "test": name,
        }


def _in_both(data: EventTimes, group: np.ndarray) -> bool:
    """Tell whether both groups have the event."""
    return len(np.unique(group[data.event == 1])) == 2


def _exposure_by_year(cohort) -> Iterator[dict]:
    """Yield the exposed per 1,000 patients of each year, with Wilson's interval."""
    if "year" not in cohort:
        return
    for year, exposed in cohort.groupby("year")["group"]:
        n, count = len(exposed), int((exposed == 1).sum())
        values = [1000 * value for value in (count / n, *wilson_interval(count / n, n))]
        yield {
            "quantity": EXPOSURE,
            **_interval(*values),
            "year": year,
            "n": n,
            "events": count,
        }
