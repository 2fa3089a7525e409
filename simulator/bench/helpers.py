"""Parts of a benchmark that run as processes of their own, so that they take no time from what is measured."""

import compileall
import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from simulator.city.keys import hex_beside
from simulator.city.server import City

SPAWN = get_context("spawn")
START_SECONDS = 60.0  # on a machine that has much else to do
EVENTS = "mkt/1/+/+/+/+/+"
STATION = ("drivers", "edge", "protocol")
KEEPS_NOTHING = "PYTHONDONTWRITEBYTECODE"
EXTRA_FILES = ("-wal", "-shm", "")
Arrival = tuple[int, bytes]

P = ParamSpec("P")
R = TypeVar("R")


class HelperFailed(RuntimeError):
    """A process of the benchmark did not come up, or did not answer."""


def elsewhere(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function in a fresh process and return what it returns."""
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        return pool.submit(work, *args, **kwargs).result()


class Helper:
    """A function in a process of its own, with a pipe to it, between ``with`` and its end."""

    def __init__(self, work: Callable[..., None], *args: Any) -> None:
        self._here, there = SPAWN.Pipe()
        self._process = SPAWN.Process(target=work, args=(there, *args), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # it may be gone already
            self._here.send("stop")
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def ask(self, question: str) -> Any:
        self._here.send(question)
        return self._answer()

    def _answer(self) -> Any:
        if not self._here.poll(START_SECONDS):
            raise HelperFailed(f"{self._process.name} does not answer")
        try:
            return self._here.recv()
        except EOFError:
            raise HelperFailed(f"{self._process.name} ended") from None


class Watcher(Helper):
    """An independent subscriber: notes when each event of any station arrives."""

    def __init__(self, broker: str, mqtt: str = "5") -> None:
        super().__init__(_watch, broker, mqtt)

    def seen(self) -> list[Arrival]:
        """Everything that arrived so far: ``time.monotonic_ns`` and payload."""
        found: list[Arrival] = self.ask("seen")
        return found


class CityProcess(Helper):
    """The simulated city. ``db`` is its database, ``key`` its public key."""

    def __init__(self, broker: str, db: Path, mqtt: str = "5") -> None:
        self.db = db
        self.key = hex_beside(db)
        super().__init__(_city, broker, db, mqtt)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind that the city accepted."""
        conn = sqlite3.connect(f"{self.db.resolve().as_uri()}?mode=ro", uri=True)
        try:
            rows = conn.execute("SELECT body FROM events WHERE kind = ? AND code = ''", (kind,)).fetchall()
        finally:
            conn.close()
        return [json.loads(body) for (body,) in rows]


def connect(broker: str, mqtt: str, on_message: Callable[[bytes], None], topic: str) -> paho.Client:
    """A subscriber whose subscription stands. Raises HelperFailed."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if mqtt == "5" else paho.MQTTv311)
    ready = threading.Event()

    def subscribe(client: paho.Client, *_: Any) -> None:
        client.subscribe(topic, qos=1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, message: on_message(bytes(message.payload))
    parts = urlsplit(broker)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    if not ready.wait(START_SECONDS):
        raise HelperFailed(f"no subscription at {broker}")
    return client


def _watch(pipe: Connection, broker: str, mqtt: str) -> None:
    arrived: list[Arrival] = []
    client = connect(broker, mqtt, lambda payload: arrived.append((time.monotonic_ns(), payload)), EVENTS)
    pipe.send("ready")
    while pipe.recv() != "stop":
        pipe.send(list(arrived))
    client.disconnect()
    client.loop_stop()


def _city(pipe: Connection, broker: str, db: Path, mqtt: str) -> None:
    with City(broker, db, enrol=True, mqtt_version=mqtt) as city:
        if not city.wait_connected(START_SECONDS):
            return
        pipe.send("ready")
        while pipe.recv() != "stop":
            pipe.send(city.summary())


@contextlib.contextmanager
def compiled() -> Iterator[None]:
    """Programs started meanwhile find themselves compiled, as installed ones do, even where Python keeps nothing.

    The first run in a fresh checkout would else compile itself, and keep what that takes: 3 MiB.
    """
    for package in STATION:
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            compileall.compile_dir(folder, quiet=2)
    before = os.environ.pop(KEEPS_NOTHING, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[KEEPS_NOTHING] = before


# --- floors ---------------------------------------------------------------------------------------------------------


def bare_rows(path: Path, size: int, count: int) -> tuple[list[float], float]:
    """SQLite by itself: one row of ``size`` bytes in one transaction, WAL, synchronous=FULL, the rest at its defaults.

    Answers the milliseconds of each commit, and the bytes one row sent to the disk.  To be run in a process of its
    own, because the kernel counts written bytes by process.
    """
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("CREATE TABLE row (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    body, times = bytes(size), []
    before = written_bytes()
    for _ in range(count):
        start = time.perf_counter_ns()
        conn.execute("INSERT INTO row (body) VALUES (?)", (body,))
        times.append((time.perf_counter_ns() - start) / 1e6)
    each = (written_bytes() - before) / count
    conn.close()
    for suffix in EXTRA_FILES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return times, each


def written_bytes(pid: int | str = "self") -> int:
    """Bytes this process sent, or caused to be sent, to storage. Raises OSError where the kernel does not count."""
    for line in Path(f"/proc/{pid}/io").read_text("ascii").splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise OSError(f"/proc/{pid}/io has no write_bytes")


def publish_times(broker: str, mqtt: str, size: int, count: int, rate: float) -> list[float]:
    """paho alone: milliseconds from publish to the same process's subscriber, QoS 1."""
    arrived = threading.Event()
    client = connect(broker, mqtt, lambda _: arrived.set(), "bench/floor")
    times = []
    for _ in range(count):
        arrived.clear()
        start = time.monotonic_ns()
        client.publish("bench/floor", bytes(size), qos=1)
        if arrived.wait(5):
            times.append((time.monotonic_ns() - start) / 1e6)
        time.sleep(1 / rate)
    client.disconnect()
    client.loop_stop()
    return times
