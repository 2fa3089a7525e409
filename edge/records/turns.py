"""Whose turn it is at a printer: one sector beside the ledger, on the disk before a byte of the paper is sent.

Of papers that wait one at a time has its turn written down.  In the ledger that is a commit: a page of its log, for
which the system writes a block or two, and the same page once more at the checkpoint.  Here it is a sector, past the
system's cache, with what became of the papers before it and is not in the ledger yet::

    5d0dd6e4 {"number": 17, "became": [[181, 198, "printed", "gs_r"], [199, 199, "waiting", "unproven"]]}

First the CRC-32 of the rest of the line; then which write it is, and spans of jobs with their state and why.  Two
places take turns.  A write that was cut off leaves the one before, which is what was true then: no byte had been sent.

What stands here may be older than the ledger, and still says nothing wrong of a job that the ledger has as undone: at
worst that one may have begun which was held before its first byte.  A start takes it into the ledger and empties it.
"""

import errno
import json
import logging
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from edge.between.print_states import PrintState, PrintWhy
from edge.records import private

FILE = "turns.bin"
SECTORS = (512, 4096)  # what a disk may want to be written past the cache
APART = SECTORS[-1]
BOTH = 2 * APART
MAYBE = PrintState.WAITING, PrintWhy.UNPROVEN  # it has its turn: nobody knows how much of it came out
Became = Mapping[int, tuple[PrintState, PrintWhy]]
log = logging.getLogger("papers")


class Turns:
    """The file in a ledger's folder, opened with the first turn. One thread uses it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._number = 0  # of the newest write
        self._file: int | None = None
        self._sectors = list(SECTORS)  # the first one is used; none is left where the disk knows no way past its cache
        self._memory = mmap.mmap(-1, SECTORS[-1])  # such a write begins at a page of memory

    def read(self) -> dict[int, tuple[PrintState, PrintWhy]]:
        """What the last run wrote; nothing where it wrote nothing."""
        self._number, spans = self._newest()
        return {job: _known(state, why) for first, last, state, why in spans for job in range(first, last + 1)}

    def takes(self, became: Became) -> bool:
        """Whether this can be written here, as far as is known before."""
        return bool(self._sectors) and len(_line(self._number + 1, became)) <= self._sectors[0]

    def write(self, became: Became) -> bool:
        """Put this in the place of what was here; False where it is not on the disk."""
        try:
            if self._file is None:
                self._file = self._opened()
            while self.takes(became):
                if self._written(self._file, _line(self._number + 1, became)):
                    self._number += 1
                    return True
        except OSError as error:
            log.warning("%s cannot be written: %s; turns of papers go to the ledger", self._path, error.strerror)
            self._sectors.clear()
        return False

    def forget(self) -> None:
        """The ledger has all of it."""
        if self._path.is_file() and not self.write({}):
            with suppress(OSError):
                self._path.unlink()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        """Made of bytes that are written already: a place that changes where it lies would cost more than itself."""
        if not self._path.is_file() or self._path.stat().st_size != BOTH:
            private.replace(self._path, bytes(BOTH))
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._number, _ = self._newest()
        return os.open(self._path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)

    def _written(self, file: int, line: bytes) -> bool:
        """Whether the disk takes sectors of this size."""
        size = self._sectors[0]
        self._memory[:size] = line.ljust(size, b"\n")
        try:
            with memoryview(self._memory) as page:
                if os.pwrite(file, page[:size], (self._number + 1) % 2 * APART) != size:
                    raise OSError(errno.EIO, "cut short")
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            del self._sectors[0]
            return False
        return True

    def _newest(self) -> tuple[int, list[tuple[int, int, str, str]]]:
        """The newer of both places that are whole: its number and its spans."""
        data = self._path.read_bytes() if self._path.is_file() else b""
        return max(_whole(data), key=lambda place: place[0], default=(0, []))


def _line(number: int, became: Became) -> bytes:
    said = json.dumps({"number": number, "became": list(_spans(became))}).encode()
    return b"%08x %b\n" % (zlib.crc32(said), said)


def _spans(became: Became) -> Iterator[tuple[int, int, PrintState, PrintWhy]]:
    """Jobs that follow each other and became the same are one."""
    first = last = 0
    for job, what in sorted(became.items()):
        if last and (job != last + 1 or what != became[last]):
            yield first, last, *became[last]
            last = 0
        first, last = first if last else job, job
    if last:
        yield first, last, *became[last]


def _whole(data: bytes) -> Iterator[tuple[int, list[tuple[int, int, str, str]]]]:
    """What stands at the places that are not cut off."""
    for place in (0, APART):
        with suppress(ValueError):
            crc, said = data[place : place + SECTORS[-1]].split(b"\n", 1)[0].split(b" ", 1)
            if int(crc, 16) == zlib.crc32(said):
                event = json.loads(said)
                yield event["number"], event["became"]


def _known(state: str, why: str) -> tuple[PrintState, PrintWhy]:
    """A word that this release does not have says as much as a turn."""
    try:
        return PrintState(state), PrintWhy(why)
    except ValueError:
        return MAYBE
