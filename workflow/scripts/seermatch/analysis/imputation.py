"""Multiple imputation of missing covariates by chained equations.

Each variable with missing values is drawn in turn given all others: levels by logistic regression
(one level against the later ones, where there are more than two), numbers by predictive mean
matching. Every draw starts with a draw of the model's coefficients. The exposure and the outcome
are among the predictors; without them the imputed values would be unrelated to either.

The rows without missing values are the same in every cycle and imputation, and in a registry they
are nearly all. What they say about the coefficients is summed up once: exactly in the linear model,
and in the logistic one as the normal distribution that their likelihood comes to, at its maximum.
The other rows enter one by one.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_binary,
    check_columns,
    check_matrix,
    check_names,
    check_number,
    check_numbers,
    check_times,
)
from seermatch.survival.event_times import EventTimes, category_codes, require_event_times
from seermatch.variables.identities import Identity, identities_within

CYCLES = 5
DONORS = 5  # of which predictive mean matching draws one
MOST_DONORS = 50_000  # complete rows among which the nearest are looked for
# Of each coefficient before the data are seen, that is a standard deviation of 10 for columns of
# the size of 1: finite where a level is predicted without error, and of no weight elsewhere.
PRIOR_PRECISION = 0.01
NEEDED = ("group", "year", "time", "event")
_STEPS = 50


def cumulative_hazards(data: EventTimes) -> np.ndarray:
    """Nelson–Aalen estimates of each cause's cumulative hazard, at every patient's own time.

    Parameters
    ----------
    data : EventTimes
        Codes 1 and 2 are the causes.

    Returns
    -------
    numpy.ndarray, shape (n, 2)

    Raises
    ------
    StudyError
        If times or events are unusable.

    Examples
    --------
    >>> cumulative_hazards(EventTimes([1, 2, 2, 3], [1, 0, 2, 1])).round(3).tolist()
    [[0.25, 0.0], [0.25, 0.333], [0.25, 0.333], [1.25, 0.333]]
    """
    table = require_event_times(data, largest=2).risk_table
    return np.cumsum(table.deaths.T / table.at_risk[:, None], axis=0)[table.index]


# ----- chained equations -------------------------------------------------------------------------


def impute(
    frame: pd.DataFrame,
    variables: Sequence[str],
    known: np.ndarray,
    *,
    imputations: int = 10,
    cycles: int = CYCLES,
    seed: int = 0,
) -> Iterator[pd.DataFrame]:
    """Impute the missing values of some variables.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per patient.
    variables : sequence of str
        Columns of `frame`, numbers or categories, that predict each other; those with missing
        values are imputed, in this order.
    known : numpy.ndarray, shape (n, q)
        Further predictors, without missing values.
    imputations : int
        Number of imputed data sets.
    cycles : int
        Rounds through the variables.
    seed : int
        Same seed and same rows, same draws.

    Yields
    ------
    pandas.DataFrame
        `frame` with the missing values of `variables` drawn. A positive number with missing values
        enters the models by its logarithm, and is drawn from the values that are there.

    Raises
    ------
    StudyError
        If no patient has all variables, or an argument is unusable.

    References
    ----------
    S. van Buuren. Flexible Imputation of Missing Data. 2nd ed., CRC, 2018, chapters 3 and 4.
    I. R. White and P. Royston. Imputing missing covariate values for the Cox model. Statistics in
    Medicine 28 (2009) 1982-1998: events and Nelson–Aalen hazards as predictors.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> age = rng.normal(60, 10, 500)
    >>> high = pd.Series(pd.Categorical(np.where(age > 60, "yes", "no")))
    >>> high[:100] = None
    >>> frame = pd.DataFrame({"age": age, "high": high})
    >>> drawn = next(impute(frame, ["age", "high"], np.empty((500, 0))))
    >>> float(((drawn["age"] > 60) == (drawn["high"] == "yes"))[:100].mean())
    0.99
    """
    variables = check_names("variables", variables)
    check_columns("frame", frame, variables)
    known = check_matrix("known", known, len(frame), like="frame")
    check_number("imputations", imputations, 1, closed=True, whole=True)
    check_number("cycles", cycles, 1, closed=True, whole=True)
    check_number("seed", seed, 0, closed=True, whole=True)
    chain = _Chain(frame, variables, known)
    for number in range(imputations):
        yield chain.run(cycles, np.random.default_rng([seed, number]))


class _Chain:
    """Variables as columns of one matrix, and what the complete rows say about each."""

    def __init__(self, frame: pd.DataFrame, variables: Sequence[str], known: np.ndarray):
        self.frame = frame
        lacking = frame[list(variables)].isna().any(axis=1).to_numpy()
        self.rows, complete = np.flatnonzero(lacking), np.flatnonzero(~lacking)
        if len(complete) == 0:
            raise StudyError("No patient has all covariates, so that none can be imputed.")
        blocks, width = [np.ones((len(frame), 1)), _standardized(known)], 1 + known.shape[1]
        self.imputed, slots = [], []
        for name in variables:
            kind = _Levels if isinstance(frame[name].dtype, pd.CategoricalDtype) else _Number
            variable = kind(frame[name])
            blocks.append(variable.columns(variable.observed))
            end = width + blocks[-1].shape[1]
            if np.isnan(variable.observed).any():
                self.imputed.append(variable)
                slots.append(slice(width, end))
            width = end
        X = np.hstack(blocks)
        self.slots = slots
        self.incomplete = X[self.rows]
        X = X[complete]
        for variable, slot in zip(self.imputed, slots, strict=True):
            variable.learn(np.delete(X, slot, axis=1), variable.observed[complete])

    def run(self, cycles: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw one data set, starting from values that are there."""
        X = self.incomplete.copy()
        drawn, missing = [], []
        for variable, slot in zip(self.imputed, self.slots, strict=True):
            values = variable.observed[self.rows]
            lacking = np.isnan(values)
            present = variable.observed[~np.isnan(variable.observed)]
            values[lacking] = rng.choice(present, int(lacking.sum()))
            X[:, slot] = variable.columns(values)
            drawn.append(values)
            missing.append(lacking)
        for _ in range(cycles):
            for variable, slot, values, lacking in zip(
                self.imputed, self.slots, drawn, missing, strict=True
            ):
                others = np.delete(X, slot, axis=1)
                values[lacking] = variable.draw(
                    others[~lacking], values[~lacking], others[lacking], rng
                )
                X[:, slot] = variable.columns(values)
        columns = {}
        for variable, values in zip(self.imputed, drawn, strict=True):
            whole = variable.observed.copy()
            whole[self.rows] = values
            columns[variable.name] = variable.restored(whole)
        return self.frame.assign(**columns)


class _Levels:
    """A category: each level against the later ones, among patients of neither an earlier one."""

    def __init__(self, column: pd.Series):
        self.name, self.dtype = column.name, column.dtype
        codes = column.cat.codes.to_numpy()
        self.observed = np.where(codes < 0, np.nan, codes)
        self.last = max(int(codes.max()), 1)

    def columns(self, values: np.ndarray) -> np.ndarray:
        return (values[:, None] == np.arange(1, self.last + 1)).astype(np.float64)

    def restored(self, values: np.ndarray) -> pd.Categorical:
        return pd.Categorical.from_codes(values.astype(np.int64), dtype=self.dtype)

    def learn(self, X: np.ndarray, values: np.ndarray) -> None:
        """Sum up the complete rows."""
        p = X.shape[1]
        nothing = np.zeros(p), PRIOR_PRECISION * np.eye(p)
        self.learned = [_fit_logistic(*_step(X, values, k), *nothing) for k in range(self.last)]

    def draw(self, X, values, wanted, rng) -> np.ndarray:
        """Draw for the rows `wanted`, from a model that has seen `X` with `values` as well."""
        found = np.zeros(len(wanted))
        for k, learned in enumerate(self.learned):
            coef, precision = _fit_logistic(*_step(X, values, k), *learned)
            coef = coef + _normal(precision, rng)
            later = rng.random(len(wanted)) < expit(wanted @ coef)
            found[later & (found == k)] = k + 1
        return found


def _step(X: np.ndarray, values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Select the rows that are not of a level before k, and tell which are of one after it."""
    if k == 0:
        return X, values > 0
    return X[values >= k], values[values >= k] > k


class _Number:
    """A number: linear regression, and one of the nearest donors (Little 1988)."""

    def __init__(self, column: pd.Series):
        self.name = column.name
        self.observed = check_numbers(self.name, column, finite=False).astype(float)
        if np.isinf(self.observed).any():
            raise StudyError(f"{self.name} is infinite for some patients; correct the values.")
        present = self.observed[~np.isnan(self.observed)]
        self.logarithm = len(present) < len(self.observed) and present.min() > 0
        present = np.log(present) if self.logarithm else present
        self.center, self.scale = present.mean(), present.std() or 1.0

    def columns(self, values: np.ndarray) -> np.ndarray:
        scale = np.log(values) if self.logarithm else values
        return ((scale - self.center) / self.scale)[:, None]

    def restored(self, values: np.ndarray) -> np.ndarray:
        return values

    def learn(self, X: np.ndarray, values: np.ndarray) -> None:
        """Sum up the complete rows, and keep them, or every so many of them, as donors."""
        y = self.columns(values)[:, 0]
        self.n, self.moments = len(y), (X.T @ X, X.T @ y, y @ y)
        every = -(-len(y) // MOST_DONORS)
        self.donors, self.given = X[::every], values[::every]

    def draw(self, X, values, wanted, rng) -> np.ndarray:
        """Draw for the rows `wanted`, from a model that has seen `X` with `values` as well."""
        y = self.columns(values)[:, 0]
        squares = self.moments[0] + X.T @ X + PRIOR_PRECISION * np.eye(X.shape[1])
        products = self.moments[1] + X.T @ y
        coef = np.linalg.solve(squares, products)
        df = max(self.n + len(y) - len(coef), 1)
        rest = max(self.moments[2] + y @ y - coef @ products, 0.0)
        another = coef + np.sqrt(rest / rng.chisquare(df)) * _normal(squares, rng)
        # equal rows may differ in the last bits of their expectation
        expected = np.concatenate([self.donors @ coef, X @ coef]).round(9)
        order = np.argsort(expected, kind="stable")
        near = _nearest(expected[order], wanted @ another, rng)
        return np.concatenate([self.given, values])[order[near]]


def _nearest(donors: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose for each number one of the nearest of the ascending `donors`, or a tied one."""
    k = min(DONORS, len(donors))
    at = np.searchsorted(donors, wanted)
    window = np.clip(at[:, None] + np.arange(-k, k), 0, len(donors) - 1)
    distance = np.abs(donors[window] - wanted[:, None])
    distance[:, 1:][window[:, 1:] == window[:, :-1]] = np.inf  # the same donor at either end
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :k]
    chosen = nearest[np.arange(len(wanted)), rng.integers(k, size=len(wanted))]
    value = donors[window[np.arange(len(wanted)), chosen]]
    return rng.integers(np.searchsorted(donors, value), np.searchsorted(donors, value, "right"))


def _fit_logistic(
    X: np.ndarray, y: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Maximize a logistic likelihood times a normal density by Newton's method.

    Returns the maximum, and there the precision of the normal approximation.
    """
    coef, best, proposal = mean, -np.inf, mean
    for _ in range(_STEPS):
        eta = X @ proposal
        away = precision @ (proposal - mean)
        height = eta[y].sum() - np.logaddexp(0, eta).sum() - 0.5 * away @ (proposal - mean)
        if height < best - 1e-9 * abs(best):  # too far: half the step
            proposal = (coef + proposal) / 2
            continue
        coef, best = proposal, height
        p = expit(eta)
        gradient = X.T @ (y - p) - away
        information = (X.T * (p * (1 - p))) @ X + precision
        step = np.linalg.solve(information, gradient)
        proposal = coef + step
        if gradient @ step < 1e-8:  # so near that this step is the last
            break
    return proposal, information


def _normal(precision: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from the normal distribution of mean 0 with this precision."""
    lower = np.linalg.cholesky(precision)
    return np.linalg.solve(lower.T, rng.standard_normal(len(precision)))


def _standardized(X: np.ndarray) -> np.ndarray:
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0)


# ----- the cohort --------------------------------------------------------------------------------


def imputed_cohorts(
    eligible: pd.DataFrame,
    covariates: Sequence[str],
    *,
    imputations: int = 10,
    seed: int = 0,
    identities: Sequence[Identity] = (),
) -> Iterator[pd.DataFrame]:
    """Impute the covariates of the eligible patients, given exposure and outcome.

    Parameters
    ----------
    eligible : pandas.DataFrame
        One row per patient: group, year, time, event and the covariates, some of them missing.
    covariates : sequence of str
        Variables of the study.
    imputations : int
        Number of imputed data sets.
    seed : int
        Of the draws.
    identities : sequence of Identity
        Covariates that follow from others. Where all of these are columns of `eligible`, they are
        imputed in place of the covariate, which then follows from them wherever any was missing.

    Yields
    ------
    pandas.DataFrame
        `eligible` without missing covariates. Predictors are the other covariates, the group, the
        year of diagnosis, and for each cause of death its event and cumulative hazard.

    Raises
    ------
    StudyError
        If no patient has all covariates, or a drawn combination makes no level of a covariate that
        follows from others.
    """
    covariates = check_names("covariates", covariates)
    check_columns("eligible", eligible, [*NEEDED, *covariates])
    derived = identities_within(identities, covariates, eligible.columns)
    made = {"year", *(identity.variable for identity in derived)}
    parts = [name for identity in derived for name in identity.of]
    variables = [name for name in dict.fromkeys([*covariates, *parts]) if name not in made]
    event = category_codes(eligible["event"])
    time = check_times(eligible["time"])
    known = np.column_stack(
        [
            check_binary("group", eligible["group"]),
            check_numbers("year", eligible["year"]),
            event == 1,
            event == 2,
            cumulative_hazards(EventTimes(time, event)),
        ]
    )
    for frame in impute(eligible, variables, known, imputations=imputations, seed=seed):
        yield frame.assign(
            **{identity.variable: _follow(frame, eligible, identity) for identity in derived}
        )


def _follow(frame: pd.DataFrame, eligible: pd.DataFrame, identity: Identity) -> pd.Series:
    """Make a variable of those that it follows from, where it or any of them was missing."""
    untold = eligible[list(identity.variables)].isna().any(axis=1).to_numpy()
    found = frame[identity.variable].copy()
    parts = frame.loc[untold, list(identity.of)].astype(str).itertuples(index=False, name=None)
    levels = [identity.levels.get(part) for part in parts]
    if None in levels:
        raise StudyError(
            f"{identity.variable}: a combination of {', '.join(identity.of)} was imputed that "
            "makes no level of it; name every combination in its identity."
        )
    found[untold] = levels
    return found
