"""Where a ledger begins: the oldest record that is left, and the checkpoint by which older ones may be missing.

``retention.py`` writes them, ``verify.py`` believes no row without the record that the key has signed.
"""

import json
import sqlite3
from datetime import date

from edge.between.words import text
from edge.records.packing import unpack
from protocol.frozen import frozen


@frozen
class Checkpoint:
    """Records up to ``upto``, the last of which had this ``hash``, may be missing; record ``seq`` says so."""

    seq: int
    upto: int
    hash: str


def first_of(conn: sqlite3.Connection) -> int:
    """The number of the oldest record that is left; 0 when there is none."""
    return int(conn.execute("SELECT min(seq) FROM events").fetchone()[0] or 0)


def checkpoint_of(conn: sqlite3.Connection) -> Checkpoint | None:
    """The newest one; None when nothing ever went. Files of older versions have none."""
    if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
        return None
    row = conn.execute("SELECT seq, upto, hash FROM checkpoints ORDER BY seq DESC LIMIT 1").fetchone()
    return Checkpoint(*row) if row else None


@frozen
class Removed:
    """Records up to ``upto`` were kept ``months`` months and left the ledger. Of ``day``, which is that of the oldest
    record left, and of the days before it, some or all are missing."""

    upto: int
    day: str
    months: int

    def touches(self, first: date | None) -> bool:
        """Whether something is missing of the days from this one on; None is the first there ever was."""
        return first is None or first.isoformat() <= self.day

    @property
    def zh(self) -> str:
        return text("removed", "records").zh.format(upto=self.upto, day=self.day, months=self.months)

    @property
    def en(self) -> str:
        return text("removed", "records").en.format(upto=self.upto, day=self.day, months=self.months)


def removed_of(conn: sqlite3.Connection) -> Removed | None:
    """What left the ledger; None when all of it is here. Raises KeyError and ValueError for a damaged record."""
    if not (upto := gone_upto(conn)):
        return None
    point = checkpoint_of(conn)
    (stored,) = conn.execute("SELECT body FROM events WHERE seq = ?", (point.seq if point else 0,)).fetchone()
    (oldest,) = conn.execute("SELECT body FROM events WHERE seq > ? ORDER BY seq LIMIT 1", (upto,)).fetchone()
    months = int(json.loads(unpack(stored))["data"]["months"])
    return Removed(upto, str(json.loads(unpack(oldest))["time"])[:10], months)


def gone_upto(conn: sqlite3.Connection) -> int:
    """The records up to this one were kept their time and are gone; 0 when none are."""
    if (oldest := first_of(conn)) <= 1 or (point := checkpoint_of(conn)) is None:
        return 0
    return min(oldest - 1, point.upto)
