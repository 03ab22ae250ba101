"""Patient characteristics per arm, with a test of each: the numbers behind Tables 1 and 2.

Rank sums, quantiles and cross tables are all taken from counts per distinct value, so that a
cohort of hundreds of thousands costs one sort per continuous variable.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_columns,
    check_labels,
    check_matrix,
    check_names,
    check_number,
    check_weights,
)
from seermatch.statistics.tests import Test, chi_square

COLUMNS = (
    *("variable", "level", "group", "n", "percent", "median", "q1", "q3"),
    *("test", "statistic", "df", "p_value"),
)
SMALLEST_EXPECTED = 5
SIMULATED_TABLES = 10_000


def compare_groups(
    frame: pd.DataFrame,
    variables: Sequence[str],
    *,
    group: str = "group",
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Describe and test variables between two arms.

    Parameters
    ----------
    frame : DataFrame
        One row per patient. Categorical columns (category, text, boolean) are counted in the
        order of their categories; numeric ones get median and quartiles. Missing values are left
        out of their variable.
    variables : sequence of str
        Columns of `frame`.
    group : str
        Column with the arms, at most two distinct values. Its values are written as text, so a
        categorical column gives its labels.
    weights : ndarray (n,), optional
        Matching or inverse-probability weights. Percentages and quantiles are then weighted, `n`
        stays the number of patients, and no test is made: the balance of a weighted sample is
        judged by standardized mean differences.
    seed : int
        Seed of the Monte-Carlo test. Each variable starts anew from it, so its p-value does not
        depend on which other variables are compared.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row per variable, level and arm. Continuous variables have
        ``level == ""`` and median, q1, q3 (type 7); categorical ones a percentage (0-100) within
        the arm. The test is repeated on each row of its variable.

    Raises
    ------
    StudyError
        If a column is absent, there are more than two arms, an arm is missing, a number is
        infinite, or weights are unusable.

    Examples
    --------
    >>> frame = pd.DataFrame({"group": [0, 0, 0, 1, 1, 1], "age": [50, 60, 61, 62, 70, 80]})
    >>> table = compare_groups(frame, ["age"])
    >>> table[["group", "n", "median", "q1"]].to_dict("list")
    {'group': ['0', '1'], 'n': [3, 3], 'median': [60.0, 70.0], 'q1': [55.0, 66.0]}
    >>> table["test"][0], float(table["p_value"].round(4)[0])
    ('Wilcoxon rank-sum', 0.0809)
    """
    variables = check_names("variables", variables)
    check_columns("frame", frame, [group, *variables], empty=True)
    check_labels(group, frame[group])
    check_number("seed", seed, 0, closed=True, whole=True)
    arm, arms = _codes(frame[group])
    if len(arms) > 2:
        raise StudyError(f"{group}: two groups can be compared, but it has {len(arms)} values.")
    weight = None if weights is None else check_weights(weights, len(frame), like="frame")
    weighted = weight is not None and not np.all(weight == 1)
    weight = weight if weighted else None
    rows = []
    for variable in variables:
        column = frame[variable]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            part, test = _continuous(column, arm, arms, weight)
        else:
            part, test = _categorical(column, arm, arms, weight, seed)
        test = Test() if weighted else test
        tested = (test.name, test.statistic, test.df, test.p_value)
        rows += [(variable, *row, *tested) for row in part]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "int64"})


def _codes(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Integer codes (-1 missing) and the levels as text."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    return column.cat.codes.to_numpy(dtype=np.int64), tuple(map(str, column.cat.categories))


def _cross_table(code, arm, shape, weight=None):
    """Cross table (levels, arms) of the rows where neither code is missing."""
    known = (code >= 0) & (arm >= 0)
    cell = code[known] * shape[1] + arm[known]
    weight = None if weight is None else weight[known]
    return np.bincount(cell, weights=weight, minlength=shape[0] * shape[1]).reshape(shape)


def _continuous(column, arm, arms, weight):
    values = column.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(values).any():
        raise StudyError(f"{column.name} is infinite for some patients; correct the values.")
    distinct, code = np.unique(values, return_inverse=True)
    missing = np.isnan(distinct)
    code = np.where(missing[code], -1, code) if missing.any() else code
    distinct = distinct[~missing]
    shape = (len(distinct), len(arms))
    counts = _cross_table(code, arm, shape)
    mass = counts if weight is None else _cross_table(code, arm, shape, weight)
    rows = []
    for j, label in enumerate(arms):
        n = int(counts[:, j].sum())
        # weights are scaled to the number of patients, which type 7 interpolates on
        scaled = mass[:, j] * (n / mass[:, j].sum()) if n else mass[:, j]
        q1, median, q3 = _quantiles(distinct, scaled, (0.25, 0.5, 0.75))
        rows.append(("", label, n, np.nan, median, q1, q3))
    return rows, _rank_sum(counts)


def _categorical(column, arm, arms, weight, seed):
    code, levels = _codes(column)
    shape = (len(levels), len(arms))
    counts = _cross_table(code, arm, shape)
    mass = counts if weight is None else _cross_table(code, arm, shape, weight)
    total = mass.sum(axis=0)
    percent = 100 * mass / np.where(total > 0, total, np.nan)
    rows = [
        (level, label, int(counts[i, j]), percent[i, j], np.nan, np.nan, np.nan)
        for i, level in enumerate(levels)
        for j, label in enumerate(arms)
    ]
    return rows, independence_test(counts, seed=seed)


def _quantiles(values: np.ndarray, counts: np.ndarray, probabilities) -> list[float]:
    """Type-7 quantiles (Hyndman and Fan 1996) of values that occur `counts` times."""
    if counts.sum() == 0:
        return [np.nan] * len(probabilities)
    values, counts = values[counts > 0], counts[counts > 0]
    last_rank = np.cumsum(counts)
    position = 1 + (last_rank[-1] - 1) * np.asarray(probabilities)
    # the tolerance keeps a rank of 3 from being missed for a cumulative weight of 2.9999999999
    lower = values[np.searchsorted(last_rank, np.floor(position) - 1e-9).clip(max=len(values) - 1)]
    upper = values[np.searchsorted(last_rank, np.ceil(position) - 1e-9).clip(max=len(values) - 1)]
    return (lower + (position % 1) * (upper - lower)).tolist()


def _rank_sum(counts: np.ndarray) -> Test:
    """Wilcoxon's rank-sum test from counts (distinct values ascending, arms).

    Normal approximation with midranks, tie-corrected variance and continuity correction, as R's
    ``wilcox.test(exact = FALSE)``.
    """
    if counts.shape[1] != 2 or (counts.sum(axis=0) == 0).any():
        return Test()
    ties = counts.sum(axis=1).astype(float)
    midrank = np.cumsum(ties) - (ties - 1) / 2
    n0, n1 = counts.sum(axis=0).astype(float)
    n = n0 + n1
    statistic = float(counts[:, 0] @ midrank - n0 * (n0 + 1) / 2)
    variance = n0 * n1 / 12 * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1)))
    if variance <= 0:
        return Test()
    deviation = max(abs(statistic - n0 * n1 / 2) - 0.5, 0)
    p_value = 2 * ndtr(-deviation / np.sqrt(variance))
    return Test("Wilcoxon rank-sum", statistic, p_value=float(p_value))


def independence_test(table: np.ndarray, *, seed: int = 0) -> Test:
    """Test a cross table of counts for independence.

    Pearson's chi-square without Yates' correction. Where an expected count is below 5: Fisher's
    exact test for 2x2, for larger tables the same chi-square against 10,000 tables drawn with
    both margins fixed, p = (1 + as large) / (1 + 10,000) (Davison and Hinkley 1997, 4.2).

    Parameters
    ----------
    table : ndarray (levels, 2)
        Counts per level and arm. Levels and arms without patients are dropped.
    seed : int
        Seed of the simulated tables.

    Returns
    -------
    Test
        ``"Pearson chi-square"``, ``"Fisher exact"`` (of no statistic) or ``"Monte Carlo
        chi-square"`` (of no degrees of freedom); without a name where fewer than two levels or
        arms are left.

    Raises
    ------
    StudyError
        If the table holds anything but counts.

    Examples
    --------
    >>> result = independence_test(np.array([[239129, 490], [44374, 95]]))
    >>> result.name, round(result.p_value, 3)
    ('Pearson chi-square', 0.696)
    >>> independence_test(np.array([[3, 1], [1, 3]])).name
    'Fisher exact'
    """
    counts = check_matrix("table", table)
    if counts.min(initial=0) < 0 or np.any(counts != np.floor(counts)):
        raise StudyError("table: counts must be whole numbers of zero or more.")
    check_number("seed", seed, 0, closed=True, whole=True)
    table = counts.astype(np.int64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return Test()
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(rows, columns) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    if expected.min() >= SMALLEST_EXPECTED:
        df = (len(rows) - 1) * (len(columns) - 1)
        return chi_square("Pearson chi-square", statistic, df)
    if table.shape == (2, 2):
        from scipy.stats import fisher_exact  # slow to import and rarely needed

        return Test("Fisher exact", p_value=float(fisher_exact(table)[1]))
    # given both margins, one arm's counts are multivariate hypergeometric
    smaller = int(np.argmin(columns))
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(
        rows, columns[smaller], size=SIMULATED_TABLES, method="marginals"
    )
    simulated = ((drawn - expected[:, smaller]) ** 2) @ (1 / expected).sum(axis=1)
    # equal tables may differ in the last bits of their statistic
    as_large = np.count_nonzero(simulated >= statistic * (1 - 1e-9))
    p_value = (1 + as_large) / (1 + SIMULATED_TABLES)
    return Test("Monte Carlo chi-square", statistic, p_value=p_value)
