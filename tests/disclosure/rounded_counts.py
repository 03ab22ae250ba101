"""The attack on rounded tables: every printed number is a bin, and bins add up, too.

A bin of width w that is printed as its middle holds w counts; the sums of rounded parts say
nothing more."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from curves import printed_months
from export_checks import read_exports
from knowledge import Knowledge
from printed_counts import _identities, _included_cell
from private_counts import ARMS, CAUSES, kind_of_outcome
from seermatch.variables.printed import EVENTS
from small_studies import CRITERIA, LABELS, LEVELS

BINS = "bins"


@dataclass
class Bins:
    """Facts about counts that are printed as bins.

    Attributes
    ----------
    known : Knowledge
    width : int
        Of a bin.
    """

    known: Knowledge
    width: int

    def add(self, factors: Mapping[Hashable, float] | Hashable, value) -> None:
        """A count, or a sum of counts that was rounded as one, lies in a bin."""
        if pd.isna(value):
            return
        if not isinstance(factors, dict):
            factors = {factors: 1.0}
        if value == 0:
            self.known.know(factors, 0.0, 0.0, BINS)
            return
        first = float(value) - (self.width + 1) // 2 + 1
        self.known.know(factors, first, first + self.width - 1, BINS)


def read_rounded(known: Knowledge, tables, width: int, complete: bool) -> list[float]:
    """Add the identities, and the bins of every count that is rounded by itself."""
    bins = Bins(known, width)
    _identities(known)
    _flow(bins, tables["attrition"])
    _populations(bins, tables["comparison"], tables["followup"], complete)
    _analyses(bins, tables)
    _included(bins, tables["included"])
    read_exports(known, tables, bins.add)
    _scores(bins, tables["score_overlap"])
    months = printed_months(tables)
    for arm in ARMS:
        _curves(bins, tables, arm, months, complete)
    return months


def _curves(bins: Bins, tables, arm: int, months: list[float], complete: bool) -> None:
    """Deaths of the steps and patients at risk are bins, survival is rounded to one of them."""
    spans = list(zip(months, [*months[1:], np.inf], strict=True))

    def deaths(causes, after, until) -> dict:
        inside = [span for span in spans if after <= span[0] and span[1] <= until]
        return {("events", arm, cause, *span): 1.0 for span in inside for cause in causes}

    for cause in CAUSES:
        bins.known.total(
            ("deaths", "matched", arm, cause), list(deaths([cause], months[0], np.inf))
        )
    if arm == 0 and not complete:
        return
    frames = [(CAUSES, tables["survival"])]
    frames += [
        ([cause], rows)
        for cause, name in zip(CAUSES, EVENTS[1:], strict=True)
        for rows in [tables["incidence"][tables["incidence"]["cause"] == name]]
    ]
    size = ("size", "matched", arm)
    for causes, frame in frames:
        before = months[0]
        for row in frame[frame["group"].astype(str) == LABELS[arm]].itertuples():
            if pd.notna(row.n_events):
                bins.add(deaths(causes, before, row.time), row.n_events)
                before = row.time
            if pd.notna(row.n_at_risk):
                earlier = max(month for month in months if month < row.time)
                gone = deaths(CAUSES, months[0], earlier)
                least = row.n_at_risk - (bins.width - 1) // 2
                bins.known.know(gone | {size: -1.0}, -np.inf, -least, BINS)


def _flow(bins: Bins, attrition: pd.DataFrame) -> None:
    """What a step excludes is rounded, and the cohort; what remains are sums from the end."""
    last = int(attrition["step"].max())
    for arm in ("reference", "exposed", "other"):
        for step in range(1, last + 1):
            bins.known.total(("left", arm, step - 1), [("left", arm, step), ("gone", arm, step)])
    for arm, name in enumerate(("reference", "exposed")):
        bins.known.total(("left", name, last), [("size", "cohort", arm)])
        bins.add(("left", name, last), attrition[f"remaining_{name}"].iloc[-1])
    bins.known.equal(("left", "other", 1), 0.0, "identity")
    for row in attrition[attrition["step"] > 0].itertuples():
        arms = row.excluded_reference, row.excluded_exposed
        for name, value in zip(("reference", "exposed"), arms, strict=True):
            bins.add(("gone", name, row.step), value)
        bins.add(("gone", "other", row.step), row.excluded - sum(arms))


def _populations(bins: Bins, comparison, followup, complete: bool) -> None:
    arms = {label: arm for arm, label in enumerate(LABELS)}
    for row in comparison.itertuples():
        arm = arms[str(row.group)]
        if row.variable == "n":
            bins.add(("size", row.population, arm), row.n)
        elif row.level != "" and row.variable in LEVELS:
            bins.add(("cell", row.population, arm, row.variable, row.level), row.n)
    for row in followup[followup["group"] != "all"].itertuples():
        arm = arms[str(row.group)]
        bins.add(("size", row.population, arm), row.n)
        bins.add(("deaths", row.population, arm, 1), row.deaths_cancer)
        bins.add(("deaths", row.population, arm, 2), row.deaths_other)


def _analyses(bins: Bins, tables: Mapping[str, pd.DataFrame]) -> None:
    for name, causes in (("cox", CAUSES), ("fine_gray", (1,))):
        first = tables[name].iloc[0]
        deaths = {("deaths", "matched", arm, cause): 1.0 for arm in ARMS for cause in causes}
        bins.add(deaths, first["events"])
        bins.add({("size", "matched", arm): 1.0 for arm in ARMS}, first["n"])
    for row in tables["sensitivity"].itertuples():
        causes = kind_of_outcome(row.outcome)
        bins.add({("analysis deaths", row.analysis, cause): 1.0 for cause in causes}, row.events)
        population = "matched" if row.analysis == "main" else None
        if row.analysis.startswith(("weighted", "full cohort")):
            population = "cohort"
        if population:
            deaths = {("deaths", population, arm, cause): 1.0 for arm in ARMS for cause in causes}
            bins.add(deaths, row.events)
            bins.add({("size", population, arm): 1.0 for arm in ARMS}, row.n)
    for row in tables["stability"].itertuples():
        deaths = [("repeat deaths", row.seed, cause) for cause in CAUSES]
        bins.add(dict.fromkeys(deaths, 1.0), row.deaths)
        bins.add(deaths[0], row.deaths_cancer)
    rows = tables["interpretation"]
    for row in rows[rows["quantity"] == "exposed per 1,000 patients"].itertuples():
        year = int(row.year)
        bins.add({("year", year, arm): 1.0 for arm in ARMS}, row.n)
        bins.add(("year", year, 1), row.events)
    for row in rows[rows["quantity"] == "minimum detectable hazard ratio"].itertuples():
        causes = kind_of_outcome(row.outcome)
        deaths = {("deaths", "matched", arm, cause): 1.0 for arm in ARMS for cause in causes}
        bins.add(deaths, row.events)
    years = rows.loc[rows["quantity"] == "exposed per 1,000 patients", "year"].astype(int)
    for arm in ARMS:
        bins.known.total(("size", "cohort", arm), [("year", year, arm) for year in years])


def _included(bins: Bins, included: pd.DataFrame) -> None:
    groups = {label: arm for arm, label in enumerate(LABELS)}
    everybody = {("excluded size", arm): 1.0 for arm in ARMS}
    for variable in ("age", "tumor_size", *LEVELS):
        lacking = {("lacking", variable, arm): -1.0 for arm in ARMS}
        if variable in LEVELS:
            levels = {("excluded", variable, level): -1.0 for level in LEVELS[variable]}
            bins.known.know(everybody | lacking | levels, 0.0, 0.0, "identity")
    for variable in ("event", "year"):
        names = included.loc[included["variable"] == variable, "level"].unique()
        parts = {("excluded", variable, level): -1.0 for level in names}
        bins.known.know(everybody | parts, 0.0, 0.0, "identity")
    steps = [step for step, (_, columns) in enumerate(CRITERIA, start=1) if columns]
    for arm, name in enumerate(("reference", "exposed")):
        gone = {("gone", name, step): -1.0 for step in steps}
        bins.known.know({("excluded size", arm): 1.0} | gone, -np.inf, 0.0, "identity")
    for row in included.itertuples():
        out = row.patients == "excluded"
        if row.quantity == "unknown":
            bins.add(("lacking", row.variable, groups[row.patients]), row.n)
        elif row.quantity == "patients":
            bins.add(everybody if out else {("size", "cohort", arm): 1.0 for arm in ARMS}, row.n)
        elif row.level != "":
            bins.add(_included_cell(row, out, groups), row.n)
        elif out and row.variable in ("age", "tumor_size"):
            lacking = {("lacking", row.variable, arm): -1.0 for arm in ARMS}
            bins.add(everybody | lacking, row.n)


def _scores(bins: Bins, overlap: pd.DataFrame) -> None:
    for row in overlap.itertuples():
        kind = {"before": "cohort", "after": "matched"}[row.population]
        if kind == "cohort" and not row.complete:
            continue
        name = ("bin", kind, int(row.group), row.low, row.high)
        bins.add(name, row.patients)
        if kind == "cohort":
            parts = [("bin", k, *name[2:]) for k in ("matched", "unmatched")]
            bins.known.total(name, parts)
    for (population, arm), rows in overlap.groupby(["population", "group"]):
        kind = {"before": "cohort", "after": "matched"}[population]
        if rows["complete"].all() or kind == "matched":
            names = [("bin", kind, int(arm), r.low, r.high) for r in rows.itertuples()]
            bins.known.total(("size", kind, int(arm)), names)
