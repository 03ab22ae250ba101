"""Releases of other analyses, of what follows from them, and of the excluded patients."""

import json

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.excluded_patients import compare_included
from seermatch.analysis.group_effect import OUTCOMES
from seermatch.analysis.populations import COLUMNS
from seermatch.disclosure.analyses import kind_of, mask_sensitivity, mask_stability
from seermatch.disclosure.characteristics import arms_of
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.follow_up import deaths_of
from seermatch.disclosure.included import add_included, mask_included
from seermatch.disclosure.interpretation import EXPOSURE, add_years, mask_interpretation
from seermatch.disclosure.rule import MASKED
from seermatch.variables.printed import EVENTS

LABELS = ("M0", "M0(i+)")
ARMS = {"M0": "reference", "M0(i+)": "exposed"}
KINDS = dict(zip(EVENTS, ("alive", "cancer", "other"), strict=True))


# ----- other analyses ----------------------------------------------------------------------------


def analyses(**counts):
    """Make a sensitivity table from the patients and the deaths of any, cancer, other causes."""
    rows = [
        {"analysis": name, "outcome": outcome, "n": n, "effective_sample_size": float(n),
         "events": deaths[("any", "cancer", "other").index(kind_of(outcome))], "hr": 1.1,
         "hr_low": 0.9, "hr_high": 1.4, "p_value": 0.3, "largest_weight": 1.0}
        for name, (n, *deaths) in counts.items()
        for outcome in OUTCOMES
    ]  # fmt: skip
    return pd.DataFrame(rows)


def apart(names, **pairs):
    """Make a table of populations; pairs are (n, deaths, cancer, other) in one but not another."""
    rows = [(name, "", group, 500, 60, 30, 30) for name in names for group in "01"]
    for pair, numbers in pairs.items():
        first, second = pair.split("__")
        for one, other in ((first, second), (second, first)):
            rows.append((one, other, "0", *numbers))
            rows.append((one, other, "1", 0, 0, 0, 0))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_population_that_differs_by_few_patients_shows_nothing():
    table = analyses(main=(1000, 120, 60, 60), other=(1000, 120, 60, 60))
    masked = mask_sensitivity(table, apart(["main", "other"], main__other=(2, 0, 0, 0)), 5)
    assert masked.loc[masked["analysis"] == "main", "hr"].notna().all()
    numbers = ["n", "events", "hr", "p_value", "effective_sample_size"]
    assert masked.loc[masked["analysis"] == "other", numbers].isna().all(axis=None)


def test_deaths_that_are_classified_otherwise_hide_their_outcomes_only():
    table = analyses(main=(1000, 120, 60, 60), other=(1000, 120, 58, 62))
    populations = apart(["main", "other"], main__other=(0, 0, 2, 0))
    masked = mask_sensitivity(table, populations, 5)
    other = masked[masked["analysis"] == "other"].set_index("outcome")
    assert other.loc["overall survival (Cox)", "hr"] == 1.1
    assert other["hr"].drop("overall survival (Cox)").isna().all()
    assert other["events"].isna().all(), "all less those of one kind are those of the other"


def test_counts_that_differ_by_few_are_masked():
    table = analyses(main=(1000, 120, 60, 60), near=(997, 150, 75, 75), far=(900, 122, 61, 61))
    names = ["main", "near", "far"]
    many = dict.fromkeys(("main__near", "main__far", "near__far"), (200, 30, 15, 15))
    masked = mask_sensitivity(table, apart(names, **many), 5).set_index("analysis")
    assert masked["hr"].notna().all()
    assert masked.loc["near", "n"].isna().all() and masked.loc["near", "events"].notna().all()
    assert masked.loc["far", "events"].isna().all() and masked.loc["far", "n"].notna().all()


def test_counts_of_a_masked_cohort_are_masked():
    table = analyses(main=(1000, 120, 60, 60), full=(5000, 600, 300, 300))
    populations = apart(["main", "full"], main__full=(900, 200, 90, 90))
    masked = mask_sensitivity(table, populations, 5, cohort_known=False, cohort="full")
    full = masked[masked["analysis"] == "full"]
    assert full[["n", "events", "effective_sample_size"]].isna().all(axis=None)
    assert full["hr"].notna().all()


def test_an_analysis_with_all_exposed_patients_does_not_tell_their_number():
    """Its patients are so many times the exposed, all of whom found a match there."""
    table = analyses(main=(900, 120, 60, 60), free=(1500, 180, 90, 90), full=(5000, 600, 300, 300))
    many = {pair: (600, 60, 30, 30) for pair in ("main__free", "main__full", "free__full")}
    populations = apart(["main", "free", "full"], **many)
    own = (populations["other"] == "") & (populations["group"] == "1")
    populations.loc[own & (populations["analysis"] == "main"), "n"] = 298
    masked = mask_sensitivity(table, populations, 5, exposed_known=False, cohort="full")
    sizes = masked.groupby("analysis", sort=False)["n"].first()
    assert sizes.isna().tolist() == [False, True, True]
    assert masked["hr"].notna().all()


def test_sizes_that_tell_of_few_exposed_patients_are_masked():
    table = analyses(main=(1500, 120, 60, 60), other=(1488, 180, 90, 90))
    populations = apart(["main", "other"], main__other=(600, 60, 30, 30))
    own = (populations["other"] == "") & (populations["group"] == "1")
    populations.loc[own & (populations["analysis"] == "other"), "n"] = 496
    masked = mask_sensitivity(table, populations, 5)
    assert masked.groupby("analysis", sort=False)["n"].first().isna().tolist() == [False, True]


def stability(**changes):
    columns = {"deaths": [80, 90], "deaths_cancer": [40, 50], "os_hr": 1.0, "os_p": 0.5,
               "cancer_hr": 1.2, "cancer_p": 0.4, "common_controls": [1.0, 0.3]}  # fmt: skip
    return pd.DataFrame(columns | changes)


def test_repeated_matches():
    assert mask_stability(stability(), set(), 100, 5).equals(stability())
    near = mask_stability(stability(deaths=[80, 83]), set(), 100, 5)
    assert near[["deaths", "deaths_cancer"]].isna().all(axis=None)
    assert near["os_hr"].notna().all()
    alike = mask_stability(stability(common_controls=[1.0, 0.98]), set(), 100, 5)
    assert alike[["os_hr", "cancer_p"]].isna().to_numpy().tolist() == [[False] * 2, [True] * 2]
    cause = mask_stability(stability(), {"cause"}, 100, 5)
    assert cause["cancer_hr"].isna().all() and cause["os_hr"].notna().all()
    assert cause["deaths"].isna().all()


# ----- interpretation, included patients ---------------------------------------------------------


def test_interpretation_says_nothing_of_masked_outcomes_months_and_years():
    rows = [
        ("hazard ratio", "overall survival (Cox)", np.nan, pd.NA, pd.NA, pd.NA, 0.3),
        ("hazard ratio", "cancer death (Fine-Gray)", np.nan, pd.NA, pd.NA, pd.NA, 0.2),
        ("difference in survival", "death of any cause", 36.0, pd.NA, pd.NA, pd.NA, np.nan),
        ("difference in survival", "death of any cause", 48.0, pd.NA, pd.NA, pd.NA, np.nan),
        *((EXPOSURE, "", np.nan, year, n, count, np.nan) for year, n, count in
          ((2018, 900, 3), (2019, 800, 50), (2020, 700, 60))),
    ]  # fmt: skip
    columns = ["quantity", "outcome", "month", "year", "n", "events", "p_value"]
    table = pd.DataFrame(rows, columns=columns).assign(
        **{"estimate": 1.0, "low": 0.5, "high": 2.0, "reference": 0.9, "exposed": 0.8},
        **{"statistic": 1.5, "group": "", "variance": "clustered by matched set", "status": "ok"},
    )
    table[["year", "n", "events"]] = table[["year", "n", "events"]].astype("Int64")
    system = CountSystem()
    for arm, count in (("all", 2400), ("exposed", 113), ("reference", 2287)):
        system.add(("cohort", arm, "n", ""), count, fixed=True)
    add_years(system, table)
    system.protect(5)
    masked = mask_interpretation(table, system, {"cause"}, lambda _, month: month == 36, {})
    assert masked["status"].tolist()[:5] == ["ok", MASKED, "ok", MASKED, MASKED]
    for name in ("p_value", "reference", "exposed", "statistic"):
        assert masked.loc[[1, 3], name].isna().all()
    assert masked["estimate"].isna().tolist()[:4] == [False, True, False, True]
    assert pd.isna(masked["events"][4]) and masked["n"][4] == 900
    assert masked["events"].isna().sum() - table["events"].isna().sum() == 2, "and another year"
    assert system.narrow(5) == []


def eligible(n=1500, seed=1, unknown=0.02):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"year": rng.choice([2018, 2019, 2020], n)})
    frame["group"] = (rng.random(n) < 0.1).astype(int)
    frame["tumor_size"] = rng.integers(1, 90, n).astype(float)
    frame["grade"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"])
    frame["time"] = rng.integers(0, 60, n)
    frame["event"] = pd.Categorical.from_codes(rng.choice(3, n, p=[0.8, 0.1, 0.1]), EVENTS)
    for name in ("tumor_size", "grade"):
        frame.loc[rng.random(n) < unknown, name] = None
    return frame.assign(complete=frame.notna().all(axis=1))


def release_included(frame, minimum=5):
    table = compare_included(frame, ["tumor_size", "grade"], LABELS)
    complete = frame[frame["complete"]]
    system = CountSystem()
    for arm, code in (("reference", 0), ("exposed", 1)):
        mine = complete[complete["group"] == code]
        system.add(("cohort", arm, "n", ""), len(mine))
        for level, count in mine["grade"].value_counts().items():
            system.add(("cohort", arm, "grade", level), count)
        dead = {
            k: (mine["event"] == e).sum()
            for k, e in zip(("alive", "cancer", "other"), EVENTS, strict=True)
        }
        for kind, count in dead.items():
            system.add(deaths_of("cohort", arm, kind), count)
    for kind in ("alive", "cancer", "other"):
        parts = [deaths_of("cohort", arm, kind) for arm in ARMS.values()]
        system.add(deaths_of("cohort", "all", kind), sum(system.cells[p].count for p in parts))
        system.total(deaths_of("cohort", "all", kind), parts)
    system.add(("cohort", "all", "n", ""), len(complete))
    system.total(("cohort", "all", "n", ""), [("cohort", arm, "n", "") for arm in ARMS.values()])
    add_included(system, table, ARMS)
    system.protect(minimum)
    return table, mask_included(table, system, ARMS, minimum), system


@pytest.mark.parametrize("seed", range(4))
def test_small_counts_of_the_excluded_cannot_be_computed(seed):
    table, masked, system = release_included(eligible(seed=seed))
    assert system.narrow(5) == [] and masked["n"].isna().any()
    assert not masked["n"].between(1, 4).fillna(False).any()
    hidden = masked[masked["n"].isna()]
    assert hidden["percent"].isna().all()
    assert masked.loc[masked["variable"].isin(hidden["variable"]), "smd"].isna().all()
    shown = masked["n"].notna()
    assert (masked.loc[shown, "n"] == table.loc[shown, "n"]).all()
    lacking = masked[masked["quantity"] == "unknown"]
    groups = masked[(masked["variable"] == "group") & (masked["patients"] == "excluded")]
    if groups["n"].isna().any():
        assert lacking["percent"].isna().any(), "of all eligible patients of the group"


def test_few_excluded_show_nothing():
    frame = eligible(unknown=0)
    frame.loc[:2, "grade"] = None
    _, masked, _ = release_included(frame.assign(complete=frame["grade"].notna()))
    excluded = (masked["patients"] == "excluded") | (masked["quantity"] == "unknown")
    numbers = ["n", "percent", "median", "q1", "q3", "smd"]
    assert masked.loc[excluded, numbers].isna().all(axis=None)
    assert masked["smd"].isna().all()


def test_nobody_excluded():
    table, masked, _ = release_included(eligible(unknown=0))
    assert masked["n"].tolist() == table["n"].tolist()


def test_records_are_json():
    system = CountSystem()
    system.add(("n",), np.int64(3), fixed=np.bool_(True))
    assert json.loads(json.dumps(system.record()))["cells"][0][1:] == [3, "public", True, 1.0]
    assert arms_of(["b", "a", "all"]) == {"b": "reference", "a": "exposed"}
