"""A ledger's own words: records get small by them, and are read wherever the ledger goes."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.records import packing
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


def firsts(folder: Path) -> list[int]:
    with closing(sqlite3.connect(folder / FILE)) as db:
        return [stored[0] for (stored,) in db.execute("SELECT body FROM events ORDER BY seq")]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("words-*.bin"))


def whole(folder: Path, home: Home) -> int:
    with closing(open_reader(folder)) as db:
        return verify(db, home.signer.key.public_key())[0]


def test_records_are_packed_with_what_the_first_ones_said(learnt: Home) -> None:
    marks = firsts(learnt.data)
    assert marks == [packing.DICTIONARY] * packing.SAMPLES + [packing.OWN] * (RECORDS - packing.SAMPLES)
    with closing(sqlite3.connect(learnt.data / FILE)) as db:
        sizes = [length for (length,) in db.execute("SELECT length(body) FROM events ORDER BY seq")]
    assert sum(sizes[-50:]) < packing.WORTH * sum(sizes[:50])
    assert whole(learnt.data, learnt) == RECORDS
    assert learnt.answers("verify", "--cores", "2")["records"] == RECORDS


def test_a_restart_goes_on_with_the_same_words(learnt: Home) -> None:
    (file,) = files(learnt.data)
    file.unlink()
    learnt.works(30)
    assert firsts(learnt.data)[-30:] == [packing.OWN] * 30
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
    assert firsts(new.data)[-3:] == [packing.OWN] * 3


def test_words_that_cannot_be_kept_are_not_used(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, records go on being written as before."""
    ledger = home.open()
    monkeypatch.setattr("edge.records.private.replace", full)
    home.write(ledger, packing.SAMPLES + 10)
    ledger.close()
    assert firsts(home.data) == [packing.DICTIONARY] * (packing.SAMPLES + 10)
    assert not files(home.data)


def full(path: Path, data: bytes) -> None:
    raise OSError(28, "No space left on device")
