"""What the city keeps: events, keys, refusals, what was noticed, and when a slip was first scanned.

How a sequence number is accounted for, per station:

* Bytes that verify under the station's key take their sequence number, whether the record is accepted or refused
  (``code`` says why: ``bad_data``, ``unknown_type``).  A refused record is a link of the chain like any other.
* Bytes that do not verify prove nothing.  They take no number; the gap stays open until the true bytes come.
* What follows what, what is a ``fork`` and when two ledgers use one name is ``protocol.city.agreement``.  A record that
  does not follow the one before it is refused (``broken_chain``) and takes no number; one that was kept already, before
  that one came, stays, and ``upto`` does not pass it until the station's ``ledger.restored`` comes.
* A record that was refused is judged anew when the same bytes come again: the city may know more by now.

It is in SQLite, which one thread writes (``Store``), or in PostgreSQL, to which any number of processes write: there a
batch holds its stations' rows from its first word to its commit, so whatever two of them do to one station, one does
after the other.  Pages read through connections of their own (``Reader``).

What is noticed of a station is an incident, named:

* ``fork``: other bytes under a number, an id used twice, a record that does not follow, a birth of another ledger;
* ``gap``: numbers that were missing for longer than ``GAP_SECONDS``;
* ``gone``: numbers that are missing for good: their records were kept their time, and left the station before this city
  had them (it began later, or lost them);
* ``replay``: the same bytes again (``times``; one row a station);
* ``pause``: of the city itself (no station): from when to when it could not keep anything, and so did not answer.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import Any

from protocol.city.agreement import RESTORED, Joint, Take
from protocol.city.envelope import FIRST_PREVHASH, hash_of
from protocol.city.state import StationState
from protocol.city.topics import PhotoWord, Rejected
from simulator.city import photos, serials, shelf, tables
from simulator.city.engines import Postgres, Sqlite, Trouble, Where, insert, is_server, many, places, put_new
from simulator.city.orders import Orders
from simulator.city.stations import COLUMNS, Known, Link, OldKey, Station, Taken, old_keys_of

ADVANCE_AT_ONCE = 5000
ALONG = 50  # records fetched together where a run of them is walked
CONTENT = frozenset({"bad_data", "unknown_type"})  # what a newer city may judge otherwise
REFUSALS_KEPT = 1000  # per station, newest
STATIONS_IN_MEMORY = 20_000
GAP_SECONDS = (
    10.0  # numbers that are missing for longer are told as a gap: others overtake, and workers work side by side
)
REPLAYED = 0  # the number under which a station's replays are counted
LONGEST = {"id": 200, "kind": 80, "subject": 200}  # letters of what is looked up, whatever a station writes there
STRANGERS_KEPT = 1000  # stations without a key, so that invented names cannot fill the disk
_EVENT = ("station", "sequence", "id", "kind", "subject", "code", "reason", "received", "alarm", "body")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _later(time: str, than: str) -> bool:
    """Whether a time is later than another one; what is no time is never."""
    try:
        return not than or datetime.fromisoformat(time) > datetime.fromisoformat(than)
    except (ValueError, TypeError):
        return False


class Store:
    """A writer. Everything happens inside ``batch``; what a batch did counts once it has left without an error.

    ``part`` names the writer where several count: each counts in rows of its own, and none waits for another.
    """

    def __init__(self, where: Where, part: str = "") -> None:
        self.db: Any = None  # a Db; of SQLite also what sqlite-utils gives, for tests and migrations
        if is_server(where):
            self.db = Postgres(str(where))
        else:
            self.db = Sqlite(where)
        try:
            tables.make(self.db)
        except BaseException:
            self.db.close()
            raise
        self.failures: tuple[type[Exception], ...] = self.db.failures
        self.shared: bool = self.db.shared
        self.orders = Orders(self.db)
        self._part = part or ("" if not self.db.shared else f"{os.uname().nodename[:40]}-{os.getpid()}")
        self._stations: dict[str, Station] = {}
        self._kept: set[str] = set()  # stations that have a row
        self._changed: set[str] = set()
        self._bodies: dict[tuple[str, int], Link] = {}
        # What a batch knows already, so that it asks the database little: each question to a server is a journey.
        self._rows: list[tuple[Any, ...]] = []  # new events, not yet written
        self._ids: dict[tuple[str, str], set[int]] = {}  # the numbers that have an id
        self._known: dict[tuple[str, int], Known | None] = {}  # what is under a number
        self._tops: dict[str, int] = {}  # up to where the table has a station's records
        self._replays: dict[str, tuple[int, int]] = {}  # how many repeats, and the newest
        self._shelves = shelf.Shelves(self.db)
        self._counts: Counter[str] = Counter()
        self._passed: dict[str, list[tuple[int, int]]] = {}
        self.turned: set[str] = set()  # stations that changed their key in this batch

    def close(self) -> None:
        self.db.close()

    def trouble(self, error: Exception) -> Trouble:
        """What one of ``failures`` means for the batch that raised it."""
        return self.db.trouble(error)  # type: ignore[no-any-return]

    @contextmanager
    def batch(self, names: Iterable[str] = ()) -> Iterator[None]:
        """One transaction, on disk when it is left. ``names`` are the stations it is about: where others write, too,
        nobody else touches them until it is left, however it is left."""
        try:
            with self.db.atomic():
                if self.db.shared:
                    self._hold(sorted({*names}))
                yield
                self._finish()
        except BaseException:
            self._forget()  # what a transaction did that did not happen
            raise
        finally:
            self._changed.clear()
            self._bodies.clear()
            self._rows.clear()
            self._ids.clear()
            self._known.clear()
            self._tops.clear()
            self._replays.clear()
            self._shelves.clear()
            self._counts.clear()
            self._passed.clear()
            self.turned.clear()
            if self.db.shared or len(self._stations) > STATIONS_IN_MEMORY:
                self._forget()

    def _forget(self) -> None:
        self._stations.clear()
        self._kept.clear()

    def _hold(self, names: list[str]) -> None:
        """Lock the rows of stations, in one order for all; one with a key that has none gets its row now."""
        if not names:
            return
        self._read(names, " FOR UPDATE")
        new = [name for name in names if name not in self._stations]
        if new:
            known = f"SELECT station FROM keys WHERE station IN ({places(new)}) ORDER BY station"
            for (name,) in self.db.execute(known, new).fetchall():
                self._stations[name] = Station(name)
                self._write([name])

    def _read(self, names: list[str], lock: str = "") -> None:
        sql = f"SELECT {', '.join(COLUMNS)} FROM stations WHERE station IN ({places(names)}) ORDER BY station{lock}"
        for row in self.db.execute(sql, names).fetchall():
            self._stations[row[0]] = Station(*row)
            self._kept.add(row[0])

    def _write(self, names: Iterable[str]) -> None:
        ones = [self._stations[name] for name in names]
        many(self.db, "stations", COLUMNS, [astuple(one) for one in ones if one.station not in self._kept])
        sets = ", ".join(f"{name} = ?" for name in COLUMNS[1:])
        old = [(*astuple(one)[1:], one.station) for one in ones if one.station in self._kept]
        self.db.executemany(f"UPDATE stations SET {sets} WHERE station = ?", old)
        self._kept.update(one.station for one in ones)

    def _finish(self) -> None:
        """All that waits to be written."""
        self._flush()
        self._shelves.flush()
        moment = now()
        for name, (times, newest) in sorted(self._replays.items()):
            self.note("replay", name, REPLAYED, f"newest: record {newest}", times)
        for name in sorted(self._changed):
            self._look_for_gap(self.station(name), moment)
        self._write(sorted(self._changed))
        for kind, n in self._counts.items():
            key = {"kind": kind, "part": self._part}
            sql = "UPDATE counts SET n = n + ? WHERE kind = ? AND part = ?"
            if not self.db.execute(sql, [n, *key.values()]).rowcount:
                insert(self.db, "counts", {**key, "n": n})

    def _flush(self) -> None:
        """Write the new events: what is asked of the table from here on must know them."""
        if self._rows:
            many(self.db, "events", _EVENT, self._rows)
            for name in {row[0] for row in self._rows}:
                self._tops[name] = self._stations[name].top
            self._rows.clear()

    # What was noticed

    def note(self, kind: str, name: str, sequence: int, detail: str, times: int = 1) -> None:
        """An incident (see above): once more, or for the first time."""
        moment = now()
        sql = "UPDATE incidents SET times = times + ?, latest = ?, detail = ?"
        where = " WHERE station = ? AND kind = ? AND sequence = ?"
        if not self.db.execute(sql + where, [times, moment, detail[:200], name, kind, sequence]).rowcount:
            row = {"station": name, "kind": kind, "sequence": sequence, "detail": detail[:200]}
            insert(self.db, "incidents", row | {"since": moment, "latest": moment, "times": times})

    def paused(self, since: str, why: str) -> None:
        """Nothing could be kept from then until now."""
        self.note("pause", "", int(datetime.fromisoformat(since).timestamp()), f"since {since}: {why}")

    def _look_for_gap(self, one: Station, moment: str) -> None:
        if one.gaps <= 0 or one.upto >= one.top:
            one.gap_since = ""
        elif not one.gap_since:
            one.gap_since = moment
        elif datetime.fromisoformat(moment) - datetime.fromisoformat(one.gap_since) > timedelta(seconds=GAP_SECONDS):
            self.note(
                "gap", one.station, one.upto + 1, f"{one.gaps} missing from {one.upto + 1} on, since {one.gap_since}"
            )

    # Keys and stations

    def key_of(self, station: str) -> bytes | None:
        """The raw public key trusted for a station; read afresh, for ``city keys add`` may run beside us."""
        return self.keys_of([station]).get(station)

    def keys_of(self, names: Iterable[str]) -> dict[str, bytes]:
        """The same for several; those without a key are left out."""
        wanted = sorted({*names})
        if not wanted:
            return {}
        sql = f"SELECT station, public_key FROM keys WHERE station IN ({places(wanted)})"
        return {name: bytes.fromhex(key) for name, key in self.db.execute(sql, wanted).fetchall()}

    def old_keys(self, station: str) -> list[OldKey]:
        """The keys this station had before; each holds for its records up to a number."""
        return old_keys_of(self.db, station)

    def turn(self, station: str, old: str, new: str, sequence: int) -> bool:
        """The station changed its key by this record. False, and nothing, for one that it changed from before."""
        known = self.key_of(station)
        if known is None or known.hex() != old or new in [one.key.hex() for one in self.old_keys(station)]:
            return False
        key = {"station": station, "public_key": old}
        put_new(self.db, "old_keys", key, {"until": sequence, "time": now()})
        self.db.execute("UPDATE keys SET public_key = ? WHERE station = ?", [new, station])
        self.turned.add(station)
        return True

    def trust(self, station: str, public_key: str, how: str) -> bool:
        """Trust this key for a station; False, and noted, when the station already has another."""
        known = self.key_of(station)
        if known is None:
            insert(self.db, "keys", {"station": station, "public_key": public_key, "how": how, "time": now()})
        elif known.hex() != public_key:
            key = {"station": station, "public_key": public_key}
            put_new(self.db, "refused_keys", key, {"time": now(), "times": 0})
            sql = "UPDATE refused_keys SET times = times + 1, time = ? WHERE station = ? AND public_key = ?"
            self.db.execute(sql, [now(), *key.values()])
        return known is None or known.hex() == public_key

    def station(self, name: str) -> Station:
        """The station's row, loaded once. Who changes it says so with ``_change``."""
        if name not in self._stations:
            self._read([name])
        one = self._stations.setdefault(name, Station(name))
        self._tops.setdefault(name, one.top)
        return one

    def _change(self, name: str) -> Station:
        self._changed.add(name)
        return self.station(name)

    def bases(self) -> list[tuple[str, int]]:
        """Topic root and ``upto`` of every station that ever proved itself."""
        return [*self.db.execute("SELECT base, upto FROM stations WHERE base != ''").fetchall()]

    def photo(self, name: str, sha256: str, payload: bytes) -> PhotoWord:
        """A chunk of a photo came from this station."""
        return photos.take(self.db, name, sha256, payload)

    def heard(self, said: StationState, base: str) -> Station:
        """A station with a trusted key told its state."""
        one = self._change(said.station)
        # A birth can be played again by anybody, elsewhere too; only a new record moves a station to another topic.
        one.base = one.base or base
        one.state, one.software, one.claimed, one.seen = said.state, said.software, said.last, now()
        if said.state == "online" and not _later(one.born, said.time):
            one.gone = said.gone
        if said.state == "online" and _later(said.time, one.born):  # a birth that is kept or played again says nothing
            one.born = said.time
            end = one.end
            there = self.hash_at(said.station, said.last) if said.last else FIRST_PREVHASH
            if end.born(said.last, said.hash, there, overtaken=self._overtaken(said)) is Take.WARN:
                self.note("fork", said.station, said.last, end.torn)
            one.at(end)
        return one

    def _overtaken(self, said: StationState) -> bool:
        """Whether the record behind a birth's newest was recorded after it: another worker was quicker with it."""
        if not self.shared:
            return False
        sql = "SELECT body FROM events WHERE station = ? AND sequence = ?"
        row = self.db.execute(sql, [said.station, said.last + 1]).fetchone()
        return row is not None and not _later(said.time, json.loads(row[0])["recordedtime"])

    def hash_at(self, name: str, sequence: int) -> str:
        """The hash of what is under a station's number; empty when it is free."""
        there = self._there(name, sequence)
        return there.hash if there else ""

    def speak(self, name: str) -> str:
        """The moment of the next answer to this station; of one that never proved itself nothing is remembered."""
        return self._change(name).speak() if self.station(name).base else Station(name).speak()

    def passed(self, name: str) -> list[tuple[int, int]]:
        """Between which numbers the station's ``upto`` passed what is missing, in this batch."""
        return self._passed.get(name, [])

    def serials(self, name: str) -> dict[int, int]:
        """The last serial of each kind of code that this station gave."""
        return serials.read(self.station(name).serials)

    # Events

    def expect(self, events: Iterable[tuple[str, str, int]]) -> None:
        """These (station, id, number) are about to come: look them up at once, where looking up is a journey."""
        coming = [*events] if self.db.shared else []
        wanted = sorted({(name, id_[: LONGEST["id"]]) for name, id_, _ in coming})
        if wanted:
            sql = f"SELECT station, id, sequence FROM events WHERE (station, id) IN ({places(wanted, 2)})"
            self._ids = {one: set() for one in wanted}
            for name, id_, sequence in self.db.execute(sql, [part for one in wanted for part in one]).fetchall():
                self._ids[name, id_].add(sequence)
        self._look_beyond(sorted({name for name, _, _ in coming}))
        beside = {(name, number) for name, _, sequence in coming for number in (sequence - 1, sequence)}
        asked = [one for one in sorted(beside) if one not in self._known]
        self._look([one for one in asked if self.station(one[0]).upto < one[1] <= self.station(one[0]).top])

    def _look_beyond(self, names: list[str]) -> None:
        """What is kept behind each of these stations' ``upto``: other writers may have had what comes next."""
        ahead = [name for name in names if self.station(name).upto < self.station(name).top]
        if not ahead:
            return
        for name in ahead:
            first = self.station(name).upto + 1
            self._known.update(dict.fromkeys((name, number) for number in range(first, first + ALONG)))
        sql = (
            "SELECT events.station, events.sequence, events.body, events.code, events.reason FROM stations JOIN events"
            " ON events.station = stations.station AND events.sequence > stations.upto"
            f" AND events.sequence <= stations.upto + ? WHERE stations.station IN ({places(ahead)})"
        )
        for name, number, body, code, reason in self.db.execute(sql, [ALONG, *ahead]).fetchall():
            self._known[name, number] = Known(hash_of(body), code, reason)
            self._bodies[name, number] = Link(number, body, code, json.loads(body))

    def _look(self, wanted: list[tuple[str, int]]) -> None:
        """What is under these numbers of the table."""
        if wanted:
            self._known.update(dict.fromkeys(wanted))
            sql = (
                "SELECT station, sequence, body, code, reason FROM events"
                f" WHERE (station, sequence) IN ({places(wanted, 2)})"
            )
            for name, sequence, *row in self.db.execute(sql, [part for one in wanted for part in one]).fetchall():
                self._known[name, sequence] = Known(hash_of(row[0]), row[1], row[2])

    def _used(self, name: str, id_: str, sequence: int) -> int:
        """Another number that this id has; 0 for none."""
        known = self._ids.get((name, id_))
        if known is None:
            self._flush()
            sql = "SELECT sequence FROM events WHERE station = ? AND id = ?"
            known = {row[0] for row in self.db.execute(sql, [name, id_]).fetchall()}
            if self.db.shared:
                self._ids[name, id_] = known
        return min(known - {sequence}, default=0)

    def _there(self, name: str, sequence: int) -> Known | None:
        """What is under a number; None when it is free."""
        if (name, sequence) not in self._known:
            if sequence > self.station(name).top or (self.db.shared and sequence > self._tops[name]):
                return None
            self._flush()
            self._look([(name, sequence)])
        return self._known[name, sequence]

    def add(
        self, name: str, base: str, event: dict[str, Any], kind: str, body: bytes, alarm: bool, code: str, reason: str
    ) -> Taken:
        """Keep an event whose signature is right. ``code`` is not empty when its content is refused."""
        one, sequence, id_ = self._change(name), int(event["sequence"]), event["id"][: LONGEST["id"]]
        if one.upto + 1 < sequence <= one.top + 1 and self.hash_at(name, sequence - 1) != event["prevhash"]:
            self.advance(name)  # what it should follow may have come in this batch: it is judged as if in the next
        digest, there, used = hash_of(body), self._there(name, sequence), self._used(name, id_, sequence)
        joint = event["type"] == RESTORED and not code
        end = one.end
        do = end.came(sequence, event["prevhash"], digest, there.hash if there else "", used, joint=joint)
        one.at(end)
        if do is Take.NAME:
            one.duplicates += 1
            self._replays[name] = (self._replays.get(name, (0, 0))[0] + 1, sequence)
            assert there is not None  # its bytes are what is said again
            known = self._judged_anew(one, kind, event, code, reason, there.code, there.reason)
            return Taken(True, Rejected(event["id"][:64], *known) if known[0] else None)
        one.serials = serials.noted(one.serials, name, body)
        if do in (Take.BREAK, Take.REFUSE):
            self.note("fork", name, sequence, one.torn)
        if there:
            one.breaks += self._is_new(name, body)
            reason = f"sequence {sequence} is already taken by other content"
            return Taken(False, self.refuse(name, event["id"], "fork", reason, body))
        if do is Take.BREAK:
            one.breaks += self._is_new(name, body)
            return Taken(False, self.refuse(name, event["id"], "broken_chain", one.torn, body))
        if used:
            one.breaks += 1
            code, reason = "fork", f"the id is already used at sequence {used}"
        given_up = sequence <= one.upto
        one.given_up -= given_up
        subject = event["subject"][: LONGEST["subject"]]
        kept = (name, sequence, id_, kind[: LONGEST["kind"]], subject, code, reason, now(), int(alarm), body)
        self._rows.append(kept)
        self._known[name, sequence] = Known(digest, code, reason)
        if (name, id_) in self._ids:
            self._ids[name, id_].add(sequence)
        one.base, one.seen = base, now()
        one.stored += 1
        one.top = max(one.top, sequence)
        self._bodies[name, sequence] = Link(sequence, body, code, event)
        if code:
            return Taken(False, self.refuse(name, event["id"], code, reason, body))
        self._count(one, kind, event)
        if kind == "ledger.restored":
            one.joint = max(one.joint, sequence)
            self.advance(name)  # what comes behind it in this batch may be under a number that it gave up
        return Taken(given_up, None)

    def _count(self, one: Station, kind: str, event: dict[str, Any]) -> None:
        """A record is accepted."""
        one.count += 1
        self._counts[kind] += 1
        if kind == "ledger.checkpoint":
            one.point = max(one.point, int(event["data"]["upto"]))
        if kind in shelf.LOOKS_BACK:
            self._flush()
        self._shelves.note(one.station, int(event["sequence"]), kind, event)
        photos.note(self.db, one.station, int(event["sequence"]), event)

    def _judged_anew(
        self, one: Station, kind: str, event: dict[str, Any], code: str, reason: str, was: str, why: str
    ) -> tuple[str, str]:
        """A record that was refused for its content came again: what is said of it now."""
        if was not in CONTENT or code == was:
            return was, why
        self._flush()
        self._known.pop((one.station, int(event["sequence"])), None)
        self.db.execute(
            "UPDATE events SET code = ?, reason = ?, kind = ? WHERE station = ? AND sequence = ?",
            [code, reason, kind, one.station, int(event["sequence"])],
        )
        if not code:
            sql = "DELETE FROM refusals WHERE station = ? AND id = ? AND code = ?"
            self.db.execute(sql, [one.station, event["id"][:64], was])
            self._count(one, kind, event)
        return code, reason

    def advance(self, name: str) -> bool:
        """Move ``upto`` over what is there; whether more is left for another batch."""
        one = self.station(name)
        for _ in range(ADVANCE_AT_ONCE):
            if one.end.passes(one.gone, one.point) and not self._pass_gone(name, one):
                return False
            if one.upto >= one.top or (link := self._next(name, one)) is None:
                return False
            self._changed.add(name)
            joint = Joint.of(link.event) if not link.code else None
            passed, end = one.upto, one.end
            there = self.hash_at(name, joint.city) if joint else ""
            do = end.follow(link.sequence, link.event["prevhash"], hash_of(link.body), joint, there)
            one.at(end)
            if do in (Take.BREAK, Take.CLOSE_TORN):
                self.note("fork", name, link.sequence, end.torn)
            if do is Take.BREAK:
                return False
            if joint and one.upto > passed + 1:
                self._passed.setdefault(name, []).append((passed, one.upto))
                one.given_up += one.upto - passed - 1 - self._between(name, passed, one.upto)
            one.breaks += do is Take.CLOSE_TORN
        return True

    def _pass_gone(self, name: str, one: Station) -> bool:
        """Go on behind records that left the station and never came; False when the chain breaks there."""
        if self.hash_at(name, one.upto + 1) or (link := self._link(name, one.gone + 1)) is None or Joint.of(link.event):
            return True  # what is there is followed, as far as it goes
        passed, end = one.upto, one.end
        do = end.pass_gone(one.gone, link.event["prevhash"], self.hash_at(name, one.gone))
        one.at(end)
        self._changed.add(name)
        if do is Take.BREAK:
            self.note("fork", name, one.gone + 1, end.torn)
            return False
        missing = one.upto - passed - self._between(name, passed, one.upto + 1)
        one.given_up += missing
        self._passed.setdefault(name, []).append((passed, one.upto + 1))
        detail = f"{missing} missing from {passed + 1} to {one.upto}: they left the station before this city had them"
        self.note("gone", name, passed + 1, detail)
        return True

    def _next(self, name: str, one: Station) -> "Link | None":
        """The record behind ``upto``, or one by which the station passed what is missing."""
        link = self._link(name, one.upto + 1)
        if link is not None and (link.event["prevhash"] == one.head or Joint.of(link.event)):
            return link
        if one.joint <= one.upto:
            return link
        self._flush()
        row = self.db.execute(
            "SELECT min(sequence) FROM events WHERE station = ? AND sequence > ? AND kind = 'ledger.restored'"
            " AND code = ''",
            [name, one.upto],
        ).fetchone()
        return self._link(name, row[0]) if row[0] is not None else link

    def _link(self, name: str, sequence: int) -> "Link | None":
        """A record that is kept; from the table those behind it come along."""
        free = sequence > self.station(name).top or self._known.get((name, sequence), sequence) is None
        if not free and (name, sequence) not in self._bodies:
            self._flush()
            sql = (
                "SELECT sequence, body, code FROM events WHERE station = ? AND sequence >= ? ORDER BY sequence LIMIT ?"
            )
            for number, body, code in self.db.execute(sql, [name, sequence, ALONG]).fetchall():
                self._bodies[name, number] = Link(number, body, code, json.loads(body))
            if (name, sequence) not in self._bodies:
                self._known[name, sequence] = None
        return self._bodies.pop((name, sequence), None)

    def _between(self, name: str, first: int, last: int) -> int:
        """How many records there are between these numbers."""
        self._flush()
        sql = "SELECT count(*) FROM events WHERE station = ? AND sequence > ? AND sequence < ?"
        return int(self.db.execute(sql, [name, first, last]).fetchone()[0])

    def refuse(self, name: str, event_id: str, code: str, reason: str, body: bytes) -> Rejected:
        """Note a refusal once; the newest thousand of a station are kept, all are counted."""
        answer = Rejected(event_id[:64], code, reason[:200])
        digest = hashlib.sha256(body).hexdigest()
        if self._refused_again(name, digest, code):
            return answer
        if self._is_stranger(name):
            name = "?"
            if self._refused_again(name, digest, code):
                return answer
        one = self._change(name)
        one.rejected += 1
        row = {"station": name, "hash": digest, "code": code, "id": answer.id, "reason": answer.reason, "time": now()}
        insert(self.db, "refusals", row | {"times": 1, "number": one.rejected, "body": body})
        if one.rejected > REFUSALS_KEPT:
            sql = "DELETE FROM refusals WHERE station = ? AND number <= ?"
            self.db.execute(sql, [name, one.rejected - REFUSALS_KEPT])
        return answer

    def _refused_again(self, name: str, digest: str, code: str) -> bool:
        sql = "UPDATE refusals SET times = times + 1, time = ? WHERE station = ? AND hash = ? AND code = ?"
        return bool(self.db.execute(sql, [now(), name, digest, code]).rowcount)

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
        return [Rejected(*row) for row in rows.fetchall()]

    def fresh_refusals(self, names: Iterable[str], seconds: float) -> list[tuple[str, Rejected]]:
        """What was refused to these stations for good in the last seconds. Another writer may have refused it, and its
        answer come after ours, as one that is older and moves nothing."""
        wanted = sorted({*names})
        if not wanted:
            return []
        since = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        sql = (
            "SELECT station, id, code, reason FROM refusals WHERE time >= ? AND code NOT IN"
            f" ('bad_signature', 'unknown_key', 'unreadable') AND station IN ({places(wanted)})"
        )
        return [(row[0], Rejected(*row[1:])) for row in self.db.execute(sql, [since, *wanted]).fetchall()]

    def scanned(self, code: str, when: str) -> None:
        put_new(self.db, "scans", {"code": code}, {"first": when})
