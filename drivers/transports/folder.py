"""A folder into which an instrument, or its PC program, writes result files.

Nothing in the folder is changed, unless the address says so: ``folder:PATH?done=SUBFOLDER`` moves files there once
their results are committed.  ``folder:PATH?pattern=*.csv`` looks at these files only.
"""

import contextlib
import os
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import parse_qsl

from drivers.transports.base import READ_SECONDS, LinkLost
from protocol import files

POLL_SECONDS = 1.0
SETTLE_SECONDS = 3.0
REMEMBERED = 10_000
SKIPPED = (".*", "~*", "*~", "*.tmp", "*.part", "*.crdownload")

Stamp = tuple[int, int]
"""Size and time of change: when neither moves, the writer has finished."""


class FolderPort:
    """Hands over each file whole, in its envelope (``protocol.files``), when it has stood still for a while.

    Oldest first, one at a time: the next one comes after the receipt of the one before.  A file whose content was
    handed over already, under whatever name, is passed over; so is a file until it changes again.  What was handed over
    is forgotten when the station ends, and the same results are then known by their identity.
    """

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
        told = dict(parse_qsl(query))
        if not path or set(told) - {"done", "pattern"}:
            raise LinkLost(f"{address}: write folder:PATH, folder:PATH?pattern=*.csv or folder:PATH?done=SUBFOLDER")
        self._folder = Path(path)
        self._pattern = told.get("pattern", "*")
        self._done = self._folder / told["done"] if "done" in told else None
        self._poll_at = clock()
        self._seen: dict[str, tuple[Stamp, float]] = {}  # since when a file looks like this
        self._dealt_with: dict[str, Stamp] = {}
        self._given: dict[str, None] = {}  # digests handed over, oldest first
        self._waiting: tuple[str, Path, Stamp] | None = None  # for the receipt of this file
        self._list()
        if self._done:
            self._prepare(self._done)

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        wait = timeout if self._waiting else min(timeout, self._poll_at - self._clock())
        if wait > 0:
            self._sleep(wait)
        if self._waiting or self._clock() < self._poll_at:
            return b""
        self._poll_at = self._clock() + POLL_SECONDS
        for path, stamp in self._ready():
            if found := self._take(path, stamp):
                self._poll_at = self._clock()  # there may be more
                return found
        return b""

    def write(self, data: bytes) -> None:
        """Receipts. A file that was taken is moved, if that was asked for and it has not changed since."""
        for digest, taken in files.receipts(data):
            if self._waiting and self._waiting[0] == digest:
                _, path, stamp = self._waiting
                self._waiting = None
                if taken and self._done and _stamp(path) == stamp:
                    _move(path, self._done)

    def close(self) -> None:
        self._waiting = None

    def _list(self) -> list[tuple[Path, Stamp]]:
        try:
            with os.scandir(self._folder) as entries:
                wanted = [Path(entry.path) for entry in entries if self._wanted(entry)]
        except OSError as error:
            raise LinkLost(
                f"{self.address}: cannot look into the folder: {error}; is it there, is it mounted?"
            ) from error
        return [(path, stamp) for path in wanted if (stamp := _stamp(path)) is not None]

    def _wanted(self, entry: os.DirEntry[str]) -> bool:
        if not fnmatch(entry.name.lower(), self._pattern.lower()):
            return False
        return not any(fnmatch(entry.name.lower(), skipped) for skipped in SKIPPED) and entry.is_file()

    def _ready(self) -> list[tuple[Path, Stamp]]:
        """Files that have not changed for a while and are not dealt with, oldest first."""
        now, there = self._clock(), self._list()
        names = {path.name for path, _ in there}
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        self._dealt_with = {name: stamp for name, stamp in self._dealt_with.items() if name in names}
        ready = []
        for path, stamp in there:
            before, since = self._seen.get(path.name, (None, now))
            if before != stamp:
                self._seen[path.name] = (stamp, now)
            elif now - since >= SETTLE_SECONDS and self._dealt_with.get(path.name) != stamp and stamp[0]:
                ready.append((path, stamp))
        return sorted(ready, key=lambda each: (each[1][1], each[0].name))

    def _take(self, path: Path, stamp: Stamp) -> bytes:
        """The file in its envelope; empty when its content is known already, or it cannot be read yet."""
        if stamp[0] > files.CAP:
            envelope = files.head(stamp[0], files.digest(f"{path.name} {stamp}".encode()))
        else:
            try:
                content = path.read_bytes()
            except OSError:
                return b""  # its writer may hold it; we look again
            if _stamp(path) != stamp or len(content) != stamp[0]:
                return b""
            envelope = files.wrap(content)
        digest = envelope[: files.LONGEST_HEAD].split(b"\n")[0].split(b" ")[-1].decode()
        self._dealt_with[path.name] = stamp
        if digest in self._given:
            return b""
        self._given[digest] = None
        while len(self._given) > REMEMBERED:
            del self._given[next(iter(self._given))]
        self._waiting = (digest, path, stamp)
        return envelope

    def _prepare(self, done: Path) -> None:
        try:
            done.mkdir(exist_ok=True)
        except OSError as error:
            raise LinkLost(f"{self.address}: cannot make {done}: {error}; may the service write there?") from error
        if not os.access(done, os.W_OK) or not os.access(self._folder, os.W_OK):
            raise LinkLost(f"{self.address}: may not move files to {done}; give the service's user the right to")


def _stamp(path: Path) -> Stamp | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns
    return None


def _move(path: Path, done: Path) -> None:
    """Never over another file."""
    target, count = done / path.name, 0
    while target.exists():
        count += 1
        target = done / f"{path.stem}-{count}{path.suffix}"
    with contextlib.suppress(OSError):  # it stays where it is, and is not read again
        path.rename(target)
