"""A folder into which an instrument, or its PC program, writes result files.

Nothing in the folder is changed, unless the address says so: ``folder:PATH?done=SUBFOLDER`` moves files there once
their results are committed.  ``folder:PATH?pattern=*.csv`` looks at these files only.

Who may write into the folder must not reach what lies elsewhere: only regular files of this folder are read, and no
link is followed, neither to a file nor on the way to the folder.  The folder is opened once, and its files through it.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path, PurePath
from urllib.parse import parse_qsl

from drivers.transports.base import READ_SECONDS, LinkLost
from protocol import files
from protocol.plain import plain

POLL_SECONDS = 1.0
SETTLE_SECONDS = 3.0
REMEMBERED = 10_000
LISTED = 50_000  # files that are looked at; a folder with more is told
NAME_LETTERS = 80
SKIPPED = (".*", "~*", "*~", "*.tmp", "*.part", "*.crdownload")
THROUGH = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

Stamp = tuple[int, int]
"""Size and time of change: when neither moves, the writer has finished."""


class FolderPort:
    """Hands over each file whole, in its envelope (``protocol.files``), when it has stood still for a while.

    Oldest first, one at a time: the next one comes after the receipt of the one before.  A file whose content was
    handed over already, under whatever name, is passed over; so is a file until it changes again.  What was handed over
    is forgotten when the station ends, and the same results are then known by their identity.

    What is not read keeps nothing else from being read; ``news`` has its name, size and the reason.
    """

    peer = ""

    def __init__(
        self,
        address: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._clock = clock
        self._sleep = sleep
        path, _, query = address.removeprefix("folder:").partition("?")
        asked = dict(parse_qsl(query))
        done = asked.get("done", "")
        if not path or set(asked) - {"done", "pattern"} or "/" in done or done in (".", ".."):
            raise LinkLost(f"{address}: write folder:PATH, folder:PATH?pattern=*.csv or folder:PATH?done=SUBFOLDER")
        self._path = Path(path)
        self._pattern = asked.get("pattern", "*").lower()
        self._done = done
        self._poll_at = clock()
        self._seen: dict[str, tuple[Stamp, float]] = {}  # since when a file looks like this
        self._dealt_with: dict[str, Stamp] = {}
        self._given: dict[str, None] = {}  # digests handed over, oldest first
        self._waiting: tuple[str, str, Stamp] | None = None  # for the receipt of this file
        self._left: dict[str, str] = {}  # what is not read: size and reason, by name
        self._told: dict[str, str] = {}
        self._folder = self._open()
        try:
            self._list()
            if done:
                self._prepare()
        except LinkLost:
            self.close()
            raise

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        wait = timeout if self._waiting else min(timeout, self._poll_at - self._clock())
        if wait > 0:
            self._sleep(wait)
        if self._waiting or self._clock() < self._poll_at:
            return b""
        self._poll_at = self._clock() + POLL_SECONDS
        for name, stamp in self._ready():
            if found := self._take(name, stamp):
                self._poll_at = self._clock()  # there may be more
                return found
        return b""

    def write(self, data: bytes) -> None:
        """Receipts. A file that was taken is moved, if that was asked for and it has not changed since."""
        for digest, taken, why in files.receipts(data):
            if self._waiting and self._waiting[0] == digest:
                _, name, stamp = self._waiting
                self._waiting = None
                if why:
                    self._leave(name, stamp[0], why)
                if taken and self._done:
                    self._move(name, stamp)

    def news(self) -> str | None:
        """What is not read, for the technician: a text, empty when all of it is over, None when nothing is new."""
        if self._left == self._told:
            return None
        fresh = [name for name in self._left if self._told.get(name) != self._left[name]]
        self._told = dict(self._left)
        if not self._left:
            return ""
        name = (fresh or list(self._left))[-1]
        many = f"{len(self._left)} files are not read, one of them: " if len(self._left) > 1 else "not read: "
        return f"{many}{plain(name, NAME_LETTERS)} {self._left[name]}"

    def close(self) -> None:
        self._waiting = None
        folder, self._folder = self._folder, -1
        if folder >= 0:
            with contextlib.suppress(OSError):
                os.close(folder)

    # --- the folder -------------------------------------------------------------------------------------------------

    def _open(self) -> int:
        """The folder, gone into step by step: a link on the way, there already or put there now, leads nowhere."""
        root, *parts = self._path.absolute().parts
        way = Path(root)
        try:
            with contextlib.ExitStack() as steps:
                at = os.open(root, THROUGH)
                for part in parts:
                    steps.callback(os.close, at)
                    way /= part
                    at = os.open(part, THROUGH, dir_fd=at)
                steps.callback(os.close, at)
                return os.open(".", INTO, dir_fd=at)
        except (OSError, ValueError) as error:
            if _is_link(way):
                true = os.path.realpath(self._path)
                raise LinkLost(f"{self.address}: {way} is a link; write the true path: folder:{true}") from error
            raise self._gone(error) from error

    def _gone(self, error: Exception) -> LinkLost:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        return LinkLost(f"{self.address}: cannot read the folder: {why}; does it exist, is it mounted?")

    def _list(self) -> list[tuple[str, Stamp]]:
        """The files that are wanted and can be read; what cannot is left, with the reason."""
        try:
            now, ours = self._path.lstat(), os.fstat(self._folder)
            if (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino):
                raise LinkLost(f"{self.address}: a different folder is there now, is it mounted? Opening it again")
            with os.scandir(self._folder) as entries:
                wanted = [entry.name for entry in islice(entries, LISTED) if self._wanted(entry.name)]
                more = next(entries, None) is not None
        except LinkLost:
            raise
        except OSError as error:
            raise self._gone(error) from error
        there, unfit = self._look(wanted)
        self._left = {name: why for name, why in self._left.items() if name in there} | unfit
        if more:
            self._left[""] = f"the folder holds more than {LISTED} files; move old ones away"
        return list(there.items())

    def _look(self, names: list[str]) -> tuple[dict[str, Stamp], dict[str, str]]:
        """Which of these can be read, and why the others cannot."""
        there, unfit = {}, {}
        for name in names:
            with contextlib.suppress(OSError):  # it has gone meanwhile
                found = self._stat(name)
                if why := _unfit(found):
                    unfit[name] = _words(found.st_size, why)
                elif not stat.S_ISDIR(found.st_mode):
                    there[name] = _stamp(found)
        return there, unfit

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._folder, follow_symlinks=False)

    def _wanted(self, name: str) -> bool:
        return fnmatch(name.lower(), self._pattern) and not any(fnmatch(name.lower(), skipped) for skipped in SKIPPED)

    def _ready(self) -> list[tuple[str, Stamp]]:
        """Files that have not changed for a while and are not dealt with, oldest first."""
        now, there = self._clock(), self._list()
        names = {name for name, _ in there}
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        self._dealt_with = {name: stamp for name, stamp in self._dealt_with.items() if name in names}
        ready = []
        for name, stamp in there:
            before, since = self._seen.get(name, (None, now))
            if before != stamp:
                self._seen[name] = (stamp, now)
                self._left.pop(name, None)
            elif now - since >= SETTLE_SECONDS and self._dealt_with.get(name) != stamp and stamp[0]:
                ready.append((name, stamp))
        return sorted(ready, key=lambda each: (each[1][1], each[0]))

    # --- a file -----------------------------------------------------------------------------------------------------

    def _take(self, name: str, stamp: Stamp) -> bytes:
        """The file in its envelope; empty when its content is known already, or it cannot be read."""
        try:
            content = self._content(name, stamp)
        except OSError as error:
            self._leave(name, stamp[0], f"cannot be read: {os.strerror(error.errno or errno.EIO)}")
            return b""  # its writer may hold it; we look again
        if content is None:
            return b""
        self._left.pop(name, None)
        self._dealt_with[name] = stamp
        digest = files.digest(content)
        if digest in self._given:
            return b""
        self._given[digest] = None
        while len(self._given) > REMEMBERED:
            del self._given[next(iter(self._given))]
        self._waiting = (digest, name, stamp)
        return files.wrap(content)

    def _content(self, name: str, stamp: Stamp) -> bytes | None:
        """What is in the file; None when it is not, or no longer, the one that was looked at. Raises OSError."""
        number = os.open(name, READ, dir_fd=self._folder)
        with os.fdopen(number, "rb", buffering=0) as file:
            before = os.fstat(number)
            if not stat.S_ISREG(before.st_mode) or _unfit(before) or _stamp(before) != stamp:
                return None
            content = bytearray()
            while len(content) <= stamp[0] and (part := file.read(stamp[0] + 1 - len(content))):
                content += part
            return bytes(content) if _stamp(os.fstat(number)) == stamp and len(content) == stamp[0] else None

    def _leave(self, name: str, size: int, why: str) -> None:
        if len(self._left) < REMEMBERED:
            self._left[name] = _words(size, why)

    # --- where finished files go ------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._done, dir_fd=self._folder)
            os.close(os.open(self._done, INTO, dir_fd=self._folder))
        except OSError as error:
            raise LinkLost(
                f"{self.address}: cannot make the folder {self._done} in it: {os.strerror(error.errno or errno.EIO)};"
                " may the service write there?"
            ) from error
        if not all(os.access(name, os.W_OK, dir_fd=self._folder) for name in (self._done, ".")):
            raise LinkLost(
                f"{self.address}: may not move files to its {self._done}; give the service's user the right to"
            )

    def _move(self, name: str, stamp: Stamp) -> None:
        """Never over another file. Where that fails it stays where it is, and is not read again."""
        with contextlib.suppress(OSError):
            if _stamp(self._stat(name)) != stamp:
                return
            done = os.open(self._done, INTO, dir_fd=self._folder)
            try:
                os.rename(name, _free(name, done), src_dir_fd=self._folder, dst_dir_fd=done)
            finally:
                os.close(done)


def _is_link(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return path.is_symlink()
    return False


def _unfit(found: os.stat_result) -> str:
    """Why this is not read; empty for a regular file of this folder alone, and for a folder, which is no news."""
    if stat.S_ISLNK(found.st_mode):
        return "a link is not followed; put the file itself here"
    if stat.S_ISDIR(found.st_mode):
        return ""
    if not stat.S_ISREG(found.st_mode):
        return "no ordinary file"
    if found.st_nlink > 1:
        return "the same file has another name elsewhere (hard link); put a copy here"
    if found.st_size > files.CAP:
        return f"larger than {files.CAP >> 20} MiB; results are smaller"
    return ""


def _words(size: int, why: str) -> str:
    return f"({size} bytes): {why}"


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_size, found.st_mtime_ns


def _free(name: str, folder: int) -> str:
    """A name like this one that nothing in the folder has."""
    path, target, count = PurePath(name), name, 0
    while True:
        try:
            os.stat(target, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return target
        count += 1
        target = f"{path.stem}-{count}{path.suffix}"
