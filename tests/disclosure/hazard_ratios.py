"""Fourth attack: hazard ratios, their errors, and what else is computed from numbers of deaths.

Two kinds of inference. The score equation and the information of a Cox model bound the deaths for
certain (`read_models`): every death contributes the share p of its risk set that is exposed, the
shares add up to the deaths of the exposed, and p (1 - p) to 1 / se². What an intruder would reckon
at once, taking the composition of the risk sets as constant, is only nearly right
(`estimated_deaths`): such a claim counts as a recovery where it is true.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from knowledge import Knowledge, Solver
from private_counts import ARMS, CAUSES
from scipy.special import ndtri
from seermatch.analysis.names import PENALIZED
from seermatch.variables.printed import EVENTS
from small_studies import LABELS, LEVELS

RATIO, ERROR = "hazard ratio", "error of a hazard ratio"
STATISTIC = "statistic of a test"
DETECTABLE = "detectable hazard ratio"
TOLERANCE = 1e-5
TANGENTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
OUTCOMES = {
    "overall survival (Cox)": CAUSES,
    f"{EVENTS[1]} (cause-specific Cox)": (1,),
    f"{EVENTS[2]} (cause-specific Cox)": (2,),
}


def read_models(known: Knowledge, tables: Mapping[str, pd.DataFrame], curves, complete) -> None:
    """Add what models say for certain, of a sample in which everybody has the weight 1."""
    _detectable(known, tables["interpretation"])
    if not complete:
        return
    cox = tables["cox"]
    for row in cox[(cox["model"] == "univariable") & (cox["status"] == "ok")].itertuples():
        if pd.isna(row.se) or (row.term not in LEVELS and row.term != "group"):
            continue
        deaths = [_deaths(row.term, level) for level in (_reference(row), row.level)]
        for c in TANGENTS:  # d0 d1 / (d0 + d1) is the least of these over c
            factors = dict.fromkeys(deaths[1], (1 - c) ** 2) | dict.fromkeys(deaths[0], c**2)
            known.know(factors, 1 / row.se**2 * (1 - TOLERANCE), np.inf, ERROR)
    _scores(known, tables, curves)


def _reference(row) -> str:
    return LEVELS[row.term][0] if row.term in LEVELS else ""


def _deaths(term: str, level: str) -> list[tuple]:
    if term == "group":
        return [("deaths", "matched", int(level != ""), cause) for cause in CAUSES]
    return [("level deaths", term, level, cause) for cause in CAUSES]


def _detectable(known: Knowledge, interpretation: pd.DataFrame) -> None:
    rows = interpretation[interpretation["quantity"] == "minimum detectable hazard ratio"]
    sizes = Solver(known)
    ends = [sizes.interval(("size", "matched", arm)) for arm in ARMS]
    for row in rows.itertuples():
        first = row.outcome.split(" (")[0]
        causes = (EVENTS.index(first),) if first in EVENTS else CAUSES
        parts = {("deaths", "matched", arm, cause): 1.0 for arm in ARMS for cause in causes}
        if pd.notna(row.events):
            known.know(parts, float(row.events), float(row.events), DETECTABLE)
        if all(low == high for low, high in ends) and np.isfinite(row.estimate):
            share = ends[1][0] / (ends[0][0] + ends[1][0])
            z = ndtri(0.975) + ndtri(0.8)
            events = (z / np.log(row.estimate)) ** 2 / (share * (1 - share))
            if abs(events - round(events)) < 1e-6 * events:
                known.know(parts, round(events), round(events), DETECTABLE)


def group_ratios(
    tables: Mapping[str, pd.DataFrame], penalized: bool = True
) -> Iterator[tuple[tuple, float, float]]:
    """Yield causes, log hazard ratio and printed error of the group's univariable Cox models.

    Those with few deaths are `penalized` and do not solve the score equation.
    """
    cox = tables["cox"]
    row = cox[(cox["model"] == "univariable") & (cox["term"] == "group")].iloc[0]
    if row["status"] == "ok" and not pd.isna(row["coef"]):
        yield CAUSES, float(row["coef"]), float(row["se"])
    main = tables["sensitivity"]
    main = main[main["analysis"] == "main"]
    for row in main.itertuples():
        kept = penalized or not str(row.variance).startswith(PENALIZED)
        if row.outcome in OUTCOMES and not pd.isna(row.hr) and kept:
            yield OUTCOMES[row.outcome], float(np.log(row.hr)), np.nan


def _scores(known: Knowledge, tables, curves) -> None:
    """The exposed shares of the risk sets, bounded by the numbers at risk, add up to deaths."""
    for at, (causes, coef, se) in enumerate(group_ratios(tables, penalized=False)):
        months = curves[1].months
        ends = [*months[1:], np.inf]
        shares, information = {}, {}
        for span in zip(months, ends, strict=True):
            a, b = _share_bounds(curves, *span, np.exp(coef))
            share = ("share", at, *span)
            known.parts.add(share)
            deaths = {("events", arm, cause, *span): 1.0 for arm in ARMS for cause in causes}
            known.know({share: 1.0} | {n: -b for n in deaths}, -np.inf, TOLERANCE, RATIO)
            known.know({share: 1.0} | {n: -a for n in deaths}, -TOLERANCE, np.inf, RATIO)
            shares[share] = 1.0
            information |= {share: 1 - a - b} | {n: a * b for n in deaths}
        exposed = {("deaths", "matched", 1, cause): -1.0 for cause in causes}
        known.know(shares | exposed, -1e-4, 1e-4, RATIO)
        if not np.isnan(se):
            known.know(information, -np.inf, 1 / se**2 * (1 + TOLERANCE), ERROR)


def _share_bounds(curves, after: float, until: float, ratio: float) -> tuple[float, float]:
    """Least and greatest exposed share of a risk set within a span of months."""
    ends = []
    for arm in ARMS:
        curve = curves[arm]
        later = [n for m, n in curve.risk.items() if m > until]
        ends.append((max(later, default=0.0), curve.most_at_risk(max(after, 0.0))))
    (low0, high0), (low1, high1) = ends
    least, most = _share(low1, high0, ratio), _share(high1, low0, ratio)
    return least, most


def _share(exposed: float, reference: float, ratio: float) -> float:
    whole = ratio * exposed + reference
    return ratio * exposed / whole if whole > 0 else 0.0


# ----- what an intruder reckons ------------------------------------------------------------------


def estimated_deaths(known: Knowledge, tables: Mapping[str, pd.DataFrame]) -> dict[tuple, float]:
    """Reckon deaths by group and level from hazard ratios, errors, sizes and totals.

    Returns
    -------
    dict
        Names of counts that add up to the number claimed, to that number before rounding.
    """
    claims: dict[tuple, float] = {}
    printed = {
        frozenset(fact.factors): fact.low
        for fact in known.facts
        if fact.low == fact.high and set(fact.factors.values()) == {1.0}
    }

    def size(names) -> float:
        """A sum that is printed, or whose parts are."""
        parts = (printed.get(frozenset([name]), np.nan) for name in names)
        return printed.get(frozenset(names), sum(parts))

    def claim(parts, coef: float, se: float, sizes) -> None:
        """Two equations: d1 / d0 is the ratio times the sizes', and 1 / d0 + 1 / d1 is se²."""
        odds = np.exp(coef) * sizes[1] / sizes[0]
        total = size(parts[0] + parts[1])
        if not np.isnan(odds) and not np.isnan(total):
            claims[tuple(parts[1]), RATIO] = total * odds / (1 + odds)
            claims[tuple(parts[0]), RATIO] = total / (1 + odds)
        if not np.isnan(odds) and not np.isnan(se):
            claims[tuple(parts[1]), ERROR] = (1 + odds) / se**2
            claims[tuple(parts[0]), ERROR] = (1 + odds) / odds / se**2

    for causes, coef, se in group_ratios(tables):
        parts = [[("deaths", "matched", arm, cause) for cause in causes] for arm in ARMS]
        claim(parts, coef, se, [size([("size", "matched", arm)]) for arm in ARMS])
    for causes, statistic in _tests(tables):
        parts = [[("deaths", "matched", arm, cause) for cause in causes] for arm in ARMS]
        sizes = [size([("size", "matched", arm)]) for arm in ARMS]
        total, share = size(parts[0] + parts[1]), sizes[1] / sum(sizes)
        gap = np.sqrt(statistic * total * share * (1 - share))
        fewer = _fewer_than_expected(tables, causes)
        if not np.isnan(gap) and fewer is not None:
            exposed = total * share - gap if fewer else total * share + gap
            claims[tuple(parts[1]), STATISTIC] = exposed
            claims[tuple(parts[0]), STATISTIC] = total - exposed
    for name, causes in (("cox", CAUSES), ("fine_gray", (1,))):
        models = tables[name]
        rows = models[(models["model"] == "univariable") & (models["status"] == "ok")]
        for row in rows[rows["term"].isin([*LEVELS, "group"])].itertuples():
            if pd.isna(row.se):
                continue
            levels = (_reference(row), row.level)
            parts = [[n for n in _deaths(row.term, level) if n[-1] in causes] for level in levels]
            cells = [_cells(row.term, level) for level in levels]
            claim(parts, row.coef, row.se, [size(names) for names in cells])
    return claims


def _tests(tables: Mapping[str, pd.DataFrame]):
    """Statistics of the log-rank test and of Gray's, with the causes whose deaths they compare."""
    yield CAUSES, float(tables["logrank"]["statistic"].iloc[0])
    for row in tables["gray"].itertuples():
        yield (EVENTS.index(row.cause),), float(row.statistic)


def _fewer_than_expected(tables, causes) -> bool | None:
    """Whether fewer of the exposed died, as the last published estimates of both groups tell."""
    curve, name, sign = tables["survival"], "survival", -1
    if len(causes) == 1:
        rows = tables["incidence"]
        curve, name, sign = rows[rows["cause"] == EVENTS[causes[0]]], "incidence", 1
    shown = curve.dropna(subset=name)
    last = shown.groupby(shown["group"].astype(str))[name].last()
    if len(last) < len(ARMS):
        return None
    return bool(sign * (last[LABELS[1]] - last[LABELS[0]]) < 0)


def _cells(term: str, level: str) -> list[tuple]:
    if term == "group":
        return [("size", "matched", int(level != ""))]
    return [("cell", "matched", arm, term, level) for arm in ARMS]
