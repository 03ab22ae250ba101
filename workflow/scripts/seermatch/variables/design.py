"""The design of a study, typed: what is asked, who is in it, and what is adjusted for.

What a study file does not say takes a neutral value here, never that of another study.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seermatch.variables.conditions import All
from seermatch.variables.definition import Declaration
from seermatch.variables.study_file import Tree

DEFINITIONS = ("seer_cause_specific", "cause_of_death")
UNKNOWN_CAUSE = ("exclude", "keep")
ANALYSES = ("matched", "weighted")
ESTIMANDS = ("ATT", "ATO", "ATE")


@dataclass(frozen=True)
class Outcome:
    """What patients die of.

    Attributes
    ----------
    cancer : str
        Words for the cancer, as in ``"lung cancer"``.
    causes : tuple of str
        Labels of COD to site recode that mean it.
    definition : {"seer_cause_specific", "cause_of_death"}
        Whether SEER's classification or the cause of death tells who died of it.
    unknown_cause : {"exclude", "keep"}
        What becomes of deaths of unknown cause.
    """

    cancer: str
    causes: tuple[str, ...]
    definition: str = "seer_cause_specific"
    unknown_cause: str = "exclude"


@dataclass(frozen=True)
class Arm:
    """One of the two groups: its name and the levels of the exposure that make it up."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Exposure:
    """The variable that tells the groups apart, and the two groups."""

    variable: str
    reference: Arm
    exposed: Arm


@dataclass(frozen=True)
class Criterion:
    """A criterion: its words in the flow of patients, and what must hold."""

    words: str
    condition: All


@dataclass(frozen=True)
class Cohort:
    """Who is in the study.

    Attributes
    ----------
    years : frozenset of int
        Years of diagnosis.
    exposure : Exposure
    criteria : tuple of Criterion
        Applied and counted in this order.
    registries : tuple of str
        Labels of SEER registry; all where empty.
    landmark : int, optional
        Months after diagnosis at which patients must be alive and followed; time counts from there.
    one_tumor_per_patient : bool
    """

    years: frozenset[int]
    exposure: Exposure
    criteria: tuple[Criterion, ...] = ()
    registries: tuple[str, ...] = ()
    landmark: int | None = None
    one_tumor_per_patient: bool = True


@dataclass(frozen=True)
class Matching:
    """What the score is made of, and how patients are matched.

    Attributes
    ----------
    covariates : tuple of str
        Variables of the score.
    splines : tuple of str
        Those that enter as natural splines.
    exact : tuple of str
        Variables that must be the same within a pair.
    ratio : int
        Controls per exposed patient.
    caliper : float or None
        In standard deviations of the distance; None for none.
    """

    covariates: tuple[str, ...]
    splines: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    ratio: int = 1
    caliper: float | None = 0.2


@dataclass(frozen=True)
class Study:
    """A study, whole.

    Attributes
    ----------
    title, question, exports : str
        Its title, its question, and the sheet of exports.
    outcome : Outcome
    cohort : Cohort
    matching : Matching
    variables : mapping of str to Declaration
        What the file declares.
    subgroups : tuple of str
        Variables in whose levels the effect is estimated.
    analysis : {"matched", "weighted"}
        The main analysis.
    estimand : {"ATT", "ATO", "ATE"}
        Of the weighted analysis.
    paper : str
        Folder of printed tables; empty for none.
    sections : mapping of str to Tree
        What the file says elsewhere, as text.
    """

    title: str
    question: str
    exports: str
    outcome: Outcome
    cohort: Cohort
    matching: Matching
    variables: Mapping[str, Declaration] = field(default_factory=dict)
    subgroups: tuple[str, ...] = ()
    analysis: str = "matched"
    estimand: str = "ATT"
    paper: str = ""
    sections: Mapping[str, Tree] = field(default_factory=dict)
