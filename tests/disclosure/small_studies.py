"""Small random studies: a registry in memory, and every private table the library makes of it.

What the scripts do with files is done here with frames, with fewer repetitions of the match and
fewer sensitivity analyses, so that hundreds of studies take minutes. Levels are often rare, some
patients have two records, some lack covariates, and the groups may have few deaths of a cause.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
from paper_words import VARIABLES
from seermatch.analysis.excluded_patients import compare_included
from seermatch.analysis.follow_up import follow_up
from seermatch.analysis.group_tests import compare_incidence, compare_survival
from seermatch.analysis.interpretation import interpret
from seermatch.analysis.models import regression_models
from seermatch.analysis.outcomes import incidence_curves, survival_curves, tests_table
from seermatch.analysis.proportionality import assess_proportionality
from seermatch.analysis.sensitivity import sensitivity_analyses
from seermatch.analysis.stability import matching_stability
from seermatch.cohort.merge import combine_attrition
from seermatch.errors import StudyError
from seermatch.matching.balance import assess_balance
from seermatch.matching.characteristics import compare_groups
from seermatch.matching.matched_sets import has_complete_sets
from seermatch.matching.nearest import match
from seermatch.matching.propensity import estimate_propensity
from seermatch.matching.rule import MatchingRule
from seermatch.variables.printed import EVENTS
from seermatch.wording.terms import describe_balance_term

LABELS = ("M0", "M0(i+)")
LEVELS = {
    "histology": ("IDC", "Other"),
    "grade": ("I-II", "III"),
    "er": ("Negative", "Positive"),
    "pr": ("Negative", "Positive"),
    "her2": ("Negative", "Positive"),
    "subtype": ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"),
    "t_stage": ("T1-T2", "T3-T4"),
    "n_stage": ("N0", "N1-N3"),
}
COVARIATES = ("age", "tumor_size", *LEVELS)
RECOMMENDED = ("age", "grade", "t_stage")
YEARS = (2018, 2019, 2020)
MARKS = (0, 12, 24, 36)
MONTHS = (12, 24)
SEPARATED = 10  # every so many studies may have cells of one group only
RARE = 4  # every so many studies have few exposed patients of the last year
# criterion -> columns that must be known, in the order of the criteria
CRITERIA = (
    ("malignant tumor, M0 or M0(i+)", ()),
    ("female", ()),
    ("T1-T4 known", ("t_stage",)),
    ("N0-N3 known", ("n_stage",)),
    ("grade 1, 2, 3, A, B or C", ("grade",)),
    ("tumor size 1-988 mm", ("tumor_size",)),
    ("ER, PR, HER2 and subtype known", ("er", "pr", "her2", "subtype")),
    ("cause of death and survival months known", ()),
)
CLAIM = {
    "claim": "It does harm.",
    "source": "A leaflet",
    "outcome": "cancer death",
    "expects": "worse",
    "months": [12, 24],
}


@dataclass(frozen=True)
class Study:
    """Patients of a study and its private tables, by the name that the library uses.

    Attributes
    ----------
    seed, ratio : int
    cohort, matched, eligible : pandas.DataFrame
    tables : dict of str to pandas.DataFrame
    """

    seed: int
    ratio: int
    cohort: pd.DataFrame
    matched: pd.DataFrame
    eligible: pd.DataFrame
    tables: dict[str, pd.DataFrame | None]


def draw_records(rng: np.random.Generator, *, rare_year: bool = False) -> pd.DataFrame:
    """Draw records of a registry; the last column but one says which criterion each fails.

    Where a year is rare, most exposed records of the last year are of the first.
    """
    n = {"reference": int(rng.integers(120, 420)), "exposed": int(rng.integers(25, 70))}
    n["other"] = int(rng.integers(0, 30))
    arm = np.repeat(list(n), list(n.values()))
    size = len(arm)
    exposed = arm == "exposed"

    def level(name, rate):
        tilt = np.exp(0.4 * rng.normal())
        odds = rate / (1 - rate) * np.where(exposed, tilt, 1.0)
        return (rng.random(size) < odds / (1 + odds)).astype(int)

    rates = {name: rng.choice([0.03, 0.08, 0.15, 0.3, 0.5]) for name in LEVELS if name != "subtype"}
    codes = {name: level(name, rate) for name, rate in rates.items()}
    codes["er"] = level("er", rng.choice([0.75, 0.85]))
    codes["pr"] = np.where(rng.random(size) < 0.85, codes["er"], 1 - codes["er"])
    hormone, her2 = (codes["er"] | codes["pr"]) == 1, codes["her2"] == 1
    codes["subtype"] = np.select([hormone & ~her2, hormone, her2], [0, 1, 2], 3)
    frame = pd.DataFrame({"arm": arm, "group": exposed.astype(int)})
    frame["patient_id"] = [f"{number:08d}" for number in rng.permutation(size)]
    frame["year"] = rng.choice(YEARS, size)
    if rare_year:
        moved = exposed & (frame["year"] == YEARS[-1]) & (rng.spawn(1)[0].random(size) < 0.85)
        frame["year"] = frame["year"].mask(moved, YEARS[0])
    frame["age"] = np.clip(rng.normal(60, 12, size).round(), 25, 89).astype(int)
    frame["tumor_size"] = np.clip(rng.lognormal(2.9, 0.6, size).round(), 1, 200)
    for name, names in LEVELS.items():
        frame[name] = pd.Categorical.from_codes(codes[name], names)
    _add_outcome(frame, rng, codes)
    _fail_criteria(frame, rng)
    return frame


def _add_outcome(frame: pd.DataFrame, rng, codes) -> None:
    size = len(frame)
    base = rng.choice([0.001, 0.003, 0.006], 2)
    effect = np.exp(0.5 * rng.normal(size=2))
    risk = np.exp(0.6 * codes["grade"] + 0.9 * codes["t_stage"])
    exposed = frame["group"].to_numpy() == 1
    hazards = [
        base[cause] * np.where(exposed, effect[cause], 1) * (risk if cause == 0 else 1)
        for cause in (0, 1)
    ]
    death = rng.geometric(np.clip(sum(hazards), 1e-6, 0.9)) - 1
    cause = 1 + (rng.random(size) < hazards[1] / sum(hazards))
    until = rng.integers(0, 12, size) + 12 * (max(YEARS) - frame["year"].to_numpy())
    frame["time"] = np.minimum(death, until)
    codes = np.where(death <= until, cause, 0)
    frame["event"] = pd.Categorical.from_codes(codes, EVENTS)
    swapped = np.where((codes > 0) & (rng.random(size) < 0.06), 3 - codes, codes)
    frame["event_by_cause_of_death"] = pd.Categorical.from_codes(swapped, EVENTS)
    frame["first_primary"] = rng.random(size) > rng.choice([0.02, 0.1])


def _fail_criteria(frame: pd.DataFrame, rng) -> None:
    """Hide covariates, and note the first criterion that a record fails (0: none)."""
    size = len(frame)
    failed = np.zeros(size, int)
    for step, (_, columns) in reversed(list(enumerate(CRITERIA, start=1))):
        rate = rng.choice([0.0, 0.01, 0.03, 0.06])
        fails = frame["arm"] == "other" if step == 1 else rng.random(size) < rate
        if columns:
            hidden = rng.choice(len(columns), size)
            for at, column in enumerate(columns):
                lacks = fails & ((hidden == at) | (column == "subtype"))
                frame[column] = frame[column].mask(lacks)
        failed = np.where(fails, step, failed)
    frame["failed"] = failed
    lacking = frame[list(COVARIATES)].isna().any(axis=1)
    unfit = [step for step, (_, columns) in enumerate(CRITERIA, start=1) if not columns]
    others = rng.random(size) < 0.01  # fail a criterion behind, too
    frame["eligible"] = (failed == 0) | (lacking & ~np.isin(failed, unfit) & ~others)
    again = rng.random(size) < rng.choice([0.0, 0.01, 0.03])
    frame["second_record"] = again & (failed == 0)


def attrition(frame: pd.DataFrame) -> pd.DataFrame:
    """Count what the criteria leave, as for one export of one registry."""
    counted = pd.concat([frame, frame[frame["second_record"]]])
    rows = []
    for step, criterion in enumerate(["records", *(name for name, _ in CRITERIA)]):
        kept = counted[(counted["failed"] == 0) | (counted["failed"] > step)]
        arms = [int((kept["arm"] == arm).sum()) for arm in ("reference", "exposed")]
        rows.append((YEARS[0], "a", step, criterion, len(kept), *arms))
    names = ["year", "registry", "step", "criterion", "remaining"]
    names += ["remaining_reference", "remaining_exposed"]
    counts = pl.DataFrame(rows, schema=names, orient="row")
    cohort = pl.DataFrame({"group": frame.loc[frame["failed"] == 0, "group"].to_numpy()})
    return combine_attrition(counts, cohort, [YEARS[0]], LABELS).to_pandas()


def checks(frame: pd.DataFrame) -> pl.DataFrame:
    """Count what the records of each arm lack, as the checks of the exports do."""
    records = pd.concat([frame, frame[frame["second_record"]]])
    rows = [("one_value", "all", "all", 0, len(records))]
    for arm, mine in records.groupby("arm"):
        rows += [("missing", name, arm, int(mine[name].isna().sum()), len(mine)) for name in LEVELS]
    names = ["check", "field", "group", "count", "records"]
    found = pl.DataFrame(rows, schema=names, orient="row")
    told = pl.lit("")
    return found.with_columns(percent=pl.lit(0.0), detail=told, verdict=told, note=told)


def make_study(seed: int) -> Study:
    """Make a study from a seed; where the registry does not allow it, from the next draw."""
    return make_runs(seed)[0]


def make_runs(seed: int, *changes: Callable) -> list[Study]:
    """Make a study and, from changed records, earlier ones; all of the first draw that allows it.

    Parameters
    ----------
    seed : int
    changes : callable
        Each takes the records, the last run's, and gives those of an earlier run.
    """
    for attempt in range(50):
        rng = np.random.default_rng([seed, attempt])
        records = draw_records(rng, rare_year=seed % RARE == 1)
        try:
            return [study_of(records, seed), *(study_of(c(records), seed) for c in changes)]
        except (StudyError, NothingToMatch, ValueError):
            continue
    raise AssertionError(f"no study from seed {seed}")


class NothingToMatch(Exception):
    """A group is left too small for a study."""


def study_of(records: pd.DataFrame, seed: int) -> Study:
    """Score, match and analyse the patients of a registry as the scripts do."""
    flow = attrition(records)
    columns = ["patient_id", "group", "year", *COVARIATES, "time", "event"]
    eligible = records[records["eligible"]].sort_values("patient_id").reset_index(drop=True)
    eligible["complete"] = eligible["failed"] == 0
    cohort = eligible.loc[eligible["complete"], columns].reset_index(drop=True)
    cohort["tumor_size"] = cohort["tumor_size"].astype(int)
    if cohort["group"].sum() < 15:
        raise NothingToMatch
    if seed % SEPARATED and _has_separated_level(cohort):
        raise NothingToMatch  # before the search for them, which takes long
    ratio = 1 + seed % 3
    rule = {"link": "logit", "ratio": ratio, "caliper": 0.2, "order": "largest"}
    rule |= {"ties": "hash", "seed": seed}
    fit = estimate_propensity(cohort, list(COVARIATES))
    score = fit.linear_predictor
    if np.isnan(score).any() and seed % SEPARATED:
        raise NothingToMatch  # models without finite estimates take long
    settings = {key: value for key, value in rule.items() if key != "link"}
    pool = cohort.assign(propensity=score).dropna(subset="propensity")
    distance, exposed = pool["propensity"].to_numpy(), pool["group"].to_numpy() == 1
    found = match(distance, exposed, patient_id=pool["patient_id"].to_numpy(), **settings)
    matched = pool.assign(matched_set=found.matched_set, weight=found.weight)
    matched = matched[matched["matched_set"] > 0].reset_index(drop=True)
    if matched["group"].sum() < 10:
        raise NothingToMatch
    tables = {
        "attrition": flow,
        "quality": checks(records),
        "separated_cells": fit.cells.assign(in_pool=False),
        **_characteristics(cohort, matched, score),
        **_outcomes(cohort, matched),
        **_other_analyses(cohort, matched, eligible, score, rule),
    }
    return Study(seed, ratio, cohort, matched, eligible, tables)


def _has_separated_level(cohort: pd.DataFrame) -> bool:
    """Whether one of the groups lacks a level that the other has."""
    patients = (pd.crosstab(cohort[name], cohort["group"]) for name in LEVELS)
    return any((table == 0).any(axis=None) for table in patients)


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(group=pd.Categorical.from_codes(frame["group"], LABELS))


def _characteristics(cohort, matched, score) -> dict[str, pd.DataFrame]:
    weight = cohort["patient_id"].map(matched.set_index("patient_id")["weight"]).fillna(0)
    weights = None if has_complete_sets(matched) else matched["weight"].to_numpy()
    compared = []
    for population, frame, w in (("cohort", cohort, None), ("matched", matched, weights)):
        rows = compare_groups(_labelled(frame), COVARIATES, weights=w)
        rows.insert(0, "population", population)
        compared.append(rows)
    return {
        "comparison": pd.concat(compared, ignore_index=True),
        "balance": assess_balance(cohort.assign(propensity=score), matched, COVARIATES),
        "overlap_inputs": pd.DataFrame(
            {"distance": score, "group": cohort["group"], "weight": weight}
        ),
    }


def _outcomes(cohort, matched) -> dict[str, pd.DataFrame]:
    tables = {
        "followup": pd.concat(
            [follow_up(_labelled(f), n) for n, f in (("cohort", cohort), ("matched", matched))],
            ignore_index=True,
        )
    }
    tables["kaplan_meier"] = survival_curves(matched, LABELS)
    tables["logrank"] = tests_table([compare_survival(matched)])
    tables["incidence"] = incidence_curves(matched, LABELS)
    tables["gray"] = tests_table([compare_incidence(matched, code) for code in (1, 2)])
    tables["gray"].insert(0, "cause", EVENTS[1:])
    for name, covariates in (("cox", COVARIATES), ("fine_gray", RECOMMENDED)):
        fitted = regression_models(
            matched,
            covariates,
            RECOMMENDED,
            estimator=name,
            group_labels=LABELS,
            describe=partial(describe_balance_term, variables=VARIABLES),
        )
        tables |= {name: fitted.table, f"{name}_contrasts": fitted.contrasts}
    found = assess_proportionality(matched, tables["cox"])
    residuals = found.residuals
    if "kind" not in residuals:
        residuals = residuals.assign(kind="residual")
    return tables | {"proportional_hazards": found.tests, "schoenfeld": residuals}


def _other_analyses(cohort, matched, eligible, score, rule) -> dict[str, pd.DataFrame | None]:
    settings = {key: value for key, value in rule.items() if key not in ("link", "seed")}
    analyses = sensitivity_analyses(
        cohort,
        score,
        matching=MatchingRule(covariates=list(COVARIATES), **rule),
        calipers=(0.1,),
        ratios=(1,),
        orders=(),
        without=["subtype"],
        estimands=("ATT",),
        eligible=eligible,
        imputations=None,
    )
    interpretation = interpret(cohort, matched, labels=LABELS, months=MONTHS, ascertainment=(0.5,))
    return {
        "stability": matching_stability(
            cohort, score, seeds=range(rule["seed"], rule["seed"] + 4), **settings
        ),
        "sensitivity": analyses.table,
        "populations": analyses.populations,
        "interpretation": interpretation,
        "included": compare_included(eligible, COVARIATES, LABELS),
        "incidence_cross_check": pd.DataFrame({"cause": EVENTS[1:], "times": [0, 0]}),
    }
