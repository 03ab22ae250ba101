"""Follow-up and causes of death of synthetic patients, from known cause-specific hazards.

For cause c the cumulative hazard after t months is ``scale_c * (t / 60)**shape_c * exp(x'b_c)``:
proportional hazards given the covariates, so that ``b_c`` is the truth an analysis can find.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seermatch.synthetic.export import codes_of
from seermatch.synthetic.patients import Records

LAST_YEAR = 2022
HORIZON = 60  # months from January 2018 to the end of follow-up in December 2022
LOST_TO_FOLLOW_UP = 0.02

# Conditional cause-specific log hazard ratios. Age is centred at 62 years, size at 16 mm.
LOG_HAZARD_RATIOS: dict[str, dict[str, float]] = {
    "breast cancer death": {
        "group: M0(i+)": float(np.log(1.3).round(6)),
        "age": 0.025,
        "tumor_size": 0.014,
        "grade: III": 0.8,
        "er: Positive": -0.5,
        "pr: Positive": -0.35,
        "subtype: HR+/HER2+": -0.1,
        "subtype: HR-/HER2+": -0.35,
        "subtype: HR-/HER2-": 0.1,
        "t_stage: T3-T4": 0.25,
        "n_stage: N0(i+)": 0.0,
        "n_stage: N1mi": float(np.log(1.4).round(6)),
        "n_stage: N1": 0.65,
        "n_stage: N2": 1.0,
        "n_stage: N3": 1.3,
    },
    "other death": {
        "group: M0(i+)": 0.0,
        "age": 0.08,
        "n_stage: N0(i+)": 0.0,
        "n_stage: N1mi": 0.0,
    },
}
SCALE = {"breast cancer death": 0.043, "other death": 0.0258}
SHAPE = {"breast cancer death": 1.25, "other death": 1.0}

COD_CANCER = {"Breast": 0.93, "Miscellaneous Malignant Cancer": 0.05}
COD_CANCER |= {"In situ, benign or unknown behavior neoplasm": 0.02}
COD_OTHER = {"Diseases of Heart": 0.32, "Cerebrovascular Diseases": 0.08}
COD_OTHER |= {"Alzheimers (ICD-9 and 10 only)": 0.07, "Diabetes Mellitus": 0.05}
COD_OTHER |= {"Chronic Obstructive Pulmonary Disease and Allied Cond": 0.07}
COD_OTHER |= {"Accidents and Adverse Effects": 0.07, "Septicemia": 0.02}
COD_OTHER |= {"Nephritis, Nephrotic Syndrome and Nephrosis": 0.03, "Pneumonia and Influenza": 0.03}
COD_OTHER |= {"Symptoms, Signs and Ill-Defined Conditions": 0.03, "Other Cause of Death": 0.23}


@dataclass(frozen=True)
class Outcomes:
    """What happened to n patients.

    Attributes
    ----------
    censoring : ndarray of float64, shape (n,)
        Months from diagnosis to December 2022.
    end : ndarray of float64, shape (n,)
        Months from diagnosis to death, loss or December 2022; its floor is SEER's figure.
    event : ndarray of int8, shape (n,)
        0 alive, 1 death of breast cancer, 2 other death.
    """

    censoring: NDArray[np.float64]
    end: NDArray[np.float64]
    event: NDArray[np.int8]


def log_hazards(patients: Records, exposed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute both log hazard ratios of every patient against the reference patient.

    Parameters
    ----------
    patients : dict of ndarray
        As `seermatch.synthetic.patients.eligible_patients` returns.
    exposed : ndarray of bool, shape (n,)
        Whether the patient is M0(i+).

    Returns
    -------
    ndarray of float64, shape (2, n)
        Breast cancer death, other death.
    """
    n_stage = patients["n_stage"]
    hormone_positive = (patients["er"] | patients["pr"]) > 0
    her2 = patients["her2"] == 1
    indicators = {
        "group: M0(i+)": exposed,
        "age": patients["age"] - 62.0,
        "tumor_size": patients["tumor_size"] - 16.0,
        "grade: III": np.isin(patients["grade"], codes_of("grade", "3", "C")),
        "er: Positive": patients["er"] == 1,
        "pr: Positive": patients["pr"] == 1,
        "subtype: HR+/HER2+": hormone_positive & her2,
        "subtype: HR-/HER2+": ~hormone_positive & her2,
        "subtype: HR-/HER2-": ~hormone_positive & ~her2,
        "t_stage: T3-T4": patients["t_stage"] >= codes_of("t_stage", "T3")[0],
        "n_stage: N0(i+)": n_stage == codes_of("n_stage", "N0(i+)")[0],
        "n_stage: N1mi": n_stage == codes_of("n_stage", "N1mi")[0],
        "n_stage: N1": np.isin(n_stage, codes_of("n_stage", "N1", "N1a", "N1b", "N1c")),
        "n_stage: N2": np.isin(n_stage, codes_of("n_stage", "N2a", "N2b")),
        "n_stage: N3": np.isin(n_stage, codes_of("n_stage", "N3a", "N3b", "N3c")),
    }
    total = np.zeros((2, exposed.size))
    for row, coefficients in zip(total, LOG_HAZARD_RATIOS.values(), strict=True):
        for term, coefficient in coefficients.items():
            if coefficient:
                row += coefficient * indicators[term]
    return total


def follow_up(
    years: NDArray, log_hazard: NDArray, rng: np.random.Generator, stratified: bool = False
) -> Outcomes:
    """Follow patients from diagnosis, uniform within its year, to death, loss or December 2022.

    Parameters
    ----------
    years : ndarray of int, shape (n,)
        Years of diagnosis.
    log_hazard : ndarray of float, shape (2, n)
        As `log_hazards` returns.
    rng : numpy.random.Generator
    stratified : bool, default False
        Draw who dies by systematic sampling, so that each cause claims its expected number of
        patients to within one whatever the seed. Times and hazards stay those of the model. Meant
        for a small arm: it needs n by 60 numbers.

    Returns
    -------
    Outcomes
    """
    n = years.size
    censoring = 12.0 * (LAST_YEAR - years) + 12 * rng.random(n)
    lost = rng.random(n) < LOST_TO_FOLLOW_UP
    limit = np.where(lost, rng.random(n), 1.0) * censoring
    draw = _stratified_deaths if stratified else _latent_deaths
    end, event = draw(limit, log_hazard, rng)
    return Outcomes(censoring, end, event)


def _latent_deaths(
    limit: NDArray, log_hazard: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Take the earlier of two latent times, where it comes before the limit."""
    end, event = limit.copy(), np.zeros(limit.size, dtype=np.int8)
    for cause, name in enumerate(SCALE):
        time = rng.standard_exponential(limit.size)
        time *= np.exp(-log_hazard[cause]) / SCALE[name]
        time = HORIZON * time ** (1 / SHAPE[name])
        earlier = time < end
        end[earlier], event[earlier] = time[earlier], cause + 1
    return end, event


def _stratified_deaths(
    limit: NDArray, log_hazard: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Sample deaths systematically by their probability, then the month given the death."""
    grid = np.minimum(np.arange(HORIZON + 1), limit[:, None])
    hazards = [
        SCALE[name] * np.exp(log_hazard[cause])[:, None] * (grid / HORIZON) ** SHAPE[name]
        for cause, name in enumerate(SCALE)
    ]
    dying = -np.diff(np.exp(-sum(hazards)), axis=1)
    total = np.diff(sum(hazards), axis=1)
    share = np.divide(np.diff(hazards[0], axis=1), total, out=np.zeros_like(total), where=total > 0)
    by_month = [dying * share, dying * (1 - share)]

    end, event = limit.copy(), np.zeros(limit.size, dtype=np.int8)
    order = rng.permutation(limit.size)
    first = by_month[0].sum(axis=1)
    second = by_month[1].sum(axis=1) / (1 - first)
    for cause, probability in enumerate((first, second), start=1):
        alive = order[event[order] == 0]
        steps = np.floor(np.cumsum(probability[alive]) + rng.random())
        event[alive[np.diff(steps, prepend=0) >= 1]] = cause
    for cause in (1, 2):
        who = np.flatnonzero(event == cause)
        cumulative = np.cumsum(by_month[cause - 1][who], axis=1)
        drawn = rng.random(who.size) * cumulative[:, -1]
        month = (cumulative < drawn[:, None]).sum(axis=1)
        width = np.minimum(limit[who] - month, 1.0)
        end[who] = month + width * rng.random(who.size)
    return end, event
