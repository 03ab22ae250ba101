"""A synthetic SEER registry: five yearly exports with the figures of the default study.

Who is in the flow chart, and the margins of Table 1, are exact whatever the seed; who has which
combination of characteristics, who dies and when are random. No patient record was used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seermatch.synthetic.defects import CRITERIA, EXTRA_KINDS, mark_unfit, reshape_extra
from seermatch.synthetic.export import (
    codes_of,
    spell_rows,
)
from seermatch.synthetic.outcomes import (
    COD_CANCER,
    COD_OTHER,
    LAST_YEAR,
    LOG_HAZARD_RATIOS,
    LOST_TO_FOLLOW_UP,
    SCALE,
    SHAPE,
    follow_up,
    log_hazards,
)
from seermatch.synthetic.patients import (
    EXPOSED,
    REFERENCE,
    Arm,
    Records,
    deal,
    eligible_patients,
    largest_remainder,
    number_examined,
)

YEARS = (2018, 2019, 2020, 2021, 2022)
# Breast records of the five years in the real database, both sexes: the rest is M1 and the like.
ALL_RECORDS = 346_203
EXTRA = ALL_RECORDS - sum(arm.n + sum(arm.excluded.values()) for arm in (REFERENCE, EXPOSED))

# Log hazard ratio of breast cancer death of the extra records.
CANCER_SHIFT = {"metastatic": 2.2, "in situ": -2.0}

# What the defaults aim at, at scale 1; the counts of Table 1 are in `seermatch.synthetic.patients`.
TARGETS = {
    "records": ALL_RECORDS,
    "records_m0": 323_891,
    "records_m0_i_plus": 680,
    "eligible_m0": 283_503,
    "eligible_m0_i_plus": 585,
    "age_quartiles": {"M0": [53, 63, 72], "M0(i+)": [52, 61, 70]},
    "tumor_size_quartiles": {"M0": [10, 16, 26], "M0(i+)": [10, 16, 27]},
    "wilcoxon_p": {"age": 0.002, "tumor_size": 0.617},
    "smd_before": {"age": -0.132, "distance": 0.178},
    "follow_up_quartiles": {"cohort": [12, 26, 42], "matched": [18, 30, 47]},
    "follow_up_maximum": 59,
    "matched_patients": 1755,
    "matched_deaths": 82,
    "matched_deaths_breast_cancer": 47,
}


@dataclass(frozen=True)
class SyntheticRegistry:
    """Simulated exports and what lies behind them.

    Attributes
    ----------
    exports : dict of int to polars.DataFrame
        Year of diagnosis to its rows, labels under SEER*Stat's column names (see
        `seermatch.synthetic.export.spell_rows`).
    truth : dict
        Seed, scales, hazards with their conditional log hazard ratios, and targets; ready for
        `json.dump`.
    """

    exports: dict[int, pl.DataFrame]
    truth: dict


def simulate_registry(
    seed: int,
    reference_scale: float = 1.0,
    exposed_scale: float = 1.0,
    years: Sequence[int] = YEARS,
) -> SyntheticRegistry:
    """Simulate the yearly exports of the default study.

    Parameters
    ----------
    seed : int
        Same seed, same bytes.
    reference_scale, exposed_scale : float, default 1
        Size of either arm against the published one; counts are scaled by largest remainder.
    years : sequence of int, default 2018 to 2022
        Years of diagnosis among which all records are shared out. Follow-up ends in December 2022
        in any case.

    Returns
    -------
    SyntheticRegistry

    Raises
    ------
    ValueError
        For a year outside 2018 to 2022, or an arm that the scale leaves without patients.

    Examples
    --------
    >>> registry = simulate_registry(1, reference_scale=0.01, exposed_scale=0.1)
    >>> list(registry.exports), registry.truth["eligible"]
    ([2018, 2019, 2020, 2021, 2022], {'reference': 2835, 'exposed': 58})
    """
    years = tuple(sorted(set(years)))
    if not years or not set(years) <= set(YEARS):
        raise ValueError(f"years must lie between {YEARS[0]} and {YEARS[-1]}, got {years}")
    rng = np.random.default_rng(seed)
    arms = {"reference": (REFERENCE, reference_scale), "exposed": (EXPOSED, exposed_scale)}
    counts = {name: _scaled_counts(arm, scale) for name, (arm, scale) in arms.items()}
    n_extra = round(EXTRA * reference_scale)
    n_second = [count["second_primary"] for count in counts.values()]
    if min(count["eligible"] for count in counts.values()) < 20:
        raise ValueError("the scales must leave at least 20 eligible patients in each arm")

    eligible, unfit = [], []
    for name, (arm, _) in arms.items():
        exposed, n = name == "exposed", counts[name]["eligible"]
        patients = eligible_patients(arm, n, rng)
        dates = _deal_years(arm, n, years, rng)
        eligible.append(_diagnose(patients, dates, exposed, rng, stratified=exposed))
        n_unfit = sum(counts[name][criterion] for criterion in CRITERIA)
        copies = _take(patients, rng.integers(n, size=n_unfit))
        unfit.append(_diagnose(copies, _deal_years(arm, n_unfit, years, rng), exposed, rng))
    firsts, others = np.split(rng.permutation(counts["reference"]["eligible"]), [sum(n_second)])
    seconds = _second_primaries(eligible, firsts, n_second, years, rng)

    in_files = _records_per_year(counts, n_extra, years)
    blocks = [*eligible, *unfit, seconds]
    taken = sum(np.bincount(block["year"] - YEARS[0], minlength=len(YEARS)) for block in blocks)
    extra = _extra_records(eligible[0], n_extra, in_files - taken, rng)

    blocks.append(extra)
    starts = np.cumsum([0, *(block["year"].size for block in blocks)])
    records = {key: np.concatenate([block[key] for block in blocks]) for key in extra}
    _identify(records, rng)
    _relate(records, firsts, np.arange(starts[4], starts[5]))
    for name, start in zip(arms, starts[2:4], strict=True):
        for criterion in CRITERIA:
            rows = np.arange(start, start := start + counts[name][criterion])
            mark_unfit(records, rows, criterion, rng)
    _reshape_extra(records, starts[5], n_extra, others, rng)
    _derive(records, rng)
    scales = {name: scale for name, (_, scale) in arms.items()}
    return SyntheticRegistry(
        exports=_spell_by_year(records, years, rng),
        truth=_truth(seed, scales, counts, in_files),
    )


def _scaled_counts(arm: Arm, scale: float) -> dict[str, int]:
    """Eligible patients and records excluded at each criterion."""
    n, n_excluded = round(arm.n * scale), sum(arm.excluded.values())
    excluded = largest_remainder(
        list(arm.excluded.values()), round((arm.n + n_excluded) * scale) - n
    )
    return {"eligible": n, **dict(zip(arm.excluded, excluded.tolist(), strict=True))}


def _records_per_year(
    counts: dict[str, dict[str, int]], n_extra: int, years: Sequence[int]
) -> NDArray[np.int64]:
    """Rows of the five files: the total by largest remainder over the mean year shares."""
    exposed = sum(counts["exposed"].values())
    others = sum(counts["reference"].values()) + n_extra
    weights = [
        (others * REFERENCE.year_shares[year] + exposed * EXPOSED.year_shares[year])
        * (year in years)
        for year in YEARS
    ]
    return largest_remainder(weights, others + exposed)


def _take(block: Records, rows: NDArray[np.int64]) -> Records:
    return {key: values[rows] for key, values in block.items()}


def _deal_years(
    arm: Arm, n: int, years: Sequence[int], rng: np.random.Generator
) -> NDArray[np.int16]:
    counts = largest_remainder([arm.year_shares[year] for year in years], n)
    return rng.permutation(np.repeat(np.array(years, dtype=np.int16), counts))


def _diagnose(
    patients: Records,
    years: NDArray[np.int16],
    exposed: bool,
    rng: np.random.Generator,
    stratified: bool = False,
    cancer_shift: NDArray | float = 0.0,
) -> Records:
    """Add date, M category and outcome to patients."""
    hazards = log_hazards(patients, np.full(years.size, exposed))
    hazards[0] += cancer_shift
    outcomes = follow_up(years, hazards, rng, stratified)
    return patients | {
        "year": years,
        "m_stage": np.full(years.size, codes_of("m_stage", "M0(i+)" if exposed else "M0")[0]),
        "censoring": outcomes.censoring,
        "end": outcomes.end,
        "event": outcomes.event,
    }


def _second_primaries(
    eligible: list[Records],
    firsts: NDArray[np.int64],
    counts: list[int],
    years: Sequence[int],
    rng: np.random.Generator,
) -> Records:
    """Later eligible tumors of patients of the reference arm, often of the same year."""
    parts = [
        _take(block, rng.integers(block["year"].size, size=count))
        for block, count in zip(eligible, counts, strict=True)
    ]
    tumors = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    first = _take(eligible[0], firsts)
    gap = rng.random(firsts.size) * first["end"]
    synchronous = rng.random(firsts.size) < 0.4
    gap[synchronous] = np.minimum(gap[synchronous], 4 * rng.random(int(synchronous.sum())))
    # December 2022 is a fixed date, so the months left until then tell the year.
    year = LAST_YEAR - np.floor((first["censoring"] - gap) / 12).astype(np.int16)
    outside = ~np.isin(year, years)
    gap[outside], year[outside] = 0.0, first["year"][outside]
    return tumors | {
        "year": year,
        "age": np.minimum(first["age"] + (gap / 12 + 0.5).astype(np.int16), 89),
        "censoring": first["censoring"] - gap,
        "end": first["end"] - gap,
        "event": first["event"],
    }


def _extra_records(
    reference: Records, n: int, room: NDArray[np.int64], rng: np.random.Generator
) -> Records:
    """Fill the files up with records that are not M0, not M0(i+) or not malignant."""
    if room.min() < 0:  # only at scales at which single records count
        room = largest_remainder(np.clip(room, 0, None) + 0.01, n)
    years = rng.permutation(np.repeat(np.array(YEARS, dtype=np.int16), room))
    # Of two patients the one with the larger tumor, for these are advanced cases.
    pairs = rng.integers(reference["year"].size, size=(2, n))
    larger = np.argmax(reference["tumor_size"][pairs], axis=0)
    patients = _take(reference, np.take_along_axis(pairs, larger[None], axis=0)[0])
    kinds = largest_remainder(list(EXTRA_KINDS.values()), n)
    shift = np.repeat([CANCER_SHIFT.get(kind, 0.0) for kind in EXTRA_KINDS], kinds)
    return _diagnose(patients, years, False, rng, cancer_shift=shift)


def _identify(records: Records, rng: np.random.Generator) -> None:
    """Give every record a patient number, random in order, and a sequence number."""
    n = records["year"].size
    stride = 99_999_999 // n
    records["patient_id"] = rng.permutation(n) * stride + rng.integers(1, stride + 1, size=n)
    chance = rng.random(n, dtype=np.float32)
    sequence = codes_of(
        "sequence_number",
        "One primary only",
        "1st of 2 or more primaries",
        "2nd of 2 or more primaries",
    )
    records["sequence_number"] = sequence[(chance > 0.85).astype(int) + (chance > 0.92)]
    records["record_number"] = (chance > 0.92).astype(np.int16)
    records["months_unknown"] = np.zeros(n, dtype=bool)


def _relate(records: Records, earlier: NDArray[np.int64], later: NDArray[np.int64]) -> None:
    """Make pairs of records the first and second primary of one patient."""
    records["patient_id"][later] = records["patient_id"][earlier]
    for rows, number in ((earlier, 0), (later, 1)):
        records["record_number"][rows] = number
        records["sequence_number"][rows] = number + 1


def _reshape_extra(
    records: Records, start: int, n: int, others: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """Shape the extra records; some in situ ones precede an eligible tumor of the same year."""
    counts = largest_remainder(list(EXTRA_KINDS.values()), n)
    for kind, count in zip(EXTRA_KINDS, counts, strict=True):
        rows = np.arange(start, start := start + count)
        reshape_extra(records, rows, kind, rng)
        if kind == "in situ":
            for year in YEARS:
                before = rows[records["year"][rows] == year][::3]
                patients = others[records["year"][others] == year][: before.size]
                before = before[: patients.size]
                for key in ("age", "censoring", "end", "event"):
                    records[key][before] = records[key][patients]
                _relate(records, before, patients)


def _derive(records: Records, rng: np.random.Generator) -> None:
    """Fill the columns that follow from others, as SEER derives them."""
    n = records["year"].size
    er, pr, her2 = records["er"], records["pr"], records["her2"]
    hormone = np.where((er == 1) | (pr == 1), 1, np.where((er == 0) & (pr == 0), 0, 2))
    subtype = np.where((hormone < 2) & (her2 < 2), 2 * hormone + her2, 4)
    records["subtype"] = subtype.astype(np.int16)

    event, unclassified = records["event"], records["sequence_number"] == 3
    records["vital"] = (event > 0).astype(np.int16)
    records["cause_specific"] = np.where(unclassified, 3, np.array([0, 1, 0, 2])[event])
    records["other_cause"] = np.where(unclassified, 3, np.array([0, 0, 1, 2])[event])
    records["cod"] = np.zeros(n, dtype=np.int16)
    unknown = {"State DC not available or state DC available but no COD": 1.0}
    for code, shares in enumerate((COD_CANCER, COD_OTHER, unknown), start=1):
        dead = event == code
        records["cod"][dead] = deal(shares, int(dead.sum()), "cod", rng)

    months = np.floor(records["end"]).astype(np.int16)
    flag = (rng.random(n, dtype=np.float32) < 0.005) * 2
    flag += (months == 0) & ((flag == 2) | (records["end"] < 1 / 30))
    records["months"] = np.where(records["months_unknown"], 60, months)
    records["months_flag"] = np.where(records["months_unknown"], 4, flag)
    records["year"] = records["year"] - YEARS[0]
    mets = codes_of("eod_mets", "00", "05", "70", "88", "Blank(s)")
    records["eod_mets"] = mets[records["m_stage"]]
    records["eod_nodes"] = _examined_nodes(records, rng)
    # a generator of its own, so that no other column depends on this one
    records["nodes_examined"] = number_examined(records["eod_nodes"], rng.spawn(1)[0])


def _examined_nodes(records: Records, rng: np.random.Generator) -> NDArray[np.int16]:
    """EOD Regional Nodes; the nodes of old patients are often not examined (code 000)."""
    by_n_stage = {"N0": "070", "N0(i+)": "030", "N0(mol+)": "050", "N1mi": "100", "N1": "150"}
    by_n_stage |= {"N1a": "200", "N1b": "250", "N1c": "300", "N2a": "200", "N2b": "500"}
    by_n_stage |= {"N3a": "200", "N3b": "600", "N3c": "700", "NX": "999", "88": "888"}
    by_n_stage |= {"Blank(s)": "Blank(s)"}
    codes = codes_of("eod_nodes", *by_n_stage.values())[records["n_stage"]]
    chance = np.where(records["age"] >= 75, 0.35, 0.08)
    unexamined = (codes == codes_of("eod_nodes", "070")[0]) & (rng.random(codes.size) < chance)
    codes[unexamined] = codes_of("eod_nodes", "000")[0]
    return codes


def _spell_by_year(
    records: Records, years: Sequence[int], rng: np.random.Generator
) -> dict[int, pl.DataFrame]:
    order = rng.permutation(records["year"].size)
    exports = {}
    for year in years:
        rows = order[records["year"][order] == year - YEARS[0]]
        exports[int(year)] = spell_rows(_take(records, rows))
    return exports


def _truth(
    seed: int,
    scales: dict[str, float],
    counts: dict[str, dict[str, int]],
    in_files: NDArray[np.int64],
) -> dict:
    return {
        "seed": int(seed),
        "scale": scales,
        "records_per_year": dict(zip(map(str, YEARS), in_files.tolist(), strict=True)),
        "eligible": {name: count["eligible"] for name, count in counts.items()},
        "excluded": {
            name: {key: number for key, number in count.items() if key != "eligible"}
            for name, count in counts.items()
        },
        "hazards": {
            cause: {
                "cumulative_hazard": "scale * (months / 60)**shape * exp(sum of log hazard ratios)",
                "scale": SCALE[cause],
                "shape": SHAPE[cause],
                "log_hazard_ratios": LOG_HAZARD_RATIOS[cause],
                "centred_at": {"age": 62, "tumor_size": 16},
            }
            for cause in SCALE
        },
        "terms": "Conditional on all other terms, each against the first level of the variable; "
        "subtype given ER and PR. Nodal labels not listed have no effect of their own.",
        "lost_to_follow_up": LOST_TO_FOLLOW_UP,
        "targets": TARGETS,
    }
