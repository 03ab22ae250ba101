"""One pass over an export: who is eligible, complete or not, and what each criterion takes away.

One list of criteria both filters and counts, so that the flow chart cannot drift from the cohort.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from seermatch.cohort.criteria import (
    Exposure,
    exported_rules,
    require_fields,
    rule_expression,
    tell_not_applied,
    without_impossible_months,
)
from seermatch.cohort.incomplete import LACKS, RAW, may_be_unknown, unknown_values
from seermatch.errors import StudyError
from seermatch.seer.fields import sources_of
from seermatch.seer.spelling import NUMBERS, standardize
from seermatch.variables.printed import NOT_APPLIED


@dataclass(frozen=True)
class FilteredCohort:
    """The eligible records of an export, and the counts on the way.

    Attributes
    ----------
    records : polars.DataFrame
        As `CohortFilter.records`.
    attrition : polars.DataFrame
        As `CohortFilter.attrition` returns it.
    not_applied : tuple of str
        As `CohortFilter.not_applied`.
    """

    records: pl.DataFrame
    attrition: pl.DataFrame
    not_applied: tuple[str, ...]


@dataclass(frozen=True)
class CohortFilter:
    """Ordered criteria set up for an export, whose records need not fit into memory.

    `collect` keeps the result in memory. Else sink `records` into a file and collect `counts` in
    one `polars.collect_all`, which passes over the records once.

    Attributes
    ----------
    records : polars.LazyFrame
        The eligible records, with typed fields; `group`, 0 reference and 1 exposed; `complete`,
        whether the record meets every criterion as it is; and `lacks_<field>` for every covariate
        that may be unknown, whether it is, in which case the field is missing.
    counts : polars.LazyFrame
        What `attrition` needs.
    not_applied : tuple of str
        A sentence for each criterion that was left out because its field is not exported.
    """

    records: pl.LazyFrame
    counts: pl.LazyFrame
    not_applied: tuple[str, ...]
    _words: list[str]
    _exposure: Exposure
    _labels: pl.LazyFrame

    def attrition(self, counts: pl.DataFrame) -> pl.DataFrame:
        """Count what each criterion takes away.

        Parameters
        ----------
        counts : polars.DataFrame
            `counts`, collected.

        Returns
        -------
        polars.DataFrame
            Columns `year`, `registry`, `step`, `criterion`, `remaining`, `remaining_reference`
            and `remaining_exposed`, one row per year of diagnosis, registry (missing where not
            exported) and step; step 0 are all records. A criterion that was not applied says so.

        Raises
        ------
        StudyError
            If no record belongs to either group, or one that stays does not.
        """
        if len(counts) and counts["exposure"].null_count() == len(counts):
            _refuse_labels(self._labels.collect().to_series(), self._exposure)
        stays = counts.filter(pl.col("exposure").is_null(), pl.col("failed") >= len(self._words))
        if len(stays):
            raise StudyError(
                f"{stays['len'].sum():,} records meet every criterion but belong to neither group; "
                f"add the field exposure to a criterion in cohort.criteria."
            )
        return _attrition(counts, self._words)

    def collect(self) -> FilteredCohort:
        """Filter and count in memory; the errors are those of `attrition`."""
        counts, records = pl.collect_all([self.counts, self.records])
        return FilteredCohort(records, self.attrition(counts), self.not_applied)


def filter_cohort(
    records: pl.LazyFrame,
    criteria: list[dict],
    exposure: Exposure,
    years: list[int],
    covariates: Sequence[str] = (),
    last_year: int | None = None,
) -> CohortFilter:
    """Set up ordered criteria that filter the records of an export and count what each takes away.

    Parameters
    ----------
    records : polars.LazyFrame
        Records with canonical field names, as exported; they are standardized here.
    criteria : list of dict
        Each with ``criterion``, its words, and ``keep``, a mapping of fields to rules
        (`rule_expression`), all of which must hold. The field ``exposure`` takes the labels
        ``reference`` and ``exposed``. With ``any`` true one field that holds is enough, of those
        that are exported. With ``if_exported`` true the criterion is left out where the export
        lacks one of its fields, or, with ``any``, all of them.
    exposure : Exposure
        The two groups.
    years : list of int
        Years of diagnosis; records of other years are not counted.
    covariates : sequence of str
        Variables that may be unknown (`seermatch.cohort.incomplete`); by default none may.
    last_year : int, optional
        Last year of the database; survival months that end later count as unknown.

    Returns
    -------
    CohortFilter
        Eligible records, and counts per year, registry and step, not yet computed. Only complete
        records are counted.

    Raises
    ------
    StudyError
        If the exposure or a criterion without ``if_exported`` names a field that the export
        lacks.

    Examples
    --------
    >>> rows = pl.LazyFrame(
    ...     {"year": ["2018"] * 3, "m_stage": ["M0", "M0(i+)", "M1"], "sex": ["Female"] * 3}
    ... )
    >>> found = filter_cohort(
    ...     rows,
    ...     [{"criterion": "staged", "keep": {"exposure": {"labels": ["reference", "exposed"]}}}],
    ...     Exposure("m_stage", ("M0",), ("M0(i+)",)),
    ...     [2018],
    ... ).collect()
    >>> found.attrition["remaining"].to_list(), len(found.records)
    ([3, 2], 2)
    """
    names = records.collect_schema().names()
    fields = standardize(records).collect_schema().names()
    require_fields(fields, [exposure.field, "year"], "the exposure")
    words, not_applied, applied = ["records"], [], []
    for step, criterion in enumerate(criteria, start=1):
        name = criterion["criterion"]
        rules, missing = exported_rules(criterion, [*fields, "exposure"])
        words.append(name + NOT_APPLIED if missing else name)
        if missing:
            not_applied.append(tell_not_applied(name, missing))
        else:
            applied.append((step, bool(criterion.get("any")), rules))
    asked = {field for *_, rules in applied for field in rules}
    sources = {name: sources_of(name, names) for name in sorted(may_be_unknown(covariates) & asked)}
    as_exported = pl.col(sorted({column for found in sources.values() for column in found}))
    typed = standardize(records.with_columns(as_exported.name.prefix(RAW)) if sources else records)
    marked = (
        without_impossible_months(typed, last_year)
        .filter(pl.col("year").is_in(years))
        .with_columns(exposure.arm().alias("exposure"))
        .with_columns(_marks(applied, unknown_values(records, sources), len(criteria)))
    )
    registry = "registry" if "registry" in fields else pl.lit(None, pl.String).alias("registry")
    eligible = marked.filter("eligible").with_columns(
        *(pl.when(~pl.col(LACKS + name)).then(pl.col(name)).alias(name) for name in sources),
        (pl.col("exposure") == "exposed").cast(pl.Int8).alias("group"),
        complete=pl.col("failed") > len(criteria),
    )
    return CohortFilter(
        records=eligible.select(pl.exclude("failed", "eligible", "exposure", f"^{RAW}.*$")),
        counts=marked.group_by("year", registry, "exposure", "failed").len(),
        not_applied=tuple(not_applied),
        _words=words,
        _exposure=exposure,
        _labels=marked.select(exposure.field),
    )


def _marks(
    applied: list[tuple[int, bool, dict]], unknown: dict[str, pl.Expr], last: int
) -> list[pl.Expr]:
    """Mark the first criterion that a record fails, whether it is eligible, and what it lacks.

    `failed` is one past the last criterion where none fails. A covariate is lacking where a
    criterion fails on it because it is unknown; one that lacks nothing else is eligible.
    """
    failed = pl.lit(last + 1, dtype=pl.Int16)
    eligible = [pl.lit(True)]
    lacks = {name: [pl.lit(False)] for name in unknown}
    for step, any_is_enough, rules in reversed(applied):
        together = pl.any_horizontal if any_is_enough else pl.all_horizontal
        holds = {name: rule_expression(name, rules[name], name in NUMBERS) for name in rules}
        fails = ~together(list(holds.values()))
        failed = pl.when(fails).then(pl.lit(step, dtype=pl.Int16)).otherwise(failed)
        for name in [name for name in holds if name in unknown]:
            lacks[name].append(fails & ~holds[name] & unknown[name])
            holds[name] |= unknown[name]
        eligible.append(together(list(holds.values())))
    return [
        failed.alias("failed"),
        pl.all_horizontal(eligible).alias("eligible"),
        *(pl.any_horizontal(found).alias(LACKS + name) for name, found in lacks.items()),
    ]


def _refuse_labels(found: pl.Series, exposure: Exposure) -> None:
    labels = found.value_counts().sort(["count", exposure.field], descending=[True, False]).head(5)
    told = ", ".join(f"{label!r} ({count:,})" for label, count in labels.rows())
    wanted = ", ".join(repr(label) for label in (*exposure.reference, *exposure.exposed))
    raise StudyError(
        f"{exposure.field} holds none of the labels of the two groups ({wanted}) but {told}; "
        f"check the export and cohort.exposure."
    )


def _attrition(counts: pl.DataFrame, words: list[str]) -> pl.DataFrame:
    steps = pl.DataFrame(
        {"step": range(len(words)), "criterion": words},
        schema={"step": pl.Int32, "criterion": pl.String},
    )
    stays = pl.col("failed") > pl.col("step")
    n = pl.col("len").cast(pl.Int64)
    sums = {"remaining": n.filter(stays).sum()}
    for arm in ("reference", "exposed"):
        sums[f"remaining_{arm}"] = n.filter(stays & (pl.col("exposure") == arm)).sum()
    by = ["year", "registry", "step", "criterion"]
    table = counts.join(steps, how="cross").group_by(by)
    return table.agg(**sums).sort("year", "registry", "step")
