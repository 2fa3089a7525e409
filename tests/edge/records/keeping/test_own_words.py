"""A ledger's own words: records get small by them, and are read wherever the ledger goes."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.records import packing
from edge.records.clock import Clock
from edge.records.ledger import FILE, Signer, bodies_after, open_reader
from edge.records.salvage import salvage
from edge.records.verify import verify

Home = Any  # the station of conftest.py
RECORDS = 150


@pytest.fixture
def learnt(home: Home) -> Home:
    """A ledger that has learnt its words, whose process is gone."""
    home.works(RECORDS)
    forget()
    return home


def forget() -> None:
    """As in a process that has opened no ledger yet."""
    packing._own.clear()
    packing._folders.clear()


def owns(folder: Path) -> list[bool]:
    """Which records are packed with own words."""
    with closing(sqlite3.connect(folder / FILE)) as db:
        return [stored[0] >= packing.SHORT for (stored,) in db.execute("SELECT body FROM events ORDER BY seq")]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("words-*.bin"))


def whole(folder: Path, home: Home) -> int:
    with closing(open_reader(folder)) as db:
        return verify(db, home.signer.key.public_key())[0]


def test_records_are_packed_with_what_the_first_ones_said(learnt: Home) -> None:
    assert owns(learnt.data) == [False] * packing.SAMPLES + [True] * (RECORDS - packing.SAMPLES)
    with closing(sqlite3.connect(learnt.data / FILE)) as db:
        sizes = [length for (length,) in db.execute("SELECT length(body) FROM events ORDER BY seq")]
    assert sum(sizes[-50:]) < packing.WORTH * sum(sizes[:50])
    assert whole(learnt.data, learnt) == RECORDS
    assert learnt.answers("verify", "--cores", "2")["records"] == RECORDS


def test_a_restart_goes_on_with_the_same_words(learnt: Home) -> None:
    (file,) = files(learnt.data)
    file.unlink()
    learnt.works(30)
    assert owns(learnt.data)[-30:] == [True] * 30
    assert files(learnt.data) == [file]
    assert whole(learnt.data, learnt) == RECORDS + 30


def test_records_with_other_words_are_learnt_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each time, and none where the words of before do."""
    monkeypatch.setattr("edge.records.ledger.LEARN_EVERY", 100)
    home.works(300)
    with closing(sqlite3.connect(home.data / FILE)) as db:
        assert db.execute("SELECT count(*) FROM own_words").fetchone() == (1,)
    ledger = home.open()
    ledger.signer = Signer(ledger.signer.key, "another-host." + "x" * 60, "410108009", "02")
    monkeypatch.setattr(packing, "WORTH", 0.99)
    home.write(ledger, 210)
    ledger.close()
    forget()
    with closing(sqlite3.connect(home.data / FILE)) as db:
        assert db.execute("SELECT count(*) FROM own_words").fetchone()[0] >= 2
    assert whole(home.data, home) == 510
    assert len(files(home.data)) >= 2


def test_another_process_learns_them_from_the_file(learnt: Home, tmp_path: Path) -> None:
    """It opened the ledger before they were learnt."""
    with closing(open_reader(learnt.data)) as db:
        packing._own.clear()
        assert len(dict(bodies_after(db.conn, 0))) == RECORDS
        assert verify(db, learnt.signer.key.public_key())[0] == RECORDS


def test_a_ledger_reads_without_the_file_and_salvage_without_the_row(learnt: Home, tmp_path: Path) -> None:
    key = learnt.signer.key.public_key()
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(learnt.data / FILE, alone)
    assert whole(alone, learnt) == RECORDS
    for number, hurt in enumerate(("DELETE FROM own_words", "UPDATE own_words SET words = x'7b'", "SELECT 1")):
        forget()
        damaged = tmp_path / f"damaged-{number}"
        shutil.copytree(learnt.data, damaged)
        with closing(sqlite3.connect(damaged / FILE)) as db:
            db.execute(hurt)
            db.commit()
        new = tmp_path / f"new-{number}" / FILE
        new.parent.mkdir()
        found = salvage(damaged / FILE, new, new.with_name("aside"), key, lambda done, total: None)
        assert (found.kept, found.aside) == (RECORDS, [])
        forget()
        assert whole(new.parent, learnt) == RECORDS


def test_a_restored_ledger_has_them(learnt: Home, another_home: Callable[[str], Home], tmp_path: Path) -> None:
    assert learnt.answers("backup", str(tmp_path / "kept.tar"), "--with-key")["broken"] == ""
    new = another_home("new")
    assert new.does("restore", str(tmp_path / "kept.tar"), "--person", "王敏", "--without-city").exit_code == 0
    forget()
    assert new.answers("verify")["records"] == RECORDS + 1
    new.works(3)
    assert files(new.data)
    assert owns(new.data)[-3:] == [True] * 3


def test_words_that_cannot_be_kept_are_not_used(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, records go on being written as before."""
    ledger = home.open()
    monkeypatch.setattr("edge.records.private.replace", full)
    home.write(ledger, packing.SAMPLES + 10)
    ledger.close()
    assert owns(home.data) == [False] * (packing.SAMPLES + 10)
    assert not files(home.data)


def full(path: Path, data: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_many_records_of_kinds_not_met_before_are_learnt_from_before_they_are_packed(home: Home) -> None:
    """Once: the next ones are packed with the same words. A batch that fails leaves none."""
    ledger, clock = home.open(), Clock("host")
    before = ledger.conn.pack

    def many() -> None:
        for number in range(packing.SAMPLES):
            home.enter(ledger, clock, number)

    with pytest.raises(RuntimeError), ledger.batch():
        many()
        ledger._learn_at_once()
        assert ledger.conn.pack != before
        raise RuntimeError
    assert (ledger.conn.pack, ledger.conn.execute("SELECT count(*) FROM own_words").fetchone()) == (before, (0,))
    for _ in range(2):
        with ledger.batch():
            many()
    ledger.close()
    assert owns(home.data) == [True] * 2 * packing.SAMPLES
    with closing(sqlite3.connect(home.data / FILE)) as db:
        assert db.execute("SELECT seq FROM own_words").fetchall() == [(packing.SAMPLES,)]
    forget()
    assert whole(home.data, home) == 2 * packing.SAMPLES


def test_words_lie_packed_and_were_not_always(learnt: Home) -> None:
    """In their row and in their file."""
    (file,) = files(learnt.data)
    stored = file.read_bytes()
    words = packing.unpack(stored)
    assert len(stored) < len(words) / 2
    with closing(sqlite3.connect(learnt.data / FILE)) as db, db:
        assert db.execute("SELECT words FROM own_words").fetchone() == (stored,)
        db.execute("UPDATE own_words SET words = ?", (words,))
    file.write_bytes(words)
    assert packing.files_in(learnt.data) == [words]
    assert whole(learnt.data, learnt) == RECORDS
    learnt.works(3)
    assert owns(learnt.data)[-3:] == [True] * 3


def test_words_that_would_be_taken_for_others_are_not_learnt(learnt: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_reader(learnt.data)) as db:
        newest = [packing.unpack(body) for (body,) in db.execute("SELECT body FROM events ORDER BY seq DESC LIMIT 64")]
    better = packing.learnt(newest, None)
    assert better is not None
    monkeypatch.setitem(packing._own, better.id[: packing.SHORT_ID], b"others")
    assert packing.learnt(newest, None) is None
