"""A city that does no more than a city must, in a process of its own: verify, store, acknowledge with the hash.

    paho's thread ──(topic, payload)──> queue ──> this process's main thread: a batch, one transaction, one answer

It keeps one station's records by `protocol.city.agreement`.  The simulated city judges contents, keeps shelves and
shows pages beside; here none of that is in the way of what is measured.
"""

import contextlib
import hashlib
import queue
import sqlite3
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from protocol.city.agreement import CityEnd, Take
from protocol.city.envelope import hash_of, read, verify
from protocol.city.signed import public_key, seal
from protocol.city.state import read_state
from protocol.city.topics import Ack, Topics
from simulator.bench.helpers import Helper
from simulator.city.keys import city_key

BATCH = 500
KNOCK_SECONDS = 0.02  # between two tries to reach a broker that is not there yet
LONGEST_WAIT = 0.2


class Receiver(Helper):
    """Comes up before its broker does and is there as soon as that is.

    ``secret`` is the file of the city's key, ``station`` the public key whose records count.  With ``ack_every`` it
    stores at once and answers so often.
    """

    def __init__(
        self, broker: str, secret: Path, db: Path, topics: Topics, station: str, mqtt: str, ack_every: float = 0.0
    ) -> None:
        super().__init__(_receive, broker, secret, db, topics, station, mqtt, ack_every)

    def progress(self) -> dict[str, float]:
        """``stored`` and ``acked`` records, and ``repeats``; ``first`` and ``last`` are `time.monotonic` of the first
        arrival and the newest commit, ``asked`` of this answer; ``cpu`` the seconds of this process."""
        found: dict[str, float] = self.ask("progress")
        return found


class _Store:
    """One station's records, raw, and where its chain ends."""

    def __init__(self, path: Path) -> None:
        self.conn = sqlite3.connect(path, isolation_level=None)
        self.conn.execute("PRAGMA journal_mode = WAL")
        self.conn.execute("PRAGMA synchronous = FULL")
        self.conn.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, body BLOB NOT NULL)")
        self.end = CityEnd()
        self.stored = self.repeats = 0
        self.first = self.last = 0.0

    def take(self, bodies: list[bytes], key: Any) -> None:
        """One transaction."""
        self.first = self.first or time.monotonic()
        self.conn.execute("BEGIN")
        for body in bodies:
            event = read(body)
            verify(event, key, body)
            seq, prevhash, digest = int(event["sequence"]), event["prevhash"], hash_of(body)
            there = self.hash_at(seq) if seq <= self.end.upto or self.stored > self.end.upto else ""
            if self.end.came(seq, prevhash, digest, there, 0) is not Take.KEEP:
                self.repeats += 1
                continue
            self.conn.execute("INSERT INTO event VALUES (?, ?, ?)", (seq, digest, body))
            self.stored += 1
            if seq == self.end.upto + 1:
                self.end.follow(seq, prevhash, digest)
                self._close()
        self.conn.execute("COMMIT")
        self.last = time.monotonic()

    def _close(self) -> None:
        """Records that came before the one they follow."""
        while self.stored > self.end.upto:
            row = self.conn.execute("SELECT body FROM event WHERE seq = ?", (self.end.upto + 1,)).fetchone()
            if row is None:
                return
            event = read(row[0])
            self.end.follow(int(event["sequence"]), event["prevhash"], hash_of(row[0]))

    def hash_at(self, seq: int) -> str:
        row = self.conn.execute("SELECT hash FROM event WHERE seq = ?", (seq,)).fetchone()
        return str(row[0]) if row else ""


def _receive(
    pipe: Connection, broker: str, secret: Path, db: Path, topics: Topics, station: str, mqtt: str, ack_every: float
) -> None:
    key, station_key = city_key(secret), public_key(station)
    store = _Store(db)
    arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    client = _client(mqtt, topics, arrived)
    going = threading.Event()
    going.set()
    asking: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, asking, going), daemon=True).start()
    threading.Thread(target=_connect, args=(client, broker, going), daemon=True).start()
    pipe.send("ready")
    acked, answer_at = 0, time.monotonic() + ack_every

    def answer(more: Mapping[str, Any] | None = None) -> None:
        said = Ack(store.end.upto, hash=store.end.head if store.end.upto else "", **(more or {}))
        issued = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        client.publish(topics.ack, seal(said.fields(), topics.station, issued, key), qos=1)

    while going.is_set():
        births, bodies = _batch(arrived)
        if bodies:
            store.take(bodies, station_key)
        for payload in births:
            said = read_state(payload)
            if said.state == "online":
                birth = hashlib.sha256(payload).hexdigest()
                answer({"birth": birth, "holds": store.hash_at(said.acked), "serials": {}})
        if store.end.upto > acked and (not ack_every or time.monotonic() >= answer_at):
            answer()
            acked, answer_at = store.end.upto, time.monotonic() + ack_every
        with contextlib.suppress(queue.Empty):
            asking.get_nowait()
            pipe.send(
                {
                    **{name: getattr(store, name) for name in ("stored", "repeats", "first", "last")},
                    "acked": acked,
                    "asked": time.monotonic(),
                    "cpu": time.process_time(),
                }
            )
    client.disconnect()
    client.loop_stop()
    store.conn.close()


def _batch(arrived: "queue.SimpleQueue[tuple[str, bytes]]") -> tuple[list[bytes], list[bytes]]:
    """What came: births, and records."""
    births: list[bytes] = []
    bodies: list[bytes] = []
    with contextlib.suppress(queue.Empty):
        topic, payload = arrived.get(timeout=LONGEST_WAIT / 10)
        while True:
            if topic.endswith("/state"):
                births += [payload] if payload else []
            else:
                bodies.append(payload)
            if len(bodies) >= BATCH:
                break
            topic, payload = arrived.get_nowait()
    return births, bodies


def _client(mqtt: str, topics: Topics, arrived: "queue.SimpleQueue[tuple[str, bytes]]") -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if mqtt == "5" else paho.MQTTv311)

    def subscribe(client: paho.Client, *_: Any) -> None:
        client.subscribe([(f"{topics.base}/{lane}", 1) for lane in ("evt/+", "alm/+", "state")])

    client.on_connect = subscribe
    client.on_message = lambda _client, _data, message: arrived.put((message.topic, bytes(message.payload)))
    return client


def _connect(client: paho.Client, broker: str, going: threading.Event) -> None:
    parts = urlsplit(broker)
    while going.is_set():
        with contextlib.suppress(OSError):
            client.connect(parts.hostname or "", parts.port or 1883)
            client.loop_start()
            return
        time.sleep(KNOCK_SECONDS)


def _listen(pipe: Connection, asking: "queue.SimpleQueue[str]", going: threading.Event) -> None:
    with contextlib.suppress(EOFError, OSError):
        while (question := pipe.recv()) != "stop":
            asking.put(question)
    going.clear()
