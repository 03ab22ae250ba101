"""Included beside excluded patients: against a count by hand."""

import numpy as np
import pandas as pd
import pytest
from seermatch.analysis.excluded_patients import COLUMNS, compare_included
from seermatch.variables.printed import EVENTS

LABELS = ("M0", "M0(i+)")
COVARIATES = ["age", "tumor_size", "grade", "er", "pr", "her2", "subtype"]
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]


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
