"""How fast records are taken: by the ledger alone, and by a station over its local API."""

import json
import os
import selectors
import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from edge.records.clock import Clock
from edge.records.ledger import body_of, last_of, reading
from simulator.bench.filling import append, open_ledger, sales
from simulator.bench.helpers import elsewhere, written_bytes
from simulator.bench.idle import cpu_seconds
from simulator.bench.report import Figure, Report
from simulator.bench.stall import UPSTREAM, register
from simulator.stage import CABBAGE, StageFailed, StationProcess, Wiring
from simulator.wires.line import Pty

BATCHES = {1: 0.5, 10: 1.5, 100: 3.0}  # records a transaction: times as many as bare rows, one a transaction
SALES = {1: 700.0, 8: 1300.0, 60: 1300.0}  # clients: sales a second
ENTRIES = {1: 600.0}
ENTRY_CPU_MS = 1.5
TURN_SECONDS = 1 / 3
WARM_UP = 50
BARE = "SQLite's bare row of a sale's size in one FULL transaction, in turns with it"
ENOUGH = 4096


@dataclass(slots=True)
class Took:
    """What so many records took: seconds, those on the processor, bytes to the disk."""

    records: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    written: int = 0

    @property
    def rate(self) -> float:
        return self.records / self.seconds if self.seconds else 0.0

    def values(self) -> dict[str, float]:
        each = max(1, self.records)
        return {"per_s": self.rate, "cpu_ms": self.cpu / each * 1e3, "disk_bytes": self.written / each}

    def turn(self, work: Callable[[], int], seconds: float) -> Self:
        """Do the work in this process again and again for so long; it answers how many records it made."""
        written, used, start = written_bytes(), time.process_time(), time.monotonic()
        while time.monotonic() < start + seconds:
            self.records += work()
        self.seconds += time.monotonic() - start
        self.cpu += time.process_time() - used
        self.written += written_bytes() - written
        return self


def measure(folder: Path, seconds: float = 30.0, *, warm_up: int = WARM_UP) -> Report:
    """An equal part of the time for each kind of record, number of clients and size of a batch."""
    part = seconds / (len(BATCHES) + len(SALES) + len(ENTRIES))
    with TemporaryDirectory(dir=folder, prefix="ingest-") as name:
        figures = []
        plain = StationProcess(Path(name) / "plain", Wiring("mqtt://127.0.0.1:1"))
        for batch, least in BATCHES.items():
            ours, bare = elsewhere(in_turns, plain.folder, batch, part)
            values = ours.values() | {"ratio": ours.rate / bare.rate}
            title = f"ledger alone, {batch} sale{'s' if batch > 1 else ''} a transaction"
            figures.append(Figure(title, "records", values, bare.values(), BARE, {"ratio": least}, at_least=True))
        with Counted(Path(name) / "station") as station:
            for clients, least in SALES.items():
                ours, bare = station.takes("/api/sales", station.sale, clients, part, warm_up)
                title = f"sales over HTTP, {clients} client{'s' if clients > 1 else ''}"
                figures.append(
                    Figure(title, "records", ours.values(), bare.values(), BARE, {"per_s": least}, at_least=True)
                )
            for clients, least in ENTRIES.items():
                ours, bare = station.takes("/api/entries", station.entry, clients, part, warm_up)
                title = f"entries over HTTP, {clients} client"
                figures.append(
                    Figure(title, "records", ours.values(), bare.values(), BARE, {"per_s": least}, at_least=True)
                )
                cpu = {"cpu_ms": ours.values()["cpu_ms"]}
                floor = {"cpu_ms": bare.values()["cpu_ms"]}
                figures.append(Figure(f"{title}: processor", "ms", cpu, floor, BARE, {"cpu_ms": ENTRY_CPU_MS}))
            refused = station.refused
    facts = {
        "refused": refused,
        "the_station": "no scale answers, no printer, and its broker is not there: weights are typed, and records wait",
        "load_average": os.getloadavg()[0],
    }
    return Report("ingest", "records a second, each signed, chained and on the disk", tuple(figures), facts)


def in_turns(home: Path, batch: int, seconds: float) -> tuple[Took, Took]:
    """Sales into a ledger, and bare rows, in turns. For a process of its own."""
    records, clock = sales(), Clock("host")
    ledger = open_ledger(home / "data", home / "station.key")
    ours, bare, count = Took(), Took(), max(1, round(seconds / 2 / TURN_SECONDS))

    def work() -> int:
        append(ledger, records, batch, clock)
        return batch

    work()
    with Bare(home / "bare.db", len(ledger.body(ledger.head.seq))) as row:
        row.insert()
        for _ in range(count):
            ours.turn(work, seconds / 2 / count)
            bare.turn(row.insert, seconds / 2 / count)
    ledger.close()
    return ours, bare


class Bare:
    """SQLite by itself, as in ``helpers.bare_rows``."""

    def __init__(self, path: Path, size: int) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None)
        self._conn.execute("PRAGMA journal_mode = WAL")
        self._conn.execute("PRAGMA synchronous = FULL")
        self._conn.execute("CREATE TABLE IF NOT EXISTS row (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._body = bytes(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def insert(self) -> int:
        self._conn.execute("INSERT INTO row (body) VALUES (?)", (self._body,))
        return 1


def bare_turn(path: Path, size: int, seconds: float) -> Took:
    """For a process of its own, because the kernel counts written bytes by process."""
    with Bare(path, size) as row:
        row.insert()
        return Took().turn(row.insert, seconds)


# --- over HTTP --------------------------------------------------------------------------------------------------------


class Counted:
    """A station that sells typed weights and registers lots, and delivers nothing meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.refused = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            dev = self._folder / "dev"
            dev.mkdir(parents=True)
            scale = Pty(dev / "scale")
            scale.plug_in()
            stack.callback(scale.pull_out)
            self.station = StationProcess(self._folder / "home", Wiring("mqtt://127.0.0.1:1", scale=scale.address))
            stack.enter_context(self.station)
            lot = register(self.station, UPSTREAM)
            self._lot = str(lot.get("source") or lot["code"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def sale(self, number: int) -> dict[str, Any]:
        grams = 300 + number * 7919 % 2_900  # no run sells more than there is: that is another sale
        typed = {"manual_g": grams, "reason": "秤无显示，已报修"}
        return {"scale": "scale-1", "product": CABBAGE, "lot": self._lot, **typed}

    def entry(self, number: int) -> dict[str, Any]:
        goods = {"product": CABBAGE, "net_g": 10_000 + number, "origin": "河南省郑州市中牟县"}
        return goods | {"supplier": "中牟县绿源合作社"}

    def takes(
        self, path: str, body: Callable[[int], dict[str, Any]], clients: int, seconds: float, warm_up: int
    ) -> tuple[Took, Took]:
        """Records by so many clients, each asking as soon as it was answered; and bare rows before and after."""
        size = self._size(path, body(0))
        floor = self._folder / "bare.db"
        before = elsewhere(bare_turn, floor, size, TURN_SECONDS)
        requests = [_request(self.station.listen, path, body(number), number) for number in range(ENOUGH)]
        elsewhere(ask, self.station.listen, requests, clients, 0.0, warm_up)
        pid, took = self.station.pid, Took()
        written, used = written_bytes(pid), cpu_seconds(pid)
        took.records, took.seconds, refused = elsewhere(ask, self.station.listen, requests, clients, seconds, 1)
        took.cpu, took.written = cpu_seconds(pid) - used, written_bytes(pid) - written
        self.refused += refused
        after = elsewhere(bare_turn, floor, size, TURN_SECONDS)
        bare = Took(
            before.records + after.records,
            before.seconds + after.seconds,
            before.cpu + after.cpu,
            before.written + after.written,
        )
        return took, bare

    def _size(self, path: str, body: dict[str, Any]) -> int:
        """Bytes of one such record, as the ledger sends it."""
        self.station.post(path, **body)
        with reading(self.station.folder / "data") as db:
            return len(body_of(db.conn, last_of(db.conn)))


def _request(listen: str, path: str, body: dict[str, Any], number: int) -> bytes:
    text = json.dumps(body, ensure_ascii=False).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {listen}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


def ask(listen: str, requests: Sequence[bytes], clients: int, seconds: float, least: int) -> tuple[int, float, int]:
    """Clients on connections that stay open. Answers how many were done, in which time, and how many refused.

    For a process of its own.
    """
    host, _, port = listen.rpartition(":")
    number = done = refused = 0
    with selectors.DefaultSelector() as ready, ExitStack() as stack:
        start = time.monotonic()
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection((host, int(port)), 10))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(client, selectors.EVENT_READ, bytearray())
            client.sendall(requests[number % len(requests)])
            number += 1
        waiting = clients
        while waiting:
            found = ready.select(10)
            if not found:
                raise StageFailed(f"{listen} does not answer")
            for key, _ in found:
                asker, buffer = key.fileobj, key.data
                assert isinstance(asker, socket.socket)
                piece = asker.recv(65536)
                if not piece:
                    raise StageFailed(f"{listen} hung up")
                buffer += piece
                if (length := _whole(buffer)) is None:
                    continue
                created = buffer.startswith(b"HTTP/1.1 201")
                del buffer[:length]
                done, refused = done + created, refused + (not created)
                if done < least or time.monotonic() < start + seconds:
                    asker.sendall(requests[number % len(requests)])
                    number += 1
                else:
                    waiting -= 1
        return done, time.monotonic() - start, refused


def _whole(buffer: bytearray) -> int | None:
    """The length of the answer that the buffer begins with; None while some of it is missing."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    for line in bytes(buffer[:end]).lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = end + 4 + int(line.partition(b":")[2])
            return length if len(buffer) >= length else None
    raise StageFailed("an answer without its length")
