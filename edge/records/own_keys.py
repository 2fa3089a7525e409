"""The keys that sign a station's records, from which record on; and how one key takes the place of another.

A change is made while no station runs, in steps that each leave a station that can sign:

    1  station.key.next   the new key, on the disk
    2  key.rotated        in the ledger, signed by the old key, naming the new one
    3  station.keys       the same record, beside the key: it outlasts a ledger; and station.pub
    4  station.key        the new key in the place of the old one

Whoever opens the key next goes on from where it was cut off: back before 2, forward after it.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from edge.records import lock, private
from edge.records.clock import Stamp
from edge.records.identity import BadKey, load_key
from edge.records.ledger import ALARM, FILE, Ledger, LedgerBroken, Recorded, open_reader
from edge.records.packing import unpack
from protocol.city import envelope
from protocol.city.chain import Chain, Link
from protocol.city.key_events import KIND, TYPE, Change, KeyRotated, change_in, proof
from protocol.city.token import kid_of
from protocol.ed25519 import PrivateKey, PublicKey, new_key, private_pem, public_key_of, public_pem
from protocol.frozen import frozen

NEXT = ".next"  # behind the key's name
_KID = b',"kid":"'


@frozen
class OwnKeys:
    """Keys with the number from which on they sign, oldest first."""

    spans: tuple[tuple[int, PublicKey], ...]

    @classmethod
    def one(cls, key: PublicKey) -> "OwnKeys":
        return cls(((0, key),))

    def at(self, seq: int) -> PublicKey:
        """The key of this record."""
        return next((key for first, key in reversed(self.spans) if first <= seq), self.spans[0][1])

    @property
    def newest(self) -> PublicKey:
        return self.spans[-1][1]

    def all(self) -> tuple[PublicKey, ...]:
        return tuple(key for _, key in self.spans)

    def raw(self) -> list[tuple[int, bytes]]:
        """For another process."""
        return [(first, key.public_bytes_raw()) for first, key in self.spans]

    @classmethod
    def of_raw(cls, spans: list[tuple[int, bytes]]) -> "OwnKeys":
        return cls(tuple((first, public_key_of(raw)) for first, raw in spans))


class Chains:
    """Reads the places of records that a station's keys have signed, each in its time."""

    def __init__(self, keys: OwnKeys) -> None:
        ends = [first - 1 for first, _ in keys.spans[1:]] + [envelope.MAX_SEQUENCE]
        self._by_kid = {
            kid_of(key).hex().encode(): (Chain(key), first, last)
            for (first, key), last in zip(keys.spans, ends, strict=True)
        }
        self._newest = Chain(keys.newest)

    def link(self, body: bytes) -> Link:
        """As ``Chain.link``; raises BadEvent."""
        at = body.rfind(_KID) + len(_KID)
        known = self._by_kid.get(body[at : at + 8])
        if known is None:
            return self._newest.link(body)  # says what is wrong with it
        chain, first, last = known
        found = chain.link(body)
        if not first <= found.sequence <= last:
            raise envelope.BadEvent(
                f"signed by key {body[at : at + 8].decode()}, which was the station's at another time"
            )
        return found


# --- which ----------------------------------------------------------------------------------------------------------


def own_keys(conn: sqlite3.Connection, trusted: PublicKey, earlier: tuple[PublicKey, ...] = ()) -> OwnKeys:
    """The keys of this ledger, when ``trusted`` is one of them: found by a few looks, however long it is.

    ``earlier`` are known to have been this station's, by ``station.keys``.  Raises LedgerBroken where another key
    signs and nothing says so, or none of them is trusted.
    """
    known = {kid_of(key).hex(): key for key in (*earlier, trusted)}
    found = _row(conn, (1 << 63) - 1)
    if found is None:
        return OwnKeys.one(trusted)
    last, event = found
    spans: list[tuple[int, PublicKey]] = []
    if event["type"] == TYPE:
        known |= _in(event)
        if (new := change_in(event).new).public_bytes_raw() == trusted.public_bytes_raw():
            spans.append((last + 1, new))
    oldest = conn.execute("SELECT min(seq) FROM events").fetchone()[0]
    while True:
        kid = event["kid"]
        first, before = _begin(conn, kid, oldest, last)
        if before is not None and before[1]["type"] == TYPE:
            known |= _in(before[1])
        if (key := known.get(kid)) is None:
            raise LedgerBroken(f"record {first}: signed by key {kid[:16]}, not by {kid_of(trusted).hex()}")
        spans.insert(0, (first if before else 0, key))
        if before is None:
            break
        last, event = before
    if trusted.public_bytes_raw() not in (key.public_bytes_raw() for _, key in spans):
        kid = kid_of(spans[0][1]).hex()
        raise LedgerBroken(f"record 1: signed by key {kid}, not by {kid_of(trusted).hex()}")
    return OwnKeys(tuple(spans))


def _in(event: Mapping[str, Any]) -> dict[str, PublicKey]:
    try:
        change = change_in(event)
    except envelope.BadEvent as error:
        raise LedgerBroken(f"record {int(event['sequence'])}: {error}") from None
    return {kid_of(change.old).hex(): change.old, kid_of(change.new).hex(): change.new}


def _begin(conn: sqlite3.Connection, kid: str, oldest: int, last: int) -> tuple[int, tuple[int, dict[str, Any]] | None]:
    """The first record of the stretch of this key that ends at ``last``, and the one before it."""
    if (found := _row(conn, oldest)) is not None and found[1]["kid"] == kid:
        return oldest, None  # no key comes back
    low, high = oldest, last  # the record at or before low is another key's
    while high - low > 1:
        middle = (low + high) // 2
        found = _row(conn, middle)
        if found is not None and found[1]["kid"] == kid:
            high = min(middle, found[0])
        else:
            low = middle
    return high, _row(conn, low) if low < high else None


def _row(conn: sqlite3.Connection, seq: int) -> tuple[int, dict[str, Any]] | None:
    """The newest record up to this one that can be read."""
    rows = conn.execute("SELECT seq, body FROM events WHERE seq <= ? ORDER BY seq DESC LIMIT 20", (seq,))
    for number, stored in rows:
        with suppress(envelope.BadEvent):
            return number, envelope.read(unpack(stored))
    return None


def history(ledger: Ledger) -> tuple[PublicKey, ...]:
    """All keys this station is known to have had, oldest first; the newest is the one it signs with."""
    ours, known = ledger.signer.key.public_key(), ledger.signer.earlier
    keys = (*known, *own_keys(ledger.conn, ours, known).all(), ours)
    return tuple({key.public_bytes_raw(): key for key in reversed(keys)}.values())[::-1]


def newest_change(ledger: Ledger) -> int:
    """The number of the record by which the newest key was named; 0 where there never was another."""
    spans = own_keys(ledger.conn, ledger.signer.key.public_key(), ledger.signer.earlier).spans
    return spans[-1][0] - 1 if len(spans) > 1 else 0


# --- beside the key -------------------------------------------------------------------------------------------------


def earlier_keys(path: Path, newest: PublicKey) -> tuple[PublicKey, ...]:
    """The keys before this one, oldest first, as ``station.keys`` beside the key at ``path`` proves. Raises BadKey."""
    file = path.with_suffix(".keys")
    try:
        lines = file.read_bytes().splitlines()
        changes = [_proven(line) for line in lines if line]
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise BadKey(f"{file}: cannot be read: {error}") from None
    found: list[PublicKey] = []
    raw = newest.public_bytes_raw()
    for change in reversed(changes):
        if change.new.public_bytes_raw() == raw:
            found.insert(0, change.old)
            raw = change.old.public_bytes_raw()
    return tuple(found)


def earlier_of(path: Path) -> tuple[PublicKey, ...]:
    """The keys before the one at ``path``; none where there is none. Raises BadKey."""
    return earlier_keys(path, load_key(path).public_key()) if path.exists() else ()


def _proven(line: bytes) -> Change:
    event = envelope.read(line)
    change = change_in(event)
    envelope.verify(event, change.old, line)
    return change


# --- a change ---------------------------------------------------------------------------------------------------------


def opened(path: Path, data: Path) -> PrivateKey:
    """The station's key; a change that was cut off is finished or taken back first. Raises BadKey, DataInUse, OSError
    and LedgerBroken."""
    if _next(path).exists():
        with closing(lock.Lock(data)):
            settle(path, data)
    return load_key(path)


def settle(path: Path, data: Path) -> None:
    """Finish a change whose record is in the ledger, and take back one that has none. The folder's lock is held."""
    waiting = _next(path)
    if not waiting.exists():
        return
    try:
        new = load_key(waiting).public_key().public_bytes_raw().hex()
    except BadKey:  # cut off while it was written: the ledger does not know it
        waiting.unlink()
        return
    body = _record_of(new, data)
    if body is None:
        waiting.unlink()
        return
    _put_in_place(path, body)


def rotate(path: Path, ledger: Ledger, stamp: Stamp, boot_id: str, *, why: str, person: str) -> Recorded:
    """Make a new key, record it by the old one, and put it in its place. The ledger is to be closed after it: it still
    holds the old key."""
    waiting, old = _next(path), ledger.signer.key.public_key()
    waiting.unlink(missing_ok=True)
    new = new_key()
    while kid_of(new.public_key()) == kid_of(old):
        new = new_key()
    private.write_new(waiting, private_pem(new))
    station = f"{ledger.signer.node}-{ledger.signer.terminal}"
    record = KeyRotated(
        old_key=old.public_bytes_raw().hex(),
        new_key=new.public_key().public_bytes_raw().hex(),
        proof=proof(station, old, new),
        why=why,
        person=person,
    )
    with ledger.batch():
        recorded = ledger.append(KIND, station, record, stamp, boot_id, lane=ALARM)
    _put_in_place(path, recorded.body)
    return recorded


def _put_in_place(path: Path, body: bytes) -> None:
    """What follows the record; each of it may be done twice."""
    file = path.with_suffix(".keys")
    before = file.read_bytes() if file.exists() else b""
    if body not in before.splitlines():
        private.replace(file, before + body + b"\n")
    public = public_pem(load_key(_next(path)).public_key())
    private.replace(path.with_suffix(".pub"), public)
    _next(path).rename(path)  # the last: as long as it is not done, all of it is done again
    _sync(path.parent)


def _record_of(new_key: str, data: Path) -> bytes | None:
    """The newest record of the ledger, when it names this key."""
    if not (data / FILE).is_file():
        return None
    with closing(open_reader(data)) as db:
        row = db.conn.execute("SELECT body FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        return None
    body = unpack(row[0])
    event = envelope.read(body)
    return body if event["type"] == TYPE and event["data"]["new_key"] == new_key else None


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _next(path: Path) -> Path:
    return path.with_name(f"{path.name}{NEXT}")
