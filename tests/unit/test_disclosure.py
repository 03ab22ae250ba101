"""The releases: what must be missing, what must not be, and what a reader can still compute."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from paper_words import SUBTYPE
from seermatch import disclosure
from seermatch.analysis.populations import compare_populations
from seermatch.disclosure.attrition import size_of
from seermatch.disclosure.characteristics import add_characteristics, mask_balance
from seermatch.disclosure.cohort_tables import release_cohort
from seermatch.disclosure.count_system import CountSystem
from seermatch.disclosure.event_counts import count_events
from seermatch.disclosure.identities import link_identities
from seermatch.disclosure.outcomes import release_outcomes
from seermatch.disclosure.rule import DisclosureRule, disclosure_note, round_count
from seermatch.disclosure.score_overlap import score_overlap
from seermatch.disclosure.sensitivity import release_sensitivity
from seermatch.errors import StudyError
from seermatch.matching.characteristics import compare_groups
from seermatch.variables.printed import EVENTS
from seermatch.wording.study_tables import characteristics_table

LABELS = ("M0", "M0(i+)")
RULE = DisclosureRule(5)
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]


# ----- the rule ----------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", [-1, 2.5, True, "5", None])
def test_rules_are_checked(minimum):
    with pytest.raises(StudyError, match="minimum_count"):
        DisclosureRule(minimum)
    with pytest.raises(StudyError, match="method"):
        DisclosureRule(5, "hide")


def test_notes():
    assert disclosure_note(DisclosureRule(0)) == disclosure_note(DisclosureRule(1)) == ""
    assert "1–10" in disclosure_note(DisclosureRule(11))
    assert "bins of 11" in disclosure_note(DisclosureRule(11, "round"))


@pytest.mark.parametrize("width", [2, 5, 10, 11])
def test_rounded_counts_stand_for_bins(width):
    counts = np.arange(1, 200)
    rounded = np.array([round_count(count, width) for count in counts])
    for value in np.unique(rounded)[:-1]:
        inside = counts[rounded == value]
        assert len(inside) == width
        assert inside[0] <= value <= inside[-1]
    assert round_count(0, width) == 0
    note = disclosure_note(DisclosureRule(width, "round"))
    assert f"≤{width} stands for 1–{width}, and counts as {round_count(1, width)}" in note


# ----- the cohort --------------------------------------------------------------------------------


def cohort_and_match(lost=0, n=600, exposed=120, seed=1):
    """Make a cohort with a rare level, and match all exposed patients but a few."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"patient_id": np.arange(n).astype(str)})
    frame["group"] = (np.arange(n) < exposed).astype(int)
    frame["age"] = rng.integers(30, 90, n)
    frame["grade"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"])
    positive = rng.random((n, 3)) < (0.8, 0.7, 0.15)
    for column, name in enumerate(("er", "pr", "her2")):
        codes = positive[:, column].astype(int)
        frame[name] = pd.Categorical.from_codes(codes, ["Negative", "Positive"])
    hormone = np.where(positive[:, :2].any(axis=1), "HR+", "HR-")
    subtype = np.char.add(hormone, np.where(positive[:, 2], "/HER2+", "/HER2-"))
    frame["subtype"] = pd.Categorical(subtype, SUBTYPES)
    frame["event"] = pd.Categorical.from_codes(rng.choice(3, n, p=[0.5, 0.25, 0.25]), EVENTS)
    chosen = np.r_[np.arange(lost, exposed), np.arange(exposed, 2 * exposed)]
    return frame, frame.iloc[chosen].reset_index(drop=True)


COVARIATES = ["age", "grade", "er", "pr", "her2", "subtype"]


def cohort_tables(cohort, matched):
    parts = []
    for population, frame in (("cohort", cohort), ("matched", matched)):
        labels = pd.Categorical.from_codes(frame["group"], LABELS)
        parts.append(compare_groups(frame.assign(group=labels), COVARIATES))
        parts[-1].insert(0, "population", population)
    sizes = cohort["group"].value_counts().sort_index().to_numpy()
    steps = np.array([[20, 3], [0, 0], [7, 6]])  # excluded at each step
    remaining = sizes + np.r_[steps[1:][::-1].cumsum(axis=0)[::-1], [[0, 0]]]
    steps[0] = 0
    flow = pd.DataFrame({"step": range(3), "criterion": ["records", "female", "age"]})
    flow["remaining"] = remaining.sum(axis=1) + np.array([30, 0, 0])
    flow["excluded"] = steps.sum(axis=1) + np.array([0, 30, 0])
    for column, arm in enumerate(("reference", "exposed")):
        flow[f"remaining_{arm}"], flow[f"excluded_{arm}"] = remaining[:, column], steps[:, column]
    weight = cohort["patient_id"].isin(matched["patient_id"]).to_numpy(float)
    balance = pd.DataFrame({"term": ["age", "grade", *["subtype"] * 4],
                            "level": ["", "III", *SUBTYPES], "smd_before": 0.1, "smd_after": 0.2,
                            "variance_ratio_before": 1.1, "variance_ratio_after": 1.2})  # fmt: skip
    return {
        "attrition": flow,
        "comparison": pd.concat(parts, ignore_index=True),
        "balance": balance,
        "score_overlap": score_overlap(cohort["age"], cohort["group"], weight),
    }


def level_rows(comparison, population, label=LABELS[1]):
    rows = comparison[(comparison["population"] == population) & (comparison["group"] == label)]
    return rows.set_index(["variable", "level"])


def test_without_a_rule_tables_pass_as_they_are():
    tables = cohort_tables(*cohort_and_match())
    for minimum in (0, 1):
        released = release_cohort(tables, DisclosureRule(minimum))
        assert all(released.tables[name] is table for name, table in tables.items())
        assert released.record == {}
    outcomes = {"kaplan_meier": pd.DataFrame(), "event_counts": pd.DataFrame()}
    assert list(release_outcomes(outcomes, DisclosureRule(0), {}).tables) == ["survival"]
    others = {"stability": pd.DataFrame(), "populations": pd.DataFrame(), "claims": None}
    released = release_sensitivity(others, DisclosureRule(0), [{}, {}]).tables
    assert list(released) == ["stability", "claims"]


def test_without_a_rule_nothing_slow_is_imported():
    names = ("cohort_tables", "outcomes", "sensitivity", "event_counts")
    code = "".join(f"import seermatch.disclosure.{name}\n" for name in names)
    code += (
        "import sys; print([m for m in ('scipy', 'statsmodels', 'matplotlib') if m in sys.modules])"
    )
    path = Path(disclosure.__file__).parents[2]
    told = subprocess.run([sys.executable, "-c", code], cwd=path, capture_output=True, text=True)
    assert told.stdout.strip() == "[]", told.stderr


@pytest.mark.parametrize("lost", [1, 4])
def test_sizes_of_the_cohort_go_where_few_are_unmatched(lost):
    """Else Table 1 less Table 2 is a table of these few; the matched cohort stays."""
    released = release_cohort(cohort_tables(*cohort_and_match(lost)), RULE)
    comparison = released.tables["comparison"]
    before, after = (level_rows(comparison, name) for name in ("cohort", "matched"))
    assert np.isnan(before.loc[("n", ""), "n"])
    assert after.loc[("n", ""), "n"] == 120 - lost
    assert before["percent"].isna().all(), "a count over its percentage is the size"
    assert np.isnan(before.loc[("age", ""), "n"])
    cohort = comparison[comparison["population"] == "cohort"]
    assert cohort["p_value"].isna().all() and (cohort["test"] == "").all()
    assert pd.isna(released.tables["attrition"]["remaining_exposed"].iloc[-1])
    assert after["percent"].notna().any()
    table = characteristics_table(cohort, LABELS)
    assert table.iloc[0].tolist()[:4] == ["n", "", "480", "masked"]
    system = CountSystem.from_record(json.loads(json.dumps(released.record["system"])))
    low, high = system.interval(size_of("unmatched", "exposed"))
    assert high is None or high - low >= 5


def test_enough_unmatched_leave_the_sizes():
    released = release_cohort(cohort_tables(*cohort_and_match(30)), RULE)
    assert level_rows(released.tables["comparison"], "cohort").loc[("n", ""), "n"] == 120


@pytest.mark.parametrize(("lost", "seed"), [(0, 1), (3, 2), (9, 3)])
def test_no_small_count_of_the_cohort_is_known(lost, seed):
    tables = cohort_tables(*cohort_and_match(lost, seed=seed))
    released = release_cohort(tables, RULE)
    system = CountSystem.from_record(released.record["system"])
    assert system.narrow(5) == []
    for name in ("attrition", "comparison"):
        shown = released.tables[name].select_dtypes("number").to_numpy(float, na_value=np.nan)
        true = tables[name].select_dtypes("number").to_numpy(float, na_value=np.nan)
        assert name == "comparison" or ((shown == true) | np.isnan(shown)).all()
    counts = released.tables["comparison"]["n"]
    assert not counts.between(1, 4).any()
    flow = released.tables["attrition"].filter(regex="remaining|excluded")
    assert not flow.apply(lambda column: column.between(1, 4).fillna(False)).any(axis=None)


def test_what_no_table_prints_is_protected():
    """ER and PR bound those who are HR+ by one receptor alone."""
    system = CountSystem()
    rows = [("er", "Positive", 80), ("er", "Negative", 20), ("pr", "Positive", 82),
            ("pr", "Negative", 18), ("subtype", "HR+/HER2-", 60), ("subtype", "HR+/HER2+", 23),
            ("subtype", "HR-/HER2+", 8), ("subtype", "HR-/HER2-", 9)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["variable", "level", "n"])
    frame = frame.assign(population="matched", group="0", percent=frame["n"] / 100)
    add_characteristics(system, frame, [SUBTYPE])
    assert (
        system.cells["matched", "reference", "subtype", "implied", "er Positive, pr Negative"].count
        == 1
    )
    system.protect(5)
    assert system.narrow(5) == [] and system.masked()


def test_combinations_of_receptors_are_known_to_add_up():
    """ER-negative patients bound a subtype more closely than the equations of two tables do."""
    levels = {("er", "Positive"): 40, ("er", "Negative"): 9, ("pr", "Positive"): 35,
              ("pr", "Negative"): 14, ("her2", "Positive"): 6, ("her2", "Negative"): 43,
              ("subtype", "HR+/HER2-"): 38, ("subtype", "HR+/HER2+"): 4,
              ("subtype", "HR-/HER2+"): 2, ("subtype", "HR-/HER2-"): 5}  # fmt: skip
    system = CountSystem()
    system.add(("n",), 49, fixed=True)
    for name, count in levels.items():
        system.add(name, count)
    for variable in ("er", "pr", "her2", "subtype"):
        system.total(("n",), [name for name in levels if name[0] == variable])
    link_identities(system, levels, [SUBTYPE])
    system.mask([("subtype", "HR+/HER2+"), ("subtype", "HR-/HER2+")])
    # 6 patients in both; of 9 without ER 5 are HR-/HER2-
    assert system.interval(("subtype", "HR-/HER2+")) == (0, 4)


def test_standardized_differences_go_with_their_percentages():
    released = pd.DataFrame(
        [("cohort", "er", "Positive", 90.0), ("cohort", "pr", "Positive", np.nan),
         ("matched", "er", "Positive", np.nan), ("matched", "pr", "Positive", 50.0)],
        columns=["population", "variable", "level", "percent"],
    )  # fmt: skip
    balance = pd.DataFrame({"term": ["distance", "er", "pr"], "level": ["", "Positive", "Positive"],
                            "smd_before": 0.1, "smd_after": 0.2})  # fmt: skip
    masked = mask_balance(balance, released)
    assert masked["smd_before"].isna().tolist() == [False, False, True]
    # the difference after matching is standardized by the exposed before it
    assert masked["smd_after"].isna().tolist() == [False, True, True]


def test_a_small_matched_group_is_refused():
    with pytest.raises(StudyError, match=r"M0\(i\+\) has fewer than 5"):
        release_cohort(cohort_tables(*cohort_and_match(lost=116)), RULE)


def test_events_are_counted_by_group_and_level():
    cohort, matched = cohort_and_match(10)
    counts = count_events(cohort, matched, COVARIATES)
    levels = counts[counts["variable"] != ""]
    assert "age" not in set(levels["variable"])
    for row in levels[levels["population"] == "matched"].itertuples():
        chosen = matched[matched[row.variable] == row.level]
        assert row.n == len(chosen)
        assert row.cancer_deaths == (chosen["event"] == EVENTS[1]).sum()
        assert row.other_deaths == (chosen["event"] == EVENTS[2]).sum()
    for row in counts[counts["variable"] == ""].itertuples():
        frame = {"cohort": cohort, "matched": matched}[row.population]
        assert row.n == (frame["group"] == int(row.group)).sum()


def test_populations_differ_by_patients_and_by_kinds_of_death():
    cohort, matched = cohort_and_match(10)
    other = matched.iloc[3:].copy()
    dead = np.flatnonzero(other["event"] == EVENTS[1])[:4]
    other.iloc[dead, other.columns.get_loc("event")] = EVENTS[2]
    table = compare_populations({"main": matched, "other": other, "cohort": cohort})
    pairs = table.groupby(["analysis", "other"]).sum(numeric_only=True)
    assert pairs.loc[("main", "other"), "n"] == 3
    assert pairs.loc[("other", "main"), ["n", "deaths"]].tolist() == [0, 0]
    assert pairs.loc[("other", "main"), "other_deaths"] == 4
    assert pairs.loc[("cohort", "main"), "n"] == len(cohort) - len(matched)
    assert pairs.loc[("main", "cohort")].eq(0).all()
    assert pairs.loc[("cohort", ""), "n"] == len(cohort)
