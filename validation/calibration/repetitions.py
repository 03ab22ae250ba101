"""Calibration of the estimators: cohorts with known effects go through score, match and analysis.

Everything that is analyzed passes the functions that the study itself uses. Only the log-rank
statistic leaves lifelines out, which would take most of the time; the numbers are the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr, ndtri
from seermatch.errors import StudyError
from seermatch.matching.nearest import Match, match
from seermatch.matching.propensity import estimate_propensity
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray, score_test
from seermatch.survival.firth import fit_firth
from seermatch.survival.gray import gray_test
from seermatch.variables.printed import ALL_CAUSES, EVENTS

from validation.calibration.cohorts import (
    COVARIATES,
    RATIO,
    SCENARIOS,
    draw_cohort,
    receptors_negative,
)
from validation.calibration.targets import CAUSE_SPECIFIC, HR, OF_RECEPTORS, SUBDISTRIBUTION

KEYS = ("outcome", "quantity", "month", "estimator", "variance")
RECORD = ("scenario", "repetition", *KEYS, "estimate", "se", "low", "high", "p_value")
BREAST = EVENTS[1]
UNCLUSTERED, CLUSTERED, PROFILE = "unclustered", "clustered by matched set", "profile likelihood"
EQUALITY = "equality of the groups"
CALIPER = 0.2

_Z = ndtri(0.975)
_NOTHING = (np.nan,) * 5


def repeat_study(
    repetitions: Iterable[int], months: Sequence[int], seed: int
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Draw, match and analyze one cohort per scenario and repetition.

    Parameters
    ----------
    repetitions : iterable of int
        Their numbers, from 1. Each has its own seed, so that it does not matter which of them are
        run together.
    months : sequence of int
        Horizons of the absolute differences.
    seed : int
        Of all repetitions.

    Yields
    ------
    repetition : int
    records : pandas.DataFrame
        Columns `RECORD`, one row per scenario, quantity, estimator and variance; a quantity that
        a cohort gives no value for is missing.

    Examples
    --------
    >>> for repetition, records in repeat_study([1], [36], seed=1):
    ...     print(repetition, records["scenario"].nunique())
    1 7
    """
    for repetition in repetitions:
        rows = []
        for number, scenario in enumerate(SCENARIOS):
            rng = np.random.default_rng([seed, number, repetition])
            cohort = draw_cohort(scenario, rng)
            found = analyze_cohort(cohort, months, rare=scenario.rare)
            rows += [(scenario.name, repetition, *row) for row in found]
        yield repetition, pd.DataFrame(rows, columns=list(RECORD))


def analyze_cohort(
    cohort: pd.DataFrame, months: Sequence[int], *, rare: bool = False
) -> list[tuple]:
    """Match a cohort as the study does, and estimate everything that is calibrated.

    Parameters
    ----------
    cohort : pandas.DataFrame
        As `validation.calibration.cohorts.draw_cohort` gives it.
    months : sequence of int
        Horizons of the absolute differences.
    rare : bool
        Whether to look closer at Firth's estimates: taken only where there is no finite other one,
        those cohorts alone, and the receptors' in a model beside the group.

    Returns
    -------
    list of tuple
        outcome, quantity, month, estimator, variance, estimate, standard error, limits of the
        95 % interval, p-value of no effect; empty where the groups do not overlap in the
        covariates, so that there is no score.

    Examples
    --------
    >>> cohort = draw_cohort(SCENARIOS[0], np.random.default_rng(1))
    >>> [row[:2] for row in analyze_cohort(cohort, [36])][:2]
    [('exposed patients', 'count'), ('matched exposed patients', 'count')]
    """
    try:
        score = estimate_propensity(cohort, COVARIATES).linear_predictor
    except StudyError:  # the groups do not overlap
        return []
    pool = cohort[~np.isnan(score)]
    found = match(
        score[~np.isnan(score)],
        pool["group"].to_numpy(),
        ratio=RATIO,
        caliper=CALIPER,
        patient_id=pool["patient_id"].to_numpy(),
    )
    rows = np.flatnonzero(found.matched_set)
    part = pool.iloc[rows]
    weights = found.weight[rows]
    sample = _Sample(
        time=part["time"].to_numpy(),
        event=part["event"].cat.codes.to_numpy().astype(np.int64),
        group=part["group"].to_numpy(dtype=np.float64),
        weights=None if np.all(weights == 1) else weights,
        sets=found.matched_set[rows],
    )
    negative = receptors_negative(part["subtype"])
    result = [*_counts(found, sample, negative), *_before_matching(cohort)]
    for outcome, quantity, estimator, event in sample.models():
        likelihood = _maximum_likelihood(sample, estimator, event)
        result += [(outcome, quantity, np.nan, estimator, *row) for row in likelihood]
        if outcome != BREAST:
            continue
        firth = _firth(sample, estimator, event)
        result.append((outcome, quantity, np.nan, f"{estimator}, Firth", *firth))
        if rare:
            infinite = bool(np.isnan(likelihood[1][1]))
            shown = firth if infinite else likelihood[1]
            only = firth if infinite else (PROFILE, *_NOTHING)
            for of, name, row in (
                ("", "Firth if infinite", (CLUSTERED, *shown[1:])),
                ("", "Firth where infinite", only),
                (OF_RECEPTORS, "Firth", _firth(sample, estimator, event, negative)),
            ):
                result.append((outcome, quantity + of, np.nan, f"{estimator}, {name}", *row))
    result += _differences(sample, months)
    result += _tests(sample)
    return result


@dataclass(frozen=True)
class _Sample:
    """A cohort; weights are None where all sets are complete, sets before matching."""

    time: np.ndarray
    event: np.ndarray
    group: np.ndarray
    weights: np.ndarray | None
    sets: np.ndarray | None

    def models(self) -> list[tuple]:
        """Outcome, quantity, estimator and event codes of each model of the group."""
        died, specific = np.minimum(self.event, 1), (self.event == 1).astype(np.int64)
        return [
            (ALL_CAUSES, HR, "Cox", died),
            (BREAST, CAUSE_SPECIFIC, "Cox", specific),
            (BREAST, SUBDISTRIBUTION, "Fine-Gray", self.event),
        ]


def _counts(found: Match, sample: _Sample, negative: np.ndarray) -> Iterator[tuple]:
    """Yield what cohort and match are like."""
    exposed, died = sample.group == 1, sample.event == 1
    counts = {
        "exposed patients": found.n_exposed,
        "matched exposed patients": found.n_matched_exposed,
        "matched reference patients": found.n_controls,
        "deaths after matching": np.count_nonzero(sample.event),
        "breast cancer deaths after matching": np.count_nonzero(died),
        "no breast cancer death": not died.any(),
        "breast cancer deaths in one arm only": _all_alike(exposed[died]),
        "breast cancer deaths of one receptor status only": _all_alike(negative[died]),
        "incomplete sets": sample.weights is not None,
    }
    for name, value in counts.items():
        yield name, "count", np.nan, "", "", float(value), *_NOTHING[1:]


def _all_alike(values: np.ndarray) -> bool:
    return len(values) > 0 and bool(np.all(values == values[0]))


def _before_matching(cohort: pd.DataFrame) -> Iterator[tuple]:
    """Yield the crude hazard ratios, which show the confounding."""
    group = cohort["group"].to_numpy(dtype=np.float64)
    event = cohort["event"].cat.codes.to_numpy().astype(np.int64)
    whole = _Sample(cohort["time"].to_numpy(), event, group, None, None)
    for outcome, quantity, estimator, codes in whole.models():
        unclustered = _maximum_likelihood(whole, estimator, codes)[0]
        yield outcome, quantity, np.nan, f"{estimator}, before matching", *unclustered


def _maximum_likelihood(sample: _Sample, estimator: str, event: np.ndarray) -> list[tuple]:
    """Estimate the group's coefficient, with the tables' variance and the clustered one."""
    nothing = [(UNCLUSTERED, *_NOTHING), (CLUSTERED, *_NOTHING)]
    exposed, died = sample.group == 1, event == 1
    if not (died[exposed].any() and died[~exposed].any()):
        return nothing
    data = EventTimes(sample.time, event, sample.weights, sample.sets)
    try:
        fit = (fit_cox if estimator == "Cox" else fit_fine_gray)(data, sample.group[:, None])
    except StudyError:  # only one arm was at risk when deaths occurred
        return nothing
    if not fit.converged:
        return nothing
    variances = {UNCLUSTERED: fit.unclustered}
    if sample.sets is not None:
        variances[CLUSTERED] = "clustered"
    estimates = {name: fit.estimate(0, variance) for name, variance in variances.items()}
    return [(name, *_wald(found.coef, found.se)) for name, found in estimates.items()]


def _firth(sample: _Sample, estimator: str, event, second: np.ndarray | None = None) -> tuple:
    """Firth's estimate of the group's coefficient, or of a second column's beside the group's."""
    k = 0 if second is None else 1
    X = np.column_stack([sample.group] if second is None else [sample.group, second])
    model = "cox" if estimator == "Cox" else "fine_gray"
    try:
        fit = fit_firth(EventTimes(sample.time, event, sample.weights), X, model)
    except StudyError:  # no death, or all at risk alike when deaths occurred
        return PROFILE, *_NOTHING
    found = fit.estimate(k)
    return PROFILE, found.coef, found.se, *found.limits(), found.p_value


def _wald(estimate: float, se: float) -> tuple:
    """Estimate, standard error, limits, p-value."""
    if not se > 0:
        return estimate, *_NOTHING[1:]
    p_value = float(2 * ndtr(-abs(estimate) / se))
    return estimate, se, estimate - _Z * se, estimate + _Z * se, p_value


def _differences(sample: _Sample, months: Sequence[int]) -> Iterator[tuple]:
    """Yield the absolute differences, each patient on its own and clustered."""
    for variance, clusters in ((UNCLUSTERED, None), (CLUSTERED, sample.sets)):
        table = absolute_effects(
            EventTimes(sample.time, sample.event, weights=sample.weights, clusters=clusters),
            sample.group,
            months,
        )
        se = (table["high"] - table["low"]) / (2 * _Z)
        for row, width in zip(table.itertuples(), se, strict=True):
            key = (row.outcome, row.measure, float(row.month), "Aalen-Johansen", variance)
            yield *key, *_wald(row.difference, width)


def _tests(sample: _Sample) -> Iterator[tuple]:
    """Yield the tests that the study makes: with incomplete sets the clustered ones only."""
    X = sample.group[:, None]
    for outcome, event, name in (
        (ALL_CAUSES, np.minimum(sample.event, 1), "log-rank test"),
        (BREAST, sample.event, "Gray's test"),
    ):
        plain = clustered = np.nan
        with suppress(StudyError):  # as in `_firth`
            test = score_test(
                EventTimes(sample.time, event, weights=sample.weights, clusters=sample.sets), X
            )
            clustered = test.p_value
        if sample.weights is None and outcome == BREAST:
            plain = gray_test(EventTimes(sample.time, event), sample.group).p_value
        elif sample.weights is None and event.any():
            plain = logrank_p(sample.time, event == 1, sample.group == 1)
        for label, variance, p_value in (
            (name, UNCLUSTERED, plain),
            ("score test", CLUSTERED, clustered),
        ):
            yield outcome, EQUALITY, np.nan, label, variance, *_NOTHING[:4], p_value


def logrank_p(time: np.ndarray, died: np.ndarray, exposed: np.ndarray) -> float:
    """Compute the p-value of `seermatch.survival.kaplan_meier.logrank_test` for two groups.

    Parameters
    ----------
    time : numpy.ndarray, shape (n,)
        Months.
    died, exposed : numpy.ndarray of bool, shape (n,)
        Whether the patient died, and belongs to the exposed.

    Returns
    -------
    float
        Missing where only one group was at risk when patients died.

    Examples
    --------
    >>> exposed = np.array([False, False, True, True])
    >>> round(logrank_p(np.array([1, 2, 3, 4]), np.ones(4, bool), exposed), 4)
    0.0896
    """
    times, index = np.unique(time, return_inverse=True)
    counts = np.array([np.bincount(index[of], minlength=len(times)) for of in (exposed, ~exposed)])
    exposed_at_risk, others = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    n, d = exposed_at_risk + others, np.bincount(index[died], minlength=len(times))
    share = exposed_at_risk / n
    left = np.maximum(n - 1, 1)
    variance = (d * share * (1 - share) * (n - d) / left).sum()
    excess = np.count_nonzero(died & exposed) - (d * share).sum()
    return float(chdtrc(1, excess**2 / variance)) if variance > 0 else np.nan
