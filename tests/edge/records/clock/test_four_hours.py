"""The four hours for a recheck on a box without a clock battery: steps while it runs, and over restarts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from edge.between.commands import HoldLot
from edge.between.held_commands import TellHolder
from edge.jobs import holds, rechecks
from edge.state.hold_steps import FOUR_HOURS

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
