"""A mark beside the station's key of how far its ledger was: an empty, older or foreign ledger is known at the start.

The ledger may be lost alone: a card that is not mounted, a new card, an old copy put back.  Then numbers would be given
twice.  The mark is written at the start, at the stop and every ``EVERY`` records: no sale waits for a second fsync of
its own.  What it can miss is the last records before a power cut, fewer than ``EVERY``: an older ledger that lacks only
those is not known by it.

A line in each of two places, which take turns, so that the file never changes where it lies: that costs a card several
blocks more, and one write is enough here.  A write that was cut off leaves the line before::

    7b29ae4d {"records": 6400, "hash": "3d3ceadf…", "serials": {"2": 6400}}

First the CRC-32 of the rest of the line.  Older programs wrote that rest alone, into a new file each time.
"""

import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path

from edge.records import private
from protocol.frozen import frozen

EVERY = 64
APART = 4096  # bytes from one place to the other: no block holds both
LINE = 512
SPARE = 1000  # serials and numbers left out where some may have been given: more than the mark can have missed
log = logging.getLogger("ledger")


@frozen
class Mark:
    """How many records there were, the hash of the last one, and the last serial of each code kind."""

    records: int = 0
    hash: str = ""
    serials: Mapping[int, int] = field(default_factory=dict)

    def beyond(self) -> "Mark":
        """For a ledger that begins anew: no record, and serials that were certainly never given."""
        return Mark(serials={kind: serial + SPARE for kind, serial in self.serials.items()})


def beside(key: Path) -> Path:
    """Where the mark of this key's station is."""
    return key.with_suffix(".mark")


def read(path: Path) -> Mark | None:
    """The mark; None when there is none, or none that can be read."""
    try:
        data = path.read_bytes()
        if data.startswith(b"{"):
            return _decode(data)
        return max(_whole(data), key=lambda mark: mark.records)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        log.warning("%s cannot be read (%s): the ledger's age was not compared", path, error)
        return None


def write(path: Path, mark: Mark) -> None:
    """A new file, whatever there was. Raises OSError."""
    private.replace(path, _line(mark).ljust(2 * APART, b"\n"))


class Marking:
    """The mark of a ledger that is open: what is written first is a new file, and then it only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._newest: int | None = None  # the place of the newest line

    def write(self, mark: Mark) -> None:
        """Raises OSError."""
        line = _line(mark)
        if self._newest is None or len(line) > LINE or not self._in_place(line, APART - self._newest):
            write(self.path, mark)
            self._newest = 0

    def _in_place(self, line: bytes, place: int) -> bool:
        """False where the file is not as it was made."""
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_DSYNC)
        except FileNotFoundError:
            return False
        try:
            if os.fstat(file).st_size != 2 * APART:
                return False
            if os.pwrite(file, line.ljust(LINE, b"\n"), place) != LINE:
                return False
        finally:
            os.close(file)
        self._newest = place
        return True


def _line(mark: Mark) -> bytes:
    said = encode(mark)
    return b"%08x %b" % (zlib.crc32(said), said)


def _whole(data: bytes) -> Iterator[Mark]:
    """What stands at the places that are not cut off."""
    for place in (0, APART):
        line = data[place : place + APART].partition(b"\n")[0]
        crc, _, said = line.partition(b" ")
        if crc == b"%08x" % zlib.crc32(said + b"\n"):
            yield _decode(said)


def _decode(said: bytes) -> Mark:
    found = json.loads(said)
    serials = {int(kind): int(serial) for kind, serial in found["serials"].items()}
    return Mark(int(found["records"]), str(found["hash"]), serials)


def encode(mark: Mark) -> bytes:
    """As older programs have it in its file, and backups have it."""
    serials = {str(kind): serial for kind, serial in sorted(mark.serials.items())}
    return (json.dumps({"records": mark.records, "hash": mark.hash, "serials": serials}) + "\n").encode()
