"""Third attack: steps of the printed curves, their errors, and the numbers at risk below them.

A figure draws what its table holds, so its path gives the same numbers. A single step of survival
and of its error is two equations with the number at risk and the deaths as unknowns. Where a step
spans several months the same numbers still bound the deaths: at least as many patients are at risk
as at its end, and at most as many as at its start.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from knowledge import Knowledge, Solver
from private_counts import ARMS, CAUSES
from scipy.special import ndtri
from seermatch.variables.printed import EVENTS
from small_studies import LABELS

SURVIVAL, INCIDENCE, AT_RISK = "survival curve", "incidence curve", "numbers at risk"
START = -1.0
Z = ndtri(0.975)
DIGITS = 1e-9
FOUR_DIGITS = 5.1e-4
ABSOLUTE = "absolute effects"


def read_curves(known: Knowledge, tables: Mapping[str, pd.DataFrame], complete: bool) -> dict:
    """Add what the curves say of the deaths between the months that any of them prints."""
    sizes, months = Solver(known), printed_months(tables)
    read = {}
    for arm in ARMS:
        curves = read[arm] = _Curves(known, tables, arm, months, sizes)
        curves.spans()
        if arm == 0 and not complete:
            curves.risk = {}  # sums of weights, as are the curves
            continue
        curves.numbers_at_risk()
        curves.printed_deaths()
        curves.survival()
        for cause in CAUSES:
            curves.incidence(cause)
        curves.absolute_effects(tables["interpretation"])
    return read


def printed_months(tables: Mapping[str, pd.DataFrame]) -> list[float]:
    """All months at which a table tells something, from before the first on."""
    effects = tables["interpretation"]["month"].dropna().astype(float)
    curves = [tables[name]["time"].astype(float) for name in ("survival", "incidence")]
    return sorted({START, *effects, *(month for curve in curves for month in curve)})


def _of(curve: pd.DataFrame, arm: int, cause: int | None = None) -> pd.DataFrame:
    mine = curve[curve["group"].astype(str) == LABELS[arm]]
    if cause is not None:
        mine = mine[mine["cause"] == EVENTS[cause]]
    return mine.sort_values("time")


class _Curves:
    """The curves of one group."""

    def __init__(self, known, tables, arm, months, sizes):
        self.known, self.arm, self.months = known, arm, months
        self.curve = _of(tables["survival"], arm)
        self.cumulative = {cause: _of(tables["incidence"], arm, cause) for cause in CAUSES}
        self.size = sizes.interval(("size", "matched", arm))[1]
        self.risk = self._numbers_at_risk([self.curve, *self.cumulative.values()])

    def _numbers_at_risk(self, frames) -> dict[float, float]:
        found = {}
        for frame in frames:
            if "n_at_risk" in frame:
                shown = frame[frame["n_at_risk"].notna()]
                found |= dict(zip(shown["time"].astype(float), shown["n_at_risk"], strict=True))
        return found

    def spans(self) -> None:
        """Deaths of all spans add up to those of the group."""
        ends = [*self.months[1:], np.inf]
        for cause in CAUSES:
            spans = [
                ("events", self.arm, cause, a, b) for a, b in zip(self.months, ends, strict=True)
            ]
            self.known.total(("deaths", "matched", self.arm, cause), spans)

    def numbers_at_risk(self) -> None:
        """Who died before a month is not at risk at it, who dies after it is."""
        for month, n in self.risk.items():
            if month in self.months:
                self.known.know(self._events(CAUSES, month, np.inf), -np.inf, n, AT_RISK)
            left = self._events(CAUSES, START, self._before(month))
            self.known.know(left | {("size", "matched", self.arm): -1.0}, -np.inf, -n, AT_RISK)

    def printed_deaths(self) -> None:
        """Deaths that the tables of the curves print, from one printed number to the next."""
        for causes, frame in (
            (CAUSES, self.curve),
            *(((c,), f) for c, f in self.cumulative.items()),
        ):
            before = START
            for row in frame[frame["n_events"].notna()].itertuples():
                deaths = self._events(causes, before, float(row.time))
                self.known.know(deaths, float(row.n_events), float(row.n_events), AT_RISK)
                before = float(row.time)

    def _before(self, month: float) -> float:
        """The last printed month before a month."""
        return max(m for m in self.months if m < month)

    def _events(self, causes, after: float, until: float) -> dict:
        """The spans of deaths between two printed months, as the factors of a sum."""
        inner = [m for m in self.months if after <= m <= until]
        if until == np.inf:
            inner = [*inner, np.inf]
        return {
            ("events", self.arm, cause, a, b): 1.0 for a, b in pairwise(inner) for cause in causes
        }

    def least_at_risk(self, month: float) -> float:
        """Fewest patients at risk at a month, from the numbers printed for later ones."""
        return max((n for m, n in self.risk.items() if m >= month), default=0.0)

    def most_at_risk(self, month: float) -> float:
        return min((n for m, n in self.risk.items() if m <= month), default=self.size)

    def survival(self) -> None:
        curve = self.curve
        before, s0, g0 = START, 1.0, 0.0
        for row in curve.itertuples():
            month, s = float(row.time), float(row.survival)
            if np.isnan(s) or _is_start(row, s == 1):
                continue
            g = _relative_variance(row)
            h = 1 - s / s0 if s0 > 0 else 0.0
            deaths = self._events(CAUSES, before, month)
            if s0 > 0 and h > DIGITS:
                most, least = self.most_at_risk(max(before, 0.0)), self.least_at_risk(month)
                low = max(least * h * (1 - DIGITS), 1.0)
                self.known.know(deaths, low, most * h * (1 + DIGITS), SURVIVAL)
            elif s0 > 0:
                self.known.know(deaths, 0.0, 0.0, SURVIVAL)
            step = g - g0
            if h > DIGITS and step > 1e-12:
                self._one_step(h, step, deaths)
            before, s0, g0 = month, s, g
            total = self._events(CAUSES, START, month)
            most = self.size * (1 - s) * (1 + DIGITS) + DIGITS
            self.known.know(total, -np.inf, most, SURVIVAL)

    def _one_step(self, h: float, step: float, deaths: dict) -> None:
        """Solve a step for deaths and survivors; where it holds several months, bound the deaths.

        In one month h is deaths / at risk, and the variance grows by h / survivors. Both come out
        whole, which sums of several months do not.
        """
        if h < 1:
            survivors = h / step
            found = survivors * h / (1 - h)
            if max(_from_whole(found), _from_whole(survivors)) < 1e-6:
                self.known.know(deaths, round(found), round(found), SURVIVAL)
                return
        self.known.know(deaths, h * h / step * (1 - 1e-6), np.inf, SURVIVAL)

    def incidence(self, cause: int) -> None:
        curve = self.cumulative[cause]
        before, f0 = START, 0.0
        for row in curve.itertuples():
            month, f = float(row.time), float(row.incidence)
            if np.isnan(f) or _is_start(row, f == 0):
                continue
            deaths = self._events([cause], before, month)
            jump = f - f0
            if jump <= DIGITS:
                self.known.know(deaths, 0.0, 0.0, INCIDENCE)
            else:
                weight_low = self._weight(max(before, 0.0), lower=True)
                weight_high = self._weight(month, lower=False)
                self.known.know(
                    deaths,
                    np.ceil(jump / weight_high * (1 - DIGITS) - DIGITS),
                    jump / weight_low * (1 + DIGITS),
                    INCIDENCE,
                )
                self.known.know(deaths, 1.0, np.inf, INCIDENCE)
            before, f0 = month, f

    def absolute_effects(self, interpretation: pd.DataFrame) -> None:
        """Incidences and survival at single months, with four digits."""
        for row in interpretation.itertuples():
            measure = row.quantity.removeprefix("difference in ")
            value, month = float((row.reference, row.exposed)[self.arm]), float(row.month)
            if measure not in ("cumulative incidence", "survival") or np.isnan(value):
                continue
            causes = [EVENTS.index(row.outcome)] if row.outcome in EVENTS else CAUSES
            share = value if measure != "survival" else 1 - value
            error = FOUR_DIGITS * value
            deaths = self._events(causes, START, month)
            self.known.know(deaths, -np.inf, self.size * (share + error), ABSOLUTE)
            low = (share - error) / self._weight(month, lower=False)
            if measure == "survival":
                low = (share - error) * self.least_at_risk(month)
            self.known.know(deaths, max(low, float(share > error)), np.inf, ABSOLUTE)

    def _weight(self, month: float, *, lower: bool) -> float:
        """What a death adds to an incidence: survival before it over the patients at risk."""
        shown = self.curve[self.curve["survival"].notna()]
        times, s = shown["time"].to_numpy(float), shown["survival"].to_numpy(float)
        if lower:
            # the weight never falls; at a printed month it is known
            at = [m for m in self.risk if m <= month]
            known = [1.0 / self.size]
            for m in at:
                exact = _value_just_before(times, s, m)
                if exact is not None:
                    known.append(exact / self.risk[m])
            return max(known)
        n = self.least_at_risk(month)
        if n <= 0:
            return np.inf
        later = min(m for m in self.risk if m >= month and self.risk[m] == n)
        earlier = s[times < later]
        return (earlier[-1] if len(earlier) else 1.0) / n


def _is_start(row, unchanged: bool) -> bool:
    """Whether a row says where a curve begins, and nothing of those who die in month 0."""
    return row.time == 0 and unchanged and pd.isna(row.n_events)


def _from_whole(value: float) -> float:
    return abs(value - round(value)) / max(value, 1.0)


def _value_just_before(times, survival, month: float) -> float | None:
    """Survival just before a month, if no death can hide between the printed months."""
    if month <= 0:
        return 1.0
    at = np.flatnonzero(times < month)
    if len(at) and month - times[at[-1]] <= 1:
        return float(survival[at[-1]])
    return None


def _relative_variance(row) -> float:
    """Variance of the logarithm of survival, from the printed error or the lower limit."""
    if not pd.isna(row.se) and row.survival > 0:
        return (row.se / row.survival) ** 2
    if not pd.isna(row.conf_low) and row.conf_low > 0 and row.survival > 0:
        return (np.log(row.survival / row.conf_low) / Z) ** 2
    return np.nan
