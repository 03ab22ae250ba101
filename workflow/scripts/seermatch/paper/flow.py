"""Audit of the flow of patients and of the follow-up that a paper states in its text."""

from collections.abc import Iterator

import numpy as np

from seermatch.paper.finding import (
    CONSISTENT,
    DERIVED,
    INCONSISTENT,
    OK,
    WEAKNESS,
    Finding,
    fact,
)
from seermatch.paper.tables import Characteristics

FOLLOW_UP_SHIFT = 6  # months


def audit_flow(
    before: Characteristics, after: Characteristics, facts: dict[str, str]
) -> Iterator[Finding]:
    """Add up the numbers of the flow chart, of the matching and of the deaths.

    Parameters
    ----------
    before, after : Characteristics
        Tables 1 and 2.
    facts : dict
        ``records_total``, ``records_reference``, ``records_exposed``, ``eligible_reference``,
        ``eligible_exposed``, ``matched_reference``, ``matched_exposed``, ``ratio``, ``deaths``,
        ``deaths_cause``, ``deaths_other``, ``first_year``, ``last_year``, ``followup_maximum``:
        what is not stated is not checked.

    Yields
    ------
    Finding
    """
    numbers = {key: number.value for key in facts if (number := _number(facts, key))}
    yield from _sum(
        "Flow: records", numbers, "records_total", "records_reference", "records_exposed"
    )
    yield from _sum("Flow: deaths", numbers, "deaths", "deaths_cause", "deaths_other")
    for key, table in (("eligible", before), ("matched", after)):
        stated = [numbers.get(f"{key}_{arm}") for arm in ("reference", "exposed")]
        if None not in stated:
            yield Finding(
                f"Flow: {key} patients in the text and in the table",
                " + ".join(f"{n:.0f}" for n in stated),
                f"{table.sizes[0]} + {table.sizes[1]} = {sum(table.sizes)}",
                OK if tuple(stated) == table.sizes else INCONSISTENT,
            )
    if {"records_reference", "records_exposed"} <= numbers.keys():
        records = [numbers["records_reference"], numbers["records_exposed"]]
        out = [n - left for n, left in zip(records, before.sizes, strict=True)]
        told = [
            f"{label} {gone:.0f} ({100 * gone / n:.2f} %)"
            for label, gone, n in zip(before.labels, out, records, strict=True)
        ]
        verdict = INCONSISTENT if min(out) < 0 else DERIVED
        yield Finding("Flow: excluded", "", f"{sum(out):.0f}: {', '.join(told)}", verdict)
    if "ratio" in numbers:
        wanted = numbers["ratio"] * before.sizes[1]
        told = f"{numbers['ratio']:g} x {before.sizes[1]} = {wanted:g}"
        full = after.sizes == (wanted, before.sizes[1])
        verdict = OK if full else INCONSISTENT if after.sizes[0] > wanted else DERIVED
        note = "every exposed patient has all controls" if full else "not every set is complete"
        check = "Flow: matched sets are complete"
        yield Finding(check, f"{after.sizes[0]} + {after.sizes[1]}", told, verdict, note)
    if {"first_year", "last_year", "followup_maximum"} <= numbers.keys():
        months = 12 * (numbers["last_year"] - numbers["first_year"] + 1) - 1
        yield Finding(
            "Follow-up: maximum",
            f"{numbers['followup_maximum']:g}",
            f"January {numbers['first_year']:g} to December {numbers['last_year']:g} is "
            f"{months:g} completed months",
            OK if numbers["followup_maximum"] <= months else INCONSISTENT,
        )


def _number(facts, key):
    # claims and names of models are words
    return None if key.startswith("claim_") or key.endswith("_model") else fact(facts, key)


def _sum(check, numbers, total, *parts) -> Iterator[Finding]:
    if {total, *parts} <= numbers.keys():
        added = sum(numbers[part] for part in parts)
        told = " + ".join(f"{numbers[part]:.0f}" for part in parts)
        verdict = OK if added == numbers[total] else INCONSISTENT
        yield Finding(check, f"{numbers[total]:.0f}", f"{told} = {added:.0f}", verdict)


def audit_followup(
    before: Characteristics, after: Characteristics, facts: dict[str, str]
) -> Iterator[Finding]:
    """Ask which follow-up of the exposed explains the change of its quartiles by matching.

    If the controls were followed as the whole cohort, the exposed have what is left:
    F1 = (F - share0 F0) / share1, with F0 by straight lines between the printed quartiles.

    Parameters
    ----------
    before, after : Characteristics
        Tables 1 and 2.
    facts : dict
        ``followup_before_q1``, ``_median``, ``_q3``, ``followup_after_...``, ``followup_maximum``.

    Yields
    ------
    Finding
    """
    keys = [f"followup_{when}_{s}" for when in ("before", "after") for s in ("q1", "median", "q3")]
    numbers = [fact(facts, key) for key in keys]
    longest = fact(facts, "followup_maximum")
    if None in numbers or longest is None:
        return
    values = [number.value for number in numbers]
    all_before, quartiles = values[:3], np.array(values[3:])
    quarters = np.array([0.25, 0.5, 0.75])
    in_cohort = np.interp(quartiles, [0, *all_before, longest.value], [0, *quarters, 1])
    share = after.sizes[1] / sum(after.sizes)
    implied = (quarters - (1 - share) * in_cohort) / share
    told = ", ".join(f"F({t:g}) = {f:.2f}" for t, f in zip(quartiles, implied, strict=True))
    print_quartiles = "{1:g} ({0:g} to {2:g})".format
    printed = f"{print_quartiles(*all_before)} before, {print_quartiles(*quartiles)} after"
    check = "Follow-up: change of its quartiles by matching"
    if (np.diff(implied) < 0).any() or implied[0] < 0 or implied[-1] > 1:
        note = "the matched controls were followed otherwise than the cohort"
        yield Finding(check, printed, told, WEAKNESS, note)
        return
    grid = [0, *implied, 1]
    median = float(np.interp(0.5, grid, [0, *quartiles, longest.value]))
    shift = abs(median - all_before[1]) > FOLLOW_UP_SHIFT
    yield Finding(
        check,
        printed,
        f"if the controls were followed as the cohort, {after.labels[1]} has {told}: a median near "
        f"{median:.0f} months",
        WEAKNESS if shift else CONSISTENT,
        "follow-up, and so year of diagnosis, differs between the groups; it is not in the score"
        if shift and "year" not in before.variables
        else "",
    )
