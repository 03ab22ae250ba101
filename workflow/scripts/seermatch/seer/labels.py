"""SEER's labels for what is not known, and the known label that a spelling means."""

import re
from collections.abc import Iterable

import polars as pl

from seermatch.seer.fields import Field, seer_fields
from seermatch.seer.spelling import NUMBERS, standardize

LONGEST_LABEL = 80

# What stands for an unknown value in any field.
MISSING = frozenset(
    {
        "",
        "Blank(s)",
        "Unknown",
        "Borderline",
        "Borderline/Unknown",
        "Recode not available",
        "Not 1990+ Breast",
        "NA",
        "Not applicable",
        "Test ordered, results not in chart",
        "Not documented; Cannot be determined; Not assessed or unknown if assessed",
        "Not documented; Indeterminate; Not assessed or unknown if assessed",
    }
)
_NOT_CLASSIFIED = ("Dead (missing/unknown COD)", "N/A not seq 0-59", "N/A not first tumor")
# 88, 888: not applicable to the tumor; 9, 99, 999: unknown; a tumor size from 990 on has no size.
_MISSING_IN_FIELD = {
    "t_stage": ("TX", "88"),
    "n_stage": ("NX", "88"),
    "m_stage": ("MX", "88"),
    "stage_group": ("88", "99"),
    "grade": ("9", "Grade cannot be assessed; Unknown"),
    "grade_clinical": ("9", "Grade cannot be assessed; Unknown"),
    "grade_pathological": ("9", "Grade cannot be assessed; Unknown"),
    "tumor_size": ("990", "998", "999"),
    "tumor_size_recode": (
        "990 (microscopic focus)",
        "998 (site-specific code)",
        "Unknown or size unreasonable (includes any tumor sizes 401-989)",
    ),
    "survival_months": ("9999",),
    "cause_specific": _NOT_CLASSIFIED,
    "other_cause": _NOT_CLASSIFIED,
    "eod_mets": ("88", "99"),
    "eod_regional_nodes": ("888", "999"),
    "eod_primary_tumor": ("888", "999"),
    "regional_nodes_examined": ("99",),
    "n_tumors": ("99",),
    "sequence_number": (
        "Unknown seq num - federally required in situ or malig tumors",
        "Unknown seq num - state registry-defined neoplasms",
    ),
    "cod_site": ("State DC not available or state DC available but no COD",),
}

# The field table names only some of their labels, so an unlisted one says nothing.
PARTLY_LISTED = frozenset(
    {
        *("cod_site", "hist_behav", "primary_site", "registry", "reporting_source", "site_recode"),
        *("site_rare", "histology_broad", "gleason_patterns_clinical", "state_county", "prcda"),
        *("gleason_patterns_pathological", "pleural_invasion", "schema_2004", "schema_2010"),
    }
)

# One value is what a selection in SEER*Stat leaves of them.
SELECTED = frozenset(
    {"behavior", "first_malignant", "registry", "reporting_source", "sex", "site_recode"}
)


def missing_labels(name: str) -> frozenset[str]:
    """Give the labels that stand for an unknown value in a field.

    Parameters
    ----------
    name : str
        Canonical name of the field.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> "TX" in missing_labels("t_stage"), "9" in missing_labels("t_stage")
    (True, False)
    """
    table = seer_fields()
    listed = table[name].unknown if name in table else ()
    return MISSING.union(_MISSING_IN_FIELD.get(name, listed))


def canonical_labels(field: Field, labels: Iterable[str | None]) -> dict[str | None, str | None]:
    """Find the known label that each label of a column means.

    Parameters
    ----------
    field : Field
        A SEER variable.
    labels : iterable of str or None
        Distinct labels as exported, without blanks around.

    Returns
    -------
    dict
        Label to its known spelling: lost zeros, brackets and capitals restored; ``""`` for an
        empty one, None for an unknown one.

    Examples
    --------
    >>> from seermatch.seer.fields import seer_fields
    >>> labels = ["12.0", "Unknown", "12 weeks", None]
    >>> canonical_labels(seer_fields()["survival_months"], labels)
    {'12.0': '0012', 'Unknown': 'Unknown', '12 weeks': None, None: ''}
    >>> canonical_labels(seer_fields()["m_stage"], ["cM0 (I+)"])
    {'cM0 (I+)': 'M0(i+)'}
    """
    labels = list(labels)
    same = pl.LazyFrame({field.name: labels}, schema={field.name: pl.String})
    typed = standardize(same).collect()[field.name].to_list()
    return {
        label: _spelling(field, label or "", standard)
        for label, standard in zip(labels, typed, strict=True)
    }


def _spelling(field: Field, label: str, standard) -> str | None:
    missing = missing_labels(field.name)
    if label in missing or field.knows(label):
        return label
    candidates = [standard] if isinstance(standard, str) else []
    number = as_number(label)
    if number is not None:
        candidates += [f"{number:0{width}d}" for width in (1, 2, 3, 4)]
        candidates += [f"{number:02d} years"] if field.name in NUMBERS else []
    return next((text for text in candidates if text in missing or field.knows(text)), None)


def as_number(label: str | None) -> int | None:
    """Read a label as a whole number.

    Parameters
    ----------
    label : str or None
        A label.

    Returns
    -------
    int or None
        None if it is no number.

    Examples
    --------
    >>> as_number("063 years"), as_number("12.0"), as_number("M0")
    (63, 12, None)
    """
    found = re.fullmatch(r"(\d{1,9})(?:\.0*)?(?: years?)?", label or "")
    return int(found[1]) if found else None


def shown_label(label: str | None) -> str:
    """Give a label as a page may show it: never a patient's number, and not endless.

    Parameters
    ----------
    label : str or None
        A label of the data.

    Returns
    -------
    str

    Examples
    --------
    >>> shown_label("00000225"), shown_label(""), shown_label("M7")
    ('(a number of 6 digits or more)', '(empty)', 'M7')
    """
    if not label:
        return "(empty)"
    if re.fullmatch(r"[\s']*\d{6,}(\.\d*)?\s*", label):
        return "(a number of 6 digits or more)"
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
