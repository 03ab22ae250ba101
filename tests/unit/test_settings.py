"""What a configuration may hold: defaults in one place, wrong values in words, texts that print."""

import copy
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
import yaml
from seermatch.errors import StudyError
from seermatch.matching.rule import MatchingRule
from seermatch.settings.check import fill, problems
from seermatch.settings.cohort import Export
from seermatch.settings.study import Study
from seermatch.settings.texts import check_together

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config/config.yaml").read_text("utf-8"))
CLAIM = {
    "claim": "It does harm.",
    "source": "A leaflet",
    "outcome": "death of any cause",
    "expects": "worse",
    "months": [36],
}


def changed(path, value):
    """A copy of the default configuration with another value."""
    config = copy.deepcopy(CONFIG)
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = config
    for step in parents:
        place = place[step]
    place[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("matching.caliper", -1, "-1 is not a number above 0, at most 10 or null. Largest"),
        ("matching.caliper", float("nan"), "nan is not a number above 0"),
        ("matching.caliper", float("inf"), "inf is not a number above 0"),
        ("matching.ratio", 2.5, "2.5 is not a whole number from 1 to 10. Controls per"),
        ("matching.ratio", True, "True is not a whole number from 1 to 10."),
        ("matching.ratio", "2", "'2' is not a whole number from 1 to 10."),
        ("matching.ties", "random", "'random' is not `hash` or `file_order`. Which"),
        ("matching.exact", "year", "'year' is not a list, each item `year` or `registry`."),
        ("matching.exact", ["year", "year"], "'year' is there twice; keep one."),
        ("cohort.one_tumor_per_patient", 1, "1 is not true or false. Keep, of a patient's"),
        ("cohort.years", [], "[] is too short. Years of diagnosis."),
        ("cohort.years.0", 1900, "1900 is not a whole number from 1975 to 2100."),
        ("cohort.registries", [7], "7 is not text; write it in quotes. Labels of"),
        ("cohort.criteria.1.keep.sex.labels.0", True, "True is not text; write it in quotes."),
        ("cohort.criteria.1.keep.sex", {}, "is empty; say which values stay: labels, pattern"),
        ("cohort.criteria.1.keep.sex", {"labels": None}, "None is not a list, each item text"),
        ("cohort.criteria.1.keep", {}, "{} is too short. Field to values that stay."),
        ("recode.grade.0", {"labels": ["1"]}, "level: is missing. Name of the level"),
        ("sensitivity.calipers", [0.1, 0], "calipers.1: 0 is not a number above 0, at most 10 or"),
        ("study.title", 5, "5 is not text; write it in quotes. Title of the report."),
        ("study.claims", [CLAIM | {"months": [0]}], "claims.0.months.0: 0 is not a whole number"),
        ("matching", None, "None is not keys with values. Propensity score"),
    ],
)
def test_a_wrong_value_is_named_with_what_the_key_takes(path, value, message):
    (told,) = problems(Study, changed(path, value), "config")
    assert told.startswith(f"config.{path}")
    assert message in told


def test_several_wrong_values_are_all_named():
    config = changed("matching.ratio", 11)
    config["balance"] = {"threshold": 0}
    told = problems(Study, config, "config")
    assert [line.split(":")[0] for line in told] == [
        "config.matching.ratio",
        "config.balance.threshold",
    ]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("matching.calliper", "did you mean 'caliper'?"),
        ("cohort.criteria.2.keep.age.minium", "did you mean 'minimum'?"),
        ("figures.widths.columns", "did you mean 'column'?"),
        ("balance.xyz", "known are threshold."),
        ("xyz", "known are exports, pathvars, synthetic"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(path, hint):
    (told,) = problems(Study, changed(path, 1), "config")
    place, _, key = f"config.{path}".rpartition(".")
    assert told.startswith(f"{place}: unknown key '{key}'; {hint}")


def test_whole_numbers_are_numbers_and_null_is_none_where_it_may_be():
    for path in ("matching.caliper", "disclosure.minimum_count", "interpretation.months.0"):
        assert problems(Study, changed(path, 2), "config") == []
    assert problems(Study, changed("matching.caliper", None), "config") == []
    assert problems(Study, changed("matching.ratio", None), "config")


def test_defaults_are_filled_in_and_what_is_given_stays():
    config = {"matching": {"caliper": None}, "figures": {"widths": {"page": 200}}}
    fill(Study, config)
    assert config["matching"] == CONFIG["matching"] | {"caliper": None}
    assert config["figures"]["widths"] == {"column": 85, "page": 200}
    assert "pathvars" not in config
    again = copy.deepcopy(config)
    fill(Study, again)
    assert again == config


def test_defaults_are_never_shared():
    first, second = {}, {}
    fill(Study, first)
    fill(Study, second)
    first["cohort"]["years"].append(1999)
    assert second["cohort"]["years"] == CONFIG["cohort"]["years"]


def test_a_section_has_the_defaults_of_its_keys():
    rule = MatchingRule(**CONFIG["matching"])
    assert rule == MatchingRule()
    assert replace(rule, caliper=0.1).ratio == rule.ratio


def test_every_key_says_what_it_is():
    def check(section):
        for key in fields(section):
            assert key.metadata["description"].endswith((".", ".)", ").")), key.name
            if is_dataclass(key.type):
                check(key.type)

    check(Study)
    check(Export)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("cohort.exposure.field", "n_stage", "matching.covariates: n_stage tells the groups apart"),
        ("regression.recommended", ["age", "year"], None),
        ("matching.covariates", ["age"], "regression.recommended: grade, histology, n_stage"),
        ("study.claims", [CLAIM | {"expects": "survival"}], "'expects: survival' needs it"),
        ("study.claims", [CLAIM | {"survival_percent": 90}], "the claim expects 'worse'"),
        ("study.title", " ", "study.title: '' is empty or has blanks around it"),
        ("study.title", "a\x1b[2J", "'a\\x1b[2J' holds '\\x1b', which cannot be printed"),
        ("study.title", "half a \ud800", "holds '\\ud800', which cannot be printed"),
        ("cohort.exposure.exposed.label", "1,000", "'1,000' has another meaning in the tables"),
        ("cohort.exposure.exposed.label", "All", "'All' has another meaning in the tables"),
        ("cohort.exposure.exposed.label", "M0", "'M0' is the same in print as cohort.exposure"),
        ("recode.grade.1.level", "I–II", "'I–II' is the same in print as recode.grade.0.level"),
        ("recode.grade.1.level", "Median (IQR)", "has another meaning"),
    ],
)
def test_keys_that_contradict_each_other(path, value, message):
    config = changed(path, value)
    assert problems(Study, config, "config") == []
    if message is None:
        check_together(config)
        return
    with pytest.raises(StudyError) as told:
        check_together(config)
    assert message in str(told.value)


def test_a_row_of_the_sheet():
    row = {"export": "a b", "path": ""}
    first, second = problems(Export, row, "exports.tsv, row 2")
    assert first.startswith("exports.tsv, row 2.export: 'a b' is not allowed. Short name of the")
    assert second.startswith("exports.tsv, row 2.path: '' is too short. The exported data file")
