"""Integrity checks of the exports: what a registry file says that it should not, and what it lacks.

`count_quality` counts in one export, `assess_quality` judges the sums over all exports,
`render_quality` writes the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

import polars as pl

from seermatch.cohort.quality_counts import COUNTS, GROUPS, OTHER_LABELS, count_quality, labels_seen
from seermatch.cohort.study_labels import NamedLabels, refuse_unknown_labels
from seermatch.errors import StudyError
from seermatch.seer.fields import REQUIREMENTS, seer_fields
from seermatch.seer.labels import SELECTED
from seermatch.settings.study import DataQuality

__all__ = ["assess_quality", "count_quality", "refuse_poor_quality", "render_quality"]

DEFAULT = DataQuality()
LABELS_SHOWN = 20
VERDICTS = ("stop", "warning", "ok")
QUALITY = COUNTS | {"percent": pl.Float64, "verdict": pl.String, "note": pl.String}

# Fields that the study can need; an unknown label elsewhere cannot change it.
NEEDED = frozenset(field for ways in REQUIREMENTS.values() for way in ways for field in way)

CONSISTENCY = {
    "outcome": "vital status and the two death classifications contradict each other",
    "subtype": "the subtype is not the one that ER, PR and HER2 make",
    "mets": "M0(i+) and EOD Mets 05, which are the same finding, do not go together",
    "follow_up": "the follow-up is longer than the database allows for the year of diagnosis",
}
TITLES = {
    "unused_label": "Labels that the study names",
    "unknown_label": "Unknown labels",
    "outcome": "Vital status and cause of death",
    "subtype": "Receptors and subtype",
    "mets": "M category and EOD Mets",
    "follow_up": "Length of follow-up",
    "missing_cause_of_death": "Deaths without a cause",
    "one_value": "Fields with one value",
}


def assess_quality(
    counts: pl.DataFrame,
    *,
    last_year: int | None = None,
    missing_cause_of_death_percent: float = DEFAULT.missing_cause_of_death_percent,
    stop_percent: float = DEFAULT.stop_percent,
    label_counts: bool = True,
    named: Sequence[NamedLabels] = (),
) -> pl.DataFrame:
    """Add up the counts of all exports and say what to make of them.

    Parameters
    ----------
    counts : polars.DataFrame
        `count_quality` of every export, one below the other.
    last_year : int, optional
        Last year of the database, to which patients are followed; by default the last year of
        diagnosis in the exports. Longer follow-up is then no more than a warning.
    missing_cause_of_death_percent : float, default 3
        Share of deaths without a cause, in percent, above which to warn (SEER's fit-for-use rule).
    stop_percent : float, default 1
        Share of records, in percent, above which unknown labels of a field that the study needs,
        or records that contradict themselves, stop the run instead of a warning.
    label_counts : bool, default True
        Whether the labels of unknown values are listed with the counts of each.
    named : sequence of NamedLabels, optional
        The labels that the study names (`seermatch.cohort.study_labels.named_labels`).

    Returns
    -------
    polars.DataFrame
        Columns `check`, `field`, `detail`, `group`, `count`, `records`, `percent` (of the
        records), `verdict` (``ok``, ``warning``, ``stop``) and `note`, a sentence.

    Raises
    ------
    StudyError
        If the study names a label that neither SEER's dictionaries nor a record knows.

    Examples
    --------
    >>> from seermatch.cohort.criteria import Exposure
    >>> rows = pl.LazyFrame({"year": ["2018"] * 2, "m_stage": ["M0", "M7"]})
    >>> counts = count_quality(rows, Exposure("m_stage", ("M0",), ("M0(i+)",)))
    >>> assess_quality(counts).select("check", "detail", "percent", "verdict").row(0)
    ('unknown_label', 'M7', 50.0, 'stop')
    """
    unused = refuse_unknown_labels(named, labels_seen(counts))
    keys = ["check", "field", "group"]
    totals = counts.filter(pl.col("detail") == "").group_by(keys).agg(pl.col("records").sum())
    summed = (
        counts.group_by([*keys, "detail"])
        .agg(pl.col("count").sum())
        .join(totals, on=keys, how="left")
        .sort("check", "field", "detail", "group")  # ties then do not hang on the files
    )
    rows = list(_assess_named(unused, totals["records"].max() or 0))
    for (check,), block in summed.group_by("check", maintain_order=True):
        found = block.filter(pl.col("detail") != "", pl.col("count") > 0)
        if check == "unknown_label":
            rows += _assess_labels(found, block, stop_percent)
        elif check == "follow_up":
            end = last_year or _last_year(summed)
            rows += _assess_follow_up(block, end, last_year is not None, stop_percent)
        elif check in CONSISTENCY:
            rows += _assess_consistency(check, found, block, stop_percent)
        elif check == "missing_cause_of_death":
            rows += _assess_cause(block, missing_cause_of_death_percent)
        elif check == "one_value":
            rows += _assess_values(block)
        elif check == "missing":
            rows += _assess_missing(block, label_counts)
    order = [
        "unused_label",
        "unknown_label",
        *CONSISTENCY,
        "missing_cause_of_death",
        "one_value",
        "missing",
    ]
    frame = pl.DataFrame(rows, schema=QUALITY, orient="row")
    rank = pl.col("check").replace_strict(order, range(len(order)))
    return frame.sort(rank, maintain_order=True)


def _row(check, field, detail, group, count, records, verdict, note) -> dict:
    percent = 100 * count / records if records else 0.0
    values = (check, field, detail, group, count, records, percent, verdict, note)
    return dict(zip(QUALITY, values, strict=True))


def _failing(count: int, records: int, stop_percent: float) -> str:
    if not count:
        return "ok"
    return "stop" if 100 * count > stop_percent * records else "warning"


def _assess_labels(found: pl.DataFrame, block: pl.DataFrame, stop_percent: float) -> Iterator[dict]:
    for (name,), labels in found.group_by("field", maintain_order=True):
        total, records = labels["count"].sum(), labels["records"][0]
        verdict = _failing(total, records, stop_percent)
        verdict = verdict if name in NEEDED else "warning"
        variable = seer_fields()[name].variable
        ranked = labels.sort(pl.col("detail") == OTHER_LABELS, -pl.col("count"), "detail")
        counted = dict(ranked.head(LABELS_SHOWN).select("detail", "count").rows())
        if rest := total - sum(counted.values()):
            counted[OTHER_LABELS] = counted.get(OTHER_LABELS, 0) + rest
        for label, count in counted.items():
            note = f"{label!r} is no label of '{variable}' in any submission known here."
            yield _row("unknown_label", name, label, "all", count, records, verdict, note)
    if found.is_empty():
        records = block["records"].max()
        note = "Every label is one that SEER's dictionaries list."
        yield _row("unknown_label", "all", "", "all", 0, records, "ok", note)


def _assess_named(unused: Sequence[NamedLabels], records: int) -> Iterator[dict]:
    for item in unused:
        detail = item.pattern or "; ".join(item.labels)
        note = f"No record has a label that {item.place} names."
        yield _row("unused_label", item.field, detail, "all", 0, records, "warning", note)


def _assess_consistency(
    check: str, found: pl.DataFrame, block: pl.DataFrame, stop_percent: float
) -> Iterator[dict]:
    field, records = block["field"][0], block["records"][0]
    verdict = _failing(found["count"].sum(), records, stop_percent)
    words = CONSISTENCY[check]
    for row in found.sort("count", descending=True, maintain_order=True).iter_rows(named=True):
        note = f"In these records {words}; the export or its selection is at fault."
        yield _row(check, field, row["detail"], "all", row["count"], records, verdict, note)
    if found.is_empty():
        yield _row(check, field, "", "all", 0, records, "ok", f"In no record {words}.")


def _last_year(summed: pl.DataFrame) -> int:
    years = summed.filter(pl.col("check") == "year", pl.col("detail") != "")["detail"]
    return max(map(int, years), default=0)


def _assess_follow_up(
    block: pl.DataFrame, last_year: int, named: bool, stop_percent: float
) -> Iterator[dict]:
    """Look for follow-up beyond the last year, which a dictionary may have `named`."""
    records, late, worst = block["records"][0], 0, (0, 0, 0)
    for row in block.filter(pl.col("detail") != "").iter_rows(named=True):
        year, months = (int(part) for part in row["detail"].split(" / "))
        excess = months - ((last_year - year) * 12 + 11)
        if excess > 0:
            late += row["count"]
            worst = max(worst, (excess, year, months))
    detail, note = "", f"Nobody was followed beyond December {last_year}."
    if late:
        _, year, months = worst
        detail = f"{year}: {months} months, {(last_year - year) * 12 + 11} possible"
        note = f"These records were followed beyond December {last_year}, "
        note += (
            "the last month of the database; their months count as unknown. The dictionary may "
            "belong to another export."
            if named
            else "the newest year of diagnosis here. Where the database reaches further that is "
            "right; list its dictionary in the sheet of exports to have follow-up checked."
        )
    verdict = _failing(late, records, stop_percent)
    if late and not named:  # its end is a guess: an export may hold early years only
        verdict = "warning"
    yield _row("follow_up", block["field"][0], detail, "all", late, records, verdict, note)


def _assess_cause(block: pl.DataFrame, limit: float) -> Iterator[dict]:
    count, deaths = block["count"].sum(), block["records"][0]
    high = 100 * count > limit * deaths
    note = (
        f"More than {limit:g} % of the deaths have no cause; cause-specific results may be biased."
        if high
        else f"No more than {limit:g} % of the deaths have no cause."
    )
    verdict = "warning" if high else "ok"
    field = block["field"][0]
    yield _row("missing_cause_of_death", field, "", "all", count, deaths, verdict, note)


def _assess_values(block: pl.DataFrame) -> Iterator[dict]:
    constant = 0
    for (name,), rows in block.group_by("field", maintain_order=True):
        values = rows.filter(pl.col("detail") != "")["detail"].to_list()
        records = rows["records"][0]
        if len(values) == 1 and records > 1:
            constant += 1
            selected = name in SELECTED
            note = (
                "All records have this value, as a selection in SEER*Stat makes it."
                if selected
                else "All records have this value; a grouping or selection may have lost others."
            )
            verdict = "ok" if selected else "warning"
            yield _row("one_value", name, values[0], "all", records, records, verdict, note)
    if not constant:
        records = block["records"].max()
        yield _row("one_value", "all", "", "all", 0, records, "ok", "Every field varies.")


def _assess_missing(block: pl.DataFrame, label_counts: bool) -> Iterator[dict]:
    for (name,), rows in block.group_by("field", maintain_order=True):
        for group in GROUPS:
            mine = rows.filter(pl.col("group") == group)
            total = mine.filter(pl.col("detail") == "")
            if total.is_empty():
                continue
            count, records = total["count"][0], total["records"][0]
            labels = mine.filter(pl.col("detail") != "")
            labels = labels.sort("count", descending=True, maintain_order=True)
            detail = "; ".join(
                f"{row['detail']} {row['count']}" if label_counts else row["detail"]
                for row in labels.rows(named=True)
            )
            lost = 0 < records == count and group != "other"
            note = (
                "The field is unknown in every record of the group."
                if lost
                else "Unknown, blank or not applicable."
            )
            verdict = "warning" if lost else "ok"
            yield _row("missing", name, detail, group, count, records, verdict, note)


def refuse_poor_quality(frame: pl.DataFrame) -> None:
    """End the run where a check has the verdict ``stop``.

    Parameters
    ----------
    frame : polars.DataFrame
        From `assess_quality`, or its file read back.

    Raises
    ------
    StudyError
        Names the first three findings, and the key that sets the limit.

    Examples
    --------
    >>> refuse_poor_quality(pl.DataFrame(schema=QUALITY))
    """
    stops = frame.filter(pl.col("verdict") == "stop")
    if stops.is_empty():
        return
    shown = [
        f"{row['field']}: {row['detail']} ({_percent(row['percent'])} of the records)"
        for row in stops.head(3).iter_rows(named=True)
    ]
    more = f", and {len(stops) - 3} more" if len(stops) > 3 else ""
    raise StudyError(
        f"the exports fail their integrity checks at {'; '.join(shown)}{more}. "
        "private/data_quality.html explains each; export again, or raise data_quality.stop_percent "
        "if they are right."
    )


def _percent(percent: float | None) -> str:
    return "few" if percent is None else f"{percent:.2f} %"


def render_quality(
    frame: pl.DataFrame,
    labels: tuple[str, str] = ("reference", "exposed"),
    exports: Sequence[Mapping[str, str]] = (),
) -> str:
    """Render the checks as one self-contained page.

    Parameters
    ----------
    frame : polars.DataFrame
        From `assess_quality`, or its file read back.
    labels : tuple of str
        Label of the reference and of the exposed group.
    exports : sequence of mapping, optional
        What went in, one mapping of column to text per export; shown as it is.

    Returns
    -------
    str
        A complete HTML page without scripts and without network; the data's labels are escaped.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("seermatch.cohort").joinpath("quality.html.j2").read_text(encoding="utf-8")
    checks = frame.filter(pl.col("check") != "missing")
    missing: dict[str, dict[str, dict]] = {}
    for row in frame.filter(pl.col("check") == "missing").iter_rows(named=True):
        missing.setdefault(row["field"], {})[row["group"]] = row
    names = {name: field.variable for name, field in seer_fields().items()}
    return environment.from_string(source).render(
        verdict=next((v for v in VERDICTS if v in set(frame["verdict"])), "ok"),
        found={v: checks.filter(pl.col("verdict") == v).rows(named=True) for v in VERDICTS},
        missing=missing,
        groups=dict(zip(GROUPS, (*labels, "Neither group"), strict=True)),
        names=names,
        titles=TITLES,
        exports=exports,
        synthetic=any("SYNTHETIC" in export.get("database", "") for export in exports),
    )
