"""Second attack: tests and standardized differences that only few pairs of counts can give.

Where the sizes of both groups are printed, every pair of counts of a level is tried: which ones
give the printed chi-square, the name of its test, and the printed difference of the shares?
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from knowledge import Knowledge, Solver
from private_counts import ARMS
from small_studies import LEVELS

CLOSE = 1e-9  # printed numbers have all their digits in the files
DIFFERENCES, TESTS = "standardized differences", "chi-square"


def read_statistics(known: Knowledge, tables: Mapping[str, pd.DataFrame], complete: bool) -> None:
    """Add what the statistics of Tables 1 and 2, the balance and the included patients say."""
    counts = Solver(known)
    shares: dict[tuple, np.ndarray] = {}
    for population in ("cohort", "matched"):
        if population == "matched" and not complete:
            continue  # weighted shares
        for variable, levels in LEVELS.items():
            for level in levels:
                pairs = _Pairs(counts, population, variable, level)
                if not pairs.known_sizes:
                    continue
                pairs.keep_statistic(tables["comparison"])
                if population == "cohort":
                    pairs.keep_difference(tables["balance"], "smd_before", None)
                    shares[variable, level] = np.unique(pairs.b)
                else:
                    before = shares.get((variable, level))
                    size = counts.interval(("size", "cohort", 1))
                    if before is not None and size[0] == size[1]:
                        pairs.keep_difference(
                            tables["balance"], "smd_after", np.unique(before) / size[0]
                        )
                pairs.tell(known)
    _included(known, counts, tables["included"])


class _Pairs:
    """The pairs of counts of a level, in the reference and the exposed group, still possible."""

    def __init__(self, counts: Solver, population, variable, level):
        self.population, self.variable, self.level = population, variable, level
        sizes = [counts.interval(("size", population, arm)) for arm in ARMS]
        self.known_sizes = all(low == high for low, high in sizes)
        if not self.known_sizes:
            return
        self.sizes = [int(low) for low, _ in sizes]
        ranges = []
        for arm, size in zip(ARMS, self.sizes, strict=True):
            low, high = counts.interval(("cell", population, arm, variable, level))
            ranges.append(np.arange(low, min(high, size) + 1))
        a, b = np.meshgrid(*ranges, indexing="ij")
        self.a, self.b = a.ravel(), b.ravel()
        self.whole = len(self.a)
        self.sources: list[str] = []

    def keep(self, possible, source: str) -> None:
        if possible.any() and not possible.all():
            self.a, self.b = self.a[possible], self.b[possible]
            self.sources.append(source)

    def keep_statistic(self, comparison: pd.DataFrame) -> None:
        """Keep the pairs that give the test of a variable of two levels."""
        if len(LEVELS[self.variable]) > 2:
            return
        rows = comparison[
            (comparison["population"] == self.population)
            & (comparison["variable"] == self.variable)
        ]
        if rows.empty or not isinstance(rows["test"].iloc[0], str):
            return
        test, statistic = rows["test"].iloc[0], float(rows["statistic"].iloc[0])
        n0, n1 = self.sizes
        total = self.a + self.b
        expected = np.minimum(total, n0 + n1 - total) * min(n0, n1) / (n0 + n1)
        if test in ("Pearson chi-square", "Fisher exact"):
            self.keep((expected >= 5) == (test == "Pearson chi-square"), TESTS)
        if test == "Pearson chi-square" and not np.isnan(statistic):
            total = self.a + self.b
            n = n0 + n1
            with np.errstate(divide="ignore", invalid="ignore"):
                found = (self.a * (n1 - self.b) - self.b * (n0 - self.a)) ** 2 * n
                found = found / (n0 * n1 * total * (n - total))
            self.keep(np.abs(found - statistic) <= CLOSE * (1 + statistic), TESTS)

    def keep_difference(self, balance: pd.DataFrame, column: str, before) -> None:
        """Keep the pairs that give a standardized difference; `before` are shares of the cohort."""
        row = balance[(balance["term"] == self.variable) & (balance["level"] == self.level)]
        if row.empty or pd.isna(row[column].iloc[0]):
            return
        printed = float(row[column].iloc[0])
        p0, p1 = (x / n for x, n in zip((self.a, self.b), self.sizes, strict=True))
        if before is None:
            scale = np.sqrt(p1 * (1 - p1))
            scale = np.where(scale > 0, scale, np.sqrt(p0 * (1 - p0) / 2))
            found = _divide(p1 - p0, scale)
            self.keep(np.abs(found - printed) <= CLOSE * (1 + abs(printed)), DIFFERENCES)
            return
        if len(before) * len(p0) > 2_000_000:
            return
        possible = np.zeros(len(p0), bool)
        for share in before:
            scale = np.sqrt(share * (1 - share))
            if scale == 0:
                return  # the scale is that of both groups
            possible |= np.abs((p1 - p0) / scale - printed) <= CLOSE * (1 + abs(printed))
        self.keep(possible, DIFFERENCES)

    def tell(self, known: Knowledge) -> None:
        """Add the least and the greatest count of each arm among the pairs that are left."""
        if not self.sources:
            return
        source = " and ".join(dict.fromkeys(self.sources))
        for arm, values in zip(ARMS, (self.a, self.b), strict=True):
            name = ("cell", self.population, arm, self.variable, self.level)
            known.know({name: 1.0}, values.min(), values.max(), source)


def _divide(difference, scale):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(difference) < 1.5e-8, difference, difference / scale)


def _included(known: Knowledge, counts: Solver, included: pd.DataFrame) -> None:
    """Try every pair of counts among the included and the excluded patients."""
    sizes = [counts.interval(("size", "cohort", arm)) for arm in ARMS]
    total = included[(included["quantity"] == "patients") & (included["patients"] == "excluded")]
    if any(low != high for low, high in sizes) or pd.isna(total["n"].iloc[0]):
        return
    n, everybody = sum(low for low, _ in sizes), float(total["n"].iloc[0])
    for variable, levels in LEVELS.items():
        lacking = [counts.interval(("lacking", variable, arm)) for arm in ARMS]
        if any(low != high for low, high in lacking):
            continue
        m = everybody - sum(low for low, _ in lacking)
        for level in levels:
            row = included[
                (included["quantity"] == "distribution")
                & (included["variable"] == variable)
                & (included["level"] == level)
            ]
            if row.empty or m <= 0 or pd.isna(row["smd"].iloc[0]):
                continue
            cells = [counts.interval(("cell", "cohort", arm, variable, level)) for arm in ARMS]
            low, high = (sum(ends) for ends in zip(*cells, strict=True))
            a, b = np.meshgrid(np.arange(low, min(high, n) + 1), np.arange(m + 1), indexing="ij")
            p, q = a / n, b / m
            with np.errstate(divide="ignore", invalid="ignore"):
                found = (q - p) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
            printed = float(row["smd"].iloc[0])
            possible = np.abs(found - printed) <= CLOSE * (1 + abs(printed))
            if possible.any():
                name = ("excluded", variable, level)
                known.know({name: 1.0}, b[possible].min(), b[possible].max(), DIFFERENCES)
                both = {("cell", "cohort", arm, variable, level): 1.0 for arm in ARMS}
                known.know(both, a[possible].min(), a[possible].max(), DIFFERENCES)
