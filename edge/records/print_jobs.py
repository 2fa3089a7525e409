"""The ledger's table of print jobs: all that is asked of it and written to it.

The words of ``state`` and ``why`` are in ``print_states.py``.  A record's paper is wanted with the record, so jobs
stand in the order of their records and are found by halving, without an index that each would be written to; those that
came ``later`` have one.  Writers are in the core's transaction; readers may use a connection of their own.
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
            "INSERT INTO print_jobs (seq, paper, detail, printer, copy, state, why, later)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, paper, detail, printer, copy, state, why, seq < self._newest()),
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
        same = (row.copy for row in self._of(seq, seq) if (row.paper, row.detail) == (paper, detail))
        return max(same, default=0) + 1

    def wanted_before(self, seq: int, paper: str) -> bool:
        """Whether this paper of the record was ever to be printed."""
        return any(row.paper == paper for row in self._of(seq, seq))

    def of_record(self, seq: int) -> list[PrintRow]:
        """The papers of this record itself, the newest first."""
        return [row for row in self._of(seq, seq) if row.paper not in NOT_OF_SALES][::-1]

    def of_records(self, first: int, last: int) -> list[tuple[int, str]]:
        """Copy and state of the papers of these records."""
        return [(row.copy, row.state) for row in self._of(first, last) if row.paper not in NOT_OF_SALES]

    def forget(self, upto: int) -> None:
        """Take away the papers of the records up to this one."""
        self._conn.execute("DELETE FROM print_jobs WHERE job < ? AND later = 0", (self._first_of(upto + 1),))
        self._conn.execute("DELETE FROM print_jobs WHERE later = 1 AND seq <= ?", (upto,))

    def states(self) -> dict[str, int]:
        """How many jobs there are of each state."""
        return dict(self._conn.execute("SELECT state, count(*) FROM print_jobs GROUP BY state"))

    # --- by their records -------------------------------------------------------------------------------------------

    def _newest(self) -> int:
        """The newest record that has a paper; 0 when none has."""
        row = self._conn.execute(
            "SELECT seq FROM print_jobs WHERE job > 0 AND later = 0 ORDER BY job DESC LIMIT 1"
        ).fetchone()
        return int(row[0]) if row else 0

    def _of(self, first: int, last: int) -> list[PrintRow]:
        """The papers that name these records, in their order."""
        rows = self._conn.execute(
            f"SELECT {COLUMNS} FROM print_jobs WHERE job >= ? AND job < ? AND later = 0"
            f" UNION ALL SELECT {COLUMNS} FROM print_jobs WHERE later = 1 AND seq BETWEEN ? AND ? ORDER BY job",
            (self._first_of(first), self._first_of(last + 1), first, last),
        )
        return [PrintRow(*row) for row in rows]

    def _first_of(self, seq: int) -> int:
        """The job from which on papers are of this record or newer ones, but for those that came ``later``."""
        (end,) = self._conn.execute("SELECT coalesce(max(job), 0) + 1 FROM print_jobs").fetchone()
        begin = 0
        while begin < end:
            middle = (begin + end) // 2
            row = self._conn.execute(
                "SELECT job, seq FROM print_jobs WHERE job >= ? AND later = 0 ORDER BY job LIMIT 1", (middle,)
            ).fetchone()
            if row is None or row[1] >= seq:
                end = middle
            else:
                begin = row[0] + 1
        return begin
