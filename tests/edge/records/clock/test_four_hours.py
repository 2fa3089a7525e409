"""The four hours for a recheck on a box without a clock battery: steps while it runs, and over restarts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from edge.between.commands import HoldLot
from edge.between.held_commands import TellHolder
from edge.jobs import holds, rechecks
from edge.state.hold_steps import FOUR_HOURS
from edge.state.on_time import SAVE_SECONDS

HOUR = 3600.0


@pytest.fixture
def told(box: Callable[..., Any]) -> Any:
    """Goods are held and their holder was told, while nobody vouches for the clock."""
    one = box()
    one.enter()
    one.does(lambda: holds.hold(one.station, HoldLot(lot=one.lot, reason="投诉", person="王敏")))
    one.does(lambda: rechecks.tell(one.station, TellHolder(lot=one.lot, told="货主", person="王敏")))
    return one


def since(one: Any) -> tuple[float, bool]:
    _, case = one.station.holds.standing(one.lot)
    found = one.station.holds.since(case)
    return found.seconds, found.sure


@pytest.mark.parametrize("wall", ["1970-01-01 08:00", "2026-11-26 08:00", "2027-11-27 08:00", "2026-11-27 09:00"])
def test_a_step_while_it_runs_changes_nothing(told: Any, wall: str) -> None:
    told.advance(HOUR)
    told.wall = datetime.fromisoformat(f"{wall}+08:00").timestamp()
    told.kernel = True
    told.look()
    assert since(told) == (pytest.approx(HOUR, abs=10), True)
    told.start()
    assert since(told) == (pytest.approx(HOUR, abs=10), True)


def test_what_was_told_before_the_first_sync_is_dated_by_it(told: Any) -> None:
    told.advance(HOUR)
    told.wall += 26 * HOUR
    told.kernel = True
    told.look()
    ended = told.wall
    told.reboot("1970-01-01 08:00")
    assert since(told) == (pytest.approx(20.0, abs=1), False)
    told.advance(HOUR)
    assert since(told) == (pytest.approx(HOUR + 20, abs=1), False)
    told.wall, told.kernel = ended + 2 * HOUR, True
    told.look()
    assert since(told) == (pytest.approx(3 * HOUR, abs=15), True)


def test_without_a_sync_only_what_the_box_was_on_for_is_proven(told: Any) -> None:
    told.reboot("2026-11-28 08:00")
    assert since(told)[1] is False
    told.kernel = True
    told.look()
    assert since(told)[1] is False  # T0 itself was never dated
    told.advance(FOUR_HOURS)
    _, case = told.station.holds.standing(told.lot)
    assert told.station.holds.since(case).over


def sits(one: Any, seconds: float) -> None:
    """It is on for so long, and what the core would save meanwhile is saved."""
    while seconds > 0:
        one.advance(min(600.0, seconds))
        seconds -= 600.0
        one.station.holds.views()
        if one.station.on_time.unsaved:
            one.does(one.station.on_time.save)


def test_over_many_restarts_without_a_date_the_time_the_box_was_on_adds_up(told: Any) -> None:
    for _ in range(4):
        sits(told, HOUR)
        told.reboot("1970-01-01 08:00")
    seconds, sure = since(told)
    assert not sure and 4 * HOUR - 4 * (SAVE_SECONDS + 600) <= seconds <= 4 * HOUR + 100
    assert seconds > 3 * HOUR - 600, "not only what this boot has seen"
    sits(told, HOUR + 4 * SAVE_SECONDS)
    assert told.station.holds.since(told.station.holds.standing(told.lot)[1]).over
    assert not told.station.on_time.unsaved


def test_nothing_is_written_while_nobody_waits(box: Callable[..., Any]) -> None:
    one = box()
    one.enter()
    sits(one, 10 * HOUR)
    assert one.ledger.conn.execute("SELECT count(*) FROM boots").fetchone() == (0,)


def test_what_earlier_boots_tell_is_kept_only_while_somebody_may_ask(told: Any) -> None:
    for _ in range(3):
        sits(told, HOUR)
        told.reboot("1970-01-01 08:00")
    sits(told, HOUR)
    boots = "SELECT count(*) FROM boots"
    assert told.ledger.conn.execute(boots).fetchone() == (4,)
    lot, _ = told.station.holds.standing(told.lot)
    told.does(lambda: told.station.holds.end(lot))
    told.does(told.station.on_time.mark)
    assert told.ledger.conn.execute(boots).fetchone() == (1,)
