"""A ledger whose oldest records are gone: checked, backed up, restored, salvaged; and a checkpoint that is forged."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge.records import search
from edge.records.checkpoints import Checkpoint
from edge.records.clock import Clock
from edge.records.ledger import FILE, Ledger, LedgerBroken, bodies_after, open_reader
from edge.records.packing import pack, unpack
from edge.records.retention import Retention
from edge.records.salvage import salvage
from edge.records.verify import verify, verify_folder
from protocol.city.envelope import hash_of
from protocol.city.ledger_events import LedgerCheckpoint

Home = Any  # the station of conftest.py
TODAY = date(2030, 1, 1)
RECORDS = 60
UPTO = 40


def point(ledger: Ledger, upto: int) -> Checkpoint:
    """Record that the records up to this one may go."""
    clock, serials = Clock("host"), {str(kind): last for kind, last in ledger.serials_at(upto).items()}
    record = LedgerCheckpoint(upto=upto, hash=hash_of(ledger.body(upto)), serials=serials, months=24)
    with ledger.batch():
        recorded = ledger.append("ledger.checkpoint", "410108001-01", record, clock.now(), clock.boot_id)
        made = Checkpoint(recorded.seq, upto, record.hash)
        Retention(ledger.conn).pointed(made)
    return made


@pytest.fixture
def forgotten(home: Home) -> Home:
    """Records up to 40 may go; those up to 25 are gone."""
    ledger = home.open()
    home.write(ledger, RECORDS)
    point(ledger, UPTO)
    home.write(ledger, 5)
    with ledger.batch():
        ledger.conn.execute("DELETE FROM events WHERE seq <= 25")
    ledger.close()
    return home


def test_every_part_that_may_go_leaves_a_ledger_that_holds(forgotten: Home) -> None:
    """Whatever the number of records that are gone already, alone and by several processes."""
    key = forgotten.signer.key.public_key()
    with closing(sqlite3.connect(forgotten.data / FILE)) as db:
        for first in range(26, UPTO + 2):
            db.execute("DELETE FROM events WHERE seq < ?", (first,))
            db.commit()
            assert forgotten.answers("verify")["records"] == RECORDS + 6 - first + 1
    assert verify_folder(forgotten.data, key, lambda done, total: None)[0] == RECORDS + 6 - UPTO


def test_one_more_than_may_go_is_missed(forgotten: Home) -> None:
    with closing(sqlite3.connect(forgotten.data / FILE)) as db:
        db.execute("DELETE FROM events WHERE seq <= ?", (UPTO + 1,))
        db.commit()
    assert "record 41 is missing (the next one is 42)" in forgotten.answers("verify", code=1)["why"]


Forge = Callable[[sqlite3.Connection, random.Random], None]


def no_checkpoint(db: sqlite3.Connection, dice: random.Random) -> None:
    db.execute("DELETE FROM checkpoints")


def a_row_that_allows_more(db: sqlite3.Connection, dice: random.Random) -> None:
    upto = dice.randrange(UPTO + 1, RECORDS + 1)
    (stored,) = db.execute("SELECT body FROM events WHERE seq = ?", (upto,)).fetchone()
    db.execute("UPDATE checkpoints SET upto = ?, hash = ?", (upto, hash_of(unpack(stored))))
    db.execute("DELETE FROM events WHERE seq <= ?", (upto,))


def a_row_that_names_another_record(db: sqlite3.Connection, dice: random.Random) -> None:
    db.execute("UPDATE checkpoints SET seq = ?", (dice.randrange(26, RECORDS + 1),))


def a_record_that_allows_more(db: sqlite3.Connection, dice: random.Random) -> None:
    """Row and record agree, but the key has not signed it."""
    (body,) = (unpack(row[0]) for row in db.execute("SELECT body FROM events WHERE seq = ?", (RECORDS + 1,)))
    db.execute(
        "UPDATE events SET body = ? WHERE seq = ?", (pack(body.replace(b'"upto":40', b'"upto":50')), RECORDS + 1)
    )
    db.execute("UPDATE checkpoints SET upto = 50")


def another_record_in_its_place(db: sqlite3.Connection, dice: random.Random) -> None:
    """The last one that may go was altered and is still there."""
    (stored,) = db.execute("SELECT body FROM events WHERE seq = ?", (UPTO,)).fetchone()
    db.execute("DELETE FROM events WHERE seq < ?", (UPTO,))
    body = unpack(stored)
    db.execute("UPDATE events SET body = ? WHERE seq = ?", (pack(body.replace(b"\xe6", b"\xe7", 1)), UPTO))


def a_hole_among_what_may_go(db: sqlite3.Connection, dice: random.Random) -> None:
    db.execute("DELETE FROM events WHERE seq = ?", (dice.randrange(27, UPTO + 1),))


FORGERIES: list[Forge] = [
    *(no_checkpoint, a_row_that_allows_more, a_row_that_names_another_record, a_record_that_allows_more),
    *(another_record_in_its_place, a_hole_among_what_may_go),
]


@given(st.sampled_from(FORGERIES), st.randoms(use_true_random=False))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(a_row_that_allows_more, random.Random(1))
@example(a_record_that_allows_more, random.Random(1))
@example(another_record_in_its_place, random.Random(1))
@example(a_hole_among_what_may_go, random.Random(1))
@example(no_checkpoint, random.Random(1))
def test_a_forged_checkpoint_is_found(forgotten: Home, tmp_path: Path, forge: Forge, dice: random.Random) -> None:
    copy = tmp_path / "forged"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(forgotten.data, copy)
    with closing(sqlite3.connect(copy / FILE)) as db:
        forge(db, dice)
        db.commit()
    with closing(open_reader(copy)) as db, pytest.raises(LedgerBroken):
        verify(db, forgotten.signer.key.public_key())


def test_it_goes_on_after_a_restart_and_from_a_backup(
    forgotten: Home, another_home: Callable[[str], Home], tmp_path: Path
) -> None:
    forgotten.works(2)
    assert forgotten.answers("backup", str(tmp_path / "kept.tar"), "--with-key")["broken"] == ""
    new = another_home("new")
    new.does("restore", str(tmp_path / "kept.tar"), "--person", "王敏", "--without-city")
    said = new.answers("status")["kept"]
    assert (said["from_record"], said["may_be_gone_upto"], said["months"]) == (26, UPTO, 24)
    assert new.answers("verify")["ok"]


def test_what_is_left_of_a_damaged_one_begins_where_it_began(forgotten: Home, tmp_path: Path) -> None:
    """Also where its table of checkpoints is lost, and with a hole among what may go."""
    for number, hurt in enumerate(("SELECT 1", "DELETE FROM checkpoints", "DELETE FROM events WHERE seq = 30")):
        damaged = tmp_path / f"damaged-{number}"
        shutil.copytree(forgotten.data, damaged)
        with closing(sqlite3.connect(damaged / FILE)) as db:
            db.execute(hurt)
            db.commit()
        new = tmp_path / f"new-{number}" / FILE
        new.parent.mkdir()
        key = forgotten.signer.key.public_key()
        found = salvage(damaged / FILE, new, new.with_name("aside"), key, lambda done, total: None)
        assert (found.kept, found.aside) == (RECORDS + 6, [])
        with closing(open_reader(new.parent)) as db:
            kept = [seq for seq, _ in bodies_after(db.conn, 0)]
            assert kept == list(range(31 if number == 2 else 26, RECORDS + 7))
            assert verify(db, key)[0] == len(kept)


def test_records_are_found_and_listed_as_before(forgotten: Home) -> None:
    with closing(open_reader(forgotten.data)) as db:
        found = search.step(db.conn, search.Wanted(), page=500)
        assert [one.seq for one in found.found] == list(range(RECORDS + 6, 25, -1))
        assert (found.next, found.total) == (None, RECORDS + 6 - 25)
        code = json.loads(dict(bodies_after(db.conn, 25))[30])["subject"]
        assert [one.seq for one in search.step(db.conn, search.Wanted(code=code)).found] == [30]
    book = forgotten.folder / "book.csv"
    assert forgotten.does("export", "--as", "csv", "-o", str(book)).exit_code == 0
    assert len(book.read_text("utf-8-sig").splitlines()) == 1 + RECORDS + 6 - 25
