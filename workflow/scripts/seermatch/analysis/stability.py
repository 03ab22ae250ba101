"""How much of the result hangs on the rule for ties: the match repeated under other seeds.

Registry covariates are coarse, so most exposed patients have many reference patients at exactly
their score, and a rule that carries no information decides which of them are taken. Everything
that varies here is that rule.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seermatch.analysis.group_effect import OUTCOMES, estimate_group_effect
from seermatch.analysis.outcomes import several
from seermatch.errors import StudyError
from seermatch.matching.nearest import DEFAULT, Match, MatchingProblem
from seermatch.statistics.checks import check_binary, check_columns, check_number, check_numbers
from seermatch.survival.event_times import EventTimes, category_codes
from seermatch.variables.printed import EVENTS

COLUMNS = (
    "seed",
    "deaths",
    "deaths_cancer",
    "os_hr",
    "os_p",
    "cancer_hr",
    "cancer_p",
    "common_controls",
)
MODELS = tuple(OUTCOMES)[:2]


def matching_stability(
    cohort: pd.DataFrame,
    distance: np.ndarray,
    *,
    seeds: Sequence[int],
    ratio: int = DEFAULT.ratio,
    caliper: float | None = DEFAULT.caliper,
    order: str = DEFAULT.order,
    ties: str = DEFAULT.ties,
    exact: np.ndarray | None = None,
) -> pd.DataFrame:
    """Repeat the match under several seeds of the rule for ties.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per patient: patient_id, group (0 reference, 1 exposed), time (months) and event
        (category: censored, cancer death, other death).
    distance : array_like, shape (n,)
        What patients are matched on.
    seeds : sequence of int
        The main analysis' seed first.
    ratio, caliper, order
        As in `seermatch.matching.nearest.match`.
    ties : {"hash", "file_order"}
        Rule of the main match, the first row. The others are always by hash, since the order of
        the file knows no seed.
    exact : array_like of int, optional
        As in `seermatch.matching.nearest.match`.

    Returns
    -------
    pandas.DataFrame
        One row per seed: seed; deaths and deaths_cancer in the matched sample; os_hr and
        os_p of the group from a Cox model (Efron) of all deaths; cancer_hr and cancer_p from a
        Fine-Gray model of cancer death; common_controls, the share of the match's
        reference patients that the main match uses too. p-values are two-sided Wald tests with
        the variance clustered by matched set, or with few events Firth's
        (`seermatch.analysis.group_effect.has_few_events`). Without events HR and p are missing.

    Raises
    ------
    StudyError
        If there is no seed, a column is unusable, or as `seermatch.matching.nearest.match`.

    Examples
    --------
    >>> cohort = pd.DataFrame({"patient_id": [f"{i:08d}" for i in range(200)]})
    >>> cohort["group"] = (cohort.index < 20).astype(int)
    >>> cohort["time"] = 1 + 7 * cohort.index % 48
    >>> cohort["event"] = pd.Categorical.from_codes(cohort.index % 3, EVENTS)
    >>> repeats = matching_stability(cohort, cohort.index % 2, seeds=[1, 2, 3])
    >>> repeats[["seed", "deaths", "os_hr", "common_controls"]].round(3)
       seed  deaths  os_hr  common_controls
    0     1      42  1.203            1.000
    1     2      38  1.269            0.275
    2     3      34  1.743            0.175
    """
    for seed in check_numbers("seeds", seeds):
        check_number("seeds", seed, whole=True)
    if len(seeds) == 0:
        raise StudyError("stability.seeds is 0; ask for at least one repetition.")
    check_columns("cohort", cohort, ["patient_id", "group", "time", "event"])
    exposed = check_binary("group", cohort["group"])
    problem = MatchingProblem(
        distance,
        exposed,
        caliper=caliper,
        patient_id=cohort["patient_id"].to_numpy(),
        exact=exact,
    )
    data = EventTimes(cohort["time"], category_codes(cohort["event"], EVENTS))
    main: np.ndarray | None = None
    rows = []
    for seed in seeds:
        rule = ties if main is None else "hash"
        result = problem.match(ratio=ratio, order=order, ties=rule, seed=int(seed))
        if main is None:
            main = np.zeros(len(cohort), dtype=bool)
            main[result.control_index] = True
        common = float(main[result.control_index].mean())
        rows.append((int(seed), *_found(result, data, exposed), common))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def stability_range(repeats: pd.DataFrame, coverage: float = 0.95) -> pd.DataFrame:
    """Say how far the result moves over the seeds, and where the main one lies.

    Parameters
    ----------
    repeats : pandas.DataFrame
        From `matching_stability`, the main match first.
    coverage : float
        Share of the repetitions between `low` and `high`.

    Returns
    -------
    pandas.DataFrame
        One row per column of `repeats` but the seed: quantity; main; median, low and high of the
        repetitions, the main match left out (type 7 quantiles); share_below, the share of them
        below the main one, ties counted half.

    Raises
    ------
    StudyError
        If `repeats` is empty or not of numbers, or the coverage is not between 0 and 1.

    Examples
    --------
    >>> repeats = pd.DataFrame({"seed": [1, 2, 3, 4], "os_hr": [1.1, 0.9, 1.2, 1.0]})
    >>> stability_range(repeats, coverage=0.5).round(3).to_dict("records")
    [{'quantity': 'os_hr', 'main': 1.1, 'median': 1.0, 'low': 0.95, 'high': 1.1, \
'share_below': 0.667}]
    """
    check_columns("repeats", repeats, ["seed"])
    tail = (1 - check_number("coverage", coverage, 0, 1)) / 2
    rows = []
    for name in repeats.columns.drop("seed"):
        main, *others = check_numbers(name, repeats[name], finite=False).astype(float)
        others = np.array(others)[~np.isnan(others)]
        low = median = high = below = np.nan
        if len(others):
            low, median, high = np.quantile(others, (tail, 0.5, 1 - tail))
            below = ((others < main) + (others == main) / 2).mean()
        rows.append((name, main, median, low, high, below))
    columns = ["quantity", "main", "median", "low", "high", "share_below"]
    return pd.DataFrame(rows, columns=columns)


def _found(match: Match, data: EventTimes, exposed: np.ndarray) -> Iterator[float]:
    """Yield deaths and the group's effect on both outcomes in one matched sample."""
    rows = np.flatnonzero(match.matched_set)
    sets = match.matched_set[rows]
    matched = EventTimes(data.time[rows], data.event[rows], match.weight[rows], several(sets))
    yield from (np.count_nonzero(matched.event), matched.events)
    for outcome in MODELS:
        estimate = estimate_group_effect(matched, exposed[rows, None], outcome).estimate
        yield from (float(np.exp(estimate.coef)), estimate.p_value)
