"""A sale of what lies on the scale: by the weight the person saw, once, and with what the clock is worth."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import PortChanged, Refused

Box = Any  # the station of tests/edge/conftest.py
SCALE = """
[gate]
unchecked = "accept"
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "200 g"
e = "10 g"
verified_until = {until}
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""
UNPRICED = """
[[product]]
code = "01040801"
name = "韭菜"
"""
EXPIRED, VALID = "2020-06-30", "2099-12-31"


@pytest.fixture
def counter(box: Callable[..., Box], elsewhere: str) -> Callable[..., tuple[Box, str]]:
    """A stall with 1.250 kg on its scale, and a lot that may be sold."""

    def opened(until: str = VALID) -> tuple[Box, str]:
        station = box(SCALE.format(until=until))
        lot = station.enters(upstream=elsewhere)
        station.puts("1.250")
        return station, lot

    return opened


def refused(station: Box, lot: str, **more: Any) -> str:
    with pytest.raises(Refused) as said:
        station.sells(lot, **more)
    return said.value.code


@pytest.mark.parametrize("more", [{"seen_g": 1240}, {"seen_g": 1250, "tare_g": 50}, {"seen_g": 1200}])
def test_a_weight_the_person_did_not_see_is_not_sold(
    counter: Callable[..., tuple[Box, str]], more: dict[str, int]
) -> None:
    assert refused(*counter(), **more) == "weight_changed"


def test_goods_without_a_price_are_not_sold_before_somebody_says_one(box: Callable[..., Box], elsewhere: str) -> None:
    station = box(SCALE.format(until=VALID) + UNPRICED)
    lot = station.enters("01040801", upstream=elsewhere)
    station.puts("1.250")
    assert refused(station, lot, product="01040801") == "no_price"
    assert station.sells(lot, product="01040801", price_fen=800)["amount_fen"] == 1000


def test_an_amount_that_the_slips_code_cannot_hold_is_refused(box: Callable[..., Box], elsewhere: str) -> None:
    station = box(SCALE.format(until=VALID).replace('"30 kg"', '"1 t"').replace('"10 g"', '"100 g"'))
    lot = station.enters(upstream=elsewhere)
    station.turn(PortChanged("scale-1", False, "unplugged"))
    assert refused(station, lot, manual_g=429_497, reason="秤坏了", price_fen=10_000_000) == "amount"
    assert station.sells(lot, manual_g=429_496, reason="秤坏了", price_fen=10_000_000)["amount_fen"] == 4_294_960_000


def test_what_was_seen_after_the_tare_is_sold_once(counter: Callable[..., tuple[Box, str]]) -> None:
    station, lot = counter()
    assert station.sells(lot, seen_g=1200, tare_g=50)["net_g"] == 1200
    station.weighs("1.250")
    assert refused(station, lot, seen_g=1250) == "sold"


def test_what_was_sold_by_a_typed_weight_is_not_sold_again(counter: Callable[..., tuple[Box, str]]) -> None:
    station, lot = counter()
    station.turn(PortChanged("scale-1", False, "unplugged"))
    assert station.sells(lot, manual_g=1250, reason="秤坏了")["net_g"] == 1250
    station.turn(PortChanged("scale-1", True))
    station.weighs("1.250")
    assert refused(station, lot) == "sold"


@pytest.mark.parametrize(
    ("worth", "until", "code", "verified"),
    [
        ("synced", VALID, "", True),
        ("holdover", VALID, "", True),
        ("synced", EXPIRED, "unverified", None),
        ("unsynced", VALID, "", False),
        ("unsynced", EXPIRED, "", False),  # nobody knows the date
    ],
)
def test_a_verification_is_believed_only_by_a_clock_that_can_be(
    counter: Callable[..., tuple[Box, str]], hand_clock: Any, worth: str, until: str, code: str, verified: bool | None
) -> None:
    hand_clock.worth = worth
    station, lot = counter(until)
    if code:
        assert refused(station, lot) == code
        return
    station.sells(lot)
    assert station.last["data"]["scale_verified"] is verified
