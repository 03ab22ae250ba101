import numpy as np
import pytest
from seermatch.errors import StudyError
from seermatch.event_times import check_event_times, check_weights


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
        check_event_times(time, event)


@pytest.mark.parametrize("weights", [[1], [1, -1], [1, np.nan], [0, 0]])
def test_unusable_weights_are_named(weights):
    with pytest.raises(StudyError, match="weight"):
        check_weights(weights, 2)


def test_narrow_integers_and_booleans_are_accepted():
    time, event = check_event_times(np.array([3, 0], dtype=np.int16), np.array([True, False]))
    assert time.dtype == np.float64
    np.testing.assert_array_equal(event, [1, 0])
