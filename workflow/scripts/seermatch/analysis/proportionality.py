"""Whether the hazard ratios of the study's Cox models change over time."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.analysis.outcomes import event_times_of
from seermatch.statistics.checks import check_binary, check_columns, check_labels, check_numbers
from seermatch.statistics.design_matrix import design_matrix
from seermatch.survival.cox import fit_cox
from seermatch.survival.proportionality_cox import (
    proportional_hazards_test,
    schoenfeld_residuals,
    smooth_residuals,
)

GROUP = "group"
MODELS = ("univariable", "recommended")
TESTS = ("model", "term", "level", "statistic", "df", "p_value", "status")
RESIDUALS = ("model", "term", "level", "time", "residual")
KINDS = ("smooth", "residual", "constant")


@dataclass(frozen=True)
class Proportionality:
    """Whether the hazard ratios of Cox models change over time.

    Attributes
    ----------
    tests : DataFrame
        Columns `TESTS`, one row per column of the models and ``GLOBAL``.
    residuals : DataFrame
        Columns `RESIDUALS`, one row per death and column; records of patients.
    """

    tests: pd.DataFrame
    residuals: pd.DataFrame


def assess_proportionality(matched: pd.DataFrame, models: pd.DataFrame) -> Proportionality:
    """Test proportional hazards in the Cox models of the group alone and of the recommended list.

    Parameters
    ----------
    matched : DataFrame
        One row per patient: the covariates, `group` (0 reference, 1 exposed), `time` (months),
        `event` (category, the first one censored) and `weight`.
    models : DataFrame
        Table of `seermatch.analysis.models.regression_models` for Cox: model, term, level, status.
        Columns that are aliased or separated there have no residuals, and stay out of the model
        here.

    Returns
    -------
    Proportionality
        Each column is tested with the others in the model (transform ``km``); the statistic is
        missing where the deaths are too few, or the column is aliased, separated or without event.

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> matched = pd.DataFrame({"group": np.repeat([0, 1], 60), "weight": 1.0,
    ...     "age": rng.integers(40, 80, 120), "time": rng.integers(1, 60, 120),
    ...     "event": pd.Categorical.from_codes(rng.integers(0, 2, 120), ["censored", "died"])})
    >>> models = pd.DataFrame({"model": ["univariable", "recommended", "recommended"],
    ...     "term": ["group", "age", "group"], "level": ["1", "", "1"], "status": "ok"})
    >>> found = assess_proportionality(matched, models)
    >>> found.tests[["model", "term", "df"]].to_dict("split")["data"]
    [['univariable', 'group', 1], ['recommended', 'age', 1], ['recommended', 'group', 1], \
['recommended', 'GLOBAL', 2]]
    """
    check_columns("matched", matched, ["group", "time", "event", "weight"])
    check_columns("models", models, ["model", "term", "level", "status"])
    for column in ("model", "term", "status"):
        check_labels(column, models[column])
    tests, residuals = [], []
    for model in MODELS:
        rows = models[models["model"] == model].fillna({"level": ""})
        if model == "univariable":
            rows = rows[rows["term"] == GROUP]
        more_tests, more_residuals = _assess_model(matched, rows)
        tests += [(model, *test) for test in more_tests]
        residuals += [frame.assign(model=model) for frame in more_residuals]
    empty = pd.DataFrame(columns=list(RESIDUALS))
    return Proportionality(
        tests=pd.DataFrame(tests, columns=list(TESTS)),
        residuals=pd.concat(residuals, ignore_index=True)[list(RESIDUALS)] if residuals else empty,
    )


def _assess_model(matched: pd.DataFrame, rows: pd.DataFrame) -> tuple[list[tuple], list]:
    """Test the columns of one model, and compute the residuals of each."""
    kept = rows[rows["status"].isin(["ok", "few events"])]
    if kept.empty:
        return [
            (row.term, row.level, np.nan, 1, np.nan, row.status) for row in rows.itertuples()
        ], []
    data = event_times_of(matched).of()
    X = pd.DataFrame(_columns(matched, kept), columns=[f"x{j}" for j in range(len(kept))])
    fit = fit_cox(data, X)
    test = proportional_hazards_test(fit, data, X)
    found = dict(zip([*kept.index, "GLOBAL"], test.itertuples(index=False), strict=True))
    nothing = (None, np.nan, 1, np.nan)
    tests = [
        (row.term, row.level, *found.get(row.Index, nothing)[1:], row.status)
        for row in rows.itertuples()
    ]
    if len(rows) > 1:
        tests.append(("GLOBAL", "", *found["GLOBAL"][1:], "ok"))
    time, scaled = schoenfeld_residuals(fit, data, X)
    return tests, [
        pd.DataFrame({"term": row.term, "level": row.level, "time": time, "residual": column})
        for row, column in zip(kept.itertuples(), scaled.T, strict=True)
    ]


def _columns(matched: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Columns of a model by term and level, the group as 0 and 1."""
    terms = [term for term in rows["term"].unique() if term != GROUP]
    columns = {}
    if terms:
        design = design_matrix(matched, terms, setting="regression.recommended")
        columns = dict(zip(zip(design.terms, design.levels, strict=True), design.X.T, strict=True))
    group = check_binary(GROUP, matched[GROUP]).astype(float)
    return np.column_stack(
        [group if row.term == GROUP else columns[row.term, row.level] for row in rows.itertuples()]
    )


def trace_residuals(residuals: pd.DataFrame) -> pd.DataFrame:
    """Put the residuals of each column beside what is drawn through them.

    Parameters
    ----------
    residuals : DataFrame
        Columns `RESIDUALS`, from `assess_proportionality`.

    Returns
    -------
    DataFrame
        model, term, level, kind, time, value, low, high. Of the kind ``residual`` there is a row
        per death; of the kind ``smooth`` there are those of `smooth_residuals`; one row of the kind
        ``constant`` is the estimate under proportional hazards, the mean of the residuals.

    Raises
    ------
    StudyError
        If a column is absent or unusable.

    Examples
    --------
    >>> one = {"model": "recommended", "term": "age", "level": "", "time": range(12)}
    >>> trace = trace_residuals(pd.DataFrame(one | {"residual": 0.1}))
    >>> trace["kind"].value_counts(sort=False).to_dict()
    {'smooth': 60, 'residual': 12, 'constant': 1}
    """
    names = {"estimate": "value", "residual": "value"}
    keys = ["model", "term", "level"]
    check_columns("residuals", residuals, [*keys, "time", "residual"], empty=True)
    for name in keys:
        check_labels(name, residuals[name])
    numbers = {name: check_numbers(name, residuals[name]) for name in ("time", "residual")}
    residuals = residuals.assign(**numbers)
    columns, parts = [*keys, "kind", "time", "value", "low", "high"], []
    for of, column in residuals.groupby(keys, sort=False):
        smooth = smooth_residuals(column["time"], column["residual"])
        constant = pd.DataFrame({"value": [column["residual"].mean()]})
        frames = (smooth, column[["time", "residual"]], constant)
        for kind, frame in zip(KINDS, frames, strict=True):
            parts.append(
                frame.rename(columns=names).assign(kind=kind, **dict(zip(keys, of, strict=True)))
            )
    filled = [part for part in parts if len(part)]
    trace = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return trace.reindex(columns=columns)
