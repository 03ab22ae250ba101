"""Integrity checks: every fault is found, counted and judged; sound exports pass."""

from html.parser import HTMLParser

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.cohort import quality
from seermatch.cohort.criteria import Exposure
from seermatch.cohort.quality import (
    assess_quality,
    count_quality,
    refuse_poor_quality,
    render_quality,
)
from seermatch.disclosure.quality import COMPARED, release_quality
from seermatch.disclosure.rule import DisclosureRule
from seermatch.errors import StudyError

EXPOSURE = Exposure("m_stage", ("M0",), ("M0(i+)",))
ALIVE = ("Alive", "Alive or dead of other cause", "Alive or dead due to cancer")
OTHER = (
    "Dead",
    "Alive or dead of other cause",
    "Dead (attributable to causes other than this cancer dx)",
)
NO_CAUSE = ("Dead", "Dead (missing/unknown COD)", "Dead (missing/unknown COD)")
SOUND = {
    "patient_id": "00000225",
    "year": "2018",
    "sex": "Female",
    "age": "63 years",
    "grade": "2",
    "tumor_size": "015",
    "er": "Positive",
    "pr": "Negative",
    "her2": "Negative",
    "subtype": "HR+/HER2-",
    "m_stage": "M0",
    "eod_mets": "00",
    "survival_months": "0011",
    "vital_status": ALIVE[0],
    "cause_specific": ALIVE[1],
    "other_cause": ALIVE[2],
}


def export(*changes, copies=1):
    rows = [SOUND | change for change in changes for _ in range(copies)]
    return pl.LazyFrame(rows, schema=dict.fromkeys(SOUND, pl.String))


def assess(records, years=(2018, 2019), **options):
    return assess_quality(count_quality(records, EXPOSURE, years), **options)


def of(frame, check, **where):
    conditions = [pl.col(name) == value for name, value in where.items()]
    return frame.filter(pl.col("check") == check, *conditions).rows(named=True)


def test_a_sound_export_passes():
    frame = assess(export({}, {"m_stage": "M0(i+)", "eod_mets": "05"}))
    consistency = frame.filter(pl.col("check").is_in(["unknown_label", *quality.CONSISTENCY]))
    assert consistency["verdict"].to_list() == ["ok"] * 5
    assert consistency["count"].to_list() == [0] * 5
    refuse_poor_quality(frame)


def test_unknown_labels_are_listed_per_column_with_counts():
    records = export({"grade": "X"}, {"m_stage": "M7"}, {"grade": "X"}, *[{}] * 97)
    frame = assess(records, stop_percent=1.5)
    assert [
        (row["field"], row["detail"], row["count"], row["records"], row["verdict"])
        for row in of(frame, "unknown_label")
    ] == [("grade", "X", 2, 100, "stop"), ("m_stage", "M7", 1, 100, "warning")]
    with pytest.raises(StudyError, match=r"grade: X \(2.00 % of the records\).*stop_percent"):
        refuse_poor_quality(frame)


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("survival_months", "12"),
        ("survival_months", "12.0"),
        ("survival_months", "Unknown"),
        ("tumor_size", "7"),
        ("tumor_size", "999"),
        ("age", "63"),
        ("age", "90+ years"),
        ("m_stage", "cM0 (I+)"),
        ("subtype", "HR+/HER2- (Luminal A)"),
        ("eod_mets", "5"),
        ("year", "2023"),
        ("sex", "  Female"),
        ("patient_id", "225"),
        ("patient_id", "225.0"),
    ],
)
def test_other_spellings_are_known(field, label):
    (row,) = of(assess(export({field: label}), years=None), "unknown_label")
    assert row["count"] == 0


def test_a_patients_number_is_never_shown():
    records = export({"grade": "00012345"}, {"patient_id": "John Doe"}, {"sex": "'00012345"})
    counts = count_quality(records, EXPOSURE)
    page = render_quality(assess_quality(counts))
    assert "12345" not in counts.write_csv() + page
    assert "John Doe" not in counts.write_csv() + page
    found = {row["field"] for row in of(assess_quality(counts), "unknown_label")}
    assert found == {"grade", "patient_id", "sex"}


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("outcome", {"vital_status": "Dead"}),
        ("outcome", {"cause_specific": "Dead (attributable to this cancer dx)"}),
        ("outcome", {"vital_status": "Dead", "cause_specific": NO_CAUSE[1]}),
        ("outcome", {"other_cause": "N/A not seq 0-59"}),
        ("subtype", {"er": "Negative"}),
        ("subtype", {"her2": "Positive"}),
        ("subtype", {"subtype": "HR-/HER2-"}),
        ("mets", {"m_stage": "M0(i+)"}),
        ("mets", {"m_stage": "M1", "eod_mets": "05"}),
        ("follow_up", {"survival_months": "0024"}),
        ("follow_up", {"year": "2019", "survival_months": "12"}),
    ],
)
def test_contradictions_are_found(check, change):
    records = export(change, *[{}] * 98, {"year": "2019"})
    for limit, verdict in ((0.5, "stop"), (1.0, "warning")):
        frame = assess(records, stop_percent=limit, last_year=2019)
        (row,) = of(frame, check)
        assert (row["count"], row["records"], row["verdict"]) == (1, 100, verdict)
        assert row["percent"] == 1.0
    others = [name for name in quality.CONSISTENCY if name != check]
    assert all(row["verdict"] == "ok" for name in others for row in of(frame, name))


@pytest.mark.parametrize(
    "change",
    [
        dict(zip(("vital_status", "cause_specific", "other_cause"), NO_CAUSE, strict=True)),
        {"cause_specific": "N/A not seq 0-59", "other_cause": "N/A not seq 0-59"},
        {"er": "Borderline/Unknown", "pr": "Negative"},
        {"subtype": "Unknown", "her2": "Borderline/Unknown"},
        {"m_stage": "88", "eod_mets": "88"},
        {"m_stage": "M1", "eod_mets": "70"},
        {"survival_months": "0023", "year": "2018"},
        {"survival_months": "Unknown", "year": "2019"},
        {"survival_months": "9999", "year": "2019"},
    ],
)
def test_possible_combinations_pass(change):
    frame = assess(export(change, {"year": "2019", "survival_months": "0000"}))
    assert all(row["count"] == 0 for check in quality.CONSISTENCY for row in of(frame, check))


def test_follow_up_ends_with_the_database_not_with_the_export():
    counts = count_quality(export({"survival_months": "0059"}), EXPOSURE)
    (late,) = of(assess_quality(counts, last_year=2018), "follow_up")
    assert late["verdict"] == "stop"
    assert "count as unknown" in late["note"]
    # without a dictionary the end of the database is a guess: early years alone are no mistake
    (late,) = of(assess_quality(counts), "follow_up")
    assert late["verdict"] == "warning"
    assert "newest year of diagnosis" in late["note"]
    assert of(assess_quality(counts, last_year=2022), "follow_up")[0]["verdict"] == "ok"
    later = count_quality(export({"year": "2022", "survival_months": "0001"}), EXPOSURE)
    assert of(assess_quality(pl.concat([counts, later])), "follow_up")[0]["verdict"] == "ok"


def test_the_last_year_of_the_data_may_be_outside_the_studys_years():
    records = export({"survival_months": "0030"}, {"year": "2020"})
    assert of(assess(records, years=[2018]), "follow_up")[0]["count"] == 0


@pytest.mark.parametrize(("missing", "verdict"), [(3, "ok"), (4, "warning")])
def test_deaths_without_a_cause(missing, verdict):
    names = ("vital_status", "cause_specific", "other_cause")
    without, other = (dict(zip(names, labels, strict=True)) for labels in (NO_CAUSE, OTHER))
    records = export(*[without] * missing, *[other] * (100 - missing), *[{}] * 50)
    (row,) = of(assess(records), "missing_cause_of_death")
    assert (row["count"], row["records"], row["verdict"]) == (missing, 100, verdict)


def test_one_value():
    frame = assess(export({}, {"grade": "3"}))
    constant = {row["field"]: row["verdict"] for row in of(frame, "one_value")}
    assert "grade" not in constant
    assert constant["er"] == "warning"
    assert constant["sex"] == "ok"  # a selection, not a fault
    two = [count_quality(export({"grade": grade}), EXPOSURE) for grade in "12"]
    found = of(assess_quality(pl.concat(two)), "one_value", field="grade")
    assert found == []


def test_missing_values_per_variable_and_arm():
    records = export(
        {"grade": "9"},
        {"grade": "Blank(s)"},
        {"grade": None},
        {"grade": "D"},
        {"m_stage": "M0(i+)", "tumor_size": "999"},
        {"m_stage": "M1"},
    )
    frame = assess(records)
    cells = {
        (row["field"], row["group"]): (row["count"], row["records"], row["verdict"])
        for row in of(frame, "missing")
    }
    assert cells["grade", "reference"] == (3, 4, "ok")
    assert cells["grade", "exposed"] == (0, 1, "ok")
    assert cells["tumor_size", "exposed"] == (1, 1, "warning")
    assert cells["tumor_size", "other"] == (0, 1, "ok")
    detail = of(frame, "missing", field="grade", group="reference")[0]["detail"]
    assert sorted(detail.split("; ")) == ["(empty) 1", "9 1", "Blank(s) 1"]


def test_stand_in_fields_are_compared():
    records = export({}).drop("er").with_columns(pl.lit("ER negative").alias("er_2018"))
    assert of(assess(records), "subtype")[0]["count"] == 1


def test_an_export_without_the_optional_fields():
    frame = assess(export({}).select("year", "m_stage"))
    assert not {"outcome", "subtype", "mets", "follow_up"} & set(frame["check"])


FLOW = pd.DataFrame(
    {"remaining_reference": [40, 40], "remaining_exposed": [10, 10]}
    | {"excluded_reference": [0, 0], "excluded_exposed": [0, 0]}
)


def released(records, method="suppress", flow=FLOW):
    return release_quality(assess(records, label_counts=False), DisclosureRule(5, method), flow)


def test_small_counts_are_masked():
    frame = released(export({"grade": "X"}, {"grade": "9"}, *[{}] * 8, {"m_stage": "M0(i+)"}))
    assert all(n is None or n == 0 or n >= 5 for n in [*frame["count"], *frame["records"]])
    masked = of(frame, "missing", field="grade", group="reference")[0]
    assert (masked["count"], masked["detail"], masked["verdict"]) == (None, "", "ok")
    assert "few" in render_quality(frame)


@pytest.mark.parametrize(("method", "count"), [("suppress", None), ("round", 3)])
def test_what_is_said_of_small_counts_does_not_compare_them(method, count):
    dead = {"cause_specific": "Dead (missing/unknown COD)", "vital_status": "Dead"}
    frame = released(export(*[dead] * 2, *[{}] * 30), method)
    small = [row for row in frame.iter_rows(named=True) if row["count"] == count]
    assert small
    for row in small:
        if row["check"] in COMPARED:
            assert row["note"] == "Masked for disclosure control." and not row["detail"]


def test_every_count_is_rounded_where_tables_are():
    frame = released(export({"grade": "9"}, *[{}] * 30, {"m_stage": "M0(i+)"}), "round")
    counts = {n for n in [*frame["count"], *frame["records"]] if n}
    assert counts and all(n % 5 == 3 for n in counts)
    share = of(frame, "missing", field="grade", group="reference")[0]
    assert (share["count"], share["records"], share["percent"]) == (3, 33, 100 * 3 / 33)


@pytest.mark.parametrize(("method", "few"), [("suppress", None), ("round", 3)])
def test_what_a_group_lacks_is_masked_where_a_step_excluded_few(method, few):
    """Twelve records without a grade, and ten excluded earlier: at least two at the grade."""
    records = export(*[{"grade": "9"}] * 12, *[{}] * 30, *[{"m_stage": "M0(i+)"}] * 9)
    flow = FLOW.assign(excluded_reference=pd.Series([0, few], dtype="Int64"))
    shown, masked = (
        of(released(records, method, f), "missing", field="grade") for f in (FLOW, flow)
    )
    counts = {row["group"]: row["count"] for row in masked}
    assert {row["group"]: row["count"] is None for row in shown} == dict.fromkeys(counts, False)
    assert (counts["reference"], counts["exposed"]) == (None, 0)


def test_sizes_that_the_flow_masks_are_masked_here():
    frame = released(
        export(*[{}] * 30, *[{"m_stage": "M0(i+)"}] * 9),
        flow=FLOW.assign(remaining_exposed=pd.Series([None, 9], dtype="Int64")),
    )
    rows = of(frame, "missing", field="grade")
    assert {row["group"]: row["records"] for row in rows}["exposed"] is None
    assert all(row["count"] is None for row in rows if row["group"] != "reference")


@pytest.mark.parametrize(("database", "told"), [("SEER - SYNTHETIC", True), ("SEER", False)])
def test_the_page_says_when_the_records_are_simulated(database, told):
    origin = {"export": "breast_2018", "rows": 64898, "database": database, "sha256": "9f86"}
    page = render_quality(assess(export({})), exports=[origin])
    assert ("simulated" in page) == told
    assert '<th scope="row">breast_2018</th><td class="wrap">64,898</td>' in page
    assert "SHA-256" in page


labels = st.fixed_dictionaries(
    {
        "year": st.sampled_from(["2018", "2019", "x"]),
        "grade": st.sampled_from(["1", "9", "X", None]),
        "m_stage": st.sampled_from(["M0", "M0(i+)", "M1", "88"]),
        "her2": st.sampled_from(["Negative", "Positive", "Unknown"]),
        "survival_months": st.sampled_from(["0001", "0030", "Unknown"]),
    }
)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.lists(labels, min_size=1, max_size=12), st.integers(0, 12))
def test_counts_add_up_over_exports(rows, cut):
    cut = min(cut, len(rows))
    whole = count_quality(export(*rows), EXPOSURE, [2018, 2019])
    parts = [
        count_quality(export(*part), EXPOSURE, [2018, 2019]) for part in (rows[:cut], rows[cut:])
    ]
    together = assess_quality(pl.concat(parts), last_year=2019)
    assert together.equals(assess_quality(whole, last_year=2019))


def test_ties_and_what_is_shown_do_not_hang_on_the_number_of_files():
    """Of 30 unknown labels with one record each the same 20 are shown, in the same order."""
    rows = [{"grade": f"X{number:02d}", "her2": f"Y{-number}"} for number in range(30)]
    rows += [{"er": "9", "grade": label} for label in ("Blank(s)", "9", "8", "D")]
    whole = assess(export(*rows))
    assert [row["detail"] for row in of(whole, "unknown_label", field="grade")] == [
        *(f"X{number:02d}" for number in range(20)),
        "(further labels)",
    ]
    assert of(whole, "unknown_label", field="grade")[-1]["count"] == 10
    for size in (1, 7, 33):
        parts = [export(*rows[i : i + size]) for i in reversed(range(0, len(rows), size))]
        counts = pl.concat(count_quality(part, EXPOSURE, (2018, 2019)) for part in parts)
        assert assess_quality(counts).equals(whole)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.lists(labels, min_size=1, max_size=12))
def test_counts_agree_with_counting_row_by_row(rows):
    frame = assess(export(*rows), last_year=2019)
    studied = [SOUND | row for row in rows if row["year"] != "x"]
    for group, stage in (("reference", "M0"), ("exposed", "M0(i+)")):
        unknown = [r for r in studied if r["m_stage"] == stage and r["grade"] in ("9", None)]
        found = of(frame, "missing", field="grade", group=group)
        assert sum(row["count"] for row in found) == len(unknown)
    wrong = [r for r in studied if r["her2"] == "Positive"]
    assert sum(row["count"] for row in of(frame, "subtype")) == len(wrong)
    late = [r for r in studied if r["survival_months"] == "0030"]
    assert of(frame, "follow_up")[0]["count"] == len(late)


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


def test_labels_of_the_data_are_escaped():
    attack = "<script>alert('x')</script>"
    page = Page()
    frame = assess(export({"grade": attack}, {"m_stage": attack}))
    page.feed(render_quality(frame, (attack, "b"), [{"export": attack}]))
    assert "script" not in page.tags
    assert "".join(page.text).count(attack) >= 4


def test_the_page_is_whole_and_names_the_verdict():
    frame = assess(export({"grade": "X"}, {"er": "Negative"}))
    text = render_quality(frame, ("M0", "M0(i+)"))
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert "The run stops here" in text
    assert "Derived Summary Grade 2018 (2018+)" in text
    assert text == render_quality(frame, ("M0", "M0(i+)"))


def test_the_table_survives_its_file(tmp_path):
    frame = released(export({"grade": "X"}))
    path = tmp_path / "data_quality.tsv"
    frame.write_csv(path, separator="\t")
    again = pl.read_csv(path, separator="\t", schema=frame.schema)
    with pytest.raises(StudyError, match="grade: X"):
        refuse_poor_quality(again)
    render_quality(again)
