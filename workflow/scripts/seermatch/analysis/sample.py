"""A sample of patients that one sensitivity analysis makes, and its effects on all outcomes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.analysis.group_effect import OUTCOMES, GroupEffect, estimate_group_effect
from seermatch.analysis.names import CLUSTERED, PENALIZED
from seermatch.analysis.outcomes import several
from seermatch.matching.weighting import effective_sample_size
from seermatch.statistics.estimates import LogRatio, PooledProfiles, pool
from seermatch.survival.event_times import EventTimes, category_codes
from seermatch.variables.printed import EVENTS


@dataclass(frozen=True)
class Sample:
    """Patients with what their analysis takes: adjustment, weights, sets."""

    name: str
    estimand: str
    variance: str
    cohort: pd.DataFrame
    weights: np.ndarray | None = None
    sets: np.ndarray | None = None
    adjustment: np.ndarray | None = None


def pooled_ratios(found: list[GroupEffect], samples: list[Sample], outcome: str) -> dict:
    """Pool one outcome's effects: all by Wald, or all by Firth if one has few events."""
    pooled = f"pooled over {len(found)} imputations"
    if any(effect.penalized for effect in found):
        found = [effects_of(sample, [outcome], penalized=True)[outcome] for sample in samples]
    estimates = tuple(effect.estimate for effect in found)
    if all(effect.penalized for effect in found):
        return _ratios(PooledProfiles(estimates)) | {"variance": f"{PENALIZED}, {pooled}"}
    by_rubin = pool([one.coef for one in estimates], [one.se for one in estimates])
    return _ratios(by_rubin) | {"variance": f"{CLUSTERED} and {pooled} (Rubin, t)"}


def estimate_all(sample: Sample) -> list[dict]:
    """Estimate all outcomes of one sample."""
    return [
        description(sample)
        | {"outcome": outcome, "n": effect.n, "events": effect.events}
        | ({"variance": PENALIZED} if effect.penalized else {})
        | _ratios(effect.estimate)
        for outcome, effect in effects_of(sample).items()
    ]


def description(sample: Sample) -> dict:
    """Say of a sample what is the same for all outcomes."""
    weights = _weights(sample)
    return {
        "analysis": sample.name,
        "estimand": sample.estimand,
        "effective_sample_size": effective_sample_size(weights, sample.cohort["group"]),
        "largest_weight": float(weights.max()),
        "variance": sample.variance,
    }


def _ratios(estimate: LogRatio) -> dict[str, float]:
    hr, low, high = estimate.ratio()
    return {"hr": hr, "hr_low": low, "hr_high": high, "p_value": estimate.p_value}


def _weights(sample: Sample) -> np.ndarray:
    return np.ones(len(sample.cohort)) if sample.weights is None else sample.weights


def effects_of(
    sample: Sample, outcomes: Iterable[str] = OUTCOMES, penalized: bool | None = None
) -> dict[str, GroupEffect]:
    """Estimate the effect of the group on each outcome."""
    cohort = sample.cohort
    X = cohort["group"].to_numpy(dtype=np.float64)[:, None]
    if sample.adjustment is not None:
        X = np.column_stack([X, sample.adjustment])
    sets = None if sample.sets is None else several(sample.sets)
    event = category_codes(cohort["event"], EVENTS)
    data = EventTimes(cohort["time"], event, sample.weights, sets)
    return {
        outcome: estimate_group_effect(data, X, outcome, penalized=penalized)
        for outcome in outcomes
    }
