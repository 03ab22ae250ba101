"""What another source claims, put to the matched patients as questions.

A claim is answered at its months from the absolute difference between the groups, with its
set-clustered interval, and from the hazard ratio where a margin of equivalence was fixed. That an
interval includes no difference never counts as showing that there is none. The sentences are in
`seermatch.wording.claims`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seermatch.analysis.names import HEADLINE
from seermatch.settings.study import Interpretation
from seermatch.survival.absolute_effects import ALL_CAUSES, absolute_effects
from seermatch.survival.curves import estimates_at_marks
from seermatch.variables.printed import EVENTS, label_groups
from seermatch.wording.claims import Answer, ask, say_answer, say_context, say_survival

DEFAULT = Interpretation()
COLUMNS = (
    *("claim", "source", "outcome", "expects", "question", "month", "verdict", "answer"),
    *("context", "quantity", "estimate", "low", "high"),
    *("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "detectable_hazard_ratio"),
)
# outcome of a claim -> the measure that answers it, its sign as a risk of death, and its model
MEASURES = {
    EVENTS[1]: ("cumulative incidence", 1, HEADLINE[1]),
    ALL_CAUSES: ("survival", -1, HEADLINE[0]),
}
SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "undecided"
COMPATIBLE, UNANSWERABLE = "compatible", "cannot be answered"
SURVIVAL, WORSE, NO_DIFFERENCE = "survival", "worse", "no difference"


def answer_claims(
    claims: Sequence[Mapping],
    matched: pd.DataFrame,
    interpretation: pd.DataFrame,
    followup: pd.DataFrame,
    curves: Mapping[str, pd.DataFrame],
    *,
    labels: tuple[str, str],
    power: float = DEFAULT.power,
    margin: float | None = DEFAULT.equivalence_margin,
) -> pd.DataFrame:
    """Answer each claim at each of its months.

    Parameters
    ----------
    claims : sequence of mapping
        ``claim`` in words, its ``source``, the ``outcome`` it speaks of (``"breast cancer death"``
        or ``"death of any cause"``), what it ``expects`` of the exposed (``"worse"``, ``"no
        worse"``, ``"no difference"``, or ``"survival"`` of ``survival_percent``), and ``months``.
    matched : pandas.DataFrame
        Matched patients: group, time, event, matched_set, weight.
    interpretation : pandas.DataFrame
        Rows of ``results/interpretation.tsv``, masked as published: hazard ratios with their
        set-clustered intervals, and the smallest detectable ones.
    followup : pandas.DataFrame
        Rows of ``results/followup.tsv``, for the longest follow-up.
    curves : mapping
        Outcome to the published curves: survival for ``"death of any cause"``, incidence for
        ``"breast cancer death"``.
    labels : tuple of str
        Label of the reference and of the exposed group.
    power : float
        Of the smallest detectable hazard ratio.
    margin : float or None
        Hazard ratio up to which the groups count as equivalent; None if none was fixed.

    Returns
    -------
    pandas.DataFrame
        One row per claim and month, columns `COLUMNS`: verdict (``supported``, ``not supported``,
        ``undecided``, ``compatible`` for a survival inside the interval, ``cannot be answered``
        beyond the follow-up, where there are no numbers), sentences, and numbers as shares:
        difference in the risk of death (exposed minus reference) or survival of the exposed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> matched = pd.DataFrame({"group": np.tile([1, 0, 0], 99), "time": rng.integers(1, 60, 297),
    ...     "event": pd.Categorical.from_codes(rng.integers(0, 3, 297), EVENTS),
    ...     "matched_set": np.repeat(np.arange(99), 3), "weight": 1.0})
    >>> effect = pd.DataFrame({"quantity": ["hazard ratio"], "outcome": HEADLINE[0],
    ...     "estimate": 1.1, "low": 0.8, "high": 1.5})
    >>> followup = pd.DataFrame({"population": ["matched"], "group": "all", "maximum": 59})
    >>> claim = {"claim": "It does harm.", "source": "A leaflet", "outcome": ALL_CAUSES,
    ...     "expects": "worse", "months": [36, 60]}
    >>> table = answer_claims([claim], matched, effect, followup, {}, labels=("N0", "N1mi"))
    >>> table["verdict"].tolist()
    ['undecided', 'cannot be answered']
    """
    rows = []
    for claim in claims:
        measure, sign, model = MEASURES[claim["outcome"]]
        effect = _effect(interpretation, model)
        question = ask(claim, labels)
        for month in claim["months"]:
            if claim["expects"] == SURVIVAL:
                answers = _survival(claim, month, matched, curves, labels)
            else:
                answers = _difference(claim, month, matched, measure, sign, effect, labels, margin)
            cells = dict.fromkeys(COLUMNS, np.nan) | {"context": ""}
            cells |= {name: claim[name] for name in ("claim", "source", "outcome", "expects")}
            cells |= {"question": question, "month": month}
            rows.append(cells | (answers or _beyond(month, matched, followup)))
            if answers:
                rows[-1]["context"] = say_context(claim, effect, labels, power, margin)
            if answers and claim["expects"] != SURVIVAL:
                rows[-1] |= _columns(effect)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _effect(interpretation: pd.DataFrame, model: str) -> dict[str, float]:
    """Read what is known of the hazard ratio; masked and missing values are NaN."""
    rows = interpretation[interpretation["outcome"] == model].set_index("quantity")
    effect = {}
    for quantity, names in (
        ("hazard ratio", ("hr", "low", "high")),
        ("hazard ratio, 90% interval", (None, "low90", "high90")),
        ("minimum detectable hazard ratio", ("detectable", None, None)),
    ):
        for name, column in zip(names, ("estimate", "low", "high"), strict=True):
            if name:
                known = quantity in rows.index
                effect[name] = float(rows.loc[quantity, column]) if known else np.nan
    return effect


def _columns(effect: Mapping[str, float]) -> dict[str, float]:
    names = ("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "detectable_hazard_ratio")
    return dict(zip(names, (effect[n] for n in ("hr", "low", "high", "detectable")), strict=True))


def _beyond(month: float, matched: pd.DataFrame, followup: pd.DataFrame) -> dict:
    """Say why nothing can be answered; the longest follow-up only where it is published."""
    rows = followup[(followup["population"] == "matched") & (followup["group"] == "all")]
    longest = float(rows["maximum"].iloc[0])
    if month <= matched["time"].max():
        text = "The follow-up of one of the groups ends before; nothing is extrapolated."
    elif np.isnan(longest):
        text = "No follow-up is that long; nothing is extrapolated."
    else:
        text = f"The longest follow-up is {longest:g} months; nothing is extrapolated."
    return {"verdict": UNANSWERABLE, "answer": text, "quantity": ""}


def _difference(claim, month, matched, measure, sign, effect, labels, margin) -> dict | None:
    """Answer a claim about the difference between the groups; None beyond the follow-up."""
    row = _absolute(matched, month, measure, claim["outcome"])
    if np.isnan(row["difference"]):
        return None
    reference, exposed = (
        row[arm] if sign > 0 else 1 - row[arm] for arm in ("reference", "exposed")
    )
    low, high = sorted((sign * row["low"], sign * row["high"]))
    answer = Answer(
        reference=reference,
        exposed=exposed,
        low=low,
        high=high,
        two_sided=claim["expects"] == NO_DIFFERENCE,
        margin=margin,
        **{name: effect[name] for name in ("low90", "high90")},
        ratio_includes_one=effect["low"] <= 1 <= effect["high"],
    )
    return {
        "verdict": judge(answer, claim["expects"]),
        "answer": say_answer(answer, claim["outcome"], labels),
        "quantity": f"difference in the risk of {claim['outcome']}",
        "estimate": exposed - reference,
        "low": low,
        "high": high,
    }


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
    weights = matched["weight"].to_numpy(dtype=float)
    table = absolute_effects(
        matched["time"].to_numpy(),
        matched["event"].cat.set_categories(EVENTS).cat.codes.to_numpy(np.int64),
        matched["group"].to_numpy(),
        [month],
        weights=weights,
        clusters=matched["matched_set"].to_numpy(),
    )
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
        "answer": say_survival(value, low, high, claimed, claim["outcome"], labels),
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
