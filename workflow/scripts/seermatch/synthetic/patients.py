"""Synthetic patients with exactly the margins of a published Table 1.

Every count is exact because nothing is drawn one by one: the sorted values of a variable are
fixed, and the seed only decides who gets which. Variables hang together through latent scores
whose ranks decide (grade follows the receptors, size follows grade, stage follows size, ...).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seermatch.synthetic.export import codes_of

Records = dict[str, NDArray]

# Shares of the age distribution below which the ages of `Arm.age_knots` lie.
AGE_SHARES = (0, 0.002, 0.01, 0.05, 0.10, 0.25, 0.5, 0.75, 0.90, 0.95, 0.99, 1)


@dataclass(frozen=True)
class Arm:
    """What is fixed of one arm at scale 1.

    Attributes
    ----------
    receptors : tuple of int
        Patients by ER, PR and HER2, in the order ``---, --+, -+-, -++, +--, +-+, ++-, +++``.
    histology_other, grade_iii, t3_t4, node_positive : int
        Patients in the second level of each binary variable.
    age_knots : tuple of float
        Age, in years, at the shares `AGE_SHARES`.
    size_shares : dict of int to float
        Share of tumors of at most so many millimetres.
    excluded : dict of str to int
        Records that leave at each criterion.
    year_shares : dict of int to float
        Share of the records diagnosed in each year.
    age_noise : float
        How loosely age follows the other characteristics (standard deviation of the noise). It is
        small among the exposed, which spreads their propensity scores, so that the difference of
        the means is the published one in units of that spread.
    """

    receptors: tuple[int, ...]
    histology_other: int
    grade_iii: int
    t3_t4: int
    node_positive: int
    age_knots: tuple[float, ...]
    size_shares: dict[int, float]
    excluded: dict[str, int]
    year_shares: dict[int, float]
    age_noise: float

    @property
    def n(self) -> int:
        """Eligible patients."""
        return sum(self.receptors)


REFERENCE = Arm(
    receptors=(28779, 10106, 2046, 420, 26404, 5600, 190380, 19768),
    histology_other=44374,
    grade_iii=81005,
    t3_t4=19596,
    node_positive=73982,
    age_knots=(18, 28, 34.5, 41.7, 46, 53.6, 63.6, 72.6, 79.8, 83.5, 88.1, 89.999),
    size_shares={9: 0.235, 10: 0.275, 15: 0.488, 16: 0.512, 25: 0.738, 26: 0.756, 50: 0.941}
    | {100: 0.994},
    excluded={"sex": 2810, "age": 5010, "t_stage": 5300, "n_stage": 2900, "grade": 11900}
    | {"tumor_size": 3100, "receptors": 3900, "outcome": 1768, "second_primary": 3700},
    year_shares={2018: 0.187, 2019: 0.196, 2020: 0.187, 2021: 0.215, 2022: 0.215},
    age_noise=1.0,
)

# The early years weigh more, and unevenly: with matched controls followed like all others, no
# smoother distribution gives the published follow-up of the matched cohort, 30 (18-47) months.
EXPOSED = Arm(
    receptors=(60, 22, 1, 0, 57, 12, 392, 41),
    histology_other=95,
    grade_iii=177,
    t3_t4=39,
    node_positive=171,
    age_knots=(22, 28, 33.5, 40, 44.2, 52.5, 61.6, 70.6, 77.8, 81.7, 87, 89.999),
    size_shares={9: 0.2305, 10: 0.27, 15: 0.4803, 16: 0.506, 26: 0.7404, 27: 0.757, 50: 0.937}
    | {100: 0.993},
    excluded={"sex": 5, "age": 9, "t_stage": 14, "n_stage": 8, "grade": 29}
    | {"tumor_size": 8, "receptors": 9, "outcome": 4, "second_primary": 9},
    year_shares={2018: 0.42, 2019: 0.036, 2020: 0.484, 2021: 0.05, 2022: 0.01},
    age_noise=0.4,
)

# Within node-negative and node-positive disease, from the lightest to the heaviest burden.
NODE_NEGATIVE = {"N0": 0.944, "N0(i+)": 0.055, "N0(mol+)": 0.001}
NODE_POSITIVE = {"N1mi": 0.14, "N1": 0.06, "N1a": 0.53, "N1b": 0.004, "N1c": 0.006}
NODE_POSITIVE |= {"N2a": 0.16, "N2b": 0.006, "N3a": 0.07, "N3b": 0.006, "N3c": 0.018}
HISTOLOGY_IDC = {"8500": 0.945, "8522": 0.055}
HISTOLOGY_OTHER = {"8520": 0.62, "8523": 0.12, "8480": 0.09, "8524": 0.03, "8507": 0.02}
HISTOLOGY_OTHER |= {"8575": 0.02, "8211": 0.03, "8503": 0.03, "8140": 0.03, "8070": 0.01}
GRADE_I_II = {"1": 0.33, "2": 0.63, "A": 0.015, "B": 0.025}
GRADE_III = {"3": 0.96, "C": 0.04}
SITES = {"C50.0-Nipple": 0.01, "C50.1-Central portion of breast": 0.06}
SITES |= {"C50.2-Upper-inner quadrant of breast": 0.14}
SITES |= {"C50.3-Lower-inner quadrant of breast": 0.07}
SITES |= {"C50.4-Upper-outer quadrant of breast": 0.34}
SITES |= {"C50.5-Lower-outer quadrant of breast": 0.09}
SITES |= {"C50.6-Axillary tail of breast": 0.005}
SITES |= {"C50.8-Overlapping lesion of breast": 0.225, "C50.9-Breast, NOS": 0.06}


def largest_remainder(weights: NDArray | list[float], total: int) -> NDArray[np.int64]:
    """Share a total out over weights by largest remainder.

    Parameters
    ----------
    weights : array_like of float, shape (k,)
        Not negative, not all zero.
    total : int
        What the shares add up to.

    Returns
    -------
    ndarray of int64, shape (k,)
        Equal remainders go to the earlier weight.

    Examples
    --------
    >>> largest_remainder([0.19, 0.2, 0.18, 0.21, 0.22], 346_203).tolist()
    [65778, 69241, 62316, 72703, 76165]
    """
    weights = np.asarray(weights, dtype=float)
    quotas = total * weights / weights.sum()
    # Rounding keeps quotas that are whole numbers whole.
    counts = np.floor(quotas.round(9)).astype(np.int64)
    order = np.argsort(counts - quotas.round(9), kind="stable")
    counts[order[: total - counts.sum()]] += 1
    return counts


def deal(shares: dict[str, float], n: int, column: str, rng: np.random.Generator) -> NDArray:
    """Deal the codes of some labels to n records in exact shares and random order.

    Parameters
    ----------
    shares : dict of str to float
        Label to weight.
    n : int
        Number of records.
    column : str
        Key of the column that the labels belong to.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int16, shape (n,)

    Examples
    --------
    >>> np.sort(deal({"1": 3, "2": 1}, 4, "grade", np.random.default_rng(0))).tolist()
    [0, 0, 0, 1]
    """
    counts = largest_remainder(list(shares.values()), n)
    return rng.permutation(np.repeat(codes_of(column, *shares), counts))


def eligible_patients(arm: Arm, n: int, rng: np.random.Generator) -> Records:
    """Make the patients of one arm who meet every criterion.

    Parameters
    ----------
    arm : Arm
        Margins, scaled to `n` by largest remainder.
    n : int
        Number of patients.
    rng : numpy.random.Generator

    Returns
    -------
    dict of ndarray, each of shape (n,)
        Codes of ``age, tumor_size, histology, grade, er, pr, her2, t_stage, n_stage, site, sex,
        behavior``, in random order.
    """

    def noise(scale: float = 1.0) -> NDArray[np.float32]:
        return scale * rng.standard_normal(n, dtype=np.float32)

    def second_level(score: NDArray, count: int) -> NDArray[np.bool_]:
        return _largest(score, int(largest_remainder([count, arm.n - count], n)[0]))

    cell = np.repeat(np.arange(8, dtype=np.int8), largest_remainder(arm.receptors, n))
    cell = rng.permutation(cell)
    er, pr, her2 = cell >> 2, (cell >> 1) & 1, cell & 1
    hormone_negative = (er | pr) == 0

    grade_iii = second_level(
        1.5 * hormone_negative + 0.5 * her2 + 0.4 * (er != pr) + noise(), arm.grade_iii
    )
    sizes = _sorted_sizes(arm, n)
    size = _by_rank(sizes, 0.5 * grade_iii + 0.2 * her2 + noise())
    log_size = np.log(size.astype(float))
    other_histology = second_level(
        0.3 * log_size - 0.9 * hormone_negative - 0.5 * her2 - 0.5 * grade_iii + noise(),
        arm.histology_other,
    )
    # Nearly all tumors above 50 mm are T3 or T4; a few smaller ones involve skin or chest wall.
    large = (size > 50) & (rng.random(n, dtype=np.float32) > 0.03)
    advanced = second_level(5 * large + 0.8 * log_size + noise(), arm.t3_t4)
    burden = 0.9 * log_size + 0.3 * grade_iii + 0.5 * advanced + noise()
    node_positive = second_level(burden - 0.2 * hormone_negative, arm.node_positive)
    ages = np.interp((np.arange(n) + 0.5) / n, AGE_SHARES, arm.age_knots).astype(np.int16)
    # The younger, the more often HER2-positive, grade III and node-positive.
    youth = 0.3 * hormone_negative + 0.35 * her2 + 0.4 * grade_iii + 0.7 * node_positive
    age = _by_rank(ages, 0.6 * advanced + 0.9 * (pr > er) - youth + noise(arm.age_noise))
    return {
        "age": age,
        "tumor_size": size,
        "histology": _choose(~other_histology, HISTOLOGY_IDC, HISTOLOGY_OTHER, "histology", rng),
        "grade": _choose(~grade_iii, GRADE_I_II, GRADE_III, "grade", rng),
        "er": er.astype(np.int16),
        "pr": pr.astype(np.int16),
        "her2": her2.astype(np.int16),
        "t_stage": _t_labels(size, advanced, rng),
        "n_stage": _n_labels(node_positive, burden + noise(), rng),
        "site": deal(SITES, n, "site", rng),
        "sex": np.full(n, codes_of("sex", "Female")[0]),
        "behavior": np.zeros(n, dtype=np.int16),
    }


def number_examined(eod_nodes: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """Draw the number of regional nodes examined: few where they were negative.

    Parameters
    ----------
    eod_nodes : ndarray of int16, shape (n,)
        Codes of EOD Regional Nodes; without a pathologist (000, 999, 888) no node was removed.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int16, shape (n,)
        Codes of Regional nodes examined.

    Examples
    --------
    >>> codes = number_examined(codes_of("eod_nodes", "070", "Blank(s)"), np.random.default_rng(1))
    >>> bool(1 <= codes[0] <= 90), bool(codes[1] == codes_of("nodes_examined", "Blank(s)")[0])
    (True, True)
    """
    n = eod_nodes.size
    unexamined = np.isin(eod_nodes, codes_of("eod_nodes", "000", "999", "888"))
    negative = np.isin(eod_nodes, codes_of("eod_nodes", "030", "050", "070", "100"))
    number = np.minimum(1 + rng.poisson(np.where(negative, 1.8, 9.0) * rng.gamma(2, 0.5, n)), 90)
    chance = rng.random(n)
    uncounted = codes_of("nodes_examined", "96", "97", "98")[rng.integers(3, size=n)]
    number = np.where(chance < 0.01, uncounted, number)
    none = codes_of("nodes_examined", "00", "95", "99")
    number = np.where(unexamined, none[np.searchsorted([0.9, 0.93], chance)], number)
    blank = eod_nodes == codes_of("eod_nodes", "Blank(s)")[0]
    return np.where(blank, codes_of("nodes_examined", "Blank(s)")[0], number).astype(np.int16)


def _largest(score: NDArray, count: int) -> NDArray[np.bool_]:
    """Mark exactly `count` records with the largest scores."""
    chosen = np.zeros(score.size, dtype=bool)
    if count:
        chosen[np.argpartition(score, score.size - count)[score.size - count :]] = True
    return chosen


def _by_rank(values: NDArray, score: NDArray) -> NDArray:
    """Give the sorted `values` to the records in the order of their scores."""
    given = np.empty_like(values)
    given[np.argsort(score, kind="stable")] = values
    return given


def _sorted_sizes(arm: Arm, n: int) -> NDArray[np.int16]:
    """Tumor sizes in mm, heaped at round numbers, with exact shares at `arm.size_shares`."""
    millimetres = np.arange(1, 251)
    heaping = np.where(millimetres % 10 == 0, 2.2, np.where(millimetres % 5 == 0, 1.8, 1.0))
    heaping[30:] = np.where(heaping[30:] > 2, 5, np.where(heaping[30:] > 1, 4, 1))
    heaping[0] = 1.6  # 001 also stands for "less than 1 mm"
    density = np.exp(-(np.log(millimetres / 16) ** 2) / (2 * 0.72**2)) / millimetres * heaping
    raw = np.cumsum(density) / density.sum()
    anchors = np.array([*arm.size_shares, 250])
    shares = np.interp(raw, [0, *raw[anchors - 1]], [0, *arm.size_shares.values(), 1])
    return (1 + np.searchsorted(shares, (np.arange(n) + 0.5) / n)).astype(np.int16)


def _choose(
    first: NDArray[np.bool_],
    shares_if: dict[str, float],
    shares_else: dict[str, float],
    column: str,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    codes = np.empty(first.size, dtype=np.int16)
    codes[first] = deal(shares_if, int(first.sum()), column, rng)
    codes[~first] = deal(shares_else, int((~first).sum()), column, rng)
    return codes


def _t_labels(
    size: NDArray, advanced: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int16]:
    early = codes_of("t_stage", "T1mi", "T1a", "T1b", "T1c", "T2")
    codes = early[np.searchsorted([1, 5, 10, 20], size)]
    skin = advanced & ((size <= 50) | (rng.random(size.size, dtype=np.float32) < 0.25))
    codes[advanced] = codes_of("t_stage", "T3")[0]
    shares = {"T4": 0.04, "T4a": 0.06, "T4b": 0.66, "T4c": 0.04, "T4d": 0.20}
    codes[skin] = deal(shares, int(skin.sum()), "t_stage", rng)
    return codes


def _n_labels(
    positive: NDArray[np.bool_], burden: NDArray, rng: np.random.Generator
) -> NDArray[np.int16]:
    codes = np.empty(positive.size, dtype=np.int16)
    codes[~positive] = deal(NODE_NEGATIVE, int((~positive).sum()), "n_stage", rng)
    counts = largest_remainder(list(NODE_POSITIVE.values()), int(positive.sum()))
    labels = np.repeat(codes_of("n_stage", *NODE_POSITIVE), counts)
    codes[positive] = _by_rank(labels, burden[positive])
    return codes
