"""The core writes a step of the clock down before anything that bears the new time, and shows what is asked."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from edge.between.board import Board, Showing
from edge.between.commands import ConfirmDate, DateAnswer, RegisterEntry
from edge.between.inbox import Inbox, Refused, Request, Stop, Weighed
from edge.core import Core
from edge.records.clock import CHECK_SECONDS
from protocol.city.signed import CityKeys
from protocol.readings import State, Weighing

Make = Callable[..., Any]
ENTRY = RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四")


class NoBroker:
    broker = ""

    def __init__(self) -> None:
        self.odd: Counter[str] = Counter()

    def announce(self, topic: str, body: bytes) -> None:
        raise AssertionError("the link is down")


def run(one: Any, *messages: Any, last: bool = True) -> Board:
    """One round of the core over these messages; without ``last`` it is stopped by what it shows. The board after."""
    inbox: Inbox = Inbox()
    showing = Showing()
    for message in messages:
        inbox.put(message)
    if last:
        inbox.put(Stop())
    else:
        showing.watch(lambda: inbox.put(Stop()))
    core = Core(
        one.station.config,
        one.ledger,
        one.clock,
        inbox,
        showing,
        {},
        {},
        NoBroker(),
        lambda reach: b"",
        CityKeys(),
    )  # type: ignore[arg-type]
    core.run()
    return showing.board


@pytest.fixture
def running(box: Make) -> Any:
    """A box that is synced and has a record."""
    one = box(verified_until="2027-06-30")
    one.kernel = True
    one.look()
    one.enter()
    return one


def put_to(one: Any, text: str) -> None:
    one.advance(CHECK_SECONDS)
    one.wall = datetime.fromisoformat(f"{text}+08:00").timestamp()


def kinds(one: Any) -> list[tuple[str, str]]:
    return [(event["type"].split(".market.")[1], event["time"][:16]) for event in one.events()]


def test_the_step_stands_before_the_first_record_with_the_new_time(running: Any) -> None:
    put_to(running, "2026-11-27 07:00")
    request = Request(ENTRY)
    board = run(running, request)
    assert request.answer.result(0).test_code
    assert kinds(running)[1:] == [
        ("clock.step.v1", "2026-11-27T07:00"),
        ("entry.registered.v1", "2026-11-27T07:00"),
    ]
    assert (board.clock_state, board.clock_why, board.clock_asks) == ("synced", "", "")


def test_a_stream_of_weights_does_not_hold_the_step_up(running: Any) -> None:
    put_to(running, "2026-11-27 07:00")
    weight = Weighing(value=Decimal("1.250"), unit="kg", stable=True, state=State.OK)
    run(running, Weighed("scale-1", weight, running.boot), last=False)
    assert kinds(running)[1:] == [("clock.step.v1", "2026-11-27T07:00")]


def test_a_doubted_date_is_shown_and_a_person_confirms_it(running: Any) -> None:
    put_to(running, "2031-03-01 09:30")
    early = Request(ConfirmDate(date="2026-11-27", person="王敏"))
    board = run(running, early)
    assert (board.clock_state, board.clock_why, board.clock_asks) == ("unsynced", "doubted", "2031-03-01T09:30")
    assert isinstance(early.answer.exception(0), Refused)
    request = Request(ConfirmDate(date="2031-03-01", person="王敏"))
    board = run(running, request, Request(ENTRY))
    assert request.answer.result(0) == DateAnswer(date="2031-03-01", clock="synced")
    assert (board.clock_state, board.clock_asks) == ("synced", "")
    assert kinds(running)[1:] == [
        ("clock.step.v1", "2031-03-01T09:30"),
        ("entry.registered.v1", "2031-03-01T09:30"),
    ]


def test_a_name_that_does_not_fit_a_record_leaves_clock_and_ledger_as_they_were(running: Any) -> None:
    put_to(running, "2031-03-01 09:30")
    request = Request(ConfirmDate.model_construct(date="2031-03-01", person="王" * 41))
    board = run(running, request)
    refused = request.answer.exception(0)
    assert isinstance(refused, Refused) and refused.code == "bad_value"
    assert (board.clock_why, len(running.events())) == ("doubted", 1)


@pytest.mark.parametrize(
    ("date", "person", "code"),
    [
        ("2031-13-01", "王敏", "date"),
        ("2031-03-02", "王敏", "date_changed"),
        ("2031-03-01", "王敏", ""),
    ],
)
def test_a_confirmation_is_of_the_date_that_is_asked_about_by_name(
    running: Any, date: str, person: str, code: str
) -> None:
    early = Request(ConfirmDate(date="2026-11-27", person="王敏"))
    run(running, early)
    refused = early.answer.exception(0)
    assert isinstance(refused, Refused) and refused.code == "date_fine"
    put_to(running, "2031-03-01 09:30")
    request = Request(ConfirmDate(date=date, person=f" {person} "))
    run(running, request)
    if code:
        refused = request.answer.exception(0)
        assert isinstance(refused, Refused) and refused.code == code
        assert len(running.events()) == 1
        return
    step = running.events()[-1]
    was = step["data"]["before"]
    assert step["subject"] == "410108001-01"
    assert step["data"] == {
        "boot_id": running.clock.boot_id,
        "offset_ms": step["data"]["offset_ms"],
        "before": was,
        "after": "2031-03-01T09:30:00.000000+08:00",
        "state": "synced",
        "source": step["data"]["source"],
        "why": step["data"]["why"],
        "person": "王敏",
    }
    assert abs(step["data"]["offset_ms"]) > 1000 * 86_400 * 365
    assert was < step["data"]["after"]
