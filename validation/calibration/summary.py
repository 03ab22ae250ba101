"""What the repetitions of the calibration say about each estimator and its variance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from seermatch.errors import StudyError
from seermatch.statistics.proportions import wilson_interval

from validation.calibration.cohorts import SCENARIOS
from validation.calibration.repetitions import KEYS
from validation.calibration.targets import calibration_targets

COLUMNS = (
    "scenario",
    *KEYS,
    "repetitions",
    "estimated",
    "target",
    "target_se",
    "mean",
    "bias",
    "bias_se",
    "sd",
    "mean_se",
    "coverage",
    "coverage_low",
    "coverage_high",
    "rejected",
    "rejected_low",
    "rejected_high",
)
SIZE = 0.05


def targets_of_scenarios(months: Sequence[int], seed: int) -> pd.DataFrame:
    """Compute the true values of every scenario.

    Parameters
    ----------
    months : sequence of int
        Horizons of the absolute differences.
    seed : int
        The seed of the repetitions; the covariates behind the targets are other ones.

    Returns
    -------
    pandas.DataFrame
        scenario, and the columns of `validation.calibration.targets.calibration_targets`.
    """
    parts = [
        calibration_targets(scenario, months, np.random.default_rng([seed, number, 0])).assign(
            scenario=scenario.name
        )
        for number, scenario in enumerate(SCENARIOS)  # repetitions count from 1
    ]
    return pd.concat(parts, ignore_index=True)


def summarize_repetitions(records: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Compare the estimates of all repetitions with the truth.

    Parameters
    ----------
    records : pandas.DataFrame
        Columns `validation.calibration.repetitions.RECORD`, in any order of the rows.
    targets : pandas.DataFrame
        scenario, outcome, quantity, month, target, target_se.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per scenario, quantity, estimator and variance, in the order of
        the first repetition: repetitions; estimated, those with an estimate (or a test); mean of
        the estimates; bias, mean less target, and bias_se, its Monte Carlo standard error; sd of
        the estimates; mean of the standard errors; coverage, the share of 95 % intervals that
        hold the target, and rejected, the share of p-values below 0.05, which is the size of a
        test where the target is 0 and its power elsewhere; both with Wilson's 95 % interval.

    Raises
    ------
    StudyError
        If a repetition occurs twice, or there are fewer than two.

    Examples
    --------
    >>> from validation.calibration.repetitions import RECORD
    >>> key = ["HR 1", 1, "death of any cause", "log hazard ratio", np.nan, "Cox", "unclustered"]
    >>> records = pd.DataFrame([[*key, 0.1, 0.2, -0.3, 0.5, 0.6]], columns=list(RECORD))
    >>> records = pd.concat([records, records.assign(repetition=2, estimate=0.3, low=0.1)])
    >>> targets = pd.DataFrame([["HR 1", *key[2:5], 0.0, 0.0]],
    ...     columns=["scenario", *KEYS[:3], "target", "target_se"])
    >>> summarize_repetitions(records, targets)[["estimated", "bias", "coverage"]]
       estimated  bias  coverage
    0          2   0.2       0.5
    """
    records = records.sort_values("repetition", kind="stable")
    repetitions = records["repetition"].nunique()
    if repetitions < 2:
        raise StudyError("calibration.repetitions: bias and coverage need 2 repetitions or more.")
    names = ["scenario", *KEYS]
    if records.duplicated(["repetition", *names]).any():
        raise StudyError("A repetition of the calibration occurs twice among the pieces.")
    truth = records[names].drop_duplicates().merge(targets, "left", names[:4])
    by_key = dict(iter(records.fillna({"month": -1}).groupby(names, sort=False)))
    rows = []
    for row in truth.itertuples(index=False):
        key = tuple(row[: len(names)])
        part = by_key[(*key[:3], -1 if np.isnan(row.month) else row.month, *key[4:])]
        rows.append((*key, repetitions, *_compare(part, row.target, row.target_se)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _compare(part: pd.DataFrame, target: float, target_se: float) -> tuple:
    """Compare one estimator's repetitions with the target."""
    estimate = part["estimate"].dropna().to_numpy()
    p_value = part["p_value"].dropna().to_numpy()
    mean = sd = np.nan
    if len(estimate) > 1:
        mean, sd = estimate.mean(), estimate.std(ddof=1)
    inside = part[["low", "high"]].dropna().to_numpy()
    held = np.empty(0) if np.isnan(target) else (inside[:, 0] <= target) & (target <= inside[:, 1])
    return (
        max(len(estimate), len(p_value)),
        target,
        target_se,
        mean,
        mean - target,
        np.nan if np.isnan(target) else sd / np.sqrt(max(len(estimate), 1)),
        sd,
        part["se"].mean(),
        *_share(held),
        *_share(p_value < SIZE),
    )


def _share(hits: np.ndarray) -> tuple[float, float, float]:
    """Share of hits and Wilson's 95 % interval; missing without any."""
    n = len(hits)
    if n == 0:
        return (np.nan,) * 3
    share = float(np.mean(hits))
    return share, *map(float, wilson_interval(share, n))
