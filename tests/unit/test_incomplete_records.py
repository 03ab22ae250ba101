"""Who is kept for want of a covariate only: label by label, and beside the study's own filter."""

from pathlib import Path

import polars as pl
import pytest
import yaml
from seermatch.cohort.criteria import Exposure
from seermatch.cohort.filter import filter_cohort
from seermatch.cohort.merge import (
    every_tumor,
    join_records,
    merge_eligible,
    one_tumor_per_patient,
    with_levels,
)
from seermatch.cohort.recode import FURTHER, levels_of, not_exported, recode
from seermatch.errors import StudyError
from seermatch.seer.fields import identify_field
from seermatch.synthetic.registry import simulate_registry

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
COVARIATES = CONFIG["matching"]["covariates"]
EXPOSURE = Exposure("m_stage", ("M0",), ("M0(i+)",))
YEARS = CONFIG["cohort"]["years"]
CRITERIA = CONFIG["cohort"]["criteria"]
EXAMINED = {
    "criterion": "nodes examined",
    "keep": {"eod_regional_nodes": {"labels": ["070"]}},
    "if_exported": True,
}

RECORD = {
    "patient_id": "00000001",
    "record_number": "01",
    "sequence_number": "One primary only",
    "year": "2018",
    "sex": "Female",
    "age": "63 years",
    "histology": "8500",
    "behavior": "Malignant",
    "grade": "2",
    "tumor_size": "016",
    "er": "Positive",
    "pr": "Negative",
    "her2": "Negative",
    "subtype": "HR+/HER2-",
    "t_stage": "T1c",
    "n_stage": "N0",
    "m_stage": "M0",
    "survival_months": "0012",
    "vital_status": "Alive",
    "cause_specific": "Alive or dead of other cause",
    "other_cause": "Alive or dead due to cancer",
    "cod_site": "Alive",
}
DEAD = {"vital_status": "Dead", "cause_specific": "Dead (attributable to this cancer dx)"}
DEAD_OF_OTHER = {
    "vital_status": "Dead",
    "other_cause": "Dead (attributable to causes other than this cancer dx)",
}


def eligible_records(frame, criteria, covariates, recodes, exposure=EXPOSURE, last_year=None):
    """Filter and recode, as the two rules do."""
    kept = filter_cohort(frame, criteria, exposure, YEARS, covariates, last_year).collect()
    return recode(kept.records, recodes)


def keep(*records, covariates=COVARIATES, criteria=CRITERIA, without=()):
    rows = [{k: v for k, v in (RECORD | record).items() if k not in without} for record in records]
    frame = pl.LazyFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    return eligible_records(frame, criteria, covariates, CONFIG["recode"], last_year=2022)


def test_months_that_cannot_be_exclude():
    months = [{"survival_months": text} for text in ("0059", "0060", "9999", "Unknown")]
    assert keep(*months)["time"].to_list() == [59]


@pytest.mark.parametrize(
    ("field", "labels"),
    [
        ("t_stage", ["TX", "88", "Blank(s)", "", None]),
        ("n_stage", ["NX", "pNX", "88", "Blank(s)"]),
        ("grade", ["9", "Blank(s)", None]),
        ("tumor_size", ["999", "999.0", "990", "998", "Blank(s)", " 999 "]),
        ("er", ["Borderline/Unknown", "Recode not available", "Blank(s)"]),
        ("pr", ["Borderline/Unknown", None]),
        ("her2", ["Borderline/Unknown", "Recode not available"]),
        ("subtype", ["Unknown", "Recode not available", "Blank(s)"]),
    ],
)
def test_an_unknown_covariate_stays_missing(field, labels):
    kept = keep({}, *({field: label} for label in labels))
    assert kept["complete"].to_list() == [True] + [False] * len(labels)
    assert kept[field].is_null().to_list() == [False] + [True] * len(labels)
    rest = kept.drop(field, "complete")
    assert rest.n_unique() == 1, "all else is as in the complete record"


@pytest.mark.parametrize(
    ("field", "label"),
    [
        *[("t_stage", label) for label in ("T0", "Tis", "Tis(DCIS)")],
        *[("grade", label) for label in ("D", "L", "H")],
        *[("tumor_size", label) for label in ("000", "989")],
        *[("age", label) for label in ("17 years", "90+ years", "Unknown", "Blank(s)")],
        *[("sex", label) for label in ("Male", "Unknown", "Blank(s)")],
        ("behavior", "In situ"),
        *[("m_stage", label) for label in ("M1", "88", "Blank(s)")],
        ("year", "2017"),
        *[("survival_months", label) for label in ("Unknown", "Blank(s)")],
        *[("cause_specific", label) for label in ("Dead (missing/unknown COD)", "Blank(s)")],
    ],
)
def test_a_real_exclusion_stays_one(field, label):
    assert len(keep({}, {field: label})) == 1
    also = {field: label, "pr": "Borderline/Unknown"}
    assert len(keep({}, also)) == 1, "even where a covariate is unknown"


def test_several_may_be_unknown_at_once():
    kept = keep({"t_stage": "TX", "tumor_size": "999", "grade": "9"})
    assert kept.select("t_stage", "tumor_size", "grade").row(0) == (None, None, None)
    assert kept["complete"].to_list() == [False]


def test_only_covariates_may_be_unknown():
    assert len(keep({"grade": "9"}, covariates=["age", "subtype"])) == 0
    for receptor in ("er", "pr", "her2"):
        unknown = {receptor: "Borderline/Unknown", "subtype": "Unknown"}
        assert len(keep(unknown, covariates=["age", "subtype"])) == 1
        assert len(keep(unknown, covariates=["age", receptor])) == 1
        assert len(keep(unknown, covariates=["age", "grade"])) == 0
    assert len(keep({"her2": "Borderline/Unknown"}, covariates=["er"])) == 0


def test_a_label_that_a_criterion_takes_is_no_missing_value():
    criteria = [c for c in CRITERIA if "tumor_size" not in c["keep"]]
    criteria.append({"criterion": "size", "keep": {"tumor_size": {"minimum": 1, "maximum": 990}}})
    kept = keep({"tumor_size": "990"}, {"tumor_size": "999"}, criteria=criteria)
    assert kept["tumor_size"].to_list() == [990, None]
    assert kept["complete"].to_list() == [True, False]


def test_a_covariate_without_a_criterion_is_recoded_as_in_the_cohort():
    kept = keep({"histology": "Blank(s)"}, {"histology": "Blank(s)", "grade": "9"})
    assert kept["histology"].to_list() == ["Other", "Other"]
    assert kept["complete"].to_list() == [True, False]


def test_an_unknown_label_is_not_a_missing_one():
    assert len(keep({"grade": "Z"})) == 0


def test_fields_that_stand_in_may_be_unknown_too():
    stand_ins = {
        "er_2018": "ER positive",
        "grade_clinical": "9",
        "grade_pathological": "2",
        "tumor_size_recode": "016",
    }
    unknown = "Not documented; Indeterminate; Not assessed or unknown if assessed"
    size = "Unknown or size unreasonable (includes any tumor sizes 401-989)"
    kept = keep(
        stand_ins,
        stand_ins | {"er_2018": unknown},
        stand_ins | {"grade_clinical": "Blank(s)", "grade_pathological": "9"},
        stand_ins | {"tumor_size_recode": size},
        stand_ins | {"tumor_size_recode": "000 (no evidence of primary tumor)"},
        without=("er", "grade", "tumor_size"),
    )
    assert kept["complete"].to_list() == [True, False, False, False]
    assert kept["er"].to_list() == ["Positive", None, "Positive", "Positive"]
    assert kept["grade"].to_list() == ["I-II", "I-II", None, "I-II"]
    assert kept["tumor_size"].to_list() == [16, 16, 16, None]


def test_criteria_apply_where_their_field_is_exported():
    criteria = [*CRITERIA, EXAMINED]
    assert len(keep({"grade": "9"}, criteria=criteria)) == 1
    nodes = [{"eod_regional_nodes": label, "grade": "9"} for label in ("070", "000", "Blank(s)")]
    assert len(keep(*nodes, criteria=criteria)) == 1


def test_one_of_several_fields_is_enough_where_the_criterion_says_so():
    """As filter_cohort has it; a covariate is unknown only where no other field decides."""
    either = {
        "criterion": "nodes examined or T1",
        "keep": {
            "regional_nodes_examined": {"pattern": "0[1-9]"},
            "t_stage": {"pattern": "T1.*"},
        },
        "any": True,
    }
    criteria = [c for c in CRITERIA if "t_stage" not in c["keep"]] + [either]
    records = [
        {"regional_nodes_examined": "02", "t_stage": "T1c"},
        {"regional_nodes_examined": "00", "t_stage": "T1c"},
        {"regional_nodes_examined": "00", "t_stage": "T2"},
        {"regional_nodes_examined": "02", "t_stage": "T2"},
        {"regional_nodes_examined": "00", "t_stage": "TX"},
    ]
    kept = keep(*records, criteria=criteria)
    assert kept["complete"].to_list() == [True, True, True, False]
    assert kept["t_stage"].to_list() == ["T1-T2", "T1-T2", "T1-T2", None]
    alone = [{"t_stage": label} for label in ("T1c", "T2", "TX")]
    kept = keep(*alone, criteria=criteria)
    assert kept["complete"].to_list() == [True, False]


def test_a_criterion_applies_where_a_field_stands_in():
    criteria = [c | {"if_exported": True} for c in CRITERIA]
    records = [{"er_2018": label, "sex": sex} for label, sex in (("x", "Male"), ("x", "Female"))]
    assert len(keep(*records, criteria=criteria, without=("er",))) == 0


def test_deaths_by_cause_of_death():
    kept = keep(
        {},
        DEAD | {"cod_site": "Breast"},
        DEAD | {"cod_site": "Lung and Bronchus"},
        DEAD_OF_OTHER | {"cod_site": "Breast"},
        DEAD_OF_OTHER | {"cod_site": "Diseases of Heart"},
        DEAD | {"cod_site": "State DC not available or state DC available but no COD"},
        DEAD | {"cod_site": "Alive"},
        DEAD | {"cod_site": None},
    )
    assert kept["event_by_cause_of_death"].to_list() == [
        *("censored", "cancer death", "other death", "cancer death", "other death"),
        *(None, None, None),
    ]


def test_first_primaries():
    labels = {
        "One primary only": True,
        "1st of 2 or more primaries": True,
        "1st of 3 or more primaries": True,
        "2nd of 2 or more primaries": False,
        "11th of 12 or more primaries": False,
        "Only one state registry-defined neoplasm": False,
        "Unknown seq num - federally required in situ or malig tumors": None,
        "Blank(s)": None,
    }
    kept = keep(*({"sequence_number": label} for label in labels))
    assert kept["first_primary"].to_list() == list(labels.values())


def test_what_is_not_exported_gives_a_note_and_no_column():
    kept = keep({"grade": "9"}, without=("cod_site", "sequence_number"))
    assert {"event_by_cause_of_death", "first_primary"}.isdisjoint(kept.columns)
    assert [note.split(" hold ")[1] for note in not_exported(kept.columns)] == [
        "COD to site recode",
        "Sequence number",
    ]


# ----- merging -----------------------------------------------------------------------------------


def rows(*values, **columns):
    names = ["patient_id", "record_number", "complete"]
    return pl.DataFrame(list(values), schema=names, orient="row").with_columns(**columns)


def test_a_complete_tumor_goes_before_an_earlier_incomplete_one():
    a = rows(("2", 1, False), ("1", 2, False), ("3", 1, True))
    b = rows(("2", 2, True), ("1", 1, False), ("3", 2, False))
    merged = merge_eligible({"a": a, "b": b}, one_tumor=True)
    assert merged.records.rows() == [("1", 1, False), ("2", 2, True), ("3", 1, True)]
    assert merged.notes == ()


def test_a_further_column_needs_every_export_with_records():
    a = rows(("1", 1, True), first_primary=pl.lit(True))
    b = rows(("2", 1, False))
    merged = merge_eligible({"a": a, "b": b}, one_tumor=True)
    assert "first_primary" not in merged.records.columns
    assert merged.notes == ("first_primary: left out, because not every export holds it",)
    merged = merge_eligible({"a": a, "b": b.clear()}, one_tumor=True)
    assert merged.records["first_primary"].to_list() == [True]


def test_overlapping_exports_are_refused():
    a = rows(("1", 1, False))
    with pytest.raises(StudyError, match="2 eligible records share"):
        merge_eligible({"a": a, "b": a}, one_tumor=True)


def test_every_tumor_keeps_the_numbers_of_the_cohort():
    a = rows(("1", 1, True), ("1", 2, False), ("2", 1, True))
    merged = merge_eligible({"a": a}, one_tumor=False).records
    assert merged["patient_id"].to_list() == ["1", "2", "incomplete 00000001"]
    assert merged["complete"].to_list() == [True, True, False]


@pytest.fixture(scope="module")
def exports():
    registry = simulate_registry(5, reference_scale=0.03).exports
    return {
        str(year): frame.cast(pl.String).rename(
            {name: found[0] for name in frame.columns if (found := identify_field(name))}
        )
        for year, frame in registry.items()
    }


@pytest.mark.parametrize("one_tumor", [True, False])
@pytest.mark.parametrize("study", [None, "nodal_micrometastasis", "nodal_isolated_cells"])
def test_the_complete_patients_are_the_cohort(exports, study, one_tumor):
    """A filter that lets nothing be unknown keeps the same patients, and counts the same."""
    settings = CONFIG
    if study:
        overlay = yaml.safe_load((ROOT / f"config/studies/{study}.yaml").read_text("utf-8"))
        settings = {key: CONFIG[key] | overlay[key] for key in ("cohort", "recode", "matching")}
    criteria, recodes = settings["cohort"]["criteria"], settings["recode"]
    groups = settings["cohort"]["exposure"]
    arms = (tuple(groups[arm]["labels"]) for arm in ("reference", "exposed"))
    exposure = Exposure(groups["field"], *arms)
    covariates = settings["matching"]["covariates"]
    cohort, eligible = {}, {}
    for name, frame in exports.items():
        cohort[name] = eligible_records(frame.lazy(), criteria, [], recodes, exposure)
        eligible[name] = eligible_records(frame.lazy(), criteria, covariates, recodes, exposure)
    joined = join_records(cohort).drop("export", "complete", *FURTHER)
    expected = one_tumor_per_patient(joined) if one_tumor else every_tumor(joined)
    merged = merge_eligible(eligible, one_tumor).records
    assert merged.filter("complete").select(expected.columns).equals(expected)
    others = merged.filter(~pl.col("complete"))
    assert len(others) > 200
    assert merged["patient_id"].is_unique().all()
    covariates = [name for name in covariates if name not in ("age", "histology")]
    assert others.select(pl.any_horizontal(pl.col(covariates).is_null())).to_series().all()
    assert all(others[name].null_count() > 0 for name in covariates)
    levels = levels_of(recodes)
    assert with_levels(merged, levels).to_pandas()["grade"].isna().sum() > 0


def test_the_synthetic_causes_of_death_mostly_agree(exports):
    kept = [
        eligible_records(frame.lazy(), CRITERIA, COVARIATES, CONFIG["recode"])
        for frame in exports.values()
    ]
    records = merge_eligible(dict(zip(exports, kept, strict=True)), True)
    dead = records.records.filter(pl.col("event") != "censored")
    agree = (dead["event"] == dead["event_by_cause_of_death"]).mean()
    assert 0.9 < agree < 1
    alive = records.records.filter(pl.col("event") == "censored")
    assert set(alive["event_by_cause_of_death"]) == {"censored"}
    assert 0.8 < records.records["first_primary"].mean() < 1
