"""Since when the oldest record waits: by the kernel's count in one boot, by dates across two, else since the start."""

from typing import Any

import pytest

from edge.city.waiting import Waiting
from edge.records.ledger import Ledger
from protocol.city.events import CityObeyed


@pytest.fixture
def written(ledger: Ledger, hand_clock: Any) -> None:
    """A record that is a thousand seconds old."""
    with ledger.batch():
        said = CityObeyed(command="x", name="x", issued="", kid="")
        ledger.append("city.obeyed", "410108001-01", said, hand_clock.now(), hand_clock.boot_id)
    hand_clock.go(1000.0)


@pytest.mark.usefixtures("written")
def test_in_one_boot_no_calendar_matters(ledger: Ledger, hand_clock: Any) -> None:
    hand_clock.wall = hand_clock.wall.replace(year=2031)
    hand_clock.worth = "unsynced"
    assert Waiting(ledger, hand_clock).since(1) == pytest.approx(hand_clock.steady() - 1000.0)


@pytest.mark.usefixtures("written")
def test_across_two_boots_the_dates_tell_where_both_are_believed(ledger: Ledger, hand_clock: Any) -> None:
    hand_clock.boot_id = "another"
    hand_clock._steady = 50.0  # of the new boot
    waiting = Waiting(ledger, hand_clock)
    assert waiting.since(1) == pytest.approx(50.0 - 1000.0)
    hand_clock.worth = "unsynced"
    hand_clock._steady += 2.0
    assert waiting.since(1) == pytest.approx(0.0)  # it waited at least since the box was started
    hand_clock.worth = "synced"
    hand_clock._steady += 2.0
    assert waiting.since(1) == pytest.approx(54.0 - 1000.0)


@pytest.mark.usefixtures("written")
def test_a_backlog_on_its_way_is_looked_at_once_a_second(ledger: Ledger, hand_clock: Any) -> None:
    waiting = Waiting(ledger, hand_clock)
    old = waiting.since(1)
    assert waiting.since(2) == old  # not looked at yet
    assert waiting.since(None) is None
    assert waiting.since(1) == old


@pytest.mark.usefixtures("written")
def test_a_record_that_cannot_be_read_waits_all_the_same(ledger: Ledger, hand_clock: Any) -> None:
    assert Waiting(ledger, hand_clock).since(7) == pytest.approx(0.0)
