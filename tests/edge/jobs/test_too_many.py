"""No instrument and no file writes records without bound, and thousands at once keep nobody waiting."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.inbox import Request, Tested
from edge.ports.port import Committed, NotCommitted
from edge.state.handover import SLICE

Box = Any  # the station of tests/edge/conftest.py
ENTRY = RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四")
SETTINGS = """
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
most_a_day = {most}
[[analyzer]]
name = "tester-8"
model = "dayuan-tl310"
port = "/dev/null"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""


@pytest.fixture
def station(box: Callable[..., Box]) -> Callable[[int], Box]:
    return lambda most: box(SETTINGS.format(most=most))


def some(station: Box, count: int, word: str = "r") -> tuple[Any, ...]:
    """Results of samples that nobody registered."""
    one = station.result("77", "12.5")
    return tuple(replace(one, identity=f"{word}{number}") for number in range(count))


def settle(station: Box) -> Iterator[int]:
    """Rounds until nothing that was handed over waits; how many records each made."""
    while station.core._handover.waiting:
        before = station.ledger.head.seq
        station.turn()
        yield station.ledger.head.seq - before


def test_more_than_so_many_new_results_are_not_recorded_and_stay_in_the_instrument(
    station: Callable[[int], Box], caplog: pytest.LogCaptureFixture
) -> None:
    running = station(5)
    for _ in range(3):
        running.turn(Tested("tester-1", some(running, 8)))
    assert running.ledger.head.seq == 5
    assert running.ports["tester-1"].orders == []  # neither committed, nor asked again at once
    assert running.board.analyzers[0].most == 5
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1 and "tester-1" in told[0] and "most_a_day" in told[0]
    assert running.board.unread == ()


def test_the_rest_of_the_station_goes_on(station: Callable[[int], Box]) -> None:
    running = station(5)
    running.turn(Tested("tester-1", some(running, 8)))
    lot = running.enters()
    assert len(running.tests(running.result(running.lot(lot).sample, "12.5"), device="tester-8")) == 1
    assert running.lot(lot).state == "released"
    assert running.ports["tester-8"].orders == [Committed()]


def test_what_was_handed_over_before_does_not_count(station: Callable[[int], Box]) -> None:
    running = station(5)
    memory = some(running, 5)
    for _ in range(4):
        running.turn(Tested("tester-1", memory))
        assert running.ports["tester-1"].orders == [Committed()]
        assert running.board.analyzers[0].most == 0
        running = station(5)
    assert running.ledger.head.seq == 5


def test_a_restart_does_not_lift_it_but_the_setting_does(station: Callable[[int], Box]) -> None:
    running = station(5)
    handed = some(running, 8)
    running.turn(Tested("tester-1", handed))
    running = station(5)
    running.turn(Tested("tester-1", handed))
    assert (running.ledger.head.seq, running.ports["tester-1"].orders) == (5, [])
    running = station(8)
    running.turn(Tested("tester-1", handed))
    assert (running.ledger.head.seq, running.ports["tester-1"].orders) == (8, [Committed()])


def test_what_comes_after_it_is_not_committed_either(station: Callable[[int], Box]) -> None:
    """A commit speaks of all that a port handed over: known results after those that were refused bring none."""
    running = station(5)
    handed = some(running, 6)
    running.turn(Tested("tester-1", handed))
    running.turn(Tested("tester-1", handed[:2]))
    assert running.ports["tester-1"].orders == []


def test_the_next_day_it_is_handed_over_again(station: Callable[[int], Box]) -> None:
    running = station(5)
    handed = some(running, 8)
    running.turn(Tested("tester-1", handed))
    running.turn()
    assert running.ports["tester-1"].orders == []
    running.clock.go(86_400)
    running.turn()
    running.turn()
    assert running.ports["tester-1"].orders == [NotCommitted()]
    assert running.board.analyzers[0].most == 0
    running.turn(Tested("tester-1", handed))
    assert running.ledger.head.seq == 8
    assert running.ports["tester-1"].orders == [NotCommitted(), Committed()]


def test_a_day_that_was_not_committed_does_not_count(station: Callable[[int], Box]) -> None:
    running = station(5)
    handed = some(running, 5)
    running.fill_the_disk()
    running.turn(Tested("tester-1", handed))
    assert running.ports["tester-1"].orders == [NotCommitted()]
    running.free_the_disk()
    running.turn(Tested("tester-1", handed))
    assert (running.ledger.head.seq, running.board.analyzers[0].most) == (5, 0)


# --- thousands at once ----------------------------------------------------------------------------------------------


def test_thousands_at_once_are_taken_in_slices_and_committed_with_the_last(station: Callable[[int], Box]) -> None:
    running = station(2000)
    count = 3 * SLICE + 7
    running.turn(Tested("tester-1", some(running, count)))
    assert running.ledger.head.seq == SLICE
    request = Request(ENTRY)
    running.turn(request)
    assert request.answer.result(0).test_code
    assert running.ports["tester-1"].orders == []
    assert list(settle(running)) == [SLICE, 7]
    assert running.ports["tester-1"].orders == [Committed()]
    assert running.board.analyzers[0].results == count


def test_each_instrument_has_its_turn(station: Callable[[int], Box]) -> None:
    running = station(2000)
    running.turn(Tested("tester-1", some(running, 4 * SLICE)))
    running.turn(Tested("tester-8", some(running, 3)))
    assert running.ports["tester-8"].orders == [Committed()]


def test_many_small_messages_are_no_way_round_it(station: Callable[[int], Box]) -> None:
    running = station(2000)
    running.turn(*(Tested("tester-1", (one,)) for one in some(running, 2 * SLICE)))
    assert running.ledger.head.seq == SLICE
    assert list(settle(running)) == [SLICE]
    assert running.ports["tester-1"].orders[-1] == Committed()


def test_no_wait_while_results_are_left(station: Callable[[int], Box], monkeypatch: pytest.MonkeyPatch) -> None:
    running = station(2000)
    waits: list[float] = []

    class Inbox:
        def get(self, timeout: float) -> None:
            waits.append(timeout)
            raise TimeoutError

    running.turn(Tested("tester-1", some(running, 2 * SLICE)))
    monkeypatch.setattr(running.core, "_inbox", Inbox())
    with pytest.raises(TimeoutError):
        running.core._gather([])
    assert waits == [0.0]


@pytest.mark.parametrize("how", ["disk", "round"])
def test_a_slice_that_is_not_recorded_is_handed_over_again_with_all_the_others(
    station: Callable[[int], Box], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    running = station(2000)
    handed = some(running, 3 * SLICE)
    running.turn(Tested("tester-1", handed))
    if how == "disk":
        running.fill_the_disk()
        running.turn()
        running.free_the_disk()
    else:
        monkeypatch.setattr(running.core, "_sleep", lambda _: None)
        with monkeypatch.context() as patch:
            patch.setattr(running.core, "_work", lambda *_: 1 / 0)
            running.core.go_round()
    assert running.ports["tester-1"].orders == [NotCommitted()]
    assert not running.core._handover.waiting
    running.turn()
    assert (running.ledger.head.seq, running.ports["tester-1"].orders) == (SLICE, [NotCommitted()])
    running.turn(Tested("tester-1", handed))
    list(settle(running))
    assert (running.ledger.head.seq, running.ports["tester-1"].orders[-1]) == (3 * SLICE, Committed())


def test_as_many_as_are_allowed_are_recorded_and_not_one_less(station: Callable[[int], Box]) -> None:
    made = station(1)
    made.turn(Tested("tester-1", some(made, 2)))
    assert made.ledger.head.seq == 1
