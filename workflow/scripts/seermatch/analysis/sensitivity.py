"""The same question asked in other defensible ways: other matches, scores, weights and models.

Matched samples carry a variance clustered by matched set; weighted ones and the full cohort a
robust one by patient. Every analysis is set beside five outcomes. Deaths of other causes serve as
a negative control: the exposure has no reason to act on their cause-specific hazard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from seermatch.analysis.group_effect import OUTCOMES
from seermatch.analysis.imputation import imputed_cohorts
from seermatch.analysis.names import (
    AT_MOST,
    CAUSE_OF_DEATH,
    CLUSTERED,
    FIRST_PRIMARY,
    FULL_COHORT,
    IMPUTED,
    MAIN,
    WEIGHTED,
    WITHOUT,
)
from seermatch.analysis.populations import compare_populations
from seermatch.analysis.sample import Sample, description, effects_of, estimate_all, pooled_ratios
from seermatch.errors import StudyError
from seermatch.matching.propensity import estimate_propensity
from seermatch.matching.rule import MatchingRule
from seermatch.matching.weighting import ESTIMANDS, balancing_weights
from seermatch.settings import study
from seermatch.statistics.checks import (
    check_binary,
    check_choice,
    check_columns,
    check_labels,
    check_names,
    check_number,
    check_score,
    check_times,
)
from seermatch.statistics.design_matrix import OF_HAZARDS, aliased_columns, design_matrix
from seermatch.statistics.splines import natural_spline
from seermatch.survival.event_times import category_codes
from seermatch.variables.identities import Identity
from seermatch.variables.printed import EVENTS

COLUMNS = (
    *("analysis", "outcome", "estimand", "n", "events", "effective_sample_size"),
    *("largest_weight", "hr", "hr_low", "hr_high", "p_value", "variance"),
)
ROBUST = "robust by patient"

CHOICES = study.Sensitivity()
_EVENT, _FIRST = "event_by_cause_of_death", "first_primary"  # columns of the eligible patients
_KNOTS = (0.05, 0.35, 0.65, 0.95)  # quantiles, Harrell's choice for four knots


@dataclass(frozen=True)
class Sensitivity:
    """The table, and what could not be done.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns `COLUMNS`; one row per analysis and outcome (`group_effect.OUTCOMES`), the main
        analysis first. `n` and `events` count patients; `effective_sample_size` is Kish's of both
        groups. With few events (`seermatch.analysis.group_effect.has_few_events`) HR, interval and
        p are Firth's, as `variance` says; they are missing where there is no event. Of multiple
        imputation, counts are means over the imputed data sets, rounded, and the largest weight is
        that of all; its interval and p follow Rubin's rules, or pool Firth's profiles.
    notes : tuple of str
        One sentence per analysis that these data do not allow.
    populations : pandas.DataFrame
        From `populations.compare_populations`; private.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    populations: pd.DataFrame


@dataclass(frozen=True)
class _Specification:
    """A match to be made: patients, score or terms of the score, rule."""

    name: str
    cohort: pd.DataFrame
    rule: MatchingRule
    score: np.ndarray | None = None  # linear predictor; None: to be estimated from the terms
    terms: tuple[str, ...] = ()


def sensitivity_analyses(
    cohort: pd.DataFrame,
    linear_predictor: np.ndarray,
    *,
    matching: MatchingRule,
    calipers: Sequence[float | None] = CHOICES.calipers,
    ratios: Sequence[int] = CHOICES.ratios,
    orders: Sequence[str] = CHOICES.orders,
    without: Sequence[str] = (),
    caps: Mapping[str, float] = MappingProxyType({}),
    estimands: Sequence[str] = CHOICES.estimands,
    eligible: pd.DataFrame | None = None,
    imputations: int | None = CHOICES.imputations,
    identities: Sequence[Identity] = (),
) -> Sensitivity:
    """Estimate the effect of the group in every analysis of the sensitivity table.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per patient: patient_id, group (0 reference, 1 exposed), time (months), event
        (category: censored, cancer death, other death), year and the covariates. An
        analysis is left out where its column (year, registry) is absent.
    linear_predictor : array_like, shape (n,)
        Log odds of being exposed, of the main propensity model; missing for patients outside its
        pool, who are in the adjusted full cohort only.
    matching : MatchingRule
        The main match; its covariates are the terms of the main propensity model, and of the
        adjusted full-cohort models.
    calipers, ratios, orders : sequence
        One analysis for each value that is not the main match's.
    without : sequence of str
        Covariates without each of which the score is estimated once.
    caps : mapping of str to float
        Covariates that are numbers, of each of which once larger values are set to this one in the
        score.
    estimands : sequence of {"ATT", "ATE", "ATO"}
        Weighted analyses wanted.
    eligible : pandas.DataFrame, optional
        The patients of the cohort, in its order, where `complete`, and those who lack a covariate:
        the columns of the cohort, and event_by_cause_of_death and first_primary if known
        (`seermatch.cohort.incomplete`). Without it three analyses are left out: deaths classified
        by the site that caused them, first primary tumors only, and multiple imputation.
    imputations : int or None
        Imputed data sets; None leaves the analysis out.
    identities : sequence of Identity
        Variables that follow from others, which imputation keeps so.

    Returns
    -------
    Sensitivity

    Raises
    ------
    StudyError
        If the main match cannot be made, an argument is unusable, or the complete patients of
        `eligible` are not those of the cohort.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> cohort = pd.DataFrame({"patient_id": [f"{i:08d}" for i in range(600)]})
    >>> cohort["group"] = (cohort.index < 60).astype(int)
    >>> cohort["age"], cohort["time"] = rng.integers(40, 80, 600), rng.integers(1, 48, 600)
    >>> cohort["event"] = pd.Categorical.from_codes(rng.integers(0, 3, 600), EVENTS)
    >>> main = MatchingRule(covariates=["age"], seed=1)
    >>> score = estimate_propensity(cohort, ["age"]).linear_predictor
    >>> result = sensitivity_analyses(cohort, score, matching=main,
    ...     calipers=[0.1], ratios=[1], orders=[], estimands=["ATT"])
    >>> list(result.table["analysis"].unique())
    ['main', 'caliper 0.1', 'ratio 1', 'score with splines', 'weighted, ATT', \
'full cohort, adjusted']
    """
    covariates = matching.covariates
    _check(cohort, covariates, without, caps, imputations, estimands)
    score = check_score("linear_predictor", linear_predictor, len(cohort), like="cohort")
    X = design_matrix(cohort, covariates).X
    main = _Specification(MAIN, cohort, matching, score, tuple(covariates))
    matched = _match(main)
    rows, notes, frames = [], [], {}

    def add(sample):
        rows.extend(estimate_all(sample))
        frames[sample.name] = sample.cohort

    add(matched)
    others = [
        *_other_rules(main, calipers, ratios, orders),
        *_other_scores(main, without, caps),
        *_without_month_0(main),
    ]
    if eligible is not None:
        complete = _complete(eligible, cohort)
        for name, column in ((CAUSE_OF_DEATH, _EVENT), (FIRST_PRIMARY, _FIRST)):
            if column not in complete:
                notes.append(f"{name}: left out, because not every export holds what tells it")
        if _EVENT in complete:
            add(_by_cause_of_death(matched, complete))
        others += _first_primary(main, complete) if _FIRST in complete else []
    for other in others:
        try:
            add(_match(other))
        except StudyError as error:
            notes.append(f"{other.name}: left out, because {error}")
    exposed = cohort["group"].to_numpy() == 1
    pool = ~np.isnan(score)
    for estimand in estimands:
        weights = balancing_weights(score[pool], exposed[pool], estimand)
        add(Sample(WEIGHTED[estimand], estimand, ROBUST, cohort[pool], weights))
    add(_full_cohort(cohort, X))
    if eligible is not None and imputations is not None:
        try:
            pooled, frames[IMPUTED] = _multiple_imputation(main, eligible, imputations, identities)
            rows.extend(pooled)
        except StudyError as error:
            notes.append(f"{IMPUTED}: left out, because {error}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Sensitivity(table, tuple(notes), compare_populations(frames))


def _check(cohort, covariates, without, caps, imputations, estimands) -> None:
    check_columns("cohort", cohort, ["patient_id", "group", "time", "event"])
    check_columns("cohort", cohort, check_names("covariates", covariates))
    check_binary("group", cohort["group"])
    check_times(cohort["time"])
    category_codes(cohort["event"], EVENTS)
    check_labels("patient_id", cohort["patient_id"])
    for name in check_names("without", without):
        check_choice("without", name, covariates)
    for name, cap in caps.items():
        check_choice("caps", name, covariates)
        check_number("caps", cap, 0)
    if imputations is not None:
        check_number("imputations", imputations, 2, closed=True, whole=True)
    for estimand in estimands:
        check_choice("estimands", estimand, ESTIMANDS)


def _other_rules(main: _Specification, calipers, ratios, orders) -> list[_Specification]:
    """List matches on the same score by another caliper, ratio, order, or in exact blocks."""
    changes = [
        *(("caliper", c, "no caliper" if c is None else f"caliper {c:g}") for c in calipers),
        *(("ratio", ratio, f"ratio {ratio}") for ratio in ratios),
        *(("order", order, f"order {order}") for order in orders),
    ]
    others = [
        replace(main, name=name, rule=replace(main.rule, **{key: value}))
        for key, value, name in changes
        if getattr(main.rule, key) != value
    ]
    for exact in ((), ("year",), ("year", "registry")):
        if set(exact) <= set(main.cohort.columns) and set(exact) != set(main.rule.exact):
            name = f"exact on {' and '.join(exact)}" if exact else "not exact"
            others.append(replace(main, name=name, rule=replace(main.rule, exact=list(exact))))
    return others


def _other_scores(
    main: _Specification, without: Sequence[str], caps: Mapping[str, float]
) -> list[_Specification]:
    """List matches by the same rule on another model of the score."""
    cohort, terms = main.cohort, main.terms
    others: list[_Specification] = []

    def add(name, cohort, terms):
        others.append(replace(main, name=name, cohort=cohort, terms=tuple(terms), score=None))

    for left_out in without if len(terms) > 1 else ():
        add(f"{WITHOUT}{left_out}", cohort, [t for t in terms if t != left_out])
    if "year" in cohort and "year" not in terms and np.ptp(cohort["year"]) > 0:
        with_year = cohort.assign(year=cohort["year"].astype("category"))
        add("score with year", with_year, [*terms, "year"])
    splined, bends = _with_splines(cohort, [t for t in terms if is_numeric_dtype(cohort[t])])
    if bends:
        add("score with splines", splined, [*terms, *bends])
    for name, cap in caps.items():
        if (cohort[name] > cap).any():
            capped = cohort.assign(**{name: cohort[name].clip(upper=cap)})
            add(f"{name}{AT_MOST}{cap:g}", capped, terms)
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


def _match(specification: _Specification) -> Sample:
    """Make the match among the patients of the pool, those with a score."""
    cohort, score = specification.cohort, specification.score
    if score is None:
        score = estimate_propensity(cohort, specification.terms).linear_predictor
    n_exposed = int(cohort["group"].sum())
    pool = ~np.isnan(score)
    cohort = cohort[pool]
    result = specification.rule.match(cohort, score[pool])
    rows = np.flatnonzero(result.matched_set)
    complete = result.n_matched_exposed == n_exposed
    return Sample(
        name=specification.name,
        estimand="ATT" if complete else "ATT in the matched",
        variance=CLUSTERED,
        cohort=cohort.iloc[rows],
        weights=result.weight[rows],
        sets=result.matched_set[rows],
    )


def _full_cohort(cohort: pd.DataFrame, X: np.ndarray) -> Sample:
    """Everybody, adjusted for the covariates; the hazard ratio is conditional on them."""
    X = X[:, ~aliased_columns(X, tolerance=OF_HAZARDS)]
    return Sample(FULL_COHORT, "conditional", ROBUST, cohort, adjustment=X)


def _complete(eligible: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Take the eligible patients of the cohort, in its order."""
    complete = eligible[eligible["complete"]]
    if not np.array_equal(complete["patient_id"], cohort["patient_id"]):
        raise StudyError("eligible: the complete patients are not those of the cohort.")
    return complete.set_axis(cohort.index)


def _by_cause_of_death(matched: Sample, complete: pd.DataFrame) -> Sample:
    """Classify the deaths of the main match by the site that caused them, where it is known."""
    event = complete[_EVENT].fillna(complete["event"]).loc[matched.cohort.index]
    return replace(matched, name=CAUSE_OF_DEATH, cohort=matched.cohort.assign(event=event))


def _first_primary(main: _Specification, complete: pd.DataFrame) -> list[_Specification]:
    """Match only patients whose tumor was their first, on a score of their own."""
    first = complete[_FIRST].eq(True).to_numpy()
    if first.all():
        return []
    cohort = main.cohort[first].reset_index(drop=True)
    return [replace(main, name=FIRST_PRIMARY, cohort=cohort, score=None)]


def _multiple_imputation(
    main: _Specification,
    eligible: pd.DataFrame,
    imputations: int,
    identities: Sequence[Identity],
) -> tuple[list[dict], pd.DataFrame]:
    """Pool the estimates of every imputed data set; also give the patients of the last match."""
    described, samples, effects = [], [], []
    for frame in imputed_cohorts(
        eligible,
        main.terms,
        imputations=imputations,
        seed=main.rule.seed,
        identities=identities,
    ):
        sample = _match(replace(main, name=IMPUTED, cohort=frame, score=None))
        described.append(description(sample))
        kept = sample.cohort[["patient_id", "group", "time", "event"]]
        samples.append(replace(sample, cohort=kept))
        effects.append(effects_of(sample))
    table = pd.DataFrame(described)
    everyone = (table["estimand"] == "ATT").all()
    shared = described[0] | {
        "estimand": f"{'ATT' if everyone else 'ATT in the matched'}, incomplete included",
        "effective_sample_size": float(table["effective_sample_size"].mean()),
        "largest_weight": float(table["largest_weight"].max()),
    }
    rows = []
    for outcome in OUTCOMES:
        found = [by_outcome[outcome] for by_outcome in effects]
        counts = {key: round(np.mean([getattr(e, key) for e in found])) for key in ("n", "events")}
        rows.append(shared | {"outcome": outcome} | counts | pooled_ratios(found, samples, outcome))
    return rows, samples[-1].cohort
