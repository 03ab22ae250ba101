"""Random exports in every combination of options are read back equal; damaged ones never shift.

The number of examples grows with SEERMATCH_FUZZ (a factor, default 1).
"""

import gzip
import io
import os
import re
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seermatch.errors import StudyError
from seermatch.seer.dictionary import parse_dictionary
from seermatch.seer.export import open_export
from seermatch.seer.fields import identify_field, normalized_name, seer_fields

FACTOR = int(os.environ.get("SEERMATCH_FUZZ", "1"))
FUZZ = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
FIELDS = [field for field in seer_fields().values() if field.name not in ("age_85", "age_band")]
DELIMITERS = {"comma": ",", "tab": "\t", "semi-colon": ";", "space": " "}
MISSING = {"space": " ", "period": ".", '"NA"': "NA", '"-99"': "-99"}
NUMBERS = {  # columns whose known labels are regular expressions
    "patient_id": ["00000225", "225", "99999999"],
    "record_number": ["01", "1"],
    "histology": ["8500", "8522", "9990"],
    "age": ["18 years", "90+ years", "Unknown"],
    "survival_months": ["0000", "0059", "Unknown", "1.0"],
    "n_tumors": ["01", "12"],
    "regional_nodes_examined": ["00", "95"],
    "sequence_number": ["One primary only", "1st of 2 or more primaries"],
    "tumor_size": ["001", "988", "999", "1"],
    "tumor_size_recode": ["016", "Unknown or size unreasonable (includes any tumor sizes 401-989)"],
}
# columns that may hold anything: their labels are no words, so numbers are no sign of codes
FREE = ("grade", "t_stage", "stage_group", "eod_mets", "registry", "m_stage_2010_2015")
STRANGE = ["NA", "None", "88", "null", "nan", ".", "a,b", "a;b", "a\tb", 'say "x"', '"', ",", "--"]
FOREIGN = ["Café", "Nö – 1", "5 €"]


@dataclass(frozen=True)
class Form:
    """How an export is written."""

    delimiter: str = "comma"
    missing: str = "period"
    header: bool = True
    quoted_labels: bool = False
    quotes_delimiters: bool = True
    eol: str = "\n"
    encoding: str = "ascii"
    names: str = "seer"
    gzipped: bool = False
    with_dictionary: bool = True
    indent: bool = False
    final_lines: int = 0

    @property
    def uses_quotes(self):
        return self.quoted_labels or self.quotes_delimiters

    def cell(self, text, always=False):
        character = DELIMITERS[self.delimiter]
        if always or (self.quotes_delimiters and (character in text or '"' in text)):
            return '"' + text.replace('"', '""') + '"'
        return text

    def can_hold(self, text):
        if self.encoding == "ascii" and not text.isascii():
            return False
        return self.uses_quotes or not ('"' in text or DELIMITERS[self.delimiter] in text)


FORMS = st.builds(
    Form,
    delimiter=st.sampled_from(list(DELIMITERS)),
    missing=st.sampled_from(list(MISSING)),
    header=st.booleans(),
    quoted_labels=st.booleans(),
    quotes_delimiters=st.booleans(),
    eol=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["ascii", "utf-8", "utf-8-sig", "cp1252"]),
    names=st.sampled_from(["seer", "variant", "r", "spss"]),
    gzipped=st.booleans(),
    with_dictionary=st.booleans(),
    indent=st.booleans(),
    final_lines=st.integers(0, 2),
)


def spelled(field, how):
    """Name of a variable in one of the spellings found in real files."""
    name = field.spellings[-1] if how == "variant" else field.variable
    if how == "r":
        return re.sub(r"[^A-Za-z0-9_]", ".", name)
    cut = re.sub("[^A-Za-z0-9]", "", name)[:30]
    if how == "spss" and (identify_field(cut) or [""])[0] == field.name:
        return cut
    return name


def labels_of(field, form):
    known = NUMBERS.get(field.name) or [x for x in field.labels if not x.startswith("~")]
    strange = [*STRANGE, *FOREIGN] if field.name in FREE else []
    taken = MISSING[form.missing] if form.with_dictionary else ""
    labels = [x for x in (*known, *strange) if form.can_hold(x)]
    # where the missing character is a label of the field, it is read as that label
    empty = [] if taken and field.knows(taken) else [None]
    return [*empty, *(x for x in labels if x != taken or field.knows(x))]


def write(form, header, records):
    """Write an export and its dictionary; None is the missing character."""
    missing = MISSING[form.missing] if form.with_dictionary else ""
    if form.delimiter == "space" and missing == " " and not form.quotes_delimiters:
        missing = ""  # a blank between blanks would be three delimiters
    character = DELIMITERS[form.delimiter]
    lines = []
    if form.header:
        lines.append(character.join(form.cell(name, form.uses_quotes) for name in header))
    for row in records:
        cells = []
        for value in row:
            text = missing if value is None else value
            if form.indent and value is not None and form.delimiter != "space":
                text = f"  {text}"
            must = form.quoted_labels
            cells.append(form.cell(text, must))
        lines.append(character.join(cells))
    content = "".join(line + form.eol for line in lines) + form.eol * form.final_lines
    options = [
        "[Session Options]",
        "Type=Case Listing",
        "[Export Options]",
        f"Variable format={'quoted' * form.quoted_labels}labels",
        f"Field delimiter={form.delimiter}",
        f"Missing character={form.missing}",
        f"Fields with delimiter in quotes={str(form.quotes_delimiters).lower()}",
        f"Variable names included={str(form.header).lower()}",
        "[Variables]",
        *(f"Var{i}Name={name}\nVar{i}DisplayType=Formatted" for i, name in enumerate(header, 1)),
    ]
    data = content.encode(form.encoding)
    return gzip.compress(data, mtime=0) if form.gzipped else data, "\n".join(options) + "\n"


@st.composite
def exports(draw):
    form = draw(FORMS)
    if not form.header:
        form = Form(**{**form.__dict__, "with_dictionary": True})
    if not form.uses_quotes and form.delimiter == "space":
        # names with blanks need quotes
        form = Form(**{**form.__dict__, "names": "r"})
    if not form.with_dictionary:
        # quotes are found from the file alone
        form = Form(**{**form.__dict__, "quotes_delimiters": True})
    fields = draw(st.lists(st.sampled_from(FIELDS), min_size=2, max_size=8, unique=True))
    header = [spelled(field, form.names) for field in fields]
    if not all(map(form.can_hold, header)):
        header = [spelled(field, "r") for field in fields]
    kept = [True] * len(fields)
    for _ in range(draw(st.integers(0, 2))):  # columns that the study does not know
        place = draw(st.integers(0, len(header)))
        header.insert(place, f"Race.{len(header)}")
        fields.insert(place, seer_fields()["registry"])
        kept.insert(place, False)
    values = [st.sampled_from(labels_of(field, form)) for field in fields]
    rows = draw(st.lists(st.tuples(*values), min_size=1, max_size=8))
    expected = {field.name: [row[i] for row in rows] for i, field in enumerate(fields) if kept[i]}
    return form, *write(form, header, rows), expected


def read(data, dictionary, required, block_size=1 << 20):
    found = parse_dictionary(dictionary) if dictionary else None
    export = open_export(io.BytesIO(data), found, "a.csv", required=required, block_size=block_size)
    columns = {field: [] for field in export.columns}
    for frame in export.batches():
        for field in columns:
            columns[field] += frame[field].to_list()
    return columns


@settings(max_examples=250 * FACTOR, **FUZZ)
@given(exports(), st.sampled_from([16, 100, 1 << 20]))
def test_every_form_is_read_back_equal(export, block_size):
    form, data, dictionary, expected = export
    found = read(data, dictionary if form.with_dictionary else None, expected, block_size)
    assert found == expected
    assert list(found) == list(expected)


MUTATED_FORMS = [
    Form(with_dictionary=False),
    Form(with_dictionary=False, encoding="utf-8", eol="\r\n"),
    Form(with_dictionary=False, encoding="cp1252", names="r"),
    Form(with_dictionary=False, quoted_labels=True, delimiter="semi-colon", encoding="utf-8-sig"),
    Form(with_dictionary=False, delimiter="tab", eol="\r\n"),
    Form(with_dictionary=False, delimiter="space"),
    Form(header=False),
    Form(header=False, delimiter="tab", quotes_delimiters=False),
    Form(header=False, quoted_labels=True, missing="space", eol="\r\n"),
    Form(missing='"NA"', encoding="utf-8"),
    Form(gzipped=True),
]
CHOSEN = ["patient_id", "year", "sex", "primary_site", "grade", "registry", "cod_site", "m_stage"]


def fixed_export(form):
    fields = [seer_fields()[name] for name in CHOSEN]
    header = [spelled(field, form.names) for field in fields]
    columns = []
    for shift, field in enumerate(fields):
        labels = {
            "patient_id": ["00000225", "00000226", "00000301"],
            "registry": ["Utah", "Café", "Iowa"],
            "m_stage": ["M0", "M0(i+)", "M1"],
        }.get(field.name) or [x for x in labels_of(field, form) if x is not None]
        labels = [x if form.can_hold(x) else "x" for x in labels]
        columns.append([*(labels[(i + shift) % len(labels)] for i in range(5)), None])
    rows = list(zip(*columns, strict=True))
    data, dictionary = write(form, header, rows)
    expected = {name: list(column) for name, column in zip(CHOSEN, columns, strict=True)}
    return data, dictionary if form.with_dictionary else None, expected


FIXED = [fixed_export(form) for form in MUTATED_FORMS]
INTERESTING = st.sampled_from(list(b",;\t \"\n\r\0.x01\xff\x81\xc3\xa9'"))


def assert_refused_or_one_cell_differs(mutated, dictionary, expected, block_size, gzipped=False):
    try:
        found = read(mutated, dictionary, (), block_size)
    except StudyError as error:
        assert "a.csv" in str(error)
        return
    assert set(found) <= set(expected)  # a damaged name is an unknown column
    assert len(found) >= len(expected) - 1
    different = sum(
        a != b for field in found for a, b in zip(found[field], expected[field], strict=True)
    )
    assert different <= (0 if gzipped else 1)
    assert different + (len(expected) - len(found)) <= 1


@settings(max_examples=500 * FACTOR, **FUZZ)
@given(
    st.integers(0, len(FIXED) - 1),
    st.integers(0, 10_000),
    INTERESTING | st.integers(0, 255),
    st.sampled_from(["replace", "insert", "delete"]),
    st.sampled_from([50, 1 << 20]),
)
def test_changed_byte(form, position, byte, how, block_size):
    data, dictionary, expected = FIXED[form]
    position %= len(data)
    new = b"" if how == "delete" else bytes([byte])
    mutated = data[:position] + new + data[position + (how != "insert") :]
    gzipped = MUTATED_FORMS[form].gzipped
    assert_refused_or_one_cell_differs(mutated, dictionary, expected, block_size, gzipped)


@settings(max_examples=200 * FACTOR, **FUZZ)
@given(st.integers(0, len(FIXED) - 1), st.integers(0, 10_000), st.sampled_from([50, 1 << 20]))
def test_truncated_file(form, position, block_size):
    data, dictionary, expected = FIXED[form]
    try:
        found = read(data[: position % len(data)], dictionary, (), block_size)
    except StudyError as error:
        assert "a.csv" in str(error)
        return
    assert found  # whole records up to the cut
    for field, values in found.items():
        assert values == expected[field][: len(values)]


@settings(max_examples=200 * FACTOR, **FUZZ)
@given(st.integers(0, 10_000), INTERESTING | st.integers(0, 255), st.booleans())
def test_changed_dictionary(position, byte, header):
    form = Form(header=header, missing='"NA"')
    data, dictionary, expected = fixed_export(form)
    dictionary = dictionary.encode()
    position %= len(dictionary)
    mutated = dictionary[:position] + bytes([byte]) + dictionary[position + 1 :]
    try:
        found = read(data, mutated, ())
    except StudyError:
        return
    # at worst the missing character or one name is another
    assert len(found) >= len(expected) - 1
    for field, values in found.items():
        assert [v or "NA" for v in values] == [v or "NA" for v in expected[field]]


@settings(max_examples=200 * FACTOR, **FUZZ)
@given(st.binary(max_size=400), st.binary(max_size=200) | st.none())
def test_arbitrary_bytes(data, dictionary):
    try:
        read(data, dictionary, ())
    except StudyError:
        return
    assert normalized_name(data.decode("cp1252"))  # something was there to read
