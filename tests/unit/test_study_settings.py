"""A study file as a whole: what is read, what neutral values stand in, and what is refused."""

import pytest
from seermatch.errors import StudyError
from seermatch.variables.definition import read_variables
from seermatch.variables.names import columns_of, names_used, refuse_years, resolve
from seermatch.variables.source import FieldFacts
from seermatch.variables.study import read_study
from seermatch.variables.study_file import read_study_file

MINIMAL = """
title: Surgery in lung cancer
question: Do patients live longer after surgery?
exports: lung.tsv
outcome: {cancer: lung cancer, causes: Lung and Bronchus}
cohort:
  years: 2004-2006
  exposure: {variable: operation, reference: No surgery, exposed: {Surgery: [Wedge, Lobe]}}
variables:
  operation: {of: surgery_code, levels: {No surgery: 00, Wedge: 20-25, Lobe: 30-48}}
matching: {covariates: [age, sex]}
"""
FIELDS = {
    "age": FieldFacts("number"),
    "sex": FieldFacts(),
    "stage_7": FieldFacts(years=frozenset(range(2010, 2016))),
    "stage_8": FieldFacts(years=frozenset(range(2018, 2100))),
    "old": FieldFacts("codes", years=frozenset(range(1998, 2023))),
    "new": FieldFacts("codes", years=frozenset(range(2023, 2100))),
}


def changed(old: str, new: str) -> str:
    """Give the minimal study with something else in one place."""
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


def test_what_a_file_does_not_say_is_neutral():
    study = read_study(MINIMAL, "lung.yaml")
    assert (study.analysis, study.estimand, study.paper, study.subgroups) == (
        "matched",
        "ATT",
        "",
        (),
    )
    assert (study.outcome.definition, study.outcome.unknown_cause) == (
        "seer_cause_specific",
        "exclude",
    )
    cohort = study.cohort
    assert (cohort.criteria, cohort.landmark, cohort.registries) == ((), None, ())
    assert cohort.one_tumor_per_patient
    matching = study.matching
    assert (matching.ratio, matching.caliper, matching.exact, matching.splines) == (1, 0.2, (), ())
    assert study.sections == {}


def test_what_a_file_says_is_read():
    text = MINIMAL.replace("2004-2006", "[2004-2005, 2007]")
    text = text.replace("cohort:", "cohort:\n  landmark: 6\n  one_tumor_per_patient: no")
    text = text.replace(
        "[age, sex]}", "[age, sex], splines: age, caliper: null, ratio: 3, seed: 7}"
    )
    text += "analysis: weighted\nweighting: {estimand: ATO, trim: 0.01}\nsubgroups: sex\n"
    text += "balance: {threshold: 0.05}\nclaims: [{claim: a}]\n"
    study = read_study(text, "lung.yaml")
    assert study.cohort.years == {2004, 2005, 2007}
    assert (study.cohort.landmark, study.cohort.one_tumor_per_patient) == (6, False)
    assert study.cohort.exposure.exposed.levels == ("Wedge", "Lobe")
    assert (study.matching.caliper, study.matching.ratio, study.matching.splines) == (
        None,
        3,
        ("age",),
    )
    assert (study.analysis, study.estimand, study.subgroups) == ("weighted", "ATO", ("sex",))
    assert study.sections == {
        "matching": {"seed": "7"},
        "weighting": {"trim": "0.01"},
        "balance": {"threshold": "0.05"},
        "claims": [{"claim": "a"}],
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Surgery in lung cancer\n", "", "lung.yaml: `title: ...` is missing"),
        ("question:", "questoin:", "did you mean 'question'"),
        ("exports: lung.tsv", "exports: [a, b]", "line 4: exports: write one text"),
        ("causes:", "cause:", "line 5: outcome: no key is called 'cause'; did you mean 'causes'"),
        (", causes: Lung and Bronchus", "", "line 5: outcome: `causes: ...` is missing"),
        ("}\ncohort", ", definition: seer_cause}\ncohort", "did you mean 'seer_cause_specific'"),
        ("}\ncohort", ", unknown_cause: drop}\ncohort", "write exclude or keep"),
        ("years: 2004-2006", "years: 04-06", "'04-06' is no year"),
        ("years: 2004-2006", "landmark: 6", "`years: ...` is missing"),
        ("years: 2004-2006", "years: 2004\n  landmark: 0", "a whole number of 1 or more"),
        ("years: 2004-2006", "years: 2004\n  landmark: six", "'six' is no number"),
        ("years: 2004-2006", "years: 2004\n  criteria: {a: {sex: Male}}", "write a list"),
        (
            "years: 2004-2006",
            "years: 2004\n  criteria:\n  - a: {sex: Male}\n    b: {age: 18+}",
            "line 10: cohort, criteria: 'a' and 'b' are under one dash",
        ),
        (
            "years: 2004-2006",
            "years: 2004\n  criteria: [{a: {sex: Male}}, {a: {age: 18+}}]",
            "'a' is there twice",
        ),
        (
            "years: 2004-2006",
            "years: 2004\n  criteria: [{a: {exposure: Lobe}}]",
            "write known: \\[exposure\\]",
        ),
        ("reference: No surgery", "reference: No surgry", "did you mean 'No surgery'"),
        ("{Surgery: [Wedge, Lobe]}", "[Wedge, Lobe]", "several levels need a name"),
        ("[Wedge, Lobe]", "[Wedge, No surgery]", "both groups hold 'No surgery'"),
        ("{Surgery: [Wedge, Lobe]}", "{No surgery: [Wedge, Lobe]}", "both groups are called"),
        ("{Surgery: [Wedge, Lobe]}", "{A: Wedge, B: Lobe}", "one group has one name"),
        ("variable: operation, ", "", "`variable: ...` is missing"),
        ("[age, sex]", "[age, operation]", "'operation' is the exposure"),
        ("[age, sex]", "[age, age]", "'age' is there twice"),
        ("[age, sex]", "[age, sex], splines: [size]", "'size' is not among the covariates"),
        ("[age, sex]", "[age, sex], calliper: 0.1", "did you mean 'caliper'"),
        ("[age, sex]", "[age, sex], caliper: 0", "null for no caliper"),
        ("[age, sex]", "[age, sex], caliper: none", "line 11: matching, caliper: write null"),
        ("[age, sex]", "[age, sex], ratio: 1.5", "a whole number of 1 or more"),
        ("[age, sex]}", "[age, sex]}\nanalysis: weigthed", "did you mean 'weighted'"),
        ("[age, sex]}", "[age, sex]}\nweighting: {estimand: ATU}", "weighting, estimand: 'ATU'"),
        ("[age, sex]}", "[age, sex]}\nbalance: 0.1", "balance: write `key: value`"),
        ("[age, sex]}", "[age, sex]}\nbalance: {treshold: 1}", "did you mean 'threshold'"),
        ("matching: {covariates: [age, sex]}", "matching: {ratio: 1}", "`covariates: ...` is mis"),
        ("levels: {No", "lables: {No", "did you mean 'label'"),
    ],
)
def test_what_is_refused(old, new, message):
    with pytest.raises(StudyError, match=message) as error:
        read_study(changed(old, new), "lung.yaml")
    assert str(error.value).startswith("lung.yaml")


def test_a_variant_takes_the_rest_from_its_base():
    files = {"lung.yaml": MINIMAL}
    variant = "based_on: lung.yaml\ntitle: Men\nmatching: {ratio: 2}\n"
    study = read_study(variant, "men.yaml", files.__getitem__)
    assert (study.title, study.question[:2], study.matching.ratio) == ("Men", "Do", 2)
    assert study.matching.covariates == ("age", "sex")
    with pytest.raises(StudyError, match=r"men\.yaml, line 1: a study that is based on"):
        read_study(variant, "men.yaml")
    files["middle.yaml"] = "based_on: lung.yaml\ntitle: Middle"
    with pytest.raises(StudyError, match="one step only, so write `based_on: lung"):
        read_study("based_on: middle.yaml", "men.yaml", files.__getitem__)
    files["broken.yaml"] = changed("[age, sex]", "[age, age]")
    with pytest.raises(StudyError, match=r"^broken.yaml, line 11: matching, covariates: 'age' is"):
        read_study("based_on: broken.yaml", "men.yaml", files.__getitem__)


def test_none_unsets_a_key():
    text = MINIMAL.replace("cohort:", "paper: none\ncohort:\n  landmark: none")
    study = read_study(text, "lung.yaml")
    assert (study.paper, study.cohort.landmark) == ("", None)


def test_names_and_the_columns_they_need():
    text = changed("[age, sex]}", "[age, sex], exact: year}\nregression: {recommended: [age]}")
    text = text.replace(
        "  years", "  criteria: [{a: {any: [{stage: I}], known: [outcome]}}]\n  years"
    )
    study = read_study(text, "lung.yaml")
    assert names_used(study) == {
        "operation": "cohort, exposure",
        "stage": "cohort, criteria, 'a'",
        "age": "matching, covariates",
        "sex": "matching, covariates",
        "year": "matching, exact",
    }
    catalogue = variables("{surgery_code: {eras: [{of: Old}, {of: new}]}, stage: {of: stage_7}}")
    fields = FIELDS | {"year": FieldFacts("number")}
    found = resolve(study, catalogue, fields, {"Old": "old"}.get)
    assert found["operation"] == ("old", "new") and found["stage"] == ("stage_7",)
    with pytest.raises(StudyError, match="cohort, criteria, 'a': 'stage' is neither"):
        resolve(study, {}, {}, {}.get, ("surgery_code", "age"))
    with pytest.raises(StudyError, match="did you mean 'stage_7'"):
        resolve(study, variables("{stage: {of: stage_77}}"), FIELDS, {}.get, ("surgery_code",))


def variables(text: str):
    return read_variables(read_study_file(text, "catalogue.yaml"))


def test_a_name_inside_itself_means_what_it_hides():
    assert list(columns_of("x", variables("x: {of: x}"), variables("x: {of: x}"))) == ["x"]
    with pytest.raises(StudyError, match="x needs y needs x"):
        list(columns_of("x", variables("{x: {of: y}, y: {cases: {A: {x: 1}}}}"), {}))


@pytest.mark.parametrize(
    ("years", "declared", "message"),
    [
        ("2010-2015", "stage: {of: stage_7}", None),
        ("2010-2018", "stage: {of: stage_7}", "2016–2018 cannot be studied with 'stage'"),
        ("2010-2018", "stage: {eras: [{of: stage_7}, {of: stage_8}]}", "2016–2017 cannot"),
        ("2015, 2018", "stage: {eras: [{of: stage_7}, {of: stage_8}]}", None),
        ("2014", "stage: {eras: [{of: stage_7, years: 2010-2012}]}", "covers 2010–2012"),
        ("2014-2020", "stage: {cases: {A: {any: [{stage_7: I}, {stage_8: I}]}}}", None),
        ("2014-2020", "stage: {of: sex}", None),
    ],
)
def test_years_outside_every_source_are_refused(years, declared, message):
    text = changed("2004-2006", f"[{years}]").replace("variables:", f"variables:\n  {declared}")
    text = text.replace("[age, sex]", "[stage]")
    study = read_study(text, "lung.yaml")

    def years_of(name):
        return FIELDS[name].years if name in FIELDS else None

    if message is None:
        refuse_years(study, {}, years_of)
        return
    with pytest.raises(StudyError, match=message):
        refuse_years(study, {}, years_of)
