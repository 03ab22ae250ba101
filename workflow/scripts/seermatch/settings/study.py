"""How the study is matched, analyzed and printed; and `Study`, which holds all sections.

Scripts make a section from checked values: ``MatchingRule(**params.matching)``.
"""

from typing import Annotated, Literal, get_args

from seermatch.settings.cohort import Cohort, Month, Pathvars, Recode, Synthetic, Texts
from seermatch.settings.keys import OPTIONAL, SEED, Section, Within, key, part, section

Covariate = Literal[
    "age", "tumor_size", "histology", "grade", "er", "pr", "her2", "subtype", "t_stage", "n_stage",
    "year",
]  # fmt: skip


@section
class Matching(Section):
    """Propensity score and nearest-neighbor matching without replacement."""

    covariates: list[Covariate] = key(
        list(get_args(Covariate)[:-1]),
        "Terms of the propensity model, and rows of Tables 1–4 and of the love plot.",
        min_length=1,
        unique=True,
    )
    link: Literal["logit", "probability"] = key(
        "logit",
        "Scale of the distance: `logit`, the linear predictor, or `probability`, the score itself.",
    )
    order: Literal["largest", "smallest", "random"] = key(
        "largest", "Order in which exposed patients choose; by score, or seeded at random."
    )
    ratio: int = key(
        2,
        "Controls per exposed patient; where there are fewer, as many as possible.",
        ge=1,
        le=10,
    )
    caliper: float | None = key(
        0.2,
        "Largest distance within a pair, in standard deviations of the distance over all patients "
        "with a score; null for none.",
        gt=0,
        le=10,
    )
    exact: list[Literal["year", "registry"]] = key(
        [],
        "Controls must have the same `year` of diagnosis, the same `registry` (which SEER Research "
        "Plus exports hold), or both.",
        unique=True,
    )
    ties: Literal["hash", "file_order"] = key(
        "hash",
        "Which of equally near controls is taken: `hash`, by a seeded hash of the patient's "
        "number, whatever the order of the files; or `file_order`, the rules of MatchIt 4.7.2 and "
        "R's glm, which also keep patients whose covariates tell their group without error.",
    )
    seed: int = key(
        20261122, "Seed of the tie rule, of the random order and of the imputations.", **SEED
    )


@section
class Balance(Section):
    """Balance of the covariates before and after matching."""

    threshold: float = key(
        0.1,
        "Absolute standardized mean difference up to which a term counts as balanced.",
        gt=0,
        le=1,
    )


@section
class Regression(Section):
    """Terms of the Cox and Fine–Gray models."""

    selection_p: float = key(
        0.05,
        "Terms whose univariable p is below this enter the multivariable model as published, "
        "beside the group.",
        gt=0,
        le=1,
    )
    recommended: list[Covariate] = key(
        ["age", "tumor_size", "histology", "grade", "subtype", "t_stage", "n_stage"],
        "Terms of the recommended model, fixed in advance, beside the group.",
        min_length=1,
        unique=True,
    )


@section
class Survival(Section):
    """Overall survival."""

    interval: Literal["log", "log-log", "plain"] = key("log", "Scale of the Kaplan–Meier interval.")


@section
class Stability(Section):
    """How far the result hangs on which of equally near controls are taken."""

    seeds: int = key(
        200, "Number of other tie seeds under which the match is repeated.", ge=20, le=5000
    )


@section
class Sensitivity(Section):
    """Other analyses beside the main one.

    Of calipers, ratios and orders those that differ from `matching`. Scores without subtype, with
    year and with splines, exact matching on year, month 0 excluded, deaths by cause of death, first
    primary tumors and the adjusted whole cohort need no key.
    """

    calipers: list[Annotated[float, Within(gt=0, le=10)] | None] = key(
        [0.1, 0.2, 0.25, None],
        "Calipers in standard deviations of the distance; null for none.",
        unique=True,
    )
    ratios: list[Annotated[int, Within(ge=1, le=10)]] = key(
        [1, 2, 3, 4], "Controls per exposed patient.", unique=True
    )
    orders: list[Literal["largest", "smallest", "random"]] = key(
        ["largest", "random"], "Orders in which exposed patients choose.", unique=True
    )
    largest_size: float | None = key(
        200,
        "Tumor sizes above this (mm) are set to it in the score, since sizes of half a meter are "
        "mostly coding errors with great leverage; null leaves the analysis out.",
        gt=0,
        le=989,
    )
    estimands: list[Literal["ATT", "ATO", "ATE"]] = key(
        ["ATT", "ATO"],
        "Weighted analyses: `ATT`, the effect in the exposed; `ATO`, in the overlap of both "
        "groups; `ATE`, in everybody, which a rare exposure makes unstable.",
        unique=True,
    )
    imputations: int | None = key(
        10,
        "Data sets in which missing covariates are imputed by chained equations, each scored and "
        "matched anew, pooled by Rubin's rules; null leaves the analysis out.",
        ge=2,
        le=100,
    )


@section
class Interpretation(Section):
    """What the matched cohort can and cannot show."""

    months: list[Month] = key(
        [36, 48],
        "Months at which risks, months lost and restricted means are compared.",
        min_length=1,
        unique=True,
    )
    power: float = key(0.8, "Power of the smallest detectable hazard ratio.", gt=0.05, lt=1)
    equivalence_margin: float | None = key(
        None,
        "Hazard ratio up to which (and down to whose inverse) the groups count as equivalent; null "
        "tests nothing. Fix it before the data are seen.",
        gt=1,
        le=10,
    )
    ascertainment: list[Annotated[float, Within(gt=0, le=1)]] = key(
        [0.5, 0.1, 0.01],
        "Shares of the truly exposed who may have been found, for hazard ratios corrected for the "
        "others among the reference patients.",
        unique=True,
    )


@section
class DataQuality(Section):
    """Integrity checks of the exports; limits in percent."""

    missing_cause_of_death_percent: float = key(
        3, "Share of deaths without a cause above which data_quality.html warns.", ge=0, le=100
    )
    stop_percent: float = key(
        1,
        "Share of records that contradict themselves, or have an unknown label in a field the "
        "study needs, above which the run stops; below it the page warns. Follow-up beyond the end "
        "of the database, where a dictionary names it, counts as unknown.",
        ge=0,
        le=100,
    )


@section
class Disclosure(Section):
    """Small counts in published tables and figures."""

    minimum_count: int | None = key(
        None,
        "Smallest count above 0 that is published; smaller ones are masked, with others from which "
        "they could be computed. 0 masks nothing; null is 5, or 0 where every export is synthetic.",
        ge=0,
        le=100,
    )
    method: Literal["suppress", "round"] = key(
        "suppress",
        "How small counts are protected: `suppress` masks them and keeps all other numbers exact, "
        "`round` prints every count as a bin as wide as `minimum_count` and also holds against "
        "differences with earlier versions.",
    )


@section
class Widths(Section):
    """Widths of all figures in millimetres, as the journal asks."""

    column: float = key(
        85,
        "One column; balance, survival, overlap of the scores, log-log, tie seeds.",
        ge=75,
        le=120,
    )
    page: float = key(
        180,
        "Full width; flow chart, incidence, forest plots, Schoenfeld residuals, specification "
        "curve.",
        ge=170,
        le=230,
    )


@section
class Figures(Section):
    """Figures."""

    follow_up_marks: list[Annotated[int, Within(ge=0, le=600)]] = key(
        [0, 12, 24, 36, 48, 59],
        "Months marked under the curves, with the numbers at risk.",
        min_length=2,
        unique=True,
    )
    widths: Widths = part(Widths)


@section
class Paper(Section):
    """The paper that the study follows, whose printed tables are audited and compared."""

    folder: str | None = key(
        "resources/paper",
        "Folder with the printed tables, in the format of `resources/paper/README.md`; null for "
        "none.",
        min_length=1,
    )


@section
class Study(Section):
    """Scientific choices only; threads, memory and folders belong to rules, profiles, pathvars."""

    exports: str = key(
        "config/exports.tsv",
        "Sheet with one row per SEER*Stat export (columns `export`, `path`, `dictionary`).",
        min_length=1,
    )
    pathvars: Pathvars = part(Pathvars, OPTIONAL)
    synthetic: Synthetic = part(Synthetic)
    study: Texts = part(Texts)
    cohort: Cohort = part(Cohort)
    recode: Recode = part(Recode)
    matching: Matching = part(Matching)
    balance: Balance = part(Balance)
    regression: Regression = part(Regression)
    survival: Survival = part(Survival)
    stability: Stability = part(Stability)
    sensitivity: Sensitivity = part(Sensitivity)
    interpretation: Interpretation = part(Interpretation)
    data_quality: DataQuality = part(DataQuality)
    disclosure: Disclosure = part(Disclosure)
    figures: Figures = part(Figures)
    paper: Paper = part(Paper)
