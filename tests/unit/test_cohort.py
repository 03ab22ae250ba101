"""Criteria, counts and typed fields, against small hand-made records."""

import polars as pl
import pytest
import yaml
from seermatch.cohort.criteria import Exposure, of_registries, rule_expression
from seermatch.cohort.filter import filter_cohort
from seermatch.cohort.merge import (
    combine_attrition,
    every_tumor,
    join_records,
    one_submission,
    one_tumor_per_patient,
    refuse_overlap,
)
from seermatch.errors import StudyError
from seermatch.seer.spelling import standardize

EXPOSURE = Exposure("m_stage", ("M0",), ("M0(i+)",))
STAGED = {"criterion": "staged", "keep": {"exposure": {"labels": ["reference", "exposed"]}}}
FEMALE = {"criterion": "female", "keep": {"sex": {"labels": ["Female"]}}}
ADULT = {"criterion": "adult", "keep": {"age": {"minimum": 18, "maximum": 89}}}


def filtered(*arguments, **options):
    return filter_cohort(*arguments, **options).collect()


def records(**columns):
    return pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String))


@pytest.mark.parametrize(
    ("field", "exported", "typed"),
    [
        (
            "age",
            ["00 years", "063 years", "89 years", "90+ years", "Unknown"],
            [0, 63, 89, None, None],
        ),
        ("survival_months", ["0000", "12", "12.0", "Unknown", ""], [0, 12, 12, None, None]),
        ("tumor_size", ["001", "999", "Blank(s)", " 16 "], [1, 999, None, 16]),
        ("year", ["2018", "2018.0"], [2018, 2018]),
        ("patient_id", ["225", "00000225", "225.0"], ["00000225"] * 3),
        ("m_stage", ["M0(i+)", "M0 (I+)", "cM0(i+)", "M0", "88"], ["M0(i+)"] * 3 + ["M0", "88"]),
        ("n_stage", ["N0(i+)", "pN1mi", "N0(mol+)"], ["N0(i+)", "N1mi", "N0(mol+)"]),
        ("subtype", ["HR+/HER2- (Luminal A)", "HR-/HER2-"], ["HR+/HER2-", "HR-/HER2-"]),
        (
            "eod_regional_nodes",
            ["70", "070", "30.0", "Blank(s)"],
            ["070", "070", "030", "Blank(s)"],
        ),
        (
            "regional_nodes_examined",
            ["0", "00", "7", "12.0", "98", "Blank(s)", None],
            ["00", "00", "07", "12", "98", "Blank(s)", None],
        ),
        (
            "grade",
            [
                "Site-specific grade system category (2)",
                "Well differentiated",
                "Moderately differentiated",
                "Poorly differentiated",
                "Undifferentiated and anaplastic",
                "Low grade",
                "High grade",
                "Grade cannot be assessed; Unknown",
                "Site-specific grade system category",
                "Blank(s)",
                "3",
                None,
            ],
            [*"2ABCDLH9", "Site-specific grade system category", "Blank(s)", "3", None],
        ),
        ("histology", ["8500", "8522/3: Infiltrating duct and lobular"], ["8500", "8522"]),
    ],
)
def test_fields_get_types_and_one_spelling(field, exported, typed):
    assert standardize(records(**{field: exported})).collect()[field].to_list() == typed


def test_tumor_size_comes_from_the_recode_over_time():
    labels = ["016", "400", "000 (no evidence of primary tumor)", "990 (microscopic focus)"]
    frame = standardize(records(tumor_size_recode=labels)).collect()
    assert frame["tumor_size"].to_list() == [16, 400, None, None]


def test_receptors_and_grade_come_from_the_fields_that_stand_in():
    frame = standardize(
        records(
            er_2018=["ER positive", "ER negative", "Blank(s)"],
            her2_2018=["HER2 negative; equivocal", "HER2 positive", "x"],
            grade_clinical=["2", "9", "A"],
            grade_pathological=["1", "High grade", "Grade cannot be assessed; Unknown"],
        )
    ).collect()
    assert frame["er"].to_list() == ["Positive", "Negative", "Blank(s)"]
    assert frame["her2"].to_list() == ["Negative", "Positive", "x"]
    assert frame["grade"].to_list() == ["2", "H", "A"]


def test_one_list_filters_and_counts():
    rows = records(
        year=["2018", "2018", "2019", "2019", "2019", "2017"],
        m_stage=["M0", "M0(i+)", "M0", "M1", "M0(i+)", "M0"],
        sex=["Female", "Female", "Male", "Female", "Female", "Female"],
        age=["50 years", "90+ years", "60 years", "60 years", "18 years", "50 years"],
    )
    kept = filtered(rows, [STAGED, FEMALE, ADULT], EXPOSURE, [2018, 2019])
    assert kept.records.select("year", "group").rows() == [(2018, 0), (2019, 1)]
    by_step = kept.attrition.group_by("step").agg(pl.col("^remaining.*$").sum()).sort("step")
    assert by_step.rows() == [(0, 5, 2, 2), (1, 4, 2, 2), (2, 3, 1, 2), (3, 2, 1, 1)]
    flow = combine_attrition(kept.attrition, None, [2018, 2019], ("M0", "M0(i+)"))
    assert flow["excluded"].to_list() == [0, 1, 1, 1]
    assert flow["excluded_reference"].to_list() == [0, 0, 1, 0]
    assert flow["remaining"].to_list() == [5, 4, 3, 2]


def test_a_record_counts_at_the_first_criterion_it_fails():
    rows = records(
        year=["2018"] * 2, m_stage=["M0"] * 2, sex=["Male", "Female"], age=["5 years"] * 2
    )
    forward = filtered(rows, [FEMALE, ADULT], EXPOSURE, [2018]).attrition
    backward = filtered(rows, [ADULT, FEMALE], EXPOSURE, [2018]).attrition
    assert forward["remaining"].to_list() == [2, 1, 0]
    assert backward["remaining"].to_list() == [2, 0, 0]


FOLLOWED = {"criterion": "survival months known", "keep": {"survival_months": {"minimum": 0}}}


@pytest.mark.parametrize(
    ("year", "months", "kept"),
    [
        ("2018", "0059", 1),
        ("2018", "0060", 0),
        ("2022", "0011", 1),
        ("2022", "0012", 0),
        ("2018", "9999", 0),
        ("2018", "Unknown", 0),
        ("2018", "Blank(s)", 0),
        ("2018", "", 0),
        ("2018", None, 0),
    ],
)
def test_months_that_cannot_be_are_no_follow_up(year, months, kept):
    rows = records(year=[year], m_stage=["M0"], survival_months=[months])
    found = filtered(rows, [STAGED, FOLLOWED], EXPOSURE, [2018, 2022], last_year=2022)
    assert found.attrition["remaining"].to_list() == [1, 1, kept]
    assert len(found.records) == kept


def test_unknown_months_are_no_follow_up_of_an_unnamed_database():
    rows = records(year=["2018"] * 2, m_stage=["M0"] * 2, survival_months=["9999", "0059"])
    kept = filtered(rows, [STAGED, FOLLOWED], EXPOSURE, [2018]).records
    assert kept["survival_months"].to_list() == [59]


def test_missing_values_meet_no_rule():
    rows = records(year=["2018"] * 2, m_stage=["M0"] * 2, sex=[None, "Female"])
    assert len(filtered(rows, [FEMALE], EXPOSURE, [2018]).records) == 1


def test_an_export_without_either_group_tells_its_labels():
    rows = records(year=["2018"] * 3, m_stage=["M0i", "M0i", "88"], sex=["Female"] * 3)
    with pytest.raises(StudyError, match=r"m_stage holds none .*'M0\(i\+\)'\) but 'M0i' \(2\)"):
        filtered(rows, [STAGED], EXPOSURE, [2018])
    assert len(filtered(rows, [STAGED], EXPOSURE, [2019]).attrition) == 0


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ({"criterion": "x", "keep": {"registry": {"labels": ["Utah"]}}}, "needs registry"),
        ({"criterion": "x", "keep": {"age": {"pattern": "5.*"}}}, "age is a number"),
        ({"criterion": "x", "keep": {"age": {"labels": ["fifty"]}}}, "'fifty'"),
        ({"criterion": "x", "keep": {"sex": {"minimum": 1}}}, "sex is text"),
    ],
)
def test_wrong_criteria_are_named(criterion, words):
    rows = records(year=["2018"], m_stage=["M0"], sex=["Female"], age=["50 years"])
    with pytest.raises(StudyError, match=words):
        filtered(rows, [criterion], EXPOSURE, [2018])


def test_records_outside_both_groups_are_refused():
    rows = records(year=["2018"] * 2, m_stage=["M1", "M0"], sex=["Female"] * 2)
    with pytest.raises(StudyError, match="neither group"):
        filtered(rows, [FEMALE], EXPOSURE, [2018])


def test_the_lowest_eligible_record_of_a_patient_stays():
    rows = pl.DataFrame(
        {"patient_id": ["b", "a", "b", "a"], "record_number": [1, 3, 2, 2], "year": [1, 2, 3, 4]}
    )
    assert one_tumor_per_patient(rows)["year"].to_list() == [4, 1]
    nameless = rows.with_columns(pl.lit(None, pl.String).alias("patient_id"))
    with pytest.raises(StudyError, match="4 eligible records have no Patient ID"):
        one_tumor_per_patient(nameless)


def test_exports_that_overlap_are_named_with_counts():
    rows = pl.DataFrame(
        {
            "patient_id": ["a", "b", "b", "a", "b", "c"],
            "record_number": [1, 1, 2, 1, 2, 1],
            "export": ["x", "x", "x", "y", "y", "z"],
        }
    )
    refuse_overlap(rows[:3])
    with pytest.raises(StudyError, match=r"4 eligible records .* \(2 in x, 2 in y\)"):
        refuse_overlap(rows)


def test_without_one_tumor_per_patient_every_record_stays_under_a_number_of_its_own():
    rows = pl.DataFrame({"patient_id": ["b", "a", "c"], "record_number": [1, 1, 1]})
    assert every_tumor(rows)["patient_id"].to_list() == ["a", "b", "c"]
    repeated = pl.concat([rows, pl.DataFrame({"patient_id": ["b"], "record_number": [2]})])
    numbered = every_tumor(repeated)
    assert numbered["patient_id"].to_list() == [f"{number:08}" for number in (1, 2, 3, 4)]
    assert numbered["record_number"].to_list() == [1, 1, 2, 1]
    nameless = pl.DataFrame({"patient_id": [None] * 3, "age": [50, 40, 50]})
    nameless = nameless.cast({"patient_id": pl.String})
    assert every_tumor(nameless).rows() == every_tumor(nameless[[2, 1, 0]]).rows()
    assert every_tumor(nameless)["age"].to_list() == [40, 50, 50]


def test_exports_of_different_submissions_are_refused():
    with pytest.raises(StudyError, match=r"a.csv \(Nov 2023\), b.csv \(Nov 2024\)"):
        one_submission({"a.csv": "Nov 2023", "b.csv": "Nov 2024", "c.csv": ""})


def attrition(*rows):
    names = ["year", "step", "criterion", "remaining", "remaining_reference", "remaining_exposed"]
    counts = pl.DataFrame(rows, schema=names, orient="row")
    return counts.with_columns(pl.lit(None, pl.String).alias("registry"))


def test_the_last_step_counts_patients():
    counts = attrition((2018, 0, "records", 9, 6, 3), (2019, 0, "records", 1, 1, 0))
    merged = pl.DataFrame({"group": pl.Series([0, 0, 1], dtype=pl.Int8)})
    flow = combine_attrition(counts, merged, [2018, 2019], ("M0", "M0(i+)"))
    assert flow.rows()[-1] == (1, "one tumor per patient", 3, 7, 2, 1, 5, 2)


def test_the_criterion_that_empties_a_group_is_named():
    counts = attrition((2018, 0, "records", 9, 6, 3), (2018, 1, "female", 5, 5, 0))
    with pytest.raises(StudyError, match=r"group M0\(i\+\) is left after step 1, 'female'"):
        combine_attrition(counts, None, [2018], ("M0", "M0(i+)"))


def test_a_year_outside_the_data_is_named():
    counts = attrition((2018, 0, "records", 9, 6, 3))
    with pytest.raises(StudyError, match="diagnosed in 2023; the exports hold 2018"):
        combine_attrition(counts, None, [2018, 2023], ("M0", "M0(i+)"))


NODES = {
    "criterion": "nodes examined",
    "keep": {"eod_regional_nodes": {"labels": ["070"]}, "sex": {"labels": ["Female"]}},
    "if_exported": True,
}


def test_a_criterion_can_be_left_out_where_its_field_is_not_exported():
    columns = {"year": ["2018"] * 3, "m_stage": ["M0", "M0(i+)", "M0"], "sex": ["Female"] * 3}
    without = filtered(records(**columns), [STAGED, NODES, FEMALE], EXPOSURE, [2018])
    assert without.not_applied == (
        "warning: 'nodes examined' is not applied: EOD Regional Nodes (2018+) is not exported",
    )
    assert without.attrition["criterion"].to_list() == [
        *("records", "staged", "nodes examined (not exported, not applied)", "female")
    ]
    assert without.attrition["remaining"].to_list() == [3, 3, 3, 3]
    exported = records(**columns, eod_regional_nodes=["070", "070", "000"])
    applied = filtered(exported, [STAGED, NODES, FEMALE], EXPOSURE, [2018])
    assert applied.not_applied == ()
    assert applied.attrition["remaining"].to_list() == [3, 3, 2, 2]
    with pytest.raises(StudyError, match="'nodes examined' needs eod_regional_nodes"):
        filtered(records(**columns), [NODES | {"if_exported": False}], EXPOSURE, [2018])


EITHER = {
    "criterion": "nodes examined",
    "keep": {
        "regional_nodes_examined": {"pattern": "0[1-9]|[1-8][0-9]|90|9[6-8]"},
        "eod_regional_nodes": {"labels": ["070", "030"]},
    },
    "any": True,
}


@pytest.mark.parametrize(
    ("exported", "kept"),
    [
        (("regional_nodes_examined", "eod_regional_nodes"), [1, 2, 3, 5]),
        (("regional_nodes_examined",), [1, 3]),
        (("eod_regional_nodes",), [1, 2, 5]),
    ],
)
def test_one_field_that_holds_is_enough(exported, kept):
    nodes = {
        "regional_nodes_examined": ["0", "3", "99", "96", "95", None],
        "eod_regional_nodes": ["000", "070", "030", None, "999", "070"],
    }
    rows = records(
        patient_id=list("012345"),
        year=["2018"] * 6,
        m_stage=["M0", "M0(i+)"] * 3,
        **{name: nodes[name] for name in exported},
    )
    found = filtered(rows, [STAGED, EITHER], EXPOSURE, [2018])
    assert [int(number) for number in found.records["patient_id"]] == kept
    assert found.not_applied == ()
    assert found.attrition["criterion"].to_list()[-1] == "nodes examined"


def test_a_criterion_of_either_field_needs_one_of_them():
    rows = records(year=["2018"] * 2, m_stage=["M0", "M0(i+)"])
    with pytest.raises(StudyError, match="needs regional_nodes_examined, eod_regional_nodes"):
        filtered(rows, [STAGED, EITHER], EXPOSURE, [2018])
    found = filtered(rows, [STAGED, EITHER | {"if_exported": True}], EXPOSURE, [2018])
    assert found.attrition["remaining"].to_list() == [2, 2, 2]
    assert found.not_applied == (
        "warning: 'nodes examined' is not applied: Regional nodes examined (1988+), EOD Regional "
        "Nodes (2018+) are not exported",
    )


def test_exports_with_and_without_the_field_of_a_criterion_make_one_flow():
    columns = {"year": ["2018"] * 2, "m_stage": ["M0", "M0(i+)"], "sex": ["Female"] * 2}
    counts = [
        filtered(rows, [STAGED, NODES], EXPOSURE, [2018]).attrition
        for rows in (
            records(**columns),
            records(**columns, eod_regional_nodes=["070", "070"]),
            records(**columns, eod_regional_nodes=["000", "070"]),
        )
    ]
    flow = combine_attrition(pl.concat(counts), None, [2018], ("M0", "M0(i+)"))
    assert flow["criterion"].to_list() == ["records", "staged", "nodes examined (where exported)"]
    assert flow["remaining"].to_list() == [6, 6, 5]


def test_records_of_other_registries_are_not_counted():
    rows = records(
        year=["2018"] * 4,
        m_stage=["M0", "M0(i+)", "M0", "M1"],
        registry=["Utah", " Utah", "Iowa", "Hawaii"],
    )
    kept = filtered(of_registries(rows, ["Utah", "Iowa"]), [STAGED], EXPOSURE, [2018])
    assert kept.records["registry"].to_list() == ["Utah", "Utah", "Iowa"]
    found = kept.attrition.filter(pl.col("step") == 0).select("registry", "remaining").rows()
    assert found == [("Iowa", 1), ("Utah", 2)]
    flow = combine_attrition(kept.attrition, None, [2018], ("M0", "M0(i+)"), ["Utah", "Iowa"])
    assert flow["remaining"].to_list() == [3, 3]
    with pytest.raises(StudyError, match=r"no record is of Utha; .* Found were Iowa, Utah"):
        combine_attrition(kept.attrition, None, [2018], ("M0", "M0(i+)"), ["Utha", "Iowa"])


def test_registries_need_their_column():
    rows = records(year=["2018"], m_stage=["M0"])
    assert of_registries(rows, None) is rows
    with pytest.raises(StudyError, match=r"SEER Research exports cannot hold it, .* Plus"):
        of_registries(rows, ["Utah"])


def test_the_registry_stays_only_where_all_records_have_it():
    told = pl.DataFrame({"age": [50], "registry": ["Utah"]})
    assert join_records({"a": told, "b": told})["registry"].to_list() == ["Utah", "Utah"]
    assert join_records({"a": told, "b": told.drop("registry")}).columns == ["age", "export"]
    nobody = told.drop("registry").clear()
    assert join_records({"a": told, "b": nobody}).columns == ["age", "registry", "export"]


TEXTS_OF_GRADE = {
    **{str(n): f"Site-specific grade system category ({n})" for n in range(1, 6)},
    **{"A": "Well differentiated", "B": "Moderately differentiated"},
    **{"C": "Poorly differentiated", "D": "Undifferentiated and anaplastic"},
    **{"L": "Low grade", "M": "Intermediate grade", "H": "High grade"},
    "9": "Grade cannot be assessed; Unknown",
    "Blank(s)": "Blank(s)",
}


@pytest.mark.parametrize("name", ["grade", "grade_pathological"])
def test_both_vocabularies_of_grade_make_the_same_study(name, pytestconfig):
    """Codes to November 2024, texts from November 2025, with the default criteria and recodes."""
    config = yaml.safe_load((pytestconfig.rootpath / "config/config.yaml").read_text("utf-8"))
    codes = [*TEXTS_OF_GRADE]
    criteria = [c for c in config["cohort"]["criteria"] if "grade" in c["keep"]]
    found = []
    for labels in (codes, [*TEXTS_OF_GRADE.values()]):
        columns = {"year": ["2025"] * len(codes), "m_stage": ["M0"] * len(codes), name: labels}
        if name != "grade":
            columns["grade_clinical"] = ["9", "Grade cannot be assessed; Unknown"] * 7
        kept = filtered(records(**columns), [STAGED, *criteria], EXPOSURE, [2025])
        rules = [
            pl.when(rule_expression("grade", level, numeric=False)).then(pl.lit(level["level"]))
            for level in config["recode"]["grade"]
        ]
        found.append((kept.attrition, kept.records.select("grade", level=pl.coalesce(rules))))
    assert found[0][0].equals(found[1][0])
    assert found[0][1].equals(found[1][1])
    assert found[0][1].rows() == [
        *(("1", "I-II"), ("2", "I-II"), ("3", "III")),
        *(("A", "I-II"), ("B", "I-II"), ("C", "III")),
    ]
