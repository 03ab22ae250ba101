"""Reading of exports in all their forms."""

import gzip
import hashlib
import io
import tracemalloc

import pytest
from made_up_exports import RECORDS, dictionary, read, refused, replaced, table, without
from seermatch.errors import StudyError
from seermatch.seer.dictionary import parse_dictionary
from seermatch.seer.export import open_export
from seermatch.seer.fields import seer_fields
from seermatch.seer.lines import HashingReader, LineBlocks, check_lines

# ---- forms of an export


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", " "])
def test_delimiters_quotes_and_line_ends_are_found_without_a_dictionary(delimiter, quoted, eol):
    content = table(delimiter=delimiter, quoted=quoted, eol=eol)
    assert read(content) == RECORDS
    assert read(gzip.compress(content)) == RECORDS
    assert read(b"\xef\xbb\xbf" + content) == RECORDS
    assert read(content + eol.encode() * 3, block_size=50) == RECORDS


@pytest.mark.parametrize("delimiter", ["comma", "tab", "semi-colon", "space"])
def test_names_from_the_dictionary(delimiter):
    character = {"comma": ",", "tab": "\t", "semi-colon": ";", "space": " "}[delimiter]
    dic = dictionary(delimiter=delimiter, header="false")
    assert read(table(delimiter=character, header=False), dic) == RECORDS
    dic = dictionary(delimiter=delimiter, header="true")
    assert read(table(delimiter=character), dic) == RECORDS


def test_table_saved_again_by_other_software():
    assert read(table(delimiter=";"), dictionary(delimiter="comma")) == RECORDS
    # a line with names although the dictionary denies it
    assert read(table(), dictionary(header="false")) == RECORDS


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 10**6])
def test_result_does_not_depend_on_the_block_size(size):
    assert read(table(), block_size=size) == RECORDS


def test_names_of_other_submissions_r_and_spss():
    names = {
        "patient_id": "Patient_ID",
        "m_stage": "Derived.EOD.2018.M.Recode..2018..",
        "n_stage": "Derived EOD 2018 N (2018+)",
        "vital_status": "Vitalstatusrecodestudycutoffus",
        "er": "ER Status Recode Breast Cancer (2010+)",
        "age": "Age.recode.with.single.ages.and.90.",
    }
    assert read(table(names=names)) == RECORDS
    mangled = {field: names[field] for field in ("patient_id", "m_stage", "vital_status", "age")}
    assert read(table(names=mangled), dictionary()) == RECORDS


def test_unknown_columns_are_left_out():
    content = table(replaced(dx_confirmation=["x, y"] * 3), {"dx_confirmation": "Race (W, B)"})
    export = open_export(io.BytesIO(content))
    assert "Race (W, B)" in export.layout.header
    assert list(export.columns) == list(RECORDS)
    assert read(content) == RECORDS


def test_only_wanted_columns():
    assert list(read(table(), columns=[], required=["sex", "year"])) == ["year", "sex"]
    more = read(table(), columns=["primary_site"], required=["sex"])
    assert list(more) == ["sex", "primary_site"]
    assert set(read(table(), columns=[])) == set(RECORDS) - {"primary_site"}


def test_alternatives_of_required_variables():
    records = without("grade", "tumor_size", "er", "pr", "her2") | {
        "grade_clinical": ["1"] * 3,
        "grade_pathological": ["2"] * 3,
        "tumor_size_recode": ["016"] * 3,
        "er_2018": ["ER positive"] * 3,
        "pr_2018": ["PR negative"] * 3,
        "her2_2018": ["HER2 negative; equivocal"] * 3,
    }
    assert read(table(records)) == records


def test_user_defined_variable_is_known_by_its_base():
    dic = dictionary().replace(
        "Var3Name=Year of diagnosis", "Var3Name=My years\nVar3Base=Year of diagnosis"
    )
    export = open_export(io.BytesIO(table(names={"year": "My years"})), parse_dictionary(dic))
    assert export.columns["year"] == "My years"
    assert read(table(header=False), dic) == RECORDS


def test_indented_labels_are_stripped():
    indented = {field: [f"  {value} " for value in values] for field, values in RECORDS.items()}
    assert read(table(indented)) == RECORDS
    assert read(table(indented, quoted=True)) == RECORDS


def test_labels_never_become_missing_by_accident():
    labels = ["NA", "None", "88", "null", "nan", "N/A", ".", "-", "0", "#N/A", "True", "1e5"]
    records = {"grade": labels, "m_stage": labels[::-1]}
    assert read(table(records), required=[]) == records


def test_numbers_keep_their_form():
    records = {"survival_months": ["0001", "1", "1.0"], "patient_id": ["00000225", "225", "225.0"]}
    assert read(table(records), required=[]) == records


@pytest.mark.parametrize(
    ("option", "written"), [("space", " "), ("space", ""), ("period", "."), ('"NA"', "NA")]
)
def test_missing_character(option, written):
    records = {"sex": ["Female", written, "Male"], "registry": [written] * 3, "year": ["2018"] * 3}
    expected = records | {"sex": ["Female", None, "Male"], "registry": [None] * 3}
    for quoted in (False, True):
        content = table(records, quoted=quoted)
        assert read(content, dictionary(records, missing=option), required=[]) == expected


def test_missing_character_that_is_also_a_label():
    records = {"m_stage_2010_2015": ["NA", "M0"], "registry": ["NA", "Utah"]}
    found = read(table(records), dictionary(records, missing='"NA"'), required=[])
    assert found == {"m_stage_2010_2015": ["NA", "M0"], "registry": [None, "Utah"]}


def test_blank_cells_are_missing_without_a_dictionary():
    records = {"sex": ["", "Male"], "registry": [" ", "NA"]}
    assert read(table(records), required=[]) == {"sex": [None, "Male"], "registry": [None, "NA"]}


def test_quotation_marks():
    records = {"sex": ['5" "x""', '""', '"'], "registry": ["a, b", ",", 'x","y']}
    assert read(table(records, quoted=True), required=[]) == records


def test_quotation_marks_are_text_where_fields_are_never_quoted():
    text = b'Sex\tSEER registry\n5" x\t"a"\n"\tb\n'
    dic = dictionary({"sex": 0, "registry": 0}, delimiter="tab", format="labels")
    dic = dic.replace("in quotes=true", "in quotes=false")
    assert read(text, dic, required=[]) == {"sex": ['5" x', '"'], "registry": ['"a"', "b"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings(encoding):
    records = {"sex": ["Female", "Male"] * 10, "registry": ["Café", "Año – “x” €"] * 10}
    content = table(records).decode().encode(encoding)
    for size in (40, 10**6):
        export = open_export(io.BytesIO(content), required=[], block_size=size)
        assert [v for frame in export.batches() for v in frame["registry"]] == records["registry"]
        assert export.encoding == encoding.removesuffix("-sig")


# ---- unformatted exports

CODED = {"year": ["218", "222"], "histology": ["500", "522"], "sex": ["2", "02"]}
FORMATS = """
[Format=Year of diagnosis]
218=2018
222=2022

[Format=Histologic Type ICD-O-3]
500=8500
522=8522

[Format=Sex]
1=  Male
2=  Female
"""


def test_internal_codes_are_decoded_through_the_dictionary():
    expected = {"year": ["2018", "2022"], "histology": ["8500", "8522"], "sex": ["Female"] * 2}
    assert read(table(CODED), dictionary(CODED) + FORMATS, required=[]) == expected


def test_codes_decide_by_the_display_type():
    # grade shows codes in either form, so only the dictionary can tell
    records = {"year": ["2018"], "grade": ["4"], "tumor_size": ["005"]}
    dic = dictionary(records) + "Var1DisplayType=Formatted\nVar2DisplayType=Unformatted\n"
    dic += "\n[Format=Derived Summary Grade 2018 (2018+)]\n4=B\n"
    assert read(table(records), dic, required=[])["grade"] == ["B"]


@pytest.mark.parametrize("field", CODED)
def test_internal_codes_without_format_are_refused(field):
    records = {"patient_id": ["00000001", "00000002"], field: CODED[field]}
    message = refused(
        f"column {seer_fields()[field].variable!r} holds internal codes",
        table(records),
        required=[],
    )
    assert "uncheck 'Display unformatted'" in message
    incomplete = dictionary(CODED) + FORMATS.replace("[Format=Sex]", "[Format=Gender]")
    refused("column 'Sex' holds internal codes", table(CODED), incomplete, required=[])


def test_code_without_label_is_refused():
    records = CODED | {"year": ["218", "225"]}
    refused(
        "breast.csv, row 3: the dictionary has no label for code '225' of 'Year of diagnosis'",
        table(records),
        dictionary(records) + FORMATS,
        required=[],
    )


def test_message_names_the_column_that_certainly_holds_codes():
    records = {"sequence_number": ["0", "1"]} | CODED
    message = refused(
        "column 'Year of diagnosis' holds internal codes", table(records), required=[]
    )
    assert "right-click the column header" in message


def test_codes_under_names_cut_off_by_spss():
    records = {"year": ["218"], "vital_status": ["4"]}
    dic = dictionary(records) + FORMATS
    dic += "\n[Format=Vital status recode (study cutoff used)]\n4=Dead\n"
    content = table(records, {"vital_status": "Vitalstatusrecodestudycutoffus"})
    assert read(content, dic, required=[]) == {"year": ["2018"], "vital_status": ["Dead"]}


def test_numeric_export_is_refused():
    records = {"grade": ["1", "2"], "patient_id": ["1", "2"]}
    refused(
        "holds internal codes", table(records), dictionary(records, format="numeric"), required=[]
    )


# ---- the parts underneath


def test_hashing_reader_hands_through_short_reads():
    class Trickle(io.BytesIO):
        def readinto(self, buffer):
            return super().readinto(memoryview(buffer)[:3])

    reader = HashingReader(Trickle(b"abcdefgh"))
    assert io.BufferedReader(reader).read() == b"abcdefgh"
    assert reader.sha256 == hashlib.sha256(b"abcdefgh").hexdigest()


def test_blocks_hold_whole_lines():
    content = b"".join(b"%d,x\n" % i for i in range(1000))
    blocks = LineBlocks(io.BytesIO(content), "a.csv", block_size=100)
    parts, expected_row = [], 1
    while (part := blocks.read()) is not None:
        assert part[0].endswith(b"\n") and part[1] == expected_row
        expected_row += part[0].count(b"\n")
        parts.append(part[0])
    assert b"".join(parts) == content


def test_more_than_255_fields_in_a_line_do_not_wrap_around():
    options = {"delimiter": ",", "quoted": True, "n_fields": 3, "first_row": 1, "name": "a.csv"}
    with pytest.raises(StudyError, match="row 2: 259 fields instead of 3"):
        check_lines(b"a,b,c\n" + b"," * 258 + b"\n", **options)
    with pytest.raises(StudyError, match="row 1: 1 field instead of 3"):
        check_lines(b'"' + b"," * 258 + b'"\n', **options)
    wide = b",".join([b'"a,"'] * 700) + b"\n"
    assert check_lines(wide * 3, **(options | {"n_fields": 700})) == 3


def test_memory_does_not_grow_with_the_rows():
    body = table(header=False)
    head = table().splitlines(keepends=True)[0]

    def peak(copies):
        class Repeated(io.RawIOBase):
            left, rest = copies, head

            def readinto(self, buffer):
                if not self.rest and self.left:
                    self.rest, self.left = body * 100, self.left - 1
                size = min(len(buffer), len(self.rest))
                buffer[:size], self.rest = self.rest[:size], self.rest[size:]
                return size

        tracemalloc.start()
        export = open_export(Repeated(), block_size=1 << 17)
        rows = sum(frame.height for frame in export.batches())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert rows == copies * 300
        return most

    assert peak(40) < 1.5 * peak(10)
