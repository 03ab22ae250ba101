"""The language of a study file: reading, conditions and variables, against plain Python."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.errors import StudyError
from seermatch.variables.conditions import NotExported, judge, names_in, read_condition
from seermatch.variables.definition import read_variables
from seermatch.variables.derivation import Derivation, refuse_unplaced
from seermatch.variables.source import FieldFacts, read_numbers
from seermatch.variables.study_file import based_on, read_study_file
from seermatch.variables.values import FALSE, TRUE, UNDETERMINED

FIELDS = {
    "year": FieldFacts("number"),
    "sex": FieldFacts("levels", ("Female", "Male")),
    "age": FieldFacts("number", unknown=("Unknown",)),
    "stage": FieldFacts("levels", ("I", "IA", "II", "III", "IV"), ("Unknown", "NA")),
    "histology": FieldFacts("codes"),
    "surgery_old": FieldFacts("codes", unknown=("90", "99"), years=frozenset(range(1998, 2023))),
    "surgery_new": FieldFacts("codes", unknown=("A990",), years=frozenset({2023})),
    "nodes": FieldFacts("number", unknown=("95-99",)),
    "absent": FieldFacts("levels", ("No", "Yes")),
}
SPELLINGS = {
    "Surg Prim Site (1998-2022)": "surgery_old",
    "Surg Prim Site 2023 (2023+)": "surgery_new",
}
CHOICES = {
    "year": ["2020", "2021", "2022", "2023"],
    "sex": ["Female", "Male", "Other"],
    "age": ["017 years", "018 years", "059 years", "060 years", "85+ years", "Unknown"],
    "stage": ["I", "IA", "II", "III", "IV", "Unknown", "Blank(s)"],
    "histology": ["8139", "8140", "8147", "8148", "8500"],
    "surgery_old": ["00", "20", "25", "26", "90", "99", "Blank(s)"],
    "surgery_new": ["A000", "A200", "A990", "Blank(s)"],
    "nodes": ["00", "01", "12", "95", "98"],
}
RECORDS = st.lists(
    st.fixed_dictionaries({name: st.sampled_from(labels) for name, labels in CHOICES.items()}),
    min_size=1,
    max_size=12,
)


def study_of(rows, variables: str = "{}", catalogue: str = "{}") -> Derivation:
    """Make the variables of a study from rows of labels and the text of declarations."""
    declared = read_variables(read_study_file(variables, "study.yaml"))
    known = read_variables(read_study_file(catalogue, "catalogue.yaml"))
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    records = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return Derivation(records, declared, known, FIELDS, SPELLINGS.get)


def told(values) -> list:
    """What each record has: a level, a number, or None where unknown, False outside the study."""
    if values.kind == "number":
        return [None if np.isnan(number) else number for number in values.numbers]
    names = {-1: None, -2: False, -3: "?"}
    return [values.labels[code] if code >= 0 else names[code] for code in values.codes]


# ----- reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["No", "00", "030", "8170", "1_000", "1:30", "~", "0x1F", "yes", "2018-01-01"]
)
def test_every_scalar_is_text(text):
    assert read_study_file(f"a: {{b: [{text}, {text}]}}", "f.yaml") == {"a": {"b": [text, text]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "line 1: 'anchor &x'"),
        ("b: 1\na: *x", "line 2: 'alias *x'"),
        ("a: !!int 3", "tag"),
        ("<<: {a: 1}", "'<<' is not read"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is there twice, first in line 1"),
        (
            "a: {Yes: Recommended, unknown if administered}",
            "'unknown if administered' has no value",
        ),
        ("a: [Left (x, y), z]", 'quote it: "Left (x, y)"'),
        ("a: {Low: [< $50,000, x]}", 'quote it: "< $50,000"'),
        ("a:\n\tb: 1", "line 2: indented by a tab"),
        ("a: [1", "line 1: "),
        ("- a\n- b", "`key: value` lines"),
        ("", "`key: value` lines"),
        ("a: b: c", "needs quotes"),
        ("? [a, b]\n: c", "a key is one text"),
    ],
)
def test_what_would_mislead_is_refused_with_its_line(text, message):
    with pytest.raises(StudyError) as error:
        read_study_file(text, "f.yaml")
    assert message in str(error.value)
    assert str(error.value).startswith("f.yaml")


def test_encodings():
    assert read_study_file("a: größer".encode(), "f.yaml") == {"a": "größer"}
    assert read_study_file("\ufeffa: 1".encode(), "f.yaml") == {"a": "1"}
    for content, message in (("a: 1".encode("utf-16"), "UTF-16"), (b"x: 1\na: \xff", "line 2")):
        with pytest.raises(StudyError, match=message):
            read_study_file(content, "f.yaml")


def test_quoted_texts_may_hold_commas_and_brackets():
    text = 'a: {Low: ["< $50,000", "Left (x"], b: ""}'
    assert read_study_file(text, "f.yaml") == {"a": {"Low": ["< $50,000", "Left (x"], "b": ""}}


def test_a_variant_replaces_key_by_key_and_unsets():
    base = read_study_file(
        "paper: p\nmatching: {ratio: 2, seed: 1}\nx: {y: {a: 1}, z: 1}", "b.yaml"
    )
    variant = read_study_file(
        "based_on: b.yaml\npaper: none\nmatching: {seed: none}\nx: {y: {b: 2}}", "v"
    )
    assert based_on(variant, base) == {"matching": {"ratio": "2"}, "x": {"y": {"b": "2"}, "z": "1"}}
    assert base["paper"] == "p"


# ----- declarations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("known: {of: age}", "meaning of its own"),
        ("x: {label: X}", "nothing is given"),
        ("x: {of: age, count: [{sex: Male}]}", "of and count are given"),
        ("x: {of: age, lable: X}", "did you mean 'label'?"),
        ("x: {of: age, bands: [0-50, 50-60]}", "'0-50' and '50-60' overlap"),
        ("x: {of: age, bands: [0-50, 52+]}", "between '0-50' and '52\\+'"),
        ("x: {of: age, bands: [50-0]}", "runs backwards"),
        ("x: {of: sex, levels: {A: Male, B: [Male, Female]}}", "'Male' is in 'A' and in 'B'"),
        ("x: {of: sex, levels: {A: Male}, unknown: Male}", "'Male' is in 'unknown' and in 'A'"),
        ("x: {of: sex, levels: {A: Male}, bands: [1, 2]}", "give one"),
        ("x: {of: sex, kind: texts}", "levels, codes, number"),
        ("x: {of: age, cap: high}", "'high' is no number"),
        ("x: {cases: {A: {sex: Male}}, levels: {A: B}}", "says nothing"),
        (
            "x: {eras: [{of: a, levels: {Low: 1}}, {of: b, levels: {low: 2}}]}",
            "differ in blanks or case",
        ),
        ("x: {eras: [{of: age, years: 18}]}", "'18' is no year"),
        ("x: {cases: {A: {}}}", "a condition is written"),
        ("x: {cases: {A: {sex: []}}}", "one value or a list"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(declared, message):
    with pytest.raises(StudyError, match=message):
        read_variables(read_study_file(declared, "study.yaml"))


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("x: {of: sex, levels: {A: Femal}}", "did you mean 'Female'"),
        ("x: {of: sexx}", "did you mean 'sex'"),
        ("x: {of: y}\ny: {of: x}", "x needs y needs x"),
        ("x: {of: age, bands: [0-59, 60-89]}", "single numbers above 85"),
        ("x: {of: sex, bands: [0, 1+]}", "bands are of a number"),
        ("x: {of: histology, levels: {A: 8140-8147, B: 8147-8148}}", "'8147' is in another level"),
        ("x: {of: stage, levels: {A: V*}}", "no value is called"),
        ("x: {cases: {A: {sex: Mal}}}", "did you mean 'Male'"),
    ],
)
def test_what_does_not_fit_the_records_is_refused(declared, message):
    rows = [{name: labels[i % len(labels)] for name, labels in CHOICES.items()} for i in range(7)]
    with pytest.raises(StudyError, match=message):
        study_of(rows, declared).values_of("x")


def test_what_no_level_takes_stops_for_eligible_records_only():
    rows = [{"sex": "Female"}, {"sex": "Male"}, {"sex": "Male"}]
    values = study_of(rows, "x: {of: sex, levels: {F: Female}}").values_of("x")
    refuse_unplaced("x", values, np.array([True, False, False]))
    with pytest.raises(StudyError, match=r"2 records that meet all criteria hold \('Male' 2\)"):
        refuse_unplaced("x", values, np.array([True, True, True]))


def test_inside_itself_a_name_means_the_catalogues_and_there_the_fields():
    rows = [{"stage": "IA"}, {"stage": "IV"}, {"stage": "Unknown"}]
    catalogue = "stage: {of: stage, levels: {I: [I, IA], IV: IV}}"
    study = study_of(
        rows, "stage: {of: stage, levels: {Early: I, Late: IV}, unknown_is: NK}", catalogue
    )
    assert told(study.values_of("stage")) == ["Early", "Late", "NK"]


def test_inside_the_catalogue_no_name_means_what_the_study_declares():
    rows = [{"stage": "IA"}, {"stage": "IV"}]
    catalogue = "early: {of: stage, levels: {Early: I*}, rest: Late}"
    study = study_of(rows, "stage: {of: stage, levels: {low: IA, high: IV}}", catalogue)
    assert told(study.values_of("early")) == ["Early", "Late"]
    assert told(study.values_of("stage")) == ["low", "high"]


def test_what_means_missing_keeps_its_name_for_those_who_ask():
    rows = [{"stage": s, "year": y} for y in ("2020", "2023") for s in ("I", "NA", "Unknown", None)]
    catalogue = """
    s:
      eras:
        - {of: stage, years: 2020, levels: {I: I}, unknown: {SX: [NA, Unknown]}}
        - {of: stage, years: 2023, levels: {I: I}, unknown: {SX: NA}}
    """
    variables = """
    asked: {cases: {yes: {s: SX}}, rest: no}
    either: {cases: {yes: {s: [I, SX]}}, rest: no}
    grouped: {of: s, levels: {I: I, X: SX}}
    told: {cases: {yes: {known: s}}, rest: no}
    all: {of: s, unknown_is: NK}
    """
    study = study_of(rows, variables, catalogue)
    assert told(study.values_of("s")) == ["I", None, None, None] * 2
    assert told(study.values_of("asked")) == ["no", "yes", "yes", None, "no", "yes", None, None]
    assert told(study.values_of("either")) == ["yes", "yes", "yes", None, "yes", "yes", None, None]
    assert told(study.values_of("grouped")) == ["I", "X", "X", None, "I", "X", None, None]
    assert told(study.values_of("told")) == ["yes", "no", "no", "no"] * 2
    assert told(study.values_of("all")) == ["I", "NK", "NK", "NK"] * 2
    with pytest.raises(StudyError, match="did you mean 'SX'"):
        study_of(rows, "x: {cases: {A: {s: SY}}}", catalogue).values_of("x")


def test_levels_of_eras_come_in_the_order_in_which_the_eras_name_them():
    rows = [{"stage": "IV", "year": "2020", "sex": "Male"}]
    variables = """
    x:
      eras:
        - {of: absent, levels: {Early: No, Middle: Yes}}
        - {of: stage, levels: {Late: IV, Early: I, Middle: II}}
    """
    assert study_of(rows, variables).values_of("x").labels == ("Early", "Middle", "Late")


def test_sites_in_any_spelling_and_codes_without_their_zeros():
    records = pl.DataFrame(
        {"site": ["C50.1-Central portion of breast", "501", "C501", "C50.9-Breast, NOS"]}
    ).with_columns(code=pl.Series(["0", "00", "7", "07"]))
    fields = {"site": FieldFacts("codes", topography=True), "code": FieldFacts("codes")}
    declared = read_study_file(
        "a: {of: site, levels: {X: C500-C501}, rest: Y}\nb: {of: code, levels: {N: 00, S: 7}}", "f"
    )
    study = Derivation(records, read_variables(declared), fields=fields)
    assert told(study.values_of("a")) == ["X", "X", "X", "Y"]
    assert told(study.values_of("b")) == ["N", "N", "S", "S"]


def test_numbers_that_stand_for_all_above():
    labels = ["6.6", "98.0 ng/ml or greater", "0.1 or less ng/ml", "1,000 ng/ml or greater", "x"]
    numbers, top = read_numbers(labels)
    np.testing.assert_array_equal(numbers, [6.6, 98, 0.1, 1000, np.nan])
    assert top == 1000


def test_a_column_that_is_not_exported():
    rows = [{"sex": "Male", "year": "2020"}, {"sex": "Female", "year": "2023"}]
    with pytest.raises(NotExported, match="absent: no export"):
        study_of(rows, "x: {of: absent}").values_of("x")
    study = study_of(rows)
    for text, expected in (
        ("{absent: Yes, if_exported: yes}", None),
        ("{any: [{absent: Yes, if_exported: yes}, {sex: Male}]}", [TRUE, FALSE]),
    ):
        judged = judge(read_condition(read_study_file(text, "f"), "x"), study.values_of)
        assert (judged if expected is None else judged.tolist()) == expected


# ----- against plain Python ----------------------------------------------------------------------


def number(label: str):
    digits = "".join(c for c in label if c.isdigit())
    return float(digits) if digits else None


@settings(derandomize=True, max_examples=60, deadline=None)
@given(RECORDS)
def test_bands_levels_and_eras(rows):
    variables = """
    age_group: {of: age, bands: [0-17, 18-59, 60+]}
    early: {of: stage, levels: {Early: [I*, II], Late: [III, IV]}}
    cells: {of: histology, levels: {A: 8140-8147, B: 8500}, rest: not in study}
    node_group: {of: nodes, bands: {none: 0, some: [1-11, 12+]}, unknown_is: NK}
    surgery:
      eras:
        - {of: Surg Prim Site (1998-2022), levels: {None: 00, Local: 20-25, Radical: 26-80}}
        - {of: Surg Prim Site 2023 (2023+), levels: {None: A000, Local: A200-A250}}
    """
    study = study_of(rows, variables)
    for name, expected in {
        "age_group": lambda r: (
            None
            if r["age"] == "Unknown"
            else "0-17"
            if number(r["age"]) < 18
            else "18-59"
            if number(r["age"]) < 60
            else "60+"
        ),
        "early": lambda r: {
            "I": "Early",
            "IA": "Early",
            "II": "Early",
            "III": "Late",
            "IV": "Late",
        }.get(r["stage"]),
        "cells": lambda r: {"8140": "A", "8147": "A", "8500": "B"}.get(r["histology"], False),
        "node_group": lambda r: {"00": "none", "01": "some", "12": "some"}.get(r["nodes"], "NK"),
        "surgery": lambda r: (
            {"A000": "None", "A200": "Local"}.get(r["surgery_new"])
            if r["year"] == "2023"
            else {"00": "None", "20": "Local", "25": "Local", "26": "Radical"}.get(r["surgery_old"])
        ),
    }.items():
        assert told(study.values_of(name)) == [expected(row) for row in rows], name


def kleene(parts):
    """Join by and; None is unknown."""
    return False if False in parts else None if None in parts else True


def holds(row, name, items):
    """One comparison in plain Python, for the fields used below."""
    if name == "sex":
        return row["sex"] in items
    if name == "stage":
        return None if row["stage"] in ("Unknown", "Blank(s)") else row["stage"] in items
    value = None if row["age"] == "Unknown" else number(row["age"])
    return (
        None
        if value is None
        else any(int(i.split("-")[0]) <= value <= int(i.split("-")[1]) for i in items)
    )


ATOMS = st.one_of(
    st.tuples(
        st.just("sex"),
        st.lists(st.sampled_from(["Female", "Male"]), min_size=1, max_size=2, unique=True),
    ),
    st.tuples(
        st.just("stage"),
        st.lists(st.sampled_from(["I", "II", "III"]), min_size=1, max_size=2, unique=True),
    ),
    st.tuples(
        st.just("age"),
        st.lists(st.sampled_from(["0-17", "18-58", "59-60"]), min_size=1, max_size=2, unique=True),
    ),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("any"), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(
            st.just("known"), st.lists(st.sampled_from(["stage", "age"]), min_size=1, unique=True)
        ),
    ),
    max_leaves=5,
)


def written(condition) -> str:
    key, value = condition
    if key == "not":
        return f"{{not: {written(value)}}}"
    if key == "any":
        return f"{{any: [{', '.join(map(written, value))}]}}"
    return f"{{{key}: [{', '.join(value)}]}}"


def plain(condition, row):
    key, value = condition
    if key == "not":
        inner = plain(value, row)
        return None if inner is None else not inner
    if key == "any":
        parts = [plain(item, row) for item in value]
        return True if True in parts else None if None in parts else False
    if key == "known":
        return all(row[name] not in ("Unknown", "Blank(s)") for name in value)
    return holds(row, key, value)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(RECORDS, st.lists(CONDITIONS, min_size=1, max_size=3))
def test_conditions_cases_and_counts(rows, conditions):
    names = [f"L{i}" for i in range(len(conditions))]
    cases = ", ".join(f"{name}: {written(c)}" for name, c in zip(names, conditions, strict=True))
    listed = ", ".join(map(written, conditions))
    study = study_of(rows, f"x: {{cases: {{{cases}}}, rest: Rest}}\nn: {{count: [{listed}]}}")
    truths = [[plain(condition, row) for condition in conditions] for row in rows]
    for place, condition in enumerate(conditions):
        tree = read_condition(read_study_file(written(condition), "f"), "c")
        judged = judge(tree, study.values_of)
        names_of = {True: TRUE, None: UNDETERMINED, False: FALSE}
        assert judged.tolist() == [names_of[row[place]] for row in truths]
        assert set(names_in(tree)) <= {"sex", "stage", "age"}
    expected = []
    for row in truths:
        first = row.index(True) if True in row else len(row)
        undetermined = None in row[:first]
        expected.append(None if undetermined else [*names, "Rest"][first])
    assert told(study.values_of("x")) == expected
    assert told(study.values_of("n")) == [
        None if None in row else float(sum(row)) for row in truths
    ]


@settings(derandomize=True, max_examples=40, deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_order_of_columns_and_rows_changes_nothing(rows, random):
    variables = "x: {cases: {A: {sex: Male, age: 18+}, B: {stage: [I*, IV]}}, rest: C}"
    shuffled = list(range(len(rows)))
    random.shuffle(shuffled)
    names = list(CHOICES)
    random.shuffle(names)
    other = [{name: rows[i][name] for name in names} for i in shuffled]
    first, second = (told(study_of(of, variables).values_of("x")) for of in (rows, other))
    assert [first[i] for i in shuffled] == second


def test_dictionary_encoded_columns_give_the_same():
    rows = [
        {"sex": "Male", "age": "018 years"},
        {"sex": "Female", "age": "85+ years"},
        {"sex": None, "age": None},
    ]
    study = study_of(rows, "x: {cases: {A: {sex: Male}}, rest: B}")
    encoded = Derivation(
        study.records.with_columns(pl.all().cast(pl.Categorical)), study.declared, fields=FIELDS
    )
    assert told(encoded.values_of("x")) == told(study.values_of("x")) == ["A", "B", None]


@pytest.mark.parametrize(
    ("bands", "levels"),
    [
        ('[0-10, ">10-20", ">20"]', ["0-10", ">10-20", ">10-20", ">20"]),
        ("[0-<10, 10-20, '>20']", ["10-20", "10-20", "10-20", ">20"]),
    ],
)
def test_bands_of_decimals_may_leave_one_end_out(bands, levels):
    rows = [{"psa": psa} for psa in ("10.0", "10.1", "20.0", "20.1")]
    assert (
        told(study_of(rows, f"x: {{of: psa, kind: number, bands: {bands}}}").values_of("x"))
        == levels
    )


def test_a_gap_between_bands_needs_a_rest():
    rows = [{"age": f"{age} years"} for age in (10, 30, 60)]
    text = "x: {{of: age, bands: {{young: 0-20, old: 50+}}{rest}}}"
    with pytest.raises(StudyError, match="say by `rest` what it is"):
        study_of(rows, text.format(rest=""))
    study = study_of(rows, text.format(rest=", rest: not in study"))
    assert told(study.values_of("x")) == ["young", False, "old"]


def test_what_no_level_takes_is_named_by_the_variables_made_of_it():
    rows = [{"year": "2020", "sex": sex} for sex in ("Female", "Male", "Other")]
    declared = """
    a: {of: sex, levels: {F: Female, M: Male}}
    b: {of: a, unknown_is: NK}
    c: {eras: [{of: a, levels: {W: F}, years: 2000-2022}, {of: b, levels: {W: F}, years: 2023}]}
    """
    study = study_of(rows, declared)
    for name, held in (("a", "'Other' 1"), ("b", "'Other' 1"), ("c", "'M' 1, 'Other' 1")):
        values = study.values_of(name)
        with pytest.raises(StudyError, match=held):
            refuse_unplaced(name, values, np.ones(3, dtype=bool))
