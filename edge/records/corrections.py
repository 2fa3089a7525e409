"""Which record voids, corrects or replaces which.

A record is never changed: the newer one points at the older by its id.  These rows are the way from a record to what
became of it.  Writers are in the core's transaction; readers may use a connection of their own.
"""

import sqlite3


class Corrections:
    """The table behind one connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        found = conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'corrections'").fetchone()
        self._there = found is not None  # a file of an older version has none of them

    def add(self, seq: int, by: int) -> None:
        """``by`` says what is wrong with record ``seq``, or what it is of; it goes before what was said before."""
        (job,) = self._conn.execute("SELECT coalesce(max(job), 0) FROM print_jobs").fetchone()
        self._conn.execute(
            "INSERT INTO corrections VALUES (?1, ?2, ?3) ON CONFLICT (seq) DO UPDATE SET by = ?2, job = ?3",
            (seq, by, job),
        )

    def of(self, seq: int) -> int | None:
        """The newest record about what is wrong with this one."""
        return self._first("SELECT by FROM corrections WHERE seq = ?", seq)

    def corrected_by(self, by: int) -> int | None:
        """The record that this one is about."""
        return self._first("SELECT seq FROM corrections WHERE by = ?", by)

    def between(self, first: int, last: int) -> dict[int, int]:
        """Of these records, those that something is wrong with, and what says so."""
        if not self._there:
            return {}
        rows = self._conn.execute("SELECT seq, by FROM corrections WHERE seq BETWEEN ? AND ?", (first, last))
        return dict(rows.fetchall())

    def of_print(self, seq: int, job: int) -> int | None:
        """What was known to be wrong with a record when this print of it was wanted."""
        return self._first("SELECT by FROM corrections WHERE seq = ? AND job < ?", seq, job)

    def _first(self, sql: str, *values: int) -> int | None:
        row = self._conn.execute(sql, values).fetchone() if self._there else None
        return int(row[0]) if row else None
