"""Photos beside the ledger: a file each, named by the SHA-256 of its bytes, and the table of what is known of it.

A file is there whole or not at all, whatever happens while it is written.  Its row is written after it, so a photo with
a row is on the disk; a file without one is of a moment that was cut off, and goes at the next start.
"""

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from edge.records import private
from protocol.city.photos import SHA256
from protocol.frozen import frozen

FOLDER = "photos"
SPARE_BYTES = 200 * 1024 * 1024  # of the disk, or a twentieth of a small one, are the ledger's: no photo takes them


class PhotoFiles:
    """The folder; any thread may read, one at a time may write."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def has(self, sha256: str) -> bool:
        return (self.folder / sha256).is_file()

    def keep(self, sha256: str, data: bytes) -> bool:
        """Write a file, on the disk when this returns; False when it was there already. Raises OSError."""
        if self.has(sha256):
            return False
        private.make_folder(self.folder)
        self._see_to_room(len(data))
        try:
            private.replace(self.folder / sha256, data)
        except OSError:
            with suppress(OSError):
                self._draft(sha256).unlink(missing_ok=True)
            raise
        _sync(self.folder)
        return True

    def drop(self, sha256: str) -> None:
        """Take a file away; one that is not there is away."""
        (self.folder / sha256).unlink(missing_ok=True)

    def read(self, sha256: str) -> bytes:
        """Raises OSError."""
        return (self.folder / sha256).read_bytes()

    def piece(self, sha256: str, offset: int, length: int) -> bytes:
        """Some bytes of a file; raises OSError."""
        with (self.folder / sha256).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def sweep(self, known: set[str]) -> int:
        """Take away what has no row and drafts; answers how many files that were. Raises OSError."""
        gone = 0
        if self.folder.is_dir():
            for file in list(self.folder.iterdir()):
                if file.name not in known and SHA256.fullmatch(file.name.removesuffix(".new")):
                    file.unlink()
                    gone += 1
        return gone

    def _see_to_room(self, length: int) -> None:
        disk = shutil.disk_usage(self.folder)
        if disk.free - length < min(SPARE_BYTES, disk.total // 20):
            raise OSError(28, "what is left of the disk is kept for records")

    def _draft(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.new"


def _sync(folder: Path) -> None:
    """The name of a new file, too, outlasts a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@frozen
class PhotoRow:
    """A photo that a record names: its size in bytes, and the first record."""

    sha256: str
    size: int
    seq: int


class PhotoTable:
    """All SQL on ``photos``; the core thread's."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def known(self, sha256: str) -> bool:
        return self._conn.execute("SELECT 1 FROM photos WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def all(self) -> set[str]:
        return {sha256 for (sha256,) in self._conn.execute("SELECT sha256 FROM photos")}

    def of_day(self, day: str) -> tuple[int, int]:
        """How many photos came on this day, and their bytes."""
        row = self._conn.execute("SELECT count(*), coalesce(sum(size), 0) FROM photos WHERE day = ?", (day,)).fetchone()
        return int(row[0]), int(row[1])

    def add(self, sha256: str, size: int, day: str, at: float) -> None:
        self._conn.execute(
            "INSERT INTO photos (sha256, size, day, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (sha256, size, day, at),
        )

    def refer(self, sha256: str, seq: int) -> None:
        """A record names it: the first one counts for sending it, the newest for how long it is kept."""
        self._conn.execute("UPDATE photos SET seq = coalesce(seq, ?1), last = ?1 WHERE sha256 = ?2", (seq, sha256))

    def date(self, now: float) -> None:
        """What came while the clock could not be believed came now."""
        self._conn.execute("UPDATE photos SET at = ? WHERE seq IS NULL AND at = 0", (now,))

    def loose(self, before: float) -> list[str]:
        """What no record names, of before this time."""
        rows = self._conn.execute("SELECT sha256 FROM photos WHERE seq IS NULL AND at > 0 AND at < ?", (before,))
        return [sha256 for (sha256,) in rows.fetchall()]

    def undated(self) -> bool:
        """Whether some came while the clock could not be believed."""
        return self._conn.execute("SELECT 1 FROM photos WHERE seq IS NULL AND at = 0").fetchone() is not None

    def forget(self, sha256: str) -> bool:
        """False for one that a record names by now."""
        return self._conn.execute("DELETE FROM photos WHERE sha256 = ? AND seq IS NULL", (sha256,)).rowcount > 0

    def unsent(self, upto: int, limit: int) -> list[PhotoRow]:
        """What the city has not got, of records up to this one, the oldest first."""
        rows = self._conn.execute(
            "SELECT sha256, size, seq FROM photos WHERE sent = 0 AND seq <= ? ORDER BY seq, sha256 LIMIT ?",
            (upto, limit),
        )
        return [PhotoRow(*row) for row in rows.fetchall()]

    def sent(self, sha256: str) -> None:
        self._conn.execute("UPDATE photos SET sent = 1 WHERE sha256 = ?", (sha256,))
