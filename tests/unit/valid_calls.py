"""One valid call of every public function of the statistical modules, found by introspection."""

import dataclasses
import importlib
import inspect

import numpy as np
import pandas as pd
from seermatch.analysis.group_effect import GroupEffect
from seermatch.matching.nearest import MatchingProblem
from seermatch.matching.propensity import estimate_propensity
from seermatch.matching.rule import MatchingRule
from seermatch.matching.score_separation import find_cells
from seermatch.statistics.design_matrix import DesignMatrix
from seermatch.statistics.estimates import Estimate, PooledProfiles
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.firth import fit_firth
from seermatch.survival.separation import find_separation
from seermatch.variables.printed import EVENTS

MODULES = (
    "analysis.excluded_patients",
    "analysis.follow_up",
    "analysis.group_effect",
    "analysis.group_tests",
    "analysis.imputation",
    "analysis.inference_limits",
    "analysis.interpretation",
    "analysis.models",
    "analysis.outcomes",
    "analysis.populations",
    "analysis.proportionality",
    "analysis.sensitivity",
    "analysis.stability",
    "matching.balance",
    "matching.characteristics",
    "matching.distance",
    "matching.matched_sets",
    "matching.nearest",
    "matching.propensity",
    "matching.score_separation",
    "matching.weighting",
    "statistics.cones",
    "statistics.design_matrix",
    "statistics.estimates",
    "statistics.proportions",
    "statistics.splines",
    "statistics.tests",
    "survival.absolute_effects",
    "survival.cox",
    "survival.event_times",
    "survival.fine_gray",
    "survival.finite_contrasts",
    "survival.firth",
    "survival.fit",
    "survival.gray",
    "survival.incidence",
    "survival.kaplan_meier",
    "survival.proportionality_cox",
    "survival.proportionality_fine_gray",
    "survival.separation",
    "survival.without_events",
)
PROFILE = ("limits", "statistic", "signed_root")
# not estimators: the checks themselves, and likelihoods and searches that estimators hand to
INNER = {
    "matching.tie_rules",
    "statistics.checks",
    "statistics.newton",
    "survival.efron",
    "survival.risk_table",
    "survival.subdistribution",
}


def public_functions(module):
    """Yield the names of the functions, constructors and methods that a module is used by."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            if issubclass(value, Exception):
                continue
            if not dataclasses.is_dataclass(value):
                yield name, value
            for of, method in vars(value).items():
                if not of.startswith("_") and inspect.isfunction(method):
                    yield f"{name}.{of}", method


def discovered() -> dict:
    """Map ``module.function`` to what is called, for all statistical modules."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"seermatch.{name}")
        key = name.rpartition(".")[2]
        found |= {f"{key}.{of}": value for of, value in public_functions(module)}
    return found


def patients(n: int = 48) -> pd.DataFrame:
    """Make a matched cohort in which nothing is separated or empty."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "patient_id": [f"{i:08d}" for i in range(n)],
            "group": np.tile([1, 0, 0], n // 3),
            "time": rng.integers(1, 40, n),
            "event": pd.Categorical.from_codes(rng.permutation(np.arange(n) % 3), EVENTS),
            "age": rng.integers(40, 80, n),
            "grade": pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"]),
            "year": np.tile([2017, 2018, 2019], n // 3),
            "matched_set": np.repeat(np.arange(n // 3), 3),
            "weight": np.repeat(rng.uniform(0.5, 1.5, n // 3), 3),
            "propensity": rng.uniform(0.2, 0.6, n),
            "complete": True,
        }
    )
    return frame


def valid_calls() -> dict:
    """Map ``module.function`` to the function, bound where it is a method, and its arguments."""
    frame, found = patients(), discovered()
    time, event = frame["time"].to_numpy(), frame["event"].cat.codes.to_numpy().astype(int)
    died, group = (event > 0).astype(int), frame["group"].to_numpy()
    X = np.column_stack([group, frame["age"]]).astype(float)
    weights, sets = frame["weight"].to_numpy(), frame["matched_set"].to_numpy()
    strata, months = frame["year"].to_numpy() % 2, [12.0, 24.0]
    score = frame["propensity"].to_numpy()
    arrays = {"time": time, "event": event, "weights": weights, "clusters": sets}
    times = EventTimes(**arrays)
    data, cox = {"data": times}, {"data": EventTimes(time, died), "X": X}
    fit, firth = fit_cox(**cox), fit_firth(times, X, "fine_gray")
    profile = firth.estimate(0)
    kaplan_meier = importlib.import_module("seermatch.survival.kaplan_meier").kaplan_meier
    nobody = EventTimes(time, 0 * died)
    curve = kaplan_meier(EventTimes(time, died))
    design = DesignMatrix(X, ("group", "age"), ("", ""), ("group", "age"))
    recession = find_separation(**cox)
    matched = frame[["time", "event", "group", "weight", "matched_set"]]
    ids = frame["patient_id"].to_numpy()
    whom = frame[["patient_id", "group", "event"]]
    one_sided = {
        "X": np.array([[0, 40], [0, 50], [0, 60], [1, 40], [1, 50], [1, 60.0]]),
        "terms": ["grade", "age"],
        "values": pd.DataFrame({"grade": pd.Categorical(list("aaabbb")), "age": [40, 50, 60] * 2}),
        "n_exposed": np.array([2, 3, 4, 0, 0, 0]),
        "n_reference": np.array([9, 9, 8, 7, 5, 6]),
    }
    matching = {"distance": score, "exposed": group, "caliper": 2.0, "patient_id": ids}
    rule = {"ratio": 1, "order": "largest", "ties": "hash", "seed": 1}
    problem = MatchingProblem(**matching)
    subtypes = [f"{hormone}/{her2}" for hormone in ("HR+", "HR-") for her2 in ("HER2+", "HER2-")]
    unknown = frame.assign(subtype=pd.Categorical(subtypes * 12))
    for name in ("er", "pr", "her2"):
        unknown[name] = pd.Categorical(["Negative", "Positive", "Positive", "Negative"] * 12)
    unknown.loc[::5, ["er", "grade"]] = None
    several = pd.DataFrame({"seed": [1, 2, 3, 4], "os_hr": [1.1, 0.9, 1.2, 1.0]})
    models = pd.DataFrame(
        {"model": ["univariable"], "term": ["group"], "level": ["1"], "status": ["ok"]}
    )
    cohort = frame[["patient_id", "group", "time", "event", "age"]]
    arguments = {
        "absolute_effects.absolute_effects": data
        | {"group": group, "months": months, "causes": ("a", "b"), "confidence": 0.9},
        "balance.assess_balance": {
            "cohort": frame[["group", "propensity", "age", "grade"]],
            "matched": frame.loc[3:, ["group", "propensity", "age", "grade", "weight"]],
            "covariates": ["age", "grade"],
        },
        "cox.fit_cox": cox,
        "event_times.EventTimes": arrays | {"offset": score},
        "event_times.EventTimes.of": {"cause": 1},
        "event_times.EventTimes.take": {"rows": group == 1},
        "event_times.EventTimes.with_offset": {"offset": score},
        "event_times.EventTimes.cluster_index": {"rows": group == 1},
        "event_times.category_codes": {"event": frame["event"]},
        "event_times.require_event_times": data | {"largest": 2},
        "fit.Fit.estimate": {"column": 1, "variance": "robust"},
        "fit.Fit.predict": {"X": X[:3], "times": months},
        "fit.Fit.se": {"variance": "robust"},
        "fit.Fit.summary": {"variance": "robust", "confidence": 0.9},
        "fit.Fit.test": {"columns": [0, 1], "variance": "robust"},
        "proportionality_cox.proportional_hazards_test": cox
        | {"fit": fit, "transform": "km", "terms": ["a", "b"]},
        "incidence.cumulative_incidence": data | {"causes": [1, 2], "confidence": 0.9},
        "incidence.incidence_by_group": data
        | {"group": group, "group_labels": {0: "a", 1: "b"}, "confidence": 0.9}
        | {"cause_labels": ["a", "b"]},
        "design_matrix.design_matrix": {
            "frame": frame[["age", "grade"]],
            "variables": ["age", "grade"],
        },
        "design_matrix.aliased_columns": {"X": X, "tolerance": 1e-7},
        "design_matrix.describe_aliasing": {
            "X": np.column_stack([X, X[:, 0]]),
            "names": ["a", "b", "c"],
            "tolerance": 1e-7,
        },
        "fine_gray.fit_fine_gray": data | {"X": X, "max_steps": 20},
        "fine_gray.score_test": data | {"X": X},
        "tests.wald_test": {"coef": [1.0, 2.0], "covariance": np.eye(2)},
        "tests.chi_square": {"name": "a", "statistic": 2.0, "df": 1},
        "proportionality_fine_gray.proportionality_test": data
        | {"X": X, "terms": ["a", "b"], "transform": "log"},
        "proportionality_fine_gray.fit_time_interaction": data
        | {"X": X, "columns": [0], "transform": "log"},
        "finite_contrasts.finite_contrasts": {
            "design": design,
            "estimated": [True, True],
            "recession": recession,
            "reference_levels": {},
        },
        "gray.gray_test": data | {"group": group, "strata": strata, "rho": 0.5, "cause": 2},
        "group_tests.compare_incidence": {"matched": matched, "cause": 1},
        "characteristics.compare_groups": {
            "frame": frame[["group", "age", "grade"]],
            "variables": ["age", "grade"],
            "weights": weights,
            "seed": 1,
        },
        "characteristics.independence_test": {"table": np.array([[3, 9], [8, 2]]), "seed": 1},
        "group_effect.estimate_group_effect": data | {"X": X, "outcome": "overall survival (Cox)"},
        "group_effect.estimable_columns": data | {"X": X},
        "group_effect.fit_model": data | {"model": "cox", "X": X},
        "outcomes.event_times_of": {"frame": matched.drop(columns="group")},
        "outcomes.several": {"matched_set": sets},
        "outcomes.survival_curves": {"matched": matched.iloc[:, :4], "labels": ("a", "b")},
        "outcomes.incidence_curves": {"matched": matched.iloc[:, :4], "labels": ("a", "b")},
        "outcomes.tests_table": {"tests": []},
        "group_effect.GroupEffect.equivalence": {"margin": 1.5, "alpha": 0.1},
        "group_effect.has_few_events": {"happened": died, "exposed": group},
        "proportions.wilson_interval": {"share": 0.2, "n": 50, "confidence": 0.9},
        "without_events.effective_number_followed": data | {"months": months},
        "without_events.limits_without_events": {
            "curve": kaplan_meier(nobody)[["time", "events", "estimate", "low", "high"]],
            "data": nobody,
            "confidence": 0.9,
        },
        "imputation.cumulative_hazards": data,
        "imputation.impute": {
            "frame": unknown[["age", "grade"]],
            "variables": ["age", "grade"],
            "known": X,
            "imputations": 1,
            "cycles": 1,
            "seed": 1,
        },
        "imputation.imputed_cohorts": {
            "eligible": unknown[["group", "year", "time", "event", "age", "er"]],
            "covariates": ["age", "er"],
            "imputations": 1,
            "seed": 1,
        },
        "excluded_patients.compare_included": {
            "eligible": unknown.assign(complete=unknown["grade"].notna())[
                ["complete", "group", "year", "time", "event", "age"]
            ],
            "covariates": ["age"],
            "labels": ("a", "b"),
        },
        "inference_limits.minimum_detectable_hazard_ratio": {
            "events": 50,
            "share_exposed": 0.3,
            "power": 0.9,
            "alpha": 0.1,
        },
        "inference_limits.risk_ratio": {"hazard_ratio": 2.0},
        "inference_limits.e_value": {"ratio": 2.0, "target": 1.5},
        "inference_limits.e_value_of_interval": {"low": 1.2, "high": 2.0, "target": 1.1},
        "inference_limits.equivalence_test": {"coef": 0.1, "se": 0.2, "margin": 2, "alpha": 0.1},
        "inference_limits.correct_for_ascertainment": {
            "hazard_ratio": 1.5,
            "share_exposed": 0.1,
            "found": 0.5,
        },
        "interpretation.interpret": {
            "cohort": frame[["group", "year"]],
            "matched": matched,
            "labels": ("a", "b"),
            "months": months,
            "power": 0.9,
            "margin": 1.5,
            "ascertainment": [0.5],
        },
        "kaplan_meier.kaplan_meier": data | {"interval": "log-log", "confidence": 0.9},
        "kaplan_meier.median_survival": {"curve": curve[["time", "estimate"]]},
        "kaplan_meier.logrank_test": data | {"group": group},
        "kaplan_meier.expected_deaths": data | {"group": group},
        "group_tests.compare_survival": {"matched": matched},
        "follow_up.follow_up": {
            "frame": frame[["time", "event", "group"]],
            "population": "matched",
        },
        "matched_sets.has_complete_sets": {"matched": matched[["weight"]]},
        "nearest.match": matching | rule | {"exact": strata},
        "nearest.exact_codes": {"cohort": frame[["year", "grade"]], "names": ["year", "grade"]},
        "distance.matching_distance": {"linear_predictor": score, "link": "probability"},
        "nearest.MatchingProblem": matching | {"exact": strata},
        "nearest.MatchingProblem.match": rule,
        "models.regression_models": {
            "frame": frame[["group", "time", "event", "age", "matched_set", "weight"]],
            "covariates": ["age"],
            "recommended": ["age"],
            "estimator": "fine_gray",
            "threshold": 0.1,
            "group_labels": ("a", "b"),
            "confidence": 0.9,
        },
        "populations.compare_populations": {"frames": {"main": whom, "other": whom[6:]}},
        "estimates.pool": {"coefs": [0.1, 0.3, 0.2], "standard_errors": [0.2, 0.2, 0.3]},
        "estimates.Estimate.limits": {"confidence": 0.9},
        "estimates.LogRatio": {},
        "estimates.LogRatio.limits": {"confidence": 0.9},
        "estimates.LogRatio.ratio": {"confidence": 0.9},
        "estimates.PooledProfiles.limits": {"confidence": 0.9},
        "estimates.PooledProfiles.distribution": {"value": 0.1},
        "propensity.estimate_propensity": {
            "frame": frame[["group", "age", "grade"]],
            "covariates": ["age", "grade"],
        },
        "propensity.distinct_patterns": {"X": X},
        "propensity.r_glm_linear_predictor": {"X": X[:, 1:], "y": group},
        "propensity.PropensityFit.distance": {"link": "probability"},
        "separation.find_separation": cox | {"model": "cox"},
        "cones.flat_directions": {"rows": np.array([[1.0, 0.0], [0.0, 1.0]])},
        "cones.interior_direction": {"rows": np.array([[1.0, 0.0], [0.0, 1.0]])},
        "separation.Separation.is_infinite": {"contrast": np.array([1.0, -1.0])},
        "proportionality_cox.schoenfeld_residuals": cox | {"fit": fit},
        "proportionality_cox.smooth_residuals": {
            "time": np.sort(time),
            "residual": score,
            "points": 5,
            "confidence": 0.9,
        },
        "proportionality.trace_residuals": {
            "residuals": pd.DataFrame(
                {"model": "recommended", "term": "age", "level": "", "time": time}
            ).assign(residual=score)
        },
        "score_separation.find_cells": one_sided,
        "score_separation.describe_cells": {
            "cells": find_cells(**one_sided),
            "n_exposed": one_sided["n_exposed"],
            "n_reference": one_sided["n_reference"],
        },
        "score_separation.cell_sentences": {
            "cells": pd.DataFrame(
                {"cell": [1, 2], "term": "age", "level": "", "n_reference": [0, 5]}
            ).assign(n_exposed=[3, 0], in_pool=[True, False])
        },
        "proportionality.assess_proportionality": {
            "matched": matched[["time", "event", "group", "weight"]],
            "models": models,
        },
        "sensitivity.sensitivity_analyses": {
            "cohort": cohort,
            "linear_predictor": score,
            "matching": MatchingRule(covariates=["age"], **rule | {"caliper": None}),
            "calipers": [],
            "ratios": [],
            "orders": [],
            "estimands": ["ATT"],
        },
        "firth.fit_firth": data | {"X": X, "model": "fine_gray"},
        "firth.FirthProfile.limits": {"confidence": 0.9},
        "firth.FirthProfile.statistic": {"value": 0.1},
        "firth.FirthProfile.signed_root": {"value": 0.1},
        "splines.natural_spline": {"x": frame["age"].to_numpy(), "knots": [45.0, 55.0, 70.0]},
        "stability.matching_stability": {
            "cohort": cohort[["patient_id", "group", "time", "event"]],
            "distance": score,
            "seeds": [1, 2],
            "caliper": 2.0,
            "exact": strata,
        }
        | {key: rule[key] for key in ("ratio", "order", "ties")},
        "stability.stability_range": {"repeats": several, "coverage": 0.9},
        "weighting.balancing_weights": {
            "linear_predictor": score,
            "exposed": group,
            "estimand": "ATO",
        },
        "weighting.effective_sample_size": {"weights": weights, "exposed": group},
    }
    owners = {
        "group_effect.GroupEffect.equivalence": GroupEffect(Estimate(0.1, 0.2), 10, 5),
        **{f"firth.FirthProfile.{of}": profile for of in PROFILE},
        "estimates.PooledProfiles.limits": PooledProfiles((profile, profile)),
        "estimates.PooledProfiles.distribution": PooledProfiles((profile, profile)),
        "estimates.Estimate.limits": Estimate(0.1, 0.2, 5.0),
        "estimates.LogRatio.limits": Estimate(0.1, 0.2),
        "estimates.LogRatio.ratio": Estimate(0.1, 0.2),
        **{f"fit.Fit.{of}": fit for of in ("estimate", "predict", "se", "summary", "test")},
        **{f"event_times.EventTimes.{of}": times for of in ("of", "take", "cluster_index")},
        "event_times.EventTimes.with_offset": times,
        "propensity.PropensityFit.distance": estimate_propensity(frame, ["age"]),
        "separation.Separation.is_infinite": recession,
        "nearest.MatchingProblem.match": problem,
    }
    calls = {}
    for name, values in arguments.items():
        function = found.get(name)
        if name in owners:
            function = getattr(owners[name], name.rsplit(".", 1)[1])
        calls[name] = (function, values)
    return calls
