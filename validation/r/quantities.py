"""What is compared with R, how differences are measured, and how large they may be."""

from dataclasses import dataclass

import numpy as np

RELATIVE = 1e-12  # differences relative to R's value
FROM_ONE = 1.0  # relative to R's value, but absolute where that is below 1
FROM_A_THOUSANDTH = 1e-3
EXACT, ITERATED = 1e-10, 1e-6


@dataclass(frozen=True)
class Quantity:
    """A compared quantity.

    Attributes
    ----------
    section, label, reference : str
        For the table: kind of analysis, what it is, and R's function.
    tolerance : float
        Largest difference that passes.
    scale : float or str
        The difference is divided by R's value or, if that is larger, by this; a name stands for
        the standard errors of ours that it is divided by.
    missing : str
        ``"ours"``, ``"R"`` or ``"either"`` where one of the two may have no value; the written
        page says why.
    of : str
        Name of R's result if it is another.
    """

    section: str
    label: str
    reference: str
    tolerance: float = EXACT
    scale: float | str = RELATIVE
    missing: str = ""
    of: str = ""


def _cox(ties: str) -> dict[str, Quantity]:
    section, call = f"Cox, {ties.title()}", f"coxph(ties = '{ties}')"
    own = f"cox {ties} robust se"
    kinds = {
        "coef": ("coefficients", call, own),
        "se": ("model SE", call, RELATIVE),
        "loglik": ("log-likelihoods", call, FROM_ONE),
        "robust se": ("robust SE", f"{call}, robust", RELATIVE),
        "clustered se": ("matched-set SE", f"{call}, cluster", RELATIVE),
        "weighted coef": ("coefficients, weighted", f"{call}, weights", own),
        "weighted robust se": ("robust SE, weighted", f"{call}, weights, robust", RELATIVE),
        "weighted clustered se": (
            "matched-set SE, weighted",
            f"{call}, weights, cluster",
            RELATIVE,
        ),
    }
    return {
        f"cox {ties} {name}": Quantity(section, label, reference, ITERATED, scale)
        for name, (label, reference, scale) in kinds.items()
    }


def _expanded(name: str, label: str) -> dict[str, Quantity]:
    section, call = "Fine–Gray, censoring distribution as known", "finegray, coxph('breslow')"
    return {
        f"{name} coef": Quantity(section, f"coefficients{label}", call, ITERATED, f"{name} se"),
        f"{name} se": Quantity(section, f"robust SE{label}", f"{call}, cluster = id", ITERATED),
        f"{name} clustered se": Quantity(
            section, f"matched-set SE{label}", f"{call}, cluster", ITERATED
        ),
    }


def _interaction(transform: str, g: str) -> dict[str, Quantity]:
    section, name = "Fine–Gray, proportionality", f"interaction {transform}"
    call, may = f"crr(cov2, tf = {g})", {"missing": "either"}
    return {
        name: Quantity(section, f"Wald statistics, {g}", call, 1e-5, FROM_ONE, **may),
        f"{name} coef": Quantity(section, f"coefficients, {g}", call, 1e-5, f"{name} se", **may),
        f"{name} se": Quantity(section, f"SE, {g}", call, 1e-5, **may),
        f"{name} loglik": Quantity(
            section, f"log-likelihood, {g}", call, ITERATED, FROM_ONE, missing="R"
        ),
    }


KM, CIF, FG = "Kaplan–Meier", "Cumulative incidence", "Fine–Gray"
SCORE, ZPH, GRAY = "Score tests", "Proportional hazards", "Gray's test"
BY_DEFINITION = "definition, in R"
QUANTITIES = {
    "km survival": Quantity(KM, "survival", "survfit"),
    "km at risk": Quantity(KM, "numbers at risk", "survfit"),
    "km se": Quantity(KM, "SE (Greenwood)", "survfit"),
    "km interval log": Quantity(KM, "limits, log", "survfit(conf.type)"),
    "km interval log-log": Quantity(KM, "limits, log-log", "survfit(conf.type)"),
    "km interval plain": Quantity(KM, "limits, plain", "survfit(conf.type)"),
    "km median": Quantity(KM, "median and its limits", "quantile.survfit"),
    "km weighted survival": Quantity(KM, "survival, weighted", "survfit(weights)"),
    "km weighted se": Quantity(KM, "SE, weighted", "survfit(weights, robust)", missing="ours"),
    "rmst": Quantity(KM, "restricted mean", "summary.survfit(rmean)"),
    "rmst se": Quantity(KM, "SE of the restricted mean", "summary.survfit(rmean)", missing="ours"),
    "logrank statistic": Quantity("Log-rank test", "chi-square", "survdiff", EXACT, FROM_ONE),
    "logrank expected": Quantity("Log-rank test", "expected deaths", "survdiff"),
    **_cox("efron"),
    **_cox("breslow"),
    "aliased": Quantity("Cox", "aliased columns", "coxph (NA)", 0),
    "separated loglik": Quantity(
        "Cox", "log-likelihood, infinite estimates", "coxph", ITERATED, FROM_ONE
    ),
    "zph km": Quantity(ZPH, "km", "cox.zph", ITERATED, FROM_ONE, "either"),
    "zph identity": Quantity(ZPH, "identity", "cox.zph", ITERATED, FROM_ONE, "either"),
    "zph rank": Quantity(ZPH, "rank", "cox.zph", ITERATED, FROM_ONE, "either"),
    "zph weighted": Quantity(ZPH, "km, weighted", "cox.zph", ITERATED, FROM_ONE, "either"),
    "score test": Quantity(SCORE, "Cox, patients", "coxph(robust), robscore", EXACT, FROM_ONE),
    "score test clustered": Quantity(
        SCORE, "Cox, matched sets", "coxph(cluster), robscore", EXACT, FROM_ONE
    ),
    "score test weighted clustered": Quantity(
        SCORE, "Cox, matched sets, weighted", "coxph(cluster, weights)", EXACT, FROM_ONE
    ),
    "fg score test": Quantity(SCORE, "Fine–Gray, patients", BY_DEFINITION, EXACT, FROM_ONE),
    "fg clustered score test": Quantity(
        SCORE, "Fine–Gray, matched sets", BY_DEFINITION, EXACT, FROM_ONE
    ),
    "fg weighted clustered score test": Quantity(
        SCORE, "Fine–Gray, matched sets, weighted", BY_DEFINITION, EXACT, FROM_ONE
    ),
    "cif estimate": Quantity(CIF, "estimate", "cuminc"),
    "cif variance": Quantity(CIF, "variance", "cuminc"),
    "cif estimate of scikit-survival": Quantity(
        CIF, "scikit-survival's estimate", "cuminc", of="cif estimate"
    ),
    "cif weighted estimate": Quantity(CIF, "estimate, weighted", "survfit(weights)"),
    # it returns to zero, up to rounding, where everyone has had the event
    "cif weighted se": Quantity(CIF, "SE, weighted", "survfit(weights)", scale=FROM_A_THOUSANDTH),
    "gray statistic": Quantity(
        GRAY, "chi-square (groups, strata, rho)", "cuminc", EXACT, FROM_ONE, "R"
    ),
    "gray p": Quantity(GRAY, "p-value", "cuminc", EXACT, FROM_ONE, "R"),
    "fg coef": Quantity(FG, "coefficients", "crr, time + 1", ITERATED, "fg se"),
    "fg naive se": Quantity(FG, "SE from the information", "crr, time + 1", ITERATED),
    "fg se": Quantity(FG, "sandwich SE", "crr, time + 1", ITERATED),
    "fg loglik": Quantity(FG, "log-likelihoods", "crr, time + 1", ITERATED, FROM_ONE),
    "fg baseline": Quantity(FG, "baseline jumps", "crr, time + 1", ITERATED),
    "fg se of single clusters": Quantity(
        FG, "matched-set SE, sets of one", "crr, time + 1", ITERATED, of="fg se"
    ),
    "fg clustered se": Quantity(FG, "matched-set SE", BY_DEFINITION, ITERATED),
    "fg weighted coef": Quantity(
        FG, "coefficients, weighted", BY_DEFINITION, ITERATED, "fg weighted se"
    ),
    "fg weighted se": Quantity(FG, "sandwich SE, weighted", BY_DEFINITION, ITERATED),
    "fg weighted clustered se": Quantity(FG, "matched-set SE, weighted", BY_DEFINITION, ITERATED),
    **_expanded("finegray", ""),
    **_expanded("finegray weighted", ", weighted"),
    **_interaction("identity", "t"),
    **_interaction("log", "log(1 + t)"),
    "models cox clustered se": Quantity(
        "Regression tables", "matched-set SE, Cox", "coxph(cluster, weights)", ITERATED
    ),
    "models fine-gray clustered se": Quantity(
        "Regression tables", "matched-set SE, Fine–Gray", BY_DEFINITION, ITERATED
    ),
    "wilcoxon": Quantity("Group comparison", "Wilcoxon's W", "wilcox.test(exact = FALSE)"),
    "wilcoxon p": Quantity("Group comparison", "Wilcoxon p-value", "wilcox.test(exact = FALSE)"),
    "chi-square": Quantity(
        "Group comparison", "chi-square", "chisq.test(correct = FALSE)", EXACT, FROM_ONE, "ours"
    ),
    "chi-square p": Quantity(
        "Group comparison", "chi-square p-value", "chisq.test", EXACT, missing="ours"
    ),
    "fisher p": Quantity(
        "Group comparison", "Fisher p-value, 2x2", "fisher.test", EXACT, missing="ours"
    ),
}


@dataclass(frozen=True)
class Convention:
    """Coefficients that differ on purpose, in our standard errors, with 100 patients or more."""

    ours: str
    r: str
    se: str
    median: float
    largest: float


CONVENTIONS = {
    "`crr` on time itself, where month 0 occurs": Convention(
        "fg coef", "fg coef at month 0", "fg se", 0.05, 1
    ),
    "`finegray`, events tied with censorings": Convention(
        "fg coef", "finegray coef", "fg se", 0.05, 1
    ),
    "`finegray` with weights: ties, and G not weighted": Convention(
        "fg weighted coef", "finegray weighted coef", "fg weighted se", 0.05, 1
    ),
}


def difference(name: str, ours: dict, r: dict) -> np.ndarray | str | None:
    """Return scaled differences, a sentence on what does not fit, or None if R has no result."""
    quantity = QUANTITIES[name]
    if (quantity.of or name) not in r:
        return None
    x, y = ours[name], r[quantity.of or name]
    if x.shape != y.shape:
        return f"{len(x)} values, R has {len(y)}"
    only_r, only_ours = np.isnan(x) & ~np.isnan(y), np.isnan(y) & ~np.isnan(x)
    if only_r.any() and quantity.missing not in ("ours", "either"):
        return f"no value where R has {y[only_r][0]:g}"
    if only_ours.any() and quantity.missing not in ("R", "either"):
        return f"{x[only_ours][0]:g} where R has no value"
    if isinstance(quantity.scale, str):
        scale = ours[quantity.scale]
    else:
        scale = np.maximum(np.abs(y), quantity.scale)
    return (np.abs(x - y) / scale)[~(np.isnan(x) | np.isnan(y))]
