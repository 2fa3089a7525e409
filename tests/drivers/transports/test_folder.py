import os
import socket

import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.folder import POLL_SECONDS, SETTLE_SECONDS, FolderPort
from protocol import files
from protocol.link import Link


class Clock:
    now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    """Where results are written; the files get times of their own, oldest first."""
    count = iter(range(1000))

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        at = 1_700_000_000 + next(count)
        os.utime(path, (at, at))
        return path

    write.path = tmp_path
    return write


@pytest.fixture
def opened(folder, clock):
    def open_it(query=""):
        return FolderPort(f"folder:{folder.path}{query}", clock, clock.sleep)

    return open_it


def read(port, clock, seconds=20.0, taken=True):
    """Everything handed over in this time, each with its receipt."""
    contents, end = [], clock.now + seconds
    while clock.now < end:
        if data := port.read(0.2):
            found = files.Files().feed(data)
            contents += [file.content for file in found]
            if taken is not None:
                port.write(files.receipt(found[0].digest, taken=taken))
    return contents


def test_a_file_is_handed_over_whole_and_once(folder, opened, clock):
    folder("a.csv", b"first")
    port = opened()
    assert read(port, clock) == [b"first"]
    folder("b.csv", b"second")
    assert read(port, clock) == [b"second"]
    assert sorted(path.name for path in folder.path.iterdir()) == ["a.csv", "b.csv"]


def test_files_come_oldest_first(folder, opened, clock):
    for name in ("c.csv", "a.csv", "b.csv"):
        folder(name, name.encode())
    assert read(opened(), clock) == [b"c.csv", b"a.csv", b"b.csv"]


def test_a_file_that_is_still_written_is_not_read(folder, opened, clock):
    port, content = opened(), b""
    for _ in range(10):
        content += b"row\n"
        folder("a.csv", content)
        assert read(port, clock, SETTLE_SECONDS / 2) == []
    assert read(port, clock, SETTLE_SECONDS + 3 * POLL_SECONDS) == [content]


def test_an_empty_file_is_waited_for(folder, opened, clock):
    port = opened()
    folder("a.csv", b"")
    assert read(port, clock) == []
    folder("a.csv", b"row")
    assert read(port, clock) == [b"row"]


def test_a_file_that_has_changed_is_read_again_and_a_copy_is_not(folder, opened, clock):
    port = opened()
    folder("a.csv", b"1")
    assert read(port, clock) == [b"1"]
    folder("copy.csv", b"1")
    folder("a.csv", b"12")
    assert read(port, clock) == [b"12"]
    folder("a.csv", b"12")
    assert read(port, clock) == []


def test_the_next_file_comes_after_the_receipt(folder, opened, clock):
    folder("a.csv", b"1")
    folder("b.csv", b"2")
    port = opened()
    assert read(port, clock, taken=None) == [b"1"]
    port.write(files.receipt(files.digest(b"other"), taken=True))
    assert read(port, clock, taken=None) == []
    port.write(files.receipt(files.digest(b"1"), taken=True))
    assert read(port, clock, taken=None) == [b"2"]


def test_after_a_restart_all_files_are_handed_over_again(folder, opened, clock):
    folder("a.csv", b"1")
    assert read(opened(), clock) == [b"1"]
    assert read(opened(), clock) == [b"1"]


def test_hidden_and_unfinished_names_folders_and_other_patterns_are_passed_over(folder, opened, clock):
    for name in (".a.csv", "~$a.csv", "a.csv.part", "a.tmp", "a.txt", "B.CSV"):
        folder(name, name.encode())
    (folder.path / "sub.csv").mkdir()
    assert read(opened("?pattern=*.csv"), clock) == [b"B.CSV"]


def test_files_are_moved_only_when_told_and_taken(folder, opened, clock):
    (folder.path / "done").mkdir()
    folder("done/a.csv", b"older")
    folder("a.csv", b"1")
    folder("b.csv", b"2")
    port = opened("?done=done")
    assert read(port, clock, 6.0, taken=None) == [b"1"]
    assert (folder.path / "a.csv").exists()
    port.write(files.receipt(files.digest(b"1"), taken=True))
    assert not (folder.path / "a.csv").exists()
    assert (folder.path / "done" / "a-1.csv").read_bytes() == b"1"
    assert (folder.path / "done" / "a.csv").read_bytes() == b"older"
    assert read(port, clock, taken=False) == [b"2"]
    assert (folder.path / "b.csv").exists()


def test_a_file_that_has_changed_since_it_was_read_is_not_moved(folder, opened, clock):
    folder("a.csv", b"1")
    port = opened("?done=done")
    assert read(port, clock, 6.0, taken=None) == [b"1"]
    folder("a.csv", b"12")
    port.write(files.receipt(files.digest(b"1"), taken=True))
    assert (folder.path / "a.csv").read_bytes() == b"12"
    assert read(port, clock, taken=None) == [b"12"]


def lay(folder, name, secret):
    """Everything that must not be read, by name; ``secret`` lies elsewhere."""
    path = folder.path / name
    match name:
        case "link.csv":
            path.symlink_to(secret)
        case "passwd.csv":
            path.symlink_to("/etc/passwd")
        case "zero.csv":
            path.symlink_to("/dev/zero")
        case "up.csv":
            path.symlink_to("..")
        case "fifo.csv":
            os.mkfifo(path)
        case "socket.csv":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(str(path))
        case "sparse.csv":
            with path.open("wb") as file:
                file.truncate(3 << 30)
        case "hard.csv":
            path.hardlink_to(secret)
    return path


UNFIT = {
    "link.csv": "a link",
    "passwd.csv": "a link",
    "zero.csv": "a link",
    "up.csv": "a link",
    "fifo.csv": "no ordinary file",
    "socket.csv": "no ordinary file",
    "sparse.csv": "(3221225472 bytes): larger than 8 MiB",
    "hard.csv": "hard link",
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_result_file_is_told_and_keeps_the_others_from_nothing(
    folder, opened, clock, tmp_path_factory, name
):
    secret = tmp_path_factory.mktemp("elsewhere") / "station.key"
    secret.write_bytes(b"SECRET")
    (folder.path / "folder.csv").mkdir()
    lay(folder, name, secret)
    folder("a.csv", b"1")
    port = opened("?done=done")
    assert read(port, clock) == [b"1"]
    folder("b.csv", b"2")
    assert read(port, clock) == [b"2"]
    news = port.news()
    assert news is not None and name in news and UNFIT[name] in news
    assert port.news() is None
    assert (folder.path / name).is_symlink() or (folder.path / name).exists()
    assert sorted(path.name for path in (folder.path / "done").iterdir()) == ["a.csv", "b.csv"]
    (folder.path / name).unlink()
    assert read(port, clock) == []
    assert port.news() == ""


@pytest.mark.parametrize("swap", ["link.csv", "passwd.csv", "fifo.csv", "hard.csv", "sparse.csv", "folder"])
@pytest.mark.parametrize("moment", ["open", "fstat"])
def test_a_file_that_is_replaced_while_it_is_read_gives_nothing_of_another(
    folder, opened, clock, tmp_path_factory, monkeypatch, swap, moment
):
    secret = tmp_path_factory.mktemp("elsewhere") / "station.key"
    secret.write_bytes(b"1")
    os.utime(secret, (1_700_000_000, 1_700_000_000))  # as large and as old as the result
    mine = folder("a.csv", b"1")
    port, true = opened(), getattr(os, moment)
    read(port, clock, 2.5)
    done = []

    def swapped(what, *rest, **more):
        if not done and (what == "a.csv" or moment == "fstat"):
            done.append(what)
            mine.unlink()
            if swap == "folder":
                mine.mkdir()
            else:
                lay(folder, swap, secret).rename(mine)
        return true(what, *rest, **more)

    folder("b.csv", b"2")
    monkeypatch.setattr("drivers.transports.folder.os." + moment, swapped)
    found = read(port, clock)
    assert done and found[-1:] == [b"2"] and set(found) <= {b"1", b"2"}
    if moment == "open":
        assert found == [b"2"]
    if swap != "folder":
        assert "a.csv" in (port.news() or "")


def test_no_link_on_the_way_to_the_folder_is_followed(folder, clock, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "sub").mkdir()
    (folder.path / "link").symlink_to(elsewhere)
    for path in ("link", "link/sub"):
        with pytest.raises(LinkLost, match="is a link; write the true path: folder:" + str(elsewhere)):
            FolderPort(f"folder:{folder.path}/{path}", clock, clock.sleep)


def test_a_folder_that_is_replaced_by_another_is_left(folder, opened, clock, tmp_path_factory):
    for how in ("folder", "link"):
        port = opened()
        away = folder.path.rename(folder.path.with_name("away"))
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (elsewhere / "secret.csv").write_bytes(b"SECRET")
        if how == "folder":
            folder.path.mkdir()
        else:
            folder.path.symlink_to(elsewhere)
        with pytest.raises(LinkLost, match="mounted"):
            read(port, clock)
        port.close()
        folder.path.rmdir() if how == "folder" else folder.path.unlink()
        away.rename(folder.path)


def test_a_place_for_finished_files_is_a_folder_in_this_one(folder, opened, clock, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("..", "a/b", "/tmp", "."):
        with pytest.raises(LinkLost, match="write folder:PATH"):
            opened(f"?done={name}")
    (folder.path / "done").symlink_to(elsewhere)
    with pytest.raises(LinkLost, match="cannot make"):
        opened("?done=done")


def test_a_file_that_no_layout_knows_is_told_with_its_size_and_the_reason(folder, opened, clock):
    folder("a.csv", b"nonsense")
    port = opened("?done=done")
    assert read(port, clock, 6.0, taken=None) == [b"nonsense"]
    assert port.news() is None
    port.write(files.receipt(files.digest(b"nonsense"), taken=False, why="no column for the item"))
    assert port.news() == "not read: a.csv (8 bytes): no column for the item"
    folder("b\x1b[31m\n.csv", b"nonsense too")
    read(port, clock, 6.0, taken=None)
    port.write(files.receipt(files.digest(b"nonsense too"), taken=False, why="no column for the item"))
    assert port.news() == "2 files are not read, one of them: b [31m .csv (12 bytes): no column for the item"
    assert sorted(path.name for path in folder.path.iterdir()) == ["a.csv", "b\x1b[31m\n.csv", "done"]
    folder("a.csv", b"better now")
    assert read(port, clock) == [b"better now"]
    assert "not read: b" in (port.news() or "")


def test_a_file_without_rights_is_told_and_read_once_they_are_given(folder, opened, clock, monkeypatch):
    folder("a.csv", b"1")
    folder("b.csv", b"2")
    port, true = opened(), os.open

    def refused(name, *rest, **more):
        if name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return true(name, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr("drivers.transports.folder.os.open", refused)
        assert read(port, clock) == [b"2"]
        assert "a.csv (1 bytes): cannot be read: Permission denied" in (port.news() or "")
    assert read(port, clock) == [b"1"]
    assert port.news() == ""


def test_a_folder_of_more_files_than_are_looked_at_is_told(folder, opened, clock, monkeypatch):
    monkeypatch.setattr("drivers.transports.folder.LISTED", 3)
    for count in range(5):
        folder(f"{count}.csv", b"%d" % count)
    port = opened()
    assert len(read(port, clock)) == 3
    assert "more than 3 files" in (port.news() or "")


def test_a_name_that_is_no_utf8_is_read_and_told(folder, opened, clock, monkeypatch):
    path = folder.path / os.fsdecode(b"\xb2\xe2.csv")
    path.write_bytes(b"1")
    port = opened()
    assert read(port, clock) == [b"1"]
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert read(port, clock) == []
    (port.news() or "").encode()


def test_a_folder_that_is_not_there_says_so(tmp_path, folder, opened, clock):
    with pytest.raises(LinkLost, match="mounted"):
        open_port(f"folder:{tmp_path}/none", Link(9600))
    port = opened()
    folder.path.rename(folder.path.with_name("gone"))
    with pytest.raises(LinkLost, match="mounted"):
        read(port, clock)


@pytest.mark.parametrize("address", ["folder:", "folder:/tmp?delete=yes"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(LinkLost, match="write folder:PATH"):
        open_port(address, Link(9600))


def test_a_place_for_finished_files_that_cannot_be_made_says_so(folder, opened):
    folder("done", b"a file")
    with pytest.raises(LinkLost, match="cannot make"):
        opened("?done=done")


def test_closing_twice_is_no_harm(opened):
    port = opened()
    port.close()
    port.close()
