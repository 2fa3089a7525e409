"""How numbers, times and codes are written for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.written import grouped, kilograms, kilograms_as_shown, minute, moment, tail, yuan


def test_values_are_written_as_people_read_them() -> None:
    assert [yuan(5), yuan(438), yuan(4319), yuan(100000)] == ["0.05", "4.38", "43.19", "1000.00"]
    assert [yuan(-350), yuan(-5), yuan(0)] == ["-3.50", "-0.05", "0.00"]
    assert [kilograms(1250), kilograms(-5), kilograms(0), kilograms(99_999_999)] == [
        *("1.250", "-0.005", "0.000", "99999.999"),
    ]
    assert moment("2026-11-22T05:31:07.250000+08:00") == "2026-11-22 05:31:07"
    assert minute("2026-11-22T05:31:07+08:00") == "11-22 05:31"
    assert grouped("41010800120300000424") == "41010 80012 03000 00424"
    assert grouped("4101080010001") == "41010 80010 001"
    assert [tail("41010800110100010074"), tail("2026-11-22"), tail("7")] == ["…10074", "2026-11-22", "7"]


@given(st.integers(-(10**12), 10**12))
def test_kilograms_are_the_grams(grams: int) -> None:
    whole, fraction = kilograms(abs(grams)).split(".")
    assert int(whole) * 1000 + int(fraction) == abs(grams) and len(fraction) == 3
    assert kilograms(grams) == ("-" if grams < 0 else "") + kilograms(abs(grams))


@pytest.mark.parametrize(
    ("net_g", "value", "unit", "text"),
    [
        (12340, "12.340", "kg", "12.340"),
        (12340, "12.34", "kg", "12.34"),
        (12300, "12.3", "kg", "12.3"),
        (12345, "12.3", "kg", "12.345"),  # never rounded
        (12000, "12", "kg", "12"),
        (12340, "12340", "g", "12.340"),
        (12340, "12340.5", "g", "12.340"),
        (1200000, "1.2", "t", "1200"),
        (12340, "24.68", "jin", "12.340"),
        (0, "0.000", "kg", "0.000"),
    ],
)
def test_the_weight_keeps_the_scale_s_resolution(net_g: int, value: str, unit: str, text: str) -> None:
    assert kilograms_as_shown(net_g, value, unit) == text


@given(st.integers(0, 100_000_000), st.integers(0, 5), st.sampled_from(["kg", "g", "t", "lb"]))
def test_the_printed_weight_is_the_recorded_one(net_g: int, decimals: int, unit: str) -> None:
    shown = kilograms_as_shown(net_g, f"{1:.{decimals}f}", unit)
    whole, _, fraction = shown.partition(".")
    assert int(whole) * 1000 + int(fraction.ljust(3, "0")) == net_g
