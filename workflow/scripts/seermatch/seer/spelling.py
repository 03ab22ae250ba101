"""Types and one spelling for the fields of an export."""

import polars as pl

NUMBERS = ("year", "age", "tumor_size", "survival_months", "record_number")
UNKNOWN_MONTHS = 9999
STAGES = ("t_stage", "n_stage", "m_stage")
NODE_CODES = {"eod_regional_nodes": 3, "regional_nodes_examined": 2}  # digits

# NCI's order of preference between clinical and pathological grade of a malignant breast tumor
# (EOD 2018 algorithm, table combined_grade_breast_8723).
GRADE_PRIORITY = ("3", "2", "1", "H", "M", "L", "D", "C", "B", "A", "9")

# The texts that the submission of November 2025 has in place of the codes.
GRADES = ("grade", "grade_clinical", "grade_pathological")
GRADE_CODES = {
    "Well differentiated": "A",
    "Moderately differentiated": "B",
    "Poorly differentiated": "C",
    "Undifferentiated": "D",
    "Undifferentiated and anaplastic": "D",
    "Undifferentiated, anaplastic": "D",
    "Low grade": "L",
    "Intermediate grade": "M",
    "High grade": "H",
    "Grade cannot be assessed; Unknown": "9",
}

# Fields that can stand in for a recode, with their spelling of the same facts (SEER, 2018+).
RECEPTOR_ALTERNATIVES = {
    "er": ("er_2018", {"ER positive": "Positive", "ER negative": "Negative"}),
    "pr": ("pr_2018", {"PR positive": "Positive", "PR negative": "Negative"}),
    "her2": (
        "her2_2018",
        {"HER2 positive": "Positive", "HER2 negative; equivocal": "Negative"},
    ),
}


def standardize(records: pl.LazyFrame) -> pl.LazyFrame:
    """Give the fields of an export their types and one spelling each.

    Numbers come from ``"063 years"``, ``"0012"``, ``"12"`` or ``"12.0"``; what is no number
    (``"90+ years"``, ``"Unknown"``, ``"Blank(s)"``) becomes missing, and so does SEER's code for
    unknown survival months, 9999. Stage labels lose blanks, a leading ``c`` or ``p`` and capitals
    in brackets (``"cM0 (I+)"`` is ``"M0(i+)"``), subtypes their remark in brackets; codes of EOD
    Regional Nodes and of nodes examined get lost zeros back. The texts of grade become its codes
    (``"Site-specific grade system category (2)"`` is ``"2"``, ``"Well differentiated"`` is
    ``"A"``). Receptors, grade and tumor size are taken from the fields that can stand in for them
    where the usual one is absent.

    Parameters
    ----------
    records : polars.LazyFrame
        Text columns under canonical names, labels as exported.

    Returns
    -------
    polars.LazyFrame
        The same rows; numbers as Int32, the rest as text.

    Examples
    --------
    >>> rows = pl.LazyFrame({"age": ["63 years", "90+ years"], "m_stage": ["M0", "cM0 (I+)"]})
    >>> standardize(rows).collect().rows()
    [(63, 'M0'), (None, 'M0(i+)')]
    """
    names = records.collect_schema().names()
    records = records.with_columns(pl.all().str.strip_chars())
    steps = []
    for name in NUMBERS:
        if name in names:
            digits = pl.col(name).str.extract(r"^(\d+)(?:\.0*)?(?: years?)?$")
            number = digits.cast(pl.Int32)
            known = pl.when(number != UNKNOWN_MONTHS).then(number)
            steps.append((known if name == "survival_months" else number).alias(name))
    for name in STAGES:
        if name in names:
            label = pl.col(name).str.replace_all(" ", "").str.replace("^[cp]([TNM])", "$1")
            steps.append(label.str.replace(r"\((?i:i\+)\)", "(i+)").alias(name))
    if "subtype" in names:
        steps.append(pl.col("subtype").str.replace(r" \(.*\)$", "").alias("subtype"))
    for name, width in NODE_CODES.items():
        if name in names:
            code = pl.col(name).str.replace(r"^(\d+)\.0*$", "$1")
            digits = code.str.contains(r"^\d+$")
            steps.append(pl.when(digits).then(code.str.zfill(width)).otherwise(code))
    grades = [name for name in GRADES if name in names]
    records = records.with_columns(_grade_code(name) for name in grades)
    if "patient_id" in names:
        whole = pl.col("patient_id").str.replace(r"\.0*$", "")
        steps.append(whole.str.zfill(8).alias("patient_id"))
    if "histology" in names:
        steps.append(pl.col("histology").str.extract(r"^(\d{4})").alias("histology"))
    for name, (alternative, spelling) in RECEPTOR_ALTERNATIVES.items():
        if name not in names and alternative in names:
            steps.append(pl.col(alternative).replace(spelling).alias(name))
    if "tumor_size" not in names and "tumor_size_recode" in names:
        millimetres = pl.col("tumor_size_recode").str.extract(r"^(\d{1,3})$")
        steps.append(millimetres.cast(pl.Int32).alias("tumor_size"))
    if "grade" not in names and {"grade_clinical", "grade_pathological"} <= set(names):
        steps.append(_preferred_grade().alias("grade"))
    return records.with_columns(steps)


def _grade_code(name: str) -> pl.Expr:
    label = pl.col(name).replace(GRADE_CODES)
    return label.str.replace(r"^Site-specific grade system category \((\d)\)$", "$1")


def _preferred_grade() -> pl.Expr:
    grade = pl.lit("9")
    for code in reversed(GRADE_PRIORITY):
        either = (pl.col("grade_clinical") == code) | (pl.col("grade_pathological") == code)
        grade = pl.when(either).then(pl.lit(code)).otherwise(grade)
    return grade
