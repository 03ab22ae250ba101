"""From SEER's labels to the variables of the analysis."""

from collections.abc import Iterable

import polars as pl

from seermatch.cohort.criteria import rule_expression
from seermatch.errors import StudyError
from seermatch.seer.fields import seer_fields
from seermatch.seer.labels import missing_labels
from seermatch.variables.printed import EVENTS

FIRST_PRIMARY = r"^(One primary only|1st of \d+ or more primaries)$"
# Further variables, and the field behind each; an export need not hold it.
FURTHER = {"event_by_cause_of_death": "cod_site", "first_primary": "sequence_number"}

RECEPTORS = {
    "er": ("Negative", "Positive"),
    "pr": ("Negative", "Positive"),
    "her2": ("Negative", "Positive"),
    "subtype": ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"),
}

ALIVE_OR_OTHER = "Alive or dead of other cause"
ALIVE_OR_CANCER = "Alive or dead due to cancer"
DEAD_OF_CANCER = "Dead (attributable to this cancer dx)"
DEAD_OF_OTHER = "Dead (attributable to causes other than this cancer dx)"

# The only combinations that SEER's recodes produce where the cause of death is known:
# (vital status, cause-specific, other cause) -> event.
OUTCOMES = {
    ("Alive", ALIVE_OR_OTHER, ALIVE_OR_CANCER): "censored",
    ("Dead", DEAD_OF_CANCER, ALIVE_OR_CANCER): "cancer death",
    ("Dead", ALIVE_OR_OTHER, DEAD_OF_OTHER): "other death",
}


# Fields that become variables, whatever the levels; registry and those of `FURTHER` if exported.
FIELDS = (
    *("patient_id", "record_number", "year", "group", "age", "tumor_size", *RECEPTORS),
    *("survival_months", "vital_status", "cause_specific", "other_cause", "registry", "complete"),
    *FURTHER.values(),
)


def fields_of(columns: Iterable[str], recodes: dict[str, list[dict]]) -> list[str]:
    """List the columns of eligible records that `recode` reads.

    Examples
    --------
    >>> fields_of(["age", "sex", "grade", "lacks_grade"], {"grade": []})
    ['age', 'grade', 'lacks_grade']
    """
    wanted = {*FIELDS, *recodes}
    return [name for name in columns if name.removeprefix("lacks_") in wanted]


def levels_of(recodes: dict[str, list[dict]]) -> dict[str, tuple[str, ...]]:
    """Give the levels of every categorical variable, the reference first.

    Parameters
    ----------
    recodes : dict
        Variable to its ordered levels, as in the configuration.

    Returns
    -------
    dict
        Variable to its levels, `event` included.

    Examples
    --------
    >>> levels_of({"histology": [{"level": "IDC", "labels": ["8500"]}, {"level": "Other"}]})[
    ...     "histology"
    ... ]
    ('IDC', 'Other')
    """
    grouped = {name: tuple(item["level"] for item in levels) for name, levels in recodes.items()}
    return grouped | RECEPTORS | {"event": EVENTS}


def recode(records: pl.DataFrame, recodes: dict[str, list[dict]]) -> pl.DataFrame:
    """Recode eligible records into the variables of the analysis.

    Parameters
    ----------
    records : polars.DataFrame
        Eligible records with typed fields (`seermatch.cohort.filter.FilteredCohort.records`). Of an
        incomplete one, a field that has a column `lacks_<field>` may be missing and stays so.
    recodes : dict
        Variable to its ordered levels: ``level`` with ``labels`` or a ``pattern``, or with
        neither for whatever is left.

    Returns
    -------
    polars.DataFrame
        Columns `patient_id`, `record_number` (both missing where not exported), `year`, `group`,
        `age` (years), `tumor_size` (mm), `histology`, `grade`, `er`, `pr`, `her2`, `subtype`,
        `t_stage`, `n_stage`, `time` (months) and `event`; `registry` where it is exported;
        `complete`; and of `FURTHER` those whose field is exported. Variables with levels
        (`levels_of`) are enumerations of them.

    Raises
    ------
    StudyError
        If a label fits no level, or vital status and the two death classifications contradict
        each other.
    """
    kinds = {name: pl.Enum(levels) for name, levels in levels_of(recodes).items()}
    variables = [
        _grouped(records, name, levels).cast(kinds[name]) for name, levels in recodes.items()
    ]
    for name, levels in RECEPTORS.items():
        _refuse_unknown(records.filter(_told(records, name)), name, pl.col(name).is_in(levels))
        variables.append(pl.col(name).cast(kinds[name]))
    event = _event(records)
    further = _further(event)
    return records.select(
        *(
            (pl.col(name) if name in records.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in (("patient_id", pl.String), ("record_number", pl.Int16))
        ),
        pl.col("year").cast(pl.Int16),
        "group",
        pl.col("age").cast(pl.Int16),
        pl.col("tumor_size").cast(pl.Int16),
        *variables,
        pl.col("survival_months").cast(pl.Int16).alias("time"),
        event.cast(kinds["event"]),
        *(["registry"] if "registry" in records.columns else []),
        "complete",
        *(further[name].alias(name) for name, field in FURTHER.items() if field in records.columns),
    )


def not_exported(columns: list[str]) -> list[str]:
    """Say which of the `FURTHER` variables the recoded records of an export lack.

    Examples
    --------
    >>> not_exported(["event_by_cause_of_death"])
    ['first_primary: left out, because the export does not hold Sequence number']
    """
    return [
        f"{name}: left out, because the export does not hold {seer_fields()[field].variable}"
        for name, field in FURTHER.items()
        if name not in columns
    ]


def _told(records: pl.DataFrame, name: str) -> pl.Expr:
    """Tell the records whose label must have a level: all but those that may lack it and do."""
    if f"lacks_{name}" in records.columns:
        return pl.col("complete") | pl.col(name).is_not_null()
    return pl.lit(True)


def _grouped(records: pl.DataFrame, name: str, levels: list[dict]) -> pl.Expr:
    level = pl.lit(None, dtype=pl.String)
    for item in reversed(levels):
        rule = {key: value for key, value in item.items() if key != "level"}
        label = pl.lit(item["level"])
        if rule:
            level = pl.when(rule_expression(name, rule, numeric=False)).then(label).otherwise(level)
        else:
            level = label
    told = _told(records, name)
    _refuse_unknown(records.filter(told), name, level.is_not_null())
    return pl.when(told).then(level).alias(name)


def _refuse_unknown(records: pl.DataFrame, name: str, known: pl.Expr) -> None:
    unknown = records.filter(~known.fill_null(False))[name]
    if len(unknown):
        labels = ", ".join(repr(label) for label in unknown.unique().sort().head(5))
        raise StudyError(
            f"{name}: at least {len(unknown):,} eligible records have a label that no level takes "
            f"({labels}); add it to recode.{name} or exclude it in cohort.criteria."
        )


def _event(records: pl.DataFrame) -> pl.Expr:
    fields = ["vital_status", "cause_specific", "other_cause"]
    event = pl.lit(None, dtype=pl.String)
    for labels, name in OUTCOMES.items():
        fits = pl.all_horizontal(
            [pl.col(field) == label for field, label in zip(fields, labels, strict=True)]
        )
        event = pl.when(fits).then(pl.lit(name)).otherwise(event)
    impossible = records.filter(event.is_null()).group_by(fields).len().sort("len")
    if len(impossible):
        *labels, count = impossible.row(-1)
        raise StudyError(
            f"At least {impossible['len'].sum():,} eligible records contradict themselves in vital "
            f"status and the two SEER death classifications, such as {count:,} with "
            f"{' / '.join(map(str, labels))}; exclude them in cohort.criteria or check the export."
        )
    return event.alias("event")


def _further(event: pl.Expr) -> dict[str, pl.Expr]:
    """Give the variables `FURTHER`, from their fields and the recoded event."""
    censored, breast, other = EVENTS
    cause, sequence = pl.col("cod_site"), pl.col("sequence_number")
    untold = ["Alive", *missing_labels("cod_site")]
    return {
        "event_by_cause_of_death": pl.when(event == censored)
        .then(pl.lit(censored))
        .when(cause == "Breast")
        .then(pl.lit(breast))
        .when(~cause.is_in(untold))
        .then(pl.lit(other)),
        "first_primary": pl.when(~sequence.is_in(list(missing_labels("sequence_number")))).then(
            sequence.str.contains(FIRST_PRIMARY)
        ),
    }
