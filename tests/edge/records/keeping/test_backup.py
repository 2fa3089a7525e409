"""A backup is all of the ledger or no file at all, and is made while the station writes."""

import hashlib
import io
import json
import os
import resource
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.records import backup as backups
from edge.records.backup import BadBackup, make, unpack
from edge.records.identity import load_key
from edge.records.ledger import FILE, open_reader
from edge.records.photos import PhotoFiles, PhotoTable
from edge.records.verify import verify

Home = Any  # of conftest.py


def names(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


def records(file: Path, home: Home, into: Path) -> int:
    """Unpack a backup and check every record of it."""
    into.mkdir()
    found = unpack(file, into, lambda *_: None)
    with closing(open_reader(into)) as db:
        count, last = verify(db, found.public)
    assert (count, last) == (found.about.records, found.about.hash)
    assert found.public.public_bytes_raw() == load_key(home.key_file).public_key().public_bytes_raw()
    return count


def test_what_is_only_in_the_log_is_in_the_backup(home: Home, tmp_path: Path) -> None:
    """As while the station runs: a copy of ledger.db alone would have none of these."""
    ledger = home.open()
    ledger.conn.execute("PRAGMA wal_autocheckpoint = 0")
    home.write(ledger, 9)
    answer = home.answers("backup", str(tmp_path / "one.tar"))
    assert (answer["records"], answer["hash"], answer["broken"]) == (9, ledger.head.prevhash, "")
    assert answer["serials"] == {"3": 9}
    assert records(tmp_path / "one.tar", home, tmp_path / "out") == 9
    home.write(ledger, 1)  # the station never noticed
    ledger.close()


def test_it_is_of_one_moment_while_the_station_goes_on_writing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every copied page another sale: it ends all the same, and nothing of them is half in it."""
    monkeypatch.setattr(backups, "PAGES", 5)
    ledger = home.open()
    home.write(ledger, 40)
    written: list[int] = []

    def sale(phase: str, done: int, total: int) -> None:
        if phase == "copy":
            home.write(ledger, 1)
            written.append(ledger.head.seq)

    about = make(home.data, load_key(home.key_file).public_key(), "410108001-01", tmp_path / "b.tar", sale)
    assert about.records == 40 and len(written) > 10
    assert records(tmp_path / "b.tar", home, tmp_path / "out") == 40
    ledger.close()


def test_it_is_private_and_has_no_private_key_unless_that_is_said(home: Home, tmp_path: Path) -> None:
    home.works(2)
    home.answers("backup", str(tmp_path / "plain.tar"))
    assert names(tmp_path / "plain.tar") == ["backup.json", "station.pub", "station.mark", "ledger.db"]
    assert b"PRIVATE" not in (tmp_path / "plain.tar").read_bytes()
    done = home.does("backup", str(tmp_path / "key.tar"), "--with-key")
    assert "私钥" in done.stderr and "锁" in done.stderr
    with tarfile.open(tmp_path / "key.tar") as tar:
        member = tar.extractfile("station.key")
        assert member and member.read() == home.key_file.read_bytes()
    for name in ("plain.tar", "key.tar"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_it_replaces_nothing_unless_told(home: Home, tmp_path: Path) -> None:
    home.works(2)
    file = tmp_path / "one.tar"
    file.write_bytes(b"last month's")
    done = home.does("backup", str(file))
    assert done.exit_code == 1 and "--replace" in done.output and file.read_bytes() == b"last month's"
    home.answers("backup", str(file), "--replace")
    assert records(file, home, tmp_path / "out") == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one.tar", "out", "stall"]


@pytest.mark.parametrize("when", ["copy", "check", "photos", "sync"])
def test_whatever_cuts_it_off_there_is_no_half_file(
    home: Home, tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch, a_photo: Callable[..., bytes]
) -> None:
    with_photo(home, a_photo())
    file = tmp_path / "one.tar"
    file.write_bytes(b"last month's")

    def cut(phase: str, done: int, total: int) -> None:
        if phase == when:
            raise KeyboardInterrupt

    def no_sync(number: int) -> None:
        raise OSError(5, "the stick was drawn")

    if when == "sync":
        monkeypatch.setattr(os, "fsync", no_sync)
    with pytest.raises((KeyboardInterrupt, BadBackup)):
        make(home.data, load_key(home.key_file).public_key(), "s", file, cut, replace=True)
    assert file.read_bytes() == b"last month's"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one.tar", "stall"]


def test_what_a_power_cut_left_is_cleared_by_the_next_one(home: Home, tmp_path: Path) -> None:
    home.works(1)
    part = tmp_path / "one.tar.part"
    part.mkdir()
    (part / "backup.tar").write_bytes(b"half")
    home.answers("backup", str(tmp_path / "one.tar"))
    assert not part.exists()


def test_too_little_room_is_told_before_anything_is_written(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.works(1)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(backups.shutil, "disk_usage", lambda path: usage)
    done = home.does("backup", str(tmp_path / "one.tar"))
    assert done.exit_code == 1 and "剩余空间不够" in done.output
    assert [one.name for one in tmp_path.iterdir()] == ["stall"]


def with_photo(home: Home, *photos: bytes, named: bool = True) -> list[str]:
    ledger = home.open()
    hashes = []
    for photo in photos:
        sha256 = hashlib.sha256(photo).hexdigest()
        PhotoFiles(home.data).keep(sha256, photo)
        home.write(ledger, 1)
        with ledger.batch():
            PhotoTable(ledger.conn).add(sha256, len(photo), "2026-11-30", 1.0)
            if named:
                PhotoTable(ledger.conn).refer(sha256, ledger.head.seq)
        hashes.append(sha256)
    ledger.close()
    return hashes


def test_photos_that_records_name_are_in_it(home: Home, tmp_path: Path, a_photo: Callable[..., bytes]) -> None:
    one, two, lost = with_photo(home, a_photo(1), a_photo(2), a_photo(3))
    (loose,) = with_photo(home, a_photo(4), named=False)
    PhotoFiles(home.data).drop(lost)
    answer = home.answers("backup", str(tmp_path / "one.tar"))
    assert (answer["photos"], answer["photos_missing"]) == (2, 1)
    assert [name for name in names(tmp_path / "one.tar") if "/" in name] == sorted([f"photos/{one}", f"photos/{two}"])
    assert loose not in str(names(tmp_path / "one.tar"))
    assert records(tmp_path / "one.tar", home, tmp_path / "out") == 4
    assert PhotoFiles(tmp_path / "out").read(one) == a_photo(1)


def test_a_ledger_that_does_not_hold_is_saved_as_it_is_and_told(home: Home, tmp_path: Path) -> None:
    ledger = home.open()
    home.write(ledger, 5)
    with ledger.batch():
        ledger.conn.execute("UPDATE events SET body = x'00' WHERE seq = 3")
    ledger.close()
    answer = home.answers("backup", str(tmp_path / "one.tar"), code=1)
    assert answer["records"] == 5 and answer["broken"].startswith("record 3: ")


@pytest.mark.parametrize("end", [0, 1, 600, 3000, 9000, -1, -9000])
def test_a_backup_that_was_cut_is_none(home: Home, tmp_path: Path, end: int, a_photo: Callable[..., bytes]) -> None:
    with_photo(home, a_photo())
    file = tmp_path / "one.tar"
    home.answers("backup", str(file))
    data = file.read_bytes()
    whole = len(data.rstrip(b"\0"))
    file.write_bytes(data[:end] if end >= 0 else data[: whole + end])
    (tmp_path / "out").mkdir()
    with pytest.raises(BadBackup, match="不是完整的备份"):
        unpack(file, tmp_path / "out", lambda *_: None)


def test_nothing_is_taken_from_an_archive_but_what_belongs_into_one(home: Home, tmp_path: Path) -> None:
    """Members with ways out, links, photos that are other files: a stranger's archive writes nothing elsewhere."""
    home.works(1)
    file, evil = tmp_path / "one.tar", tmp_path / "evil.tar"
    home.answers("backup", str(file))
    with tarfile.open(file) as old, tarfile.open(evil, "w") as new:
        for info in old:
            new.addfile(info, old.extractfile(info))
        for name, kind in (
            ("../outside", tarfile.REGTYPE),
            ("/tmp/outside-of-all", tarfile.REGTYPE),
            ("photos/" + "a" * 64, tarfile.REGTYPE),
            ("photos/../x", tarfile.REGTYPE),
            ("photos/" + "b" * 64, tarfile.SYMTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            new.addfile(info)
    (tmp_path / "out").mkdir()
    unpack(evil, tmp_path / "out", lambda *_: None)
    assert [one.name for one in (tmp_path / "out").iterdir()] == [FILE]
    assert not (tmp_path / "outside").exists()


def test_the_station_is_not_held_up_by_it(home: Home, tmp_path: Path) -> None:
    """A writer in another thread commits all the time: neither waits for the other for ever, none is refused."""
    ledger = home.open()
    home.write(ledger, 30)
    ledger.close()
    done, written = threading.Event(), []

    def sell() -> None:
        station = home.open()
        while not done.is_set():
            home.write(station, 1)
            written.append(station.head.seq)
        station.close()

    seller = threading.Thread(target=sell)
    seller.start()
    try:
        for number in range(3):
            about = home.answers("backup", str(tmp_path / f"{number}.tar"))
            assert records(tmp_path / f"{number}.tar", home, tmp_path / f"out-{number}") == about["records"]
    finally:
        done.set()
        seller.join()
    assert written
    with closing(open_reader(home.data)) as db:
        assert db.conn.execute("SELECT max(seq) FROM events").fetchone()[0] == written[-1]


def test_another_format_of_a_later_version_is_told(home: Home, tmp_path: Path) -> None:
    home.works(1)
    file, later = tmp_path / "one.tar", tmp_path / "later.tar"
    home.answers("backup", str(file))
    with tarfile.open(file) as old, tarfile.open(later, "w") as new:
        for info in old:
            content = old.extractfile(info)
            assert content
            if info.name == "backup.json":
                about = json.loads(content.read()) | {"format": 2}
                data = json.dumps(about).encode()
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
            else:
                new.addfile(info, content)
    (tmp_path / "out").mkdir()
    with pytest.raises(BadBackup, match="format 2"):
        unpack(later, tmp_path / "out", lambda *_: None)


@pytest.mark.parametrize("of_ledger", [0.5, 1.01], ids=["copy", "packing"])
def test_a_disk_that_fills_up_in_the_middle_leaves_no_file(home: Home, tmp_path: Path, of_ledger: float) -> None:
    """In the copy of the ledger, and in the packing of it: no file may grow beyond the room."""
    ledger = home.open()
    home.write(ledger, 9)
    ledger.close()
    room = int((home.data / FILE).stat().st_size * of_ledger)
    target = tmp_path / "out" / "one.tar"
    target.parent.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        done = home.does("backup", str(target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.exit_code == 1, done.output
    assert f"{target.parent}：备份没有写成" in done.output
    assert list(target.parent.iterdir()) == []
    assert home.answers("backup", str(target))["records"] == 9
