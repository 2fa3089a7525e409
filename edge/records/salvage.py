"""What is left of a ledger whose file was cut short or has damaged pages: a new one, and what belongs to no new one.

Kept are the records up to the first that cannot be read, does not continue the one before or is not signed.  Signed
records behind that hole cannot continue the chain: they are put aside, as they are.  The other tables are read row by
row round what is damaged.  The damaged file is only read, and not by SQLite, which may alter or refuse it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from edge.between.tongue import said
from edge.records import packing, pages
from edge.records.checkpoints import Checkpoint
from edge.records.ledger import LedgerBroken, open_writer
from edge.records.migrations import ledger as schema
from edge.records.own_keys import Chains, OwnKeys, own_keys
from edge.records.packing import unpack
from edge.records.verify import CHECKPOINT, Links, checkpoint_in
from protocol.city.envelope import BadEvent
from protocol.ed25519 import PublicKey
from protocol.frozen import frozen

TOLD_EVERY = 1000  # records between two words of progress
Progress = Callable[[int, int], None]
Span = tuple[int, int]


@dataclass(slots=True)
class Salvaged:
    """What became of it. Spans are first and last, of numbers or of bytes in the file."""

    kept: int = 0  # records up to this one
    why: str = ""  # it ends there; empty when nothing is behind it
    aside: list[Span] = field(default_factory=list)
    lost: list[Span] = field(default_factory=list)
    unreadable: list[Span] = field(default_factory=list)
    rows_lost: dict[str, int] = field(default_factory=dict)  # table → rows that could be read and not be kept
    tables_hurt: list[str] = field(default_factory=list)  # some of their pages cannot be read

    @property
    def whole(self) -> bool:
        return not (self.why or self.aside or self.lost or self.unreadable or self.rows_lost or self.tables_hurt)


def salvage(
    damaged: Path,
    new: Path,
    aside: Path,
    key: PublicKey,
    progress: Progress,
    upto: int = 0,
    earlier: tuple[PublicKey, ...] = (),
) -> Salvaged:
    """Read ``damaged``, write ``new``, and ``aside``, a signed event a line, where there is something for it.

    ``upto`` is a number that is known to have been given, for example by the mark.  Raises OSError, and LedgerBroken
    where nothing there is a record of this key.
    """
    with pages.opened(damaged) as (file, beyond):
        found = Salvaged()
        roots = dict(_roots(file))
        db = Database(open_writer(new))
        try:
            db.execute("PRAGMA synchronous = OFF")  # it is put on the disk as a whole when it is done
            db.execute("PRAGMA foreign_keys = OFF")
            _schema(db, file, roots)
            with db.atomic():
                _tables(db, file, roots, found)
            with db.atomic():
                _own_words(db, damaged.parent)
            with db.atomic():
                _candidates(db, file, beyond, roots.get("events", 0))
            with db.atomic():
                keys = _keys(db, key, earlier)
                _keep(db, keys, found, progress)
                with aside.open("wb") as out:
                    _put_aside(db, keys, found, out.write)
                _name_lost(found, max(upto, _highest(db.conn, found)))
                db.execute("DELETE FROM events WHERE seq > ?", [found.kept])
                db.execute("DROP TABLE candidates")
            schema.take(db.conn)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            db.close()
        found.unreadable = _unreadable(file, len(file.file))
    if not aside.stat().st_size:
        aside.unlink()
    if not found.kept and not found.aside:
        raise LedgerBroken(
            said(
                f"{damaged}：里面没有本站密钥签名的记录" + (f"（{found.why}）" if found.why else ""),
                f"{damaged}: holds no record that this station's key signed" + (f" ({found.why})" if found.why else ""),
            )
        )
    return found


# --- tables -----------------------------------------------------------------------------------------------------------

_NAMES = "_sqlite_migrations"


def _roots(file: pages.Pages) -> Iterator[tuple[str, int]]:
    """Where each table begins, as far as the list of tables can be read."""
    rows = list(file.tree(1))
    if file.bad:  # its own pages may be anywhere
        rows += [row for number in range(1, file.last + 1) if number not in file.seen for row in file.leaf(number)]
    for row in rows:
        match row.values:
            case ["table", str() as name, str() as same, int() as root, str()] if name == same and root > 1:
                yield name, root


def _schema(db: Database, file: pages.Pages, roots: dict[str, int]) -> None:
    """The tables as they were in the damaged file, so that its rows fit: newer steps are taken with the rows in."""
    hurt = len(file.bad)
    names = [row.values[2] for row in _rows(file, roots.get(_NAMES, 0)) if row.values[1:2] == ["ledger"]]
    later = schema.names[len(names) :]
    whole = len(file.bad) == hurt and names == schema.names[: len(names)]
    known = names and whole  # else as it is today, which takes older rows, too
    if known and later:
        schema.apply(db, stop_before=later[0])
    else:
        schema.take(db.conn)


def _rows(file: pages.Pages, root: int) -> Iterable[pages.Row]:
    return file.tree(root) if root else ()


@frozen
class _Table:
    """How a table's rows are stored: the columns in that order, and the one that is the rowid."""

    name: str
    columns: list[str]
    rowid: str


def _stored(db: Database) -> Iterator[_Table]:
    tables = db.query("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    for table in list(tables):
        name, without = table["name"], bool(table["wr"])
        if name in ("events", "candidates", _NAMES) or (name.startswith("sqlite_") and name != "sqlite_sequence"):
            continue
        columns = list(db.query(f"SELECT name, type, pk FROM pragma_table_info('{name}') ORDER BY cid"))
        keys = [one["name"] for one in sorted(columns, key=lambda one: one["pk"]) if one["pk"]]
        names = [one["name"] for one in columns]
        if without:
            yield _Table(name, [*keys, *(one for one in names if one not in keys)], "")
        else:
            alias = [one["name"] for one in columns if one["pk"] and one["type"] == "INTEGER"]
            yield _Table(name, names, alias[0] if len(keys) == 1 and alias else "rowid")


def _tables(db: Database, file: pages.Pages, roots: dict[str, int], found: Salvaged) -> None:
    """Every row that can be read into the table it is of; where some could not, the table is named."""
    for table in list(_stored(db)):
        hurt, lost = len(file.bad), 0
        if table.name != "sqlite_sequence" and table.name not in roots:
            found.tables_hurt.append(table.name)
        for row in _rows(file, roots.get(table.name, 0)):
            lost += not _insert(db.conn, table, row)
        if len(file.bad) > hurt:
            found.tables_hurt.append(table.name)
        if lost:
            found.rows_lost[table.name] = lost


def _own_words(db: Database, folder: Path) -> None:
    """What the records are packed with: of the rows that are whole, and of the files beside the damaged one."""
    if "own_words" not in db.table_names():
        return
    packing.learn(db.conn)
    there = [packing.read_words(stored) for (stored,) in db.execute("SELECT words FROM own_words").fetchall()]
    for words in packing.files_in(folder):
        packing.know(words)
        if words not in there:  # in front of those that are used
            seq = (db.execute("SELECT min(seq) FROM own_words").fetchone()[0] or 0) - 1
            db.execute("INSERT INTO own_words VALUES (?, ?)", [seq, packing.pack(words)])


def _insert(conn: sqlite3.Connection, table: _Table, row: pages.Row) -> bool:
    if not 0 < len(row.values) <= len(table.columns):
        return False
    stored: dict[str, Any] = dict(zip(table.columns, row.values, strict=False))
    if table.rowid:
        stored[table.rowid] = row.rowid
    places = ", ".join("?" * len(stored))
    try:
        conn.execute(f"INSERT OR REPLACE INTO {table.name} ({', '.join(stored)}) VALUES ({places})", [*stored.values()])
    except (sqlite3.Error, OverflowError):
        return False
    return True


# --- records ----------------------------------------------------------------------------------------------------------


def _candidates(db: Database, file: pages.Pages, beyond: pages.Pages, root: int) -> None:
    """Everything that may be a record: in its place in ``events``, or among ``candidates``, of which many may be."""
    db.execute("CREATE TABLE candidates (seq INTEGER, lane INTEGER, serials TEXT, body BLOB, asked BLOB)")
    for row in _rows(file, root):
        if event := _event(row):
            placed = db.conn.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", event).rowcount
            if not placed:  # what is damaged may name another record's number
                db.conn.execute("INSERT INTO candidates VALUES (?, ?, ?, ?, ?)", event)
    if file.bad or not root or file.claimed != file.last:
        unseen = (number for number in range(1, file.last + 1) if number not in file.seen)
        _carve(db.conn, file, unseen)
    if len(beyond.log) > len(file.log) or beyond.log != file.log:
        _carve(db.conn, beyond, sorted(beyond.log))
    db.execute("CREATE INDEX candidates_seq ON candidates (seq)")


def _carve(conn: sqlite3.Connection, file: pages.Pages, numbers: Iterable[int]) -> None:
    for number in numbers:
        for row in file.leaf(number):
            if event := _event(row):
                conn.execute("INSERT INTO candidates VALUES (?, ?, ?, ?, ?)", event)


def _event(row: pages.Row) -> tuple[Any, ...] | None:
    match row.values:
        case [None, int() as lane, str() as serials, bytes() as body, *asked] if row.rowid > 0 and len(asked) < 2:
            note = asked[0] if asked and isinstance(asked[0], bytes) else None
            return row.rowid, lane, serials, body, note
    return None


def _keys(db: Database, key: PublicKey, earlier: tuple[PublicKey, ...]) -> OwnKeys:
    """The station's keys, as far as what is left tells."""
    try:
        return own_keys(db.conn, key, earlier)
    except LedgerBroken:
        return OwnKeys.one(key)


def _keep(db: Database, keys: OwnKeys, found: Salvaged, progress: Progress) -> None:
    """The records up to the first that does not hold."""
    point = _checkpoint(db, keys)
    links, last = Links(keys, point), db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
    links.begin_at(_next_placed(db.conn, 0))
    while True:
        why = ""
        for seq, lane, serials, stored, asked, placed in _choice(db.conn, links):
            try:
                links.take(seq, lane, serials, unpack(stored))
            except LedgerBroken as broken:
                why = why or str(broken)
                continue
            if not placed:
                db.conn.execute(
                    "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)", (seq, lane, serials, stored, asked)
                )
            break
        else:
            following = _next_placed(db.conn, links.last + 1)
            if point and following and links.last < point.upto:  # a hole where records may be missing
                db.execute("DELETE FROM events WHERE seq < ?", [following])
                links.begin_at(following)
                continue
            found.kept, found.why = links.last, why
            return
        if links.last % TOLD_EVERY == 0:
            progress(links.last, max(last, links.last))


def _next_placed(conn: sqlite3.Connection, seq: int) -> int:
    """The next number from this one on that stands in its place; 0 when there is none."""
    return int(conn.execute("SELECT min(seq) FROM events WHERE seq >= ?", (seq,)).fetchone()[0] or 0)


def _checkpoint(db: Database, keys: OwnKeys) -> Checkpoint | None:
    """The newest signed record by which older ones may be missing, wherever it lies; noted in its table again."""
    if "checkpoints" not in db.table_names():
        return None  # a file of an older version, which forgot nothing
    db.execute("DELETE FROM checkpoints")
    rows = db.conn.execute(
        "SELECT seq, body FROM (SELECT seq, body FROM events UNION ALL SELECT seq, body FROM candidates)"
        " WHERE instr(unpacked(body), ?) > 0 ORDER BY seq DESC",
        (CHECKPOINT.encode(),),
    )
    for _, stored in rows:
        body = unpack(stored)
        try:
            Chains(keys).link(body)
            if (point := checkpoint_in(body)) is not None:
                db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", [point.seq, point.upto, point.hash])
                return point
        except (ValueError, LookupError):
            continue
    return None


def _choice(conn: sqlite3.Connection, links: Links) -> list[tuple[int, int, str, bytes, bytes | None, int]]:
    """What may be the next record, the one in its place first; a ``ledger.restored`` may leave numbers out."""
    rows: list[tuple[int, int, str, bytes, bytes | None, int]] = []
    for placed, table in ((1, "events"), (0, "candidates")):
        rows += conn.execute(
            f"SELECT seq, lane, serials, body, asked, {placed} FROM {table}"
            f" WHERE seq = (SELECT min(seq) FROM {table} WHERE seq > ?)",
            (links.last,),
        )
    return rows


def _put_aside(db: Database, keys: OwnKeys, found: Salvaged, write: Callable[[bytes], Any]) -> None:
    """Signed records behind the last that was kept."""
    rows = db.execute(
        "SELECT DISTINCT seq, body FROM (SELECT seq, body FROM events UNION ALL SELECT seq, body FROM candidates)"
        " WHERE seq > ? ORDER BY seq",
        [found.kept],
    )
    chains = Chains(keys)
    for seq, stored in rows:
        body = unpack(stored)
        try:
            if chains.link(body).sequence != seq:
                continue
        except BadEvent:
            continue
        write(body + b"\n")
        _add(found.aside, seq)
    if found.aside and not found.why:
        found.why = f"record {found.kept + 1} is missing"


def _add(spans: list[Span], number: int) -> None:
    if spans and number <= spans[-1][1] + 1:
        spans[-1] = (spans[-1][0], number)
    else:
        spans.append((number, number))


def _highest(conn: sqlite3.Connection, found: Salvaged) -> int:
    """The last number that was certainly given: kept, put aside, had by the city, or of a row that follows at once."""
    delivered = conn.execute("SELECT upto FROM delivery").fetchone()
    known = max(found.kept, found.aside[-1][1] if found.aside else 0, delivered[0] if delivered else 0)
    rows = "SELECT seq FROM events WHERE seq > ? UNION SELECT seq FROM candidates WHERE seq > ? ORDER BY seq"
    for (seq,) in conn.execute(rows, (known, known)):
        if seq != known + 1:
            break
        known = seq
    return known


def _name_lost(found: Salvaged, known: int) -> None:
    """Numbers that were given and of which nothing is left."""
    following = found.kept + 1
    for first, last in [*found.aside, (known + 1, known + 1)]:
        if first > following:
            found.lost.append((following, first - 1))
        following = last + 1


def _unreadable(file: pages.Pages, length: int) -> list[Span]:
    """Which bytes of the file could not be read, with those that are cut off."""
    spans: list[Span] = []
    missing = range(length // file.size + 1, file.claimed + 1) if file.claimed > length // file.size else ()
    for number in sorted({*file.bad, *(one for one in missing if one not in file.log)}):
        first, last = (number - 1) * file.size, number * file.size - 1
        if spans and first == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return spans
