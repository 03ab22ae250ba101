"""Records that a study has to remove: one defect for each criterion, and records of other kinds.

A defect strikes at the criterion that is to remove the record, never before it, so that the
counts of a flow chart are known; later criteria may fail as well, as they do in real data.
"""

import numpy as np
from numpy.typing import NDArray

from seermatch.synthetic.export import codes_of
from seermatch.synthetic.patients import Records, deal, largest_remainder

CRITERIA = ("sex", "age", "t_stage", "n_stage", "grade", "tumor_size", "receptors", "outcome")

# How often a record that fails one criterion also fails a later one.
ALSO = {"n_stage": 0.04, "grade": 0.08, "tumor_size": 0.05, "receptors": 0.05, "outcome": 0.01}
ALSO_FACTOR = {"t_stage": 4.0, "age": 2.0}

UNKNOWN_T = {"TX": 0.70, "T0": 0.12, "Tis(DCIS)": 0.09, "Tis(Paget)": 0.02}
UNKNOWN_T |= {"88": 0.04, "Blank(s)": 0.03}
UNKNOWN_N = {"NX": 0.93, "88": 0.02, "Blank(s)": 0.05}
UNKNOWN_GRADE = {"9": 0.76, "D": 0.02, "L": 0.05, "M": 0.08, "H": 0.06, "Blank(s)": 0.03}
UNKNOWN_SIZE = {"999": 0.70, "990": 0.14, "000": 0.08, "998": 0.05, "989": 0.02, "Blank(s)": 0.01}
# Which of ER, PR and HER2 are unknown together, and how often.
UNKNOWN_RECEPTORS = {"er pr her2": 0.35, "her2": 0.50, "pr": 0.10, "er pr": 0.05}

# Kinds of records without M0 or M0(i+), or not malignant, and their shares.
EXTRA_KINDS = {"metastatic": 0.83, "in situ": 0.09, "other schema": 0.05, "blank": 0.03}


def mark_unfit(
    records: Records, rows: NDArray[np.int64], criterion: str, rng: np.random.Generator
) -> None:
    """Make records fail a criterion, and some of them a later one as well, in place.

    Parameters
    ----------
    records : dict of ndarray
        Codes of all records.
    rows : ndarray of int, shape (k,)
        The records to spoil.
    criterion : str
        One of `CRITERIA`.
    rng : numpy.random.Generator
    """
    _spoil(records, rows, criterion, rng)
    for later in CRITERIA[CRITERIA.index(criterion) + 1 :]:
        chance = ALSO.get(later, 0.0) * ALSO_FACTOR.get(criterion, 1.0)
        if chance:
            _spoil(records, rows[rng.random(rows.size) < chance], later, rng)


def _spoil(records: Records, rows: NDArray, criterion: str, rng: np.random.Generator) -> None:
    n = rows.size
    if criterion == "sex":
        records["sex"][rows] = codes_of("sex", "Male")[0]
    elif criterion == "age":
        shares = {"90+ years": 0.985, "17 years": 0.005, "15 years": 0.002, "Unknown": 0.008}
        records["age"][rows] = deal(shares, n, "age", rng)
    elif criterion == "t_stage":
        codes = deal(UNKNOWN_T, n, "t_stage", rng)
        records["t_stage"][rows] = codes
        no_mass = codes == codes_of("t_stage", "T0")[0]
        not_assessed = (codes == codes_of("t_stage", "TX")[0]) & (rng.random(n) < 0.8)
        records["tumor_size"][rows[no_mass]] = 0
        records["tumor_size"][rows[not_assessed]] = 999
    elif criterion == "n_stage":
        records["n_stage"][rows] = deal(UNKNOWN_N, n, "n_stage", rng)
    elif criterion == "grade":
        records["grade"][rows] = deal(UNKNOWN_GRADE, n, "grade", rng)
    elif criterion == "tumor_size":
        records["tumor_size"][rows] = deal(UNKNOWN_SIZE, n, "tumor_size", rng)
    elif criterion == "receptors":
        _forget_receptors(records, rows, rng)
    else:
        _forget_outcome(records, rows, rng)


def _forget_receptors(records: Records, rows: NDArray, rng: np.random.Generator) -> None:
    counts = largest_remainder(list(UNKNOWN_RECEPTORS.values()), rows.size)
    rows = rng.permutation(rows)
    unknown = codes_of("er", "Borderline/Unknown", "Recode not available")
    for receptors, part in zip(
        UNKNOWN_RECEPTORS, np.split(rows, np.cumsum(counts)[:-1]), strict=True
    ):
        code = unknown[(rng.random(part.size) < 0.03).astype(int)]
        for receptor in receptors.split():
            records[receptor][part] = code


def _forget_outcome(records: Records, rows: NDArray, rng: np.random.Generator) -> None:
    """No cause of death, no survival time, or a sequence number without classification."""
    counts = largest_remainder([0.6, 0.25, 0.15], rows.size)
    no_cause, no_months, not_sequence = np.split(rng.permutation(rows), np.cumsum(counts)[:-1])
    for part in (no_cause, no_months):
        survivors = part[records["event"][part] == 0]
        records["end"][survivors] *= rng.random(survivors.size)
        records["event"][part] = 3
    # Death certificate only: the death is known, the time is not.
    records["months_unknown"][no_months] = True
    records["sequence_number"][not_sequence] = codes_of(
        "sequence_number", "Only one state registry-defined neoplasm"
    )[0]


def reshape_extra(
    records: Records, rows: NDArray[np.int64], kind: str, rng: np.random.Generator
) -> None:
    """Turn records into metastatic, in situ, other-schema or unstaged ones, in place.

    Parameters
    ----------
    records : dict of ndarray
        Codes of all records.
    rows : ndarray of int, shape (k,)
    kind : str
        A key of `EXTRA_KINDS`.
    rng : numpy.random.Generator
    """
    n = rows.size
    if kind == "metastatic":
        records["m_stage"][rows] = codes_of("m_stage", "M1")[0]
        for criterion in ("t_stage", "n_stage", "grade", "tumor_size", "receptors"):
            _spoil(records, rows[rng.random(n) < 0.12], criterion, rng)
    elif kind == "in situ":
        records["behavior"][rows] = codes_of("behavior", "In situ")[0]
        tis = {"Tis(DCIS)": 0.97, "Tis(Paget)": 0.03}
        records["t_stage"][rows] = deal(tis, n, "t_stage", rng)
        records["n_stage"][rows] = codes_of("n_stage", "N0")[0]
        shares = {"L": 0.15, "M": 0.42, "H": 0.38, "9": 0.05}
        records["grade"][rows] = deal(shares, n, "grade", rng)
        records["histology"][rows] = codes_of("histology", "8500")[0]
        records["her2"][rows] = codes_of("her2", "Borderline/Unknown")[0]
    elif kind == "other schema":
        for column in ("t_stage", "n_stage", "m_stage"):
            records[column][rows] = codes_of(column, "88")[0]
        records["grade"][rows] = codes_of("grade", "9")[0]
        shares = {"9020": 0.6, "9120": 0.25, "8800": 0.15}
        records["histology"][rows] = deal(shares, n, "histology", rng)
        for receptor in ("er", "pr", "her2"):
            records[receptor][rows] = codes_of(receptor, "Recode not available")[0]
    else:
        for column in ("t_stage", "n_stage", "m_stage"):
            records[column][rows] = codes_of(column, "Blank(s)")[0]
