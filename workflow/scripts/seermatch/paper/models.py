"""Audit of printed Tables 3 and 4: intervals against p-values, and models without a maximum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtr, ndtri

from seermatch.paper.finding import (
    CONSISTENT,
    DERIVED,
    INCONSISTENT,
    WEAKNESS,
    Finding,
    print_p,
)
from seermatch.paper.groups import discordant_receptors
from seermatch.paper.numbers import padded
from seermatch.paper.tables import MODELS, Characteristics, Contrast, Estimate

Z = float(ndtri(0.975))
# Subtype, whether its tumors are ER-positive, and whether HER2-positive.
PROFILES = (("HR+/HER2+", True, True), ("HR-/HER2+", False, True), ("HR-/HER2-", False, False))


@dataclass(frozen=True)
class Wald:
    """What a printed ratio and its 95 % interval say about the estimate.

    Attributes
    ----------
    se : float
        Standard error of the log ratio.
    z : float
        Log ratio over its standard error.
    p : float
        Two-sided p-value.
    p_range : tuple of float
        Smallest and largest p-value that the rounding of the three numbers allows.
    center : float
        Geometric mean of the limits.
    center_range : tuple of float
        Its range from rounding.
    """

    se: float
    z: float
    p: float
    p_range: tuple[float, float]
    center: float
    center_range: tuple[float, float]


def wald_from_interval(estimate: Estimate) -> Wald:
    """Recompute Wald's test from a hazard ratio and its 95 % interval.

    Parameters
    ----------
    estimate : Estimate
        A finite one.

    Returns
    -------
    Wald

    Examples
    --------
    >>> from seermatch.paper.numbers import parse_interval, parse_number
    >>> wald = wald_from_interval(
    ...     Estimate(parse_number("0.803"), *parse_interval("0.498 to 1.296"), None))
    >>> round(wald.se, 4), round(wald.z, 3), round(wald.p, 4)
    (0.244, -0.899, 0.3685)
    >>> [round(p, 4) for p in wald.p_range]
    [0.3665, 0.3706]
    """
    hr, low, high = estimate.hr, estimate.low, estimate.high
    se = np.log(high.value / low.value) / (2 * Z)
    z = np.log(hr.value) / se
    numbers = [(max(number.low, 1e-300), number.high) for number in (hr, low, high)]
    scores = [np.log(h) * 2 * Z / np.log(b / a) for h, a, b in product(*numbers) if b > a]
    # a ratio whose rounding includes 1 has no smaller |z| than 0
    smallest = 0.0 if min(scores) < 0 < max(scores) else min(abs(score) for score in scores)
    largest = max(abs(score) for score in scores)
    return Wald(
        float(se),
        float(z),
        float(2 * ndtr(-abs(z))),
        (float(2 * ndtr(-largest)), float(2 * ndtr(-smallest))),
        float(np.sqrt(low.value * high.value)),
        (float(np.sqrt(numbers[1][0] * numbers[2][0])), float(np.sqrt(low.high * high.high))),
    )


def audit_estimates(name: str, rows: Sequence[Contrast]) -> Iterator[Finding]:
    """Set each finite interval against its ratio and its p-value.

    Parameters
    ----------
    name : str
        ``"Table 3"``.
    rows : sequence of Contrast
        The printed table.

    Yields
    ------
    Finding
    """
    for model in MODELS:
        for row in rows:
            estimate = row.estimates[model]
            place = f"{name} {model}, {row.text}"
            if estimate.finite:
                yield _interval(place, estimate)
            elif estimate.low and estimate.low.value > estimate.high.value:
                printed = f"{estimate.low.text} to {estimate.high.text}"
                check, note = (
                    f"{place}: interval against ratio and p",
                    "the limits are not in order",
                )
                yield Finding(check, printed, "", INCONSISTENT, note)
        yield from _padding(name, model, [row.estimates[model] for row in rows])


def _interval(place: str, estimate: Estimate) -> Finding:
    check = f"{place}: interval against ratio and p"
    hr, low, high, p = estimate.hr, estimate.low, estimate.high, estimate.p
    printed = f"HR {hr.text} ({low.text} to {high.text})" + (f", p {p.text}" if p else "")
    wald = wald_from_interval(estimate)
    told = (
        f"SE {wald.se:.4f}; z {wald.z:.3f}; Wald p {print_p(wald.p)} "
        f"({print_p(wald.p_range[0])} to {print_p(wald.p_range[1])} from rounding); "
        f"center {wald.center:.4g}"
    )
    notes = []
    if not (wald.center_range[0] <= hr.high and wald.center_range[1] >= hr.low):
        notes.append("the ratio is not at the center of its interval on the log scale")
    if p and not p.covers(*wald.p_range):
        notes.append("the p-value does not belong to this interval")
    verdict = INCONSISTENT if notes else CONSISTENT
    if not notes and estimate.diverged:
        notes.append("consistent, but what a diverged fit leaves behind")
    return Finding(check, printed, told, verdict, "; ".join(notes))


def _padding(name: str, model: str, estimates: Sequence[Estimate]) -> Iterator[Finding]:
    """Point out columns that pretend to a digit more than they have."""
    for part, title in (("p", "p-values"), ("low", "lower limits"), ("high", "upper limits")):
        if not padded([getattr(estimate, part) for estimate in estimates], part == "p"):
            continue
        shown = [e for e in estimates if e.finite and (part != "p" or (e.p and e.p.value >= 0.1))]
        told = "the last digit is no digit"
        if part == "p":
            told = ", ".join(print_p(wald_from_interval(estimate).p) for estimate in shown)
        digits = "two significant digits" if part == "p" else "one decimal less"
        yield Finding(
            f"{name} {model}: {title} padded with a zero",
            ", ".join(getattr(estimate, part).text for estimate in shown),
            told,
            WEAKNESS,
            f"rounded to {digits} and padded: false precision",
        )


def is_joint(rows: Sequence[Contrast]) -> bool:
    """Tell whether a column called univariable can only come from one model of all terms.

    Parameters
    ----------
    rows : sequence of Contrast
        Table 3 or 4.

    Returns
    -------
    bool
        Whether a term is aliased: fitted alone, a variable cannot depend on others.
    """
    return any(row.estimates["univariable"].aliased for row in rows)


def audit_univariable(
    name: str, rows: Sequence[Contrast], matched: Characteristics
) -> Iterator[Finding]:
    """Tell whether the univariable column holds univariable models.

    Parameters
    ----------
    name : str
        ``"Table 3"``.
    rows : sequence of Contrast
        The printed table.
    matched : Characteristics
        Table 2.

    Yields
    ------
    Finding
    """
    estimates = [(row, row.estimates["univariable"]) for row in rows]
    told = [f"{row.text} NA" for row, estimate in estimates if estimate.aliased]
    told += [f"{row.text} {e.hr.text}" for row, e in estimates if e.diverged]
    check = f"{name}: univariable models are univariable"
    if not is_joint(rows):
        verdict, note = (WEAKNESS, "a term has no finite estimate") if told else (CONSISTENT, "")
        yield Finding(check, "; ".join(told), "no term is aliased", verdict, note)
        return
    n = sum(estimate.hr is not None for _, estimate in estimates)
    yield Finding(
        check,
        "; ".join(told),
        f"one joint model of {n} terms: a model of one variable cannot alias its own levels",
        INCONSISTENT,
        _dependence(matched),
    )


def _dependence(matched: Characteristics) -> str:
    implied = discordant_receptors(matched)
    if implied is None or not (implied[0] == matched.variables["her2"].counts[-1]).all():
        return ""
    counts = dict(
        zip(matched.variables["subtype"].levels, matched.variables["subtype"].counts, strict=True)
    )
    sums = [
        f"{implied[0][group]} = {counts['HR+/HER2+'][group]} + {counts['HR-/HER2+'][group]}"
        for group in (0, 1)
    ]
    return f"HER2 positive = HR+/HER2+ plus HR-/HER2+ ({', '.join(sums)})"


def audit_separation(
    name: str, rows: Sequence[Contrast], matched: Characteristics
) -> Iterator[Finding]:
    """Name the terms without a maximum, and recover the finite contrasts among them.

    Parameters
    ----------
    name : str
        ``"Table 3"``.
    rows : sequence of Contrast
        The printed table.
    matched : Characteristics
        Table 2.

    Yields
    ------
    Finding
    """
    implied = discordant_receptors(matched)
    for model in MODELS:
        estimates = {(row.variable, row.level): row.estimates[model] for row in rows}
        diverged = {key: e for key, e in estimates.items() if e.diverged}
        if not diverged:
            continue
        told = "the size of such a ratio is set by the stopping rule, and so is its p-value"
        if implied is not None and ("er", "Positive") in diverged:
            few = implied[2]
            told = f"only {few.sum()} of {sum(matched.sizes)} patients are ER-/PR+ ({few[0]} "
            told += f"{matched.labels[0]}, {few[1]} {matched.labels[1]}): ER rests on them"
        yield Finding(
            f"{name} {model}: terms without a finite estimate",
            "; ".join(
                f"{' '.join(key).strip()} {e.hr.text}" + (f" (p {e.p.text})" if e.p else "")
                for key, e in diverged.items()
            ),
            told,
            WEAKNESS,
            "separation: the likelihood has no maximum, ratio and p-value are artefacts",
        )
        yield from _hidden_contrasts(f"{name} {model}", estimates)


def hidden_contrasts(estimates: dict[tuple[str, str], Estimate]) -> dict[str, float]:
    """Recover what is finite among the infinite terms of receptors and subtype.

    Subtypes fix their receptors, so the diverged terms cancel: a patient with HR-/HER2- differs
    from one with HR+/HER2- by the subtype's term less that of ER.

    Parameters
    ----------
    estimates : dict
        (variable, level) to the estimate, of one model.

    Returns
    -------
    dict
        Subtype to its ratio against HR+/HER2- at the same PR, where the model has a diverged term
        and the ratio is finite.

    Examples
    --------
    >>> from seermatch.paper.numbers import parse_number
    >>> ratio = {("er", "Positive"): "2.41e3", ("subtype", "HR-/HER2-"): "5.64e3"}
    >>> contrasts = hidden_contrasts(
    ...     {term: Estimate(parse_number(hr), None, None, None) for term, hr in ratio.items()})
    >>> round(contrasts["HR-/HER2-"], 2)
    2.34
    """

    def log_ratio(key):
        estimate = estimates.get(key)
        return np.log(estimate.hr.value) if estimate and estimate.hr else 0.0

    contrasts = {}
    for subtype, er_positive, her2_positive in PROFILES:
        terms = [("subtype", subtype)]
        terms += [("her2", "Positive")] if her2_positive else []
        total = sum(log_ratio(term) for term in terms)
        if not er_positive:
            terms.append(("er", "Positive"))
            total -= log_ratio(("er", "Positive"))
        printed = [term for term in terms if term in estimates]
        ratio = float(np.exp(total))
        diverged = [term for term in printed if estimates[term].diverged]
        if len(diverged) > 1 and 0.01 <= ratio <= 100:
            contrasts[subtype] = ratio
    return contrasts


def _hidden_contrasts(place: str, estimates) -> Iterator[Finding]:
    contrasts = hidden_contrasts(estimates)
    if contrasts:
        yield Finding(
            f"{place}: finite contrasts among the infinite terms",
            "",
            "; ".join(f"{level} against HR+/HER2- {hr:.2f}" for level, hr in contrasts.items()),
            DERIVED,
            "at the same PR; the infinite terms cancel",
        )


def audit_signs(name: str, rows: Sequence[Contrast]) -> Iterator[Finding]:
    """Find effects that change sides between the univariable and the multivariable model.

    Parameters
    ----------
    name : str
        ``"Table 4"``.
    rows : sequence of Contrast
        The printed table.

    Yields
    ------
    Finding
        None where the univariable column is a joint model.
    """
    if is_joint(rows):
        return
    multivariable = {row.variable for row in rows if row.estimates["multivariable"].hr}
    for row in rows:
        alone, together = (row.estimates[model] for model in MODELS)
        if not (alone.finite and together.finite) or together.diverged or alone.diverged:
            continue
        certain = alone.low.value > 1 or alone.high.value < 1
        if certain and (alone.hr.value > 1) != (together.hr.value > 1):
            size = row.variable == "t_stage" and "tumor_size" in multivariable
            yield Finding(
                f"{name}, {row.text}: same side of 1 alone and adjusted",
                f"{alone.hr.text} univariable, {together.hr.text} multivariable",
                "the sign flips",
                WEAKNESS,
                "collinear: T stage is largely a function of tumor size, which is in the same model"
                if size
                else "collinear with, or confounded by, a term of the same model",
            )


def audit_events_per_term(name: str, rows: Sequence[Contrast], events: int) -> Iterator[Finding]:
    """Count events per term of the models that have more than one.

    Parameters
    ----------
    name : str
        ``"Table 3"``.
    rows : sequence of Contrast
        The printed table.
    events : int
        Events of the table's outcome.

    Yields
    ------
    Finding
    """
    for model in MODELS:
        if model == "univariable" and not is_joint(rows):
            continue
        terms = sum(row.estimates[model].hr is not None for row in rows)
        if terms:
            ratio = events / terms
            kind = "joint model" if model == "univariable" else "model"
            yield Finding(
                f"{name} {model}: events per term",
                "",
                f"{events}/{terms} = {ratio:.1f}",
                WEAKNESS if ratio < 10 else DERIVED,
                f"{kind} of {terms} terms" + ("; fewer than 10 events each" if ratio < 10 else ""),
            )
