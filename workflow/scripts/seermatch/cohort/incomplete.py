"""Which covariates of a record may be unknown, and where they are.

The cohort leaves out whoever lacks a covariate. To say who they are, and to impute what they lack,
the filter keeps them beside the cohort: a criterion on a covariate that fails only because its
label stands for an unknown value (`seermatch.seer.labels.missing_labels`) does not exclude. A known
value that fails (Tis, no tumor, 989 mm or more) still excludes.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from seermatch.cohort.recode import RECEPTORS
from seermatch.seer.fields import seer_fields
from seermatch.seer.labels import canonical_labels, missing_labels

# Age and year say who is asked about, so an unknown one excludes.
ALWAYS_KNOWN = frozenset({"age", "year"})
RAW = "raw:"  # before the name of a column as exported
LACKS = "lacks_"  # before the name of a field that may be unknown


def may_be_unknown(covariates: Sequence[str]) -> set[str]:
    """Name the fields that may be unknown where the covariates may.

    Parameters
    ----------
    covariates : sequence of str
        Names of the covariates.

    Returns
    -------
    set of str
        Not age and year. ER, PR and HER2 where the subtype may, which is made of them, and the
        subtype where one of them may.

    Examples
    --------
    >>> sorted(may_be_unknown(["age", "grade", "er"]))
    ['er', 'grade', 'subtype']
    """
    names = set(covariates) - ALWAYS_KNOWN
    if "subtype" in names:
        return names.union(RECEPTORS)
    return names | {"subtype"} if names & set(RECEPTORS) else names


def unknown_values(
    records: pl.LazyFrame, sources: Mapping[str, Sequence[str]]
) -> dict[str, pl.Expr]:
    """Give for each field the condition that none of its columns holds a known value.

    Parameters
    ----------
    records : polars.LazyFrame
        Text columns under canonical names, labels as exported.
    sources : mapping
        Field to the columns that it comes from (`seermatch.seer.fields.sources_of`).

    Returns
    -------
    dict of str to polars.Expr
        Of columns that hold the labels as exported, without blanks around, and are named `RAW` and
        the column.

    Examples
    --------
    >>> rows = pl.LazyFrame({"t_stage": ["T1c", "TX", " Tis"]})
    >>> unknown = unknown_values(rows, {"t_stage": ["t_stage"]})["t_stage"]
    >>> rows.select(pl.all().name.prefix(RAW)).select(unknown).collect().to_series().to_list()
    [False, True, False]
    """
    unknown = {}
    for column in sorted({column for found in sources.values() for column in found}):
        # one column after the other, which takes no memory
        found = records.select(column).unique().collect(engine="streaming")
        labels = found[column].str.strip_chars().unique()
        spelled = canonical_labels(seer_fields()[column], labels)
        standing_for_it = [x for x in spelled if spelled[x] in missing_labels(column)]
        raw = pl.col(RAW + column)
        unknown[column] = raw.is_null() | raw.is_in(standing_for_it)
    return {
        name: pl.all_horizontal([unknown[column] for column in found])
        for name, found in sources.items()
    }
