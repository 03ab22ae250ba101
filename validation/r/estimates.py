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
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.cox import TRANSFORMS, fit_cox, proportional_hazards_test
from seermatch.survival.fine_gray import fit_fine_gray, score_test
from seermatch.survival.gray import gray_test
from seermatch.survival.incidence import cumulative_incidence
from seermatch.survival.kaplan_meier import (
    kaplan_meier,
    logrank_test,
    median_survival,
)
from seermatch.survival.proportionality_fine_gray import fit_time_interaction, proportionality_test
from seermatch.survival.separation import find_separation
from seermatch.survival.subdistribution import SubdistributionLikelihood, newton_raphson
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
        separated[kind] = kept[find_separation(data.time, code, data.X[:, kept], kind).infinite]
        while len(kept):
            infinite = find_separation(data.time, code, data.X[:, kept], kind).infinite
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
        curve = kaplan_meier(data.time, died, interval=interval)
        out[f"km interval {interval}"] = [*curve["conf_low"], *curve["conf_high"]]
    out |= {"km survival": curve["survival"], "km se": curve["se"]}
    medians = [median_survival(curve, column) for column in ("survival", "conf_low", "conf_high")]
    out |= {"km at risk": curve["n_at_risk"], "km median": medians}
    # two arms of the same patients: the error of a difference is that of one arm times root 2
    twice, arms = np.tile(data.time, 2), np.repeat([0, 1], len(data.time))
    table = absolute_effects(twice, np.tile(died, 2), arms, [data.horizon])
    mean = table.set_index("measure").loc["restricted mean survival"]
    error = mean["high"] / (ndtri(0.975) * np.sqrt(2))
    if not died[data.time <= data.horizon].any():
        error = np.nan  # the interval is Wilson's then, not Wald's
    out |= {"rmst": mean["reference"], "rmst se": error}
    curve = kaplan_meier(data.time, died, data.weight)
    out |= {"km weighted survival": curve["survival"], "km weighted se": curve["se"]}
    test = logrank_test(data.time, died, data.group)
    return out | {"logrank statistic": test.statistic, "logrank expected": test.expected}


def separated_cox(task: Task) -> dict:
    """Fit all columns that are not aliased where some have no finite estimate."""
    if not len(task.separated["cox"]):
        return {}
    data = task.data
    died, X = data.event > 0, data.X[:, ~task.aliased]
    assert not fit_cox(data.time, died, X).converged
    end = find_separation(data.time, died, X, "cox")
    limit = fit_cox(data.time, died, X[:, end.estimable], offset=end.offset)
    return {"separated loglik": limit.loglik}


def cox(data: DataSet) -> dict:
    """Cox by Efron and by Breslow, and the test of proportional hazards."""
    out = {}
    died, sets, w = data.event > 0, data.matched_set, data.weight
    fit = fit_cox(data.time, died, data.X, clusters=sets)
    weighted = fit_cox(data.time, died, data.X, clusters=sets, weights=w)
    assert fit.converged and weighted.converged
    for transform in TRANSFORMS:
        test = proportional_hazards_test(
            fit, data.time, died, data.X, transform=transform, terms=data.terms
        )
        out[f"zph {transform}"] = test["statistic"]
    test = proportional_hazards_test(weighted, data.time, died, data.X, weights=w, terms=data.terms)
    out |= {
        "zph weighted": test["statistic"],
        "cox efron coef": fit.coef,
        "cox efron se": fit.se,
        "cox efron loglik": [fit.loglik_null, fit.loglik],
        "cox efron robust se": se(fit.covariance_robust),
        "cox efron clustered se": se(fit.covariance_clustered),
        "cox efron weighted coef": weighted.coef,
        "cox efron weighted robust se": se(weighted.covariance_robust),
        "cox efron weighted clustered se": se(weighted.covariance_clustered),
    }
    # without competing events Fine-Gray is Cox, as Breslow
    fit = fit_fine_gray(data.time, died, data.X, clusters=sets)
    weighted = fit_fine_gray(data.time, died, data.X, clusters=sets, weights=w)
    out |= {
        "cox breslow coef": fit.coef,
        "cox breslow se": se(fit.naive_covariance),
        "cox breslow loglik": [fit.loglik_null, fit.loglik],
        "cox breslow robust se": fit.se,
        "cox breslow clustered se": fit.se_clustered,
        "cox breslow weighted coef": weighted.coef,
        "cox breslow weighted robust se": weighted.se,
        "cox breslow weighted clustered se": weighted.se_clustered,
    }
    for name, options in {
        "": {},
        " clustered": {"clusters": sets},
        " weighted clustered": {"clusters": sets, "weights": w},
    }.items():
        out[f"score test{name}"] = score_test(data.time, died, data.X, **options)[0]
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
        curve = cumulative_incidence(time, event)
        estimate += curve["incidence"].tolist()
        variance += (curve["se"] ** 2).tolist()
        # scikit-survival refuses data without a second cause
        elsewhere += _sksurv(time, event) if set(event) >= {1, 2} else curve["incidence"].tolist()
    tests = [
        gray_test(data.time, data.event, data.group, strata=data.strata, rho=data.rho, cause=cause)
        for cause in np.unique(data.event[data.event > 0])
    ]
    weighted = cumulative_incidence(
        data.time, data.event, np.unique(data.event[data.event > 0]), weights=data.weight
    )
    return {
        "cif estimate": estimate,
        "cif variance": variance,
        "cif estimate of scikit-survival": elsewhere,
        "gray statistic": [test.statistic for test in tests],
        "gray p": [test.p_value for test in tests],
        "cif weighted estimate": weighted["incidence"],
        "cif weighted se": weighted["se"],
    }


def _sksurv(time, event) -> list:
    """Incidence of both causes at the distinct times."""
    times, values = cumulative_incidence_competing_risks(event, time)
    place = np.searchsorted(times, np.unique(time), side="right") - 1
    return [*values[1][place], *values[2][place]]


def fine_gray(data: DataSet) -> dict:
    """Fine-Gray with its sandwiches."""
    outcome, sets = (data.time, data.event, data.X), {"clusters": data.matched_set}
    weights = {"weights": data.weight}
    fit = fit_fine_gray(*outcome, **sets)
    single = fit_fine_gray(*outcome, clusters=np.arange(len(data.time))[::-1])
    weighted = fit_fine_gray(*outcome, **sets, **weights)
    assert fit.converged and weighted.converged
    return {
        "fg coef": fit.coef,
        "fg se": fit.se,
        "fg se of single clusters": single.se_clustered,
        "fg naive se": se(fit.naive_covariance),
        "fg loglik": [fit.loglik_null, fit.loglik],
        # of a patient with average covariates
        "fg baseline": fit.baseline_jumps * np.exp(data.X.mean(axis=0) @ fit.coef),
        "fg clustered se": fit.se_clustered,
        "fg weighted coef": weighted.coef,
        "fg weighted se": weighted.se,
        "fg weighted clustered se": weighted.se_clustered,
        "fg score test": score_test(*outcome)[0],
        "fg clustered score test": score_test(*outcome, **sets)[0],
        "fg weighted clustered score test": score_test(*outcome, **sets, **weights)[0],
    }


def expanded(data: DataSet) -> dict:
    """Fine-Gray as finegray() and coxph() do it: no term for the estimated G, G not weighted.

    finegray() lets events go before censorings at the same time; so does this, by moving them.
    """
    step = np.diff(np.unique([*data.time, -9])).min()
    time = data.time + 1 - np.where(data.event > 0, step / 5, 0)
    out = {}
    usual = SubdistributionLikelihood(time, data.event, data.X)
    for name, weights in (("finegray", None), ("finegray weighted", data.weight)):
        likelihood = SubdistributionLikelihood(time, data.event, data.X, weights)
        likelihood.uncensored_before = usual.uncensored_before
        start = likelihood.evaluate(np.zeros(likelihood.p))
        end, _, converged = newton_raphson(
            likelihood.evaluate, start, tolerance=1e-10, max_iterations=50
        )
        assert converged
        inverse = np.linalg.inv(end.information)
        zero, first = end.competing
        eta = likelihood.residuals(replace(end, competing=(0 * zero, 0 * first)))
        sums = likelihood.sum_by_cluster(eta, data.matched_set)
        out[f"{name} coef"] = end.beta
        out[f"{name} se"] = se(inverse @ eta @ eta.T @ inverse)
        out[f"{name} clustered se"] = se(inverse @ sums @ sums.T @ inverse)
    return out


def interactions(data: DataSet) -> dict:
    """Wald tests of covariate times g(time), and their coefficients."""
    out = {}
    for transform in ("identity", "log"):
        test = proportionality_test(data.time, data.event, data.X, data.terms, transform=transform)
        out[f"interaction {transform}"] = test["statistic"]
        joint = fit_time_interaction(
            data.time, data.event, data.X, np.arange(len(data.terms)), transform=transform
        )
        missing = np.where(joint.converged, 0, np.nan)
        out[f"interaction {transform} coef"] = joint.coef + missing
        out[f"interaction {transform} se"] = se(joint.covariance) + missing
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
    pearson = [test.test == "Pearson chi-square" for test in tests]
    p_value = np.array([test.p_value for test in tests])
    fisher = [test.test == "Fisher exact" for test in tests]
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
