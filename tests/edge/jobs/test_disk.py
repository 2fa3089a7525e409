"""The city hears that the disk gets full while there is time to come: once for each step, also over a restart."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from edge.state.disk import Disk, Space
from protocol.city.envelope import kind_of

TOTAL = 8_000_000_000


def becomes(station: Any, free: int) -> None:
    station.disk = Space(free, TOTAL)
    for _ in range(3):
        station.clock.go(31)
        station.turn()


def told(station: Any) -> list[tuple[str, int, int]]:
    """State, megabytes that were free, and the lane of each record of the disk."""
    lanes = dict(station.ledger.conn.execute("SELECT seq, lane FROM events").fetchall())
    events = {seq: station.ledger.event(seq) for seq in lanes}
    return [
        (one["data"]["state"], one["data"]["free_mb"], lanes[seq])
        for seq, one in sorted(events.items())
        if kind_of(one["type"]) == "disk.short"
    ]


def test_each_step_is_told_once_as_an_alarm(box: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    station = box()
    becomes(station, 800_000_000)
    assert told(station) == []
    becomes(station, 799_000_000)
    becomes(station, 700_000_000)
    assert told(station) == [("short", 799, 1)]
    monkeypatch.setattr(type(station), "disk", Space(650_000_000, TOTAL))
    station = box()
    becomes(station, 650_000_000)
    assert told(station) == [("short", 799, 1)]
    becomes(station, 150_000_000)
    assert told(station)[1:] == [("full", 150, 1)]
    assert station.last["data"] == {"state": "full", "free_mb": 150, "total_mb": 8_000}
    assert (station.board.disk_free, station.board.disk_total) == (150_000_000, TOTAL)


def test_the_space_is_that_of_the_disk_with_the_ledger(box: Callable[..., Any]) -> None:
    station = box()
    space = Disk(station.ledger, station.clock).look()
    there = os.statvfs(station.ledger.path)
    assert space.total == there.f_blocks * there.f_frsize
    assert 0 < space.free <= space.total


def test_a_disk_at_its_limit_does_not_go_to_and_fro(box: Callable[..., Any]) -> None:
    station = box()
    becomes(station, 790_000_000)
    for free in (810_000_000, 790_000_000, 990_000_000):
        becomes(station, free)
    assert told(station) == [("short", 790, 1)]
    becomes(station, 1_010_000_000)
    assert told(station)[1:] == [("enough", 1010, 0)]
