"""Audit of the balance that printed Tables 1 and 2 imply, before and after matching."""

from collections.abc import Iterator, Mapping

import numpy as np

from seermatch.errors import StudyError
from seermatch.paper.finding import (
    CONSISTENT,
    DERIVED,
    INCONSISTENT,
    NOT_RECOMPUTABLE,
    OK,
    REPRODUCED,
    WEAKNESS,
    Finding,
    fact,
)
from seermatch.paper.tables import STATISTICS, Characteristic, Characteristics
from seermatch.variables.printed import Variable
from seermatch.wording.terms import describe_variable

# How far an estimate from quartiles may lie from the SMD itself, for a skewed variable.
QUARTILE_TOLERANCE = 0.05


def audit_balance(
    before: Characteristics,
    after: Characteristics,
    facts: dict[str, str],
    variables: Mapping[str, Variable],
) -> Iterator[Finding]:
    """Recompute standardized mean differences from proportions, before and after matching.

    The denominator is the standard deviation of the exposed before matching, as MatchIt's for the
    effect on the treated. Continuous variables get an estimate from their quartiles: mean
    (q1 + median + q3) / 3 and SD (q3 - q1) / 1.35 (Wan et al. 2014).

    Parameters
    ----------
    before, after : Characteristics
        Tables 1 and 2.
    facts : dict
        May hold ``smd_before_<variable>``, ``smd_after_<variable>``, ``smd_threshold``,
        ``claim_imbalanced_before`` (``several``) and ``claim_balanced_after`` (``all``).
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Yields
    ------
    Finding
    """
    threshold = fact(facts, "smd_threshold")
    limit = threshold.value if threshold else 0.1
    differences, beyond = {}, []
    for name, unmatched in before.variables.items():
        matched = after.variables.get(name)
        if matched is None or matched.levels != unmatched.levels:
            continue
        if not unmatched.levels:
            estimate = yield from _continuous_difference(unmatched, matched, facts, variables)
            printed = fact(facts, f"smd_before_{name}")
            size = printed.value if printed else estimate
            beyond += [f"{name} {size:.4f}"] if abs(size) > limit else []
            continue
        for i in _compared_levels(unmatched):
            label = f"{describe_variable(name, variables)} ({unmatched.levels[i]})"
            smd = _differences(unmatched.counts, matched.counts, i)
            if smd is None:
                continue
            differences[label] = smd
            beyond += [f"{name} {smd[0]:.4f}"] if abs(smd[0]) > limit else []
            binary = len(unmatched.levels) == 2
            yield _difference_row(label, smd, facts, name if binary else None, limit)
    for key in ("smd_before_distance", "smd_after_distance"):
        if key in facts:
            check = f"SMD of the distance, {key.split('_')[1]} matching"
            note = "the distance needs the records"
            yield Finding(check, facts[key], "", NOT_RECOMPUTABLE, note)
    if differences:
        yield from _balance_summary(differences, beyond, facts, limit)


def _compared_levels(variable: Characteristic) -> range:
    """Choose the second level of two, and every level of more."""
    n = len(variable.levels)
    return range(1, n) if n == 2 else range(n)


def _differences(before: np.ndarray, after: np.ndarray, level: int):
    """SMD before (SD of the exposed), before (pooled SD) and after matching (SD of the exposed)."""
    p0, p1 = before[level] / before.sum(axis=0)
    q0, q1 = after[level] / after.sum(axis=0)
    variance = p1 * (1 - p1)
    if not variance > 0:
        return None
    pooled = np.sqrt((variance + p0 * (1 - p0)) / 2)
    spread = np.sqrt(variance)
    return float((p1 - p0) / spread), float((p1 - p0) / pooled), float((q1 - q0) / spread)


def _difference_row(label, smd, facts, name, limit) -> Finding:
    before, pooled, after = smd
    told = f"before {before:+.4f} (pooled SD {pooled:+.4f}); after {after:+.4f}"
    change = "worse" if abs(after) > abs(before) else "better"
    verdict, notes = DERIVED, [f"balance {change} after matching"]
    printed = {when: fact(facts, f"smd_{when}_{name}") for when in ("before", "after")}
    if printed["before"]:
        fits = {"SD of the exposed": before, "pooled SD": pooled}
        form = [form for form, value in fits.items() if printed["before"].covers(value)]
        verdict = REPRODUCED if form else INCONSISTENT
        notes.insert(0, f"fits the {form[0]}" if form else "fits neither form before matching")
    if printed["after"] and not printed["after"].covers(after):
        verdict = INCONSISTENT
        notes.insert(0, "does not fit after matching")
    if abs(after) > limit and verdict != INCONSISTENT:
        verdict = WEAKNESS
        notes.append(f"beyond {limit:g} after matching")
    texts = [f"{when} {number.text}" for when, number in printed.items() if number]
    return Finding(f"SMD of {label}", "; ".join(texts), told, verdict, "; ".join(notes))


def _continuous_difference(before, after, facts, variables):
    """Estimate the SMD of a continuous variable from quartiles; returns the one before matching."""
    name = before.variable
    try:
        (m0, m1), (low0, low1), (high0, high1) = (
            [cell.value for cell in before.statistics[s]] for s in STATISTICS
        )
        n0, n1 = (sum(after.statistics[s][group].value for s in STATISTICS) / 3 for group in (0, 1))
    except KeyError as missing:
        raise StudyError(f"{name}: the printed table has no row {missing}.") from None
    spread = (high1 - low1) / 1.35
    difference = (low1 + m1 + high1 - low0 - m0 - high0) / 3
    if spread <= 0:
        return 0.0
    estimate, matched = difference / spread, (n1 - n0) / spread
    told = f"from quartiles about {estimate:+.3f} before, {matched:+.3f} after"
    printed = fact(facts, f"smd_before_{name}")
    verdict, note = DERIVED, "estimated; the exact value needs the records"
    if printed:
        near = abs(printed.value - estimate) <= QUARTILE_TOLERANCE
        verdict = CONSISTENT if near else INCONSISTENT
        note = (
            f"printed, a mean difference of {printed.value * spread:+.2f}; "
            f"from quartiles {difference:+.2f}; of medians {m1 - m0:+g}"
        )
    text = f"before {printed.text}" if printed else ""
    yield Finding(f"SMD of {describe_variable(name, variables)}", text, told, verdict, note)
    return estimate


def _balance_summary(differences, beyond, facts, limit) -> Iterator[Finding]:
    claim = facts.get("claim_imbalanced_before", "")
    yield Finding(
        f"Covariates beyond an SMD of {limit:g} before matching",
        claim,
        f"{len(beyond)}: {', '.join(beyond)}" if beyond else "none",
        INCONSISTENT if claim == "several" and len(beyond) < 2 else DERIVED,
        "the distance is the score, not a covariate",
    )
    after = {label: abs(smd[2]) for label, smd in differences.items()}
    largest = max(after, key=after.get)
    over = sorted((size for size in after.values() if size > limit / 2), reverse=True)
    sizes = f" ({', '.join(f'{size:.4f}' for size in over)})" if over else ""
    claim = facts.get("claim_balanced_after", "")
    within = after[largest] <= limit
    yield Finding(
        f"Categorical levels within an SMD of {limit:g} after matching",
        claim,
        f"largest {after[largest]:.4f}, {largest}; {len(over)} of {len(after)} beyond "
        f"{limit / 2:g}{sizes}",
        (OK if within else INCONSISTENT) if claim == "all" else DERIVED,
    )
    worse = [label for label, smd in differences.items() if abs(smd[2]) > abs(smd[0])]
    yield Finding(
        "Categorical levels worse balanced after matching than before",
        "",
        f"{len(worse)} of {len(differences)}",
        WEAKNESS if len(worse) > len(differences) / 2 else DERIVED,
        "; ".join(worse),
    )
