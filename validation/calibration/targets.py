"""What the estimators estimate after matching: effects in the exposed.

A hazard ratio after matching is not the one given the covariates. It tends to the coefficient that
fits best when the exposed are compared with themselves unexposed under the same censoring, its
least-false value. Here the covariates of the exposed are drawn in great number; given those, the
probability of each month and event is known, with and without the exposure, and the models are
fitted to these probabilities as to a cohort of unlimited size.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from seermatch.matching.propensity import distinct_patterns
from seermatch.statistics.design_matrix import design_matrix
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.variables.printed import ALL_CAUSES, EVENTS

from validation.calibration.cohorts import (
    COVARIATES,
    FOLLOW_UP,
    RATIO,
    Scenario,
    draw_covariates,
    exposure_probability,
    monthly_hazards,
    receptors_negative,
)

BREAST = EVENTS[1]
HR, CAUSE_SPECIFIC, SUBDISTRIBUTION = (
    "log hazard ratio",
    "log cause-specific hazard ratio",
    "log subdistribution hazard ratio",
)
OF_RECEPTORS = " of negative receptors"
COLUMNS = ("outcome", "quantity", "month", "target")
TIED = 10  # rows that a cell of tied deaths is split into, for Efron's limit


def calibration_targets(
    scenario: Scenario,
    months: Sequence[int],
    rng: np.random.Generator,
    *,
    n: int = 100_000,
    batches: int = 10,
) -> pd.DataFrame:
    """Compute the true values of all quantities by Monte Carlo over the covariates.

    Parameters
    ----------
    scenario : Scenario
        The population.
    months : sequence of int
        Horizons of the absolute differences.
    rng : numpy.random.Generator
        Source of chance.
    n : int
        Patients per batch, who count with their probability of being exposed.
    batches : int
        Independent batches, 2 or more, whose mean is the target.

    Returns
    -------
    pandas.DataFrame
        outcome, quantity, month (missing for hazard ratios), target, and target_se, its Monte
        Carlo standard error.

    Examples
    --------
    >>> from validation.calibration.cohorts import SCENARIOS
    >>> targets = calibration_targets(SCENARIOS[1], [36], np.random.default_rng(1), n=2000)
    >>> targets.loc[[0, 2], ["outcome", "quantity", "target"]].round(2)
                  outcome                          quantity  target
    0  death of any cause                  log hazard ratio    0.24
    2        cancer death  log subdistribution hazard ratio    0.39
    """
    parts = []
    for _ in range(batches):
        patients = draw_covariates(n, rng)
        design = design_matrix(patients, COVARIATES)
        pattern = distinct_patterns(design.X)[1]
        weight = np.bincount(pattern, weights=exposure_probability(design))
        first = np.unique(pattern, return_index=True)[1]
        design = design_matrix(patients.iloc[first], COVARIATES)
        rates = np.array([monthly_hazards(design, scenario, arm) for arm in (False, True)])
        negative = receptors_negative(patients["subtype"].iloc[first])
        parts.append(targets_of_hazards(rates, weight, negative, months))
    targets = parts[0]
    values = np.array([part["target"] for part in parts])
    return targets.assign(
        target=values.mean(axis=0), target_se=values.std(axis=0, ddof=1) / np.sqrt(batches)
    )


def targets_of_hazards(
    rates: np.ndarray, weight: np.ndarray, marked: np.ndarray, months: Sequence[int]
) -> pd.DataFrame:
    """Compute the true values where all hazards are known.

    Parameters
    ----------
    rates : numpy.ndarray, shape (2, 2, k)
        Monthly hazards of k kinds of patients: unexposed and exposed; breast cancer death and
        other death.
    weight : numpy.ndarray, shape (k,)
        How frequent each kind is among the exposed.
    marked : numpy.ndarray of bool, shape (k,)
        Kinds that a second column of the models tells apart.
    months : sequence of int
        Horizons of the absolute differences.

    Returns
    -------
    pandas.DataFrame
        outcome, quantity, month, target. Hazard ratios of the group, and of the marked with the
        group in the model; differences of the measures of
        `seermatch.survival.absolute_effects.absolute_effects`, of completed months.

    Examples
    --------
    The exposure doubles both hazards, and nothing else matters:

    >>> rates = np.array([[[0.001], [0.002]], [[0.002], [0.004]]])
    >>> truth = targets_of_hazards(rates, np.ones(1), np.zeros(1, bool), [36])
    >>> np.exp(truth.loc[:2, "target"]).round(3).tolist()
    [2.0, 1.998, 1.922]
    """
    weight = weight / weight.sum()
    rows = [*_hazard_ratios(rates, weight, marked), *_differences(rates, weight, months)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def cell_probabilities(rates: np.ndarray) -> np.ndarray:
    """Compute how probable each completed month and event is, under censoring uniform in time.

    Parameters
    ----------
    rates : numpy.ndarray, shape (..., 2, k)
        Monthly hazards of the two causes.

    Returns
    -------
    numpy.ndarray, shape (..., 3, FOLLOW_UP, k)
        Probabilities of being censored, dying of the first and of the second cause in each month.

    Examples
    --------
    >>> cells = cell_probabilities(np.array([[0.01], [0.02]]))
    >>> cells.shape, round(float(cells.sum()), 12)
    ((3, 60, 1), 1.0)
    """
    total = rates.sum(axis=-2, keepdims=True)
    edge = np.arange(FOLLOW_UP + 1)[:, None]
    alive = np.exp(-total * edge)
    # its slope is exp(-total t) (1 - t / 60): alive and not yet censored
    both = alive / total * (1 / (total * FOLLOW_UP) - 1 + edge / FOLLOW_UP)
    censored = -np.diff(alive, axis=-2) / (total * FOLLOW_UP)
    followed = np.diff(both, axis=-2)
    return np.stack([censored, *(np.moveaxis(rates, -2, 0)[:, ..., None, :] * followed)], axis=-3)


def _hazard_ratios(rates, weight, marked) -> list[tuple]:
    """Least-false coefficients, the reference arm weighing as much as in the match."""
    cells = cell_probabilities(rates) * weight
    # (arm, event, month, marked)
    mass = np.stack([cells[..., ~marked].sum(axis=-1), cells[..., marked].sum(axis=-1)], axis=-1)
    mass[0] *= RATIO
    arm, event, month, second = (axis.ravel() for axis in np.indices(mass.shape))
    kept = mass.ravel() > 0
    arm, event, month, second, mass = (
        np.repeat(values[kept], TIED) for values in (arm, event, month, second, mass.ravel() / TIED)
    )
    X = np.column_stack([arm, second]).astype(float)
    with_second = [(X[:, :1], 0, "")]
    if marked.any() and not marked.all():
        with_second.append((X, 1, OF_RECEPTORS))
    rows = []
    for columns, k, of in with_second:
        overall, specific = (
            fit_cox(EventTimes(month, died, weights=mass), columns).coef[k]
            for died in (event > 0, event == 1)
        )
        fine_gray = fit_fine_gray(EventTimes(month, event, weights=mass), columns).coef[k]
        if not of:
            rows.append((ALL_CAUSES, HR, np.nan, overall))
        rows.append((BREAST, CAUSE_SPECIFIC + of, np.nan, specific))
        rows.append((BREAST, SUBDISTRIBUTION + of, np.nan, fine_gray))
    return rows


def _differences(rates, weight, months) -> list[tuple]:
    """Differences of the incidence after so many completed months, and of its area."""
    total = rates.sum(axis=1, keepdims=True)
    rows = []
    for month in months:
        end = np.arange(1, month + 2)[:, None, None, None]  # completed month t ends at t + 1
        unexposed, exposed = np.moveaxis((rates / total * -np.expm1(-total * end)) @ weight, 1, 0)
        difference = exposed - unexposed  # (months, causes)
        at_horizon, lost = difference[-1], difference[:-1].sum(axis=0)
        for name, values in (("cumulative incidence", at_horizon), ("months lost", lost)):
            rows += [(EVENTS[k + 1], name, month, value) for k, value in enumerate(values)]
        rows.append((ALL_CAUSES, "survival", month, -at_horizon.sum()))
        rows.append((ALL_CAUSES, "restricted mean survival", month, -lost.sum()))
    return rows
