"""A backup put back: it goes on behind what the city has, no number and no code is given twice, nothing is deleted."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.city import asked_once
from edge.records import mark
from edge.records import restore as restores
from edge.records.delivery import Delivery
from edge.records.ledger import FILE, LedgerUnusable, bodies_after, reading
from edge.records.lock import DataInUse, Lock
from edge.records.packing import pack, unpack
from edge.records.photos import PhotoFiles
from edge.records.shelf import Shelf
from edge.records.verify import verify
from protocol.city import envelope
from protocol.city.codes import TraceCode

Home = Any  # of conftest.py


def end(home: Home) -> tuple[int, dict[str, Any], int]:
    """Number of records and last event of a ledger whose every record holds; and how far it is delivered."""
    with reading(home.data) as db:
        count, _ = verify(db, home.signer.key.public_key())
        *_, (_, body) = bodies_after(db.conn, 0)
        return count, envelope.read(body), Delivery(db.conn).upto()


def move_key(old: Home, new: Home) -> None:
    for name in ("station.key", "station.pub"):
        shutil.copy(old.folder / name, new.folder / name)


def test_a_card_died_and_a_new_one_goes_on(
    home: Home, another_home: Callable[[str], Home], tmp_path: Path, city: Any
) -> None:
    """Backup at 20, the city has 26, the card dies at 30: four sales are lost, and nothing is given twice."""
    first = home.works(20)
    file = str(tmp_path / "b.tar")
    home.answers("backup", file)
    later = home.works(10)
    city.takes(home, 26)
    new = another_home("new")
    move_key(home, new)
    answer = new.answers("restore", file, "--person", "王敏")
    assert city.asked == [20]
    assert (answer["records"], answer["city"]) == (20, 26)
    count, event, delivered = end(new)
    assert count == 21 and event["type"].endswith(".ledger.restored.v1")
    number = int(event["sequence"])
    assert number > 30 and answer["left_out"] == [21, number - 1]
    assert event["prevhash"] == envelope.hash_of(city.bodies[26])
    data = event["data"]
    assert (data["city_sequence"], data["own_sequence"], data["person"]) == (26, 20, "王敏")
    assert delivered == number - 1
    assert Shelf(new.data, new.signer.key.public_key()).record(number).proof.chain == ""
    ledger = new.open()
    (code,) = new.write(ledger, 1)
    assert ledger.head.seq == number + 1
    ledger.close()
    assert TraceCode.parse(code).serial > max(TraceCode.parse(one).serial for one in [*first, *later])
    assert end(new)[0] == 22


def test_what_the_backup_has_and_the_city_lacks_is_kept_and_goes_on(
    home: Home, another_home: Callable[[str], Home], tmp_path: Path, city: Any
) -> None:
    home.works(20)
    city.takes(home, 12)
    home.answers("backup", str(tmp_path / "b.tar"))
    new = another_home("new")
    move_key(home, new)
    new.answers("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    count, event, _ = end(new)
    assert count == 21 and event["data"]["own_sequence"] == 20 and event["data"]["city_sequence"] == 12
    with reading(new.data) as db:
        assert {*Delivery(db.conn).aside()} == set(range(1, 21))


def test_without_the_city_nothing_is_restored_unless_somebody_says_so(home: Home, tmp_path: Path, city: Any) -> None:
    codes = home.works(5)
    home.answers("backup", str(tmp_path / "b.tar"))
    later = home.works(3)
    (home.data / FILE).unlink()
    city.away = True
    before = sorted(one.name for one in home.data.iterdir())
    done = home.does("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    assert done.exit_code == 1 and "the city does not answer" in done.output
    assert (
        sorted(one.name for one in home.data.iterdir()) == before and not home.data.with_name("data.restoring").exists()
    )
    answer = home.answers("restore", str(tmp_path / "b.tar"), "--person", "王敏", "--without-city")
    assert answer["city"] is None
    count, event, _ = end(home)
    assert count == 6 and int(event["sequence"]) > 8 + mark.SPARE and "未问平台" in event["data"]["why"]
    ledger = home.open()
    serial = TraceCode.parse(home.write(ledger, 1)[0]).serial
    ledger.close()
    assert serial > TraceCode.parse(later[-1]).serial + mark.SPARE - 1 and len(codes) == 5


def test_the_real_question_says_why_there_is_no_answer(home: Home, tmp_path: Path, monkeypatch: Any) -> None:
    """Nobody listens at the broker's address."""
    monkeypatch.setattr(asked_once, "BROKER_SECONDS", 0.5)
    text = home.config.read_text("utf-8")
    start = text.index("brokers = ")
    home.config.write_text(text.replace(text[start : text.index("\n", start)], 'brokers = ["mqtt://127.0.0.1:1"]'))
    home.works(1)
    home.answers("backup", str(tmp_path / "b.tar"))
    done = home.does("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    assert done.exit_code == 1 and "--without-city" in done.output and "平台没有回答" in done.output


def test_what_lay_there_is_kept_beside(home: Home, tmp_path: Path, city: Any) -> None:
    """An older copy was put back, and a file nobody can read: both stay, in folders of their own."""
    home.works(4)
    shutil.copy(home.data / FILE, tmp_path / "older.db")
    home.works(4)
    home.answers("backup", str(tmp_path / "b.tar"))
    city.takes(home, 8)
    shutil.copy(tmp_path / "older.db", home.data / FILE)
    with pytest.raises(LedgerUnusable, match="restore FILE"):
        home.open()
    home.answers("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    (home.data / FILE).write_bytes(b"nothing of ours")
    home.answers("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    assert (home.data / "replaced-1" / FILE).read_bytes() == (tmp_path / "older.db").read_bytes()
    assert (home.data / "replaced-2" / FILE).read_bytes() == b"nothing of ours"
    home.open().close()


def test_a_newer_ledger_is_not_replaced_by_an_older_backup(home: Home, tmp_path: Path, city: Any) -> None:
    home.works(4)
    home.answers("backup", str(tmp_path / "b.tar"))
    home.works(1)
    done = home.does("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    assert done.exit_code == 1 and "已有 5 条记录，比备份（4 条）新" in done.output
    assert end(home)[0] == 5


def test_a_backup_of_another_key_is_refused_and_one_with_its_key_brings_it(
    home: Home, another_home: Callable[[str], Home], tmp_path: Path, city: Any
) -> None:
    home.works(3)
    city.takes(home, 3)
    home.answers("backup", str(tmp_path / "plain.tar"))
    home.does("backup", str(tmp_path / "key.tar"), "--with-key")
    new = another_home("new")
    own = new.key_file.read_bytes()
    done = new.does("restore", str(tmp_path / "plain.tar"), "--person", "王敏")
    assert done.exit_code == 1 and "由另一把密钥签名" in done.output
    new.answers("restore", str(tmp_path / "key.tar"), "--person", "王敏")
    assert new.key_file.read_bytes() == home.key_file.read_bytes()
    assert (new.data / "replaced-1" / "station.key").read_bytes() == own
    assert new.key_file.stat().st_mode & 0o077 == 0
    assert end(new)[0] == 4


def test_photos_come_back(
    home: Home, another_home: Callable[[str], Home], tmp_path: Path, city: Any, a_photo: Callable[..., bytes]
) -> None:
    import hashlib

    from edge.records.photos import PhotoTable

    photo = a_photo()
    sha256 = hashlib.sha256(photo).hexdigest()
    ledger = home.open()
    home.write(ledger, 1)
    PhotoFiles(home.data).keep(sha256, photo)
    with ledger.batch():
        PhotoTable(ledger.conn).add(sha256, len(photo), "2026-11-30", 1.0)
        PhotoTable(ledger.conn).refer(sha256, 1)
    ledger.close()
    home.answers("backup", str(tmp_path / "b.tar"))
    new = another_home("new")
    move_key(home, new)
    assert new.answers("restore", str(tmp_path / "b.tar"), "--person", "王敏")["photos"] == 1
    assert PhotoFiles(new.data).read(sha256) == photo


def test_an_altered_backup_is_refused(home: Home, tmp_path: Path, city: Any) -> None:
    """A bit of a record, and a ledger that is another than the words beside it say."""
    home.works(6)
    home.answers("backup", str(tmp_path / "b.tar"))
    data = bytearray((tmp_path / "b.tar").read_bytes())
    with contextlib.closing(sqlite3.connect(home.data / FILE)) as db:
        (stored,) = db.execute("SELECT body FROM events WHERE seq = 4").fetchone()
    place = data.index(stored[:100]) + 40
    data[place] ^= 4
    (tmp_path / "bad.tar").write_bytes(data)
    done = home.does("restore", str(tmp_path / "bad.tar"), "--person", "王敏")
    assert done.exit_code == 1 and "record 4" in done.output and "salvage" in done.output
    other = (tmp_path / "b.tar").read_bytes().replace(b'"records": 6', b'"records": 7')
    (tmp_path / "other.tar").write_bytes(other)
    done = home.does("restore", str(tmp_path / "other.tar"), "--person", "王敏")
    assert done.exit_code == 1 and "内容与说明不符" in done.output


@pytest.mark.parametrize("command", ["restore", "salvage"])
def test_a_running_station_is_left_alone(home: Home, tmp_path: Path, command: str, city: Any) -> None:
    home.works(2)
    home.answers("backup", str(tmp_path / "b.tar"))
    ledger = home.open()
    rest = [str(tmp_path / "b.tar"), "--person", "王敏"]
    if command == "salvage":
        rest = [str(home.data), "-o", str(tmp_path / "new.tar")]
    done = home.does(command, *rest)
    assert done.exit_code == 1 and "另一个 marketedge 正在使用这个数据目录" in done.output
    assert not (tmp_path / "new.tar").exists()
    home.write(ledger, 1)
    ledger.close()
    assert end(home)[0] == 3


def test_no_station_starts_while_a_backup_is_restored(home: Home, tmp_path: Path) -> None:
    home.works(1)
    home.answers("backup", str(tmp_path / "b.tar"))
    place = restores.Place(home.data, home.key_file)
    with restores.prepared(tmp_path / "b.tar", place, lambda *_: None), pytest.raises(DataInUse):
        Lock(home.data)


@pytest.mark.parametrize("step", ["photos", "ledger", "mark"])
def test_cut_off_anywhere_it_can_be_done_again(
    home: Home, tmp_path: Path, city: Any, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut before, in and after the swap: the next try ends well, and no number was given twice."""
    home.works(6)
    home.answers("backup", str(tmp_path / "b.tar"))
    city.takes(home, 6)
    (home.data / FILE).unlink()

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        target = {"photos": (restores, "_swap"), "ledger": (restores.backup, "sync"), "mark": (mark, "write")}[step]
        broken.setattr(*target, cut)
        home.does("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    done = home.does("restore", str(tmp_path / "b.tar"), "--person", "王敏")
    if step == "mark":  # the ledger was in its place: it is newer than the backup, and the station starts
        assert done.exit_code == 1 and "已有 1007 条记录" in done.output
    else:
        assert done.exit_code == 0, done.output
    home.open().close()
    assert end(home)[0] == 7


def test_a_salvaged_ledger_is_restored_the_same_way(home: Home, tmp_path: Path, city: Any) -> None:
    """The newest record's page is bad: the station says so, and the two commands it names bring it back."""
    home.works(12)
    city.takes(home, 12)
    with contextlib.closing(sqlite3.connect(home.data / FILE)) as db:
        db.execute("UPDATE events SET body = substr(body, 1, length(body) - 80) WHERE seq = 12")
        db.commit()
    with pytest.raises(LedgerUnusable, match=r"第 12 条.*salvage .*ledger\.db -o FILE"):
        home.open()
    done = home.does("salvage", str(home.data / FILE), "-o", str(tmp_path / "left.tar"))
    assert done.exit_code == 1 and '"kept": 11' in done.stdout and '"lost": [\n    [\n      12' in done.stdout
    city.asked.clear()
    home.answers("restore", str(tmp_path / "left.tar"), "--person", "王敏")
    assert city.asked == [11]
    count, event, _ = end(home)
    assert (count, event["data"]["own_sequence"], event["data"]["city_sequence"]) == (12, 11, 12)
    home.open().close()


def test_a_second_station_on_the_folder_is_told_by_run(home: Home) -> None:
    """Two `marketedge run` of one folder: the second ends with one line that names the first."""
    ledger = home.open()
    done = subprocess.run(
        [sys.executable, "-c", "from edge.cli.main import main; main()", "run", "-c", str(home.config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and f"进程 {os.getpid()}" in done.stderr and "Traceback" not in done.stderr
    ledger.close()


@pytest.mark.parametrize("part", [b'"kid":"', b'"data":{"', b'"sequence":"', b'"prevhash":"', b'"sig":"', b'"time":"'])
def test_a_flipped_bit_in_the_newest_record_is_noticed_at_the_start(home: Home, part: bytes) -> None:
    home.works(3)
    with contextlib.closing(sqlite3.connect(home.data / FILE)) as db:
        body = bytearray(unpack(db.execute("SELECT body FROM events WHERE seq = 3").fetchone()[0]))
        body[body.rindex(part) + len(part) + 3] ^= 1
        db.execute("UPDATE events SET body = ? WHERE seq = 3", (pack(bytes(body)),))
        db.commit()
    with pytest.raises(LedgerUnusable, match=r"账本文件已损坏（第 3 条.*ledger salvage"):
        home.open()


@pytest.mark.parametrize("what", ["emptied", "older"])
def test_an_empty_or_older_ledger_is_told_before_the_first_sale(home: Home, tmp_path: Path, what: str) -> None:
    home.works(70)
    shutil.copy(home.data / FILE, tmp_path / "older.db")
    home.works(5)
    if what == "emptied":
        (home.data / FILE).write_bytes(b"")
    else:
        shutil.copy(tmp_path / "older.db", home.data / FILE)
    with pytest.raises(LedgerUnusable, match=r"(是空的|只到第 70 条).*写过 75 条.*ledger restore FILE"):
        home.open()


def test_a_ledger_of_another_key_is_told_as_that_and_not_as_damage(
    home: Home, another_home: Callable[[str], Home]
) -> None:
    home.works(2)
    move_key(another_home("other"), home)
    mark.beside(home.key_file).unlink()
    with pytest.raises(LedgerUnusable, match=r"由另一把密钥（[0-9a-f]{8}）签名.*放回原来的 station\.key"):
        home.open()
