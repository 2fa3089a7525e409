"""What escapes every fence of the core costs one round: the station goes on, and nobody is left without an answer."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.inbox import Refused, Request, Stop, Tested
from edge.core import ALL_SECONDS, FIRST_PAUSE, LONGEST_PAUSE
from edge.ports.port import Committed, NotCommitted
from edge.records.ledger import LedgerBroken

Box = Any  # the station of tests/edge/conftest.py
ENTRY = RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四")
BEFORE = ["_gather", "turn", "_work", "_step", "_handle"]
AFTER = ["_deliver", "_save_when_quiet", "_show", "_reply"]


def fail(*_: Any, **__: Any) -> Any:
    raise KeyError("poison")


@pytest.fixture
def station(box: Callable[..., Box]) -> Box:
    """A station whose core goes round for ``go``, when pages look again, and says how long it paused."""
    made = box()
    made.paused = []
    made.core._sleep = made.paused.append

    def go(*messages: Any) -> bool:
        made.clock.go(ALL_SECONDS)
        for message in messages:
            made.core._inbox.put(message)
        return bool(made.core.go_round())

    made.go = go
    return made


def registers(station: Box) -> str:
    request = Request(ENTRY)
    assert station.go(request)
    return str(request.answer.result(0).test_code)


@pytest.mark.parametrize("part", [*BEFORE, *AFTER, "_notify", "_publisher", "_clock", "_unread"])
def test_the_station_goes_on_and_who_asked_is_told(station: Box, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    core = station.core
    first = registers(station)
    request = Request(ENTRY)
    core._inbox.put(request)
    with monkeypatch.context() as patch:
        patch.setattr(core, part, fail if callable(getattr(core, part)) else None)
        assert core.go_round()
        if part == "_gather":
            assert not request.answer.done()
    if part == "_gather":
        assert core.go_round()
    assert request.answer.done()
    recorded = station.ledger.head.seq == 2
    if (error := request.answer.exception(0)) is None:
        assert recorded
    elif isinstance(error, Refused):
        assert not recorded, "a refusal says that nothing was recorded"
    second = registers(station)
    assert second != first
    assert station.core._pause == 0.0
    if station.paused and part != "_unread":
        assert "KeyError" in str([one.cause for one in station.board.unread]) or part in ("_publisher", "_clock")


@pytest.mark.parametrize("part", AFTER)
def test_what_was_recorded_is_answered_with_its_answer(
    station: Box, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    request = Request(ENTRY)
    with monkeypatch.context() as patch:
        patch.setattr(station.core, part, fail)
        station.go(request)
    assert station.ledger.event(1)["subject"] == request.answer.result(0).test_code


@pytest.mark.parametrize("part", ["turn", "_work", "_handle"])
def test_results_that_were_not_recorded_are_handed_over_again(
    station: Box, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    message = Tested("tester-1", (station.result("7", "12.5"),))
    with monkeypatch.context() as patch:
        patch.setattr(station.core, part, fail)
        station.go(message)
    assert station.ports["tester-1"].orders == [NotCommitted()]
    station.go(message)
    assert station.ports["tester-1"].orders == [NotCommitted(), Committed()]
    assert station.ledger.head.seq == 1


def test_what_fails_at_each_round_pauses_longer_and_is_told_once(
    station: Box, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(station.core, "turn", fail)
        for _ in range(10):
            assert station.go(Request(ENTRY))
    assert station.paused == [min(LONGEST_PAUSE, FIRST_PAUSE * 2**number) for number in range(10)]
    assert len([record for record in caplog.records if record.name == "unread"]) == 1
    registers(station)
    (view,) = station.board.unread
    assert (view.device, view.count) == ("round", 10)
    station.paused.clear()
    with monkeypatch.context() as patch:
        patch.setattr(station.core, "turn", fail)
        station.go(Request(ENTRY))
    assert station.paused == [FIRST_PAUSE]


def test_it_stops_when_told_though_the_round_fails(station: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(station.core, "turn", fail)
    assert not station.go(Request(ENTRY), Stop())


def test_a_ledger_that_cannot_be_trusted_still_ends_it(station: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = sqlite3.DatabaseError("malformed")
    broken.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def meet() -> None:
        raise broken

    for part in ("_reply", "_show"):
        with monkeypatch.context() as patch:
            patch.setattr(station.core, part, meet)
            with pytest.raises(LedgerBroken):
                station.go(Request(ENTRY))


def test_progress_that_the_disk_refuses_is_written_later(station: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit by itself that fails in a way nobody foresaw neither ends the station nor loses what it carried."""
    station.core._unread.keep("device", "scale-1", KeyError("x"))
    station.clock.go(11)
    real = station.ledger.db.atomic
    with monkeypatch.context() as patch:
        patch.setattr(station.ledger.db, "atomic", lambda: (_ for _ in ()).throw(sqlite3.OperationalError("odd")))
        station.turn()
    assert station.ledger.db.atomic == real
    assert station.count("SELECT count(*) FROM unread") == 0
    station.clock.go(11)
    station.turn()
    assert station.count("SELECT count(*) FROM unread") >= 1
