"""The fleet: true ledgers before a true city; what it counts is what the city has."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.bench.fleet import shares_of
from simulator.bench.fleet_link import Link, packet


def test_every_station_and_every_event_is_somebodys(tmp_path: Path) -> None:
    same = {"seed": "s", "brokers": ("mqtt://a",), "mqtt": "5", "city": ""}
    for stations, events, processes in ((7, 100, 3), (1, 5, 1), (10, 3, 4), (5000, 10_007, 6)):
        shares = shares_of(stations, events, processes, tmp_path / f"{stations}-{processes}", **same)
        assert [share.first for share in shares] == [sum(one.count for one in shares[:n]) for n in range(len(shares))]
        assert (sum(one.count for one in shares), sum(one.events for one in shares)) == (stations, events)


class Owner:
    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def up(self) -> None:
        self.heard.append(("up",))

    def message(self, topic: str, payload: bytes, retained: bool) -> None:
        self.heard.append((topic, payload, retained))

    def acknowledged(self, mid: int, code: int) -> None:
        self.heard.append((mid, code))

    def down(self, cause: str) -> None:
        self.heard.append(("down", cause))


@pytest.mark.parametrize("at_once", [1, 2, 1000])
@pytest.mark.parametrize("five", [True, False])
def test_its_link_hears_the_same_however_the_bytes_come(five: bool, at_once: int) -> None:
    """SUBACK, PUBACK with and without a reason, and a message of QoS 0 with properties and 200 bytes."""
    owner = Owner()
    link = Link("one", ("a/ack",), five, owner)
    none = b"\0" if five else b""
    message = packet(0x30, b"\0\x05a/ack" + (b"\x02\x01\x01" if five else b"") + b"x" * 200)
    stream = packet(0x90, b"\0\x01" + none + b"\x01") + packet(0x40, b"\0\x07") + packet(0x40, b"\0\x08\x97") + message
    for start in range(0, len(stream), at_once):
        link.data_received(stream[start : start + at_once])
    assert owner.heard == [("up",), (7, 0), (8, 0x97), ("a/ack", b"x" * 200, False)]


@pytest.mark.parametrize(
    ("five", "said", "cause"),
    [
        (True, packet(0x20, b"\0\x9f\0"), "busy"),
        (False, packet(0x20, b"\0\x03"), "busy"),
        (True, packet(0xE0, b"\x8b\0"), "shut_down"),
        (True, packet(0xE0, b""), "lost"),
        (True, b"", "lost"),
    ],
)
def test_its_link_tells_why_it_ended_as_the_products_does(five: bool, said: bytes, cause: str) -> None:
    owner = Owner()
    link = Link("one", ("a/ack",), five, owner)
    link.data_received(said)
    link.connection_lost(None)
    assert owner.heard == [("down", cause)]


@pytest.mark.broker
def test_a_small_fleet_delivers_all_and_comes_back_after_the_brokers_death(tmp_path: Path) -> None:
    words = [
        "--stations",
        "6",
        "--events",
        "45",
        "--store",
        "sqlite",
        "--processes",
        "1",
        "--storm",
        "--away",
        "0",
        "--json",
    ]
    command = [sys.executable, "-m", "simulator.cli", "fleet", *words, "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["acked"], said["not_delivered"]) == (45, {})
    assert said["kept"] == {"records": 45, "missing": 0, "broken_chains": 0}
    assert (said["storm"]["heard"], said["storm"]["connections"]) == (6, 6)
    assert [*tmp_path.iterdir()] == []
