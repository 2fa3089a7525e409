"""The station's time is put elsewhere: its record says from when to when, on whose word, and how sure that is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from edge.between.fixed_words import ClockSource
from edge.records.clock import Step, text_of

Box = Any  # the station of tests/edge/conftest.py


@pytest.mark.parametrize("hours", [1, 0, -1])
def test_a_step_stands_in_its_record_and_the_ledger_knows_where_time_went_back(
    box: Callable[..., Box], hand_clock: Any, hours: int
) -> None:
    station = box()
    station.enters()
    before = hand_clock.wall
    hand_clock.is_set(before + timedelta(hours=hours), person="王敏")
    station.turn()
    record = station.last
    assert (record["type"], record["subject"]) == ("cn.marketedge.market.clock.step.v1", "410108001-01")
    assert record["data"] == {
        "boot_id": hand_clock.boot_id,
        "offset_ms": hours * 3_600_000,
        "before": text_of(before.timestamp()),
        "after": text_of(before.timestamp() + hours * 3600),
        "state": "synced",
        "source": "person",
        "why": "confirmed",
        "person": "王敏",
    }
    assert record["time"] == record["data"]["after"]
    went_back = [seq for (seq,) in station.ledger.conn.execute("SELECT * FROM time_went_back")]
    assert went_back == ([station.ledger.head.seq] if hours < 0 else [])


def test_a_time_that_is_estimated_says_how_far_off_it_may_be(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    now = hand_clock.wall.timestamp()
    estimate = Step(hand_clock.up(), now, now + 60, "holdover", ClockSource.PLATFORM, "estimated", error=1.5)
    hand_clock._coming = estimate
    station.turn()
    data = station.last["data"]
    assert (data["why"], data["source"], data["person"], data["error_ms"]) == ("estimated", "platform", None, 1500)
