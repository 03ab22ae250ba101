"""Patients outside the pool of the match: no release tells how few they are."""

import numpy as np
import pandas as pd
import pytest
from seermatch.disclosure.analyses import mask_sensitivity
from seermatch.disclosure.cohort_tables import release_cohort
from seermatch.disclosure.rule import METHODS, DisclosureRule
from seermatch.disclosure.score_overlap import score_overlap
from test_disclosure import cohort_and_match, cohort_tables
from test_disclosure_analyses import analyses, apart

COUNTS = ["n", "events", "effective_sample_size", "largest_weight"]


def cells(outside):
    row = {"cell": 1, "term": "grade", "level": "absent", "n_reference": outside, "n_exposed": 0}
    return pd.DataFrame([row | {"in_pool": False}])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("outside", [3, 40])
def test_the_scores_leave_the_unmatched_out(method, outside):
    cohort, matched = cohort_and_match(lost=30)
    tables = cohort_tables(cohort, matched)
    weight = cohort["patient_id"].isin(matched["patient_id"]).to_numpy(float)
    free = np.flatnonzero((cohort["group"] == 0) & (weight == 0))[:outside]
    score = cohort["age"].to_numpy(float)
    score[free] = np.nan
    tables["score_overlap"] = score_overlap(score, cohort["group"], weight)
    tables["separated_cells"] = cells(outside)
    release = release_cohort(tables, DisclosureRule(5, method))
    overlap = release.tables["score_overlap"]
    assert not overlap.loc[overlap["group"] == 0, "complete"].any()
    assert release.tables["separated_cells"]["n_reference"].isna().all()
    assert release.record["few_outside"] == (outside < 5)


def test_sizes_of_weighted_analyses_go_where_few_are_outside():
    table = analyses(**{"main": (900, 120, 60, 60), "weighted, ATT": (5000, 600, 300, 300)})
    populations = apart(["main", "weighted, ATT"], **{"main__weighted, ATT": (4100, 480, 240, 240)})
    shown = mask_sensitivity(table, populations, 5).set_index("analysis")
    assert shown.loc["weighted, ATT", COUNTS].notna().all(axis=None)
    masked = mask_sensitivity(table, populations, 5, pool_known=False).set_index("analysis")
    assert masked.loc["weighted, ATT", COUNTS].isna().all(axis=None)
    assert masked.loc["main", COUNTS].notna().all(axis=None)
    assert masked["hr"].notna().all()
