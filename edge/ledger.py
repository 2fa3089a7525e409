"""The ledger: every record of the station in one SQLite file, signed, chained, and on disk before anybody is told.

WAL with ``synchronous=FULL``: a market loses power.  Small pages, because every page touched is written twice and SD
cards die of it.  One thread opens it for writing and keeps it; another one that tries gets an error from sqlite3.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlite_utils import Database

from edge.clock import Past, Stamp, parse_time
from edge.migrations import ledger as migrations
from protocol.city import envelope
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.events import EVENT_TYPES, Record

FILE = "ledger.db"
PAGE_SIZE = 512
ORDINARY, ALARM = 0, 1
LOOK_BACK = 5000  # records searched for the last one whose time was believed
log = logging.getLogger("ledger")


class LedgerFull(OSError):
    """The ledger takes nothing now, because the disk does not: nothing of this batch was recorded.

    ``code``, ``zh`` and ``en`` are what people and programs are told.
    """

    code, zh, en = "disk_full", "磁盘已满，未记录。请联系技术员", "not recorded: the disk is full"


class LedgerHeld(LedgerFull):
    """Another program holds the ledger: nothing of this batch was recorded."""

    code = "ledger_held"
    zh = "另一程序占用了账本，未记录。请关闭备份等程序后再按"
    en = "not recorded: another program holds the ledger; end it, then press again"


class LedgerBroken(ValueError):
    """The file does not hold what this station wrote; the message names the first record that fails."""


NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
PRIMARY = 0xFF  # the low byte of an SQLite error code is its kind


def explained(error: BaseException, path: Path) -> LedgerFull | LedgerBroken | None:
    """What an error says of the ledger itself and not of the work that met it, with the next step; None if nothing."""
    if isinstance(error, LedgerFull | LedgerBroken):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY
    if code in NO_ROOM:
        return LedgerFull(f"{path}: {error}; free some space on the disk")
    if code in HELD:
        return LedgerHeld(f"{path}: another program holds the ledger ({error}); end it, for example a backup")
    if code in DAMAGED:
        return LedgerBroken(
            f"{path}: {error}; the ledger is damaged: put back a backup, or move the file away to begin anew. "
            "Records that the city has confirmed are safe there"
        )
    return None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that was appended; it counts once the batch is committed."""

    seq: int
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: last sequence, hash for the next one, last serial of each code kind.

    ``unsynced_in`` is the boot the last record was made in, when its clock was unsynced.
    """

    seq: int = 0
    prevhash: str = envelope.FIRST_PREVHASH
    serials: Mapping[int, int] = field(default_factory=dict)
    unsynced_in: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the station's key and the names that stand in every envelope."""

    key: Ed25519PrivateKey
    host: str
    node: str
    terminal: str

    @property
    def source(self) -> str:
        return f"https://{self.host}/edge/{self.node}-{self.terminal}"


class Ledger:
    """Open for writing. Use ``with ledger.batch():`` around each group of changes: one transaction, one fsync."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        """Raises LedgerBroken when the file cannot be trusted, and LedgerFull when it cannot be used now."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.signer = signer
        try:
            self.db = _open(self.path)
            migrations.apply(self.db)
            self.conn: sqlite3.Connection = self.db.conn
            self.head = self._read_head()
        except sqlite3.Error as error:
            raise self.explained(error) or error from None

    def close(self) -> None:
        self.db.close()

    # --- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction. Rolls back and raises LedgerFull when the disk is full, LedgerHeld when another program
        holds the file and LedgerBroken when it is damaged; nothing of it stays."""
        before = self.head
        try:
            with self.db.atomic():
                yield
        except sqlite3.Error as error:
            self.head = before
            raise self.explained(error) or error from error
        except BaseException:
            self.head = before
            raise

    def explained(self, error: BaseException) -> LedgerFull | LedgerBroken | None:
        """What an error says of this ledger; None for one that says nothing of it."""
        return explained(error, self.path)

    @contextmanager
    def step(self) -> Iterator[None]:
        """One command inside a batch: when it raises, its changes are undone and the batch goes on."""
        before = self.head
        try:
            with self.db.atomic():
                yield
        except BaseException:
            self.head = before
            raise

    def next_code(self, kind: CodeKind) -> TraceCode:
        """A fresh code; it is used up by the next ``append`` of the same step."""
        serial = self.head.serials.get(kind.value, 0) + 1
        self.head = replace(self.head, serials={**self.head.serials, kind.value: serial})
        return TraceCode(self.signer.node, kind, self.signer.terminal, serial)

    def append(
        self, kind: str, subject: str, record: Record, stamp: Stamp, boot_id: str, *, lane: int = ORDINARY
    ) -> Recorded:
        """Sign the record, chain it to the one before and insert it."""
        if type(record) is not EVENT_TYPES[kind]:
            raise TypeError(f"{kind} takes {EVENT_TYPES[kind].__name__}, not {type(record).__name__}")
        event_id = uuid7(stamp.seconds)
        head = envelope.Head(event_id, self.signer.source, kind, subject, stamp.text, stamp.text, boot_id, stamp.state)
        seq = self.head.seq + 1
        body = envelope.seal(head, record.model_dump(mode="json"), seq, self.head.prevhash, self.signer.key)
        serials = " ".join(f"{kind}:{serial}" for kind, serial in sorted(self.head.serials.items()))
        self.conn.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (seq, lane, serials, body))
        unsynced_in = "" if stamp.trusted else boot_id
        self.head = Head(seq, envelope.hash_of(body), self.head.serials, unsynced_in)
        return Recorded(seq, event_id, body)

    # --- reading ----------------------------------------------------------------------------------------------------

    def body(self, seq: int) -> bytes:
        """The stored bytes of a record; raises LookupError."""
        row = self.conn.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()
        if row is None:
            raise LookupError(f"no record {seq}")
        return bytes(row[0])

    def event(self, seq: int) -> dict[str, Any]:
        return envelope.read(self.body(seq))

    def _read_head(self) -> Head:
        row = self.conn.execute("SELECT seq, serials, body FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            return Head()
        seq, serials, body = row
        try:
            counts = {int(kind): int(serial) for kind, _, serial in (part.partition(":") for part in serials.split())}
        except ValueError:
            raise LedgerBroken(
                f"{self.path}: record {seq} does not say which codes were given out; put back a backup, or move the "
                "file away to begin anew"
            ) from None
        try:
            unsynced_in = _unsynced_in(envelope.read(body))
        except envelope.BadEvent as error:  # the chain goes on from its bytes, whatever they say
            log.error("record %d cannot be read: %s", seq, error)
            unsynced_in = ""
        return Head(seq, envelope.hash_of(body), counts, unsynced_in)


def past(conn: sqlite3.Connection) -> Past:
    """What the records say of the time: where the clock goes on, and the last time it was believed.

    That one is looked for in the newest LOOK_BACK records: the last that was made synced or in holdover, or the last
    date that a person confirmed.  A record that cannot be read says nothing.
    """
    rows = conn.execute("SELECT body FROM events ORDER BY seq DESC LIMIT ?", (LOOK_BACK,))
    last: dict[str, Any] | None = None
    for (body,) in rows:
        if last and _UNSYNCED in body and _STEP not in body:
            continue
        try:
            event = envelope.read(bytes(body))
            seconds, believed = _seconds(event), _believed(event)
        except (ValueError, LookupError, TypeError):
            continue
        last = last or event
        if believed:
            return Past(_seconds(last), seconds, _unsynced_in(last))
    return Past(_seconds(last), None, _unsynced_in(last)) if last else Past()


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
    number = int(seconds * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _open(path: Path) -> Database:
    new = not path.exists()
    db = Database(path)
    if new:
        db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA busy_timeout = 1000")  # the board counts as dead after two seconds
    return db


def open_reader(folder: Path) -> Database:
    """A read-only connection for pages, exports and checks; raises FileNotFoundError when there is no ledger."""
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no ledger yet; `marketedge run` makes it")
    conn = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    return Database(conn)


def verify(db: Database, signer_key: Any) -> tuple[int, str]:
    """Check every record's signature, chain and sequence. Answers their number and the last hash.

    Raises LedgerBroken naming the first record that does not hold.
    """
    expected, previous = 1, envelope.FIRST_PREVHASH
    for seq, body in db.conn.execute("SELECT seq, body FROM events ORDER BY seq"):
        if seq != expected:
            raise LedgerBroken(f"record {expected} is missing (the next one is {seq})")
        try:
            event = envelope.read(bytes(body))
            envelope.verify(event, signer_key)
        except envelope.BadEvent as error:
            raise LedgerBroken(f"record {seq}: {error}") from None
        if int(event["sequence"]) != seq:
            raise LedgerBroken(f"record {seq} calls itself {int(event['sequence'])}")
        if event["prevhash"] != previous:
            raise LedgerBroken(f"record {seq} does not continue record {seq - 1}")
        previous = envelope.hash_of(bytes(body))
        expected += 1
    return expected - 1, previous
