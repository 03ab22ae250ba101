"""Included beside excluded patients: against a count by hand, and what disclosure control hides."""

import doctest

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from seermatch import disclosure_sensitivity, included_excluded, report_sections, sensitivity
from seermatch.disclosure_sensitivity import mask_included, mask_sensitivity
from seermatch.included_excluded import COLUMNS, compare_included
from seermatch.variables import EVENTS

LABELS = ("M0", "M0(i+)")
COVARIATES = ["age", "tumor_size", "grade", "er", "pr", "her2", "subtype"]
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
SHOWN = ["n", "percent", "median", "q1", "q3", "smd"]


def eligible(n=2000, seed=1, unknown=0.05):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"year": rng.choice([2018, 2019, 2020], n)})
    frame["group"] = (rng.random(n) < 0.1).astype(int)
    frame["age"] = rng.integers(30, 90, n)
    frame["tumor_size"] = rng.integers(1, 90, n).astype(float)
    frame["grade"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"])
    positive = rng.random((n, 3)) < (0.8, 0.7, 0.15)
    for j, name in enumerate(("er", "pr", "her2")):
        codes = positive[:, j].astype(int)
        frame[name] = pd.Categorical.from_codes(codes, ["Negative", "Positive"])
    hormone = np.where(positive[:, :2].any(axis=1), "HR+", "HR-")
    subtype = np.char.add(hormone, np.where(positive[:, 2], "/HER2+", "/HER2-"))
    frame["subtype"] = pd.Categorical(subtype, SUBTYPES)
    frame["time"] = rng.integers(0, 60, n)
    frame["event"] = pd.Categorical.from_codes(rng.choice(3, n, p=[0.8, 0.1, 0.1]), EVENTS)
    for names in (["tumor_size"], ["grade"], ["her2", "subtype"]):
        frame.loc[rng.random(n) < unknown, names] = None
    older = frame["age"] > 60
    frame.loc[older & (rng.random(n) < unknown), "grade"] = None
    return frame.assign(complete=frame.notna().all(axis=1))


def test_examples():
    assert doctest.testmod(included_excluded).failed == 0
    assert doctest.testmod(disclosure_sensitivity).failed == 0


def test_names_of_the_analyses():
    assert disclosure_sensitivity.RECLASSIFIED == sensitivity.CAUSE_OF_DEATH
    assert report_sections.IMPUTED == sensitivity.IMPUTED


def test_distributions_by_hand():
    frame = eligible()
    table = compare_included(frame, COVARIATES, LABELS)
    assert tuple(table.columns) == COLUMNS
    sizes = table[table["quantity"] == "patients"].set_index("patients")
    assert sizes["n"].to_dict() == {
        "included": frame["complete"].sum(),
        "excluded": (~frame["complete"]).sum(),
    }
    assert sizes["percent"].sum() == pytest.approx(100)
    rows = table[table["quantity"] == "distribution"]
    order = ["group", "year", *COVARIATES, "time", "event"]
    assert rows["variable"].unique().tolist() == order
    frame["group"] = np.array(LABELS)[frame["group"]]
    for row in rows.itertuples():
        part = frame[frame["complete"] == (row.patients == "included")]
        other = frame[frame["complete"] != (row.patients == "included")]
        values, others = part[row.variable].dropna(), other[row.variable].dropna()
        if row.level:
            values, others = (v.astype(str) == row.level for v in (values, others))
            assert row.n == values.sum()
            assert row.percent == pytest.approx(100 * values.mean())
        else:
            assert row.n == len(values)
            quartiles = np.percentile(values, [25, 50, 75])
            assert [row.q1, row.median, row.q3] == pytest.approx(quartiles.tolist())
        ddof = 0 if row.level else 1
        pooled = np.sqrt((values.var(ddof=ddof) + others.var(ddof=ddof)) / 2)
        sign = 1 if row.patients == "excluded" else -1
        assert row.smd == pytest.approx(sign * (values.mean() - others.mean()) / pooled)
    age = rows[rows["variable"] == "age"]["smd"].iloc[0]
    assert age > 0.05, "the excluded are older"


def test_unknown_values_by_hand():
    frame = eligible()
    table = compare_included(frame, COVARIATES, LABELS)
    rows = table[table["quantity"] == "unknown"]
    assert rows["variable"].tolist() == [name for name in COVARIATES for _ in LABELS]
    for row in rows.itertuples():
        arm = frame[frame["group"] == LABELS.index(row.patients)]
        assert row.n == arm[row.variable].isna().sum()
        assert row.percent == pytest.approx(100 * row.n / len(arm))


def test_nobody_excluded():
    frame = eligible(unknown=0)
    table = compare_included(frame, COVARIATES, LABELS)
    assert table.loc[table["patients"] == "excluded", "n"].eq(0).all()
    assert table["smd"].isna().all()
    assert table.loc[table["quantity"] == "unknown", "n"].eq(0).all()
    masked = mask_included(table, *elsewhere(), 5)
    assert masked["n"].tolist() == table["n"].tolist()


# ----- disclosure --------------------------------------------------------------------------------


def elsewhere(hidden=(), deaths=(90, 80)):
    """Make a Table 1 that masks some variables, and a follow-up table."""
    comparison = pd.DataFrame(
        [("cohort", name, np.nan) for name in hidden] + [("cohort", "age", 1900.0)],
        columns=["population", "variable", "n"],
    )
    followup = pd.DataFrame(
        [("cohort", "all", *deaths)],
        columns=["population", "group", "deaths_breast_cancer", "deaths_other"],
    )
    return comparison, followup


def test_without_a_minimum_nothing_is_masked():
    table = compare_included(eligible(), COVARIATES, LABELS)
    assert mask_included(table, *elsewhere(), 0) is table


def bounds_of(table, true):
    """Bound every masked count as a reader can, from the equations and what is printed."""
    rows = (table["patients"] == "excluded") | (table["quantity"] == "unknown")
    rows &= table["quantity"] != "patients"
    excluded, true = (part[rows].reset_index(drop=True) for part in (table, true))
    size = table[(table["quantity"] == "patients") & (table["patients"] == "excluded")]["n"].iloc[0]
    equations, totals = [], []
    for variable in excluded["variable"].unique():
        equations.append((excluded["variable"] == variable).to_numpy(float))
        totals.append(size)
    bounds = [(n, n) if pd.notna(n) else (0, size) for n in excluded["n"]]
    found = []
    for at in np.flatnonzero(excluded["n"].isna()):
        cost = np.zeros(len(excluded))
        cost[at] = 1
        low, high = (
            sign * linprog(sign * cost, A_eq=equations, b_eq=totals, bounds=bounds).fun
            for sign in (1, -1)
        )
        found.append((true["n"][at], (low, high)))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_small_counts_cannot_be_computed(seed):
    frame = eligible(n=1500, seed=seed, unknown=0.02)
    minimum = 5
    table = compare_included(frame, COVARIATES, LABELS)
    masked = mask_included(table, *elsewhere(), minimum)
    shown = masked["n"].dropna()
    assert not shown.between(0, minimum, inclusive="neither").any()
    assert masked["n"].isna().any(), "such a registry has small counts"
    for count, (low, high) in bounds_of(masked, table):
        if 0 < count < minimum:
            assert low < 1e-6
            assert high > minimum - 1e-6
        assert high - low > 1 - 1e-6
    hidden = masked[masked["n"].isna()]
    assert hidden[["percent"]].isna().all(axis=None)
    touched = masked["variable"].isin(hidden["variable"]) & (masked["patients"] != "included")
    assert masked.loc[touched, ["percent", "smd"]].isna().all(axis=None)
    included = masked[masked["patients"] == "included"]
    assert included["n"].notna().all()


def test_what_table_1_masks_stays_masked():
    table = compare_included(eligible(), COVARIATES, LABELS)
    masked = mask_included(table, *elsewhere(hidden=["grade"]), 5)
    grade = masked[(masked["variable"] == "grade") & (masked["patients"] == "included")]
    assert grade[["n", "percent", "smd"]].isna().all(axis=None)
    other = masked[(masked["variable"] == "pr") & (masked["patients"] == "included")]
    assert other["n"].notna().all()
    masked = mask_included(table, *elsewhere(deaths=(90, np.nan)), 5)
    event = masked[(masked["variable"] == "event") & (masked["patients"] == "included")]
    assert event[["n", "percent", "smd"]].isna().all(axis=None)


def test_few_excluded_show_nothing():
    frame = eligible(unknown=0)
    frame.loc[:2, "grade"] = None
    frame["complete"] = frame["grade"].notna()
    masked = mask_included(compare_included(frame, COVARIATES, LABELS), *elsewhere(), 5)
    excluded = (masked["patients"] == "excluded") | (masked["quantity"] == "unknown")
    assert masked.loc[excluded, SHOWN].isna().all(axis=None)
    assert masked["smd"].isna().all()
    assert masked.loc[masked["patients"] == "included", "n"].notna().all()


def test_few_reclassified_deaths_are_not_shown():
    rows = [
        ("main", "overall survival (Cox)", 82),
        ("main", "breast cancer death (Fine-Gray)", 47),
        ("cause of death = breast", "overall survival (Cox)", 82),
        ("cause of death = breast", "breast cancer death (Fine-Gray)", 44),
    ]
    table = pd.DataFrame(rows, columns=["analysis", "outcome", "events"])
    followup = pd.DataFrame(
        {"population": ["matched"], "deaths_breast_cancer": [47], "deaths_other": [35]}
    )
    assert mask_sensitivity(table, followup, 5)["events"].tolist() == [82, 47, pd.NA, pd.NA]
    assert mask_sensitivity(table, followup, 3)["events"].tolist() == [82, 47, 82, 44]
    assert mask_sensitivity(table, followup, 0)["events"].tolist() == [82, 47, 82, 44]
