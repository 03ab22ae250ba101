"""The cohort that a study selects, against plain Python."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.cohort.selection import select_cohort
from seermatch.errors import StudyError
from seermatch.variables.derivation import Derivation
from seermatch.variables.source import FieldFacts
from seermatch.variables.study import read_study

FIELDS = {
    "year": FieldFacts("number"),
    "record_number": FieldFacts("number"),
    "survival_months": FieldFacts("number", unknown=("9999",)),
    "age": FieldFacts("number", unknown=("Unknown",)),
    "sex": FieldFacts("levels", ("Female", "Male")),
    "stage": FieldFacts("levels", ("I", "II", "III"), ("Unknown",)),
    "surgery": FieldFacts("codes", unknown=("99",)),
    "registry": FieldFacts(),
    "cod_site": FieldFacts("levels", ("Alive", "Lung and Bronchus", "Diseases of Heart")),
    "nodes": FieldFacts("number"),
}
CAUSES = {
    "alive": ("Alive or dead of other cause", "Alive or dead due to cancer", "Alive"),
    "cancer": (
        "Dead (attributable to this cancer dx)",
        "Alive or dead due to cancer",
        "Lung and Bronchus",
    ),
    "other": (
        "Alive or dead of other cause",
        "Dead (attributable to causes other than this cancer dx)",
        "Diseases of Heart",
    ),
    "missing": (
        "Dead (missing/unknown COD)",
        "Dead (missing/unknown COD)",
        "State DC not available or state DC available but no COD",
    ),
    "later": ("N/A not first tumor", "N/A not first tumor", "Alive"),
}
CHOICES = {
    "year": ["2004", "2005", "2006"],
    "age": ["017 years", "045 years", "070 years", "85+ years", "Unknown"],
    "sex": ["Female", "Male"],
    "stage": ["I", "II", "III", "Unknown", "Blank(s)"],
    "surgery": ["00", "20", "30", "80", "99"],
    "registry": ["Iowa", "Utah"],
    "survival_months": ["0000", "0003", "0006", "0030", "9999"],
    "cause": list(CAUSES),
    "patient_id": ["1", "2", "3", "4", "5", "6"],
}
ROW = st.fixed_dictionaries({name: st.sampled_from(labels) for name, labels in CHOICES.items()})
VARIABLES = """
variables:
  operation:
    {of: surgery, levels: {None: 00, Wedge: 20, Lobe: 30}, rest: not in study}
  early: {of: stage, levels: {Early: [I, II], Late: III}}
  old: {of: age, bands: [0-59, 60+], unknown_is: Unknown}
"""
OPERATIONS = {"00": "None", "20": "Wedge", "30": "Lobe", "80": False, "99": None}
STAGES = {"I": "Early", "II": "Early", "III": "Late"}


def study_text(criteria: str = "", cohort: str = "", more: str = "") -> str:
    listed = f"  criteria: [{criteria}]\n" if criteria else ""
    return f"""
title: Operation
question: Does it help?
exports: lung.tsv
outcome: {{cancer: lung cancer, causes: Lung and Bronchus}}
cohort:
  years: 2004-2005
  exposure: {{variable: operation, reference: None, exposed: Lobe}}
{cohort}{listed}matching: {{covariates: [early, old, sex]}}
{VARIABLES}{more}
"""


def records_of(rows) -> pl.DataFrame:
    full = []
    for number, row in enumerate(rows):
        cause, other, cod = CAUSES[row["cause"]]
        full.append(
            {name: value for name, value in row.items() if name != "cause"}
            | {"record_number": f"{number % 12 + 1:02d}"}
            | {"cause_specific": cause, "other_cause": other, "cod_site": cod}
        )
    return pl.DataFrame(full)


def selected(rows, text: str, last_year=None):
    study = read_study(text, "study.yaml")
    records = records_of(rows)
    derivation = Derivation(records, study.variables, fields=FIELDS)
    return select_cohort(derivation, study, last_year)


def patients(**changes) -> list[dict]:
    """Give two patients of each group who meet whatever is asked, then others as told."""
    base = {
        "age": "045 years",
        "sex": "Female",
        "stage": "I",
        "registry": "Iowa",
        "survival_months": "0030",
        "cause": "alive",
    }
    rows = [
        base | {"year": year, "surgery": surgery, "patient_id": f"0{year}{surgery}"}
        for year in ("2004", "2005")
        for surgery in ("00", "30")
    ]
    return [*rows, base | {"year": "2004", "surgery": "30", "patient_id": "99"} | changes]


# ----- against plain Python ----------------------------------------------------------------------

ATOMS = st.one_of(
    st.tuples(st.just("sex"), st.sampled_from([["Female"], ["Male"], ["Female", "Male"]])),
    st.tuples(st.just("stage"), st.sampled_from([["I"], ["I", "II"], ["III"]])),
    st.tuples(st.just("age"), st.sampled_from([["18+"], ["0-17", "60+"], ["18-84"]])),
    st.tuples(st.just("operation"), st.sampled_from([["Lobe"], ["None", "Lobe"]])),
)
KNOWN = st.tuples(
    st.just("known"),
    st.lists(
        st.sampled_from(["stage", "age", "operation", "exposure", "covariates", "outcome"]),
        min_size=1,
        max_size=2,
        unique=True,
    ),
)
CONDITION = st.recursive(
    st.one_of(ATOMS, KNOWN),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("any"), st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=3,
)


OPTIONS = st.fixed_dictionaries(
    {
        "landmark": st.sampled_from([None, 3, 6]),
        "keep": st.booleans(),
        "registry": st.sampled_from([None, "Iowa"]),
        "one": st.booleans(),
    }
)


def written(condition) -> str:
    key, value = condition
    if key == "not":
        return f"{{not: {written(value)}}}"
    if key == "any":
        return f"{{any: [{', '.join(map(written, value))}]}}"
    return f"{{{key}: [{', '.join(value)}]}}"


def value_of(row, name, keep=False):
    """A level or number; None where unknown, False where not in the study."""
    if name == "age":
        digits = "".join(c for c in row["age"] if c.isdigit())
        return float(digits) if digits else None
    if name == "stage":
        return row["stage"] if row["stage"] in STAGES else None
    if name == "early":
        return STAGES.get(row["stage"])
    if name == "old":
        age = value_of(row, "age")
        return "Unknown" if age is None else "0-59" if age < 60 else "60+"
    if name == "operation":
        return OPERATIONS[row["surgery"]]
    if name == "exposure":
        level = OPERATIONS[row["surgery"]]
        return False if level == "Wedge" else level
    if name == "covariates":
        return value_of(row, "early") and "known"
    if name == "outcome":
        told = row["cause"] in ("alive", "cancer", "other") or (keep and row["cause"] == "missing")
        return "known" if told and row["survival_months"] != "9999" else None
    if name == "survival_months":
        return None if row[name] == "9999" else float(row[name])
    return row[name]


def within(value: float, item: str) -> bool:
    if item.endswith("+"):
        return value >= float(item[:-1])
    low, high = item.split("-")
    return float(low) <= value <= float(high)


def plain(condition, row, open_to=(), keep=False):
    """True, False, or None where undetermined; `open_to` holds what counts so in `known`."""
    key, value = condition
    if key == "not":
        inner = plain(value, row, open_to, keep)
        return None if inner is None else not inner
    if key == "any":
        parts = [plain(item, row, open_to, keep) for item in value]
        return True if True in parts else None if None in parts else False
    if key == "known":
        parts = []
        for name in value:
            held = value_of(row, name, keep)
            closed = held is None or held is False
            told = "unknown" if held is None else "outside"
            parts.append(None if closed and told in open_to else not closed)
        return False if False in parts else None if None in parts else True
    held = value_of(row, key)
    if held is None:
        return None
    if key in ("age", "survival_months"):
        return any(within(held, item) for item in value)
    return held in value


def implied(rows, conditions, options):
    """List what is asked for at the end, with its words."""
    named = set()
    for key, value in conditions:
        named |= set(value) if key == "known" else {key}
    if "exposure" not in named:
        yield "exposure known", ("known", ["exposure"])
    if not named & {"covariates", "early"} and any(value_of(row, "early") is None for row in rows):
        yield "covariates known", ("known", ["early"])
    if "outcome" not in named:
        yield "cause of death and survival months known", ("known", ["outcome"])
    if (months := options["landmark"]) is not None:
        yield f"followed for {months} months", ("survival_months", [f"{months}+"])


def brute_force(rows, conditions, options):
    """Give the flow, and the positions of the records that stay, one criterion after another."""
    keep, registry = options["keep"], options["registry"]
    left = [i for i, row in enumerate(rows) if row["year"] in ("2004", "2005")]
    left = [i for i in left if registry is None or rows[i]["registry"] == registry]
    words = [(f"c{i}", condition) for i, condition in enumerate(conditions)]
    words += implied([rows[i] for i in left], conditions, options)
    flow = [("records", len(left), 0, 0, 0)]
    for text, condition in words:
        failed, unknown, outside = [], [], []
        for i in left:
            if plain(condition, rows[i], (), keep) is True:
                continue
            failed.append(i)
            if plain(condition, rows[i], ("unknown",), keep) is None:
                unknown.append(i)
            elif plain(condition, rows[i], ("unknown", "outside"), keep) is None:
                outside.append(i)
        later = [i for i in unknown if asks_outcome(condition) and rows[i]["cause"] == "later"]
        left = [i for i in left if i not in failed]
        flow.append((text, len(left), len(unknown) - len(later), len(outside), len(later)))
    if not options["one"]:
        return flow, left
    first = {}
    for i in left:
        patient = rows[i]["patient_id"]
        best = first.setdefault(patient, i)
        first[patient] = min(best, i, key=lambda j: (j % 12, j))
    kept = [first[patient] for patient in sorted(first)]
    return [*flow, ("one tumor per patient", len(kept), 0, 0, 0)], kept


def asks_outcome(condition) -> bool:
    key, value = condition
    if key == "not":
        return asks_outcome(value)
    if key == "any":
        return any(map(asks_outcome, value))
    return key == "known" and "outcome" in value


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=3, max_size=12), st.lists(CONDITION, max_size=3), OPTIONS)
def test_criteria_by_brute_force(rows, conditions, options):
    rows = [*patients(), *rows]
    cohort = "" if options["one"] else "  one_tumor_per_patient: no\n"
    cohort += f"  landmark: {options['landmark']}\n" if options["landmark"] else ""
    cohort += f"  registries: {options['registry']}\n" if options["registry"] else ""
    criteria = ", ".join(f"{{c{i}: {written(c)}}}" for i, c in enumerate(conditions))
    text = study_text(criteria, cohort)
    if options["keep"]:
        text = text.replace("Bronchus}", "Bronchus, unknown_cause: keep}")
    flow, kept = brute_force(rows, conditions, options)
    try:
        found = selected(rows, text)
    except StudyError as error:
        told = str(error)
        arms = [{OPERATIONS[rows[i]["surgery"]] for i in kept}]
        assert "no patient of the group" in told or "determines the exposure" in told
        if "determines" not in told:
            assert not {"None", "Lobe"} <= arms[0]
        return
    columns = ["criterion", "remaining"]
    columns += ["excluded_unknown", "excluded_not_in_study", "excluded_not_first_tumor"]
    assert found.flow.select(columns).rows() == flow
    assert found.rows.tolist() == kept
    assert found.exposed.tolist() == [int(rows[i]["surgery"] == "30") for i in kept]
    for arm in ("", "_reference", "_exposed"):
        remaining, excluded = (
            found.flow[f"{of}{arm}"].to_numpy() for of in ("remaining", "excluded")
        )
        assert (np.diff(remaining) == -excluded[1:]).all()


# ----- what is asked at the end ------------------------------------------------------------------


def words_of(selection) -> list[str]:
    return selection.flow["criterion"].to_list()


def test_what_no_criterion_names_is_asked_at_the_end():
    rows = patients(stage="Unknown")
    assert words_of(selected(rows, study_text(cohort="  landmark: 6\n"))) == [
        "records",
        "exposure known",
        "covariates known",
        "cause of death and survival months known",
        "followed for 6 months",
        "one tumor per patient",
    ]
    criteria = "{a: {known: [exposure, outcome]}}, {b: {early: [Early, Late]}}"
    none = "  one_tumor_per_patient: no\n"
    assert words_of(selected(rows, study_text(criteria, none))) == ["records", "a", "b"]
    loose = "{a: {any: [{known: [exposure]}, {sex: [Female, Male]}]}}"
    assert "exposure known" in words_of(selected(rows, study_text(loose)))


@pytest.mark.parametrize(("months", "stays"), [("0005", False), ("0006", True)])
def test_patients_are_followed_to_the_landmark(months, stays):
    found = selected(patients(survival_months=months), study_text(cohort="  landmark: 6\n"))
    assert (4 in found.rows) == stays
    with pytest.raises(StudyError, match="nobody is followed for 60 months; the longest are 30"):
        selected(patients(), study_text(cohort="  landmark: 60\n"))


def test_months_beyond_the_end_of_the_database_are_unknown():
    row = {"year": "2005", "survival_months": "0030", "patient_id": "99"}
    for last_year, stays in ((None, True), (2007, True), (2006, False)):
        found = selected(patients(**row), study_text(cohort=""), last_year) if stays else None
        if found is None:
            with pytest.raises(StudyError, match="no patient of the group"):
                selected(patients(**row)[2:], study_text().replace("2004-2005", "2005"), last_year)
        else:
            assert 4 in found.rows


@pytest.mark.parametrize(
    ("definition", "kept"),
    [
        ("", ["alive", "cancer", "other"]),
        (", unknown_cause: keep", ["alive", "cancer", "other", "missing"]),
        (", definition: cause_of_death", ["alive", "cancer", "other", "later"]),
        (
            ", definition: cause_of_death, unknown_cause: keep",
            ["alive", "cancer", "other", "later", "missing"],
        ),
    ],
)
def test_which_causes_of_death_are_known(definition, kept):
    text = study_text().replace("Bronchus}", f"Bronchus{definition}}}")
    for cause in CAUSES:
        assert (4 in selected(patients(cause=cause), text).rows) == (cause in kept), cause


def test_a_criterion_whose_column_is_not_exported():
    text = study_text("{nodes: {nodes: 1+, if_exported: yes}}")
    found = selected(patients(), text)
    assert words_of(found)[1] == "nodes (not exported, not applied)"
    assert found.warnings[0] == "warning: 'nodes' is not applied: nodes not exported"
    either = study_text("{nodes: {any: [{nodes: 1+}, {sex: Male}], if_exported: yes}}")
    rows = [*patients(sex="Male"), *patients(sex="Male", surgery="00", patient_id="98")[4:]]
    assert selected(rows, either).rows.tolist() == [5, 4]
    with pytest.raises(StudyError, match="nodes: no export has this column"):
        selected(patients(), study_text("{nodes: {nodes: 1+}}"))


def test_a_criterion_whose_column_one_export_lacks():
    text = study_text("{nodes: {nodes: 1+, if_exported: yes}}")
    study = read_study(text, "study.yaml")
    records = records_of(patients()).with_columns(
        nodes=pl.Series(["01", "00", None, None, "00"]),
        export=pl.Series(["a", "a", "b", "b", "a"]),
    )
    rows = [*patients(), *patients(surgery="00", patient_id="98")[4:]]
    records = pl.concat([records, records_of(rows)[5:]], how="diagonal").with_columns(
        pl.col("export").fill_null("b")
    )
    found = select_cohort(Derivation(records, study.variables, fields=FIELDS), study)
    assert words_of(found)[1] == "nodes (where exported)"
    assert found.rows.tolist() == [0, 2, 3, 5]


def test_an_export_without_a_column_that_is_needed_stops():
    study = read_study(study_text(), "study.yaml")
    one = records_of(patients()).with_columns(export=pl.lit("a"))
    two = one.with_columns(export=pl.lit("b"))
    for missing, lacks in (("stage", "early"), ("surgery", "operation"), ("sex", "sex")):
        records = pl.concat([one, two.drop(missing)], how="diagonal")
        with pytest.raises(StudyError, match=f"the export 'b' has no column of '{lacks}'"):
            select_cohort(Derivation(records, study.variables, fields=FIELDS), study)


# ----- what stops and what warns -----------------------------------------------------------------


def test_a_value_that_no_level_takes_stops_where_the_record_is_eligible():
    text = study_text("{known: {known: [operation]}}").replace(", rest: not in study", "")
    with pytest.raises(StudyError, match=r"variables.operation: no level takes .*'80' 1"):
        selected(patients(surgery="80"), text.replace("{None: 00, Wedge: 20,", "{None: 00,"))
    assert (
        4
        not in selected(
            patients(surgery="80", sex="Male"),
            text.replace("{known: {known", "{women: {sex: Female, known"),
        ).rows
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("exposed: Lobe", "exposed: Wedge", "no patient of the group Wedge"),
        ("years: 2004-2005", "years: 2004-2007", "no record was diagnosed in 2006, 2007"),
        ("old, sex]", "old, sex, surgery]", "'surgery' has codes; declare levels"),
        ("old, sex]}", "old, sex]}\nsubgroups: age", "'age' is a number; declare bands"),
        ("old, sex]", "old, sex, again]", "'again' is found in one of the two groups only"),
        ("variable: operation", "variable: survival_months", "a number; declare a variable"),
        ("variable: operation", "variable: stage", "no value is called 'None'"),
        (
            "causes: Lung and Bronchus",
            "causes: Lung and Bronchis",
            "did you mean 'Lung and Bronchus'",
        ),
        ("  exposure:", "  criteria: [{men: {sex: Mal}}]\n  exposure:", "'men': sex: no value is"),
        ("  exposure:", "  registries: Ohio\n  exposure:", "no value is called 'Ohio'"),
    ],
)
def test_what_does_not_fit_the_records_stops(old, new, message):
    text = study_text(more="  again: {of: surgery, levels: {None: 00, Some: 30}}\n")
    assert old in text
    with pytest.raises(StudyError, match=message):
        selected(patients(), text.replace(old, new))


def test_causes_must_be_those_that_the_cohort_dies_of():
    rows = [
        row | {"cause": "cancer", "patient_id": f"{copy}{row['patient_id']}"}
        for copy in range(3)
        for row in patients()
    ]
    text = study_text().replace("causes: Lung and Bronchus", "causes: Diseases of Heart")
    with pytest.raises(StudyError, match=r"nobody who died .*; most have Lung and Bronchus"):
        selected(rows, text)
    both = text.replace(
        "causes: Diseases of Heart", "causes: [Diseases of Heart, Lung and Bronchus]"
    )
    assert (
        "warning: no death of the cohort has the cause 'Diseases of Heart'"
        in selected(rows, both).warnings
    )


def test_a_level_that_no_record_reaches_warns():
    found = selected(patients(), study_text())
    assert "warning: no record has early 'Late'" in found.warnings
    assert not any("operation" in warning for warning in found.warnings)
