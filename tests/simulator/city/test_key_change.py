"""A station changes its key: the city follows the record of the old key, and knows what each of them signed."""

import json
import re
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.city.key_events import proof
from simulator.city.orders import ordered
from simulator.city.reader import Reader

pytestmark = pytest.mark.broker


def rotated(station: Any, **changes: Any) -> tuple[bytes, Ed25519PrivateKey]:
    """The record, signed by the old key; and the new one."""
    new = Ed25519PrivateKey.generate()
    data = {
        "old_key": station.hex,
        "new_key": new.public_key().public_bytes_raw().hex(),
        "proof": proof(station.name, station.key.public_key(), new),
        "why": "离职",
        "person": "王敏",
    }
    return station.event("key.rotated", data | changes, subject=station.name), new


def goes_on_with(station: Any, key: Ed25519PrivateKey) -> None:
    station.key, station.hex = key, key.public_key().public_bytes_raw().hex()


def test_records_before_and_after_the_change_are_taken_and_nobody_goes_back(town: Any) -> None:
    city, station, wire = town
    wire.event(station.entry(1))
    old, before = station.key, station.entry(2)
    wire.event(before)
    record, new = rotated(station)
    goes_on_with(station, new)
    wire.state(station.state())  # not known yet: it is not answered
    wire.event(record, alarm=True)
    wire.event(station.entry(3))
    wire.until(lambda seen: seen.upto == 4)
    wire.state(station.state())
    wire.until(lambda seen: any(ack.birth for ack in seen.acks))
    wire.event(before)  # sent again: it was the old key's time
    wire.until(lambda seen: len(seen.acks) >= 3)
    number = station.sequence
    station.key = old
    wire.event(station.entry(9))
    wire.until(lambda seen: "unknown_key" in seen.rejected.values())
    assert wire.upto == number
    with Reader(city.db) as reader:
        assert reader.key_of(station.name) == new.public_key().public_bytes_raw()
    wire.event(record, alarm=True)  # once more
    wire.until(lambda seen: len(seen.acks) >= 5)
    with Reader(city.db) as reader:
        (told,) = ordered(reader.db)  # once, to all of the node
    assert (told.name, told.target) == ("keys", f"{station.topics.node}-all")
    stations = [{"station": station.name, "public_key": new.public_key().public_bytes_raw().hex(), "revoked": False}]
    assert json.loads(told.fields)["stations"] == stations


def test_slips_of_both_keys_are_genuine(town: Any) -> None:
    city, station, wire = town
    data, first = station.slip(1)
    wire.event(station.event("trade.completed", data, subject=data["slip"]["tx"]))
    record, new = rotated(station)
    wire.event(record)
    goes_on_with(station, new)
    data, second = station.slip(2)
    wire.event(station.event("trade.completed", data, subject=data["slip"]["tx"]))
    wire.until(lambda seen: seen.upto == 3)
    for url in (first, second):
        page = httpx.get(city.url + re.sub(r"^https://[^/]+", "", url), headers={"Cookie": "lang=en"}).text
        assert "forged" not in page.lower() and "unknown" not in page.lower()
        assert "43.19" in page


@pytest.mark.parametrize("fault", ["proof", "other", "stranger"])
def test_a_change_that_is_not_proven_changes_nothing(town: Any, fault: str) -> None:
    city, station, wire = town
    wire.event(station.entry(1))
    known = station.hex
    changes = {
        "proof": {"proof": "A" * 86 + "=="},
        "other": {"old_key": "ab" * 32},
        "stranger": {},
    }[fault]
    if fault == "stranger":
        goes_on_with(station, Ed25519PrivateKey.generate())
    record, _ = rotated(station, **changes)
    wire.event(record)
    wire.until(lambda seen: bool(seen.rejected))
    assert set(wire.rejected.values()) == {"unknown_key" if fault == "stranger" else "bad_data"}
    with Reader(city.db) as reader:
        assert reader.key_of(station.name) == bytes.fromhex(known)
        assert ordered(reader.db) == []
