"""The same question asked in other defensible ways: other matches, scores, weights and models.

Matched samples carry a variance clustered by matched set; weighted ones and the full cohort a
robust one by patient. Every analysis is set beside five outcomes. Deaths of other causes serve as
a negative control: the exposure has no reason to act on their cause-specific hazard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from seermatch.design_matrix import aliased_columns, design_matrix
from seermatch.errors import StudyError
from seermatch.group_effect import OUTCOMES, estimate_group_effect
from seermatch.matching import exact_codes, match
from seermatch.propensity import estimate_propensity
from seermatch.variables import EVENTS
from seermatch.weighting import balancing_weights, effective_sample_size

COLUMNS = (
    "analysis",
    "outcome",
    "estimand",
    "n",
    "events",
    "effective_sample_size",
    "largest_weight",
    "hr",
    "hr_low",
    "hr_high",
    "p_value",
    "variance",
)
MAIN = "main"
CLUSTERED, ROBUST = "clustered by matched set", "robust by patient"
WEIGHTED = {"ATT": "weighted, ATT", "ATE": "weighted, ATE", "ATO": "weighted, overlap"}
FULL_COHORT = "full cohort, adjusted"

_SPLINED = ("age", "tumor_size")
_KNOTS = (0.05, 0.35, 0.65, 0.95)  # quantiles, Harrell's choice for four knots


@dataclass(frozen=True)
class Sensitivity:
    """The table, and what could not be done.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns `COLUMNS`; one row per analysis and outcome (`group_effect.OUTCOMES`), the main
        analysis first. `n` and `events` count patients; `effective_sample_size` is Kish's of both
        groups. HR, interval and p are missing where an arm has no event.
    notes : tuple of str
        One sentence per analysis that these data do not allow.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Specification:
    """A match to be made: patients, score or terms of the score, rule, exact columns."""

    name: str
    cohort: pd.DataFrame
    rule: dict
    score: np.ndarray | None = None  # linear predictor; None: to be estimated from the terms
    terms: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sample:
    """Patients with what their analysis takes: adjustment, weights, sets."""

    name: str
    estimand: str
    variance: str
    cohort: pd.DataFrame
    weights: np.ndarray | None = None
    sets: np.ndarray | None = None
    adjustment: np.ndarray | None = None


def sensitivity_analyses(
    cohort: pd.DataFrame,
    linear_predictor: np.ndarray,
    *,
    covariates: Sequence[str],
    matching: Mapping,
    calipers: Sequence[float | None] = (0.1, 0.2, 0.25, None),
    ratios: Sequence[int] = (1, 2, 3, 4),
    orders: Sequence[str] = ("largest", "random"),
    largest_size: float | None = 200,
    estimands: Sequence[str] = ("ATT", "ATO"),
) -> Sensitivity:
    """Estimate the effect of the group in every analysis of the sensitivity table.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per patient: patient_id, group (0 reference, 1 exposed), time (months), event
        (category: censored, breast cancer death, other death), year and the covariates. An
        analysis is left out where its column (year, registry, subtype, tumor_size) is absent.
    linear_predictor : array_like, shape (n,)
        Log odds of being exposed, of the main propensity model.
    covariates : sequence of str
        Terms of the main propensity model, and of the adjusted full-cohort models.
    matching : mapping
        The main match: link (``logit`` or ``probability``), ratio, caliper, order, ties and seed
        as in `seermatch.matching.match`; exact, names of columns, may be there.
    calipers, ratios, orders : sequence
        One analysis for each value that is not the main match's.
    largest_size : float or None
        Larger tumor sizes (mm) are set to it in the score; None leaves the analysis out.
    estimands : sequence of {"ATT", "ATE", "ATO"}
        Weighted analyses wanted.

    Returns
    -------
    Sensitivity

    Raises
    ------
    StudyError
        If the main match cannot be made.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> cohort = pd.DataFrame({"patient_id": [f"{i:08d}" for i in range(600)]})
    >>> cohort["group"] = (cohort.index < 60).astype(int)
    >>> cohort["age"], cohort["time"] = rng.integers(40, 80, 600), rng.integers(1, 48, 600)
    >>> cohort["event"] = pd.Categorical.from_codes(rng.integers(0, 3, 600), EVENTS)
    >>> main = {"link": "logit", "ratio": 2, "caliper": 0.2, "order": "largest",
    ...     "ties": "hash", "seed": 1}
    >>> score = estimate_propensity(cohort, ["age"]).linear_predictor
    >>> result = sensitivity_analyses(cohort, score, covariates=["age"], matching=main,
    ...     calipers=[0.1], ratios=[1], orders=[], estimands=["ATT"])
    >>> list(result.table["analysis"].unique())
    ['main', 'caliper 0.1', 'ratio 1', 'score with splines', 'weighted, ATT', \
'full cohort, adjusted']
    """
    score = np.asarray(linear_predictor, dtype=np.float64)
    rule = dict(matching)
    exact = tuple(rule.pop("exact", ()))
    main = _Specification(MAIN, cohort, rule, score, tuple(covariates), exact)
    rows, notes = _estimates(_match(main)), []
    for other in [
        *_other_rules(main, calipers, ratios, orders),
        *_other_scores(main, largest_size),
        *_without_month_0(main),
    ]:
        try:
            rows += _estimates(_match(other))
        except StudyError as error:
            notes.append(f"{other.name}: left out, because {error}")
    exposed = cohort["group"].to_numpy() == 1
    for estimand in estimands:
        weights = balancing_weights(score, exposed, estimand)
        rows += _estimates(_Sample(WEIGHTED[estimand], estimand, ROBUST, cohort, weights))
    rows += _estimates(_full_cohort(cohort, covariates))
    return Sensitivity(pd.DataFrame(rows, columns=list(COLUMNS)), tuple(notes))


def _other_rules(main: _Specification, calipers, ratios, orders) -> list[_Specification]:
    """List matches on the same score by another caliper, ratio, order, or in exact blocks."""
    changes = [
        *(("caliper", c, "no caliper" if c is None else f"caliper {c:g}") for c in calipers),
        *(("ratio", ratio, f"ratio {ratio}") for ratio in ratios),
        *(("order", order, f"order {order}") for order in orders),
    ]
    others = [
        replace(main, name=name, rule=main.rule | {key: value})
        for key, value, name in changes
        if main.rule[key] != value
    ]
    for exact in ((), ("year",), ("year", "registry")):
        if set(exact) <= set(main.cohort.columns) and set(exact) != set(main.exact):
            name = f"exact on {' and '.join(exact)}" if exact else "not exact"
            others.append(replace(main, name=name, exact=exact))
    return others


def _other_scores(main: _Specification, largest_size: float | None) -> list[_Specification]:
    """List matches by the same rule on another model of the score."""
    cohort, terms = main.cohort, main.terms
    others = []

    def add(name, cohort, terms):
        others.append(replace(main, name=name, cohort=cohort, terms=tuple(terms), score=None))

    if "subtype" in terms and len(terms) > 1:
        add("score without subtype", cohort, [t for t in terms if t != "subtype"])
    if "year" in cohort and "year" not in terms and np.ptp(cohort["year"]) > 0:
        with_year = cohort.assign(year=cohort["year"].astype("category"))
        add("score with year", with_year, [*terms, "year"])
    splined, bends = _with_splines(cohort, [t for t in _SPLINED if t in terms])
    if bends:
        add("score with splines", splined, [*terms, *bends])
    if largest_size is not None and "tumor_size" in terms:
        size = cohort["tumor_size"]
        if (size > largest_size).any():
            capped = cohort.assign(tumor_size=size.clip(upper=largest_size))
            add(f"tumor size at most {largest_size:g} mm", capped, terms)
    return others


def _without_month_0(main: _Specification) -> list[_Specification]:
    """Match only patients followed beyond month 0, on a score of their own."""
    followed = main.cohort["time"].to_numpy() > 0
    if followed.all():
        return []
    cohort = main.cohort[followed].reset_index(drop=True)
    return [replace(main, name="month 0 excluded", cohort=cohort, score=None)]


def _with_splines(cohort: pd.DataFrame, terms: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Add the bent columns of each term's spline; the term itself is the straight one."""
    added: dict[str, np.ndarray] = {}
    for term in terms:
        knots = np.unique(cohort[term].quantile(_KNOTS))
        if len(knots) > 2:
            bent = natural_spline(cohort[term], knots)[:, 1:]
            added |= {f"{term}, spline {j}": column for j, column in enumerate(bent.T, start=1)}
    return cohort.assign(**added), list(added)


def _match(specification: _Specification) -> _Sample:
    """Make the match."""
    cohort, rule = specification.cohort, dict(specification.rule)
    distance = specification.score
    if distance is None:
        distance = estimate_propensity(cohort, specification.terms).linear_predictor
    if rule.pop("link") == "probability":
        distance = expit(distance)
    result = match(
        distance,
        cohort["group"].to_numpy() == 1,
        patient_id=cohort["patient_id"].to_numpy(),
        exact=exact_codes(cohort, specification.exact),
        **rule,
    )
    rows = np.flatnonzero(result.matched_set)
    complete = result.n_matched_exposed == result.n_exposed
    return _Sample(
        name=specification.name,
        estimand="ATT" if complete else "ATT in the matched",
        variance=CLUSTERED,
        cohort=cohort.iloc[rows],
        weights=result.weight[rows],
        sets=result.matched_set[rows],
    )


def _full_cohort(cohort: pd.DataFrame, covariates: Sequence[str]) -> _Sample:
    """Everybody, adjusted for the covariates; the hazard ratio is conditional on them."""
    X = design_matrix(cohort, covariates).X
    X = X[:, ~aliased_columns(X)]
    return _Sample(FULL_COHORT, "conditional", ROBUST, cohort, adjustment=X)


def _estimates(sample: _Sample) -> list[dict]:
    """Estimate all outcomes of one sample."""
    cohort = sample.cohort
    group = cohort["group"].to_numpy(dtype=np.float64)
    X = group[:, None]
    if sample.adjustment is not None:
        X = np.column_stack([X, sample.adjustment])
    time = cohort["time"].to_numpy()
    event = cohort["event"].cat.set_categories(EVENTS).cat.codes.to_numpy().astype(np.int64)
    weights = np.ones(len(cohort)) if sample.weights is None else sample.weights
    rows = []
    for outcome in OUTCOMES:
        effect = estimate_group_effect(
            time, event, X, outcome, weights=weights, clusters=sample.sets
        )
        hr, low, high = effect.hazard_ratio()
        rows.append(
            {
                "analysis": sample.name,
                "outcome": outcome,
                "estimand": sample.estimand,
                "n": effect.n,
                "events": effect.events,
                "effective_sample_size": effective_sample_size(weights, group),
                "largest_weight": float(weights.max()),
                "hr": hr,
                "hr_low": low,
                "hr_high": high,
                "p_value": effect.p_value,
                "variance": sample.variance,
            }
        )
    return rows


def natural_spline(x: np.ndarray, knots: Sequence[float]) -> np.ndarray:
    """Restricted cubic spline basis: cubic between knots, straight beyond the outer ones.

    Parameters
    ----------
    x : array_like, shape (n,)
    knots : sequence of float
        Three or more, ascending.

    Returns
    -------
    numpy.ndarray, shape (n, knots - 1)
        The first column is `x`; the others are zero below the first knot.

    References
    ----------
    F. E. Harrell. Regression Modeling Strategies. 2nd ed., Springer, 2015, section 2.4.5.

    Examples
    --------
    >>> natural_spline([0, 1, 2, 3, 4], [1, 2, 3]).round(3).tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.25], [3.0, 1.5], [4.0, 3.0]]
    """
    x, t = np.asarray(x, dtype=np.float64), np.asarray(knots, dtype=np.float64)
    before, last = t[-2:]

    def cube(knot):
        return np.maximum(x - knot, 0) ** 3

    columns = [x]
    for knot in t[:-2]:
        bend = cube(knot)
        bend -= cube(before) * (last - knot) / (last - before)
        bend += cube(last) * (before - knot) / (last - before)
        columns.append(bend / (last - t[0]) ** 2)
    return np.column_stack(columns)
