"""Random data sets for the comparison with R: small, tied, and awkward on purpose."""

from dataclasses import dataclass, replace

import numpy as np

KINDS = (
    "tied months",
    "no ties",
    "heavy censoring",
    "no censoring",
    "a group without the event",
    "four groups",
    "tiny",
    "large",
    "collinear columns",
    "no competing event",
    "everything in months 0 to 2",
    "extreme covariates",
)


@dataclass(frozen=True)
class DataSet:
    """One data set; arrays have a value per patient.

    `event` is 0 censored, 1 the event, 2 a competing event; `X` holds the columns of the
    regression models and `terms` the term of each; `rho` belongs to Gray's test and `horizon` to
    the restricted mean.
    """

    kind: str
    time: np.ndarray
    event: np.ndarray
    group: np.ndarray
    strata: np.ndarray
    matched_set: np.ndarray
    weight: np.ndarray
    X: np.ndarray
    terms: tuple[str, ...]
    rho: float
    horizon: float


def draw(index: int, seed: int = 0) -> DataSet:
    """Draw data set `index`; kinds take turns."""
    rng = np.random.default_rng([seed, index])
    kind = KINDS[index % len(KINDS)]
    n = {"tiny": rng.integers(8, 20), "large": 1000}.get(kind, rng.integers(40, 250))
    n_groups = {"four groups": 4, "tiny": 2}.get(kind, rng.choice([2, 2, 3]))
    group = rng.permutation(np.arange(n) % n_groups)  # none is empty
    age = rng.normal(60, 11, n).round()
    size = np.ceil(rng.lognormal(3, 0.6, n))
    grade = rng.integers(0, 2, n)
    months = {"everything in months 0 to 2": 3}.get(kind, int(rng.choice([12, 60])))
    effect = 0.03 * (age - 60) + 0.5 * grade + rng.choice([0, 0.5]) * (group > 0)
    first = np.floor(rng.exponential(1.5 * months * np.exp(-effect)))
    other = np.floor(rng.exponential(2.5 * months * np.exp(-0.3 * grade), n))
    censored = rng.integers(0, months, n)
    if kind == "heavy censoring":
        censored = rng.integers(0, months // 6, n)
    if kind == "no censoring":
        censored = np.full(n, 10**6)
    if kind == "no competing event":
        other = np.full(n, 10**6)
    time = np.minimum(np.minimum(first, other), censored)
    event = np.where(censored < np.minimum(first, other), 0, np.where(first <= other, 1, 2))
    event[: 2 - min(2, np.count_nonzero(event == 1))] = 1
    if kind == "a group without the event":
        event[(group == 0) & (event == 1)] = rng.choice([0, 2])
        event[np.flatnonzero(group == 1)[0]] = 1
    if kind == "no ties":
        time = rng.permutation(8 * n)[:n] / 8
    dummies = np.array([group == g for g in range(1, n_groups)], dtype=float).T
    columns = [("group", dummies)] if kind == "tiny" else [("grade", grade), ("group", dummies)]
    if kind == "extreme covariates":
        spoilt = rng.random(n) < 0.02
        columns = [("size", np.where(spoilt, 988, size)), ("year", 2004 + age % 12), *columns]
    elif n_groups < 4:
        columns = [("age", age), ("size", size), *columns]
    if kind == "collinear columns":
        columns += [("months", 12 * age + 6), ("either", grade + dummies[:, 0])]
    weight = rng.choice([0.5, 1.0, 1.5, 2.25], n) if rng.random() < 0.5 else rng.gamma(4, 0.25, n)
    X = [np.asarray(values, dtype=float).reshape(n, -1) for _, values in columns]
    return DataSet(
        kind=kind,
        time=time.astype(float),
        event=event,
        group=group,
        strata=rng.integers(0, 2, n) if rng.random() < 0.5 else np.zeros(n, dtype=int),
        matched_set=rng.permutation(np.arange(n) // int(rng.choice([2, 3]))),
        weight=weight,
        X=np.hstack(X),
        terms=tuple(
            name for (name, _), part in zip(columns, X, strict=True) for _ in range(part.shape[1])
        ),
        rho=float(rng.choice([0, 0, 1, -0.5])),
        # somebody is still followed there, else the study gives no restricted mean
        horizon=float(min(rng.choice([months / 2, months - 0.5]), max(time.max() - 0.5, 0))),
    )


def restrict(data: DataSet, columns: np.ndarray) -> DataSet:
    """Keep some columns of the models only."""
    terms = tuple(data.terms[j] for j in columns)
    return replace(data, X=data.X[:, columns], terms=terms)
