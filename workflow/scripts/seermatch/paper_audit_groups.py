"""Audit of printed Tables 1 and 2: counts, percentages, tests, receptors and balance."""

from collections.abc import Iterator

import numpy as np
from scipy.special import chdtrc

from seermatch.errors import StudyError
from seermatch.formatting import describe_variable
from seermatch.paper_audit_finding import (
    CONSISTENT,
    DERIVED,
    INCONSISTENT,
    NOT_RECOMPUTABLE,
    OK,
    REPRODUCED,
    WEAKNESS,
    Finding,
    fact,
    print_p,
)
from seermatch.paper_tables import STATISTICS, Characteristic, Characteristics

SMALLEST_EXPECTED = 5
# Standard deviations that an estimate from quartiles may lie from a printed SMD of a skewed variable.
QUARTILE_TOLERANCE = 0.05


def audit_characteristics(name: str, table: Characteristics) -> Iterator[Finding]:
    """Check sums, percentages and p-values of one table, variable by variable.

    Parameters
    ----------
    name : str
        ``"Table 1"``.
    table : Characteristics
        The printed table.

    Yields
    ------
    Finding
    """
    for variable in table.variables.values():
        place = f"{name}, {describe_variable(variable.variable)}"
        if variable.levels:
            yield _percentages(place, variable, table.sizes)
            yield _group_test(place, variable)
        else:
            yield from _quartiles(place, variable)


def _percentages(place: str, variable: Characteristic, sizes: tuple[int, int]) -> Finding:
    sums = variable.counts.sum(axis=0)
    shares = 100 * variable.counts / np.array(sizes)
    wrong = [
        f"{level} {printed.text}, should be {share:.2f}"
        for level, cells, row in zip(variable.levels, variable.percents, shares, strict=True)
        for printed, share in zip(cells, row, strict=True)
        if not printed.covers(share)
    ]
    notes = [f"the counts add up to {sums[0]}/{sums[1]}"] if tuple(sums) != sizes else []
    texts = [" | ".join(cell.text for cell in cells) for cells in variable.percents]
    return Finding(
        f"{place}: column sums and percentages",
        f"n {sizes[0]}/{sizes[1]}; {'; '.join(texts)}",
        f"n {sums[0]}/{sums[1]}; {'; '.join(f'{a:.2f} | {b:.2f}' for a, b in shares)}",
        INCONSISTENT if wrong or notes else OK,
        "; ".join(notes + wrong),
    )


def chi_square_tests(counts: np.ndarray) -> dict[str, float]:
    """Test a cross table in the ways that papers use without saying which.

    Parameters
    ----------
    counts : ndarray (levels, 2)
        Patients per level and group.

    Returns
    -------
    dict
        p-value of ``Pearson`` (no correction) and, for 2x2, of ``Yates`` and ``Fisher``; empty
        where fewer than two levels or groups have patients.

    Examples
    --------
    >>> tests = chi_square_tests(np.array([[239129, 490], [44374, 95]]))
    >>> {test: round(p, 4) for test, p in tests.items()}
    {'Pearson': 0.6962, 'Yates': 0.7387, 'Fisher': 0.6901}
    """
    counts = counts[counts.sum(axis=1) > 0]
    if len(counts) < 2 or (counts.sum(axis=0) == 0).any():
        return {}
    expected = _expected(counts)
    distance = np.abs(counts - expected)
    tests = {"Pearson": float(chdtrc(len(counts) - 1, (distance**2 / expected).sum()))}
    if counts.shape == (2, 2):
        from scipy.stats import fisher_exact  # slow to import

        corrected = distance - np.minimum(0.5, distance)
        tests["Yates"] = float(chdtrc(1, (corrected**2 / expected).sum()))
        tests["Fisher"] = float(fisher_exact(counts)[1])
    return tests


def _expected(counts: np.ndarray) -> np.ndarray:
    return np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()


def _group_test(place: str, variable: Characteristic) -> Finding:
    check = f"{place}: p of group comparison"
    tests = chi_square_tests(variable.counts)
    printed = variable.p.text if variable.p else ""
    if not tests:
        return Finding(check, printed, "", NOT_RECOMPUTABLE, "only one level or group has patients")
    told = "; ".join(f"{test} {print_p(p)}" for test, p in tests.items())
    if variable.p is None:
        return Finding(check, "", told, DERIVED)
    fitting = [test for test, p in tests.items() if variable.p.covers(p)]
    if not fitting:
        return Finding(check, printed, told, INCONSISTENT, "no test of these counts gives it")
    note = f"fits {' and '.join(fitting)}"
    if fitting[0] == "Pearson":
        note = note.replace("Pearson", "Pearson's chi-square without continuity correction")
    if "Fisher" not in fitting and _expected(variable.counts).min() < SMALLEST_EXPECTED:
        note += "; an expected count is below 5, where an exact test is due"
    return Finding(check, printed, told, REPRODUCED, note)


def _quartiles(place: str, variable: Characteristic) -> Iterator[Finding]:
    numbers = [[cell.value for cell in variable.statistics.get(s, ())] for s in STATISTICS]
    if all(len(row) == 2 for row in numbers):
        (m0, m1), (low0, low1), (high0, high1) = numbers
        if not (low0 <= m0 <= high0 and low1 <= m1 <= high1):
            texts = [f"{m} ({low}-{high})" for m, low, high in ((m0, low0, high0), (m1, low1, high1))]
            yield Finding(
                f"{place}: median and quartiles",
                " | ".join(texts),
                "",
                INCONSISTENT,
                "a median lies outside its quartiles",
            )
    if variable.p:
        yield Finding(
            f"{place}: p of group comparison",
            variable.p.text,
            "",
            NOT_RECOMPUTABLE,
            "a rank test needs the records",
        )


# ----- receptors and subtype ---------------------------------------------------------------------


def discordant_receptors(table: Characteristics) -> np.ndarray | None:
    """Count who must be ER-/PR+ and ER+/PR-, from the margins of receptors and subtype.

    Parameters
    ----------
    table : Characteristics
        Table 1 or 2.

    Returns
    -------
    ndarray (4, 2) or None
        Per group: HER2+ by subtype, HR-, ER-/PR+, ER+/PR-. None where a variable is missing.

    Notes
    -----
    HR- is ER- and PR-, so ER- less HR- leaves ER-/PR+.
    """
    try:
        counts = {
            (name, level.casefold()): row
            for name in ("er", "pr", "subtype", "her2")
            for level, row in zip(
                table.variables[name].levels, table.variables[name].counts, strict=True
            )
        }
        negative = counts["subtype", "hr-/her2+"] + counts["subtype", "hr-/her2-"]
        her2 = counts["subtype", "hr+/her2+"] + counts["subtype", "hr-/her2+"]
        er, pr = counts["er", "negative"], counts["pr", "negative"]
    except KeyError:
        return None
    return np.array([her2, negative, er - negative, pr - negative])


def audit_receptors(name: str, table: Characteristics) -> Iterator[Finding]:
    """Set the margins of ER, PR and HER2 against those of the subtype, group by group.

    Parameters
    ----------
    name : str
        ``"Table 1"``.
    table : Characteristics
        The printed table.

    Yields
    ------
    Finding
        None where a receptor or the subtype is not in the table.
    """
    implied = discordant_receptors(table)
    if implied is None:
        return
    read = table.variables
    for group, label in enumerate(table.labels):
        her2, negative, er_only, pr_only = (int(n) for n in implied[:, group])
        printed = {name: int(read[name].counts[-1, group]) for name in ("her2",)}
        printed |= {name: int(read[name].counts[0, group]) for name in ("er", "pr")}
        fits = printed["her2"] == her2 and er_only >= 0 and pr_only >= 0
        yield Finding(
            f"{name}, {label}: receptors against subtype",
            f"HER2+ {printed['her2']}; ER- {printed['er']}; PR- {printed['pr']}",
            f"by subtype HER2+ {her2}; HR- {negative}; so ER-/PR+ {er_only}; ER+/PR- {pr_only}",
            OK if fits else INCONSISTENT,
            "HER2 is a sum of subtype levels, and ER is one but for the ER-/PR+ patients: models "
            "with all of them are rank deficient or nearly so"
            if fits
            else "the receptor margins cannot belong to these subtypes",
        )


# ----- balance -----------------------------------------------------------------------------------


def audit_balance(
    before: Characteristics, after: Characteristics, facts: dict[str, str]
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
            estimate = yield from _continuous_difference(unmatched, matched, facts)
            printed = fact(facts, f"smd_before_{name}")
            size = printed.value if printed else estimate
            beyond += [f"{name} {size:.4f}"] if abs(size) > limit else []
            continue
        for i in _compared_levels(unmatched):
            label = f"{describe_variable(name)} ({unmatched.levels[i]})"
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


def _continuous_difference(before, after, facts):
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
    yield Finding(f"SMD of {describe_variable(name)}", text, told, verdict, note)
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


def audit_exposed_group(before: Characteristics, after: Characteristics) -> Iterator[Finding]:
    """Check that the exposed are the same before and after matching, where all were matched.

    Parameters
    ----------
    before, after : Characteristics
        Tables 1 and 2.

    Yields
    ------
    Finding
        None where some exposed patients were not matched.
    """
    if before.sizes[1] != after.sizes[1]:
        return
    changed = []
    for name, unmatched in before.variables.items():
        matched = after.variables.get(name)
        if matched is None:
            continue
        same = unmatched.levels == matched.levels and (
            (unmatched.counts[:, 1] == matched.counts[:, 1]).all()
        )
        same &= all(
            unmatched.statistics[s][1].value == matched.statistics[s][1].value
            for s in unmatched.statistics.keys() & matched.statistics.keys()
        )
        changed += [] if same else [name]
    yield Finding(
        f"Tables 1 and 2, {before.labels[1]}: all were matched, so their column is the same",
        f"n {before.sizes[1]} and {after.sizes[1]}",
        f"differs in {', '.join(changed)}" if changed else "the same",
        INCONSISTENT if changed else OK,
    )
