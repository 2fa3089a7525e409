"""Records take every number that a decoder gives."""

import struct
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from protocol.analyzers.shared import fields
from protocol.city.events import DecimalText, decimal_text
from simulator.analyzers.taiyang import Taiyang

Box = Any  # the station of tests/edge/conftest.py
TEXT: TypeAdapter[str] = TypeAdapter(DecimalText)


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        ("12.50", "12.50"),
        ("0.0034799786", "0.0034799786"),
        ("1.0000000E-6", "0.0000010000000"),
        ("1.17549435E-38", "0.00000000000000000000"),
        ("6901234567892", "6901234567892"),
        ("999999999999999", "999999999999999"),
        ("123456789012345.123456789", "123456789012345"),
        ("12345678901234.25", "12345678901234.2"),  # half to even
        ("12345678901234.35", "12345678901234.4"),
        ("-0.000", "-0.000"),
        ("1E+3", "1000"),
        ("1E+15", None),
        ("999999999999999.9", None),  # rounds to 16 digits
        ("3.4028235E+38", None),
        ("NaN", None),
        ("Infinity", None),
    ],
)
def test_a_number_is_held_with_its_digits_or_rounded_half_even(sent: str, held: str | None) -> None:
    assert decimal_text(Decimal(sent)) == held
    if held is not None:
        TEXT.validate_python(held)


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(-(10**16), 10**16, allow_nan=False, places=9))
def test_what_is_held_fits_a_record_and_is_as_near_as_15_digits_get(value: Decimal) -> None:
    held = decimal_text(value)
    if held is None:
        assert abs(value) >= Decimal("999999999999999.5")
        return
    TEXT.validate_python(held)
    assert abs(Decimal(held) - value) <= max(abs(value) * Decimal("1e-14"), Decimal("1e-20"))
    assert decimal_text(Decimal(held)) == held


@given(st.binary(min_size=4, max_size=4))
def test_every_single_of_an_instrument_fits_a_record_or_is_beyond_any(data: bytes) -> None:
    value = fields.single(data)
    if value is None:
        return
    held = decimal_text(value)
    if held is None:
        assert abs(struct.unpack(">f", data)[0]) >= 9.9e14
    else:
        TEXT.validate_python(held)


def test_a_record_takes_no_more_digits_than_it_says() -> None:
    for text in ("1" * 16, "0." + "1" * 21, "", "1e3", "+1", "１"):
        with pytest.raises(ValidationError):
            TEXT.validate_python(text)


# --- through the core -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0.0034799786", "0.00000123456789", "6901234567892", "123456789012345", "-0.005"])
@pytest.mark.parametrize("where", ["value", "limit", "control"])
def test_a_result_with_such_a_number_is_recorded(box: Callable[..., Box], value: str, where: str) -> None:
    station = box()
    code = station.enters()
    number = value if where == "value" else "12.5"
    more = {} if where == "value" else {where: Decimal(value)}
    (record,) = station.tests(station.result(station.lot(code).sample, number, **more))
    assert station.board.unread == ()
    data = record["data"]
    held = {"value": data["value"], "limit": data["limit"], "control": data["control"]}
    assert held[where] == value


def test_a_number_with_too_many_digits_is_rounded_and_kept_as_sent(box: Callable[..., Box]) -> None:
    station = box()
    (record,) = station.tests(station.result("7", "123456789012345.123456789"))
    assert (record["data"]["value"], record["data"]["text"]) == ("123456789012345", "123456789012345.123456789")


def test_a_number_beyond_every_record_is_kept_as_text(box: Callable[..., Box]) -> None:
    station = box()
    (record,) = station.tests(station.result("7", "3.4028235E+38"))
    assert (record["data"]["value"], record["data"]["text"]) == (None, format(Decimal("3.4028235E+38"), "f"))
    assert [one.why for one in station.waiting]
    assert station.board.unread == ()


def test_the_reading_of_a_taiyang_below_a_hundredth_is_recorded(box: Callable[..., Box]) -> None:
    station = box()
    made = Taiyang().measure(1, Decimal("0.0034799786"), datetime(2026, 11, 22, 5, 0))  # noqa: DTZ001
    (record,) = station.tests(made)
    assert record["data"]["value"] == format(made.value, "f")
    assert len(record["data"]["value"]) >= 12


def test_the_1001st_measurement_of_a_lot_is_counted(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    sample = station.lot(code).sample
    station.tests(station.result(sample, "80"))
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE lots SET items = replace(items, '\"p\"', ?)", (f'"p{"i" * 999}"',))
    (record,) = station.tests(station.result(sample, "12.5"))
    assert record["data"]["measurement"] == 1001
    assert station.board.unread == ()


def test_a_result_of_a_product_that_is_no_longer_sold_here_is_recorded(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    sample = station.lot(code).sample
    station.core._station.products.pop("01040201")
    (record,) = station.tests(station.result(sample, "12.5"))
    assert record["data"]["goods"]["name"] == "大白菜"
    assert station.board.unread == ()
