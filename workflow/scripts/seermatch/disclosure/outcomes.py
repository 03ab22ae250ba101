"""The second release: deaths, curves, tests and models."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from seermatch.disclosure.release import Release
from seermatch.disclosure.rule import DisclosureRule


def release_outcomes(
    tables: Mapping[str, pd.DataFrame],
    rule: DisclosureRule,
    before: Mapping[str, Any],
    marks: Sequence[float] = (),
) -> Release:
    """Protect the tables of the outcomes.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``followup``, ``event_counts`` (`event_counts.count_events`), ``kaplan_meier``,
        ``logrank``, ``incidence``, ``gray``, ``cox``, ``cox_contrasts``, ``fine_gray``,
        ``fine_gray_contrasts``, ``proportional_hazards`` and ``schoenfeld``.
    rule : DisclosureRule
        What is small, and what is done about it.
    before : mapping
        Record of `cohort_tables.release_cohort`.
    marks : sequence of float
        Months at which numbers at risk and estimates are printed.

    Returns
    -------
    Release
        The same tables without ``event_counts``; ``survival`` are the curves of ``kaplan_meier``.
    """
    shown = {name: table for name, table in tables.items() if name != "event_counts"}
    shown["survival"] = shown.pop("kaplan_meier")
    if not rule.active:
        return Release(shown)
    from seermatch.disclosure.follow_up import mask_curves, mask_events, mask_follow_up

    minimum = rule.minimum_count
    shown["followup"] = mask_follow_up(tables["followup"], minimum)
    for name in ("survival", "incidence"):
        shown[name] = mask_curves(shown[name], marks, minimum)
    for name in ("cox", "fine_gray"):
        shown[name] = mask_events(tables[name], shown["followup"])
    return Release(shown, {"tables": {"followup": _columns(shown["followup"])}})


def _columns(table: pd.DataFrame) -> dict[str, list]:
    return table.astype(object).where(table.notna(), None).to_dict("list")
