"""Very many patients, for whom products of whole numbers overflow the 32 bits of cmprsk.

`crr` (crr.f, crrvv) squares the number at risk, and `cuminc` (crstm.f, crst) multiplies that of a
group by the events of a month. Letting them overflow in the same way gives cmprsk's numbers.
"""

import subprocess

import numpy as np
import pytest
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.gray import gray_test
from validate import why_not

CRR = """
suppressMessages(library(cmprsk))
d <- as.matrix(read.csv("patients.csv", header = FALSE))
fit <- crr(d[, 1], d[, 2], d[, 3, drop = FALSE])
cat(sprintf("%.17g", sqrt(diag(fit$var))))
"""


GRAY = """
suppressMessages(library(cmprsk))
d <- as.matrix(read.csv("patients.csv", header = FALSE))
cat(sprintf("%.17g", cuminc(d[, 1], d[, 2], d[, 3])$Tests[1, 1]))
"""


def draw(at_risk):
    """Draw patients of whom so many are at risk in month 2, with few events, to be quick in R."""
    rng = np.random.default_rng(20261129)
    n = at_risk * 11 // 10
    age = np.round(np.clip(rng.normal(0, 13, n), -40, 27))
    cause, other = (rng.exponential(np.exp(-0.02 * age) / hazard) for hazard in (4e-5, 4e-3))
    end = np.minimum(np.minimum(cause, other), censored := rng.uniform(0, 24, n))
    event = np.select([end == censored, end == cause], [0, 1], 2)
    time = np.floor(end).astype(int) + 1
    kept = np.cumsum(time > 1) <= at_risk
    return time[kept], event[kept], age[kept]


def sandwich_se(time, event, x, coef, square):
    """Write out the variance of Fine and Gray (1999) for one covariate, month by month."""
    months = range(1, time.max() + 1)
    at_risk = np.array([(time >= month).sum() for month in range(time.max() + 2)])
    censored = np.bincount(time[event == 0], minlength=time.max() + 2)
    G = np.r_[1, 1, np.cumprod(1 - censored[1:-1] / at_risk[1:-1])]  # just before each month
    events = np.bincount(time[event == 1], minlength=time.max() + 2)
    hazard, competing = np.exp(coef * x), event == 2
    total, mean = np.ones((2, time.max() + 2))
    residual, information = np.zeros(len(time)), 0.0
    for month in months:
        weight = np.where(time >= month, 1, competing * G[month] / G[time]) * hazard
        total[month], mean[month] = weight.sum(), np.average(x, weights=weight)
        residual -= (x - mean[month]) * weight * events[month] / total[month]
        information += events[month] * np.average((x - mean[month]) ** 2, weights=weight)
    residual += (event == 1) * (x - mean[time])
    for month in months:
        gone, q = competing & (time < month), 0.0
        for later in range(month, time.max() + 1):
            weight = hazard[gone] * G[later] / G[time[gone]]
            q += events[later] * weight @ (x[gone] - mean[later]) / total[later]
        residual[(time == month) & (event == 0)] += q / at_risk[month]
        residual[time >= month] -= censored[month] * q / square(at_risk[month])
    return np.sqrt(residual @ residual) / information


def squared(at_risk):
    return float(at_risk) ** 2


def times_in_32_bits(one, other):
    with np.errstate(over="ignore"):
        return float(np.int32(one) * np.int32(other))


def squared_in_32_bits(at_risk):
    return times_in_32_bits(at_risk, at_risk)


def in_r(program, time, event, x, folder):
    if reason := why_not():
        pytest.skip(reason)
    np.savetxt(folder / "patients.csv", np.c_[time, event, x], delimiter=",", fmt="%d")
    done = subprocess.run(
        ["Rscript", "-e", program], cwd=folder, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def fine_gray(time, event, x):
    return fit_fine_gray(EventTimes(time, event), x[:, None])


def test_as_many_as_crr_can_take(tmp_path):
    patients = draw(46_340)
    fit = fine_gray(*patients)
    assert sandwich_se(*patients, *fit.coef, squared) == pytest.approx(*fit.se("robust"), rel=1e-12)
    assert in_r(CRR, *patients, tmp_path) == pytest.approx(*fit.se("robust"), rel=1e-6)


def test_more_are_wrong_in_crr_by_its_overflow(tmp_path):
    patients = draw(65_540)  # whose square leaves little beyond 2 to the 32nd
    fit = fine_gray(*patients)
    assert sandwich_se(*patients, *fit.coef, squared) == pytest.approx(*fit.se("robust"), rel=1e-12)
    theirs = in_r(CRR, *patients, tmp_path)
    assert theirs > (1 + 1e-5) * fit.se("robust")
    overflown = sandwich_se(*patients, *fit.coef, squared_in_32_bits)
    assert theirs == pytest.approx(overflown, rel=1e-7)


def test_crr_has_no_standard_error_where_the_square_becomes_zero(tmp_path):
    patients = draw(65_536)
    assert not np.isfinite(in_r(CRR, *patients, tmp_path))
    assert np.isfinite(fine_gray(*patients).se("robust")).all()


@pytest.mark.parametrize("size", [30_000, 60_000])
def test_grays_test_of_many_events_in_a_month(size, tmp_path):
    """Events in the first month only, of which group 0 has fewer, leave a score in closed form."""
    group = np.repeat([0, 1], size)
    dead = np.r_[np.arange(size) < 0.40 * size, np.arange(size) < 0.41 * size]
    time, event = np.where(dead, 1, 2), dead.astype(int)
    statistic = gray_test(EventTimes(time, event), group).statistic
    theirs = in_r(GRAY, time, event, group, tmp_path)
    deaths, in_group_0 = dead.sum(), dead[:size].sum()
    score = in_group_0 - deaths * size / (2 * size)
    overflown = in_group_0 - times_in_32_bits(deaths, size) / (2 * size)
    assert theirs == pytest.approx(statistic * (overflown / score) ** 2, rel=1e-9)
    assert (theirs == pytest.approx(statistic, rel=1e-9)) == (deaths * size < 2**31)
