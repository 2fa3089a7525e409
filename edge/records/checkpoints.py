"""Where a ledger begins: the oldest record that is left, and the checkpoint by which older ones may be missing.

``retention.py`` writes them, ``verify.py`` believes no row without the record that the key has signed.
"""

import sqlite3

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


def gone_upto(conn: sqlite3.Connection) -> int:
    """The records up to this one were kept their time and are gone; 0 when none are."""
    if (oldest := first_of(conn)) <= 1 or (point := checkpoint_of(conn)) is None:
        return 0
    return min(oldest - 1, point.upto)
