"""Disclosure control of the integrity checks of the exports."""

import pandas as pd
import polars as pl

from seermatch.disclosure.attrition import ARMS
from seermatch.disclosure.rule import DisclosureRule, round_count

# what the rows of these checks say follows from comparing the counts
COMPARED = ("missing_cause_of_death", "one_value", "missing")
MASKED_NOTE = "Masked for disclosure control."


def release_quality(
    quality: pl.DataFrame, rule: DisclosureRule, attrition: pd.DataFrame
) -> pl.DataFrame:
    """Protect the counts of the integrity checks.

    Parameters
    ----------
    quality : polars.DataFrame
        `quality.assess_quality` without the counts of labels, where anything is protected.
    rule : DisclosureRule
        What is small, and what is done about it.
    attrition : pandas.DataFrame
        The flow as it is published. Sizes that it masks are masked here, too, and so is what a
        group lacks where a step excluded few of it: the group lacks at least that.

    Returns
    -------
    polars.DataFrame
        The same rows. Small counts are missing or, as all others, rounded, and nothing is said
        because of them.

    Examples
    --------
    >>> rows = pl.DataFrame({"check": ["outcome"], "group": ["all"], "count": [2],
    ...     "records": [90], "percent": [2.2], "detail": [""], "verdict": ["ok"], "note": [""]})
    >>> flow = pd.DataFrame({"remaining_reference": [80], "remaining_exposed": [10],
    ...     "excluded_reference": [0], "excluded_exposed": [0]})
    >>> release_quality(rows, DisclosureRule(5), flow).select("count", "records").row(0)
    (None, 90)
    >>> release_quality(rows, DisclosureRule(5, "round"), flow).select("count", "records").row(0)
    (3, 88)
    """
    if not rule.active:
        return quality
    first = round_count(1, rule.minimum_count) if rule.rounds else None
    lost = {arm: attrition[f"excluded_{arm}"] for arm in ARMS}
    few = {arm for arm, n in lost.items() if n.isna().any() or n.eq(first).any()}
    unsized = {arm for arm in ARMS if pd.isna(attrition[f"remaining_{arm}"].iloc[0])}
    unsized |= {"other"} if unsized else set()
    protect = _rounded if rule.rounds else _masked
    rows = []
    for row in quality.iter_rows(named=True):
        hidden = row["check"] == "missing" and row["group"] in few | unsized
        shown = protect(row, rule.minimum_count, hidden)
        rows.append(shown | ({"records": None} if row["group"] in unsized else {}))
    return pl.DataFrame(rows, schema=quality.schema, orient="row")


def published_missing(quality: pl.DataFrame, released: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Give how many of each group lack a field, where that was published.

    Nobody who was excluded for want of a field is not among them, so that what is published later
    must hold beside these counts.

    Parameters
    ----------
    quality : polars.DataFrame
        As given to `release_quality`.
    released : polars.DataFrame
        As it comes from there.

    Returns
    -------
    dict of str to dict
        Group to field to its true count.
    """
    shown = released["count"].is_not_null().to_list()
    found: dict[str, dict[str, int]] = {}
    for row, public in zip(quality.iter_rows(named=True), shown, strict=True):
        if public and row["check"] == "missing" and row["group"] in ARMS:
            found.setdefault(row["group"], {})[row["field"]] = int(row["count"])
    return found


def _is_small(row: dict, minimum: int) -> bool:
    counts = {row["count"], row["records"], row["records"] - row["count"]}
    return not counts.isdisjoint(range(1, minimum))


def _silent(row: dict) -> dict:
    return row | {"detail": "", "verdict": "ok", "note": MASKED_NOTE}


def _masked(row: dict, minimum: int, hidden: bool) -> dict:
    """Empty small counts, and what is said because of them."""
    if hidden or _is_small(row, minimum):
        row = row if row["check"] not in COMPARED else _silent(row)
        row = row | {"count": None, "percent": None}
    if row["records"] in range(1, minimum):
        row = row | {"records": None}
    return row


def _rounded(row: dict, width: int, hidden: bool) -> dict:
    """Round counts; say nothing because of small ones."""
    if row["check"] in COMPARED and (hidden or _is_small(row, width + 1)):
        row = _silent(row)
    count, records = (round_count(row[name], width) for name in ("count", "records"))
    percent = 100 * count / records if records else 0.0
    shown = {"count": None, "percent": None} if hidden else {"count": count, "percent": percent}
    return row | shown | {"records": records}
