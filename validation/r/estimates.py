"""The results of this library on a data set, under the names of `agreement.R`."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from draw import DataSet, restrict
from scipy.special import ndtri
from seermatch.analysis.group_effect import FEW_EVENTS
from seermatch.analysis.models import regression_models
from seermatch.matching.characteristics import compare_groups, independence_test
from seermatch.statistics.design_matrix import aliased_columns
from seermatch.statistics.newton import Rule, maximize, sum_by_cluster
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray, score_test
from seermatch.survival.gray import gray_test
from seermatch.survival.incidence import cumulative_incidence
from seermatch.survival.kaplan_meier import (
    expected_deaths,
    kaplan_meier,
    logrank_test,
    median_survival,
)
from seermatch.survival.proportionality_cox import TRANSFORMS, proportional_hazards_test
from seermatch.survival.proportionality_fine_gray import fit_time_interaction, proportionality_test
from seermatch.survival.separation import find_separation
from seermatch.survival.subdistribution import SubdistributionLikelihood
from seermatch.variables.printed import EVENTS
from sksurv.nonparametric import cumulative_incidence_competing_risks


@dataclass(frozen=True)
class Task:
    """A data set with the columns whose coefficients are finite, and what is computed on it."""

    data: DataSet
    aliased: np.ndarray
    separated: dict[str, np.ndarray]
    columns: dict[str, np.ndarray]
    with_models: bool
    with_interactions: bool

    @property
    def weighted_models(self) -> bool:
        """Whether the tables of the study are compared with weights."""
        return len(self.data.time) % 2 == 1

    def for_r(self) -> dict:
        """Give the content of the JSON file that R reads."""
        fields = ("time", "event", "group", "strata", "matched_set", "weight")
        arrays = {name: getattr(self.data, name).tolist() for name in fields}
        return arrays | {
            "X": self.data.X.ravel(order="F").tolist(),
            "terms": list(self.data.terms),
            "rho": self.data.rho,
            "horizon": self.data.horizon,
            "cox_columns": (self.columns["cox"] + 1).tolist(),
            "fine_gray_columns": (self.columns["fine_gray"] + 1).tolist(),
            "separated": bool(len(self.separated["cox"])),
            "with_models": self.with_models,
            "weighted_models": self.weighted_models,
            "with_interactions": self.with_interactions,
        }


def prepare(data: DataSet, index: int) -> Task:
    """Leave out aliased columns, then those without finite estimate."""
    event = {"cox": (data.event > 0).astype(int), "fine_gray": data.event}
    columns, separated = {}, {}
    for kind, code in event.items():
        first = data.time[code == 1].min()
        ever = (data.time >= first) | (code == 2)
        aliased = aliased_columns(data.X[ever])
        kept = np.flatnonzero(~aliased)
        separated[kind] = kept[
            find_separation(EventTimes(data.time, code), data.X[:, kept], model=kind).infinite
        ]
        while len(kept):
            infinite = find_separation(
                EventTimes(data.time, code), data.X[:, kept], model=kind
            ).infinite
            if not infinite.any():
                break
            kept = kept[~infinite]
        columns[kind] = kept
        if kind == "cox":
            aliased_cox = aliased
    two = data.group.max() == 1 and all(
        len(c) > 1 and data.terms[c[-1]] == "group" for c in columns.values()
    )
    # with few events the tables print Firth's estimates, which these R packages do not give
    many = all(np.count_nonzero(code == 1) >= FEW_EVENTS for code in event.values())
    return Task(
        data=data,
        aliased=aliased_cox,
        separated=separated,
        columns=columns,
        with_models=bool(two and many and index % 5 == 0),
        with_interactions=index % 5 < 2,
    )


def estimate(task: Task) -> dict[str, np.ndarray]:
    """Compute everything that R computes."""
    data = task.data
    out = survival(data) | incidence(data) | groups(data)
    out |= {"aliased": task.aliased, **separated_cox(task)}
    if len(task.columns["cox"]):
        out |= cox(restrict(data, task.columns["cox"]))
    if len(task.columns["fine_gray"]):
        restricted = restrict(data, task.columns["fine_gray"])
        out |= fine_gray(restricted) | expanded(restricted)
        if task.with_interactions:
            out |= interactions(restricted)
    if task.with_models:
        out |= models(task)
    return {name: np.atleast_1d(np.asarray(v, dtype=float)) for name, v in out.items()}


def survival(data: DataSet) -> dict:
    """Kaplan-Meier, restricted mean and log-rank."""
    out = {}
    died = data.event > 0
    for interval in ("log", "log-log", "plain"):
        curve = kaplan_meier(EventTimes(data.time, died), interval=interval)
        out[f"km interval {interval}"] = [*curve["low"], *curve["high"]]
    out |= {"km survival": curve["estimate"], "km se": curve["se"]}
    medians = [median_survival(curve, column) for column in ("estimate", "low", "high")]
    out |= {"km at risk": curve["at_risk"], "km median": medians}
    # two arms of the same patients: the error of a difference is that of one arm times root 2
    twice, arms = np.tile(data.time, 2), np.repeat([0, 1], len(data.time))
    table = absolute_effects(EventTimes(twice, np.tile(died, 2)), arms, [data.horizon])
    mean = table.set_index("measure").loc["restricted mean survival"]
    error = mean["high"] / (ndtri(0.975) * np.sqrt(2))
    if not died[data.time <= data.horizon].any():
        error = np.nan  # the interval is Wilson's then, not Wald's
    out |= {"rmst": mean["reference"], "rmst se": error}
    curve = kaplan_meier(EventTimes(data.time, died, weights=data.weight))
    out |= {"km weighted survival": curve["estimate"], "km weighted se": curve["se"]}
    test = logrank_test(EventTimes(data.time, died), data.group)
    return out | {
        "logrank statistic": test.statistic,
        "logrank expected": expected_deaths(EventTimes(data.time, died), data.group)["expected"],
    }


def separated_cox(task: Task) -> dict:
    """Fit all columns that are not aliased where some have no finite estimate."""
    if not len(task.separated["cox"]):
        return {}
    data = task.data
    died, X = data.event > 0, data.X[:, ~task.aliased]
    assert not fit_cox(EventTimes(data.time, died), X).converged
    end = find_separation(EventTimes(data.time, died), X, model="cox")
    limit = fit_cox(EventTimes(data.time, died, offset=end.offset), X[:, end.estimable])
    return {"separated loglik": limit.loglik}


def cox(data: DataSet) -> dict:
    """Cox by Efron and by Breslow, and the test of proportional hazards."""
    out = {}
    died, sets, w = data.event > 0, data.matched_set, data.weight
    fit = fit_cox(EventTimes(data.time, died, clusters=sets), data.X)
    weighted = fit_cox(EventTimes(data.time, died, clusters=sets, weights=w), data.X)
    assert fit.converged and weighted.converged
    for transform in TRANSFORMS:
        test = proportional_hazards_test(
            fit, EventTimes(data.time, died), data.X, transform=transform, terms=data.terms
        )
        out[f"zph {transform}"] = test["statistic"]
    test = proportional_hazards_test(
        weighted, EventTimes(data.time, died, weights=w), data.X, terms=data.terms
    )
    out |= {
        "zph weighted": test["statistic"],
        "cox efron coef": fit.coef,
        "cox efron se": fit.se("model"),
        "cox efron loglik": [fit.loglik_null, fit.loglik],
        "cox efron robust se": se(fit.covariance["robust"]),
        "cox efron clustered se": se(fit.covariance["clustered"]),
        "cox efron weighted coef": weighted.coef,
        "cox efron weighted robust se": se(weighted.covariance["robust"]),
        "cox efron weighted clustered se": se(weighted.covariance["clustered"]),
    }
    # without competing events Fine-Gray is Cox, as Breslow
    fit = fit_fine_gray(EventTimes(data.time, died, clusters=sets), data.X)
    weighted = fit_fine_gray(EventTimes(data.time, died, clusters=sets, weights=w), data.X)
    out |= {
        "cox breslow coef": fit.coef,
        "cox breslow se": se(fit.covariance["model"]),
        "cox breslow loglik": [fit.loglik_null, fit.loglik],
        "cox breslow robust se": fit.se("robust"),
        "cox breslow clustered se": fit.se("clustered"),
        "cox breslow weighted coef": weighted.coef,
        "cox breslow weighted robust se": weighted.se("robust"),
        "cox breslow weighted clustered se": weighted.se("clustered"),
    }
    for name, options in {
        "": {},
        " clustered": {"clusters": sets},
        " weighted clustered": {"clusters": sets, "weights": w},
    }.items():
        out[f"score test{name}"] = score_test(
            EventTimes(data.time, died, **options), data.X
        ).statistic
    return out


def se(covariance) -> np.ndarray:
    """Give the standard errors of a covariance matrix."""
    return np.sqrt(np.diag(covariance))


def incidence(data: DataSet) -> dict:
    """Cumulative incidence per group and cause, and Gray's test."""
    estimate, variance, elsewhere = [], [], []
    for group in np.unique(data.group):
        rows = data.group == group
        time, event = data.time[rows], data.event[rows]
        curve = cumulative_incidence(EventTimes(time, event))
        estimate += curve["estimate"].tolist()
        variance += (curve["se"] ** 2).tolist()
        # scikit-survival refuses data without a second cause
        elsewhere += _sksurv(time, event) if set(event) >= {1, 2} else curve["estimate"].tolist()
    tests = [
        gray_test(
            EventTimes(data.time, data.event),
            data.group,
            strata=data.strata,
            rho=data.rho,
            cause=cause,
        )
        for cause in np.unique(data.event[data.event > 0])
    ]
    weighted = cumulative_incidence(
        EventTimes(data.time, data.event, weights=data.weight),
        np.unique(data.event[data.event > 0]),
    )
    return {
        "cif estimate": estimate,
        "cif variance": variance,
        "cif estimate of scikit-survival": elsewhere,
        "gray statistic": [test.statistic for test in tests],
        "gray p": [test.p_value for test in tests],
        "cif weighted estimate": weighted["estimate"],
        "cif weighted se": weighted["se"],
    }


def _sksurv(time, event) -> list:
    """Incidence of both causes at the distinct times."""
    times, values = cumulative_incidence_competing_risks(event, time)
    place = np.searchsorted(times, np.unique(time), side="right") - 1
    return [*values[1][place], *values[2][place]]


def fine_gray(data: DataSet) -> dict:
    """Fine-Gray with its sandwiches."""
    times, X = (data.time, data.event), data.X
    plain, clustered, weighted_sets = (
        EventTimes(*times, **options)
        for options in (
            {},
            {"clusters": data.matched_set},
            {"clusters": data.matched_set, "weights": data.weight},
        )
    )
    fit = fit_fine_gray(clustered, X)
    single = fit_fine_gray(EventTimes(*times, clusters=np.arange(len(data.time))[::-1]), X)
    weighted = fit_fine_gray(weighted_sets, X)
    assert fit.converged and weighted.converged
    return {
        "fg coef": fit.coef,
        "fg se": fit.se("robust"),
        "fg se of single clusters": single.se("clustered"),
        "fg naive se": se(fit.covariance["model"]),
        "fg loglik": [fit.loglik_null, fit.loglik],
        # of a patient with average covariates
        "fg baseline": np.diff(fit.baseline[1], prepend=0) * np.exp(data.X.mean(axis=0) @ fit.coef),
        "fg clustered se": fit.se("clustered"),
        "fg weighted coef": weighted.coef,
        "fg weighted se": weighted.se("robust"),
        "fg weighted clustered se": weighted.se("clustered"),
        "fg score test": score_test(plain, X).statistic,
        "fg clustered score test": score_test(clustered, X).statistic,
        "fg weighted clustered score test": score_test(weighted_sets, X).statistic,
    }


def expanded(data: DataSet) -> dict:
    """Fine-Gray as finegray() and coxph() do it: no term for the estimated G, G not weighted.

    finegray() lets events go before censorings at the same time; so does this, by moving them.
    """
    step = np.diff(np.unique([*data.time, -9])).min()
    time = data.time + 1 - np.where(data.event > 0, step / 5, 0)
    out = {}
    usual = SubdistributionLikelihood(EventTimes(time, data.event), data.X)
    for name, weights in (("finegray", None), ("finegray weighted", data.weight)):
        likelihood = SubdistributionLikelihood(
            EventTimes(time, data.event, weights=weights), data.X
        )
        likelihood.uncensored_before = usual.uncensored_before
        found = maximize(likelihood.evaluate, np.zeros(likelihood.p), Rule(1e-10), 50)
        assert found.converged
        end = found.at
        inverse = np.linalg.inv(end.information)
        zero, first = end.competing
        eta = likelihood.residuals(replace(end, competing=(0 * zero, 0 * first)))
        index = EventTimes(time, data.event, clusters=data.matched_set).cluster_index(
            likelihood.rows
        )
        sums = sum_by_cluster(eta.T, index).T
        out[f"{name} coef"] = end.beta
        out[f"{name} se"] = se(inverse @ eta @ eta.T @ inverse)
        out[f"{name} clustered se"] = se(inverse @ sums @ sums.T @ inverse)
    return out


def interactions(data: DataSet) -> dict:
    """Wald tests of covariate times g(time), and their coefficients."""
    out = {}
    for transform in ("identity", "log"):
        test = proportionality_test(
            EventTimes(data.time, data.event), data.X, data.terms, transform=transform
        )
        out[f"interaction {transform}"] = test["statistic"]
        joint = fit_time_interaction(
            EventTimes(data.time, data.event),
            data.X,
            np.arange(len(data.terms)),
            transform=transform,
        )
        missing = np.where(joint.converged, 0, np.nan)
        out[f"interaction {transform} coef"] = joint.coef + missing
        out[f"interaction {transform} se"] = se(joint.covariance["robust"]) + missing
        out[f"interaction {transform} loglik"] = joint.loglik
    return out


def groups(data: DataSet) -> dict:
    """Compare two arms by the test of `agreement.R`; missing where we choose another one."""
    arm = (data.group > 0).astype(int)
    frame = pd.DataFrame({"group": arm, "x": data.X[:, 0]})
    rank_sum = compare_groups(frame, ["x"]).iloc[0]
    few = np.arange(len(arm)) < 12
    tests = [
        independence_test(pd.crosstab(rows, columns).to_numpy())
        for rows, columns in (
            (data.event, arm),
            (data.event == 1, arm),
            (data.event[few] == 1, arm[few]),
        )
    ]
    pearson = [test.name == "Pearson chi-square" for test in tests]
    p_value = np.array([test.p_value for test in tests])
    fisher = [test.name == "Fisher exact" for test in tests]
    return {
        "wilcoxon": rank_sum["statistic"],
        "wilcoxon p": rank_sum["p_value"],
        "chi-square": [test.statistic for test in tests],
        "chi-square p": np.where(pearson, p_value, np.nan),
        "fisher p": np.where(fisher, p_value, np.nan),
    }


def models(task: Task) -> dict:
    """Give standard errors by matched set as the regression tables print them."""
    out = {}
    for kind, name in (("cox", "cox"), ("fine_gray", "fine-gray")):
        data = restrict(task.data, task.columns[kind])
        frame = pd.DataFrame({"time": data.time, "matched_set": data.matched_set})
        frame["event"] = pd.Categorical.from_codes(data.event, list(EVENTS))
        frame["group"] = data.group
        covariates = [f"x{j}" for j in range(data.X.shape[1] - 1)]
        frame[covariates] = data.X[:, :-1]
        if task.weighted_models:
            frame["weight"] = data.weight
        table = regression_models(frame, [], covariates, estimator=kind).table
        table = table[table["model"] == "recommended"]
        assert (table["status"] == "ok").all()
        out[f"models {name} clustered se"] = table["se_clustered"]
    return out
