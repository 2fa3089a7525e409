"""What fails in the thread of a port, a printer, the broker or the pages costs one session or one paper."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from drivers.transports import LinkLost
from edge.between.board import Board, Showing
from edge.between.inbox import Inbox, LinkChanged, PortChanged, PrintAgain, Printed, PrinterChanged, Stumbled, Weighed
from edge.between.print_states import PrintJob
from edge.city.mqtt import Mqtt
from edge.config.sections import CitySection, load
from edge.documents import Documents, examples
from edge.ports import port as ports
from edge.ports.port import Port
from edge.printing.typesetting import Typesetter
from edge.printing.worker import Printer
from edge.service import _stranded
from edge.web.server import WebServer
from protocol.readings import Weighing
from protocol.session import Listening

SECONDS = 10.0


def until(inbox: Inbox, wanted: Callable[[Any], bool]) -> list[Any]:
    """Messages up to the first that is wanted."""
    seen, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            seen.append(inbox.get(timeout=0.1))
        except Empty:
            continue
        if wanted(seen[-1]):
            return seen
    raise AssertionError(f"it did not come; there came: {seen}")


class Wire:
    """A transport that gives these chunks once each time it is opened."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = list(chunks)
        self.closed = False

    def read(self, timeout: float = 0.0) -> bytes:
        time.sleep(0.002)
        return self.chunks.pop(0) if self.chunks else b""

    def write(self, data: bytes) -> None:
        """Nobody listens."""

    def close(self) -> None:
        self.closed = True


class Poisoned(Listening):
    """A session that fails where it is told to, and else takes every chunk for a weighing."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.deadline = 0.0 if where == "expired" else None

    def receive(self, data: bytes, now: float) -> list[Any]:
        if self._where == "receive" and data == b"poison":
            raise KeyError("poison")
        return [Weighing(None, raw=data)]

    def expired(self, now: float) -> list[Any]:
        raise KeyError("poison")

    def pending(self) -> bytes:
        if self._where == "pending":
            raise KeyError("poison")
        return b""

    def committed(self, now: float) -> None:
        raise KeyError("poison")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "BACK_OFF", (0.01, 0.01, 0.01))


@pytest.mark.parametrize("where", ["receive", "expired", "pending", "committed", "open", "close", "session"])
def test_a_session_that_fails_is_told_with_its_last_bytes_and_begun_anew(quick: None, where: str) -> None:
    inbox: Inbox = Inbox()
    opened: list[Wire] = []

    def open_it() -> Any:
        if where == "open" and not opened:
            opened.append(Wire([]))
            raise KeyError("poison")
        opened.append(Wire([b"good", b"poison"] if len(opened) < 2 else [b"good"]))
        if where == "close":
            opened[-1].close = lambda: {}["poison"]  # type: ignore[method-assign]
            opened[-1].read = lambda timeout=0.0: (_ for _ in ()).throw(LinkLost("gone"))  # type: ignore[method-assign]
        return opened[-1]

    def session() -> Any:
        if where == "session" and len(opened) < 2:
            raise KeyError("poison")
        return Poisoned(where if len(opened) < 3 else "")

    port = Port("scale-1", inbox, open_it, session)
    if where == "committed":
        port.order(ports.Committed())
    port.start()
    stumbled = until(inbox, lambda message: isinstance(message, Stumbled))[-1]
    assert (stumbled.device, stumbled.kind, repr(stumbled.error)) == ("scale-1", "device", "KeyError('poison')")
    if where == "receive":
        assert stumbled.raw == b"goodpoison"
    down = until(inbox, lambda message: isinstance(message, PortChanged) and not message.up)[-1]
    assert "a fault of the program" in down.why and "KeyError" in down.why
    until(inbox, lambda message: isinstance(message, PortChanged) and message.up)
    if where != "close":
        until(inbox, lambda message: isinstance(message, Weighed))
    assert port.is_alive()
    port.stop()
    port.join(5)
    assert not port.is_alive()


def test_three_in_a_row_at_one_place_double_the_pause() -> None:
    port = Port("scale-1", Inbox(), lambda: Wire([]), lambda: Poisoned(""))  # type: ignore[arg-type, return-value]

    def fail(here: bool) -> Exception:
        try:
            raise KeyError("here") if here else ValueError("there")
        except (KeyError, ValueError) as error:
            return error

    assert [port._stumbled(fail(True), 0.1) for _ in range(9)] == [1, 1, 2, 2, 2, 4, 4, 4, 8]
    assert port._stumbled(fail(False), 0.1) == 1
    for _ in range(60):
        longest = port._stumbled(fail(True), 0.1)
    assert longest == ports.LONGEST_PAUSE
    assert port._stumbled(fail(True), ports.GOOD_SECONDS) == 1


# --- printers -------------------------------------------------------------------------------------------------------

CONFIG = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "王秀英"
[city]
brokers = ["mqtt://127.0.0.1"]
[[printer]]
name = "printer-1"
port = "file:{path}"
"""


class Desk:
    """A printer that writes into a file, and its inbox."""

    def __init__(self, folder: Path) -> None:
        (folder / "paper").touch()
        (folder / "station.toml").write_text(CONFIG.format(path=folder / "paper"), "utf-8")
        config = load(folder / "station.toml")
        self.inbox: Inbox = Inbox()
        self.setter = Typesetter(config, Documents())
        self.printer = Printer(config.printer[0], self.setter, self.inbox)

    def put(self, number: int) -> None:
        body = json.dumps(examples("slip")[0]).encode()
        self.printer.put(PrintJob(number, 1, "slip", "", "printer-1", body, 0, time.monotonic()))

    def fate(self, job: int) -> tuple[str, str, list[Any]]:
        final = ("printed", "failed", "unknown")

        def over(message: Any) -> bool:
            if isinstance(message, PrintAgain):
                self.put(message.job)  # as the core does
            return isinstance(message, Printed) and message.job == job and message.state in final

        seen = until(self.inbox, over)
        return seen[-1].state, seen[-1].why, [message for message in seen if isinstance(message, Stumbled)]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path)
    yield made
    made.printer.stop()
    made.printer.join(5)
    assert not made.printer.is_alive()


PLACES = [
    ("setter", "page", "failed", "template"),
    ("setter", "glyphs_for", "failed", "template"),
    ("setter", "failed", "failed", "template"),
    ("printer._link", "send", "failed", "error"),
    ("printer._link", "prove", "unknown", "error"),
    ("printer._link", "rest", "failed", "error"),
]


@pytest.mark.parametrize(("owner", "name", "state", "why"), PLACES, ids=[name for _, name, *_ in PLACES])
@pytest.mark.parametrize("error", [KeyError("poison"), RecursionError(), MemoryError(), ZeroDivisionError()])
def test_a_paper_that_makes_us_fail_is_set_aside_and_the_next_is_printed(
    desk: Desk, owner: str, name: str, state: str, why: str, error: Exception
) -> None:
    target: Any = desk
    for step in owner.split("."):
        target = getattr(target, step)
    real = getattr(target, name)
    calls: list[int] = []

    def fail(*arguments: Any, **options: Any) -> Any:
        if not desk.printer._papers:
            return real(*arguments, **options)
        calls.append(1)
        if len(calls) > 1:
            return real(*arguments, **options)
        raise error

    setattr(target, name, fail)
    desk.put(1)
    desk.put(2)
    desk.printer.start()
    found, reason, stumbled = desk.fate(1)
    if name == "rest":  # it had come out already
        assert (found, reason) == ("printed", "file")
    else:
        assert (found, reason) == (state, why)
        assert stumbled and stumbled[0].kind == "paper" and "job 1" in stumbled[0].device
    assert desk.fate(2)[0] == "printed"


def test_a_printer_that_makes_us_fail_when_it_is_asked_holds_its_papers(desk: Desk) -> None:
    real, calls = desk.printer._link.look, []

    def look(**options: Any) -> str:
        calls.append(1)
        if len(calls) < 4:
            raise KeyError("poison")
        return real(**options)

    desk.printer._link.look = look  # type: ignore[method-assign]
    desk.put(1)
    desk.printer.start()
    seen = until(desk.inbox, lambda message: isinstance(message, PrinterChanged))
    assert seen[-1].state == "gone" and "a fault of the program" in seen[-1].why
    assert any(isinstance(message, Stumbled) for message in seen)
    until(desk.inbox, lambda message: isinstance(message, Printed) and message.state == "held")


def test_an_order_that_cannot_be_taken_does_not_end_the_printer(desk: Desk) -> None:
    real, calls = desk.printer._take, []

    def take(order: PrintJob) -> None:
        calls.append(order)
        if len(calls) == 1:
            raise KeyError("poison")
        real(order)

    desk.printer._take = take  # type: ignore[method-assign]
    desk.put(1)
    desk.put(2)
    desk.printer.start()
    state, _, stumbled = desk.fate(2)
    assert (state, len(stumbled)) == ("printed", 1)


# --- the broker, the pages, the rest ---------------------------------------------------------------------------------


def test_the_thread_of_the_broker_goes_on_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.city.mqtt.Connection", lambda *_: 1 / 0)
    monkeypatch.setattr("edge.city.mqtt.STUMBLED_SECONDS", 0.01)
    inbox: Inbox = Inbox()
    mqtt = Mqtt(CitySection(brokers=("mqtt://127.0.0.1:1",)), "one", (), None, inbox)
    mqtt.start()
    for _ in range(3):
        until(inbox, lambda message: isinstance(message, Stumbled))
        assert until(inbox, lambda message: isinstance(message, LinkChanged))[-1].cause == "fault"
    mqtt.stop()
    mqtt.join(5)
    assert not mqtt.is_alive()


def test_pages_that_ended_by_themselves_are_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    import edge.web.serving as serving

    monkeypatch.setattr("edge.web.server.AGAIN_SECONDS", 0.05)
    real, runs = serving.Serving.run, []

    def run(self: Any, sockets: Any = None) -> None:
        runs.append(1)
        if len(runs) < 3:
            raise KeyError("poison")
        real(self, sockets)

    monkeypatch.setattr(serving.Serving, "run", run)
    inbox: Inbox = Inbox()
    web = WebServer("127.0.0.1:0", Showing(Board(station="one")), inbox)
    web.start()
    try:
        assert web.ready.wait(SECONDS)
        assert httpx.get(f"{web.url}/api/board").json()["board"]["station"] == "one"
        assert [inbox.get_nowait().device for _ in range(2)] == ["web", "web"]  # type: ignore[union-attr]
    finally:
        web.stop()


def test_a_thread_that_ends_all_the_same_is_told_and_ends_nothing_else() -> None:
    inbox: Inbox = Inbox()
    error = KeyError("poison")
    failure = threading.ExceptHookArgs((KeyError, error, None, threading.current_thread()))
    _stranded(inbox, failure)
    message = inbox.get_nowait()
    assert isinstance(message, Stumbled)
    assert (message.kind, message.error) == ("program", error)
