"""Recodes and the outcome, label by label."""

import polars as pl
import pytest
import yaml
from seermatch.cohort.recode import OUTCOMES, levels_of, recode
from seermatch.errors import StudyError

RECODES = yaml.safe_load("""
histology: [{level: IDC, labels: [8500, "8522"]}, {level: Other}]
grade: [{level: I-II, labels: ["1", "2", A, B]}, {level: III, labels: ["3", C]}]
t_stage: [{level: T1-T2, pattern: "T[12].*"}, {level: T3-T4, pattern: "T[34].*"}]
n_stage: [{level: N0, pattern: "N0.*"}, {level: N1-N3, pattern: "N[1-3].*"}]
""")

RECORD = {
    "patient_id": "00000001",
    "record_number": 1,
    "year": 2018,
    "group": 0,
    "age": 63,
    "tumor_size": 16,
    "histology": "8500",
    "grade": "2",
    "er": "Positive",
    "pr": "Negative",
    "her2": "Negative",
    "subtype": "HR+/HER2-",
    "t_stage": "T1c",
    "n_stage": "N0",
    "survival_months": 12,
    "vital_status": "Alive",
    "cause_specific": "Alive or dead of other cause",
    "other_cause": "Alive or dead due to cancer",
    "complete": True,
}


def recoded(**changes):
    return recode(pl.DataFrame([RECORD | changes]), RECODES).row(0, named=True)


@pytest.mark.parametrize(
    ("field", "label", "level"),
    [
        *[("histology", code, "IDC") for code in ("8500", "8522")],
        *[("histology", code, "Other") for code in ("8520", "8523", "8480")],
        *[("grade", code, "I-II") for code in "12AB"],
        *[("grade", code, "III") for code in "3C"],
        *[("t_stage", code, "T1-T2") for code in ("T1", "T1mi", "T1c3", "T2", "T2a1")],
        *[("t_stage", code, "T3-T4") for code in ("T3", "T4", "T4d")],
        *[("n_stage", code, "N0") for code in ("N0", "N0(i+)", "N0(mol+)", "N0a")],
        *[("n_stage", code, "N1-N3") for code in ("N1", "N1mi", "N1a(sn)", "N2b", "N3c")],
    ],
)
def test_labels_become_levels(field, label, level):
    assert recoded(**{field: label})[field] == level


def test_the_four_known_outcomes():
    fields = ("vital_status", "cause_specific", "other_cause")
    for labels, event in OUTCOMES.items():
        assert recoded(**dict(zip(fields, labels, strict=True)))["event"] == event


@pytest.mark.parametrize(
    "changes",
    [
        {"vital_status": "Dead"},
        {"cause_specific": "Dead (attributable to this cancer dx)"},
        {"cause_specific": "Dead (missing/unknown COD)", "vital_status": "Dead"},
        {"other_cause": "N/A not seq 0-59"},
    ],
)
def test_impossible_outcomes_are_refused(changes):
    with pytest.raises(StudyError, match="contradict themselves"):
        recoded(**changes)


@pytest.mark.parametrize(
    ("field", "label"), [("grade", "9"), ("t_stage", "TX"), ("er", "Borderline/Unknown")]
)
def test_a_label_without_a_level_is_named(field, label):
    with pytest.raises(StudyError, match=f"{field}: at least 1 eligible records .*'{label}'"):
        recoded(**{field: label})


def test_types_are_those_of_the_cohort_file():
    frame = recode(pl.DataFrame([RECORD]), RECODES)
    for name in ("year", "age", "tumor_size", "time"):
        assert frame.schema[name] == pl.Int16
    assert levels_of(RECODES)["event"] == ("censored", "cancer death", "other death")


def test_records_without_patient_numbers_keep_their_place():
    frame = pl.DataFrame([RECORD]).drop("patient_id", "record_number")
    row = recode(frame, RECODES)
    assert row.select("patient_id", "record_number").rows() == [(None, None)]
    assert row.schema == recode(pl.DataFrame([RECORD]), RECODES).schema


def test_the_registry_is_kept_where_it_is_exported():
    frame = recode(pl.DataFrame([RECORD | {"registry": "Utah"}]), RECODES)
    assert frame["registry"].to_list() == ["Utah"]
    assert "registry" not in recode(pl.DataFrame([RECORD]), RECODES).columns
