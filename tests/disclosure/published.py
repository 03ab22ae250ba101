"""What is published of a study: by the library, or with small cells blanked and nothing else."""

import numpy as np
import pandas as pd
from paper_words import SUBTYPE
from seermatch.disclosure.cohort_tables import release_cohort
from seermatch.disclosure.event_counts import count_events
from seermatch.disclosure.outcomes import release_outcomes
from seermatch.disclosure.quality import published_missing, release_quality
from seermatch.disclosure.rule import DisclosureRule
from seermatch.disclosure.score_overlap import score_overlap
from seermatch.disclosure.sensitivity import release_sensitivity
from small_studies import COVARIATES, CRITERIA, MARKS, MONTHS, Study

COHORT = ("attrition", "comparison", "balance", "separated_cells")
OUTCOMES = (
    *("followup", "kaplan_meier", "logrank", "incidence", "gray", "cox", "cox_contrasts"),
    *("fine_gray", "fine_gray_contrasts"),
)
OTHERS = (
    *("stability", "sensitivity", "populations", "interpretation", "included"),
    *("incidence_cross_check", "proportional_hazards", "schoenfeld"),
)


def released(study: Study, rule: DisclosureRule) -> dict[str, pd.DataFrame]:
    """Publish a study as the three rules of the workflow do."""
    tables = study.tables
    first = release_cohort(
        _chosen(tables, COHORT) | {"score_overlap": _overlap(study)}, rule, [SUBTYPE]
    )
    counts = count_events(study.cohort, study.matched, COVARIATES)
    second = release_outcomes(
        _chosen(tables, OUTCOMES) | {"event_counts": counts},
        rule,
        first.record,
        marks=sorted({*MARKS, *MONTHS}),
        identities=[SUBTYPE],
    )
    steps = {name: step for step, (_, names) in enumerate(CRITERIA, start=1) for name in names}
    quality = release_quality(tables["quality"], rule, first.tables["attrition"])
    missing = published_missing(tables["quality"], quality)
    before = [first.record | {"missing": missing}, second.record]
    third = release_sensitivity(_chosen(tables, OTHERS), rule, before, steps, [SUBTYPE])
    return first.tables | second.tables | third.tables | {"quality": quality.to_pandas()}


def _overlap(study: Study) -> pd.DataFrame:
    inputs = study.tables["overlap_inputs"]
    return score_overlap(*(inputs[name].to_numpy() for name in ("distance", "group", "weight")))


def _chosen(tables, names) -> dict:
    return {name: tables[name] for name in names}


def primarily_suppressed(study: Study, limit: int) -> dict[str, pd.DataFrame]:
    """Blank every printed count below the limit, and nothing from which it can be computed."""
    tables = dict(study.tables)
    tables["score_overlap"] = _overlap(study)
    tables["survival"] = tables.pop("kaplan_meier")
    tables["quality"] = tables["quality"].to_pandas()
    for name, columns in (
        ("attrition", ["remaining", "excluded"]),
        ("comparison", ["n"]),
        ("followup", ["deaths_cancer", "deaths_other"]),
        ("included", ["n"]),
        ("sensitivity", ["events"]),
        ("stability", ["deaths", "deaths_cancer"]),
        ("quality", ["count", "records"]),
    ):
        frame = tables[name].copy()
        if name == "attrition":
            columns = [c for c in frame if c.split("_")[0] in columns]
        for column in columns:
            few = frame[column].between(1, limit - 1)
            frame[column] = frame[column].astype(float).mask(few)
            if name in ("comparison", "included"):
                frame["percent"] = frame["percent"].mask(few)
        tables[name] = frame
    for name in ("survival", "incidence"):
        tables[name] = tables[name].assign(n_events=np.nan)
    exposed = tables["interpretation"].copy()
    few = exposed["year"].notna() & exposed["events"].between(1, limit - 1).fillna(False)
    exposed.loc[few, ["estimate", "low", "high", "events"]] = np.nan
    tables["interpretation"] = exposed
    return tables
