"""Balance of the covariates before and after matching, by MatchIt's convention.

The standardized mean difference is the exposed mean minus the weighted reference mean, over the
standard deviation of all exposed patients before matching: the same denominator before and after,
so that only means move it (Stuart, Stat Sci 2010;25:1-21; the convention of MatchIt's ``summary``
for the effect in the exposed).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_names,
    check_numbers,
    check_score,
    check_weights,
)

_SMALL = np.sqrt(np.finfo(np.float64).eps)  # differences below it are not standardized


def assess_balance(
    cohort: pd.DataFrame, matched: pd.DataFrame, covariates: Sequence[str]
) -> pd.DataFrame:
    """Compare the means and variances of the groups before and after matching.

    Parameters
    ----------
    cohort : pandas.DataFrame
        All patients, with columns group (0/1), propensity and the covariates. The score is missing
        for patients outside the pool; they count in all rows but that of the score.
    matched : pandas.DataFrame
        The matched patients; additionally weight.
    covariates : sequence of str
        In the order of the rows wanted.

    Returns
    -------
    pandas.DataFrame
        Columns term, level, smd_before, smd_after, variance_ratio_before, variance_ratio_after.
        The first row, ``distance``, is the propensity score. A continuous variable has an empty
        level; a categorical one has a row for each level, or for the second level only if there
        are two. The variance ratio, exposed over reference, is NaN for a level. A denominator of
        0 is replaced by the standard deviation pooled over both groups before matching.

    Raises
    ------
    StudyError
        If a column is absent or unusable, or a group empty.

    Examples
    --------
    >>> cohort = pd.DataFrame(
    ...     {"group": [1, 1, 0, 0, 0], "propensity": [1.0, 3, 0, 1, 3], "age": [50, 60, 40, 50, 60]}
    ... )
    >>> matched = cohort.iloc[[0, 1, 3, 4]].assign(weight=1.0)
    >>> balance = assess_balance(cohort, matched, ["age"]).round(3)
    >>> balance[["term", "smd_before", "smd_after", "variance_ratio_before"]]
           term  smd_before  smd_after  variance_ratio_before
    0  distance       0.471        0.0                  0.857
    1       age       0.707        0.0                  0.500
    """
    covariates = check_names("covariates", covariates)
    check_columns("cohort", cohort, ["group", "propensity", *covariates])
    check_columns("matched", matched, ["group", "propensity", "weight", *covariates])
    before, after = (_exposed(frame) for frame in (cohort, matched))
    weight = check_weights(matched["weight"], len(matched), "weight")
    check_numbers("propensity", matched["propensity"])
    unweighted = np.ones(len(cohort))
    rows = []
    columns = zip(_columns(cohort, covariates), _columns(matched, covariates), strict=True)
    for (term, level, x, binary), (_, _, x_matched, _) in columns:
        known = ~np.isnan(x)
        mean, variance = _moments(x[known], unweighted[known], before[known], binary)
        mean_after, variance_after = _moments(x_matched, weight, after, binary)
        denominator = np.sqrt(variance[1])
        if denominator < _SMALL:
            denominator = np.sqrt(sum(variance) / 2)
        ratios = [np.nan if binary else _ratio(*v) for v in (variance, variance_after)]
        differences = [_standardize(m[1] - m[0], denominator) for m in (mean, mean_after)]
        rows.append((term, level, *differences, *ratios))
    names = ["smd_before", "smd_after", "variance_ratio_before", "variance_ratio_after"]
    return pd.DataFrame(rows, columns=["term", "level", *names])


def _exposed(frame: pd.DataFrame) -> np.ndarray:
    exposed = check_binary("group", frame["group"])
    if exposed.all() or not exposed.any():
        raise StudyError("group: balance is of two groups, but one of them is empty.")
    return exposed


def _columns(
    frame: pd.DataFrame, covariates: Sequence[str]
) -> Iterator[tuple[str, str, np.ndarray, bool]]:
    """Yield term, level, values and whether they are 0/1."""
    yield "distance", "", check_score("propensity", frame["propensity"]), False
    for term in covariates:
        values = frame[term]
        if isinstance(values.dtype, pd.CategoricalDtype):
            levels = list(values.cat.categories)
            codes = values.cat.codes.to_numpy()
            if (codes < 0).any():
                raise StudyError(f"{term} is missing for some patients; exclude them.")
            for code, level in enumerate(levels):
                if code or len(levels) > 2:
                    yield term, str(level), (codes == code).astype(np.float64), True
        else:
            numbers = check_numbers(term, values).astype(float)
            yield term, "", numbers, bool(np.isin(numbers, (0, 1)).all())


def _moments(
    x: np.ndarray, weight: np.ndarray, exposed: np.ndarray, binary: bool
) -> tuple[list[float], list[float]]:
    """Weighted mean and variance of the reference group and of the exposed group.

    A binary variable has p(1 - p), another the variance with divisor n - 1 or, for weights w that
    add up to 1, 1 - sum of w squared (reliability weights).
    """
    means, variances = [], []
    for arm in (~exposed, exposed):
        w = weight[arm] / weight[arm].sum()
        mean = w @ x[arm]
        variance = mean * (1 - mean)
        if not binary:
            variance = w @ (x[arm] - mean) ** 2 / (1 - w @ w) if len(w) > 1 else np.nan
        means.append(float(mean))
        variances.append(float(variance))
    return means, variances


def _standardize(difference: float, denominator: float) -> float:
    if abs(difference) < _SMALL:
        return difference
    return difference / denominator if denominator else float(np.copysign(np.inf, difference))


def _ratio(reference: float, exposed: float) -> float:
    return exposed / reference if reference else np.nan
