"""The station of the benchmarks: continuous weighing, a released lot, a broker, a city and a second subscriber."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.envelope import kind_of
from simulator.analyzers.dayuan_crc8 import Dayuan
from simulator.bench.counter import AGREE, MODEL, Counter
from simulator.bench.helpers import CityProcess, Watcher, compiled
from simulator.broker import Broker
from simulator.stage import CABBAGE, TERMINAL, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

PAUSE = 0.05  # between two looks at what is waited for
UPSTREAM = str(TraceCode("410108002", CodeKind.SOURCE, TERMINAL, 1))  # of another market


class Stall:
    """Everything running between ``with`` and its end. Raises what its parts raise.

    ``analyzer`` plugs in a tester, too.  ``log`` is where the station's log goes, when not beside its ledger.
    """

    def __init__(self, folder: Path, *, analyzer: bool = False, log: Path | None = None) -> None:
        self._folder = folder
        self._log = log
        self._with_analyzer = analyzer
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(compiled())
            dev = self._folder / "dev"
            dev.mkdir(parents=True)
            self.broker = stack.enter_context(Broker())
            url, self.mqtt = self.broker.url, self.broker.mqtt_version
            self.city = stack.enter_context(CityProcess(url, self._folder / "city.db", self.mqtt))
            self.watcher = stack.enter_context(Watcher(url, self.mqtt))
            self.counter = stack.enter_context(Counter(dev))
            self._analyzer: Line[Dayuan] = Line(Dayuan("lz4000t"), Pty(dev / "analyzer"))
            if self._with_analyzer:
                stack.enter_context(self._analyzer)
            self.station = StationProcess(
                self._folder / "station",
                Wiring(
                    broker=url,
                    mqtt=self.mqtt,
                    scale=self.counter.scale,
                    scale_model=MODEL,
                    e="1 g",  # no weight comes twice
                    agree=AGREE,
                    still=0.0,
                    analyzer=self._analyzer.address if self._with_analyzer else "",
                    printer=self.counter.printer,
                    continuous=CABBAGE,
                    city_key=self.city.key,
                ),
            )
            self.station.log = self._log or self.station.log
            stack.enter_context(self.station)
            wait_for("the station's way to the city", lambda: self.station.board()["city"]["up"])
            register(self.station)
            self.wait_delivered()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def until(self, what: str, ready: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait as ``wait_for`` does, and take the paper that comes meanwhile: nobody's printer stands still."""

        def look() -> Any:
            self.counter.rest(time.monotonic() + PAUSE)
            return ready()

        return wait_for(what, look, seconds, pause=0)

    def wait_delivered(self, seconds: float = 20) -> None:
        """Until the city has every record that is on the disk now; the board may be a moment older than the disk."""
        written = self.written()

        def has() -> bool:
            city = self.station.board()["city"]
            return bool(city["written"] >= written and city["pending"] == 0)

        self.until("the city's answer", has, seconds)

    @property
    def ledger(self) -> Path:
        return self._folder / "station" / "data" / "ledger.db"

    def written(self) -> int:
        """Records in the station's ledger, as it is on the disk."""
        with closing(sqlite3.connect(f"{self.ledger.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as conn:
            return int(conn.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def measure(self, samples: Iterable[int], value: Decimal, at: datetime) -> None:
        """The tester has results of these samples, all at once, and nothing else.

        Its memory is emptied first, and the station has seen that: what a tester sends in one go stays within what a
        terminal buffers, beyond which bytes are lost as on a wire.
        """

        def forget(device: Dayuan, now: float) -> None:
            device.records.clear()
            device.asked.clear()

        def remember(device: Dayuan, now: float) -> None:
            for sample in samples:
                device.measure(sample, value, at)

        self._analyzer.do(forget)
        self.until("two questions for the count", lambda: self._analyzer.do(lambda device, now: len(device.asked) >= 2))
        self._analyzer.do(remember)

    def sizes(self, kind: str) -> list[int]:
        """Bytes of the events whose kind begins so, as they came over the wire."""
        return [len(payload) for _, payload in self.watcher.seen() if is_kind(payload, kind)]

    def trades(self) -> dict[int, int]:
        """Net grams of the trades that the city has, and how often it has each."""
        counts: dict[int, int] = {}
        for event in self.city.events("trade.completed"):
            net = net_g(event)
            counts[net] = counts.get(net, 0) + 1
        return counts


def register(station: StationProcess, upstream: str = UPSTREAM) -> dict[str, Any]:
    """A hundred tonnes come in, which no bench sells out. With a source code they may be sold at once; without one they
    wait for their test."""
    return station.post(
        "/api/entries",
        product=CABBAGE,
        net_g=100_000_000,
        origin="河南省郑州市中牟县",
        supplier="中牟县绿源合作社",
        upstream=upstream,
    )


def is_kind(payload: bytes, kind: str) -> bool:
    """Whether these are the bytes of an event, not of a state, whose kind begins so."""
    event = json.loads(payload)
    return "type" in event and kind_of(event["type"]).startswith(kind)


def net_g(event: dict[str, Any]) -> int:
    """Net grams of a trade's only line."""
    return int(event["data"]["slip"]["lines"][0]["net_g"])
