"""Photos: on the disk before a record may name one, there for good when one does, gone after a day when none does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.correction_commands import CorrectEntry
from edge.between.inbox import Refused
from edge.between.photo_commands import KeepPhoto
from edge.records.photos import PhotoFiles
from edge.state import photos
from protocol.city.photos import hash_of

Box = Any  # the station of tests/edge/conftest.py
ENTRY = RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四")


def comes(station: Box, data: bytes) -> str:
    """A photo comes over the web."""
    sha256 = hash_of(data)
    station.core._station.photos.files.keep(sha256, data)
    assert station.does(KeepPhoto(sha256=sha256, size=len(data))) == {"sha256": sha256}
    return sha256


def refused(station: Box, command: Any) -> str:
    with pytest.raises(Refused) as refused:
        station.does(command)
    assert refused.value.zh and refused.value.en
    return refused.value.code


def test_a_record_names_what_is_here_and_the_file_stays(box: Callable[..., Box], tmp_path: Path, a_photo: Any) -> None:
    station = box()
    sha256 = comes(station, a_photo())
    station.does(ENTRY.model_copy(update={"photos": (sha256, sha256)}))
    assert station.last["data"]["photos"] == [sha256]
    file = tmp_path / "data/photos" / sha256
    assert file.read_bytes() == a_photo() and file.stat().st_mode & 0o777 == 0o600
    station.clock.go(3 * 86_400)
    station.turn()
    station = box()
    assert file.exists() and station.core._station.photos.table.all() == {sha256}


def test_one_that_is_not_here_is_refused_and_nothing_is_recorded(box: Callable[..., Box], a_photo: Any) -> None:
    station = box()
    records = station.ledger.head.seq
    assert refused(station, ENTRY.model_copy(update={"photos": ("a" * 64,)})) == "no_photo"
    assert refused(station, KeepPhoto(sha256="a" * 64, size=3)) == "no_photo"
    sha256 = comes(station, a_photo())
    station.core._station.photos.files.drop(sha256)
    assert refused(station, ENTRY.model_copy(update={"photos": (sha256,)})) == "no_photo"
    assert station.ledger.head.seq == records


def test_the_same_photo_is_kept_once(box: Callable[..., Box], a_photo: Any) -> None:
    station = box()
    sha256 = comes(station, a_photo())
    assert station.core._station.photos.files.keep(sha256, a_photo()) is False
    assert comes(station, a_photo()) == sha256
    assert station.count("SELECT count(*) FROM photos") == 1


def test_after_a_day_without_a_record_it_is_gone(box: Callable[..., Box], tmp_path: Path, a_photo: Any) -> None:
    station = box()
    kept, loose = comes(station, a_photo(1)), comes(station, a_photo(2))
    station.does(ENTRY.model_copy(update={"photos": (kept,)}))
    station.clock.go(86_000)
    station.turn()
    assert (tmp_path / "data/photos" / loose).exists()
    station.clock.go(1000)
    station.turn()
    station.clock.go(11)
    station.turn()
    station.turn()
    assert {file.name for file in (tmp_path / "data/photos").iterdir()} == {kept}
    assert station.core._station.photos.table.all() == {kept}
    assert not station.core._station.photos.unsaved  # nothing is left to be written


def test_one_that_came_while_nobody_knew_the_time_counts_from_when_it_is_known(
    box: Callable[..., Box], tmp_path: Path, a_photo: Any
) -> None:
    station = box()
    station.clock.worth = "unsynced"
    sha256 = comes(station, a_photo())
    station.clock.go(90_000)
    station.turn()
    station.clock.worth = "synced"
    station.clock.go(700)
    station.turn()
    station.clock.go(11)
    station.turn()
    assert (tmp_path / "data/photos" / sha256).exists()
    assert station.count("SELECT count(*) FROM photos WHERE at > 0") == 1


def test_files_without_a_row_go_at_the_start(box: Callable[..., Box], tmp_path: Path, a_photo: Any) -> None:
    station = box()
    sha256 = comes(station, a_photo())
    folder = tmp_path / "data/photos"
    for name in (hash_of(b"cut off"), f"{hash_of(b'draft')}.new", "not-ours.txt"):
        (folder / name).write_bytes(b"x")
    box()
    assert {file.name for file in folder.iterdir()} == {sha256, "not-ours.txt"}


def test_a_folder_that_cannot_be_read_stops_no_station(
    box: Callable[..., Box], tmp_path: Path, monkeypatch: Any
) -> None:
    def fails(*_: Any) -> int:
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(PhotoFiles, "sweep", fails)
    assert box().does(ENTRY)["sample"] == "1"


def test_a_day_takes_so_many_and_the_next_begins_anew(box: Callable[..., Box], a_photo: Any, monkeypatch: Any) -> None:
    station = box()
    monkeypatch.setattr(photos, "PER_DAY", 2)
    comes(station, a_photo(1)), comes(station, a_photo(2))
    data = a_photo(3)
    station.core._station.photos.files.keep(hash_of(data), data)
    assert refused(station, KeepPhoto(sha256=hash_of(data), size=len(data))) == "photos_full"
    station.clock.go(86_400)
    assert comes(station, data)
    monkeypatch.setattr(photos, "BYTES_PER_DAY", len(data))
    assert refused(station, KeepPhoto(sha256=comes_file(station, a_photo(4)), size=9)) == "photos_full"


def comes_file(station: Box, data: bytes) -> str:
    station.core._station.photos.files.keep(hash_of(data), data)
    return hash_of(data)


def test_a_batch_that_failed_forgets_none(box: Callable[..., Box], a_photo: Any, tmp_path: Path) -> None:
    station = box()
    loose = comes(station, a_photo())
    ours = station.core._station.photos
    station.clock.go(100_000)
    ours.look()
    with pytest.raises(RuntimeError), station.ledger.batch():
        ours.save()
        raise RuntimeError
    ours.not_saved()
    ours.look()
    assert ours.table.all() == {loose} and (tmp_path / "data/photos" / loose).exists()
    station.clock.go(11)
    station.turn()
    station.turn()
    assert ours.table.all() == set() and not (tmp_path / "data/photos" / loose).exists()


def test_files_whose_records_went_in_several_steps_go_together(
    box: Callable[..., Box], a_photo: Any, tmp_path: Path
) -> None:
    ours = box().core._station.photos
    shas = [hash_of(a_photo(number)) for number in (1, 2, 3)]
    for number, sha256 in enumerate(shas, 1):
        ours.files.keep(sha256, a_photo(number))
    ours.gone(shas[:2])
    ours.gone(shas[2:])
    ours.look()
    assert list((tmp_path / "data/photos").iterdir()) == []


def test_a_correction_keeps_the_photos_of_the_entry(box: Callable[..., Box], a_photo: Any) -> None:
    station = box()
    sha256 = comes(station, a_photo())
    lot = station.does(ENTRY.model_copy(update={"photos": (sha256,)}))["test_code"]
    station.does(CorrectEntry(lot=lot, reason="抄错", origin="河北"))
    assert station.last["data"]["now"]["photos"] == [sha256]


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, a_photo: Any, monkeypatch: Any) -> None:
    from edge.records import private

    files = PhotoFiles(tmp_path)

    def full(path: Path, data: bytes) -> None:
        path.with_name(f"{path.name}.new").write_bytes(data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(private, "replace", full)
        with pytest.raises(OSError, match="No space"):
            files.keep(hash_of(a_photo()), a_photo())
    assert list((tmp_path / "photos").iterdir()) == []
    assert files.keep(hash_of(a_photo()), a_photo())


def test_what_is_left_of_the_disk_is_the_ledger_s(tmp_path: Path, a_photo: Any, monkeypatch: Any) -> None:
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000, total=1 << 30))
    with pytest.raises(OSError, match="kept for records"):
        PhotoFiles(tmp_path).keep(hash_of(a_photo()), a_photo())
    assert list((tmp_path / "photos").iterdir()) == []
