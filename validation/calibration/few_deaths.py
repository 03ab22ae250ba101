"""Size of the tests with few deaths: matched sets without any effect, and a fixed number of deaths.

Sets are drawn as they are after matching, so that thousands take minutes. Patients of a set share
a risk, deaths are so rare that their number can be fixed, and follow-up is the same in both groups
or half as long in the exposed, as where they were diagnosed later. What is calibrated is the test
that the study makes with few events (`seermatch.analysis.group_effect`), beside those that it does
not.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import product

import numpy as np
import pandas as pd
from seermatch.analysis.group_effect import estimate_group_effect
from seermatch.errors import StudyError
from seermatch.statistics.proportions import wilson_interval
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import score_test
from seermatch.survival.gray import gray_test

from validation.calibration.cohorts import FOLLOW_UP, RATIO
from validation.calibration.repetitions import logrank_p

DEATHS = (4, 6, 8, 12, 20, 40)
FOLLOW_UPS = ("equal", "unequal")
SETS = ("complete", "20 % incomplete")
N_SETS, OTHER_DEATHS = 100, 30
COHORTS = 5  # per repetition of the calibration and kind of cohort, which cost little
KINDS = ("deaths", "follow_up", "sets")
RECORD = (*KINDS, "repetition", "cohort", "one_group", "test", "p_value")
COLUMNS = (*KINDS, "test", "cohorts", "one_group", "rejected", "rejected_low", "rejected_high")
SIZE = 0.05

LOG_RANK, GRAY = "log-rank", "Gray"
COX_SCORE, COX_WALD, COX_FIRTH = "score by set, Cox", "Wald by set, Cox", "Firth, Cox"
FINE_GRAY_SCORE, FINE_GRAY_FIRTH = "score by set, Fine-Gray", "Firth, Fine-Gray"
POISSON_BINOMIAL = "Poisson-binomial"


def repeat_few_deaths(repetitions: Iterable[int], seed: int) -> Iterator[tuple[int, pd.DataFrame]]:
    """Draw and test `COHORTS` cohorts of every kind per repetition.

    Parameters
    ----------
    repetitions : iterable of int
        Their numbers, from 1; each has its own seed.
    seed : int
        Of all repetitions.

    Yields
    ------
    repetition : int
    records : pandas.DataFrame
        Columns `RECORD`, one row per cohort and test: deaths, follow_up, sets, and whether one
        group has all the deaths.

    Examples
    --------
    >>> repetition, records = next(repeat_few_deaths([1], seed=1))
    >>> len(records) == COHORTS * (24 * 6 + 12 * 2), bool(records["p_value"].le(0.05).mean() < 0.1)
    (True, True)
    """
    for repetition in repetitions:
        rows = []
        kinds = list(product(DEATHS, FOLLOW_UPS, SETS))
        for (number, kind), cohort in product(enumerate(kinds), range(COHORTS)):
            # a third number tells these streams from those of the other scenarios
            rng = np.random.default_rng([seed, 10_000 + number, repetition, cohort])
            matched = draw_matched_sets(*kind, rng)
            exposed = matched.loc[matched["event"] == 1, "group"].to_numpy()
            one_group = bool((exposed == exposed[0]).all())
            for test, p_value in null_tests(matched).items():
                rows.append((*kind, repetition, cohort, one_group, test, p_value))
        yield repetition, pd.DataFrame(rows, columns=list(RECORD))


def draw_matched_sets(
    deaths: int, follow_up: str, sets: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw matched sets in which the exposure does nothing.

    Parameters
    ----------
    deaths : int
        Deaths of the cause of interest; up to `OTHER_DEATHS` die of another cause first.
    follow_up : {"equal", "unequal"}
        Uniform over 60 months, or over 30 in the exposed.
    sets : {"complete", "20 % incomplete"}
        Share of the sets that lack a reference patient.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    pandas.DataFrame
        matched_set, group, weight, time (completed months), event (0, 1, 2). Hazards are constant
        and proportional to a risk that a set shares (log-normal, standard deviation 1).

    Examples
    --------
    >>> matched = draw_matched_sets(6, "equal", "complete", np.random.default_rng(1))
    >>> matched["event"].value_counts().sort_index().tolist(), matched["weight"].unique().tolist()
    ([266, 6, 28], [1.0])
    """
    lacking = N_SETS // 5 if sets == SETS[1] else 0
    size = np.full(N_SETS, RATIO)
    size[:lacking] -= 1
    of_set = np.r_[np.arange(N_SETS), np.repeat(np.arange(N_SETS), size)]
    exposed = np.arange(len(of_set)) < N_SETS
    # as `seermatch.matching.nearest.match` weights them
    weight = np.where(exposed, 1.0, size.sum() / (N_SETS * size[of_set]))
    longest = np.where(exposed & (follow_up == "unequal"), FOLLOW_UP / 2, FOLLOW_UP)
    time = rng.uniform(0, longest)
    event = np.zeros(len(of_set), dtype=np.int64)
    risk = np.exp(rng.normal(size=N_SETS))[of_set]
    for code, number in ((2, OTHER_DEATHS), (1, deaths)):
        death = _death_times(time, risk, number, rng)
        event[death < time] = code
        time = np.minimum(time, death)
    return pd.DataFrame(
        {
            "matched_set": of_set,
            "group": exposed.astype(np.int64),
            "weight": weight,
            "time": time.astype(np.int64),
            "event": event,
        }
    )


def _death_times(time, risk, number: int, rng) -> np.ndarray:
    """Draw exponential times of death, of which the number wanted falls within the follow-up.

    The hazard is chosen without regard to the group, and draws with another number are repeated.
    """
    from scipy.optimize import brentq

    hazard = risk * np.exp(
        brentq(lambda x: -np.expm1(-np.exp(x) * risk * time).sum() - number, -50.0, 10.0)
    )
    while True:
        death = rng.exponential(size=len(time)) / hazard
        if np.count_nonzero(death < time) == number:
            return death


def null_tests(matched: pd.DataFrame) -> dict[str, float]:
    """Test the groups in every way that is compared.

    Parameters
    ----------
    matched : pandas.DataFrame
        From `draw_matched_sets`.

    Returns
    -------
    dict of str to float
        Name of the test to p; missing where it cannot be made. Log-rank and Gray's test only with
        complete sets.
    """
    time, event = matched["time"].to_numpy(), matched["event"].to_numpy()
    weights, sets = matched["weight"].to_numpy(), matched["matched_set"].to_numpy()
    group, died = matched["group"].to_numpy(float), event == 1
    X, data = group[:, None], EventTimes(time, event, weights, sets)
    specific = "cancer death (cause-specific Cox)"
    wald = np.nan
    if 0 < group[died].sum() < died.sum():
        effect = estimate_group_effect(data, X, specific, penalized=False)
        wald = np.nan if effect.penalized else effect.estimate.p_value
    found = {
        COX_SCORE: _score_p(data.of(1, competing=False), X),
        COX_WALD: wald,
        COX_FIRTH: estimate_group_effect(data, X, specific, penalized=True).estimate.p_value,
        FINE_GRAY_SCORE: _score_p(data, X),
        FINE_GRAY_FIRTH: estimate_group_effect(
            data, X, "cancer death (Fine-Gray)", penalized=True
        ).estimate.p_value,
        POISSON_BINOMIAL: poisson_binomial_p(time, died, group == 1, sets),
    }
    if np.all(weights == 1):
        found[LOG_RANK] = logrank_p(time, died, group == 1)
        found[GRAY] = gray_test(EventTimes(time, event), group).p_value
    return found


def _score_p(data, X) -> float:
    with suppress(StudyError):  # one group only at risk whenever somebody dies
        return score_test(data, X).p_value
    return np.nan


def poisson_binomial_p(
    time: np.ndarray, died: np.ndarray, exposed: np.ndarray, sets: np.ndarray
) -> float:
    """Test the number of exposed deaths given who of each set was at risk at its deaths.

    Parameters
    ----------
    time : numpy.ndarray, shape (n,)
        Months.
    died, exposed : numpy.ndarray of bool, shape (n,)
        Whether the patient died, and belongs to the exposed.
    sets : numpy.ndarray, shape (n,)
        Matched set.

    Returns
    -------
    float
        Probability, without an effect, of a number that is at most as probable as the one seen.

    Examples
    --------
    >>> time, died = np.array([3, 4, 5, 3, 4, 5]), np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    >>> exposed = np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    >>> round(poisson_binomial_p(time, died, exposed, np.array([1, 1, 1, 2, 2, 2])), 4)
    0.1111
    """
    distribution = np.ones(1)
    for case in np.flatnonzero(died):
        at_risk = (sets == sets[case]) & (time >= time[case])
        share = exposed[at_risk].mean()
        distribution = np.convolve(distribution, [1 - share, share])
    seen = distribution[np.count_nonzero(died & exposed)]
    return float(min(distribution[distribution <= seen * (1 + 1e-9)].sum(), 1.0))


def summarize_few_deaths(records: pd.DataFrame) -> pd.DataFrame:
    """Count how often each test rejects.

    Parameters
    ----------
    records : pandas.DataFrame
        Columns `RECORD`.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per kind of cohort and test: cohorts; the share of them in which
        one group has all the deaths; the share in which p is below 0.05, a test that could not be
        made not rejecting, with Wilson's 95 % interval.

    Raises
    ------
    StudyError
        If a cohort occurs twice.

    Examples
    --------
    >>> row = {"deaths": 6, "follow_up": "equal", "sets": "complete", "cohort": 0,
    ...     "one_group": False, "test": "Firth, Cox"}
    >>> records = pd.DataFrame([row | {"repetition": 1, "p_value": 0.01},
    ...     row | {"repetition": 2, "p_value": 0.5}])
    >>> summarize_few_deaths(records)[["cohorts", "rejected"]].values.tolist()
    [[2.0, 0.5]]
    """
    if records.duplicated([*KINDS, "repetition", "cohort", "test"]).any():
        raise StudyError("records: a repetition of the few deaths occurs twice among the pieces.")
    rows = []
    for key, part in records.groupby([*KINDS, "test"], sort=False):
        n, share = len(part), float((part["p_value"] < SIZE).mean())
        rows.append((*key, n, part["one_group"].mean(), share, *wilson_interval(share, n)))
    return pd.DataFrame(rows, columns=list(COLUMNS))
