"""A city that shares no code with the product: from protocol/city/README.md, on paho-mqtt, cryptography and rfc8785.

    python tests/torture/city.py BROKER_PORT DB KEY [--as JSON]

It keeps what verifies under the key of a station's first birth, follows the chain, and answers; everything is on its
disk before it says so.  ``--as`` makes it a worse one (``Manners``).  Its file is the judge of a run.
"""

import argparse
import base64
import hashlib
import json
import os
import queue
import random
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

NOTHING = "0" * 64
BATCH = 200
TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS records
  (station, seq INTEGER, id, prev, hash, joint INTEGER, code, body BLOB, PRIMARY KEY (station, seq));
CREATE INDEX IF NOT EXISTS by_joint ON records (station, joint, seq);
CREATE TABLE IF NOT EXISTS keys (station PRIMARY KEY, public);
CREATE TABLE IF NOT EXISTS refused (station, seq INTEGER, id, code, body BLOB);
CREATE TABLE IF NOT EXISTS counts (what PRIMARY KEY, n INTEGER);
"""


@dataclass
class Manners:
    """How it answers: ``late`` seconds later, in groups of ``shuffle``, ``copies`` times, with ids alone, ``every``
    so many seconds, after ``slow`` seconds a record.  ``refuse_every`` so many records one is refused, for
    ``refuse_code``; ``open`` seconds long all are, for want of a signature it can check.  ``die``: after about so many
    records it is killed between its disk and its answer.
    """

    late: float = 0.0
    shuffle: int = 0
    copies: int = 1
    ids_only: bool = False
    every: float = 0.0
    slow: float = 0.0
    refuse_every: int = 0
    refuse_code: str = "bad_data"
    open: float = 0.0
    die: int = 0
    mqtt: str = "5"
    mute: bool = False  # it says nothing, ever
    session: bool = False  # the broker is to keep for it what comes while it is away


@dataclass
class Chain:
    """A station as the city has it."""

    upto: int = 0
    head: str = NOTHING
    serials: dict[int, int] = field(default_factory=dict)


def hash_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def records_in(db: Path) -> Iterator[tuple[str, int, str, bytes]]:
    """Station, number, refusal and bytes of every record that a city keeps, in order."""
    with closing(sqlite3.connect(db)) as conn:
        yield from conn.execute("SELECT station, seq, code, body FROM records ORDER BY station, seq")


def counted_in(db: Path, what: str) -> int:
    with closing(sqlite3.connect(db)) as conn:
        row = conn.execute("SELECT n FROM counts WHERE what = ?", (what,)).fetchone()
    return int(row[0]) if row else 0


class City:
    def __init__(self, port: int, db: Path, key: Ed25519PrivateKey, manners: Manners) -> None:
        self.manners, self.key = manners, key
        self.conn = sqlite3.connect(db, check_same_thread=False)
        self.conn.executescript(TABLES)
        self.kid = kid_of(key.public_key())
        self.keys = {name: bytes.fromhex(public) for name, public in self.conn.execute("SELECT * FROM keys")}
        self.chains: dict[str, Chain] = {}
        self.bases: dict[str, str] = {}
        self.inbox: queue.Queue[tuple[str, bytes]] = queue.Queue(2000)
        self.out: queue.Queue[tuple[float, str, bytes]] = queue.Queue()
        self.born: dict[str, tuple[str, dict[str, Any]]] = {}
        self.issued, self.begun, self.count = 0.0, time.monotonic(), 0
        self.dice = random.Random(port)
        self.dies_at = self.dice.randint(manners.die // 2, manners.die * 3 // 2) if manners.die else 0
        version = mqtt.MQTTv5 if manners.mqtt == "5" else mqtt.MQTTv311
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "judge", protocol=version)
        self.client.on_connect = lambda client, *_: client.subscribe(
            [("mkt/1/+/+/+/evt/+", 1), ("mkt/1/+/+/+/alm/+", 1), ("mkt/1/+/+/+/state", 1)]
        )
        self.client.on_subscribe = lambda *_: self._greet()
        self.client.on_message = lambda _, __, message: self.inbox.put((message.topic, bytes(message.payload)))
        self.client.max_inflight_messages_set(0)
        self.client.reconnect_delay_set(1, 1)
        kept: dict[str, Any] = {}
        if manners.session:  # MQTT 5
            kept = {"clean_start": False, "properties": Properties(PacketTypes.CONNECT)}
            kept["properties"].SessionExpiryInterval = 3600
        self.client.connect_async("127.0.0.1", port, keepalive=15, **kept)
        self.client.loop_start()
        threading.Thread(target=self._say_later, daemon=True).start()

    def run(self) -> None:
        while True:
            batch = [self.inbox.get()]
            end = time.monotonic() + self.manners.every
            while len(batch) < BATCH:
                try:
                    batch.append(self.inbox.get(timeout=max(0.0, end - time.monotonic())))
                except queue.Empty:
                    break
            self._do(batch)

    def _greet(self) -> None:
        if not self.manners.mute:
            for (name,) in self.conn.execute("SELECT station FROM keys").fetchall():
                node, _, terminal = name.partition("-")
                base = self.bases.get(name, f"mkt/1/{node[:6]}/{node}/{terminal}")
                self.inbox.put((f"{base}/greet", b""))

    def _do(self, batch: list[tuple[str, bytes]]) -> None:
        named: dict[str, list[tuple[str, int, bool]]] = {}
        refused: dict[str, list[dict[str, str]]] = {}
        for topic, payload in sorted(batch, key=lambda one: not one[0].endswith("/state")):
            parts = topic.split("/")
            name = f"{parts[3]}-{parts[4]}"
            self.bases[name] = "/".join(parts[:5])
            named.setdefault(name, [])
            refused.setdefault(name, [])
            if parts[5] == "state":
                self._birth(name, payload)
            elif parts[5] in ("evt", "alm"):
                if self.manners.slow:
                    time.sleep(self.manners.slow)
                self._record(name, payload, named[name], refused[name])
        for name in named:
            self._advance(name)
        self.conn.commit()
        if self.dies_at and self.count >= self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        for name in named if not self.manners.mute else ():
            self._answer(name, named[name], refused[name])

    def _birth(self, name: str, payload: bytes) -> None:
        body = json.loads(payload)
        if not self._verifies(bytes.fromhex(body["public_key"]), body):
            return
        if name not in self.keys:
            self.keys[name] = bytes.fromhex(body["public_key"])
            self.conn.execute("INSERT INTO keys VALUES (?, ?)", (name, body["public_key"]))
        if body["state"] == "online" and self.keys[name].hex() == body["public_key"]:
            self.born[name] = (hashlib.sha256(payload).hexdigest(), body)

    def _record(self, name: str, payload: bytes, named: list[Any], refused: list[dict[str, str]]) -> None:
        event = json.loads(payload)
        self._counted("arrived")
        if time.monotonic() - self.begun < self.manners.open or name not in self.keys:
            code = "bad_signature" if name in self.keys else "unknown_key"
            refused.append({"id": event["id"], "code": code, "reason": "not now"})
            return
        if not self._verifies(self.keys[name], event) or rfc8785.dumps(event) != payload:
            refused.append({"id": event["id"], "code": "bad_signature", "reason": "it does not verify"})
            self._counted("unverified")
            return
        seq, digest, chain = int(event["sequence"]), hash_of(payload), self._chain(name)
        joint = ".ledger.restored." in event["type"]
        self._serials(name, payload, chain)
        there = self.conn.execute(
            "SELECT hash, code FROM records WHERE station = ? AND seq = ?", (name, seq)
        ).fetchone()
        if there and there[0] == digest:
            self._counted("repeats")
            if there[1]:
                refused.append({"id": event["id"], "code": there[1], "reason": "as before"})
            else:
                named.append((event["id"], seq, True))
            return
        code = ""
        if there:
            code = "fork"
        elif seq == chain.upto + 1 and not joint and event["prevhash"] != chain.head:
            self._advance(name)  # what comes before it may be in this batch
            code = "broken_chain" if seq == chain.upto + 1 and event["prevhash"] != chain.head else ""
        if code:
            refused.append({"id": event["id"], "code": code, "reason": f"record {seq}"})
            self.conn.execute("INSERT INTO refused VALUES (?, ?, ?, ?, ?)", (name, seq, event["id"], code, payload))
            return
        self.count += 1
        if self.manners.refuse_every and self.count % self.manners.refuse_every == 0 and not joint:
            code = self.manners.refuse_code
            refused.append({"id": event["id"], "code": code, "reason": "every so many"})
        else:
            named.append((event["id"], seq, seq <= chain.upto))
        row = (name, seq, event["id"], event["prevhash"], digest, joint, code, payload)
        self.conn.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        if joint:
            self._advance(name)

    def _counted(self, what: str) -> None:
        self.conn.execute("INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1", (what,))

    def _serials(self, name: str, payload: bytes, chain: Chain) -> None:
        node, _, terminal = name.partition("-")
        for found in re.finditer(
            rb"(?<![0-9])%b([0-9])%b([0-9]{7})[0-9](?![0-9])" % (node.encode(), terminal.encode()), payload
        ):
            kind, serial = int(found[1]), int(found[2])
            chain.serials[kind] = max(serial, chain.serials.get(kind, 0))

    def _chain(self, name: str) -> Chain:
        if name not in self.chains:
            self.chains[name] = Chain()
            rows = self.conn.execute("SELECT body FROM records WHERE station = ? ORDER BY seq", (name,)).fetchall()
            for (body,) in rows:
                self._serials(name, body, self.chains[name])
            self._advance(name)
        return self.chains[name]

    def _advance(self, name: str) -> None:
        chain = self._chain(name)
        while True:
            sql = "SELECT seq, prev, hash, joint FROM records WHERE station = ? AND seq = ?"
            row = self.conn.execute(sql, (name, chain.upto + 1)).fetchone()
            if row is None or not (row[3] or row[1] == chain.head):
                sql = "SELECT seq, prev, hash, joint FROM records WHERE station = ? AND joint AND seq > ? ORDER BY seq"
                row = self.conn.execute(sql, (name, chain.upto)).fetchone()
            if row is None:
                return
            chain.upto, chain.head = row[0], row[2]

    def _answer(self, name: str, named: list[tuple[str, int, bool]], refused: list[dict[str, str]]) -> None:
        chain = self._chain(name)
        said: dict[str, Any] = {"upto": chain.upto} | ({"hash": chain.head} if chain.upto else {})
        ids = [one for one, seq, again in named if again or seq > chain.upto]
        if self.manners.ids_only:
            said, ids = {}, [one for one, _, _ in named]
        if ids:
            said["ids"] = ids
        if refused:
            said["rejected"] = refused
        if name in self.born:
            digest, birth = self.born.pop(name)
            sql = "SELECT hash FROM records WHERE station = ? AND seq = ?"
            holds = self.conn.execute(sql, (name, birth["acked"])).fetchone()
            said |= {"birth": digest, "holds": holds[0] if holds else ""}
            said["serials"] = {str(kind): serial for kind, serial in sorted(chain.serials.items())}
            sql = "SELECT id, code FROM records WHERE station = ? AND code != '' ORDER BY seq DESC LIMIT 50"
            rows = self.conn.execute(sql, (name,)).fetchall()  # who lost power may have forgotten what he was told
            told = {one["id"] for one in refused}
            again = [{"id": one, "code": code, "reason": "as before"} for one, code in rows if one not in told]
            said["rejected"] = [*refused, *again]
        for _ in range(self.manners.copies):
            self.out.put((time.monotonic() + self.manners.late, name, self._sealed(name, said)))

    def _sealed(self, name: str, said: dict[str, Any]) -> bytes:
        self.issued = max(time.time(), self.issued + 2e-6)
        moment = datetime.fromtimestamp(self.issued, UTC).isoformat(timespec="microseconds")
        whole = {**said, "station": name, "issued": moment, "kid": self.kid}
        sig = base64.urlsafe_b64encode(self.key.sign(rfc8785.dumps(whole))).decode().rstrip("=")
        return rfc8785.dumps({**whole, "sig": sig})

    def _say_later(self) -> None:
        """Answers in their turn, or out of it."""
        group: list[tuple[float, str, bytes]] = []
        while True:
            with suppress(queue.Empty):
                group.append(self.out.get(timeout=0.5))
            if len(group) < (self.manners.shuffle or 1) and not (group and self.out.empty() and self.manners.shuffle):
                continue
            self.dice.shuffle(group) if self.manners.shuffle else None
            for at, name, payload in group:
                time.sleep(max(0.0, at - time.monotonic()))
                if self.client.is_connected():
                    self.client.publish(f"{self.bases[name]}/ack", payload, qos=1)
            group.clear()

    @staticmethod
    def _verifies(public: bytes, body: dict[str, Any]) -> bool:
        rest = {name: value for name, value in body.items() if name != "sig"}
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(body["sig"]), rfc8785.dumps(rest))
        except (InvalidSignature, ValueError):
            return False
        return True


def kid_of(public: Ed25519PublicKey) -> str:
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:8]


def key_in(file: Path) -> Ed25519PrivateKey:
    """The city's key, made when it is not there."""
    if not file.exists():
        file.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(file.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("db", type=Path)
    parser.add_argument("key", type=Path)
    parser.add_argument("--as", dest="manners", default="{}")
    given = parser.parse_args()
    City(given.port, given.db, key_in(given.key), Manners(**json.loads(given.manners))).run()


if __name__ == "__main__":
    main()
