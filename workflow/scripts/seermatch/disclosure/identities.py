"""Variables that follow from others: counts that no table prints but all imply."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np

from seermatch.disclosure.count_system import CountSystem
from seermatch.variables.identities import Identity, levels_of_parts

Name = tuple[str, str]  # of a count: variable and level


def link_identities(
    system: CountSystem,
    counts: Mapping[Name, float],
    identities: Sequence[Identity],
    where: tuple = (),
) -> None:
    """Tie variables to those that they follow from, in place.

    Patients with any metastasis, say, less those with one of the bone, are those with one of the
    brain alone: a cell that no table prints, but any reader can compute. How many have each
    combination is not known here; that there is a number of them is.

    Parameters
    ----------
    system : CountSystem
        Holds the counts of all variables in the same patients, by `where` and
        ``(variable, level)``.
    counts : mapping
        The same counts by ``(variable, level)``.
    identities : sequence of Identity
        Those of which a level is not counted are left out.
    where : tuple
        First parts of their names.
    """
    for identity in identities:
        _link(system, counts, identity, where)


def _link(system: CountSystem, counts: Mapping[Name, float], identity: Identity, where) -> None:
    atoms = sorted(identity.levels)
    sums = _sums(identity, atoms, counts)
    found = _any_combinations(identity, atoms, sums, counts)
    if found is None:
        return
    names = {atom: (*where, identity.variable, "of", *atom) for atom in atoms}
    for atom, count in found.items():
        system.add(names[atom], count, hidden=True)
    for name, parts in sums.items():
        system.total((*where, *name), [names[atom] for atom in parts])
    for name, parts in _computable(identity, atoms, sums).items():
        derived = (*where, identity.variable, "implied", name)
        system.add(derived, sum(found[atom] for atom in parts), hidden=True)
        system.total(derived, [names[atom] for atom in parts])


def _sums(
    identity: Identity, atoms: Sequence[tuple[str, ...]], counts: Mapping[Name, float]
) -> dict[Name, list[tuple[str, ...]]]:
    """Say which combinations each count is the sum of; a first level is the rest of all."""
    sums = {
        (name, level): [atom for atom in atoms if atom[at] == level]
        for at, (name, levels) in enumerate(
            zip(identity.of, levels_of_parts(identity), strict=True)
        )
        for level in levels[1:]
    }
    for level in dict.fromkeys(identity.levels.values()):
        parts = [atom for atom in atoms if identity.levels[atom] == level]
        sums[identity.variable, level] = parts
    return {name: parts for name, parts in sums.items() if name in counts}


def _any_combinations(identity: Identity, atoms, sums, counts) -> dict[tuple, int] | None:
    """Find numbers of the combinations that fit; None if the variable is defined otherwise."""
    from scipy.optimize import LinearConstraint, milp

    if sum(name == identity.variable for name, _ in sums) < len(set(identity.levels.values())):
        return None
    matrix = np.array([_indicator(atoms, parts) for parts in sums.values()])
    totals = [counts[name] for name in sums]
    fits = LinearConstraint(matrix, totals, totals)
    found = milp(np.zeros(len(atoms)), constraints=fits, integrality=np.ones(len(atoms)))
    if found.x is None:
        return None
    return dict(zip(atoms, map(int, found.x.round()), strict=True))


def _computable(identity: Identity, atoms, sums) -> dict[str, list[tuple[str, ...]]]:
    """List what follows from the counts: patients by the levels of some parts, given in no table.

    Left out is what is printed, or the sum of printed levels of the variable itself.
    """
    known = np.array([_indicator(atoms, parts) for parts in sums.values()])
    rank = np.linalg.matrix_rank(known)
    levels = levels_of_parts(identity)
    found = {}
    for size in range(2, len(levels) + 1):
        for chosen in combinations(range(len(levels)), size):
            for cell in product(*(levels[at] for at in chosen)):
                wanted = dict(zip(chosen, cell, strict=True))
                parts = [a for a in atoms if all(a[at] == level for at, level in wanted.items())]
                made = {identity.levels[atom] for atom in parts}
                whole = [atom for atom in atoms if identity.levels[atom] in made]
                if not parts or parts == whole:
                    continue
                row = _indicator(atoms, parts)
                if np.linalg.matrix_rank(np.vstack([known, row])) == rank:
                    name = ", ".join(f"{identity.of[at]} {x}" for at, x in wanted.items())
                    found[name] = parts
    return found


def _indicator(atoms: Sequence[tuple[str, ...]], parts: Sequence[tuple[str, ...]]) -> np.ndarray:
    return np.array([float(atom in parts) for atom in atoms])
