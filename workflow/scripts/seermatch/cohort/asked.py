"""What criteria may ask for beside variables: the two groups, all covariates, the outcome."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import polars as pl

from seermatch.errors import StudyError
from seermatch.variables.conditions import NotExported
from seermatch.variables.derivation import Derivation
from seermatch.variables.design import Exposure, Study
from seermatch.variables.values import NOT_IN_STUDY, TRUE, UNKNOWN, Values, from_labels, truth

# What SEER's two classifications say of a death that they tell.
CANCER_DEATH = "Dead (attributable to this cancer dx)"
CLASSIFIED = {
    "cause_specific": ("Alive or dead of other cause", CANCER_DEATH),
    "other_cause": (
        "Alive or dead due to cancer",
        "Dead (attributable to causes other than this cancer dx)",
    ),
}
UNCLASSIFIED_DEATH = "Dead (missing/unknown COD)"
NOT_FIRST = ("N/A not first tumor", "N/A not seq 0-59")
NO_CAUSE = (
    "State DC not available or state DC available but no COD",
    "Unknown/missing/invalid COD",
)


class Asked:
    """Values by name, those of `exposure`, `covariates` and `outcome` included.

    Parameters
    ----------
    derivation : Derivation
    study : Study
    last_year : int, optional
        Last year of the database; survival months that end later count as unknown.
    """

    def __init__(self, derivation: Derivation, study: Study, last_year: int | None = None):
        self.derivation, self.study, self.last_year = derivation, study, last_year
        self._kept: dict[str, Values] = {}

    @property
    def exposure(self) -> Values:
        """The two groups."""
        return self.values_of("exposure")

    def values_of(self, name: str) -> Values:
        """Give the values of a name; see `Derivation.values_of`."""
        if name not in self._kept:
            if name == "exposure":
                exposure = self.study.cohort.exposure
                values = self.derivation.values_of(exposure.variable)
                self._kept[name] = exposure_values(values, exposure)
            elif name == "covariates":
                names = self.study.matching.covariates
                self._kept[name] = _together([self.values_of(one) for one in names])
            elif name == "outcome":
                self._kept[name] = self._outcome()
            elif name == "survival_months" and self.last_year is not None:
                self._kept[name] = self._possible_months()
            else:
                return self.derivation.values_of(name)
        return self._kept[name]

    def _possible_months(self) -> Values:
        months = self.derivation.values_of("survival_months")
        year = self.derivation.values_of("year").numbers
        beyond = months.numbers > (self.last_year - year) * 12 + 11
        numbers = np.where(beyond, np.nan, months.numbers)
        return replace(months, codes=np.where(beyond, UNKNOWN, months.codes), numbers=numbers)

    def _outcome(self) -> Values:
        known = self.values_of("survival_months").known & self._cause_known()
        return Values("levels", ("known",), np.where(known, 0, UNKNOWN).astype(np.int32))

    def _cause_known(self) -> np.ndarray:
        records, outcome = self.derivation.records, self.study.outcome
        if outcome.definition == "cause_of_death":
            unknown = has_label(_column(records, "cod_site"), NO_CAUSE)
            blank = has_label(_column(records, "cod_site"), ("Blank(s)", ""))
            return ~blank & (~unknown | (outcome.unknown_cause == "keep"))
        known = np.ones(len(records), dtype=bool)
        for name, labels in CLASSIFIED.items():
            kept = (UNCLASSIFIED_DEATH,) if outcome.unknown_cause == "keep" else ()
            known &= has_label(_column(records, name), (*labels, *kept))
        return known

    def not_first(self) -> np.ndarray:
        """Tell whose deaths SEER does not classify, because the tumor is not the first."""
        records = self.derivation.records
        if self.study.outcome.definition == "cause_of_death":
            return np.zeros(len(records), dtype=bool)
        return has_label(_column(records, "cause_specific"), NOT_FIRST) | has_label(
            _column(records, "other_cause"), NOT_FIRST
        )


def exposure_values(values: Values, exposure: Exposure) -> Values:
    """Make the two groups of the levels of the exposure.

    Parameters
    ----------
    values : Values
        Of the variable.
    exposure : Exposure

    Returns
    -------
    Values
        With the names of the two groups as levels; other levels are not in the study.

    Raises
    ------
    StudyError
        If the variable is a number, lacks a level, or both groups hold one.

    Examples
    --------
    >>> from seermatch.variables.study import Arm
    >>> operation = Values("levels", ("None", "Wedge", "Lobe"), np.array([0, 1, 2, UNKNOWN]))
    >>> groups = Exposure("operation", Arm("None", ("None",)), Arm("Surgery", ("Lobe",)))
    >>> exposure_values(operation, groups).codes.tolist()
    [0, -2, 1, -1]
    """
    where = f"cohort, exposure, {exposure.variable}"
    if values.kind == "number":
        raise StudyError(f"{where}: a number; declare a variable with bands of it.")
    reference, exposed = (
        truth(values, arm.levels, where) == TRUE for arm in (exposure.reference, exposure.exposed)
    )
    if (reference & exposed).any():
        raise StudyError(f"{where}: a record is in both groups; a level belongs to one.")
    codes = np.where(values.codes >= 0, NOT_IN_STUDY, values.codes)
    codes[reference], codes[exposed] = 0, 1
    names = (exposure.reference.name, exposure.exposed.name)
    return Values("levels", names, codes.astype(np.int32), unplaced=values.unplaced)


def _together(parts: list[Values]) -> Values:
    """Join variables that must all be known."""
    codes = np.zeros(len(parts[0]), dtype=np.int32)
    for code in (UNKNOWN, NOT_IN_STUDY):  # who is not in the study is out, whatever is unknown
        codes[np.any([values.codes == code for values in parts], axis=0)] = code
    return Values("levels", ("known",), codes)


def has_label(column: pl.Series, labels: Collection[str]) -> np.ndarray:
    """Tell which records have one of the labels.

    Examples
    --------
    >>> has_label(pl.Series(["Alive", None, "Dead"]), ["Dead"]).tolist()
    [False, False, True]
    """
    found, codes = from_labels(column)
    return np.array([label.strip() in labels for label in found] + [False], dtype=bool)[codes]


def _column(records: pl.DataFrame, name: str) -> pl.Series:
    if name not in records.columns:
        raise NotExported(f"outcome: no export has the column {name}, which tells causes of death.")
    return records[name]
