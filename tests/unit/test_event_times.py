import numpy as np
import pandas as pd
import pytest
from seermatch.errors import StudyError
from seermatch.statistics.checks import check_labels, check_matrix, check_numbers, check_weights
from seermatch.survival.event_times import EventTimes, require_event_times


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([], [], "no patients"),
        ([1, 2], [1], "event has 1 values, but time has 2"),
        ([1, -1], [0, 1], "negative in 1 of 2"),
        ([1, np.nan], [0, 1], "missing or negative"),
        ([1, 2], [0, -1], "coded 0"),
        ([1, 2], [0, 0.5], "coded 0"),
        ([1, 2], ["alive", "dead"], "event: numbers are needed"),
    ],
)
def test_unusable_times_or_events_are_named(time, event, message):
    with pytest.raises(StudyError, match=message):
        EventTimes(time, event)


@pytest.mark.parametrize("weights", [[1], [1, -1], [1, np.nan], [0, 0]])
def test_unusable_weights_are_named(weights):
    with pytest.raises(StudyError, match="weight"):
        check_weights(weights, 2)


def test_numbers_in_columns_of_objects_are_numbers():
    frame = pd.DataFrame({"a": [True, False], "b": [1, 2]})
    np.testing.assert_array_equal(check_matrix("X", frame), [[1, 1], [0, 2]])
    np.testing.assert_array_equal(check_numbers("x", [None, 1, pd.NA], finite=False)[1], 1)
    masked = np.ma.masked_array([1, 2], mask=[True, False])
    for values in (["1", 2], [1, 2j], [pd.Timestamp(0), 1], np.array(["2020"], "M8[Y]")):
        with pytest.raises(StudyError, match="x: numbers are needed"):
            check_numbers("x", values)
    for values in ([None, 1], [pd.NA, 1.5], masked):
        with pytest.raises(StudyError, match="x: missing or infinite in 1 of 2 values"):
            check_numbers("x", values)


def test_labels_are_of_one_kind():
    for labels in ([3, 1], ["b", "a"], [0.5, 2], pd.Series(["b", "a"], dtype="category")):
        assert len(check_labels("group", labels, 2)) == 2
    for labels in (
        [1, "a"],
        [None, "a"],
        [np.nan, 1],
        [np.inf, 1],
        [[1], [2]],
        [1],
        "ab",
        ["a", np.nan],
    ):
        with pytest.raises(StudyError, match="group"):
            check_labels("group", labels, 2)


def test_narrow_integers_and_booleans_are_accepted():
    data = EventTimes(np.array([3, 0], dtype=np.int16), np.array([True, False]))
    assert data.time.dtype == np.int16
    np.testing.assert_array_equal(data.event, [1, 0])


def test_causes_and_parts():
    event = pd.Categorical.from_codes([0, 1, 2, 1], ["alive", "cancer", "other"])
    data = EventTimes([5, 4, 3, 2], pd.Series(event), [1, 1, 1, 0.5], [1, 1, 2, 2])
    assert (data.n, data.events, data.of().events) == (4, 2, 3)
    assert data.of(2).event.tolist() == [0, 2, 1, 2]
    assert data.of(2, competing=False).event.tolist() == [0, 0, 1, 0]
    part = data.take(data.time > 2)
    assert part.weights.tolist() == [1, 1, 1] and part.n == 3
    assert data.risk_table.at_risk.tolist() == [3.5, 3, 2, 1]
    assert part.risk_table.at_risk.tolist() == [3, 2, 1]
    assert EventTimes([1], [1], [1]).weights is None
    assert data.of(2).ever_at_risk.tolist() == [True, True, True, True]
    assert data.of(2, competing=False).ever_at_risk.tolist() == [True, True, True, False]
    with pytest.raises(StudyError, match="data must be EventTimes"):
        require_event_times([1, 2])
