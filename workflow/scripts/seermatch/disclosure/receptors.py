"""Receptors and subtype, which is a function of them: counts that no table prints but all imply."""

from collections.abc import Mapping
from itertools import product

import numpy as np

from seermatch.disclosure.count_system import CountSystem

RECEPTORS = ("er", "pr", "her2", "subtype")
SUBTYPES = ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-")


def link_receptors(
    system: CountSystem, counts: Mapping[tuple[str, str], float], where: tuple = ()
) -> None:
    """Tie HER2, ER and PR to the subtype, in place.

    HER2-positive patients are those of two subtypes. HR+ less ER-positive leaves the patients who
    are HR+ by PR alone, and so on: cells no table prints, but any reader can compute. How many have
    each of the eight combinations is not known here; that there is a number of them is.

    Parameters
    ----------
    system : CountSystem
        Holds the counts of the four variables in the same patients, by `where` and
        ``(variable, level)``.
    counts : mapping
        The same counts by ``(variable, level)``.
    where : tuple
        First parts of their names.
    """
    sums = _sums(counts)
    combinations = _any_combinations(sums, counts)
    if combinations is None:
        return
    names = {atom: (*where, "receptors", "".join(map(str, atom))) for atom in combinations}
    for atom, count in combinations.items():
        system.add(names[atom], count, hidden=True)
    for name, atoms in sums.items():
        system.total((*where, *name), [names[atom] for atom in atoms])
    alone = {"er only": (1, 0), "pr only": (0, 1), "er and pr": (1, 1)}
    if all((receptor, "Positive") in sums for receptor in ("er", "pr")):
        for name, receptors in alone.items():
            atoms = [(*receptors, her2) for her2 in (0, 1)]
            derived = (*where, "receptors", name)
            system.add(derived, sum(combinations[atom] for atom in atoms), hidden=True)
            system.total(derived, [names[atom] for atom in atoms])


def _sums(counts: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], list[tuple]]:
    """Say which combinations of ER, PR and HER2 each count is the sum of."""
    atoms = list(product((0, 1), repeat=3))
    sums = {
        (receptor, "Positive"): [atom for atom in atoms if atom[at]]
        for at, receptor in enumerate(RECEPTORS[:3])
    }
    for name in SUBTYPES:
        hormone, her2 = name[2] == "+", name.endswith("+")
        sums["subtype", name] = [a for a in atoms if (a[0] or a[1]) == hormone and a[2] == her2]
    return {name: parts for name, parts in sums.items() if name in counts}


def _any_combinations(sums, counts) -> dict[tuple, int] | None:
    """Find numbers of the combinations that fit; None if subtypes are defined otherwise."""
    from scipy.optimize import LinearConstraint, milp

    if sum(name == "subtype" for name, _ in sums) < len(SUBTYPES):
        return None
    atoms = list(product((0, 1), repeat=3))
    matrix = np.array([[atom in parts for atom in atoms] for parts in sums.values()], dtype=float)
    totals = [counts[name] for name in sums]
    fits = LinearConstraint(matrix, totals, totals)
    found = milp(np.zeros(len(atoms)), constraints=fits, integrality=np.ones(len(atoms)))
    if found.x is None:
        return None
    return dict(zip(atoms, map(int, found.x.round()), strict=True))
