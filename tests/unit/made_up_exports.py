"""Exports of three records in all their forms, for the tests of the reader."""

import hashlib
import io
import re

import pytest
from seermatch.errors import StudyError
from seermatch.seer.dictionary import parse_dictionary
from seermatch.seer.export import open_export
from seermatch.seer.fields import seer_fields

RECORDS = {
    "patient_id": ["00000225", "00000226", "00000226"],
    "record_number": ["01", "01", "02"],
    "year": ["2018", "2022", "2020"],
    "sex": ["Female", "Female", "Male"],
    "age": ["18 years", "90+ years", "Unknown"],
    "primary_site": ["C50.9-Breast, NOS", "C50.0-Nipple", "C50.9-Breast, NOS"],
    "histology": ["8500", "8522", "8500"],
    "behavior": ["Malignant", "In situ", "Malignant"],
    "grade": ["1", "A", "Blank(s)"],
    "tumor_size": ["001", "988", "999"],
    "er": ["Positive", "Negative", "Borderline/Unknown"],
    "pr": ["Positive", "Negative", "Recode not available"],
    "her2": ["Positive", "Negative", "Negative"],
    "subtype": ["HR+/HER2+", "HR-/HER2-", "Unknown"],
    "t_stage": ["T1c", "88", "Tis(DCIS)"],
    "n_stage": ["N0(i+)", "N1mi", "NX"],
    "m_stage": ["M0", "M0(i+)", "88"],
    "survival_months": ["0000", "0059", "Unknown"],
    "vital_status": ["Alive", "Dead", "Dead"],
    "cause_specific": [
        "Alive or dead of other cause",
        "Dead (attributable to this cancer dx)",
        "Dead (missing/unknown COD)",
    ],
    "other_cause": [
        "Alive or dead due to cancer",
        "Alive or dead due to cancer",
        "Dead (missing/unknown COD)",
    ],
}


def cell(text, delimiter=",", quoted=False):
    return '"' + text.replace('"', '""') + '"' if quoted or delimiter in text else text


def table(records=RECORDS, names=None, delimiter=",", header=True, quoted=False, eol="\n"):
    """Write records as SEER*Stat does."""
    names = names or {}
    head = [names.get(field, seer_fields()[field].variable) for field in records]
    lines = [delimiter.join(cell(name, delimiter, True) for name in head)] if header else []
    for row in zip(*records.values(), strict=True):
        lines.append(delimiter.join(cell(value, delimiter, quoted) for value in row))
    return (eol.join(lines) + eol).encode()


def dictionary(records=RECORDS, **options):
    """Make the dictionary of a table."""
    named = {"delimiter": "Field delimiter", "header": "Variable names included"}
    named |= {"missing": "Missing character", "format": "Variable format"}
    lines = ["[Export Options]", "Fields with delimiter in quotes=true"]
    lines += [f"{named[key]}={value}" for key, value in options.items()]
    lines += ["", "[Variables]"]
    for number, field in enumerate(records, 1):
        lines.append(f"Var{number}Name={seer_fields()[field].variable}")
    return "\n".join(lines) + "\n"


def read(content, dic=None, **options):
    """Read an export whole."""
    found = parse_dictionary(dic) if dic else None
    export = open_export(io.BytesIO(content), found, name="breast.csv", **options)
    frames = list(export.batches())
    assert export.sha256 == hashlib.sha256(content).hexdigest()
    assert export.bytes_read == len(content)
    assert export.rows == sum(frame.height for frame in frames)
    columns = {field: [] for field in export.columns}
    for frame in frames:
        assert frame.columns == list(export.columns)
        for field in columns:
            columns[field] += frame[field].to_list()
    return columns


def refused(message, content, dic=None, **options):
    with pytest.raises(StudyError, match=re.escape(message)) as error:
        read(content, dic, **options)
    assert "breast.csv" in str(error.value)
    return str(error.value)


def without(*fields):
    return {field: values for field, values in RECORDS.items() if field not in fields}


def replaced(**columns):
    return RECORDS | columns
