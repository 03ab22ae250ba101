"""Where the records come from, who is in the study, and how variables are grouped."""

from typing import Annotated, Literal

from seermatch.settings.keys import OPTIONAL, REQUIRED, SEED, Section, Within, key, part, section

Grouping = Literal["m_stage", "n_stage", "t_stage", "grade", "er", "pr", "her2", "subtype"]
Label = str | int
Month = Annotated[int, Within(ge=1, le=600)]


@section
class Export(Section):
    """A row of the sheet of exports."""

    export: str = key(
        REQUIRED,
        "Short name of the export, used in file names (letters, digits, `_` and `-`).",
        pattern="^[A-Za-z0-9_-]+$",
    )
    path: str = key(REQUIRED, "The exported data file (text, or gzipped text).", min_length=1)
    dictionary: str = key(
        OPTIONAL,
        "The `.dic` file that SEER*Stat wrote beside it; empty for the one of the same name, if "
        "any.",
    )


@section
class Pathvars(Section):
    """Folders, for a second study or another disk; exports once read can be shared by studies."""

    results: str = key(
        OPTIONAL, "Tables, figures and intermediate files; `results` if not given.", min_length=1
    )
    registry: str = key(
        OPTIONAL, "The exports once read; `results/private/exports` if not given.", min_length=1
    )
    logs: str = key(OPTIONAL, "One log per job; `logs` if not given.", min_length=1)
    benchmarks: str = key(
        OPTIONAL, "Time and memory of each job; `benchmarks` if not given.", min_length=1
    )
    resources: str = key(
        OPTIONAL,
        "Where the synthetic registry is made; `resources` if not given.",
        min_length=1,
    )


@section
class Synthetic(Section):
    """The synthetic registry, made where the sheet names files in `resources/synthetic/`."""

    seed: int = key(20261122, "Seed of the synthetic registry.", **SEED)
    reference_scale: float = key(
        1.0, "Number of reference records as a multiple of the paper's.", ge=0.005, le=40
    )
    exposed_scale: float = key(
        1.0, "Number of exposed records as a multiple of the paper's.", ge=0.1, le=40
    )


@section
class Claim(Section):
    """A claim of another source."""

    claim: str = key(REQUIRED, "The claim in a sentence.", min_length=1)
    source: str = key(REQUIRED, "Who says so.", min_length=1)
    outcome: Literal["cancer death", "death of any cause"] = key(
        REQUIRED, "The deaths that the claim speaks of."
    )
    expects: Literal["worse", "no worse", "no difference", "survival"] = key(
        REQUIRED,
        "What the claim expects of the exposed, against the reference patients, or, with "
        "`survival`, of their survival.",
    )
    survival_percent: float = key(
        OPTIONAL, "The survival that is claimed, in percent; with `survival` only.", ge=0, le=100
    )
    months: list[Month] = key(
        REQUIRED, "Months after diagnosis at which it is asked.", min_length=1, unique=True
    )


@section
class Texts(Section):
    """Title and question, as the report prints them."""

    title: str = key(
        "Prognostic value of distant micrometastasis in breast cancer", "Title of the report."
    )
    question: str = key(
        "Do women with breast cancer staged M0(i+), tumor cells no larger than 0.2 mm in blood, "
        "bone marrow or non-regional nodes, have another prognosis than women staged M0?",
        "The question of the study in a sentence.",
    )
    claims: list[Claim] = key(
        [],
        "What another source says, which the report puts to the matched patients as questions; "
        "none by default.",
    )


@section
class Reference(Section):
    """The group that controls come from."""

    label: str = key(REQUIRED, "Name of the group in tables and figures.", min_length=1)
    labels: list[str] = key(
        REQUIRED, "Labels of the field that make up the group.", min_length=1, unique=True
    )


@section
class Exposed(Reference):
    """The group whose prognosis is asked for."""


@section
class Groups(Section):
    """The two groups that are compared."""

    field: Grouping = key(REQUIRED, "Field that tells the groups apart.")
    reference: Reference = part(Reference, REQUIRED)
    exposed: Exposed = part(Exposed, REQUIRED)


@section
class Rule(Section):
    """Which values count: labels, a pattern of the whole label, or a range of a number."""

    labels: list[Label] = key(
        OPTIONAL, "Labels as SEER*Stat writes them.", min_length=1, unique=True
    )
    pattern: str = key(OPTIONAL, "Regular expression for the whole label.", min_length=1)
    minimum: float = key(OPTIONAL, "Smallest value kept.")
    maximum: float = key(OPTIONAL, "Largest value kept.")


@section
class Criterion(Section):
    """One of the ordered criteria."""

    criterion: str = key(
        REQUIRED, "The criterion in words, as the flow chart prints it.", min_length=1
    )
    keep: dict[str, Rule] = key(REQUIRED, "Field to values that stay.", min_length=1)
    any: bool = key(
        OPTIONAL,
        "One field of `keep` that holds is enough, of those that are exported; false, or not "
        "given, asks all of them to hold.",
    )
    if_exported: bool = key(
        OPTIONAL,
        "Leave the criterion out, and say so, where a field of `keep` is not exported (with `any`: "
        "where none is); false, or not given, stops the run there.",
    )


CRITERIA = [
    {
        "criterion": "malignant tumor, M0 or M0(i+)",
        "keep": {
            "behavior": {"labels": ["Malignant"]},
            "exposure": {"labels": ["reference", "exposed"]},
        },
    },
    {"criterion": "female", "keep": {"sex": {"labels": ["Female"]}}},
    {"criterion": "age 18–89 years", "keep": {"age": {"minimum": 18, "maximum": 89}}},
    {"criterion": "T1–T4 known", "keep": {"t_stage": {"pattern": "T[1-4].*"}}},
    {"criterion": "N0–N3 known", "keep": {"n_stage": {"pattern": "N[0-3].*"}}},
    {
        "criterion": "grade 1, 2, 3, A, B or C",
        "keep": {"grade": {"labels": ["1", "2", "3", "A", "B", "C"]}},
    },
    {"criterion": "tumor size 1–988 mm", "keep": {"tumor_size": {"minimum": 1, "maximum": 988}}},
    {
        "criterion": "ER, PR, HER2 and subtype known",
        "keep": {
            "er": {"labels": ["Negative", "Positive"]},
            "pr": {"labels": ["Negative", "Positive"]},
            "her2": {"labels": ["Negative", "Positive"]},
            "subtype": {"labels": ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]},
        },
    },
    {
        "criterion": "cause of death and survival months known",
        "keep": {
            "cause_specific": {
                "labels": [
                    "Alive or dead of other cause",
                    "Dead (attributable to this cancer dx)",
                ]
            },
            "other_cause": {
                "labels": [
                    "Alive or dead due to cancer",
                    "Dead (attributable to causes other than this cancer dx)",
                ]
            },
            "survival_months": {"minimum": 0},
        },
    },
]


@section
class Cohort(Section):
    """Who is in the study."""

    years: list[Annotated[int, Within(ge=1975, le=2100)]] = key(
        [2018, 2019, 2020, 2021, 2022], "Years of diagnosis.", min_length=1, unique=True
    )
    registries: list[Annotated[str, Within(min_length=1)]] | None = key(
        None,
        "Labels of `SEER registry` as exported; records of other registries are not counted. Null "
        "takes all. SEER Research exports cannot hold the column, SEER Research Plus exports can.",
        min_length=1,
        unique=True,
    )
    exposure: Groups = key(
        {
            "field": "m_stage",
            "reference": {"label": "M0", "labels": ["M0"]},
            "exposed": {"label": "M0(i+)", "labels": ["M0(i+)"]},
        },
        "The two groups that are compared.",
    )
    criteria: list[Criterion] = key(
        CRITERIA,
        "Ordered criteria; one list both filters and counts. `keep` maps fields to the values that "
        "stay (all must hold, or `any`); the field `exposure` takes `reference` and `exposed`.",
        min_length=1,
    )
    one_tumor_per_patient: bool = key(
        True,
        "Keep, of a patient's eligible records in all exports, the one with the lowest record "
        "number, as the last criterion. Off, every tumor counts, and exports need no Patient ID "
        "and may come from different submissions.",
    )


@section
class Level(Section):
    """A level of a grouped variable."""

    level: str = key(REQUIRED, "Name of the level in the analysis.", min_length=1)
    labels: list[Label] = key(OPTIONAL, "Labels that become this level.", min_length=1)
    pattern: str = key(OPTIONAL, "Regular expression for the whole label.", min_length=1)


@section
class Recode(Section):
    """Levels of the grouped variables, the first being the reference.

    A level takes its `labels` or what its `pattern` matches; a level with neither takes the rest.
    """

    histology: list[Level] = key(
        [{"level": "IDC", "labels": ["8500", "8522"]}, {"level": "Other"}],
        "Histologic type by ICD-O-3 code.",
        min_length=2,
    )
    grade: list[Level] = key(
        [
            {"level": "I-II", "labels": ["1", "2", "A", "B"]},
            {"level": "III", "labels": ["3", "C"]},
        ],
        "Grade by SEER's 2018+ codes.",
        min_length=2,
    )
    t_stage: list[Level] = key(
        [{"level": "T1-T2", "pattern": "T[12].*"}, {"level": "T3-T4", "pattern": "T[34].*"}],
        "T stage, AJCC 8.",
        min_length=2,
    )
    n_stage: list[Level] = key(
        [{"level": "N0", "pattern": "N0.*"}, {"level": "N1-N3", "pattern": "N[1-3].*"}],
        "N stage, AJCC 8; N0 takes N0(i+) and N0(mol+), N1-N3 takes N1mi.",
        min_length=2,
    )
