"""Nearest-neighbour matching without replacement on a propensity score.

Semantics follow MatchIt's ``method="nearest"`` (Ho, Imai, King & Stuart, J Stat Softw 2011;42(8)):
k rounds, in each of which every exposed patient in turn takes the nearest free reference patient
within the caliper. Scores of coarse covariates tie all the time, so a rule for ties decides who is
matched. There are two, and both are total orders:

``hash``
    Distances that agree after rounding to 1e-9 of the caliper (of the standard deviation, if there
    is no caliper) are tied, and the smaller SHA-256 of ``"seed:patient_id"`` comes first. The
    result does not depend on the order of the rows where there are patient numbers.
``file_order``
    MatchIt 4.7.2's rule: exact comparison of the doubles, ties to the patient fewer steps away in
    the order of the scores, equal scores in file order (of a single exposed patient MatchIt takes
    all pairs at once, ties among them in no order).

Each rule's search is in `seermatch.matching.tie_rules`; the work is O(n log n).
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from seermatch.errors import StudyError
from seermatch.matching.tie_rules import FileOrderRule, HashRule, ScoreBlock, digests
from seermatch.settings.study import Matching
from seermatch.statistics.checks import (
    check_binary,
    check_choice,
    check_columns,
    check_labels,
    check_names,
    check_number,
    check_numbers,
)

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = Matching()
ORDERS = ("largest", "smallest", "random", "data")
TIES = ("hash", "file_order")

_TIE = 1e-9  # of the caliper width: distances this close are tied


@dataclass(frozen=True)
class Match:
    """Matched sets. The three arrays of pairs are sorted by set, then round.

    Attributes
    ----------
    exposed_index, control_index : numpy.ndarray, shape (pairs,)
        Rows of the exposed and the reference patient of each pair.
    round : numpy.ndarray, shape (pairs,), int8
        Round in which the pair was made, from 1.
    matched_set : numpy.ndarray, shape (n,), int32
        Number of the set of each row, 0 if unmatched. Sets count from 1 by descending score of
        their exposed patient; equal scores follow the rule for ties.
    weight : numpy.ndarray, shape (n,)
        1 for a matched exposed patient, 0 for an unmatched one. A reference patient has one over
        the number of reference patients in the set, scaled to mean 1 among the matched ones.
    ratio : int
        Reference patients wanted per exposed one.
    caliper_width : float
        Largest allowed distance in units of the score; infinite without a caliper.
    n_exposed, n_matched_exposed, n_controls : int
        Exposed patients, those with at least one pair, and reference patients used.
    """

    exposed_index: np.ndarray
    control_index: np.ndarray
    round: np.ndarray
    matched_set: np.ndarray
    weight: np.ndarray
    ratio: int
    caliper_width: float
    n_exposed: int
    n_matched_exposed: int
    n_controls: int


def match(
    distance: np.ndarray,
    exposed: np.ndarray,
    *,
    ratio: int = DEFAULT.ratio,
    caliper: float | None = DEFAULT.caliper,
    order: str = DEFAULT.order,
    ties: str = DEFAULT.ties,
    seed: int = DEFAULT.seed,
    patient_id: Sequence[str] | None = None,
    exact: np.ndarray | None = None,
) -> Match:
    """Match each exposed patient to the nearest reference patients.

    Parameters
    ----------
    distance : array_like, shape (n,)
        The score, usually the linear predictor of the propensity model.
    exposed : array_like, shape (n,)
        True or 1 for exposed patients.
    ratio : int
        Reference patients per exposed patient. One that finds fewer keeps those it has; where
        there are fewer than `ratio` times the exposed, rounds go on until none is left.
    caliper : float or None
        Largest allowed distance, itself allowed, in standard deviations (n - 1) of the score over
        all n patients. None sets no limit.
    order : {"largest", "smallest", "random", "data"}
        Which exposed patient chooses first: by descending or ascending score, by the seeded hash
        of the patient, or by row.
    ties : {"hash", "file_order"}
        See the module's description.
    seed : int
        Seed of the hash.
    patient_id : sequence of str, length n, optional
        What the hash is taken of; default the number of the row, so that the result depends on the
        order of the rows.
    exact : array_like of int, shape (n,), optional
        Match only patients with the same code.

    Returns
    -------
    Match

    Raises
    ------
    StudyError
        If an argument is out of range, a score is missing, patients are duplicated, a group is
        empty or nobody is within the caliper.

    Examples
    --------
    >>> score = [0.9, 0.1, 0.8, 0.5, 0.2, 0.0]
    >>> exposed = [True, True, False, False, False, False]
    >>> match(score, exposed, ratio=1, caliper=0.5, patient_id=list("abcdef")).matched_set
    array([1, 2, 1, 0, 0, 2], dtype=int32)

    The last two patients are equally near to the second; the hash decides.
    """
    problem = MatchingProblem(
        distance, exposed, caliper=caliper, patient_id=patient_id, exact=exact
    )
    return problem.match(ratio=ratio, order=order, ties=ties, seed=seed)


def exact_codes(cohort: "pd.DataFrame", names: Sequence[str]) -> np.ndarray | None:
    """Give equal codes to patients who agree in some columns, for `exact`.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per patient.
    names : sequence of str
        Columns whose values must agree within a matched set, such as ``["year", "registry"]``.

    Returns
    -------
    numpy.ndarray of int, shape (n,), or None
        Equal codes where all columns agree; None without columns.

    Raises
    ------
    StudyError
        If the cohort lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"year": [2018, 2019, 2018], "registry": ["Utah", "Iowa", "Utah"]})
    >>> exact_codes(rows, ["year", "registry"]).tolist()
    [0, 1, 0]
    """
    names = check_names("names", names)
    check_columns("cohort", cohort, [])
    if missing := [name for name in names if name not in cohort.columns]:
        raise StudyError(
            f"matching.exact: {', '.join(missing)} is not in all exports. SEER Research exports "
            "cannot hold SEER registry, SEER Research Plus exports can; export it there, or "
            "take it out of matching.exact."
        )
    if not names:
        return None
    for name in names:
        check_labels(name, cohort[name])
    return cohort.groupby(list(names), observed=True).ngroup().to_numpy()


class MatchingProblem:
    """Patients checked and sorted once, to be matched under several seeds, ratios or orders.

    Parameters
    ----------
    distance, exposed, caliper, patient_id, exact
        As in `match`.

    Raises
    ------
    StudyError
        As `match`.

    Examples
    --------
    >>> ids = [f"{i:08d}" for i in range(6)]
    >>> problem = MatchingProblem([0.0] * 6, [1, 0, 0, 0, 0, 0], caliper=None, patient_id=ids)
    >>> [int(problem.match(ratio=1, seed=seed).control_index[0]) for seed in range(5)]
    [3, 4, 3, 4, 2]
    """

    def __init__(
        self,
        distance: np.ndarray,
        exposed: np.ndarray,
        *,
        caliper: float | None = DEFAULT.caliper,
        patient_id: Sequence[str] | None = None,
        exact: np.ndarray | None = None,
    ):
        self.distance = check_numbers("distance", distance, finite=False).astype(np.float64)
        n = len(self.distance)
        self.exposed = check_binary("exposed", exposed, n, like="distance")
        self.patient_id = list(range(n))
        if patient_id is not None:
            self.patient_id = check_labels("patient_id", patient_id, n, like="distance").tolist()
        self.exact = np.zeros(n, dtype=np.int64)
        if exact is not None:
            self.exact = check_labels("exact", exact, n, like="distance")
        self._check(caliper)
        deviation = _standard_deviation(self.distance)
        self.caliper_width = math.inf if caliper is None else caliper * deviation
        unit = _TIE * (deviation if caliper is None else self.caliper_width)
        self.tie_unit = unit or 1.0  # all scores are the same: any unit will do

    def _check(self, caliper: float | None) -> None:
        n = len(self.distance)
        if caliper is not None:
            check_number("caliper", caliper, 0)
        missing = int((~np.isfinite(self.distance)).sum())
        if missing:
            raise StudyError(
                f"distance: the propensity score is missing or infinite for {missing:,} of {n:,} "
                "patients; check the covariates for missing values."
            )
        n_exposed = int(self.exposed.sum())
        for count, name in ((n_exposed, "exposed"), (n - n_exposed, "reference")):
            if count == 0:
                raise StudyError(
                    f"exposed: no {name} patient among {n:,}; check the definition of the groups."
                )
        ids = self.patient_id
        ascending = all(map(operator.lt, ids, ids[1:]))  # as in the cohort's file: none is twice
        if not ascending and len(set(ids)) < n:
            seen: set[str] = set()
            twice = next(i for i in ids if i in seen or seen.add(i))
            raise StudyError(
                f"patient_id {twice} occurs more than once; keep one tumor per patient."
            )

    def match(
        self,
        *,
        ratio: int = DEFAULT.ratio,
        order: str = DEFAULT.order,
        ties: str = DEFAULT.ties,
        seed: int = DEFAULT.seed,
    ) -> Match:
        """Match under one rule; the parameters and errors are those of `match`."""
        self._check_rule(ratio, order, ties)
        check_number("seed", seed, whole=True)
        descending, sequence = self._orders(order, ties, seed)
        rules = self._rules(ties, seed)
        codes = self.exact[sequence].tolist()
        open_sets = [
            (row, rules[code])
            for row, code in zip(sequence.tolist(), codes, strict=True)
            if code in rules
        ]
        exposed, control, rounds = [], [], []
        for number in range(1, int(ratio) + 1):
            found = []
            for open_set in open_sets:
                row, take = open_set
                taken = take(row)
                if taken >= 0:
                    exposed.append(row)
                    control.append(taken)
                    found.append(open_set)
            rounds += [number] * len(found)
            open_sets = found
        if not exposed:
            raise StudyError(
                f"None of the {len(sequence):,} exposed patients has a reference patient within "
                f"the caliper ({self.caliper_width:.3g}) and in the same exact block; widen "
                "matching.caliper or match exactly on less."
            )
        return self._collect(np.array([exposed, control, rounds]), descending, ratio)

    def _check_rule(self, ratio: int, order: str, ties: str) -> None:
        for key, value, allowed in (("order", order, ORDERS), ("ties", ties, TIES)):
            check_choice(key, value, allowed)
        check_number("ratio", ratio, 1, closed=True, whole=True)

    def _orders(self, order: str, ties: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Exposed rows by descending score and in the order in which they choose."""
        rows = np.flatnonzero(self.exposed)
        score, tie = self.distance[rows], rows
        if ties == "hash" or order == "random":
            hashes = digests(seed, [self.patient_id[i] for i in rows])
            by_hash = np.array(sorted(range(len(rows)), key=hashes.__getitem__))
        if ties == "hash":
            score = np.rint(score / self.tie_unit)
            tie = np.argsort(by_hash)
        descending = rows[np.lexsort((tie, -score))]
        if order == "largest":
            return descending, descending
        if order == "smallest":
            return descending, rows[np.lexsort((tie, score))]
        return descending, rows if order == "data" else rows[by_hash]

    def _rules(self, ties: str, seed: int) -> dict[int, Callable[[int], int]]:
        """For each exact code a function that takes a reference patient for an exposed row."""
        if ties == "file_order":
            place = np.empty(len(self.distance), dtype=np.int64)
            place[np.argsort(self.distance, kind="stable")] = np.arange(len(place))
            all_rows = place, self.distance, self.exposed, self.caliper_width
            return {
                code: FileOrderRule(rows, *all_rows).take
                for code, rows in self._sorted_rows.items()
            }
        limit = math.inf
        if self.caliper_width < math.inf:
            limit = round(self.caliper_width / self.tie_unit)
        return {
            code: HashRule(block, self.patient_id, seed, self.tie_unit, limit).take
            for code, block in self._blocks.items()
        }

    @cached_property
    def _sorted_rows(self) -> dict[int, np.ndarray]:
        """Rows of each exact code, sorted by score, equal scores in file order."""
        rows = np.lexsort((self.distance, self.exact))
        codes, starts = np.unique(self.exact[rows], return_index=True)
        return dict(zip(codes.tolist(), np.split(rows, starts[1:]), strict=True))

    @cached_property
    def _blocks(self) -> dict[int, ScoreBlock]:
        """Exact codes with patients of both groups."""
        exposed = self.exposed
        return {
            code: ScoreBlock.of(rows[~exposed[rows]], rows[exposed[rows]], self.distance)
            for code, rows in self._sorted_rows.items()
            if exposed[rows].any() and not exposed[rows].all()
        }

    def _collect(self, pairs: np.ndarray, descending: np.ndarray, ratio: int) -> Match:
        """Make the result: number the sets and compute the weights."""
        n = len(self.distance)
        matched = descending[np.isin(descending, pairs[0])]
        matched_set = np.zeros(n, dtype=np.int32)
        matched_set[matched] = np.arange(1, len(matched) + 1)
        set_of_pair = matched_set[pairs[0]]
        matched_set[pairs[1]] = set_of_pair
        exposed, control, rounds = pairs[:, np.lexsort((pairs[2], set_of_pair))]
        size = np.bincount(set_of_pair)  # reference patients per set
        weight = np.zeros(n)
        weight[matched] = 1.0
        # the weights of a set's reference patients add up to 1, so len(matched) in all
        weight[control] = len(control) / (len(matched) * size[matched_set[control]])
        return Match(
            exposed_index=exposed,
            control_index=control,
            round=rounds.astype(np.int8),
            matched_set=matched_set,
            weight=weight,
            ratio=ratio,
            caliper_width=self.caliper_width,
            n_exposed=len(descending),
            n_matched_exposed=len(matched),
            n_controls=len(control),
        )


def _standard_deviation(values: np.ndarray) -> float:
    """Sample standard deviation with exactly rounded sums: the same in any order of the rows."""
    mean = math.fsum(values.tolist()) / len(values)
    return math.sqrt(math.fsum(((values - mean) ** 2).tolist()) / (len(values) - 1))
