"""Rubin's rules: against R and the example of SAS's manual."""

import numpy as np
import pytest
from seermatch.statistics.estimates import pool


def test_pooling_as_in_r():
    # R 4.2.2: W <- mean(s^2); T <- W + (1 + 1/m) * var(q); qt and pt with
    # (m - 1) * (1 + W / ((1 + 1/m) * var(q)))^2
    q, s = [0.1, 0.45, 0.2, -0.05, 0.3], [0.21, 0.2, 0.22, 0.19, 0.2]
    pooled = pool(q, s)
    found = (pooled.coef, pooled.se, pooled.df, pooled.p_value)
    expected = (0.2, 0.291924647812, 15.351984991412, 0.503489496561)
    assert found == pytest.approx(expected, rel=1e-11)
    limits = np.log(pooled.ratio())
    assert limits == pytest.approx([0.2, -0.420982423675, 0.820982423675], rel=1e-11)


def test_pooling_of_the_means_in_the_sas_manual():
    # SAS/STAT 14.1, MIANALYZE, example 76.1: mean oxygen uptake and its error in ten data sets;
    # the rules computed in R 4.2.2
    q = [47.0120, 47.2407, 47.4995, 47.1485, 47.0042, 47.2949, 46.9617, 46.9729, 46.9864, 46.9587]
    s = [0.95984, 0.93540, 1.00766, 0.95439, 0.96528, 0.95669, 0.93181, 0.94561, 0.93664, 0.94270]
    pooled = pool(q, s)
    found = (pooled.coef, pooled.se, pooled.df)
    assert found == pytest.approx((47.10795, 0.973125040929, 5839.359969629), rel=1e-10)


def test_equal_estimates_pool_to_themselves():
    pooled = pool([0.3] * 10, [0.2] * 10)
    assert (pooled.coef, pooled.se, pooled.df) == pytest.approx((0.3, 0.2, np.inf))
    assert pooled.p_value == pytest.approx(0.13361440253771614, rel=1e-12)  # 2 * pnorm(-1.5)
    assert pooled.ratio()[2] == pytest.approx(np.exp(0.3 + 1.959963984540054 * 0.2))


def test_an_estimate_that_is_missing_once_is_missing():
    pooled = pool([0.3, np.nan, 0.1], [0.2, np.nan, 0.2])
    assert np.isnan([*pooled.ratio(), pooled.p_value]).all()
