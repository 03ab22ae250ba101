"""Whether variables and causes of death fit the cohort that a study selects."""

import numpy as np
import polars as pl

from seermatch.cohort.asked import CANCER_DEATH, NO_CAUSE, has_label
from seermatch.errors import StudyError
from seermatch.variables.conditions import COMPOSITES, Holds, IsKnown
from seermatch.variables.derivation import Derivation
from seermatch.variables.design import Study
from seermatch.variables.items import check_items
from seermatch.variables.names import columns_of
from seermatch.variables.values import from_labels

LEAST_DEATHS = 5  # deaths of the cancer from which on a wrong cause can be told


def grouped_by(study: Study) -> list[str]:
    """List the variables of which every value that a cohort has must belong to a level.

    Parameters
    ----------
    study : Study

    Returns
    -------
    list of str
    """
    names = [study.cohort.exposure.variable, *study.matching.covariates, *study.subgroups]
    names += study.matching.exact
    for criterion in study.cohort.criteria:
        for part in () if criterion.condition.if_exported else criterion.condition.parts:
            names += part.names if isinstance(part, IsKnown) else ()
    return [name for name in dict.fromkeys(names) if name not in COMPOSITES]


def refuse_lacking_exports(derivation: Derivation, study: Study, within: np.ndarray) -> None:
    """Refuse an export that has none of the columns of a variable that the study needs.

    Parameters
    ----------
    derivation : Derivation
        Its records may have a column `export`; where one lacks a column, its cells are null.
    study : Study
    within : numpy.ndarray of bool, shape (records,)
        Records of the years and registries of the study.

    Raises
    ------
    StudyError
        Else all of its records would be left out as unknown.
    """
    records = derivation.records
    if "export" not in records.columns:
        return
    names, codes = from_labels(records["export"])
    needed = dict.fromkeys((*grouped_by(study), "survival_months"))
    for criterion in study.cohort.criteria:
        if not criterion.condition.if_exported:
            parts = criterion.condition.parts
            needed |= dict.fromkeys(part.name for part in parts if isinstance(part, Holds))
    for name in needed:
        there: set[int] = set()
        for column in columns_of(name, derivation.declared, derivation.catalogue):
            known = column if column in records.columns else derivation.canonical(column)
            if known in records.columns:
                there |= set(codes[records[known].is_not_null().to_numpy()].tolist())
        if lacking := sorted(set(codes[within].tolist()) - there):
            told = f"the export '{names[lacking[0]]}' has no column of '{name}'"
            raise StudyError(f"{told}; select it in SEER*Stat and export again.")


def check_variables(
    derivation: Derivation, study: Study, within: np.ndarray, rows: np.ndarray, exposed: np.ndarray
) -> list[str]:
    """Refuse codes as covariates and covariates that tell the group; warn of empty levels.

    Parameters
    ----------
    derivation : Derivation
    study : Study
    within : numpy.ndarray of bool, shape (records,)
        Records of the years and registries of the study.
    rows, exposed : see `seermatch.cohort.selection.Selection`

    Returns
    -------
    list of str
        A sentence for each level that none of these records has.

    Raises
    ------
    StudyError
    """
    warnings = []
    exposure = study.cohort.exposure
    used = (*exposure.reference.levels, *exposure.exposed.levels)
    for name in (exposure.variable, *study.matching.covariates, *study.subgroups):
        values = derivation.values_of(name)
        covariate = name in study.matching.covariates
        place = "matching, covariates" if covariate else "subgroups"
        if name != exposure.variable and values.kind == "codes":
            raise StudyError(f"{place}: '{name}' has codes; declare levels of them.")
        if values.kind == "number":
            if name in study.subgroups:
                raise StudyError(f"subgroups: '{name}' is a number; declare bands of it.")
            continue
        codes = values.codes[within]
        counts = np.bincount(codes[codes >= 0], minlength=len(values.labels))
        for level, count in zip(values.labels, counts, strict=True):
            if not count and (name != exposure.variable or level in used):
                warnings.append(f"warning: no record has {name} '{level}'")
        if covariate and _tells_group(values.codes[rows], exposed, len(values.labels)):
            raise StudyError(
                f"matching, covariates: each level of '{name}' is found in one of the two groups "
                "only, so it determines the exposure; leave it out."
            )
    return list(dict.fromkeys(warnings))


def _tells_group(codes: np.ndarray, exposed: np.ndarray, n_levels: int) -> bool:
    shares = [np.bincount(codes[exposed == group], minlength=n_levels) for group in (0, 1)]
    return bool(codes.size) and not ((shares[0] > 0) & (shares[1] > 0)).any()


def check_causes(derivation: Derivation, study: Study, rows: np.ndarray) -> list[str]:
    """Refuse causes of death that are none, or of which nobody in the cohort died.

    Parameters
    ----------
    derivation : Derivation
    study : Study
    rows : see `seermatch.cohort.selection.Selection`

    Returns
    -------
    list of str
        A sentence for each cause that no death has.

    Raises
    ------
    StudyError
    """
    records, causes = derivation.records, study.outcome.causes
    if "cod_site" not in records.columns:
        return ["warning: COD to site recode is not exported; outcome.causes is not checked"]
    found = from_labels(records["cod_site"])[0]
    facts = derivation.fields.get("cod_site")
    check_items(causes, found, facts.labels if facts else (), "outcome, causes", codes=False)
    dead = ~has_label(records["cod_site"], ("Alive", *NO_CAUSE, "Blank(s)", ""))
    if "cause_specific" in records.columns:
        dead &= has_label(records["cause_specific"], (CANCER_DEATH,))
    deaths = records["cod_site"].gather(rows[dead[rows]]).cast(pl.String)
    if deaths.len() >= LEAST_DEATHS and not has_label(deaths, causes).any():
        most = deaths.value_counts(sort=True).head(3)["cod_site"].to_list()
        raise StudyError(
            f"outcome, causes: nobody who died of the cancer has the cause {' or '.join(causes)}; "
            f"most have {', '.join(most)}."
        )
    return [
        f"warning: no death of the cohort has the cause '{cause}'"
        for cause in causes
        if deaths.len() >= LEAST_DEATHS and not has_label(deaths, (cause,)).any()
    ]
