"""The ledger's table of print jobs: all that is asked of it and written to it.

The words of ``state`` and ``why`` are in ``print_states.py``.  Writers are in the core's transaction; readers may use a
connection of their own.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from edge.between.print_states import PrintState, PrintWhy

NOT_OF_SALES = ("day", "test")


class PrintRow(NamedTuple):
    """A print job as it is on the disk; ``seq`` is the record it is of, ``detail`` the date of a day's summary."""

    job: int
    seq: int
    paper: str
    detail: str
    printer: str
    copy: int
    state: str
    why: str


COLUMNS = ", ".join(PrintRow._fields)


class PrintJobs:
    """The table behind one connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def add(self, seq: int, paper: str, detail: str, printer: str, copy: int, state: PrintState, why: PrintWhy) -> int:
        """A new job; answers its number."""
        cursor = self._conn.execute(
            "INSERT INTO print_jobs (seq, paper, detail, printer, copy, state, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seq, paper, detail, printer, copy, state, why),
        )
        return int(cursor.lastrowid or 0)

    def mark(self, rows: Iterable[tuple[int, PrintState, PrintWhy]]) -> None:
        """What has become of jobs: number, state, why."""
        self._conn.executemany(
            "UPDATE print_jobs SET state = ?, why = ? WHERE job = ?", [(state, why, job) for job, state, why in rows]
        )

    def number(self, job: int, copy: int) -> None:
        """This job is printed as that copy."""
        self._conn.execute("UPDATE print_jobs SET copy = ? WHERE job = ?", (copy, job))

    def row(self, job: int) -> PrintRow | None:
        """The job, if there is one."""
        row = self._conn.execute(f"SELECT {COLUMNS} FROM print_jobs WHERE job = ?", (job,)).fetchone()
        return None if row is None else PrintRow(*row)

    def newest(self, count: int) -> list[PrintRow]:
        """The last jobs, newest first."""
        rows = self._conn.execute(f"SELECT {COLUMNS} FROM print_jobs ORDER BY job DESC LIMIT ?", (count,))
        return [PrintRow(*row) for row in rows]

    def next_copy(self, seq: int, paper: str, detail: str) -> int:
        """The number of the next copy of this paper; 1 is the first reprint."""
        row = self._conn.execute(
            "SELECT max(copy) FROM print_jobs WHERE seq = ? AND paper = ? AND detail = ?", (seq, paper, detail)
        ).fetchone()
        return int(row[0] or 0) + 1

    def wanted_before(self, seq: int, paper: str) -> bool:
        """Whether this paper of the record was ever to be printed."""
        found = self._conn.execute("SELECT 1 FROM print_jobs WHERE seq = ? AND paper = ? LIMIT 1", (seq, paper))
        return found.fetchone() is not None

    def of_record(self, seq: int) -> list[PrintRow]:
        """The papers of this record itself, the newest first."""
        rows = self._conn.execute(
            f"SELECT {COLUMNS} FROM print_jobs WHERE seq = ? AND paper NOT IN (?, ?) ORDER BY job DESC",
            (seq, *NOT_OF_SALES),
        )
        return [PrintRow(*row) for row in rows]

    def of_records(self, first: int, last: int) -> list[tuple[int, str]]:
        """Copy and state of the papers of these records."""
        return self._conn.execute(
            "SELECT copy, state FROM print_jobs WHERE seq BETWEEN ? AND ? AND paper NOT IN (?, ?)",
            (first, last, *NOT_OF_SALES),
        ).fetchall()

    def states(self) -> dict[str, int]:
        """How many jobs there are of each state."""
        return dict(self._conn.execute("SELECT state, count(*) FROM print_jobs GROUP BY state"))
