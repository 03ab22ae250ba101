import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seermatch.errors import StudyError
from seermatch.survival.event_times import EventTimes
from seermatch.survival.incidence import cumulative_incidence, incidence_by_group

patients = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=30
)


def curve(frame, cause):
    return frame[frame["cause"] == cause].reset_index(drop=True)


def naive_incidence(time, event, cause):
    """Aalen–Johansen by its definition, one time at a time."""
    survival, incidence, result = 1.0, 0.0, []
    for t in sorted(set(time)):
        n = sum(u >= t for u in time)
        own = sum(u == t and e == cause for u, e in zip(time, event, strict=True))
        any_cause = sum(u == t and e > 0 for u, e in zip(time, event, strict=True))
        incidence += survival * own / n
        survival *= 1 - any_cause / n
        result.append(incidence)
    return result, survival


@settings(derandomize=True, max_examples=40, deadline=None)
@given(patients)
def test_incidences_and_survival_sum_to_one(rows):
    time, event, _ = map(list, zip(*rows, strict=True))
    frame = cumulative_incidence(EventTimes(time, event))
    total = np.zeros(frame["time"].nunique())
    for cause in (1, 2):
        own = curve(frame, cause)
        expected, survival = naive_incidence(time, event, cause)
        np.testing.assert_allclose(own["estimate"], expected, atol=1e-14)
        assert own["estimate"].is_monotonic_increasing
        assert (own["se"] >= 0).all()
        known = own.dropna()
        assert (known["low"] <= known["estimate"] + 1e-12).all()
        assert (known["estimate"] <= known["high"] + 1e-12).all()
        assert own.loc[own["estimate"] == 0, "low"].isna().all()
        total += own["estimate"].to_numpy()
    assert total[-1] + survival == pytest.approx(1, abs=1e-14)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(patients)
def test_whole_weights_are_copies_of_patients(rows):
    time, event, weights = map(np.array, zip(*rows, strict=True))
    weighted = cumulative_incidence(EventTimes(time, event, weights=weights))
    copies = cumulative_incidence(EventTimes(np.repeat(time, weights), np.repeat(event, weights)))
    for column in ("time", "at_risk", "events", "estimate"):
        np.testing.assert_allclose(weighted[column], copies[column], atol=1e-14)


def test_order_of_patients_does_not_matter():
    rng = np.random.default_rng(3)
    time, event = rng.integers(0, 10, 80), rng.integers(0, 3, 80)
    order = rng.permutation(80)
    first, second = (
        cumulative_incidence(EventTimes(time, event)),
        cumulative_incidence(EventTimes(time[order], event[order])),
    )
    np.testing.assert_array_equal(first.to_numpy(), second.to_numpy())


def test_numbers_at_every_distinct_time():
    frame = curve(cumulative_incidence(EventTimes([0, 0, 2, 5, 5, 5], [2, 0, 0, 1, 1, 0])), 1)
    assert frame["time"].tolist() == [0, 2, 5]
    assert frame["at_risk"].tolist() == [6, 4, 3]
    assert frame["events"].tolist() == [0, 0, 2]
    assert frame["at_risk"].dtype.kind == "i"


def test_variance_with_one_cause_and_no_ties():
    """Gray's formula then is S² Σ 1/(n-1)², close to Greenwood's S² Σ 1/(n(n-1))."""
    time, event = np.arange(1, 13), np.array([1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0])
    frame = cumulative_incidence(EventTimes(time, event), causes=[1])
    n = frame["at_risk"].to_numpy()
    survival = np.cumprod(1 - event / n)
    expected = survival * np.sqrt(np.cumsum(event / np.maximum(n - 1, 1) ** 2))
    at_events = event == 1
    np.testing.assert_allclose(frame["se"][at_events], expected[at_events], rtol=1e-12)


def test_log_log_interval():
    frame = cumulative_incidence(EventTimes([1, 2, 3, 4], [1, 0, 1, 0]), causes=[1], confidence=0.9)
    f, se = frame.loc[2, "estimate"], frame.loc[2, "se"]
    width = 1.6448536269514722 * se / (f * np.log(f))
    assert frame.loc[2, "low"] == pytest.approx(f ** np.exp(-width), rel=1e-12)
    assert frame.loc[2, "high"] == pytest.approx(f ** np.exp(width), rel=1e-12)
    with pytest.raises(StudyError, match="confidence"):
        cumulative_incidence(EventTimes([1], [1]), confidence=95)


def test_incidence_of_one_has_no_interval():
    frame = curve(cumulative_incidence(EventTimes([1, 2, 3], [1, 1, 1])), 1)
    assert frame["estimate"].iloc[-1] == pytest.approx(1)
    assert np.isnan(frame["high"].iloc[-1])


def test_cause_without_events_stays_at_zero():
    frame = curve(cumulative_incidence(EventTimes([1, 2, 3], [1, 0, 1])), 2)
    assert (frame[["estimate", "se", "events"]] == 0).all(axis=None)
    assert frame[["low", "high"]].isna().all(axis=None)


def test_jackknife_variance_by_its_definition():
    rng = np.random.default_rng(5)
    n = 40
    time, event = rng.integers(0, 8, n), rng.integers(0, 3, n)
    weights = rng.uniform(0.5, 2, n)
    frame = curve(cumulative_incidence(EventTimes(time, event, weights=weights)), 1)
    variance = 0
    for i in range(n):
        moved = []
        for step in (1e-5, -1e-5):
            changed = weights.copy()
            changed[i] += step
            moved.append(
                curve(cumulative_incidence(EventTimes(time, event, weights=changed)), 1)["estimate"]
            )
        variance = variance + (weights[i] * (moved[0] - moved[1]) / 2e-5) ** 2
    np.testing.assert_allclose(frame["se"] ** 2, variance, rtol=1e-6, atol=1e-14)


def test_patients_of_weight_zero_do_not_count():
    frame = cumulative_incidence(EventTimes([1, 2, 3, 9], [1, 2, 0, 1], weights=[1, 1, 1, 0]))
    assert frame["time"].max() == 3


def test_groups_and_causes_are_named_in_order():
    labels = {1: "M0(i+)", 0: "M0"}
    data = EventTimes([1, 2, 2, 3], [1, 2, 1, 0])
    frame = incidence_by_group(data, [0, 0, 1, 1], labels, ["cancer death", "other death"])
    assert frame["cause"].unique().tolist() == ["cancer death", "other death"]
    assert frame["group"].unique().tolist() == ["M0(i+)", "M0"]
    alone = cumulative_incidence(EventTimes([2, 3], [1, 0]))
    part = frame[frame["group"] == "M0(i+)"]
    np.testing.assert_array_equal(part["estimate"], alone["estimate"])
    assert part.columns.tolist() == [
        "cause",
        "group",
        "time",
        "at_risk",
        "events",
        "estimate",
        "se",
        "low",
        "high",
    ]


def test_unknown_and_empty_groups_are_named():
    data, names = EventTimes([1, 2], [1, 0]), ({0: "M0", 1: "M0(i+)"}, ["cancer"])
    with pytest.raises(StudyError, match="2 has no label"):
        incidence_by_group(data, [0, 2], *names)
    with pytest.raises(StudyError, match=r"no patients in M0\(i\+\)"):
        incidence_by_group(data, [0, 0], *names)
