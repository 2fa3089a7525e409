"""The ledger: every record of the station in one SQLite file, signed, chained, and on disk before anybody is told.

WAL with ``synchronous=FULL``: a market loses power.  Small pages, because every page touched is written twice and SD
cards die of it.  One process writes it, in one thread: it holds the lock of the folder.
"""

import errno
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from pathlib import Path
from typing import Any, TypeVar

from edge.between.inbox import Refused
from edge.between.tongue import said
from edge.records import lock, mark, packing, private
from edge.records.checkpoints import gone_upto, removed_of
from edge.records.clock import Past, Stamp, parse_time
from edge.records.database import Database
from edge.records.migrations import ledger as schema
from edge.records.packing import teach, unpack
from edge.records.serials import serials_of, serials_text
from edge.records.step import Step
from edge.records.turns import Turns
from edge.records.writer import Known, Row, Writer
from protocol.city import envelope, key_events
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.events import EVENTS, Record
from protocol.city.token import kid_of
from protocol.ed25519 import PrivateKey, PublicKey
from protocol.frozen import frozen

FILE = "ledger.db"
PAGE_SIZE = 512
ORDINARY, ALARM = 0, 1
LOOK_BACK = 5000  # records searched for the last one whose time was believed
LEARN_EVERY, LEARN_MOST = 256, 4096  # records after which it is looked whether they have other words by now
SLICE = 100  # records that are read together
KEPT_EVENTS = 256  # fields of records, some 5 kB each
KEPT_WRITTEN = 64  # of the newest records
log = logging.getLogger("ledger")
V = TypeVar("V")


class LedgerFull(OSError):
    """The ledger takes nothing now, because the disk does not: nothing of this batch was recorded.

    ``code``, ``zh`` and ``en`` are what people and programs are told, with the folder that the disk holds.
    """

    code, zh, en = "disk_full", "磁盘已满，未记录。请联系技术员", "not recorded: the disk is full"

    def __init__(self, detail: str, disk: Path | None = None) -> None:
        super().__init__(detail)
        if disk is not None:
            self.zh = f"{self.zh}（{disk}）"
        self.en = f"{self.en}: {detail}"


class DiskFails(LedgerFull):
    """The disk takes nothing, and not for want of space: read-only after an error, failing, or pulled out."""

    code = "disk_fails"
    zh = "磁盘只读或出错，未记录。请技术员停止服务，检查或更换存储卡，再启动服务"
    en = "not recorded: the disk is read-only or fails"


class LedgerHeld(LedgerFull):
    """Another program holds the ledger: nothing of this batch was recorded."""

    code = "ledger_held"
    zh = "另一程序占用了账本，未记录。请关闭备份等程序后再按"
    en = "not recorded: another program holds the ledger; end it, then press again"


class OtherLedger(LedgerFull):
    """The city has records of another ledger under this station's name: until a person has ordered how to go on nothing
    is written, for its number might be used twice."""

    code = "other_ledger"
    zh = "平台上有另一本账在用本站名称，暂停记账。请技术员按“状态”页处理"
    en = "not recorded: the city knows another ledger by this station's name; see the page Status"


class RecordGone(Refused, LookupError):
    """This record was kept as long as it has to be, and left the ledger."""

    def __init__(self, seq: int) -> None:
        super().__init__(
            "record_gone",
            f"第 {seq} 条记录已过保存期，本机已删除；请向平台查询",
            f"record {seq} was kept its time and is gone from here: ask the city for it",
        )


class LedgerBroken(ValueError):
    """The file does not hold what this station wrote; the message names the first record that fails."""


class LedgerUnusable(LedgerBroken):
    """The file cannot be read or written, or is not the one this station wrote last; the message has the next step."""


FAILS = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
GONE = {errno.EIO, errno.ENXIO, errno.ENODEV}


def explained(error: BaseException, path: Path) -> LedgerFull | LedgerBroken | None:
    """What an error says of the ledger itself and not of the work that met it, with the next step; None if nothing."""
    if isinstance(error, LedgerFull | LedgerBroken):
        return error
    if not isinstance(error, sqlite3.Error):
        return None
    if _code(error) == sqlite3.SQLITE_FULL:
        return LedgerFull(f"{path}: {error}; free some space on the disk", path.parent)
    if _code(error) in FAILS or (_code(error) in DAMAGED and disk_gone(path)):
        step = "stop the service, check the card or put in another one, and start it again"
        return DiskFails(f"{path}: {error}; {step}", path.parent)
    if _code(error) in HELD:
        return LedgerHeld(f"{path}: another program holds the ledger ({error}); end it, for example a backup")
    return LedgerUnusable(why_unusable(path, error)) if _code(error) in DAMAGED else None


def disk_gone(path: Path) -> bool:
    """Whether the disk gives nothing at all: then it is no damage of the ledger that sqlite speaks of.

    sqlite takes a read that fails for a damaged file.  The log is asked: who closes the ledger's own file lets go of
    the locks that sqlite has on it.
    """
    try:
        with path.with_name(f"{path.name}-wal").open("rb", buffering=0) as log_file:
            log_file.read(1)
    except OSError as error:
        return error.errno in GONE
    return False


@frozen
class Recorded:
    """An event that was appended; it counts once the batch is committed.

    ``data`` is the record as it stands in ``body``: whoever needs it need not read the bytes again.
    """

    seq: int
    id: str
    body: bytes
    kind: str
    subject: str
    time: str
    data: dict[str, Any]


@frozen
class Written:
    """What is remembered of a record that was appended."""

    lane: int
    id: str
    kind: str
    body: bytes


@frozen
class Head:
    """The end of the chain: last sequence, hash for the next one, last serial of each code kind.

    ``unsynced_in`` is the boot the last record was made in, when its clock was unsynced.
    """

    seq: int = 0
    prevhash: str = envelope.FIRST_PREVHASH
    serials: Mapping[int, int] = field(default_factory=dict)
    unsynced_in: str = ""


@frozen
class Signer:
    """Who signs: the station's key and the names that stand in every envelope. ``earlier`` were its keys before."""

    key: PrivateKey
    host: str
    node: str
    terminal: str
    earlier: tuple[PublicKey, ...] = ()

    @property
    def first(self) -> PublicKey:
        """The oldest key: lots are named by it, whatever key signs their cards today."""
        return (*self.earlier, self.key.public_key())[0]

    def knows(self, event: Mapping[str, Any]) -> PublicKey:
        """The key of this station that such a record is signed by: this one, one before, or the one it takes from.

        This one where it is none of them.
        """
        ours = self.key.public_key()
        if event["type"] == key_events.TYPE:
            with suppress(envelope.BadEvent):
                change = key_events.change_in(event)
                if change.new.public_bytes_raw() == ours.public_bytes_raw():
                    return change.old
        return next((key for key in self.earlier if kid_of(key).hex() == event["kid"]), ours)

    @property
    def source(self) -> str:
        return f"https://{self.host}/edge/{self.node}-{self.terminal}"


class Ledger:
    """Open for writing. Use ``with ledger.batch():`` around each group of changes: one transaction, one fsync.

    ``marked`` is the file of the mark.  A ledger that is older than it is refused, unless ``allowed_by`` names the
    person who lets the station go on all the same; codes that may have been given are then left out.

    Raises DataInUse, LedgerUnusable and OSError.
    """

    def __init__(self, folder: Path, signer: Signer, marked: Path | None = None, allowed_by: str = "") -> None:
        self.path = folder / FILE
        self.signer = signer
        self._marking = mark.Marking(marked) if marked else None
        before = _mark_of(marked, allowed_by)
        if before.records and not self.path.exists():
            raise LedgerUnusable(older(self.path, before, 0))
        with plainly(self.path):
            private.make_folder(folder)
            self.lock = lock.Lock(folder)
            try:
                self.conn = open_writer(self.path)
                self.db = Database(self.conn)
                opened = self.path.stat()
                self._file = opened.st_dev, opened.st_ino
                _not_of_a_newer_program(self.path, self.conn)
                schema.take(self.conn)
                self.head = self._read_head()
                self._written: Known[int, Written] = self.conn.known("events")
                self._events: Known[int, dict[str, Any]] = self.conn.known("events")
                self.gone = gone_upto(self.conn)  # the records up to this one were kept their time
                # kinds of records of which a batch was learnt from, or gave nothing to learn
                self._looked_at: Set[bytes] = frozenset()
                self._take_up_words()
                self.depth = 0  # of steps within steps
                self._begun = -1  # what had changed when the batch at hand began, if it is a transaction of its own
                self.room = 0  # bytes kept free in each row for its note
                self.turns = Turns(folder)
                self.held: OtherLedger | None = None  # why nothing is recorded but how to go on
                if why := behind(self.conn, self.path, before):
                    raise LedgerUnusable(why)
            except BaseException:
                self.lock.close()
                raise
        self.head = replace(self.head, serials=_later(self.head.serials, before.serials))
        self._write_mark()

    def taken_out(self) -> bool:
        """Whether another disk stands at the ledger's place than it was opened on: what is open here is dead."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_dev, now.st_ino) != self._file

    def takes_again(self) -> bool:
        """Whether the disk takes a commit: tried, with one that changes nothing."""
        try:
            with self.db.atomic():
                for there_and_back in (1, -1):
                    self.conn.execute("UPDATE delivery SET upto = upto + ?", (there_and_back,))
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        if self.head.seq != self._marked_at:
            self._write_mark()
        self.turns.close()
        self.db.close()
        self.lock.close()

    def _write_mark(self) -> None:
        """Say beside the key how far the ledger is. Where nothing can be written, the start says so."""
        self._marked_at = self.head.seq
        if self._marking is None:
            return
        try:
            self._marking.write(mark.Mark(self.head.seq, self.head.prevhash, self.head.serials))
        except OSError as error:
            path, why = self._marking.path, error.strerror
            log.warning("%s cannot be written: %s; a lost ledger would not be noticed", path, why)

    # --- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction. Rolls back and raises LedgerFull when the disk is full, LedgerHeld when another program
        holds the file and LedgerBroken when it is damaged; nothing of it stays."""
        before, packer, looked_at = self.head, self._packer, self._looked_at
        self._begun = -1 if self.conn.in_transaction else self.conn.total_changes
        self.conn.begin()
        try:
            with self.db.atomic():
                yield
                self._learn_at_once()
                self.conn.insert()
        except BaseException as error:
            self.head, self._looked_at = before, looked_at
            if self._packer is not packer:
                self._pack_with(packer)
            self._begun = -1
            self.conn.back()
            if isinstance(error, sqlite3.Error):
                raise self.explained(error) or error from error
            raise
        self._begun = -1
        self.conn.end()
        if self.head.seq - self._marked_at >= mark.EVERY:
            self._write_mark()
        if self.head.seq >= self._learn_at and not self.conn.in_transaction:
            self._learn_words()

    # --- own words --------------------------------------------------------------------------------------------------

    def _take_up_words(self) -> None:
        """The newest words are packed with; each row's are in a file of their own, too."""
        packing.learn(self.conn)
        rows = self.conn.execute("SELECT seq, words FROM own_words ORDER BY seq").fetchall()
        rows = [(seq, packing.read_words(stored)) for seq, stored in rows]
        for _, words in rows:
            self._write_words(words)
        self._pack_with(packing.Packer(rows[-1][1]) if rows else None)
        self._learn_after = LEARN_EVERY
        self._learn_at = rows[-1][0] + LEARN_EVERY if rows else packing.SAMPLES

    def _write_words(self, words: bytes) -> bool:
        """Into their file, where that is not there; False when it cannot be."""
        file = self.path.with_name(packing.OWN_FILE.format(packing.id_of(words).hex()))
        try:
            if not file.is_file():
                private.replace(file, packing.pack(words))
        except OSError as error:
            log.warning("%s cannot be written: %s", file, error.strerror)
            return False
        return True

    def _pack_with(self, packer: packing.Packer | None) -> None:
        self._packer, self.conn.pack = packer, packer.pack if packer else packing.pack

    def _learn_words(self) -> None:
        """See whether the newest records are packed better with other words; what fails is tried again later, the more
        so the longer there was nothing to learn."""
        self._learn_after = min(2 * self._learn_after, LEARN_MOST)
        self._learn_at = self.head.seq + self._learn_after
        rows = self.conn.execute("SELECT body FROM events ORDER BY seq DESC LIMIT ?", (packing.SAMPLES,))
        better = packing.learnt([unpack(stored) for (stored,) in rows], self._packer)
        if better is None or not self._write_words(better.words):
            return
        try:
            with self.db.atomic():
                self._keep_words(better)
        except sqlite3.Error as error:
            log.warning("own words not kept: %s", error)
            return
        self._pack_with(better)

    def _learn_at_once(self) -> None:
        """A batch with many records of kinds that were not met yet teaches its own words, before it is packed."""
        bodies = self.conn.unpacked()
        if len(bodies) < packing.SAMPLES or self._looked_at >= (kinds := set(map(packing.kind_of, bodies))):
            return
        self._looked_at = self._looked_at | kinds
        better = packing.learnt(bodies[: packing.SAMPLES], self._packer, packing.WORTH_AT_ONCE)
        if better is not None and self._write_words(better.words):
            self._keep_words(better)
            self._pack_with(better)

    def _keep_words(self, packer: packing.Packer) -> None:
        """Inside the current transaction."""
        stored = packing.pack(packer.words)
        self.conn.execute("INSERT OR REPLACE INTO own_words VALUES (?, ?)", (self.head.seq, stored))
        packing.know(packer.words)
        self._learn_after = LEARN_EVERY
        self._learn_at = self.head.seq + LEARN_EVERY

    # --- writing, record by record ----------------------------------------------------------------------------------

    def explained(self, error: BaseException) -> LedgerFull | LedgerBroken | None:
        """What an error says of this ledger; None for one that says nothing of it."""
        return explained(error, self.path)

    def step(self) -> Step:
        """One command inside a batch: when it raises, its changes are undone and the batch goes on."""
        return Step(self)

    @property
    def untouched(self) -> bool:
        """Whether a batch has begun in which nothing has happened yet."""
        return self._begun == self.conn.total_changes and not self.depth and not self.conn.waits

    def next_code(self, kind: CodeKind) -> TraceCode:
        """A fresh code; it is used up by the next ``append`` of the same step."""
        head, number = self.head, kind.value
        serial = head.serials.get(number, 0) + 1
        self.head = Head(head.seq, head.prevhash, {**head.serials, number: serial}, head.unsynced_in)
        return TraceCode(self.signer.node, kind, self.signer.terminal, serial)

    def skip(self, seq: int, prevhash: str, serials: Mapping[int, int]) -> None:
        """The next record of this batch has this number, goes on from this hash, and its codes behind these."""
        self.head = replace(self.head, seq=seq - 1, prevhash=prevhash, serials=_later(self.head.serials, serials))

    def append(
        self,
        kind: str,
        subject: str,
        record: Record,
        stamp: Stamp,
        boot_id: str,
        *,
        lane: int = ORDINARY,
        operator: str = "",
        approved_by: str = "",
    ) -> Recorded:
        """Sign the record, chain it to the one before and insert it. Who ordered it and approved it are codes.

        Raises OtherLedger while ``held``.
        """
        if self.held is not None and kind != "ledger.restored":
            raise self.held
        if type(record) is not EVENTS[kind].record:
            raise TypeError(f"{kind} takes {EVENTS[kind].record.__name__}, not {type(record).__name__}")
        event_id, time = uuid7(stamp.seconds), stamp.text
        head = envelope.EventHead(
            event_id,
            self.signer.source,
            kind,
            subject,
            time,
            time,
            boot_id,
            stamp.state,
            operator,
            approved_by,
            str(int(stamp.up * 1000)),
            stamp.source,
        )
        seq = self.head.seq + 1
        data, written = record.written()
        body = envelope.seal_written(head, written, seq, self.head.prevhash, self.signer.key)
        serials = serials_text(self.head.serials)
        self.conn.add(Row(seq, lane, serials, body, bytes(self.room) if self.room else None))
        _keep(self._written, seq, Written(lane, event_id, kind, body), KEPT_WRITTEN)
        unsynced_in = "" if stamp.trusted else boot_id
        self.head = Head(seq, envelope.hash_of(body), self.head.serials, unsynced_in)
        return Recorded(seq, event_id, body, kind, subject, time, data)

    def note(self, seq: int, note: bytes) -> None:
        """Keep beside a record how it was asked for (``asked.py``); it is no part of what is signed.

        A note of just the ``room`` there was is written in its place; another one moves the row, which costs pages.
        """
        if row := self.conn.waiting(seq):
            row.asked = note
        else:
            self.conn.execute("UPDATE events SET asked = ? WHERE seq = ?", (note, seq))

    def time_went_back(self, seq: int) -> None:
        """The times of the records from this one on are earlier than those before."""
        self.conn.execute("INSERT INTO time_went_back VALUES (?)", (seq,))

    # --- reading ----------------------------------------------------------------------------------------------------

    def notes(self, upto: int, limit: int) -> list[tuple[int, bytes | None]]:
        """How the newest records up to this one were asked for, newest first."""
        rows = self.conn.execute(
            "SELECT seq, asked FROM events WHERE seq <= ? ORDER BY seq DESC LIMIT ?", (upto, limit)
        )
        return rows.fetchall()

    def note_of(self, seq: int) -> bytes:
        """How this record was asked for; empty when nothing was kept, or there is no such record."""
        row = self.conn.execute("SELECT asked FROM events WHERE seq = ?", (seq,)).fetchone()
        return bytes(row[0] or b"") if row else b""

    def seq_of(self, code: TraceCode) -> int | None:
        """The record that a code was first given in, by its serial; None for one that was not given here.

        Serials grow with the records, so some twenty rows are looked at, for a known code as for an unknown one.
        """
        ours = (code.node, code.terminal) == (self.signer.node, self.signer.terminal)
        if not ours or not 0 < code.serial <= self.head.serials.get(code.kind.value, 0):
            return None
        first = _first_with(self.conn, code, self.head.seq)
        if self.gone and first == self.gone + 1 and str(code).encode() not in self.body(first):
            return None  # of a record that is gone
        return first if first <= self.head.seq else None

    def refuse_gone(self, code: TraceCode) -> None:
        """Raises Refused for a code of this station whose record was kept its time and left the ledger."""
        ours = (code.node, code.terminal) == (self.signer.node, self.signer.terminal)
        given = ours and 0 < code.serial <= self.head.serials.get(code.kind.value, 0)
        removed = removed_of(self.conn) if given and self.gone and self.seq_of(code) is None else None
        if removed is not None:
            raise Refused(
                "record_gone",
                f"该编码的记录已从本机删除。{removed.zh}",
                f"the record of this code left this box: {removed.en}",
            )

    def look_for_gone(self) -> None:
        """Records were taken away."""
        self.gone = gone_upto(self.conn)

    def serials_at(self, seq: int) -> dict[int, int]:
        """The last serial of every code kind after this record, which is there."""
        return serials_of(self.conn.execute("SELECT serials FROM events WHERE seq = ?", (seq,)).fetchone()[0])

    def body(self, seq: int) -> bytes:
        """The bytes of a record; raises LookupError, and RecordGone for one that was kept its time."""
        ours = self._written.get(seq)
        return ours.body if ours else body_of(self.conn, seq)

    def written(self, seq: int) -> Written | None:
        """A record that was written a moment ago, as it is remembered."""
        return self._written.get(seq)

    def event(self, seq: int) -> dict[str, Any]:
        """A record's fields, not to be changed: the newest that were asked for are kept."""
        event = self._events.get(seq)
        if event is None:
            ours = self._written.get(seq)  # what was written by ourselves needs no look at its form
            event = json.loads(ours.body) if ours else envelope.read(body_of(self.conn, seq))
            _keep(self._events, seq, event, KEPT_EVENTS)
        return event

    def _read_head(self) -> Head:
        row = self.conn.execute("SELECT seq, serials, body FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            return Head()
        seq, serials, stored = row
        body = unpack(stored)
        try:
            counts = serials_of(serials)
        except ValueError as error:
            raise LedgerUnusable(damaged(self.path, f"record {seq}: {error}")) from None
        try:
            event = envelope.read(body)
            key = self.signer.knows(event)
            ours = kid_of(key).hex()
            if event["kid"] != ours and ours.encode() not in self._first():  # no flipped bit
                raise LedgerUnusable(_another_key(self.path, event["kid"], ours))
            envelope.verify(event, key, body)
            if event["type"] == key_events.TYPE and event["kid"] == kid_of(self.signer.key.public_key()).hex():
                raise LedgerUnusable(_cut_off(self.path))
            if int(event["sequence"]) != seq:
                raise envelope.BadEvent(f"it calls itself {int(event['sequence'])}")
        except envelope.BadEvent as error:  # the next record would continue bytes that the city has never seen
            raise LedgerUnusable(damaged(self.path, said(f"第 {seq} 条：{error}", f"record {seq}: {error}"))) from None
        return Head(seq, envelope.hash_of(body), counts, _unsynced_in(event))

    def _first(self) -> bytes:
        """The bytes of the oldest record."""
        row = self.conn.execute("SELECT body FROM events ORDER BY seq LIMIT 1").fetchone()
        return unpack(row[0]) if row else b""


def _keep(known: Known[int, V], seq: int, value: V, most: int) -> None:
    """The oldest goes, where there are so many."""
    if len(known) >= most:
        del known[next(iter(known))]
    known[seq] = value


def _first_with(conn: sqlite3.Connection, code: TraceCode, last: int) -> int:
    """The first record after which the serial of a code was given; one beyond the last when it was not."""
    first, last = 1, last + 1
    while first < last:
        middle = (first + last) // 2
        row = conn.execute("SELECT serials FROM events WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (middle,)).fetchone()
        if serials_of(row[0] if row else "").get(code.kind.value, 0) < code.serial:
            first = middle + 1
        else:
            last = middle
    return first


def seq_of_code(conn: sqlite3.Connection, code: TraceCode, last: int) -> int | None:
    """The record that a code was first given in, for readers, who do not know whose ledger it is."""
    first = _first_with(conn, code, last)
    row = conn.execute("SELECT body FROM events WHERE seq = ?", (first,)).fetchone()
    return first if row and str(code).encode() in unpack(row[0]) else None


def _mark_of(path: Path | None, allowed_by: str) -> mark.Mark:
    """What the mark asks of the ledger: nothing where there is none, or where a person allowed to go on without."""
    found = path and mark.read(path)
    if not path or not found:
        return mark.Mark()
    if not allowed_by:
        return found
    log.warning("%s lets the station go on without the %d records of its mark", allowed_by, found.records)
    path.rename(path.with_name(f"{path.name}.old"))
    return found.beyond()


def _later(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    return {kind: max(one.get(kind, 0), other.get(kind, 0)) for kind in {*one, *other}}


def behind(conn: sqlite3.Connection, path: Path, before: mark.Mark) -> str:
    """Why this ledger is not the one that was marked, with the way out; empty when it is."""
    if not before.records:
        return ""
    last = conn.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
    if last < before.records:
        return older(path, before, last)
    row = conn.execute("SELECT body FROM events WHERE seq = ?", (before.records,)).fetchone()
    if row is None or envelope.hash_of(unpack(row[0])) != before.hash:
        return said(
            f"{path}：这不是本站上次使用的账本（第 {before.records} 条记录不同）。{WAY_OUT_ZH}",
            f"{path}: not the ledger this station wrote last (record {before.records} is another one). {WAY_OUT_EN}",
        )
    return ""


WAY_OUT_ZH = (
    "数据盘没挂上、换了卡，或放回了旧备份？请挂上原来的数据目录；有备份时运行 marketedge ledger restore FILE。"
    "确实找不回来时，由负责人决定，运行一次：marketedge run --new-ledger 姓名"
)
WAY_OUT_EN = (
    "Is the disk not mounted, the card another one, an old copy put back? Mount the folder that was there before; with "
    "a backup run marketedge ledger restore FILE. If it is lost for good, a person decides it, once: "
    "marketedge run --new-ledger NAME"
)


def older(path: Path, before: mark.Mark, last: int) -> str:
    """What to say of a ledger that ends before its mark."""
    return said(
        f"{path}：账本{f'只到第 {last} 条' if last else '是空的'}，而本站已写过 {before.records} 条记录。{WAY_OUT_ZH}",
        f"{path}: the ledger {f'ends at record {last}' if last else 'is empty'}, but this station has written "
        f"{before.records} records. {WAY_OUT_EN}",
    )


def past(conn: sqlite3.Connection) -> Past:
    """What the records say of the time: where the clock goes on, and the last time it was believed.

    That one is looked for in the newest LOOK_BACK records: the last that was made synced or in holdover, or the last
    date that a person confirmed.  A record that cannot be read says nothing.
    """
    rows = conn.execute("SELECT body FROM events ORDER BY seq DESC LIMIT ?", (LOOK_BACK,))
    last: dict[str, Any] | None = None
    for (stored,) in rows:
        body = unpack(stored)
        if last and _UNSYNCED in body and _STEP not in body:
            continue
        try:
            event = envelope.read(body)
            seconds, believed = _seconds(event), _believed(event)
        except (ValueError, LookupError, TypeError):
            continue
        last = last or event
        if believed:
            return _past(last, seconds)
    return _past(last, None) if last else Past()


def _past(last: Mapping[str, Any], believed: float | None) -> Past:
    up = int(last["bootms"]) / 1000 if str(last.get("bootms", "")).isdecimal() else None
    return Past(_seconds(last), believed, _unsynced_in(last), str(last["bootid"]), up)


_UNSYNCED, _STEP = b'"clockstate":"unsynced"', envelope.type_of("clock.step").encode()


def _believed(event: Mapping[str, Any]) -> bool:
    confirmed = event["type"] == envelope.type_of("clock.step") and event["data"]["why"] == "confirmed"
    return bool(confirmed or event["clockstate"] != "unsynced")


def _seconds(event: Mapping[str, Any]) -> float:
    return parse_time(event["time"]).timestamp()


def _unsynced_in(event: Mapping[str, Any]) -> str:
    return str(event["bootid"]) if event["clockstate"] == "unsynced" else ""


def uuid7(seconds: float) -> str:
    """A UUID version 7 (RFC 9562): milliseconds since 1970, then 74 random bits."""
    time, chance = f"{int(seconds * 1000):012x}", os.urandom(10).hex()
    variant = "89ab"[int(chance[3], 16) & 3]
    return f"{time[:8]}-{time[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"


def open_writer(path: Path) -> Writer:
    """The file as it is written, made when it is not there. Its tables are `migrations`'."""
    os.close(private.open_file(path))  # the -wal and -shm that sqlite makes have its mode
    new = not path.stat().st_size
    conn = sqlite3.connect(path, factory=Writer)
    if new:
        conn.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA temp_store = MEMORY")  # what undoes a step, or sorts, never goes to the card
    teach(conn)
    conn.execute("PRAGMA busy_timeout = 1000")  # the board counts as dead after two seconds
    return conn


def last_of(conn: sqlite3.Connection) -> int:
    """The number of the newest record; 0 when there is none."""
    return int(conn.execute("SELECT max(seq) FROM events").fetchone()[0] or 0)


def fault(conn: sqlite3.Connection) -> str:
    """What SQLite finds wrong with the file, in its own words; empty when it is whole."""
    (found,) = conn.execute("PRAGMA quick_check(1)").fetchone()
    return "" if found == "ok" else str(found)


def body_of(conn: sqlite3.Connection, seq: int) -> bytes:
    """The bytes of a record; raises LookupError, of one that was kept its time RecordGone."""
    row = conn.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise RecordGone(seq) if 0 < seq <= gone_upto(conn) else LookupError(f"no record {seq}")
    return unpack(row[0])


def before(conn: sqlite3.Connection, seq: int) -> tuple[int, str]:
    """Number and hash of the record before this one; a ``ledger.restored`` may leave numbers out."""
    rows = conn.execute("SELECT seq, body FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,))
    for number, stored in rows:
        return number, envelope.hash_of(unpack(stored))
    return 0, envelope.FIRST_PREVHASH


def bodies_after(conn: sqlite3.Connection, after: int) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the records there are now behind this one, read in slices.

    Between two slices no read is open: whoever takes his time with what is written (a pager) would keep the station's
    write-ahead log growing, for it is emptied only behind the oldest reader.
    """
    last = last_of(conn)
    while rows := conn.execute(
        "SELECT seq, body FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?", (after, last, SLICE)
    ).fetchall():
        yield from ((seq, unpack(stored)) for seq, stored in rows)
        after = rows[-1][0]


def open_reader(folder: Path) -> Database:
    """A read-only connection for pages, exports and checks.

    Raises FileNotFoundError when there is no ledger, and LedgerUnusable.  On a medium that cannot be written it is read
    as it lies there; then records that are still in the ``-wal`` would be missed, so those are asked for.
    """
    path = folder / FILE
    with plainly(path):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no ledger yet; `marketedge run` makes it")
        if not path.stat().st_size:
            raise LedgerUnusable(damaged(path, said("文件是空的", "the file is empty")))
        try:
            return _reader(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if _code(error) not in _CANNOT or os.access(folder, os.W_OK) or not os.access(path, os.R_OK):
                raise
        wal = path.with_name(f"{FILE}-wal")
        if wal.is_file() and wal.stat().st_size:
            raise LedgerUnusable(
                said(
                    f"{folder}：目录只读，{wal.name} 里还有记录读不到。请把整个目录复制到可写的磁盘后再试",
                    f"{folder}: read-only, and records in {wal.name} would be missed. Copy the whole folder to a disk "
                    "that can be written, and look at the copy",
                )
            )
        return _reader(path, "mode=ro&immutable=1")


def _reader(path: Path, how: str) -> Database:
    conn = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True)
    try:
        teach(conn)
        conn.execute("SELECT seq FROM events LIMIT 1")  # sqlite looks at the file when it is asked
    except BaseException:
        conn.close()
        raise
    return Database(conn)


@contextmanager
def reading(folder: Path) -> Iterator[Database]:
    """A reader for one piece of work, closed at its end. Raises what ``open_reader`` raises, also for what is met
    later."""
    db = open_reader(folder)
    try:
        with plainly(folder / FILE):
            yield db
    finally:
        db.close()


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """What sqlite and the system say of this ledger becomes LedgerUnusable, with the next step."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnusable(why_unusable(path, error)) from error
    except (FileExistsError, NotADirectoryError):
        raise LedgerUnusable(
            said(
                f"{path.parent}：这不是目录（[station] data）。请写一个目录，或移走同名文件",
                f"{path.parent}: not a folder ([station] data). Name a folder, or move the file away",
            )
        ) from None
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise LedgerUnusable(_no_right(path)) from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise LedgerUnusable(_disk_fails(path, str(error.strerror))) from None
        raise


def _not_of_a_newer_program(path: Path, conn: sqlite3.Connection) -> None:
    """Raises LedgerUnusable: what a newer program wrote would be misread, and written as it must not be."""
    if not (newer := schema.beyond(conn)):
        return
    raise LedgerUnusable(
        said(
            f"{path}：由更新版本的程序写过（{newer[-1]}），本版本不能使用，文件未改动。请装回更新的版本；"
            "要用旧版本，只能恢复升级前的备份：marketedge ledger restore",
            f"{path}: a newer version wrote it ({newer[-1]}), and this one cannot use it; nothing was changed. Install "
            "the newer version again; the older one can only go on with a backup from before the upgrade: "
            "marketedge ledger restore",
        )
    )


_CANNOT = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})


def _code(error: sqlite3.Error) -> int:
    """sqlite's primary result code; 0 for what the Python module says itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def why_unusable(path: Path, error: sqlite3.Error) -> str:
    """One line with the next step."""
    code = _code(error)
    if code in HELD:
        return said(
            f"{path}：正被别的程序占用。请关掉备份或数据库工具后再试",
            f"{path}: another program holds it. Close the backup or database tool, and try again",
        )
    if code in _CANNOT and not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)):
        return _no_right(path)
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or disk_gone(path):
        return _disk_fails(path, str(error))
    return damaged(path, str(error))


def _disk_fails(path: Path, detail: str) -> str:
    return said(
        f"{path}：磁盘读写失败（{detail}）。请检查剩余空间和存储卡",
        f"{path}: the disk fails ({detail}). Check its free space, and the card",
    )


def _no_right(path: Path) -> str:
    return said(
        f"{path}：没有读写权限，或磁盘只读。请把整个目录交给运行本服务的用户（chown -R），并确认磁盘可写",
        f"{path}: no right to it, or the disk is read-only. Give the whole folder to the service's user (chown -R), "
        "and see that the disk can be written",
    )


def _another_key(path: Path, kid: str, ours: str) -> str:
    return said(
        f"{path}：最后一条记录由另一把密钥（{kid[:16]}）签名，本站密钥是 {ours}。请放回原来的 station.key；"
        "确实丢失时向平台另行登记一台，并换一个数据目录",
        f"{path}: its newest record is signed by another key ({kid[:16]}) than the station has ({ours}). Put the "
        "station.key back that it had; if that is lost, register another station, with a data folder of its own",
    )


def _cut_off(path: Path) -> str:
    return said(
        f"{path}：密钥更换被打断，旧密钥不能再签名。请放回 station.key.next（与 station.key 同目录），再启动",
        f"{path}: a change of the key was cut off, and the old one must not sign any more. Put station.key.next back "
        "beside station.key, and start again",
    )


def damaged(path: Path, detail: str) -> str:
    """What to say of a damaged ledger."""
    return said(
        f"{path}：账本文件已损坏（{detail}）。不要删除：先停止服务，把整个目录复制保存，再运行："
        f"marketedge ledger salvage {path} -o FILE，然后 marketedge ledger restore FILE；有更新的备份时直接恢复备份",
        f"{path}: the ledger is damaged ({detail}). Delete nothing: stop the service, keep a copy of the whole folder, "
        f"then run: marketedge ledger salvage {path} -o FILE, and marketedge ledger restore FILE; a newer backup is "
        "restored at once",
    )
