"""Numbers, intervals and contrasts as they are printed."""

import numpy as np
import pytest
from seermatch.errors import StudyError
from seermatch.paper.numbers import padded, parse_interval, parse_number, widen_padded
from seermatch.paper.tables import (
    level_of,
)


@pytest.mark.parametrize(
    ("text", "value", "half_unit"),
    [
        ("0.450", 0.45, 0.0005),
        ("1,170", 1170, 0.5),
        ("5.48e5", 548000, 500),
        ("1.18e-6", 1.18e-6, 5e-9),
        ("−0.13", -0.13, 0.005),
        ("Inf", np.inf, 0),
    ],
)
def test_printed_numbers(text, value, half_unit):
    number = parse_number(text)
    assert number.value == value
    assert number.half_unit == pytest.approx(half_unit)


def test_bounds_and_missing_numbers():
    below, above = parse_number("<0.001"), parse_number(">0.999")
    assert below.covers(0.0009)
    assert not below.covers(0.0011)
    assert above.covers(0.9995)
    assert not above.covers(0.99)
    assert parse_number("") is None
    assert parse_number("NA") is None
    assert parse_interval("") == (None, None)
    assert [end.value for end in parse_interval("0.5-1.3")] == [0.5, 1.3]
    for text in ("abc", "1.2.3", "0,5 mm"):
        with pytest.raises(StudyError, match="not a printed number"):
            parse_number(text)
    with pytest.raises(StudyError, match="not a printed interval"):
        parse_interval("1.2")


def test_padding():
    column = [parse_number(text) for text in ("1.070", "4.130", "1.18e4", "1.810", "3.060")]
    assert padded(column)
    assert [number.half_unit for number in widen_padded(column)] == [0.005, 0.005, 50, 0.005, 0.005]
    assert not padded(column[:3])
    assert not padded([*column, parse_number("1.183")])


@pytest.mark.parametrize(
    ("contrast", "level"),
    [
        ("Breast subtype (HR–/HER2+ vs HR+/HER2–)", "HR-/HER2+"),
        ("Breast subtype (HR−/HER2+ vs HR+/HER2−)", "HR-/HER2+"),
        ("ER positive vs negative", "Positive"),
        ("ER (Positive vs Negative)", "Positive"),
        ("Histologic type (Other vs IDC)", "Other"),
        ("Tumor size (mm)", ""),
    ],
)
def test_levels(contrast, level):
    assert level_of(contrast) == level
