"""The message for each kind of bad file."""

import gzip

import numpy as np
import pytest
from made_up_exports import RECORDS, dictionary, read, refused, replaced, table, without
from seermatch.seer.fields import REQUIREMENTS, seer_fields


@pytest.mark.parametrize("field", REQUIREMENTS)
def test_missing_required_column(field):
    message = refused(f"has no column {seer_fields()[field].variable!r}", table(without(field)))
    assert "Add it to the case listing" in message
    others = [name for name in REQUIREMENTS if name != field]
    assert read(table(without(field)), required=others) == without(field)


def test_age_ending_at_85_is_refused():
    names = {"age": "Age recode with single ages and 85+"}
    message = refused("puts everyone from 85 years on in one group", table(names=names))
    assert "'Age recode with single ages and 90+'" in message
    message = refused(
        "five-year groups", table(names={"age": "Age recode with <1 year olds and 90+"})
    )
    assert "'Age recode with single ages and 90+'" in message


def test_age_labels_ending_at_85_are_refused():
    records = replaced(age=["18 years", "85+ years", "84 years"])
    message = refused("puts everyone from 85 years on in one group", table(records))
    assert "'Age recode with single ages and 90+'" in message


# `mtime=0`: a time in the content would change the tests' names from process to process.
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "breast.csv is empty"),
        (b"\r\n\n\r\n", "breast.csv is empty"),
        (gzip.compress(b"", mtime=0), "breast.csv is empty"),
        (b"PK\x03\x04" + bytes(100), "is an Excel workbook or a ZIP archive"),
        (b"\xff\xfeS\0e\0x\0", "is text in UTF-16"),
        (bytes(range(256)) * 20, "is a binary file"),
        (np.random.default_rng(1).bytes(5000), "is a binary file"),
        (b"\xff" * 5000, "the first line holds no names of SEER variables"),
        (b"a,b,c\n1,2,3\n", "the first line holds no names of SEER variables"),
        (b"[System]\nOutput filename=x\n", "the first line holds no names of SEER variables"),
        (table().split(b"\n")[0], "has column names but no records"),
        (table().split(b"\n")[0] + b"\n\n", "has column names but no records"),
        (table(header=False), "the first line holds no names of SEER variables"),
        (gzip.compress(table(), mtime=0)[:-20], "the compressed file is damaged or cut off"),
        (
            gzip.compress(table(), mtime=0)[:-8] + bytes(8),
            "the compressed file is damaged or cut off",
        ),
    ],
)
def test_files_that_are_no_exports(content, message):
    refused(message, content)


def test_text_without_line_ends():
    refused("breast.csv, row 1: no line end in", b"x" * 3_000_000, block_size=1000)


LINES = table().decode().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("row", "change", "message"),
    [
        (3, lambda s: s.replace(",Female", ""), "row 3: 20 fields instead of 21"),
        (4, lambda s: s.replace("Male", "Ma,le"), "row 4: 22 fields instead of 21"),
        (2, lambda s: s.replace("C50.9", "C50\n9"), "row 2: a quotation mark is missing"),
        (2, lambda s: s.replace('"', "", 1), "row 2: a quotation mark is missing"),
        (2, lambda s: s.replace('"', ""), "row 2: 22 fields instead of 21"),
        (3, lambda s: s.replace("Female", 'Fe"ma"le'), "row 3: a quotation mark is missing"),
        (3, lambda s: "\n" + s, "row 3: 1 field instead of 21"),
        (3, lambda s: s.replace("Female", "Fem\0le"), "row 3: a zero byte"),
        (4, lambda s: s.rstrip()[:-4], "row 4: the file ends without a line end"),
        (4, lambda s: s[:30], "row 4: 6 fields instead of 21"),
    ],
)
@pytest.mark.parametrize("size", [90, 10**6])
def test_damaged_rows(row, change, message, size):
    lines = LINES.copy()
    lines[row - 1] = change(lines[row - 1])
    assert "xport" in refused(f"breast.csv, {message}", "".join(lines).encode(), block_size=size)


def test_too_few_and_too_many_fields_do_not_compensate():
    lines = LINES.copy()
    lines[2] = lines[2].replace(",Female", "")
    lines[3] = lines[3].replace("Male", "Ma,le")
    refused("breast.csv, row 3: 20 fields instead of 21", "".join(lines).encode())


def test_row_without_header_counts_from_one():
    content = table(header=False).replace(b",Male", b"")
    refused("breast.csv, row 3: 20 fields", content, dictionary(header="false"))


@pytest.mark.parametrize("size", [90, 10**6])
def test_missing_last_line_end_is_harmless_if_the_last_value_is_whole(size):
    for last in (
        {"registry": ["Utah", "Iowa", "Utah"]},
        {"n_tumors": ["01", "02", "03"]},
        {"registry": ["a, b", "Utah", "Utah, too"]},
    ):
        records = RECORDS | last
        assert read(table(records).rstrip(), block_size=size) == records
    records = RECORDS | {"registry": ["x"] * 3}
    content = table(records, {"registry": "A variable that is not read"}).rstrip()
    assert read(content, block_size=size) == RECORDS


@pytest.mark.parametrize(
    ("last", "cut"),
    [
        ({"registry": ["Utah", "Iowa", "Utah"]}, "Uta"),
        ({"n_tumors": ["01", "02", "03"]}, "0"),
        ({"registry": ["M0", "M0(i+)", "M0"]}, "M0"),
        ({"registry": ["Utah", "Iowa", "Nevada"]}, "Nevada"),
    ],
)
@pytest.mark.parametrize("size", [90, 10**6])
def test_file_that_ends_within_its_last_value(last, cut, size):
    content = table(RECORDS | last).decode().rstrip()
    content = content[: content.rindex(",") + 1] + cut
    refused(
        f"row 4: the file ends without a line end and its last value {cut!r} may be cut off",
        content.encode(),
        block_size=size,
    )


def test_file_that_ends_within_a_longer_known_label():
    records = {"sex": ["Male"] * 3, "m_stage": ["M0", "M1", "M0(i+)"]}
    refused("its last value 'M0' may be cut off", table(records).rstrip()[:-4], required=[])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "Sex,SEER registry\nCafé,Utah\n".encode() + b"Caf\xe9,Utah\n",
            "mixes UTF-8 and Windows-1252",
        ),
        (b"Sex,SEER registry\nMale,Utah\nMale,\x81\n", "row 3: byte 0x81 is not a character"),
    ],
)
@pytest.mark.parametrize("size", [30, 10**6])
def test_encodings_are_never_mixed(content, message, size):
    refused(message, content, required=[], block_size=size)


def test_wrong_dictionary():
    other = dictionary(without("sex"))
    assert "column 4 is 'Sex' in the file but" in refused(
        "the dictionary belongs to another file", table(), other
    )
    more = dictionary(replaced(registry=[]))
    assert "the file has 21 columns, the dictionary 22" in refused(
        "the dictionary belongs to another file", table(), more
    )
    message = refused("row 1: 21 fields, but the dictionary names 20", table(header=False), other)
    assert "Give the .dic file that SEER*Stat wrote beside this file" in message
    refused(
        "the dictionary belongs to another file", table(header=False), dictionary(header="true")
    )


def test_other_sessions_are_refused():
    dic = "[Session Options]\nType=Survival\n" + dictionary()
    refused("comes from a SEER*Stat session of type 'Survival'", table(), dic)


def test_no_variable_that_the_study_reads():
    dic = "[Variables]\nVar1Name=Race\nVar2Name=Income\n"
    refused("holds none of the SEER variables", b"White,5\n", dic, required=[])


def test_duplicate_columns_are_refused():
    names = {"primary_site": "Sex"}
    refused("columns 4 ('Sex') and 6 ('Sex') are duplicates", table(names=names))


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [4000, 10**6])
@pytest.mark.parametrize(
    "change",
    [
        lambda cells: [*cells[:5], cells[5].rstrip('"'), *cells[6:]],
        lambda cells: [*cells[:5], cells[5].lstrip('"'), *cells[6:]],
        lambda cells: [*cells[:-1], '"' + cells[-1]],
        lambda cells: [*cells[:-1], cells[-1] + '"'],
        lambda cells: ['"' + cells[0], *cells[1:]],
        lambda cells: [*cells[:-1], '"' + cells[-1] + "\nand on" + '"'],
        lambda cells: [*cells[:3], 'Fe"male', *cells[4:]],
    ],
)
def test_a_quote_without_its_partner_names_its_own_row(eol, packed, size, change):
    """Rows before it hold the delimiter in quotes, too."""
    head, first, *_ = table().decode().splitlines()
    assert '"C50.9-Breast, NOS"' in first
    lines = [head, *[first] * 299]
    cells = first.replace("Breast, NOS", "Breast; NOS").split(",")
    lines[200] = ",".join(change([cell.replace("; NOS", ", NOS") for cell in cells]))
    content = (eol.join(lines) + eol).encode()
    content = gzip.compress(content, mtime=0) if packed else content
    refused("breast.csv, row 201: a quotation mark is missing", content, block_size=size)


@pytest.mark.parametrize("size", [90, 10**6])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_column_names_among_the_records_are_refused(size, mark):
    """As where the files of several years were put one behind another."""
    names, records = table().split(b"\n", 1)
    content = table() + mark.encode() + names.replace(b'"', b"") + b"\n" + records
    refused("breast.csv, row 5: the column names again", content, block_size=size)
    content = table(header=False) + table()
    refused(
        "breast.csv, row 4: the column names again",
        content,
        dictionary(header="false"),
        block_size=size,
    )
