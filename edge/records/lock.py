"""One station to a data folder: a lock that its process holds for life. The kernel lets it go, also after kill -9.

The file says who holds it: the process id, where its pages are, and a word by which the same user's command line is
known there.  It stays when nobody does.
"""

import fcntl
import os
import time
from dataclasses import field
from pathlib import Path

from edge.between.tongue import said
from edge.records import private
from protocol.frozen import frozen

FILE = "station.lock"
LONGEST_PID = 20
TRIES, BETWEEN_SECONDS = 4, 0.05  # who only looks at the lock holds it for a moment


class DataInUse(OSError):
    """Another station works in this folder; the message names its process."""


@frozen
class Holder:
    """Who holds the lock. ``pages`` is the address of its pages, empty while it starts; ``word`` opens them."""

    pid: int
    pages: str = ""
    word: str = field(default="", repr=False)


class Lock:
    """Held from the making until ``close``. Raises DataInUse, and OSError where no file can be made."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        self._file = private.open_file(path)
        if not _taken(self._file):
            os.close(self._file)
            raise DataInUse(_in_use(folder, _read(path)))
        self.note("")

    def note(self, pages: str, word: str = "") -> None:
        """Say where the pages are, and what opens them."""
        text = f"{os.getpid()}\n{pages}\n{word}\n".encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)

    def close(self) -> None:
        """Let go. May be called again."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def holder(folder: Path) -> Holder | None:
    """The station that works in this folder; None when there is none. Raises OSError where one may not look."""
    path = folder / FILE
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    finally:
        os.close(file)
    return None


def _taken(file: int) -> bool:
    for attempt in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt < TRIES - 1:
                time.sleep(BETWEEN_SECONDS)
        else:
            return True
    return False


def _read(path: Path) -> Holder:
    pid, pages, word, *_ = [*path.read_text("ascii", "replace").splitlines(), "", "", ""]
    return Holder(int(pid) if pid.isdigit() and len(pid) < LONGEST_PID else 0, pages.strip(), word.strip())


def _in_use(folder: Path, holder: Holder) -> str:
    pages = f" ({holder.pages})" if holder.pages else ""
    return said(
        f"{folder}：另一个 marketedge 正在使用这个数据目录：进程 {holder.pid}{pages}。先停掉它，或不要再启动第二个",
        f"{folder}: another station works in this folder: process {holder.pid}{pages}. Stop it, or start no second one",
    )
