"""The whole ledger checked, record by record: number, signature, chain, and the serials that stand beside it.

In stretches, by as many processes as there are cores: each begins with the record before its own, which joins the
chain at the seams.  The station may go on meanwhile: what is written after the beginning is not looked at, and no read
stays open, since that would keep its write-ahead log growing.
"""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.context import BaseContext
from pathlib import Path
from threading import Thread

from edge.records.checkpoints import Checkpoint, checkpoint_of, first_of
from edge.records.database import Database
from edge.records.ledger import LedgerBroken, body_of, last_of, reading
from edge.records.own_keys import Chains, OwnKeys, own_keys
from edge.records.packing import unpack
from edge.records.serials import serials_of
from protocol.city import envelope
from protocol.city.agreement import RESTORED, why_not_behind
from protocol.city.chain import Link
from protocol.city.codes import BadCode, TraceCode, serial_in
from protocol.ed25519 import PublicKey

CHECKPOINT = envelope.type_of("ledger.checkpoint")
STRETCH = 2000  # records that are checked at once, between two words of progress
ALONE = 3 * STRETCH  # up to so many no other process is worth its start
LANES = (0, 1)
GIVEN = {  # records that are about a code that was given in the same step
    envelope.type_of(kind)
    for kind in (
        *("entry.registered", "sample.registered", "trade.completed", "lot.released", "accept.completed"),
        "waste.handed",
    )
}
Progress = Callable[[int, int], None]
"""How many records were checked, of how many."""


def verify_folder(
    folder: Path,
    key: PublicKey,
    progress: Progress,
    cores: int = 0,
    earlier: tuple[PublicKey, ...] = (),
) -> tuple[int, str]:
    """The ledger in this folder, with all cores or so many. Answers the number of records and the last hash.

    ``key`` is any key of the station, ``earlier`` those that are known to have been its own.  Raises LedgerBroken
    naming the first record that does not hold, and what ``reading`` raises.
    """
    cores = cores or len(os.sched_getaffinity(0))
    with reading(folder) as db:
        last = last_of(db.conn)
        if last <= ALONE or cores < 2:
            return _alone(db.conn, own_keys(db.conn, key, earlier), last, progress)
        keys = own_keys(db.conn, key, earlier)
        stretches = list(_stretches(db.conn, last))
    try:
        count = _together(folder, keys, stretches, progress, cores)
    except BrokenProcessPool:  # too little memory for so many
        count = 0
    with reading(folder) as db:
        return (count, _hash(db.conn, last)) if count else _alone(db.conn, keys, last, progress)


def verify(db: Database, key: PublicKey) -> tuple[int, str]:
    """The ledger behind this connection, alone: as ``verify_folder``."""
    return _alone(db.conn, own_keys(db.conn, key), last_of(db.conn), lambda done, total: None)


def _alone(conn: sqlite3.Connection, keys: OwnKeys, last: int, progress: Progress) -> tuple[int, str]:
    count = 0
    for first, end in _stretches(conn, last):
        count += check(conn, keys, first, end)
        progress(end, last)
    return count, _hash(conn, last)


def _hash(conn: sqlite3.Connection, last: int) -> str:
    return envelope.hash_of(body_of(conn, last)) if last else envelope.FIRST_PREVHASH


def _stretches(conn: sqlite3.Connection, last: int) -> Iterator[tuple[int, int]]:
    """First and last number of each; a gap, which a ``ledger.restored`` may leave, is in none."""
    first = max(1, first_of(conn))
    while first <= last:
        end = min(first + STRETCH - 1, last)
        yield first, end
        following = conn.execute("SELECT min(seq) FROM events WHERE seq > ?", (end,)).fetchone()[0]
        first = last + 1 if following is None else following


def _together(folder: Path, keys: OwnKeys, stretches: list[tuple[int, int]], progress: Progress, cores: int) -> int:
    """Answers how many records there are; raises LedgerBroken for the first that does not hold."""
    done, count, last = 0, 0, stretches[-1][1]
    broken: dict[int, str] = {}
    with ProcessPoolExecutor(cores, _context(), _begin, (folder, keys.raw())) as pool:
        waiting = {pool.submit(_work, *one): one for one in stretches}
        try:
            for future in as_completed(waiting):
                if future.cancelled():
                    continue  # it lies behind one that does not hold
                first, end = waiting[future]
                records, why = future.result()
                if why:
                    broken[first] = why
                    for other, (begin, _) in waiting.items():
                        if begin > first:
                            other.cancel()
                count, done = count + records, done + end - first + 1
                progress(done, last)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if broken:
        raise LedgerBroken(broken[min(broken)])
    return count


def _context() -> BaseContext:
    """What is forked has everything loaded, and shares it; but what another thread holds would be held there for good.

    Nothing here is reading the ledger: SQLite takes what it had open before a fork for its own.
    """
    return get_context("fork" if len([*Path("/proc/self/task").iterdir()]) == 1 else "spawn")


_here: tuple[Path, OwnKeys]
"""What a process of the pool works on."""


def _begin(folder: Path, spans: list[tuple[int, bytes]]) -> None:
    global _here
    Thread(target=_end_with_the_first, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked for it ends it
    with suppress(OSError):
        os.nice(5)  # the station sells meanwhile
    _here = folder, OwnKeys.of_raw(spans)


def _end_with_the_first() -> None:
    """A process that is killed tells its pool nothing."""
    if first := parent_process():
        first.join()
        os._exit(1)


def _work(first: int, last: int) -> tuple[int, str]:
    """How many records there are in a stretch, and what is wrong there; empty when it holds."""
    folder, keys = _here
    try:
        with reading(folder) as db:
            return check(db.conn, keys, first, last), ""
    except LedgerBroken as broken:
        return 0, str(broken)


def check(conn: sqlite3.Connection, keys: OwnKeys, first: int, last: int) -> int:
    """The records from ``first`` to ``last``, and that they continue the one before; answers how many there are.

    Raises LedgerBroken.
    """
    columns = "SELECT seq, lane, serials, body FROM events"
    before = conn.execute(f"{columns} WHERE seq < ? ORDER BY seq DESC LIMIT 1", (first,)).fetchone()
    found = conn.execute(f"{columns} WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last))
    rows = [(seq, lane, serials, unpack(stored)) for seq, lane, serials, stored in found]  # quicker than in turns
    links = Links(keys, newest_checkpoint(conn, keys))
    if before:
        links.begin(before[0], before[2], unpack(before[3]))
    elif rows:
        links.begin_at(rows[0][0])
    for row in rows:
        links.take(*row)
    return len(rows)


def newest_checkpoint(conn: sqlite3.Connection, keys: OwnKeys) -> Checkpoint | None:
    """Up to where records may be missing, as the key has signed it. Raises LedgerBroken for one that it has not."""
    point = checkpoint_of(conn)
    if point is None:
        return None
    try:
        body = body_of(conn, point.seq)
        Chains(keys).link(body)
        signed = checkpoint_in(body)
    except (LookupError, ValueError) as error:
        raise LedgerBroken(f"record {point.seq}, by which older ones are gone: {error}") from None
    if signed != point:
        raise LedgerBroken(f"record {point.seq} does not say that the records up to {point.upto} are gone")
    return signed


def checkpoint_in(body: bytes) -> Checkpoint | None:
    """The checkpoint that a record is; None for another kind. Raises ValueError and LookupError."""
    event = envelope.read(body)
    if event["type"] != CHECKPOINT:
        return None
    return Checkpoint(int(event["sequence"]), int(event["data"]["upto"]), str(event["data"]["hash"]))


class Links:
    """One record after the other: ``last`` is the number of the newest that holds.

    Up to ``point`` the oldest may be missing.
    """

    def __init__(self, keys: OwnKeys, point: Checkpoint | None = None) -> None:
        self._chain = Chains(keys)
        self._point = point
        self._free = False  # the next record continues one that is gone, of which nothing is known
        self._hash = envelope.FIRST_PREVHASH
        self._serials: dict[int, int] = {}
        self.last = 0

    def begin(self, seq: int, serials: str, body: bytes) -> None:
        """Go on behind this record, which somebody else looks at."""
        self.last, self._serials, self._hash = seq, _counts(seq, serials), envelope.hash_of(body)

    def begin_at(self, seq: int) -> None:
        """The oldest record that is left is this one."""
        if self._point is None or seq <= 1:
            return
        self._free = seq <= self._point.upto
        self.last, self._hash = (seq - 1, "") if self._free else (self._point.upto, self._point.hash)

    def take(self, seq: int, lane: int, serials: str, body: bytes) -> None:
        """The next record. Raises LedgerBroken, and then nothing was taken."""
        try:
            found = self._chain.link(body)
            event = envelope.read(body) if found.type == RESTORED else {}
        except envelope.BadEvent as error:
            missing = seq != self.last + 1
            raise LedgerBroken(_missing(self.last, seq) if missing else f"record {seq}: {error}") from None
        if found.sequence != seq:
            raise LedgerBroken(f"record {seq} calls itself {found.sequence}")
        if event and not self._free and (why := why_not_behind(event, self.last, self._hash)):
            raise LedgerBroken(why)
        if not event and seq != self.last + 1:
            raise LedgerBroken(_missing(self.last, seq))
        if not event and not self._free and found.prevhash != self._hash:
            raise LedgerBroken(f"record {seq} does not continue record {seq - 1}")
        if lane not in LANES:
            raise LedgerBroken(f"record {seq} is in lane {lane}, which there is not")
        counts = _counts_after(seq, serials, self._serials, found)
        digest = envelope.hash_of(body)
        if self._point and seq == self._point.upto and digest != self._point.hash:
            raise LedgerBroken(f"record {seq} is not the one that record {self._point.seq} names")
        self.last, self._serials, self._hash, self._free = seq, counts, digest, False


def _missing(last: int, seq: int) -> str:
    return f"record {last + 1} is missing (the next one is {seq})"


def _counts(seq: int, serials: str) -> dict[int, int]:
    try:
        return serials_of(serials)
    except ValueError as error:
        raise LedgerBroken(f"record {seq}: its serials cannot be read: {error}") from None


def _counts_after(seq: int, serials: str, before: dict[int, int], found: Link) -> dict[int, int]:
    """The last serials after a record; raises LedgerBroken where a code would be given twice."""
    counts = _counts(seq, serials)
    for kind, serial in before.items():
        if counts.get(kind, 0) < serial:
            raise LedgerBroken(f"record {seq}: serial {counts.get(kind, 0)} of kind {kind}, after {serial}")
    if found.type in GIVEN:
        kind, serial = serial_in(found.subject)
        if counts.get(kind, 0) < serial and (code := _ours(found)):
            raise LedgerBroken(f"record {seq}: its code {code} is beyond the serials beside it")
    return counts


def _ours(found: Link) -> TraceCode | None:
    """The code a record is about, when it is one of the station that made the record."""
    try:
        code = TraceCode.parse(found.subject)
    except BadCode:
        return None
    return code if found.source.endswith(f"/{code.node}-{code.terminal}") else None
