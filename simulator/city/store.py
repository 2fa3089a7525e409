"""What the city keeps, in SQLite: events, keys, refusals, and when a slip was first scanned.

How a sequence number is accounted for, per station:

* Bytes that verify under the station's key take their sequence number, whether the record is accepted or refused
  (``code`` says why: ``bad_data``, ``unknown_type``).  A refused record is a link of the chain like any other.
* Bytes that do not verify prove nothing.  They take no number; the gap stays open until the true bytes come.
* What follows what, what is a ``fork`` and when two ledgers use one name is ``protocol.city.agreement``.  A record that
  does not follow the one before it is refused (``broken_chain``) and takes no number; one that was kept already, before
  that one came, stays, and ``upto`` does not pass it until the station's ``ledger.restored`` comes.
* A record that was refused is judged anew when the same bytes come again: the city may know more by now.

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

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlite_utils import Database, Migrations

from protocol.city.agreement import RESTORED, CityEnd, Joint, Take
from protocol.city.envelope import FIRST_PREVHASH, hash_of
from protocol.city.signed import public_key
from protocol.city.state import StationState
from protocol.city.token import kid_of
from protocol.city.topics import PhotoWord, Rejected
from simulator.city import photos, serials, shelf
from simulator.city.orders import Orders
from simulator.city.story import Story, told

ADVANCE_AT_ONCE = 5000
CONTENT = frozenset({"bad_data", "unknown_type"})  # what a newer city may judge otherwise
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


@migrations()
def commands(db: Database) -> None:
    """What was ordered (orders.py): sealed once; when it was sent last; what each station said."""
    db.table("commands").create(
        {"id": str, "name": str, "target": str, "issued": str, "expires": float, "payload": bytes}, pk="id"
    )
    db.table("commands").create_index(["issued"])
    db.table("sent").create({"id": str, "station": str, "at": float, "times": int}, pk=("id", "station"))
    db.table("answers").create(
        {
            "id": str,
            "station": str,
            "state": str,
            "code": str,
            "message_zh": str,
            "message_en": str,
            "seq": int,
            "time": str,
            "final": int,
        },
        pk=("id", "station"),
    )


@migrations()
def shelves(db: Database) -> None:
    shelf.make_tables(db)


@migrations()
def photographs(db: Database) -> None:
    photos.make_tables(db)


@migrations()
def agreements(db: Database) -> None:
    """Why two ledgers seem to use a station's name, the numbers its ledger gave up, and the serials of its codes."""
    db.table("stations").add_column("torn", str, not_null_default="")
    db.table("stations").add_column("given_up", int, not_null_default=0)
    db.table("stations").add_column("born", str, not_null_default="")
    serials.make_tables(db)


@dataclass(slots=True)
class Station:
    """One station as the city knows it. ``base`` is its topic root; ``head`` the hash of the event at ``upto``.

    ``stored`` counts all events kept, ``count`` those accepted, ``breaks`` forks and links that do not fit.  ``torn``
    says why another ledger seems to use its name; ``given_up`` counts numbers that its ledger passed, ``born`` is the
    time in its newest birth.
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
    torn: str = ""
    given_up: int = 0
    born: str = ""

    @property
    def end(self) -> CityEnd:
        """Where its chain is; what came of a step is given back by ``at``."""
        return CityEnd(self.upto, self.head, self.torn)

    def at(self, end: CityEnd) -> None:
        self.upto, self.head, self.torn = end.upto, end.head, end.torn

    @property
    def gaps(self) -> int:
        """How many sequence numbers below the newest are missing."""
        return self.top - self.stored - self.given_up

    @property
    def chain_ok(self) -> bool:
        return self.breaks == 0


@dataclass(frozen=True, slots=True)
class Link:
    """A record that is kept: a link of its station's chain. ``code`` says why it was refused, empty when it was not."""

    sequence: int
    body: bytes
    code: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: ``known`` when ``upto`` had passed its number or it was there already; ``rejected`` the
    answer to give when it is refused."""

    known: bool
    rejected: Rejected | None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _later(time: str, than: str) -> bool:
    """Whether a time is later than another one; what is no time is never."""
    try:
        return not than or datetime.fromisoformat(time) > datetime.fromisoformat(than)
    except (ValueError, TypeError):
        return False


class Store:
    """The writer. Everything happens inside ``batch``; what a batch did counts once it has left without an error."""

    def __init__(self, path: Path | str) -> None:
        self.db = Database(sqlite3.connect(path, timeout=30), execute_plugins=False)
        self.db.enable_wal()
        self.db.execute("PRAGMA synchronous=FULL")
        migrations.apply(self.db)
        self.orders = Orders(self.db)
        self._stations: dict[str, Station] = {}
        self._changed: set[str] = set()
        self._bodies: dict[tuple[str, int], Link] = {}

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

    def photo(self, name: str, sha256: str, payload: bytes) -> PhotoWord:
        """A chunk of a photo came from this station."""
        return photos.take(self.db, name, sha256, payload)

    def heard(self, said: StationState, base: str) -> Station:
        """A station with a trusted key told its state."""
        one = self._change(said.station)
        # A birth can be played again by anybody, elsewhere too; only a new record moves a station to another topic.
        one.base = one.base or base
        one.state, one.software, one.claimed, one.seen = said.state, said.software, said.last, now()
        if said.state == "online" and _later(said.time, one.born):  # a birth that is kept or played again says nothing
            one.born = said.time
            end = one.end
            end.born(said.last, said.hash, self.hash_at(said.station, said.last))
            one.at(end)
        return one

    def hash_at(self, name: str, sequence: int) -> str:
        """The hash of what is under a station's number; empty when it is free."""
        row = self.db.execute("SELECT body FROM events WHERE station = ? AND sequence = ?", [name, sequence]).fetchone()
        return hash_of(row[0]) if row else ""

    def serials(self, name: str) -> dict[int, int]:
        """The last serial of each kind of code that this station gave."""
        return serials.of(self.db, name)

    # Events

    def add(
        self, name: str, base: str, event: dict[str, Any], kind: str, body: bytes, alarm: bool, code: str, reason: str
    ) -> Taken:
        """Keep an event whose signature is right. ``code`` is not empty when its content is refused."""
        one, sequence = self._change(name), int(event["sequence"])
        if one.upto + 1 < sequence <= one.top + 1 and self.hash_at(name, sequence - 1) != event["prevhash"]:
            self.advance(name)  # what it should follow may have come in this batch: it is judged as if in the next
        sql = "SELECT body, code, reason FROM events WHERE station = ? AND sequence = ?"
        there = self.db.execute(sql, [name, sequence]).fetchone()
        sql = "SELECT sequence FROM events WHERE station = ? AND id = ? AND sequence != ?"
        used = self.db.execute(sql, [name, event["id"], sequence]).fetchone()
        end = one.end
        do = end.came(
            sequence,
            event["prevhash"],
            hash_of(body),
            hash_of(there[0]) if there else "",
            used[0] if used else 0,
            joint=event["type"] == RESTORED and not code,
        )
        one.at(end)
        if do is Take.NAME:
            one.duplicates += 1
            known = self._judged_anew(one, kind, event, code, reason, *there[1:])
            return Taken(True, Rejected(event["id"][:64], *known) if known[0] else None)
        serials.note(self.db, name, body)
        if there:
            one.breaks += self._is_new(name, body)
            reason = f"sequence {sequence} is already taken by other content"
            return Taken(False, self.refuse(name, event["id"], "fork", reason, body))
        if do is Take.BREAK:
            one.breaks += self._is_new(name, body)
            return Taken(False, self.refuse(name, event["id"], "broken_chain", one.torn, body))
        if used:
            one.breaks += 1
            code, reason = "fork", f"the id is already used at sequence {used[0]}"
        given_up = sequence <= one.upto
        one.given_up -= given_up
        self.db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [name, sequence, event["id"], kind, event["subject"], code, reason, now(), alarm, body],
        )
        one.base, one.seen = base, now()
        one.stored += 1
        one.top = max(one.top, sequence)
        self._bodies[name, sequence] = Link(sequence, body, code, event)
        if code:
            return Taken(False, self.refuse(name, event["id"], code, reason, body))
        self._count(one, kind, event)
        if kind == "ledger.restored":
            self.advance(name)  # what comes behind it in this batch may be under a number that it gave up
        return Taken(given_up, None)

    def _count(self, one: Station, kind: str, event: dict[str, Any]) -> None:
        """A record is accepted."""
        self._accept(one, kind, 1)
        shelf.note(self.db, one.station, int(event["sequence"]), kind, event)
        photos.note(self.db, one.station, int(event["sequence"]), event)

    def _judged_anew(
        self, one: Station, kind: str, event: dict[str, Any], code: str, reason: str, was: str, why: str
    ) -> tuple[str, str]:
        """A record that was refused for its content came again: what is said of it now."""
        if was not in CONTENT or code == was:
            return was, why
        self.db.execute(
            "UPDATE events SET code = ?, reason = ?, kind = ? WHERE station = ? AND sequence = ?",
            [code, reason, kind, one.station, int(event["sequence"])],
        )
        if not code:
            sql = "DELETE FROM refusals WHERE station = ? AND id = ? AND code = ?"
            self.db.execute(sql, [one.station, event["id"][:64], was])
            self._count(one, kind, event)
        return code, reason

    def _accept(self, one: Station, kind: str, n: int) -> None:
        one.count += n
        self.db.execute("INSERT INTO totals VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", [kind, n])

    def advance(self, name: str) -> bool:
        """Move ``upto`` over what is there; whether more is left for another batch."""
        one = self.station(name)
        for _ in range(ADVANCE_AT_ONCE):
            if one.upto >= one.top or (link := self._next(name, one)) is None:
                return False
            self._changed.add(name)
            joint = Joint.of(link.event) if not link.code else None
            passed, end = one.upto, one.end
            there = self.hash_at(name, joint.city) if joint else ""
            do = end.follow(link.sequence, link.event["prevhash"], hash_of(link.body), joint, there)
            one.at(end)
            if do is Take.BREAK:
                return False
            if joint and one.upto > passed + 1:
                one.given_up += one.upto - passed - 1 - self._between(name, passed, one.upto)
            one.breaks += do is Take.CLOSE_TORN
        return True

    def _next(self, name: str, one: Station) -> "Link | None":
        """The record behind ``upto``, or one by which the station passed what is missing."""
        link = self._link(name, one.upto + 1)
        if link is not None and (link.event["prevhash"] == one.head or Joint.of(link.event)):
            return link
        row = self.db.execute(
            "SELECT min(sequence) FROM events WHERE station = ? AND sequence > ? AND kind = 'ledger.restored'"
            " AND code = ''",
            [name, one.upto],
        ).fetchone()
        return self._link(name, row[0]) if row[0] is not None else link

    def _link(self, name: str, sequence: int) -> "Link | None":
        if fresh := self._bodies.pop((name, sequence), None):
            return fresh
        row = self.db.execute(
            "SELECT body, code FROM events WHERE station = ? AND sequence = ?", [name, sequence]
        ).fetchone()
        return Link(sequence, row[0], row[1], json.loads(row[0])) if row else None

    def _between(self, name: str, first: int, last: int) -> int:
        """How many records there are between these numbers."""
        sql = "SELECT count(*) FROM events WHERE station = ? AND sequence > ? AND sequence < ?"
        return int(self.db.execute(sql, [name, first, last]).fetchone()[0])

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

    def story(self, station: str, code: str) -> Story:
        """What this station's records say of a lot, by its source code or its own."""
        rows = self.db.execute(
            "SELECT DISTINCT events.sequence, kind, body FROM events JOIN lots USING (station, sequence)"
            " WHERE station = ? AND events.code IN ('', 'broken_chain') AND lots.code IN"
            " (SELECT code FROM lots WHERE station = ? AND sequence IN"
            " (SELECT sequence FROM lots WHERE station = ? AND code = ?)) ORDER BY events.sequence",
            [station, station, station, code],
        )
        return told((kind, json.loads(body)) for _, kind, body in rows)

    def stations_naming(self, code: str) -> list[str]:
        """The stations whose records name a lot, by its source code or its own."""
        return [str(row[0]) for row in self.db.execute("SELECT DISTINCT station FROM lots WHERE code = ?", [code])]

    def replacement(self, station: str, tx: str) -> str:
        """The code of the sale that was made in place of a voided one; empty when there is none."""
        return shelf.replacement(self.db, station, tx)

    def stall(self, code: str) -> tuple[dict[str, str], list[str]]:
        """Who has this operator code, and the stations that sell for him."""
        return shelf.stall(self.db, code)

    def shelf(self, station: str) -> list[dict[str, Any]]:
        """What a station has had and not sold out."""
        return shelf.shelf(self.db, station)

    def held(self, code: str) -> bool:
        """Whether a station holds the lot of this source or test code, and has not taken it up again."""
        rows = self.db.execute(
            "SELECT station, kind FROM events JOIN lots USING (station, sequence) WHERE lots.code = ?"
            " AND kind IN ('lot.held', 'lot.resumed') AND events.code IN ('', 'broken_chain') ORDER BY sequence",
            [code],
        )
        return "lot.held" in dict(rows.fetchall()).values()

    def keys_of(self, kid: str) -> list[Ed25519PublicKey]:
        """The trusted keys with this id."""
        known = (public_key(row["public_key"]) for row in self.db.table("keys").rows)
        return [key for key in known if kid_of(key).hex() == kid]

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
            "held": totals.get("lot.held", 0),
            "stations": {
                one.station: {
                    "upto": one.upto,
                    "count": one.count,
                    "rejected": one.rejected,
                    "duplicates": one.duplicates,
                    "gaps": one.gaps,
                    "chain_ok": one.chain_ok,
                    "torn": one.torn,
                }
                for one in reader.stations()
            },
        }
