"""How SEER*Stat spells a case listing: columns, value labels, CSV and dictionary text.

The simulation works on small integer codes; this module knows which code stands for which label
and writes the two files of an export as SEER*Stat does (``Variable format=labels``).
"""

import io
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

DATABASE = (
    "Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub (2000-2022)"
    " - SYNTHETIC, no patient records"
)

COLUMNS: dict[str, str] = {
    "patient_id": "Patient ID",
    "record_number": "Record number recode",
    "sequence_number": "Sequence number",
    "year": "Year of diagnosis",
    "sex": "Sex",
    "age": "Age recode with single ages and 90+",
    "site": "Primary Site - labeled",
    "histology": "Histologic Type ICD-O-3",
    "behavior": "Behavior code ICD-O-3",
    "grade": "Derived Summary Grade 2018 (2018+)",
    "tumor_size": "Tumor Size Summary (2016+)",
    "er": "ER Status Recode Breast Cancer (1990+)",
    "pr": "PR Status Recode Breast Cancer (1990+)",
    "her2": "Derived HER2 Recode (2010+)",
    "subtype": "Breast Subtype (2010+)",
    "t_stage": "Derived EOD 2018 T Recode (2018+)",
    "n_stage": "Derived EOD 2018 N Recode (2018+)",
    "m_stage": "Derived EOD 2018 M Recode (2018+)",
    "months": "Survival months",
    "months_flag": "Survival months flag",
    "vital": "Vital status recode (study cutoff used)",
    "cause_specific": "SEER cause-specific death classification",
    "other_cause": "SEER other cause of death classification",
    "cod": "COD to site recode",
    "eod_mets": "EOD Mets (2018+)",
    "eod_nodes": "EOD Regional Nodes (2018+)",
    "nodes_examined": "Regional nodes examined (1988+)",
}

_RECEPTOR = ("Negative", "Positive", "Borderline/Unknown", "Recode not available")

LABELS: dict[str, tuple[str, ...]] = {
    "record_number": ("01", "02"),
    "sequence_number": (
        "One primary only",
        "1st of 2 or more primaries",
        "2nd of 2 or more primaries",
        "Only one state registry-defined neoplasm",
    ),
    "year": ("2018", "2019", "2020", "2021", "2022"),
    "sex": ("Male", "Female"),
    "age": (*(f"{age:02d} years" for age in range(90)), "90+ years", "Unknown"),
    "site": (
        "C50.0-Nipple",
        "C50.1-Central portion of breast",
        "C50.2-Upper-inner quadrant of breast",
        "C50.3-Lower-inner quadrant of breast",
        "C50.4-Upper-outer quadrant of breast",
        "C50.5-Lower-outer quadrant of breast",
        "C50.6-Axillary tail of breast",
        "C50.8-Overlapping lesion of breast",
        "C50.9-Breast, NOS",
    ),
    "histology": (
        *("8500", "8522"),
        *("8520", "8523", "8480", "8524", "8507", "8575", "8211", "8503", "8140", "8070"),
        *("9020", "9120", "8800"),
    ),
    "behavior": ("Malignant", "In situ"),
    "grade": ("1", "2", "A", "B", "3", "C", "9", "D", "L", "M", "H", "Blank(s)"),
    "tumor_size": (*(f"{size:03d}" for size in range(1000)), "Blank(s)"),
    "er": _RECEPTOR,
    "pr": _RECEPTOR,
    "her2": _RECEPTOR,
    "subtype": ("HR-/HER2-", "HR-/HER2+", "HR+/HER2-", "HR+/HER2+", "Unknown"),
    "t_stage": (
        *("T1mi", "T1a", "T1b", "T1c", "T2", "T3", "T4", "T4a", "T4b", "T4c", "T4d"),
        *("TX", "T0", "Tis(DCIS)", "Tis(Paget)", "88", "Blank(s)"),
    ),
    "n_stage": (
        *("N0", "N0(i+)", "N0(mol+)"),
        *("N1mi", "N1", "N1a", "N1b", "N1c", "N2a", "N2b", "N3a", "N3b", "N3c"),
        *("NX", "88", "Blank(s)"),
    ),
    "m_stage": ("M0", "M0(i+)", "M1", "88", "Blank(s)"),
    "months": (*(f"{month:04d}" for month in range(60)), "Unknown"),
    "months_flag": (
        "Complete dates are available and there are more than 0 days of survival",
        "Complete dates are available and there are 0 days of survival",
        "Incomplete dates are available and there cannot be zero days of follow-up",
        "Incomplete dates are available and there could be zero days of follow-up",
        "Not calculated because a Death Certificate Only or Autopsy Only case",
    ),
    "vital": ("Alive", "Dead"),
    "cause_specific": (
        "Alive or dead of other cause",
        "Dead (attributable to this cancer dx)",
        "Dead (missing/unknown COD)",
        "N/A not seq 0-59",
    ),
    "other_cause": (
        "Alive or dead due to cancer",
        "Dead (attributable to causes other than this cancer dx)",
        "Dead (missing/unknown COD)",
        "N/A not seq 0-59",
    ),
    "cod": (
        "Alive",
        "Breast",
        "Miscellaneous Malignant Cancer",
        "Lung and Bronchus",
        "In situ, benign or unknown behavior neoplasm",
        "Diseases of Heart",
        "Cerebrovascular Diseases",
        "Alzheimers (ICD-9 and 10 only)",
        "Chronic Obstructive Pulmonary Disease and Allied Cond",
        "Diabetes Mellitus",
        "Accidents and Adverse Effects",
        "Nephritis, Nephrotic Syndrome and Nephrosis",
        "Pneumonia and Influenza",
        "Septicemia",
        "Symptoms, Signs and Ill-Defined Conditions",
        "Other Cause of Death",
        "State DC not available or state DC available but no COD",
    ),
    "eod_mets": ("00", "05", "10", "70", "88", "Blank(s)"),
    "eod_nodes": (
        *("000", "030", "050", "070", "100", "150", "200", "250", "300"),
        *("350", "400", "500", "600", "700", "800", "999", "888", "Blank(s)"),
    ),
    "nodes_examined": (
        *(f"{number:02d}" for number in range(91)),
        *("95", "96", "97", "98", "99", "Blank(s)"),
    ),
}


def codes_of(column: str, *labels: str) -> NDArray[np.int16]:
    """Give the integer codes of some labels of a column.

    Parameters
    ----------
    column : str
        A key of `COLUMNS`.
    *labels : str
        Labels of that column, exactly as SEER*Stat writes them.

    Returns
    -------
    ndarray of int16, shape (len(labels),)

    Examples
    --------
    >>> codes_of("er", "Negative", "Positive").tolist()
    [0, 1]
    """
    return np.array([LABELS[column].index(label) for label in labels], dtype=np.int16)


def spell_rows(records: dict[str, NDArray]) -> pl.DataFrame:
    """Replace integer codes by SEER*Stat's labels.

    Parameters
    ----------
    records : dict of ndarray, each of shape (n,)
        One array of codes per key of `COLUMNS`; ``patient_id`` holds the number itself.

    Returns
    -------
    polars.DataFrame
        n rows with SEER*Stat's column names. ``Patient ID`` is a string of 8 digits; every other
        column is a polars Enum, which compares and prints as its label but takes one or two
        bytes a row (``frame.cast(pl.String)`` for plain strings).

    Examples
    --------
    >>> codes = {key: np.zeros(1, dtype=np.int16) for key in COLUMNS}
    >>> spell_rows(codes)["Breast Subtype (2010+)"].to_list()
    ['HR-/HER2-']
    """
    identity = pl.Series(COLUMNS["patient_id"], records["patient_id"]).cast(pl.String)
    series = [identity.str.zfill(8)]
    for key, labels in LABELS.items():
        spelled = pl.Series(COLUMNS[key], labels, dtype=pl.Enum(labels))
        series.append(spelled.gather(records[key]))
    return pl.DataFrame(series)


def export_text(rows: pl.DataFrame) -> bytes:
    r"""Write rows as SEER*Stat exports them: comma-separated, CRLF, ASCII, no byte-order mark.

    Parameters
    ----------
    rows : polars.DataFrame
        Labels under SEER*Stat's column names.

    Returns
    -------
    bytes
        Every header name stands in double quotes; in the body only fields with a comma do.

    Examples
    --------
    >>> export_text(pl.DataFrame({"Sex": ["Female"], "Site": ["C50.9-Breast, NOS"]}))
    b'"Sex","Site"\r\nFemale,"C50.9-Breast, NOS"\r\n'
    """
    text = io.BytesIO()
    text.write((",".join(f'"{name}"' for name in rows.columns) + "\r\n").encode("ascii"))
    rows.write_csv(text, include_header=False, line_terminator="\r\n", quote_style="necessary")
    return text.getvalue()


def dictionary_text(columns: Sequence[str], database: str, filename: str) -> str:
    r"""Write the ``.dic`` file that SEER*Stat puts beside an export.

    Parameters
    ----------
    columns : sequence of str
        Column names in the order of the export.
    database : str
        Name of the database, for example `DATABASE`.
    filename : str
        Name of the data file.

    Returns
    -------
    str
        The text, with CRLF line ends and a blank line after every section.

    Examples
    --------
    >>> dictionary_text(["Sex"], "Incidence", "a.csv").splitlines()[-3:]
    ['Var1Name=Sex', 'Var1DisplayType=Formatted', '']
    """
    lines = [
        "[System]",
        f"Output filename={filename}",
        f"Database name={database}",
        "",
        "[Session Options]",
        "Type=Case Listing",
        "",
        "[Export Options]",
        "GZipped=false",
        "Variable format=labels",
        "File format=DOS/Windows",
        "Field delimiter=comma",
        'Missing character="NA"',
        "Fields with delimiter in quotes=true",
        "Remove thousands separators=true",
        "Variable names included=true",
        "Column Variables as Stats=false",
        "",
        "[Variables]",
    ]
    for number, name in enumerate(columns, start=1):
        lines += [f"Var{number}Name={name}", f"Var{number}DisplayType=Formatted"]
    return "\r\n".join([*lines, "", ""])
