"""A city in one file: takes what stations send, checks and keeps it, and says what it has, signed.

    pip install cryptography paho-mqtt rfc8785
    python city.py mqtt://127.0.0.1:1883 FOLDER

FOLDER has `stations.json`, whom it believes, from the registration ({"410108001-01": "<64 hex digits>"}); `city.key`,
made at the first start (the public key is printed: it belongs in each station's `[city] keys_file`); `city.db` with the
very bytes that stations signed. What it leaves to a larger one: commands, photos, a fork's alarm, a station's new key,
more than one process. It is written from `protocol/city/README.md`; `protocol/city/receiver` is one in Node.js.
"""

import base64
import hashlib
import json
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from paho.mqtt.enums import CallbackAPIVersion

LARGEST = 65_536
NO_HASH = "0" * 64
PLACE = re.compile(r"(mkt/1/\d{6}/(\d{9})/(\d{2}))/(evt|alm|state)(?:/[0-9A-Za-z_-]+)?")
TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS records (
    station TEXT, sequence INTEGER, id TEXT, hash TEXT, prevhash TEXT, restored INTEGER, code TEXT, body BLOB,
    PRIMARY KEY (station, sequence), UNIQUE (station, id)
);
CREATE TABLE IF NOT EXISTS heads (station TEXT PRIMARY KEY, upto INTEGER, hash TEXT);
"""


def signed(payload: bytes, key: str) -> dict[str, Any] | None:
    """The object in these bytes, when they are canonical and this station's key has signed them."""
    try:
        said: dict[str, Any] = json.loads(payload)
        rest = {name: value for name, value in said.items() if name != "sig"}
        signature = base64.b64decode(said["sig"], validate=True)
        if base64.b64encode(signature).decode() != said["sig"]:
            return None
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, rfc8785.dumps(rest))
        return said
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature):
        return None


class City:
    def __init__(self, folder: Path) -> None:
        self._known: dict[str, str] = json.loads((folder / "stations.json").read_text("utf-8"))
        key = folder / "city.key"
        if not key.exists():
            key.touch(0o600)
            key.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
        self._key = Ed25519PrivateKey.from_private_bytes(key.read_bytes())
        self.public = self._key.public_key().public_bytes_raw()
        self._issued = datetime.now(UTC)
        self._db = sqlite3.connect(folder / "city.db", check_same_thread=False)  # paho's thread alone uses it later
        self._db.executescript(TABLES)

    def hear(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        """What to answer, and where; everything the answer says is on the disk."""
        place = PLACE.fullmatch(topic)
        if place is None or len(payload) > LARGEST:
            return None
        base, station = place[1], f"{place[2]}-{place[3]}"
        with self._db:
            answer = self._born(station, payload) if place[4] == "state" else self._take(station, payload)
        return (f"{base}/ack", self._seal(answer, station)) if answer is not None else None

    def _take(self, station: str, payload: bytes) -> dict[str, Any] | None:
        if (event := signed(payload, self._known.get(station, ""))) is None:
            return None  # it is sent again: when it is no longer damaged, or its station is registered, it is taken
        if rfc8785.dumps(event) != payload or not event["source"].endswith(f"/edge/{station}"):
            return self._said(
                station, rejected=[{"id": event["id"], "code": "wrong_source", "reason": event["source"]}]
            )
        number, hashed = int(event["sequence"]), hashlib.sha256(payload).hexdigest()
        before = self._head(station)[0]
        restored = event["type"] == "cn.marketedge.market.ledger.restored.v1"
        row = (station, number, event["id"], hashed, event["prevhash"], restored, event["subject"], payload)
        self._db.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        there = self._db.execute("SELECT hash FROM records WHERE station = ? AND sequence = ?", [station, number])
        if there.fetchone() != (hashed,):
            reason = f"another record has the number {number}"
            return self._said(station, rejected=[{"id": event["id"], "code": "fork", "reason": reason}])
        broken = self._follow(station)
        upto = self._head(station)[0]
        if event["id"] in broken or before < number <= upto:
            ids = []
        else:
            ids = [event["id"]]  # a repeat, or one that came early: it is here, and `upto` does not newly cover it
        wrong = [{"id": one, "code": "broken_chain", "reason": "it does not follow what is here"} for one in broken]
        return self._said(station, ids=ids, rejected=wrong)

    def _follow(self, station: str) -> list[str]:
        """Move the head over what follows it; what does not follow goes, by its id."""
        broken: list[str] = []
        while True:
            upto, head = self._head(station)
            following = "SELECT sequence, id, hash, prevhash FROM records WHERE station = ? AND "
            next_up = "(sequence = ? OR sequence > ? AND restored AND prevhash = ?) ORDER BY sequence LIMIT 1"
            row = self._db.execute(following + next_up, [station, upto + 1, upto, head]).fetchone()
            if row is None:
                return broken
            if row[3] != head:
                broken.append(row[1])
                self._db.execute("DELETE FROM records WHERE station = ? AND id = ?", [station, row[1]])
                continue
            self._db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", [station, row[0], row[2]])

    def _born(self, station: str, payload: bytes) -> dict[str, Any] | None:
        """A birth is answered with what is here: by that the station sees whether both mean the same records."""
        birth = signed(payload, self._known.get(station, ""))
        if birth is None or birth.get("state") != "online" or birth.get("station") != station:
            return None
        sql = "SELECT hash FROM records WHERE station = ? AND sequence = ?"
        held = self._db.execute(sql, [station, birth["acked"]]).fetchone()
        serials: dict[str, int] = {}
        own = station.replace("-", "")  # node 9, terminal 2: in a code its kind stands between them
        for (code,) in self._db.execute("SELECT code FROM records WHERE station = ?", [station]):
            if re.fullmatch(rf"{own[:9]}\d{own[9:]}\d{{8}}", code):
                serials[code[9]] = max(serials.get(code[9], 0), int(code[12:19]))
        birth_hash = hashlib.sha256(payload).hexdigest()
        return self._said(station) | {"birth": birth_hash, "holds": held[0] if held else "", "serials": serials}

    def _head(self, station: str) -> tuple[int, str]:
        row = self._db.execute("SELECT upto, hash FROM heads WHERE station = ?", [station]).fetchone()
        return row or (0, NO_HASH)

    def _said(self, station: str, **lists: list[Any]) -> dict[str, Any]:
        upto, head = self._head(station)
        pair = {"upto": upto, "hash": head} if upto else {"upto": 0}
        return pair | {name: value for name, value in lists.items() if value}

    def _seal(self, fields: dict[str, Any], station: str) -> bytes:
        """Later words are issued later, to the microsecond."""
        self._issued = max(datetime.now(UTC), self._issued + timedelta(microseconds=1))
        kid = hashlib.sha256(self.public).hexdigest()[:8]
        whole = fields | {"station": station, "issued": self._issued.isoformat(timespec="microseconds"), "kid": kid}
        signature = base64.urlsafe_b64encode(self._key.sign(rfc8785.dumps(whole))).rstrip(b"=").decode()
        return rfc8785.dumps(whole | {"sig": signature})


def main(broker: str, folder: str) -> None:
    try:
        city = City(Path(folder))
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there: write the stations' keys into it, {{STATION: 64 HEX DIGITS}}")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

    def on_connect(client: mqtt.Client, *_: object) -> None:
        client.subscribe([(f"mkt/1/+/+/+/{what}", 1) for what in ("evt/+", "alm/+", "state")])
        print(json.dumps({"ready": city.public.hex()}), flush=True)

    def on_message(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if (answer := city.hear(message.topic, bytes(message.payload))) is not None:
            client.publish(*answer, qos=1)

    client.on_connect, client.on_message = on_connect, on_message
    address = urlsplit(broker)
    client.connect(address.hostname or "127.0.0.1", address.port or 1883)
    client.loop_forever(retry_first_connection=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
