"""Whatever is handed to an estimator: an error that names the argument, or the right answer.

Every public function of the statistical modules is found by introspection; one that has no valid
call in `valid_calls` fails. Each argument of each call is broken in every way that its kind allows.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import seermatch
from seermatch.errors import StudyError
from seermatch.survival.event_times import EventTimes
from valid_calls import INNER, MODULES, discovered, public_functions, valid_calls

CALLS = valid_calls()
COVERAGE = (0, 1, 95, -0.1)
OUT_OF_RANGE = {
    **dict.fromkeys(("confidence", "coverage", "alpha", "power", "share_exposed"), COVERAGE),
    **dict.fromkeys(("target", "margin", "caliper", "tolerance"), (0, -1)),
    **dict.fromkeys(("low", "high", "events", "horizon", "threshold", "max_steps"), (-1,)),
    **dict.fromkeys(("points", "cycles", "imputations", "cause"), (0, -1, 1.5)),
    "share": (-0.1, 1.5),
    "n": (0, -1),
    "found": (0.05, 1.5, -1),
    "hazard_ratio": (-1,),
    "ratio": (0, -1),
    "seed": (1.5,),
    "threshold": (-1, 95),
    # one value of a column
    "time": (-1,),
    "event": (-1, 0.5),
    "weights": (-1,),
    "weight": (-1,),
    "months": (-1,),
    "causes": (0, 0.5),
    "knots": (99,),
    "seeds": (0.5,),
    "ascertainment": (95, -1),
    "standard_errors": (-1,),
    "exposed": (2, 0.5),
    "happened": (2, 0.5),
    "events": (-1,),
    "se": (0, -1),
    "n_exposed": (-1,),
    "n_reference": (-1,),
    "estimated": (2,),
    "columns": (2, -1, 0.5),
    "index": (2, -1, 0.5),
    "table": (-1, 0.5),
    "y": (2,),
}
# any text, any number, or objects of the library
FREE = {
    "largest",
    "statistic",
    "population",
    "setting",
    "name",
    "p",
    "rows",
    "tests",
    "group_labels",
    "design",
    "recession",
    "fit",
}
FREE |= {"reference_levels", "matching", "calipers", "ratios", "orders", "estimands"}
LABELS = {"group", "strata", "clusters", "patient_id", "exact", "matched_set"}
# columns that a frame need not have, or that may lack values
OPTIONAL = {"interpretation.interpret": {"year"}, "models.regression_models": {"weight"}}
OPTIONAL["models.regression_models"] |= {"matched_set"}
OPTIONAL["outcomes.event_times_of"] = {"weight", "matched_set"}
UNKNOWN = {"grade", "er", "pr", "her2", "subtype", "age", "os_hr"}
PARTLY_KNOWN = {
    "imputation.impute",
    "imputation.imputed_cohorts",
    "excluded_patients.compare_included",
    "characteristics.compare_groups",
    "stability.stability_range",
}


CELLS = "score_separation.cell_sentences"
WITHOUT_EVENTS = "without_events.limits_without_events"  # which columns it replaces, if it does
REPLACED = ("estimate", "low", "high")
# a label that is counted or grouped by, in whatever form
FREE_COLUMNS = {
    ("interpretation.interpret", "year"),
    ("excluded_patients.compare_included", "year"),
}
FREE_COLUMNS |= {("stability.stability_range", "seed"), ("nearest.exact_codes", "year")}
FREE_COLUMNS |= {("stability.stability_range", "os_hr"), ("characteristics.compare_groups", "age")}
FREE_COLUMNS |= {("excluded_patients.compare_included", "age")}
FREE_COLUMNS |= {("score_separation.find_cells", "age"), (CELLS, "cell")}
FREE_COLUMNS |= {(WITHOUT_EVENTS, column) for column in REPLACED}
LENGTHS = ("one more", "one fewer")
# another length asks another question, and that is answered
ANY_LENGTH = {"months", "causes", "seeds", "ascertainment", "x", "rows", "table", "index"}
ANY_LENGTH |= {"distance.matching_distance"}
ANY_LENGTH |= {"design_matrix.aliased_columns", "design_matrix.describe_aliasing"}
ANY_LENGTH |= {"propensity.distinct_patterns", "columns", "times", "fit.Fit.predict"}
ANY_LENGTH |= {"outcomes.several"}
# which take every code above 0 for an event, or any number of causes
ANY_CODE = {
    "cox.fit_cox",
    "gray.gray_test",
    "group_effect.estimable_columns",
    "group_effect.fit_model",
    "incidence.cumulative_incidence",
    "incidence.incidence_by_group",
    "kaplan_meier.expected_deaths",
    "kaplan_meier.kaplan_meier",
    "kaplan_meier.logrank_test",
    "proportionality_cox.proportional_hazards_test",
    "proportionality_cox.schoenfeld_residuals",
    "without_events.effective_number_followed",
    "without_events.limits_without_events",
}
# what is documented to be an answer: a limit without bound, one coefficient, a time of any origin
ANSWERED = {
    # a patient without a score is outside the pool
    ("balance.assess_balance", "cohort.propensity", "missing"),
    ("distance.matching_distance", "linear_predictor", "missing"),
    ("distance.matching_distance", "linear_predictor", "missing object"),
    ("sensitivity.sensitivity_analyses", "linear_predictor", "missing"),
    ("sensitivity.sensitivity_analyses", "linear_predictor", "missing object"),
    ("inference_limits.e_value_of_interval", "high", "inf"),
    ("inference_limits.correct_for_ascertainment", "hazard_ratio", "inf"),
    ("proportionality_cox.smooth_residuals", "time", "-1"),
    ("proportionality.trace_residuals", "residuals.time", "-1"),
    # nothing to draw, no cell
    ("proportionality.trace_residuals", "residuals", "no patients"),
    (CELLS, "cells", "no patients"),
    ("stability.stability_range", "repeats.os_hr", "absent"),
    ("stability.stability_range", "repeats.seed", "missing"),
    ("stability.stability_range", "repeats.seed", "1.5"),
    *((WITHOUT_EVENTS, f"curve.{column}", "missing") for column in REPLACED),
    *((WITHOUT_EVENTS, f"curve.{column}", "-1") for column in REPLACED),
    ("fit.Fit.estimate", "column", "[0.5, 0.6]"),  # a contrast
    ("incidence.incidence_by_group", "cause_labels", "one more"),
    ("proportions.wilson_interval", "share", "[0.5, 0.6]"),
    ("proportions.wilson_interval", "n", "[0.5, 0.6]"),
}
# documented to give missing numbers for missing ones
PASSED_ON = {
    *(
        ("tests.wald_test", of, how)
        for of in ("coef", "covariance")
        for how in ("missing", "missing object", "infinite")
    ),
    *(
        ("estimates.pool", of, how)
        for of in ("coefs", "standard_errors")
        for how in ("missing", "missing object")
    ),
}


def test_every_public_function_has_a_valid_call():
    assert sorted(CALLS) == sorted(discovered())


@pytest.mark.parametrize("function", CALLS)
def test_valid_calls_are_valid(function):
    call(function, CALLS[function][1])


def test_estimators_are_in_the_statistical_modules():
    """A function of times and events elsewhere belongs to `MODULES`, or is checked in vain."""
    for module in pkgutil.walk_packages(seermatch.__path__, "seermatch."):
        if module.name.removeprefix("seermatch.") in {*MODULES, *INNER}:
            continue
        for name, function in public_functions(importlib.import_module(module.name)):
            if isinstance(function, type) and issubclass(function, str | dict | list | float):
                continue
            parameters = set(inspect.signature(function).parameters)
            assert not {"time", "event"} <= parameters, f"{module.name}.{name}"


def call(name: str, arguments: dict):
    function, _ = CALLS[name]
    result = function(**arguments)
    return list(result) if isinstance(result, Iterator) else result


def replaced(values, position, value):
    """Replace one value; a column of whole numbers becomes one of objects."""
    changed = np.asarray(values).astype(object)
    changed[position] = value
    return changed


def as_numbers(values):
    return np.array(values.tolist(), dtype=float)


def breaks(name: str, value) -> Iterator[tuple[str, object]]:
    """Yield what can be wrong with an argument."""
    if isinstance(value, dict):
        first, frame = next(iter(value.items()))
        yield from ((what, value | {first: wrong}) for what, wrong in breaks(name, frame))
        return
    if isinstance(value, EventTimes):
        yield from [("times alone", value.time), ("code 3", value._with(event=value.event + 1))]
        return
    if isinstance(value, pd.DataFrame):
        yield "no frame", [1, 2]
        yield "no patients", value.iloc[:0]
        return
    if value is None or isinstance(value, str):
        yield "unknown word", "nonsense"
        if value is not None:
            yield "number", 3
        return
    if isinstance(value, int | float):
        for wrong in (np.nan, np.inf, "0.5", [0.5, 0.6], *OUT_OF_RANGE.get(name, ())):
            yield repr(wrong), wrong
        return
    array = np.asarray(value)
    first = (0,) * array.ndim
    yield "number alone", 3
    if array.dtype.kind in "UO":
        yield from [("missing", replaced(array, 0, None)), ("one more", [*value, "z"])]
        if name not in LABELS:
            yield "text alone", "abc"
        return
    yield "missing", as_numbers(replaced(array, first, np.nan))
    yield "missing object", replaced(array, first, None)
    yield "infinite", as_numbers(replaced(array, first, np.inf))
    if name not in LABELS:
        yield from [("text", array.astype(str)), ("a text", replaced(array, first, "x"))]
    else:
        yield "mixed", replaced(array, first, "x")
    yield "one more", np.concatenate([array, array[:1]])
    yield "one fewer", array[:-1]
    yield "one dimension more", array[..., None] if array.ndim > 1 else np.array([array, array]).T
    for wrong in OUT_OF_RANGE.get(name, ()):
        yield repr(wrong), as_numbers(replaced(array, first, wrong))


def broken_columns(function: str, frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield column, what is wrong with it, and the frame."""
    for column in frame.columns:
        optional = column in OPTIONAL.get(function, ())
        if not optional:
            yield column, "absent", frame.drop(columns=column)
        values = frame[column]
        if not (function in PARTLY_KNOWN and column in UNKNOWN) and column != "level":
            yield column, "missing", frame.assign(**{column: values.where(values.index > 4)})
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            if (function, column) not in FREE_COLUMNS:
                infinite = values.astype(float).where(values.index > 4, np.inf)
                yield column, "infinite", frame.assign(**{column: infinite})
            if column not in LABELS and (function, column) not in FREE_COLUMNS:
                yield column, "text", frame.assign(**{column: values.astype(str)})
            for wrong in OUT_OF_RANGE.get(column, ()):
                yield (
                    column,
                    repr(wrong),
                    frame.assign(**{column: values.where(values.index > 4, wrong)}),
                )


def cases():
    for function, (_, arguments) in CALLS.items():
        for name, value in arguments.items():
            if name in FREE:
                continue
            for what, wrong in breaks(name, value):
                numeric = np.asarray(value).dtype.kind not in "UO"
                if what in LENGTHS and numeric and {name, function} & ANY_LENGTH:
                    continue
                if what == "code 3" and function in ANY_CODE:
                    continue
                if (function, name, what) not in ANSWERED | PASSED_ON:
                    yield pytest.param(function, name, wrong, name, id=f"{function}-{name}-{what}")
            several = isinstance(value, dict)
            first, frame = next(iter(value.items())) if several else ("", value)
            if isinstance(frame, pd.DataFrame):
                for column, what, wrong in broken_columns(function, frame):
                    if (function, f"{name}.{column}", what) in ANSWERED:
                        continue
                    whole = value | {first: wrong} if several else wrong
                    yield pytest.param(
                        function, name, whole, column, id=f"{function}-{name}.{column}-{what}"
                    )


@pytest.mark.parametrize(("function", "argument", "wrong", "named"), list(cases()))
def test_wrong_arguments_are_named(function, argument, wrong, named):
    arguments = CALLS[function][1] | {argument: wrong}
    with pytest.raises(StudyError) as error:
        call(function, arguments)
    # "z" is the unknown name in a list that is one too long
    assert re.search(rf"\b({named}|{argument}|z)\b", str(error.value)), str(error.value)


@pytest.mark.parametrize(("function", "argument", "how"), sorted(PASSED_ON))
def test_missing_numbers_are_passed_on(function, argument, how):
    wrong = dict(breaks(argument, CALLS[function][1][argument]))[how]
    result = call(function, CALLS[function][1] | {argument: wrong})
    assert np.isnan([v for v in dataclasses.astuple(result) if not isinstance(v, str)]).any()


def same(one, other):
    """Compare numbers wherever they are in two results."""
    assert type(one) is type(other)
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, pd.DataFrame):
        assert list(one.columns) == list(other.columns)
        one, other = one.reset_index(drop=True), other.reset_index(drop=True)
        pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=1e-9)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, np.ndarray | float):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def forms(name: str, value) -> Iterator[tuple[str, object]]:
    """Yield other ways to hand over the same."""
    if isinstance(value, dict):
        first, frame = next(iter(value.items()))
        yield from ((how, value | {first: other}) for how, other in forms(name, frame))
        return
    if isinstance(value, pd.DataFrame):
        whole = value.select_dtypes("integer").columns
        yield "float columns", value.astype(dict.fromkeys(whole, float))
        yield "nullable columns", value.astype(dict.fromkeys(whole, "Int64"))
        if "group" in whole:
            yield "bool group", value.astype({"group": bool})
        yield "any index", value.set_axis(value.index[::-1])
        return
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        return
    yield "list", value.tolist()
    yield "float", value.astype(float)
    yield "object", value.astype(object)
    if value.ndim == 2:
        yield from [("frame", pd.DataFrame(value)), ("column by column", np.asfortranarray(value))]
        return
    yield "series", pd.Series(value, index=range(len(value), 0, -1))
    if value.dtype.kind == "i":
        yield from [
            ("narrow", value.astype(np.int16)),
            ("nullable", pd.Series(value, dtype="Int64")),
        ]
        if set(value) == {0, 1}:
            yield "bool", value == 1
    if name in LABELS:
        yield "text", np.array([f"label {number:05.0f}" for number in value])
        yield (
            "category",
            pd.Series([f"label {number:05.0f}" for number in value]).astype("category"),
        )


# labels that are written into the result, or are numbers there
AS_GIVEN = {
    "absolute_effects.absolute_effects",
    "incidence.incidence_by_group",
    "characteristics.compare_groups",
    "imputation.imputed_cohorts",
    "excluded_patients.compare_included",
    "interpretation.interpret",
    "follow_up.follow_up",
    "kaplan_meier.expected_deaths",
}


def same_calls():
    for function, (_, arguments) in CALLS.items():
        for name, value in arguments.items():
            if name in FREE:
                continue
            for what, other in forms(name, value):
                if function in AS_GIVEN and what not in ("list", "object", "series", "any index"):
                    continue
                yield pytest.param(function, name, other, id=f"{function}-{name}-{what}")


@pytest.mark.parametrize(("function", "argument", "other"), list(same_calls()))
def test_other_forms_of_the_same_give_the_same(function, argument, other):
    arguments = CALLS[function][1]
    same(call(function, arguments), call(function, arguments | {argument: other}))
