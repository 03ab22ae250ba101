"""Which free reference patient comes next: the two rules for ties of nearest-neighbour matching."""

import hashlib
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


def digests(seed: int, patient_ids: Sequence[str]) -> list[bytes]:
    """Compute the SHA-256 of ``"seed:patient_id"`` for each patient.

    Parameters
    ----------
    seed : int
        Another seed gives another order.
    patient_ids : sequence of str

    Returns
    -------
    list of bytes

    Examples
    --------
    >>> [digest.hex()[:8] for digest in digests(1, ["00000007"])]
    ['ad31bd13']
    """
    sha256 = hashlib.sha256
    return [sha256(f"{seed}:{patient_id}".encode()).digest() for patient_id in patient_ids]


@dataclass(frozen=True)
class ScoreBlock:
    """Patients who may be matched to each other, the reference ones grouped by equal score.

    Attributes
    ----------
    controls : numpy.ndarray
        Rows of the reference patients, sorted by score.
    values : list of float
        Their distinct scores, ascending.
    bounds : list of int
        The v-th score has ``controls[bounds[v]:bounds[v + 1]]``.
    exposed : dict of int to (int, float)
        For each exposed row the first v that is not below its score, and the score.
    """

    controls: np.ndarray
    values: list[float]
    bounds: list[int]
    exposed: dict[int, tuple[int, float]]

    @classmethod
    def of(cls, controls: np.ndarray, exposed: np.ndarray, distance: np.ndarray) -> Self:
        """Group reference patients, given as rows sorted by score, and place the exposed."""
        values, starts = np.unique(distance[controls], return_index=True)
        score = distance[exposed]
        places = zip(np.searchsorted(values, score).tolist(), score.tolist(), strict=True)
        return cls(
            controls=controls,
            values=values.tolist(),
            bounds=[*starts.tolist(), len(controls)],
            exposed=dict(zip(exposed.tolist(), places, strict=True)),
        )


class HashRule:
    """Takes the nearest free reference patient; ties go to the smaller hash.

    Parameters
    ----------
    block : ScoreBlock
    patient_id : list of str
        Of all rows.
    seed : int
    unit : float
        Distances are rounded to whole multiples of it before they are compared.
    limit : float
        Largest allowed distance in units.
    """

    def __init__(
        self, block: ScoreBlock, patient_id: list[str], seed: int, unit: float, limit: float
    ):
        self.block = block
        self.patient_id = patient_id
        self.seed = seed
        self.unit = unit
        self.limit = limit
        self.free: dict[int, list[bytes]] = {}  # value -> hashes of its free ones
        self.row: dict[bytes, int] = {}  # hash -> row
        self.below: dict[int, int] = {}  # exhausted value -> next one to look at, downwards
        self.above: dict[int, int] = {}  # the same, upwards

    def take(self, exposed: int) -> int:
        """Return the row of the chosen reference patient, or -1."""
        position, score = self.block.exposed[exposed]
        left, right = _follow(self.below, position - 1), _follow(self.above, position)
        on_left, on_right = self._away(score, left), self._away(score, right)
        nearest = min(on_left, on_right)
        if nearest > self.limit or nearest == math.inf:
            return -1
        # Both sides may tie, and on one side scores that differ by rounding only.
        tied = []
        while on_left == nearest:
            tied.append(left)
            left = _follow(self.below, left - 1)
            on_left = self._away(score, left)
        while on_right == nearest:
            tied.append(right)
            right = _follow(self.above, right + 1)
            on_right = self._away(score, right)
        return self._remove(tied[0] if len(tied) == 1 else min(tied, key=self._first))

    def _away(self, score: float, v: int) -> float:
        """Distance to the v-th score in units within which distances tie."""
        if 0 <= v < len(self.block.values):
            return round(abs(score - self.block.values[v]) / self.unit)
        return math.inf

    def _queue(self, v: int) -> list[bytes]:
        """Heap of the hashes of a score's free reference patients, the smallest first."""
        if v not in self.free:
            rows = self.block.controls[self.block.bounds[v] : self.block.bounds[v + 1]].tolist()
            hashes = digests(self.seed, [self.patient_id[row] for row in rows])
            self.row.update(zip(hashes, rows, strict=True))
            heapq.heapify(hashes)
            self.free[v] = hashes
        return self.free[v]

    def _first(self, v: int) -> bytes:
        return self._queue(v)[0]

    def _remove(self, v: int) -> int:
        start, end = self.block.bounds[v], self.block.bounds[v + 1]
        if end - start == 1:  # a hash is needed only where there is a choice
            row, left = int(self.block.controls[start]), 0
        else:
            queue = self._queue(v)
            row, left = self.row[heapq.heappop(queue)], len(queue)
        if not left:
            self.below[v], self.above[v] = v - 1, v + 1
        return row


class FileOrderRule:
    """MatchIt 4.7.2's walk through all patients sorted by score, equal scores in file order.

    One step on either side, left first, until a free reference patient of the same exact block;
    the nearer of the two is taken, and of two equally near ones that of fewer steps, patients of
    other blocks counted. Later rounds start outside the span of the exposed patient and its own.

    Parameters
    ----------
    rows : numpy.ndarray
        Patients who may be matched to each other, sorted by score, equal scores in file order.
    place : numpy.ndarray, shape (n,)
        Place of each patient among all n, sorted in the same way.
    distance, exposed : numpy.ndarray, shape (n,)
        Score and group of all patients.
    caliper_width : float
        Largest allowed distance.
    """

    def __init__(
        self,
        rows: np.ndarray,
        place: np.ndarray,
        distance: np.ndarray,
        exposed: np.ndarray,
        caliper_width: float,
    ):
        self.rows = rows.tolist()
        self.place = place[rows].tolist()
        self.distance = distance
        self.score = distance[rows].tolist()
        self.limit = caliper_width
        self.below: dict[int, int] = {}  # position that is not free -> next one, downwards
        self.above: dict[int, int] = {}
        self.span: dict[int, tuple[int, int]] = {}  # exposed row -> first and last position
        for position in np.flatnonzero(exposed[rows]).tolist():
            self.span[self.rows[position]] = (position, position)
            self._close(position)

    def take(self, exposed: int) -> int:
        """Return the row of the chosen reference patient, or -1."""
        score = float(self.distance[exposed])
        first, last = self.span[exposed]
        left, right = _follow(self.below, first - 1), _follow(self.above, last + 1)
        place, candidates = self.place, []
        if left >= 0:
            steps = place[first] - place[left]
            candidates.append((score - self.score[left], steps, 0, left))
        if right < len(self.rows):
            steps = place[right] - place[last]
            candidates.append((self.score[right] - score, steps, 1, right))
        if not candidates:
            return -1
        away, _, _, position = min(candidates)
        if away > self.limit:
            return -1
        self._close(position)
        self.span[exposed] = (min(first, position), max(last, position))
        return self.rows[position]

    def _close(self, position: int) -> None:
        self.below[position], self.above[position] = position - 1, position + 1


def _follow(links: dict[int, int], start: int) -> int:
    """Follow links to the first place without one, and shorten the way for the next time."""
    end = start
    while end in links:
        end = links[end]
    while start != end:
        links[start], start = end, links[start]
    return end
