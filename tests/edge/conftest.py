"""A real core over a real ledger; ports, printers and the wire are lists, and time is handed in.

``box`` goes round in the test's own thread, ``running`` in one of its own, as under the pages.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import pytest

from edge.between.board import Board, LotView, ScaleView, Showing, UnmatchedView
from edge.between.commands import Answer, Command, DismissResult, Recall, RegisterEntry, Sell
from edge.between.fixed_words import ClockWhy
from edge.between.inbox import Inbox, Message, PortChanged, Printed, Request, Stop, Tested, Weighed
from edge.between.print_states import PrintJob, PrintState, PrintWhy
from edge.config.sections import Config, load
from edge.core import Core
from edge.records.clock import Clock, Stamp
from edge.records.ledger import Ledger, Signer, reading
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.envelope import kind_of
from protocol.city.signed import CityKeys
from protocol.city.token import CHINA
from protocol.readings import Curve, Net, State, TestResult, Ticket, Weighing

STATION = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
[city]
brokers = ["mqtt://127.0.0.1"]
"""
DEVICES = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2027-06-30
[[scale]]
name = "scale-2"
model = "yaohua-a9"
port = "/dev/null"
max = "150 kg"
min = "1 kg"
e = "50 g"
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[analyzer]]
name = "tester-8"
model = "dayuan-tl310"
port = "/dev/null"
match = "channel"
[[printer]]
name = "printer-1"
port = "usb:"
[[product]]
code = "01040201"
name = "大白菜"
name_en = "Chinese cabbage"
price = "3.50"
[[product]]
code = "01040301"
name = "西红柿"
price = "1.99"
per = "500g"
[[product]]
code = "01040801"
name = "韭菜"
disturbs_enzyme = true
"""


class HandClock(Clock):
    """A clock that stands still until it is told to go on; ``state`` is what it is worth."""

    def __init__(self, start: datetime) -> None:
        self.boot_id = "0b5e0000-0000-4000-8000-000000000001"
        self.wall = start
        self.worth: Literal["synced", "holdover", "unsynced"] = "synced"
        self._steady = 1000.0

    def go(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self._steady += seconds

    def steady(self) -> float:
        return self._steady

    def now(self) -> Stamp:
        return Stamp(self.wall.isoformat(timespec="microseconds"), self.wall.timestamp(), self.worth)

    def today(self) -> date:
        return self.wall.date()

    def state(self) -> Literal["synced", "holdover", "unsynced"]:
        return self.worth

    def look(self, owing: bool = False) -> None:
        """Nothing happens to this clock behind the test's back."""

    @property
    def why(self) -> ClockWhy:
        return ClockWhy.SYNCED if self.worth == "synced" else ClockWhy.UNSYNCED

    @property
    def asks(self) -> str:
        return ""


@dataclass
class ListPort:
    """What was ordered of a device."""

    orders: list[Any] = field(default_factory=list)

    def order(self, order: Any) -> None:
        self.orders.append(order)

    def confirm(self, identity: Any) -> None:
        self.orders.append(identity)


@dataclass
class ListPrinter:
    """The papers that were handed to a printer, and those that were withdrawn."""

    papers: list[PrintJob] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)

    def put(self, job: PrintJob) -> None:
        self.papers.append(job)

    def withdraw(self, job: int) -> None:
        self.withdrawn.append(job)


@dataclass
class ListWire:
    """What was published; ``up`` is whether the broker is there."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    announced: list[tuple[str, bytes]] = field(default_factory=list)
    broker: str = ""
    odd: Counter[str] = field(default_factory=Counter)

    def leave(self, cause: str, why: str) -> None:
        """The publisher asks for the next broker of the list: there is none."""

    def publish(self, topic: str, body: bytes) -> int | None:
        self.sent.append((topic, body))
        return len(self.sent)

    def announce(self, topic: str, body: bytes) -> None:
        self.announced.append((topic, body))


class Box:
    """One station. ``does`` answers a command or raises what it was refused with."""

    def __init__(
        self,
        folder: Path,
        signer: Signer,
        settings: str,
        clock: Any,
        *,
        config: Config | None = None,
        inbox: Inbox | None = None,
        wire: Any = None,
        city_keys: CityKeys | None = None,
        notify: Callable[[str], object] = lambda state: None,
    ) -> None:
        if config is None:
            (folder / "station.toml").write_text(settings, "utf-8")
            config = load(folder / "station.toml")
        self.config = config
        self.clock = clock
        self.ledger = Ledger(folder / "data", signer)
        station, seller = self.config.station, self.config.seller
        self.showing = Showing(
            Board(
                station=station.name,
                seller=seller.name,
                stall=seller.stall,
                language=station.language,
                jobs=station.jobs,
            )
        )
        devices = (*self.config.scale, *self.config.analyzer, *self.config.probe)
        self.ports = {part.name: ListPort() for part in devices}
        self.printers = {part.name: ListPrinter() for part in self.config.printer}
        self.wire = wire or ListWire()
        self.core = Core(
            self.config,
            self.ledger,
            clock,
            inbox or Inbox(),
            self.showing,
            self.ports,  # type: ignore[arg-type]
            self.printers,  # type: ignore[arg-type]
            self.wire,
            lambda last: b"birth",
            city_keys or CityKeys(),
            notify,
        )
        self.core.start()
        self.core.turn([PortChanged(name, True) for name in self.ports])

    # --- what happens -----------------------------------------------------------------------------------------------

    def turn(self, *messages: Message) -> None:
        self.core.turn(list(messages))

    def ask(self, *commands: Command) -> list["Future[Answer]"]:
        """Commands that come in one round."""
        requests = [Request(command) for command in commands]
        self.turn(*requests)
        return [request.answer for request in requests]

    def does(self, command: Command) -> dict[str, Any]:
        """The answer, as its JSON has it."""
        return self.ask(command)[0].result(0).model_dump(mode="json", by_alias=True)

    def frames(
        self, kilograms: str | None, seconds: float = 2.0, scale: str = "scale-1", **said: Any
    ) -> Iterator[Weighed]:
        """What the scale says of this, ten times a second, as the time goes on."""
        told: dict[str, Any] = {"unit": "kg", "net": Net.GROSS, "stable": True, "state": State.OK, "raw": b"\x02"}
        if scale == "scale-2":
            told |= {"unit": None, "net": None, "stable": None}
        weighing = Weighing(None if kilograms is None else Decimal(kilograms), **(told | said))
        for _ in range(max(1, round(seconds * 10))):
            self.clock.go(0.1)
            yield Weighed(scale, weighing, self.clock.steady())

    def weighs(self, kilograms: str | None, seconds: float = 2.0, scale: str = "scale-1", **said: Any) -> None:
        """The scale says this ten times a second."""
        for frame in self.frames(kilograms, seconds, scale, **said):
            self.turn(frame)

    def puts(self, kilograms: str, scale: str = "scale-1", **said: Any) -> None:
        """An empty pan, then this load, long enough to be sold."""
        self.weighs("0.000", scale=scale)
        self.weighs(kilograms, scale=scale, **said)

    def enters(self, product: str = "01040201", net_g: int = 250_000, **more: Any) -> str:
        """Goods come in; answers the test code of their lot."""
        entry = RegisterEntry(product=product, net_g=net_g, origin="河南中牟", supplier="王建国", **more)
        return str(self.does(entry)["test_code"])

    def tests(self, *said: TestResult | Ticket | Curve, device: str = "tester-1") -> list[dict[str, Any]]:
        """An instrument hands over results; answers the records made of them."""
        before = self.ledger.head.seq
        self.hands_over(*said, device=device)
        return [self.ledger.event(seq) for seq in range(before + 1, self.ledger.head.seq + 1)]

    def hands_over(self, *said: TestResult | Ticket | Curve, device: str = "tester-1") -> None:
        """The same, whatever becomes of them."""
        self.turn(Tested(device, said))
        while self.core._handover.waiting:
            self.turn()

    def result(self, sample: str | None, number: str | None, identity: str = "", **more: Any) -> TestResult:
        """A result measured a minute from now, as an instrument beside the station says it."""
        self.clock.go(60)
        at = self.clock.wall.replace(tzinfo=None, second=0, microsecond=0)
        made = TestResult(
            sample=sample,
            channel=None,
            item="农药残留",
            value=None if number is None else Decimal(number),
            unit="%",
            verdict=None,
            measured_at=at,
            identity=identity or f"{at} {sample} {number} {more}",
        )
        return replace(made, **more)

    def releases(self, product: str = "01040201", net_g: int = 250_000) -> str:
        """Goods that came in and passed; answers the test code."""
        code = self.enters(product, net_g)
        self.hands_over(self.result(self.lot(code).sample, "12.5"))
        return code

    def sells(self, lot: str, product: str = "01040201", **more: Any) -> dict[str, Any]:
        return self.does(Sell(scale="scale-1", product=product, lot=lot, **more))

    def settles(self) -> None:
        """A person says of every result that waits that it is of no lot here."""
        for one in self.waiting:
            self.does(DismissResult(seq=one.seq, person="王敏", reason="练习"))

    # --- what can be seen -------------------------------------------------------------------------------------------

    @property
    def board(self) -> Board:
        return self.showing.board

    @property
    def last(self) -> dict[str, Any]:
        """The newest record."""
        return self.ledger.event(self.ledger.head.seq)

    @property
    def scale(self) -> ScaleView:
        return self.board.scales[0]

    @property
    def waiting(self) -> tuple[UnmatchedView, ...]:
        return self.board.unmatched

    def lot(self, code: str) -> LotView:
        return next(lot for lot in self.board.lots if code in (lot.test_code, lot.source))

    def papers(self) -> list[tuple[str, int]]:
        """The papers that went to the printer, with their copy numbers."""
        return [(job.paper, job.copy) for printer in self.printers.values() for job in printer.papers]

    def all_out(self) -> None:
        """The printers say that every paper they were given came out."""
        jobs = [job.job for printer in self.printers.values() for job in printer.papers]
        self.turn(*(Printed(job, PrintState.PRINTED, PrintWhy.GS_R) for job in jobs))

    def count(self, sql: str) -> int:
        return int(self.ledger.conn.execute(sql).fetchone()[0])

    def fill_the_disk(self, spare: int = 0) -> None:
        """From now on the file cannot grow by more than this many pages."""
        self.ledger.conn.execute(f"PRAGMA max_page_count = {self.count('PRAGMA page_count') + spare}")

    def free_the_disk(self) -> None:
        self.ledger.conn.execute("PRAGMA max_page_count = 1073741823")


class Heard(SimpleQueue[Message]):
    """An inbox that keeps the commands that were put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Command] = []

    def put(self, item: Message, block: bool = True, timeout: float | None = None) -> None:
        if isinstance(item, Request) and not isinstance(item.command, Recall):
            self.asked.append(item.command)
        self.quietly(item)

    def quietly(self, item: Message) -> None:
        """A command that is the test's own."""
        super().put(item)


class PowerCut(BaseException):
    """Nothing of the program can catch it."""


class Running(Box):
    """A station whose core runs in a thread of its own, as it does on a box: all that happens comes by its inbox.

    What tells it something returns when that stands on the board.  ``asked`` are the commands that came so far.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        self.inbox = Heard()
        self._work: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._going = threading.Event()
        self._going.set()
        self._power_cut = False
        begun: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(begun, given, more), name="core")
        self._thread.start()
        begun.result(20)

    def _run(self, begun: "Future[None]", given: Any, more: Any) -> None:
        try:
            super().__init__(*given, inbox=self.inbox, notify=self._round_ended, **more)
        except BaseException as error:
            begun.set_exception(error)
            return
        begun.set_result(None)
        try:
            while self.core.go_round():
                pass
        except PowerCut:
            pass
        finally:
            self.ledger.close()

    def _round_ended(self, state: str) -> None:
        """In the core's thread, after each of its rounds: what a test has to do there."""
        while not self._work.empty():
            work, done = self._work.get()
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)
        if self._power_cut:
            raise PowerCut

    # --- what happens -----------------------------------------------------------------------------------------------

    @property
    def asked(self) -> list[Command]:
        return self.inbox.asked

    def turn(self, *messages: Message) -> None:
        heard = Request(command=Recall(key="heard"))
        for message in (*messages, heard):
            self.inbox.put(message)
        heard.answer.result(20)

    def ask(self, *commands: Command) -> list["Future[Answer]"]:
        requests = [Request(command=command) for command in commands]
        for request in requests:
            self.inbox.quietly(request)
        self.turn()
        return [request.answer for request in requests]

    def weighs(self, kilograms: str | None, seconds: float = 2.0, scale: str = "scale-1", **said: Any) -> None:
        self.turn(*self.frames(kilograms, seconds, scale, **said))

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The records of this kind that are on the disk, oldest first."""
        with reading(self.ledger.path.parent) as db:
            events = [json.loads(body) for (body,) in db.conn.execute("SELECT body FROM events ORDER BY seq")]
        return [event for event in events if kind_of(event["type"]) == kind]

    def within(self, work: Callable[[], Any]) -> Any:
        """Do this in the core's thread, where the ledger is."""
        done: Future[Any] = Future()
        self._work.put((work, done))
        self.turn()
        return done.result(20)

    def stand_still(self) -> None:
        """The core takes nothing from its inbox any more, until ``go_on``."""
        stands = threading.Event()

        def stand() -> None:
            stands.set()
            self._going.wait()

        self._going.clear()
        self._work.put((stand, Future()))
        self.inbox.put(Request(command=Recall(key="stand still")))
        assert stands.wait(20)

    def seem_dead(self) -> None:
        """It stands still, and has for longer than pages believe its board."""
        self.stand_still()
        self.showing.beat = 0.0

    def go_on(self) -> None:
        self._going.set()
        self.turn()

    def cut(self) -> None:
        """As when the power goes while it stands still: what waits in its inbox is lost."""
        assert not self._going.is_set()
        self._power_cut = True
        self.stop()

    def stop(self) -> None:
        """As by SIGTERM: what it has in hand is done, and written."""
        self._going.set()
        self.inbox.put(Stop())
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(scope="session")
def running() -> type[Running]:
    """A station with a core in a thread of its own: to be stopped by who starts it."""
    return Running


@pytest.fixture
def elsewhere() -> str:
    """A source code of another node."""
    return str(TraceCode("410108002", CodeKind.SOURCE, "01", 1007))


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))


@pytest.fixture
def box(tmp_path: Path, signer: Signer, hand_clock: HandClock) -> Iterator[Callable[..., Box]]:
    """Start a station; started again it is the same one after a restart. ``settings`` replaces its devices."""
    running: list[Box] = []

    def start(settings: str = DEVICES, *, station: str = STATION) -> Box:
        if running:
            running.pop().ledger.close()
        running.append(Box(tmp_path, signer, station + settings, hand_clock))
        return running[-1]

    yield start
    for one in running:
        one.ledger.close()
