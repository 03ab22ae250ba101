"""Labels that a study names: slips of the pen are told from labels that exist."""

import polars as pl
import pytest
import yaml
from seermatch.cohort.criteria import Exposure, rule_expression
from seermatch.cohort.quality import assess_quality
from seermatch.cohort.quality_counts import count_quality, labels_seen
from seermatch.cohort.study_labels import NamedLabels, named_labels, refuse_unknown_labels
from seermatch.errors import StudyError

EXPOSURE = Exposure("m_stage", ("M0",), ("M0(i+)",))
SEEN = {
    "er": {"Negative", "Positive", "Borderline/Unknown"},
    "grade": {"1", "2", "3", "A", "9"},
    "histology": {"8500", "8520"},
    "m_stage": {"M0", "M0(i+)", "M1"},
    "site_recode": {"Breast", "Skin"},
    "subtype": {"HR+/HER2-"},
    "t_stage": {"T1c", "TX"},
}


def named(field, *labels, pattern=""):
    return NamedLabels("the criterion 'x'", field, labels, pattern)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (named("er", "Negative", "positive"), "er has no label 'positive' .* mean 'Positive'"),
        (named("m_stage", "M0(1+)"), "'M0\\(1\\+\\)' .*did you mean 'M0\\(i\\+\\)'"),
        (named("m_stage", "cM0"), "'cM0' .*did you mean 'M0'"),
        (named("grade", "Well differentiated"), "did you mean 'A'"),
        (named("grade", "Site-specific grade system category (2)"), "did you mean '2'"),
        (named("subtype", "HR+/HER2- (Luminal A)"), "did you mean 'HR\\+/HER2-'"),
        (named("eod_regional_nodes", "70"), "did you mean '070'"),
        (named("eod_regional_nodes", "56"), "eod_regional_nodes has no label '56'"),
        (named("histology", "850O"), "histology has no label '850O' .*did you mean '85[02]0'"),
        (named("sex", "Frau"), "there are 'Female', 'Male'"),
        (named("t_stage", pattern="t[12].*"), "t_stage has no label like 't\\[12\\]"),
        (named("site_recode", "breast"), "did you mean 'Breast'"),
        (named("exposure", "reference", "exposd"), "did you mean 'exposed'"),
        (named("gradee", "1"), "there is no field 'gradee'; did you mean 'grade'"),
        (named("t_stage", pattern="T[1"), "'T\\[1' is no regular expression"),
    ],
)
def test_what_nothing_knows_is_refused_and_the_nearest_offered(item, message):
    with pytest.raises(StudyError, match=message):
        refuse_unknown_labels([item], SEEN)


@pytest.mark.parametrize(
    "item",
    [
        named("er", "Negative", "Positive"),
        named("grade", "1", "2", "A", "B"),
        named("histology", "8500", "8522"),
        named("t_stage", pattern="T[12].*"),
        named("t_stage", "T1c", "T4e"),
        named("exposure", "reference", "exposed"),
        named("site_recode", "Skin"),
        named("site_recode", "Breast"),
        named("primary_site", "C16.0-Cardia, NOS"),
        named("eod_regional_nodes", "070"),
        named("regional_nodes_examined", pattern="0[1-9]|[1-8][0-9]|90|9[6-8]"),
    ],
)
def test_what_a_dictionary_or_a_record_knows_passes(item):
    assert refuse_unknown_labels([item], SEEN) == []


@pytest.mark.parametrize(
    "item",
    [named("grade", "L", "M", "H"), named("t_stage", pattern="T3.*"), named("histology", "9999")],
)
def test_known_labels_that_no_record_has_are_told(item):
    assert refuse_unknown_labels([item], SEEN) == [item]


def test_every_slip_is_named_at_once():
    items = [named("er", "positive"), named("grade", "I")]
    with pytest.raises(StudyError, match=r"er has.*\n.*grade has"):
        refuse_unknown_labels(items, SEEN)


@pytest.mark.parametrize(
    "name", ["config", "studies/nodal_isolated_cells", "studies/nodal_micrometastasis"]
)
def test_the_studies_name_known_labels_only(name, pytestconfig):
    folder = pytestconfig.rootpath / "config"
    config, study = (
        yaml.safe_load((folder / f"{file}.yaml").read_text(encoding="utf-8"))
        for file in ("config", name)
    )
    cohort, recodes = config["cohort"] | study["cohort"], config["recode"] | study["recode"]
    items = named_labels(cohort, recodes)
    assert {"m_stage", "n_stage", "grade", "histology"} <= {item.field for item in items}
    refuse_unknown_labels(items, {})


def test_a_label_of_one_export_counts_for_all_and_whatever_the_year():
    years = ("2018", "2019", "1999")
    texts = dict.fromkeys(("year", "m_stage", "registry", "er_2018"), pl.String)
    frames = [
        pl.LazyFrame(
            {"year": [year], "m_stage": ["M0"], "registry": [name], "er_2018": [er]}, schema=texts
        )
        for year, name, er in zip(years, "abc", ("ER positive", "x", None), strict=True)
    ]
    counts = pl.concat(count_quality(frame, EXPOSURE, [2018, 2019]) for frame in frames)
    seen = {"m_stage": {"M0"}, "registry": {"a", "b", "c"}, "er": {"Positive", "x"}}
    assert seen.items() <= labels_seen(counts).items()
    assess_quality(counts, named=[named("registry", "a", "c"), named("er", "x")])
    with pytest.raises(StudyError, match="registry has no label 'd'"):
        assess_quality(counts, named=[named("registry", "d")])


def test_a_number_that_may_be_a_patients_is_no_label():
    counts = count_quality(pl.LazyFrame({"m_stage": ["M0", "00000225"]}), EXPOSURE)
    assert labels_seen(counts) == {"m_stage": {"M0"}}


def test_an_unused_label_is_a_warning_of_the_checks():
    counts = count_quality(pl.LazyFrame({"grade": ["1", "2"], "m_stage": ["M0"] * 2}), EXPOSURE)
    frame = assess_quality(counts, named=[named("grade", "L", "M")])
    assert frame.row(0)[:3] == ("unused_label", "grade", "L; M")
    assert (frame["verdict"][0], frame["note"][0]) == (
        "warning",
        "No record has a label that the criterion 'x' names.",
    )


def test_a_pattern_that_is_none_is_told_in_a_sentence():
    with pytest.raises(StudyError, match=r"'\(\?=x\)' is no regular expression: look-around"):
        rule_expression("grade", {"pattern": "(?=x)"}, numeric=False)
