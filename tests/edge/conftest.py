"""A real core over a real ledger; ports, printers and the wire are lists, and time is handed in.

``box`` goes round in the test's own thread, ``running`` in one of its own, as under the pages.
"""

import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.between.board import Board, LotView, ScaleView, Showing, UnmatchedView
from edge.between.commands import Answer, CatchUp, Command, DismissResult, Recall, RegisterEntry, ReleaseLot, Sell
from edge.between.entry_commands import LastEntry
from edge.between.fixed_words import ClockSource, ClockWhy
from edge.between.held_commands import TypeVerdict
from edge.between.inbox import (
    CityMessage,
    Inbox,
    LinkChanged,
    Message,
    PortChanged,
    Printed,
    Request,
    Stop,
    Tested,
    Weighed,
)
from edge.between.party_commands import FindParties
from edge.between.people import ALONE, Who
from edge.between.print_states import PrintJob, PrintState, PrintWhy
from edge.config.sections import Config, load
from edge.core import Core
from edge.records import packing
from edge.records.clock import Clock, Stamp, Step
from edge.records.identity import load_key
from edge.records.ledger import Ledger, Signer, bodies_after, reading
from edge.records.own_keys import rotate
from edge.records.packing import unpack
from edge.state.disk import Space
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.envelope import kind_of
from protocol.city.node_keys import NodeKeys
from protocol.city.orders import CommandAnswer
from protocol.city.signed import CityKeys, seal, verify
from protocol.city.token import CHINA
from protocol.city.topics import Topics
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

COUNTER = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""

FOLLOW = ("lot.released", "lot.held", "qc.result")


class HandClock(Clock):
    """A clock that stands still until it is told to go on; ``state`` is what it is worth."""

    def __init__(self, start: datetime) -> None:
        self.boot_id = "0b5e0000-0000-4000-8000-000000000001"
        self._coming: Step | None = None
        self.wall = start
        self.worth: Literal["synced", "holdover", "unsynced"] = "synced"
        self._steady = 1000.0

    def go(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self._steady += seconds

    def steady(self) -> float:
        return self._steady

    def up(self) -> float:
        return self._steady

    def now(self) -> Stamp:
        return Stamp(self.wall.timestamp(), self.worth, self.source, self._steady)

    def today(self) -> date:
        return self.wall.date()

    def state(self) -> Literal["synced", "holdover", "unsynced"]:
        return self.worth

    @property
    def trusted(self) -> bool:
        return self.worth != "unsynced"

    @property
    def source(self) -> ClockSource:
        return ClockSource.NONE if self.worth == "unsynced" else ClockSource.KERNEL

    @property
    def last_sync(self) -> str:
        return "" if self.worth == "unsynced" else self.wall.isoformat()[:16]

    def told(self, issued: float, asked: float) -> None:
        """The city's word changes nothing here."""

    def wants_word(self, asked: float) -> bool:
        return False

    def is_set(
        self, wall: datetime, state: Literal["synced", "unsynced"] = "synced", person: str | None = None
    ) -> None:
        """The station sees it at its next look; nothing else happens to this clock behind the test's back."""
        source, why = (ClockSource.PERSON, "confirmed") if person else (ClockSource.KERNEL, "synced")
        before, after = self.wall.timestamp(), wall.timestamp()
        self._coming = Step(self.up(), before, after, state, source, why, person)  # type: ignore[arg-type]

    def look(self, owing: bool = False) -> Step | None:
        step, self._coming = self._coming, None
        return step

    def take(self, step: Step) -> Callable[[], None]:
        before = self.wall, self.worth
        self.wall, self.worth = datetime.fromtimestamp(step.after, CHINA), step.state

        def back() -> None:
            self.wall, self.worth = before

        return back

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
    retained: list[str] = field(default_factory=list)  # topics of which the broker keeps the last message
    broker: str = ""
    odd: Counter[str] = field(default_factory=Counter)

    def leave(self, cause: str, why: str) -> None:
        """The publisher asks for the next broker of the list: there is none."""

    def publish(self, topic: str, body: bytes) -> int | None:
        self.sent.append((topic, body))
        return len(self.sent)

    def announce(self, topic: str, body: bytes, *, retain: bool = True) -> None:
        self.announced.append((topic, body))
        if retain:
            self.retained.append(topic)


class Box:
    """One station. ``does`` answers a command or raises what it was refused with."""

    disk = Space(50 << 30, 100 << 30)

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
        devices = self.config.devices
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
            lambda reach: b"birth",
            city_keys or CityKeys(),
            notify,
        )
        self.core._station.disk.usage = lambda folder: self.disk
        self.core.start()
        self.core.turn([PortChanged(name, True) for name in self.ports])

    # --- what happens -----------------------------------------------------------------------------------------------

    def turn(self, *messages: Message) -> None:
        before = self.ledger.head.seq
        self.core.turn(list(messages))
        if self.ledger.head.seq != before:
            self.knows_what_is_there()

    def knows_what_is_there(self) -> None:
        """What the core has kept in mind of its lots is what their tables say."""
        lots = self.core._station.lots
        kept = dict(lots._known)
        lots._known.clear()
        assert kept == {code: lots.find(code) for code in kept}

    def ask(self, *commands: Command, who: Who = ALONE) -> list["Future[Answer]"]:
        """Commands that come in one round."""
        requests = [Request(command, who=who) for command in commands]
        self.turn(*requests)
        return [request.answer for request in requests]

    def does(self, command: Command, who: Who = ALONE, *, key: str = "") -> dict[str, Any]:
        """The answer, as its JSON has it; raises Refused. Asked again with ``key``, a record is not made again."""
        request = Request(command, key=key, who=who)
        self.turn(request)
        return request.answer.result(0).model_dump(mode="json", by_alias=True)

    def killed(self, to: Path, *messages: Message, committed: bool = False) -> None:
        """As by kill -9: ``to`` is a folder with the files as the next process finds them.

        With messages it happens in the round that takes them: before its commit, or when ``committed`` right after it.
        Nobody hears an answer.
        """
        whole, mine = self.ledger.batch, self.ledger.path.parent.parent

        @contextmanager
        def batch() -> Iterator[None]:
            with whole():
                yield
                if not committed:
                    shutil.copytree(mine, to, dirs_exist_ok=True)
            if committed:
                shutil.copytree(mine, to, dirs_exist_ok=True)

        self.ledger.batch = batch  # type: ignore[method-assign]
        if messages:
            self.turn(*messages)
        else:
            shutil.copytree(mine, to)
        self.ledger.close()

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
        made = [self.ledger.event(seq) for seq in range(before + 1, self.ledger.head.seq + 1)]
        return [one for one in made if kind_of(one["type"]) not in FOLLOW]

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
        """A person says of every result that waits that it is of no lot here, and a recheck clears every positive."""
        for one in self.waiting:
            self.does(DismissResult(seq=one.seq, person="王敏", reason="练习"))
        for alert in self.board.alerts:
            if "positive" in alert.words:
                found = TypeVerdict(
                    lot=alert.test_code,
                    report_no="JC-8",
                    laboratory="市检验所",
                    method="GB 23200.121-2021",
                    conclusion="qualified",
                    item="农药残留",
                    concluded="2026-11-22",
                    person="王敏",
                )
                self.does(found)
                self.does(ReleaseLot(lot=alert.test_code, person="王敏", reason="复检合格"))

    # --- what can be seen -------------------------------------------------------------------------------------------

    @property
    def board(self) -> Board:
        return self.showing.board

    @property
    def last(self) -> dict[str, Any]:
        """The newest record, but for what a result makes of its lot by itself."""
        made = (self.ledger.event(seq) for seq in range(self.ledger.head.seq, 0, -1))
        return next(one for one in made if kind_of(one["type"]) not in FOLLOW)

    @property
    def followed(self) -> dict[str, Any]:
        """The newest record of what became of a lot by itself."""
        made = (self.ledger.event(seq) for seq in range(self.ledger.head.seq, 0, -1))
        return next(one for one in made if kind_of(one["type"]) in FOLLOW)

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

    def paper(self, number: int = -1) -> PrintJob:
        """One of them, the last, with its record: as it is when its turn comes."""
        job = self.printers["printer-1"].papers[number]
        return replace(job, body=self.ledger.body(job.seq))

    def all_out(self) -> None:
        """The printers say that every paper they were given came out."""
        jobs = [job.job for printer in self.printers.values() for job in printer.papers]
        self.turn(*(Printed(job, PrintState.PRINTED, PrintWhy.GS_R) for job in jobs))

    def count(self, sql: str) -> int:
        return int(self.ledger.conn.execute(sql).fetchone()[0])

    def fill_the_disk(self, spare: int = 0) -> None:
        """From now on the file cannot grow by more than this many pages, and has no free ones within.

        Records are not packed meanwhile: a small one finds room in a page that its own command gives back.
        """
        self.ledger.conn.pack = bytes
        if self.count("PRAGMA freelist_count"):
            self.ledger.conn.execute("VACUUM")
        self.ledger.conn.execute(f"PRAGMA max_page_count = {self.count('PRAGMA page_count') + spare}")

    def free_the_disk(self) -> None:
        self.ledger.conn.pack = packing.pack
        self.ledger.conn.execute("PRAGMA max_page_count = 1073741823")


class Market:
    """Stations of one node that know each other's keys; what they say of lots is carried by the test.

    ``start`` starts a station by its terminal; started again it is the same one after a restart.
    """

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self.clock = clock
        self.stations: dict[str, Box] = {}
        self._folder = folder
        self._said: dict[str, int] = {}
        self._changed: dict[str, Ed25519PrivateKey] = {}

    def key(self, terminal: str) -> Ed25519PrivateKey:
        return self._changed.get(terminal) or self._first_key(terminal)

    def _first_key(self, terminal: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes([int(terminal) + 1] * 32))

    def start(self, terminal: str, settings: str = DEVICES, *, strangers: Sequence[str] = ()) -> Box:
        if terminal in self.stations:
            self.stations.pop(terminal).ledger.close()
        folder = self._folder / terminal
        folder.mkdir(exist_ok=True)
        keys = NodeKeys()
        for other in ("01", "02", "03"):
            if other not in strangers:
                keys = keys.plus(f"410108001-{other}", self._first_key(other).public_key())
                keys = keys.plus(f"410108001-{other}", self.key(other).public_key())
        (folder / "node.keys").write_text(keys.text(), "utf-8")
        station = STATION.replace('terminal = "01"', f'terminal = "{terminal}"')
        station = station.replace("4101080010123", f"41010800101{terminal}") + "[market]\nsiblings = true\n"
        signer = Signer(self.key(terminal), "sy.example.cn", "410108001", terminal)
        self.stations[terminal] = Box(folder, signer, station + settings, self.clock)
        self._said.setdefault(terminal, 0)
        return self.stations[terminal]

    def change_key(self, terminal: str) -> None:
        """The station's key is changed while it does not run; all learn the new one at their next start."""
        ledger, file = self.stations[terminal].ledger, self._folder / f"{terminal}.key"
        pem = self.key(terminal).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(pem)
        rotate(file, ledger, self.clock.now(), self.clock.boot_id, why="换人", person="王敏")
        self._changed[terminal] = load_key(file)

    def says(self, terminal: str, after: int = 0) -> list[CityMessage]:
        """What a station has said of lots since that record, as it goes over the broker."""
        topics = Topics("410108", "410108001", terminal)
        rows = self.stations[terminal].ledger.conn.execute(
            "SELECT lane, body FROM events WHERE seq > ? ORDER BY seq", (after,)
        )
        said = [(lane, unpack(stored)) for lane, stored in rows.fetchall()]
        kinds = [(lane, body, kind_of(json.loads(body)["type"])) for lane, body in said]
        return [
            CityMessage(topics.alarm(kind) if lane else topics.event(kind), body)
            for lane, body, kind in kinds
            if kind.startswith("lot.")
        ]

    def carry(self) -> None:
        """Everybody hears what the others have said since the last time, until nobody says anything new."""
        while True:
            news = {name: self.says(name, self._said[name]) for name in self.stations}
            self._said = {name: one.ledger.head.seq for name, one in self.stations.items()} | {
                name: seq for name, seq in self._said.items() if name not in self.stations
            }
            if not any(news.values()):
                return
            for name, said in news.items():
                for other, station in self.stations.items():
                    if other != name:
                        station.turn(*said)

    def card(self, terminal: str) -> str:
        """What the code of a station's newest card says."""
        said = [json.loads(message.payload) for message in self.says(terminal)]
        return str([one["data"]["url"] for one in said if "url" in one["data"]][-1])


QUESTIONS = Recall | CatchUp | FindParties | LastEntry


class Heard(Inbox):
    """An inbox that keeps the commands that were put into it; questions alone it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Command] = []

    def put(self, message: Message) -> None:
        if isinstance(message, Request) and not isinstance(message.command, QUESTIONS):
            self.asked.append(message.command)
        self.quietly(message)

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

    @property
    def board(self) -> Board:
        """With all that was answered, as whoever reads it finds it."""
        if self.showing.behind and self._going.is_set() and threading.current_thread() is not self._thread:
            self.turn()
        return self.showing.board

    def turn(self, *messages: Message) -> None:
        heard = Request(command=Recall(key="heard"))
        for message in (*messages, heard):
            self.inbox.quietly(message)
        heard.answer.result(20)

    def ask(self, *commands: Command, who: Who = ALONE) -> list["Future[Answer]"]:
        requests = [Request(command, who=who) for command in commands]
        for request in requests:
            self.inbox.quietly(request)
        self.turn()
        return [request.answer for request in requests]

    def does(self, command: Command, who: Who = ALONE, *, key: str = "") -> dict[str, Any]:
        request = Request(command, key=key, who=who)
        self.inbox.quietly(request)
        self.turn()
        return request.answer.result(0).model_dump(mode="json", by_alias=True)

    def weighs(self, kilograms: str | None, seconds: float = 2.0, scale: str = "scale-1", **said: Any) -> None:
        self.turn(*self.frames(kilograms, seconds, scale, **said))

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The records of this kind that are on the disk, oldest first."""
        with reading(self.ledger.path.parent) as db:
            events = [json.loads(body) for _, body in bodies_after(db.conn, 0)]
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
def devices() -> str:
    """The settings of the devices that ``box`` has, for a test that adds to them."""
    return DEVICES


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))


class Mayor:
    """Speaks for the city: signs commands for the station of these tests, each issued a moment after the last."""

    def __init__(self, clock: HandClock, seed: int = 7) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes(range(seed, seed + 32)))
        self.hex = self.key.public_key().public_bytes_raw().hex()
        self.keys = CityKeys.parse(self.hex)
        self.topics = Topics("410108", "410108001", "01")
        self._clock = clock
        self._count = 0

    def sealed(
        self, name: str, *, id: str = "", station: str = "", issued: float = 0, expires: float = 3600, **fields: Any
    ) -> bytes:
        """A command's bytes; ``issued`` and ``expires`` are seconds from now."""
        self._count += 1
        moment = self._clock.wall + timedelta(seconds=issued, microseconds=self._count)
        body = {"id": id or f"c-{self._count}", "name": name}
        body["expires"] = (self._clock.wall + timedelta(seconds=expires)).isoformat()
        return seal({**body, **fields}, station or self.topics.station, moment.isoformat(), self.key)

    def message(self, payload: bytes, name: str = "") -> CityMessage:
        """The message that brings it, on the topic of its name or of another."""
        return CityMessage(f"{self.topics.base}/cmd/{name or json.loads(payload)['name']}", payload)

    def orders(self, station: Box, name: str, **given: Any) -> dict[str, Any]:
        """The station gets a command; answers what it says of it."""
        payload = self.sealed(name, **given)
        if not station.core._downlink._up:
            station.turn(LinkChanged(True))
        station.turn(self.message(payload))
        return self.answers(station)[json.loads(payload)["id"]]

    def answers(self, station: Box) -> dict[str, dict[str, Any]]:
        """The newest answer to each command; each is signed by the station."""
        ours = CityKeys.parse(station.ledger.signer.key.public_key().public_bytes_raw().hex())
        found = {}
        for topic, body in station.wire.sent:
            if "/res/" in topic:
                said = CommandAnswer.of(verify(body, ours, self.topics.station).fields)
                assert topic == self.topics.result(said.name)
                found[said.id] = said.model_dump()
        return found


@pytest.fixture(scope="session")
def station_class() -> type[Box]:
    return Box


@pytest.fixture(scope="session")
def clock_class() -> type[HandClock]:
    return HandClock


@pytest.fixture(scope="session")
def mayor_class() -> type[Mayor]:
    return Mayor


@pytest.fixture
def mayor(hand_clock: HandClock) -> Mayor:
    return Mayor(hand_clock)


@pytest.fixture(scope="session")
def a_box() -> Callable[..., Box]:
    """A station in this folder, which the test closes."""
    return lambda folder, signer, clock, settings=DEVICES: Box(folder, signer, STATION + settings, clock)


@pytest.fixture(scope="session")
def hand_clock_at() -> type[HandClock]:
    return HandClock


@pytest.fixture
def open_market() -> Callable[[Path], Market]:
    """A market of its own in a folder."""
    return lambda folder: Market(folder, HandClock(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA)))


@pytest.fixture(scope="session")
def counter_devices() -> str:
    """Settings of a small stall: one scale, one analyzer, one product, no printer."""
    return COUNTER


@pytest.fixture
def market(tmp_path: Path, hand_clock: HandClock) -> Iterator[Market]:
    made = Market(tmp_path, hand_clock)
    yield made
    for station in made.stations.values():
        station.ledger.close()


@pytest.fixture
def box(tmp_path: Path, signer: Signer, hand_clock: HandClock) -> Iterator[Callable[..., Box]]:
    """Start a station; started again it is the same one after a restart. ``settings`` replaces its devices."""
    running: list[Box] = []

    def start(settings: str = DEVICES, *, station: str = STATION, city_keys: CityKeys | None = None) -> Box:
        if running:
            running.pop().ledger.close()
        running.append(Box(tmp_path, signer, station + settings, hand_clock, city_keys=city_keys))
        return running[-1]

    yield start
    for one in running:
        one.ledger.close()
