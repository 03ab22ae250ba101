"""Audit of printed Tables 1 and 2: counts, percentages, tests and receptors."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.special import chdtrc

from seermatch.paper.finding import (
    DERIVED,
    INCONSISTENT,
    NOT_RECOMPUTABLE,
    OK,
    REPRODUCED,
    Finding,
    print_p,
)
from seermatch.paper.tables import STATISTICS, Characteristic, Characteristics
from seermatch.variables.printed import Variable
from seermatch.wording.terms import describe_variable

SMALLEST_EXPECTED = 5


def audit_characteristics(
    name: str, table: Characteristics, variables: Mapping[str, Variable]
) -> Iterator[Finding]:
    """Check sums, percentages and p-values of one table, variable by variable.

    Parameters
    ----------
    name : str
        ``"Table 1"``.
    table : Characteristics
        The printed table.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Yields
    ------
    Finding
    """
    for variable in table.variables.values():
        place = f"{name}, {describe_variable(variable.variable, variables)}"
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
    cells = [variable.statistics.get(statistic, ()) for statistic in STATISTICS]
    if all(cells):
        ordered = [q1.value <= m.value <= q3.value for m, q1, q3 in zip(*cells, strict=True)]
        if not all(ordered):
            groups = zip(*cells, strict=True)
            texts = [f"{m.text} ({q1.text} to {q3.text})" for m, q1, q3 in groups]
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
    rank_deficient = (
        "HER2 is a sum of subtype levels, and ER is one but for the ER-/PR+ patients: models with "
        "all of them are rank deficient or nearly so"
    )
    for group, label in enumerate(table.labels):
        her2, negative, er_only, pr_only = (int(n) for n in implied[:, group])
        printed = {
            "her2": int(read["her2"].counts[-1, group]),
            "er": int(read["er"].counts[0, group]),
            "pr": int(read["pr"].counts[0, group]),
        }
        fits = printed["her2"] == her2 and er_only >= 0 and pr_only >= 0
        yield Finding(
            f"{name}, {label}: receptors against subtype",
            f"HER2+ {printed['her2']}; ER- {printed['er']}; PR- {printed['pr']}",
            f"by subtype HER2+ {her2}; HR- {negative}; so ER-/PR+ {er_only}; ER+/PR- {pr_only}",
            OK if fits else INCONSISTENT,
            rank_deficient if fits else "the receptor margins cannot belong to these subtypes",
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
