"""Cohorts with known effects of the exposure, for the calibration of the estimators.

Covariates are as coarse as a registry's: age in bands of five years, tumor sizes that clinicians
round to, and a few levels of the rest. The exposure depends on them and so do both hazards, which
is confounding. Given the covariates both hazards are constant, which lets `calibration_targets`
write down the probability of every month and event.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from seermatch.statistics.design_matrix import DesignMatrix, design_matrix
from seermatch.variables.printed import EVENTS

COVARIATES = ("age", "tumor_size", "grade", "t_stage", "n_stage", "subtype")
LEVELS = {
    "grade": ("I-II", "III"),
    "t_stage": ("T1-T2", "T3-T4"),
    "n_stage": ("N0", "N1-N3"),
    "subtype": ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"),
}
RATIO = 2  # reference patients per exposed one
FOLLOW_UP = 60  # months from the first diagnosis to the end of follow-up

_AGES = np.arange(27, 88, 5)
_AGE_SHARES = (0.004, 0.015, 0.03, 0.05, 0.085, 0.1, 0.115, 0.14, 0.15, 0.13, 0.09, 0.055, 0.036)
_SIZES = np.array([5, 10, 15, 20, 25, 30, 40, 50, 70])
_SIZE_SHARES = (0.12, 0.17, 0.21, 0.15, 0.11, 0.08, 0.08, 0.03, 0.05)
_SUBTYPE_SHARES = np.array([[0.83, 0.08, 0.04, 0.05], [0.44, 0.14, 0.1, 0.32]])  # by grade

# About 4.9 % are exposed. Age is centred at 62 years, size at 20 mm.
_INTERCEPT = -3.25
_LOG_ODDS = {"age": -0.012, "tumor_size": 0.006, "grade: III": 0.25}
_LOG_ODDS |= {"n_stage: N1-N3": 0.5, "subtype: HR-/HER2-": 0.2}
# Monthly hazards where all columns are zero, and log hazard ratios: breast cancer, other death.
_BASE = np.array([0.000291, 0.000493])
_LOG_HAZARD_RATIOS = (
    {"age": 0.02, "tumor_size": 0.014, "grade: III": 0.8, "t_stage: T3-T4": 0.25}
    | {"n_stage: N1-N3": 0.8, "subtype: HR+/HER2+": -0.1}
    | {"subtype: HR-/HER2+": 0.5, "subtype: HR-/HER2-": 0.95},
    {"age": 0.08},
)


@dataclass(frozen=True)
class Scenario:
    """A population to draw cohorts from.

    Attributes
    ----------
    name : str
    hazard_ratios : tuple of float
        Cause-specific hazard ratios of the exposure given the covariates: breast cancer death,
        other death.
    n : int
        Patients to choose from, of whom about 4.9 % are exposed.
    hazard_scale : tuple of float
        Factors of both hazards.
    rare : bool
        Whether events are so rare that estimates may be infinite.
    """

    name: str
    hazard_ratios: tuple[float, float]
    n: int = 12_000
    hazard_scale: tuple[float, float] = (1.0, 1.0)
    rare: bool = False


SCENARIOS = (
    Scenario("no effect", (1.0, 1.0)),
    Scenario("HR 1.5", (1.5, 1.0)),
    Scenario("same direction", (1.5, 1.5)),
    Scenario("opposite direction", (1.5, 1 / 1.5)),
    Scenario("frequent deaths", (1.5, 1.0), hazard_scale=(10.0, 10.0)),
    Scenario("rare, no effect", (1.0, 1.0), n=2500, hazard_scale=(0.5, 6.0), rare=True),
    Scenario("rare, HR 3", (3.0, 1.0), n=2500, hazard_scale=(0.5, 6.0), rare=True),
)


def draw_covariates(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the covariates of n patients.

    Parameters
    ----------
    n : int
        Number of patients.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    pandas.DataFrame
        age (years) and tumor_size (mm) as numbers; grade, t_stage, n_stage and subtype as
        categories with the levels of `LEVELS`.

    Examples
    --------
    >>> patients = draw_covariates(2, np.random.default_rng(1))
    >>> patients.astype(str).iloc[0].tolist()
    ['62', '10', 'I-II', 'T1-T2', 'N0', 'HR+/HER2-']
    """
    age = rng.choice(_AGES, n, p=_AGE_SHARES)
    size = rng.choice(_SIZES, n, p=_SIZE_SHARES)
    grade = (rng.random(n) < expit(-0.9 - 0.02 * (age - 62))).astype(int)
    codes = {
        "grade": grade,
        "t_stage": (size > 50).astype(int),
        "n_stage": (rng.random(n) < expit(-1.3 + 0.03 * (size - 20))).astype(int),
        "subtype": (rng.random(n) >= _SUBTYPE_SHARES.cumsum(axis=1)[grade, :3].T).sum(axis=0),
    }
    numbers = {"age": age, "tumor_size": size}
    categories = {name: pd.Categorical.from_codes(codes[name], LEVELS[name]) for name in codes}
    return pd.DataFrame(numbers | categories)


def exposure_probability(design: DesignMatrix) -> np.ndarray:
    """Compute each patient's probability of being exposed.

    Parameters
    ----------
    design : DesignMatrix
        Of `COVARIATES`.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Examples
    --------
    >>> patients = draw_covariates(100_000, np.random.default_rng(1))
    >>> round(float(exposure_probability(design_matrix(patients, COVARIATES)).mean()), 3)
    0.049
    """
    return expit(_INTERCEPT + _linear(design, _LOG_ODDS))


def monthly_hazards(design: DesignMatrix, scenario: Scenario, exposed: np.ndarray) -> np.ndarray:
    """Compute both cause-specific hazards of each patient.

    Parameters
    ----------
    design : DesignMatrix
        Of `COVARIATES`.
    scenario : Scenario
        Gives the effects.
    exposed : array_like of bool, shape (n,) or ()
        Whether the patients are exposed; what would be if all were, or nobody, for one value.

    Returns
    -------
    numpy.ndarray, shape (2, n)
        Breast cancer death and other death, per month.

    Examples
    --------
    >>> patients = draw_covariates(5, np.random.default_rng(1))
    >>> design = design_matrix(patients, ["age", "tumor_size"])
    >>> if_exposed = monthly_hazards(design, SCENARIOS[1], True)
    >>> (if_exposed / monthly_hazards(design, SCENARIOS[1], False)).round(3)
    array([[1.5, 1.5, 1.5, 1.5, 1.5],
           [1. , 1. , 1. , 1. , 1. ]])
    """
    effects = np.where(exposed, np.log(scenario.hazard_ratios)[:, None], 0.0)
    base = _BASE * scenario.hazard_scale
    covariates = np.array([_linear(design, coefficients) for coefficients in _LOG_HAZARD_RATIOS])
    return base[:, None] * np.exp(covariates + effects)


def draw_cohort(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """Draw a cohort: who is exposed, and what happens until the end of follow-up.

    Patients are diagnosed evenly over five years, at whose end follow-up ends. Months are
    completed ones, as SEER counts them.

    Parameters
    ----------
    scenario : Scenario
        The population.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    pandas.DataFrame
        patient_id, the covariates, group (0 reference, 1 exposed), time (months) and event
        (category: censored, cancer death, other death).

    Examples
    --------
    >>> cohort = draw_cohort(SCENARIOS[0], np.random.default_rng(1))
    >>> len(cohort), int(cohort["group"].sum()), int(cohort["time"].min())
    (12000, 549, 0)
    """
    cohort = draw_covariates(scenario.n, rng)
    design = design_matrix(cohort, COVARIATES)
    exposed = rng.random(scenario.n) < exposure_probability(design)
    deaths = rng.exponential(size=(2, scenario.n)) / monthly_hazards(design, scenario, exposed)
    censoring = rng.uniform(0, FOLLOW_UP, scenario.n)
    end = np.vstack([censoring, deaths])
    cohort.insert(0, "patient_id", [f"{i:08d}" for i in range(scenario.n)])
    cohort["group"] = exposed.astype(np.int8)
    cohort["time"] = end.min(axis=0).astype(np.int64)
    cohort["event"] = pd.Categorical.from_codes(end.argmin(axis=0), EVENTS)
    return cohort


def receptors_negative(subtype: Sequence[str]) -> np.ndarray:
    """Tell who has no hormone receptors: a term with few events in a small cohort.

    Parameters
    ----------
    subtype : sequence of str
        Levels of the breast subtype.

    Returns
    -------
    numpy.ndarray of bool

    Examples
    --------
    >>> receptors_negative(["HR+/HER2-", "HR-/HER2-"])
    array([False,  True])
    """
    return np.isin(subtype, LEVELS["subtype"][2:])


def _linear(design: DesignMatrix, coefficients: dict[str, float]) -> np.ndarray:
    centre = {"age": 62.0, "tumor_size": 20.0}
    total = np.zeros(len(design.X))
    for name, column in zip(design.names, design.X.T, strict=True):
        if name in coefficients:
            total += coefficients[name] * (column - centre.get(name, 0.0))
    return total
