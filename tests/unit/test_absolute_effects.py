"""Differences in risk and months lost, against R and against the derivative by weights."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from scipy.stats import norm
from seermatch.errors import StudyError
from seermatch.survival.absolute_effects import absolute_effects
from seermatch.survival.event_times import EventTimes
from seermatch.survival.incidence import cumulative_incidence
from seermatch.survival.kaplan_meier import kaplan_meier

MATCHED = Path(__file__).parent.parent / "data" / "matched.csv"

# R 4.2.2, survival 3.5-3, survfit(Surv(time, factor(status)) ~ 1, influence = TRUE) in each arm
# of matched.csv: difference of incidence of both causes, of months lost to both, of survival and
# of restricted means; standard errors by patient, and with influences summed by pair
R = {
    36: (
        (0.030549974142, -0.01268475873384, 0.443707106038),
        (-0.363500606272, -0.0178652154082, -0.0802064997657),
        (0.0125417673876, 0.00852764968162, 0.246490239658),
        (0.126405357485, 0.0150161129885, 0.2752942807800),
        (0.0126192519303, 0.00857393010012, 0.248327526927),
        (0.126293945053, 0.0152648859789, 0.2792265095834),
    ),
    48: (
        (0.0334636060134, -0.0248731074606, 0.852276616895),
        (-0.580082502963, -0.0085904985528, -0.272194113933),
        (0.0156820864596, 0.0104669297157, 0.393663207059),
        (0.213040672961, 0.0186461991752, 0.443515458238),
        (0.0159132374199, 0.0104910482381, 0.397684939665),
        (0.213318277936, 0.0190477876845, 0.452284239237),
    ),
}


def se_of(table):
    return (table["high"] - table["low"]) / 2 / ndtri(0.975)


@pytest.mark.parametrize("month", R)
def test_as_in_r(month):
    data = pd.read_csv(MATCHED)
    difference, by_patient, by_pair = np.reshape(R[month], (3, 6))
    for clusters, se in ((None, by_patient), (data["pair"].to_numpy(), by_pair)):
        table = absolute_effects(
            EventTimes(data["time"], data["status"], clusters=clusters), data["group"], [month]
        )
        np.testing.assert_allclose(table["difference"], difference, rtol=1e-9)
        np.testing.assert_allclose(se_of(table), se, rtol=1e-9)


def sample(seed, n=80):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, 15, n).astype(float),
        rng.choice(3, n, p=[0.3, 0.4, 0.3]),
        rng.permutation(np.arange(n) % 2),
        rng.uniform(0.3, 3, n),
        rng.integers(0, 25, n),
    )


@pytest.mark.parametrize("seed", range(6))
def test_standard_errors_are_derivatives_by_the_weights(seed):
    time, event, group, weights, clusters = sample(seed)
    month = min(time[group == 0].max(), time[group == 1].max()) - (seed % 2)

    def difference(w):
        return absolute_effects(EventTimes(time, event, weights=w), group, [month])[
            "difference"
        ].to_numpy()

    step = 1e-5
    influence = np.array(
        [
            w * (difference(weights + step * unit) - difference(weights - step * unit)) / (2 * step)
            for w, unit in zip(weights, np.eye(len(weights)), strict=True)
        ]
    )
    table = absolute_effects(
        EventTimes(time, event, weights=weights, clusters=clusters), group, [month]
    )
    sums = np.array([influence[clusters == label].sum(axis=0) for label in np.unique(clusters)])
    expected = np.sqrt((sums**2).sum(axis=0))
    left = absolute_effects(EventTimes(time, event, weights=weights), group, [month]).iloc[4]
    expected[4] *= np.nan if min(left["reference"], left["exposed"]) < 1e-9 else 1  # nobody left
    np.testing.assert_allclose(se_of(table), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_each_arm_agrees_with_the_other_estimators(seed):
    time, event, group, weights, _ = sample(seed, n=200)
    table = absolute_effects(EventTimes(time, event, weights=weights), group, [9.0]).set_index(
        "measure"
    )
    for code, arm in enumerate(("reference", "exposed")):
        rows = group == code
        curve = cumulative_incidence(EventTimes(time[rows], event[rows], weights=weights[rows]))
        last = curve[curve["time"] <= 9].groupby("cause")["estimate"].last()
        np.testing.assert_allclose(table.loc["cumulative incidence", arm], last, rtol=1e-12)
        total = table.loc["months lost", arm].sum() + table.loc["restricted mean survival", arm]
        assert total == pytest.approx(9)
    plain = absolute_effects(EventTimes(time, event), group, [9.0]).set_index("measure")
    for code, arm in enumerate(("reference", "exposed")):
        curve = kaplan_meier(EventTimes(time[group == code], event[group == code] > 0))
        curve = curve[curve["time"] <= 9]
        area = np.diff([0, *curve["time"], 9]) @ [1, *curve["estimate"]]
        assert plain.loc["restricted mean survival", arm] == pytest.approx(area)


def test_restricted_mean_is_the_mean_of_complete_data():
    time = np.array([0, 2, 2, 5, 7, 11])
    table = absolute_effects(EventTimes(np.tile(time, 2), np.ones(12)), np.repeat([0, 1], 6), [6])
    mean = table.set_index("measure").loc["restricted mean survival"]
    assert mean["reference"] == pytest.approx(np.minimum(time, 6).mean())
    se = np.minimum(time, 6).std() / np.sqrt(6)
    assert mean["high"] == pytest.approx(norm.ppf(0.975) * np.sqrt(2) * se)


def test_no_difference_between_equal_arms():
    time, event, _, _, _ = sample(1)
    twice, group = np.tile(time, 2), np.repeat([0, 1], len(time))
    sets = np.tile(np.arange(len(time)), 2)
    table = absolute_effects(EventTimes(twice, np.tile(event, 2), clusters=sets), group, [5, 10])
    # the sets pair each patient with a copy, so that not even chance can make a difference
    np.testing.assert_allclose(table[["difference", "low", "high"]], 0, atol=1e-12)


def test_beyond_the_follow_up_of_an_arm_nothing_is_claimed():
    time, event = np.array([1.0, 5, 9, 2, 3, 4]), np.array([1, 0, 0, 2, 1, 0])
    table = absolute_effects(EventTimes(time, event), [0, 0, 0, 1, 1, 1], [3, 8])
    assert table[table["month"] == 3]["difference"].notna().all()
    late = table[table["month"] == 8]
    assert late[["exposed", "difference", "low", "high"]].isna().all(axis=None)
    assert late["reference"].notna().all()


def test_an_empty_arm_is_refused():
    with pytest.raises(StudyError, match="no exposed patient"):
        absolute_effects(EventTimes([1, 2], [1, 0]), [0, 0], [1])
