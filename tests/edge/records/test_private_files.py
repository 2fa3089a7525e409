"""Only the service may read what the station writes; one writer a data folder; the mark; damage told in words."""

import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.tongue import speak
from edge.cli.main import main
from edge.config.sections import load
from edge.records import lock, mark, private
from edge.records.ledger import FILE, Ledger, LedgerUnusable, Signer, open_reader, reading
from edge.records.verify import verify
from edge.service import own_files
from protocol.city.codes import CodeKind


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    speak("en")
    yield
    speak("zh")


def modes(folder: Path) -> dict[str, str]:
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177])
def test_only_the_service_may_read_what_the_station_writes(tmp_path: Path, signer: Signer, mask: int) -> None:
    station = tmp_path / "stall"
    with umask(mask):
        assert CliRunner().invoke(main, ["init", str(station), "--job", "stall"]).exit_code == 0
        ledger = Ledger(station / "data", signer, station / "station.mark")
        ledger.conn.execute("INSERT INTO prices VALUES ('01040201', 350)")
    found = modes(station)
    assert {"station.toml", "station.key", "station.pub", "city.keys", "station.mark", "station.lock", FILE} <= set(
        found
    )
    assert {f"{FILE}-wal", f"{FILE}-shm"} <= set(found)
    assert found.pop("stall") == found.pop("data") == "700"
    assert set(found.values()) == {"600"}
    ledger.close()


def test_looser_files_are_made_private_at_the_start_and_said(tmp_path: Path, signer: Signer) -> None:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"]).exit_code == 0
    Ledger(tmp_path / "stall" / "data", signer).close()
    for path in (tmp_path / "stall").rglob("*"):
        path.chmod(0o777)
    config = tmp_path / "stall" / "station.toml"
    files = own_files(load(config), config)
    assert {path.name for path in private.tighten(files)} == set(modes(tmp_path / "stall")) - {"stall"}
    assert private.tighten(files) == []


def test_where_the_system_keeps_no_rights_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "station.key").touch(0o644)
    (tmp_path / "station.key").chmod(0o644)
    monkeypatch.setattr(Path, "chmod", lambda path, mode: None)  # as on FAT
    assert private.tighten([tmp_path / "station.key", tmp_path / "none"]) == []
    assert private.readable_by_others(tmp_path / "station.key")


# --- one writer ------------------------------------------------------------------------------------------------------


def test_a_second_station_on_a_data_folder_is_told_who_works_there(
    tmp_path: Path, ledger: Ledger, signer: Signer
) -> None:
    ledger.lock.note("http://127.0.0.1:8080")
    with pytest.raises(lock.DataInUse, match=rf"another station works .* process {os.getpid()} \(http://127"):
        Ledger(tmp_path / "data", signer)
    assert lock.holder(tmp_path / "data") == lock.Holder(os.getpid(), "http://127.0.0.1:8080")
    with reading(tmp_path / "data") as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (0,)
    ledger.close()
    assert lock.holder(tmp_path / "data") is None
    Ledger(tmp_path / "data", signer).close()


def test_a_killed_station_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from edge.records.lock import Lock; "
        "held = Lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        assert lock.holder(tmp_path) == lock.Holder(child.pid)
        child.send_signal(signal.SIGKILL)
    assert lock.holder(tmp_path) is None
    lock.Lock(tmp_path).close()


@pytest.mark.parametrize("nonsense", [b"\xff\x00nonsense", b"9" * 5000], ids=["letters", "digits"])
def test_a_lock_file_of_nonsense_hinders_nobody(tmp_path: Path, nonsense: bytes) -> None:
    (tmp_path / lock.FILE).write_bytes(nonsense)
    held = lock.Lock(tmp_path)
    (tmp_path / lock.FILE).write_bytes(nonsense)
    assert lock.holder(tmp_path) == lock.Holder(0)
    held.note("")
    assert lock.holder(tmp_path) == lock.Holder(os.getpid())
    held.close()


# --- the mark --------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path, signer: Signer) -> Callable[..., Ledger]:
    def make(folder: str = "data", allowed_by: str = "") -> Ledger:
        return Ledger(tmp_path / folder, signer, tmp_path / "station.mark", allowed_by)

    return make


@pytest.fixture
def write(clock: Any) -> Callable[[Ledger, int], None]:
    from protocol.city.events import EntryRegistered, Goods

    entry = EntryRegistered(
        goods=Goods(product="01040201", name="大白菜"), net_g=1, origin="河南", supplier="李四", sample="1"
    )

    def some(ledger: Ledger, count: int) -> None:
        for _ in range(count):
            with ledger.batch():
                code = ledger.next_code(CodeKind.TEST)
                ledger.append("entry.registered", str(code), entry, clock.now(), clock.boot_id)

    return some


def marked(tmp_path: Path) -> int:
    found = mark.read(tmp_path / "station.mark")
    assert found is not None
    return found.records


def test_an_empty_ledger_is_known_before_the_first_sale(
    tmp_path: Path, opened: Callable[..., Ledger], write: Callable[[Ledger, int], None]
) -> None:
    ledger = opened()
    write(ledger, 3)
    ledger.close()
    (tmp_path / "data").rename(tmp_path / "unmounted")
    with pytest.raises(
        LedgerUnusable, match=r"the ledger is empty, but this station has written 3 records.*--new-ledger"
    ):
        opened()
    assert not (tmp_path / "data").exists(), "nothing is made where a disk may be mounted"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).touch()
    with pytest.raises(LedgerUnusable, match="the ledger is empty"):
        opened()
    assert marked(tmp_path) == 3
    opened("unmounted").close()


def test_an_older_ledger_and_another_stations_are_known(
    tmp_path: Path, opened: Callable[..., Ledger], write: Callable[[Ledger, int], None], signer: Signer
) -> None:
    ledger = opened()
    write(ledger, 2)
    with sqlite3.connect(tmp_path / "old.db") as copy:
        ledger.conn.backup(copy)
    write(ledger, 3)
    ledger.close()
    (tmp_path / "old").mkdir()
    (tmp_path / "old.db").rename(tmp_path / "old" / FILE)
    with pytest.raises(LedgerUnusable, match="ends at record 2, but this station has written 5"):
        opened("old")
    other = Ledger(tmp_path / "other", signer)
    write(other, 9)
    other.close()
    with pytest.raises(LedgerUnusable, match=r"not the ledger this station wrote last \(record 5"):
        opened("other")
    opened().close()


def test_a_person_lets_a_new_ledger_begin_and_no_code_is_given_twice(
    tmp_path: Path, opened: Callable[..., Ledger], write: Callable[[Ledger, int], None]
) -> None:
    ledger = opened()
    write(ledger, 3)
    ledger.close()
    fresh = opened("new", allowed_by="王工")
    assert fresh.head.seq == 0
    fresh.close()
    again = opened("new")
    assert again.next_code(CodeKind.TEST).serial == 3 + mark.SPARE + 1
    again.close()
    assert (tmp_path / "station.mark.old").exists()


def test_the_mark_costs_no_sale_a_write_of_its_own(
    tmp_path: Path, opened: Callable[..., Ledger], write: Callable[[Ledger, int], None]
) -> None:
    ledger = opened()
    write(ledger, mark.EVERY - 1)
    assert marked(tmp_path) == 0
    write(ledger, 1)
    assert marked(tmp_path) == mark.EVERY
    write(ledger, 1)
    ledger.close()
    assert marked(tmp_path) == mark.EVERY + 1


def test_a_mark_grows_in_its_file_and_one_that_was_cut_off_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "station.mark"
    marking = mark.Marking(path)
    marking.write(mark.Mark(1, "a" * 64, {1: 1}))
    made = path.stat()
    said = b'{"records": 1, "hash": "%b", "serials": {"1": 1}}\n' % (b"a" * 64)
    assert path.read_bytes() == (b"%08x %b" % (zlib.crc32(said), said)).ljust(2 * mark.APART, b"\n")
    last = 1
    for records in (64, 128, 192):
        before = path.read_bytes()
        marking.write(mark.Mark(records, "b" * 64, {1: 1, 2: records}))
        after = path.read_bytes()
        assert mark.read(path) == mark.Mark(records, "b" * 64, {1: 1, 2: records})
        (place,) = {at // mark.APART for at in range(len(after)) if before[at] != after[at]}
        for cut in range(place * mark.APART, after.index(b"\n", place * mark.APART)):
            torn = after[:cut] + before[cut:]
            path.write_bytes(torn)
            found = mark.read(path)
            assert found and found.records == (records if torn == after else last)
        path.write_bytes(after)
        last = records
    assert (path.stat().st_ino, path.stat().st_size, path.stat().st_mode) == (made.st_ino, made.st_size, made.st_mode)


def test_a_mark_whose_file_is_gone_or_another_one_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "station.mark"
    marking = mark.Marking(path)
    marking.write(mark.Mark(1, "a" * 64))
    path.unlink()
    marking.write(mark.Mark(2, "b" * 64))
    assert mark.read(path) == mark.Mark(2, "b" * 64)
    path.write_bytes(b"x")
    marking.write(mark.Mark(3, "c" * 64, dict.fromkeys(range(10), 10**60)))
    assert mark.read(path) == mark.Mark(3, "c" * 64, dict.fromkeys(range(10), 10**60))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_mark_of_an_older_program_is_known(
    tmp_path: Path, opened: Callable[..., Ledger], write: Callable[[Ledger, int], None]
) -> None:
    ledger = opened()
    write(ledger, 3)
    ledger.close()
    found = mark.read(tmp_path / "station.mark")
    assert found is not None
    (tmp_path / "station.mark").write_bytes(mark.encode(found))
    with pytest.raises(LedgerUnusable, match="the ledger is empty, but this station has written 3 records"):
        opened("unmounted")
    opened().close()
    assert mark.read(tmp_path / "station.mark") == found


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"nonsense", b"[]", b'{"records": "x"}', b'{"records": 1, "serials": []}', b"[" * 100_000),
        *(b'{"records": 1e999, "hash": "", "serials": {}}', b'{"records": NaN, "hash": "", "serials": {}}'),
        b'{"records": 1, "hash": "", "serials": {"1": 1e999}}',
    ],
    ids=lambda damage: damage[:40].decode(),
)
def test_a_damaged_mark_stops_nobody(tmp_path: Path, opened: Callable[..., Ledger], damage: bytes) -> None:
    opened().close()
    (tmp_path / "station.mark").write_bytes(damage)
    opened().close()
    assert marked(tmp_path) == 0


def test_where_no_mark_can_be_written_the_station_works_all_the_same(tmp_path: Path, signer: Signer) -> None:
    ledger = Ledger(tmp_path / "data", signer, tmp_path / "nowhere" / "station.mark")
    assert ledger.head.seq == 0
    ledger.close()


# --- a damaged ledger ------------------------------------------------------------------------------------------------


def cut_in_two(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def malformed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[512:] = b"\xff" * (len(data) - 512)
    path.write_bytes(data)


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")


@pytest.mark.parametrize("harm", [cut_in_two, emptied, overwritten, malformed, another_database])
def test_a_damaged_ledger_is_told_in_one_line_with_the_next_step(
    tmp_path: Path, harm: Callable[[Path], None], write: Callable[[Ledger, int], None]
) -> None:
    station = tmp_path / "stall"
    assert CliRunner().invoke(main, ["init", str(station), "--job", "stall"]).exit_code == 0
    config = station / "station.toml"
    config.write_text(config.read_text("utf-8").replace('language = "zh"', 'language = "en"'), "utf-8")
    loaded = load(config)
    from edge.records.identity import load_key

    signer = Signer(load_key(loaded.station.key), "h", "410108001", "01")
    ledger = Ledger(loaded.station.data, signer, mark.beside(loaded.station.key))
    write(ledger, 40)
    ledger.close()
    harm(loaded.station.data / FILE)
    verified = CliRunner().invoke(main, ["ledger", "verify", "-c", str(config)])
    said = json.loads(verified.output)
    assert (verified.exit_code, said["ok"]) == (1, False) and "ledger restore FILE" in said["why"]
    for words in (["ledger", "status"], ["ledger", "export"], ["run"]):
        done = CliRunner().invoke(main, [*words, "-c", str(config)])
        (line,) = [one for one in done.output.splitlines() if one.startswith("Error")]
        assert done.exit_code == 1 and str(loaded.station.data / FILE) in line
        assert "ledger restore FILE" in line, line
    checked = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
    (line,) = [one for one in checked if one.startswith("FAIL ledger: ")]
    assert "ledger restore FILE" in line


def test_a_damaged_last_record_is_told_by_check_and_by_run(
    tmp_path: Path, signer: Signer, write: Callable[[Ledger, int], None]
) -> None:
    ledger = Ledger(tmp_path / "data", signer)
    write(ledger, 3)
    ledger.conn.execute("UPDATE events SET serials = 'x:y' WHERE seq = 3")
    ledger.conn.commit()
    ledger.close()
    with pytest.raises(LedgerUnusable, match=r"record 3: .*(Delete nothing|不要删除)"):
        Ledger(tmp_path / "data", signer)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EROFS, "the disk is read-only"), (errno.EACCES, "no right"), (errno.ENOSPC, "disk fails")],
)
def test_a_disk_that_takes_no_file_is_told(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(path: Path) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(private, "open_file", refuse)
    with pytest.raises(LedgerUnusable, match=words):
        Ledger(tmp_path / "data", signer)


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "data").touch()
    for attempt in (lambda: Ledger(tmp_path / "data", signer), lambda: Ledger(tmp_path / "data" / "below", signer)):
        with pytest.raises(LedgerUnusable, match=r"not a folder \(\[station\] data\)"):
            attempt()


def _read_as_nobody(folder: Path) -> str:
    """Called in a process of its own."""
    try:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        return str(open_reader(folder).execute("SELECT max(seq) FROM events").fetchone()[0])
    except Exception as error:
        return str(error)


@pytest.fixture
def by_another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """What a reader without root's rights gets of a folder."""
    opened: list[Path] = []
    for folder in (tmp_path_factory.getbasetemp(), *tmp_path_factory.getbasetemp().parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
            opened.append(folder)

    def ask(folder: Path) -> str:
        folder.parent.chmod(0o755)
        end, pipe = os.pipe()
        if not (child := os.fork()):
            os.write(pipe, _read_as_nobody(folder).encode())
            os._exit(0)
        os.close(pipe)
        with os.fdopen(end, "r", encoding="utf-8") as told:
            said = told.read()
        os.waitpid(child, 0)
        return said

    yield ask
    for folder in opened:
        folder.chmod(folder.stat().st_mode & ~0o011)


def test_a_ledger_on_a_medium_that_cannot_be_written_is_read_as_it_lies(
    tmp_path: Path, signer: Signer, write: Callable[[Ledger, int], None], by_another: Callable[[Path], str]
) -> None:
    ledger = Ledger(tmp_path / "data", signer)
    write(ledger, 3)
    ledger.close()
    folder = tmp_path / "data"
    (folder / FILE).chmod(0o444)
    folder.chmod(0o555)
    assert by_another(folder) == "3"
    (folder / FILE).chmod(0o000)
    assert by_another(folder).startswith(f"{folder / FILE}: no right to it")
    folder.chmod(0o000)
    assert "no right to it" in by_another(folder)
    folder.chmod(0o755)


def test_records_that_would_be_missed_on_such_a_medium_are_asked_for(
    tmp_path: Path, signer: Signer, write: Callable[[Ledger, int], None], by_another: Callable[[Path], str]
) -> None:
    ledger = Ledger(tmp_path / "data", signer)
    write(ledger, 3)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (FILE, f"{FILE}-wal"):
        (copy / name).write_bytes((tmp_path / "data" / name).read_bytes())
        (copy / name).chmod(0o444)
    copy.chmod(0o555)
    ledger.close()
    said = by_another(copy)
    assert said == "3" or "records in ledger.db-wal would be missed" in said
    copy.chmod(0o755)
    with open_reader(copy).conn as conn:
        assert conn.execute("SELECT max(seq) FROM events").fetchone() == (3,)


def test_a_good_ledger_still_verifies(ledger: Ledger, write: Callable[[Ledger, int], None], key: Any) -> None:
    write(ledger, 5)
    assert verify(ledger.db, key.public_key())[0] == 5
