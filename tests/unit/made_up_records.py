"""Records that a study would select some of, with labels of the table of SEER's fields.

No label comes from the study: a level or criterion that no label of the table fits finds nobody.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import polars as pl
from seermatch.cohort.asked import CLASSIFIED, Asked
from seermatch.errors import StudyError
from seermatch.seer.fields import seer_fields
from seermatch.variables.conditions import COMPOSITES, All, IsKnown, judge, names_in
from seermatch.variables.derivation import Derivation
from seermatch.variables.design import Study
from seermatch.variables.values import TRUE

RECORDS = 300
ROUNDS = 40
ENOUGH = 0.8  # share of the records that a criterion is made to keep
BLANK = "Blank(s)"


def made_up_records(study: Study, catalogue, facts, canonical, columns, seed: int) -> pl.DataFrame:
    """Make records with every column that a study needs.

    Parameters
    ----------
    study : Study
    catalogue, facts, canonical : see `Derivation`
    columns : mapping of str to tuple of str
        Name to the fields that it needs (`seermatch.variables.names.resolve`).
    seed : int

    Returns
    -------
    polars.DataFrame
        Text columns under canonical names. Fields are blank outside their years. Records are drawn
        anew, or take the fields of one that fits, until most meet the criteria.
    """
    maker = _Maker(study, columns, np.random.default_rng(seed))
    exposure, covariates = study.cohort.exposure.variable, study.matching.covariates
    asked_for = [All((IsKnown(("exposure",)),))]
    for criterion in study.cohort.criteria:
        asked_for += [
            All((part,), criterion.condition.if_exported) for part in criterion.condition.parts
        ]
    asked_for += [All((IsKnown((name,)),)) for name in covariates]
    fixed: set[str] = set()
    for condition in asked_for:
        names = [exposure if name == "exposure" else name for name in names_in(condition)]
        fields = [field for name in names if name not in COMPOSITES for field in columns[name]]
        free = [field for field in dict.fromkeys(fields) if field in maker.drawn.keys() - fixed]
        arms = "exposure" in names_in(condition)
        for _ in range(ROUNDS if free else 0):
            records = maker.records(fields)
            asked = Asked(Derivation(records, study.variables, catalogue, facts, canonical), study)
            fits = judge(condition, asked.values_of) == TRUE
            fits &= asked.exposure.codes == maker.arm if arms else True
            maker.repair(~fits, fits, free, arms)
            if fits.mean() > ENOUGH:
                break
        fixed |= set(free)
    return maker.records(list(maker.drawn))


class _Maker:
    """Columns of labels that are drawn anew in places."""

    def __init__(self, study: Study, columns, rng: np.random.Generator):
        self.rng = rng
        years = sorted(study.cohort.years)
        self.year = rng.choice([years[0] - 1, *years, *years, years[-1] + 1], RECORDS)
        self.year[: len(years)] = years
        self.arm = np.arange(RECORDS) % 2
        self.outcome = self._outcome(study.outcome.causes)
        needed = dict.fromkeys(field for fields in columns.values() for field in fields)
        self.drawn = {
            field: self._draw(field, RECORDS) for field in needed if field not in self.outcome
        }

    def repair(self, wrong: np.ndarray, right: np.ndarray, fields: list[str], arms: bool) -> None:
        """Draw the fields of wrong records anew; every other takes those of a right one."""
        for key in np.unique(self.year[wrong] * 2 + self.arm[wrong]):
            year, arm = divmod(key, 2)
            rows = np.flatnonzero(wrong & (self.year == year) & (self.arm == arm))
            fit = right & (self.arm == arm) if arms else right
            near = fit & (self.year == year)
            donors = np.flatnonzero(near if near.any() else fit)
            donor = self.rng.choice(donors if len(donors) else rows, len(rows))
            own = self.rng.random(len(rows)) > (0.7 if len(donors) else 0)
            for field in fields:
                labels = self.drawn[field]
                labels[rows] = np.where(own, self._draw(field, len(rows)), labels[donor])

    def _draw(self, field: str, n: int) -> np.ndarray:
        literal, coded = labels_of(field)
        some, many = (
            labels[self.rng.integers(0, len(labels), n)]
            for labels in (literal if len(literal) else coded, coded if len(coded) else literal)
        )
        return np.where(self.rng.random(n) < 0.8, many, some)

    def _outcome(self, causes: tuple[str, ...]) -> dict[str, np.ndarray]:
        months = self.rng.integers(0, 120, RECORDS)
        kind = self.rng.integers(0, 3, RECORDS)  # alive, dead of the cancer, dead of something else
        listed = np.array(sorted(set(causes) & set(labels_of("cod_site")[0])))
        dead = self.rng.choice(listed, RECORDS)
        specific, other = (np.array(labels) for labels in CLASSIFIED.values())
        return {
            "year": self.year.astype(str),
            "patient_id": np.char.zfill(self.rng.integers(0, 9999, RECORDS).astype(str), 8),
            "record_number": np.char.zfill((np.arange(RECORDS) % 99 + 1).astype(str), 2),
            "survival_months": np.char.zfill(months.astype(str), 4),
            "cause_specific": specific[(kind == 1).astype(int)],
            "other_cause": other[(kind == 2).astype(int)],
            "cod_site": np.select([kind == 0, kind == 1], ["Alive", dead], "Diseases of Heart"),
        }

    def records(self, fields: list[str]) -> pl.DataFrame:
        """Give the records as they are now, of the fields that are drawn only these."""
        columns = dict(self.outcome)
        for field in fields:
            if field in self.drawn:
                years = seer_fields()[field].years
                covered = np.isin(self.year, sorted(years)) if years is not None else True
                columns[field] = np.where(covered, self.drawn[field], BLANK)
        return pl.DataFrame({name: labels.tolist() for name, labels in columns.items()})


@cache
def labels_of(field: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the labels that the table lists for a field, and those that its patterns allow."""
    known = seer_fields()[field]
    literal = [label for label in known.labels if not label.startswith("~")]
    if len(literal) == len(known.labels):
        return np.array(literal, dtype=object), np.array([], dtype=object)
    coded = [label for label in _shapes() if label not in literal and known.knows(label)]
    if not coded:
        raise StudyError(f"{field}: no made-up label fits {known.labels}.")
    return np.array(literal, dtype=object), np.array(coded, dtype=object)


@cache
def _shapes() -> tuple[str, ...]:
    return tuple(dict.fromkeys(_all_shapes()))


def _all_shapes() -> Iterator[str]:
    for width in (1, 2, 3, 4):
        yield from (f"{n:0{width}d}" for n in range(10**width))
    for n in range(1000):
        yield from (f"C{n:03d}", f"A{n:03d}", f"B{n:03d}", f"{n / 10:.1f}", f"{n / 100:.2f}")
    yield from (f"{n:02d} years" for n in range(90))
    yield from ("1st of 2 or more primaries", "2nd of 2 or more primaries")
