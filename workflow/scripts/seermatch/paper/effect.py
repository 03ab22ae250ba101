"""Audit of the exposure's effect: tests of the curves, the abstract, deaths by cause, power."""

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, ndtri

from seermatch.paper.finding import (
    CONSISTENT,
    DERIVED,
    INCONSISTENT,
    OK,
    WEAKNESS,
    Finding,
    fact,
)
from seermatch.paper.models import Z, is_joint, wald_from_interval
from seermatch.paper.tables import Characteristics, Contrast, Estimate

POWER = 0.8
# Bounds within which two hazards are commonly called equivalent.
EQUIVALENCE = (0.8, 1.25)
# Two tests of one hypothesis differ by less than this in z, or in proportion to it.
Z_TOLERANCE = 0.1
# The test of the curves beside each table of models, and the events of both.
TESTS = {
    "Table 3": ("logrank_p", "log-rank test", "deaths"),
    "Table 4": ("gray_p", "Gray's test", "deaths_cause"),
}


def audit_group_test(
    name: str, rows: list[Contrast], after: Characteristics, facts: dict[str, str]
) -> Iterator[Finding]:
    """Set the test of the curves against the univariable model of the group.

    The score test of a Cox model with the group alone is the log-rank test, and Gray's test is
    nearly that of Fine and Gray's model. With d events, SE(log HR) is about
    1 / sqrt(d s (1 - s)), s the share of the exposed (Schoenfeld 1981).

    Parameters
    ----------
    name : str
        ``"Table 3"`` (``logrank_p``, ``deaths``) or ``"Table 4"`` (``gray_p``, ``deaths_cause``).
    rows : list of Contrast
        The printed table.
    after : Characteristics
        Table 2.
    facts : dict
        Facts of the text.

    Yields
    ------
    Finding
    """
    key, title, deaths = TESTS[name]
    test, events = fact(facts, key), fact(facts, deaths)
    estimate = _group(rows, "univariable")
    if test is None or estimate is None or estimate.p is None or test.bound or estimate.p.bound:
        return
    z_test, z_model = (_z(number.value) for number in (test, estimate.p))
    rounding = max(abs(_z(number.low) - _z(number.high)) / 2 for number in (test, estimate.p))
    agree = abs(z_test - z_model) <= Z_TOLERANCE * max(1, z_test, z_model) + rounding
    told = "the same hypothesis, two tests of it"
    if events:
        se = 1 / np.sqrt(events.value * _information(after))
        p = 2 * ndtr(-abs(np.log(estimate.hr.value)) / se)
        told = (
            f"with {events.value:.0f} events p {test.text} means HR {np.exp(-z_test * se):.2f} or "
            f"{np.exp(z_test * se):.2f}; HR {estimate.hr.text} would give p {p:.2f}"
        )
    joint = "; the column is a joint model" if is_joint(rows) else ""
    yield Finding(
        f"{name}, group: univariable p against {title}",
        f"p {estimate.p.text} (HR {estimate.hr.text}); {title} p {test.text}",
        told,
        CONSISTENT if agree else INCONSISTENT,
        "" if agree else f"so the model is not univariable, or one of the two is wrong{joint}",
    )


def _z(p: float) -> float:
    return float(-ndtri(min(max(p, 1e-300), 1.0) / 2))


def _group(rows: list[Contrast], model: str) -> Estimate | None:
    found = [row.estimates[model] for row in rows if row.variable == "group"]
    return found[0] if found and found[0].finite else None


def _information(after: Characteristics) -> float:
    """Give the information on log HR per event: s (1 - s)."""
    share = after.sizes[1] / sum(after.sizes)
    return share * (1 - share)


def detectable_ratio(events: float, share: float, power: float = POWER) -> float:
    """Give the smallest hazard ratio above 1 that a two-sided 5 % test finds with given power.

    Parameters
    ----------
    events : float
        Events in both groups.
    share : float
        Share of the exposed.
    power : float, default 0.8
        Power.

    Returns
    -------
    float
        exp((z_0.975 + z_power) / sqrt(events share (1 - share))), Schoenfeld 1981.

    Examples
    --------
    >>> round(detectable_ratio(82, 1 / 3), 2), round(detectable_ratio(47, 1 / 3), 2)
    (1.93, 2.38)
    """
    return float(np.exp((Z + ndtri(power)) / np.sqrt(events * share * (1 - share))))


def e_value(ratio: float) -> float:
    """Give the E-value of a hazard ratio of a rare outcome.

    Parameters
    ----------
    ratio : float
        Hazard ratio, taken as a risk ratio.

    Returns
    -------
    float
        VanderWeele and Ding 2017.

    Examples
    --------
    >>> round(e_value(0.803), 2), round(e_value(1.273), 2)
    (1.8, 1.86)
    """
    ratio = max(ratio, 1 / ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def audit_power(
    name: str, rows: list[Contrast], after: Characteristics, facts: dict[str, str]
) -> Iterator[Finding]:
    """Say what the data could have found, and which confounding would explain the estimate.

    Parameters
    ----------
    name : str
        ``"Table 3"`` or ``"Table 4"``.
    rows : list of Contrast
        The printed table.
    after : Characteristics
        Table 2.
    facts : dict
        Facts of the text: ``deaths`` or ``deaths_cause``.

    Yields
    ------
    Finding
    """
    events = fact(facts, TESTS[name][2])
    for model in ("multivariable", "univariable"):
        estimate = _group(rows, model)
        if estimate is None:
            continue
        interval = f"HR {estimate.hr.text} ({estimate.low.text} to {estimate.high.text})"
        if events and model == "multivariable":
            least = detectable_ratio(events.value, after.sizes[1] / sum(after.sizes))
            crosses = estimate.low.value < 1 < estimate.high.value
            wide = estimate.low.value < EQUIVALENCE[0] or estimate.high.value > EQUIVALENCE[1]
            yield Finding(
                f"{name}, group: hazard ratio detectable at {POWER:.0%} power",
                interval,
                f"{least:.2f} or {1 / least:.2f} with {events.value:.0f} events",
                WEAKNESS if crosses and wide else DERIVED,
                f"not significant, but the interval reaches beyond {EQUIVALENCE[0]} to "
                f"{EQUIVALENCE[1]}: no evidence of a similar prognosis"
                if crosses and wide
                else "",
            )
        inside = estimate.low.value <= 1 <= estimate.high.value
        nearest = min((estimate.low.value, estimate.high.value), key=lambda end: abs(np.log(end)))
        limit = 1.0 if inside else e_value(nearest)
        told = f"{e_value(estimate.hr.value):.2f} for the estimate, {limit:.2f} for the limit"
        yield Finding(f"{name} {model}, group: E-value", interval, told, DERIVED, "rare outcome")


def audit_abstract(tables: dict[str, list[Contrast]], facts: dict[str, str]) -> Iterator[Finding]:
    """Look up in the tables what the abstract quotes.

    Parameters
    ----------
    tables : dict
        ``"Table 3"`` and ``"Table 4"``.
    facts : dict
        ``abstract_table3_model``, ``abstract_table3_hr``, ``abstract_table3_p``, likewise table4.

    Yields
    ------
    Finding
    """
    for name, rows in tables.items():
        key = f"abstract_{name.lower().replace(' ', '')}"
        model = facts.get(f"{key}_model", "")
        hr, p = fact(facts, f"{key}_hr"), fact(facts, f"{key}_p")
        estimates = {m: e for m in ("univariable", "multivariable") if (e := _group(rows, m))}
        if hr is None or model not in estimates:
            continue

        def same(estimate, hr=hr, p=p):
            fits_p = p is None or estimate.p is None or estimate.p.value == p.value
            return estimate.hr.value == hr.value and fits_p

        stands = [m for m, estimate in estimates.items() if same(estimate)]
        table = estimates[model]
        yield Finding(
            f"{name}, group: the abstract against the table",
            f"{model} HR {hr.text}" + (f", p {p.text}" if p else ""),
            f"{model} HR {table.hr.text}" + (f", p {table.p.text}" if table.p else ""),
            OK if model in stands else INCONSISTENT,
            "" if model in stands or not stands else f"it stands in the {stands[0]} column",
        )


def audit_competing_deaths(
    tables: dict[str, list[Contrast]], after: Characteristics, facts: dict[str, str]
) -> Iterator[Finding]:
    """Split the deaths between the groups, as the standard errors imply, by cause.

    SE(log HR) squared is about 1/d0 + 1/d1 with d0 + d1 deaths; of the two solutions the one that
    lies nearer to what the ratio itself lets expect is taken.

    Parameters
    ----------
    tables : dict
        ``"Table 3"`` (all deaths) and ``"Table 4"`` (deaths of the cause of interest).
    after : Characteristics
        Table 2.
    facts : dict
        ``deaths``, ``deaths_cause``, and ``claim_other_deaths`` (``higher`` or ``lower`` among the
        exposed).

    Yields
    ------
    Finding
    """
    splits: dict[str, tuple[float, int]] = {}
    ratios = {}
    for name, rows in tables.items():
        events, estimate = fact(facts, TESTS[name][2]), _group(rows, "univariable")
        if events is None or estimate is None:
            return
        ratios[name] = estimate.hr.value
        se = wald_from_interval(estimate).se
        exposed = round(split_events(events.value, se, estimate.hr.value, after.sizes)[1])
        splits[name] = events.value - exposed, exposed  # whole numbers, so that the parts add up
    overall, cause = splits["Table 3"], splits["Table 4"]
    other = [a - b for a, b in zip(overall, cause, strict=True)]
    rates = [100 * n / size for n, size in zip(other, after.sizes, strict=True)]
    direction = "higher" if rates[1] > rates[0] else "lower"
    # with HR < 1 for all deaths and > 1 for one cause, the other causes must have HR < 1
    forced = (ratios["Table 3"] < 1) != (ratios["Table 4"] < 1)
    claim = facts.get("claim_other_deaths", "")
    told = "; ".join(
        f"{title} {split[1]:.0f} of {after.sizes[1]} against {split[0]:.0f} of {after.sizes[0]}"
        for title, split in (("all", overall), ("cause of interest", cause), ("other", other))
    )
    contradicted = claim in ("higher", "lower") and claim != direction
    yield Finding(
        "Deaths by group and cause, from the standard errors",
        f"other deaths {claim} in {after.labels[1]}" if claim else "",
        f"{told} ({rates[1]:.1f} % against {rates[0]:.1f} %)",
        INCONSISTENT if contradicted else DERIVED,
        f"approximate; HR {ratios['Table 3']:g} for all deaths and {ratios['Table 4']:g} for the "
        f"cause of interest {'force' if forced else 'suggest'} other deaths to be {direction}",
    )


def split_events(
    events: float, se: float, ratio: float, sizes: tuple[int, int]
) -> tuple[float, float]:
    """Split events between two groups as the standard error of a log hazard ratio implies.

    Parameters
    ----------
    events : float
        Events in both groups.
    se : float
        Standard error of the log ratio.
    ratio : float
        Hazard ratio, exposed against reference.
    sizes : tuple of int
        Patients of the reference and of the exposed group.

    Returns
    -------
    tuple of float
        Events of the reference and of the exposed group; half each where the standard error is too
        small for any split.

    Examples
    --------
    >>> [round(n) for n in split_events(47, 0.2967, 1.386, (1170, 585))]
    [28, 19]
    """
    half = events / 2
    gap = float(np.sqrt(max(half**2 - events / se**2, 0)))
    expected = events * ratio * sizes[1] / (ratio * sizes[1] + sizes[0])
    exposed = min((half - gap, half + gap), key=lambda n: abs(n - expected))
    return events - exposed, exposed
