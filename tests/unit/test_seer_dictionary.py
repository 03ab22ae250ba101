"""Dictionaries as SEER*Stat writes them, and the table of SEER variables."""

import re
from importlib.resources import files

import pytest
from seermatch.errors import StudyError
from seermatch.seer.dictionary import DictionaryVariable, parse_dictionary
from seermatch.seer.fields import (
    REQUIREMENTS,
    identify_field,
    match_columns,
    normalized_name,
    require_columns,
    seer_fields,
)

BREAST = r"""[System]
Output filename=C:\Users\x\breast_cancer.csv
Database name=Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub (2000-2022) - Linked To County Attributes - Time Dependent (1990-2023) Income/Rurality, 1969-2023 Counties

[Session Options]
Type=Case Listing

[Export Options]
GZipped=false
Variable format=labels
File format=DOS/Windows
Field delimiter=comma
Missing character="NA"
Fields with delimiter in quotes=true
Remove thousands separators=true
Variable names included=true
Column Variables as Stats=false

[Variables]
Var1Name=Survival months
Var1DisplayType=Formatted
Var2Name=Median household income < 50% = low: 100%(x)
Var2DisplayType=Formatted
Var3Name=Chemotherapy recode (yes, no/unk)
Var3DisplayType=Unformatted
Var4Name=Years; of interest
Var4Base=Year of diagnosis
Var4DisplayType=Formatted

[Format=Vital status recode (study cutoff used)]
0=Alive
4=  Dead = deceased
"""  # noqa: E501


def dictionary_with(old, new):
    assert old in BREAST
    return parse_dictionary(BREAST.replace(old, new), "breast.dic")


def test_everything_in_a_breast_dictionary():
    dictionary = parse_dictionary(BREAST)
    assert dictionary.database.startswith("Incidence - SEER Research Data, 17 Registries, Nov 2024")
    assert dictionary.database.endswith("Income/Rurality, 1969-2023 Counties")
    assert (dictionary.submission, dictionary.years) == ("Nov 2024", (2000, 2022))
    assert dictionary.session_type == "Case Listing"
    assert (dictionary.delimiter, dictionary.missing, dictionary.has_header) == (",", "NA", True)
    assert (dictionary.variable_format, dictionary.quotes_delimiters) == ("labels", True)
    assert dictionary.variables == (
        DictionaryVariable("Survival months", "", "Formatted"),
        DictionaryVariable("Median household income < 50% = low: 100%(x)", "", "Formatted"),
        DictionaryVariable("Chemotherapy recode (yes, no/unk)", "", "Unformatted"),
        DictionaryVariable("Years; of interest", "Year of diagnosis", "Formatted"),
    )
    assert dictionary.formats == {
        "Vital status recode (study cutoff used)": {"0": "Alive", "4": "Dead = deceased"}
    }


@pytest.mark.parametrize(
    "content",
    [
        BREAST.encode(),
        BREAST.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + BREAST.encode(),
        BREAST.replace("C:\\Users\\x", "C:\\Users\\é").encode("cp1252"),
        BREAST.encode().replace(b"Var2Name=", b"Var2Name= ").replace(b"Type=Case", b"Type = Case"),
    ],
)
def test_bytes_line_ends_and_encodings_do_not_matter(content):
    assert parse_dictionary(content) == parse_dictionary(BREAST)


@pytest.mark.parametrize(
    ("word", "delimiter"), [("comma", ","), ("tab", "\t"), ("semi-colon", ";"), ("space", " ")]
)
def test_delimiters(word, delimiter):
    found = dictionary_with("Field delimiter=comma", f"Field delimiter={word}")
    assert found.delimiter == delimiter


@pytest.mark.parametrize(
    ("word", "missing"),
    [("space", " "), ("period", "."), ('"NA"', "NA"), ('"-9"', "-9"), ('"="', "="), ("NA", "NA")],
)
def test_missing_characters(word, missing):
    assert dictionary_with('character="NA"', f"character={word}").missing == missing


def test_options_that_are_not_stated():
    dictionary = parse_dictionary("[Variables]\nVar1Name=Sex\n")
    assert dictionary.variables == (DictionaryVariable("Sex"),)
    assert (dictionary.has_header, dictionary.quotes_delimiters) == (None, None)
    assert (dictionary.delimiter, dictionary.submission, dictionary.years) == ("", "", None)


def test_database_of_another_submission():
    other = dictionary_with("Nov 2024 Sub (2000-2022)", "Nov 2025 Sub (2000-2023)")
    assert (other.submission, other.years) == ("Nov 2025", (2000, 2023))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Var", "Row", "breast.dic names no variables"),
        ("Var2Name", "Var9Name", "breast.dic has no name for variable 2"),
        ("Var2Name", "Var1Name", "breast.dic has Var1Name twice"),
        ("=comma", "=pipe", "breast.dic: field delimiter 'pipe' is not known"),
    ],
)
def test_messages(old, new, message):
    with pytest.raises(StudyError, match=re.escape(message)):
        dictionary_with(old, new)


def test_table_of_variables():
    fields = seer_fields()
    table = files("seermatch.seer").joinpath("fields.tsv").read_text(encoding="utf-8")
    names = [line.split("\t")[0] for line in table.splitlines()[1:]]
    assert names == list(fields), "a field is defined twice"
    assert len({normalized_name(s) for f in fields.values() for s in f.spellings}) == sum(
        len(f.spellings) for f in fields.values()
    )
    for field in fields.values():
        assert field.meaning and field.labels
        for label in field.labels:
            if label.startswith("~"):
                re.compile(label[1:])
            else:
                assert field.knows(label)
    used = {
        name for alternatives in REQUIREMENTS.values() for names in alternatives for name in names
    }
    assert used <= set(fields)


@pytest.mark.parametrize("field", seer_fields().values(), ids=lambda field: field.name)
def test_spellings_of_seer_r_and_spss(field):
    for rank, spelling in enumerate(field.spellings):
        assert identify_field(spelling) == (field.name, rank)
        assert identify_field(re.sub("[^A-Za-z0-9]", ".", spelling)) == (field.name, rank)
        assert identify_field(f'  "{spelling.upper()}" ') == (field.name, rank)
        for length in range(1, 33):
            cut = re.sub("[^A-Za-z0-9]", "", spelling)[:length]
            found = identify_field(cut)
            if length >= 28 or normalized_name(cut) == normalized_name(spelling):
                assert found is None or found[0] == field.name
            elif found is not None:  # a whole shorter name, such as Grade
                assert normalized_name(cut) in map(
                    normalized_name, seer_fields()[found[0]].spellings
                )


def test_names_cut_off_by_spss():
    assert identify_field("Vitalstatusrecodestudycutoffus")[0] == "vital_status"
    assert identify_field("SEERcausespecificdeathclassifi")[0] == "cause_specific"
    assert identify_field("SEERothercauseofdeathclassific")[0] == "other_cause"
    assert identify_field("Vitalstatusrecodestudycutof") is None  # 27 letters


def test_preferred_spelling_wins():
    header = ["Derived EOD 2018 M (2018+)", "Derived EOD 2018 M Recode (2018+)"]
    assert match_columns(header, ["", ""], "a.csv") == {"m_stage": 1}
    assert match_columns(header[::-1], ["", ""], "a.csv") == {"m_stage": 0}


def test_base_of_a_user_defined_variable_counts_only_without_the_variable_itself():
    assert match_columns(["My years"], ["Year of diagnosis"], "a.csv") == {"year": 0}
    header, bases = ["My years", "Year of diagnosis"], ["Year of diagnosis", ""]
    assert match_columns(header, bases, "a.csv") == {"year": 1}


def test_duplicate_columns():
    with pytest.raises(StudyError, match=r"a.csv: columns 1 \('Sex'\) and 3 \('sex'\) are dupl"):
        match_columns(["Sex", "Year of diagnosis", "sex"], [""] * 3, "a.csv")
    with pytest.raises(StudyError, match="duplicates"):
        match_columns(["My years", "Years too"], ["Year of diagnosis"] * 2, "a.csv")


def test_missing_column_names_the_variable_its_variants_and_the_nearest():
    with pytest.raises(StudyError) as error:
        require_columns(
            {"sex": "Sex"}, ["Sex", "Derived AJCC M, 2018"], ["sex", "m_stage"], "a.csv"
        )
    message = str(error.value)
    assert message.startswith("a.csv has no column 'Derived EOD 2018 M Recode (2018+)'")
    assert "nor 'Derived EOD 2018 M (2018+)'" in message
    assert "the nearest column is 'Derived AJCC M, 2018'" in message
    assert "export again" in message


def test_missing_column_with_alternatives():
    with pytest.raises(StudyError) as error:
        require_columns({"grade_clinical": "Grade Clinical (2018+)"}, [], ["grade", "sex"], "a.csv")
    assert "'Derived Summary Grade 2018 (2018+)' (nor 'Grade Clinical (2018+)' with " in str(
        error.value
    )
    assert "; 'Sex'." in str(error.value)
    both = {"grade_clinical": "", "grade_pathological": ""}
    require_columns(both, [], ["grade"], "a.csv")
    require_columns({"er_2018": "", "tumor_size_recode": ""}, [], ["er", "tumor_size"], "a.csv")


@pytest.mark.parametrize(
    ("field", "column", "message"),
    [
        ("age_85", "Age recode with single ages and 85+", "from 85 years on in one group"),
        ("age_band", "Age recode with <1 year olds", "holds five-year groups"),
    ],
)
def test_grouped_ages_are_refused(field, column, message):
    with pytest.raises(StudyError, match="Export 'Age recode with single ages and 90\\+'") as error:
        require_columns({field: column}, [column], ["age"], "a.csv")
    assert message in str(error.value) and repr(column) in str(error.value)
    assert identify_field(column)[0] == field
