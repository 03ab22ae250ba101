"""The counts that must stay private, taken from the patients themselves.

Names of counts, which attacks and truth share: ``size``, ``cell`` (level of a covariate), ``atom``
(ER, PR and HER2 together), ``deaths`` and ``alive`` are followed by population and arm (0, 1);
``left`` and ``gone`` (flow of the study) by arm and step; ``excluded`` by variable and level;
``lacking`` (among the excluded) and ``missing`` (among all records) by variable and arm;
``outside`` (of the pool of the match) by arm; ``year`` by year and arm; ``level deaths`` by
variable, level and cause; ``events`` by arm, cause, and the months after and up to which they
happened.
"""

from collections.abc import Hashable

import numpy as np
import pandas as pd
from seermatch.variables.printed import EVENTS
from small_studies import LEVELS, Study

ARMS = (0, 1)
CAUSES = (1, 2)
POPULATIONS = ("cohort", "matched", "unmatched")
FLOW_ARMS = ("reference", "exposed", "other")
RECEPTORS = ("er", "pr", "her2")


def private_counts(study: Study) -> dict[Hashable, int]:
    """Count everything but the events of single spans of months, by name."""
    cohort, matched = study.cohort, study.matched
    unmatched = cohort[~cohort["patient_id"].isin(matched["patient_id"])]
    counts: dict[Hashable, int] = {}
    for population, frame in zip(POPULATIONS, (cohort, matched, unmatched), strict=True):
        for arm in ARMS:
            counts |= _describe(population, arm, frame[frame["group"] == arm])
    for (year, arm), n in cohort.groupby(["year", "group"]).size().items():
        counts["year", int(year), int(arm)] = int(n)
    scored = study.tables["overlap_inputs"]["distance"].notna()
    for arm in ARMS:
        counts["outside", arm] = int((~scored & (cohort["group"] == arm)).sum())
    event = matched["event"].cat.codes
    for variable, levels in LEVELS.items():
        for level in levels:
            for cause in CAUSES:
                chosen = (matched[variable] == level) & (event == cause)
                counts["level deaths", variable, level, cause] = int(chosen.sum())
    counts |= _excluded(study.eligible)
    missing = study.tables["quality"].filter(check="missing").select("field", "group", "count")
    for field, group, count in missing.rows():
        if group in FLOW_ARMS[:2]:
            counts["missing", field, FLOW_ARMS.index(group)] = count
    return counts | _flow(study.tables["attrition"]) | _repeats(study)


def _describe(population: str, arm: int, frame: pd.DataFrame) -> dict[Hashable, int]:
    counts: dict[Hashable, int] = {("size", population, arm): len(frame)}
    for variable, levels in LEVELS.items():
        for level in levels:
            counts["cell", population, arm, variable, level] = int((frame[variable] == level).sum())
    for kind in np.ndindex(2, 2, 2):
        same = np.all([frame[r].cat.codes == k for r, k in zip(RECEPTORS, kind, strict=True)], 0)
        counts["atom", population, arm, *kind] = int(same.sum())
    codes = frame["event"].cat.codes
    for cause in CAUSES:
        counts["deaths", population, arm, cause] = int((codes == cause).sum())
    counts["alive", population, arm] = int((codes == 0).sum())
    return counts


def _excluded(eligible: pd.DataFrame) -> dict[Hashable, int]:
    excluded = eligible[~eligible["complete"]]
    counts: dict[Hashable, int] = {}
    for arm in ARMS:
        mine = excluded[excluded["group"] == arm]
        counts["excluded size", arm] = len(mine)
        for variable in ("age", "tumor_size", *LEVELS):
            counts["lacking", variable, arm] = int(mine[variable].isna().sum())
    for variable, levels in LEVELS.items():
        for level in levels:
            counts["excluded", variable, level] = int((excluded[variable] == level).sum())
    for level in EVENTS:
        counts["excluded", "event", level] = int((excluded["event"] == level).sum())
    for year in sorted(eligible["year"].unique()):
        counts["excluded", "year", str(year)] = int((excluded["year"] == year).sum())
    return counts


def _flow(attrition: pd.DataFrame) -> dict[Hashable, int]:
    counts: dict[Hashable, int] = {}
    for row in attrition.itertuples():
        counts["left", "reference", row.step] = row.remaining_reference
        counts["left", "exposed", row.step] = row.remaining_exposed
        counts["left", "other", row.step] = (
            row.remaining - row.remaining_reference - row.remaining_exposed
        )
    for kind, arm, step in [name for name in counts if name[2] > 0]:
        counts["gone", arm, step] = counts[kind, arm, step - 1] - counts[kind, arm, step]
    return counts


def _repeats(study: Study) -> dict[Hashable, int]:
    """Deaths in the repeated matches, and in the other analyses."""
    counts: dict[Hashable, int] = {}
    for row in study.tables["stability"].itertuples():
        counts["repeat deaths", row.seed, 1] = row.deaths_cancer
        counts["repeat deaths", row.seed, 2] = row.deaths - row.deaths_cancer
    for row in study.tables["sensitivity"].itertuples():
        for cause in CAUSES:
            if row.outcome.startswith(EVENTS[cause]):
                counts["analysis deaths", row.analysis, cause] = row.events
    controls = len(study.matched) - study.matched["group"].sum()
    for row in study.tables["stability"].itertuples():
        counts["exchanged", row.seed] = round((1 - row.common_controls) * controls)
    populations = study.tables["populations"]
    everybody = int(study.cohort["group"].sum())
    for row in populations[populations["other"] == ""].itertuples():
        arm = int(row.group)
        counts["arm deaths", row.analysis, arm, 1] = int(row.cancer_deaths)
        counts["arm deaths", row.analysis, arm, 2] = int(row.other_deaths)
        if arm == 1:
            counts["analysis exposed", row.analysis] = int(row.n)
            counts["dropped", row.analysis] = everybody - int(row.n)
    return counts


def kind_of_outcome(outcome: str) -> tuple[int, ...]:
    """Causes of death that an outcome of the sensitivity table counts."""
    if outcome.startswith("overall"):
        return CAUSES
    return next((cause,) for cause in CAUSES if outcome.startswith(EVENTS[cause]))


def patients_in_bin(study: Study, arm: int, low: float, high: float) -> dict[str, int]:
    """Patients of an arm whose score lies in a bin, by population."""
    scores = study.tables["overlap_inputs"]
    inside = (scores["group"] == arm) & (scores["distance"] >= low) & (scores["distance"] < high)
    matched = int((inside & (scores["weight"] > 0)).sum())
    cohort = int(inside.sum())
    return {"cohort": cohort, "matched": matched, "unmatched": cohort - matched}


def events_between(study: Study, arm: int, cause: int, after: float, until: float) -> int:
    """Count the deaths of the matched patients of an arm within some months."""
    frame = study.matched[study.matched["group"] == arm]
    inside = (frame["time"] > after) & (frame["time"] <= until)
    return int((inside & (frame["event"].cat.codes == cause)).sum())


def at_risk(study: Study, arm: int, month: float) -> int:
    """Count the matched patients of an arm who are followed to a month."""
    frame = study.matched[study.matched["group"] == arm]
    return int((frame["time"] >= month).sum())
