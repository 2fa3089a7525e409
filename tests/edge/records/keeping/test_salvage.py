"""What is left of a damaged ledger: everything up to the last good record is kept, the rest is named or put aside."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.commands import RegisterEntry
from edge.records import pages
from edge.records.ledger import FILE, LedgerBroken, bodies_after, open_reader
from edge.records.salvage import Salvaged, salvage
from edge.records.verify import verify
from protocol.city import envelope

Box = Any  # the station of tests/edge/conftest.py
RECORDS = 60


@dataclass
class Case:
    """A ledger file as a station left it, with all its records; ``damaged`` is a copy to be hurt."""

    file: Path
    key: Ed25519PrivateKey
    folder: Path

    def __post_init__(self) -> None:
        with closing(open_reader(self.file.parent)) as db:
            self.bodies = dict(bodies_after(db.conn, 0))
        self.damaged = self.folder / "damaged" / FILE
        self.tries = 0

    def fresh(self) -> Path:
        shutil.rmtree(self.damaged.parent, ignore_errors=True)
        self.damaged.parent.mkdir(parents=True)
        for ending in ("", "-wal"):
            if (part := self.file.with_name(f"{FILE}{ending}")).exists():
                shutil.copy(part, self.damaged.with_name(part.name))
        return self.damaged

    def salvaged(self) -> Salvaged:
        """Salvage, and hold what must be true of every outcome."""
        self.tries += 1
        self.new = self.folder / f"new-{self.tries}" / FILE
        self.new.parent.mkdir()
        self.aside = self.new.with_name("aside.jsonl")
        found = salvage(self.damaged, self.new, self.aside, self.key.public_key(), lambda done, total: None)
        with closing(open_reader(self.new.parent)) as db:
            count, _ = verify(db, self.key.public_key())
            kept = dict(bodies_after(db.conn, 0))
            assert db.conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert count == found.kept and kept == {seq: self.bodies[seq] for seq in range(1, found.kept + 1)}
        beside = self.aside.read_bytes().splitlines() if self.aside.exists() else []
        events = [envelope.read(line) for line in beside]
        numbers = [int(event["sequence"]) for event in events]
        assert numbers == [seq for first, last in found.aside for seq in range(first, last + 1)]
        assert all(body == self.bodies[seq] for seq, body in zip(numbers, beside, strict=True))
        lost = {seq for first, last in found.lost for seq in range(first, last + 1)}
        assert not lost & {*numbers} and not lost & {*kept}
        for later in self.bodies:
            if later <= max([found.kept, *numbers, *lost]):
                assert later in kept or later in numbers or later in lost
        shutil.rmtree(self.new.parent)
        return found


def copied(source: Path, to: Path) -> Path:
    to.mkdir()
    for ending in ("", "-wal"):
        part = source.with_name(f"{FILE}{ending}")
        if part.exists():
            shutil.copy(part, to / part.name)
    return to / FILE


@pytest.fixture
def case(box: Callable[..., Box], key: Ed25519PrivateKey, tmp_path: Path) -> Case:
    """Everything in the file, nothing in the log, as after a quiet night."""
    station = box()
    for number in range(RECORDS):
        station.does(RegisterEntry(product="01040201", net_g=1000 + number, origin="河南", supplier="李四"))
    station.ledger.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Case(copied(station.ledger.path, tmp_path / "copy"), key, tmp_path)


@pytest.fixture
def logged(box: Callable[..., Box], key: Ed25519PrivateKey, tmp_path: Path) -> Case:
    """Half in the file, half in the log, as at a power cut."""
    station = box()
    for number in range(RECORDS):
        if number == RECORDS // 2:
            station.ledger.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        station.does(RegisterEntry(product="01040201", net_g=1000 + number, origin="河南", supplier="李四"))
    return Case(copied(station.ledger.path, tmp_path / "copy"), key, tmp_path)


@pytest.mark.parametrize("how", ["case", "logged"])
def test_a_whole_ledger_is_kept_whole_with_every_row_of_every_table(how: str, request: pytest.FixtureRequest) -> None:
    one: Case = request.getfixturevalue(how)
    one.fresh()
    before = {part.name: part.read_bytes() for part in one.damaged.parent.iterdir()}
    new = one.folder / "whole" / FILE
    new.parent.mkdir()
    found = salvage(one.damaged, new, one.folder / "aside", one.key.public_key(), lambda done, total: None)
    assert found.whole and found.kept == len(one.bodies)
    assert {part.name: part.read_bytes() for part in one.damaged.parent.iterdir()} == before
    with closing(sqlite3.connect(one.damaged)) as old, closing(sqlite3.connect(new)) as db:
        tables = [name for (name,) in old.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        assert len(tables) > 40
        for name in tables:
            if name != "_sqlite_migrations":  # says when
                assert old.execute(f"SELECT * FROM {name}").fetchall() == db.execute(f"SELECT * FROM {name}").fetchall()
        schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
        assert old.execute(schema).fetchall() == db.execute(schema).fetchall()


@pytest.mark.slow
def test_cut_at_every_page_of_its_tail(case: Case) -> None:
    """The file ends earlier and earlier: what a disk that lied at a power cut leaves."""
    size, kept = case.file.stat().st_size, []
    for end in range(size - 512, size - 512 * 60, -512):
        with case.fresh().open("r+b") as file:
            file.truncate(end - 3 if end % 1024 else end)
        try:
            found = case.salvaged()
        except LedgerBroken:
            kept.append(0)
            continue
        kept.append(found.kept)
        assert found.unreadable or found.kept == len(case.bodies)
    assert kept[0] >= RECORDS - 2
    assert all(first - later < 10 for first, later in pairwise(kept) if first > later)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_pages_overwritten_anywhere(case: Case, seed: int) -> None:
    """What a dying card does to single blocks; also to the first page, and to inner pages of trees."""
    dice, count = random.Random(seed), case.file.stat().st_size // 512
    for _ in range(16):
        data = bytearray(case.fresh().read_bytes())
        hurt = [dice.randrange(count) for _ in range(dice.choice([1, 1, 2, 5, 20]))]
        for page in hurt:
            data[page * 512 : page * 512 + 512] = dice.choice(
                [dice.randbytes(512), bytes(512), b"\xff" * 512, data[:512], b"\x0d" + dice.randbytes(511)]
            )
        case.damaged.write_bytes(data)
        try:
            found = case.salvaged()
        except LedgerBroken:
            assert len(hurt) > 1 or count < 100
            continue
        there = found.kept + sum(last - first + 1 for first, last in found.aside)
        assert there >= len(case.bodies) - 2 * len(hurt)  # a page has at most the ends of two records


def test_a_record_that_is_lost_puts_those_behind_it_aside(case: Case) -> None:
    case.fresh()
    with closing(sqlite3.connect(case.damaged)) as db:
        db.execute("UPDATE events SET body = x'00' WHERE seq = 21")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = case.salvaged()
    assert (found.kept, found.lost) == (20, [(21, 21)])
    assert found.aside == [(22, len(case.bodies))]
    assert found.why.startswith("record 21: ")


@pytest.mark.slow
def test_a_log_that_was_cut(logged: Case) -> None:
    """At every frame, and in the middle of one: committed before is kept, and never more than there was."""
    wal = logged.file.with_name(f"{FILE}-wal").read_bytes()
    kept = []
    for end in [*range(32, len(wal), 4 * 536), *range(10, len(wal), 17 * 536)]:
        logged.fresh().with_name(f"{FILE}-wal").write_bytes(wal[:end])
        kept.append((end, logged.salvaged().kept))
        with closing(sqlite3.connect(logged.damaged)) as db:  # it reads the log as we do
            assert db.execute("SELECT max(seq) FROM events").fetchone()[0] == kept[-1][1]
    kept.sort()
    assert kept[0][1] >= RECORDS // 2 and kept[-1][1] >= len(logged.bodies) - 1
    assert [number for _, number in kept] == sorted(number for _, number in kept)


@pytest.mark.slow
def test_garbage_in_the_log_costs_no_record_that_is_whole_behind_it(logged: Case) -> None:
    wal = logged.file.with_name(f"{FILE}-wal").read_bytes()
    dice = random.Random(1)
    for _ in range(16):
        data, frame = bytearray(wal), dice.randrange((len(wal) - 32) // 536)
        place = 32 + frame * 536 + 24
        data[place : place + 512] = dice.randbytes(512)
        logged.fresh().with_name(f"{FILE}-wal").write_bytes(data)
        found = logged.salvaged()
        there = found.kept + sum(last - first + 1 for first, last in found.aside)
        assert there >= len(logged.bodies) - 2


def test_a_ledger_of_another_key_is_none_of_ours(case: Case) -> None:
    case.fresh()
    case.key = Ed25519PrivateKey.generate()
    with pytest.raises(LedgerBroken, match=r"没有本站密钥签名的记录.*signed by key"):
        case.salvaged()


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", bytes(5000), b"\x0d" * 3000, b"PK\x03\x04" * 700])
def test_what_is_no_ledger_is_told(case: Case, data: bytes) -> None:
    case.fresh().write_bytes(data)
    with pytest.raises(LedgerBroken, match="里面没有本站密钥签名的记录"):
        case.salvaged()


def test_rows_of_every_shape_are_read_as_sqlite_reads_them(tmp_path: Path) -> None:
    """Numbers of every width, texts and bytes over many pages, rows without rowid, page sizes."""
    dice = random.Random(7)
    for size in (512, 1024, 4096, 65536):
        path = tmp_path / f"{size}.db"
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA page_size = {size}")
            db.execute("CREATE TABLE one (a INTEGER PRIMARY KEY, b, c)")
            db.execute("CREATE TABLE two (a TEXT, b INTEGER, c BLOB, PRIMARY KEY (b, a)) WITHOUT ROWID")
            numbers = [0, 1, -1, 127, 128, -129, 1 << 23, -(1 << 31), 1 << 40, (1 << 63) - 1, -(1 << 63), 1.5, None]
            for row in range(300):
                text = "字" * dice.randrange(size)
                key = row if row % 3 else -(1 << 40) - row
                db.execute("INSERT INTO one VALUES (?, ?, ?)", (key, dice.choice(numbers), text))
                db.execute("INSERT INTO two VALUES (?, ?, ?)", (text[:50], row, dice.randbytes(dice.randrange(900))))
            db.commit()
            one = db.execute("SELECT a, b, c FROM one ORDER BY a").fetchall()
            two = db.execute("SELECT b, a, c FROM two ORDER BY b, a").fetchall()
        with pages.opened(path) as (file, _):
            roots = {row.values[1]: row.values[3] for row in file.tree(1)}
            assert [(row.rowid, *row.values[1:]) for row in file.tree(roots["one"])] == one
            assert [tuple(row.values) for row in file.tree(roots["two"])] == two
            assert not file.bad and file.claimed == file.last


def test_state_of_lots_is_kept_round_a_bad_page(case: Case) -> None:
    """A leaf of ``lots`` is gone: the others are there, and the table is named."""
    with pages.opened(case.fresh()) as (file, _):
        roots = {row.values[1]: row.values[3] for row in file.tree(1)}
        before = set(file.seen)
        rows = len(list(file.tree(roots["lots"])))
        leaf = max(number for number in file.seen - before if file.page(number)[0] == pages.LEAF_TABLE)  # type: ignore[index]
    data = bytearray(case.damaged.read_bytes())
    data[(leaf - 1) * 512 : leaf * 512] = bytes(512)
    case.damaged.write_bytes(data)
    new = case.folder / "lots" / FILE
    new.parent.mkdir()
    found = salvage(case.damaged, new, case.folder / "aside", case.key.public_key(), lambda done, total: None)
    assert (found.kept, found.tables_hurt) == (len(case.bodies), ["lots"])
    assert found.unreadable == [((leaf - 1) * 512, leaf * 512 - 1)]
    with closing(sqlite3.connect(new)) as db:
        assert rows - 8 <= db.execute("SELECT count(*) FROM lots").fetchone()[0] < rows


def test_numbers_that_the_mark_knows_are_named(case: Case) -> None:
    case.fresh()
    last = len(case.bodies)
    new = case.folder / "marked" / FILE
    new.parent.mkdir()
    found = salvage(
        case.damaged, new, case.folder / "aside", case.key.public_key(), lambda done, total: None, upto=last + 7
    )
    assert (found.kept, found.lost) == (last, [(last + 1, last + 7)])
    assert json.dumps(found.lost)
