"""What others say never stands raw in the log, and does not fill it."""

import logging
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drivers.transports import LinkLost
from drivers.transports.adapters import Identity
from edge.between.commands import ConfirmPort, PlanChannel, Recall, SetPrice
from edge.between.inbox import (
    CityMessage,
    Inbox,
    LinkChanged,
    PortChanged,
    PortGarbage,
    Refused,
    Sensed,
    Stumbled,
    Tested,
)
from edge.between.logs import Lines
from edge.between.sparing import Allowance
from edge.ports.port import Port
from protocol.readings import Garbage, Measured, Reply, Ticket

Box = Any  # the station of tests/edge/conftest.py
FORGED = "x\n2026-11-22 05:00:00 CRITICAL core: all is lost\x1b[2J\x00\u202e\u2028\r\x9b31m\ud800"


def clean(line: str) -> bool:
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl") or letter == "\u202e" for letter in line)


def raw(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lines that are not clean, as they are handed to whatever writes the log."""
    return [record.getMessage() for record in caplog.records if not clean(record.getMessage())]


class Hostile:
    """A transport and a session that say what they like; ``peer`` and ``news`` as well."""

    peer = FORGED
    deadline = None

    def __init__(self, lost: bool = False) -> None:
        self.said = [b"x"] * 3
        self._lost = lost

    def read(self, timeout: float = 0.2) -> bytes:
        if self._lost or not self.said:
            raise LinkLost(FORGED)
        return self.said.pop()

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def news(self) -> str:
        return FORGED

    def receive(self, data: bytes, now: float) -> list[Any]:
        return [Garbage(b"x", FORGED), Reply(FORGED, ((FORGED, FORGED),)), Ticket(b"x", FORGED, FORGED, FORGED)]

    def pending(self) -> bytes:
        return b""

    def ask(self, wish: Any, now: float) -> bool:
        return False

    def committed(self, now: float) -> None: ...


def visits(port: Port, count: int) -> None:
    for _ in range(count):
        port._visit()


def test_what_a_device_or_its_transport_says_is_no_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    inbox = Inbox()
    port = Port("tester-1", inbox, Hostile, Hostile)  # type: ignore[arg-type]
    visits(port, 2)
    assert len(caplog.records) >= 8 and raw(caplog) == []
    while not inbox.empty():
        message = inbox.get()
        if isinstance(message, PortChanged | PortGarbage):
            assert clean(message.why)


def test_a_device_that_comes_and_goes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    inbox = Inbox()
    port = Port("scale-1", inbox, lambda: Hostile(lost=True), Hostile)  # type: ignore[arg-type]
    visits(port, 500)
    assert 4 <= len(caplog.records) <= 10
    told = [inbox.get() for _ in range(inbox.qsize())]
    assert len([one for one in told if isinstance(one, PortChanged) and not one.up]) == 500  # the board has it all


def test_lines_that_were_kept_back_are_counted() -> None:
    allowance = Allowance(many=2, seconds=60.0)
    assert [allowance.due(at) for at in (0.0, 1.0, 2.0, 3.0, 60.5, 60.6, 61.5)] == [0, 0, None, None, 2, None, 1]


def test_hostile_messages_leave_no_raw_text_in_the_log(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    station = box()
    stranger = Identity(usb=FORGED, serial=FORGED, socket=FORGED, what="x")
    station.turn(
        Stumbled(FORGED, "program", ValueError(FORGED), FORGED.encode("utf-8", "replace")),
        PortChanged("tester-1", False, FORGED, stranger),
        PortGarbage("tester-1", FORGED, b"\x1b"),
        Sensed(FORGED, Measured(FORGED, 1, FORGED)),  # type: ignore[arg-type]
        LinkChanged(True, FORGED, FORGED),
        CityMessage(FORGED, b'{"rejected":[{"id":"x","code":"\\u001b","reason":"\\ud800\\n"}]}', False),
        CityMessage(FORGED, FORGED.encode("utf-8", "replace"), False),
        Tested("tester-1", (replace(station.result("7", "1"), item=FORGED, name=FORGED, sample=FORGED),)),
        Tested(FORGED, (station.result("8", "1"),)),
    )
    for person in (FORGED, "王敏"):
        try:
            station.does(ConfirmPort(device="tester-1", person=person[:40]))
        except Refused as refused:
            logging.getLogger("refused").info("%s", type(refused).__name__)
    assert len(caplog.records) >= 3 and raw(caplog) == []


def test_a_line_of_the_log_is_one_line_and_a_traceback_stands_behind_a_bar() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        record = logging.LogRecord("part", logging.ERROR, "x.py", 1, "%s failed", (FORGED,), sys.exc_info())
    first, *rest = Lines("%(levelname)s %(name)s: %(message)s").format(record).split("\n")
    assert first.startswith("ERROR part: x 2026") and first.endswith("failed") and clean(first)
    assert rest and all(line.startswith("  | ") and clean(line) for line in rest)
    assert any(line.startswith("  |   File ") for line in rest)


def lines(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == name and record.levelname == "INFO"]


def test_what_was_ordered_and_what_was_refused_is_told_without_a_person(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    caplog.set_level(logging.INFO)
    station.does(PlanChannel(analyzer="tester-8", channel="3", lot=lot))
    station.does(SetPrice(product="01040201", price_fen=375))
    with pytest.raises(Refused):
        station.sells(lot, seen_g=999, buyer_name="张三")
    station.sells(lot)
    station.does(Recall(key="k1"))
    assert lines(caplog, "core") == [
        f"PlanChannel analyzer=tester-8 channel=3 lot={lot}",
        f"Sell refused=weight_changed scale=scale-1 product=01040201 lot={lot} seen_g=999",
    ]
    assert [line.split(" seq=")[0] for line in lines(caplog, "station")] == [
        "price.changed 410108001-01",
        "trade.completed 41010800120100000016",
    ]
    assert "张三" not in caplog.text


def test_how_many_results_an_instrument_handed_over_is_told_in_one_line(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    station = box()
    caplog.set_level(logging.INFO)
    first = station.result("77", "12.5")
    station.tests(first)
    station.tests(first, *(station.result(str(number), "12.5") for number in range(100, 170)))
    assert lines(caplog, "core") == [
        "tester-1 handed over 1 results, 1 of them new",
        "tester-1 handed over 71 results, 70 of them new",
    ]
