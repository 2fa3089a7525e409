import os

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


def test_a_file_too_large_is_announced_without_its_content(folder, opened, clock, monkeypatch):
    monkeypatch.setattr(files, "CAP", 100)
    folder("a.csv", b"x" * 101)
    folder("b.csv", b"y")
    assert read(opened(), clock) == [None, b"y"]


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
