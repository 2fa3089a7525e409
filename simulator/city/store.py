"""What the city keeps, in SQLite: events, keys, refusals, and when a slip was first scanned.

How a sequence number is accounted for, per station:

* Bytes that verify under the station's key take their sequence number, whether the record is accepted or refused
  (``code`` says why: ``bad_data``, ``unknown_type``).  A refused record is a link of the chain like any other.
* Bytes that do not verify prove nothing.  They take no number; the gap stays open until the true bytes come.
* ``upto`` is the highest number without a gap below it.  It passes a link whose ``prevhash`` does not fit, too, for no
  repeat would ever mend it: that record is marked ``broken_chain`` and the station's chain is not whole any more.
* The first bytes under a number stay.  Other bytes under the same number, or a used id, are a ``fork``.

One thread writes (``Store``); pages read through connections of their own (``Reader``).
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlite_utils import Database, Migrations

from protocol.city.envelope import FIRST_PREVHASH, hash_of
from protocol.city.state import StationState
from protocol.city.topics import Rejected

ADVANCE_AT_ONCE = 5000
REFUSALS_KEPT = 1000  # per station, newest
STATIONS_IN_MEMORY = 20_000
STRANGERS_KEPT = 1000  # stations without a key, so that invented names cannot fill the disk

migrations = Migrations("city")


@migrations()
def first_tables(db: Database) -> None:
    db.table("events").create(
        {
            "station": str,
            "sequence": int,
            "id": str,
            "kind": str,
            "subject": str,
            "code": str,
            "reason": str,
            "received": str,
            "alarm": int,
            "body": bytes,
        },
        pk=("station", "sequence"),
    )
    db.table("events").create_index(["station", "id"])
    db.table("events").create_index(["subject"])
    db.table("events").create_index(["received"])
    db.table("lots").create({"code": str, "station": str, "sequence": int}, pk=("code", "station", "sequence"))
    db.table("stations").create(
        {
            "station": str,
            "base": str,
            "upto": int,
            "head": str,
            "top": int,
            "stored": int,
            "count": int,
            "rejected": int,
            "duplicates": int,
            "breaks": int,
            "state": str,
            "software": str,
            "claimed": int,
            "seen": str,
        },
        pk="station",
    )
    db.table("keys").create({"station": str, "public_key": str, "how": str, "time": str}, pk="station")
    db.table("refused_keys").create(
        {"station": str, "public_key": str, "time": str, "times": int}, pk=("station", "public_key")
    )
    db.table("refusals").create(
        {
            "number": int,
            "station": str,
            "id": str,
            "code": str,
            "reason": str,
            "time": str,
            "times": int,
            "hash": str,
            "body": bytes,
        },
        pk="number",
    )
    db.table("refusals").create_index(["station", "hash", "code"], unique=True)
    db.table("scans").create({"code": str, "first": str}, pk="code")
    db.table("totals").create({"kind": str, "n": int}, pk="kind")


@dataclass(slots=True)
class Station:
    """One station as the city knows it. ``base`` is its topic root; ``head`` the hash of the event at ``upto``.

    ``stored`` counts all events kept, ``count`` those accepted, ``breaks`` forks and links that do not fit.
    """

    station: str
    base: str = ""
    upto: int = 0
    head: str = FIRST_PREVHASH
    top: int = 0
    stored: int = 0
    count: int = 0
    rejected: int = 0
    duplicates: int = 0
    breaks: int = 0
    state: str = ""
    software: str = ""
    claimed: int = 0
    seen: str = ""

    @property
    def gaps(self) -> int:
        """How many sequence numbers below the newest are missing."""
        return self.top - self.stored

    @property
    def chain_ok(self) -> bool:
        return self.breaks == 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: ``repeat`` it was there already; ``rejected`` the answer to give when refused."""

    repeat: bool
    rejected: Rejected | None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Store:
    """The writer. Everything happens inside ``batch``; what a batch did counts once it has left without an error."""

    def __init__(self, path: Path | str) -> None:
        self.db = Database(sqlite3.connect(path, timeout=30), execute_plugins=False)
        self.db.enable_wal()
        self.db.execute("PRAGMA synchronous=FULL")
        migrations.apply(self.db)
        self._stations: dict[str, Station] = {}
        self._changed: set[str] = set()
        self._bodies: dict[tuple[str, int], tuple[str, bytes, str, str]] = {}

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction, on disk when it is left."""
        try:
            with self.db.atomic():
                yield
                self.db.table("stations").upsert_all(
                    (asdict(self._stations[name]) for name in self._changed), pk="station"
                )
        except BaseException:
            self._stations.clear()  # the memory of a transaction that did not happen
            raise
        finally:
            self._changed.clear()
            self._bodies.clear()
            if len(self._stations) > STATIONS_IN_MEMORY:
                self._stations.clear()

    # Keys and stations

    def key_of(self, station: str) -> bytes | None:
        """The raw public key trusted for a station; read afresh, for ``city keys add`` may run beside us."""
        row = self.db.execute("SELECT public_key FROM keys WHERE station = ?", [station]).fetchone()
        return bytes.fromhex(row[0]) if row else None

    def trust(self, station: str, public_key: str, how: str) -> bool:
        """Trust this key for a station; False, and noted, when the station already has another."""
        known = self.key_of(station)
        if known is None:
            self.db.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", [station, public_key, how, now()])
        elif known.hex() != public_key:
            self.db.execute(
                "INSERT INTO refused_keys VALUES (?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET times = times + 1, time = excluded.time",
                [station, public_key, now()],
            )
        return known is None or known.hex() == public_key

    def station(self, name: str) -> Station:
        """The station's row, loaded once. Who changes it says so with ``_change``."""
        if name not in self._stations:
            row = next(iter(self.db.query("SELECT * FROM stations WHERE station = ?", [name])), None)
            self._stations[name] = Station(**row) if row else Station(name)
        return self._stations[name]

    def _change(self, name: str) -> Station:
        self._changed.add(name)
        return self.station(name)

    def bases(self) -> list[tuple[str, int]]:
        """Topic root and ``upto`` of every station that ever proved itself."""
        return list(self.db.execute("SELECT base, upto FROM stations WHERE base != ''"))

    def heard(self, said: StationState, base: str) -> Station:
        """A station with a trusted key told its state."""
        one = self._change(said.station)
        # A birth can be played again by anybody, elsewhere too; only a new record moves a station to another topic.
        one.base = one.base or base
        one.state, one.software, one.claimed, one.seen = said.state, said.software, said.last, now()
        return one

    # Events

    def add(
        self, name: str, base: str, event: dict[str, Any], kind: str, body: bytes, alarm: bool, code: str, reason: str
    ) -> Taken:
        """Keep an event whose signature is right. ``code`` is not empty when its content is refused."""
        one, sequence = self._change(name), int(event["sequence"])
        sql = "SELECT body, code, reason FROM events WHERE station = ? AND sequence = ?"
        there = self.db.execute(sql, [name, sequence]).fetchone()
        if there and there[0] == body:
            one.duplicates += 1
            return Taken(True, Rejected(event["id"][:64], there[1], there[2]) if there[1] else None)
        if there:
            one.breaks += self._is_new(name, body)
            reason = f"sequence {sequence} is already taken by other content"
            return Taken(False, self.refuse(name, event["id"], "fork", reason, body))
        used = self.db.execute(
            "SELECT sequence FROM events WHERE station = ? AND id = ?", [name, event["id"]]
        ).fetchone()
        if used:
            one.breaks += 1
            code, reason = "fork", f"the id is already used at sequence {used[0]}"
        self.db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [name, sequence, event["id"], kind, event["subject"], code, reason, now(), alarm, body],
        )
        one.base, one.seen = base, now()
        one.stored += 1
        one.top = max(one.top, sequence)
        self._bodies[name, sequence] = (event["prevhash"], body, code, event["id"])
        if code:
            return Taken(False, self.refuse(name, event["id"], code, reason, body))
        self._accept(one, kind, 1)
        if kind == "test.result":
            for trace in {event["data"].get("lot"), event["data"].get("source")} - {None}:
                self.db.execute("INSERT OR IGNORE INTO lots VALUES (?, ?, ?)", [trace, name, sequence])
        return Taken(False, None)

    def _accept(self, one: Station, kind: str, n: int) -> None:
        one.count += n
        self.db.execute("INSERT INTO totals VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", [kind, n])

    def advance(self, name: str) -> tuple[list[Rejected], bool]:
        """Move ``upto`` over what is there; the links that do not fit, and whether more is left for another batch."""
        one = self.station(name)
        broken: list[Rejected] = []
        for _ in range(ADVANCE_AT_ONCE):
            if one.upto >= one.top or (link := self._link(name, one.upto + 1)) is None:
                return broken, False
            prevhash, body, code, event_id = link
            self._changed.add(name)
            one.upto += 1
            if prevhash != one.head:
                one.breaks += 1
                reason = f"sequence {one.upto} does not follow the record before it"
                if not code:
                    self.db.execute(
                        "UPDATE events SET code = 'broken_chain', reason = ? WHERE station = ? AND sequence = ?",
                        [reason, name, one.upto],
                    )
                    kind = self.db.execute(
                        "SELECT kind FROM events WHERE station = ? AND sequence = ?", [name, one.upto]
                    ).fetchone()[0]
                    self._accept(one, kind, -1)
                broken.append(self.refuse(name, event_id, "broken_chain", reason, body))
            one.head = hash_of(body)
        return broken, True

    def _link(self, name: str, sequence: int) -> tuple[str, bytes, str, str] | None:
        if fresh := self._bodies.pop((name, sequence), None):
            return fresh
        row = self.db.execute(
            "SELECT body, code, id FROM events WHERE station = ? AND sequence = ?", [name, sequence]
        ).fetchone()
        return (json.loads(row[0])["prevhash"], *row) if row else None

    def refuse(self, name: str, event_id: str, code: str, reason: str, body: bytes) -> Rejected:
        """Note a refusal once; the newest thousand of a station are kept, all are counted."""
        answer = Rejected(event_id[:64], code, reason[:200])
        digest = hashlib.sha256(body).hexdigest()
        seen = self.db.execute(
            "UPDATE refusals SET times = times + 1, time = ? WHERE station = ? AND hash = ? AND code = ?",
            [now(), name, digest, code],
        ).rowcount
        if seen:
            return answer
        if self._is_stranger(name):
            name = "?"
        one = self._change(name)
        one.rejected += 1
        self.db.execute(
            "INSERT INTO refusals (station, id, code, reason, time, times, hash, body) VALUES (?, ?, ?, ?, ?, 1, ?, ?)"
            " ON CONFLICT DO UPDATE SET times = times + 1, time = excluded.time",
            [name, answer.id, code, answer.reason, now(), digest, body],
        )
        if one.rejected > REFUSALS_KEPT:
            self.db.execute(
                "DELETE FROM refusals WHERE station = ? AND number <="
                " (SELECT number FROM refusals WHERE station = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                [name, name, REFUSALS_KEPT],
            )
        return answer

    def _is_new(self, name: str, body: bytes) -> bool:
        digest = hashlib.sha256(body).hexdigest()
        sql = "SELECT 1 FROM refusals WHERE station = ? AND hash = ?"
        return self.db.execute(sql, [name, digest]).fetchone() is None

    def _is_stranger(self, name: str) -> bool:
        """A name without a key, when the city already keeps as many of those as it cares to."""
        if name in self._changed or self.key_of(name):
            return False
        if self.db.execute("SELECT 1 FROM stations WHERE station = ?", [name]).fetchone():
            return False
        strangers = self.db.execute("SELECT count(*) FROM stations WHERE base = ''").fetchone()[0]
        return int(strangers) + len(self._changed) > STRANGERS_KEPT

    def final_refusals(self, name: str, limit: int) -> list[Rejected]:
        """The newest refusals of a station's own records, for one that was away when they were told."""
        rows = self.db.execute(
            "SELECT id, code, reason FROM refusals WHERE station = ? AND code NOT IN"
            " ('bad_signature', 'unknown_key', 'unreadable') ORDER BY number DESC LIMIT ?",
            [name, limit],
        )
        return [Rejected(*row) for row in rows]

    def scanned(self, code: str, when: str) -> None:
        self.db.execute("INSERT OR IGNORE INTO scans VALUES (?, ?)", [code, when])


class Reader:
    """Reads beside the writer. One per request and thread."""

    def __init__(self, path: Path | str) -> None:
        address = f"file:{quote(str(Path(path).absolute()))}?mode=ro"
        self.db = Database(sqlite3.connect(address, uri=True, timeout=5), execute_plugins=False)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def stations(self, limit: int = -1) -> list[Station]:
        return [Station(**row) for row in self.db.query("SELECT * FROM stations ORDER BY station LIMIT ?", [limit])]

    def totals(self) -> dict[str, int]:
        return {str(kind): int(n) for kind, n in self.db.execute("SELECT kind, n FROM totals")}

    def keys(self) -> dict[str, dict[str, Any]]:
        return {row["station"]: row for row in self.db.table("keys").rows}

    def refused_keys(self) -> list[dict[str, Any]]:
        return list(self.db.query("SELECT * FROM refused_keys ORDER BY time DESC LIMIT 50"))

    def refusals(self, limit: int) -> list[dict[str, Any]]:
        return list(
            self.db.query(
                "SELECT station, id, code, reason, time, times FROM refusals ORDER BY number DESC LIMIT ?", [limit]
            )
        )

    def latest(self, limit: int) -> list[dict[str, Any]]:
        return list(self.db.query("SELECT * FROM events ORDER BY received DESC LIMIT ?", [limit]))

    def first_gap(self, one: Station) -> tuple[int, int] | None:
        """The first stretch of sequence numbers that is missing."""
        row = self.db.execute(
            "SELECT min(sequence) FROM events WHERE station = ? AND sequence > ?", [one.station, one.upto]
        ).fetchone()
        return (one.upto + 1, int(row[0]) - 1) if row[0] is not None and row[0] > one.upto + 1 else None

    def key_of(self, station: str) -> bytes | None:
        row = self.db.execute("SELECT public_key FROM keys WHERE station = ?", [station]).fetchone()
        return bytes.fromhex(row[0]) if row else None

    def events_of(self, station: str, after: int, limit: int) -> list[bytes]:
        rows = self.db.execute(
            "SELECT body FROM events WHERE station = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            [station, after, limit],
        )
        return [bytes(row[0]) for row in rows]

    def about(self, station: str, subject: str, kind: str) -> dict[str, Any] | None:
        """The newest well-formed event of this station about a code, as its JSON fields."""
        row = self.db.execute(
            "SELECT body FROM events WHERE subject = ? AND station = ? AND kind = ?"
            " AND code IN ('', 'broken_chain') ORDER BY sequence DESC LIMIT 1",
            [subject, station, kind],
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def tests_of(self, station: str, code: str) -> list[dict[str, Any]]:
        """The test results of this station that name a source or lot code, oldest first."""
        rows = self.db.execute(
            "SELECT body FROM events JOIN lots USING (station, sequence) WHERE lots.code = ? AND station = ?"
            " AND events.code IN ('', 'broken_chain') ORDER BY sequence",
            [code, station],
        )
        return [json.loads(row[0]) for row in rows]

    def first_scan(self, code: str) -> str | None:
        row = self.db.execute("SELECT first FROM scans WHERE code = ?", [code]).fetchone()
        return str(row[0]) if row else None


def summary(path: Path | str) -> dict[str, Any]:
    """Counts of accepted records, and how each station stands."""
    with Reader(path) as reader:
        totals = reader.totals()
        return {
            "entries": totals.get("entry.registered", 0),
            "results": totals.get("test.result", 0),
            "trades": totals.get("trade.completed", 0),
            "stations": {
                one.station: {
                    "upto": one.upto,
                    "count": one.count,
                    "rejected": one.rejected,
                    "duplicates": one.duplicates,
                    "gaps": one.gaps,
                    "chain_ok": one.chain_ok,
                }
                for one in reader.stations()
            },
        }
