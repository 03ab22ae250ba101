"""What another source claims, put to the matched patients as questions.

A claim is answered at its months from the absolute difference between the groups, with its
set-clustered interval, and from the hazard ratio where a margin of equivalence was fixed. That an
interval includes no difference never counts as showing that there is none. Rows hold no sentence:
those are made in `seermatch.wording.claims`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from seermatch.analysis.names import (
    BEYOND_ALL_FOLLOW_UP,
    BEYOND_FOLLOW_UP,
    DETECTABLE,
    HAZARD_RATIO,
    HEADLINE,
    NARROW_RATIO,
    OK,
)
from seermatch.analysis.outcomes import event_times_of
from seermatch.settings.study import Interpretation
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.curves import estimates_at_marks
from seermatch.variables.printed import ALL_CAUSES, EVENTS, label_groups

DEFAULT = Interpretation()
COLUMNS = (
    *("claim", "source", "outcome", "expects", "survival_percent", "month", "verdict", "status"),
    *("quantity", "estimate", "low", "high", "reference", "exposed"),
    *("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high"),
    *("hazard_ratio_low90", "hazard_ratio_high90", "detectable_hazard_ratio"),
)
NUMBERS = COLUMNS[COLUMNS.index("estimate") :]
# outcome of a claim -> the measure that answers it, its sign as a risk of death, and its model
MEASURES = {
    EVENTS[1]: ("cumulative incidence", 1, HEADLINE[1]),
    ALL_CAUSES: ("survival", -1, HEADLINE[0]),
}
SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "undecided"
COMPATIBLE, UNANSWERABLE = "compatible", "cannot be answered"
SURVIVAL, WORSE, NO_DIFFERENCE = "survival", "worse", "no difference"


@dataclass(frozen=True)
class Answer:
    """What the matched patients show of a claim about a difference.

    Attributes
    ----------
    reference, exposed : float
        Risks of death by the month, as shares.
    low, high : float
        95 % interval of their difference, exposed minus reference.
    two_sided : bool
        Whether the claim is about a difference either way.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent.
    low90, high90 : float
        90 % interval of the hazard ratio.
    ratio_includes_one : bool
        Whether the 95 % interval of the hazard ratio does.
    """

    reference: float
    exposed: float
    low: float
    high: float
    two_sided: bool = False
    margin: float | None = None
    low90: float = nan
    high90: float = nan
    ratio_includes_one: bool = False

    @classmethod
    def of_row(cls, row: Mapping, margin: float | None) -> "Answer":
        """Take the numbers of a row of `answer_claims`."""
        return cls(
            **{name: row[name] for name in ("reference", "exposed", "low", "high")},
            two_sided=row["expects"] == NO_DIFFERENCE,
            margin=margin,
            low90=row["hazard_ratio_low90"],
            high90=row["hazard_ratio_high90"],
            ratio_includes_one=row["hazard_ratio_low"] <= 1 <= row["hazard_ratio_high"],
        )

    @property
    def direction(self) -> str:
        """``"more"`` or ``"fewer"`` deaths of the exposed if the interval says so, else empty."""
        if not (self.low > 0 or self.high < 0):
            return ""
        return "more" if self.low > 0 else "fewer"

    @property
    def within_margin(self) -> bool:
        """Whether the 90 % interval keeps within the margin, on the sides the claim is about."""
        if self.margin is None:
            return False
        return self.high90 < self.margin and (not self.two_sided or self.low90 > 1 / self.margin)

    @property
    def shows_difference(self) -> bool:
        """Whether the data show the difference that the claim asserts or denies."""
        return bool(self.direction) if self.two_sided else self.direction == "more"

    @property
    def shows_alike(self) -> bool:
        """Whether the data show that there is no such difference, or none that counts."""
        return self.within_margin or (not self.two_sided and self.direction == "fewer")


def answer_claims(
    claims: Sequence[Mapping],
    matched: pd.DataFrame,
    interpretation: pd.DataFrame,
    curves: Mapping[str, pd.DataFrame],
    *,
    labels: tuple[str, str],
    margin: float | None = DEFAULT.equivalence_margin,
) -> pd.DataFrame:
    """Answer each claim at each of its months.

    Parameters
    ----------
    claims : sequence of mapping
        ``claim`` in words, its ``source``, the ``outcome`` it speaks of (``"cancer death"``
        or ``"death of any cause"``), what it ``expects`` of the exposed (``"worse"``, ``"no
        worse"``, ``"no difference"``, or ``"survival"`` of ``survival_percent``), and ``months``.
    matched : pandas.DataFrame
        Matched patients: group, time, event, matched_set, weight.
    interpretation : pandas.DataFrame
        Rows of ``results/interpretation.tsv``, masked as published: hazard ratios with their
        set-clustered intervals, and the smallest detectable ones.
    curves : mapping
        Outcome to the published curves: survival for ``"death of any cause"``, incidence for
        ``"cancer death"``.
    labels : tuple of str
        Label of the reference and of the exposed group.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent; None if none was fixed.

    Returns
    -------
    pandas.DataFrame
        One row per claim and month, columns `COLUMNS`: verdict (``supported``, ``not supported``,
        ``undecided``, ``compatible`` for a survival inside the interval, ``cannot be answered``
        beyond the follow-up, where there are no numbers, and the status says of whom), and numbers
        as shares: difference in the risk of death (exposed minus reference) with the risks of both
        groups, or survival of the exposed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> matched = pd.DataFrame({"group": np.tile([1, 0, 0], 99), "time": rng.integers(1, 60, 297),
    ...     "event": pd.Categorical.from_codes(rng.integers(0, 3, 297), EVENTS),
    ...     "matched_set": np.repeat(np.arange(99), 3), "weight": 1.0})
    >>> effect = pd.DataFrame({"quantity": ["hazard ratio"], "outcome": HEADLINE[0],
    ...     "estimate": 1.1, "low": 0.8, "high": 1.5})
    >>> claim = {"claim": "It does harm.", "source": "A leaflet", "outcome": ALL_CAUSES,
    ...     "expects": "worse", "months": [36, 60]}
    >>> table = answer_claims([claim], matched, effect, {}, labels=("N0", "N1mi"))
    >>> table["verdict"].tolist()
    ['undecided', 'cannot be answered']
    """
    rows = []
    for claim in claims:
        measure, sign, model = MEASURES[claim["outcome"]]
        effect = _effect(interpretation, model)
        asked = {name: claim[name] for name in ("claim", "source", "outcome", "expects")}
        asked["survival_percent"] = claim.get("survival_percent", np.nan)
        for month in claim["months"]:
            if claim["expects"] == SURVIVAL:
                answer = _survival(claim, month, matched, curves, labels)
            else:
                answer = _difference(claim, month, matched, measure, sign, effect, margin)
            rows.append(asked | {"month": month} | (answer or _beyond(month, matched)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(NUMBERS, float))


def _effect(interpretation: pd.DataFrame, model: str) -> dict[str, float]:
    """Read what is known of the hazard ratio; masked and missing values are NaN."""
    rows = interpretation[interpretation["outcome"] == model].set_index("quantity")
    effect = {}
    for quantity, names in (
        (HAZARD_RATIO, ("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high")),
        (NARROW_RATIO, (None, "hazard_ratio_low90", "hazard_ratio_high90")),
        (DETECTABLE, ("detectable_hazard_ratio", None, None)),
    ):
        for name, column in zip(names, ("estimate", "low", "high"), strict=True):
            if name:
                known = quantity in rows.index
                effect[name] = float(rows.loc[quantity, column]) if known else np.nan
    return effect


def _beyond(month: float, matched: pd.DataFrame) -> dict:
    """Say whose follow-up ends before a month."""
    within = month <= matched["time"].max()
    status = BEYOND_FOLLOW_UP if within else BEYOND_ALL_FOLLOW_UP
    return {"verdict": UNANSWERABLE, "status": status, "quantity": ""}


def _difference(claim, month, matched, measure, sign, effect, margin) -> dict | None:
    """Answer a claim about the difference between the groups; None beyond the follow-up."""
    row = _absolute(matched, month, measure, claim["outcome"])
    if np.isnan(row["difference"]):
        return None
    reference, exposed = (
        row[arm] if sign > 0 else 1 - row[arm] for arm in ("reference", "exposed")
    )
    low, high = sorted((sign * row["low"], sign * row["high"]))
    found = {
        "quantity": f"difference in the risk of {claim['outcome']}",
        "estimate": exposed - reference,
        "low": low,
        "high": high,
        "reference": reference,
        "exposed": exposed,
        "status": OK,
    } | effect
    answer = Answer.of_row(claim | found, margin)
    return found | {"verdict": judge(answer, claim["expects"])}


def judge(answer: Answer, expects: str) -> str:
    """Say what the data make of an expectation.

    Parameters
    ----------
    answer : Answer
        Difference and hazard ratio.
    expects : str
        ``"worse"``, ``"no worse"`` or ``"no difference"``.

    Returns
    -------
    str
        A difference needs an interval that excludes none, and its absence a margin that the 90 %
        interval of the hazard ratio keeps within; with neither, or with both, ``undecided``. Fewer
        deaths are no worse.

    Examples
    --------
    >>> answer = Answer(reference=0.05, exposed=0.08, low=0.01, high=0.05)
    >>> judge(answer, "worse"), judge(answer, "no worse")
    ('supported', 'not supported')
    """
    if answer.shows_difference == answer.shows_alike:
        return UNDECIDED
    return SUPPORTED if answer.shows_difference == (expects == WORSE) else NOT_SUPPORTED


def _absolute(matched: pd.DataFrame, month: float, measure: str, outcome: str) -> pd.Series:
    data = event_times_of(matched, EVENTS)
    table = absolute_effects(data, matched["group"].to_numpy(), [month])
    return table[(table["measure"] == measure) & (table["outcome"] == outcome)].iloc[0]


def _survival(claim, month, matched, curves, labels) -> dict | None:
    """Answer a claim about the survival of the exposed; None beyond their follow-up."""
    if month > matched.loc[matched["group"] == 1, "time"].max():
        return None
    value, low, high = _read_survival(curves[claim["outcome"]], claim["outcome"], month, labels)
    claimed = claim["survival_percent"] / 100
    verdict = COMPATIBLE if low <= claimed <= high else NOT_SUPPORTED
    return {
        "verdict": UNDECIDED if np.isnan(low) else verdict,
        "status": OK,
        "quantity": f"survival of {labels[1]} until {claim['outcome']}",
        "estimate": value,
        "low": low,
        "high": high,
    }


def _read_survival(curve, outcome, month, labels) -> tuple[float, float, float]:
    """Read the exposed group's survival, or 1 minus its incidence, at a month."""
    curve = curve[label_groups(curve["group"], labels) == labels[1]]
    if outcome == ALL_CAUSES:
        at = estimates_at_marks(curve.sort_values("time"), [month], "survival", 1.0).iloc[0]
        return at["survival"], at["conf_low"], at["conf_high"]
    curve = curve[curve["cause"] == outcome].sort_values("time")
    at = estimates_at_marks(curve, [month], "incidence", 0.0).iloc[0]
    return 1 - at["incidence"], 1 - at["conf_high"], 1 - at["conf_low"]
