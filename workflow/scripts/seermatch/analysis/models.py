"""The regression tables: univariable, multivariable and recommended models, Cox or Fine-Gray.

Every model passes the same guard. Columns that depend on earlier ones are left out and said to be
aliased. Columns without a finite estimate (separation) get Firth's penalized estimate, profile
interval and test, from the same model and marked ``separated``. The other rows of such a model
are maximum-likelihood estimates in the limit to which the likelihood tends, and so are the finite
contrasts among the separated terms. With fewer than 20 events Wald intervals do not hold, and all
columns get Firth's, marked ``few events``; without any, none has an estimate (``no event``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from seermatch.analysis.group_effect import FEW_EVENTS, estimable_columns, fit_model
from seermatch.analysis.outcomes import event_times_of
from seermatch.errors import StudyError
from seermatch.settings.study import Regression
from seermatch.statistics.checks import (
    check_binary,
    check_choice,
    check_columns,
    check_names,
    check_number,
)
from seermatch.statistics.design_matrix import (
    OF_HAZARDS,
    DesignMatrix,
    describe_aliasing,
    design_matrix,
)
from seermatch.statistics.estimates import LogRatio
from seermatch.survival.event_times import EventTimes
from seermatch.survival.finite_contrasts import finite_contrasts
from seermatch.survival.firth import fit_firth
from seermatch.survival.fit import Fit
from seermatch.survival.separation import find_separation

DEFAULT = Regression()
GROUP = "group"
ESTIMATES = ("coef", "se", "hr", "hr_low", "hr_high", "p_value")
CLUSTERED = ("se_clustered", "hr_low_clustered", "hr_high_clustered", "p_value_clustered")
COLUMNS = ("model", "term", "level", *ESTIMATES, *CLUSTERED, "status", "dependence", "n", "events")
CONTRAST_COLUMNS = ("model", "patients", "against", *ESTIMATES, *CLUSTERED, "n", "events")

Estimator = Literal["cox", "fine_gray"]


@dataclass(frozen=True)
class RegressionModels:
    """Rows of a regression table, and what has to be said about them.

    Attributes
    ----------
    table : DataFrame
        Columns `COLUMNS`; model is ``univariable``, ``multivariable`` or ``recommended``.
    contrasts : DataFrame
        Columns `CONTRAST_COLUMNS`: of the models with separated terms, the comparisons among them
        that have a finite estimate. `patients` and `against` name the levels in words.
    selected : tuple of str
        Covariates of the multivariable model.
    joint_p : dict of str to float
        Univariable joint p-value per covariate, and of the group.
    notes : tuple of str
        Aliasing and separation, one sentence each.
    """

    table: pd.DataFrame
    contrasts: pd.DataFrame
    selected: tuple[str, ...]
    joint_p: Mapping[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Options:
    """Estimator, level of the intervals, and how a term and a level are put in words."""

    estimator: Estimator
    confidence: float
    describe: Callable[[str, str], str]

    def words(self, levels: Sequence[tuple[str, str]]) -> str:
        """Put the levels of one kind of patients in words."""
        return ", ".join(self.describe(*of) for of in levels)


@dataclass(frozen=True)
class _Estimates:
    """Rows of the estimated columns and of their finite contrasts, and the joint p-value."""

    rows: list[dict]
    contrasts: list[dict]
    infinite: np.ndarray
    joint_p: float


@dataclass(frozen=True)
class _Model:
    """One fitted model: rows of both tables, joint p-value, notes."""

    rows: list[dict]
    contrasts: list[dict]
    joint_p: float
    notes: list[str]


def _name(term: str, level: str) -> str:
    return f"{term}: {level}" if level else term


def regression_models(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    recommended: Sequence[str],
    *,
    estimator: Estimator = "cox",
    threshold: float = DEFAULT.selection_p,
    group_labels: tuple[str, str] = ("reference", "exposed"),
    confidence: float = 0.95,
    describe: Callable[[str, str], str] = _name,
) -> RegressionModels:
    """Fit the models of a regression table.

    Parameters
    ----------
    frame : DataFrame
        One row per patient: the covariates, `group` (0 reference, 1 exposed), `time` (months),
        `event` (category: censored, cancer death, other death), and if the sample is
        matched `matched_set` and `weight`.
    covariates : sequence of str
        Each is modelled alone. Those with a joint p-value below `threshold` enter the
        multivariable model, in this order.
    recommended : sequence of str
        Covariates of the recommended model, chosen beforehand.
    estimator : {"cox", "fine_gray"}
        ``cox``: death of any cause. ``fine_gray``: cancer death, other deaths competing.
    threshold : float
        For the joint test of a covariate: likelihood ratio in Cox, Wald with the sandwich in
        Fine-Gray and wherever weights are used; likelihood ratio again if it is separated.
    group_labels : tuple of str
        Labels of the reference and the exposed arm; the second is the level of the term `group`,
        which is in every multivariable and recommended model and alone as univariable.
    confidence : float
        Coverage of the intervals.
    describe : callable
        From a term and a level to words, for dependent columns and contrasts.

    Returns
    -------
    RegressionModels
        Rows with ``status`` ``ok``; ``aliased`` (no estimates: the column depends on earlier
        ones, as `dependence` says, or has one value); ``separated`` and ``few events`` (Firth's
        estimate with profile interval and penalized likelihood-ratio test, nothing clustered);
        ``no event`` (no estimates).
        Standard errors: model-based in Cox, sandwich in Fine-Gray; with weights other than 1
        robust in both. The clustered columns sum the sandwich within matched sets and are empty
        without them.

    Raises
    ------
    StudyError
        If a covariate is missing from the data, or a fit fails for another reason than separation.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> group, age = np.repeat([0, 1], 100), rng.integers(40, 80, 200)
    >>> time = rng.exponential(900 / age).astype(int)
    >>> events = ["censored", "cancer death", "other death"]
    >>> frame = pd.DataFrame({"group": group, "age": age, "time": time,
    ...     "event": pd.Categorical.from_codes(rng.integers(0, 3, 200), events)})
    >>> models = regression_models(frame, ["age"], ["age"], group_labels=("M0", "M0(i+)"))
    >>> models.table[["model", "term", "level", "status"]].to_dict("split")["data"][:2]
    [['univariable', 'age', '', 'ok'], ['univariable', 'group', 'M0(i+)', 'ok']]
    """
    covariates = check_names("covariates", covariates)
    recommended = check_names("recommended", recommended)
    check_columns("frame", frame, [GROUP, "time", "event", *covariates, *recommended])
    check_choice("estimator", estimator, ("cox", "fine_gray"))
    check_number("threshold", threshold, 0, 1, closed=True)
    check_number("confidence", confidence, 0, 1)
    labels = check_names("group_labels", group_labels, 2)
    data = event_times_of(frame)
    data = data.of(None if estimator == "cox" else 1)
    exposed = check_binary(GROUP, frame[GROUP])
    frame = frame.assign(**{GROUP: pd.Categorical.from_codes(exposed.astype(int), labels)})
    options = _Options(estimator, confidence, describe)
    univariable = {
        term: _fit_model(data, frame, "univariable", [term], options)
        for term in (*covariates, GROUP)
    }
    joint_p = {term: model.joint_p for term, model in univariable.items()}
    selected = tuple(term for term in covariates if joint_p[term] < threshold)
    models = [
        *univariable.values(),
        _fit_model(data, frame, "multivariable", [*selected, GROUP], options),
        _fit_model(data, frame, "recommended", [*recommended, GROUP], options),
    ]
    contrasts = [row for model in models for row in model.contrasts]
    return RegressionModels(
        table=pd.DataFrame([row for model in models for row in model.rows], columns=list(COLUMNS)),
        contrasts=pd.DataFrame(contrasts, columns=list(CONTRAST_COLUMNS)),
        selected=selected,
        joint_p=joint_p,
        notes=tuple(note for model in models for note in model.notes),
    )


def _columns(frame: pd.DataFrame, terms: Sequence[str]) -> DesignMatrix:
    """Design matrix in which a covariate of one value keeps a constant column per level."""
    parts = []
    for term in terms:
        if term in frame and (frame[term] == frame[term].iloc[0]).all():
            values, levels = frame[term], [""]
            if isinstance(values.dtype, pd.CategoricalDtype):
                levels = [str(level) for level in values.cat.categories[1:]] or [""]
            names = tuple(f"{term}: {level}" if level else term for level in levels)
            constant = np.zeros((len(frame), len(levels)))
            parts.append(DesignMatrix(constant, (term,) * len(levels), tuple(levels), names))
        else:
            parts.append(design_matrix(frame, [term], setting="the covariates of the models"))
    return DesignMatrix(
        X=np.hstack([part.X for part in parts]),
        terms=sum((part.terms for part in parts), ()),
        levels=sum((part.levels for part in parts), ()),
        names=sum((part.names for part in parts), ()),
    )


def _fit_model(data: EventTimes, frame, model: str, terms: Sequence[str], options) -> _Model:
    design = _columns(frame, terms)
    title = f"{model}, {terms[0]}" if model == "univariable" else model
    at_risk = design.X[data.ever_at_risk]
    kept, notes = np.zeros(len(design.names), dtype=bool), []
    if data.events:
        kept = estimable_columns(data, design.X)
        reasons = describe_aliasing(at_risk, design.names, tolerance=OF_HAZARDS)
        notes = [
            f"{title}: {name} cannot be estimated ({reason})." for name, reason in reasons.items()
        ]
    estimates = _Estimates([], [], np.empty(0, dtype=bool), np.nan)
    if kept.any():
        estimates = _estimate(data, frame, design, kept, options)
    usual = "few events" if data.events < FEW_EVENTS else "ok"
    status = np.where(kept, usual, "aliased" if data.events else "no event").astype(object)
    status[np.flatnonzero(kept)[estimates.infinite]] = "separated"
    if estimates.infinite.any():
        infinite = ", ".join(np.array(design.names)[status == "separated"])
        notes.append(f"{title}: no finite estimate exists for {infinite} (separation).")
    words = [options.describe(*of) for of in zip(design.terms, design.levels, strict=True)]
    dependence = {}
    if data.events and not kept.all():
        dependence = describe_aliasing(at_risk, words, tolerance=OF_HAZARDS)
    found = iter(estimates.rows)
    size = {"n": len(frame), "events": data.events}
    rows = [
        {"model": model, "term": design.terms[j], "level": design.levels[j]}
        | dict.fromkeys((*ESTIMATES, *CLUSTERED), np.nan)
        | (next(found) if kept[j] else {})
        | {"status": status[j], "dependence": dependence.get(words[j], "")}
        | size
        for j in range(len(design.names))
    ]
    contrasts = [
        {"model": model} | dict.fromkeys(CLUSTERED, np.nan) | row | size
        for row in estimates.contrasts
    ]
    return _Model(rows, contrasts, estimates.joint_p, notes)


def _estimate(data: EventTimes, frame, design: DesignMatrix, kept, options) -> _Estimates:
    """Estimate the columns that are not aliased.

    Columns with an infinite estimate have Firth's; all else is then fitted at the end of the
    recession, and the model is tested there: the likelihood has a limit where the estimate has
    none, and a sandwich is far too small on the way. With few events all columns have Firth's.
    """
    names = np.array(design.names)[kept]
    X = pd.DataFrame(design.X[:, kept], columns=names)
    single = np.eye(X.shape[1])
    few = data.events < FEW_EVENTS
    fit = fit_model(options.estimator, data, X)
    if fit.converged:
        infinite = np.zeros(X.shape[1], dtype=bool)
        rows = (
            _firth_rows(data, X, ~infinite, options)
            if few
            else _wald_rows(fit, single, options.confidence)
        )
        return _Estimates(rows, [], infinite, _joint_p(fit))
    separation = find_separation(data, X, options.estimator)
    estimable, infinite = separation.estimable, separation.infinite
    ended = data.with_offset(separation.offset)
    limit = fit_model(options.estimator, ended, X.loc[:, estimable])
    joint_p = _likelihood_ratio_p(limit.loglik - fit.loglik_null, len(infinite))
    if few:
        rows = _firth_rows(data, X, np.ones(len(infinite), dtype=bool), options)
        return _Estimates(rows, [], infinite, joint_p)
    if not (infinite.any() and limit.converged):
        raise StudyError(
            f"{options.estimator}: a model has a finite maximum but Newton's method did not reach "
            "it. Look for covariates with extreme values."
        )
    firth = iter(_firth_rows(data, X, infinite, options))
    finite = iter(_wald_rows(limit, single[~infinite][:, estimable], options.confidence))
    reference = {
        term: str(frame[term].cat.categories[0])
        for term in dict.fromkeys(design.terms)
        if isinstance(frame[term].dtype, pd.CategoricalDtype)
    }
    contrasts = finite_contrasts(design, kept, separation, reference)
    vectors = [contrast.vector[estimable] for contrast in contrasts]
    found = _wald_rows(limit, vectors, options.confidence)
    return _Estimates(
        rows=[next(firth if astray else finite) for astray in infinite],
        contrasts=[
            {key: options.words(getattr(contrast, key)) for key in ("patients", "against")} | row
            for contrast, row in zip(contrasts, found, strict=True)
        ],
        infinite=infinite,
        joint_p=joint_p,
    )


def _wald_rows(fit: Fit, contrasts, confidence: float) -> list[dict]:
    """Hazard ratio, Wald interval and test of each contrast, and the same for matched sets."""
    rows = []
    for vector in contrasts:
        row = _row(fit.estimate(vector, fit.unclustered), confidence)
        if "clustered" in fit.covariance:
            clustered = _row(fit.estimate(vector, "clustered"), confidence)
            row |= {name: clustered[name.removesuffix("_clustered")] for name in CLUSTERED}
        rows.append(row)
    return rows


def _row(estimate: LogRatio, confidence: float) -> dict:
    ratio = estimate.ratio(confidence)
    values = (estimate.coef, estimate.se, *ratio, estimate.p_value)
    return dict(zip(ESTIMATES, values, strict=True))


def _firth_rows(data: EventTimes, X, wanted: np.ndarray, options: _Options) -> list[dict]:
    """Firth's estimate, profile interval and test of the wanted columns."""
    fit = fit_firth(data, X, options.estimator)
    return [_row(fit.estimate(int(j)), options.confidence) for j in np.flatnonzero(wanted)]


def _joint_p(fit: Fit) -> float:
    """Joint p-value of all columns of a model, which is wanted where they are one term."""
    if fit.unclustered != "model":
        return fit.test(variance=fit.unclustered).p_value
    return _likelihood_ratio_p(fit.loglik - fit.loglik_null, len(fit.coef))


def _likelihood_ratio_p(gain: float, df: int) -> float:
    return float(chdtrc(df, max(2 * gain, 0)))
